/*
 * Adding a single value to moments by Welford's update, merging by Pebay's:
 * the same algebra as in aggregates, one value at a time.
 */
#include "core/windows.h"

#include <math.h>
#include <string.h>

static void
clear_moments(void *element, const void *origin)
{
	memset(element, 0, sizeof(pulse_moments));
}

/* Mean and variance only: what most rolling figures need. */
static void
add_spread(void *element, const void *value)
{
	pulse_moments *m = element;
	double		x = *(const double *) value;
	double		d = x - m->mean;

	m->n++;
	if (!isfinite(x))
	{
		m->nonfinite = true;
		return;
	}
	m->mean += d / (double) m->n;
	m->m2 += d * (x - m->mean);
	m->max_abs = fmax(m->max_abs, fabs(x));
}

static void
merge_spread(void *element, const void *newer)
{
	pulse_moments *m = element;
	const pulse_moments *b = newer;
	double		na = (double) m->n;
	double		nb = (double) b->n;
	double		d = b->mean - m->mean;
	double		share = nb / (na + nb);

	if (b->n == 0)
		return;
	m->mean += d * share;
	m->m2 += b->m2 + d * d * na * share;
	m->n += b->n;
	m->max_abs = fmax(m->max_abs, b->max_abs);
	m->nonfinite |= b->nonfinite;
}

const pulse_queue_type pulse_spread_window = {
	sizeof(double), sizeof(pulse_moments), clear_moments, add_spread, add_spread, merge_spread
};

static void
add_shape(void *element, const void *value)
{
	pulse_moments_add(element, value, 1);
}

static void
merge_shape(void *element, const void *newer)
{
	pulse_moments_merge(element, newer);
}

const pulse_queue_type pulse_shape_window = {
	sizeof(double), sizeof(pulse_moments), clear_moments, add_shape, add_shape, merge_shape
};

static void
clear_partial(void *element, const void *origin)
{
	memset(element, 0, sizeof(pulse_partial_window));
	((pulse_partial_window *) element)->partial.threshold = *(const double *) origin;
}

static void
add_partial(void *element, const void *value)
{
	pulse_partial_window *w = element;

	add_spread(&w->moments, value);
	pulse_partial_add(&w->partial, value, 1);
}

static void
merge_partial(void *element, const void *newer)
{
	pulse_partial_window *w = element;
	const pulse_partial_window *b = newer;

	merge_spread(&w->moments, &b->moments);
	pulse_partial_merge(&w->partial, &b->partial);
}

const pulse_queue_type pulse_partial_window_type = {
	sizeof(double), sizeof(pulse_partial_window), clear_partial, add_partial, add_partial, merge_partial
};

static void
clear_growth(void *element, const void *origin)
{
	memset(element, 0, sizeof(pulse_growth_window));
}

static void
add_growth(void *element, const void *value)
{
	pulse_growth_window *w = element;

	w->n++;
	pulse_growth_add(&w->growth, value, 1);
}

static void
merge_growth(void *element, const void *newer)
{
	pulse_growth_window *w = element;
	const pulse_growth_window *b = newer;

	w->n += b->n;
	pulse_growth_merge(&w->growth, &b->growth);
}

const pulse_queue_type pulse_growth_window_type = {
	sizeof(double), sizeof(pulse_growth_window), clear_growth, add_growth, add_growth, merge_growth
};

static void
clear_drawdown(void *element, const void *origin)
{
	memset(element, 0, sizeof(pulse_drawdown_window));
}

/* Joins newer values, given by their high, low and deepest drawdown, behind w. */
static void
join_drawdown(pulse_drawdown_window *w, const pulse_drawdown_window *b)
{
	if (b->n - b->nonfinite > 0)
	{
		if (w->n - w->nonfinite == 0)
		{
			w->high = b->high;
			w->low = b->low;
			w->deepest = b->deepest;
		}
		else
		{
			w->deepest = fmax(fmax(w->deepest, b->deepest), pulse_depth(w->high, b->low));
			w->high = fmax(w->high, b->high);
			w->low = fmin(w->low, b->low);
		}
		w->last = b->last;
	}
	w->n += b->n;
	w->nonfinite += b->nonfinite;
}

static pulse_drawdown_window
single_value(const void *value)
{
	double		x = ((const pulse_point *) value)->value;

	return (pulse_drawdown_window) {.n = 1, .nonfinite = !isfinite(x), .high = x, .low = x, .last = x};
}

static void
append_drawdown(void *element, const void *value)
{
	pulse_drawdown_window one = single_value(value);

	join_drawdown(element, &one);
}

static void
prepend_drawdown(void *element, const void *value)
{
	pulse_drawdown_window one = single_value(value);

	join_drawdown(&one, element);
	*(pulse_drawdown_window *) element = one;
}

static void
merge_drawdown(void *element, const void *newer)
{
	join_drawdown(element, newer);
}

const pulse_queue_type pulse_drawdown_window_type = {
	sizeof(pulse_point), sizeof(pulse_drawdown_window), clear_drawdown, append_drawdown, prepend_drawdown, merge_drawdown
};

static void
clear_pair(void *element, const void *origin)
{
	memset(element, 0, sizeof(pulse_benchmark));
}

static void
add_pair(void *element, const void *value)
{
	const pulse_pair *pair = value;

	pulse_benchmark_add(element, pair->r, pair->b, false);
}

static void
add_pair_growth(void *element, const void *value)
{
	const pulse_pair *pair = value;

	pulse_benchmark_add(element, pair->r, pair->b, true);
}

static void
merge_pair(void *element, const void *newer)
{
	pulse_benchmark_merge(element, newer);
}

const pulse_queue_type pulse_pair_window = {
	sizeof(pulse_pair), sizeof(pulse_benchmark), clear_pair, add_pair, add_pair, merge_pair
};

const pulse_queue_type pulse_pair_growth_window = {
	sizeof(pulse_pair), sizeof(pulse_benchmark), clear_pair, add_pair_growth, add_pair_growth, merge_pair
};

static void
clear_trades(void *element, const void *origin)
{
	memset(element, 0, sizeof(pulse_trades_window));
}

static void
add_trade(void *element, const void *value)
{
	pulse_trades_window *w = element;

	pulse_trades_add(&w->trades, *(const double *) value);
	add_spread(&w->moments, value);
}

static void
merge_trades(void *element, const void *newer)
{
	pulse_trades_window *w = element;
	const pulse_trades_window *b = newer;

	pulse_trades_merge(&w->trades, &b->trades);
	merge_spread(&w->moments, &b->moments);
}

const pulse_queue_type pulse_trades_window_type = {
	sizeof(double), sizeof(pulse_trades_window), clear_trades, add_trade, add_trade, merge_trades
};
