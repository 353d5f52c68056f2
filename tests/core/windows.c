/*
 * Sliding windows against recomputation of every frame: queues of combined
 * elements and order statistics, with outliers and values that are not
 * finite passing through.
 */
#include "support.h"

#include <string.h>

#include "core/order_statistics.h"
#include "core/quantile.h"
#include "core/sliding.h"
#include "core/windows.h"

#define ROWS 3000

static const pulse_memory memory = {resize_block, NULL};

static double
window_value(size_t i)
{
	if (i % 501 == 77)
		return 1e8;
	if (i % 997 == 300)
		return NAN;
	return i % 7 == 0 ? 0.01 : random_return();
}

/* Runs rows through a queue of doubles in frames of random length; compares with check(). */
static void
slide(const pulse_queue_type *type, const void *origin, void (*check) (const void *element, const double *x, size_t n))
{
	double		x[ROWS];
	pulse_queue q;
	size_t		from = 0;
	_Alignas(16) char element[512];

	assert_true(type->element_size <= sizeof(element));
	pulse_queue_begin(&q, type, origin, memory);
	for (size_t i = 0; i < ROWS; i++)
	{
		size_t		wanted = i < 1000 ? 30 : i < 2000 ? 1 + random_below(200) : 500;

		x[i] = window_value(i);
		pulse_queue_push(&q, &x[i]);
		while (i + 1 - from > wanted)
		{
			assert_memory_equal(pulse_queue_oldest(&q), &x[from], sizeof(double));
			pulse_queue_pop(&q);
			from++;
		}
		assert_int_equal(q.count, i + 1 - from);
		pulse_queue_result(&q, element);
		check(element, x + from, i + 1 - from);
	}
	while (q.count > 0)
		pulse_queue_pop(&q);
	pulse_queue_result(&q, element);
	check(element, x, 0);
	free(q.values);
	free(q.front);
	free(q.back);
}

