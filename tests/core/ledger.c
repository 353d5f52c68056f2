/*
 * The ledger: cases worked out by hand, and on random streams of fills, for every method, the
 * invariant of the ledger at every fill and the agreement of all methods whenever flat.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "core/ledger.h"

static decimal
d(const char *text)
{
	decimal		value;

	assert_true(decimal_from_text(text, &value));
	return value;
}

static void
assert_decimal(const decimal *value, const char *expected)
{
	decimal		e = d(expected);
	char		text[DECIMAL_TEXT_SIZE];

	decimal_to_text(value, text);
	if (decimal_compare(value, &e) != 0)
		fail_msg("%s where %s is right", text, expected);
}

/* Collected matches of the lot methods. */
static ledger_match matches[64];
static size_t match_count;

static void *
resize(void *context, void *memory, size_t size)
{
	(void) context;
	return realloc(memory, size);
}

static void
collect(void *context, const ledger_match *match)
{
	(void) context;
	if (match_count < sizeof(matches) / sizeof(matches[0]))
		matches[match_count++] = *match;
}

static const ledger_hooks collecting = {resize, collect, NULL};
static const ledger_hooks silent = {resize, NULL, NULL};

static ledger_fill
fill_of(const char *side, const char *quantity, const char *price, const char *fee)
{
	ledger_fill fill = {
		.sell = side[0] == 'S', .quantity = d(quantity), .price = d(price), .fee = d(fee)
	};

	return fill;
}

static ledger_outcome
apply(ledger *book, const char *side, const char *quantity, const char *price, const char *fee)
{
	static int64_t clock = 0;
	ledger_fill fill = fill_of(side, quantity, price, fee);
	ledger_outcome outcome;

	fill.time = ++clock;
	assert_true(ledger_apply(book, &fill, &outcome));
	return outcome;
}

static void
average_cost_by_hand(void **state)
{
	ledger		book;
	ledger_outcome outcome;

	ledger_init(&book, LEDGER_AVERAGE, NULL);
	outcome = apply(&book, "BUY", "100", "10", "0");
	assert_false(outcome.closed_some);
	apply(&book, "BUY", "100", "15", "0");
	outcome = apply(&book, "SELL", "50", "12", "0");
	assert_true(outcome.closed_some);
	assert_decimal(&outcome.realized, "-25");
	outcome = apply(&book, "SELL", "100", "20", "0");
	assert_decimal(&outcome.realized, "750");
	outcome = apply(&book, "SELL", "50", "5", "0");
	assert_decimal(&outcome.realized, "-375");
	assert_true(outcome.trip_closed);
	assert_decimal(&outcome.trip.gross, "350");
	assert_decimal(&book.realized, "350");
	assert_decimal(&book.quantity, "0");
	assert_decimal(&book.cost, "0");
	assert_false(book.trip.open);
}

static void
thirds_leave_no_dust(void **state)
{
	ledger		book;

	ledger_init(&book, LEDGER_AVERAGE, NULL);
	apply(&book, "BUY", "3", "1.00000001", "0");
	apply(&book, "BUY", "4", "1.1", "0");
	for (int i = 0; i < 7; i++)
		apply(&book, "SELL", "1", "1.2", "0");
	assert_decimal(&book.quantity, "0");
	assert_decimal(&book.cost, "0");
	/* 8.4 - 3.00000003 - 4.4 */
	assert_decimal(&book.realized, "0.99999997");
}

static void
a_flip_is_a_close_and_an_open(void **state)
{
	ledger		book;
	ledger_outcome outcome;

	ledger_init(&book, LEDGER_AVERAGE, NULL);
	apply(&book, "BUY", "2", "100", "0.2");
	outcome = apply(&book, "SELL", "5", "110", "1");
	assert_true(outcome.trip_closed);
	assert_false(outcome.trip.is_short);
	assert_decimal(&outcome.trip.gross, "20");
	/* two fifths of the second fee close, three open */
	assert_decimal(&outcome.trip.fees, "0.6");
	assert_decimal(&book.quantity, "-3");
	assert_decimal(&book.cost, "-330");
	assert_true(book.trip.open && book.trip.is_short);
	assert_decimal(&book.trip.fees, "0.6");
	outcome = apply(&book, "BUY", "3", "100", "0");
	assert_decimal(&outcome.realized, "30");
	assert_decimal(&book.realized, "50");
	assert_decimal(&book.fees, "1.2");
}

