/*
 * How sure a Sharpe ratio is: its distribution, its annualisation under
 * autocorrelation, and the luck of the best of many trials.
 */
#include "core/inference.h"

#include <math.h>

#include "core/compensated.h"
#include "core/normal.h"

#define EULER_MASCHERONI 0.57721566490153286061

/* The variance of an estimated Sharpe ratio times n - 1 (Mertens 2002). */
static double
sharpe_variance(double sharpe, double skewness, double kurtosis)
{
	return 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
}

/*
 * Computes the probability that the true Sharpe ratio exceeds a benchmark,
 * all per period; kurtosis is 3 for a normal distribution (Bailey and Lopez
 * de Prado 2012).
 */
bool
pulse_psr_from_moments(double sharpe, double benchmark_sharpe, double n,
					   double skewness, double kurtosis, double *result)
{
	double		variance = sharpe_variance(sharpe, skewness, kurtosis);

	if (n < 2 || !(variance > 0))
		return false;
	*result = pulse_normal_probability((sharpe - benchmark_sharpe) * sqrt(n - 1) / sqrt(variance));
	return true;
}

/* Computes how many periods it takes to be that confident; false unless the Sharpe ratio is above the benchmark. */
bool
pulse_min_track_record(double sharpe, double benchmark_sharpe, double skewness,
					   double kurtosis, double confidence, double *result)
{
	double		variance = sharpe_variance(sharpe, skewness, kurtosis);
	double		z = pulse_normal_quantile(confidence) / (sharpe - benchmark_sharpe);

	if (!(sharpe > benchmark_sharpe) || !(variance > 0))
		return false;
	*result = 1.0 + variance * z * z;
	return true;
}

/* Returns the standard error of a Sharpe ratio of independent normal returns (Lo 2002). */
double
pulse_sharpe_standard_error(double sharpe, double n)
{
	return sqrt((1.0 + 0.5 * sharpe * sharpe) / n);
}

/*
 * Returns the Sharpe ratio that the best of some independent trials without
 * any skill is expected to show (Bailey and Lopez de Prado 2014).
 */
double
pulse_expected_maximum_sharpe(double trials, double variance)
{
	if (trials <= 1)
		return 0.0;
	return sqrt(variance) * ((1.0 - EULER_MASCHERONI) * -pulse_normal_quantile(1.0 / trials)
							 + EULER_MASCHERONI * -pulse_normal_quantile(1.0 / trials * exp(-1.0)));
}

/* Computes the correlation of finite values with themselves, lag earlier (Pearson's, over the overlapping parts). */
bool
pulse_autocorrelation(const double *x, size_t n, size_t lag, double *result)
{
	pulse_moments early = {0};
	pulse_moments late = {0};
	pulse_sum	product = {0, 0};
	size_t		pairs;
	double		sd_early,
				sd_late;

	if (lag >= n || n - lag < 2)
		return false;
	pairs = n - lag;
	pulse_moments_add(&early, x, pairs);
	pulse_moments_add(&late, x + lag, pairs);
	sd_early = pulse_moments_sd(&early, 0);
	sd_late = pulse_moments_sd(&late, 0);
	if (sd_early == 0 || sd_late == 0)
		return false;
	for (size_t i = 0; i < pairs; i++)
		pulse_sum_add(&product, (x[i] - early.mean) / sd_early * ((x[i + lag] - late.mean) / sd_late));
	*result = fmax(-1.0, fmin(1.0, pulse_sum_value(&product) / (double) pairs));
	return true;
}

/*
 * Computes the factor that annualises a Sharpe ratio per period when returns
 * are autocorrelated up to some lags: periods / sqrt(periods + 2 sum((periods
 * - k) rho_k)); sqrt(periods) without autocorrelation (Lo 2002, equation 20).
 */
bool
pulse_lo_factor(double periods, const double *autocorrelation, size_t lags, double *result)
{
	pulse_sum	sum = {periods, 0};

	for (size_t k = 1; k <= lags && (double) k < periods; k++)
		pulse_sum_add(&sum, 2.0 * (periods - (double) k) * autocorrelation[k - 1]);
	if (!(pulse_sum_value(&sum) > 0))
		return false;
	*result = periods / sqrt(pulse_sum_value(&sum));
	return true;
}

/* Computes the same factor for returns of first-order autoregression with coefficient rho (equation 22). */
bool
pulse_lo_factor_ar1(double periods, double rho, double *result)
{
	double		variance;

	/* sum of (q - k) rho^k over k = 1 .. q - 1 in closed form */
	variance = periods + 2.0 * rho / (1.0 - rho) * (periods - (1.0 - pow(rho, periods)) / (1.0 - rho));
	if (!(variance > 0))
		return false;
	*result = periods / sqrt(variance);
	return true;
}

/*
 * Returns whether the Cornish-Fisher quantile rises with the probability
 * everywhere; outside of that domain it is no distribution at all (Maillard
 * 2012). Its derivative is a parabola in z, which must not go below 0.
 */
bool
pulse_cornish_fisher_valid(double skewness, double excess_kurtosis)
{
	double		s = skewness / 6.0;
	double		a = excess_kurtosis / 8.0 - 6.0 * s * s;
	double		b = 2.0 * s;
	double		c = 1.0 - excess_kurtosis / 8.0 + 5.0 * s * s;

	return a >= 0 && c >= 0 && b * b <= 4.0 * a * c;
}
