/*
 * The probability goes through erfc, which keeps relative accuracy where
 * 1 + erf is 0. The quantile starts from Acklam's rational approximation
 * (relative error 1.2e-9) and takes Halley steps on the accurate tail, which
 * brings it to a few units in the last place.
 */
#include "core/normal.h"

#include <math.h>

#define SQRT_2 1.4142135623730950488
#define INV_SQRT_2PI 0.39894228040143267794

/* Returns the density at z. */
double
pulse_normal_density(double z)
{
	return INV_SQRT_2PI * exp(-0.5 * z * z);
}

/* Returns the probability of a value at or below z. */
double
pulse_normal_probability(double z)
{
	return 0.5 * erfc(-z / SQRT_2);
}

/* Acklam's approximation for 0 < p <= 0.5. */
static double
lower_quantile_estimate(double p)
{
	if (p < 0.02425)
	{
		double		q = sqrt(-2.0 * log(p));

		return (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e+00) * q
				  - 2.549732539343734e+00) * q + 4.374664141464968e+00) * q + 2.938163982698783e+00)
			/ ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e+00) * q
				+ 3.754408661907416e+00) * q + 1.0);
	}
	else
	{
		double		q = p - 0.5;
		double		r = q * q;

		return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r
				  + 1.383577518672690e+02) * r - 3.066479806614716e+01) * r + 2.506628277459239e+00) * q
			/ (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r
				 + 6.680131188771972e+01) * r - 1.328068155288572e+01) * r + 1.0);
	}
}

/*
 * Returns z with probability p below it; minus and plus infinity for 0 and 1,
 * NaN outside of [0, 1].
 */
double
pulse_normal_quantile(double p)
{
	double		z;

	if (isnan(p) || p < 0.0 || p > 1.0)
		return NAN;
	if (p == 0.0)
		return -INFINITY;
	if (p == 1.0)
		return INFINITY;
	if (p > 0.5)
		return -pulse_normal_quantile(1.0 - p);

	z = lower_quantile_estimate(p);
	for (int step = 0; step < 2; step++)
	{
		double		density = pulse_normal_density(z);
		double		u;

		if (density == 0.0)
			break;
		u = (pulse_normal_probability(z) - p) / density;
		z -= u / (1.0 + 0.5 * z * u);
	}
	return z;
}
