/*
 * Partial moments need their threshold before the first value: a later one
 * cannot be derived from any bounded state.
 */
#include "core/partial_moments.h"

/* Adds n finite values; non-finite ones are the caller's to notice. */
void
pulse_partial_add(pulse_partial *p, const double *x, size_t n)
{
	pulse_partial sums = *p;	/* in registers */

	for (size_t i = 0; i < n; i++)
	{
		double		d = x[i] - sums.threshold;
		double		above = d > 0 ? d : 0.0;
		double		below = d < 0 ? -d : 0.0;

		/* which side a return lies on cannot be foretold, so no jump depends on it */
		pulse_sum_add(&sums.above, above);
		pulse_sum_add(&sums.below, below);
		sums.below_squared += below * below;
	}
	*p = sums;
}

/* Merges other, of the same threshold, into p. */
void
pulse_partial_merge(pulse_partial *p, const pulse_partial *other)
{
	pulse_sum_merge(&p->above, &other->above);
	pulse_sum_merge(&p->below, &other->below);
	p->below_squared += other->below_squared;
}
