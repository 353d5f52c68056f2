#include "stream.h"

#include "compression.h"
#include "log.h"
#include "memory.h"
#include "protocol.h"
#include "requests.h"
#include "version.h"

#include <errno.h>
#include <inttypes.h>
#include <libwebsockets.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CLOSE_GRACE_US 10000000
#define SWEEP_MS 1000
#define MAX_ANSWER_BYTES 262144
#define REPLAY_BATCH "100"
#define FRESH_MS 250
#define STALLED_US 5000000
#define AUTH_US 10000000
#define STAGE 65536
#define URGENT_BACKLOG 32768
#define URGENT_BYTES 65536
#define KEEP_ALIVE_US 15000000

/* Asks for a turn to write when there is something to write. */
void
stream_wake(struct client *client)
{
	if (client_has_output(client) || client->close_code != 0 || client->leave_code != 0)
		lws_callback_on_writable(client->wsi);
}

/* Closes a connection: what waits for it is dropped, the reason is sent, and a socket that takes not even that is cut. */
void
stream_dismiss(struct client *client, int code, const char *reason)
{
	if (client->close_code != 0)
		return;
	client->close_code = code;
	client->close_reason = reason;
	client->close_by = loop_now() + CLOSE_GRACE_US;
	client_drop_queue(client);
	lws_callback_on_writable(client->wsi);
	if (!loop_timer_is_set(&client->stream->sweep))
		loop_timer_set(client->stream->loop, &client->stream->sweep, SWEEP_MS);
}

static void
too_slow(struct client *client, const char *why)
{
	client->stream->counters.too_slow++;
	log_info("stream", "client %" PRIu64 " reads too slowly (%s): closed with %zu bytes waiting", client->number, why,
			 client->queue.bytes);
	stream_dismiss(client, 4008, "too slow");
}

