/* What clients send: each message is checked, done and answered. */
#include "requests.h"

#include "api.h"
#include "log.h"
#include "memory.h"
#include "protocol.h"
#include "routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COMMANDS 8
#define AUTH_FAILURES 3
#define FLOOD_LIMIT 100			/* messages refused in a row before the connection is closed */

static struct frame *
make_snapshot(const struct answer *answer, const char *portfolio, const char *id)
{
	struct text out = {0};
	struct frame *frame;

	protocol_open(&out, "SNAPSHOT", id);
	text_printf(&out, ",\"seq\":%" PRIu64 ",\"prev_seq\":null,\"epoch\":", answer->seq);
	text_append_json(&out, answer->epoch);
	text_append(&out, ",\"portfolio\":");
	text_append_json(&out, portfolio);
	text_append(&out, ",\"key\":null,\"data\":");
	text_append_n(&out, answer->body, answer->length);
	text_append_char(&out, '}');
	frame = frame_new(out.data, out.length);
	text_free(&out);
	return frame;
}

static void
snapshot_came(void *arg, struct answer *answer, const char *sqlstate, const char *problem)
{
	struct client *client = arg;
	struct frame *frame;

	(void) problem;
	client->held = false;
	if (client->close_code != 0)
		return;
	if (answer == NULL)
		stream_send_error(client, client->snapshot_id, "UNAVAILABLE", strcmp(sqlstate, "08000") == 0
				   ? "the database cannot be reached" : "the database could not make a snapshot; see the worker's log", true);
	else
	{
		/* Without an id of its own every client gets the very same bytes. */
		if (client->snapshot_id != NULL)
			frame = make_snapshot(answer, client->snapshot_portfolio, client->snapshot_id);
		else
		{
			if (answer->frame == NULL)
				answer->frame = make_snapshot(answer, client->snapshot_portfolio, NULL);
			frame = frame_hold(answer->frame);
		}
		client_push_snapshot(client, frame, answer->seq);
	}
	free(client->snapshot_id);
	free(client->snapshot_portfolio);
	client->snapshot_id = client->snapshot_portfolio = NULL;
	stream_wake(client);
}

/* The client's live events wait from here on until the snapshot is there: the two share one cut. */
static void
request_snapshot(struct client *client, const struct request_message *message)
{
	struct principal *principal = client->principal;
	const char *portfolio = message->portfolio;
	struct question question = {.parameter_count = 2};
	struct text visible = {0};
	struct text parameters = {0};
	bool		narrowed = false;
	char	   *sql;

	if (portfolio == NULL)
		narrowed = route_whole(principal, database_facts(client->stream->database), &portfolio);
	else if (!principal_sees(principal, portfolio))
	{
		stream_send_error(client, message->id, "FORBIDDEN", "your token does not cover this portfolio", false);
		return;
	}
	if (!database_is_ready(client->stream->database))
	{
		stream_send_error(client, message->id, "UNAVAILABLE", "the database cannot be reached", true);
		return;
	}
	if (client->held)
	{
		/* The one on its way answers this one too, unless the client told them apart. */
		if (message->id != NULL || message->portfolio != NULL)
			stream_send_error(client, message->id, "RATE_LIMITED", "a snapshot is on its way already", true);
		return;
	}
	client->held = true;
	client->snapshot_id = memory_string(message->id);
	client->snapshot_portfolio = memory_string(portfolio);
	if (principal->limited)
		api_write_visible(&visible, principal);
	sql = route_sql(SNAPSHOT_SQL, database_facts(client->stream->database)->schema);
	question.sql = sql;
	question.parameters[0] = portfolio;
	question.parameters[1] = visible.data;
	if (narrowed)
		route_narrow(&question, visible.data, &parameters);
	answers_ask(client->stream->answers, &question, snapshot_came, client);
	text_free(&parameters);
	text_free(&visible);
	free(sql);
}

static void
move_names(struct name_list *to, struct name_list *from)
{
	name_list_free(to);
	*to = *from;
	*from = (struct name_list) {0};
}

static const char *
resume_problem(struct stream *stream, const struct request_message *message)
{
	if (message->since_epoch != NULL && strcmp(message->since_epoch, feed_epoch(stream->feed)) != 0)
		return "EPOCH_CHANGED";
	return message->since_seq > feed_seq(stream->feed) ? "AHEAD" : NULL;
}

