#ifndef PULSE_CONFIG_H
#define PULSE_CONFIG_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct config_list
{
	char	  **items;
	int			count;
};

/*
 * Sections that may be there several times, each with a name of its own: [probe.binance]. What was not set is NULL or
 * negative, and means what the preset or the module says.
 */
struct config_probe
{
	char	   *name;
	char	   *preset;
	char	   *base_url;
	char	   *path;
	char	   *headers;		/* may contain ${SECRET} */
	char	   *ok;
	char	   *degraded;
	char	   *time_pointer;
	char	   *time_unit;
	char	   *used_header;
	char	   *remaining_header;
	char	   *limit_header;
	int64_t		limit;
	int64_t		interval;		/* seconds */
	int64_t		timeout;		/* milliseconds */
	int64_t		latency_warning;
	int64_t		latency_critical;
	int64_t		skew_limit;
	int64_t		failures;		/* in a row until it is down */
	int64_t		successes;		/* in a row until it is up again */
	int64_t		cold_every;		/* each so-many-th probe opens a new connection */
	int64_t		certificate_days;
	char	   *key_expires;	/* date */
	int64_t		key_days;
	double		slo;
	char	   *ca_file;
};

struct config_remote
{
	char	   *name;
	char	   *url;
	char	   *format;			/* ndjson, loki or elasticsearch */
	char	   *headers;		/* a secret */
	struct config_list kinds;	/* empty: all */
	struct config_list labels;	/* name=value */
	char	   *index;
	bool		gzip;
	int64_t		batch_bytes;
	int64_t		flush_seconds;
	int64_t		spool_megabytes;
	int64_t		timeout;		/* milliseconds */
	char	   *ca_file;
};

struct config_sink
{
	char	   *name;
	char	   *kind;			/* webhook, slack, discord, ntfy or alertmanager */
	char	   *url;			/* a secret */
	char	   *secret;			/* of the signature */
	char	   *headers;		/* a secret */
	char	   *min_priority;
	int64_t		timeout;		/* milliseconds */
	char	   *ca_file;
};

/* Everything that can be configured; the keys, their ranges and defaults stand in one table in config_keys.c. */
struct config
{
	char	   *dsn;
	char	   *listen_dsn;		/* never NULL: dsn when it was not set */
	char	   *read_dsn;		/* the same */
	int64_t		poll_interval;	/* seconds */

	char	   *host;
	int64_t		port;
	struct config_list allowed_origins;
	struct config_list allowed_hosts;
	int64_t		max_clients;
	int64_t		max_queue;		/* bytes for each client */
	int64_t		max_message;	/* bytes from a client */
	int64_t		message_rate;	/* messages a second from a client */
	int64_t		max_clients_per_address;
	int64_t		request_rate;	/* HTTP requests a second from an address */
	struct config_list trusted_proxies;
	char	   *tls_cert;
	char	   *tls_key;
	bool		compression;

	bool		auth_enabled;
	int64_t		session_hours;

	bool		telegram_enabled;
	char	   *chat_id;
	char	   *api_base;
	char	   *telegram_ca_file;
	int64_t		telegram_timeout;
	char	   *token_file;
	char	   *token;			/* a secret; never logged */
	int64_t		max_attempts;
	char	   *escalation_chat_id;
	char	   *quiet_hours;	/* "22:00-07:00"; NULL = none */
	int64_t		collapse_after;
	struct config_list topics;	/* NAME:thread */
	struct config_list admins;	/* user ids that may do everything */
	struct config_list readers;	/* user ids that may ask */
	bool		commands;

	char	   *timezone;

	bool		resources_enabled;
	char	   *resources_component;
	int64_t		resources_interval;	/* seconds */
	double		cpu_warning;	/* fractions */
	double		cpu_critical;
	double		memory_warning;
	double		memory_critical;
	double		disk_warning;	/* also for inodes and open files */
	double		disk_critical;
	struct config_list disks;
	char	   *proc_directory;
	char	   *sys_directory;

	char	   *logs_directory;	/* NULL: no files */
	char	   *logs_spool;
	int64_t		logs_retention_days;
	bool		logs_compress;
	int64_t		logs_performance_interval;	/* seconds */

	struct config_sink *sinks;
	int			sink_count;
	struct config_remote *remotes;
	int			remote_count;
	struct config_probe *probes;
	int			probe_count;
};

/* A kind of section that may be there several times; its keys stand in the table under "prefix.*". */
struct config_kind
{
	const char *prefix;
	size_t		item_size;
	size_t		items;			/* where struct config keeps the array */
	size_t		count;
	void		(*check) (const void *item, void (*complain) (void *arg, const char *message), void *arg);
};

enum config_type
{
	CONFIG_STRING,
	CONFIG_SECRET,				/* a string with ${NAME} for what must not stand in the file */
	CONFIG_INTEGER,
	CONFIG_FRACTION,
	CONFIG_BOOLEAN,
	CONFIG_LIST
};

/* One key: where its value goes, what it may be, and what it means. */
struct config_key
{
	const char *section;
	const char *name;
	enum config_type type;
	size_t		offset;
	int64_t		minimum;
	int64_t		maximum;
	const char *initial;		/* default, in the file's notation; NULL = none */
	const char *meaning;
	const char *(*check) (const char *value);	/* returns what is wrong, or NULL */
};

extern const struct config_key config_keys[];
extern const int config_key_count;
extern const struct config_kind config_kinds[];
extern const int config_kind_count;

extern struct config *config_load(const char *path, const char *environment, struct text *errors);
extern void config_free(struct config *config);
extern void config_describe(FILE *out);

#endif
