/*
 * Moving-aggregate transitions over returns: rows enter and leave a queue of
 * combined elements, or a set of order statistics; nothing is subtracted.
 */
#include "src/moving.h"

#include <math.h>

#include "core/annualise.h"
#include "core/order_statistics.h"
#include "core/windows.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"

struct MovingState
{
	ReturnsState view;			/* what figures read; also has the parameters */
	pulse_queue queue;
	pulse_order_statistics order;
	bool		has_order;
};

/* A window's frame may be as long as the table, but not longer than this. */
#define MAX_FRAME (UINT32_MAX / 2)

static MovingState *
begin_window(FunctionCallInfo fcinfo, const pulse_queue_type *type, PulseParameters kind, bool has_order)
{
	MemoryContext context;
	MovingState *state;
	double		parameter[2] = {0, 0};
	int			n_parameters = PG_NARGS() - 2;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	for (int i = 0; i < n_parameters; i++)
	{
		if (PG_ARGISNULL(i + 2))
			pulse_refuse_null_parameter();
		parameter[i] = PG_GETARG_FLOAT8(i + 2);
	}
	state = MemoryContextAllocZero(context, sizeof(MovingState));
	state->view = *pulse_returns_begin(CurrentMemoryContext, 0, kind, n_parameters, parameter);
	pulse_queue_begin(&state->queue, type, &state->view.partial.threshold, pulse_palloc_memory(context));
	state->has_order = has_order;
	if (has_order)
	{
		pulse_order_statistics_begin(&state->order, pulse_palloc_memory(context));
		state->view.order = &state->order;
	}
	return state;
}

static Datum
push(FunctionCallInfo fcinfo, const pulse_queue_type *type, PulseParameters kind, bool has_order, bool is_numeric)
{
	MovingState *state = PG_ARGISNULL(0) ? begin_window(fcinfo, type, kind, has_order)
		: (MovingState *) PG_GETARG_POINTER(0);
	double		r;

	for (int i = 0; i < state->view.n_parameters; i++)
		if (PG_ARGISNULL(i + 2) || (PG_GETARG_FLOAT8(i + 2) != state->view.parameter[i] && !isnan(state->view.parameter[i])))
			pulse_refuse_changed_parameter();
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);

	if (state->queue.count >= MAX_FRAME)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the window frame has too many rows")));
	r = is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(1)) : PG_GETARG_FLOAT8(1);
	pulse_queue_push(&state->queue, &r);
	if (state->has_order && isfinite(r))
		pulse_order_statistics_add(&state->order, r);
	PG_RETURN_POINTER(state);
}

#define DEFINE_PUSH(name, type, kind, has_order) \
	PG_FUNCTION_INFO_V1(pulse_push_##name); \
	PG_FUNCTION_INFO_V1(pulse_push_##name##_numeric); \
	Datum pulse_push_##name(PG_FUNCTION_ARGS) { return push(fcinfo, &type, kind, has_order, false); } \
	Datum pulse_push_##name##_numeric(PG_FUNCTION_ARGS) { return push(fcinfo, &type, kind, has_order, true); }

/* A threshold is a rate per year for one, per period for another; the others do not need it. */
DEFINE_PUSH(spread, pulse_spread_window, PARAMETERS_PLAIN, false)
DEFINE_PUSH(shape, pulse_shape_window, PARAMETERS_PLAIN, false)
DEFINE_PUSH(growth, pulse_growth_window_type, PARAMETERS_PLAIN, false)
DEFINE_PUSH(partial, pulse_partial_window_type, PARAMETERS_RATE, false)
DEFINE_PUSH(threshold, pulse_partial_window_type, PARAMETERS_PLAIN, false)
DEFINE_PUSH(order, pulse_spread_window, PARAMETERS_PLAIN, true)

PG_FUNCTION_INFO_V1(pulse_pop);

/* Inverse transition: the oldest row leaves; rows with NULL were never in. */
Datum
pulse_pop(PG_FUNCTION_ARGS)
{
	MovingState *state = (MovingState *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	if (state->queue.count == 0)
		elog(ERROR, "a row leaves a window that it never entered");
	if (state->has_order)
	{
		double		r = *(const double *) pulse_queue_oldest(&state->queue);

		if (isfinite(r))
			pulse_order_statistics_remove(&state->order, r);
	}
	pulse_queue_pop(&state->queue);
	PG_RETURN_POINTER(state);
}

/* Returns the window's content as figures read it. */
ReturnsState *
pulse_moving_view(MovingState *state)
{
	ReturnsState *view = &state->view;

	if (state->queue.type == &pulse_partial_window_type)
	{
		pulse_partial_window window;

		pulse_queue_result(&state->queue, &window);
		view->moments = window.moments;
		view->partial = window.partial;
	}
	else if (state->queue.type == &pulse_growth_window_type)
	{
		pulse_growth_window window;

		pulse_queue_result(&state->queue, &window);
		view->moments = (pulse_moments) {.n = window.n, .nonfinite = window.growth.nonfinite};
		view->growth = window.growth;
	}
	else
		pulse_queue_result(&state->queue, &view->moments);
	return view;
}
