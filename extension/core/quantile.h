/*
 * Exact quantiles of an array (Hyndman and Fan's type 7) and the mean of the
 * tail below them.
 */
#ifndef PULSE_CORE_QUANTILE_H
#define PULSE_CORE_QUANTILE_H

#include <stddef.h>

typedef struct pulse_quantile_position
{
	size_t		index;			/* order statistic below the quantile, from 0 */
	double		weight;			/* share of the next one, 0 <= weight < 1 */
} pulse_quantile_position;

extern pulse_quantile_position pulse_quantile_locate(size_t n, double p);
extern double pulse_quantile_interpolate(double low, double high, double weight);
extern double pulse_quantile(double *x, size_t n, double p);
extern double pulse_quantile_above(double *x, size_t n, double lower_p, double p);
extern double pulse_tail_mean(const double *x, size_t n, double limit);

#endif							/* PULSE_CORE_QUANTILE_H */
