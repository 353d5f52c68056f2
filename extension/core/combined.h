/*
 * The sum of several curves: at every instant the newest value of each, one that joins bringing its value as a deposit.
 *
 * Sums are exact. Amounts are whole numbers of up to 38 digits over a power of ten; what does not fit is told, so that
 * no sum is ever silently wrong.
 */
#ifndef PULSE_CORE_COMBINED_H
#define PULSE_CORE_COMBINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"

/* Aligned as what a server's allocator returns. */
typedef __int128 pulse_units __attribute__((aligned(8)));

#define PULSE_AMOUNT_MAX_SCALE 38	/* digits after the point */
#define PULSE_AMOUNT_TEXT_SIZE 48	/* longest text form, with its terminator */

typedef enum pulse_amount_kind
{
	PULSE_AMOUNT_FINITE,
	PULSE_AMOUNT_NAN,
	PULSE_AMOUNT_INFINITY,
	PULSE_AMOUNT_MINUS_INFINITY
} pulse_amount_kind;

typedef struct pulse_amount
{
	pulse_units units;			/* value = units / 10^scale */
	uint8_t		scale;
	uint8_t		kind;			/* pulse_amount_kind; units count for finite ones only */
} pulse_amount;

/* An observation of one curve: a value, or the flow that came with the value after it. */
typedef struct pulse_combined_row
{
	pulse_units units;
	int64_t		ts;
	uint32_t	series;			/* which curve, counted from 0 */
	uint8_t		scale;
	uint8_t		kind;
	bool		is_flow;
} pulse_combined_row;

typedef struct pulse_combined_total
{
	pulse_units units;
	uint8_t		special;		/* bits of the kinds that went into it */
} pulse_combined_total;

typedef struct pulse_combined_series
{
	pulse_units last;
	uint8_t		kind;
	bool		joined;
} pulse_combined_series;

typedef struct pulse_combined
{
	pulse_memory memory;
	uint8_t		scale;			/* of all units below */
	pulse_combined_total value;
	pulse_combined_total flow;	/* of the instant */
	pulse_combined_series *series;
	uint32_t	allocated;
} pulse_combined;

extern void pulse_combined_begin(pulse_combined *c, pulse_memory memory);
extern bool pulse_combined_add(pulse_combined *c, const pulse_combined_row *row);
extern void pulse_combined_instant(pulse_combined *c, pulse_amount *value, pulse_amount *flow);

extern double pulse_amount_to_double(const pulse_amount *amount);
extern size_t pulse_amount_to_text(const pulse_amount *amount, char *text);

#endif							/* PULSE_CORE_COMBINED_H */
