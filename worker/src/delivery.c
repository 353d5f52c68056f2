#include "delivery.h"

#include "leader.h"
#include "log.h"
#include "memory.h"
#include "rate.h"
#include "telegram.h"
#include "transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 3000
#define SEND_TIMEOUT_MS 20000
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LAST_MS 60000
#define PROBE_AGAIN_MS 600000	/* a sink that was refused is tried again after ten minutes */

/* A lease outlives the longest send, so that a row whose lease ran out has no sender any more. */
#define LEASE "'30 seconds'"

enum delivery_state
{
	DELIVERY_RESTING,			/* not leading, or not enabled */
	DELIVERY_STARTING,			/* reading what a new leader must know */
	DELIVERY_IDLE,
	DELIVERY_CLAIMING,
	DELIVERY_SENDING,
	DELIVERY_REPORTING
};

/* The row that is being sent. */
struct sending
{
	char	   *id;
	char	   *type;
	char	   *priority;
	char	   *portfolio;
	char	   *title;
	char	   *message;
	char	   *data;
	char	   *time;
	char	   *epoch;			/* term in which it was leased */
	int			attempts;
	int			duplicates;
	bool		repeat;
	bool		old;			/* waits for more than a day */
	bool		html;
};

/* An outcome that has to get into the table, whatever the connection does meanwhile. */
struct report
{
	const char *sql;
	char	   *id;
	char	   *epoch;
	char	   *text;
	char	   *extra;
};

struct delivery
{
	struct loop *loop;
	struct transfers *transfers;
	struct leader *leader;
	struct logs *logs;
	bool		enabled;
	char	   *chat_id;
	char	   *configured_chat;	/* chat_id may differ from it after a migration */
	char	   *api_base;
	char	   *token;
	char	   *timezone;
	int64_t		max_attempts;

	enum delivery_state state;
	struct loop_timer timer;
	bool		woken;			/* something may be due */
	bool		draining;
	int64_t		blocked_until;	/* monotonic milliseconds; 429, outage or refusal */
	int			failures;		/* in a row */
	bool		refused;		/* token or chat are wrong */
	struct rate rate;
	struct sending sending;
	struct transfer *transfer;
	struct report report;
	struct delivery_counters counters;
};

static void pump(struct delivery *delivery);
static void send_report(struct delivery *delivery);
static void send_message(struct delivery *delivery);

/* CRITICAL goes first; among the others each rank weighs five minutes of waiting, so that LOW is late but not lost. */
static const char claim_sql[] =
"WITH next AS ("
" SELECT delivery_id FROM pulse.delivery"
" WHERE channel = 'telegram' AND status = 'pending' AND not_before <= pg_catalog.now()"
" ORDER BY priority <> 'CRITICAL', created_at + CASE priority WHEN 'LOW' THEN interval '10 minutes'"
"  WHEN 'MEDIUM' THEN interval '5 minutes' ELSE interval '0' END, delivery_id"
" LIMIT 1 FOR UPDATE SKIP LOCKED)"
" UPDATE pulse.delivery d SET status = 'leased', lease_owner = $1, lease_epoch = $2::bigint,"
"  lease_until = pg_catalog.now() + interval " LEASE ", attempts = d.attempts + 1"
" FROM next WHERE d.delivery_id = next.delivery_id"
" RETURNING d.delivery_id, d.type, d.priority, d.portfolio, d.title, d.message, d.data::text,"
"  pg_catalog.to_char(d.created_at AT TIME ZONE $3, 'YYYY-MM-DD HH24:MI:SS'), d.attempts, d.duplicates, d.uncertain > 0,"
"  d.created_at < pg_catalog.now() - interval '1 day'";

/*
 * A lease that ran out belonged to a sender that died or was cut off between taking the row and reporting: it may have
 * gone out. LOW is not worth a possible repeat.
 */
