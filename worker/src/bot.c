#include "bot.h"

#include "bot_update.h"
#include "chart.h"
#include "figures.h"
#include "log.h"
#include "memory.h"
#include "replies.h"
#include "telegram.h"
#include "transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_SECONDS 25
#define POLL_TIMEOUT_MS 40000
#define PAUSE_MS 5000			/* after a failure */
#define PAUSE_CONFLICT_MS 30000	/* somebody else polls with this token */
#define PAUSE_REFUSED_MS 600000
#define PACE_MS 250				/* between two questions to the database */
#define PAUSE_MANY_MS 1000		/* while too many answers wait to be sent */
#define QUERY_TIMEOUT_MS 20000
#define MOST_UNITS 3700			/* of an answer's lines */

struct bot
{
	struct loop *loop;
	struct leader *leader;
	struct pool *pool;
	struct transfers *transfers;
	struct replies *replies;
	bool		wanted;			/* by the configuration */
	char	   *api_base;
	char	   *ca_file;
	char	   *token;
	struct config_list admins;
	struct config_list readers;
	struct loop_timer timer;
	struct transfer *polling;
	int64_t		offset;
	struct bot_updates updates;	/* those that are being worked on, one after the other */
	int			next;
	bool		busy;
	int			failures;
	uint64_t	answered;
	uint64_t	refused;
};

static void poll_updates(struct bot *bot);
static void work_on_next(struct bot *bot);
static void pause_for(struct bot *bot, int64_t milliseconds);

static bool
is_listed(const struct config_list *list, int64_t user)
{
	char		id[24];

	snprintf(id, sizeof(id), "%" PRId64, user);
	for (int i = 0; i < list->count; i++)
	{
		if (strcmp(list->items[i], id) == 0)
			return true;
	}
	return false;
}

static bool
runs(struct bot *bot)
{
	return bot->wanted && leader_leads(bot->leader) && leader_is_ready(bot->leader);
}

static void
reply(struct bot *bot, const struct bot_update *update, const char *html)
{
	struct text body = {0};
	char		chat[24];
	char		thread[24];
	char		message[24];
	struct telegram_place place = {.chat_id = chat,.html = true};

	snprintf(chat, sizeof(chat), "%" PRId64, update->chat);
	snprintf(thread, sizeof(thread), "%" PRId64, update->thread);
	snprintf(message, sizeof(message), "%" PRId64, update->message);
	place.thread = update->thread > 0 ? thread : NULL;
	place.reply_to = update->message > 0 ? message : NULL;
	telegram_request(&body, &place, html);
	replies_send(bot->replies, &(struct reply) {.method = "sendMessage",.chat = chat,.headers = "Content-Type: application/json",
		.body = body.data,.length = body.length,.update = update->id});
	text_free(&body);
	bot->answered++;
}

static void
finish_update(struct bot *bot)
{
	bot->busy = false;
	bot->next++;
	loop_timer_set(bot->loop, &bot->timer, PACE_MS);
}

static void
note_outcome(struct bot *bot, int64_t update, const char *outcome)
{
	char		id[24];
	struct database_query query = {
		.sql = "UPDATE pulse.telegram_command SET outcome = pg_catalog.left($2, 500) WHERE update_id = $1::bigint",
		.parameters = {id, outcome},
		.parameter_count = 2
	};

	snprintf(id, sizeof(id), "%" PRId64, update);
	if (leader_is_ready(bot->leader))
		database_query(leader_database(bot->leader), &query);
}

static void
reply_dropped(void *arg, int64_t update, const char *why)
{
	char		outcome[400];

	snprintf(outcome, sizeof(outcome), "the answer could not be sent: %s", why);
	note_outcome(arg, update, outcome);
}

struct chart_job
{
	struct bot *bot;
	char	   *data;
	char	   *months;
	char	   *chat;
	char	   *thread;
	char	   *reply_to;
	char		title[300];
	struct text png;
	bool		good;
};

static void
draw(void *arg)
{
	struct chart_job *job = arg;

	job->good = chart_draw(job->data, job->months, job->title, &job->png);
}

static void
append_field(struct text *body, const char *boundary, const char *name, const char *value)
{
	if (value != NULL)
		text_printf(body, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, name, value);
}

