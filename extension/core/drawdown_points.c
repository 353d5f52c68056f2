/*
 * While a curve makes one high after the other only the last of them matters, and under water only the lowest point.
 */
#include "core/drawdown_points.h"

#include <math.h>

/* Adds an observation. */
int
pulse_drawdown_points_add(pulse_drawdown_points *d, int64_t ts, double value, double flow, pulse_level *points)
{
	double		growth = d->any ? (value - flow) / d->value : 1.0;
	int			n = 0;

	/* where equity was not positive there is no growth to speak of */
	if (d->any && d->value != 0 && (growth > 0 || isnan(growth)))
		d->last.level += log(growth);
	d->last.ts = ts;
	d->value = value;
	if (!d->any || !(d->last.level < d->peak.level))
	{
		if (d->under_water)
		{
			points[n++] = d->lowest;
			points[n++] = d->last;
		}
		d->peak = d->last;
		d->peak_told = d->under_water;
		d->under_water = false;
		d->any = true;
		return n;
	}
	if (!d->under_water)
	{
		if (!d->peak_told)
			points[n++] = d->peak;
		d->peak_told = true;
		d->under_water = true;
		d->lowest = d->last;
	}
	else if (d->last.level < d->lowest.level)
		d->lowest = d->last;
	return n;
}

/* Tells those that the end of the curve leaves. */
int
pulse_drawdown_points_end(pulse_drawdown_points *d, pulse_level *points)
{
	int			n = 0;

	if (d->under_water)
	{
		points[n++] = d->lowest;
		if (d->last.ts != d->lowest.ts)
			points[n++] = d->last;
	}
	else if (d->any && !d->peak_told)
		points[n++] = d->peak;
	return n;
}
