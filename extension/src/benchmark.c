/*
 * Aggregates over returns and a benchmark's returns, and the same over
 * arrays.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "catalog/pg_type.h"
#include "utils/array.h"

#include "core/annualise.h"
#include "core/benchmark.h"
#include "core/windows.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/compat.h"
#include "src/numeric_decode.h"
#include "src/query_needs.h"

#define NEEDS_GROWTH 0x01

typedef struct PairState
{
	uint32		needs;
	int			n_parameters;
	bool		is_rate;		/* the first parameter is an annual rate, not periods per year */
	double		parameter[2];
	pulse_benchmark benchmark;
} PairState;

typedef bool (*Figure) (const pulse_benchmark *p, double risk_free, double periods, double *result);

PG_FUNCTION_INFO_V1(pulse_pair_accum);
PG_FUNCTION_INFO_V1(pulse_pair_accum_numeric);
PG_FUNCTION_INFO_V1(pulse_pair_accum_rate);
PG_FUNCTION_INFO_V1(pulse_pair_accum_rate_numeric);
PG_FUNCTION_INFO_V1(pulse_pair_accum_periods);
PG_FUNCTION_INFO_V1(pulse_pair_accum_periods_numeric);
PG_FUNCTION_INFO_V1(pulse_pair_combine);
PG_FUNCTION_INFO_V1(pulse_pair_serialize);
PG_FUNCTION_INFO_V1(pulse_pair_deserialize);

static uint32 needs_of(PGFunction final_function);

static void
set_parameters(PairState *state, FunctionCallInfo fcinfo, int first, bool is_rate)
{
	state->n_parameters = PG_NARGS() - first;
	state->is_rate = is_rate;
	for (int i = 0; i < state->n_parameters; i++)
	{
		if (PG_ARGISNULL(first + i))
			pulse_refuse_null_parameter();
		state->parameter[i] = PG_GETARG_FLOAT8(first + i);
	}
	if (is_rate && state->n_parameters > 0)
		pulse_check_rate("risk_free", state->parameter[0]);
	if (state->n_parameters > is_rate)
		pulse_check_periods(state->parameter[is_rate ? 1 : 0]);
}

static inline Datum
accumulate(FunctionCallInfo fcinfo, bool is_rate, bool is_numeric)
{
	PairState  *state;

	if (unlikely(PG_ARGISNULL(0)))
	{
		MemoryContext context;

		if (!AggCheckCallContext(fcinfo, &context))
			elog(ERROR, "aggregate function called in non-aggregate context");
		state = MemoryContextAllocZero(context, sizeof(PairState));
		set_parameters(state, fcinfo, 3, is_rate);
		state->needs = pulse_query_needs(fcinfo, needs_of, NEEDS_GROWTH);
	}
	else
	{
		state = (PairState *) PG_GETARG_POINTER(0);
		for (int i = 0; i < state->n_parameters; i++)
			if (PG_ARGISNULL(i + 3) || PG_GETARG_FLOAT8(i + 3) != state->parameter[i])
				pulse_refuse_changed_parameter();
	}
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		pulse_benchmark_add(&state->benchmark,
							is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(1)) : PG_GETARG_FLOAT8(1),
							is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(2)) : PG_GETARG_FLOAT8(2),
							state->needs & NEEDS_GROWTH);
	PG_RETURN_POINTER(state);
}

/* Transition over pairs in double precision. */
Datum
pulse_pair_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false, false);
}

/* Transition over pairs in numeric. */
Datum
pulse_pair_accum_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false, true);
}

/* Transition with a risk-free rate and, optionally, periods per year. */
Datum
pulse_pair_accum_rate(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, true, false);
}

/* The same over numeric. */
Datum
pulse_pair_accum_rate_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, true, true);
}

/* Transition with periods per year. */
Datum
pulse_pair_accum_periods(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false, false);
}

/* The same over numeric. */
Datum
pulse_pair_accum_periods_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false, true);
}

