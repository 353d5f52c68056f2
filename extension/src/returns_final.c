/*
 * The figures over returns: each is a final function of the shared state, and
 * the same over an array.
 */
#include "src/returns.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "core/annualise.h"
#include "core/inference.h"
#include "core/order_statistics.h"
#include "core/quantile.h"
#include "core/ratios.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/moving.h"
#include "src/summary.h"
#include "src/value_sort.h"

typedef bool (*Figure) (ReturnsState *state, double *result);

/* Parameter readers: a figure's parameters are checked whenever it is computed. */
static double
rate_of(const ReturnsState *state)
{
	return state->n_parameters > 0 ? pulse_check_rate("annual rate", state->parameter[0]) : 0.0;
}

static double
periods_of(const ReturnsState *state, int position)
{
	return state->n_parameters > position ? pulse_check_periods(state->parameter[position])
		: PULSE_PERIODS_PER_YEAR;
}

static double
confidence_of(const ReturnsState *state)
{
	return state->n_parameters > 0 ? pulse_check_confidence(state->parameter[0])
		: PULSE_DEFAULT_CONFIDENCE;
}

static bool
total_return(ReturnsState *state, double *result)
{
	return state->moments.n > 0 && pulse_growth_total_return(&state->growth, result);
}

static bool
volatility(ReturnsState *state, double *result)
{
	return pulse_volatility(&state->moments, periods_of(state, 0), result);
}

static bool
downside_deviation(ReturnsState *state, double *result)
{
	return pulse_downside_deviation(&state->moments, &state->partial, periods_of(state, 1), result);
}

static bool
sharpe(ReturnsState *state, double *result)
{
	return pulse_sharpe(&state->moments, rate_of(state), periods_of(state, 1), result);
}

static bool
sortino(ReturnsState *state, double *result)
{
	return pulse_sortino(&state->moments, &state->partial, periods_of(state, 1), result);
}

/* Quantiles come from all values in memory or on disk, or from a window's order statistics. */
static double
quantile_of(ReturnsState *state, double p)
{
	if (state->order)
		return pulse_order_statistics_quantile(state->order, p);
	if (state->sort)
		return pulse_value_sort_quantile(state->sort, p);
	return pulse_quantile(state->values, state->n_values, p);
}

static double
tail_mean_of(ReturnsState *state, double limit)
{
	if (state->order)
		return pulse_order_statistics_tail_mean(state->order, limit);
	if (state->sort)
		return pulse_value_sort_tail_mean(state->sort, limit);
	return pulse_tail_mean(state->values, state->n_values, limit);
}

static bool
has_values(const ReturnsState *state)
{
	return state->order ? pulse_order_statistics_count(state->order) > 0
		: state->sort != NULL || state->n_values > 0;
}

static bool
var(ReturnsState *state, double *result)
{
	double		confidence = confidence_of(state);

	if (!has_values(state))
		return false;
	/* not -x, which would make a minus zero of 0 */
	*result = 0.0 - quantile_of(state, 1.0 - confidence);
	return true;
}

static bool
cvar(ReturnsState *state, double *result)
{
	double		quantile;

	if (!var(state, &quantile))
		return false;
	*result = 0.0 - tail_mean_of(state, -quantile);
	return true;
}

static bool
var_gaussian(ReturnsState *state, double *result)
{
	return pulse_var_gaussian(&state->moments, confidence_of(state), result);
}

static bool
cvar_gaussian(ReturnsState *state, double *result)
{
	return pulse_cvar_gaussian(&state->moments, confidence_of(state), result);
}

static bool
var_cornish_fisher(ReturnsState *state, double *result)
{
	return pulse_var_cornish_fisher(&state->moments, confidence_of(state), result);
}

static bool
cvar_cornish_fisher(ReturnsState *state, double *result)
{
	return pulse_cvar_cornish_fisher(&state->moments, confidence_of(state), result);
}

static bool
adjusted_sharpe(ReturnsState *state, double *result)
{
	return pulse_adjusted_sharpe(&state->moments, rate_of(state), periods_of(state, 1), result);
}

static bool
cornish_fisher_valid(ReturnsState *state, double *result)
{
	double		skewness,
				excess;

	confidence_of(state);
	if (!pulse_moments_population_shape(&state->moments, &skewness, &excess))
		return false;
	*result = pulse_cornish_fisher_valid(skewness, excess);
	return true;
}

static bool
omega(ReturnsState *state, double *result)
{
	if (state->n_parameters > 0)
		pulse_check_finite("threshold", state->parameter[0]);
	return pulse_omega(&state->moments, &state->partial, result);
}

