/*
 * Exact decimals. Limbs of 32 bits keep every step inside uint64_t on any compiler; amounts of
 * money use two or three of the eight, and loops run over the limbs in use only.
 */
#include "core/decimal.h"

#include <string.h>

#define WIDE_LIMBS (2 * DECIMAL_LIMBS + 9)	/* a product of two, scaled by up to 10^76 */

static const uint32_t power_of_ten[10] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000
};

/* Multiplies a magnitude by a small factor and adds to it; false when it outgrows its room. */
static bool
scale_magnitude(uint32_t *limb, int *used, int room, uint32_t factor, uint32_t addend)
{
	uint64_t	carry = addend;

	for (int i = 0; i < *used; i++)
	{
		carry += (uint64_t) limb[i] * factor;
		limb[i] = (uint32_t) carry;
		carry >>= 32;
	}
	if (carry == 0)
		return true;
	if (*used == room)
		return false;
	limb[(*used)++] = (uint32_t) carry;
	return true;
}

/* Divides a magnitude by a small divisor in place and returns the remainder. */
static uint32_t
divide_small(uint32_t *limb, int *used, uint32_t divisor)
{
	uint64_t	remainder = 0;

	for (int i = *used - 1; i >= 0; i--)
	{
		remainder = (remainder << 32) | limb[i];
		limb[i] = (uint32_t) (remainder / divisor);
		remainder %= divisor;
	}
	while (*used > 0 && limb[*used - 1] == 0)
		(*used)--;
	return (uint32_t) remainder;
}

/* Multiplies a magnitude by 10^exponent; false when it outgrows its room. */
static bool
multiply_by_power(uint32_t *limb, int *used, int room, int exponent)
{
	while (exponent > 0)
	{
		int			step = exponent > 9 ? 9 : exponent;

		if (!scale_magnitude(limb, used, room, power_of_ten[step], 0))
			return false;
		exponent -= step;
	}
	return true;
}