/* Merges the state of a parallel worker into another. */
Datum
pulse_pair_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	PairState  *state = PG_ARGISNULL(0) ? NULL : (PairState *) PG_GETARG_POINTER(0);
	PairState  *other = PG_ARGISNULL(1) ? NULL : (PairState *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, sizeof(PairState));
		*state = *other;
		PG_RETURN_POINTER(state);
	}
	for (int i = 0; i < state->n_parameters; i++)
		if (state->parameter[i] != other->parameter[i])
			pulse_refuse_changed_parameter();
	pulse_benchmark_merge(&state->benchmark, &other->benchmark);
	PG_RETURN_POINTER(state);
}

/* Writes the state for another process of the same server. */
Datum
pulse_pair_serialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = palloc(VARHDRSZ + sizeof(PairState));

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	SET_VARSIZE(bytes, VARHDRSZ + sizeof(PairState));
	memcpy(VARDATA(bytes), PG_GETARG_POINTER(0), sizeof(PairState));
	PG_RETURN_BYTEA_P(bytes);
}

/* Reads what pulse_pair_serialize() wrote. */
Datum
pulse_pair_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	PairState  *state = palloc(sizeof(PairState));

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (VARSIZE_ANY_EXHDR(bytes) == sizeof(PairState))
		memcpy(state, VARDATA_ANY(bytes), sizeof(PairState));
	if (VARSIZE_ANY_EXHDR(bytes) != sizeof(PairState)
		|| (state->needs & ~NEEDS_GROWTH) || state->n_parameters < 0 || state->n_parameters > 2
		|| state->benchmark.pairs.n < 0 || state->benchmark.active.n != state->benchmark.pairs.n
		|| state->benchmark.up.n < 0 || state->benchmark.down.n < 0
		|| state->benchmark.up.n + state->benchmark.down.n > state->benchmark.pairs.n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of a benchmark aggregate")));
	PG_RETURN_POINTER(state);
}

static bool
beta(const pulse_benchmark *p, double risk_free, double periods, double *result)
{
	return pulse_beta(p, result);
}

static bool
tracking_error(const pulse_benchmark *p, double risk_free, double periods, double *result)
{
	return pulse_tracking_error(p, periods, result);
}

static bool
information_ratio(const pulse_benchmark *p, double risk_free, double periods, double *result)
{
	return pulse_information_ratio(p, periods, result);
}

static bool
up_capture(const pulse_benchmark *p, double risk_free, double periods, double *result)
{
	return pulse_capture_ratio(p, &p->up, periods, result);
}

static bool
down_capture(const pulse_benchmark *p, double risk_free, double periods, double *result)
{
	return pulse_capture_ratio(p, &p->down, periods, result);
}

static Datum
finish(FunctionCallInfo fcinfo, const PairState *state, Figure figure)
{
	double		risk_free = state->is_rate && state->n_parameters > 0 ? state->parameter[0] : 0.0;
	double		periods = state->n_parameters > state->is_rate ? state->parameter[state->is_rate ? 1 : 0]
		: PULSE_PERIODS_PER_YEAR;
	double		result;

	if (state->benchmark.pairs.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (!figure(&state->benchmark, risk_free, periods, &result) || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

static Datum
finish_aggregate(FunctionCallInfo fcinfo, Figure figure)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return finish(fcinfo, (PairState *) PG_GETARG_POINTER(0), figure);
}

/* Computes a figure over two arrays of equal length; pairs with a NULL are skipped. */
static Datum
finish_arrays(FunctionCallInfo fcinfo, Figure figure, bool is_rate)
{
	PairState	state = {.needs = NEEDS_GROWTH};
	Datum	   *r,
			   *b;
	bool	   *r_null,
			   *b_null;
	int			n,
				n_benchmark;

	set_parameters(&state, fcinfo, 2, is_rate);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &r, &r_null, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &b, &b_null, &n_benchmark);
	if (n != n_benchmark)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("returns and benchmark must have the same number of elements"),
				 errdetail("There are %d returns and %d of the benchmark.", n, n_benchmark)));
	for (int i = 0; i < n; i++)
		if (!r_null[i] && !b_null[i])
			pulse_benchmark_add(&state.benchmark, DatumGetFloat8(r[i]), DatumGetFloat8(b[i]), true);
	return finish(fcinfo, &state, figure);
}

typedef struct PairWindow
{
	PairState	view;			/* what figures read; also has the parameters */
	pulse_queue queue;
} PairWindow;

