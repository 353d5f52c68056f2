/*
 * Aggregates over returns whose result depends on their order, so that they
 * have no combine function: stability and EWMA volatility. Over the frames of
 * windows: src/ordered_window.c.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/array.h"

#include "core/annualise.h"
#include "core/comoments.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"

typedef struct OrderedState
{
	pulse_stability stability;
	double		variance;		/* exponentially weighted */
	int			n_parameters;
	double		parameter[2];	/* lambda, periods */
} OrderedState;

PG_FUNCTION_INFO_V1(pulse_ordered_accum);
PG_FUNCTION_INFO_V1(pulse_ordered_accum_numeric);
PG_FUNCTION_INFO_V1(pulse_ordered_stability);
PG_FUNCTION_INFO_V1(pulse_ordered_ewma_volatility);
PG_FUNCTION_INFO_V1(pulse_array_stability);
PG_FUNCTION_INFO_V1(pulse_array_ewma_volatility);

static void
set_parameters(OrderedState *state, FunctionCallInfo fcinfo, int first)
{
	state->n_parameters = PG_NARGS() - first;
	state->parameter[0] = PULSE_DEFAULT_LAMBDA;
	state->parameter[1] = PULSE_PERIODS_PER_YEAR;
	for (int i = 0; i < state->n_parameters; i++)
	{
		if (PG_ARGISNULL(first + i))
			pulse_refuse_null_parameter();
		state->parameter[i] = PG_GETARG_FLOAT8(first + i);
	}
	pulse_check_lambda(state->parameter[0]);
	pulse_check_periods(state->parameter[1]);
}

static void
add_return(OrderedState *state, double r)
{
	double		lambda = state->parameter[0];

	/* the first squared return is the seed */
	state->variance = state->stability.line.n == 0 ? r * r : lambda * state->variance + (1 - lambda) * r * r;
	if (!isfinite(r))
		state->stability.line.nonfinite = true;
	pulse_stability_add(&state->stability, r);
}

static inline Datum
accumulate(FunctionCallInfo fcinfo, bool is_numeric)
{
	OrderedState *state;

	if (PG_ARGISNULL(0))
	{
		MemoryContext context;

		if (!AggCheckCallContext(fcinfo, &context))
			elog(ERROR, "aggregate function called in non-aggregate context");
		state = MemoryContextAllocZero(context, sizeof(OrderedState));
		set_parameters(state, fcinfo, 2);
	}
	else
	{
		state = (OrderedState *) PG_GETARG_POINTER(0);
		for (int i = 0; i < state->n_parameters; i++)
			if (PG_ARGISNULL(i + 2) || PG_GETARG_FLOAT8(i + 2) != state->parameter[i])
				pulse_refuse_changed_parameter();
	}
	if (!PG_ARGISNULL(1))
		add_return(state, is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(1)) : PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

/* Transition over returns in double precision [, lambda [, periods]]. */
Datum
pulse_ordered_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false);
}

/* Transition over returns in numeric [, lambda [, periods]]. */
Datum
pulse_ordered_accum_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, true);
}

static bool
stability(const OrderedState *state, double *result)
{
	return pulse_stability_r2(&state->stability, result);
}

static bool
ewma_volatility(const OrderedState *state, double *result)
{
	*result = sqrt(state->variance) * sqrt(state->parameter[1]);
	return state->stability.line.n >= 2;
}

static Datum
finish(FunctionCallInfo fcinfo, const OrderedState *state, bool (*figure) (const OrderedState *, double *))
{
	double		result;

	if (state->stability.line.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (!figure(state, &result) || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

static Datum
finish_array(FunctionCallInfo fcinfo, bool (*figure) (const OrderedState *, double *))
{
	OrderedState state = {.n_parameters = 0};
	ArrayIterator iterator = array_create_iterator(PG_GETARG_ARRAYTYPE_P(0), 0, NULL);
	Datum		value;
	bool		isnull;

	set_parameters(&state, fcinfo, 1);
	while (array_iterate(iterator, &value, &isnull))
		if (!isnull)
			add_return(&state, DatumGetFloat8(value));
	return finish(fcinfo, &state, figure);
}

/* Returns R squared of the cumulative log return on time. */
Datum
pulse_ordered_stability(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return finish(fcinfo, (OrderedState *) PG_GETARG_POINTER(0), stability);
}

/* Returns the annualised exponentially weighted volatility. */
Datum
pulse_ordered_ewma_volatility(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return finish(fcinfo, (OrderedState *) PG_GETARG_POINTER(0), ewma_volatility);
}

/* Stability over an array. */
Datum
pulse_array_stability(PG_FUNCTION_ARGS)
{
	return finish_array(fcinfo, stability);
}

/* EWMA volatility over an array. */
Datum
pulse_array_ewma_volatility(PG_FUNCTION_ARGS)
{
	return finish_array(fcinfo, ewma_volatility);
}
