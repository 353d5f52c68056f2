#include "probe_window.h"

#include <stdlib.h>
#include <string.h>

const double probe_bucket_bounds[PROBE_BUCKETS] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3.5, 5, 10};

/* Empties the minutes that have passed since the newest one. */
static void
advance(struct probe_window *window, int64_t now)
{
	int64_t		minute = now / 60;
	int64_t		first = window->minute + 1;

	if (minute - first >= PROBE_MINUTES)
		first = minute - PROBE_MINUTES + 1;
	for (int64_t i = first; i <= minute; i++)
	{
		window->good[i % PROBE_MINUTES] = 0;
		window->bad[i % PROBE_MINUTES] = 0;
	}
	if (minute > window->minute)
		window->minute = minute;
}

/* Adds the outcome of one probe; a latency below zero means that no answer came. */
void
probe_window_add(struct probe_window *window, int64_t now, bool good, double latency_ms)
{
	uint16_t   *count;
	int			bucket = 0;

	advance(window, now);
	count = (good ? window->good : window->bad) + now / 60 % PROBE_MINUTES;
	if (*count < UINT16_MAX)
		(*count)++;
	if (good)
		window->good_total++;
	else
		window->bad_total++;
	if (latency_ms < 0)
		return;
	window->at[window->next] = now;
	window->latency[window->next] = (float) latency_ms;
	window->next = (window->next + 1) % PROBE_SAMPLES;
	if (window->count < PROBE_SAMPLES)
		window->count++;
	while (bucket < PROBE_BUCKETS && latency_ms / 1000 > probe_bucket_bounds[bucket])
		bucket++;
	window->buckets[bucket]++;
	window->latency_sum += latency_ms / 1000;
}

/* Counts the last so many minutes, the present one included. */
void
probe_window_rates(struct probe_window *window, int64_t now, int minutes, struct probe_rates *rates)
{
	*rates = (struct probe_rates) {0};
	advance(window, now);
	for (int i = 0; i < minutes && i < PROBE_MINUTES && window->minute >= i; i++)
	{
		rates->good += window->good[(window->minute - i) % PROBE_MINUTES];
		rates->bad += window->bad[(window->minute - i) % PROBE_MINUTES];
	}
	if (rates->good + rates->bad > 0)
		rates->error_rate = (double) rates->bad / (rates->good + rates->bad);
}

static int
compare(const void *one, const void *other)
{
	float		a = *(const float *) one;
	float		b = *(const float *) other;

	return (a > b) - (a < b);
}

/* Nearest-rank percentiles 50, 95 and 99 of the last so many seconds; returns how many samples there are. */
int
probe_window_percentiles(const struct probe_window *window, int64_t now, int64_t seconds, double result[3])
{
	static const int ranks[] = {50, 95, 99};
	float		values[PROBE_SAMPLES];
	int			count = 0;

	for (int i = 0; i < window->count; i++)
	{
		if (window->at[i] > now - seconds)
			values[count++] = window->latency[i];
	}
	qsort(values, (size_t) count, sizeof(values[0]), compare);
	for (int i = 0; i < 3; i++)
		result[i] = count > 0 ? values[(ranks[i] * count + 99) / 100 - 1] : -1;
	return count;
}
