#ifndef PULSE_REQUESTS_H
#define PULSE_REQUESTS_H

#include "protocol.h"
#include "stream.h"

/* What the two halves of the WebSocket side share: the stream that serves clients, and what clients ask it for. */

struct stream
{
	struct loop *loop;
	struct database *database;
	struct answers *answers;
	const struct access *access;
	struct feed *feed;
	struct client *clients;
	int			client_count;
	uint64_t	next_number;
	int64_t		max_queue;
	int64_t		max_message;
	int64_t		message_rate;
	struct stream_counters counters;
	struct loop_timer sweep;	/* cuts clients that do not take their farewell */
};

extern void requests_handle(struct client *client, const char *bytes, size_t length);
extern void requests_grow_up(void *arg);
extern void requests_forget(struct client *client);

extern void stream_wake(struct client *client);
extern void stream_dismiss(struct client *client, int code, const char *reason);
extern void stream_send(struct client *client, struct text *text);
extern void stream_send_error(struct client *client, const char *id, const char *code, const char *message, bool retryable);
extern void stream_write_gap(struct client *client, struct text *out, const char *id, const char *reason,
							 const struct request_message *asked);
extern void stream_continue_replay(struct client *client);

#endif