static void
subscribe(struct client *client, struct request_message *message)
{
	struct subscription *subscription = &client->subscription;
	struct stream *stream = client->stream;
	const char *problem = NULL;
	struct text out = {0};

	if (message->has_since && !feed_is_ready(stream->feed))
	{
		stream_send_error(client, message->id, "UNAVAILABLE", "the database cannot be reached", true);
		return;
	}
	if (message->has_types)
	{
		subscription->types = message->types | (subscription->chosen ? subscription->types : 0);
		subscription->chosen = true;
	}
	if (message->has_filter)
	{
		subscription->min_priority = message->min_priority;
		move_names(&subscription->portfolios, &message->portfolios);
		move_names(&subscription->symbols, &message->symbols);
	}
	if (message->has_since)
		problem = resume_problem(stream, message);

	protocol_open(&out, "SUBSCRIBED", message->id);
	text_append(&out, ",\"epoch\":");
	text_append_json(&out, feed_epoch(stream->feed));
	text_printf(&out, ",\"seq\":%" PRIu64 ",\"data\":{", feed_seq(stream->feed));
	protocol_subscription(&out, subscription);
	text_printf(&out, ",\"resumed\":%s}}", message->has_since && problem == NULL ? "true" : "false");
	stream_send(client, &out);
	if (problem != NULL)
	{
		stream_write_gap(client, &out, message->id, problem, message);
		stream_send(client, &out);
	}
	else if (message->has_since)
	{
		/* What was queued live is in the replay too, in its place. */
		client_drop_events(client);
		database_forget(stream->database, client);
		client->fetching = false;
		stream->counters.replays++;
		client->replaying = true;
		client->behind = false;
		client->replayed = message->since_seq;
		client->sent = message->since_seq;
		client->floor = 0;
		stream_continue_replay(client);
	}
}

static void
unsubscribe(struct client *client, const struct request_message *message)
{
	struct subscription *subscription = &client->subscription;
	struct text out = {0};

	subscription->types &= message->has_types ? ~message->types : 0;
	subscription->chosen = true;
	protocol_open(&out, "UNSUBSCRIBED", message->id);
	text_append(&out, ",\"data\":{");
	protocol_subscription(&out, subscription);
	text_append(&out, "}}");
	stream_send(client, &out);
}

static void
pong(struct client *client, const struct request_message *message)
{
	struct text out = {0};

	protocol_open(&out, "PONG", message->id);
	text_append(&out, ",\"epoch\":");
	text_append_json(&out, feed_epoch(client->stream->feed));
	text_printf(&out, ",\"seq\":%" PRIu64, feed_seq(client->stream->feed));
	if (message->payload != NULL)
		text_printf(&out, ",\"data\":%s", message->payload);
	text_append_char(&out, '}');
	stream_send(client, &out);
}

/* An ACK_ALERT that waits for the database. */
struct command
{
	struct command *next;
	struct client *client;
	char	   *id;
};

static void
end_command(struct command *command)
{
	struct client *client = command->client;

	for (struct command **link = &client->commands; *link != NULL; link = &(*link)->next)
	{
		if (*link != command)
			continue;
		*link = command->next;
		break;
	}
	client->command_count--;
	free(command->id);
	free(command);
}

/* Makes sure that nothing comes back for a client that is gone. */
void
requests_forget(struct client *client)
{
	while (client->commands != NULL)
	{
		database_forget(client->stream->database, client->commands);
		end_command(client->commands);
	}
}

static void
acknowledged(void *arg, const struct database_reply *reply)
{
	struct command *command = arg;
	struct client *client = command->client;
	struct text out = {0};

	if (reply->result != NULL && PQntuples(reply->result) == 1)
	{
		answers_outdate(client->stream->answers);
		protocol_open(&out, "ACK", command->id);
		text_printf(&out, ",\"data\":%s}", PQgetvalue(reply->result, 0, 0));
		stream_send(client, &out);
	}
	else if (reply->result != NULL)
		stream_send_error(client, command->id, "NOT_FOUND", "there is no alert of this number that you may see", false);
	else if (strncmp(reply->sqlstate, "08", 2) == 0)
		stream_send_error(client, command->id, "UNAVAILABLE", "the database cannot be reached", true);
	else
	{
		log_warning("stream", "ACK_ALERT: %s", reply->message);
		stream_send_error(client, command->id, "UNAVAILABLE", strcmp(reply->sqlstate, "42883") == 0
				   ? "the database's version of the extension does not offer this" : "the database refused it; see the worker's log", false);
	}
	end_command(command);
}

