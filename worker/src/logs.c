#include "logs.h"

#include "log.h"
#include "logs_file.h"
#include "logs_keep.h"
#include "memory.h"
#include "remote.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_MS 1000
#define SYNC_FLUSHES 5			/* fsync after so many flushes */
#define CATCH_UP_ROWS "500"
#define MAX_PORTFOLIOS 1024
#define HEALTH_AGAIN_MS 60000

const char *const logs_kind_names[LOGS_KIND_COUNT] = {"performance", "trades", "health", "alerts", "notifications", "worker"};

/* When a portfolio's performance was last written: it comes every second, and need not be kept that often. */
struct pace
{
	char	   *portfolio;
	int64_t		at;
};

struct logs
{
	struct logs_parts parts;
	char	   *directory;		/* NULL: no files */
	char	   *state_path;		/* where the position is kept; NULL = nowhere */
	int			retention_days;
	bool		compress;
	int64_t		performance_ms;
	struct logs_file files[LOGS_KIND_COUNT];
	struct remotes *remotes;
	struct loop_timer timer;
	char		today[16];
	int			flushes;
	bool		keeping;		/* the pool compresses and deletes */
	bool		syncing;

	char		epoch[64];		/* of the position */
	uint64_t	position;		/* the last event that was taken; 0 = not known yet */
	uint64_t	stored_position;
	uint64_t	skip[LOGS_KIND_COUNT];	/* events up to there are in the file already */
	bool		catching_up;
	struct pace paces[MAX_PORTFOLIOS];
	int			pace_count;
	bool		inside;			/* a line of ours about ourselves is not logged again */
	int			problem;		/* errno that was told */
	int64_t		told_at;
};

static void catch_up(struct logs *logs);

static void
write_date(char date[16], int64_t day_ms)
{
	time_t		seconds = (time_t) (day_ms / 1000);
	struct tm	parts;

	gmtime_r(&seconds, &parts);
	strftime(date, 16, "%Y-%m-%d", &parts);
}

/* Housekeeping and fsync get what they need by value: the pool must not look into the logs. */
struct keep_job
{
	struct logs *logs;
	char	   *directory;
	char		today[16];
	int			retention_days;
	bool		compress;
};

static void
keep(void *arg)
{
	const struct keep_job *job = arg;

	logs_keep(job->directory, logs_kind_names, LOGS_KIND_COUNT, job->today, job->retention_days, job->compress);
}

static void
kept(void *arg)
{
	struct keep_job *job = arg;

	job->logs->keeping = false;
	free(job->directory);
	free(job);
}

static void
start_keeping(struct logs *logs)
{
	struct keep_job *job;

	if (logs->directory == NULL || logs->keeping)
		return;
	job = memory_alloc_zero(sizeof(*job));
	*job = (struct keep_job) {.logs = logs,.directory = memory_string(logs->directory),.retention_days = logs->retention_days,
		.compress = logs->compress};
	memcpy(job->today, logs->today, sizeof(job->today));
	logs->keeping = true;
	pool_run(logs->parts.pool, keep, kept, job);
}

struct sync_job
{
	struct logs *logs;
	int			fds[LOGS_KIND_COUNT];
	int			count;
};

static void
sync_files(void *arg)
{
	struct sync_job *job = arg;

	for (int i = 0; i < job->count; i++)
		fdatasync(job->fds[i]);
}

static void
synced(void *arg)
{
	struct sync_job *job = arg;

	for (int i = 0; i < job->count; i++)
		close(job->fds[i]);
	job->logs->syncing = false;
	free(job);
}

static void
start_syncing(struct logs *logs)
{
	struct sync_job *job;

	if (logs->syncing)
		return;
	job = memory_alloc_zero(sizeof(*job));
	job->logs = logs;
	for (int i = 0; i < LOGS_KIND_COUNT; i++)
	{
		int			fd = logs->files[i].dirty && logs->files[i].fd >= 0 ? fcntl(logs->files[i].fd, F_DUPFD_CLOEXEC, 3) : -1;

		logs->files[i].dirty = false;
		if (fd >= 0)
			job->fds[job->count++] = fd;
	}
	if (job->count == 0)
	{
		free(job);
		return;
	}
	logs->syncing = true;
	pool_run(logs->parts.pool, sync_files, synced, job);
}

static void
store_position(struct logs *logs)
{
	char		part[700];
	FILE	   *file;
	bool		good;

	if (logs->state_path == NULL || logs->position == logs->stored_position)
		return;
	snprintf(part, sizeof(part), "%s.part", logs->state_path);
	file = fopen(part, "we");
	if (file == NULL)
		return;
	good = fprintf(file, "%s %" PRIu64 "\n", logs->epoch, logs->position) > 0;
	good = fclose(file) == 0 && good;
	if (good && rename(part, logs->state_path) == 0)
		logs->stored_position = logs->position;
}

