#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
checked(void *block)
{
	if (block == NULL)
	{
		fputs("pulse-worker: out of memory\n", stderr);
		abort();
	}
	return block;
}

/* Allocates size bytes of undefined content. */
void *
memory_alloc(size_t size)
{
	return checked(malloc(size > 0 ? size : 1));
}

/* Allocates size bytes of zeros. */
void *
memory_alloc_zero(size_t size)
{
	return checked(calloc(1, size > 0 ? size : 1));
}

/* Resizes a block as realloc does. */
void *
memory_resize(void *block, size_t size)
{
	return checked(realloc(block, size > 0 ? size : 1));
}

/* Copies a string; NULL stays NULL. */
char *
memory_string(const char *string)
{
	return string != NULL ? checked(strdup(string)) : NULL;
}

/* Copies the first length bytes of a string and terminates them. */
char *
memory_string_n(const char *string, size_t length)
{
	char	   *copy = memory_alloc(length + 1);

	memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}
