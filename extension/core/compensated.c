/*
 * Compounding as a compensated sum of log(1 + r): a million returns of 1e-8
 * multiplied as 1 + r would lose eight digits.
 */
#include "core/compensated.h"

/* Compounds n returns into the growth. */
void
pulse_growth_add(pulse_growth *g, const double *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(r[i]))
			g->nonfinite = true;
		else if (r[i] > -1.0)
			pulse_sum_add(&g->log, pulse_log_growth(r[i]));
		else if (r[i] == -1.0)
			g->wiped_out = true;
		else
			g->undefined = true;
	}
}

/* Merges other into g. */
void
pulse_growth_merge(pulse_growth *g, const pulse_growth *other)
{
	pulse_sum_merge(&g->log, &other->log);
	g->wiped_out |= other->wiped_out;
	g->undefined |= other->undefined;
	g->nonfinite |= other->nonfinite;
}

/*
 * Computes prod(1 + r) - 1; false when a return below -1 makes the equity
 * negative, from where compounding means nothing.
 */
bool
pulse_growth_total_return(const pulse_growth *g, double *result)
{
	if (g->undefined)
		return false;
	*result = g->wiped_out ? -1.0 : expm1(pulse_sum_value(&g->log));
	return true;
}
