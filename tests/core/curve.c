/*
 * Equity curves against naive recomputation: drawdown, buckets, flows, order.
 */
#include "support.h"

#include <string.h>

#include "core/annualise.h"
#include "core/curve.h"
#include "core/order.h"
#include "core/underwater.h"

#define MAX_ROWS 600

typedef struct rows
{
	size_t		n;
	int64_t		ts[MAX_ROWS];
	double		value[MAX_ROWS];
	double		flow[MAX_ROWS];
} rows;

static const pulse_memory memory = {resize_block, NULL};

static rows
random_rows(size_t n, bool flows)
{
	rows		r = {.n = n};
	double		value = 1000;
	int64_t		ts = (int64_t) (random_uniform() * 1e15) - (int64_t) 5e14;

	for (size_t i = 0; i < n; i++)
	{
		value *= 1 + random_return();
		r.flow[i] = 0;
		if (flows && random_uniform() < 0.1)
		{
			r.flow[i] = random_uniform() < 0.5 ? 300 : -0.3 * value;
			value += r.flow[i];
		}
		ts += random_uniform() < 0.1 ? 0 : (int64_t) (random_uniform() * (double) PULSE_USEC_PER_DAY * 0.8);
		r.ts[i] = ts;
		r.value[i] = value;
	}
	return r;
}

/* The index of growth without flows, in long double. */
static void
index_of(const rows *r, long double *level)
{
	level[0] = r->value[0];
	for (size_t i = 1; i < r->n; i++)
		level[i] = level[i - 1] * ((long double) r->value[i] - r->flow[i]) / r->value[i - 1];
}

static void
drawdown_matches_naive_recomputation(void **state)
{
	long double level[MAX_ROWS];

	for (int round = 0; round < 300; round++)
	{
		rows		r = random_rows(1 + random_below(MAX_ROWS - 1), round % 2);
		pulse_curve c;
		long double peak = 0,
					deepest = 0,
					depth = 0;
		int64_t		peak_ts = 0,
					longest = 0;
		double		v;

		pulse_curve_begin(&c, PULSE_USEC_PER_DAY, memory);
		pulse_curve_add(&c, r.ts, r.value, round % 2 ? r.flow : NULL, r.n);
		index_of(&r, level);
		for (size_t i = 0; i < r.n; i++)
		{
			/* a hair of tolerance: the index has rounding that values without flows have not */
			if (i == 0 || level[i] >= peak * (1 - 1e-15L))
			{
				if (i > 0 && depth > 0 && r.ts[i] - peak_ts > longest)
					longest = r.ts[i] - peak_ts;
				peak = level[i];
				peak_ts = r.ts[i];
			}
			depth = (peak - level[i]) / peak;
			deepest = depth > deepest ? depth : deepest;
		}
		if (depth > 0 && r.ts[r.n - 1] - peak_ts > longest)
			longest = r.ts[r.n - 1] - peak_ts;
		assert_true(pulse_drawdown_deepest(&c.drawdown, &v));
		assert_close(v, deepest, 1e-12);
		assert_true(pulse_drawdown_current(&c.drawdown, &v));
		assert_close(v, depth, 1e-12);
		if (round % 2 == 0)
			assert_int_equal(pulse_drawdown_longest(&c.drawdown), longest);
		assert_true(pulse_curve_total_return(&c, &v));
		assert_close(v, level[r.n - 1] / level[0] - 1, 1e-12);
		free(c.buckets);
	}
}

static int64_t
day_of(int64_t ts)
{
	/* floor division of days since 2000-01-01 */
	int64_t		d = ts / PULSE_USEC_PER_DAY;

	return ts % PULSE_USEC_PER_DAY < 0 ? d - 1 : d;
}

static void
bucket_returns_match_naive_recomputation(void **state)
{
	long double level[MAX_ROWS];
	double		returns[MAX_ROWS * 2];
	double		depths[MAX_ROWS * 2];

	for (int round = 0; round < 300; round++)
	{
		rows		r = random_rows(2 + random_below(MAX_ROWS - 2), round % 2);
		pulse_curve c;
		pulse_underwater u = {0};
		int64_t		first = day_of(r.ts[0]);
		int64_t		last = day_of(r.ts[r.n - 1]);
		long double before = 0;
		size_t		row = 0;
		int64_t		gaps = 0;
		double		v;

		pulse_curve_begin(&c, PULSE_USEC_PER_DAY, memory);
		/* in two pieces, anywhere */
		size_t		cut = random_below(r.n + 1);

		pulse_curve_add(&c, r.ts, r.value, round % 2 ? r.flow : NULL, cut);
		pulse_curve_add(&c, r.ts + cut, r.value + cut, round % 2 ? r.flow + cut : NULL, r.n - cut);
		assert_int_equal(pulse_curve_periods(&c), last - first);
		pulse_curve_returns(&c, returns);
		pulse_underwater_of_curve(&c, &u, depths);
		assert_int_equal(u.n, last - first + 1);
		index_of(&r, level);
		for (int64_t day = first; day <= last; day++)
		{
			size_t		start = row;
			long double end;

			while (row < r.n && day_of(r.ts[row]) == day)
				row++;
			gaps += row == start;
			end = level[row - 1];
			if (day > first)
				assert_close(returns[day - first - 1], end / before - 1, 1e-13);
			before = end;
		}
		assert_int_equal(pulse_curve_gaps(&c), gaps);
		if (last > first)
		{
			assert_true(pulse_curve_last_return(&c, &v));
			assert_true(v == returns[last - first - 1]);
		}
		free(c.buckets);
	}
}

