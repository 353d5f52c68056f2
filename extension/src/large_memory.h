/*
 * Memory for columns of many rows.
 */
#ifndef PULSE_LARGE_MEMORY_H
#define PULSE_LARGE_MEMORY_H

#include "postgres.h"

extern void *pulse_large_alloc(MemoryContext context, size_t size);
extern void *pulse_large_realloc(void *block, size_t size);

#endif							/* PULSE_LARGE_MEMORY_H */
