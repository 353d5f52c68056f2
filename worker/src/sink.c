#include "sink.h"

#include "log.h"
#include "memory.h"
#include "sink_format.h"
#include "transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 3000
#define BREAK_AFTER 5			/* failures in a row that open the breaker */
#define BREAK_FIRST_MS 30000
#define BREAK_LAST_MS 900000
#define BACKOFF_FIRST_MS 1000
#define MAX_ATTEMPTS 20
#define WRONG_MS 600000

struct sink
{
	struct sinks *sinks;
	const struct config_sink *config;
	struct loop_timer timer;
	struct transfer *transfer;
	bool		busy;			/* a claim, a request or a report is under way */
	bool		more;			/* look again as soon as this one is done */
	int64_t		blocked_until;	/* monotonic milliseconds */
	int			failures;		/* in a row */
	bool		open;			/* the breaker: after the pause one message is tried */
	char	   *id;				/* of the message under way */
	char	   *type;
	char	   *priority;
	char	   *title;
	int			attempts;
	bool		old;
	char		epoch[24];
	uint64_t	sent;
	uint64_t	failed;
	uint64_t	dead;
};

struct sinks
{
	struct loop *loop;
	struct leader *leader;
	struct logs *logs;
	struct transfers *transfers;
	struct sink **all;
	int			count;
};

static void look(struct sink *sink);

static void
look_after(struct sink *sink, int64_t milliseconds)
{
	loop_timer_set(sink->sinks->loop, &sink->timer, milliseconds);
}

static void
forget_message(struct sink *sink)
{
	free(sink->id);
	free(sink->type);
	free(sink->priority);
	free(sink->title);
	sink->id = sink->type = sink->priority = sink->title = NULL;
}

static void
record_health(struct sink *sink, const char *status, const char *message)
{
	struct leader *leader = sink->sinks->leader;
	struct text sql = {0};
	struct text component = {0};
	struct database_query query = {.parameter_count = 3};

	if (!leader_is_ready(leader) || !database_facts(leader_database(leader))->has_health)
		return;
	text_printf(&sql, "SELECT %s.pulse_record_health($1, $2, $3)", database_facts(leader_database(leader))->schema);
	text_printf(&component, "sink.%s", sink->config->name);
	query.sql = sql.data;
	query.parameters[0] = component.data;
	query.parameters[1] = status;
	query.parameters[2] = message;
	database_query(leader_database(leader), &query);
	text_free(&sql);
	text_free(&component);
}

static void
reported(void *arg, const struct database_reply *reply)
{
	struct sink *sink = arg;

	if (reply->result == NULL && strcmp(reply->sqlstate, "08000") != 0)
		log_error("sink", "the outcome of delivery %s at %s could not be stored: %s", sink->id, sink->config->name, reply->message);
	else if (reply->result != NULL && strcmp(PQcmdTuples(reply->result), "0") == 0)
		log_warning("sink", "delivery %s at %s: another worker has taken it over; our outcome does not count", sink->id,
					sink->config->name);
	forget_message(sink);
	sink->busy = false;
	look_after(sink, 0);
}

static void
report(struct sink *sink, const char *outcome, const char *status, const char *detail, int64_t wait_ms)
{
	char		seconds[32];
	struct logs_notice notice = {.sink = sink->config->name,.id = sink->id,.type = sink->type,.priority = sink->priority,
		.title = sink->title,.outcome = outcome,.detail = detail,.attempts = sink->attempts};
	struct database_query query = {
		.sql = "UPDATE pulse.delivery_sink SET status = $5, lease_owner = NULL, lease_epoch = NULL, lease_until = NULL, last_error = $6,"
		" sent_at = CASE WHEN $5 = 'sent' THEN pg_catalog.now() END, not_before = pg_catalog.now() + pg_catalog.make_interval(secs => $7::double precision)"
		" WHERE delivery_id = $1::bigint AND sink = $2 AND status = 'leased' AND lease_owner = $3 AND lease_epoch = $4::bigint",
		.parameters = {sink->id, sink->config->name, leader_name(sink->sinks->leader), sink->epoch, status,
		strcmp(status, "sent") == 0 ? NULL : detail, seconds},
		.parameter_count = 7,
		.reply = reported,
		.arg = sink
	};

	wait_ms = loop_real_ms(wait_ms);
	snprintf(seconds, sizeof(seconds), "%" PRId64 ".%03d", wait_ms / 1000, (int) (wait_ms % 1000));
	logs_notice(sink->sinks->logs, &notice);
	/* When the connection is gone, the lease runs out, and the message goes once more: these places know it by its number. */
	if (leader_database(sink->sinks->leader) == NULL || !database_query(leader_database(sink->sinks->leader), &query))
	{
		forget_message(sink);
		sink->busy = false;
	}
}

