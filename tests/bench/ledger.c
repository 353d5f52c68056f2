/*
 * Fills a second through the pure ledger, by each method.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/ledger.h"

#define FILLS 1000000

static void *
resize(void *context, void *memory, size_t size)
{
	(void) context;
	return realloc(memory, size);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* A fill of a liquid pair: four decimals of quantity, two of price, a small fee. */
static ledger_fill
random_fill(unsigned *state)
{
	ledger_fill fill = {0};

	*state = *state * 1664525u + 1013904223u;
	fill.sell = (*state >> 16) & 1;
	fill.quantity = decimal_from_int64(1 + (*state >> 8) % 100000);
	fill.quantity.scale = 4;
	fill.price = decimal_from_int64(4500000 + (*state >> 5) % 10000);
	fill.price.scale = 2;
	fill.fee = decimal_from_int64(1 + (*state >> 9) % 100);
	fill.fee.scale = 4;
	return fill;
}

int
main(void)
{
	static const char *const names[] = {"average", "FIFO", "LIFO", "HIFO"};
	const ledger_hooks hooks = {resize, NULL, NULL};
	ledger_fill *fills = malloc(sizeof(ledger_fill) * FILLS);
	unsigned	state = 1;

	if (fills == NULL)
		return 1;
	for (int i = 0; i < FILLS; i++)
		fills[i] = random_fill(&state);
	for (int m = 0; m < 4; m++)
	{
		ledger		book;
		ledger_outcome outcome;
		double		begun;

		ledger_init(&book, (ledger_method) m, &hooks);
		begun = seconds();
		for (int i = 0; i < FILLS; i++)
			if (!ledger_apply(&book, &fills[i], &outcome))
				return 1;
		printf("  %-8s %5.2f million fills/s\n", names[m], FILLS / (seconds() - begun) / 1e6);
		free(book.lot);
	}
	free(fills);
	return 0;
}
