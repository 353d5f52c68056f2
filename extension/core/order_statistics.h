/*
 * A multiset of numbers that answers for order statistics and sums of the
 * smallest, each in logarithmic time.
 */
#ifndef PULSE_CORE_ORDER_STATISTICS_H
#define PULSE_CORE_ORDER_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "core/memory.h"

typedef struct pulse_order_node
{
	double		value;
	double		sum;			/* of the subtree */
	uint32_t	left;			/* 0: none */
	uint32_t	right;
	uint32_t	count;			/* of the subtree */
	uint32_t	priority;
} pulse_order_node;

typedef struct pulse_order_statistics
{
	pulse_memory memory;
	pulse_order_node *nodes;	/* nodes[0] stands for none */
	uint32_t	used;
	uint32_t	capacity;
	uint32_t	free;			/* removed nodes, linked by left */
	uint32_t	root;
	uint64_t	random;
} pulse_order_statistics;

extern void pulse_order_statistics_begin(pulse_order_statistics *s, pulse_memory memory);
extern void pulse_order_statistics_add(pulse_order_statistics *s, double value);
extern void pulse_order_statistics_remove(pulse_order_statistics *s, double value);
extern size_t pulse_order_statistics_count(const pulse_order_statistics *s);
extern double pulse_order_statistics_quantile(const pulse_order_statistics *s, double p);
extern double pulse_order_statistics_tail_mean(const pulse_order_statistics *s, double limit);

#endif							/* PULSE_CORE_ORDER_STATISTICS_H */
