/*
 * Checks of the parameters that metrics take; each error says what to give instead.
 */
#include "src/metric_args.h"

#include <math.h>

#include "common/int.h"
#include "utils/timestamp.h"

/* Returns the confidence level if it lies between 0 and 1, both excluded. */
double
pulse_check_confidence(double confidence)
{
	if (!(confidence > 0 && confidence < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("confidence must be between 0 and 1, not %g", confidence),
				 errhint("A confidence of 0.95 asks for the loss that 5 %% of the periods exceed.")));
	return confidence;
}

/* Returns the periods per year if they are positive and finite. */
double
pulse_check_periods(double periods)
{
	if (!(periods > 0) || isinf(periods))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("periods per year must be positive and finite, not %g", periods),
				 errhint("Use 365 for daily returns of markets that never close, 252 for exchange days, 12 for months.")));
	return periods;
}

/* Returns an annual rate if it is finite and above -1. */
double
pulse_check_rate(const char *name, double rate)
{
	if (!(rate > -1) || isinf(rate))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite and above -1, not %g", name, rate),
				 errhint("Rates are annual fractions: 0.02 is 2 %% a year.")));
	return rate;
}

/* Returns the decay of an exponentially weighted mean if it lies between 0 and 1, both excluded. */
double
pulse_check_lambda(double lambda)
{
	if (!(lambda > 0 && lambda < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lambda must be between 0 and 1, not %g", lambda),
				 errhint("RiskMetrics uses 0.94 for daily and 0.97 for monthly returns.")));
	return lambda;
}

/* Returns a parameter if it is finite. */
double
pulse_check_finite(const char *name, double value)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite, not %g", name, value),
				 errhint("Give it per period, as a fraction: 0.001 is 0.1 %%.")));
	return value;
}

/* Returns the width of a bucket in microseconds. */
int64
pulse_check_period(const Interval *period)
{
	int64		days;
	int64		usec;

	if (period->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must not contain months or years"),
				 errdetail("Buckets have equal width."),
				 errhint("Use a fixed width, for example '30 days'.")));
	if (pg_mul_s64_overflow(period->day, USECS_PER_DAY, &days)
		|| pg_add_s64_overflow(days, period->time, &usec)
		|| usec < USECS_PER_SEC || usec > INT64CONST(36525) * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period is out of range"),
				 errhint("Use a width between one second and 100 years, for example '1 day' or '1 hour'.")));
	return usec;
}

/* Returns a timestamp if it is finite. */
TimestampTz
pulse_check_timestamp(TimestampTz ts)
{
	if (TIMESTAMP_NOT_FINITE(ts))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("an equity curve cannot contain an infinite timestamp"),
				 errhint("Leave such rows out with FILTER (WHERE isfinite(ts)).")));
	return ts;
}

/* Reports a parameter that is NULL. */
void
pulse_refuse_null_parameter(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a metric's parameter must not be null"),
			 errhint("Leave the parameter out to get its default.")));
}

/* Reports a parameter that is not the same for all rows. */
void
pulse_refuse_changed_parameter(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a metric's parameters must be the same for all rows of a group"),
			 errhint("Pass a constant, or group by the parameter.")));
}

/* Returns an interval of days and a time below a day, as a difference of timestamps gives it. */
Interval *
pulse_make_interval(int64 usec)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->day = (int32) (usec / USECS_PER_DAY);
	interval->time = usec % USECS_PER_DAY;
	return interval;
}
