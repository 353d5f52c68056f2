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
clear_link(void *element, const void *origin)
{
	*(pulse_link_window *) element = (pulse_link_window) {.first = 1.0, .rest = 1.0};
}

static void
join_link(pulse_link_window *w, const pulse_link_window *b)
{
	if (b->n == 0)
		return;
	if (w->n == 0)
	{
		*w = *b;
		return;
	}
	w->n += b->n;
	w->nonfinite += b->nonfinite;
	w->not_positive += b->not_positive;
	w->rest *= b->first * b->rest;
}

static pulse_link_window
single_link(const void *value)
{
	const pulse_flow_point *point = value;
	pulse_link_window w = {.n = 1, .first = 1.0, .rest = 1.0};
	double		before = point->value - point->flow;

	if (!isfinite(point->value) || !isfinite(point->flow))
		w.nonfinite = 1;
	else
	{
		w.not_positive = point->value <= 0;
		if (point->flow != 0)
			w.first = before > 0 && point->value > 0 ? before / point->value : NAN;
	}
	return w;
}

static void
append_link(void *element, const void *value)
{
	pulse_link_window one = single_link(value);

	join_link(element, &one);
}

static void
prepend_link(void *element, const void *value)
{
	pulse_link_window one = single_link(value);

	join_link(&one, element);
	*(pulse_link_window *) element = one;
}

static void
merge_link(void *element, const void *newer)
{
	join_link(element, newer);
}

const pulse_queue_type pulse_link_window_type = {
	sizeof(pulse_flow_point), sizeof(pulse_link_window), clear_link, append_link, prepend_link, merge_link
};

static void
clear_stability(void *element, const void *origin)
{
	memset(element, 0, sizeof(pulse_stability));
}

static void
append_stability(void *element, const void *value)
{
	pulse_stability_add(element, *(const double *) value);
}

static void
prepend_stability(void *element, const void *value)
{
	pulse_stability one = {.undefined = false};

	pulse_stability_add(&one, *(const double *) value);
	pulse_stability_merge(&one, element);
	*(pulse_stability *) element = one;
}

static void
merge_stability(void *element, const void *newer)
{
	pulse_stability_merge(element, newer);
}

const pulse_queue_type pulse_stability_window_type = {
	sizeof(double), sizeof(pulse_stability), clear_stability, append_stability, prepend_stability, merge_stability
};

static void
clear_ewma(void *element, const void *origin)
{
	*(pulse_ewma_window *) element = (pulse_ewma_window) {.lambda = *(const double *) origin, .decay = 1.0};
}

static void
join_ewma(pulse_ewma_window *w, const pulse_ewma_window *b)
{
	if (b->n == 0)
		return;
	if (w->n == 0)
	{
		*w = *b;
		return;
	}
	/* b's first square is no seed any more, but one of many, lambda^(n - 1) old */
	w->rest = w->rest * b->decay + b->first * (1 - b->lambda) * (b->decay / b->lambda) + b->rest;
	w->decay *= b->decay;
	w->n += b->n;
	w->nonfinite |= b->nonfinite;
}

static pulse_ewma_window
single_square(double lambda, const void *value)
{
	double		r = *(const double *) value;

	return (pulse_ewma_window) {.n = 1, .lambda = lambda, .decay = lambda, .first = r * r, .nonfinite = !isfinite(r)};
}

static void
append_ewma(void *element, const void *value)
{
	pulse_ewma_window one = single_square(((pulse_ewma_window *) element)->lambda, value);

	join_ewma(element, &one);
}

static void
prepend_ewma(void *element, const void *value)
{
	pulse_ewma_window one = single_square(((pulse_ewma_window *) element)->lambda, value);

	join_ewma(&one, element);
	*(pulse_ewma_window *) element = one;
}

static void
merge_ewma(void *element, const void *newer)
{
	join_ewma(element, newer);
}

const pulse_queue_type pulse_ewma_window_type = {
	sizeof(double), sizeof(pulse_ewma_window), clear_ewma, append_ewma, prepend_ewma, merge_ewma
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

static void
clear_runs(void *element, const void *origin)
{
	memset(element, 0, sizeof(pulse_runs_window));
}

static int64_t
longest_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
join_runs(pulse_runs_window *w, const pulse_runs_window *b)
{
	w->longest = longest_of(longest_of(w->longest, b->longest), w->trailing + b->leading);
	if (w->leading == w->n)
		w->leading += b->leading;
	w->trailing = b->trailing == b->n ? w->trailing + b->n : b->trailing;
	w->n += b->n;
	w->nonfinite |= b->nonfinite;
}

static pulse_runs_window
single_run(const void *value)
{
	double		pnl = *(const double *) value;
	int64_t		losses = pnl < 0;

	return (pulse_runs_window) {.n = 1, .leading = losses, .trailing = losses, .longest = losses, .nonfinite = !isfinite(pnl)};
}

static void
append_run(void *element, const void *value)
{
	pulse_runs_window one = single_run(value);

	join_runs(element, &one);
}

static void
prepend_run(void *element, const void *value)
{
	pulse_runs_window one = single_run(value);

	join_runs(&one, element);
	*(pulse_runs_window *) element = one;
}

static void
merge_runs(void *element, const void *newer)
{
	join_runs(element, newer);
}

const pulse_queue_type pulse_runs_window_type = {
	sizeof(double), sizeof(pulse_runs_window), clear_runs, append_run, prepend_run, merge_runs
};
