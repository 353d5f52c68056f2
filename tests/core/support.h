/*
 * What the unit tests of the numerical cores share: a seeded generator and
 * closeness.
 */
#ifndef PULSE_TESTS_CORE_SUPPORT_H
#define PULSE_TESTS_CORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

/* Fails unless a is within tolerance of b, relative to b where b is large. */
#define assert_close(a, b, tolerance) \
	do { \
		double		got = (double) (a); \
		double		want = (double) (b); \
		if (!(fabs(got - want) <= (tolerance) * fmax(1.0, fabs(want)))) \
			fail_msg("%s:%d: %.17g is not %.17g", __FILE__, __LINE__, got, want); \
	} while (0)

static uint64_t random_state = 88172645463325252u;

/* Returns a uniform number in [0, 1). */
static inline double
random_uniform(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double) (random_state >> 11) / 9007199254740992.0;
}

/* Returns something like a daily return: fat tails, small mean. */
static inline double
random_return(void)
{
	double		sum = 0;

	for (int i = 0; i < 6; i++)
		sum += random_uniform() - 0.5;
	return 0.0005 + 0.02 * sum * (random_uniform() < 0.05 ? 4 : 1);
}

/* Returns a whole number in [0, n). */
static inline size_t
random_below(size_t n)
{
	return (size_t) (random_uniform() * (double) n);
}

/* Memory for cores that ask their caller. */
static inline void *
resize_block(void *context, void *block, size_t size)
{
	void	   *resized = realloc(block, size);

	(void) context;
	if (resized == NULL)
		abort();
	return resized;
}

#endif							/* PULSE_TESTS_CORE_SUPPORT_H */
