/*
 * Closed-trade statistics by hand and against recomputation.
 */
#include "support.h"

#include "core/trades.h"

static pulse_trades
trades_of(const double *pnl, size_t n)
{
	pulse_trades t = {0};

	for (size_t i = 0; i < n; i++)
		pulse_trades_add(&t, pnl[i]);
	return t;
}

static void
figures_by_hand(void **state)
{
	const double pnl[] = {100, -50, 200, 0, -100, -20, -5, 30};
	pulse_trades t = trades_of(pnl, 8);
	double		v;

	assert_true(pulse_win_rate(&t, &v));
	assert_close(v, 0.375, 0);
	assert_true(pulse_profit_factor(&t, &v));
	assert_close(v, 330.0 / 175, 1e-15);
	assert_true(pulse_average_win(&t, &v));
	assert_close(v, 110, 0);
	assert_true(pulse_average_loss(&t, &v));
	assert_close(v, 43.75, 0);
	assert_true(pulse_payoff_ratio(&t, &v));
	assert_close(v, 110 / 43.75, 1e-15);
	assert_true(pulse_expectancy(&t, &v));
	assert_close(v, 155.0 / 8, 1e-15);
	assert_true(pulse_kelly_discrete(&t, &v));
	assert_close(v, 0.375 - 0.625 / (110 / 43.75), 1e-15);
	assert_int_equal(t.longest_losing_run, 3);
}

static void
one_sided_records(void **state)
{
	const double wins[] = {1, 2};
	const double losses[] = {-1, -2};
	const double even[] = {0, 0};
	pulse_trades t = {0};
	double		v;

	assert_false(pulse_win_rate(&t, &v));
	assert_false(pulse_expectancy(&t, &v));
	t = trades_of(wins, 2);
	assert_false(pulse_profit_factor(&t, &v));
	assert_false(pulse_average_loss(&t, &v));
	assert_false(pulse_payoff_ratio(&t, &v));
	assert_false(pulse_kelly_discrete(&t, &v));
	t = trades_of(losses, 2);
	assert_true(pulse_profit_factor(&t, &v));
	assert_true(v == 0);
	assert_false(pulse_average_win(&t, &v));
	t = trades_of(even, 2);
	assert_true(pulse_win_rate(&t, &v));
	assert_true(v == 0);
	assert_false(pulse_profit_factor(&t, &v));
}

static void
any_split_gives_the_whole(void **state)
{
	for (int round = 0; round < 100; round++)
	{
		pulse_trades whole = {0};
		pulse_trades part[3] = {0};
		long double sum = 0;
		double		v;

		for (int i = 0; i < 300; i++)
		{
			double		pnl = random_uniform() < 0.1 ? 0 : (random_uniform() - 0.45) * 1000;

			sum += pnl;
			pulse_trades_add(&whole, pnl);
			pulse_trades_add(&part[random_below(3)], pnl);
		}
		pulse_trades_merge(&part[1], &part[2]);
		pulse_trades_merge(&part[0], &part[1]);
		assert_int_equal(part[0].n, whole.n);
		assert_int_equal(part[0].wins, whole.wins);
		assert_close(pulse_sum_value(&part[0].won), pulse_sum_value(&whole.won), 1e-15);
		assert_true(pulse_expectancy(&part[0], &v));
		assert_close(v, sum / 300, 1e-13);
	}
}

static void
a_hundred_thousand_dust_trades(void **state)
{
	pulse_trades t = {0};
	double		v;

	for (int i = 0; i < 100000; i++)
		pulse_trades_add(&t, 1e-8);
	assert_true(pulse_expectancy(&t, &v));
	assert_close(v * 1e8, 1, 1e-15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_by_hand),
		cmocka_unit_test(one_sided_records),
		cmocka_unit_test(any_split_gives_the_whole),
		cmocka_unit_test(a_hundred_thousand_dust_trades),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
