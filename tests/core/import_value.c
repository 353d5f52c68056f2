/* Cells of exchange exports: numbers, units, times; and Kraken's names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/import_kraken.h"

static void
number_is(const char *cell, const char *expected)
{
	char		number[VALUE_NUMBER_SIZE];
	const char *problem = value_number(cell, number);

	if (expected == NULL)
		assert_non_null(problem);
	else
	{
		assert_null(problem);
		assert_string_equal(number, expected);
	}
}

static void
test_numbers(void **state)
{
	static const char *const wrong[] = {
		"abc", "1,5", "1,50", "12,34,567", ",123", "1,234,", "1.2.3", "--1", "1-", ".", "-", "$", "1e", "1e99", "1 2", "0x10",
		"NaN", "Infinity", "1,2345", "1.5,000", "123e4e5"
	};
	char		digits[120];

	(void) state;
	number_is("", "");
	number_is("  ", "");
	number_is("1", "1");
	number_is(" 45000.50 ", "45000.50");
	number_is("1,234,567.89", "1234567.89");
	number_is("0.00000001", "0.00000001");
	number_is("-12.5", "-12.5");
	number_is("+12.5", "12.5");
	number_is("$45,000.10", "45000.10");
	number_is("-$100.00", "-100.00");
	number_is("\xE2\x82\xAC" "5", "5");
	number_is("5.", "5");
	number_is(".5", ".5");
	number_is("1e-8", "1e-8");
	number_is("2.5E+3", "2.5e+3");
	number_is("123456789012345678901234567890.123456789012345678901234567890", "123456789012345678901234567890.123456789012345678901234567890");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		number_is(wrong[i], NULL);
	memset(digits, '9', sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	number_is(digits, NULL);
	assert_true(value_is_zero("-0.000"));
	assert_true(value_is_zero("0e5"));
	assert_false(value_is_zero("0.0001"));
}

static void
unit_is(const char *cell, const char *known, const char *number, const char *unit)
{
	char		numbers[VALUE_NUMBER_SIZE];
	char		units[VALUE_UNIT_SIZE];
	const char *problem = value_number_with_unit(cell, known, numbers, units);

	if (number == NULL)
	{
		assert_non_null(problem);
		return;
	}
	assert_null(problem);
	assert_string_equal(numbers, number);
	assert_string_equal(units, unit);
}

static void
test_units(void **state)
{
	(void) state;
	unit_is("0.1BTC", NULL, "0.1", "BTC");
	unit_is("4,500.05usdt", NULL, "4500.05", "USDT");
	unit_is("52.31INCH", "1INCH", "52.3", "1INCH");
	unit_is("52.31INCH", NULL, "52.31", "INCH");
	unit_is("1000SATS", "1000SATS", "1000", "SATS");
	unit_is("51000SATS", "1000SATS", "5", "1000SATS");
	unit_is("0.5 BNB", "BTC", "0.5", "BNB");
	unit_is("0", NULL, "0", "");
	unit_is("BTC", NULL, NULL, NULL);
	unit_is("0.1BTC/ETH", NULL, NULL, NULL);
	unit_is("1,5BTC", NULL, NULL, NULL);
}

static void
time_is(const char *cell, const char *zone, bool short_years, const char *expected)
{
	char		time[VALUE_TIME_SIZE];
	const char *problem = value_time(cell, zone, short_years, time);

	if (expected == NULL)
		assert_non_null(problem);
	else
	{
		assert_null(problem);
		assert_string_equal(time, expected);
	}
}

static void
test_times(void **state)
{
	static const char *const wrong[] = {
		"", "2024-02-30 00:00:00", "2023-02-29 00:00:00", "2024-13-01 00:00:00", "2024-00-01 00:00:00", "2024-01-01", "2024-01-01 24:00:00",
		"2024-01-01 12:60:00", "2024-01-01 12", "2024-01-01 12:00:00 PM", "2024-01-01 12:00:00.", "24-01-01 12:00:00",
		"01/02/2024 10:00:00", "1999-01-01 00:00:00", "2024-01-01 12:00:00+99", "2024-01-01 12:00:00 ; DROP TABLE", "1709288430"
	};

	(void) state;
	time_is("2024-03-01 10:20:30", "Europe/Berlin", false, "2024-03-01 10:20:30 Europe/Berlin");
	time_is("2024-02-29 10:20:30.1234", "UTC", false, "2024-02-29 10:20:30.1234 UTC");
	time_is("2024-03-01T10:20:30.123Z", "Europe/Berlin", false, "2024-03-01 10:20:30.123 +00:00");
	time_is("2024-03-01 10:20:30 UTC", "Europe/Berlin", false, "2024-03-01 10:20:30 +00:00");
	time_is("2024-03-01T10:20:30+05:30", "UTC", false, "2024-03-01 10:20:30 +05:30");
	time_is("2024-03-01 10:20 UTC", "UTC", false, "2024-03-01 10:20:00 +00:00");
	time_is("25-02-11 06:43:23", "UTC", true, "2025-02-11 06:43:23 UTC");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		time_is(wrong[i], "UTC", false, NULL);
}

static void
test_kraken_names(void **state)
{
	static const char *const pairs[][2] = {
		{"XXBTZUSD", "BTC/USD"}, {"XBTUSD", "BTC/USD"}, {"XBT/USD", "BTC/USD"}, {"BTC/USD", "BTC/USD"}, {"XETHXXBT", "ETH/BTC"},
		{"XTZUSD", "XTZ/USD"}, {"XTZXBT", "XTZ/BTC"}, {"XBTUSDT", "BTC/USDT"}, {"USDTZUSD", "USDT/USD"}, {"XXDGZEUR", "DOGE/EUR"},
		{"xdgusd", "DOGE/USD"}, {"CHZEUR", "CHZ/EUR"}, {"DOTUSD", "DOT/USD"}, {"ZEURZUSD", "EUR/USD"}, {"SOLBTC", "SOL/BTC"},
		{"ABCXYZ", "ABCXYZ"}, {"USD", "USD"}
	};
	char		name[IMPORT_NAME_SIZE];

	(void) state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
	{
		assert_true(kraken_pair(pairs[i][0], name, sizeof(name)));
		assert_string_equal(name, pairs[i][1]);
	}
	assert_false(kraken_pair("", name, sizeof(name)));
	assert_false(kraken_pair("/USD", name, sizeof(name)));
	assert_false(kraken_pair("XBT/", name, sizeof(name)));
	assert_true(kraken_asset("XBT.F", name, sizeof(name)));
	assert_string_equal(name, "BTC");
	assert_true(kraken_asset("USD.HOLD", name, sizeof(name)));
	assert_string_equal(name, "USD");
	assert_false(kraken_asset(".F", name, sizeof(name)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_units), cmocka_unit_test(test_times), cmocka_unit_test(test_kraken_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