static void
fees_of_every_kind(void **state)
{
	ledger		book;
	ledger_outcome outcome;
	ledger_fill fill;

	/* one bought, a thousandth of it kept by the exchange, the rest sold at a profit */
	ledger_init(&book, LEDGER_AVERAGE, NULL);
	fill = fill_of("BUY", "1", "100", "0.001");
	fill.fee_kind = LEDGER_FEE_BASE;
	assert_true(ledger_apply(&book, &fill, &outcome));
	assert_decimal(&book.quantity, "0.999");
	assert_decimal(&book.cost, "99.9");
	assert_decimal(&book.fees, "0.1");
	outcome = apply(&book, "SELL", "0.999", "110", "0");
	assert_true(outcome.trip_closed);
	assert_decimal(&book.realized, "9.99");

	/* a third asset stays out of it, a rebate is a negative fee */
	fill = fill_of("BUY", "1", "100", "0.02");
	fill.fee_kind = LEDGER_FEE_OTHER;
	assert_true(ledger_apply(&book, &fill, &outcome));
	assert_decimal(&book.fees, "0.1");
	apply(&book, "SELL", "1", "100", "-0.04");
	assert_decimal(&book.fees, "0.06");

	/* a fee that takes all that was bought leaves no position */
	fill = fill_of("BUY", "1", "100", "1");
	fill.fee_kind = LEDGER_FEE_BASE;
	assert_true(ledger_apply(&book, &fill, &outcome));
	assert_decimal(&book.quantity, "0");
	assert_decimal(&book.fees, "100.06");
	assert_false(book.trip.open);
}