static void
succeeded(struct sink *sink)
{
	if (sink->failures > 0)
	{
		log_info("sink", "%s takes messages again", sink->config->name);
		record_health(sink, "HEALTHY", "messages go out");
	}
	sink->failures = 0;
	sink->open = false;
	sink->sent++;
	sink->more = true;
	report(sink, "sent", "sent", NULL, 0);
}

static void
failed(struct sink *sink, const struct sink_answer *answer)
{
	int64_t		pause = BACKOFF_FIRST_MS;

	sink->failures++;
	sink->failed++;
	for (int i = 1; i < sink->failures && i < BREAK_AFTER; i++)
		pause *= 2;
	if (answer->verdict == SINK_LIMITED)
		pause = answer->retry_after > 0 ? answer->retry_after * 1000 : 30000;
	else if (answer->verdict == SINK_WRONG)
		pause = WRONG_MS;
	else if (sink->failures >= BREAK_AFTER)
	{
		pause = BREAK_FIRST_MS;
		for (int i = BREAK_AFTER; i < sink->failures && pause < BREAK_LAST_MS; i++)
			pause *= 2;
		pause = pause > BREAK_LAST_MS ? BREAK_LAST_MS : pause;
		pause = pause * 9 / 10 + (int64_t) (loop_random() % (uint64_t) (pause / 5));
	}
	if (sink->failures == 1)
		log_warning("sink", "%s does not take messages, they wait: %s", sink->config->name, answer->description);
	if (answer->verdict == SINK_WRONG || sink->failures == BREAK_AFTER)
	{
		sink->open = true;
		log_error("sink", "%s: %s; tried again in %" PRId64 " s", sink->config->name, answer->description, pause / 1000);
		record_health(sink, "CRITICAL", answer->description);
	}
	sink->blocked_until = loop_now_ms() + pause;
	if (sink->old && sink->attempts >= MAX_ATTEMPTS && answer->verdict == SINK_FAILED)
	{
		sink->dead++;
		report(sink, "dead", "dead", answer->description, 0);
	}
	else
		report(sink, "failed", "pending", answer->description, 0);
}

static void
answered(void *arg, const struct transfer_result *result)
{
	struct sink *sink = arg;
	struct sink_answer answer;

	sink->transfer = NULL;
	sink_judge(result, &answer);
	log_scrub(answer.description);
	switch (answer.verdict)
	{
		case SINK_TAKEN:
			succeeded(sink);
			break;
		case SINK_REFUSED:
			sink->dead++;
			sink->more = true;
			log_error("sink", "%s refuses delivery %s for good: %s", sink->config->name, sink->id, answer.description);
			record_health(sink, "WARNING", answer.description);
			report(sink, "dead", "dead", answer.description, 0);
			break;
		case SINK_LIMITED:
		case SINK_WRONG:
		case SINK_FAILED:
			failed(sink, &answer);
			break;
	}
}

