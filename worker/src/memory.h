#ifndef PULSE_MEMORY_H
#define PULSE_MEMORY_H

#include <stddef.h>

/* Allocation that never returns NULL: a daemon that is out of memory logs it and leaves; its state is in the database. */
extern void *memory_alloc(size_t size);
extern void *memory_alloc_zero(size_t size);
extern void *memory_resize(void *block, size_t size);
extern char *memory_string(const char *string);
extern char *memory_string_n(const char *string, size_t length);

#endif
