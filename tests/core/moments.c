/*
 * Moments, growth and partial moments against naive recomputation in long
 * double, and against known traps.
 */
#include "support.h"

#include "core/comoments.h"
#include "core/compensated.h"
#include "core/moments.h"
#include "core/partial_moments.h"
#include "core/ratios.h"

typedef struct naive_moments
{
	long double mean,
				m2,
				m3,
				m4;
} naive_moments;

static naive_moments
recompute(const double *x, size_t n)
{
	naive_moments r = {0};

	for (size_t i = 0; i < n; i++)
		r.mean += x[i];
	r.mean /= n;
	for (size_t i = 0; i < n; i++)
	{
		long double d = x[i] - r.mean;

		r.m2 += d * d;
		r.m3 += d * d * d;
		r.m4 += d * d * d * d;
	}
	return r;
}

static void
assert_moments(const pulse_moments *m, const double *x, size_t n)
{
	naive_moments r = recompute(x, n);
	double		scale = sqrt((double) (r.m2 / n));

	assert_int_equal(m->n, n);
	assert_close(m->mean / scale, r.mean / scale, 1e-13);
	assert_close(m->m2 / r.m2, 1, 1e-12);
	assert_close(m->m3 / n / pow(scale, 3), (double) r.m3 / n / pow(scale, 3), 1e-11);
	assert_close(m->m4 / (double) r.m4, 1, 1e-11);
}

static void
moments_match_naive_recomputation(void **state)
{
	double		x[3000];

	for (int round = 0; round < 200; round++)
	{
		size_t		n = 2 + random_below(2998);
		double		shift = round % 3 == 0 ? 1e6 * random_uniform() : 0;
		pulse_moments m = {0};

		for (size_t i = 0; i < n; i++)
			x[i] = shift + random_return() * (shift == 0 && round % 5 == 0 ? 1e-6 : 1);
		pulse_moments_add(&m, x, n);
		if (shift == 0)
			assert_moments(&m, x, n);
		else
			assert_close(m.m2 / (double) recompute(x, n).m2, 1, 1e-7);
	}
}

static void
any_split_and_merge_is_the_whole(void **state)
{
	double		x[2000];

	for (int round = 0; round < 300; round++)
	{
		size_t		n = 4 + random_below(1996);
		size_t		parts = 1 + random_below(8);
		pulse_moments part[8] = {0};
		pulse_moments whole = {0};

		for (size_t i = 0; i < n; i++)
		{
			x[i] = random_return();
			pulse_moments_add(&part[random_below(parts)], &x[i], 1);
		}
		for (size_t i = parts; i > 0; i--)
			pulse_moments_merge(&whole, &part[i - 1]);
		assert_moments(&whole, x, n);
	}
}

static void
merging_nothing_changes_nothing(void **state)
{
	double		x[] = {1, 2, 4};
	pulse_moments m = {0};
	pulse_moments empty = {0};

	pulse_moments_add(&m, x, 3);
	pulse_moments_merge(&m, &empty);
	assert_int_equal(m.n, 3);
	pulse_moments_merge(&empty, &m);
	assert_memory_equal(&m, &empty, sizeof(m));
}