static bool
skewness(ReturnsState *state, double *result)
{
	return pulse_moments_skewness(&state->moments, result);
}

static bool
kurtosis(ReturnsState *state, double *result)
{
	return pulse_moments_kurtosis(&state->moments, result);
}

static bool
tail_ratio(ReturnsState *state, double *result)
{
	double		low;

	if (!has_values(state))
		return false;
	low = fabs(quantile_of(state, 1.0 - PULSE_DEFAULT_CONFIDENCE));
	if (low == 0)
		return false;
	*result = fabs(quantile_of(state, PULSE_DEFAULT_CONFIDENCE)) / low;
	return true;
}

static bool
gain_to_pain(ReturnsState *state, double *result)
{
	return pulse_gain_to_pain(&state->moments, &state->partial, result);
}

static bool
psr(ReturnsState *state, double *result)
{
	double		benchmark = state->n_parameters > 0
		? pulse_check_finite("benchmark Sharpe ratio", state->parameter[0]) : 0.0;

	return pulse_psr(&state->moments, benchmark, result);
}

static bool
kelly(ReturnsState *state, double *result)
{
	return pulse_kelly(&state->moments, result);
}

/* Computes a figure: NaN in gives NaN out, an undefined or overflowing one NULL. */
static Datum
finish(FunctionCallInfo fcinfo, ReturnsState *state, Figure figure)
{
	double		result = 0;
	bool		defined;

	pulse_returns_fold(state);
	if (state->sort && state->n_values > 0)
	{
		pulse_value_sort_put(state->sort, state->values, state->n_values);
		state->n_values = state->n_folded = 0;
	}
	defined = figure(state, &result);
	if (state->moments.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (!defined || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

static Datum
finish_aggregate(FunctionCallInfo fcinfo, Figure figure)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return finish(fcinfo, (ReturnsState *) PG_GETARG_POINTER(0), figure);
}

/* Computes a figure over an array: its elements in order, NULL ones skipped. */
static Datum
finish_array(FunctionCallInfo fcinfo, Figure figure, uint32 needs, PulseParameters kind)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	double		parameter[2] = {0, 0};
	int			n_parameters = PG_NARGS() - 1;
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const double *values = (const double *) ARR_DATA_PTR(array);
	const bits8 *bitmap = ARR_NULLBITMAP(array);
	ReturnsState *state;

	for (int i = 0; i < n_parameters; i++)
		parameter[i] = PG_GETARG_FLOAT8(i + 1);
	state = pulse_returns_begin(CurrentMemoryContext, needs, n_parameters == 0 ? PARAMETERS_NONE : kind,
								n_parameters, parameter);
	for (int i = 0; i < n; i++)
		if (bitmap == NULL || (bitmap[i / 8] & (1 << (i % 8))))
			pulse_returns_add(state, *values++);
	return finish(fcinfo, state, figure);
}

/* Computes a figure of a window. */
static Datum
finish_moving(FunctionCallInfo fcinfo, Figure figure)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return finish(fcinfo, pulse_moving_view((MovingState *) PG_GETARG_POINTER(0)), figure);
}

/* Computes a figure over the bucket returns of a summary: (summary [, parameter], period). */
static Datum
finish_summary(FunctionCallInfo fcinfo, Figure figure, uint32 needs, PulseParameters kind)
{
	int64		period = pulse_check_period(PG_GETARG_INTERVAL_P(PG_NARGS() - 1));
	double		periods = (double) PULSE_USEC_PER_YEAR / (double) period;
	double		parameter[2] = {periods, periods};
	pulse_curve curve;
	ReturnsState *state;
	double	   *returns;
	size_t		n;

	pulse_summary_curve(PG_GETARG_DATUM(0), period, &curve);
	if (PG_NARGS() > 2)
		parameter[0] = PG_GETARG_FLOAT8(1);
	state = pulse_returns_begin(CurrentMemoryContext, needs, kind,
								kind == PARAMETERS_NONE ? 0 : kind == PARAMETERS_RATE ? 2 : 1, parameter);
	returns = pulse_equity_returns(&curve, &n);
	for (size_t i = 0; i < n; i++)
		pulse_returns_add(state, returns[i]);
	state->moments.nonfinite |= curve.nonfinite;
	return finish(fcinfo, state, figure);
}

/*
 * Every figure with what it needs and how its parameters are read. The SQL
 * functions are pulse_returns_NAME (final), pulse_moving_NAME (final, of a
 * window), pulse_array_NAME and pulse_summary_NAME.
 */
