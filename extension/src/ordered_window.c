/*
 * Moving-aggregate transitions of figures that depend on the order of their
 * rows: stability, EWMA volatility and losses in a row.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"

#include "core/annualise.h"
#include "core/windows.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"

typedef struct OrderedWindow
{
	pulse_queue queue;
	int			n_parameters;
	double		parameter[2];	/* lambda, periods */
} OrderedWindow;

static OrderedWindow *
begin_window(FunctionCallInfo fcinfo, const pulse_queue_type *type)
{
	MemoryContext context;
	OrderedWindow *state;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	state = MemoryContextAllocZero(context, sizeof(OrderedWindow));
	state->n_parameters = PG_NARGS() - 2;
	state->parameter[0] = PULSE_DEFAULT_LAMBDA;
	state->parameter[1] = PULSE_PERIODS_PER_YEAR;
	for (int i = 0; i < state->n_parameters; i++)
	{
		if (PG_ARGISNULL(i + 2))
			pulse_refuse_null_parameter();
		state->parameter[i] = PG_GETARG_FLOAT8(i + 2);
	}
	pulse_check_lambda(state->parameter[0]);
	pulse_check_periods(state->parameter[1]);
	pulse_queue_begin(&state->queue, type, &state->parameter[0], pulse_palloc_memory(context));
	return state;
}

static Datum
push(FunctionCallInfo fcinfo, const pulse_queue_type *type, bool is_numeric)
{
	OrderedWindow *state = PG_ARGISNULL(0) ? begin_window(fcinfo, type) : (OrderedWindow *) PG_GETARG_POINTER(0);

	for (int i = 0; i < state->n_parameters; i++)
		if (PG_ARGISNULL(i + 2) || PG_GETARG_FLOAT8(i + 2) != state->parameter[i])
			pulse_refuse_changed_parameter();
	if (!PG_ARGISNULL(1))
	{
		double		value = is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(1)) : PG_GETARG_FLOAT8(1);

		pulse_queue_push(&state->queue, &value);
	}
	PG_RETURN_POINTER(state);
}

#define DEFINE_PUSH(name, type) \
	PG_FUNCTION_INFO_V1(pulse_push_##name); \
	PG_FUNCTION_INFO_V1(pulse_push_##name##_numeric); \
	Datum pulse_push_##name(PG_FUNCTION_ARGS) { return push(fcinfo, &type, false); } \
	Datum pulse_push_##name##_numeric(PG_FUNCTION_ARGS) { return push(fcinfo, &type, true); }

DEFINE_PUSH(stability, pulse_stability_window_type)
DEFINE_PUSH(ewma, pulse_ewma_window_type)
DEFINE_PUSH(losses, pulse_runs_window_type)

PG_FUNCTION_INFO_V1(pulse_pop_ordered);
PG_FUNCTION_INFO_V1(pulse_window_stability);
PG_FUNCTION_INFO_V1(pulse_window_ewma_volatility);
PG_FUNCTION_INFO_V1(pulse_window_max_consecutive_losses);

/* The oldest row leaves a window; rows with NULL were never in. */
Datum
pulse_pop_ordered(PG_FUNCTION_ARGS)
{
	OrderedWindow *state = (OrderedWindow *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		if (state->queue.count == 0)
			elog(ERROR, "a row leaves a window that it never entered");
		pulse_queue_pop(&state->queue);
	}
	PG_RETURN_POINTER(state);
}

/* Reads what all rows of a window combine to; false if there are none. */
static bool
read_window(FunctionCallInfo fcinfo, void *element)
{
	OrderedWindow *state = PG_ARGISNULL(0) ? NULL : (OrderedWindow *) PG_GETARG_POINTER(0);

	if (state == NULL || state->queue.count == 0)
		return false;
	pulse_queue_result(&state->queue, element);
	return true;
}

/* Returns R squared of the cumulative log return on time in a window. */
Datum
pulse_window_stability(PG_FUNCTION_ARGS)
{
	pulse_stability stability;
	double		result;

	if (!read_window(fcinfo, &stability))
		PG_RETURN_NULL();
	if (stability.line.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (!pulse_stability_r2(&stability, &result) || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/* Returns the annualised exponentially weighted volatility of a window. */
Datum
pulse_window_ewma_volatility(PG_FUNCTION_ARGS)
{
	pulse_ewma_window window;
	double		result;

	if (!read_window(fcinfo, &window))
		PG_RETURN_NULL();
	if (window.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	result = sqrt(window.first * (window.decay / window.lambda) + window.rest)
		* sqrt(((OrderedWindow *) PG_GETARG_POINTER(0))->parameter[1]);
	if (window.n < 2 || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/* Returns the longest run of losses in a window; NULL with a NaN. */
Datum
pulse_window_max_consecutive_losses(PG_FUNCTION_ARGS)
{
	pulse_runs_window window;

	if (!read_window(fcinfo, &window) || window.nonfinite)
		PG_RETURN_NULL();
	PG_RETURN_INT64(window.longest);
}
