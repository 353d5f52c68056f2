#ifndef PULSE_STREAM_H
#define PULSE_STREAM_H

#include "access.h"
#include "answers.h"
#include "client.h"
#include "config.h"
#include "feed.h"

/* The WebSocket side: clients, what they asked for, and what they get. */
struct stream;

struct stream_counters
{
	uint64_t	connected;		/* clients since the start */
	uint64_t	messages;		/* sent */
	uint64_t	bytes;
	uint64_t	refused;		/* messages answered with ERROR */
	uint64_t	too_slow;		/* clients closed with 4008 */
	uint64_t	replays;
};

extern struct stream *stream_open(struct loop *loop, const struct config *config, struct database *database,
								  struct answers *answers, const struct access *access);
extern void stream_close(struct stream *stream);
extern void stream_configure(struct stream *stream, const struct config *config);
extern void stream_set_feed(struct stream *stream, struct feed *feed);
extern int	stream_client_count(const struct stream *stream);
extern const struct stream_counters *stream_counters(const struct stream *stream);

/* From the feed. */
extern void stream_event(struct stream *stream, struct event *event);
extern void stream_flush(struct stream *stream);
extern void stream_gap(struct stream *stream, const char *reason);

/* From the server. A nonzero result closes the connection. */
extern struct client *stream_connected(struct stream *stream, struct lws *wsi, struct principal *principal, struct peer *peer,
									   bool server_sent);
extern int	stream_received(struct client *client, const char *bytes, size_t length, bool final, bool binary);
extern int	stream_writable(struct client *client);
extern void stream_disconnected(struct client *client);

extern void stream_shut_down(struct stream *stream, int code, const char *reason);

/* Who lost his rights is out. */
extern void stream_check_rights(struct stream *stream);

/* The members that tell what a principal may do. */
extern void stream_write_rights(struct text *out, const struct principal *principal);

#endif
