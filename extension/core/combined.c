/*
 * Only the steps from value to value are added up, so an observation costs the same whatever the number of curves.
 */
#include "core/combined.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BIT(kind) (1u << (kind))

/* Largest power of ten with which a quotient of 128 bits keeps the bits that one rounding needs. */
#define MAX_DIVISOR 21

/* Whole numbers up to here, and powers of ten up to 10^22, are exact in double precision. */
#define EXACT_LIMIT ((unsigned __int128) 1 << 53)

static const double exact_power[] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

/* Returns 10^n, n up to PULSE_AMOUNT_MAX_SCALE. */
static __int128
power_of_ten(int n)
{
	static const int64_t powers[] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
		1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
		1000000000000000000
	};

	return n <= 18 ? powers[n] : n <= 36 ? (__int128) powers[18] * powers[n - 18] : (__int128) powers[18] * powers[18] * powers[n - 36];
}

/* Prepares the sum of no curve yet. */
void
pulse_combined_begin(pulse_combined *c, pulse_memory memory)
{
	*c = (pulse_combined) {.memory = memory};
}

static bool
multiply(pulse_units *units, __int128 factor)
{
	__int128	product;

	if (__builtin_mul_overflow((__int128) *units, factor, &product))
		return false;
	*units = product;
	return true;
}

/* Counts everything in smaller units; false when digits run out. */
static bool
raise_scale(pulse_combined *c, uint8_t scale)
{
	__int128	factor = power_of_ten(scale - c->scale);

	if (!multiply(&c->value.units, factor) || !multiply(&c->flow.units, factor))
		return false;
	for (uint32_t i = 0; i < c->allocated; i++)
		if (!multiply(&c->series[i].last, factor))
			return false;
	c->scale = scale;
	return true;
}

static void
make_room(pulse_combined *c, uint32_t series)
{
	uint32_t	allocated = c->allocated < 64 ? 64 : c->allocated;

	while (allocated <= series)
		allocated = allocated > UINT32_MAX / 2 ? UINT32_MAX : allocated * 2;
	c->series = c->memory.resize(c->memory.context, c->series, (size_t) allocated * sizeof(pulse_combined_series));
	memset(c->series + c->allocated, 0, (size_t) (allocated - c->allocated) * sizeof(pulse_combined_series));
	c->allocated = allocated;
}

static bool
add_amount(pulse_combined_total *total, uint8_t kind, __int128 units)
{
	__int128	sum;

	if (kind != PULSE_AMOUNT_FINITE)
	{
		total->special |= BIT(kind);
		return true;
	}
	if (__builtin_add_overflow((__int128) total->units, units, &sum))
		return false;
	total->units = sum;
	return true;
}

/* Adds the step from a curve's value to its next one, as numbers with infinities and NaN would be subtracted. */
static bool
add_step(pulse_combined_total *total, const pulse_combined_series *from, uint8_t kind, __int128 units)
{
	__int128	step;

	if (kind == PULSE_AMOUNT_FINITE && from->kind == PULSE_AMOUNT_FINITE)
		return !__builtin_sub_overflow(units, (__int128) from->last, &step) && add_amount(total, PULSE_AMOUNT_FINITE, step);
	if (kind == PULSE_AMOUNT_FINITE)
		kind = from->kind == PULSE_AMOUNT_INFINITY ? PULSE_AMOUNT_MINUS_INFINITY :
			from->kind == PULSE_AMOUNT_MINUS_INFINITY ? PULSE_AMOUNT_INFINITY : PULSE_AMOUNT_NAN;
	else if (from->kind == kind || from->kind == PULSE_AMOUNT_NAN)
		kind = PULSE_AMOUNT_NAN;
	return add_amount(total, kind, 0);
}

/*
 * Adds an observation; they come in order of time, and those of a curve that have the same time in their own order.
 * False when digits run out; the sum is lost then.
 */
bool
pulse_combined_add(pulse_combined *c, const pulse_combined_row *row)
{
	pulse_units units = row->kind == PULSE_AMOUNT_FINITE ? row->units : 0;
	pulse_combined_series *series;

	if (row->scale != c->scale && row->kind == PULSE_AMOUNT_FINITE)
	{
		if (row->scale > c->scale && !raise_scale(c, row->scale))
			return false;
		if (row->scale < c->scale && !multiply(&units, power_of_ten(c->scale - row->scale)))
			return false;
	}
	if (row->series >= c->allocated)
		make_room(c, row->series);
	series = &c->series[row->series];
	if (row->is_flow)
		/* what came before the first value is in it */
		return !series->joined || add_amount(&c->flow, row->kind, units);
	if (!series->joined && !add_amount(&c->flow, row->kind, units))
		return false;
	if (!add_step(&c->value, series, row->kind, units))
		return false;
	*series = (pulse_combined_series) {units, row->kind, true};
	return true;
}

