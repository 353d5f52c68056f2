/*
 * The sum of curves against a naive one, in amounts of many digits; drawdown points against the whole curve.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "core/combined.h"
#include "core/drawdown_points.h"

#define SERIES 7
#define MAX_ROWS 400

static const pulse_memory memory = {resize_block, NULL};

static __int128
ten_to(int n)
{
	__int128	result = 1;

	while (n-- > 0)
		result *= 10;
	return result;
}

/* Adds up what each series is worth by itself at the end of every instant, at one scale. */
static void
sums_match_naive_ones(void **state)
{
	for (int round = 0; round < 500; round++)
	{
		pulse_combined c;
		__int128	value[SERIES] = {0};
		bool		joined[SERIES] = {false};
		size_t		n = 1 + random_below(MAX_ROWS);
		const int	scale = 12;
		int64_t		ts = 0;

		pulse_combined_begin(&c, memory);
		for (size_t i = 0; i < n;)
		{
			__int128	total = 0;
			__int128	inflow = 0;
			pulse_amount sum;
			pulse_amount flow;

			ts += 1 + (int64_t) random_below(1000);
			do
			{
				uint32_t	series = (uint32_t) random_below(SERIES);
				uint8_t		at = (uint8_t) random_below(scale + 1);
				pulse_combined_row row = {.ts = ts, .series = series, .scale = at, .is_flow = true};

				if (random_uniform() < 0.3)
				{
					row.units = (__int128) (random_uniform() * 2e9) - 1000000000;
					assert_true(pulse_combined_add(&c, &row));
					if (joined[series])
						inflow += row.units * ten_to(scale - at);
				}
				row.is_flow = false;
				row.units = (__int128) (random_uniform() * 1e15) - (random_uniform() < 0.1 ? (__int128) 1 << 60 : 0);
				assert_true(pulse_combined_add(&c, &row));
				value[series] = row.units * ten_to(scale - at);
				if (!joined[series])
					inflow += value[series];
				joined[series] = true;
				i++;
			} while (i < n && random_uniform() < 0.5);
			for (int s = 0; s < SERIES; s++)
				total += value[s];
			pulse_combined_instant(&c, &sum, &flow);
			assert_int_equal(sum.kind, PULSE_AMOUNT_FINITE);
			assert_true(sum.units * ten_to(scale - sum.scale) == total);
			assert_true(flow.units * ten_to(scale - flow.scale) == inflow);
		}
		free(c.series);
	}
}

static pulse_amount
after(const pulse_combined_row *rows, size_t n)
{
	pulse_combined c;
	pulse_amount value;
	pulse_amount flow;

	pulse_combined_begin(&c, memory);
	for (size_t i = 0; i < n; i++)
		assert_true(pulse_combined_add(&c, &rows[i]));
	pulse_combined_instant(&c, &value, &flow);
	free(c.series);
	return value;
}

/* As numbers that know infinities and NaN do: what was infinite once cannot be taken back. */
static void
infinities_stay(void **state)
{
	pulse_combined_row rows[] = {
		{.units = 5}, {.series = 1, .kind = PULSE_AMOUNT_INFINITY}, {.series = 2, .kind = PULSE_AMOUNT_INFINITY},
		{.series = 0, .units = 9}, {.series = 1, .units = 3}
	};

	assert_int_equal(after(rows, 2).kind, PULSE_AMOUNT_INFINITY);
	assert_int_equal(after(rows, 4).kind, PULSE_AMOUNT_INFINITY);
	assert_int_equal(after(rows, 5).kind, PULSE_AMOUNT_NAN);
	rows[1].kind = PULSE_AMOUNT_MINUS_INFINITY;
	assert_int_equal(after(rows, 2).kind, PULSE_AMOUNT_MINUS_INFINITY);
	assert_int_equal(after(rows, 3).kind, PULSE_AMOUNT_NAN);
	rows[1].kind = PULSE_AMOUNT_NAN;
	assert_int_equal(after(rows, 2).kind, PULSE_AMOUNT_NAN);
	assert_int_equal(after(rows, 5).kind, PULSE_AMOUNT_NAN);
}

static void
running_out_of_digits_is_told(void **state)
{
	pulse_combined c;
	pulse_combined_row row = {.units = ten_to(38)};

	pulse_combined_begin(&c, memory);
	assert_true(pulse_combined_add(&c, &row));
	row.series = 1;
	assert_false(pulse_combined_add(&c, &row));
	free(c.series);

	pulse_combined_begin(&c, memory);
	row.series = 0;
	assert_true(pulse_combined_add(&c, &row));
	row = (pulse_combined_row) {.series = 1, .units = 1, .scale = 1};
	assert_false(pulse_combined_add(&c, &row));
	free(c.series);

	pulse_combined_begin(&c, memory);
	row = (pulse_combined_row) {.units = 1, .scale = PULSE_AMOUNT_MAX_SCALE};
	assert_true(pulse_combined_add(&c, &row));
	row = (pulse_combined_row) {.series = 100000, .units = 100};
	assert_false(pulse_combined_add(&c, &row));
	free(c.series);
}

