/*
 * Student's t distribution through the regularised incomplete beta function,
 * whose continued fraction is evaluated on the side where it converges fast
 * (Lentz's method, as modified by Thompson and Barnett).
 */
#include "core/normal.h"

#include <math.h>

#define TINY 1e-300

/* From here on the distribution is a normal one but for what a double cannot hold. */
#define MANY 1e7

static double
beta_fraction(double a, double b, double x)
{
	double		c = 1.0;
	double		d = 1.0 - (a + b) * x / (a + 1.0);
	double		fraction;

	d = fraction = 1.0 / (fabs(d) < TINY ? TINY : d);
	for (int m = 1; m <= 20000; m++)
	{
		double		step = 1.0;

		for (int odd = 0; odd < 2; odd++)
		{
			double		k = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
				: m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));

			d = 1.0 + k * d;
			d = 1.0 / (fabs(d) < TINY ? TINY : d);
			c = 1.0 + k / c;
			c = fabs(c) < TINY ? TINY : c;
			step = c * d;
			fraction *= step;
		}
		if (fabs(step - 1.0) < 1e-16)
			break;
	}
	return fraction;
}

/* Returns the logarithm of gamma(a + 1/2) / gamma(a); two logarithms of large values would cancel. */
static double
log_gamma_ratio(double a)
{
	if (a < 50)
		return lgamma(a + 0.5) - lgamma(a);
	return 0.5 * log(a) - 1.0 / (8.0 * a) + 1.0 / (192.0 * a * a * a) - 1.0 / (640.0 * a * a * a * a * a);
}

/* Returns the share of a beta distribution (a, 1/2) at or below x, for 0 < x < 1; y is 1 - x without its rounding. */
static double
incomplete_beta(double a, double x, double y)
{
	double		front = exp(log_gamma_ratio(a) + a * log1p(-y)) * sqrt(y / M_PI);

	if (x < (a + 1.0) / (a + 2.5))
		return front * beta_fraction(a, 0.5, x) / a;
	return 1.0 - front * beta_fraction(0.5, a, y) / 0.5;
}

/* Returns the probability of a value at or below t, for degrees of freedom > 0. */
double
pulse_student_probability(double t, double degrees)
{
	double		square = t * t;
	double		tail;

	if (isnan(t) || t == 0)
		return isnan(t) ? t : 0.5;
	if (isinf(square))
		tail = 0.0;
	else if (degrees > MANY)
		tail = pulse_normal_probability(-fabs(t) * (1.0 - 0.25 / degrees) / sqrt(1.0 + square / (2.0 * degrees)));
	else
		tail = 0.5 * incomplete_beta(degrees / 2, degrees / (degrees + square), square / (degrees + square));
	return t < 0 ? tail : 1.0 - tail;
}