static void
send_message(struct sink *sink, const struct sink_message *message)
{
	struct text url = {0};
	struct text body = {0};
	struct text headers = {0};
	struct transfer_request request = {.timeout_ms = (int) sink->config->timeout,.ca_file = sink->config->ca_file};

	sink_url(sink->config, &url);
	sink_body(sink->config, message, &body);
	sink_headers(sink->config, message, &body, loop_day_ms() / 1000, &headers);
	request.url = url.data;
	request.body = body.data;
	request.body_length = body.length;
	request.headers = headers.data;
	sink->transfer = transfer_start(sink->sinks->transfers, &request, answered, sink);
	explicit_bzero(headers.data, headers.length);
	text_free(&url);
	text_free(&body);
	text_free(&headers);
}

static const char *
column(const PGresult *result, int number)
{
	return PQgetisnull(result, 0, number) ? NULL : PQgetvalue(result, 0, number);
}

static void
claimed(void *arg, const struct database_reply *reply)
{
	struct sink *sink = arg;
	const PGresult *result = reply->result;
	struct sink_message message;

	if (result == NULL || PQntuples(result) == 0)
	{
		if (result == NULL && strcmp(reply->sqlstate, "08000") != 0)
			log_error("sink", "%s cannot claim: %s", sink->config->name, reply->message);
		sink->busy = false;
		look_after(sink, sink->more && result != NULL ? 0 : POLL_MS);
		sink->more = false;
		return;
	}
	message = (struct sink_message) {.id = column(result, 0),.type = column(result, 1),.priority = column(result, 2),
		.portfolio = column(result, 3),.title = column(result, 4),.message = column(result, 5),.data = column(result, 6),
		.created_at = column(result, 7),.duplicates = atoi(PQgetvalue(result, 0, 8)),.attempts = atoi(PQgetvalue(result, 0, 9))};
	forget_message(sink);
	sink->id = memory_string(message.id);
	sink->type = memory_string(message.type);
	sink->priority = memory_string(message.priority);
	sink->title = memory_string(message.title);
	sink->attempts = message.attempts;
	sink->old = PQgetvalue(result, 0, 10)[0] == 't';
	snprintf(sink->epoch, sizeof(sink->epoch), "%s", leader_epoch(sink->sinks->leader));
	send_message(sink, &message);
}

/* Takes the next message when nothing is under way and the breaker lets one through. */
static void
look(struct sink *sink)
{
	struct leader *leader = sink->sinks->leader;
	int64_t		wait = sink->blocked_until - loop_now_ms();
	struct database_query query = {
		.sql = "SELECT c.delivery_id, c.type, c.priority, c.portfolio, c.title, c.message, c.data::text,"
		" pg_catalog.to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), c.duplicates, c.attempts,"
		" c.created_at < pg_catalog.now() - interval '1 day' FROM pulse.claim_for_sink($1, $2, $3, $4, $5::bigint, 1) AS c",
		.parameters = {sink->config->name, sink->config->kind, sink->config->min_priority, leader_name(leader), leader_epoch(leader)},
		.parameter_count = 5,
		.prepare = true,
		.reply = claimed,
		.arg = sink
	};

	if (sink->busy || !leader_leads(leader) || !leader_is_ready(leader))
		return;
	if (wait > 0)
	{
		look_after(sink, wait);
		return;
	}
	sink->more = false;
	sink->busy = database_query(leader_database(leader), &query);
}

static void
timer_due(void *arg)
{
	look(arg);
}

static void
gained(void *arg)
{
	struct sinks *sinks = arg;
	/* What we had leased before the connection broke, or before another configuration, need not wait for its end. */
	struct database_query release = {
		.sql = "UPDATE pulse.delivery_sink SET status = 'pending', lease_owner = NULL, lease_epoch = NULL, lease_until = NULL"
		" WHERE status = 'leased' AND lease_owner = $1",
		.parameters = {leader_name(sinks->leader)},
		.parameter_count = 1
	};

	if (sinks->count > 0 && leader_is_ready(sinks->leader))
		database_query(leader_database(sinks->leader), &release);
	for (int i = 0; i < sinks->count; i++)
		look_after(sinks->all[i], 0);
}

