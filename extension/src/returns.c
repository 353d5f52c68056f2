/*
 * Transition, combine and serialisation of aggregates over returns.
 *
 * All of them have the same transition function and state, so PostgreSQL
 * computes them in one pass. A row only appends to a small buffer; a full
 * buffer is folded into the cores in one go.
 */
#include "src/returns.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/annualise.h"
#include "src/compat.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"
#include "src/query_needs.h"
#include "src/value_sort.h"

PG_FUNCTION_INFO_V1(pulse_returns_accum);
PG_FUNCTION_INFO_V1(pulse_returns_accum_numeric);
PG_FUNCTION_INFO_V1(pulse_returns_accum_rate);
PG_FUNCTION_INFO_V1(pulse_returns_accum_rate_numeric);
PG_FUNCTION_INFO_V1(pulse_returns_accum_plain);
PG_FUNCTION_INFO_V1(pulse_returns_accum_plain_numeric);
PG_FUNCTION_INFO_V1(pulse_returns_combine);
PG_FUNCTION_INFO_V1(pulse_returns_serialize);
PG_FUNCTION_INFO_V1(pulse_returns_deserialize);

/* A group begins small, because there may be millions of them. */
#define FIRST_VALUES	16
#define FOLD_VALUES		512

#define SERIAL_VERSION	1

/* Creates an empty state in a memory context. */
ReturnsState *
pulse_returns_begin(MemoryContext context, uint32 needs, PulseParameters kind,
					int n_parameters, const double *parameter)
{
	ReturnsState *state = MemoryContextAllocZero(context, sizeof(ReturnsState));

	state->context = context;
	state->needs = needs;
	state->kind = kind;
	state->n_parameters = n_parameters;
	for (int i = 0; i < n_parameters; i++)
		state->parameter[i] = parameter[i];
	if (kind == PARAMETERS_RATE)
	{
		double		rate = pulse_check_rate("annual rate", parameter[0]);
		double		periods = n_parameters > 1 ? pulse_check_periods(parameter[1]) : PULSE_PERIODS_PER_YEAR;

		state->partial.threshold = pulse_per_period_rate(rate, periods);
	}
	else if (n_parameters > 0 && isfinite(parameter[0]))
		state->partial.threshold = parameter[0];
	return state;
}

/* Takes the values that are only buffered into the states. */
void
pulse_returns_fold(ReturnsState *state)
{
	const double *values = state->values + state->n_folded;
	size_t		n = state->n_values - state->n_folded;

	if (n == 0)
		return;
	pulse_moments_add(&state->moments, values, n);
	if (state->needs & NEEDS_GROWTH)
		pulse_growth_add(&state->growth, values, n);
	if (state->needs & NEEDS_PARTIAL)
		pulse_partial_add(&state->partial, values, n);
	if (!(state->needs & NEEDS_VALUES))
		state->n_values = 0;
	state->n_folded = state->n_values;
}

/* Makes room for more values, by folding or by growing. */
static void
make_room(ReturnsState *state, size_t more)
{
	size_t		wanted;

	if (state->allocated >= FOLD_VALUES)
	{
		pulse_returns_fold(state);
		if (state->n_values + more <= state->allocated)
			return;
	}
	wanted = Max(Max(state->allocated * 2, FIRST_VALUES), state->n_values + more);
	if (wanted > MaxAllocHugeSize / sizeof(double))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many returns for an exact quantile")));
	if (state->values == NULL)
		state->values = MemoryContextAllocHuge(state->context, wanted * sizeof(double));
	else
		state->values = repalloc_huge(state->values, wanted * sizeof(double));
	state->allocated = wanted;
}

/* Moves all values to disk if they have become too many for memory; their room is used again. */
static void
spill_values(FunctionCallInfo fcinfo, ReturnsState *state)
{
	if (!(state->needs & NEEDS_VALUES) || !pulse_can_spill(fcinfo))
		return;
	if (state->sort == NULL)
	{
		if (state->n_values * sizeof(double) < get_hash_memory_limit())
			return;
		state->sort = pulse_value_sort_begin(fcinfo, state->context);
	}
	pulse_returns_fold(state);
	pulse_value_sort_put(state->sort, state->values, state->n_values);
	state->n_values = state->n_folded = 0;
}

