/*
 * Values arrive in blocks: a corrected two-pass sum inside a block (each pass
 * runs from cache, without a division a value) and Pebay's formulas between
 * blocks. Sums of powers would cancel for a price of 1e9 that moves by 1.
 */
#include "core/moments.h"

#include <float.h>
#include <math.h>

/*
 * How many values one block takes: long enough that the merge costs nothing,
 * short enough to stay in the first-level cache over three passes.
 */
#define BLOCK 512

/* Returns the moments of a block of finite or non-finite values. */
static pulse_moments
block_moments(const double *x, size_t n)
{
	pulse_moments b = {.n = (int64_t) n};
	double		s[4] = {0, 0, 0, 0};
	double		top[4] = {0, 0, 0, 0};
	double		first = x[0];
	double		residue = 0;
	size_t		i;

	for (i = 0; i + 4 <= n; i += 4)
		for (int k = 0; k < 4; k++)
		{
			double		a = fabs(x[i + k]);

			s[k] += x[i + k] - first;
			top[k] = a > top[k] ? a : top[k];
		}
	for (; i < n; i++)
	{
		double		a = fabs(x[i]);

		s[0] += x[i] - first;
		top[0] = a > top[0] ? a : top[0];
	}
	b.mean = first + ((s[0] + s[1]) + (s[2] + s[3])) / (double) n;
	b.max_abs = fmax(fmax(top[0], top[1]), fmax(top[2], top[3]));

	if (!isfinite(b.mean))
	{
		for (i = 0; i < n; i++)
			b.nonfinite |= !isfinite(x[i]);
		if (b.nonfinite)
		{
			b.mean = b.m2 = b.m3 = b.m4 = 0;
			return b;
		}
	}

	/* the rounding error of the mean is what the deviations sum up to */
	s[0] = s[1] = s[2] = s[3] = 0;
	for (i = 0; i + 4 <= n; i += 4)
		for (int k = 0; k < 4; k++)
			s[k] += x[i + k] - b.mean;
	for (; i < n; i++)
		s[0] += x[i] - b.mean;
	residue = ((s[0] + s[1]) + (s[2] + s[3])) / (double) n;
	b.mean += residue;

	for (i = 0; i < n; i++)
	{
		double		d = x[i] - b.mean;
		double		d2 = d * d;

		b.m2 += d2;
		b.m3 += d2 * d;
		b.m4 += d2 * d2;
	}
	return b;
}

/* Adds n values. */
void
pulse_moments_add(pulse_moments *m, const double *x, size_t n)
{
	while (n > 0)
	{
		size_t		take = n < BLOCK ? n : BLOCK;
		pulse_moments b = block_moments(x, take);

		pulse_moments_merge(m, &b);
		x += take;
		n -= take;
	}
}

/* Adds the same value n times, in constant time. */
void
pulse_moments_add_constant(pulse_moments *m, double x, int64_t n)
{
	pulse_moments b = {.n = n, .mean = x, .max_abs = fabs(x)};

	if (n <= 0)
		return;
	if (!isfinite(x))
	{
		b.mean = 0;
		b.nonfinite = true;
	}
	pulse_moments_merge(m, &b);
}

/*
 * Merges other into m (Pebay 2008, equations 2.1 for orders up to four).
 */
void
pulse_moments_merge(pulse_moments *m, const pulse_moments *other)
{
	double		na = (double) m->n;
	double		nb = (double) other->n;
	double		n = na + nb;
	double		d,
				dn,
				dn2,
				m2a = m->m2;

	if (other->n == 0)
		return;
	if (m->n == 0)
	{
		*m = *other;
		return;
	}
	d = other->mean - m->mean;
	dn = d / n;
	dn2 = dn * dn;

	m->m4 += other->m4 + d * dn * dn2 * na * nb * (na * na - na * nb + nb * nb)
		+ 6.0 * dn2 * (na * na * other->m2 + nb * nb * m2a)
		+ 4.0 * dn * (na * other->m3 - nb * m->m3);
	m->m3 += other->m3 + d * dn2 * na * nb * (na - nb)
		+ 3.0 * dn * (na * other->m2 - nb * m2a);
	m->m2 += other->m2 + d * dn * na * nb;
	m->mean += dn * nb;
	m->n += other->n;
	m->max_abs = fmax(m->max_abs, other->max_abs);
	m->nonfinite |= other->nonfinite;
}

/* Returns whether a spread is nothing but rounding of data of that scale. */
bool
pulse_is_zero_spread(double spread, double scale)
{
	return spread <= 8.0 * DBL_EPSILON * scale;
}

/*
 * Returns the standard deviation with n - ddof in the denominator; exactly 0
 * when it is nothing but rounding. The caller has checked n > ddof.
 */
double
pulse_moments_sd(const pulse_moments *m, int ddof)
{
	double		sd = sqrt(m->m2 / (double) (m->n - ddof));

	return pulse_is_zero_spread(sd, m->max_abs) ? 0.0 : sd;
}

/*
 * Computes skewness and excess kurtosis of the population; false when there
 * is no spread.
 */
bool
pulse_moments_population_shape(const pulse_moments *m, double *skewness, double *excess_kurtosis)
{
	double		n = (double) m->n;
	double		sd;

	if (m->n < 2 || (sd = pulse_moments_sd(m, 0)) == 0.0)
		return false;

	/* by powers of sd: m2 squared or to 3/2 would underflow for tiny returns */
	*skewness = m->m3 / n / sd / sd / sd;
	*excess_kurtosis = m->m4 / n / sd / sd / sd / sd - 3.0;
	return true;
}

/* Computes the sample-adjusted skewness (G1); false below 3 values or without spread. */
bool
pulse_moments_skewness(const pulse_moments *m, double *result)
{
	double		n = (double) m->n;
	double		g1,
				g2;

	if (m->n < 3 || !pulse_moments_population_shape(m, &g1, &g2))
		return false;
	*result = g1 * sqrt(n * (n - 1.0)) / (n - 2.0);
	return true;
}

/* Computes the sample-adjusted excess kurtosis (G2); false below 4 values or without spread. */
bool
pulse_moments_kurtosis(const pulse_moments *m, double *result)
{
	double		n = (double) m->n;
	double		g1,
				g2;

	if (m->n < 4 || !pulse_moments_population_shape(m, &g1, &g2))
		return false;
	*result = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * g2 + 6.0);
	return true;
}
