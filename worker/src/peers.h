#ifndef PULSE_PEERS_H
#define PULSE_PEERS_H

#include <stdbool.h>
#include <stdint.h>

/* What each address does: its connections, and how fast it asks. Bounded: who does nothing is forgotten. */
struct peers;

/* How much of something may be had now: it fills up again with time. Zero-initialised it is full. */
struct bucket
{
	double		tokens;
	uint64_t	at;				/* when tokens was right; monotonic microseconds, 0 = never asked */
};

struct peer
{
	struct peer *next;			/* in its bucket of the hash table */
	char		address[48];
	bool		loopback;		/* not limited: behind it there is a proxy or the machine's own programs */
	int			connections;
	struct bucket requests;
	struct bucket failures;		/* wrong credentials that are answered as such */
};

extern bool bucket_take(struct bucket *bucket, uint64_t now, double per_second, double most);

extern struct peers *peers_open(void);
extern void peers_close(struct peers *peers);
extern struct peer *peers_get(struct peers *peers, const char *address);
extern void peer_hold(struct peer *peer);
extern void peer_release(struct peer *peer);
extern bool peer_may_ask(struct peer *peer, uint64_t now, int64_t rate);
extern bool peer_may_fail(struct peer *peer, uint64_t now);

#endif
