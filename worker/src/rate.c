#include "rate.h"

#include <math.h>

/* Starts with a full bucket and an empty window. */
void
rate_init(struct rate *rate, bool group, int64_t now)
{
	*rate = (struct rate) {.group = group,.tokens = RATE_BURST,.at = now};
	for (int i = 0; i < RATE_WINDOW; i++)
		rate->sent[i] = now - RATE_WINDOW_MS;
}

static void
refill(struct rate *rate, int64_t now)
{
	if (now > rate->at)
	{
		rate->tokens += (double) (now - rate->at) / RATE_INTERVAL_MS;
		rate->at = now;
	}
	if (rate->tokens > RATE_BURST)
		rate->tokens = RATE_BURST;
}

/* Returns how many milliseconds a message has to wait that leaves room for so many others; 0 = go. */
int64_t
rate_wait(struct rate *rate, int reserve, int64_t now)
{
	int64_t		wait = 0;
	int64_t		window = rate->sent[(rate->next + reserve) % RATE_WINDOW] + RATE_WINDOW_MS - now;
	double		wanted = 1 + reserve;

	refill(rate, now);
	/* A hair below is enough: the bucket fills in fractions. */
	if (rate->tokens < wanted - 1e-9)
		wait = (int64_t) ceil((wanted - rate->tokens) * RATE_INTERVAL_MS);
	if (rate->group && window > wait)
		wait = window;
	return wait > 0 ? wait : 0;
}

/* Counts a message that goes out now, or went out at a time that lies back. */
void
rate_count(struct rate *rate, int64_t now)
{
	refill(rate, now);
	rate->tokens -= 1;
	rate->sent[rate->next] = now;
	rate->next = (rate->next + 1) % RATE_WINDOW;
}