/* Adds one return. */
void
pulse_returns_add(ReturnsState *state, double r)
{
	if (state->n_values == state->allocated)
		make_room(state, 1);
	state->values[state->n_values++] = r;
}

/* Creates the state of a group at its first row. */
static ReturnsState *
begin_group(FunctionCallInfo fcinfo, PulseParameters kind)
{
	MemoryContext context;
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
	return pulse_returns_begin(context, pulse_query_needs(fcinfo, pulse_returns_needs, NEEDS_ALL), kind, n_parameters, parameter);
}

static void
check_same_parameters(FunctionCallInfo fcinfo, const ReturnsState *state)
{
	for (int i = 0; i < state->n_parameters; i++)
		if (PG_ARGISNULL(i + 2) || PG_GETARG_FLOAT8(i + 2) != state->parameter[i])
			/* a NaN differs from itself but has been refused, or will be by the final function */
			if (PG_ARGISNULL(i + 2) || !isnan(state->parameter[i]))
				pulse_refuse_changed_parameter();
}

/* The transition: only a NULL row does nothing. */
static inline Datum
accumulate(FunctionCallInfo fcinfo, PulseParameters kind, bool is_numeric)
{
	ReturnsState *state;

	if (unlikely(PG_ARGISNULL(0)))
		state = begin_group(fcinfo, kind);
	else
	{
		state = (ReturnsState *) PG_GETARG_POINTER(0);
		if (kind != PARAMETERS_NONE)
			check_same_parameters(fcinfo, state);
	}
	if (!PG_ARGISNULL(1))
	{
		double		r = is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(1)) : PG_GETARG_FLOAT8(1);

		if (unlikely(state->n_values == state->allocated))
		{
			spill_values(fcinfo, state);
			if (state->n_values == state->allocated)
				make_room(state, 1);
		}
		state->values[state->n_values++] = r;
	}
	PG_RETURN_POINTER(state);
}

/* Transition over returns in double precision, without parameters. */
Datum
pulse_returns_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, PARAMETERS_NONE, false);
}

/* Transition over returns in numeric, without parameters. */
Datum
pulse_returns_accum_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, PARAMETERS_NONE, true);
}

/* Transition with an annual rate and, optionally, the periods per year. */
Datum
pulse_returns_accum_rate(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, PARAMETERS_RATE, false);
}

/* The same over numeric. */
Datum
pulse_returns_accum_rate_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, PARAMETERS_RATE, true);
}

/* Transition with one parameter that only the final function understands. */
Datum
pulse_returns_accum_plain(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, PARAMETERS_PLAIN, false);
}

/* The same over numeric. */
Datum
pulse_returns_accum_plain_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, PARAMETERS_PLAIN, true);
}

static void
append_values(ReturnsState *state, const double *values, size_t n)
{
	/* the values are in the merged moments already: they must not be folded again */
	if (state->n_values + n > state->allocated)
		make_room(state, n);
	memcpy(state->values + state->n_values, values, n * sizeof(double));
	state->n_values += n;
	state->n_folded = state->n_values;
}

/* Merges the state of a parallel worker into another. */
Datum
pulse_returns_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ReturnsState *state = PG_ARGISNULL(0) ? NULL : (ReturnsState *) PG_GETARG_POINTER(0);
	ReturnsState *other = PG_ARGISNULL(1) ? NULL : (ReturnsState *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	pulse_returns_fold(other);
	if (state == NULL)
		state = pulse_returns_begin(context, other->needs, other->kind,
									other->n_parameters, other->parameter);
	else
	{
		pulse_returns_fold(state);
		for (int i = 0; i < state->n_parameters; i++)
			if (state->parameter[i] != other->parameter[i])
				pulse_refuse_changed_parameter();
	}
	pulse_moments_merge(&state->moments, &other->moments);
	pulse_growth_merge(&state->growth, &other->growth);
	pulse_partial_merge(&state->partial, &other->partial);
	if (state->needs & NEEDS_VALUES)
	{
		append_values(state, other->values, other->n_values);
		spill_values(fcinfo, state);
	}
	PG_RETURN_POINTER(state);
}

static void
send_sum(StringInfo buf, const pulse_sum *sum)
{
	pq_sendfloat8(buf, sum->sum);
	pq_sendfloat8(buf, sum->correction);
}

static void
receive_sum(StringInfo buf, pulse_sum *sum)
{
	sum->sum = pq_getmsgfloat8(buf);
	sum->correction = pq_getmsgfloat8(buf);
}

