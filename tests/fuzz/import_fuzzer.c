/*
 * Exports of exchanges from anywhere: whatever the bytes are, each row becomes something, and nothing else happens.
 */
#include <stdlib.h>
#include <string.h>

#include "core/import_file.h"

static void *
resize(void *context, void *block, size_t size)
{
	(void) context;
	if (size > 0)
		return realloc(block, size);
	free(block);
	return NULL;
}

typedef struct input
{
	const uint8_t *at;
	size_t		left;
} input;

static ssize_t
read_input(void *arg, char *buffer, size_t size)
{
	input	   *in = arg;
	size_t		length = in->left < size ? in->left : size;

	memcpy(buffer, in->at, length);
	in->at += length;
	in->left -= length;
	return (ssize_t) length;
}

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const pulse_memory memory = {resize, NULL};
	static struct import_outcome outcome;
	input		in = {data, size};
	struct import_file *file = import_file_open(&memory, read_input, &in, NULL, "UTC", false);
	enum import_step step;

	while ((step = import_file_next(file, &outcome)) == IMPORT_ROW)
		if (outcome.result == IMPORT_REJECT && outcome.problem[0] == '\0')
			abort();
	if (step != IMPORT_END && import_file_problem(file)[0] == '\0')
		abort();
	import_file_close(file);
	return 0;
}
