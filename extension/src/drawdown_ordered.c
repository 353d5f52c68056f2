/*
 * Drawdown aggregates over values that the query brings in order,
 * pulse_max_drawdown(value ORDER BY ts), in constant memory; and over the
 * frames of windows, with or without times.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/timestamp.h"

#include "core/drawdown.h"
#include "core/windows.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"

typedef struct DrawdownState
{
	pulse_drawdown drawdown;
	bool		nonfinite;
} DrawdownState;

PG_FUNCTION_INFO_V1(pulse_drawdown_accum);
PG_FUNCTION_INFO_V1(pulse_drawdown_accum_numeric);
PG_FUNCTION_INFO_V1(pulse_drawdown_max);
PG_FUNCTION_INFO_V1(pulse_drawdown_now);

static inline Datum
accumulate(FunctionCallInfo fcinfo, bool is_numeric)
{
	DrawdownState *state;

	if (unlikely(PG_ARGISNULL(0)))
	{
		MemoryContext context;

		if (!AggCheckCallContext(fcinfo, &context))
			elog(ERROR, "aggregate function called in non-aggregate context");
		state = MemoryContextAllocZero(context, sizeof(DrawdownState));
	}
	else
		state = (DrawdownState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		double		value = is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(1)) : PG_GETARG_FLOAT8(1);

		if (likely(isfinite(value)))
			pulse_drawdown_add(&state->drawdown, 0, value);
		else
			state->nonfinite = true;
	}
	PG_RETURN_POINTER(state);
}

/* Transition over values in double precision, in order. */
Datum
pulse_drawdown_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false);
}

/* Transition over values in numeric, in order. */
Datum
pulse_drawdown_accum_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, true);
}

