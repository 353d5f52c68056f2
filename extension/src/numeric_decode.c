/*
 * The server's own cast prints the number and parses the text. The stored
 * form is public in effect (it is on disk and has been since PostgreSQL 9.1),
 * but its declarations are private to numeric.c, so they are repeated here
 * and nowhere else; the tests compare with the cast on every version.
 */
#include "src/numeric_decode.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

#include "src/compat.h"

#define SIGN_MASK		0xC000
#define SIGN_NEGATIVE	0x4000
#define SIGN_SHORT		0x8000
#define SIGN_SPECIAL	0xC000

#define SHORT_NEGATIVE		0x2000
#define SHORT_WEIGHT_SIGN	0x0040
#define SHORT_WEIGHT_MASK	0x003F

#define SPECIAL_POSITIVE_INFINITY	0xD000
#define SPECIAL_NEGATIVE_INFINITY	0xF000

#define BASE			10000
#define DECIMALS		4

/* Whole numbers up to here are exact in double precision. */
#define EXACT_LIMIT		(UINT64CONST(1) << 53)

static const double exact_power[] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

PG_FUNCTION_INFO_V1(pulse_numeric_decode);

/* Asks the server's cast, for the rare numbers that have no short way. */
static double
slow_decode(Datum numeric)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, numeric));
}

/*
 * Returns m / 10^k for 2^53 < m < 2^64 and 0 < k <= 18: the quotient keeps at
 * least 57 bits, and a bit for the remainder makes the one rounding right.
 */
static double
divide_rounded(uint64 m, int k)
{
	unsigned __int128 dividend = (unsigned __int128) m << 64;
	uint64		divisor = 1;
	unsigned __int128 quotient;
	bool		sticky;
	int			shift = 0;

	for (int i = 0; i < k; i++)
		divisor *= 10;
	quotient = dividend / divisor;
	sticky = dividend % divisor != 0;
	while (quotient >> 64)
	{
		int			step = quotient >> 96 ? 32 : 8;

		sticky |= (quotient & (((unsigned __int128) 1 << step) - 1)) != 0;
		quotient >>= step;
		shift += step;
	}
	/* a shift by whole bytes leaves at least 56 bits, three more than a double holds */
	return ldexp((double) ((uint64) quotient | sticky), shift - 64);
}

/* A numeric taken apart: value = sum of its digits * 10000^(weight - i). */
typedef struct NumericParts
{
	uint16		special;		/* 0: none of NaN and the infinities */
	bool		negative;
	int16		weight;
	int			n_digits;
	const char *digits;			/* int16 each, not aligned */
} NumericParts;

/* Takes a numeric apart that is not compressed. */
static inline void
take_apart(const struct varlena *packed, NumericParts *parts)
{
	const char *data = VARDATA_ANY(packed);
	int			size = VARSIZE_ANY_EXHDR(packed);
	uint16		header;

	memcpy(&header, data, sizeof(header));
	data += sizeof(header);
	size -= sizeof(header);
	parts->special = 0;
	if ((header & SIGN_MASK) == SIGN_SPECIAL)
	{
		parts->special = header;
		return;
	}
	if ((header & SIGN_MASK) == SIGN_SHORT)
	{
		parts->negative = (header & SHORT_NEGATIVE) != 0;
		parts->weight = (int16) (header & SHORT_WEIGHT_MASK);
		if (header & SHORT_WEIGHT_SIGN)
			parts->weight |= ~SHORT_WEIGHT_MASK;
	}
	else
	{
		parts->negative = (header & SIGN_MASK) == SIGN_NEGATIVE;
		memcpy(&parts->weight, data, sizeof(parts->weight));
		data += sizeof(parts->weight);
		size -= sizeof(parts->weight);
	}
	parts->n_digits = size / (int) sizeof(int16);
	parts->digits = data;
}