static pulse_amount
amount_of(const pulse_combined_total *total, uint8_t scale)
{
	pulse_amount amount = {total->units, scale, PULSE_AMOUNT_FINITE};

	if (total->special == BIT(PULSE_AMOUNT_INFINITY))
		amount.kind = PULSE_AMOUNT_INFINITY;
	else if (total->special == BIT(PULSE_AMOUNT_MINUS_INFINITY))
		amount.kind = PULSE_AMOUNT_MINUS_INFINITY;
	else if (total->special != 0)
		amount.kind = PULSE_AMOUNT_NAN;
	return amount;
}

/* Tells the sum, and what flowed in at this instant, after its last observation; the next one begins another instant. */
void
pulse_combined_instant(pulse_combined *c, pulse_amount *value, pulse_amount *flow)
{
	*value = amount_of(&c->value, c->scale);
	*flow = amount_of(&c->flow, c->scale);
	c->flow = (pulse_combined_total) {0};
}

/* Returns m / 10^k, correctly rounded: a bit for the remainder makes the one rounding right. */
static double
divide_rounded(unsigned __int128 m, int k)
{
	unsigned __int128 divisor = (unsigned __int128) power_of_ten(k);
	uint64_t	top = (uint64_t) (m >> 64);
	int			shift = top != 0 ? __builtin_clzll(top) : 64 + __builtin_clzll((uint64_t) m);
	unsigned __int128 quotient;
	bool		sticky;
	int			excess;

	m <<= shift;
	quotient = m / divisor;
	sticky = m % divisor != 0;
	top = (uint64_t) (quotient >> 64);
	excess = top != 0 ? 64 - __builtin_clzll(top) : 0;
	sticky |= (quotient & (((unsigned __int128) 1 << excess) - 1)) != 0;
	return ldexp((double) ((uint64_t) (quotient >> excess) | sticky), excess - shift);
}

/* Returns an amount as the nearest double precision number. */
double
pulse_amount_to_double(const pulse_amount *amount)
{
	bool		negative = amount->units < 0;
	unsigned __int128 m = negative ? -(unsigned __int128) amount->units : (unsigned __int128) amount->units;
	char		text[PULSE_AMOUNT_TEXT_SIZE];
	double		result;

	if (amount->kind == PULSE_AMOUNT_NAN)
		return NAN;
	if (amount->kind != PULSE_AMOUNT_FINITE)
		return amount->kind == PULSE_AMOUNT_INFINITY ? INFINITY : -INFINITY;
	if (m <= EXACT_LIMIT && amount->scale < sizeof(exact_power) / sizeof(exact_power[0]))
		result = (double) (uint64_t) m / exact_power[amount->scale];
	else if (amount->scale <= MAX_DIVISOR)
		result = divide_rounded(m, amount->scale);
	else
	{
		(void) pulse_amount_to_text(amount, text);
		return strtod(text, NULL);
	}
	return negative ? -result : result;
}

/* Writes an amount as a number with an exponent, and returns its length. */
size_t
pulse_amount_to_text(const pulse_amount *amount, char *text)
{
	static const char *const special[] = {NULL, "NaN", "Infinity", "-Infinity"};
	bool		negative = amount->units < 0;
	unsigned __int128 m = negative ? -(unsigned __int128) amount->units : (unsigned __int128) amount->units;
	char		digits[40];
	size_t		at = sizeof(digits);
	size_t		length = 0;

	if (amount->kind != PULSE_AMOUNT_FINITE)
	{
		strcpy(text, special[amount->kind]);
		return strlen(text);
	}
	do
	{
		digits[--at] = (char) ('0' + (int) (m % 10));
		m /= 10;
	} while (m != 0);
	if (negative)
		text[length++] = '-';
	memcpy(text + length, digits + at, sizeof(digits) - at);
	length += sizeof(digits) - at;
	if (amount->scale > 0)
	{
		text[length++] = 'e';
		text[length++] = '-';
		if (amount->scale >= 10)
			text[length++] = (char) ('0' + amount->scale / 10);
		text[length++] = (char) ('0' + amount->scale % 10);
	}
	text[length] = '\0';
	return length;
}
