/*
 * Means, squared deviations and the co-moment of pairs, mergeable.
 */
#ifndef PULSE_CORE_COMOMENTS_H
#define PULSE_CORE_COMOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/compensated.h"

typedef struct pulse_comoments
{
	int64_t		n;
	double		mean_x;
	double		mean_y;
	double		xx;
	double		yy;
	double		xy;
	double		max_x;			/* scales of the data, for the zero-variance test */
	double		max_y;
	bool		nonfinite;
} pulse_comoments;

/* Cumulative log return regressed on its number: how steadily equity grew. */
typedef struct pulse_stability
{
	pulse_comoments line;
	pulse_sum	log;
	bool		undefined;		/* a return of -1 or less */
} pulse_stability;

extern void pulse_comoments_add(pulse_comoments *c, double x, double y);
extern void pulse_comoments_merge(pulse_comoments *c, const pulse_comoments *other);
extern void pulse_stability_add(pulse_stability *s, double r);
extern void pulse_stability_add_all(pulse_stability *s, const double *r, size_t n);
extern void pulse_stability_merge(pulse_stability *s, const pulse_stability *newer);
extern bool pulse_stability_r2(const pulse_stability *s, double *result);

#endif							/* PULSE_CORE_COMOMENTS_H */
