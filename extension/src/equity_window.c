/*
 * Equity-curve figures over the frames of windows. While the rows of a frame
 * come in time order, each enters and leaves in constant time on average;
 * a frame with rows out of order is computed from all of them again.
 */
#include "src/equity.h"

#include <math.h>

#include "utils/timestamp.h"

#include "core/sliding.h"
#include "core/windows.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"

typedef struct CurveWindow
{
	bool		flows;
	pulse_sliding sliding;		/* without flows */
	pulse_queue queue;			/* with them */
	int64		latest;			/* time in the window, or before */
	uint64		entered;		/* rows that ever did */
	uint64		disorder;		/* the last of them that was not in time order */
} CurveWindow;

PG_FUNCTION_INFO_V1(pulse_push_value);
PG_FUNCTION_INFO_V1(pulse_push_value_numeric);
PG_FUNCTION_INFO_V1(pulse_pop_value);
PG_FUNCTION_INFO_V1(pulse_push_point);
PG_FUNCTION_INFO_V1(pulse_push_point_numeric);
PG_FUNCTION_INFO_V1(pulse_pop_point);
PG_FUNCTION_INFO_V1(pulse_window_max_drawdown);
PG_FUNCTION_INFO_V1(pulse_window_max_drawdown_amount);
PG_FUNCTION_INFO_V1(pulse_window_current_drawdown);
PG_FUNCTION_INFO_V1(pulse_window_drawdown_duration);
PG_FUNCTION_INFO_V1(pulse_window_average_drawdown);
PG_FUNCTION_INFO_V1(pulse_window_ulcer_index);
PG_FUNCTION_INFO_V1(pulse_window_cagr);
PG_FUNCTION_INFO_V1(pulse_window_calmar);
PG_FUNCTION_INFO_V1(pulse_window_twr);

static size_t
count_rows(const CurveWindow *state)
{
	return state->flows ? state->queue.count : state->sliding.count;
}

static pulse_flow_point
row_at(const CurveWindow *state, size_t i)
{
	const pulse_point *point;

	if (state->flows)
		return *(const pulse_flow_point *) pulse_queue_value(&state->queue, i);
	point = pulse_sliding_row(&state->sliding, i);
	return (pulse_flow_point) {.ts = point->ts, .value = point->value};
}

static CurveWindow *
window_of(FunctionCallInfo fcinfo, bool flows)
{
	MemoryContext context;
	CurveWindow *state;

	if (!PG_ARGISNULL(0))
		return (CurveWindow *) PG_GETARG_POINTER(0);
	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	state = MemoryContextAllocZero(context, sizeof(CurveWindow));
	state->latest = PG_INT64_MIN;
	state->flows = flows;
	if (flows)
		pulse_queue_begin(&state->queue, &pulse_link_window_type, NULL, pulse_palloc_memory(context));
	else
		pulse_sliding_begin(&state->sliding, pulse_palloc_memory(context));
	return state;
}

static Datum
push(CurveWindow *state, const pulse_flow_point *point)
{
	state->entered++;
	if (point->ts < state->latest)
		state->disorder = state->entered;
	else
		state->latest = point->ts;
	if (state->flows)
		pulse_queue_push(&state->queue, point);
	else
		pulse_sliding_push(&state->sliding, point->ts, point->value);
	return PointerGetDatum(state);
}

static inline double
read_amount(FunctionCallInfo fcinfo, int i, bool is_numeric)
{
	return is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(i)) : PG_GETARG_FLOAT8(i);
}

static inline Datum
push_value(FunctionCallInfo fcinfo, bool is_numeric)
{
	CurveWindow *state = window_of(fcinfo, false);
	pulse_flow_point point = {0};

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	point.value = read_amount(fcinfo, 1, is_numeric);
	return push(state, &point);
}

static inline Datum
push_point(FunctionCallInfo fcinfo, bool is_numeric)
{
	CurveWindow *state = window_of(fcinfo, PG_NARGS() > 3);
	pulse_flow_point point = {0};

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	point.ts = pulse_check_timestamp(PG_GETARG_TIMESTAMPTZ(1));
	point.value = read_amount(fcinfo, 2, is_numeric);
	if (state->flows && !PG_ARGISNULL(3))
		point.flow = read_amount(fcinfo, 3, is_numeric);
	return push(state, &point);
}

