#include "remote.h"

#include "log.h"
#include "memory.h"
#include "remote_format.h"
#include "remote_spool.h"
#include "secret.h"
#include "transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LAST_MS 300000
#define LEAST_BATCH 512

struct remote
{
	struct remotes *remotes;
	const struct config_remote *config;
	char	   *header_lines;
	struct remote_spool spool;
	struct loop_timer timer;
	struct transfer *transfer;
	size_t		sending;		/* bytes of the spool that are under way */
	uint64_t	sending_lines;
	size_t		batch_bytes;	/* as the endpoint takes them */
	int			failures;		/* in a row */
	uint64_t	sent;			/* lines */
	uint64_t	rejected;
	uint64_t	requests;
	uint64_t	failed;
};

struct remotes
{
	struct loop *loop;
	struct transfers *transfers;
	struct remote **all;
	int			count;
	char	   *directory;		/* of the spools */
};

static void send_batch(struct remote *remote);

static uint64_t
count_lines(const char *bytes, size_t length)
{
	uint64_t	lines = 0;

	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	return lines;
}

static int64_t
next_backoff(struct remote *remote, int64_t retry_after)
{
	int64_t		pause = BACKOFF_FIRST_MS;

	for (int i = 0; i < remote->failures && pause < BACKOFF_LAST_MS; i++)
		pause *= 2;
	pause = pause > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : pause;
	pause = pause / 2 + (int64_t) (loop_random() % (uint64_t) pause);
	remote->failures++;
	return retry_after * 1000 > pause ? retry_after * 1000 : pause;
}

static void
wait_for(struct remote *remote, int64_t milliseconds)
{
	loop_timer_set(remote->remotes->loop, &remote->timer, milliseconds);
}

static void
taken(struct remote *remote, int rejected, const char *problem)
{
	if (remote->failures > 0)
		log_info("remote", "%s takes lines again", remote->config->name);
	if (rejected > 0)
		log_warning("remote", "%s refuses %d lines for good: %s", remote->config->name, rejected, problem);
	remote->failures = 0;
	remote->sent += remote->sending_lines - (uint64_t) rejected;
	remote->rejected += (uint64_t) rejected;
	remote_spool_acknowledge(&remote->spool, remote->sending);
	if (remote->batch_bytes < (size_t) remote->config->batch_bytes)
		remote->batch_bytes += remote->batch_bytes / 4;
	wait_for(remote, remote_spool_is_empty(&remote->spool) ? remote->config->flush_seconds * 1000 : 0);
}

static void
answered(void *arg, const struct transfer_result *result)
{
	struct remote *remote = arg;
	char		problem[300];
	int			rejected;

	remote->transfer = NULL;
	switch (remote_judge(remote->config, result, &rejected, problem, sizeof(problem)))
	{
		case REMOTE_TAKEN:
			taken(remote, rejected, problem);
			break;
		case REMOTE_TOO_LARGE:
			remote->failed++;
			if (remote->batch_bytes > LEAST_BATCH)
			{
				remote->batch_bytes /= 2;
				wait_for(remote, BACKOFF_FIRST_MS);
			}
			else
			{
				/* One line that is not taken must not keep all others back. */
				log_error("remote", "%s refuses a line for good: %s", remote->config->name, problem);
				remote->rejected++;
				remote_spool_acknowledge(&remote->spool, remote->sending);
				wait_for(remote, 0);
			}
			break;
		case REMOTE_REFUSED:
		case REMOTE_LATER:
			remote->failed++;
			if (remote->failures == 0)
				log_warning("remote", "%s does not take lines, they wait on disk: %s", remote->config->name, problem);
			wait_for(remote, next_backoff(remote, result->retry_after));
			break;
	}
}

/* At the least size, batches are single lines. */
static size_t
cut_to_one_line(const struct text *lines)
{
	const char *end = memchr(lines->data, '\n', lines->length);

	return end != NULL ? (size_t) (end - lines->data) + 1 : lines->length;
}

static void
send_batch(struct remote *remote)
{
	struct text lines = {0};
	struct text body = {0};
	struct text zipped = {0};
	struct text headers = {0};
	struct transfer_request request = {.url = remote->config->url,.timeout_ms = (int) remote->config->timeout,
		.ca_file = remote->config->ca_file,.keep = true};

	remote->sending = remote_spool_read(&remote->spool, remote->batch_bytes, &lines);
	if (remote->sending == 0)
	{
		wait_for(remote, remote->config->flush_seconds * 1000);
		text_free(&lines);
		return;
	}
	if (remote->batch_bytes <= LEAST_BATCH)
		remote->sending = cut_to_one_line(&lines);
	remote->sending_lines = count_lines(lines.data, remote->sending);
	remote_format(remote->config, lines.data, remote->sending, &body);
	text_append(&headers, remote_content_type(remote->config));
	if (remote->config->gzip && body.length > 0 && remote_compress(&body, &zipped))
		text_append(&headers, "\nContent-Encoding: gzip");
	if (remote->header_lines[0] != '\0')
		text_printf(&headers, "\n%s", remote->header_lines);
	request.headers = headers.data;
	request.body = zipped.length > 0 ? zipped.data : text_string(&body);
	request.body_length = zipped.length > 0 ? zipped.length : body.length;
	remote->requests++;
	remote->transfer = transfer_start(remote->remotes->transfers, &request, answered, remote);
	explicit_bzero(headers.data, headers.length);
	text_free(&lines);
	text_free(&body);
	text_free(&zipped);
	text_free(&headers);
}