static void
buckets_are_utc_days_and_weeks_from_monday(void **state)
{
	const int64_t day = PULSE_USEC_PER_DAY;

	/* 1 January 2000 was a Saturday */
	assert_int_equal(pulse_bucket_start(pulse_bucket_index(0, 7 * day), 7 * day), -5 * day);
	assert_int_equal(pulse_bucket_index(day - 1, day), pulse_bucket_index(0, day));
	assert_int_equal(pulse_bucket_index(-1, day), pulse_bucket_index(0, day) - 1);
	for (int i = 0; i < 1000; i++)
	{
		int64_t		ts = (int64_t) ((random_uniform() - 0.5) * 1e18);
		int64_t		width = 1000000 * (1 + (int64_t) random_below(10000000));
		int64_t		start = pulse_bucket_start(pulse_bucket_index(ts, width), width);

		assert_true(start <= ts && ts < start + width);
	}
}

static void
order_is_stable_for_every_shape(void **state)
{
	static pulse_order_entry entries[5000],
				scratch[5000];

	for (int round = 0; round < 200; round++)
	{
		size_t		n = random_below(5000);
		pulse_order_entry *sorted;

		for (size_t i = 0; i < n; i++)
		{
			/* random; few late rows; blocks; everything equal; negative and huge */
			int64_t		ts = round % 5 == 0 ? (int64_t) random_below(100)
				: round % 5 == 1 ? (int64_t) i - (random_uniform() < 0.001 ? 500 : 0)
				: round % 5 == 2 ? (int64_t) (i % 1000)
				: round % 5 == 3 ? 42
				: (int64_t) ((random_uniform() - 0.5) * 1.8e19);

			entries[i] = (pulse_order_entry) {ts, i};
		}
		sorted = pulse_order_sort(entries, scratch, n);
		for (size_t i = 1; i < n; i++)
		{
			assert_true(sorted[i - 1].ts <= sorted[i].ts);
			if (sorted[i - 1].ts == sorted[i].ts)
				assert_true(sorted[i - 1].position < sorted[i].position);
		}
	}
}

static void
equity_at_or_below_zero(void **state)
{
	const int64_t ts[] = {0, 1, 2, 3};
	const double value[] = {100, 50, -20, 30};
	pulse_curve c;
	double		v;

	pulse_curve_begin(&c, PULSE_USEC_PER_DAY, memory);
	pulse_curve_add(&c, ts, value, NULL, 4);
	assert_true(pulse_drawdown_deepest(&c.drawdown, &v));
	assert_close(v, 1.2, 1e-15);
	assert_true(pulse_drawdown_current(&c.drawdown, &v));
	assert_close(v, 0.7, 1e-15);
	assert_false(pulse_curve_total_return(&c, &v));
	assert_false(pulse_curve_cagr(&c, &v));
	assert_false(pulse_curve_calmar(&c, &v));
	free(c.buckets);
}

static void
a_loss_of_a_thousandth_of_a_trillionth(void **state)
{
	pulse_drawdown d = {0};
	double		v;

	pulse_drawdown_add(&d, 0, 1e18);
	pulse_drawdown_add(&d, 1, 1e18 - 1024);
	pulse_drawdown_add(&d, 2, 1e18);
	assert_true(pulse_drawdown_deepest(&d, &v));
	assert_true(v == 1.024e-15);
}

static void
growth_of_a_year_in_an_hour(void **state)
{
	const int64_t ts[] = {0, 3600 * PULSE_USEC_PER_SECOND};
	const double value[] = {100, 101};
	pulse_curve c;
	double		v;

	pulse_curve_begin(&c, 0, memory);
	pulse_curve_add(&c, ts, value, NULL, 2);
	assert_true(pulse_curve_cagr(&c, &v));
	assert_close(v / 7.16529930042843685e+37, 1, 1e-12);
	/* no time between, no annual rate */
	pulse_curve_begin(&c, 0, memory);
	pulse_curve_add(&c, ts, value, NULL, 1);
	assert_false(pulse_curve_cagr(&c, &v));
}

static void
a_flow_is_neither_gain_nor_loss(void **state)
{
	const int64_t ts[] = {0, 1, 2, 3};
	const double value[] = {100, 160, 115, 120};
	const double flow[] = {100, 50, -50, 0};
	pulse_curve c;
	double		v;

	pulse_curve_begin(&c, 0, memory);
	pulse_curve_add(&c, ts, value, flow, 4);
	assert_true(pulse_curve_total_return(&c, &v));
	assert_close(v, 0.183695652173913043, 1e-15);
	assert_true(pulse_sum_value(&c.net_flow) == 0);
	assert_true(pulse_drawdown_deepest(&c.drawdown, &v));
	assert_close(v, 0, 1e-15);
}

static void
conditional_drawdown_is_the_mean_of_the_worst(void **state)
{
	double		depths[] = {0, 0.3, 0.1, 0.2};
	double		v;

	assert_true(pulse_cdar(depths, 4, 0.5, &v));
	assert_close(v, 0.25, 1e-15);
	assert_false(pulse_cdar(depths, 0, 0.5, &v));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawdown_matches_naive_recomputation),
		cmocka_unit_test(bucket_returns_match_naive_recomputation),
		cmocka_unit_test(buckets_are_utc_days_and_weeks_from_monday),
		cmocka_unit_test(order_is_stable_for_every_shape),
		cmocka_unit_test(equity_at_or_below_zero),
		cmocka_unit_test(a_loss_of_a_thousandth_of_a_trillionth),
		cmocka_unit_test(growth_of_a_year_in_an_hour),
		cmocka_unit_test(a_flow_is_neither_gain_nor_loss),
		cmocka_unit_test(conditional_drawdown_is_the_mean_of_the_worst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
