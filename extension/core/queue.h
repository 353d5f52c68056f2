/*
 * A queue that knows the combination of everything in it: what a sliding
 * window needs.
 */
#ifndef PULSE_CORE_QUEUE_H
#define PULSE_CORE_QUEUE_H

#include <stddef.h>

#include "core/memory.h"

/* How values are combined; an element stands for a run of consecutive values. */
typedef struct pulse_queue_type
{
	size_t		value_size;
	size_t		element_size;
	/* makes the element of no value; origin is the queue's */
	void		(*clear) (void *element, const void *origin);
	/* takes a value newer than all in the element */
	void		(*append) (void *element, const void *value);
	/* takes a value older than all in the element */
	void		(*prepend) (void *element, const void *value);
	/* takes an element whose values are all newer */
	void		(*merge) (void *element, const void *newer);
} pulse_queue_type;

typedef struct pulse_queue
{
	const pulse_queue_type *type;
	const void *origin;
	pulse_memory memory;
	char	   *values;			/* ring of count values, the oldest at head */
	size_t		capacity;		/* power of two */
	size_t		head;
	size_t		count;
	char	   *front;			/* elements of the oldest values: the last one stands for all of them */
	size_t		front_count;
	size_t		front_capacity;
	char	   *back;			/* element of the other values */
} pulse_queue;

extern void pulse_queue_begin(pulse_queue *q, const pulse_queue_type *type, const void *origin, pulse_memory memory);
extern void pulse_queue_push(pulse_queue *q, const void *value);
extern void pulse_queue_pop(pulse_queue *q);
extern const void *pulse_queue_oldest(const pulse_queue *q);
extern const void *pulse_queue_value(const pulse_queue *q, size_t i);
extern void pulse_queue_result(const pulse_queue *q, void *element);

#endif							/* PULSE_CORE_QUEUE_H */
