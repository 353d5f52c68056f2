/*
 * Averages of the drawdown over a curve: every observation after the first
 * counts, one per return, those at a peak with 0.
 */
#ifndef PULSE_CORE_UNDERWATER_H
#define PULSE_CORE_UNDERWATER_H

#include "core/compensated.h"
#include "core/curve.h"

typedef struct pulse_underwater
{
	int64_t		n;				/* observations, the first included */
	double		peak;
	pulse_sum	depth;
	double		depth_squared;
} pulse_underwater;

extern double pulse_underwater_add(pulse_underwater *u, double value);
extern void pulse_underwater_of_curve(const pulse_curve *c, pulse_underwater *u, double *depths);
extern bool pulse_average_drawdown(const pulse_underwater *u, double *result);
extern bool pulse_ulcer_index(const pulse_underwater *u, double *result);
extern bool pulse_cdar(double *depths, size_t n, double confidence, double *result);

#endif							/* PULSE_CORE_UNDERWATER_H */