#define FIGURES(FIGURE) \
	FIGURE(total_return, NEEDS_GROWTH, PARAMETERS_NONE) \
	FIGURE(volatility, 0, PARAMETERS_PERIODS) \
	FIGURE(downside_deviation, NEEDS_PARTIAL, PARAMETERS_RATE) \
	FIGURE(sharpe, 0, PARAMETERS_RATE) \
	FIGURE(sortino, NEEDS_PARTIAL, PARAMETERS_RATE) \
	FIGURE(var, NEEDS_VALUES, PARAMETERS_PLAIN) \
	FIGURE(cvar, NEEDS_VALUES, PARAMETERS_PLAIN) \
	FIGURE(var_gaussian, 0, PARAMETERS_PLAIN) \
	FIGURE(cvar_gaussian, 0, PARAMETERS_PLAIN) \
	FIGURE(var_cornish_fisher, 0, PARAMETERS_PLAIN) \
	FIGURE(cvar_cornish_fisher, 0, PARAMETERS_PLAIN) \
	FIGURE(adjusted_sharpe, 0, PARAMETERS_RATE) \
	FIGURE(omega, NEEDS_PARTIAL, PARAMETERS_PLAIN) \
	FIGURE(skewness, 0, PARAMETERS_NONE) \
	FIGURE(kurtosis, 0, PARAMETERS_NONE) \
	FIGURE(tail_ratio, NEEDS_VALUES, PARAMETERS_NONE) \
	FIGURE(gain_to_pain, NEEDS_PARTIAL, PARAMETERS_NONE) \
	FIGURE(psr, 0, PARAMETERS_PLAIN) \
	FIGURE(kelly, 0, PARAMETERS_NONE)

#define DEFINE_FIGURE(name, needs, kind) \
	PG_FUNCTION_INFO_V1(pulse_returns_##name); \
	PG_FUNCTION_INFO_V1(pulse_array_##name); \
	PG_FUNCTION_INFO_V1(pulse_summary_##name); \
	PG_FUNCTION_INFO_V1(pulse_moving_##name); \
	Datum pulse_returns_##name(PG_FUNCTION_ARGS) { return finish_aggregate(fcinfo, name); } \
	Datum pulse_array_##name(PG_FUNCTION_ARGS) { return finish_array(fcinfo, name, needs, kind); } \
	Datum pulse_summary_##name(PG_FUNCTION_ARGS) { return finish_summary(fcinfo, name, needs, kind); } \
	Datum pulse_moving_##name(PG_FUNCTION_ARGS) { return finish_moving(fcinfo, name); }

FIGURES(DEFINE_FIGURE)

PG_FUNCTION_INFO_V1(pulse_returns_cornish_fisher_valid);
PG_FUNCTION_INFO_V1(pulse_array_cornish_fisher_valid);
PG_FUNCTION_INFO_V1(pulse_moving_cornish_fisher_valid);

/* Turns a figure that is 1 or 0 into a boolean; NaN in gives NULL. */
static Datum
as_boolean(FunctionCallInfo fcinfo, Datum figure)
{
	if (fcinfo->isnull || isnan(DatumGetFloat8(figure)))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(DatumGetFloat8(figure) != 0);
}

/* Returns whether the Cornish-Fisher expansion is a distribution at the measured shape. */
Datum
pulse_returns_cornish_fisher_valid(PG_FUNCTION_ARGS)
{
	Datum		figure = finish_aggregate(fcinfo, cornish_fisher_valid);

	return as_boolean(fcinfo, figure);
}

/* The same over a window. */
Datum
pulse_moving_cornish_fisher_valid(PG_FUNCTION_ARGS)
{
	Datum		figure = finish_moving(fcinfo, cornish_fisher_valid);

	return as_boolean(fcinfo, figure);
}

/* The same over an array. */
Datum
pulse_array_cornish_fisher_valid(PG_FUNCTION_ARGS)
{
	Datum		figure = finish_array(fcinfo, cornish_fisher_valid, 0, PARAMETERS_NONE);

	return as_boolean(fcinfo, figure);
}

/* Returns what a final function needs; everything if it is not one of ours. */
uint32
pulse_returns_needs(PGFunction final_function)
{
#define MATCH_FIGURE(name, needs, kind) \
	if (final_function == pulse_returns_##name) \
		return needs;

	FIGURES(MATCH_FIGURE)
	if (final_function == pulse_returns_cornish_fisher_valid)
		return 0;
	return NEEDS_ALL;
}
