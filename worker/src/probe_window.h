#ifndef PULSE_PROBE_WINDOW_H
#define PULSE_PROBE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a probe remembers: the last samples for percentiles, counts for each minute of a day for error rates, and a
 * histogram since the start. Times are monotonic seconds.
 */
#define PROBE_SAMPLES 1024
#define PROBE_MINUTES 1440
#define PROBE_BUCKETS 12

struct probe_window
{
	int64_t		at[PROBE_SAMPLES];
	float		latency[PROBE_SAMPLES];	/* milliseconds; of answers only */
	int			next;
	int			count;
	uint16_t	good[PROBE_MINUTES];
	uint16_t	bad[PROBE_MINUTES];
	int64_t		minute;			/* the newest one in the rings */
	uint64_t	buckets[PROBE_BUCKETS + 1];	/* latency histogram; the last one has no bound */
	double		latency_sum;	/* seconds */
	uint64_t	good_total;
	uint64_t	bad_total;
};

struct probe_rates
{
	uint32_t	good;
	uint32_t	bad;
	double		error_rate;		/* 0 when nothing was asked */
};

extern const double probe_bucket_bounds[PROBE_BUCKETS];

extern void probe_window_add(struct probe_window *window, int64_t now, bool good, double latency_ms);
extern void probe_window_rates(struct probe_window *window, int64_t now, int minutes, struct probe_rates *rates);
extern int	probe_window_percentiles(const struct probe_window *window, int64_t now, int64_t seconds, double result[3]);

#endif
