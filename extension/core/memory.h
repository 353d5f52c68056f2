/*
 * How a core gets memory: from whoever calls it.
 */
#ifndef PULSE_CORE_MEMORY_H
#define PULSE_CORE_MEMORY_H

#include <stddef.h>

typedef struct pulse_memory
{
	/* like realloc(), frees for size 0; does not return when there is no memory */
	void	   *(*resize) (void *context, void *block, size_t size);
	void	   *context;
} pulse_memory;

#endif							/* PULSE_CORE_MEMORY_H */
