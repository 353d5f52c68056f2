#ifndef PULSE_RATE_H
#define PULSE_RATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How fast one chat may be written to: a token bucket of one message in 3 seconds with a burst of 5, and in groups no
 * more than 20 in any 60 seconds, which a full bucket alone would allow to be passed. Times are monotonic milliseconds.
 */
#define RATE_BURST 5
#define RATE_INTERVAL_MS 3000
#define RATE_WINDOW 20
#define RATE_WINDOW_MS 60000

struct rate
{
	bool		group;
	double		tokens;
	int64_t		at;				/* when tokens was right */
	int64_t		sent[RATE_WINDOW];	/* times of the last messages, a ring */
	int			next;
};

extern void rate_init(struct rate *rate, bool group, int64_t now);
extern int64_t rate_wait(struct rate *rate, int reserve, int64_t now);
extern void rate_count(struct rate *rate, int64_t now);

#endif
