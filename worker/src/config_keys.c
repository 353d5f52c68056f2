/* The table of every configuration key that this worker honours. */
#include "config.h"
#include "database.h"
#include "net.h"
#include "probe_preset.h"
#include "remote_format.h"
#include "sink_format.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
check_file(const char *value)
{
	return access(value, R_OK) == 0 ? NULL : strerror(errno);
}

static const char *
check_api_base(const char *value)
{
	const char *host;
	char		name[256];
	size_t		length;

	if (strncmp(value, "https://", 8) == 0 && value[8] != '\0')
		return NULL;
	if (strncmp(value, "http://", 7) != 0)
		return "not an http:// or https:// address";
	host = value + 7;
	length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	if (length >= sizeof(name))
		return "host name too long";
	memcpy(name, host, length);
	name[length] = '\0';
	return net_is_loopback_name(name) ? NULL : "http:// would send the token in the clear; it is accepted for loopback only";
}

static const char *
check_chat_id(const char *value)
{
	const char *digits = value[0] == '-' ? value + 1 : value;

	if (value[0] == '@' && value[1] != '\0')
		return NULL;
	if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 18)
		return "not a chat id (a number, negative for groups, or @channel)";
	return NULL;
}

static const char *
check_origin(const char *value)
{
	if (strcmp(value, "null") == 0)
		return NULL;
	if (strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0)
		return "not an origin (https://host or https://host:port)";
	return strchr(strstr(value, "://") + 3, '/') == NULL ? NULL : "an origin ends after host and port, without a path";
}

static const char *
check_address(const char *value)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, value, bytes) == 1 || inet_pton(AF_INET6, value, bytes) == 1 ? NULL : "not an IP address";
}

static const char *
check_timezone(const char *value)
{
	for (const char *c = value; *c != '\0'; c++)
	{
		if (!isalnum((unsigned char) *c) && strchr("/_+-", *c) == NULL)
			return "not an IANA time zone name such as Europe/Berlin";
	}
	return *value != '\0' ? NULL : "empty";
}

static const char *
check_user_id(const char *value)
{
	return *value != '\0' && strspn(value, "0123456789") == strlen(value) && strlen(value) <= 18 ? NULL
		: "not the id of a user (a number; the bot's log shows the ids of those who write to it)";
}

static const char *
check_topic(const char *value)
{
	const char *thread = strchr(value, ':');

	return thread != NULL && thread > value && thread[1] != '\0' && strspn(thread + 1, "0123456789") == strlen(thread + 1) &&
		strlen(thread + 1) <= 18 ? NULL : "not NAME:thread, such as CRITICAL:12";
}

static bool
is_clock(const char *value)
{
	return strlen(value) >= 5 && isdigit((unsigned char) value[0]) && isdigit((unsigned char) value[1]) && value[2] == ':' &&
		isdigit((unsigned char) value[3]) && isdigit((unsigned char) value[4]) && atoi(value) < 24 && atoi(value + 3) < 60;
}

static const char *
check_quiet_hours(const char *value)
{
	return strlen(value) == 11 && value[5] == '-' && is_clock(value) && is_clock(value + 6) ? NULL
		: "not two times of day such as 22:00-07:00";
}

static const char *
check_directory(const char *value)
{
	if (value[0] != '/')
		return "not an absolute path";
	if (strlen(value) > 400)
		return "longer than 400 characters";
	return access(value, W_OK | X_OK) == 0 ? NULL : "no directory that this user can write to";
}

static const char *
check_log_kind(const char *value)
{
	static const char *const kinds[] = {"performance", "trades", "health", "alerts", "notifications", "worker"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		if (strcmp(kinds[i], value) == 0)
			return NULL;
	}
	return "not one of performance, trades, health, alerts, notifications and worker";
}

static const char *
check_remote_format(const char *value)
{
	return strcmp(value, "ndjson") == 0 || strcmp(value, "loki") == 0 || strcmp(value, "elasticsearch") == 0 ? NULL
		: "not one of ndjson, loki and elasticsearch";
}

