/*
 * Exponentially weighted mean and variance after West (1979) and Finch (2009), quantiles of the newest values.
 */
#include "core/band.h"

#include <math.h>
#include <string.h>

#include "core/quantile.h"

/* Takes a finite value in; half_life is the number of values after which one counts half. */
void
pulse_band_add(pulse_band *band, double half_life, double value)
{
	double		weight = 1 - exp2(-1 / half_life);
	double		distance;

	band->samples++;
	/* The first values count alike: an average of few does not hang on the very first. */
	if (weight < 1.0 / (double) band->samples)
		weight = 1.0 / (double) band->samples;
	distance = value - band->mean;
	band->mean += weight * distance;
	band->variance = (1 - weight) * (band->variance + weight * distance * distance);
	if (band->capacity > 0)
	{
		band->values[band->next] = value;
		band->next = (band->next + 1) % band->capacity;
		if (band->count < band->capacity)
			band->count++;
	}
}

/* The level at a multiple of the deviation, or at a probability, on the bad side of the centre. */
static double
level_at(const pulse_band *band, const pulse_band_shape *shape, double *scratch, double centre, double parameter)
{
	double		width;

	if (isnan(parameter))
		return NAN;
	if (!shape->quantile)
		width = parameter * sqrt(band->variance);
	else
	{
		width = pulse_quantile(scratch, (size_t) band->count, shape->below ? 1 - parameter : parameter) - centre;
		if (shape->below)
			width = -width;
	}
	width = fmax(width, shape->min_width) * shape->factor;
	return shape->below ? centre - width : centre + width;
}

/* Computes the levels; scratch has room for count values. NaN: there is no such level, or no value yet. */
void
pulse_band_levels(const pulse_band *band, const pulse_band_shape *shape, double *scratch, double *warning, double *critical)
{
	double		centre = band->mean;

	*warning = *critical = NAN;
	if (band->samples == 0 || (shape->quantile && band->count == 0))
		return;
	if (shape->quantile)
	{
		memcpy(scratch, band->values, (size_t) band->count * sizeof(double));
		centre = pulse_quantile(scratch, (size_t) band->count, 0.5);
	}
	*warning = level_at(band, shape, scratch, centre, shape->warning);
	*critical = level_at(band, shape, scratch, centre, shape->critical);
}