static const char recover_sql[] =
"UPDATE pulse.delivery SET status = CASE priority WHEN 'LOW' THEN 'ambiguous' ELSE 'pending' END,"
" uncertain = uncertain + 1, lease_owner = NULL, lease_epoch = NULL, lease_until = NULL,"
" last_error = 'the sender vanished while it was sending'"
" WHERE channel = 'telegram' AND status = 'leased' AND lease_until < pg_catalog.now() RETURNING delivery_id, status";

/* Rows that this process leased in a term before, when the connection broke before it learnt of it: never sent. */
static const char release_sql[] =
"UPDATE pulse.delivery SET status = 'pending', attempts = attempts - 1, lease_owner = NULL, lease_epoch = NULL,"
" lease_until = NULL WHERE channel = 'telegram' AND status = 'leased' AND lease_owner = $1";

/* Every report names the lease: one that was fenced off changes nothing. */
#define REPORT "UPDATE pulse.delivery SET lease_owner = NULL, lease_epoch = NULL, lease_until = NULL, "
#define FENCED " WHERE delivery_id = $1::bigint AND status = 'leased' AND lease_owner = $2 AND lease_epoch = $3::bigint"

static const char sent_sql[] =
REPORT "status = 'sent', sent_at = pg_catalog.now(), external_id = $4, last_error = $5" FENCED;
static const char given_back_sql[] =
REPORT "status = 'pending', attempts = attempts - 1, last_error = $4, not_before = pg_catalog.now() +"
" pg_catalog.make_interval(secs => COALESCE($5, '0')::double precision)" FENCED;
static const char failed_sql[] =
REPORT "status = 'pending', last_error = $4, not_before = pg_catalog.now() +"
" pg_catalog.make_interval(secs => $5::double precision)" FENCED;
static const char uncertain_sql[] =
REPORT "status = CASE priority WHEN 'LOW' THEN 'ambiguous' ELSE 'pending' END, uncertain = uncertain + 1, last_error = $4,"
" not_before = pg_catalog.now() + pg_catalog.make_interval(secs => $5::double precision)" FENCED;
static const char dead_sql[] =
REPORT "status = 'dead', last_error = $4 || COALESCE($5, '')" FENCED;

static void
free_sending(struct sending *sending)
{
	free(sending->id);
	free(sending->type);
	free(sending->priority);
	free(sending->portfolio);
	free(sending->title);
	free(sending->message);
	free(sending->data);
	free(sending->time);
	free(sending->epoch);
	*sending = (struct sending) {0};
}

static void
free_report(struct report *report)
{
	free(report->id);
	free(report->epoch);
	free(report->text);
	free(report->extra);
	*report = (struct report) {0};
}

static void
rest_until(struct delivery *delivery, int64_t milliseconds)
{
	loop_timer_set(delivery->loop, &delivery->timer, milliseconds);
}

static void
block_for(struct delivery *delivery, int64_t milliseconds)
{
	delivery->blocked_until = loop_now_ms() + milliseconds;
}

/* Doubles the pause with every failure in a row, and spreads it so that several workers do not beat together. */
static int64_t
next_backoff(struct delivery *delivery)
{
	int64_t		pause = BACKOFF_FIRST_MS;

	for (int i = 0; i < delivery->failures && pause < BACKOFF_LAST_MS; i++)
		pause *= 2;
	if (pause > BACKOFF_LAST_MS)
		pause = BACKOFF_LAST_MS;
	delivery->failures++;
	return pause / 2 + (int64_t) (loop_random() % (uint64_t) pause);
}

/* Puts the sink's state beside the other components of pulse_health(), where the page and other alerts see it. */
static void
record_health(struct delivery *delivery, const char *status, const char *message)
{
	struct database *database = leader_database(delivery->leader);
	const struct database_facts *facts;
	struct text sql = {0};
	struct database_query query = {.parameters = {status, message},.parameter_count = 2};

	if (!leader_is_ready(delivery->leader))
		return;
	facts = database_facts(database);
	if (!facts->has_health)
		return;
	text_printf(&sql, "SELECT %s.pulse_record_health('telegram', $1, $2, NULL, '{}')", facts->schema);
	query.sql = sql.data;
	database_query(database, &query);
	text_free(&sql);
}

