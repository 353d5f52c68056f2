/*
 * Fuzz target: bytes taken for a summary, and what is accepted merged and
 * asked. Run by tests/fuzz/run.sh.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/summary.h"
#include "core/underwater.h"

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
	pulse_segment *segments = NULL;
	size_t		n;
	int64_t		width;

	if (pulse_summary_read(data, size, memory, &segments, &n, &width) == NULL)
	{
		uint8_t    *bytes = malloc(size);
		pulse_segment *twice = malloc(2 * n * sizeof(pulse_segment));
		pulse_curve curve;
		double		result;

		/* what was accepted is written as it was read */
		pulse_summary_write(segments, n, width, bytes);
		if (memcmp(bytes, data, size) != 0)
			abort();

		pulse_segments_to_curve(segments, n, width, memory, &curve);
		pulse_curve_total_return(&curve, &result);
		pulse_curve_cagr(&curve, &result);
		pulse_drawdown_longest(&curve.drawdown);
		if (pulse_curve_periods(&curve) < 100000)
		{
			double	   *returns = malloc((size_t) (pulse_curve_periods(&curve) + 1) * sizeof(double));
			pulse_underwater u = {0};

			pulse_curve_returns(&curve, returns);
			pulse_underwater_of_curve(&curve, &u, returns);
			free(returns);
		}
		free(curve.buckets);

		memcpy(twice, segments, n * sizeof(pulse_segment));
		memcpy(twice + n, segments, n * sizeof(pulse_segment));
		if (pulse_segments_merge(twice, 2 * n) != n)
			abort();
		free(twice);
		free(bytes);
	}
	free(segments);
	return 0;
}