/* What is under way is dropped: its lease runs out, and the next leader sends it again. */
static void
stop_sink(struct sink *sink)
{
	struct leader *leader = sink->sinks->leader;

	loop_timer_cancel(sink->sinks->loop, &sink->timer);
	if (leader_database(leader) != NULL)
		database_forget(leader_database(leader), sink);
	if (sink->transfer != NULL)
		transfer_cancel(sink->transfer);
	sink->transfer = NULL;
	sink->busy = false;
	forget_message(sink);
}

static void
lost(void *arg)
{
	struct sinks *sinks = arg;

	for (int i = 0; i < sinks->count; i++)
		stop_sink(sinks->all[i]);
}

static void
free_all(struct sinks *sinks)
{
	for (int i = 0; i < sinks->count; i++)
	{
		stop_sink(sinks->all[i]);
		free(sinks->all[i]);
	}
	free(sinks->all);
	sinks->all = NULL;
	sinks->count = 0;
}

/* Takes over a configuration; every sink is tried at once. */
void
sinks_configure(struct sinks *sinks, const struct config *config)
{
	free_all(sinks);
	sinks->all = memory_alloc_zero(sizeof(*sinks->all) * (size_t) (config->sink_count + 1));
	sinks->count = config->sink_count;
	for (int i = 0; i < config->sink_count; i++)
	{
		struct sink *sink = memory_alloc_zero(sizeof(*sink));

		sink->sinks = sinks;
		sink->config = &config->sinks[i];
		sink->timer = (struct loop_timer) {.fn = timer_due,.arg = sink};
		sinks->all[i] = sink;
		/* The address of a chat's webhook is all that it takes to write there. */
		log_hide_secret(sink->config->url);
	}
	if (leader_leads(sinks->leader))
		gained(sinks);
}

/* Begins to send as soon as this worker leads. */
struct sinks *
sinks_open(struct loop *loop, struct leader *leader, struct logs *logs, const struct config *config)
{
	struct sinks *sinks = memory_alloc_zero(sizeof(*sinks));
	struct leader_owner owner = {.gained = gained,.lost = lost,.arg = sinks};

	sinks->loop = loop;
	sinks->leader = leader;
	sinks->logs = logs;
	sinks->transfers = transfers_open(loop);
	leader_join(leader, &owner);
	sinks_configure(sinks, config);
	return sinks;
}

/* Tells that something new may be due. */
void
sinks_wake(struct sinks *sinks)
{
	for (int i = 0; i < sinks->count; i++)
	{
		sinks->all[i]->more = true;
		look(sinks->all[i]);
	}
}

/* Stops sending. */
void
sinks_close(struct sinks *sinks)
{
	if (sinks == NULL)
		return;
	free_all(sinks);
	transfers_close(sinks->transfers);
	free(sinks);
}

/* Writes the figures of all sinks in Prometheus' text format. */
void
sinks_metrics(const struct sinks *sinks, struct text *out)
{
	static const struct
	{
		const char *name;
		const char *type;
		const char *help;
	}			figures[] = {
		{"pulse_sink_up", "gauge", "1 while the place takes messages."},
		{"pulse_sink_breaker_open", "gauge", "1 while only one message is tried now and then."},
		{"pulse_sink_sent_total", "counter", "Messages that were taken."},
		{"pulse_sink_failed_total", "counter", "Attempts that failed and are retried."},
		{"pulse_sink_dead_total", "counter", "Messages given up."},
	};

	for (size_t i = 0; sinks->count > 0 && i < sizeof(figures) / sizeof(figures[0]); i++)
	{
		text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", figures[i].name, figures[i].help, figures[i].name, figures[i].type);
		for (int j = 0; j < sinks->count; j++)
		{
			const struct sink *sink = sinks->all[j];
			const uint64_t values[] = {sink->failures == 0, sink->open, sink->sent, sink->failed, sink->dead};

			text_printf(out, "%s{sink=\"%s\",kind=\"%s\"} %" PRIu64 "\n", figures[i].name, sink->config->name, sink->config->kind, values[i]);
		}
	}
}