static void
reported(void *arg, const struct database_reply *reply)
{
	struct delivery *delivery = arg;

	if (reply->result == NULL && strcmp(reply->sqlstate, "08000") == 0)
		return;					/* said again when the connection is back */
	if (reply->result == NULL)
		log_error("delivery", "the outcome of delivery %s could not be stored: %s", delivery->report.id, reply->message);
	else if (strcmp(PQcmdTuples(reply->result), "0") == 0)
		log_warning("delivery", "delivery %s: another worker has taken it over; our outcome does not count",
					delivery->report.id);
	free_report(&delivery->report);
	if (delivery->state == DELIVERY_REPORTING)
		delivery->state = leader_leads(delivery->leader) ? DELIVERY_IDLE : DELIVERY_RESTING;
	delivery->woken = true;
	pump(delivery);
}

static void
send_report(struct delivery *delivery)
{
	struct report *report = &delivery->report;
	struct database_query query = {
		.sql = report->sql,
		.parameters = {report->id, leader_name(delivery->leader), report->epoch, report->text, report->extra},
		.parameter_count = 5,
		.reply = reported,
		.arg = delivery
	};

	delivery->state = DELIVERY_REPORTING;
	database_query(leader_database(delivery->leader), &query);
}

static void
note_outcome(const struct delivery *delivery, const char *sql, const char *text)
{
	const struct sending *sending = &delivery->sending;
	struct logs_notice notice = {.sink = "telegram",.id = sending->id,.type = sending->type,.priority = sending->priority,
		.portfolio = sending->portfolio,.title = sending->title,.detail = text,.attempts = sending->attempts};

	notice.outcome = sql == sent_sql ? "sent" : sql == dead_sql ? "dead" : sql == uncertain_sql ? "uncertain" :
		sql == failed_sql ? "failed" : "waits";
	logs_notice(delivery->logs, &notice);
}

static void
conclude(struct delivery *delivery, const char *sql, const char *text, const char *extra)
{
	note_outcome(delivery, sql, text);
	delivery->report = (struct report) {.sql = sql,.id = memory_string(delivery->sending.id),
		.epoch = memory_string(delivery->sending.epoch),.text = memory_string(text),.extra = memory_string(extra)};
	free_sending(&delivery->sending);
	send_report(delivery);
}

static void
conclude_after(struct delivery *delivery, const char *sql, const char *text, int64_t milliseconds)
{
	char		seconds[32];

	milliseconds = loop_real_ms(milliseconds);
	snprintf(seconds, sizeof(seconds), "%" PRId64 ".%03d", milliseconds / 1000, (int) (milliseconds % 1000));
	conclude(delivery, sql, text, seconds);
}

static void
sink_refused(struct delivery *delivery, const char *what, const char *description)
{
	char		message[400];

	snprintf(message, sizeof(message), "%s: %s", what, description);
	log_error("telegram", "%s; nothing is sent until that is put right (SIGHUP tries at once)", message);
	record_health(delivery, "CRITICAL", message);
	delivery->refused = true;
	block_for(delivery, PROBE_AGAIN_MS);
	conclude(delivery, given_back_sql, message, NULL);
}

/* The new id of a group that became a supergroup must survive us: the old one never works again. */
static void
remember_chat(struct delivery *delivery, const char *new_chat)
{
	char		key[64];
	struct text value = {0};
	struct database_query query = {
		.sql = "INSERT INTO pulse.worker_state (key, value) VALUES ($1, $2::jsonb)"
		" ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, updated_at = pg_catalog.now()",
		.parameters = {key},
		.parameter_count = 2
	};

	log_warning("telegram", "chat %s has become %s; put that into the configuration", delivery->chat_id, new_chat);
	free(delivery->chat_id);
	delivery->chat_id = memory_string(new_chat);
	snprintf(key, sizeof(key), "telegram.moved.%s", delivery->configured_chat);
	text_append_json(&value, new_chat);
	query.parameters[1] = value.data;
	database_query(leader_database(delivery->leader), &query);
	text_free(&value);
}

