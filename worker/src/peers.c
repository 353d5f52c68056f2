#include "peers.h"

#include "memory.h"
#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024			/* a power of two */
#define MAX_PEERS 8192
#define FAILURES_A_MINUTE 20

struct peers
{
	struct peer *buckets[BUCKETS];
	int			count;
};

static uint32_t
hash_of(const char *address)
{
	uint32_t	hash = 2166136261u;

	for (; *address != '\0'; address++)
		hash = (hash ^ (unsigned char) *address) * 16777619u;
	return hash;
}

/* Makes an empty table. */
struct peers *
peers_open(void)
{
	return memory_alloc_zero(sizeof(struct peers));
}

/* Frees the table; nobody may hold a peer any more. */
void
peers_close(struct peers *peers)
{
	if (peers == NULL)
		return;
	for (int i = 0; i < BUCKETS; i++)
	{
		while (peers->buckets[i] != NULL)
		{
			struct peer *next = peers->buckets[i]->next;

			free(peers->buckets[i]);
			peers->buckets[i] = next;
		}
	}
	free(peers);
}

/* Forgets whoever has no connection; their buckets would have filled up again within seconds. */
static void
make_room(struct peers *peers)
{
	for (int i = 0; i < BUCKETS; i++)
	{
		for (struct peer **link = &peers->buckets[i]; *link != NULL;)
		{
			struct peer *peer = *link;

			if (peer->connections > 0)
				link = &peer->next;
			else
			{
				*link = peer->next;
				free(peer);
				peers->count--;
			}
		}
	}
}

/* Returns the peer of an address, a new one when it was not seen lately. It lives until someone else is asked for, or held. */
struct peer *
peers_get(struct peers *peers, const char *address)
{
	struct peer **bucket = &peers->buckets[hash_of(address) & (BUCKETS - 1)];
	struct peer *peer;

	/* An IPv4 address comes in the clothes of IPv6 where the socket listens on both. */
	if (strncmp(address, "::ffff:", 7) == 0)
	{
		address += 7;
		bucket = &peers->buckets[hash_of(address) & (BUCKETS - 1)];
	}
	for (peer = *bucket; peer != NULL; peer = peer->next)
	{
		if (strcmp(peer->address, address) == 0)
			return peer;
	}
	if (peers->count >= MAX_PEERS)
		make_room(peers);
	peer = memory_alloc_zero(sizeof(*peer));
	snprintf(peer->address, sizeof(peer->address), "%s", address);
	peer->loopback = net_is_loopback_name(address);
	peer->next = *bucket;
	*bucket = peer;
	peers->count++;
	return peer;
}

/* Counts one more connection; while there is one, the peer stays. */
void
peer_hold(struct peer *peer)
{
	peer->connections++;
}

/* Counts one less; NULL is nobody. */
void
peer_release(struct peer *peer)
{
	if (peer != NULL)
		peer->connections--;
}

/* Takes one out of a bucket; false when there is none. */
bool
bucket_take(struct bucket *bucket, uint64_t now, double per_second, double most)
{
	if (bucket->at == 0)
		bucket->tokens = most;
	else
		bucket->tokens += (double) (now - bucket->at) * per_second / 1e6;
	bucket->at = now;
	if (bucket->tokens > most)
		bucket->tokens = most;
	if (bucket->tokens < 1)
		return false;
	bucket->tokens -= 1;
	return true;
}

/* Counts a request; false when there were too many. */
bool
peer_may_ask(struct peer *peer, uint64_t now, int64_t rate)
{
	return peer->loopback || bucket_take(&peer->requests, now, (double) rate, (double) rate * 2);
}

/* Counts a wrong credential; false when there were too many to go on saying what is wrong with them. */
bool
peer_may_fail(struct peer *peer, uint64_t now)
{
	return bucket_take(&peer->failures, now, FAILURES_A_MINUTE / 60.0, FAILURES_A_MINUTE);
}