static Datum
finish(FunctionCallInfo fcinfo, bool (*figure) (const pulse_drawdown *, double *))
{
	DrawdownState *state = PG_ARGISNULL(0) ? NULL : (DrawdownState *) PG_GETARG_POINTER(0);
	double		result;

	if (state == NULL)
		PG_RETURN_NULL();
	if (state->nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (!figure(&state->drawdown, &result) || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/* Returns the largest loss from a peak. */
Datum
pulse_drawdown_max(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, pulse_drawdown_deepest);
}

/* Returns the loss from the peak at the last value. */
Datum
pulse_drawdown_now(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, pulse_drawdown_current);
}

typedef struct DrawdownWindow
{
	pulse_queue queue;
	int64		latest;			/* time in the window, or before */
	uint64		entered;		/* rows that ever did */
	uint64		disorder;		/* the last of them that was not in time order */
} DrawdownWindow;

PG_FUNCTION_INFO_V1(pulse_push_value);
PG_FUNCTION_INFO_V1(pulse_push_value_numeric);
PG_FUNCTION_INFO_V1(pulse_push_point);
PG_FUNCTION_INFO_V1(pulse_push_point_numeric);
PG_FUNCTION_INFO_V1(pulse_pop_value);
PG_FUNCTION_INFO_V1(pulse_pop_point);
PG_FUNCTION_INFO_V1(pulse_window_max_drawdown);
PG_FUNCTION_INFO_V1(pulse_window_current_drawdown);

static DrawdownWindow *
window_of(FunctionCallInfo fcinfo)
{
	MemoryContext context;
	DrawdownWindow *state;

	if (!PG_ARGISNULL(0))
		return (DrawdownWindow *) PG_GETARG_POINTER(0);
	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	state = MemoryContextAllocZero(context, sizeof(DrawdownWindow));
	state->latest = PG_INT64_MIN;
	pulse_queue_begin(&state->queue, &pulse_drawdown_window_type, NULL, pulse_palloc_memory(context));
	return state;
}

static Datum
push(DrawdownWindow *state, int64 ts, double value)
{
	pulse_point point = {ts, value};

	state->entered++;
	if (ts < state->latest)
		state->disorder = state->entered;
	else
		state->latest = ts;
	pulse_queue_push(&state->queue, &point);
	return PointerGetDatum(state);
}

/* A row enters a window over values. */
Datum
pulse_push_value(PG_FUNCTION_ARGS)
{
	DrawdownWindow *state = window_of(fcinfo);

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	return push(state, 0, PG_GETARG_FLOAT8(1));
}

/* The same over numeric. */
Datum
pulse_push_value_numeric(PG_FUNCTION_ARGS)
{
	DrawdownWindow *state = window_of(fcinfo);

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	return push(state, 0, pulse_numeric_to_double(PG_GETARG_DATUM(1)));
}

/* A row enters a window over (time, value). */
Datum
pulse_push_point(PG_FUNCTION_ARGS)
{
	DrawdownWindow *state = window_of(fcinfo);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	return push(state, pulse_check_timestamp(PG_GETARG_TIMESTAMPTZ(1)), PG_GETARG_FLOAT8(2));
}

/* The same over numeric. */
Datum
pulse_push_point_numeric(PG_FUNCTION_ARGS)
{
	DrawdownWindow *state = window_of(fcinfo);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	return push(state, pulse_check_timestamp(PG_GETARG_TIMESTAMPTZ(1)), pulse_numeric_to_double(PG_GETARG_DATUM(2)));
}

static Datum
pop(DrawdownWindow *state, bool was_null)
{
	if (!was_null)
	{
		if (state->queue.count == 0)
			elog(ERROR, "a row leaves a window that it never entered");
		pulse_queue_pop(&state->queue);
	}
	return PointerGetDatum(state);
}

/* The oldest row leaves a window over values. */
Datum
pulse_pop_value(PG_FUNCTION_ARGS)
{
	return pop((DrawdownWindow *) PG_GETARG_POINTER(0), PG_ARGISNULL(1));
}

/* The oldest row leaves a window over (time, value). */
Datum
pulse_pop_point(PG_FUNCTION_ARGS)
{
	return pop((DrawdownWindow *) PG_GETARG_POINTER(0), PG_ARGISNULL(1) || PG_ARGISNULL(2));
}

/* The drawdown of a window whose rows are not in time order: all of them again, sorted. */
static pulse_drawdown_window
sorted_window(DrawdownWindow *state)
{
	const EquityParameters parameters = {.period = 0};
	EquityState *rows = pulse_equity_begin(CurrentMemoryContext, &parameters, false);
	pulse_drawdown_window window = {.n = (int64) state->queue.count};
	const pulse_drawdown *d;

	state->latest = PG_INT64_MIN;
	for (size_t i = 0; i < state->queue.count; i++)
	{
		const pulse_point *point = pulse_queue_value(&state->queue, i);

		pulse_equity_add(rows, point->ts, point->value, 0);
		state->latest = Max(state->latest, point->ts);
	}
	pulse_equity_fold(rows);
	d = &rows->curve.drawdown;
	window.nonfinite = rows->curve.nonfinite;
	window.high = d->peak;
	window.last = d->last;
	pulse_drawdown_deepest(d, &window.deepest);
	return window;
}

static Datum
finish_window(FunctionCallInfo fcinfo, bool current)
{
	DrawdownWindow *state = PG_ARGISNULL(0) ? NULL : (DrawdownWindow *) PG_GETARG_POINTER(0);
	pulse_drawdown_window window;

	if (state == NULL || state->queue.count == 0)
		PG_RETURN_NULL();
	if (state->disorder > state->entered - state->queue.count)
		window = sorted_window(state);
	else
		pulse_queue_result(&state->queue, &window);
	if (window.nonfinite > 0)
		PG_RETURN_FLOAT8(NAN);
	if (!(window.high > 0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(current ? pulse_depth(window.high, window.last) : window.deepest);
}

/* Returns the largest loss from a peak in a window. */
Datum
pulse_window_max_drawdown(PG_FUNCTION_ARGS)
{
	return finish_window(fcinfo, false);
}

/* Returns the loss from the peak at the last row of a window. */
Datum
pulse_window_current_drawdown(PG_FUNCTION_ARGS)
{
	return finish_window(fcinfo, true);
}