static void
sent(struct delivery *delivery, const struct telegram_answer *answer)
{
	delivery->counters.sent++;
	if (delivery->refused || delivery->failures > 0)
	{
		log_info("telegram", "messages go out again");
		record_health(delivery, "HEALTHY", "messages go out");
	}
	delivery->refused = false;
	delivery->failures = 0;
	conclude(delivery, sent_sql, answer->message_id, delivery->sending.html ? NULL : "sent as plain text");
}

static void
failed(struct delivery *delivery, const struct telegram_answer *answer)
{
	int64_t		pause = next_backoff(delivery);

	delivery->counters.failed++;
	if (delivery->failures == 1)
		log_warning("telegram", "delivery %s failed, trying again: %s", delivery->sending.id, answer->description);
	if (delivery->failures == 3)
		record_health(delivery, "WARNING", answer->description);
	block_for(delivery, pause);

	/* An outage of hours costs no message: only what fails for more than a day, and often, is given up. */
	if (delivery->sending.old && delivery->sending.attempts >= delivery->max_attempts)
	{
		delivery->counters.dead++;
		log_error("telegram", "delivery %s is given up after %d attempts: %s", delivery->sending.id,
				  delivery->sending.attempts, answer->description);
		conclude(delivery, dead_sql, answer->description, " (given up)");
		return;
	}
	conclude_after(delivery, failed_sql, answer->description, pause);
}

static void
ambiguous(struct delivery *delivery, const struct telegram_answer *answer)
{
	bool		low = strcmp(delivery->sending.priority, "LOW") == 0;
	int64_t		pause = next_backoff(delivery);

	delivery->counters.ambiguous++;
	log_warning("telegram", "delivery %s may or may not have arrived (%s); %s", delivery->sending.id, answer->description,
				low ? "LOW is not repeated" : "it is sent again, marked as a possible repeat");
	block_for(delivery, pause);
	conclude_after(delivery, uncertain_sql, answer->description, pause);
}

static void
answered(void *arg, const struct transfer_result *result)
{
	struct delivery *delivery = arg;
	struct telegram_answer answer;

	delivery->transfer = NULL;
	telegram_judge(result, &answer);
	switch (answer.verdict)
	{
		case TELEGRAM_SENT:
			sent(delivery, &answer);
			break;
		case TELEGRAM_LIMITED:
			delivery->counters.limited++;
			log_info("telegram", "Telegram wants a pause of %" PRId64 " s", answer.retry_after);
			block_for(delivery, answer.retry_after * 1000);
			conclude(delivery, given_back_sql, answer.description, NULL);
			break;
		case TELEGRAM_PLAIN:
			if (delivery->sending.html)
			{
				log_warning("telegram", "delivery %s: %s; sending it as plain text", delivery->sending.id, answer.description);
				delivery->sending.html = false;
				send_message(delivery);
				break;
			}
			/* FALLTHROUGH */
		case TELEGRAM_REFUSED:
			delivery->counters.dead++;
			log_error("telegram", "delivery %s is refused for good: %s", delivery->sending.id, answer.description);
			record_health(delivery, "WARNING", answer.description);
			conclude(delivery, dead_sql, answer.description, NULL);
			break;
		case TELEGRAM_MOVED:
			remember_chat(delivery, answer.new_chat);
			conclude(delivery, given_back_sql, answer.description, NULL);
			break;
		case TELEGRAM_BAD_TOKEN:
			sink_refused(delivery, "the bot token is wrong", answer.description);
			break;
		case TELEGRAM_BAD_CHAT:
			sink_refused(delivery, "the bot may not write to the chat", answer.description);
			break;
		case TELEGRAM_FAILED:
			failed(delivery, &answer);
			break;
		case TELEGRAM_AMBIGUOUS:
			ambiguous(delivery, &answer);
			break;
	}
}

