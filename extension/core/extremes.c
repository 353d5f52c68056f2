/*
 * A drawdown is deepest from a value above all before it to one below all
 * after it, and a row that comes late can be compared only with the highest
 * value before its time and the lowest one after. So the others can go: what
 * stays gives the same maximum (also in money) and current drawdown, first, last, highest and
 * lowest value, whatever else arrives. On a curve that wanders, little stays.
 * Values below zero stay all: of two of them the lower one is not always
 * deeper, as a higher peak divides it.
 */
#include "core/extremes.h"

#include <math.h>

/*
 * Moves the extremes of n >= 1 observations in time order to the front, in
 * order, and returns their number. Values that are no numbers stay. Scratch
 * has room for n.
 */
size_t
pulse_keep_extremes(int64_t *ts, double *value, uint8_t *scratch, size_t n)
{
	double		highest = -INFINITY;
	double		lowest = INFINITY;
	size_t		kept = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint8_t		keep = !(value[i] <= highest);

		scratch[i] = keep || value[i] < 0;
		if (keep)
			highest = fmax(highest, value[i]);
	}
	/* a curve begins with its first value, even if it is -Infinity, and ends with its last */
	scratch[0] = scratch[n - 1] = 1;
	for (size_t i = n; i-- > 0;)
		if (value[i] < lowest)
		{
			lowest = value[i];
			scratch[i] = 1;
		}
	for (size_t i = 0; i < n; i++)
		if (scratch[i])
		{
			ts[kept] = ts[i];
			value[kept++] = value[i];
		}
	return kept;
}

/*
 * Divides the time of n >= 1 rows in order into parts of equal length and
 * notes for each the highest value in the parts before and the lowest in the
 * parts after it.
 */
void
pulse_extremes_bounds_set(pulse_extremes_bounds *bounds, const int64_t *ts, const double *value, size_t n)
{
	uint64_t	range = (uint64_t) ts[n - 1] - (uint64_t) ts[0];
	double		highest = -INFINITY;
	double		lowest = INFINITY;
	size_t		row = 0;

	bounds->first_ts = ts[0];
	bounds->last_ts = ts[n - 1];
	bounds->shift = 0;
	while (range >> bounds->shift >= PULSE_EXTREMES_PARTS)
		bounds->shift++;
	for (uint64_t part = 0; part < PULSE_EXTREMES_PARTS; part++)
	{
		bounds->highest_before[part] = highest;
		for (; row < n && ((uint64_t) ts[row] - (uint64_t) ts[0]) >> bounds->shift == part; row++)
			highest = fmax(highest, value[row]);
	}
	for (uint64_t part = PULSE_EXTREMES_PARTS; part-- > 0;)
	{
		bounds->lowest_after[part] = lowest;
		for (; row > 0 && ((uint64_t) ts[row - 1] - (uint64_t) ts[0]) >> bounds->shift == part; row--)
			lowest = fmin(lowest, value[row - 1]);
	}
}