static void
send_photo(struct chart_job *job)
{
	char		boundary[40];
	char		headers[120];
	struct text body = {0};
	struct text answer_to = {0};

	snprintf(boundary, sizeof(boundary), "pulse%016" PRIx64 "%08x", loop_random(), (unsigned int) loop_random());
	snprintf(headers, sizeof(headers), "Content-Type: multipart/form-data; boundary=%s", boundary);
	append_field(&body, boundary, "chat_id", job->chat);
	append_field(&body, boundary, "message_thread_id", job->thread);
	append_field(&body, boundary, "disable_notification", "true");
	append_field(&body, boundary, "caption", job->title);
	if (job->reply_to != NULL)
		text_printf(&answer_to, "{\"message_id\":%s,\"allow_sending_without_reply\":true}", job->reply_to);
	append_field(&body, boundary, "reply_parameters", answer_to.data);
	text_printf(&body, "--%s\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"chart.png\"\r\nContent-Type: image/png\r\n\r\n",
				boundary);
	text_append_n(&body, job->png.data, job->png.length);
	text_printf(&body, "\r\n--%s--\r\n", boundary);
	replies_send(job->bot->replies, &(struct reply) {.method = "sendPhoto",.chat = job->chat,.headers = headers,.body = body.data,
		.length = body.length});
	text_free(&body);
	text_free(&answer_to);
}

static void
free_job(struct chart_job *job)
{
	free(job->data);
	free(job->months);
	free(job->chat);
	free(job->thread);
	free(job->reply_to);
	text_free(&job->png);
	free(job);
}

static void
drawn(void *arg)
{
	struct chart_job *job = arg;

	if (job->good)
		send_photo(job);
	else
		log_info("bot", "there is nothing to draw a chart of");
	free_job(job);
}

static void
chart_read(void *arg, const struct database_reply *reply_)
{
	struct chart_job *job = arg;

	if (reply_->result == NULL || PQntuples(reply_->result) == 0 || PQgetisnull(reply_->result, 0, 0))
	{
		log_warning("bot", "the data of a chart could not be read: %s", reply_->message);
		free_job(job);
		return;
	}
	job->data = memory_string(PQgetvalue(reply_->result, 0, 0));
	job->months = PQgetisnull(reply_->result, 0, 1) ? NULL : memory_string(PQgetvalue(reply_->result, 0, 1));
	pool_run(job->bot->pool, draw, drawn, job);
}

/* Reads, draws and sends a chart; what goes wrong on the way is logged and forgotten. */
void
bot_send_chart(struct bot *bot, const char *chat_id, const char *thread, const char *reply_to, const char *hours,
			   const char *portfolio)
{
	struct command_call call;
	struct chart_job *job;
	struct database_query query = {.parameters = {hours, portfolio},.parameter_count = 2,.timeout_ms = QUERY_TIMEOUT_MS,.reply = chart_read};
	char	   *sql;

	if (!leader_is_ready(bot->leader) || !command_parse("/chart", &call))
		return;
	job = memory_alloc_zero(sizeof(*job));
	*job = (struct chart_job) {.bot = bot,.chat = memory_string(chat_id),.thread = memory_string(thread),
		.reply_to = memory_string(reply_to)};
	snprintf(job->title, sizeof(job->title), "%.200s, %s hours", portfolio != NULL && *portfolio != '\0' ? portfolio : "All portfolios",
			 *hours != '\0' ? hours : "168");
	query.arg = job;
	query.sql = sql = command_sql(call.command, database_facts(leader_database(bot->leader))->schema);
	if (!database_query(leader_database(bot->leader), &query))
		free_job(job);
	free(sql);
}

static void
write_lines(const PGresult *result, const char *title, struct text *out)
{
	int			rows = PQntuples(result);

	figures_line(out, title, "head", NULL, NULL, true);
	for (int row = 0; row < rows; row++)
	{
		if (telegram_length(out->data) > MOST_UNITS)
		{
			text_printf(out, "\nand %d more", rows - row);
			return;
		}
		figures_line(out, PQgetisnull(result, row, 0) ? "" : PQgetvalue(result, row, 0), PQgetvalue(result, row, 1),
					 PQgetisnull(result, row, 2) ? NULL : PQgetvalue(result, row, 2),
					 PQgetisnull(result, row, 3) ? NULL : PQgetvalue(result, row, 3), true);
	}
	if (rows == 0)
		text_append(out, "\nNone.");
}

