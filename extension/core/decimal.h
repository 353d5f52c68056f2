/*
 * Exact decimal numbers of bounded size: an integer of up to 256 bits over a power of ten.
 *
 * Sums and products are exact or fail; only decimal_share rounds, half to even.
 * Every function that can run out of digits returns false then and leaves its result unspecified,
 * so that no sum of money is ever silently wrong.
 */
#ifndef PULSE_DECIMAL_H
#define PULSE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_LIMBS 8			/* 32 bits each: at least 76 digits */
#define DECIMAL_MAX_SCALE 76	/* digits after the point */
#define DECIMAL_TEXT_SIZE 160	/* longest text form, with its terminator */

typedef struct decimal
{
	uint32_t	limb[DECIMAL_LIMBS];	/* magnitude, least significant first */
	uint8_t		used;			/* limbs in use; the highest one is not zero */
	bool		negative;		/* never set for zero */
	int16_t		scale;			/* value = magnitude / 10^scale, 0 <= scale */
} decimal;

extern decimal decimal_from_int64(int64_t value);
extern bool decimal_from_text(const char *text, decimal *result);
extern size_t decimal_to_text(const decimal *value, char *text);
extern double decimal_to_double(const decimal *value);

/* base 10,000 digits as PostgreSQL sends them: value = sum of digit[i] * 10000^(weight - i) */
extern bool decimal_from_digits(const int16_t *digit, int count, int weight, bool negative, decimal *result);
extern int	decimal_to_digits(const decimal *value, int16_t *digit, int capacity, int *weight);

extern bool decimal_add(const decimal *a, const decimal *b, decimal *result);
extern bool decimal_subtract(const decimal *a, const decimal *b, decimal *result);
extern bool decimal_multiply(const decimal *a, const decimal *b, decimal *result);
extern bool decimal_share(const decimal *amount, const decimal *part, const decimal *whole, int scale, decimal *result);
extern void decimal_trim(decimal *value);
extern decimal decimal_negate(decimal value);
extern decimal decimal_absolute(decimal value);
extern int	decimal_compare(const decimal *a, const decimal *b);

/* Returns -1, 0 or 1. */
static inline int
decimal_sign(const decimal *value)
{
	return value->used == 0 ? 0 : (value->negative ? -1 : 1);
}

#endif							/* PULSE_DECIMAL_H */