static const char *
check_sink_kind(const char *value)
{
	static const char *const kinds[] = {"webhook", "slack", "discord", "ntfy", "alertmanager"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		if (strcmp(kinds[i], value) == 0)
			return NULL;
	}
	return "not one of webhook, slack, discord, ntfy and alertmanager";
}

static const char *
check_priority(const char *value)
{
	return strcmp(value, "LOW") == 0 || strcmp(value, "MEDIUM") == 0 || strcmp(value, "HIGH") == 0 || strcmp(value, "CRITICAL") == 0
		? NULL : "not one of LOW, MEDIUM, HIGH and CRITICAL";
}

static const char *
check_is_place(const char *value)
{
	return strstr(value, "${") != NULL ? NULL : "a secret does not stand in this file; name its place: ${VARIABLE} or ${/path/of/file}";
}

static const char *
check_label(const char *value)
{
	size_t		name = strcspn(value, "=");

	return value[name] == '=' && name > 0 && !isdigit((unsigned char) value[0]) &&
		strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == name ? NULL : "not name=value";
}

static const char *
check_index(const char *value)
{
	return strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == strlen(value) && strlen(value) < 100 ? NULL
		: "not an index name of small letters, digits, _ - and .";
}

static const char *
check_time_unit(const char *value)
{
	static const char *const units[] = {"s", "ms", "us", "ns", "iso"};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		if (strcmp(units[i], value) == 0)
			return NULL;
	}
	return "not one of s, ms, us, ns and iso";
}