/* A row enters a window over values in order. */
Datum
pulse_push_value(PG_FUNCTION_ARGS)
{
	return push_value(fcinfo, false);
}

/* The same over numeric. */
Datum
pulse_push_value_numeric(PG_FUNCTION_ARGS)
{
	return push_value(fcinfo, true);
}

/* A row enters a window over (time, value [, flow]). */
Datum
pulse_push_point(PG_FUNCTION_ARGS)
{
	return push_point(fcinfo, false);
}

/* The same over numeric. */
Datum
pulse_push_point_numeric(PG_FUNCTION_ARGS)
{
	return push_point(fcinfo, true);
}

static Datum
pop(CurveWindow *state, bool was_null)
{
	if (was_null)
		return PointerGetDatum(state);
	if (count_rows(state) == 0)
		elog(ERROR, "a row leaves a window that it never entered");
	if (state->flows)
		pulse_queue_pop(&state->queue);
	else
		pulse_sliding_pop(&state->sliding);
	return PointerGetDatum(state);
}

/* The oldest row leaves a window over values. */
Datum
pulse_pop_value(PG_FUNCTION_ARGS)
{
	return pop((CurveWindow *) PG_GETARG_POINTER(0), PG_ARGISNULL(1));
}

/* The oldest row leaves a window over (time, value [, flow]). */
Datum
pulse_pop_point(PG_FUNCTION_ARGS)
{
	return pop((CurveWindow *) PG_GETARG_POINTER(0), PG_ARGISNULL(1) || PG_ARGISNULL(2));
}

/* Returns the window if it has rows. */
static CurveWindow *
filled_window(FunctionCallInfo fcinfo)
{
	CurveWindow *state = PG_ARGISNULL(0) ? NULL : (CurveWindow *) PG_GETARG_POINTER(0);

	return state == NULL || count_rows(state) == 0 ? NULL : state;
}

static bool
is_disordered(const CurveWindow *state)
{
	return state->disorder > state->entered - count_rows(state);
}

/* Computes a figure from all rows of a window, by the final function of the plain aggregate. */
static Datum
rescan(FunctionCallInfo fcinfo, CurveWindow *state, PGFunction plain)
{
	const EquityParameters parameters = {.period = 0};
	EquityState *rows = pulse_equity_begin(CurrentMemoryContext, &parameters, state->flows);
	Datum		result;

	LOCAL_FCINFO(call, 1);

	state->latest = PG_INT64_MIN;
	for (size_t i = 0; i < count_rows(state); i++)
	{
		pulse_flow_point point = row_at(state, i);

		pulse_equity_add(rows, point.ts, point.value, point.flow);
		state->latest = Max(state->latest, point.ts);
	}
	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = PointerGetDatum(rows);
	call->args[0].isnull = false;
	result = plain(call);
	fcinfo->isnull = call->isnull;
	return result;
}

/* The window as far as the figures of a curve without flows read it. */
static pulse_curve
curve_of(const CurveWindow *state, const pulse_sliding_curve *c)
{
	pulse_flow_point first = row_at(state, 0);
	pulse_flow_point last = row_at(state, count_rows(state) - 1);
	double		peak = c->underwater.peak;

	return (pulse_curve) {
		.n = c->underwater.n, .first_ts = first.ts, .last_ts = last.ts, .first_value = first.value, .last_value = last.value,
		.link = 1.0, .broken = c->low <= 0,
		.drawdown = {.n = c->underwater.n, .peak = peak, .trough = peak, .last = last.value, .deepest = c->deepest}
	};
}

/* A figure of a window: computes it from what the window adds up to. */
typedef bool (*Figure) (const CurveWindow *state, const pulse_sliding_curve *c, double *result);