static void
send_message(struct delivery *delivery)
{
	struct sending *sending = &delivery->sending;
	struct telegram_message message = {.id = sending->id,.type = sending->type,.priority = sending->priority,
		.portfolio = sending->portfolio,.title = sending->title,.message = sending->message,.data = sending->data,
		.time = sending->time,.zone = delivery->timezone,.duplicates = sending->duplicates,.repeat = sending->repeat};
	struct text text = {0};
	struct text body = {0};
	struct text url = {0};

	telegram_compose(&text, &message, sending->html);
	telegram_request(&body, delivery->chat_id, text.data, sending->html, strcmp(sending->priority, "LOW") == 0);
	telegram_url(&url, delivery->api_base, delivery->token, "sendMessage");
	rate_count(&delivery->rate, loop_now_ms());
	delivery->transfer = transfer_post_json(delivery->transfers, url.data, body.data, SEND_TIMEOUT_MS, answered, delivery);
	text_free(&text);
	text_free(&body);
	text_free(&url);
}

static void
claimed(void *arg, const struct database_reply *reply)
{
	struct delivery *delivery = arg;
	struct sending *sending = &delivery->sending;
	const PGresult *result = reply->result;

	if (delivery->state == DELIVERY_CLAIMING)
		delivery->state = DELIVERY_IDLE;
	if (result == NULL)
	{
		/* 22023: PostgreSQL does not know the configured zone. */
		if (strcmp(reply->sqlstate, "22023") == 0)
		{
			log_error("delivery", "%s; times are shown in UTC", reply->message);
			free(delivery->timezone);
			delivery->timezone = memory_string("UTC");
			delivery->woken = true;
		}
		else if (strcmp(reply->sqlstate, "08000") != 0)
			log_error("delivery", "cannot claim: %s%s", reply->message, strcmp(reply->sqlstate, "42501") == 0
					  ? " (the role needs the rights of pulse_grant)" : "");
		pump(delivery);
		return;
	}
	if (PQntuples(result) == 0)
	{
		pump(delivery);
		return;
	}
	*sending = (struct sending) {
		.id = memory_string(PQgetvalue(result, 0, 0)),
		.type = memory_string(PQgetvalue(result, 0, 1)),
		.priority = memory_string(PQgetvalue(result, 0, 2)),
		.portfolio = PQgetisnull(result, 0, 3) ? NULL : memory_string(PQgetvalue(result, 0, 3)),
		.title = memory_string(PQgetvalue(result, 0, 4)),
		.message = memory_string(PQgetvalue(result, 0, 5)),
		.data = memory_string(PQgetvalue(result, 0, 6)),
		.time = memory_string(PQgetvalue(result, 0, 7)),
		.epoch = memory_string(leader_epoch(delivery->leader)),
		.attempts = atoi(PQgetvalue(result, 0, 8)),
		.duplicates = atoi(PQgetvalue(result, 0, 9)),
		.repeat = PQgetvalue(result, 0, 10)[0] == 't',
		.old = PQgetvalue(result, 0, 11)[0] == 't',
		.html = true
	};
	delivery->woken = true;
	delivery->state = DELIVERY_SENDING;
	send_message(delivery);
}

static void
recovered(void *arg, const struct database_reply *reply)
{
	struct delivery *delivery = arg;

	for (int row = 0; reply->result != NULL && row < PQntuples(reply->result); row++)
	{
		delivery->counters.ambiguous++;
		delivery->woken = true;
		log_warning("delivery", "the sender of delivery %s vanished; it is %s now", PQgetvalue(reply->result, row, 0),
					PQgetvalue(reply->result, row, 1));
	}
	pump(delivery);
}

static void
recover(struct delivery *delivery)
{
	struct database_query query = {.sql = recover_sql,.prepare = true,.reply = recovered,.arg = delivery};

	database_query(leader_database(delivery->leader), &query);
}

static void
claim(struct delivery *delivery)
{
	struct database_query query = {
		.sql = claim_sql,
		.parameters = {leader_name(delivery->leader), leader_epoch(delivery->leader), delivery->timezone},
		.parameter_count = 3,
		.prepare = true,
		.reply = claimed,
		.arg = delivery
	};

	delivery->woken = false;
	if (database_query(leader_database(delivery->leader), &query))
		delivery->state = DELIVERY_CLAIMING;
}

