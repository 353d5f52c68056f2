/*
 * Exact decimals: known values, algebraic laws on random ones, rounding, limits. How they compare
 * with PostgreSQL's numeric is tested in tests/pgtap/ledger.sql.
 */
#include "support.h"

#include <string.h>

#include "core/decimal.h"

#define ROUNDS 200000

static decimal
d(const char *text)
{
	decimal		value;

	assert_true(decimal_from_text(text, &value));
	return value;
}

static void
assert_text(const decimal *value, const char *expected)
{
	char		text[DECIMAL_TEXT_SIZE];

	decimal_to_text(value, text);
	assert_string_equal(text, expected);
}

/* A number of up to so many digits, with favour for the borders of limbs. */
static decimal
random_decimal(int max_digits)
{
	char		text[DECIMAL_TEXT_SIZE];
	int			digits = 1 + (int) random_below((size_t) max_digits);
	int			scale = (int) random_below((size_t) digits + 1);
	size_t		length = 0;
	int			kind = (int) random_below(4);

	if (random_below(2))
		text[length++] = '-';
	if (scale == digits)
		text[length++] = '0';
	for (int i = 0; i < digits; i++)
	{
		if (i == digits - scale)
			text[length++] = '.';
		text[length++] = (char) (kind == 0 ? '9' : (kind == 1 && i > 0 ? '0' : '0' + (int) random_below(10)));
	}
	text[length] = '\0';
	return d(text);
}

static void
text_round_trips(void **state)
{
	static const char *const texts[] = {
		"0", "1", "-1", "0.1", "-0.000000000000000001", "123456789.987654321", "4294967296", "18446744073709551616",
		"1234567890123456789012345678901234567890123456789012345678901234567890.123456"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		decimal		value = d(texts[i]);

		assert_text(&value, texts[i]);
	}
}

static void
text_is_checked(void **state)
{
	static const char *const texts[] = {"", "-", ".", "1e5", "NaN", " 1", "1.2.3", "+1", "0x1"};
	decimal		value;
	char		digits[100];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(decimal_from_text(texts[i], &value));
	memset(digits, '9', 99);
	digits[99] = '\0';
	assert_false(decimal_from_text(digits, &value));
	/* digits after the point are bounded as well */
	memset(digits, '0', 99);
	digits[1] = '.';
	assert_false(decimal_from_text(digits, &value));
}

static void
sums_and_products_are_exact(void **state)
{
	decimal		a = d("0.1");
	decimal		b = d("0.2");
	decimal		r;

	assert_true(decimal_add(&a, &b, &r));
	assert_text(&r, "0.3");
	a = d("123456789.12345678");
	b = d("0.00000812");
	assert_true(decimal_multiply(&a, &b, &r));
	assert_text(&r, "1002.4691276824690536");
	a = d("-99999999999999999999.99999999");
	b = d("0.00000001");
	assert_true(decimal_subtract(&a, &b, &r));
	assert_text(&r, "-100000000000000000000.00000000");
}

static void
share_rounds_half_to_even(void **state)
{
	static const struct
	{
		const char *amount, *part, *whole;
		int			scale;
		const char *expected;
	}			cases[] = {
		{"1", "1", "3", 5, "0.33333"},
		{"2", "1", "3", 5, "0.66667"},
		{"1", "1", "8", 2, "0.12"},
		{"3", "1", "8", 2, "0.38"},
		{"-1", "1", "8", 2, "-0.12"},
		{"-3", "1", "8", 2, "-0.38"},
		{"5", "1", "2", 0, "2"},
		{"7", "1", "2", 0, "4"},
		{"0", "5", "7", 4, "0.0000"},
		{"340282366920938463463374607431768211456", "340282366920938463463374607431768211455",
		"340282366920938463463374607431768211457", 3, "340282366920938463463374607431768211454.000"},
		{"1", "1", "99999999999999999999999999999999999999", 38, "0.00000000000000000000000000000000000001"},
	};
	decimal		r;
	decimal		zero = d("0");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		decimal		amount = d(cases[i].amount);
		decimal		part = d(cases[i].part);
		decimal		whole = d(cases[i].whole);

		assert_true(decimal_share(&amount, &part, &whole, cases[i].scale, &r));
		assert_text(&r, cases[i].expected);
	}
	assert_false(decimal_share(&zero, &zero, &zero, 2, &r));
	assert_false(decimal_share(&zero, &zero, &r, DECIMAL_MAX_SCALE + 1, &r));
}