static void
read_position(struct logs *logs)
{
	FILE	   *file = logs->state_path != NULL ? fopen(logs->state_path, "re") : NULL;

	if (file == NULL)
		return;
	if (fscanf(file, "%63s %" SCNu64, logs->epoch, &logs->position) != 2)
		logs->position = 0;
	logs->stored_position = logs->position;
	fclose(file);
}

static void
record_health(struct logs *logs, const char *status, const char *message)
{
	struct database *database = logs->parts.database;
	const struct database_facts *facts = database_facts(database);
	struct text sql = {0};
	struct database_query query = {.parameters = {status, message},.parameter_count = 2};

	if (!database_is_ready(database) || !facts->has_health || facts->standby)
		return;
	text_printf(&sql, "SELECT %s.pulse_record_health('logs', $1, $2)", facts->schema);
	query.sql = sql.data;
	database_query(database, &query);
	text_free(&sql);
}

/* Says once when lines cannot be written, and when they can again. */
static void
tell_problem(struct logs *logs, int problem, uint64_t lost)
{
	char		message[300];

	if (problem != 0 && (problem != logs->problem || loop_now_ms() - logs->told_at >= HEALTH_AGAIN_MS))
	{
		snprintf(message, sizeof(message), "log files cannot be written to %s: %s; lines wait in memory, %" PRIu64 " are lost",
				 logs->directory, strerror(problem), lost);
		if (problem != logs->problem)
			log_error("logs", "%s", message);
		record_health(logs, "CRITICAL", message);
		logs->told_at = loop_now_ms();
	}
	else if (problem == 0 && logs->problem != 0)
	{
		snprintf(message, sizeof(message), "log files are written again; %" PRIu64 " lines were lost", lost);
		log_info("logs", "%s", message);
		record_health(logs, "HEALTHY", message);
	}
	logs->problem = problem;
}

static void
flush(struct logs *logs)
{
	bool		all = true;
	int			problem = 0;
	uint64_t	lost = 0;

	for (int i = 0; logs->directory != NULL && i < LOGS_KIND_COUNT; i++)
	{
		all = logs_file_flush(&logs->files[i], logs->today) && all;
		problem = logs->files[i].problem != 0 ? logs->files[i].problem : problem;
		lost += logs->files[i].lost;
	}
	all = remotes_flush(logs->remotes) && all;
	tell_problem(logs, problem, lost);
	if (all)
		store_position(logs);
}

static void
timer_due(void *arg)
{
	struct logs *logs = arg;
	char		date[16];

	loop_timer_set(logs->parts.loop, &logs->timer, FLUSH_MS);
	flush(logs);
	write_date(date, loop_day_ms());
	if (strcmp(date, logs->today) != 0)
	{
		memcpy(logs->today, date, sizeof(date));
		for (int i = 0; i < LOGS_KIND_COUNT; i++)
			logs_file_close(&logs->files[i]);
		start_keeping(logs);
	}
	if (++logs->flushes % SYNC_FLUSHES == 0)
		start_syncing(logs);
}

/* Takes a line of a kind, without its line end. */
void
logs_line(struct logs *logs, enum logs_kind kind, const char *line, size_t length)
{
	if (logs->directory != NULL)
		logs_file_add(&logs->files[kind], line, length);
	remotes_line(logs->remotes, logs_kind_names[kind], 0, line, length);
}

static void
write_member(struct text *line, const char *name, const char *value)
{
	if (value == NULL)
		return;
	text_printf(line, ",\"%s\":", name);
	text_append_json(line, value);
}

/* Takes what became of a message. */
void
logs_notice(struct logs *logs, const struct logs_notice *notice)
{
	struct text line = {0};
	char		now[40];

	text_iso_now(now, sizeof(now));
	text_printf(&line, "{\"time\":\"%s\",\"sink\":\"%s\",\"notification_id\":%s", now, notice->sink, notice->id);
	write_member(&line, "type", notice->type);
	write_member(&line, "priority", notice->priority);
	write_member(&line, "portfolio", notice->portfolio);
	write_member(&line, "title", notice->title);
	write_member(&line, "outcome", notice->outcome);
	write_member(&line, "detail", notice->detail);
	text_printf(&line, ",\"attempts\":%d}", notice->attempts);
	logs_line(logs, LOGS_NOTIFICATIONS, line.data, line.length);
	text_free(&line);
}

static void
tap(void *arg, const char *line, size_t length)
{
	struct logs *logs = arg;

	if (logs->inside)
		return;
	logs->inside = true;
	logs_line(logs, LOGS_WORKER, line, length);
	logs->inside = false;
}