static bool
has_hung_up(const struct client *client)
{
	struct pollfd look = {.fd = lws_get_socket_fd(client->wsi),.events = POLLRDHUP};

	return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Once a second while there is someone to watch: those who are behind, and those who are to be closed. */
static void
sweep_due(void *arg)
{
	struct stream *stream = arg;
	uint64_t	now = loop_now();
	bool		more = false;

	for (struct client *client = stream->clients; client != NULL; client = client->next)
	{
		if (client->close_code == 0 && client->behind && client->progress_at + STALLED_US < now)
			too_slow(client, "it takes nothing");
		if (client->close_code == 0 && client->principal == NULL && client->welcomed_at + AUTH_US < now)
			stream_dismiss(client, 4001, "authentication required");
		/* A socket that takes nothing never becomes writable, so no callback would ever close it. */
		if (client->close_code != 0 && client->close_by <= now)
			lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
		/* WebSocket clients are pinged by libwebsockets; of these it does not even notice when they hang up. */
		if (client->server_sent && client->close_code == 0 && has_hung_up(client))
			lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
		if (client->server_sent && client->progress_at + KEEP_ALIVE_US < now)
			lws_callback_on_writable(client->wsi);
		more = more || client->close_code != 0 || client->behind || client->principal == NULL || client->server_sent;
	}
	if (more)
		loop_timer_set(stream->loop, &stream->sweep, SWEEP_MS);
}

/* Sends an answer, whose text is freed. */
void
stream_send(struct client *client, struct text *text)
{
	if (client->close_code == 0)
	{
		if (client->answers.bytes > MAX_ANSWER_BYTES)
			stream_dismiss(client, 4029, "answers are not being read");
		else
			client_push_frame(&client->answers, frame_new(text->data, text->length), 0);
		stream_wake(client);
	}
	text_free(text);
}

/* Sends an ERROR. */
void
stream_send_error(struct client *client, const char *id, const char *code, const char *message, bool retryable)
{
	struct text out = {0};

	client->stream->counters.refused++;
	protocol_error(&out, id, code, message, retryable);
	stream_send(client, &out);
}

/* Writes a GAP; asked is the request that it answers, NULL when it was none. */
void
stream_write_gap(struct client *client, struct text *out, const char *id, const char *reason, const struct request_message *asked)
{
	struct feed *feed = client->stream->feed;

	protocol_open(out, "GAP", id);
	text_append(out, ",\"epoch\":");
	text_append_json(out, feed_epoch(feed));
	text_printf(out, ",\"seq\":%" PRIu64 ",\"data\":{\"reason\":\"%s\",\"requested\":", feed_seq(feed), reason);
	if (asked != NULL)
	{
		text_append(out, "{\"epoch\":");
		text_append_json(out, asked->since_epoch);
		text_printf(out, ",\"seq\":%" PRIu64 "}", asked->since_seq);
	}
	else
		text_append(out, "null");
	text_append(out, "}}");
}

/* A gap notice keeps its place in the order of events. */
static void
queue_gap(struct client *client, const char *reason)
{
	struct text out = {0};

	stream_write_gap(client, &out, NULL, reason, NULL);
	client_push_frame(&client->queue, frame_new(out.data, out.length), 0);
	text_free(&out);
	stream_wake(client);
}

/*
 * A client whose queue is full gets the rest as a replay out of memory, as its queue drains: a burst is no reason to
 * close it. One that takes nothing for a while, or falls back further than memory reaches, is too slow.
 */
static void
check_speed(struct client *client, const struct event *event)
{
	struct stream *stream = client->stream;

	if (client->queue.bytes <= (size_t) stream->max_queue || client->queue.count < 2)
		return;
	client->replaying = true;
	client->behind = true;
	client->replayed = event->seq;
	if (!loop_timer_is_set(&stream->sweep))
		loop_timer_set(stream->loop, &stream->sweep, SWEEP_MS);
}

/* Puts a piece of a large message, as a frame of its own, behind what is staged; returns its length. */
static size_t
stage_fragment(struct client *client, unsigned char *at, size_t room)
{
	struct frame *frame = client->sending;
	size_t		left = frame->length - client->sending_at;
	size_t		part = left < room - FRAME_LARGEST_HEADER ? left : room - FRAME_LARGEST_HEADER;
	size_t		header = frame_header(at, client->sending_at == 0 ? FRAME_TEXT : FRAME_CONTINUATION, part == left,
									  frame->compressed && client->sending_at == 0, part);

	memcpy(at + header, frame->text + client->sending_at, part);
	client->sending_at += part;
	if (part == left)
	{
		frame_release(frame);
		client->sending = NULL;
	}
	return header + part;
}

/*
 * Hands bytes to the kernel, without the way through libwebsockets where it has nothing to add; what the socket does not
 * take is kept by libwebsockets.
 */
static bool
write_bytes(struct client *client, unsigned char *bytes, size_t length)
{
	ssize_t		sent = 0;

	if (!client->encrypted && !lws_partial_buffered(client->wsi))
	{
		sent = send(lws_get_socket_fd(client->wsi), bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == (ssize_t) length)
			return true;
		if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return false;
		sent = sent < 0 ? 0 : sent;
	}
	return lws_write(client->wsi, bytes + sent, length - (size_t) sent, LWS_WRITE_RAW) >= 0;
}

/*
 * Writes as much as one call of the kernel should get: many small messages together, a large one in fragments, between
 * which libwebsockets may put its control frames. What the socket does not take is kept by libwebsockets, which is
 * never more than one such piece. The frames are our own, since they are the same for all clients; libwebsockets passes
 * LWS_WRITE_RAW on as it is. Returns false when the connection is broken.
 */
static bool
write_some(struct client *client)
{
	static unsigned char stage[LWS_PRE + STAGE];
	struct stream *stream = client->stream;
	size_t		used = 0;
	bool		written = true;

	while (client->close_code == 0 && STAGE - used > STAGE / 16)
	{
		if (client->sending == NULL)
		{
			struct frame *frame = client_next_frame(client);

			if (frame == NULL)
				break;
			stream->counters.messages++;
			stream->counters.bytes += frame->length;
			client->sending = frame;
			client->sending_at = 0;
			if (client->compressing)
			{
				client->sending = frame_hold(frame_packed(frame));
				frame_release(frame);
			}
		}
		if (client->sending->wire_length > STAGE - used || client->sending_at > 0)
		{
			/* One that would fit by itself waits for the next write. */
			if (client->sending_at == 0 && client->sending->wire_length <= STAGE)
				break;
			used += stage_fragment(client, stage + LWS_PRE + used, STAGE - used);
			continue;
		}
		if (used == 0 && client->answers.first == NULL && client->queue.first == NULL)
		{
			written = write_bytes(client, client->sending->wire, client->sending->wire_length);
			frame_release(client->sending);
			client->sending = NULL;
			break;
		}
		memcpy(stage + LWS_PRE + used, client->sending->wire, client->sending->wire_length);
		used += client->sending->wire_length;
		frame_release(client->sending);
		client->sending = NULL;
	}
	if (used > 0)
		written = write_bytes(client, stage + LWS_PRE, used);
	client->progress_at = loop_now();
	return written;
}

/*
 * The same for server-sent events: each message with its place in the sequence, which a browser sends back as
 * Last-Event-ID when it comes again.
 */
static bool
write_events(struct client *client)
{
	struct stream *stream = client->stream;
	struct text out = {0};
	struct frame *frame = NULL;
	int			written = 0;

	while (client->close_code == 0 && out.length < STAGE)
	{
		uint64_t	before = client->sent;

		frame = client_next_frame(client);
		if (frame == NULL)
			break;
		if (client->sent != before)
			text_printf(&out, "id: %s:%" PRIu64 "\n", feed_epoch(stream->feed), client->sent);
		text_append(&out, "data: ");
		text_append_n(&out, (const char *) frame->text, frame->length);
		text_append(&out, "\n\n");
		stream->counters.messages++;
		stream->counters.bytes += frame->length;
		frame_release(frame);
	}
	if (out.length == 0 && client->progress_at + KEEP_ALIVE_US < loop_now())
		text_append(&out, ":\n\n");
	if (out.length > 0)
	{
		written = lws_write(client->wsi, (unsigned char *) out.data, out.length, LWS_WRITE_HTTP);
		client->progress_at = loop_now();
	}
	text_free(&out);
	return written >= 0;
}

/* Writes without waiting for the turn, unless the socket is known to be full. */
static void
write_now(struct client *client)
{
	if (client->close_code != 0 || client->leave_code != 0 || client->server_sent || lws_partial_buffered(client->wsi))
		stream_wake(client);
	else if (!write_some(client))
		lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
	else
		stream_wake(client);
}

/* Lets a copy of a critical event overtake what waits for a client; those of a flood go their normal way. */
static void
push_urgent(struct client *client, struct event *event)
{
	if (client->answers.bytes > URGENT_BYTES)
		return;
	client_push_frame(&client->answers, frame_hold(event_urgent_frame(event)), 0);
	stream_wake(client);
}

/* Gives one event to everyone who wants it. */
void
stream_event(struct stream *stream, struct event *event)
{
	answers_position(stream->answers, event->epoch, event->seq);
	for (struct client *client = stream->clients; client != NULL; client = client->next)
	{
		if (client->close_code != 0 || event->seq <= client->floor)
			continue;
		/* it comes to the event itself when its replay gets there */
		if (client->replaying)
		{
			if (event->priority == PRIORITY_CRITICAL && client_wants(client, event))
				push_urgent(client, event);
			continue;
		}
		if (!client_wants(client, event))
			continue;
		if (event->priority == PRIORITY_CRITICAL && client->queue.bytes > URGENT_BACKLOG)
			push_urgent(client, event);
		client_push_event(client, event);
		client->pending = true;
		if (client->queue.bytes >= STAGE)
			write_now(client);
		check_speed(client, event);
	}
}

/* Sends what the events of a batch have left in the queues: to each client all of it in as few writes as possible. */
void
stream_flush(struct stream *stream)
{
	for (struct client *client = stream->clients; client != NULL; client = client->next)
	{
		if (!client->pending)
			continue;
		client->pending = false;
		write_now(client);
	}
}

/* Tells everyone that events are missing, or that numbers start anew in another epoch. */
void
stream_gap(struct stream *stream, const char *reason)
{
	answers_position(stream->answers, feed_epoch(stream->feed), feed_seq(stream->feed));
	for (struct client *client = stream->clients; client != NULL; client = client->next)
	{
		if (client->close_code != 0)
			continue;
		client->floor = 0;
		client->replaying = client->behind = false;
		client->sent = EVENT_NO_PREV;
		queue_gap(client, reason);
	}
}

static void
part_read(void *arg, const struct database_reply *reply)
{
	struct client *client = arg;
	struct stream *stream = client->stream;
	int			count = reply->result != NULL ? PQntuples(reply->result) : 0;

	client->fetching = false;
	if (!client->replaying || client->close_code != 0)
		return;
	if (reply->result == NULL)
	{
		/* The client resumes again from the last seq that it has; nothing was skipped. */
		stream_dismiss(client, 1012, "the database cannot be reached");
		return;
	}
	for (int row = 0; row < count; row++)
	{
		struct event *event = feed_read_row(reply->result, row);

		if (event->seq != client->replayed + 1 && event->seq > client->replayed)
			queue_gap(client, "EVENTS_EXPIRED");
		if (event->seq > client->replayed)
		{
			client->replayed = event->seq;
			if (client_wants(client, event))
				client_push_event(client, event);
		}
		event_release(event);
	}
	if (count == 0)
	{
		/* Retention took what the client missed. */
		queue_gap(client, "EVENTS_EXPIRED");
		client->replayed = feed_oldest(stream->feed) - 1;
	}
	stream_wake(client);
	stream_continue_replay(client);
}

/* Not prepared, for the reason that read_events() has. */
static void
fetch_part(struct client *client)
{
	char		after[24];
	struct database_query query = {
		.sql = "SELECT " FEED_COLUMNS " FROM pulse.event WHERE seq > $1 ORDER BY seq LIMIT " REPLAY_BATCH,
		.parameters = {after},
		.parameter_count = 1,
		.reply = part_read,
		.arg = client
	};

	if (client->fetching)
		return;
	snprintf(after, sizeof(after), "%" PRIu64, client->replayed);
	client->fetching = database_query(client->stream->database, &query);
	if (!client->fetching)
		stream_dismiss(client, 1012, "the database cannot be reached");
}

/*
 * Moves missed events into the queue while less than half of it is used, from memory where they are there. When the
 * newest one has been passed, the client is live: the next event comes through stream_event().
 */
void
stream_continue_replay(struct client *client)
{
	struct stream *stream = client->stream;

	while (client->replaying && client->close_code == 0 && client->queue.bytes < (size_t) stream->max_queue / 2)
	{
		bool		missing;
		struct event *event = feed_after(stream->feed, client->replayed, &missing);

		if (missing)
		{
			if (client->behind)
				too_slow(client, "it fell too far behind");
			else
				fetch_part(client);
			break;
		}
		if (event == NULL)
		{
			client->replaying = client->behind = false;
			if (client->floor < client->replayed)
				client->floor = client->replayed;
			break;
		}
		client->replayed = event->seq;
		if (client_wants(client, event))
			client_push_event(client, event);
	}
	stream_wake(client);
}

/* Closes the connections of those whose token was revoked or has expired. */
void
stream_check_rights(struct stream *stream)
{
	for (struct client *client = stream->clients; client != NULL; client = client->next)
	{
		if (client->principal != NULL && !client->principal->valid)
			stream_dismiss(client, 4001, "the token was revoked or has expired");
	}
}

/* Takes a complete message. */
static void
take_message(struct client *client, const char *bytes, size_t length, bool binary)
{
	if (binary)
		stream_send_error(client, NULL, "BAD_JSON", "messages are text frames", false);
	else if (!text_is_utf8(bytes, length))
		stream_dismiss(client, LWS_CLOSE_STATUS_INVALID_PAYLOAD, "not UTF-8");
	else
		requests_handle(client, bytes, length);
}

static void
unpack(struct client *client, const char *bytes, size_t length, bool binary)
{
	struct text message = {0};

	switch (compression_inflate(bytes, length, (size_t) client->stream->max_message, &message))
	{
		case INFLATE_GOOD:
			take_message(client, text_string(&message), message.length, binary);
			break;
		case INFLATE_BROKEN:
			stream_dismiss(client, LWS_CLOSE_STATUS_INVALID_PAYLOAD, "cannot be decompressed");
			break;
		case INFLATE_TOO_LARGE:
			stream_dismiss(client, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too big");
			break;
	}
	text_free(&message);
}

/* Takes a piece of a message; complete ones are handled. */
int
stream_received(struct client *client, const char *bytes, size_t length, bool final, bool binary)
{
	struct text *received = &client->received;

	if (client->close_code != 0)
		return 0;
	if (client->receiving_started == false)
	{
		client->receiving_started = true;
		client->receiving_packed = client->compressing && (lws_get_reserved_bits(client->wsi) & 0x40) != 0;
	}
	if (received->length + length > (size_t) client->stream->max_message)
	{
		text_free(received);
		stream_dismiss(client, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too big");
		return 0;
	}
	if (received->length > 0 || !final)
		text_append_n(received, bytes, length);
	if (!final)
		return 0;
	client->receiving_started = false;
	if (received->length > 0)
	{
		bytes = received->data;
		length = received->length;
	}
	if (client->receiving_packed)
		unpack(client, bytes, length, binary);
	else
		take_message(client, bytes, length, binary);
	text_free(received);
	return 0;
}

/* Sends the next message, or the farewell. Nonzero closes the connection. */
int
stream_writable(struct client *client)
{
	if (client->said_goodbye)
		return 0;				/* the other side's close frame is awaited */
	if (client->close_code != 0)
	{
		client->said_goodbye = true;
		if (client->server_sent)
			return -1;
		lws_close_reason(client->wsi, (enum lws_close_status) client->close_code,
						 (unsigned char *) (uintptr_t) client->close_reason, strlen(client->close_reason));
		return -1;
	}
	if (client->leave_code != 0 && client->answers.first == NULL)
	{
		stream_dismiss(client, client->leave_code, client->leave_reason);
		return 0;
	}
	if (!(client->server_sent ? write_events(client) : write_some(client)))
		return -1;
	if (client->replaying)
		stream_continue_replay(client);
	else
		stream_wake(client);
	return 0;
}

/* Welcomes a client that has just shaken hands; the principal is NULL when it did not say who it is. */
struct client *
stream_connected(struct stream *stream, struct lws *wsi, struct principal *principal, struct peer *peer, bool server_sent)
{
	struct client *client = memory_alloc_zero(sizeof(*client));
	struct text out = {0};

	client->stream = stream;
	client->wsi = wsi;
	client->number = ++stream->next_number;
	client_init(client);
	client->progress_at = client->welcomed_at = loop_now();
	client->principal = principal != NULL ? principal_hold(principal) : NULL;
	client->server_sent = server_sent;
	client->compressing = !server_sent && compression_negotiated(wsi);
	client->encrypted = lws_is_ssl(wsi) != 0;
	client->peer = peer;
	peer_hold(peer);
	if ((principal == NULL || server_sent) && !loop_timer_is_set(&stream->sweep))
		loop_timer_set(stream->loop, &stream->sweep, SWEEP_MS);
	/* Live events that overtook a resuming client's first message would come again in its replay. */
	client->fresh = true;
	client->fresh_timer = (struct loop_timer) {.fn = requests_grow_up,.arg = client};
	loop_timer_set(stream->loop, &client->fresh_timer, FRESH_MS);
	client->next = stream->clients;
	if (stream->clients != NULL)
		stream->clients->previous = client;
	stream->clients = client;
	stream->client_count++;
	stream->counters.connected++;
	log_debug("stream", "client %" PRIu64 " connected", client->number);

	protocol_open(&out, "WELCOME", NULL);
	text_append(&out, ",\"epoch\":");
	text_append_json(&out, feed_epoch(stream->feed));
	text_printf(&out, ",\"seq\":%" PRIu64 ",\"data\":{\"server\":\"pulse-worker " PULSE_VERSION "\",\"ready\":%s,"
				"\"max_message\":%" PRId64 ",\"max_queue\":%" PRId64 ",", feed_seq(stream->feed),
				feed_is_ready(stream->feed) ? "true" : "false", stream->max_message, stream->max_queue);
	protocol_subscription(&out, &client->subscription);
	text_printf(&out, ",\"authenticated\":%s", principal != NULL ? "true" : "false");
	if (principal != NULL)
	{
		text_append_char(&out, ',');
		stream_write_rights(&out, principal);
	}
	text_append(&out, "}}");
	stream_send(client, &out);
	return client;
}

/* Forgets a client whose connection is gone. */
void
stream_disconnected(struct client *client)
{
	struct stream *stream = client->stream;

	log_debug("stream", "client %" PRIu64 " left", client->number);
	loop_timer_cancel(stream->loop, &client->fresh_timer);
	answers_forget(stream->answers, client);
	database_forget(stream->database, client);
	requests_forget(client);
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		stream->clients = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	stream->client_count--;
	client_free(client);
	free(client);
}

/* Says goodbye to everyone. */
void
stream_shut_down(struct stream *stream, int code, const char *reason)
{
	for (struct client *client = stream->clients; client != NULL; client = client->next)
		stream_dismiss(client, code, reason);
}

/* Opens the stream; queries for replays and snapshots go over the given connection. */
struct stream *
stream_open(struct loop *loop, const struct config *config, struct database *database, struct answers *answers,
			const struct access *access)
{
	struct stream *stream = memory_alloc_zero(sizeof(*stream));

	stream->loop = loop;
	stream->database = database;
	stream->answers = answers;
	stream->access = access;
	stream->sweep = (struct loop_timer) {.fn = sweep_due,.arg = stream};
	stream_configure(stream, config);
	return stream;
}

/* Names the feed, which is opened after the stream because it calls into it. */
void
stream_set_feed(struct stream *stream, struct feed *feed)
{
	stream->feed = feed;
}

/* Takes over changed limits; connected clients are held to them from now on. */
void
stream_configure(struct stream *stream, const struct config *config)
{
	stream->max_queue = config->max_queue;
	stream->max_message = config->max_message;
	stream->message_rate = config->message_rate;
}

/* Frees the stream; its clients must be gone. */
void
stream_close(struct stream *stream)
{
	if (stream == NULL)
		return;
	loop_timer_cancel(stream->loop, &stream->sweep);
	free(stream);
}

/* Returns how many clients are connected. */
int
stream_client_count(const struct stream *stream)
{
	return stream->client_count;
}

/* Returns the running totals. */
const struct stream_counters *
stream_counters(const struct stream *stream)
{
	return &stream->counters;
}