static void
timer_due(void *arg)
{
	struct remote *remote = arg;

	if (remote->transfer == NULL)
		send_batch(remote);
}

static bool
wants(const struct remote *remote, const char *kind)
{
	for (int i = 0; i < remote->config->kinds.count; i++)
	{
		if (strcmp(remote->config->kinds.items[i], kind) == 0)
			return true;
	}
	return remote->config->kinds.count == 0;
}

/* Takes a line for every endpoint that wants its kind; a time of 0 is now. */
void
remotes_line(struct remotes *remotes, const char *kind, int64_t nanoseconds, const char *line, size_t length)
{
	struct timespec now;

	if (remotes->count == 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (nanoseconds == 0)
		nanoseconds = (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
	for (int i = 0; i < remotes->count; i++)
	{
		if (wants(remotes->all[i], kind))
			remote_spool_add(&remotes->all[i]->spool, kind, nanoseconds, line, length);
	}
}

/* Writes what waits into the spools; returns false when some of it has to wait on. */
bool
remotes_flush(struct remotes *remotes)
{
	bool		all = true;

	for (int i = 0; i < remotes->count; i++)
		all = remote_spool_flush(&remotes->all[i]->spool) && all;
	return all;
}

static void
free_remote(struct remote *remote)
{
	loop_timer_cancel(remote->remotes->loop, &remote->timer);
	if (remote->transfer != NULL)
		transfer_cancel(remote->transfer);
	remote_spool_close(&remote->spool);
	explicit_bzero(remote->header_lines, strlen(remote->header_lines));
	free(remote->header_lines);
	free(remote);
}

/* Takes over a configuration; spools stay on disk. */
void
remotes_configure(struct remotes *remotes, const struct config *config)
{
	for (int i = 0; i < remotes->count; i++)
		free_remote(remotes->all[i]);
	free(remotes->directory);
	remotes->directory = memory_string(config->logs_spool != NULL ? config->logs_spool : config->logs_directory);
	remotes->count = remotes->directory != NULL ? config->remote_count : 0;
	remotes->all = memory_resize(remotes->all, sizeof(*remotes->all) * (size_t) (remotes->count + 1));
	for (int i = 0; i < remotes->count; i++)
	{
		struct remote *remote = memory_alloc_zero(sizeof(*remote));

		remote->remotes = remotes;
		remote->config = &config->remotes[i];
		remote->header_lines = secret_header_lines(remote->config->headers);
		remote->batch_bytes = (size_t) remote->config->batch_bytes;
		remote->timer = (struct loop_timer) {.fn = timer_due,.arg = remote};
		remote_spool_open(&remote->spool, remotes->directory, remote->config->name, (uint64_t) remote->config->spool_megabytes << 20);
		remotes->all[i] = remote;
		wait_for(remote, 1000);
	}
}

/* Makes the set, empty. */
struct remotes *
remotes_open(struct loop *loop)
{
	struct remotes *remotes = memory_alloc_zero(sizeof(*remotes));

	remotes->loop = loop;
	remotes->transfers = transfers_open(loop);
	return remotes;
}

/* Stops sending; what has not arrived stays on disk. */
void
remotes_close(struct remotes *remotes)
{
	for (int i = 0; i < remotes->count; i++)
		free_remote(remotes->all[i]);
	transfers_close(remotes->transfers);
	free(remotes->all);
	free(remotes->directory);
	free(remotes);
}

/* Returns how many endpoints there are. */
int
remotes_count(const struct remotes *remotes)
{
	return remotes->count;
}

/* Returns the directory of the spools; NULL without endpoints. */
const char *
remotes_directory(const struct remotes *remotes)
{
	return remotes->count > 0 ? remotes->directory : NULL;
}

/* Writes the figures of all endpoints in Prometheus' text format. */
void
remotes_metrics(struct remotes *remotes, struct text *out)
{
	static const struct
	{
		const char *name;
		const char *type;
		const char *help;
	}			figures[] = {
		{"pulse_remote_sent_lines_total", "counter", "Lines that endpoints have taken."},
		{"pulse_remote_rejected_lines_total", "counter", "Lines that endpoints refuse for good."},
		{"pulse_remote_lost_lines_total", "counter", "Lines that had no place in the spool."},
		{"pulse_remote_requests_total", "counter", "Requests to endpoints."},
		{"pulse_remote_failed_requests_total", "counter", "Requests that were not taken."},
		{"pulse_remote_spool_bytes", "gauge", "Bytes in the spool."},
		{"pulse_remote_up", "gauge", "1 while the endpoint takes lines."},
	};

	for (size_t i = 0; remotes->count > 0 && i < sizeof(figures) / sizeof(figures[0]); i++)
	{
		text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", figures[i].name, figures[i].help, figures[i].name, figures[i].type);
		for (int j = 0; j < remotes->count; j++)
		{
			const struct remote *remote = remotes->all[j];
			const uint64_t values[] = {remote->sent, remote->rejected, remote->spool.lost, remote->requests, remote->failed,
				remote->spool.bytes + remote->spool.waiting.length, remote->failures == 0};

			text_printf(out, "%s{remote=\"%s\"} %" PRIu64 "\n", figures[i].name, remote->config->name, values[i]);
		}
	}
}
