#include "delivery.h"

#include "chats.h"
#include "leader.h"
#include "log.h"
#include "memory.h"
#include "outbox.h"
#include "places.h"
#include "progress.h"
#include "telegram.h"
#include "transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 3000
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LAST_MS 60000
#define FORGO_MS 60000
#define PROBE_AGAIN_MS 600000	/* a sink that was refused is tried again after ten minutes */

enum delivery_state
{
	DELIVERY_RESTING,			/* not leading, or not enabled */
	DELIVERY_STARTING,			/* reading what a new leader must know */
	DELIVERY_IDLE,
	DELIVERY_CLAIMING,
	DELIVERY_SENDING,
	DELIVERY_REPORTING
};

/* The message that is being sent. */
struct sending
{
	struct outbox_message row;
	char	   *epoch;			/* term in which it was leased */
	bool		html;
	bool		fresh;			/* what it should have replaced cannot be replaced: a new message */
	enum chat_role chat;
	int			part;
	int			parts;
	char		first_id[32];	/* message_id of the first part */
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
	struct bot *bot;			/* draws the charts of reports */
	bool		enabled;
	struct chats chats;
	char	   *api_base;
	char	   *ca_file;
	int			timeout_ms;
	char	   *token;
	char	   *timezone;
	struct places places;
	char		quiet_from[6];	/* "" = never quiet */
	char		quiet_to[6];
	char		collapse_after[24];
	int64_t		max_attempts;

	enum delivery_state state;
	struct loop_timer timer;
	struct progress progress;	/* of a leader: it looks into the outbox, or sends */
	bool		woken;			/* something may be due */
	const char *open;			/* chats that the last claim was for */
	bool		none_for_open;	/* it found nothing, and nothing has changed since */
	bool		draining;
	int64_t		blocked_until;	/* monotonic milliseconds; outage or a wrong token */
	int			failures;		/* in a row */
	bool		refused;		/* the token is wrong */
	struct sending sending;
	struct transfer *transfer;
	struct
	{
		char		id[24];		/* "" = none */
		int			part;
		char		first_id[32];
	}			broken_off;
	struct report report;
	struct delivery_counters counters;
};

static void pump(struct delivery *delivery);
static void send_report(struct delivery *delivery);
static void send_message(struct delivery *delivery);

