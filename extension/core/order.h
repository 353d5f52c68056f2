/*
 * Stable ordering of observations by time.
 */
#ifndef PULSE_CORE_ORDER_H
#define PULSE_CORE_ORDER_H

#include <stddef.h>
#include <stdint.h>

typedef struct pulse_order_entry
{
	int64_t		ts;
	uint64_t	position;		/* of the observation in insertion order */
} pulse_order_entry;

extern pulse_order_entry *pulse_order_sort(pulse_order_entry *entries, pulse_order_entry *scratch, size_t n);

#endif							/* PULSE_CORE_ORDER_H */