static bool
all_finite(const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static void
check_moments(const void *element, const double *x, size_t n, bool shape)
{
	const pulse_moments *m = element;
	long double mean = 0,
				m2 = 0,
				m4 = 0;
	double		top = 0;

	assert_int_equal(m->n, n);
	assert_int_equal(m->nonfinite, !all_finite(x, n));
	if (n == 0 || m->nonfinite)
		return;
	for (size_t i = 0; i < n; i++)
	{
		mean += x[i] / (long double) n;
		top = fmax(top, fabs(x[i]));
	}
	for (size_t i = 0; i < n; i++)
	{
		m2 += (x[i] - mean) * (x[i] - mean);
		m4 += (x[i] - mean) * (x[i] - mean) * (x[i] - mean) * (x[i] - mean);
	}
	assert_true(m->max_abs == top);
	assert_close(m->mean / top, mean / top, 1e-14);
	assert_close(m->m2 / top / top, m2 / top / top, 1e-13);
	if (shape)
		assert_close(m->m4 / pow(top, 4), m4 / powl(top, 4), 1e-12);
}

static void
check_spread(const void *element, const double *x, size_t n)
{
	check_moments(element, x, n, false);
}

static void
check_shape(const void *element, const double *x, size_t n)
{
	check_moments(element, x, n, true);
}

static void
check_partial(const void *element, const double *x, size_t n)
{
	const pulse_partial_window *w = element;
	long double below = 0,
				squared = 0;

	assert_int_equal(w->moments.n, n);
	if (!all_finite(x, n))
		return;
	for (size_t i = 0; i < n; i++)
	{
		long double d = (long double) w->partial.threshold - x[i];

		below += d > 0 ? d : 0;
		squared += d > 0 ? d * d : 0;
	}
	assert_close(pulse_sum_value(&w->partial.below), below, 1e-14);
	assert_close(w->partial.below_squared, squared, 1e-14);
}

static void
check_growth(const void *element, const double *x, size_t n)
{
	const pulse_growth_window *w = element;
	long double sum = 0;

	assert_int_equal(w->n, n);
	assert_int_equal(w->growth.nonfinite, !all_finite(x, n));
	if (w->growth.nonfinite)
		return;
	for (size_t i = 0; i < n; i++)
		sum += log1pl(x[i]);
	assert_close(pulse_sum_value(&w->growth.log), sum, 1e-13);
}

static void
check_trades(const void *element, const double *x, size_t n)
{
	const pulse_trades_window *w = element;
	pulse_trades t = {0};

	for (size_t i = 0; i < n; i++)
		pulse_trades_add(&t, x[i]);
	assert_int_equal(w->trades.n, t.n);
	assert_int_equal(w->trades.wins, t.wins);
	assert_int_equal(w->trades.losses, t.losses);
	assert_close(pulse_sum_value(&w->trades.won), pulse_sum_value(&t.won), 1e-14);
	assert_close(pulse_sum_value(&w->trades.lost), pulse_sum_value(&t.lost), 1e-14);
}

static void
queues_match_recomputation(void **state)
{
	const double threshold = 0.001;

	slide(&pulse_spread_window, NULL, check_spread);
	slide(&pulse_shape_window, NULL, check_shape);
	slide(&pulse_partial_window_type, &threshold, check_partial);
	slide(&pulse_growth_window_type, NULL, check_growth);
	slide(&pulse_trades_window_type, NULL, check_trades);
}

/* A curve of a kind: one that wanders, one with plateaus, one that falls below zero, one with outliers. */
static double
random_value(int kind, size_t i)
{
	double		x = 50 + 10 * sin((double) i / 30) + random_return() * 100;

	if (i % 400 == 13)
		return NAN;
	if (kind == 1)
		return floor(x / 4);
	if (kind == 2)
		return x - 50;
	if (kind == 3 && i % 97 == 50)
		return i % 2 ? 1e8 : -1e8;
	return x;
}

static void
sliding_windows_match_recomputation(void **state)
{
	for (int kind = 0; kind < 4; kind++)
	{
		double		x[ROWS];
		int64_t		ts[ROWS];
		pulse_sliding s;
		size_t		from = 0;

		pulse_sliding_begin(&s, memory);
		for (size_t i = 0; i < ROWS; i++)
		{
			pulse_drawdown d = {0};
			pulse_underwater u = {0};
			pulse_sliding_curve c;
			size_t		wanted = 1 + random_below(i < 1500 ? 40 : 400);
			double		low = INFINITY;
			double		deepest;
			int64_t		odd = 0;

			x[i] = random_value(kind, i);
			ts[i] = (int64_t) (i / 2);
			pulse_sliding_push(&s, ts[i], x[i]);
			for (; i + 1 - from > wanted; from++)
				pulse_sliding_pop(&s);
			for (size_t k = from; k <= i; k++)
				if (isfinite(x[k]))
				{
					pulse_drawdown_add(&d, ts[k], x[k]);
					pulse_underwater_add(&u, x[k]);
					low = fmin(low, x[k]);
				}
				else
					odd++;
			pulse_sliding_result(&s, &c);
			assert_int_equal(s.count, i + 1 - from);
			assert_int_equal(s.nonfinite, odd);
			assert_int_equal(c.underwater.n, d.n);
			if (d.n == 0)
				continue;
			assert_true(c.underwater.peak == d.peak);
			assert_true(c.low == low);
			/* the time is that of the last row, of whatever value */
			if (isfinite(x[i]))
				assert_int_equal(c.longest, pulse_drawdown_longest(&d));
			assert_true(pulse_drawdown_amount(&d, &deepest) && c.largest == deepest);
			if (!pulse_drawdown_deepest(&d, &deepest))
				continue;
			assert_true(c.deepest == deepest);
			assert_close(c.underwater.depth.sum, pulse_sum_value(&u.depth), 1e-11);
			assert_close(c.underwater.depth_squared, u.depth_squared, 1e-11);
		}
		free(s.rows);
		free(s.older);
		free(s.records);
	}
}

static void
order_statistics_match_sorting(void **state)
{
	double		x[ROWS];
	double		y[ROWS];
	pulse_order_statistics s;
	size_t		from = 0;

	pulse_order_statistics_begin(&s, memory);
	for (size_t i = 0; i < ROWS; i++)
	{
		size_t		wanted = 1 + random_below(i < 1500 ? 40 : 600);
		double		p = random_uniform();
		double		q;
		size_t		n;

		x[i] = i % 501 == 77 ? 1e8 : i % 3 == 0 ? floor(random_uniform() * 4) : random_return();
		pulse_order_statistics_add(&s, x[i]);
		for (; i + 1 - from > wanted; from++)
			pulse_order_statistics_remove(&s, x[from]);
		n = i + 1 - from;
		assert_int_equal(pulse_order_statistics_count(&s), n);
		memcpy(y, x + from, n * sizeof(double));
		q = pulse_quantile(y, n, p);
		assert_true(pulse_order_statistics_quantile(&s, p) == q);
		assert_close(pulse_order_statistics_tail_mean(&s, q), pulse_tail_mean(y, n, q), 1e-13);
	}
	/* what is not there cannot leave */
	pulse_order_statistics_remove(&s, -5);
	for (; from < ROWS; from++)
		pulse_order_statistics_remove(&s, x[from]);
	assert_int_equal(pulse_order_statistics_count(&s), 0);
	free(s.nodes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queues_match_recomputation),
		cmocka_unit_test(sliding_windows_match_recomputation),
		cmocka_unit_test(order_statistics_match_sorting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
