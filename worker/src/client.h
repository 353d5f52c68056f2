#ifndef PULSE_CLIENT_H
#define PULSE_CLIENT_H

#include "auth.h"
#include "event.h"
#include "loop.h"
#include "peers.h"
#include "subscription.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

struct lws;

/* One message that waits for a client: an event, or a frame that only concerns this client. */
struct queued
{
	struct queued *next;
	struct queued *previous;
	struct queued *next_state;	/* state events are in a second list, for conflation */
	struct queued *previous_state;
	struct event *event;
	struct frame *frame;
	uint64_t	cut;			/* of a snapshot frame: events up to this seq are in it */
	size_t		bytes;
};

struct queue
{
	struct queued *first;
	struct queued *last;
	struct queued *first_state;
	size_t		bytes;
	int			count;
};

/*
 * A connected WebSocket client. Answers go out first, then the queue in order. While fresh or held, the queue
 * waits; while replaying, live events are not queued but fetched in order as the queue drains.
 */
struct client
{
	struct client *next;
	struct client *previous;
	struct stream *stream;
	struct lws *wsi;
	uint64_t	number;			/* for the log */

	struct principal *principal;	/* with a reference; NULL until it has said who it is */
	struct peer *peer;			/* held */
	struct command *commands;	/* that wait for the database */
	int			command_count;
	struct subscription subscription;
	struct queue answers;
	struct queue queue;
	bool		fresh;			/* just connected: live events wait a moment, because it may want to resume */
	bool		held;
	char	   *snapshot_id;
	char	   *snapshot_portfolio;
	bool		replaying;
	bool		behind;			/* it replays because it could not keep up, not because it asked for it */
	uint64_t	progress_at;	/* when the network last took something; monotonic microseconds */
	bool		fetching;		/* a part of the replay is being read from the database */
	uint64_t	replayed;		/* seq up to which the replay has come */
	uint64_t	floor;			/* events up to this seq are known to the client already */
	uint64_t	sent;			/* seq of the last event sent; EVENT_NO_PREV before the first */

	bool		pending;		/* has output that waits for the end of a batch of events */
	bool		server_sent;	/* over HTTP as server-sent events, not over a WebSocket */
	bool		compressing;	/* permessage-deflate was negotiated */
	bool		encrypted;		/* over TLS */
	struct frame *sending;		/* a message that goes out in several fragments, with a reference */
	size_t		sending_at;		/* bytes of it that are out */

	struct loop_timer fresh_timer;

	struct text received;		/* pieces of a message that is not complete yet */
	bool		receiving_started;
	bool		receiving_packed;	/* it is compressed */
	struct bucket messages;		/* that it may send now */
	int			excess;			/* messages refused in a row for coming too fast */

	int			close_code;		/* 0 = stays open */
	const char *close_reason;
	int			leave_code;		/* closed with this once the answers are out; 0 = no */
	const char *leave_reason;
	uint64_t	welcomed_at;	/* monotonic microseconds */
	int			auth_failures;	/* in a row */
	bool		said_goodbye;	/* the close frame is with libwebsockets */
	uint64_t	close_by;		/* monotonic microseconds; then the connection is cut without a farewell */
};

extern void client_init(struct client *client);
extern void client_free(struct client *client);
extern void client_push_event(struct client *client, struct event *event);
extern void client_push_frame(struct queue *queue, struct frame *frame, uint64_t cut);
extern void client_push_snapshot(struct client *client, struct frame *frame, uint64_t seq);
extern void client_drop_events(struct client *client);
extern void client_drop_queue(struct client *client);
extern bool client_wants(const struct client *client, const struct event *event);
extern bool client_has_output(const struct client *client);
extern struct frame *client_next_frame(struct client *client);
extern bool client_may_send(struct client *client, uint64_t now, int64_t rate);

#endif