/* Takes the next step when nothing is under way and nothing forbids it. A row is leased only when it may go out now. */
static void
pump(struct delivery *delivery)
{
	int64_t		now = loop_now_ms();
	int64_t		wait;

	if (delivery->state != DELIVERY_IDLE || delivery->draining)
		return;
	wait = rate_wait(&delivery->rate, now);
	if (delivery->blocked_until - now > wait)
		wait = delivery->blocked_until - now;
	if (delivery->woken && wait <= 0)
		claim(delivery);
	else
		rest_until(delivery, delivery->woken && wait < POLL_MS ? wait : POLL_MS);
}

static void
timer_due(void *arg)
{
	struct delivery *delivery = arg;

	/* The clock also brings what became due by time, and leases that ran out. */
	if (delivery->state == DELIVERY_IDLE && !delivery->draining)
	{
		delivery->woken = true;
		recover(delivery);
	}
}

/* A restart must not give a fresh burst: what went out in the last minute counts. */
static void
history_read(void *arg, const struct database_reply *reply)
{
	struct delivery *delivery = arg;
	int64_t		now = loop_now_ms();

	if (delivery->state != DELIVERY_STARTING)
		return;
	rate_init(&delivery->rate, delivery->configured_chat[0] == '-' || delivery->configured_chat[0] == '@',
			  now - RATE_WINDOW_MS);
	for (int row = 0; reply->result != NULL && row < PQntuples(reply->result); row++)
	{
		if (!PQgetisnull(reply->result, row, 0))
			rate_count(&delivery->rate, now - atoll(PQgetvalue(reply->result, row, 0)));
		if (!PQgetisnull(reply->result, row, 1))
		{
			free(delivery->chat_id);
			delivery->chat_id = memory_string(PQgetvalue(reply->result, row, 1));
		}
	}
	delivery->state = DELIVERY_IDLE;
	delivery->woken = true;
	recover(delivery);
}

static void
begin(struct delivery *delivery)
{
	char		key[64];
	struct database_query query = {
		.sql = "SELECT (EXTRACT(epoch FROM pg_catalog.now() - sent_at) * 1000)::bigint,"
		" (SELECT value #>> '{}' FROM pulse.worker_state WHERE key = $1)"
		" FROM (SELECT NULL::timestamptz AS sent_at UNION ALL SELECT sent_at FROM pulse.delivery"
		" WHERE channel = 'telegram' AND status = 'sent' AND sent_at > pg_catalog.now() - interval '1 minute'"
		" ORDER BY sent_at NULLS FIRST) AS recent",
		.parameters = {key},
		.parameter_count = 1,
		.reply = history_read,
		.arg = delivery
	};
	struct database_query release = {.sql = release_sql,.parameters = {leader_name(delivery->leader)},.parameter_count = 1};

	database_query(leader_database(delivery->leader), &release);
	snprintf(key, sizeof(key), "telegram.moved.%s", delivery->configured_chat);
	delivery->state = DELIVERY_STARTING;
	database_query(leader_database(delivery->leader), &query);
}

/* An outcome that the last connection took with it is stored first of all: the lease may still be ours. */
static void
connected(void *arg)
{
	struct delivery *delivery = arg;

	if (delivery->state == DELIVERY_REPORTING)
		send_report(delivery);
}

static void
gained(void *arg)
{
	struct delivery *delivery = arg;

	if (delivery->enabled && delivery->state == DELIVERY_RESTING)
		begin(delivery);
}

/*
 * What is being sent goes on being sent: its outcome is reported when we lead again, and counts if nobody has taken the
 * row over by then.
 */
static void
lost(void *arg)
{
	struct delivery *delivery = arg;

	if (delivery->state != DELIVERY_SENDING && delivery->state != DELIVERY_REPORTING)
	{
		delivery->state = DELIVERY_RESTING;
		loop_timer_cancel(delivery->loop, &delivery->timer);
	}
}

static void
set_string(char **field, const char *value)
{
	free(*field);
	*field = memory_string(value);
}