const struct config_key config_keys[] = {
	{"database", "dsn", CONFIG_STRING, offsetof(struct config, dsn), 0, 0, NULL,
		"libpq connection string of the database that has the extension; required", database_check_dsn},
	{"database", "listen_dsn", CONFIG_STRING, offsetof(struct config, listen_dsn), 0, 0, NULL,
		"connection string for LISTEN and for leadership, where dsn goes through a pooler", database_check_dsn},
	{"database", "read_dsn", CONFIG_STRING, offsetof(struct config, read_dsn), 0, 0, NULL,
		"connection string of a read replica, which then answers the page's and the interface's questions", database_check_dsn},
	{"database", "poll_interval", CONFIG_INTEGER, offsetof(struct config, poll_interval), 5, 30, "10",
		"seconds between polls that catch what a lost notification missed", NULL},
	{"websocket", "host", CONFIG_STRING, offsetof(struct config, host), 0, 0, "127.0.0.1",
		"address to listen on; one that is not loopback needs tls_cert, tls_key and [auth] enabled", NULL},
	{"websocket", "port", CONFIG_INTEGER, offsetof(struct config, port), 0, 65535, "8765",
		"port for WebSocket, HTTP and the dashboard; 0 takes any free one and logs it", NULL},
	{"websocket", "allowed_origins", CONFIG_LIST, offsetof(struct config, allowed_origins), 0, 0, "",
		"further origins whose pages may connect, separated by commas", check_origin},
	{"websocket", "allowed_hosts", CONFIG_LIST, offsetof(struct config, allowed_hosts), 0, 0, "",
		"further names in the Host header, for example the reverse proxy's", NULL},
	{"websocket", "max_clients", CONFIG_INTEGER, offsetof(struct config, max_clients), 1, 100000, "1000",
		"most connections at a time", NULL},
	{"websocket", "max_queue", CONFIG_INTEGER, offsetof(struct config, max_queue), 65536, 1073741824, "1048576",
		"bytes that may wait for one slow client before it is closed with 4008", NULL},
	{"websocket", "max_message", CONFIG_INTEGER, offsetof(struct config, max_message), 1024, 1048576, "65536",
		"largest message in bytes that a client may send; more is closed with 1009", NULL},
	{"websocket", "message_rate", CONFIG_INTEGER, offsetof(struct config, message_rate), 1, 100000, "50",
		"messages a second that one client may send, with a burst of twice that", NULL},
	{"websocket", "max_clients_per_address", CONFIG_INTEGER, offsetof(struct config, max_clients_per_address), 1, 100000, "100",
		"most connections at a time from one address; loopback is not limited", NULL},
	{"websocket", "request_rate", CONFIG_INTEGER, offsetof(struct config, request_rate), 1, 1000000, "50",
		"HTTP requests and handshakes a second from one address, with a burst of twice that; loopback is not limited", NULL},
	{"websocket", "trusted_proxies", CONFIG_LIST, offsetof(struct config, trusted_proxies), 0, 0, "",
		"addresses of reverse proxies whose X-Forwarded-For names the client", check_address},
	{"websocket", "tls_cert", CONFIG_STRING, offsetof(struct config, tls_cert), 0, 0, NULL,
		"file with the certificate and its chain (PEM); with tls_key the port speaks TLS 1.2 and newer only", check_file},
	{"websocket", "tls_key", CONFIG_STRING, offsetof(struct config, tls_key), 0, 0, NULL,
		"file with the private key (PEM); both files are read again when they change", check_file},
	{"websocket", "compression", CONFIG_BOOLEAN, offsetof(struct config, compression), 0, 0, "true",
		"offer permessage-deflate to WebSocket clients and gzip to HTTP clients", NULL},
	{"auth", "enabled", CONFIG_BOOLEAN, offsetof(struct config, auth_enabled), 0, 0, "false",
		"clients must show a token of pulse-worker token create", NULL},
	{"auth", "session_hours", CONFIG_INTEGER, offsetof(struct config, session_hours), 1, 8760, "12",
		"hours after which a browser has to log in again", NULL},
	{"telegram", "enabled", CONFIG_BOOLEAN, offsetof(struct config, telegram_enabled), 0, 0, "false",
		"send the outbox to Telegram; while it is off, messages that have waited for a minute are marked as suppressed, unless some were sent within the last day, and other sinks have them all the same", NULL},
	{"telegram", "chat_id", CONFIG_STRING, offsetof(struct config, chat_id), 0, 0, NULL,
		"chat that gets the messages; TELEGRAM_CHAT_ID in the environment serves as well", check_chat_id},
	{"telegram", "api_base", CONFIG_STRING, offsetof(struct config, api_base), 0, 0, "https://api.telegram.org",
		"address of the Bot API, for a server of your own", check_api_base},
	{"telegram", "ca_file", CONFIG_STRING, offsetof(struct config, telegram_ca_file), 0, 0, NULL,
		"authorities in PEM to trust instead of the system's, for that server", check_file},
	{"telegram", "timeout", CONFIG_INTEGER, offsetof(struct config, telegram_timeout), 100, 25000, "20000",
		"milliseconds until a request is given up", NULL},
	{"telegram", "token_file", CONFIG_STRING, offsetof(struct config, token_file), 0, 0, NULL,
		"file with the bot token; else TELEGRAM_BOT_TOKEN or the systemd credential telegram_bot_token", NULL},
	{"telegram", "max_attempts", CONFIG_INTEGER, offsetof(struct config, max_attempts), 1, 1000, "20",
		"failed attempts after which a message is given up", NULL},
	{"telegram", "escalation_chat_id", CONFIG_STRING, offsetof(struct config, escalation_chat_id), 0, 0, NULL,
		"chat that gets CRITICAL alerts which nobody acknowledges", check_chat_id},
	{"telegram", "quiet_hours", CONFIG_STRING, offsetof(struct config, quiet_hours), 0, 0, NULL,
		"for example 22:00-07:00 in the zone of the reports: only CRITICAL is sent then, the rest afterwards", check_quiet_hours},
	{"telegram", "collapse_after", CONFIG_INTEGER, offsetof(struct config, collapse_after), 0, 1000, "5",
		"from so many waiting messages of a kind on, one message tells of all of them; 0 never", NULL},
	{"telegram", "topics", CONFIG_LIST, offsetof(struct config, topics), 0, 0, "",
		"threads of a forum, NAME:thread separated by commas; NAME is a type of notification or a priority", check_topic},
	{"telegram", "commands", CONFIG_BOOLEAN, offsetof(struct config, commands), 0, 0, "true",
		"answer commands and buttons of the people below", NULL},
	{"telegram", "admins", CONFIG_LIST, offsetof(struct config, admins), 0, 0, "",
		"user ids that may ask, acknowledge, silence and mute, separated by commas", check_user_id},
	{"telegram", "readers", CONFIG_LIST, offsetof(struct config, readers), 0, 0, "",
		"user ids that may only ask", check_user_id},
	{"reports", "timezone", CONFIG_STRING, offsetof(struct config, timezone), 0, 0, "UTC",
		"IANA zone of the times in messages", check_timezone},
	{"resources", "enabled", CONFIG_BOOLEAN, offsetof(struct config, resources_enabled), 0, 0, "true",
		"watch this machine and report it to pulse_health()", NULL},
	{"resources", "component", CONFIG_STRING, offsetof(struct config, resources_component), 0, 0, "system",
		"name of the component; tell several machines apart by it", NULL},
	{"resources", "interval", CONFIG_INTEGER, offsetof(struct config, resources_interval), 1, 3600, "30",
		"seconds between two looks, and the time over which CPU is averaged", NULL},
	{"resources", "cpu_warning", CONFIG_FRACTION, offsetof(struct config, cpu_warning), 0, 0, "0.75",
		"used fraction of the CPU from which on the machine is in WARNING", NULL},
	{"resources", "cpu_critical", CONFIG_FRACTION, offsetof(struct config, cpu_critical), 0, 0, "0.9",
		"the same for CRITICAL", NULL},
	{"resources", "memory_warning", CONFIG_FRACTION, offsetof(struct config, memory_warning), 0, 0, "0.8",
		"used fraction of the memory, of the control group's where it has a limit", NULL},
	{"resources", "memory_critical", CONFIG_FRACTION, offsetof(struct config, memory_critical), 0, 0, "0.9",
		"the same for CRITICAL", NULL},
	{"resources", "disk_warning", CONFIG_FRACTION, offsetof(struct config, disk_warning), 0, 0, "0.85",
		"used fraction of any disk, of its inodes, and of open files", NULL},
	{"resources", "disk_critical", CONFIG_FRACTION, offsetof(struct config, disk_critical), 0, 0, "0.95",
		"the same for CRITICAL", NULL},
	{"resources", "disks", CONFIG_LIST, offsetof(struct config, disks), 0, 0, "",
		"mount points to watch, separated by commas; without it all local disks", NULL},
	{"resources", "proc", CONFIG_STRING, offsetof(struct config, proc_directory), 0, 0, "/proc",
		"where the machine's /proc is, for a worker in a container", NULL},
	{"resources", "sys", CONFIG_STRING, offsetof(struct config, sys_directory), 0, 0, "/sys",
		"where the machine's /sys is", NULL},
	{"logs", "directory", CONFIG_STRING, offsetof(struct config, logs_directory), 0, 0, NULL,
		"where the JSON Lines files go; without it there are none", check_directory},
	{"logs", "retention_days", CONFIG_INTEGER, offsetof(struct config, logs_retention_days), 1, 36500, "30",
		"days after which a file is deleted", NULL},
	{"logs", "compress", CONFIG_BOOLEAN, offsetof(struct config, logs_compress), 0, 0, "true",
		"compress the files of days that are over", NULL},
	{"logs", "performance_interval", CONFIG_INTEGER, offsetof(struct config, logs_performance_interval), 0, 86400, "60",
		"seconds between two performance lines of a portfolio; 0 keeps every one", NULL},
	{"logs", "spool", CONFIG_STRING, offsetof(struct config, logs_spool), 0, 0, NULL,
		"where lines for remote endpoints wait; without it, in the directory", check_directory},
#define SINK(field) offsetof(struct config_sink, field)
	{"sink.*", "kind", CONFIG_STRING, SINK(kind), 0, 0, NULL, "webhook, slack, discord, ntfy or alertmanager", check_sink_kind},
	{"sink.*", "url", CONFIG_SECRET, SINK(url), 0, 0, NULL,
		"address that messages are posted to; ${VARIABLE} and ${/file} stand for secrets", NULL},
	{"sink.*", "secret", CONFIG_SECRET, SINK(secret), 0, 0, NULL,
		"key of the signature in X-Pulse-Signature, HMAC-SHA256 over \"timestamp.body\"; not in plain", check_is_place},
	{"sink.*", "headers", CONFIG_SECRET, SINK(headers), 0, 0, NULL, "\"Name: value\", several separated by |", NULL},
	{"sink.*", "min_priority", CONFIG_STRING, SINK(min_priority), 0, 0, "LOW", "LOW, MEDIUM, HIGH or CRITICAL: what is below is not sent there",
	check_priority},
	{"sink.*", "timeout", CONFIG_INTEGER, SINK(timeout), 100, 60000, "10000", "milliseconds until a request is given up", NULL},
	{"sink.*", "ca_file", CONFIG_STRING, SINK(ca_file), 0, 0, NULL, "authorities in PEM to trust instead of the system's", NULL},
#define REMOTE(field) offsetof(struct config_remote, field)
	{"remote.*", "url", CONFIG_SECRET, REMOTE(url), 0, 0, NULL, "address that lines are posted to", NULL},
	{"remote.*", "format", CONFIG_STRING, REMOTE(format), 0, 0, "ndjson", "ndjson, loki or elasticsearch (bulk)", check_remote_format},
	{"remote.*", "headers", CONFIG_SECRET, REMOTE(headers), 0, 0, NULL,
		"\"Name: value\", several separated by |; ${VARIABLE} and ${/file} stand for secrets", NULL},
	{"remote.*", "kinds", CONFIG_LIST, REMOTE(kinds), 0, 0, "", "kinds of lines, separated by commas; without it all", check_log_kind},
	{"remote.*", "labels", CONFIG_LIST, REMOTE(labels), 0, 0, "", "further labels for Loki, name=value separated by commas", check_label},
	{"remote.*", "index", CONFIG_STRING, REMOTE(index), 0, 0, "pulse", "for elasticsearch: the index is this, a dash and the kind", check_index},
	{"remote.*", "gzip", CONFIG_BOOLEAN, REMOTE(gzip), 0, 0, "true", "compress what is sent", NULL},
	{"remote.*", "batch_bytes", CONFIG_INTEGER, REMOTE(batch_bytes), 1024, 4194304, "262144", "most bytes of lines in one request", NULL},
	{"remote.*", "flush_seconds", CONFIG_INTEGER, REMOTE(flush_seconds), 1, 3600, "5", "seconds that a line may wait for others", NULL},
	{"remote.*", "spool_megabytes", CONFIG_INTEGER, REMOTE(spool_megabytes), 1, 100000, "64",
		"how much may wait on disk; more than that, and the oldest lines go", NULL},
	{"remote.*", "timeout", CONFIG_INTEGER, REMOTE(timeout), 100, 120000, "10000", "milliseconds until a request is given up", NULL},
	{"remote.*", "ca_file", CONFIG_STRING, REMOTE(ca_file), 0, 0, NULL, "authorities in PEM to trust instead of the system's", NULL},
#define PROBE(field) offsetof(struct config_probe, field)
	{"probe.*", "preset", CONFIG_STRING, PROBE(preset), 0, 0, NULL,
		"binance, alpaca, alpaca-account, kraken, kraken-time, bybit, okx, okx-status or coinbase; without it NAME, where that is one",
	NULL},
	{"probe.*", "base_url", CONFIG_STRING, PROBE(base_url), 0, 0, NULL, "address without the path, for any server", NULL},
	{"probe.*", "path", CONFIG_STRING, PROBE(path), 0, 0, NULL, "path and query", NULL},
	{"probe.*", "headers", CONFIG_SECRET, PROBE(headers), 0, 0, NULL,
		"\"Name: value\", several separated by |; ${VARIABLE} and ${/file} stand for secrets", NULL},
	{"probe.*", "ok", CONFIG_STRING, PROBE(ok), 0, 0, NULL,
		"what a good answer has: \"/json/pointer=value|value\", several separated by commas", NULL},
	{"probe.*", "degraded", CONFIG_STRING, PROBE(degraded), 0, 0, NULL, "what an answer has that works in part only", NULL},
	{"probe.*", "time_pointer", CONFIG_STRING, PROBE(time_pointer), 0, 0, NULL, "JSON pointer of the server's time", NULL},
	{"probe.*", "time_unit", CONFIG_STRING, PROBE(time_unit), 0, 0, NULL, "s, ms, us, ns or iso", check_time_unit},
	{"probe.*", "used_header", CONFIG_STRING, PROBE(used_header), 0, 0, NULL, "header that tells how much of the rate limit is used", NULL},
	{"probe.*", "remaining_header", CONFIG_STRING, PROBE(remaining_header), 0, 0, NULL, "header that tells how much is left", NULL},
	{"probe.*", "limit_header", CONFIG_STRING, PROBE(limit_header), 0, 0, NULL, "header that tells the rate limit", NULL},
	{"probe.*", "limit", CONFIG_INTEGER, PROBE(limit), 1, 1000000000, NULL, "the rate limit where nothing tells it", NULL},
	{"probe.*", "interval", CONFIG_INTEGER, PROBE(interval), 1, 86400, "30", "seconds between two probes, give or take a tenth", NULL},
	{"probe.*", "timeout", CONFIG_INTEGER, PROBE(timeout), 100, 120000, "10000", "milliseconds until it is given up", NULL},
	{"probe.*", "latency_warning", CONFIG_INTEGER, PROBE(latency_warning), 1, 120000, "2000", "milliseconds from which on it is slow", NULL},
	{"probe.*", "latency_critical", CONFIG_INTEGER, PROBE(latency_critical), 1, 120000, "5000", "the same for CRITICAL", NULL},
	{"probe.*", "skew_limit", CONFIG_INTEGER, PROBE(skew_limit), 1, 86400000, "1000",
		"milliseconds that the clocks may differ, the round trip not counted", NULL},
	{"probe.*", "failures", CONFIG_INTEGER, PROBE(failures), 1, 16, "3", "bad probes in a row that change the state", NULL},
	{"probe.*", "successes", CONFIG_INTEGER, PROBE(successes), 1, 16, "2", "good probes in a row that change it back", NULL},
	{"probe.*", "cold_every", CONFIG_INTEGER, PROBE(cold_every), 1, 1000, "10",
		"each so-many-th probe opens a new connection and sees DNS, TLS and the certificate", NULL},
	{"probe.*", "certificate_days", CONFIG_INTEGER, PROBE(certificate_days), 1, 1000, "14",
		"days before the server's certificate expires from which on it is a WARNING", NULL},
	{"probe.*", "key_expires", CONFIG_STRING, PROBE(key_expires), 0, 0, NULL, "date when our key there expires, for example 2027-06-30", NULL},
	{"probe.*", "key_days", CONFIG_INTEGER, PROBE(key_days), 1, 1000, "14", "days before that from which on it is a WARNING", NULL},
	{"probe.*", "slo", CONFIG_FRACTION, PROBE(slo), 0, 0, "0.99",
		"share of good probes that is promised; burning what is left of it too fast is told", NULL},
	{"probe.*", "ca_file", CONFIG_STRING, PROBE(ca_file), 0, 0, NULL, "authorities in PEM to trust instead of the system's", NULL},
};

const int	config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

const struct config_kind config_kinds[] = {
	{"probe", sizeof(struct config_probe), offsetof(struct config, probes), offsetof(struct config, probe_count), probe_check_config},
	{"sink", sizeof(struct config_sink), offsetof(struct config, sinks), offsetof(struct config, sink_count), sink_check_config},
	{"remote", sizeof(struct config_remote), offsetof(struct config, remotes), offsetof(struct config, remote_count),
	remote_check_config},
};

const int	config_kind_count = sizeof(config_kinds) / sizeof(config_kinds[0]);