static void
free_sending(struct sending *sending)
{
	outbox_free(&sending->row);
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
note_outcome(const struct delivery *delivery, enum outbox_outcome outcome, const char *text)
{
	const struct outbox_message *row = &delivery->sending.row;
	struct logs_notice notice = {.sink = "telegram",.id = row->id,.type = row->type,.priority = row->priority,
		.portfolio = row->portfolio,.title = row->title,.outcome = outbox_outcome_name(outcome),.detail = text,.attempts = row->attempts};

	logs_notice(delivery->logs, &notice);
}

static void
conclude(struct delivery *delivery, enum outbox_outcome outcome, const char *text, const char *extra)
{
	note_outcome(delivery, outcome, text);
	delivery->report = (struct report) {.sql = outbox_report_sql(outcome),.id = memory_string(delivery->sending.row.ids),
		.epoch = memory_string(delivery->sending.epoch),.text = memory_string(text),.extra = memory_string(extra)};
	free_sending(&delivery->sending);
	send_report(delivery);
}

static void
conclude_after(struct delivery *delivery, enum outbox_outcome outcome, const char *text, int64_t milliseconds)
{
	char		seconds[32];

	milliseconds = loop_real_ms(milliseconds);
	snprintf(seconds, sizeof(seconds), "%" PRId64 ".%03d", milliseconds / 1000, (int) (milliseconds % 1000));
	conclude(delivery, outcome, text, seconds);
}

/* A wrong token stops everything, a chat that may not be written to only what goes there. */
static void
refused(struct delivery *delivery, const struct telegram_answer *answer)
{
	bool		token = answer->verdict == TELEGRAM_BAD_TOKEN;
	char		message[400];

	snprintf(message, sizeof(message), "%s: %s", token ? "the bot token is wrong" : delivery->sending.chat == CHAT_SECOND
			 ? "the bot may not write to the escalation chat" : "the bot may not write to the chat", answer->description);
	log_error("telegram", "%s; nothing is sent %s until that is put right (SIGHUP tries at once)", message, token ? "at all" : "there");
	record_health(delivery, "CRITICAL", message);
	if (token)
	{
		delivery->refused = true;
		block_for(delivery, PROBE_AGAIN_MS);
	}
	else
		chats_close(&delivery->chats, delivery->sending.chat, loop_now_ms() + PROBE_AGAIN_MS);
	conclude(delivery, OUTBOX_GIVEN_BACK, message, NULL);
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

	log_warning("telegram", "chat %s has become %s; put that into the configuration", delivery->chats.all[delivery->sending.chat].id, new_chat);
	chats_move(&delivery->chats, delivery->sending.chat, new_chat);
	chats_key(&delivery->chats, delivery->sending.chat, key, sizeof(key));
	text_append_json(&value, new_chat);
	query.parameters[1] = value.data;
	database_query(leader_database(delivery->leader), &query);
	text_free(&value);
}

static void
sent(struct delivery *delivery, const struct telegram_answer *answer)
{
	bool		chat_was_refused = chats_open(&delivery->chats, delivery->sending.chat);

	delivery->counters.sent++;
	if (delivery->refused || chat_was_refused || delivery->failures > 0)
	{
		log_info("telegram", "messages go out again");
		record_health(delivery, "HEALTHY", "messages go out");
	}
	delivery->refused = false;
	delivery->failures = 0;
	if (delivery->sending.part == 0)
		snprintf(delivery->sending.first_id, sizeof(delivery->sending.first_id), "%s", answer->message_id);
	if (delivery->sending.part + 1 < delivery->sending.parts)
	{
		delivery->sending.part++;
		send_message(delivery);
		return;
	}
	if (delivery->bot != NULL && strcmp(delivery->sending.row.type, "DAILY_REPORT") == 0)
		bot_send_chart(delivery->bot, delivery->chats.all[CHAT_MAIN].id, NULL, delivery->sending.first_id, "720", delivery->sending.row.portfolio);
	else if (delivery->bot != NULL && strcmp(delivery->sending.row.type, "WEEKLY_REPORT") == 0)
		bot_send_chart(delivery->bot, delivery->chats.all[CHAT_MAIN].id, NULL, delivery->sending.first_id, "2160", delivery->sending.row.portfolio);
	conclude(delivery, OUTBOX_SENT, delivery->sending.first_id, delivery->sending.html ? NULL : "sent as plain text");
}

static void
failed(struct delivery *delivery, const struct telegram_answer *answer)
{
	int64_t		pause = next_backoff(delivery);

	delivery->counters.failed++;
	if (delivery->failures == 1)
		log_warning("telegram", "delivery %s failed, trying again: %s", delivery->sending.row.id, answer->description);
	if (delivery->failures == 3)
		record_health(delivery, "WARNING", answer->description);
	block_for(delivery, pause);

	/* An outage of hours costs no message: only what fails for more than a day, and often, is given up. */
	if (delivery->sending.row.old && delivery->sending.row.attempts >= delivery->max_attempts)
	{
		delivery->counters.dead++;
		log_error("telegram", "delivery %s is given up after %d attempts: %s", delivery->sending.row.id,
				  delivery->sending.row.attempts, answer->description);
		record_health(delivery, "CRITICAL", "messages that were tried for more than a day are given up; they are in pulse.delivery as dead");
		conclude(delivery, OUTBOX_DEAD, answer->description, " (given up)");
		return;
	}
	conclude_after(delivery, OUTBOX_FAILED, answer->description, pause);
}

static void
ambiguous(struct delivery *delivery, const struct telegram_answer *answer)
{
	bool		low = strcmp(delivery->sending.row.priority, "LOW") == 0;
	int64_t		pause = next_backoff(delivery);

	delivery->counters.ambiguous++;
	log_warning("telegram", "delivery %s may or may not have arrived (%s); %s", delivery->sending.row.id, answer->description,
				low ? "LOW is not repeated" : "it is sent again, marked as a possible repeat");
	block_for(delivery, pause);
	conclude_after(delivery, OUTBOX_UNCERTAIN, answer->description, pause);
}

static void
answered(void *arg, const struct transfer_result *result)
{
	struct delivery *delivery = arg;
	struct telegram_answer answer;

	delivery->transfer = NULL;
	if (leader_leads(delivery->leader))
		progress_move(&delivery->progress, loop_now_ms());
	telegram_judge(result, &answer);
	if (answer.verdict != TELEGRAM_SENT && delivery->sending.part > 0)
	{
		snprintf(delivery->broken_off.id, sizeof(delivery->broken_off.id), "%s", delivery->sending.row.id);
		snprintf(delivery->broken_off.first_id, sizeof(delivery->broken_off.first_id), "%s", delivery->sending.first_id);
		delivery->broken_off.part = delivery->sending.part;
	}
	switch (answer.verdict)
	{
		case TELEGRAM_SENT:
			sent(delivery, &answer);
			break;
		case TELEGRAM_LIMITED:
			delivery->counters.limited++;
			log_info("telegram", "Telegram wants a pause of %" PRId64 " s", answer.retry_after);
			pace_block(delivery->chats.pace, delivery->chats.all[delivery->sending.chat].id, loop_now_ms() + answer.retry_after * 1000, loop_now_ms());
			conclude(delivery, OUTBOX_GIVEN_BACK, answer.description, NULL);
			break;
		case TELEGRAM_PLAIN:
			if (delivery->sending.html)
			{
				log_warning("telegram", "delivery %s: %s; sending it as plain text", delivery->sending.row.id, answer.description);
				delivery->sending.html = false;
				send_message(delivery);
				break;
			}
			/* FALLTHROUGH */
		case TELEGRAM_REFUSED:
			/* The message to change may be gone, or too old to be changed. */
			if (delivery->sending.row.original != NULL && !delivery->sending.fresh)
			{
				delivery->sending.fresh = true;
				delivery->sending.html = true;
				send_message(delivery);
				break;
			}
			delivery->counters.dead++;
			log_error("telegram", "delivery %s is refused for good: %s", delivery->sending.row.id, answer.description);
			record_health(delivery, "WARNING", answer.description);
			conclude(delivery, OUTBOX_DEAD, answer.description, NULL);
			break;
		case TELEGRAM_MOVED:
			remember_chat(delivery, answer.new_chat);
			conclude(delivery, OUTBOX_GIVEN_BACK, answer.description, NULL);
			break;
		case TELEGRAM_BAD_TOKEN:
		case TELEGRAM_BAD_CHAT:
			refused(delivery, &answer);
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
	const struct outbox_message *row = &sending->row;
	struct telegram_message message = {.id = row->id,.type = row->type,.priority = row->priority,.portfolio = row->portfolio,
		.title = row->title,.message = row->message,.data = row->data,.time = row->time,.zone = delivery->timezone,
		.part = sending->part,.duplicates = row->duplicates,.repeat = row->repeat,
		.resolved = row->news != NULL && strcmp(row->news, "resolved") == 0};
	struct places_position where;
	struct telegram_place place;
	struct text text = {0};
	struct text body = {0};
	struct text url = {0};
	const char *chat = delivery->chats.all[sending->chat].id;
	struct transfer_request request = {.headers = "Content-Type: application/json",.timeout_ms = delivery->timeout_ms,.ca_file = delivery->ca_file};

	sending->parts = telegram_part_count(&message);
	where = (struct places_position) {.chat_id = chat,.second = sending->chat == CHAT_SECOND,.previous = sending->part > 0 ? sending->first_id : NULL,
		.last = sending->part == sending->parts - 1,.may_edit = !sending->fresh && sending->parts == 1,.html = sending->html};
	places_choose(&delivery->places, row, &where, &place);
	telegram_compose(&text, &message, sending->html);
	telegram_request(&body, &place, text.data);
	telegram_url(&url, delivery->api_base, delivery->token, telegram_method(&place));
	pace_count(delivery->chats.pace, chat, loop_now_ms());
	request.url = url.data;
	request.body = body.data;
	request.body_length = body.length;
	delivery->transfer = transfer_start(delivery->transfers, &request, answered, delivery);
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
		/* There may be something for the chat that has to wait. */
		delivery->none_for_open = strcmp(delivery->open, "both") != 0;
		delivery->woken = delivery->woken || delivery->none_for_open;
		pump(delivery);
		return;
	}
	*sending = (struct sending) {.epoch = memory_string(leader_epoch(delivery->leader)),.html = true};
	outbox_read(result, &sending->row);
	sending->chat = sending->row.escalate && delivery->chats.all[CHAT_SECOND].id != NULL ? CHAT_SECOND : CHAT_MAIN;
	/* A long text that broke off in this process goes on where it was. */
	if (strcmp(delivery->broken_off.id, sending->row.id) == 0 && !sending->row.repeat)
	{
		sending->part = delivery->broken_off.part;
		snprintf(sending->first_id, sizeof(sending->first_id), "%s", delivery->broken_off.first_id);
	}
	delivery->broken_off.id[0] = '\0';
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
	struct database_query query = {.sql = outbox_recover_sql,.prepare = true,.reply = recovered,.arg = delivery};

	database_query(leader_database(delivery->leader), &query);
}

static void
claim(struct delivery *delivery, const char *open)
{
	struct database_query query = {
		.sql = outbox_claim_sql,
		.parameters = {leader_name(delivery->leader), leader_epoch(delivery->leader), delivery->timezone, delivery->quiet_from,
			delivery->quiet_to, delivery->collapse_after, open},
		.parameter_count = 7,
		.prepare = true,
		.reply = claimed,
		.arg = delivery
	};

	delivery->woken = false;
	delivery->open = open;
	if (database_query(leader_database(delivery->leader), &query))
		delivery->state = DELIVERY_CLAIMING;
}

/* Takes the next step when nothing is under way and nothing forbids it. A row is leased only when it may go out now. */
static void
pump(struct delivery *delivery)
{
	int64_t		now = loop_now_ms();
	int64_t		wait;
	int64_t		until_all;
	const char *open;

	if (delivery->state != DELIVERY_IDLE || delivery->draining)
		return;
	progress_move(&delivery->progress, now);
	wait = chats_wait(&delivery->chats, now, &open, &until_all);
	if (delivery->none_for_open && strcmp(open, delivery->open) == 0)
		wait = until_all;
	if (delivery->blocked_until - now > wait)
		wait = delivery->blocked_until - now;
	if (delivery->woken && wait <= 0)
		claim(delivery, open);
	else
		rest_until(delivery, delivery->woken && wait < POLL_MS ? wait : POLL_MS);
}

static void
forgone(void *arg, const struct database_reply *reply)
{
	(void) arg;
	if (reply->result != NULL && strcmp(PQcmdTuples(reply->result), "0") != 0)
		log_info("delivery", "%s messages are not sent by Telegram: it is not configured", PQcmdTuples(reply->result));
}

/* Closes what waits for a Telegram that is not configured, now and every minute. */
static void
forgo(struct delivery *delivery)
{
	struct database_query query = {.sql = outbox_forgo_sql,.prepare = true,.reply = forgone,.arg = delivery};

	if (leader_is_ready(delivery->leader))
		database_query(leader_database(delivery->leader), &query);
	rest_until(delivery, FORGO_MS);
}

static void
timer_due(void *arg)
{
	struct delivery *delivery = arg;

	/* The clock also brings what became due by time, and leases that ran out. */
	if (!delivery->enabled)
		forgo(delivery);
	else if (delivery->state == DELIVERY_IDLE && !delivery->draining)
	{
		delivery->woken = true;
		delivery->none_for_open = false;
		recover(delivery);
	}
}

static void
history_read(void *arg, const struct database_reply *reply)
{
	struct delivery *delivery = arg;

	if (delivery->state != DELIVERY_STARTING)
		return;
	if (reply->result != NULL)
		chats_read_history(&delivery->chats, reply->result, loop_now_ms());
	delivery->state = DELIVERY_IDLE;
	delivery->woken = true;
	recover(delivery);
}

static void
begin(struct delivery *delivery)
{
	char		keys[CHAT_ROLES][64];
	struct database_query query = {.sql = chats_history_sql,.parameters = {keys[CHAT_MAIN], keys[CHAT_SECOND]},.parameter_count = 2,
		.reply = history_read,.arg = delivery};
	struct database_query release = {.sql = outbox_release_sql,.parameters = {leader_name(delivery->leader)},.parameter_count = 1};

	database_query(leader_database(delivery->leader), &release);
	for (int i = 0; i < CHAT_ROLES; i++)
		chats_key(&delivery->chats, i, keys[i], sizeof(keys[i]));
	delivery->state = DELIVERY_STARTING;
	progress_move(&delivery->progress, loop_now_ms());
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

	if (!delivery->enabled)
		forgo(delivery);
	else if (delivery->state == DELIVERY_RESTING)
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

	progress_rest(&delivery->progress);
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
		progress_rest(&delivery->progress);
		loop_timer_cancel(delivery->loop, &delivery->timer);
		free_sending(&delivery->sending);
		free_report(&delivery->report);
		if (leader_leads(delivery->leader))
			gained(delivery);
		return;
	}
	chats_configure(&delivery->chats, config);
	set_string(&delivery->api_base, config->api_base);
	set_string(&delivery->ca_file, config->telegram_ca_file);
	delivery->timeout_ms = (int) config->telegram_timeout;
	set_string(&delivery->token, config->token);
	set_string(&delivery->timezone, config->timezone);
	places_configure(&delivery->places, config);
	snprintf(delivery->quiet_from, sizeof(delivery->quiet_from), "%.5s", config->quiet_hours != NULL ? config->quiet_hours : "");
	snprintf(delivery->quiet_to, sizeof(delivery->quiet_to), "%.5s", config->quiet_hours != NULL ? config->quiet_hours + 6 : "");
	snprintf(delivery->collapse_after, sizeof(delivery->collapse_after), "%" PRId64, config->collapse_after);
	delivery->max_attempts = config->max_attempts;
	if (delivery->refused)
		delivery->blocked_until = 0;
	if (leader_leads(delivery->leader))
		gained(delivery);
	delivery_wake(delivery);
}