/* Takes over a configuration, also at the start; a sink that was refused is tried at once. */
void
delivery_configure(struct delivery *delivery, const struct config *config)
{
	delivery->enabled = config->telegram_enabled;
	if (!delivery->enabled)
	{
		if (delivery->transfer != NULL)
			transfer_cancel(delivery->transfer);
		delivery->transfer = NULL;
		if (leader_database(delivery->leader) != NULL)
			database_forget(leader_database(delivery->leader), delivery);
		delivery->state = DELIVERY_RESTING;
		loop_timer_cancel(delivery->loop, &delivery->timer);
		free_sending(&delivery->sending);
		free_report(&delivery->report);
		return;
	}
	if (delivery->configured_chat == NULL || strcmp(delivery->configured_chat, config->chat_id) != 0)
	{
		set_string(&delivery->configured_chat, config->chat_id);
		set_string(&delivery->chat_id, config->chat_id);
		rate_init(&delivery->rate, config->chat_id[0] == '-' || config->chat_id[0] == '@', loop_now_ms());
	}
	set_string(&delivery->api_base, config->api_base);
	set_string(&delivery->token, config->token);
	set_string(&delivery->timezone, config->timezone);
	delivery->max_attempts = config->max_attempts;
	if (delivery->refused)
		delivery->blocked_until = 0;
	if (leader_leads(delivery->leader))
		gained(delivery);
	delivery_wake(delivery);
}

/* Starts delivering when the configuration says so. */
struct delivery *
delivery_open(struct loop *loop, struct leader *leader, struct logs *logs, const struct config *config)
{
	struct delivery *delivery = memory_alloc_zero(sizeof(*delivery));
	struct leader_owner owner = {.connected = connected,.gained = gained,.lost = lost,.arg = delivery};

	delivery->loop = loop;
	delivery->leader = leader;
	delivery->logs = logs;
	leader_join(leader, &owner);
	delivery->timer = (struct loop_timer) {.fn = timer_due,.arg = delivery};
	delivery->transfers = transfers_open(loop);
	delivery_configure(delivery, config);
	return delivery;
}

/* Tells that something new may be due. */
void
delivery_wake(struct delivery *delivery)
{
	delivery->woken = true;
	pump(delivery);
}

/* Claims nothing more; what is under way is finished. */
void
delivery_drain(struct delivery *delivery)
{
	delivery->draining = true;
	loop_timer_cancel(delivery->loop, &delivery->timer);
}

/* Stops at once. A row that is being sent stays leased, and is recovered as ambiguous. */
void
delivery_close(struct delivery *delivery)
{
	if (delivery == NULL)
		return;
	loop_timer_cancel(delivery->loop, &delivery->timer);
	transfers_close(delivery->transfers);
	if (leader_database(delivery->leader) != NULL)
		database_forget(leader_database(delivery->leader), delivery);
	free_sending(&delivery->sending);
	free_report(&delivery->report);
	free(delivery->chat_id);
	free(delivery->configured_chat);
	free(delivery->api_base);
	if (delivery->token != NULL)
		explicit_bzero(delivery->token, strlen(delivery->token));
	free(delivery->token);
	free(delivery->timezone);
	free(delivery);
}

/* Tells whether nothing is under way. */
bool
delivery_is_idle(const struct delivery *delivery)
{
	return delivery->state == DELIVERY_RESTING || delivery->state == DELIVERY_IDLE || delivery->state == DELIVERY_STARTING ||
		!leader_is_ready(delivery->leader);
}

/* Tells whether messages can be sent, as far as is known. */
bool
delivery_is_up(const struct delivery *delivery)
{
	return delivery->enabled && !delivery->refused && delivery->failures == 0;
}

/* Tells whether this worker is the one that sends. */
bool
delivery_is_leader(const struct delivery *delivery)
{
	return delivery->enabled && leader_leads(delivery->leader);
}

/* Returns the running totals. */
const struct delivery_counters *
delivery_counters(const struct delivery *delivery)
{
	return &delivery->counters;
}