static bool
paced(struct logs *logs, const char *portfolio)
{
	int64_t		now = loop_now_ms();

	if (portfolio == NULL)
		portfolio = "";
	for (int i = 0; i < logs->pace_count; i++)
	{
		if (strcmp(logs->paces[i].portfolio, portfolio) != 0)
			continue;
		if (now - logs->paces[i].at < logs->performance_ms)
			return true;
		logs->paces[i].at = now;
		return false;
	}
	if (logs->pace_count < MAX_PORTFOLIOS)
		logs->paces[logs->pace_count++] = (struct pace) {.portfolio = memory_string(portfolio),.at = now};
	return false;
}

static int
kind_of(const struct event *event)
{
	switch (event->type)
	{
		case EVENT_PERFORMANCE_UPDATE:
			return LOGS_PERFORMANCE;
		case EVENT_TRADE_ALERT:
			return LOGS_TRADES;
		case EVENT_HEALTH_UPDATE:
			return LOGS_HEALTH;
		case EVENT_SYSTEM_ALERT:
			return LOGS_ALERTS;
		default:
			return -1;
	}
}

/* The event's own time in nanoseconds, so that two workers send the same line with the same time. */
static int64_t
time_of(const char *line)
{
	const char *at = strstr(line, "\"timestamp\":\"");
	struct tm	parts = {0};
	const char *rest = at != NULL ? strptime(at + 13, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
	int64_t		microseconds = rest != NULL && *rest == '.' ? strtoll(rest + 1, NULL, 10) : 0;

	return rest != NULL ? (int64_t) timegm(&parts) * 1000000000 + microseconds * 1000 : 0;
}

static void
take_event(struct logs *logs, struct event *event)
{
	int			kind = kind_of(event);
	const char *line = (const char *) event->frame->text;

	logs->position = event->seq;
	if (kind < 0 || (kind == LOGS_PERFORMANCE && paced(logs, event->portfolio)))
		return;
	if (logs->directory != NULL && event->seq > logs->skip[kind])
		logs_file_add(&logs->files[kind], line, event->frame->length);
	if (remotes_count(logs->remotes) > 0)
	{
		char	   *copy = memory_string_n(line, event->frame->length);

		remotes_line(logs->remotes, logs_kind_names[kind], time_of(copy), copy, event->frame->length);
		free(copy);
	}
}

static void
caught(void *arg, const struct database_reply *reply)
{
	struct logs *logs = arg;
	int			rows = reply->result != NULL ? PQntuples(reply->result) : 0;

	logs->catching_up = false;
	if (reply->result == NULL)
	{
		if (strcmp(reply->sqlstate, "08000") != 0)
			log_error("logs", "missed events could not be read: %s", reply->message);
		return;
	}
	for (int i = 0; i < rows; i++)
	{
		struct event *event = feed_read_row(reply->result, i);

		take_event(logs, event);
		event_release(event);
	}
	/* Nothing there although the feed is further: what is missing was deleted by age. */
	if (rows == 0)
		logs->position = feed_seq(logs->parts.feed);
	else
		flush(logs);
	catch_up(logs);
}

/* Reads what the table has between our position and the feed's. */
static void
catch_up(struct logs *logs)
{
	char		position[24];
	char		newest[24];
	struct database_query query = {
		.sql = "SELECT " FEED_COLUMNS " FROM pulse.event WHERE seq > $1::bigint AND seq <= $2::bigint ORDER BY seq LIMIT " CATCH_UP_ROWS,
		.parameters = {position, newest},
		.parameter_count = 2,
		.reply = caught,
		.arg = logs
	};

	if (logs->catching_up || logs->position >= feed_seq(logs->parts.feed) || !database_is_ready(logs->parts.database))
		return;
	snprintf(position, sizeof(position), "%" PRIu64, logs->position);
	snprintf(newest, sizeof(newest), "%" PRIu64, feed_seq(logs->parts.feed));
	logs->catching_up = database_query(logs->parts.database, &query);
}

/* Tells that the feed knows where it is: after the start and after each reconnect. */
void
logs_positioned(struct logs *logs)
{
	const char *epoch = feed_epoch(logs->parts.feed);

	if (logs->state_path == NULL)
		return;
	if (logs->position == 0 || strcmp(logs->epoch, epoch) != 0)
	{
		snprintf(logs->epoch, sizeof(logs->epoch), "%s", epoch);
		logs->position = feed_seq(logs->parts.feed);
		memset(logs->skip, 0, sizeof(logs->skip));
		store_position(logs);
		return;
	}
	catch_up(logs);
}

/* Takes the next event of the feed; when some are missing before it, they are read from the table first. */
void
logs_event(struct logs *logs, struct event *event)
{
	if (logs->state_path == NULL || logs->catching_up || event->seq <= logs->position)
		return;
	if (logs->position > 0 && event->seq != logs->position + 1)
		catch_up(logs);
	else
		take_event(logs, event);
}

static void
open_files(struct logs *logs)
{
	for (int i = 0; i < LOGS_KIND_COUNT; i++)
	{
		logs_file_init(&logs->files[i], logs->directory, logs_kind_names[i]);
		logs_file_open(&logs->files[i], logs->today);
		logs->skip[i] = logs->files[i].last_seq;
	}
	start_keeping(logs);
}

static void
free_files(struct logs *logs)
{
	for (int i = 0; i < LOGS_KIND_COUNT; i++)
	{
		if (logs->files[i].directory != NULL)
			logs_file_close(&logs->files[i]);
		free(logs->files[i].directory);
		text_free(&logs->files[i].waiting);
		logs->files[i] = (struct logs_file) {.fd = -1};
	}
}

static bool
same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

/* Takes over a configuration. */
void
logs_configure(struct logs *logs, const struct config *config)
{
	struct text path = {0};
	const char *state;

	logs->retention_days = (int) config->logs_retention_days;
	logs->compress = config->logs_compress;
	logs->performance_ms = config->logs_performance_interval * 1000;
	remotes_configure(logs->remotes, config);
	if (!same_text(logs->directory, config->logs_directory))
	{
		flush(logs);
		free_files(logs);
		free(logs->directory);
		logs->directory = memory_string(config->logs_directory);
		if (logs->directory != NULL)
			open_files(logs);
	}
	state = logs->directory != NULL ? logs->directory : remotes_directory(logs->remotes);
	if (state != NULL)
		text_printf(&path, "%s/.position", state);
	if (!same_text(logs->state_path, path.data))
	{
		free(logs->state_path);
		logs->state_path = memory_string(path.data);
		logs->position = 0;
		read_position(logs);
		if (feed_seq(logs->parts.feed) > 0)
			logs_positioned(logs);
	}
	text_free(&path);
}

/* Opens what the configuration names; lines of the daemon itself are taken from now on. */
struct logs *
logs_open(const struct logs_parts *parts, const struct config *config)
{
	struct logs *logs = memory_alloc_zero(sizeof(*logs));

	logs->parts = *parts;
	logs->timer = (struct loop_timer) {.fn = timer_due,.arg = logs};
	write_date(logs->today, loop_day_ms());
	for (int i = 0; i < LOGS_KIND_COUNT; i++)
		logs->files[i].fd = -1;
	logs->remotes = remotes_open(parts->loop);
	logs_configure(logs, config);
	log_set_tap(tap, logs);
	loop_timer_set(parts->loop, &logs->timer, FLUSH_MS);
	return logs;
}

/* Writes what waits, and closes. The pool must be closed before. */
void
logs_close(struct logs *logs)
{
	if (logs == NULL)
		return;
	log_set_tap(NULL, NULL);
	loop_timer_cancel(logs->parts.loop, &logs->timer);
	database_forget(logs->parts.database, logs);
	flush(logs);
	for (int i = 0; i < LOGS_KIND_COUNT; i++)
	{
		if (logs->files[i].fd >= 0)
			fdatasync(logs->files[i].fd);
	}
	remotes_close(logs->remotes);
	free_files(logs);
	for (int i = 0; i < logs->pace_count; i++)
		free(logs->paces[i].portfolio);
	free(logs->directory);
	free(logs->state_path);
	free(logs);
}

/* Writes the figures of files and endpoints in Prometheus' text format. */
void
logs_metrics(struct logs *logs, struct text *out)
{
	if (logs->directory != NULL)
	{
		text_append(out, "# HELP pulse_log_lines_total Lines for the log files.\n# TYPE pulse_log_lines_total counter\n");
		for (int i = 0; i < LOGS_KIND_COUNT; i++)
			text_printf(out, "pulse_log_lines_total{kind=\"%s\"} %" PRIu64 "\n", logs_kind_names[i], logs->files[i].lines);
		text_append(out, "# HELP pulse_log_lost_lines_total Lines that found no place.\n# TYPE pulse_log_lost_lines_total counter\n");
		for (int i = 0; i < LOGS_KIND_COUNT; i++)
			text_printf(out, "pulse_log_lost_lines_total{kind=\"%s\"} %" PRIu64 "\n", logs_kind_names[i], logs->files[i].lost);
		text_append(out, "# HELP pulse_log_waiting_bytes Bytes that wait for the disk.\n# TYPE pulse_log_waiting_bytes gauge\n");
		for (int i = 0; i < LOGS_KIND_COUNT; i++)
			text_printf(out, "pulse_log_waiting_bytes{kind=\"%s\"} %zu\n", logs_kind_names[i], logs->files[i].waiting.length);
	}
	remotes_metrics(logs->remotes, out);
}