/* A row enters a window. */
static Datum
push(FunctionCallInfo fcinfo, bool is_rate, bool with_growth, bool is_numeric)
{
	PairWindow *state = PG_ARGISNULL(0) ? NULL : (PairWindow *) PG_GETARG_POINTER(0);
	pulse_pair	pair;

	if (state == NULL)
	{
		MemoryContext context;

		if (!AggCheckCallContext(fcinfo, &context))
			elog(ERROR, "aggregate function called in non-aggregate context");
		state = MemoryContextAllocZero(context, sizeof(PairWindow));
		set_parameters(&state->view, fcinfo, 3, is_rate);
		pulse_queue_begin(&state->queue, with_growth ? &pulse_pair_growth_window : &pulse_pair_window, NULL,
						  pulse_palloc_memory(context));
	}
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	pair.r = is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(1)) : PG_GETARG_FLOAT8(1);
	pair.b = is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(2)) : PG_GETARG_FLOAT8(2);
	pulse_queue_push(&state->queue, &pair);
	PG_RETURN_POINTER(state);
}

#define DEFINE_PUSH(name, is_rate, with_growth) \
	PG_FUNCTION_INFO_V1(pulse_push_pair_##name); \
	PG_FUNCTION_INFO_V1(pulse_push_pair_##name##_numeric); \
	Datum pulse_push_pair_##name(PG_FUNCTION_ARGS) { return push(fcinfo, is_rate, with_growth, false); } \
	Datum pulse_push_pair_##name##_numeric(PG_FUNCTION_ARGS) { return push(fcinfo, is_rate, with_growth, true); }

DEFINE_PUSH(rate, true, false)
DEFINE_PUSH(periods, false, false)
DEFINE_PUSH(rate_growth, true, true)
DEFINE_PUSH(periods_growth, false, true)

PG_FUNCTION_INFO_V1(pulse_pop_pair);

/* The oldest pair leaves a window. */
Datum
pulse_pop_pair(PG_FUNCTION_ARGS)
{
	PairWindow *state = (PairWindow *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		if (state->queue.count == 0)
			elog(ERROR, "a row leaves a window that it never entered");
		pulse_queue_pop(&state->queue);
	}
	PG_RETURN_POINTER(state);
}

static Datum
finish_window(FunctionCallInfo fcinfo, Figure figure)
{
	PairWindow *state = PG_ARGISNULL(0) ? NULL : (PairWindow *) PG_GETARG_POINTER(0);

	if (state == NULL)
		PG_RETURN_NULL();
	pulse_queue_result(&state->queue, &state->view.benchmark);
	return finish(fcinfo, &state->view, figure);
}

/* Every figure with what it needs and whether its first parameter is an annual rate. */
#define FIGURES(FIGURE) \
	FIGURE(beta, beta, 0, false) \
	FIGURE(alpha, pulse_alpha, 0, true) \
	FIGURE(tracking_error, tracking_error, 0, false) \
	FIGURE(information_ratio, information_ratio, 0, false) \
	FIGURE(treynor, pulse_treynor, NEEDS_GROWTH, true) \
	FIGURE(up_capture, up_capture, NEEDS_GROWTH, false) \
	FIGURE(down_capture, down_capture, NEEDS_GROWTH, false)

#define DEFINE_FIGURE(name, core, needs, is_rate) \
	PG_FUNCTION_INFO_V1(pulse_pair_##name); \
	PG_FUNCTION_INFO_V1(pulse_arrays_##name); \
	PG_FUNCTION_INFO_V1(pulse_window_##name); \
	Datum pulse_pair_##name(PG_FUNCTION_ARGS) { return finish_aggregate(fcinfo, core); } \
	Datum pulse_arrays_##name(PG_FUNCTION_ARGS) { return finish_arrays(fcinfo, core, is_rate); } \
	Datum pulse_window_##name(PG_FUNCTION_ARGS) { return finish_window(fcinfo, core); }

FIGURES(DEFINE_FIGURE)

/* Returns what a final function needs beyond co-moments. */
static uint32
needs_of(PGFunction final_function)
{
#define MATCH_FIGURE(name, core, needs, is_rate) \
	if (final_function == pulse_pair_##name) \
		return needs;

	FIGURES(MATCH_FIGURE)
	return NEEDS_GROWTH;
}
