/*
 * Two stacks make a queue: newer values are combined into one element as they
 * come, older ones have an element for every suffix, so removing the oldest
 * is taking one element off. When the old ones are used up the others become
 * old, which happens once to each value. Nothing is ever subtracted, so an
 * outlier that left the window leaves no trace.
 */
#include "core/queue.h"

#include <string.h>

#define FIRST_CAPACITY 16

/* Prepares an empty queue; origin is handed to the type and must outlive the queue. */
void
pulse_queue_begin(pulse_queue *q, const pulse_queue_type *type, const void *origin, pulse_memory memory)
{
	*q = (pulse_queue) {.type = type, .origin = origin, .memory = memory, .capacity = FIRST_CAPACITY};
	q->values = memory.resize(memory.context, NULL, FIRST_CAPACITY * type->value_size);
	q->back = memory.resize(memory.context, NULL, type->element_size);
	type->clear(q->back, origin);
}

/* Returns the i-th value, 0 being the oldest. */
const void *
pulse_queue_value(const pulse_queue *q, size_t i)
{
	return q->values + ((q->head + i) & (q->capacity - 1)) * q->type->value_size;
}

/* Returns the oldest value; the queue must not be empty. */
const void *
pulse_queue_oldest(const pulse_queue *q)
{
	return pulse_queue_value(q, 0);
}

static void
grow(pulse_queue *q)
{
	size_t		size = q->type->value_size;

	q->values = q->memory.resize(q->memory.context, q->values, q->capacity * 2 * size);
	/* what had wrapped around comes after the rest again */
	memcpy(q->values + q->capacity * size, q->values, q->head * size);
	q->capacity *= 2;
}

/* Adds a value. */
void
pulse_queue_push(pulse_queue *q, const void *value)
{
	size_t		size = q->type->value_size;

	if (q->count == q->capacity)
		grow(q);
	/* nearly all windows hold single numbers: a copy of fixed size needs no call */
	if (size == sizeof(double))
		memcpy(q->values + ((q->head + q->count) & (q->capacity - 1)) * sizeof(double), value, sizeof(double));
	else
		memcpy(q->values + ((q->head + q->count) & (q->capacity - 1)) * size, value, size);
	q->count++;
	q->type->append(q->back, value);
}

/* Makes all values old ones. */
static void
turn_over(pulse_queue *q)
{
	size_t		size = q->type->element_size;

	if (q->front_capacity < q->count)
	{
		q->front_capacity = q->capacity;
		q->front = q->memory.resize(q->memory.context, q->front, q->front_capacity * size);
	}
	for (size_t i = 0; i < q->count; i++)
	{
		char	   *element = q->front + i * size;

		if (i == 0)
			q->type->clear(element, q->origin);
		else
			memcpy(element, element - size, size);
		q->type->prepend(element, pulse_queue_value(q, q->count - 1 - i));
	}
	q->front_count = q->count;
	q->type->clear(q->back, q->origin);
}

/* Removes the oldest value; the queue must not be empty. */
void
pulse_queue_pop(pulse_queue *q)
{
	if (q->front_count == 0)
		turn_over(q);
	q->front_count--;
	q->head = (q->head + 1) & (q->capacity - 1);
	q->count--;
}

/* Stores the element of everything in the queue. */
void
pulse_queue_result(const pulse_queue *q, void *element)
{
	size_t		size = q->type->element_size;

	if (q->front_count == 0)
	{
		memcpy(element, q->back, size);
		return;
	}
	memcpy(element, q->front + (q->front_count - 1) * size, size);
	if (q->count > q->front_count)
		q->type->merge(element, q->back);
}
