/*
 * Drawdown aggregates over values that the query brings in order,
 * pulse_max_drawdown(value ORDER BY ts), in constant memory.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"

#include "core/drawdown.h"
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
PG_FUNCTION_INFO_V1(pulse_drawdown_money);

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

/* Returns the largest loss from a peak in money. */
Datum
pulse_drawdown_money(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, pulse_drawdown_amount);
}
