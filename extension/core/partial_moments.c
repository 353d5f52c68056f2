/*
 * Partial moments need their threshold before the first value: a later one
 * cannot be derived from any bounded state.
 */
#include "core/partial_moments.h"

/* Adds n finite values; non-finite ones are the caller's to notice. */
void
pulse_partial_add(pulse_partial *p, const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		double		d = x[i] - p->threshold;

		if (d > 0)
			pulse_sum_add(&p->above, d);
		else if (d < 0)
		{
			pulse_sum_add(&p->below, -d);
			p->below_squared += d * d;
		}
	}
}

/* Merges other, of the same threshold, into p. */
void
pulse_partial_merge(pulse_partial *p, const pulse_partial *other)
{
	pulse_sum_merge(&p->above, &other->above);
	pulse_sum_merge(&p->below, &other->below);
	p->below_squared += other->below_squared;
}
