/*
 * Each figure is a few operations on finished states, so the same code serves
 * aggregates, arrays, windows and stored summaries.
 */
#include "core/ratios.h"

#include <math.h>

#include "core/annualise.h"
#include "core/inference.h"
#include "core/normal.h"

/* Computes the annualised sample standard deviation. */
bool
pulse_volatility(const pulse_moments *m, double periods, double *result)
{
	if (m->n < 2)
		return false;
	*result = pulse_moments_sd(m, 1) * sqrt(periods);
	return true;
}

/*
 * Computes the annualised Sharpe ratio: arithmetic mean of the excess return
 * over its sample standard deviation; risk_free is annual.
 */
bool
pulse_sharpe(const pulse_moments *m, double risk_free, double periods, double *result)
{
	double		sd;

	if (m->n < 2 || (sd = pulse_moments_sd(m, 1)) == 0.0)
		return false;
	*result = (m->mean - pulse_per_period_rate(risk_free, periods)) / sd * sqrt(periods);
	return true;
}

/* Root of the mean squared shortfall over all n; exactly 0 when it is only rounding. */
static double
downside(const pulse_moments *m, const pulse_partial *p)
{
	double		d = sqrt(p->below_squared / (double) m->n);

	return pulse_is_zero_spread(d, fmax(m->max_abs, fabs(p->threshold))) ? 0.0 : d;
}

/* Computes the annualised downside deviation about the threshold of p. */
bool
pulse_downside_deviation(const pulse_moments *m, const pulse_partial *p, double periods, double *result)
{
	if (m->n < 2)
		return false;
	*result = downside(m, p) * sqrt(periods);
	return true;
}

/* Computes the annualised Sortino ratio about the threshold of p. */
bool
pulse_sortino(const pulse_moments *m, const pulse_partial *p, double periods, double *result)
{
	double		d;

	if (m->n < 2 || (d = downside(m, p)) == 0.0)
		return false;
	*result = (m->mean - p->threshold) / d * sqrt(periods);
	return true;
}

/* Computes gains over losses about the threshold of p. */
bool
pulse_omega(const pulse_moments *m, const pulse_partial *p, double *result)
{
	double		below = pulse_sum_value(&p->below);

	if (m->n < 2 || pulse_is_zero_spread(below / (double) m->n, fmax(m->max_abs, fabs(p->threshold))))
		return false;
	*result = pulse_sum_value(&p->above) / below;
	return true;
}

/* Computes the sum of returns over the sum of losses; p has the threshold 0. */
bool
pulse_gain_to_pain(const pulse_moments *m, const pulse_partial *p, double *result)
{
	double		below = pulse_sum_value(&p->below);

	if (m->n < 2 || below <= 0)
		return false;
	*result = (pulse_sum_value(&p->above) - below) / below;
	return true;
}

/* Computes the Kelly fraction of continuous returns: mean over sample variance. */
bool
pulse_kelly(const pulse_moments *m, double *result)
{
	double		sd;

	if (m->n < 2 || (sd = pulse_moments_sd(m, 1)) == 0.0)
		return false;
	*result = m->mean / sd / sd;
	return true;
}

/*
 * Computes the probability that the true Sharpe ratio (per period) exceeds
 * benchmark_sharpe (Bailey and Lopez de Prado 2012).
 */
bool
pulse_psr(const pulse_moments *m, double benchmark_sharpe, double *result)
{
	double		sd,
				skewness,
				excess;

	if (m->n < 2 || (sd = pulse_moments_sd(m, 1)) == 0.0
		|| !pulse_moments_population_shape(m, &skewness, &excess))
		return false;
	return pulse_psr_from_moments(m->mean / sd, benchmark_sharpe, (double) m->n, skewness, excess + 3.0, result);
}

/* Computes the value at risk of a normal distribution with the population's moments. */
bool
pulse_var_gaussian(const pulse_moments *m, double confidence, double *result)
{
	if (m->n < 2)
		return false;
	*result = 0.0 - (m->mean + pulse_normal_quantile(1.0 - confidence) * pulse_moments_sd(m, 0));
	return true;
}

/* Computes the expected shortfall of a normal distribution with the population's moments. */
bool
pulse_cvar_gaussian(const pulse_moments *m, double confidence, double *result)
{
	double		p = 1.0 - confidence;

	if (m->n < 2)
		return false;
	*result = 0.0 - (m->mean - pulse_moments_sd(m, 0) * pulse_normal_density(pulse_normal_quantile(p)) / p);
	return true;
}

/* The normal quantile z corrected for skewness and kurtosis. */
static double
corrected_quantile(double z, double skewness, double excess)
{
	return z + (z * z - 1.0) * skewness / 6.0
		+ (z * z * z - 3.0 * z) * excess / 24.0
		- (2.0 * z * z * z - 5.0 * z) * skewness * skewness / 36.0;
}

/* Computes the value at risk with the Cornish-Fisher correction for skewness and kurtosis. */
bool
pulse_var_cornish_fisher(const pulse_moments *m, double confidence, double *result)
{
	double		z = pulse_normal_quantile(1.0 - confidence);
	double		skewness,
				excess;

	if (!pulse_moments_population_shape(m, &skewness, &excess))
		return false;
	*result = 0.0 - (m->mean + corrected_quantile(z, skewness, excess) * pulse_moments_sd(m, 0));
	return true;
}

/* The integral that the authors below call I^q, up to the quantile h, for q of 1 to 6. */
static double
tail_integral(int q, double h)
{
	double		power = (q % 2 ? h : 1.0) * pulse_normal_density(h);
	double		integral = q % 2 ? power - pulse_normal_probability(h) : power;

	for (int i = q % 2 ? 3 : 2; i <= q; i += 2)
	{
		power *= h * h;
		integral = i * integral + power;
	}
	return integral;
}

/*
 * Computes the expected shortfall of the Cornish-Fisher expansion, but no less
 * than its value at risk (Boudt, Peterson and Croux 2008).
 */
bool
pulse_cvar_cornish_fisher(const pulse_moments *m, double confidence, double *result)
{
	double		p = 1.0 - confidence;
	double		z = pulse_normal_quantile(p);
	double		skewness,
				excess,
				h,
				shortfall;

	if (!pulse_moments_population_shape(m, &skewness, &excess))
		return false;
	h = corrected_quantile(z, skewness, excess);
	shortfall = pulse_normal_density(h)
		+ (tail_integral(4, h) - 6.0 * tail_integral(2, h) + 3.0 * pulse_normal_density(h)) * excess / 24.0
		+ (tail_integral(3, h) - 3.0 * tail_integral(1, h)) * skewness / 6.0
		+ (tail_integral(6, h) - 15.0 * tail_integral(4, h) + 45.0 * tail_integral(2, h) - 15.0 * pulse_normal_density(h))
		* skewness * skewness / 72.0;
	*result = 0.0 - (m->mean + fmin(-shortfall / p, h) * pulse_moments_sd(m, 0));
	return true;
}

/*
 * Computes the Sharpe ratio with a penalty for negative skewness and fat tails
 * (Pezier 2004); skewness and kurtosis are the population's.
 */
bool
pulse_adjusted_sharpe(const pulse_moments *m, double risk_free, double periods, double *result)
{
	double		sharpe,
				skewness,
				excess;

	if (!pulse_sharpe(m, risk_free, periods, &sharpe) || !pulse_moments_population_shape(m, &skewness, &excess))
		return false;
	*result = sharpe * (1.0 + skewness / 6.0 * sharpe - excess / 24.0 * sharpe * sharpe);
	return true;
}
