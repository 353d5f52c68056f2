/*
 * Functions about the certainty of performance figures: Sharpe ratios under
 * autocorrelation and many trials, back-tests of value at risk, the normal
 * distribution.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"

#include "core/backtest.h"
#include "core/annualise.h"
#include "core/inference.h"
#include "core/normal.h"
#include "src/metric_args.h"

PG_FUNCTION_INFO_V1(pulse_normal_probability_sql);
PG_FUNCTION_INFO_V1(pulse_normal_quantile_sql);
PG_FUNCTION_INFO_V1(pulse_student_probability_sql);
PG_FUNCTION_INFO_V1(pulse_psr_sql);
PG_FUNCTION_INFO_V1(pulse_min_track_record_length);
PG_FUNCTION_INFO_V1(pulse_sharpe_standard_error_sql);
PG_FUNCTION_INFO_V1(pulse_sharpe_annualisation);
PG_FUNCTION_INFO_V1(pulse_autocorrelation_array);
PG_FUNCTION_INFO_V1(pulse_sharpe_lo_array);
PG_FUNCTION_INFO_V1(pulse_deflated_sharpe_array);
PG_FUNCTION_INFO_V1(pulse_var_backtest);

/* More lags than this say nothing and cost their product with the returns. */
#define MAX_LAGS 10000

/* Returns an array's elements without NULL ones, palloc'd. */
static double *
read_array(ArrayType *array, size_t *n)
{
	int			items = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const double *values = (const double *) ARR_DATA_PTR(array);
	const bits8 *bitmap = ARR_NULLBITMAP(array);
	double	   *result = palloc(Max(items, 1) * sizeof(double));

	*n = 0;
	for (int i = 0; i < items; i++)
		if (bitmap == NULL || (bitmap[i / 8] & (1 << (i % 8))))
			result[(*n)++] = *values++;
	return result;
}

static bool
all_finite(const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static Datum
result_or_null(FunctionCallInfo fcinfo, bool defined, double result)
{
	if (!defined || isinf(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/* Returns the probability of a standard normal value at or below z. */
Datum
pulse_normal_probability_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(pulse_normal_probability(PG_GETARG_FLOAT8(0)));
}

/* Returns the standard normal quantile of a probability. */
Datum
pulse_normal_quantile_sql(PG_FUNCTION_ARGS)
{
	double		p = PG_GETARG_FLOAT8(0);

	if (!(p > 0 && p < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probability must be between 0 and 1, not %g", p),
				 errhint("The quantiles of 0 and 1 are infinite.")));
	PG_RETURN_FLOAT8(pulse_normal_quantile(p));
}

/* Student's t distribution: (t, degrees of freedom). */
Datum
pulse_student_probability_sql(PG_FUNCTION_ARGS)
{
	double		degrees = PG_GETARG_FLOAT8(1);

	if (!(degrees > 0) || isinf(degrees))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("degrees of freedom must be positive and finite, not %g", degrees),
				 errhint("For a mean of n observations they are n - 1.")));
	PG_RETURN_FLOAT8(pulse_student_probability(PG_GETARG_FLOAT8(0), degrees));
}

/* Returns the probabilistic Sharpe ratio from its moments. */
Datum
pulse_psr_sql(PG_FUNCTION_ARGS)
{
	double		result;
	bool		defined = pulse_psr_from_moments(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1),
												 (double) PG_GETARG_INT64(2), PG_GETARG_FLOAT8(3),
												 PG_GETARG_FLOAT8(4), &result);

	return result_or_null(fcinfo, defined, result);
}

/* Returns how many periods make a Sharpe ratio significant. */
Datum
pulse_min_track_record_length(PG_FUNCTION_ARGS)
{
	double		result;
	bool		defined = pulse_min_track_record(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1),
												 PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3),
												 pulse_check_confidence(PG_GETARG_FLOAT8(4)), &result);

	return result_or_null(fcinfo, defined, result);
}

/* Returns the standard error of a Sharpe ratio per period of n returns. */
Datum
pulse_sharpe_standard_error_sql(PG_FUNCTION_ARGS)
{
	int64		n = PG_GETARG_INT64(1);

	if (n < 2)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(pulse_sharpe_standard_error(PG_GETARG_FLOAT8(0), (double) n));
}

/* Returns the factor from a Sharpe ratio per period to a year under first-order autocorrelation. */
Datum
pulse_sharpe_annualisation(PG_FUNCTION_ARGS)
{
	double		periods = pulse_check_periods(PG_GETARG_FLOAT8(0));
	double		rho = PG_GETARG_FLOAT8(1);
	double		result;
	bool		defined;

	if (!(rho > -1 && rho < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("autocorrelation must be between -1 and 1, not %g", rho),
				 errhint("pulse_autocorrelation() measures it.")));
	defined = pulse_lo_factor_ar1(periods, rho, &result);
	return result_or_null(fcinfo, defined, result);
}

static size_t
read_lag(FunctionCallInfo fcinfo, int i, const char *name)
{
	int32		lag = PG_GETARG_INT32(i);

	if (lag < 1 || lag > MAX_LAGS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between 1 and %d, not %d", name, MAX_LAGS, lag),
				 errhint("Daily returns need a few; Lo (2002) uses up to a year's.")));
	return (size_t) lag;
}

