/*
 * Quantiles against sorting, the normal distribution against known values,
 * and the figures built on them.
 */
#include "support.h"

#include <string.h>

#include "core/normal.h"
#include "core/quantile.h"
#include "core/ratios.h"

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Type 7 by the book: sort and interpolate, in long double. */
static double
sorted_quantile(const double *x, size_t n, long double p)
{
	double		sorted[2000];
	long double h = (n - 1) * p;
	size_t		i = (size_t) h;

	memcpy(sorted, x, n * sizeof(double));
	qsort(sorted, n, sizeof(double), compare);
	if (i + 1 >= n)
		return sorted[n - 1];
	return (double) (sorted[i] + (h - i) * ((long double) sorted[i + 1] - sorted[i]));
}

static void
quantiles_match_sorting(void **state)
{
	double		x[2000];
	double		y[2000];

	for (int round = 0; round < 400; round++)
	{
		size_t		n = 1 + random_below(round % 2 ? 30 : 2000);
		double		p = random_uniform();

		for (size_t i = 0; i < n; i++)
			x[i] = round % 3 == 0 ? floor(random_uniform() * 5) : random_return();
		memcpy(y, x, n * sizeof(double));
		assert_close(pulse_quantile(y, n, p), sorted_quantile(x, n, p), 1e-12);
		qsort(x, n, sizeof(double), compare);
		qsort(y, n, sizeof(double), compare);
		assert_memory_equal(x, y, n * sizeof(double));
	}
}

static void
quantiles_of_ordered_and_equal_values(void **state)
{
	double		x[2000];

	for (int shape = 0; shape < 4; shape++)
		for (size_t n = 1; n < 2000; n += 37)
		{
			for (size_t i = 0; i < n; i++)
				x[i] = shape == 0 ? (double) i : shape == 1 ? (double) (n - i) : shape == 2 ? 7 : (double) (i % 2);
			assert_close(pulse_quantile(x, n, 0.0), shape == 1 ? 1 : shape == 2 ? 7 : 0, 0);
			assert_close(pulse_quantile(x, n, 1.0), shape == 0 ? n - 1 : shape == 1 ? n : shape == 2 ? 7 : n > 1, 0);
		}
}

/* Sizes beyond those at which a sample chooses the pivot, of shapes that mislead one. */
static void
quantiles_of_many_values(void **state)
{
	static double x[30000];
	static double y[30000];
	static double z[30000];

	for (int round = 0; round < 90; round++)
	{
		size_t		n = 4000 + random_below(26000);
		double		p = round % 5 == 0 ? 0.05 : random_uniform();
		double		lower_p = p * random_uniform();

		for (size_t i = 0; i < n; i++)
			switch (round % 9)
			{
				case 0: x[i] = random_return(); break;
				case 1: x[i] = (double) i; break;
				case 2: x[i] = (double) (n - i); break;
				case 3: x[i] = floor(random_uniform() * 3); break;
				case 4: x[i] = 7; break;
				case 5: x[i] = sin((double) i / 500); break;
				case 6: x[i] = i % 64 == 0 ? -1.0 : (double) i; break;
				case 7: x[i] = random_below(1000) == 0 ? random_return() * 1e8 : 0.0; break;
				default: x[i] = (double) ((i * 7919) % n); break;
			}
		memcpy(y, x, n * sizeof(double));
		memcpy(z, x, n * sizeof(double));
		qsort(z, n, sizeof(double), compare);
		assert_close(pulse_quantile(y, n, lower_p), pulse_quantile(z, n, lower_p), 1e-12);
		assert_close(pulse_quantile_above(y, n, lower_p, p), pulse_quantile(z, n, p), 1e-12);
		assert_close(pulse_quantile_above(y, n, p, 1.0), z[n - 1], 0);
		qsort(x, n, sizeof(double), compare);
		qsort(y, n, sizeof(double), compare);
		assert_memory_equal(x, y, n * sizeof(double));
	}
	/* what is no number has no place, but it must not lead astray */
	for (size_t i = 0; i < 30000; i++)
		x[i] = i % 3 == 0 ? NAN : i % 7 == 0 ? INFINITY : random_return();
	pulse_quantile(x, 30000, 0.05);
}