static void
acknowledge(struct client *client, const struct request_message *message)
{
	struct stream *stream = client->stream;
	struct command *command;
	struct text visible = {0};
	char		number[24];
	char	   *sql;
	struct database_query query = {
		.parameters = {number, client->principal->name, message->note},
		.parameter_count = 4,
		.reply = acknowledged
	};

	if (client->principal->scope < SCOPE_OPERATE)
	{
		stream_send_error(client, message->id, "FORBIDDEN", "this needs a token of scope operate", false);
		return;
	}
	if (client->command_count >= MAX_COMMANDS)
	{
		stream_send_error(client, message->id, "RATE_LIMITED", "others are on their way already", true);
		return;
	}
	command = memory_alloc_zero(sizeof(*command));
	*command = (struct command) {.next = client->commands,.client = client,.id = memory_string(message->id)};
	client->commands = command;
	client->command_count++;
	snprintf(number, sizeof(number), "%" PRIu64, message->alert_id);
	if (client->principal->limited)
		api_write_visible(&visible, client->principal);
	query.parameters[3] = visible.data;
	query.arg = command;
	sql = database_is_ready(stream->database) ? route_sql(ack_sql, database_facts(stream->database)->schema) : NULL;
	query.sql = sql;
	if (sql == NULL || !database_query(stream->database, &query))
	{
		stream_send_error(client, message->id, "UNAVAILABLE", "the database cannot be reached", true);
		end_command(command);
	}
	text_free(&visible);
	free(sql);
}

/* Writes the members that tell what a principal may do. */
void
stream_write_rights(struct text *out, const struct principal *principal)
{
	char		expires[40];

	text_printf(out, "\"scope\":\"%s\",\"portfolios\":", scope_name(principal->scope));
	if (principal->limited)
	{
		for (int i = 0; i < principal->portfolios.count; i++)
		{
			text_append_char(out, i == 0 ? '[' : ',');
			text_append_json(out, principal->portfolios.names[i]);
		}
		text_append_char(out, ']');
	}
	else
		text_append(out, "null");
	text_append(out, ",\"expires_at\":");
	if (principal->expires_us != 0)
		text_iso(expires, sizeof(expires), principal->expires_us);
	text_append_json(out, principal->expires_us != 0 ? expires : NULL);
}

/* The same once it has got the answers that wait for it. */
static void
dismiss_after_answers(struct client *client, int code, const char *reason)
{
	client->leave_code = code;
	client->leave_reason = reason;
	stream_wake(client);
}

/* Takes a token, of a client that had none yet or of one whose token is about to expire. */
static void
authenticate(struct client *client, const struct request_message *message)
{
	struct visitor refusal = {0};
	struct principal *principal = access_check_token(client->stream->access, client->peer, message->token, &refusal);
	struct text out = {0};

	if (principal == NULL)
	{
		stream_send_error(client, message->id, refusal.status == 429 ? "RATE_LIMITED" : refusal.status == 503 ? "UNAVAILABLE" : "UNAUTHORIZED",
				   refusal.detail, refusal.status != 401);
		if (++client->auth_failures >= AUTH_FAILURES)
			dismiss_after_answers(client, 4001, "authentication failed");
		return;
	}
	principal_hold(principal);
	principal_release(client->principal);
	client->principal = principal;
	client->auth_failures = 0;
	protocol_open(&out, "ACK", message->id);
	text_append(&out, ",\"data\":{\"authenticated\":true,");
	stream_write_rights(&out, principal);
	text_append(&out, "}}");
	stream_send(client, &out);
}

/* The end of a client's first moments, in which live events wait for what it may ask. */
void
requests_grow_up(void *arg)
{
	struct client *client = arg;

	client->fresh = false;
	stream_wake(client);
}

/* Handles one message of a client. */
void
requests_handle(struct client *client, const char *bytes, size_t length)
{
	struct request_message message;
	struct request_error error;

	if (!client_may_send(client, loop_now(), client->stream->message_rate))
	{
		/* One answer for a run of them: a flood must not be answered with a flood. */
		if (++client->excess > FLOOD_LIMIT)
			stream_dismiss(client, 4029, "too many messages");
		else if (client->excess == 1)
			stream_send_error(client, NULL, "RATE_LIMITED", "too many messages", true);
		return;
	}
	client->excess = 0;
	loop_timer_cancel(client->stream->loop, &client->fresh_timer);
	if (!protocol_parse(bytes, length, &message, &error))
		stream_send_error(client, message.id, error.code, error.message, false);
	else if (client->principal == NULL && message.type != REQUEST_AUTH && message.type != REQUEST_PING)
		stream_send_error(client, message.id, "UNAUTHORIZED", "send AUTH with a token first", false);
	else
	{
		switch (message.type)
		{
			case REQUEST_AUTH:
				authenticate(client, &message);
				break;
			case REQUEST_ACK_ALERT:
				acknowledge(client, &message);
				break;
			case REQUEST_SNAPSHOT:
				request_snapshot(client, &message);
				break;
			case REQUEST_SUBSCRIBE:
				subscribe(client, &message);
				break;
			case REQUEST_UNSUBSCRIBE:
				unsubscribe(client, &message);
				break;
			case REQUEST_PING:
				pong(client, &message);
				break;
		}
	}
	protocol_free(&message);
	requests_grow_up(client);
}