static void
write_report(const PGresult *result, const char *title, struct text *out)
{
	json_t	   *report = PQntuples(result) > 0 ? json_loads(PQgetvalue(result, 0, 0), 0, NULL) : NULL;

	figures_line(out, title, "head", NULL, NULL, true);
	if (!figures_report(out, report, true))
		text_append(out, "\nNone.");
	json_decref(report);
}

static void
asked(void *arg, const struct database_reply *answer)
{
	struct bot *bot = arg;
	const struct bot_update *update = &bot->updates.all[bot->next];
	const struct command *command = update->call.command;
	struct text out = {0};

	if (answer->result == NULL)
	{
		if (strcmp(answer->sqlstate, "08000") == 0)
		{
			bot->busy = false;
			return;				/* the update comes again, and its audit row tells that it was not worked on */
		}
		note_outcome(bot, update->id, answer->message);
		text_append(&out, strcmp(answer->sqlstate, "42883") == 0 ? "The database's extension does not know that yet. " : "That did not work: ");
		text_append_html(&out, answer->message);
	}
	else
	{
		note_outcome(bot, update->id, "answered");
		if (command->kind == COMMAND_LINES)
			write_lines(answer->result, command->title, &out);
		else if (command->kind == COMMAND_REPORT)
			write_report(answer->result, command->title, &out);
		else
			text_append_html(&out, PQntuples(answer->result) > 0 ? PQgetvalue(answer->result, 0, 0) : "Done.");
	}
	reply(bot, update, out.data);
	text_free(&out);
	finish_update(bot);
}

static void
write_help(struct bot *bot, const struct bot_update *update)
{
	struct text out = {0};
	bool		admin = is_listed(&bot->admins, update->user);

	figures_line(&out, "Commands", "head", NULL, NULL, true);
	for (int i = 0; i < command_count; i++)
	{
		if (commands[i].operate && !admin)
			continue;
		text_append(&out, "\n/");
		text_append_html(&out, commands[i].usage);
	}
	reply(bot, update, out.data);
	text_free(&out);
}

static void
run_command(struct bot *bot, const struct bot_update *update)
{
	const struct command_call *call = &update->call;
	char		chat[24];
	char		thread[24];
	char		message[24];
	char	   *sql;
	struct database_query query = {.parameters = {call->first, call->second, update->name, call->rest},.timeout_ms = QUERY_TIMEOUT_MS,
		.reply = asked,.arg = bot};

	snprintf(chat, sizeof(chat), "%" PRId64, update->chat);
	snprintf(thread, sizeof(thread), "%" PRId64, update->thread);
	snprintf(message, sizeof(message), "%" PRId64, update->message);
	switch (call->command->kind)
	{
		case COMMAND_HELP:
			write_help(bot, update);
			finish_update(bot);
			return;
		case COMMAND_CHART:
			bot_send_chart(bot, chat, update->thread > 0 ? thread : NULL, message, call->first, call->second);
			finish_update(bot);
			return;
		default:
			sql = command_sql(call->command, database_facts(leader_database(bot->leader))->schema);
			query.sql = sql;
			query.parameter_count = call->command->parameters;
			if (!database_query(leader_database(bot->leader), &query))
				bot->busy = false;
			free(sql);
	}
}

/* The audit row comes first: an update that has one already was worked on before a restart. */
static void
noted(void *arg, const struct database_reply *answer)
{
	struct bot *bot = arg;
	const struct bot_update *update;

	if (bot->next >= bot->updates.count)
	{
		bot->busy = false;
		return;
	}
	update = &bot->updates.all[bot->next];
	if (answer->result == NULL)
	{
		if (strcmp(answer->sqlstate, "08000") != 0)
			log_error("bot", "a command could not be noted, so it is not obeyed: %s", answer->message);
		finish_update(bot);
		return;
	}
	if (PQntuples(answer->result) == 0 || !update->allowed)
	{
		if (!update->allowed)
		{
			bot->refused++;
			log_warning("bot", "user %" PRId64 " (%s) in chat %" PRId64 " may not use /%s; [telegram] admins and readers list who may",
						update->user, update->name, update->chat, update->call.command->name);
		}
		finish_update(bot);
		return;
	}
	run_command(bot, update);
}

