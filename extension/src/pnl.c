/*
 * Aggregates over the profit or loss of closed trades.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"

#include "core/trades.h"
#include "core/windows.h"
#include "src/compat.h"
#include "src/equity.h"
#include "src/numeric_decode.h"

typedef struct PnlState
{
	pulse_trades trades;
	pulse_moments moments;
} PnlState;

typedef bool (*Figure) (const PnlState *state, double *result);

PG_FUNCTION_INFO_V1(pulse_pnl_accum);
PG_FUNCTION_INFO_V1(pulse_pnl_accum_numeric);
PG_FUNCTION_INFO_V1(pulse_pnl_combine);
PG_FUNCTION_INFO_V1(pulse_pnl_serialize);
PG_FUNCTION_INFO_V1(pulse_pnl_deserialize);
PG_FUNCTION_INFO_V1(pulse_pnl_max_consecutive_losses);

static void
add_trade(PnlState *state, double pnl)
{
	pulse_trades_add(&state->trades, pnl);
	pulse_moments_add(&state->moments, &pnl, 1);
}

static PnlState *
begin_group(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return MemoryContextAllocZero(context, sizeof(PnlState));
}

/* Transition over P&L in double precision. */
Datum
pulse_pnl_accum(PG_FUNCTION_ARGS)
{
	PnlState   *state = PG_ARGISNULL(0) ? begin_group(fcinfo) : (PnlState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
		add_trade(state, PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

/* Transition over P&L in numeric. */
Datum
pulse_pnl_accum_numeric(PG_FUNCTION_ARGS)
{
	PnlState   *state = PG_ARGISNULL(0) ? begin_group(fcinfo) : (PnlState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
		add_trade(state, pulse_numeric_to_double(PG_GETARG_DATUM(1)));
	PG_RETURN_POINTER(state);
}

/* Merges the state of a parallel worker into another. */
Datum
pulse_pnl_combine(PG_FUNCTION_ARGS)
{
	PnlState   *state = PG_ARGISNULL(0) ? NULL : (PnlState *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = begin_group(fcinfo);
	pulse_trades_merge(&state->trades, &((PnlState *) PG_GETARG_POINTER(1))->trades);
	pulse_moments_merge(&state->moments, &((PnlState *) PG_GETARG_POINTER(1))->moments);
	PG_RETURN_POINTER(state);
}

/* Writes the state for another process of the same server. */
Datum
pulse_pnl_serialize(PG_FUNCTION_ARGS)
{
	PnlState   *state = (PnlState *) PG_GETARG_POINTER(0);
	bytea	   *bytes = palloc(VARHDRSZ + sizeof(PnlState));

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	SET_VARSIZE(bytes, VARHDRSZ + sizeof(PnlState));
	memcpy(VARDATA(bytes), state, sizeof(PnlState));
	PG_RETURN_BYTEA_P(bytes);
}

/* Reads what pulse_pnl_serialize() wrote. */
Datum
pulse_pnl_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	PnlState   *state = palloc(sizeof(PnlState));

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (VARSIZE_ANY_EXHDR(bytes) == sizeof(PnlState))
		memcpy(state, VARDATA_ANY(bytes), sizeof(PnlState));
	if (VARSIZE_ANY_EXHDR(bytes) != sizeof(PnlState)
		|| state->trades.wins < 0 || state->trades.losses < 0
		|| state->trades.n < state->trades.wins + state->trades.losses
		|| state->moments.n != state->trades.n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of a profit and loss aggregate")));
	PG_RETURN_POINTER(state);
}

static Datum
finish_state(FunctionCallInfo fcinfo, const PnlState *state, Figure figure)
{
	double		result;

	if (state->trades.n == 0)
		PG_RETURN_NULL();
	if (state->trades.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (!figure(state, &result) || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

static Datum
finish(FunctionCallInfo fcinfo, Figure figure)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return finish_state(fcinfo, (PnlState *) PG_GETARG_POINTER(0), figure);
}

/* A row enters a window. */
static Datum
push(FunctionCallInfo fcinfo, bool is_numeric)
{
	pulse_queue *queue = PG_ARGISNULL(0) ? NULL : (pulse_queue *) PG_GETARG_POINTER(0);

	if (queue == NULL)
	{
		MemoryContext context;

		if (!AggCheckCallContext(fcinfo, &context))
			elog(ERROR, "aggregate function called in non-aggregate context");
		queue = MemoryContextAlloc(context, sizeof(pulse_queue));
		pulse_queue_begin(queue, &pulse_trades_window_type, NULL, pulse_palloc_memory(context));
	}
	if (!PG_ARGISNULL(1))
	{
		double		pnl = is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(1)) : PG_GETARG_FLOAT8(1);

		pulse_queue_push(queue, &pnl);
	}
	PG_RETURN_POINTER(queue);
}

PG_FUNCTION_INFO_V1(pulse_push_pnl);
PG_FUNCTION_INFO_V1(pulse_push_pnl_numeric);
PG_FUNCTION_INFO_V1(pulse_pop_pnl);

/* A trade in double precision enters a window. */
Datum
pulse_push_pnl(PG_FUNCTION_ARGS)
{
	return push(fcinfo, false);
}

/* A trade in numeric enters a window. */
Datum
pulse_push_pnl_numeric(PG_FUNCTION_ARGS)
{
	return push(fcinfo, true);
}

/* The oldest trade leaves a window. */
Datum
pulse_pop_pnl(PG_FUNCTION_ARGS)
{
	pulse_queue *queue = (pulse_queue *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		if (queue->count == 0)
			elog(ERROR, "a row leaves a window that it never entered");
		pulse_queue_pop(queue);
	}
	PG_RETURN_POINTER(queue);
}

static Datum
finish_window(FunctionCallInfo fcinfo, Figure figure)
{
	pulse_trades_window window;
	PnlState	state;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	pulse_queue_result((pulse_queue *) PG_GETARG_POINTER(0), &window);
	state.trades = window.trades;
	state.moments = window.moments;
	return finish_state(fcinfo, &state, figure);
}

#define DEFINE_FIGURE(name, core) \
	PG_FUNCTION_INFO_V1(pulse_pnl_##name); \
	PG_FUNCTION_INFO_V1(pulse_window_##name); \
	static bool name(const PnlState *state, double *result) { return core; } \
	Datum pulse_window_##name(PG_FUNCTION_ARGS) { return finish_window(fcinfo, name); } \
	Datum pulse_pnl_##name(PG_FUNCTION_ARGS) { return finish(fcinfo, name); }

DEFINE_FIGURE(win_rate, pulse_win_rate(&state->trades, result))
DEFINE_FIGURE(profit_factor, pulse_profit_factor(&state->trades, result))
DEFINE_FIGURE(average_win, pulse_average_win(&state->trades, result))
DEFINE_FIGURE(average_loss, pulse_average_loss(&state->trades, result))
DEFINE_FIGURE(payoff_ratio, pulse_payoff_ratio(&state->trades, result))
DEFINE_FIGURE(expectancy, pulse_expectancy(&state->trades, result))
DEFINE_FIGURE(kelly_discrete, pulse_kelly_discrete(&state->trades, result))
DEFINE_FIGURE(sqn, pulse_sqn(&state->moments, result))

/* Returns the longest run of losses in input order; NULL without a row or with a NaN. */
Datum
pulse_pnl_max_consecutive_losses(PG_FUNCTION_ARGS)
{
	PnlState   *state = PG_ARGISNULL(0) ? NULL : (PnlState *) PG_GETARG_POINTER(0);

	if (state == NULL || state->trades.n == 0 || state->trades.nonfinite)
		PG_RETURN_NULL();
	PG_RETURN_INT64(state->trades.longest_losing_run);
}