static void
known_quantiles(void **state)
{
	double		x[] = {0.08, -0.05, 0.01, -0.03, 0.06, -0.02, 0.04};
	double		y[21];

	assert_close(pulse_quantile(x, 7, 0.05), -0.044, 1e-15);

	/* 1 - 0.95 is not quite 0.05, but the second of 21 values is meant */
	for (int i = 0; i < 21; i++)
		y[i] = i;
	assert_true(pulse_quantile(y, 21, 1.0 - 0.95) == 1);
	assert_true(pulse_tail_mean(y, 21, 1) == 0.5);
	assert_true(isnan(pulse_tail_mean(y, 21, -1)));
}

static void
quantiles_of_huge_values_stay_between(void **state)
{
	double		x[] = {-1.7e308, 1.7e308};
	double		q = pulse_quantile(x, 2, 0.25);

	assert_close(q / -0.85e308, 1, 1e-14);
}

static void
normal_probabilities_in_the_tails(void **state)
{
	assert_close(pulse_normal_probability(-10) / 7.61985302416052607e-24, 1, 1e-13);
	assert_close(pulse_normal_probability(0), 0.5, 0);
	assert_close(pulse_normal_probability(1.96), 0.97500210485177957, 1e-15);
	assert_close(pulse_normal_probability(-37.5) / 4.60535300958196e-308, 1, 1e-9);
}

static void
normal_quantiles_invert(void **state)
{
	assert_close(pulse_normal_quantile(1e-10), -6.3613409024040562, 1e-14);
	assert_close(pulse_normal_quantile(0.05), -1.6448536269514727, 1e-15);
	assert_close(pulse_normal_quantile(0.975), 1.9599639845400542, 1e-15);
	assert_true(pulse_normal_quantile(0.5) == 0);
	for (double p = 1e-300; p < 0.5; p *= 3.7)
		assert_close(pulse_normal_probability(pulse_normal_quantile(p)) / p, 1, 1e-12);
	assert_true(pulse_normal_quantile(0) == -INFINITY);
	assert_true(pulse_normal_quantile(1) == INFINITY);
	assert_true(isnan(pulse_normal_quantile(-0.1)));
	assert_true(isnan(pulse_normal_quantile(NAN)));
}

static void
figures_by_hand(void **state)
{
	const double r[] = {0.01, -0.02, 0.03, 0.015, -0.005};
	const double mean = 0.006;
	pulse_moments m = {0};
	pulse_partial p = {.threshold = 0};
	double		sd = sqrt((0.004 * 0.004 + 0.026 * 0.026 + 0.024 * 0.024 + 0.009 * 0.009 + 0.011 * 0.011) / 4);
	double		sd0 = sd * sqrt(0.8);
	double		v;

	pulse_moments_add(&m, r, 5);
	pulse_partial_add(&p, r, 5);
	assert_true(pulse_sharpe(&m, 0, 252, &v));
	assert_close(v, mean / sd * sqrt(252), 1e-13);
	assert_true(pulse_sortino(&m, &p, 252, &v));
	assert_close(v, mean / sqrt((0.0004 + 0.000025) / 5) * sqrt(252), 1e-13);
	assert_true(pulse_omega(&m, &p, &v));
	assert_close(v, 0.055 / 0.025, 1e-14);
	assert_true(pulse_gain_to_pain(&m, &p, &v));
	assert_close(v, 0.03 / 0.025, 1e-14);
	assert_true(pulse_kelly(&m, &v));
	assert_close(v, mean / sd / sd, 1e-12);
	assert_true(pulse_var_gaussian(&m, 0.95, &v));
	assert_close(v, -(mean - 1.6448536269514727 * sd0), 1e-14);
	assert_true(pulse_cvar_gaussian(&m, 0.95, &v));
	assert_close(v, -(mean - sd0 * exp(-0.5 * 1.6448536269514727 * 1.6448536269514727) / sqrt(2 * M_PI) / 0.05), 1e-13);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_match_sorting),
		cmocka_unit_test(quantiles_of_ordered_and_equal_values),
		cmocka_unit_test(quantiles_of_many_values),
		cmocka_unit_test(known_quantiles),
		cmocka_unit_test(quantiles_of_huge_values_stay_between),
		cmocka_unit_test(normal_probabilities_in_the_tails),
		cmocka_unit_test(normal_quantiles_invert),
		cmocka_unit_test(figures_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