/* Writes the state for another process of the same server. */
Datum
pulse_returns_serialize(PG_FUNCTION_ARGS)
{
	ReturnsState *state = (ReturnsState *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	pulse_returns_fold(state);

	if (state->n_values > (MaxAllocSize - 1024) / sizeof(double))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many returns for an exact quantile in a parallel worker"),
				 errhint("Set max_parallel_workers_per_gather to 0 for this query.")));
	pq_begintypsend(&buf);
	pq_sendbyte(&buf, SERIAL_VERSION);
	pq_sendbyte(&buf, state->needs);
	pq_sendbyte(&buf, state->kind);
	pq_sendbyte(&buf, state->n_parameters);
	for (int i = 0; i < state->n_parameters; i++)
		pq_sendfloat8(&buf, state->parameter[i]);
	pq_sendint64(&buf, state->moments.n);
	pq_sendfloat8(&buf, state->moments.mean);
	pq_sendfloat8(&buf, state->moments.m2);
	pq_sendfloat8(&buf, state->moments.m3);
	pq_sendfloat8(&buf, state->moments.m4);
	pq_sendfloat8(&buf, state->moments.max_abs);
	pq_sendbyte(&buf, state->moments.nonfinite);
	send_sum(&buf, &state->growth.log);
	pq_sendbyte(&buf, state->growth.wiped_out);
	pq_sendbyte(&buf, state->growth.undefined);
	pq_sendbyte(&buf, state->growth.nonfinite);
	send_sum(&buf, &state->partial.above);
	send_sum(&buf, &state->partial.below);
	pq_sendfloat8(&buf, state->partial.below_squared);
	pq_sendint64(&buf, (int64) state->n_values);
	appendBinaryStringInfo(&buf, (char *) state->values, (int) (state->n_values * sizeof(double)));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

static void
refuse_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid state of a returns aggregate")));
}

/* Reads what pulse_returns_serialize() wrote. */
Datum
pulse_returns_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	StringInfoData buf;
	ReturnsState *state;
	uint32		needs;
	int			kind,
				n_parameters;
	double		parameter[2] = {0, 0};
	int64		n_values;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));

	if (pq_getmsgbyte(&buf) != SERIAL_VERSION)
		refuse_state();
	needs = pq_getmsgbyte(&buf);
	kind = pq_getmsgbyte(&buf);
	n_parameters = pq_getmsgbyte(&buf);
	if ((needs & ~NEEDS_ALL) || kind > PARAMETERS_PERIODS || n_parameters > 2
		|| (kind == PARAMETERS_NONE) != (n_parameters == 0))
		refuse_state();
	for (int i = 0; i < n_parameters; i++)
		parameter[i] = pq_getmsgfloat8(&buf);

	state = pulse_returns_begin(CurrentMemoryContext, needs, kind, n_parameters, parameter);
	state->moments.n = pq_getmsgint64(&buf);
	state->moments.mean = pq_getmsgfloat8(&buf);
	state->moments.m2 = pq_getmsgfloat8(&buf);
	state->moments.m3 = pq_getmsgfloat8(&buf);
	state->moments.m4 = pq_getmsgfloat8(&buf);
	state->moments.max_abs = pq_getmsgfloat8(&buf);
	state->moments.nonfinite = pq_getmsgbyte(&buf) != 0;
	receive_sum(&buf, &state->growth.log);
	state->growth.wiped_out = pq_getmsgbyte(&buf) != 0;
	state->growth.undefined = pq_getmsgbyte(&buf) != 0;
	state->growth.nonfinite = pq_getmsgbyte(&buf) != 0;
	receive_sum(&buf, &state->partial.above);
	receive_sum(&buf, &state->partial.below);
	state->partial.below_squared = pq_getmsgfloat8(&buf);
	n_values = pq_getmsgint64(&buf);
	if (state->moments.n < 0 || n_values != ((needs & NEEDS_VALUES) ? state->moments.n : 0)
		|| n_values > (buf.len - buf.cursor) / (int64) sizeof(double))
		refuse_state();
	if (n_values > 0)
	{
		const char *raw = pq_getmsgbytes(&buf, (int) (n_values * sizeof(double)));

		make_room(state, n_values);
		memcpy(state->values, raw, n_values * sizeof(double));
		state->n_values = state->n_folded = n_values;
	}
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}