static void
note_update(struct bot *bot, const struct bot_update *update)
{
	char		id[24];
	char		user[24];
	char		chat[24];
	char		command[700];
	struct database_query query = {
		.sql = "INSERT INTO pulse.telegram_command (update_id, user_id, user_name, chat_id, command, allowed)"
		" VALUES ($1::bigint, $2::bigint, $3, $4::bigint, $5, $6::boolean) ON CONFLICT (update_id) DO UPDATE SET received_at = EXCLUDED.received_at"
		" WHERE telegram_command.outcome IS NULL AND telegram_command.received_at < pg_catalog.now() - interval '5 seconds' RETURNING 1",
		.parameters = {id, user, update->name, chat, command, update->allowed ? "true" : "false"},
		.parameter_count = 6,
		.reply = noted,
		.arg = bot
	};

	snprintf(id, sizeof(id), "%" PRId64, update->id);
	snprintf(user, sizeof(user), "%" PRId64, update->user);
	snprintf(chat, sizeof(chat), "%" PRId64, update->chat);
	snprintf(command, sizeof(command), "%s%s %s %s %s", update->callback[0] != '\0' ? "button " : "/", update->call.command->name,
			 update->call.first, update->call.second, update->call.rest);
	bot->busy = database_query(leader_database(bot->leader), &query);
}

/* A button shows that it works until it is answered, so that comes before everything else. */
static void
answer_callback(struct bot *bot, const struct bot_update *update)
{
	struct text body = {0};

	text_append(&body, "{\"callback_query_id\":");
	text_append_json(&body, update->callback);
	text_append(&body, update->allowed ? ",\"text\":\"\u2026\"}" : ",\"text\":\"You may not do that.\",\"show_alert\":true}");
	replies_send(bot->replies, &(struct reply) {.method = "answerCallbackQuery",.headers = "Content-Type: application/json",
		.body = body.data,.length = body.length});
	text_free(&body);
}

static void
work_on_next(struct bot *bot)
{
	if (bot->busy || bot->polling != NULL || !runs(bot))
		return;
	if (replies_are_many(bot->replies))
	{
		pause_for(bot, PAUSE_MANY_MS);
		return;
	}
	while (bot->next < bot->updates.count)
	{
		struct bot_update *update = &bot->updates.all[bot->next];

		if (update->call.command != NULL)
		{
			bool		admin = is_listed(&bot->admins, update->user);

			update->allowed = admin || (!update->call.command->operate && is_listed(&bot->readers, update->user));
			if (update->callback[0] != '\0')
				answer_callback(bot, update);
			note_update(bot, update);
			return;
		}
		bot->next++;
	}
	/* Asking from the next one on is what tells Telegram that these were taken. */
	if (bot->updates.count > 0)
		bot->offset = bot->updates.all[bot->updates.count - 1].id + 1;
	poll_updates(bot);
}

static void
pause_for(struct bot *bot, int64_t milliseconds)
{
	loop_timer_set(bot->loop, &bot->timer, milliseconds);
}

static void
polled(void *arg, const struct transfer_result *result)
{
	struct bot *bot = arg;

	bot->polling = NULL;
	bot_updates_free(&bot->updates);
	bot->next = 0;
	if (bot_updates_read(&bot->updates, result))
	{
		bot->failures = 0;
		work_on_next(bot);
		return;
	}
	if (bot->failures++ == 0)
		log_warning("bot", "updates cannot be read: %s", result->status > 0 ? result->body : result->problem);
	pause_for(bot, result->status == 409 ? PAUSE_CONFLICT_MS : result->status == 401 || result->status == 404 ? PAUSE_REFUSED_MS :
			  result->status == 429 && result->retry_after > 0 ? result->retry_after * 1000 : PAUSE_MS);
}

static void
poll_updates(struct bot *bot)
{
	char		body[160];
	struct text url = {0};
	struct transfer_request request = {.headers = "Content-Type: application/json",.body = body,.timeout_ms = POLL_TIMEOUT_MS,
		.ca_file = bot->ca_file};

	snprintf(body, sizeof(body), "{\"offset\":%" PRId64 ",\"timeout\":%d,\"allowed_updates\":[\"message\",\"callback_query\"]}",
			 bot->offset, POLL_SECONDS);
	telegram_url(&url, bot->api_base, bot->token, "getUpdates");
	request.url = url.data;
	request.body_length = strlen(body);
	bot->polling = transfer_start(bot->transfers, &request, polled, bot);
	text_free(&url);
}

