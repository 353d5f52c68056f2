/*
 * Years, periods and rates: everything annual goes through here.
 */
#include "core/annualise.h"

#include <math.h>

/* Converts an annual rate to one of a period: (1 + annual)^(1/periods) - 1. */
double
pulse_per_period_rate(double annual, double periods)
{
	return annual == 0.0 ? 0.0 : expm1(log1p(annual) / periods);
}

/*
 * Computes the compound annual growth rate of a logarithmic growth over some
 * years; false when the time is not positive or the rate overflows.
 */
bool
pulse_annual_growth(double log_growth, double years, double *result)
{
	if (!(years > 0))
		return false;
	*result = expm1(log_growth / years);
	return isfinite(*result);
}
