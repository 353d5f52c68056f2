#include "sink_format.h"

#include "json.h"
#include "memory.h"
#include "net.h"
#include "secret.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DISCORD 2000
#define MAX_PLAIN 3500

/* Appends a text cut to so many bytes, never inside a character. */
static void
append_cut(struct text *out, const char *text, size_t most)
{
	size_t		length = strlen(text);

	if (length > most)
	{
		length = most;
		while (length > 0 && ((unsigned char) text[length] & 0xC0) == 0x80)
			length--;
		text_append_n(out, text, length);
		text_append(out, "\u2026");
	}
	else
		text_append(out, text);
}

static const char *
sign_of(const char *priority)
{
	if (strcmp(priority, "CRITICAL") == 0)
		return "\U0001F6A8";
	if (strcmp(priority, "HIGH") == 0)
		return "\u26A0\uFE0F";
	return strcmp(priority, "MEDIUM") == 0 ? "\U0001F514" : "\u2139\uFE0F";
}

/* Topics of ntfy stand behind the last slash of the address; messages as JSON go to its root. */
static const char *
topic_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *topic = strrchr(url, '/');

	return host != NULL && topic > host + 2 ? topic + 1 : "";
}

/* Writes the address that messages are posted to. */
void
sink_url(const struct config_sink *sink, struct text *out)
{
	size_t		length = strlen(sink->url);

	if (strcmp(sink->kind, "ntfy") == 0)
		text_append_n(out, sink->url, (size_t) (topic_of(sink->url) - sink->url));
	else if (strcmp(sink->kind, "alertmanager") == 0)
	{
		while (length > 0 && sink->url[length - 1] == '/')
			length--;
		text_append_n(out, sink->url, length);
		if (strstr(sink->url, "/api/v2/") == NULL)
			text_append(out, "/api/v2/alerts");
	}
	else
		text_append(out, sink->url);
}

static void
write_webhook(const struct sink_message *message, struct text *out)
{
	text_printf(out, "{\"v\":1,\"id\":%s,\"type\":", message->id);
	text_append_json(out, message->type);
	text_append(out, ",\"priority\":");
	text_append_json(out, message->priority);
	text_append(out, ",\"portfolio\":");
	if (message->portfolio != NULL)
		text_append_json(out, message->portfolio);
	else
		text_append(out, "null");
	text_append(out, ",\"title\":");
	text_append_json(out, message->title);
	text_append(out, ",\"message\":");
	text_append_json(out, message->message);
	text_printf(out, ",\"data\":%s,\"created_at\":\"%s\",\"duplicates\":%d,\"attempt\":%d}", message->data, message->created_at,
				message->duplicates, message->attempts);
}

/* Slack reads &, < and > as the beginning of its own markup. */
static void
append_slack(struct text *out, const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (*text == '&')
			text_append(out, "&amp;");
		else if (*text == '<')
			text_append(out, "&lt;");
		else if (*text == '>')
			text_append(out, "&gt;");
		else
			text_append_char(out, *text);
	}
}

static void
write_slack(const struct sink_message *message, struct text *out)
{
	struct text words = {0};
	struct text body = {0};

	text_printf(&words, "%s *", sign_of(message->priority));
	append_slack(&words, message->title);
	text_append(&words, "*\n");
	append_cut(&body, message->message, MAX_PLAIN);
	append_slack(&words, text_string(&body));
	text_append(out, "{\"text\":");
	text_append_json(out, words.data);
	text_append_char(out, '}');
	text_free(&words);
	text_free(&body);
}

static void
write_discord(const struct sink_message *message, struct text *out)
{
	struct text words = {0};
	struct text cut = {0};

	text_printf(&words, "%s **%s**\n%s", sign_of(message->priority), message->title, message->message);
	append_cut(&cut, words.data, MAX_DISCORD - 10);
	text_append(out, "{\"content\":");
	text_append_json(out, cut.data);
	/* A message must not be able to call everybody. */
	text_append(out, ",\"allowed_mentions\":{\"parse\":[]}}");
	text_free(&words);
	text_free(&cut);
}

static void
write_ntfy(const struct config_sink *sink, const struct sink_message *message, struct text *out)
{
	static const struct
	{
		const char *priority;
		int			number;
		const char *tag;
	}			ranks[] = {{"CRITICAL", 5, "rotating_light"}, {"HIGH", 4, "warning"}, {"MEDIUM", 3, "bell"}, {"LOW", 2, "information_source"}};
	struct text cut = {0};

	text_append(out, "{\"topic\":");
	text_append_json(out, topic_of(sink->url));
	text_append(out, ",\"title\":");
	text_append_json(out, message->title);
	append_cut(&cut, message->message[0] != '\0' ? message->message : message->title, MAX_PLAIN);
	text_append(out, ",\"message\":");
	text_append_json(out, text_string(&cut));
	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
	{
		if (strcmp(ranks[i].priority, message->priority) == 0)
			text_printf(out, ",\"priority\":%d,\"tags\":[\"%s\"]", ranks[i].number, ranks[i].tag);
	}
	text_append_char(out, '}');
	text_free(&cut);
}

static void
set_label(json_t *labels, const char *name, json_t *value)
{
	char	   *text = value != NULL && !json_is_null(value) ? json_text(value) : NULL;

	if (text != NULL && *text != '\0')
		json_object_set_new(labels, name, json_string(text));
	free(text);
}

/*
 * Labels name an alert: they are the same when it fires and when it is over. What is no alert but a message is one that
 * ends by itself, by the timeout of the Alertmanager.
 */
