/*
 * Drawdown of an equity curve that arrives in time order.
 */
#ifndef PULSE_CORE_DRAWDOWN_H
#define PULSE_CORE_DRAWDOWN_H

#include <stdbool.h>
#include <stdint.h>

typedef struct pulse_drawdown
{
	int64_t		n;
	double		peak;
	double		trough;			/* lowest value since the peak */
	double		last;
	double		deepest;		/* of the recovered drawdowns */
	double		largest;		/* of them, in money */
	int64_t		peak_ts;
	int64_t		last_ts;
	int64_t		longest;		/* of the recovered drawdowns, from peak to recovery */
} pulse_drawdown;

/*
 * Returns the time from one moment to a later one. The two ends of the calendar
 * lie further apart than 2^63 microseconds: there it is as long as can be said.
 */
static inline int64_t
pulse_elapsed(int64_t from, int64_t to)
{
	int64_t		elapsed;

	return __builtin_sub_overflow(to, from, &elapsed) ? INT64_MAX : elapsed;
}

/* Returns the depth of value under peak; 0 where the peak is not positive. */
static inline double
pulse_depth(double peak, double value)
{
	return peak > 0 && value < peak ? (peak - value) / peak : 0.0;
}

extern void pulse_drawdown_recover(pulse_drawdown *d, int64_t ts, double value);

/* Adds one observation, not earlier than the one before. */
static inline void
pulse_drawdown_add(pulse_drawdown *d, int64_t ts, double value)
{
	if (value >= d->peak || d->n == 0)
		pulse_drawdown_recover(d, ts, value);
	else if (value < d->trough)
		d->trough = value;
	d->last = value;
	d->last_ts = ts;
	d->n++;
}

extern void pulse_drawdown_rescale(pulse_drawdown *d, double factor);
extern bool pulse_drawdown_deepest(const pulse_drawdown *d, double *result);
extern bool pulse_drawdown_amount(const pulse_drawdown *d, double *result);
extern bool pulse_drawdown_current(const pulse_drawdown *d, double *result);
extern int64_t pulse_drawdown_longest(const pulse_drawdown *d);

#endif							/* PULSE_CORE_DRAWDOWN_H */