static Datum
finish(FunctionCallInfo fcinfo, Figure figure, PGFunction plain)
{
	CurveWindow *state = filled_window(fcinfo);
	pulse_sliding_curve curve;
	double		result;

	if (state == NULL)
		PG_RETURN_NULL();
	if (is_disordered(state))
		return rescan(fcinfo, state, plain);
	if (state->sliding.nonfinite > 0)
		PG_RETURN_FLOAT8(NAN);
	pulse_sliding_result(&state->sliding, &curve);
	if (!figure(state, &curve, &result) || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

static bool
max_drawdown(const CurveWindow *state, const pulse_sliding_curve *c, double *result)
{
	*result = c->deepest;
	return c->underwater.peak > 0;
}

static bool
max_drawdown_amount(const CurveWindow *state, const pulse_sliding_curve *c, double *result)
{
	*result = c->largest;
	return c->underwater.n > 0;
}

static bool
current_drawdown(const CurveWindow *state, const pulse_sliding_curve *c, double *result)
{
	*result = pulse_depth(c->underwater.peak, row_at(state, count_rows(state) - 1).value);
	return c->underwater.peak > 0;
}

static bool
average_drawdown(const CurveWindow *state, const pulse_sliding_curve *c, double *result)
{
	return pulse_average_drawdown(&c->underwater, result);
}

static bool
ulcer_index(const CurveWindow *state, const pulse_sliding_curve *c, double *result)
{
	return pulse_ulcer_index(&c->underwater, result);
}

static bool
cagr(const CurveWindow *state, const pulse_sliding_curve *c, double *result)
{
	pulse_curve curve = curve_of(state, c);

	return pulse_curve_cagr(&curve, result);
}

static bool
calmar(const CurveWindow *state, const pulse_sliding_curve *c, double *result)
{
	pulse_curve curve = curve_of(state, c);

	return pulse_curve_calmar(&curve, result);
}

/* Returns the largest loss from a peak in a window. */
Datum
pulse_window_max_drawdown(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, max_drawdown, pulse_equity_max_drawdown);
}

/* Returns the largest loss from a peak in money in a window. */
Datum
pulse_window_max_drawdown_amount(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, max_drawdown_amount, pulse_equity_max_drawdown_amount);
}

/* Returns the loss from the peak at the last row of a window. */
Datum
pulse_window_current_drawdown(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, current_drawdown, pulse_equity_current_drawdown);
}

/* Returns the mean drawdown in a window. */
Datum
pulse_window_average_drawdown(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, average_drawdown, pulse_equity_average_drawdown);
}

/* Returns the root of the mean squared drawdown in a window. */
Datum
pulse_window_ulcer_index(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, ulcer_index, pulse_equity_ulcer_index);
}

/* Returns the compound annual growth rate of a window over calendar time. */
Datum
pulse_window_cagr(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, cagr, pulse_equity_cagr);
}

/* Returns CAGR over maximum drawdown of a window. */
Datum
pulse_window_calmar(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, calmar, pulse_equity_calmar);
}

/* Returns the longest time from a peak to its recovery in a window; NULL with a NaN. */
Datum
pulse_window_drawdown_duration(PG_FUNCTION_ARGS)
{
	CurveWindow *state = filled_window(fcinfo);
	pulse_sliding_curve curve;

	if (state == NULL)
		PG_RETURN_NULL();
	if (is_disordered(state))
		return rescan(fcinfo, state, pulse_equity_drawdown_duration);
	pulse_sliding_result(&state->sliding, &curve);
	if (state->sliding.nonfinite > 0 || !(curve.underwater.peak > 0))
		PG_RETURN_NULL();
	PG_RETURN_INTERVAL_P(pulse_make_interval(curve.longest));
}

/* Returns the time-weighted return of a window, which begins after the flow of its first row. */
Datum
pulse_window_twr(PG_FUNCTION_ARGS)
{
	CurveWindow *state = filled_window(fcinfo);
	pulse_link_window link;
	double		result;

	if (state == NULL)
		PG_RETURN_NULL();
	if (is_disordered(state))
		return rescan(fcinfo, state, pulse_equity_twr);
	pulse_queue_result(&state->queue, &link);
	if (link.nonfinite > 0)
		PG_RETURN_FLOAT8(NAN);
	result = pulse_linked_return(row_at(state, 0).value, row_at(state, count_rows(state) - 1).value, link.rest);
	if (link.not_positive > 0 || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}
