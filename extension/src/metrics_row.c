/*
 * pulse_metrics(): all figures of an equity curve in one row.
 */
#include "src/equity.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/timestamp.h"

#include "core/annualise.h"
#include "core/comoments.h"
#include "core/quantile.h"
#include "core/ratios.h"
#include "core/underwater.h"
#include "src/metric_args.h"

PG_FUNCTION_INFO_V1(pulse_equity_metrics);

/* More than the columns of the row type, checked against it. */
#define MAX_COLUMNS 64

typedef struct MetricsRow
{
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
	int			n;
	bool		nonfinite;		/* NaN went in: every figure is NaN */
} MetricsRow;

static void
put(MetricsRow *row, Datum value)
{
	Assert(row->n < MAX_COLUMNS);
	row->nulls[row->n] = false;
	row->values[row->n++] = value;
}

static void
put_figure(MetricsRow *row, bool defined, double value)
{
	if (row->nonfinite)
		put(row, Float8GetDatum(NAN));
	else if (defined && isfinite(value))
		put(row, Float8GetDatum(value));
	else
		row->nulls[row->n++] = true;
}

/* A figure that returns whether it is defined and stores its value. */
#define PUT(function, ...) \
	do { \
		double		v = 0; \
		bool		d = function(__VA_ARGS__, &v); \
		put_figure(&row, d, v); \
	} while (0)

/* The quantiles that the row needs; each selection passes over all returns. */
typedef struct Quantiles
{
	double		low;			/* 5 % */
	double		high;			/* 95 % */
	double		at;				/* 1 - confidence */
	double		tail_at;		/* mean of what lies at or below it */
	double		tail_low;
} Quantiles;

static Quantiles
select_quantiles(double *returns, size_t n, double confidence)
{
	Quantiles	q = {0};

	if (n == 0)
		return q;
	q.low = pulse_quantile(returns, n, 1.0 - PULSE_DEFAULT_CONFIDENCE);
	q.high = pulse_quantile_above(returns, n, 1.0 - PULSE_DEFAULT_CONFIDENCE, PULSE_DEFAULT_CONFIDENCE);
	q.at = confidence == PULSE_DEFAULT_CONFIDENCE ? q.low : pulse_quantile(returns, n, 1.0 - confidence);
	return q;
}

static bool
current_drawdown(const pulse_curve *curve, double *result)
{
	return !curve->lost && pulse_drawdown_current(&curve->drawdown, result);
}

/* Builds the row of all figures of a curve, for a function that returns pulse_metrics_row. */
Datum
pulse_metrics_row(FunctionCallInfo fcinfo, const pulse_curve *curve, const EquityParameters *p)
{
	MetricsRow	row = {.n = 0};
	TupleDesc	type;
	pulse_moments moments = {0};
	pulse_partial about_mar = {0};
	pulse_partial about_zero = {0};
	pulse_underwater underwater = {0};
	pulse_stability stability = {0};
	double	   *returns;
	double	   *depths;
	double		periods = (double) PULSE_USEC_PER_YEAR / (double) p->period;
	double		confidence = p->confidence;
	double		deepest;
	Quantiles	quantiles;
	size_t		n;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pulse_metrics() must return a row type");
	returns = pulse_equity_returns(curve, &n);
	about_mar.threshold = pulse_per_period_rate(p->mar, periods);
	pulse_moments_add(&moments, returns, n);
	pulse_partial_add(&about_zero, returns, n);
	if (about_mar.threshold == 0.0)
		about_mar = about_zero;
	else
		pulse_partial_add(&about_mar, returns, n);
	pulse_stability_add_all(&stability, returns, n);
	quantiles = select_quantiles(returns, n, confidence);
	quantiles.tail_low = pulse_tail_mean(returns, n, quantiles.low);
	quantiles.tail_at = quantiles.at == quantiles.low ? quantiles.tail_low : pulse_tail_mean(returns, n, quantiles.at);
	/* the returns have told all */
	depths = returns;
	if (n > 0)
		pulse_underwater_of_curve(curve, &underwater, depths);

	put(&row, Int64GetDatum(curve->n));
	put(&row, Int64GetDatum(pulse_curve_periods(curve)));
	put(&row, Int64GetDatum(pulse_curve_gaps(curve)));
	put(&row, TimestampTzGetDatum(curve->first_ts));
	put(&row, TimestampTzGetDatum(curve->last_ts));
	put(&row, Float8GetDatum(curve->first_value));
	put(&row, Float8GetDatum(curve->last_value));
	row.nonfinite = curve->nonfinite;
	put_figure(&row, true, pulse_sum_value(&curve->net_flow));
	put(&row, IntervalPGetDatum(pulse_make_interval(p->period)));
	put(&row, Float8GetDatum(periods));
	put(&row, Float8GetDatum(confidence));

	PUT(pulse_curve_last_return, curve);
	PUT(pulse_curve_total_return, curve);
	PUT(pulse_curve_cagr, curve);
	PUT(pulse_volatility, &moments, periods);
	PUT(pulse_downside_deviation, &moments, &about_mar, periods);
	PUT(pulse_sharpe, &moments, p->risk_free, periods);
	PUT(pulse_sortino, &moments, &about_mar, periods);
	PUT(pulse_curve_calmar, curve);
	PUT(pulse_drawdown_deepest, &curve->drawdown);
	PUT(current_drawdown, curve);
	if (!curve->nonfinite && pulse_drawdown_deepest(&curve->drawdown, &deepest))
		put(&row, IntervalPGetDatum(pulse_make_interval(pulse_drawdown_longest(&curve->drawdown))));
	else
		row.nulls[row.n++] = true;
	PUT(pulse_average_drawdown, &underwater);
	PUT(pulse_ulcer_index, &underwater);
	PUT(pulse_average_drawdown, &underwater);
	PUT(pulse_cdar, depths, n, confidence);
	PUT(pulse_stability_r2, &stability);
	PUT(pulse_moments_skewness, &moments);
	PUT(pulse_moments_kurtosis, &moments);
	PUT(pulse_gain_to_pain, &moments, &about_zero);
	PUT(pulse_omega, &moments, &about_zero);
	PUT(pulse_psr, &moments, 0.0);
	PUT(pulse_kelly, &moments);
	PUT(pulse_var_gaussian, &moments, confidence);
	PUT(pulse_cvar_gaussian, &moments, confidence);
	PUT(pulse_var_cornish_fisher, &moments, confidence);
	put_figure(&row, n > 0, 0.0 - quantiles.at);
	put_figure(&row, n > 0, 0.0 - quantiles.tail_at);
	put_figure(&row, n > 0, 0.0 - quantiles.low);
	put_figure(&row, n > 0, 0.0 - quantiles.tail_low);
	put_figure(&row, n > 0 && quantiles.low != 0, fabs(quantiles.high) / fabs(quantiles.low));
	pfree(returns);

	if (type->natts != row.n)
		elog(ERROR, "pulse_metrics_row has %d columns, the library %d", type->natts, row.n);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), row.values, row.nulls)));
}

/* Returns the row of all figures. */
Datum
pulse_equity_metrics(PG_FUNCTION_ARGS)
{
	EquityState *state = PG_ARGISNULL(0) ? NULL : (EquityState *) PG_GETARG_POINTER(0);

	if (state == NULL || pulse_equity_is_empty(state))
		PG_RETURN_NULL();
	pulse_equity_fold(state);
	return pulse_metrics_row(fcinfo, &state->curve, &state->parameters);
}