/* Returns the autocorrelation of returns at a lag. */
Datum
pulse_autocorrelation_array(PG_FUNCTION_ARGS)
{
	size_t		lag = read_lag(fcinfo, 1, "lag");
	size_t		n;
	double	   *x = read_array(PG_GETARG_ARRAYTYPE_P(0), &n);
	double		result;
	bool		defined;

	if (!all_finite(x, n))
		PG_RETURN_FLOAT8(NAN);
	defined = pulse_autocorrelation(x, n, lag, &result);
	return result_or_null(fcinfo, defined, result);
}

/* Returns the annualised Sharpe ratio corrected for autocorrelation up to some lags. */
Datum
pulse_sharpe_lo_array(PG_FUNCTION_ARGS)
{
	double		rate = pulse_check_rate("risk_free", PG_GETARG_FLOAT8(1));
	double		periods = pulse_check_periods(PG_GETARG_FLOAT8(2));
	size_t		lags = read_lag(fcinfo, 3, "lags");
	size_t		n;
	double	   *x = read_array(PG_GETARG_ARRAYTYPE_P(0), &n);
	double	   *rho = palloc(lags * sizeof(double));
	pulse_moments m = {0};
	double		sd,
				factor;

	if (!all_finite(x, n))
		PG_RETURN_FLOAT8(NAN);
	pulse_moments_add(&m, x, n);
	if (n < lags + 2 || (sd = pulse_moments_sd(&m, 1)) == 0)
		PG_RETURN_NULL();
	for (size_t k = 1; k <= lags; k++)
		if (!pulse_autocorrelation(x, n, k, &rho[k - 1]))
			PG_RETURN_NULL();
	if (!pulse_lo_factor(periods, rho, lags, &factor))
		PG_RETURN_NULL();
	return result_or_null(fcinfo, true, (m.mean - pulse_per_period_rate(rate, periods)) / sd * factor);
}

/* Returns the probability that the best of many trials has skill. */
Datum
pulse_deflated_sharpe_array(PG_FUNCTION_ARGS)
{
	double		trials = (double) PG_GETARG_INT64(1);
	double		variance = pulse_check_finite("variance of the trials' Sharpe ratios", PG_GETARG_FLOAT8(2));
	size_t		n;
	double	   *x = read_array(PG_GETARG_ARRAYTYPE_P(0), &n);
	pulse_moments m = {0};
	double		skewness,
				excess,
				sd,
				result;
	bool		defined;

	if (trials < 1 || variance < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of trials must be positive and their variance not negative"),
				 errhint("Count every strategy and parameter set that was tried.")));
	if (!all_finite(x, n))
		PG_RETURN_FLOAT8(NAN);
	pulse_moments_add(&m, x, n);
	if (n < 2 || (sd = pulse_moments_sd(&m, 1)) == 0 || !pulse_moments_population_shape(&m, &skewness, &excess))
		PG_RETURN_NULL();
	defined = pulse_psr_from_moments(m.mean / sd, pulse_expected_maximum_sharpe(trials, variance), (double) n,
									 skewness, excess + 3.0, &result);
	return result_or_null(fcinfo, defined, result);
}

/* Returns the back-tests of value at risk against the returns that followed. */
Datum
pulse_var_backtest(PG_FUNCTION_ARGS)
{
	double		confidence = pulse_check_confidence(PG_GETARG_FLOAT8(2));
	pulse_backtest b = {0};
	Datum	   *r,
			   *var;
	bool	   *r_null,
			   *var_null;
	int			n,
				n_var;
	TupleDesc	type;
	Datum		values[9];
	bool		nulls[9] = {false};
	double		kupiec,
				independence;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE || type->natts != 9)
		elog(ERROR, "pulse_var_backtest() must return nine columns");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &r, &r_null, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &var, &var_null, &n_var);
	if (n != n_var)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("returns and values at risk must have the same number of elements"),
				 errdetail("There are %d returns and %d values at risk.", n, n_var)));
	for (int i = 0; i < n; i++)
	{
		if (r_null[i] || var_null[i])
			continue;
		if (!isfinite(DatumGetFloat8(r[i])) || !isfinite(DatumGetFloat8(var[i])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a back-test needs finite returns and values at risk"),
					 errhint("Leave out the periods without a forecast, or pass NULL for them.")));
		pulse_backtest_add(&b, DatumGetFloat8(r[i]) < -DatumGetFloat8(var[i]));
	}

	values[0] = Int64GetDatum(b.n);
	values[1] = Int64GetDatum(b.exceptions);
	values[2] = Float8GetDatum((double) b.n * (1.0 - confidence));
	memset(nulls + 3, true, 6);
	if (b.n > 0)
	{
		kupiec = pulse_kupiec_statistic(b.exceptions, b.n, confidence);
		values[3] = Float8GetDatum(kupiec);
		values[4] = Float8GetDatum(pulse_chi_square_1_tail(kupiec));
		nulls[3] = nulls[4] = false;
		if (pulse_christoffersen_statistic(&b, &independence))
		{
			values[5] = Float8GetDatum(independence);
			values[6] = Float8GetDatum(pulse_chi_square_1_tail(independence));
			values[7] = Float8GetDatum(kupiec + independence);
			values[8] = Float8GetDatum(pulse_chi_square_2_tail(kupiec + independence));
			memset(nulls + 5, false, 4);
		}
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), values, nulls)));
}