static void
amounts_are_rounded_once(void **state)
{
	for (int round = 0; round < 200000; round++)
	{
		pulse_amount amount = {.scale = (uint8_t) random_below(PULSE_AMOUNT_MAX_SCALE + 1)};
		int			digits = 1 + (int) random_below(38);
		char		text[PULSE_AMOUNT_TEXT_SIZE];

		for (int i = 0; i < digits; i++)
			amount.units = amount.units * 10 + (int) random_below(10);
		if (random_uniform() < 0.5)
			amount.units = -amount.units;
		assert_true(pulse_amount_to_text(&amount, text) < sizeof(text));
		if (pulse_amount_to_double(&amount) != strtod(text, NULL))
			fail_msg("%s is not %.17g", text, pulse_amount_to_double(&amount));
	}
}

static void
amounts_as_text(void **state)
{
	static const struct
	{
		pulse_amount amount;
		const char *text;
	}			cases[] = {
		{{.units = 0}, "0"},
		{{.units = -1205, .scale = 2}, "-1205e-2"},
		{{.units = 7, .scale = 38}, "7e-38"},
		{{.kind = PULSE_AMOUNT_NAN}, "NaN"},
		{{.kind = PULSE_AMOUNT_MINUS_INFINITY}, "-Infinity"}
	};
	char		text[PULSE_AMOUNT_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		assert_int_equal(pulse_amount_to_text(&cases[i].amount, text), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
	assert_int_equal(pulse_amount_to_text(&(pulse_amount) {.units = (pulse_units) ((unsigned __int128) 1 << 127), .scale = 38}, text), 44);
	assert_string_equal(text, "-170141183460469231731687303715884105728e-38");
}

/* The deepest drawdown and its times, of levels. */
typedef struct fall
{
	double		depth;
	int64_t		peak;
	int64_t		trough;
	int64_t		end;			/* recovery, or the last point */
} fall;

static fall
deepest_of(const pulse_level *levels, size_t n)
{
	fall		deepest = {0};
	size_t		peak = 0;
	size_t		low = 0;

	for (size_t i = 0; i <= n; i++)
	{
		if (i == n || levels[i].level >= levels[peak].level)
		{
			if (n > 0 && levels[peak].level - levels[low].level > deepest.depth)
				deepest = (fall) {levels[peak].level - levels[low].level, levels[peak].ts, levels[low].ts, levels[i == n ? n - 1 : i].ts};
			peak = low = i;
		}
		else if (levels[i].level < levels[low].level)
			low = i;
	}
	return deepest;
}

static void
drawdown_points_tell_the_deepest(void **state)
{
	for (int round = 0; round < 2000; round++)
	{
		pulse_drawdown_points d = {0};
		pulse_level all[MAX_ROWS];
		pulse_level told[2 * MAX_ROWS];
		size_t		n = 1 + random_below(MAX_ROWS - 1);
		size_t		n_told = 0;
		double		value = 1000;
		double		level = 0;
		fall		a;
		fall		b;

		for (size_t i = 0; i < n; i++)
		{
			double		growth = random_uniform() < 0.1 ? 1.0 : 1 + random_return();
			double		flow = random_uniform() < 0.1 ? 100 : 0;
			double		next = value * growth + flow;

			level += i == 0 ? 0 : log((next - flow) / value);
			value = next;
			all[i] = (pulse_level) {(int64_t) i * 10, level};
			n_told += (size_t) pulse_drawdown_points_add(&d, all[i].ts, value, flow, told + n_told);
		}
		n_told += (size_t) pulse_drawdown_points_end(&d, told + n_told);
		assert_true(n_told >= 1 && n_told <= n + 1);
		for (size_t i = 1; i < n_told; i++)
			assert_true(told[i].ts > told[i - 1].ts);
		a = deepest_of(all, n);
		b = deepest_of(told, n_told);
		assert_true(a.depth == b.depth && a.peak == b.peak && a.trough == b.trough && a.end == b.end);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_match_naive_ones),
		cmocka_unit_test(infinities_stay),
		cmocka_unit_test(running_out_of_digits_is_told),
		cmocka_unit_test(amounts_are_rounded_once),
		cmocka_unit_test(amounts_as_text),
		cmocka_unit_test(drawdown_points_tell_the_deepest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