static void
write_alertmanager(const struct sink_message *message, struct text *out)
{
	static const char *const names[] = {"alert_id", "rule", "symbol", "component", "severity"};
	json_t	   *data = json_loads(message->data, 0, NULL);
	json_t	   *labels = json_object();
	json_t	   *alert = json_object();
	json_t	   *rule = json_object_get(data, "rule");
	const char *state = json_string_value(json_object_get(data, "state"));
	const char *since = json_string_value(json_object_get(data, "since"));
	json_t	   *list = json_array();
	char	   *text;

	json_object_set_new(labels, "alertname", json_string(json_is_string(rule) ? json_string_value(rule) : message->type));
	json_object_set_new(labels, "job", json_string("pulse"));
	json_object_set_new(labels, "kind", json_string(message->type));
	json_object_set_new(labels, "severity", json_string(message->priority));
	if (message->portfolio != NULL)
		json_object_set_new(labels, "portfolio", json_string(message->portfolio));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		set_label(labels, names[i], json_object_get(data, names[i]));
	/* Messages that are no alerts must not be merged into one. */
	if (json_object_get(data, "alert_id") == NULL)
		json_object_set_new(labels, "notification_id", json_string(message->id));
	json_object_set_new(alert, "labels", labels);
	json_object_set_new(alert, "annotations", json_pack("{s:s, s:s}", "summary", message->title, "description", message->message));
	json_object_set_new(alert, "startsAt", json_string(since != NULL ? since : message->created_at));
	if (state != NULL && strcmp(state, "resolved") == 0)
		json_object_set_new(alert, "endsAt", json_string(message->created_at));
	json_array_append_new(list, alert);
	text = json_dumps(list, JSON_COMPACT);
	text_append(out, text != NULL ? text : "[]");
	free(text);
	json_decref(list);
	json_decref(data);
}

/* Writes the body of a request. */
void
sink_body(const struct config_sink *sink, const struct sink_message *message, struct text *out)
{
	if (strcmp(sink->kind, "slack") == 0)
		write_slack(message, out);
	else if (strcmp(sink->kind, "discord") == 0)
		write_discord(message, out);
	else if (strcmp(sink->kind, "ntfy") == 0)
		write_ntfy(sink, message, out);
	else if (strcmp(sink->kind, "alertmanager") == 0)
		write_alertmanager(message, out);
	else
		write_webhook(message, out);
}

/* Writes the headers. The signature covers the time, so that a request cannot be played again later. */
void
sink_headers(const struct config_sink *sink, const struct sink_message *message, const struct text *body, int64_t seconds,
			 struct text *out)
{
	char	   *lines = secret_header_lines(sink->headers);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	struct text covered = {0};

	text_append(out, "Content-Type: application/json");
	if (strcmp(sink->kind, "webhook") == 0)
		text_printf(out, "\nX-Pulse-Delivery: %s\nIdempotency-Key: pulse-%s", message->id, message->id);
	if (sink->secret != NULL)
	{
		text_printf(&covered, "%" PRId64 ".", seconds);
		text_append_n(&covered, body->data, body->length);
		HMAC(EVP_sha256(), sink->secret, (int) strlen(sink->secret), (const unsigned char *) covered.data, covered.length, digest, &length);
		text_printf(out, "\nX-Pulse-Timestamp: %" PRId64 "\nX-Pulse-Signature: sha256=", seconds);
		for (unsigned int i = 0; i < length; i++)
			text_printf(out, "%02x", digest[i]);
		text_free(&covered);
	}
	if (lines[0] != '\0')
		text_printf(out, "\n%s", lines);
	explicit_bzero(lines, strlen(lines));
	free(lines);
}

/* Finds out what an answer, or its absence, means. */
void
sink_judge(const struct transfer_result *result, struct sink_answer *answer)
{
	int			status = result->status;
	int			shown = (int) strcspn(result->body, "\r\n");

	*answer = (struct sink_answer) {.verdict = SINK_FAILED,.retry_after = result->retry_after};
	if (!result->complete)
	{
		snprintf(answer->description, sizeof(answer->description), "%.250s", result->problem);
		return;
	}
	snprintf(answer->description, sizeof(answer->description), "HTTP status %d: %.*s", status, shown < 160 ? shown : 160, result->body);
	if (status >= 200 && status <= 299)
		answer->verdict = SINK_TAKEN;
	else if (status == 429)
		answer->verdict = SINK_LIMITED;
	else if (status == 401 || status == 403 || status == 404 || status == 405 || status == 410)
		answer->verdict = SINK_WRONG;
	else if (status >= 400 && status <= 499 && status != 408)
		answer->verdict = SINK_REFUSED;
}

/* Checks one section of the configuration. */
void
sink_check_config(const void *item, void (*complain) (void *arg, const char *message), void *arg)
{
	const struct config_sink *sink = item;
	const char *host = sink->url != NULL ? strstr(sink->url, "://") : NULL;
	char		name[256];

	if (sink->kind == NULL || sink->url == NULL)
	{
		complain(arg, "needs a kind and a url");
		return;
	}
	if (strcmp(sink->name, "telegram") == 0)
		complain(arg, "telegram has a section of its own");
	if (host == NULL || (strncmp(sink->url, "https://", 8) != 0 && strncmp(sink->url, "http://", 7) != 0))
	{
		complain(arg, "url is no http:// or https:// address");
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int) strcspn(host + 3, ":/?#"), host + 3);
	if (strncmp(sink->url, "http://", 7) == 0 && !net_is_loopback_name(name) && (sink->headers != NULL || strcmp(sink->kind, "alertmanager") != 0))
		complain(arg, "http:// would send messages in the clear; it is accepted for loopback, and for an Alertmanager without headers");
	if (strcmp(sink->kind, "ntfy") == 0 && topic_of(sink->url)[0] == '\0')
		complain(arg, "url ends with the topic: https://ntfy.example/my-topic");
}