/* Starts delivering when the configuration says so. */
struct delivery *
delivery_open(struct loop *loop, struct leader *leader, struct logs *logs, struct pace *pace, const struct config *config)
{
	struct delivery *delivery = memory_alloc_zero(sizeof(*delivery));
	struct leader_owner owner = {.connected = connected,.gained = gained,.lost = lost,.arg = delivery};

	delivery->loop = loop;
	delivery->leader = leader;
	delivery->logs = logs;
	delivery->chats.pace = pace;
	leader_join(leader, &owner);
	delivery->timer = (struct loop_timer) {.fn = timer_due,.arg = delivery};
	delivery->transfers = transfers_open(loop);
	progress_join(&delivery->progress, "the outbox");
	delivery_configure(delivery, config);
	return delivery;
}

/* Names who sends the charts that belong to reports. */
void
delivery_set_bot(struct delivery *delivery, struct bot *bot)
{
	delivery->bot = bot;
}

/* Tells that something new may be due. */
void
delivery_wake(struct delivery *delivery)
{
	delivery->woken = true;
	delivery->none_for_open = false;
	pump(delivery);
}

/* Claims nothing more; what is under way is finished. */
void
delivery_drain(struct delivery *delivery)
{
	delivery->draining = true;
	progress_rest(&delivery->progress);
	loop_timer_cancel(delivery->loop, &delivery->timer);
}

/* Stops at once. A row that is being sent stays leased, and is recovered as ambiguous. */
void
delivery_close(struct delivery *delivery)
{
	if (delivery == NULL)
		return;
	loop_timer_cancel(delivery->loop, &delivery->timer);
	progress_leave(&delivery->progress);
	transfers_close(delivery->transfers);
	if (leader_database(delivery->leader) != NULL)
		database_forget(leader_database(delivery->leader), delivery);
	free_sending(&delivery->sending);
	free_report(&delivery->report);
	chats_free(&delivery->chats);
	free(delivery->api_base);
	free(delivery->ca_file);
	if (delivery->token != NULL)
		explicit_bzero(delivery->token, strlen(delivery->token));
	free(delivery->token);
	free(delivery->timezone);
	places_free(&delivery->places);
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
	return delivery->enabled && !delivery->refused && !chats_refused(&delivery->chats) && delivery->failures == 0;
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
