/*
 * Flows are removed by chain-linking: a flow F that leads to the value V
 * contributes the growth (V - F) / V_before, so after it values count in units
 * of V / (V - F) of the old ones. Without flows every figure is computed from
 * the values themselves, with no product to round.
 */
#include "core/curve.h"

#include <math.h>

#include "core/annualise.h"

/*
 * Buckets are counted from Monday, 3 January 2000, in microseconds from 1
 * January 2000 (the origin of timestamps in PostgreSQL): days are UTC days,
 * weeks begin on Monday.
 */
#define ORIGIN (2 * PULSE_USEC_PER_DAY)

/* Returns the number of the bucket that holds a time. */
int64_t
pulse_bucket_index(int64_t ts, int64_t width)
{
	int64_t		t = ts - ORIGIN;

	return t >= 0 ? t / width : -((-t + width - 1) / width);
}

/* Returns the time at which a bucket begins. */
int64_t
pulse_bucket_start(int64_t index, int64_t width)
{
	return index * width + ORIGIN;
}

/* Prepares an empty curve with buckets of width microseconds (0: none). */
void
pulse_curve_begin(pulse_curve *c, int64_t width, pulse_memory memory)
{
	*c = (pulse_curve) {.width = width, .link = 1.0, .memory = memory};
	c->bucket_end = INT64_MIN;
}

static void
open_bucket(pulse_curve *c, int64_t ts)
{
	if (c->width == 0)
	{
		c->bucket_end = INT64_MAX;
		return;
	}
	if (c->n_buckets == c->allocated)
	{
		c->allocated = c->allocated == 0 ? 8 : c->allocated * 2;
		c->buckets = c->memory.resize(c->memory.context, c->buckets,
									  c->allocated * sizeof(pulse_bucket));
	}
	/* mostly the next one, which needs no division */
	if (c->n_buckets > 0 && ts - c->bucket_end < c->width)
	{
		c->buckets[c->n_buckets].index = c->buckets[c->n_buckets - 1].index + 1;
		c->bucket_start = c->bucket_end;
	}
	else
	{
		c->buckets[c->n_buckets].index = pulse_bucket_index(ts, c->width);
		c->bucket_start = pulse_bucket_start(c->buckets[c->n_buckets].index, c->width);
	}
	c->bucket_end = c->bucket_start + c->width;
	c->buckets[c->n_buckets].link = 1.0;
	c->n_buckets++;
}

/* Takes a flow out of the curve; the drawdown first sees the value without it. */
static void
link_flow(pulse_curve *c, int64_t ts, double value, double flow)
{
	double		before = value - flow;

	pulse_sum_add(&c->net_flow, flow);
	if (c->lost)
		return;
	pulse_drawdown_add(&c->drawdown, ts, before);
	if (before > 0 && value > 0)
	{
		c->link *= before / value;
		if (c->n_buckets > 0)
			c->buckets[c->n_buckets - 1].link *= before / value;
		pulse_drawdown_rescale(&c->drawdown, value / before);
	}
	else
		c->broken = c->lost = true;
}

static void
add_observation(pulse_curve *c, int64_t ts, double value, double flow)
{
	if (!isfinite(value) || !isfinite(flow))
	{
		c->nonfinite = true;
		return;
	}
	if (value <= 0)
		c->broken = true;
	/* before the first value there is nothing that a flow could be taken out of */
	if (flow != 0 && c->drawdown.n > 0)
		link_flow(c, ts, value, flow);
	else if (!c->lost)
		pulse_drawdown_add(&c->drawdown, ts, value);
}

/* Adds n observations in time order; flow may be NULL. */
void
pulse_curve_add(pulse_curve *c, const int64_t *ts, const double *value,
				const double *flow, size_t n)
{
	if (n == 0)
		return;
	if (c->n == 0)
	{
		c->first_ts = ts[0];
		c->first_value = value[0];
	}
	for (size_t i = 0; i < n; i++)
	{
		if (ts[i] >= c->bucket_end)
		{
			if (c->n_buckets > 0 && i > 0)
				c->buckets[c->n_buckets - 1].last = value[i - 1];
			open_bucket(c, ts[i]);
		}
		if (flow == NULL && value[i] > 0 && value[i] <= 1.7976931348623157e308 && !c->lost)
			pulse_drawdown_add(&c->drawdown, ts[i], value[i]);
		else
			add_observation(c, ts[i], value[i], flow ? flow[i] : 0.0);
	}
	c->n += (int64_t) n;
	c->last_ts = ts[n - 1];
	c->last_value = value[n - 1];
	if (c->n_buckets > 0)
		c->buckets[c->n_buckets - 1].last = c->last_value;
}

/* Returns the number of returns: one for every bucket after the first, gaps included. */
int64_t
pulse_curve_periods(const pulse_curve *c)
{
	if (c->n_buckets == 0)
		return 0;
	return c->buckets[c->n_buckets - 1].index - c->buckets[0].index;
}

/* Returns how many buckets had no observation, so that the value was carried forward. */
int64_t
pulse_curve_gaps(const pulse_curve *c)
{
	return c->n_buckets == 0 ? 0 : pulse_curve_periods(c) + 1 - (int64_t) c->n_buckets;
}

/* Returns the growth of a value to another with the flows between them linked out. */
double
pulse_linked_return(double from, double to, double link)
{
	return link == 1.0 ? (to - from) / from : to * link / from - 1.0;
}

/* Fills pulse_curve_periods() returns; the curve must not be broken. */
void
pulse_curve_returns(const pulse_curve *c, double *returns)
{
	for (size_t i = 1; i < c->n_buckets; i++)
	{
		const pulse_bucket *from = &c->buckets[i - 1];
		const pulse_bucket *to = &c->buckets[i];

		for (int64_t gap = from->index + 1; gap < to->index; gap++)
			*returns++ = 0.0;
		*returns++ = pulse_linked_return(from->last, to->last, to->link);
	}
}

/*
 * Computes the return of the last bucket; in the only bucket it counts from
 * the first observation.
 */
bool
pulse_curve_last_return(const pulse_curve *c, double *result)
{
	size_t		n = c->n_buckets;

	if (c->broken || n == 0 || c->n < 2)
		return false;
	*result = pulse_linked_return(n > 1 ? c->buckets[n - 2].last : c->first_value,
							c->buckets[n - 1].last, c->buckets[n - 1].link);
	return isfinite(*result);
}

/* Computes the time-weighted return from the first observation to the last. */
bool
pulse_curve_total_return(const pulse_curve *c, double *result)
{
	if (c->broken || c->n == 0)
		return false;
	*result = pulse_linked_return(c->first_value, c->last_value, c->link);
	return isfinite(*result);
}

/* Computes the compound annual growth rate over calendar time. */
bool
pulse_curve_cagr(const pulse_curve *c, double *result)
{
	double		total;

	if (!pulse_curve_total_return(c, &total))
		return false;
	return pulse_annual_growth(log1p(total),
							   ((double) c->last_ts - (double) c->first_ts) / (double) PULSE_USEC_PER_YEAR,
							   result);
}

/* Computes CAGR over maximum drawdown; false without a drawdown. */
bool
pulse_curve_calmar(const pulse_curve *c, double *result)
{
	double		cagr,
				deepest;

	if (!pulse_curve_cagr(c, &cagr) || !pulse_drawdown_deepest(&c->drawdown, &deepest) || deepest == 0)
		return false;
	*result = cagr / deepest;
	return true;
}
