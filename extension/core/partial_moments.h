/*
 * Lower and upper partial moments about a threshold.
 */
#ifndef PULSE_CORE_PARTIAL_MOMENTS_H
#define PULSE_CORE_PARTIAL_MOMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/compensated.h"

typedef struct pulse_partial
{
	double		threshold;
	pulse_sum	above;			/* sum of max(x - threshold, 0) */
	pulse_sum	below;			/* sum of max(threshold - x, 0) */
	double		below_squared;	/* sum of max(threshold - x, 0) squared */
} pulse_partial;

extern void pulse_partial_add(pulse_partial *p, const double *x, size_t n);
extern void pulse_partial_merge(pulse_partial *p, const pulse_partial *other);

#endif							/* PULSE_CORE_PARTIAL_MOMENTS_H */
