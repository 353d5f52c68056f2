/*
 * Central moments up to the fourth, numerically stable and mergeable.
 */
#ifndef PULSE_CORE_MOMENTS_H
#define PULSE_CORE_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pulse_moments
{
	int64_t		n;
	double		mean;
	double		m2;				/* sum of squared deviations from the mean */
	double		m3;
	double		m4;
	double		max_abs;		/* scale of the data, for the zero-variance test */
	bool		nonfinite;		/* a NaN or an infinity was among the values */
} pulse_moments;

extern void pulse_moments_add(pulse_moments *m, const double *x, size_t n);
extern void pulse_moments_add_constant(pulse_moments *m, double x, int64_t n);
extern void pulse_moments_merge(pulse_moments *m, const pulse_moments *other);
extern double pulse_moments_sd(const pulse_moments *m, int ddof);
extern bool pulse_is_zero_spread(double spread, double scale);
extern bool pulse_moments_skewness(const pulse_moments *m, double *result);
extern bool pulse_moments_kurtosis(const pulse_moments *m, double *result);
extern bool pulse_moments_population_shape(const pulse_moments *m, double *skewness, double *excess_kurtosis);

#endif							/* PULSE_CORE_MOMENTS_H */