static void
algebra_holds_on_random_numbers(void **state)
{
	for (int i = 0; i < ROUNDS; i++)
	{
		decimal		a = random_decimal(24);
		decimal		b = random_decimal(24);
		decimal		c = random_decimal(24);
		decimal		sum,
					back,
					left,
					right,
					product;

		assert_true(decimal_add(&a, &b, &sum));
		assert_true(decimal_subtract(&sum, &b, &back));
		assert_int_equal(decimal_compare(&back, &a), 0);
		/* a * (b + c) = a * b + a * c */
		assert_true(decimal_add(&b, &c, &sum));
		assert_true(decimal_multiply(&a, &sum, &left));
		assert_true(decimal_multiply(&a, &b, &right));
		assert_true(decimal_multiply(&a, &c, &product));
		assert_true(decimal_add(&right, &product, &right));
		assert_int_equal(decimal_compare(&left, &right), 0);
		/* division undoes multiplication */
		if (decimal_sign(&b) != 0)
		{
			assert_true(decimal_share(&a, &b, &b, a.scale, &back));
			assert_int_equal(decimal_compare(&back, &a), 0);
		}
		left = right = a;
		decimal_trim(&left);
		assert_int_equal(decimal_compare(&left, &right), 0);
		assert_true(decimal_compare(&a, &b) == -decimal_compare(&b, &a));
	}
}

/* The remainder of a rounded division is at most half of the divisor. */
static void
share_is_nearest_on_random_numbers(void **state)
{
	for (int i = 0; i < ROUNDS; i++)
	{
		decimal		amount = random_decimal(30);
		decimal		part = random_decimal(20);
		decimal		whole = random_decimal(20);
		decimal		quotient,
					product,
					exact,
					error,
					twice,
					limit;
		decimal		unit = d("0.000000000000000001");

		if (decimal_sign(&whole) == 0)
			continue;
		if (!decimal_share(&amount, &part, &whole, 18, &quotient))
			continue;
		/* |quotient * whole - amount * part| <= |whole| * unit / 2 */
		assert_true(decimal_multiply(&amount, &part, &exact));
		if (!decimal_multiply(&quotient, &whole, &product) || !decimal_subtract(&product, &exact, &error))
			continue;
		assert_true(decimal_add(&error, &error, &twice));
		twice = decimal_absolute(twice);
		whole = decimal_absolute(whole);
		assert_true(decimal_multiply(&whole, &unit, &limit));
		assert_true(decimal_compare(&twice, &limit) <= 0);
	}
}

static void
base_10000_digits_round_trip(void **state)
{
	for (int i = 0; i < ROUNDS; i++)
	{
		decimal		a = random_decimal(70);
		decimal		b;
		int16_t		digit[48];
		int			weight;
		int			count = decimal_to_digits(&a, digit, 48, &weight);

		assert_true(count >= 0);
		assert_true(decimal_from_digits(digit, count, weight, a.negative, &b));
		assert_int_equal(decimal_compare(&a, &b), 0);
	}
}

static void
overflow_is_told(void **state)
{
	decimal		big = d("1000000000000000000000000000000000000000");
	decimal		r;
	decimal		small = d("0.0000000000000000000000000000000000000001");

	assert_false(decimal_multiply(&big, &big, &r));
	big = d("99999999999999999999999999999999999999999999999999999999999999999999999999");
	assert_false(decimal_multiply(&big, &big, &r));
	assert_false(decimal_add(&big, &small, &r));
	assert_false(decimal_share(&big, &big, &small, 18, &r));
	/* the largest of all plus one */
	memset(big.limb, 0xff, sizeof(big.limb));
	big.used = DECIMAL_LIMBS;
	small = decimal_from_int64(1);
	assert_false(decimal_add(&big, &small, &r));
	assert_true(decimal_subtract(&big, &small, &r));
}

static void
doubles_are_near(void **state)
{
	decimal		value = d("-12345.678");

	assert_true(decimal_to_double(&value) < -12345.67799999 && decimal_to_double(&value) > -12345.67800001);
	value = decimal_from_int64(INT64_MIN);
	assert_text(&value, "-9223372036854775808");
	assert_true(decimal_to_double(&value) == -9223372036854775808.0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_round_trips),
		cmocka_unit_test(text_is_checked),
		cmocka_unit_test(sums_and_products_are_exact),
		cmocka_unit_test(share_rounds_half_to_even),
		cmocka_unit_test(algebra_holds_on_random_numbers),
		cmocka_unit_test(share_is_nearest_on_random_numbers),
		cmocka_unit_test(base_10000_digits_round_trip),
		cmocka_unit_test(overflow_is_told),
		cmocka_unit_test(doubles_are_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
