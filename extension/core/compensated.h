/*
 * Sums that keep what plain addition rounds away, and compounded growth.
 */
#ifndef PULSE_CORE_COMPENSATED_H
#define PULSE_CORE_COMPENSATED_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pulse_sum
{
	double		sum;
	double		correction;
} pulse_sum;

typedef struct pulse_growth
{
	pulse_sum	log;			/* sum of log(1 + r) */
	bool		wiped_out;		/* a return of exactly -1 */
	bool		undefined;		/* a return below -1 */
	bool		nonfinite;
} pulse_growth;

/* Adds x to the sum (Neumaier's variant of Kahan summation). */
static inline void
pulse_sum_add(pulse_sum *s, double x)
{
	double		t = s->sum + x;

	if (fabs(s->sum) >= fabs(x))
		s->correction += (s->sum - t) + x;
	else
		s->correction += (x - t) + s->sum;
	s->sum = t;
}

/*
 * Returns log(1 + r). Most returns are small, and of those eight terms of the
 * series say all that double precision holds.
 */
static inline double
pulse_log_growth(double r)
{
	if (!(fabs(r) < 0x1p-7))
		return log1p(r);
	return r - r * r * (1.0 / 2 - r * (1.0 / 3 - r * (1.0 / 4 - r * (1.0 / 5 - r * (1.0 / 6 - r * (1.0 / 7 - r / 8))))));
}

/* Merges other into s. */
static inline void
pulse_sum_merge(pulse_sum *s, const pulse_sum *other)
{
	pulse_sum_add(s, other->sum);
	s->correction += other->correction;
}

/* Returns the value of the sum. */
static inline double
pulse_sum_value(const pulse_sum *s)
{
	/* an overflowed sum has a meaningless correction */
	return isfinite(s->correction) ? s->sum + s->correction : s->sum;
}

extern void pulse_growth_add(pulse_growth *g, const double *r, size_t n);
extern void pulse_growth_merge(pulse_growth *g, const pulse_growth *other);
extern bool pulse_growth_total_return(const pulse_growth *g, double *result);

#endif							/* PULSE_CORE_COMPENSATED_H */
