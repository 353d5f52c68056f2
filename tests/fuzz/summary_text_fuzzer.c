/*
 * Fuzz target: text taken for a summary, as the type's input function reads
 * it. Run by tests/fuzz/run.sh.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/summary.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
resize(void *context, void *block, size_t size)
{
	void	   *resized = realloc(block, size);

	(void) context;
	if (resized == NULL)
		abort();
	return resized;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const pulse_memory memory = {resize, NULL};
	/* as large as the caller promises, so that the sanitizer sees a byte too many */
	uint8_t    *bytes = malloc(size / 2 + 1);
	size_t		n_bytes = 0;

	if (pulse_summary_from_text((const char *) data, size, bytes, &n_bytes) == NULL)
	{
		char	   *text = malloc(2 * n_bytes + 3);
		uint8_t    *exact = malloc(n_bytes + 1);
		pulse_segment *segments = NULL;
		size_t		n;
		int64_t		width;

		/* what was accepted is printed as it was read, in small letters */
		pulse_summary_to_text(bytes, n_bytes, text);
		if (strlen(text) != size)
			abort();
		for (size_t i = 0; i < size; i++)
			if (text[i] != tolower(data[i]))
				abort();
		memcpy(exact, bytes, n_bytes);
		if (pulse_summary_read(exact, n_bytes, memory, &segments, &n, &width) == NULL)
		{
			pulse_summary_write(segments, n, width, bytes);
			if (memcmp(bytes, exact, n_bytes) != 0)
				abort();
		}
		free(segments);
		free(exact);
		free(text);
	}
	free(bytes);
	return 0;
}