static void
timer_due(void *arg)
{
	work_on_next(arg);
}

static void
gained(void *arg)
{
	struct bot *bot = arg;

	bot->busy = false;
	if (bot->wanted)
		pause_for(bot, 0);
}

static void
lost(void *arg)
{
	struct bot *bot = arg;

	loop_timer_cancel(bot->loop, &bot->timer);
	if (leader_database(bot->leader) != NULL)
		database_forget(leader_database(bot->leader), bot);
	if (bot->polling != NULL)
		transfer_cancel(bot->polling);
	bot->polling = NULL;
	bot->busy = false;
	bot_updates_free(&bot->updates);
	bot->next = 0;
}

static void
set_list(struct config_list *list, const struct config_list *from)
{
	for (int i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list) {.count = from->count};
	list->items = memory_alloc_zero(sizeof(char *) * (size_t) (from->count + 1));
	for (int i = 0; i < from->count; i++)
		list->items[i] = memory_string(from->items[i]);
}

/* Takes over a configuration. */
void
bot_configure(struct bot *bot, const struct config *config)
{
	lost(bot);
	free(bot->api_base);
	bot->api_base = memory_string(config->api_base);
	free(bot->ca_file);
	bot->ca_file = memory_string(config->telegram_ca_file);
	if (bot->token != NULL)
		explicit_bzero(bot->token, strlen(bot->token));
	free(bot->token);
	bot->token = memory_string(config->token);
	set_list(&bot->admins, &config->admins);
	set_list(&bot->readers, &config->readers);
	replies_configure(bot->replies, config);
	bot->wanted = config->telegram_enabled && config->commands && config->admins.count + config->readers.count > 0;
	if (runs(bot))
		gained(bot);
}

/* Begins to answer as soon as this worker leads. */
struct bot *
bot_open(struct loop *loop, struct leader *leader, struct pool *pool, struct pace *pace, const struct config *config)
{
	struct bot *bot = memory_alloc_zero(sizeof(*bot));
	struct leader_owner owner = {.gained = gained,.lost = lost,.arg = bot};

	bot->loop = loop;
	bot->leader = leader;
	bot->pool = pool;
	bot->transfers = transfers_open(loop);
	bot->replies = replies_open(loop, pace, reply_dropped, bot);
	bot->timer = (struct loop_timer) {.fn = timer_due,.arg = bot};
	leader_join(leader, &owner);
	bot_configure(bot, config);
	return bot;
}

/* Stops answering. */
void
bot_close(struct bot *bot)
{
	static const struct config_list none = {0};

	if (bot == NULL)
		return;
	lost(bot);
	transfers_close(bot->transfers);
	replies_close(bot->replies);
	set_list(&bot->admins, &none);
	set_list(&bot->readers, &none);
	free(bot->admins.items);
	free(bot->readers.items);
	free(bot->api_base);
	free(bot->ca_file);
	if (bot->token != NULL)
		explicit_bzero(bot->token, strlen(bot->token));
	free(bot->token);
	free(bot);
}

/* Tells whether everything that was to be said has been said. */
bool
bot_is_idle(const struct bot *bot)
{
	return replies_are_none(bot->replies);
}

/* Writes the figures in Prometheus' text format. */
void
bot_metrics(const struct bot *bot, struct text *out)
{
	if (!bot->wanted)
		return;
	text_printf(out, "# HELP pulse_bot_answers_total Commands and buttons answered.\n# TYPE pulse_bot_answers_total counter\n"
				"pulse_bot_answers_total %" PRIu64 "\n", bot->answered);
	text_printf(out, "# HELP pulse_bot_refused_total Commands of people who may not.\n# TYPE pulse_bot_refused_total counter\n"
				"pulse_bot_refused_total %" PRIu64 "\n", bot->refused);
	text_printf(out, "# HELP pulse_bot_up 1 while updates can be read.\n# TYPE pulse_bot_up gauge\npulse_bot_up %d\n", bot->failures == 0);
}
