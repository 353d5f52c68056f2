/*
 * Bands from a value's own history: how far from the usual is unusual.
 */
#ifndef PULSE_CORE_BAND_H
#define PULSE_CORE_BAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The history: an exponentially weighted mean and variance, and the newest values where quantiles are asked for. */
typedef struct pulse_band
{
	int64_t		samples;
	double		mean;
	double		variance;
	int32_t		capacity;		/* of values; 0: none are kept */
	int32_t		count;
	int32_t		next;			/* where the next value goes */
	double	   *values;
} pulse_band;

/* How levels come from it. */
typedef struct pulse_band_shape
{
	bool		quantile;		/* levels are quantiles, else multiples of the deviation from the mean */
	bool		below;			/* too small is bad */
	double		warning;		/* multiple or probability; NaN: there is no such level */
	double		critical;
	double		min_width;		/* distance from the centre at least */
	double		factor;			/* multiplies the distance */
} pulse_band_shape;

extern void pulse_band_add(pulse_band *band, double half_life, double value);
extern void pulse_band_levels(const pulse_band *band, const pulse_band_shape *shape, double *scratch,
							  double *warning, double *critical);

#endif							/* PULSE_CORE_BAND_H */