static void
large_offsets_do_not_cancel(void **state)
{
	double		x[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
	double		y[] = {1e15 + 4, 1e15 + 7, 1e15 + 13, 1e15 + 16};
	double		z[] = {1e8 + 1, 1e8 + 2, 1e8 + 3, 1e8 + 4, 1e8 + 10};
	pulse_moments m = {0};
	double		skewness,
				excess;

	pulse_moments_add(&m, x, 4);
	assert_close(m.m2 / 3, 30, 1e-15);
	m = (pulse_moments) {0};
	pulse_moments_add(&m, y, 4);
	assert_close(m.m2 / 3, 30, 1e-15);
	m = (pulse_moments) {0};
	pulse_moments_add(&m, z, 5);
	assert_true(pulse_moments_population_shape(&m, &skewness, &excess));
	assert_close(skewness, 1.13841995766061656, 1e-14);
	assert_close(excess, -0.212, 1e-13);
}

static void
constants_have_no_spread_at_any_scale(void **state)
{
	const double constants[] = {0.01, 0.1, 1e-300, 1.0 / 3, 1e12, -0.07};

	for (size_t c = 0; c < sizeof(constants) / sizeof(double); c++)
		for (int n = 2; n < 1200; n += 7)
		{
			pulse_moments m = {0};
			double		r;

			for (int i = 0; i < n; i++)
				pulse_moments_add(&m, &constants[c], 1);
			assert_true(pulse_moments_sd(&m, 1) == 0);
			assert_false(pulse_sharpe(&m, 0, 365, &r));
			assert_false(pulse_kelly(&m, &r));
			assert_true(pulse_volatility(&m, 365, &r));
			assert_true(r == 0);
		}
}

static void
ratios_do_not_depend_on_scale(void **state)
{
	for (int e = -120; e <= 90; e += 7)
	{
		double		x[5];
		pulse_moments m = {0};
		double		r;

		for (int i = 0; i < 5; i++)
			x[i] = (i + 1) * pow(10, e);
		pulse_moments_add(&m, x, 5);
		assert_true(pulse_sharpe(&m, 0, 365, &r));
		assert_close(r, 36.2491379207837162, 1e-14);
	}
}

static void
the_zero_test_is_relative(void **state)
{
	double		below[] = {1.0, 1.0 + 4 * 2.220446049250313e-16};
	double		above[] = {1.0, 1.0 + 1e-12};
	pulse_moments m = {0};

	pulse_moments_add(&m, below, 2);
	assert_true(pulse_moments_sd(&m, 1) == 0);
	m = (pulse_moments) {0};
	pulse_moments_add(&m, above, 2);
	assert_true(pulse_moments_sd(&m, 1) > 0);
}

static void
non_finite_values_are_noticed_in_any_place(void **state)
{
	const double odd[] = {NAN, INFINITY, -INFINITY};
	double		x[1030];

	for (size_t o = 0; o < 3; o++)
		for (size_t at = 0; at < 1030; at += 103)
		{
			pulse_moments m = {0};
			pulse_growth g = {0};

			for (size_t i = 0; i < 1030; i++)
				x[i] = i == at ? odd[o] : 0.01;
			pulse_moments_add(&m, x, 1030);
			pulse_growth_add(&g, x, 1030);
			assert_true(m.nonfinite);
			assert_true(g.nonfinite);
			assert_int_equal(m.n, 1030);
		}
}

static void
constant_blocks_equal_repeated_values(void **state)
{
	double		x[50];
	pulse_moments one = {0};
	pulse_moments two = {0};

	for (int i = 0; i < 20; i++)
		x[i] = random_return();
	for (int i = 20; i < 50; i++)
		x[i] = 0;
	pulse_moments_add(&one, x, 50);
	pulse_moments_add(&two, x, 20);
	pulse_moments_add_constant(&two, 0, 30);
	pulse_moments_add_constant(&two, 1, 0);
	assert_int_equal(one.n, two.n);
	assert_close(one.mean, two.mean, 1e-15);
	assert_close(one.m2, two.m2, 1e-15);
	assert_close(one.m4, two.m4, 1e-15);
}

static void
sums_are_compensated(void **state)
{
	const double x[] = {1e16, 1, -1e16, 1};

	/* whatever the order of adding and merging */
	for (int split = 0; split <= 4; split++)
	{
		pulse_sum	a = {0, 0};
		pulse_sum	b = {0, 0};

		for (int i = 0; i < 4; i++)
			pulse_sum_add(i < split ? &a : &b, x[i]);
		pulse_sum_merge(&a, &b);
		assert_true(pulse_sum_value(&a) == 2);
	}
}

static void
growth_compounds(void **state)
{
	double		tiny[1000];
	pulse_growth g = {0};
	double		total;
	long double product = 1;

	for (int i = 0; i < 1000; i++)
		tiny[i] = 1e-8;
	for (int i = 0; i < 1000; i++)
		pulse_growth_add(&g, tiny, 1000);
	assert_true(pulse_growth_total_return(&g, &total));
	assert_close(total / 0.0100501670336655495, 1, 1e-15);

	g = (pulse_growth) {0};
	for (int i = 0; i < 1000; i++)
	{
		tiny[i] = random_return();
		product *= 1 + (long double) tiny[i];
	}
	pulse_growth_add(&g, tiny, 1000);
	assert_true(pulse_growth_total_return(&g, &total));
	assert_close(total, product - 1, 1e-14);
}

static void
growth_after_ruin(void **state)
{
	const double lost[] = {0.1, -1, 0.1};
	const double impossible[] = {0.1, -1.0000001, 0.1};
	pulse_growth g = {0};
	double		total;

	pulse_growth_add(&g, lost, 3);
	assert_true(pulse_growth_total_return(&g, &total));
	assert_true(total == -1);
	g = (pulse_growth) {0};
	pulse_growth_add(&g, impossible, 3);
	assert_false(pulse_growth_total_return(&g, &total));
}

static void
partial_moments_split_at_the_threshold(void **state)
{
	double		x[500];
	pulse_partial p = {.threshold = 0.001};
	pulse_partial q = {.threshold = 0.001};
	long double above = 0,
				below = 0,
				squared = 0;

	for (int i = 0; i < 500; i++)
	{
		long double d;

		x[i] = i % 50 == 0 ? 0.001 : random_return();
		d = (long double) x[i] - 0.001;
		above += d > 0 ? d : 0;
		below += d < 0 ? -d : 0;
		squared += d < 0 ? d * d : 0;
	}
	pulse_partial_add(&p, x, 200);
	pulse_partial_add(&q, x + 200, 300);
	pulse_partial_merge(&p, &q);
	assert_close(pulse_sum_value(&p.above), above, 1e-14);
	assert_close(pulse_sum_value(&p.below), below, 1e-14);
	assert_close(p.below_squared, squared, 1e-14);
}

static void
comoments_match_naive_recomputation(void **state)
{
	double		x[400];
	double		y[400];
	pulse_comoments a = {0};
	pulse_comoments b = {0};
	long double mx = 0,
				my = 0,
				xx = 0,
				yy = 0,
				xy = 0;

	for (int i = 0; i < 400; i++)
	{
		x[i] = 1000 + random_return();
		y[i] = random_return() + 0.5 * x[i];
		mx += x[i] / 400.0L;
		my += y[i] / 400.0L;
		pulse_comoments_add(i % 3 ? &a : &b, x[i], y[i]);
	}
	for (int i = 0; i < 400; i++)
	{
		xx += (x[i] - mx) * (x[i] - mx);
		yy += (y[i] - my) * (y[i] - my);
		xy += (x[i] - mx) * (y[i] - my);
	}
	pulse_comoments_merge(&a, &b);
	assert_close(a.xx / (double) xx, 1, 1e-9);
	assert_close(a.yy / (double) yy, 1, 1e-9);
	assert_close(a.xy / (double) xy, 1, 1e-9);
}

static void
a_steady_climb_has_stability_one(void **state)
{
	pulse_stability s = {0};
	double		r2;

	assert_false(pulse_stability_r2(&s, &r2));
	for (int i = 0; i < 100; i++)
		pulse_stability_add(&s, 0.01);
	assert_true(pulse_stability_r2(&s, &r2));
	assert_close(r2, 1, 1e-14);

	s = (pulse_stability) {0};
	for (int i = 0; i < 100; i++)
		pulse_stability_add(&s, 0);
	assert_false(pulse_stability_r2(&s, &r2));
	pulse_stability_add(&s, -1);
	assert_false(pulse_stability_r2(&s, &r2));
}

/* The stability of all at once is that of one by one, wherever a block ends and whatever is among them. */
static void
stability_of_blocks_is_that_of_single_returns(void **state)
{
	static double r[3000];

	for (int round = 0; round < 60; round++)
	{
		size_t		n = 1 + random_below(3000);
		size_t		split = random_below(n);
		pulse_stability one = {0};
		pulse_stability all = {0};
		double		a = 0,
					b = 0;

		for (size_t i = 0; i < n; i++)
			r[i] = random_return() * (round % 3 == 0 ? 20 : 1);
		if (round % 10 == 9)
			r[random_below(n)] = round % 20 == 9 ? -1.0 : INFINITY;
		for (size_t i = 0; i < n; i++)
			pulse_stability_add(&one, r[i]);
		pulse_stability_add_all(&all, r, split);
		pulse_stability_add_all(&all, r + split, n - split);
		assert_int_equal(all.line.n, one.line.n);
		assert_int_equal(all.undefined, one.undefined);
		assert_int_equal(all.line.nonfinite, one.line.nonfinite);
		if (one.line.nonfinite)
			continue;
		assert_int_equal(pulse_stability_r2(&all, &b), pulse_stability_r2(&one, &a));
		assert_close(b, a, 1e-11);
		assert_close(all.line.max_y, one.line.max_y, 1e-12);
	}
}

static void
small_growth_is_as_exact_as_the_library(void **state)
{
	for (int i = 0; i < 100000; i++)
	{
		double		r = (random_uniform() - 0.5) * pow(2, -5 - 40 * random_uniform());
		double		exact = (double) log1pl(r);

		assert_true(fabs(pulse_log_growth(r) - exact) <= fabs(exact) * 2.3e-16);
	}
	assert_true(pulse_log_growth(0.0) == 0.0);
	assert_true(pulse_log_growth(-1.0) == -INFINITY);
	assert_true(isnan(pulse_log_growth(NAN)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_match_naive_recomputation),
		cmocka_unit_test(any_split_and_merge_is_the_whole),
		cmocka_unit_test(merging_nothing_changes_nothing),
		cmocka_unit_test(large_offsets_do_not_cancel),
		cmocka_unit_test(constants_have_no_spread_at_any_scale),
		cmocka_unit_test(ratios_do_not_depend_on_scale),
		cmocka_unit_test(the_zero_test_is_relative),
		cmocka_unit_test(non_finite_values_are_noticed_in_any_place),
		cmocka_unit_test(constant_blocks_equal_repeated_values),
		cmocka_unit_test(sums_are_compensated),
		cmocka_unit_test(growth_compounds),
		cmocka_unit_test(growth_after_ruin),
		cmocka_unit_test(partial_moments_split_at_the_threshold),
		cmocka_unit_test(comoments_match_naive_recomputation),
		cmocka_unit_test(a_steady_climb_has_stability_one),
		cmocka_unit_test(stability_of_blocks_is_that_of_single_returns),
		cmocka_unit_test(small_growth_is_as_exact_as_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