/* Compares two magnitudes. */
static int
compare_magnitudes(const uint32_t *a, int a_used, const uint32_t *b, int b_used)
{
	if (a_used != b_used)
		return a_used < b_used ? -1 : 1;
	for (int i = a_used - 1; i >= 0; i--)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

/* Multiplies two magnitudes into a third with room for all limbs. */
static int
multiply_magnitudes(const uint32_t *a, int a_used, const uint32_t *b, int b_used, uint32_t *result)
{
	int			used = a_used + b_used;

	memset(result, 0, sizeof(uint32_t) * (size_t) used);
	for (int i = 0; i < a_used; i++)
	{
		uint64_t	carry = 0;

		for (int j = 0; j < b_used; j++)
		{
			carry += (uint64_t) a[i] * b[j] + result[i + j];
			result[i + j] = (uint32_t) carry;
			carry >>= 32;
		}
		result[i + b_used] = (uint32_t) carry;
	}
	while (used > 0 && result[used - 1] == 0)
		used--;
	return used;
}

/*
 * Divides a magnitude in place by another of at least two limbs (Knuth, volume 2, algorithm D);
 * the quotient goes to its own array, the remainder stays in the numerator. Returns the
 * quotient's length. The numerator needs one limb of room above n_used.
 */
static int
divide_magnitudes(uint32_t *n, int n_used, const uint32_t *d, int d_used, uint32_t *quotient)
{
	uint32_t	divisor[WIDE_LIMBS];
	int			shift = __builtin_clz(d[d_used - 1]);
	int			q_used = n_used - d_used + 1;

	if (q_used < 1)
		return 0;
	for (int i = d_used - 1; i >= 0; i--)
		divisor[i] = (d[i] << shift) | (shift > 0 && i > 0 ? d[i - 1] >> (32 - shift) : 0);
	n[n_used] = shift > 0 ? n[n_used - 1] >> (32 - shift) : 0;
	for (int i = n_used - 1; i >= 0; i--)
		n[i] = (n[i] << shift) | (shift > 0 && i > 0 ? n[i - 1] >> (32 - shift) : 0);

	for (int j = q_used - 1; j >= 0; j--)
	{
		uint64_t	head = ((uint64_t) n[j + d_used] << 32) | n[j + d_used - 1];
		uint64_t	guess = head / divisor[d_used - 1];
		uint64_t	rest = head % divisor[d_used - 1];
		uint64_t	borrow = 0;
		uint64_t	carry = 0;

		while (guess > UINT32_MAX || guess * divisor[d_used - 2] > ((rest << 32) | n[j + d_used - 2]))
		{
			guess--;
			rest += divisor[d_used - 1];
			if (rest > UINT32_MAX)
				break;
		}
		for (int i = 0; i < d_used; i++)
		{
			uint64_t	difference;

			carry += guess * divisor[i];
			difference = (uint64_t) n[i + j] - (uint32_t) carry - borrow;
			n[i + j] = (uint32_t) difference;
			borrow = (difference >> 32) & 1;
			carry >>= 32;
		}
		carry = (uint64_t) n[j + d_used] - carry - borrow;
		n[j + d_used] = (uint32_t) carry;
		if ((carry >> 32) != 0)
		{
			/* The guess was one too high: give one divisor back. */
			guess--;
			carry = 0;
			for (int i = 0; i < d_used; i++)
			{
				carry += (uint64_t) n[i + j] + divisor[i];
				n[i + j] = (uint32_t) carry;
				carry >>= 32;
			}
			n[j + d_used] += (uint32_t) carry;
		}
		quotient[j] = (uint32_t) guess;
	}
	for (int i = 0; i < d_used; i++)
		n[i] = (n[i] >> shift) | (shift > 0 ? (uint32_t) ((uint64_t) n[i + 1] << (32 - shift)) : 0);
	while (q_used > 0 && quotient[q_used - 1] == 0)
		q_used--;
	return q_used;
}

/* Takes a wide magnitude over as the value of a decimal; false when it is too long. */
static bool
store(const uint32_t *limb, int used, bool negative, int scale, decimal *result)
{
	if (used > DECIMAL_LIMBS || scale > DECIMAL_MAX_SCALE)
		return false;
	memcpy(result->limb, limb, sizeof(uint32_t) * (size_t) used);
	result->used = (uint8_t) used;
	result->negative = negative && used > 0;
	result->scale = (int16_t) scale;
	return true;
}

/* Returns a whole number as a decimal. */
decimal
decimal_from_int64(int64_t value)
{
	decimal		result = {.negative = value < 0};
	uint64_t	magnitude = value < 0 ? 0 - (uint64_t) value : (uint64_t) value;

	while (magnitude > 0)
	{
		result.limb[result.used++] = (uint32_t) magnitude;
		magnitude >>= 32;
	}
	return result;
}

/* Reads [-]digits[.digits]; false when the text is something else or has too many digits. */
bool
decimal_from_text(const char *text, decimal *result)
{
	uint32_t	limb[DECIMAL_LIMBS] = {0};
	int			used = 0;
	int			scale = 0;
	int			digits = 0;
	bool		point = false;
	bool		negative = *text == '-';

	for (text += negative ? 1 : 0; *text != '\0'; text++)
	{
		if (*text == '.' && !point)
		{
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9' ||
			!scale_magnitude(limb, &used, DECIMAL_LIMBS, 10, (uint32_t) (*text - '0')))
			return false;
		digits++;
		scale += point ? 1 : 0;
	}
	return digits > 0 && store(limb, used, negative, scale, result);
}

/* Writes the text form, at most DECIMAL_TEXT_SIZE bytes with the terminator, and returns its length. */
size_t
decimal_to_text(const decimal *value, char *text)
{
	decimal		rest = *value;
	char		reversed[DECIMAL_TEXT_SIZE];
	int			used = rest.used;
	int			digits = 0;
	size_t		written = 0;

	/* at least one digit before the point */
	while (used > 0 || digits <= value->scale)
		reversed[digits++] = (char) ('0' + divide_small(rest.limb, &used, 10));
	if (value->negative)
		text[written++] = '-';
	while (digits > 0)
	{
		text[written++] = reversed[--digits];
		if (digits == value->scale && digits > 0)
			text[written++] = '.';
	}
	text[written] = '\0';
	return written;
}

/* Returns the nearest double, or one next to it: for ratios and charts, never for money. */
double
decimal_to_double(const decimal *value)
{
	double		result = 0;
	int			scale = value->scale;

	for (int i = value->used - 1; i >= 0; i--)
		result = result * 4294967296.0 + value->limb[i];
	while (scale > 0)
	{
		int			step = scale > 9 ? 9 : scale;

		result /= power_of_ten[step];
		scale -= step;
	}
	return value->negative ? -result : result;
}

/* Reads digits to the base of 10,000, the most significant first; false when there are too many. */
bool
decimal_from_digits(const int16_t *digit, int count, int weight, bool negative, decimal *result)
{
	uint32_t	limb[DECIMAL_LIMBS] = {0};
	int			used = 0;
	int			groups_after_point;
	int			spare = 0;

	while (count > 0 && digit[count - 1] == 0)
		count--;
	if (count == 0)
		return store(limb, 0, false, 0, result);
	groups_after_point = count - 1 - weight;
	if (groups_after_point > 0)
	{
		/* The last group need not be four digits long: 0.1 is the digit 1000. */
		uint32_t	last = (uint32_t) digit[count - 1];

		while (last % 10 == 0)
		{
			last /= 10;
			spare++;
		}
		if (groups_after_point * 4 - spare > DECIMAL_MAX_SCALE)
			return false;
		for (int i = 0; i < count - 1; i++)
			if (!scale_magnitude(limb, &used, DECIMAL_LIMBS, 10000, (uint32_t) digit[i]))
				return false;
		if (!scale_magnitude(limb, &used, DECIMAL_LIMBS, power_of_ten[4 - spare], last))
			return false;
		return store(limb, used, negative, groups_after_point * 4 - spare, result);
	}
	for (int i = 0; i < count; i++)
		if (!scale_magnitude(limb, &used, DECIMAL_LIMBS, 10000, (uint32_t) digit[i]))
			return false;
	for (; groups_after_point < 0; groups_after_point++)
		if (!scale_magnitude(limb, &used, DECIMAL_LIMBS, 10000, 0))
			return false;
	return store(limb, used, negative, 0, result);
}

/*
 * Writes digits to the base of 10,000, the most significant first without leading or trailing
 * zeros, and returns how many there are, or -1 when they do not fit.
 */
int
decimal_to_digits(const decimal *value, int16_t *digit, int capacity, int *weight)
{
	decimal		rest = *value;
	int			used = rest.used;
	int16_t		reversed[48];
	int			count = 0;
	int			skipped = 0;
	int			fraction = (rest.scale + 3) / 4 * 4;

	*weight = 0;
	if (used == 0)
		return 0;
	/* Bring the point to a border between groups; limbs of room are left, or the value is too long. */
	{
		uint32_t	limb[DECIMAL_LIMBS + 1];

		memcpy(limb, rest.limb, sizeof(rest.limb));
		if (!scale_magnitude(limb, &used, DECIMAL_LIMBS + 1, power_of_ten[fraction - rest.scale], 0))
			return -1;
		while (used > 0)
		{
			uint32_t	group = divide_small(limb, &used, 10000);

			if (count == 0 && group == 0)
			{
				skipped++;
				continue;
			}
			reversed[count++] = (int16_t) group;
		}
	}
	if (count > capacity)
		return -1;
	for (int i = 0; i < count; i++)
		digit[i] = reversed[count - 1 - i];
	*weight = count + skipped - 1 - fraction / 4;
	return count;
}

/* Adds b, with the given sign, to a. */
static bool
add_signed(const decimal *a, const decimal *b, bool b_negative, decimal *result)
{
	decimal		scaled;
	int			used;

	if (a->scale != b->scale)
	{
		/* Bring the one with fewer decimals to the scale of the other. */
		bool		scale_a = a->scale < b->scale;

		scaled = scale_a ? *a : *b;
		used = scaled.used;
		if (!multiply_by_power(scaled.limb, &used, DECIMAL_LIMBS,
							   (scale_a ? b->scale : a->scale) - scaled.scale))
			return false;
		scaled.used = (uint8_t) used;
		scaled.scale = scale_a ? b->scale : a->scale;
		if (scale_a)
			a = &scaled;
		else
			b = &scaled;
	}

	if (a->negative == b_negative)
	{
		const decimal *longer = a->used >= b->used ? a : b;
		const decimal *shorter = longer == a ? b : a;
		decimal		sum = *longer;
		uint64_t	carry = 0;

		for (int i = 0; i < longer->used; i++)
		{
			carry += (uint64_t) longer->limb[i] + (i < shorter->used ? shorter->limb[i] : 0);
			sum.limb[i] = (uint32_t) carry;
			carry >>= 32;
		}
		if (carry > 0)
		{
			if (sum.used == DECIMAL_LIMBS)
				return false;
			sum.limb[sum.used++] = (uint32_t) carry;
		}
		sum.negative = b_negative && sum.used > 0;
		*result = sum;
	}
	else
	{
		int			order = compare_magnitudes(a->limb, a->used, b->limb, b->used);
		const decimal *larger = order >= 0 ? a : b;
		const decimal *smaller = order >= 0 ? b : a;
		decimal		difference = *larger;
		uint64_t	borrow = 0;

		for (int i = 0; i < larger->used; i++)
		{
			uint64_t	step = (uint64_t) larger->limb[i] - (i < smaller->used ? smaller->limb[i] : 0) - borrow;

			difference.limb[i] = (uint32_t) step;
			borrow = (step >> 32) & 1;
		}
		while (difference.used > 0 && difference.limb[difference.used - 1] == 0)
			difference.used--;
		difference.negative = difference.used > 0 && (order >= 0 ? a->negative : b_negative);
		*result = difference;
	}
	return true;
}

/* Computes a + b. */
bool
decimal_add(const decimal *a, const decimal *b, decimal *result)
{
	return add_signed(a, b, b->negative, result);
}

/* Computes a - b. */
bool
decimal_subtract(const decimal *a, const decimal *b, decimal *result)
{
	return add_signed(a, b, !b->negative, result);
}

/* Computes a * b. */
bool
decimal_multiply(const decimal *a, const decimal *b, decimal *result)
{
	uint32_t	wide[2 * DECIMAL_LIMBS];
	int			used = multiply_magnitudes(a->limb, a->used, b->limb, b->used, wide);

	return store(wide, used, a->negative != b->negative, a->scale + b->scale, result);
}

/* Divides a wide magnitude and rounds the quotient half to even; its length goes to q_used. */
static void
divide_half_even(uint32_t *n, int n_used, const uint32_t *d, int d_used, uint32_t *quotient, int *q_used)
{
	int			order;

	if (d_used == 1)
	{
		uint32_t	remainder;

		memcpy(quotient, n, sizeof(uint32_t) * (size_t) n_used);
		*q_used = n_used;
		remainder = divide_small(quotient, q_used, d[0]);
		order = (uint64_t) remainder * 2 == d[0] ? 0 : ((uint64_t) remainder * 2 < d[0] ? -1 : 1);
	}
	else
	{
		int			r_used = d_used;

		*q_used = divide_magnitudes(n, n_used, d, d_used, quotient);
		if (*q_used == 0 && n_used < d_used)
			r_used = n_used;
		while (r_used > 0 && n[r_used - 1] == 0)
			r_used--;
		/* Twice the remainder against the divisor; a remainder below the divisor leaves room for the bit. */
		n[r_used] = 0;
		if (r_used > 0 && scale_magnitude(n, &r_used, r_used + 1, 2, 0))
			order = compare_magnitudes(n, r_used, d, d_used);
		else
			order = -1;
	}
	if (order > 0 || (order == 0 && *q_used > 0 && (quotient[0] & 1)))
	{
		int			i = 0;

		while (i < *q_used && ++quotient[i] == 0)
			i++;
		if (i == *q_used)
			quotient[(*q_used)++] = 1;
	}
}

/*
 * Computes amount * part / whole, rounded half to even to a number of decimals; the product
 * in between is exact. False when whole is zero or the result has too many digits.
 */
bool
decimal_share(const decimal *amount, const decimal *part, const decimal *whole, int scale, decimal *result)
{
	uint32_t	numerator[WIDE_LIMBS + 1];
	uint32_t	denominator[WIDE_LIMBS + 1];
	uint32_t	quotient[WIDE_LIMBS + 1];
	int			n_used = multiply_magnitudes(amount->limb, amount->used, part->limb, part->used, numerator);
	int			d_used = whole->used;
	int			q_used;
	int			shift = scale - amount->scale - part->scale + whole->scale;

	if (whole->used == 0 || scale < 0 || scale > DECIMAL_MAX_SCALE)
		return false;
	memcpy(denominator, whole->limb, sizeof(uint32_t) * (size_t) d_used);
	if (shift >= 0 ? !multiply_by_power(numerator, &n_used, WIDE_LIMBS - 1, shift)
		: !multiply_by_power(denominator, &d_used, WIDE_LIMBS - 1, -shift))
		return false;
	divide_half_even(numerator, n_used, denominator, d_used, quotient, &q_used);
	return store(quotient, q_used, (amount->negative != part->negative) != whole->negative, scale, result);
}

/* Drops zeros at the end of the decimals. */
void
decimal_trim(decimal *value)
{
	int			step = 4;

	if (value->used == 0)
		value->scale = 0;
	while (value->scale > 0)
	{
		decimal		shorter = *value;
		int			used = value->used;

		if (step > value->scale)
			step = 1;
		if (divide_small(shorter.limb, &used, power_of_ten[step]) != 0)
		{
			if (step == 1)
				break;
			step = 1;
			continue;
		}
		shorter.used = (uint8_t) used;
		shorter.scale = (int16_t) (value->scale - step);
		*value = shorter;
	}
}

/* Returns the value with the other sign. */
decimal
decimal_negate(decimal value)
{
	value.negative = value.used > 0 && !value.negative;
	return value;
}

/* Returns the value without its sign. */
decimal
decimal_absolute(decimal value)
{
	value.negative = false;
	return value;
}

/* Compares two values: -1, 0 or 1. */
int
decimal_compare(const decimal *a, const decimal *b)
{
	uint32_t	wide_a[WIDE_LIMBS];
	uint32_t	wide_b[WIDE_LIMBS];
	int			used_a = a->used;
	int			used_b = b->used;
	int			order;

	if (decimal_sign(a) != decimal_sign(b))
		return decimal_sign(a) < decimal_sign(b) ? -1 : 1;
	memcpy(wide_a, a->limb, sizeof(a->limb));
	memcpy(wide_b, b->limb, sizeof(b->limb));
	/* 8 limbs and 10^76 fit the wide room, so neither can fail */
	if (a->scale < b->scale)
		(void) multiply_by_power(wide_a, &used_a, WIDE_LIMBS, b->scale - a->scale);
	else if (b->scale < a->scale)
		(void) multiply_by_power(wide_b, &used_b, WIDE_LIMBS, a->scale - b->scale);
	order = compare_magnitudes(wide_a, used_a, wide_b, used_b);
	return a->negative ? -order : order;
}