static void
lots_by_hand(void **state)
{
	static const struct
	{
		ledger_method method;
		const char *realized;
		const char *first_entry;
	}			cases[] = {
		/* bought 1 @ 10, 1 @ 30, 1 @ 20; sold 1.5 @ 40 */
		{LEDGER_FIFO, "35", "10"},
		{LEDGER_LIFO, "25", "20"},
		{LEDGER_HIFO, "20", "30"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		ledger		book;
		ledger_outcome outcome;

		match_count = 0;
		ledger_init(&book, cases[i].method, &collecting);
		apply(&book, "BUY", "1", "10", "0.3");
		apply(&book, "BUY", "1", "30", "0.3");
		apply(&book, "BUY", "1", "20", "0.3");
		outcome = apply(&book, "SELL", "1.5", "40", "0.3");
		assert_decimal(&outcome.realized, cases[i].realized);
		assert_int_equal(match_count, 2);
		assert_decimal(&matches[0].entry_price, cases[i].first_entry);
		assert_decimal(&matches[0].quantity, "1");
		assert_decimal(&matches[0].fees, "0.5");
		assert_decimal(&matches[1].fees, "0.25");
		assert_true(matches[0].opened_at < matches[0].closed_at);
		free(book.lot);
	}
}

/* HIFO for a short position: the lowest sale leaves first. */
static void
hifo_of_a_short_position(void **state)
{
	ledger		book;

	match_count = 0;
	ledger_init(&book, LEDGER_HIFO, &collecting);
	apply(&book, "SELL", "1", "20", "0");
	apply(&book, "SELL", "1", "10", "0");
	apply(&book, "SELL", "1", "30", "0");
	apply(&book, "BUY", "1", "5", "0");
	assert_decimal(&matches[0].entry_price, "10");
	assert_true(matches[0].is_short);
	free(book.lot);
}

static void
too_many_digits_change_nothing(void **state)
{
	ledger		book;
	ledger		before;
	ledger_fill fill = fill_of("BUY", "1", "1", "0");
	ledger_outcome outcome;

	ledger_init(&book, LEDGER_AVERAGE, NULL);
	apply(&book, "BUY", "1", "100", "0");
	before = book;
	fill.quantity = d("0.00000000000000000000000000000000000000000000000001");
	fill.price = d("0.00000000000000000000000000000000000000000000000001");
	assert_false(ledger_apply(&book, &fill, &outcome));
	assert_int_equal(decimal_compare(&book.cost, &before.cost), 0);
	assert_int_equal(decimal_compare(&book.quantity, &before.quantity), 0);
}

/* What a lot step or a fee in the base asset leaves behind does not keep a round trip open. */
static void
dust_counts_as_flat(void **state)
{
	const ledger_dust dust = {d("0.001"), d("0")};
	ledger		book;
	ledger_outcome outcome;
	ledger_fill fill;

	ledger_init(&book, LEDGER_AVERAGE, NULL);
	ledger_set_dust(&book, &dust);
	fill = fill_of("BUY", "1", "100", "0.0005");
	fill.fee_kind = LEDGER_FEE_BASE;
	assert_true(ledger_apply(&book, &fill, &outcome));
	outcome = apply(&book, "SELL", "0.999", "110", "0.1");
	assert_true(outcome.trip_closed);
	assert_decimal(&outcome.trip.entry_quantity, "0.999");
	assert_decimal(&outcome.trip.entry_value, "99.9");
	assert_decimal(&outcome.trip.gross, "9.99");
	assert_decimal(&outcome.trip.fees, "0.15");
	assert_false(book.trip.open);
	assert_decimal(&book.quantity, "0.0005");
	assert_decimal(&book.cost, "0.05");

	/* it goes into the next round trip */
	outcome = apply(&book, "BUY", "1", "200", "0");
	assert_false(outcome.trip_closed);
	assert_true(book.trip.open);
	outcome = apply(&book, "SELL", "1.0005", "210", "0");
	assert_true(outcome.trip_closed);
	assert_decimal(&outcome.trip.entry_quantity, "1.0005");
	assert_decimal(&outcome.trip.entry_value, "200.05");
	assert_decimal(&outcome.trip.gross, "10.055");
	assert_decimal(&book.quantity, "0");
	assert_decimal(&book.realized, "20.045");

	/* a fill in the other direction swallows it: one round trip, not two */
	apply(&book, "BUY", "1", "100", "0");
	apply(&book, "SELL", "0.999", "100", "0");
	outcome = apply(&book, "SELL", "2.001", "110", "0.2001");
	assert_false(outcome.trip_closed);
	assert_true(book.trip.open && book.trip.is_short);
	assert_decimal(&book.trip.gross, "0.01");
	assert_decimal(&book.trip.fees, "0.2001");
	outcome = apply(&book, "BUY", "2", "100", "0");
	assert_true(outcome.trip_closed && outcome.trip.is_short);
	assert_decimal(&outcome.trip.gross, "20.01");

	/* sold on its own it is one, of its own size */
	apply(&book, "BUY", "1", "100", "0");
	apply(&book, "SELL", "0.999", "100", "0");
	outcome = apply(&book, "SELL", "0.001", "150", "0");
	assert_true(outcome.trip_closed);
	assert_decimal(&outcome.trip.entry_quantity, "0.001");
	assert_decimal(&outcome.trip.gross, "0.05");
	/* and too small a purchase opens nothing */
	apply(&book, "BUY", "0.001", "100", "0");
	assert_false(book.trip.open);
}

static void
dust_by_value(void **state)
{
	const ledger_dust dust = {d("0"), d("1")};
	ledger		book;
	ledger_outcome outcome;

	ledger_init(&book, LEDGER_AVERAGE, NULL);
	ledger_set_dust(&book, &dust);
	apply(&book, "SELL", "1000", "0.01", "0");
	outcome = apply(&book, "BUY", "899", "0.01", "0");
	assert_false(outcome.trip_closed);
	outcome = apply(&book, "BUY", "1", "0.01", "0");
	assert_true(outcome.trip_closed && outcome.trip.is_short);
	assert_decimal(&book.quantity, "-100");
}

static void
fee_assets(void **state)
{
	static const struct
	{
		const char *symbol, *asset;
		ledger_fee_kind kind;
	}			cases[] = {
		{"BTCUSDT", NULL, LEDGER_FEE_QUOTE}, {"BTCUSDT", "", LEDGER_FEE_QUOTE},
		{"BTCUSDT", "USDT", LEDGER_FEE_QUOTE}, {"BTCUSDT", "usdt", LEDGER_FEE_QUOTE},
		{"BTCUSDT", "BTC", LEDGER_FEE_BASE}, {"BTCUSDT", "BNB", LEDGER_FEE_OTHER},
		{"BTC/USDT", "BTC", LEDGER_FEE_BASE}, {"BTC/USDT:USDT", "USDT", LEDGER_FEE_QUOTE},
		{"BTC-USD", "USD", LEDGER_FEE_QUOTE}, {"BTC_USDT", "KCS", LEDGER_FEE_OTHER},
		{"BTC-USD-PERP", "USD", LEDGER_FEE_QUOTE}, {"ETHBTC", "BTC", LEDGER_FEE_QUOTE}, {"ETHBTC", "ETH", LEDGER_FEE_BASE},
		{"BNBUSDT", "BNB", LEDGER_FEE_BASE}, {"USDTTRY", "USDT", LEDGER_FEE_BASE},
		{"AAPL", "USD", LEDGER_FEE_QUOTE}, {"BTC", "BTC", LEDGER_FEE_BASE}, {"BTC", "USDT", LEDGER_FEE_QUOTE},
		{"BTCUSDT", "EUR", LEDGER_FEE_OTHER}, {"ETHBTC", "USDT", LEDGER_FEE_OTHER}, {"ETHBTC", "BNB", LEDGER_FEE_OTHER},
		{"STETH", "USD", LEDGER_FEE_QUOTE}, {"WBTC", "USDT", LEDGER_FEE_QUOTE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (ledger_fee_kind_of(cases[i].symbol, cases[i].asset) != cases[i].kind)
			fail_msg("%s with a fee in %s", cases[i].symbol, cases[i].asset ? cases[i].asset : "nothing");
}

/* A stream's cash account, kept without any notion of a position. */
typedef struct account
{
	decimal		cash;
	decimal		quantity;
	decimal		other_fees;
} account;

static decimal
random_amount(int digits, int scale)
{
	int64_t		value = 1;
	char		text[DECIMAL_TEXT_SIZE];
	decimal		result;

	for (int i = 0; i < digits; i++)
		value *= 10;
	result = decimal_from_int64(1 + (int64_t) (random_uniform() * (double) value));
	result.scale = (int16_t) scale;
	/* through the text form, so that the value is what a user could have written */
	decimal_to_text(&result, text);
	return d(text);
}

static ledger_fill
random_fill(const account *kept)
{
	ledger_fill fill = {0};
	double		kind = random_uniform();

	fill.sell = random_uniform() < 0.5;
	fill.quantity = random_amount(1 + (int) (random_uniform() * 9), 8);
	fill.price = random_amount(1 + (int) (random_uniform() * 7), 2 + (int) (random_uniform() * 6));
	fill.fee = random_amount(4, 8);
	if (random_uniform() < 0.1)
		fill.fee = decimal_negate(fill.fee);
	if (random_uniform() < 0.1)
		fill.fee = decimal_from_int64(0);
	fill.fee_kind = kind < 0.5 ? LEDGER_FEE_QUOTE : (kind < 0.8 ? LEDGER_FEE_BASE : LEDGER_FEE_OTHER);
	if (random_uniform() < 0.15 && decimal_sign(&kept->quantity) != 0)
	{
		/* go flat exactly */
		fill.sell = decimal_sign(&kept->quantity) > 0;
		fill.quantity = decimal_absolute(kept->quantity);
		if (fill.fee_kind == LEDGER_FEE_BASE)
			fill.fee_kind = LEDGER_FEE_QUOTE;
	}
	return fill;
}

/* What happens to money and coins, whatever the accounting. */
static void
keep(account *kept, const ledger_fill *fill)
{
	decimal		value;

	assert_true(decimal_multiply(&fill->quantity, &fill->price, &value));
	if (fill->sell)
	{
		assert_true(decimal_add(&kept->cash, &value, &kept->cash));
		assert_true(decimal_subtract(&kept->quantity, &fill->quantity, &kept->quantity));
	}
	else
	{
		assert_true(decimal_subtract(&kept->cash, &value, &kept->cash));
		assert_true(decimal_add(&kept->quantity, &fill->quantity, &kept->quantity));
	}
	if (fill->fee_kind == LEDGER_FEE_QUOTE)
		assert_true(decimal_subtract(&kept->cash, &fill->fee, &kept->cash));
	else if (fill->fee_kind == LEDGER_FEE_BASE)
		assert_true(decimal_subtract(&kept->quantity, &fill->fee, &kept->quantity));
}

/* realized + unrealized - fees = cash + quantity * mark */
static void
check_invariant(const ledger *book, const account *kept)
{
	decimal		mark = random_amount(9, 4);
	decimal		left;
	decimal		right;

	assert_true(ledger_unrealized(book, &mark, &left));
	assert_true(decimal_add(&left, &book->realized, &left));
	assert_true(decimal_subtract(&left, &book->fees, &left));
	assert_true(decimal_multiply(&kept->quantity, &mark, &right));
	assert_true(decimal_add(&right, &kept->cash, &right));
	assert_int_equal(decimal_compare(&left, &right), 0);
	assert_int_equal(decimal_compare(&book->quantity, &kept->quantity), 0);
	if (!book->has_dust)
		assert_true(book->trip.open == (decimal_sign(&book->quantity) != 0));
	else if (decimal_sign(&book->quantity) == 0)
		assert_false(book->trip.open);
}

/* All that was realised belongs to a round trip, closed or under way. */
static void
check_trips(const ledger *book, const ledger_outcome *outcome, decimal *gross)
{
	decimal		all;

	if (outcome->trip_closed)
	{
		assert_true(decimal_add(gross, &outcome->trip.gross, gross));
		assert_int_equal(decimal_compare(&outcome->trip.entry_quantity, &outcome->trip.exit_quantity), 0);
	}
	all = *gross;
	if (decimal_sign(&book->quantity) != 0)
		assert_true(decimal_add(&all, &book->trip.gross, &all));
	assert_int_equal(decimal_compare(&all, &book->realized), 0);
}

/* The four methods, and the four again with a dust tolerance. */
#define BOOKS 8

static void
invariant_on_random_streams(void **state)
{
	const ledger_dust dust = {d("0.002"), d("0.5")};
	ledger		book[BOOKS];
	decimal		trip_gross[BOOKS];
	int			trips[BOOKS] = {0};
	account		kept;
	int			flat = 0;

	memset(&kept, 0, sizeof(kept));
	for (int b = 0; b < BOOKS; b++)
	{
		ledger_init(&book[b], (ledger_method) (b % 4), &silent);
		if (b >= 4)
			ledger_set_dust(&book[b], &dust);
		trip_gross[b] = decimal_from_int64(0);
	}
	for (int i = 0; i < 100000; i++)
	{
		ledger_fill fill = random_fill(&kept);
		ledger_outcome outcome;

		fill.time = i;
		keep(&kept, &fill);
		for (int b = 0; b < BOOKS; b++)
		{
			assert_true(ledger_apply(&book[b], &fill, &outcome));
			check_invariant(&book[b], &kept);
			check_trips(&book[b], &outcome, &trip_gross[b]);
			trips[b] += outcome.trip_closed;
		}
		if (decimal_sign(&kept.quantity) != 0)
			continue;
		flat++;
		for (int b = 0; b < BOOKS; b++)
		{
			assert_int_equal(decimal_compare(&book[b].realized, &book[0].realized), 0);
			assert_int_equal(decimal_compare(&book[b].fees, &book[0].fees), 0);
			assert_int_equal(decimal_sign(&book[b].cost), 0);
		}
	}
	assert_true(flat > 1000 && trips[0] > flat);
	assert_int_equal(trips[0], trips[1]);
	assert_int_not_equal(trips[0], trips[4]);
	for (int b = 0; b < BOOKS; b++)
		free(book[b].lot);
}

/* Matches of the lot methods add up to what was realised and, once flat, to all fees. */
static decimal summed_gross;
static decimal summed_fees;

static void
sum_up(void *context, const ledger_match *match)
{
	(void) context;
	assert_true(decimal_add(&summed_gross, &match->gross, &summed_gross));
	assert_true(decimal_add(&summed_fees, &match->fees, &summed_fees));
	assert_true(match->opened_at <= match->closed_at);
}

static void
matches_add_up(void **state)
{
	static const ledger_hooks summing = {resize, sum_up, NULL};

	for (int m = LEDGER_FIFO; m <= LEDGER_HIFO; m++)
	{
		ledger		book;
		account		kept;

		memset(&kept, 0, sizeof(kept));
		summed_gross = summed_fees = decimal_from_int64(0);
		ledger_init(&book, (ledger_method) m, &summing);
		for (int i = 0; i < 20000; i++)
		{
			ledger_fill fill = random_fill(&kept);
			ledger_outcome outcome;

			fill.time = i;
			keep(&kept, &fill);
			assert_true(ledger_apply(&book, &fill, &outcome));
			assert_int_equal(decimal_compare(&summed_gross, &book.realized), 0);
			if (decimal_sign(&kept.quantity) == 0)
				assert_int_equal(decimal_compare(&summed_fees, &book.fees), 0);
		}
		free(book.lot);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(average_cost_by_hand),
		cmocka_unit_test(thirds_leave_no_dust),
		cmocka_unit_test(a_flip_is_a_close_and_an_open),
		cmocka_unit_test(fees_of_every_kind),
		cmocka_unit_test(lots_by_hand),
		cmocka_unit_test(hifo_of_a_short_position),
		cmocka_unit_test(too_many_digits_change_nothing),
		cmocka_unit_test(dust_counts_as_flat),
		cmocka_unit_test(dust_by_value),
		cmocka_unit_test(fee_assets),
		cmocka_unit_test(invariant_on_random_streams),
		cmocka_unit_test(matches_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