/* Returns a numeric as the nearest double precision number, like its cast. */
double
pulse_numeric_to_double(Datum numeric)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(numeric);
	NumericParts parts;
	int			exponent;
	uint64		m = 0;
	double		result;

	take_apart(packed, &parts);
	if (parts.special == SPECIAL_POSITIVE_INFINITY)
		return get_float8_infinity();
	if (parts.special == SPECIAL_NEGATIVE_INFINITY)
		return -get_float8_infinity();
	if (parts.special != 0)
		return get_float8_nan();
	if (parts.n_digits > 5)
		return slow_decode(PointerGetDatum(packed));

	for (int i = 0; i < parts.n_digits; i++)
	{
		int16		digit;

		memcpy(&digit, parts.digits + i * sizeof(digit), sizeof(digit));
		if (m > (PG_UINT64_MAX - BASE) / BASE)
			return slow_decode(PointerGetDatum(packed));
		m = m * BASE + (uint64) digit;
	}
	exponent = DECIMALS * (parts.weight - parts.n_digits + 1);

	/* both operands exact: IEEE division and multiplication round once */
	if (m == 0)
		return 0.0;
	if (m <= EXACT_LIMIT && exponent <= 0 && exponent >= -22)
		result = (double) m / exact_power[-exponent];
	else if (m <= EXACT_LIMIT && exponent > 0 && exponent <= 22)
		result = (double) m * exact_power[exponent];
	else if (exponent == 0)
		result = (double) m;
	else if (exponent < 0 && exponent >= -18)
		result = divide_rounded(m, -exponent);
	else
		return slow_decode(PointerGetDatum(packed));
	return parts.negative ? -result : result;
}

/* Takes a numeric as a whole number over a power of ten; false when it has too many digits for that. */
bool
pulse_numeric_to_amount(Datum numeric, pulse_amount *amount)
{
	NumericParts parts;
	__int128	m = 0;
	int			exponent;

	take_apart(PG_DETOAST_DATUM_PACKED(numeric), &parts);
	*amount = (pulse_amount) {0};
	if (parts.special != 0)
	{
		amount->kind = parts.special == SPECIAL_POSITIVE_INFINITY ? PULSE_AMOUNT_INFINITY :
			parts.special == SPECIAL_NEGATIVE_INFINITY ? PULSE_AMOUNT_MINUS_INFINITY : PULSE_AMOUNT_NAN;
		return true;
	}
	if (parts.n_digits == 0)
		return true;
	exponent = DECIMALS * (parts.weight - parts.n_digits + 1);
	if (parts.n_digits > PULSE_AMOUNT_MAX_SCALE / DECIMALS + 1 || exponent < -PULSE_AMOUNT_MAX_SCALE || exponent > PULSE_AMOUNT_MAX_SCALE)
		return false;
	for (int i = 0; i < parts.n_digits; i++)
	{
		int16		digit;

		memcpy(&digit, parts.digits + i * sizeof(digit), sizeof(digit));
		if (__builtin_mul_overflow(m, (__int128) BASE, &m) || __builtin_add_overflow(m, (__int128) digit, &m))
			return false;
	}
	for (; exponent > 0; exponent -= DECIMALS)
		if (__builtin_mul_overflow(m, (__int128) BASE, &m))
			return false;
	amount->units = parts.negative ? -m : m;
	amount->scale = (uint8) -exponent;
	return true;
}

/* Makes a numeric of an amount. */
Datum
pulse_amount_to_numeric(const pulse_amount *amount)
{
	char		text[PULSE_AMOUNT_TEXT_SIZE];

	if (amount->kind == PULSE_AMOUNT_FINITE && amount->units >= PG_INT64_MIN && amount->units <= PG_INT64_MAX)
		return NumericGetDatum(int64_div_fast_to_numeric((int64) amount->units, amount->scale));
	(void) pulse_amount_to_text(amount, text);
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* Exposes the decoder to SQL, for comparison with the cast. */
Datum
pulse_numeric_decode(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(pulse_numeric_to_double(PG_GETARG_DATUM(0)));
}
