/*
 * Averages of the drawdown, by observation or by bucket end.
 */
#include "core/underwater.h"

#include <math.h>

#include "core/quantile.h"

static inline double
add_value(pulse_underwater *u, double value)
{
	double		depth;

	if (u->n++ == 0)
	{
		u->peak = value;
		return 0.0;
	}
	if (value > u->peak)
		u->peak = value;
	depth = pulse_depth(u->peak, value);
	pulse_sum_add(&u->depth, depth);
	u->depth_squared += depth * depth;
	return depth;
}

/* Adds one finite value, in time order, and returns its depth under the peak. */
double
pulse_underwater_add(pulse_underwater *u, double value)
{
	return add_value(u, value);
}

/*
 * Takes the bucket ends of a curve that is not broken, gaps carried forward;
 * depths, if given, gets one value per return.
 */
void
pulse_underwater_of_curve(const pulse_curve *c, pulse_underwater *underwater, double *depths)
{
	pulse_underwater u = *underwater;	/* in registers */

	for (size_t i = 0; i < c->n_buckets; i++)
	{
		const pulse_bucket *b = &c->buckets[i];
		double		depth;

		if (i > 0)
			for (int64_t gap = b[-1].index + 1; gap < b->index; gap++)
			{
				depth = add_value(&u, b[-1].last);
				if (depths)
					*depths++ = depth;
			}
		/* from here on values count in units of after the bucket's flows */
		if (i > 0 && b->link != 1.0)
			u.peak /= b->link;
		depth = add_value(&u, b->last);
		if (depths && i > 0)
			*depths++ = depth;
	}
	*underwater = u;
}

/* Computes the mean drawdown, which is the pain index. */
bool
pulse_average_drawdown(const pulse_underwater *u, double *result)
{
	if (u->n < 2 || !(u->peak > 0))
		return false;
	*result = pulse_sum_value(&u->depth) / (double) (u->n - 1);
	return true;
}

/* Computes the ulcer index: the root of the mean squared drawdown. */
bool
pulse_ulcer_index(const pulse_underwater *u, double *result)
{
	if (u->n < 2 || !(u->peak > 0))
		return false;
	*result = sqrt(u->depth_squared / (double) (u->n - 1));
	return true;
}

/*
 * Computes the conditional drawdown at risk: the mean of the depths at or
 * beyond their quantile. The order of the depths changes.
 */
bool
pulse_cdar(double *depths, size_t n, double confidence, double *result)
{
	double		limit;

	if (n == 0)
		return false;
	/* the worst depths are the smallest of their negatives, as returns are */
	for (size_t i = 0; i < n; i++)
		depths[i] = -depths[i];
	limit = pulse_quantile(depths, n, 1.0 - confidence);
	*result = 0.0 - pulse_tail_mean(depths, n, limit);
	return true;
}
