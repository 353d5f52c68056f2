/*
 * Aggregates over an equity curve (time, value [, flow]) in any input order.
 *
 * A row is only appended. When a result is asked for, the rows are ordered if
 * they were not and folded into the curve; a frame that only grows folds each
 * row once. Where the query asks for nothing but drawdown and growth, which
 * the extremes of the rows tell, the others are dropped on the way.
 */
#include "src/equity.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/annualise.h"
#include "core/extremes.h"
#include "core/order.h"
#include "core/underwater.h"
#include "core/xirr.h"
#include "src/large_memory.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"
#include "src/query_needs.h"
#include "src/value_sort.h"

PG_FUNCTION_INFO_V1(pulse_equity_accum);
PG_FUNCTION_INFO_V1(pulse_equity_accum_numeric);
PG_FUNCTION_INFO_V1(pulse_equity_accum_confidence);
PG_FUNCTION_INFO_V1(pulse_equity_accum_confidence_numeric);
PG_FUNCTION_INFO_V1(pulse_equity_accum_period);
PG_FUNCTION_INFO_V1(pulse_equity_accum_period_numeric);
PG_FUNCTION_INFO_V1(pulse_equity_max_drawdown);
PG_FUNCTION_INFO_V1(pulse_equity_max_drawdown_amount);
PG_FUNCTION_INFO_V1(pulse_equity_current_drawdown);
PG_FUNCTION_INFO_V1(pulse_equity_drawdown_duration);
PG_FUNCTION_INFO_V1(pulse_equity_cagr);
PG_FUNCTION_INFO_V1(pulse_equity_calmar);
PG_FUNCTION_INFO_V1(pulse_equity_twr);
PG_FUNCTION_INFO_V1(pulse_equity_average_drawdown);
PG_FUNCTION_INFO_V1(pulse_equity_ulcer_index);
PG_FUNCTION_INFO_V1(pulse_equity_cdar);
PG_FUNCTION_INFO_V1(pulse_equity_xirr);

#define FIRST_ROWS 16

/* Rows worth a look at which of them are extremes: few enough for the processor's first cache. */
#define EXTREMES_ROWS 1024

/* What a figure needs beyond the extremes. */
#define NEEDS_ROWS 1

/* A period much shorter than the time it divides would make returns without end. */
#define MAX_PERIODS (INT64CONST(1) << 25)

/* A quantile of depths needs all of them at once. */
#define MAX_DEPTHS (INT64CONST(1) << 27)

static const EquityParameters defaults = {
	.period = USECS_PER_DAY,
	.confidence = PULSE_DEFAULT_CONFIDENCE
};

/* Resizes memory for the cores. */
static void *
resize(void *context, void *block, size_t size)
{
	return block == NULL ? pulse_large_alloc(context, size) : pulse_large_realloc(block, size);
}

/* Returns the cores' door to memory in a context. */
pulse_memory
pulse_palloc_memory(MemoryContext context)
{
	return (pulse_memory) {resize, context};
}

static void
restart_curve(EquityState *state)
{
	if (state->curve.buckets != NULL)
		pfree(state->curve.buckets);
	pulse_curve_begin(&state->curve, state->parameters.period, pulse_palloc_memory(state->context));
	state->n_folded = 0;
}

/* Creates an empty state. */
EquityState *
pulse_equity_begin(MemoryContext context, const EquityParameters *parameters, bool flows)
{
	EquityState *state = MemoryContextAllocZero(context, sizeof(EquityState));

	state->context = context;
	state->parameters = *parameters;
	state->ordered = true;
	state->allocated = FIRST_ROWS;
	state->ts = MemoryContextAlloc(context, FIRST_ROWS * sizeof(int64));
	state->value = MemoryContextAlloc(context, FIRST_ROWS * sizeof(double));
	state->flows = flows;
	restart_curve(state);
	return state;
}

static void
grow(EquityState *state)
{
	size_t		size;

	if (state->allocated > MaxAllocHugeSize / sizeof(double) / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows in an equity curve")));
	state->allocated *= 2;
	size = state->allocated * sizeof(double);
	state->ts = pulse_large_realloc(state->ts, size);
	state->value = pulse_large_realloc(state->value, size);
	if (state->flow)
		state->flow = pulse_large_realloc(state->flow, size);
}

/* Makes the column of the flows, which most accounts hardly need. */
static void
begin_flows(EquityState *state)
{
	state->flow = pulse_large_alloc(state->context, state->allocated * sizeof(double));
	memset(state->flow, 0, state->n * sizeof(double));
}

static inline void
add_row(EquityState *state, int64 ts, double value, double flow)
{
	size_t		i = state->n;

	state->ts[i] = ts;
	state->value[i] = value;
	if (unlikely(flow != 0.0 && state->flow == NULL && state->flows))
		begin_flows(state);
	if (state->flow)
		state->flow[i] = flow;
	if (i > 0 && ts < state->ts[i - 1])
		state->ordered = false;
	state->n = i + 1;
}

/* Adds one row. */
void
pulse_equity_add(EquityState *state, int64 ts, double value, double flow)
{
	if (state->n == state->allocated)
		grow(state);
	add_row(state, ts, value, flow);
}

static double *
gather(EquityState *state, double *column, const pulse_order_entry *order)
{
	double	   *ordered = MemoryContextAllocHuge(state->context, state->allocated * sizeof(double));

	for (size_t i = 0; i < state->n; i++)
		ordered[i] = column[order[i].position];
	pfree(column);
	return ordered;
}

static void
order_rows(EquityState *state)
{
	size_t		size = state->n * sizeof(pulse_order_entry);
	pulse_order_entry *entries = MemoryContextAllocHuge(state->context, size);
	pulse_order_entry *scratch = MemoryContextAllocHuge(state->context, size);
	pulse_order_entry *order;

	for (size_t i = 0; i < state->n; i++)
		entries[i] = (pulse_order_entry) {state->ts[i], i};
	order = pulse_order_sort(entries, scratch, state->n);
	for (size_t i = 0; i < state->n; i++)
		state->ts[i] = order[i].ts;
	state->value = gather(state, state->value, order);
	if (state->flow)
		state->flow = gather(state, state->flow, order);
	pfree(entries);
	pfree(scratch);
	state->ordered = true;
}

static void
add_to_curve(void *curve, const int64 *ts, const double *value, const double *flow, size_t n)
{
	pulse_curve_add(curve, ts, value, flow, n);
}

/* Takes the rows in memory that are not in the curve yet. */
static void
fold_memory(EquityState *state)
{
	size_t		from = state->n_folded;

	pulse_curve_add(&state->curve, state->ts + from, state->value + from,
					state->flow ? state->flow + from : NULL, state->n - from);
	state->n_folded = state->n;
}

/* Brings the curve up to date with the rows. */
void
pulse_equity_fold(EquityState *state)
{
	if (!state->ordered)
	{
		order_rows(state);
		/* what went to disk is in the curve already, rows in memory are not */
		if (state->spill == NULL)
			restart_curve(state);
	}
	if (state->spill == NULL || (state->n > 0 && pulse_row_spill_follows(state->spill, state->ts[0])))
		fold_memory(state);
	else if (!state->merged)
	{
		restart_curve(state);
		pulse_equity_scan(state, add_to_curve, &state->curve);
		state->merged = true;
	}
}

/* Returns whether there is no row. */
bool
pulse_equity_is_empty(const EquityState *state)
{
	return state->n == 0 && state->spill == NULL;
}

/* Hands over all rows of a folded state in time order. */
void
pulse_equity_scan(EquityState *state, RowConsumer consumer, void *argument)
{
	if (state->spill)
		pulse_row_spill_merge(state->spill, state->ts, state->value, state->flow, state->n, consumer, argument);
	else
		consumer(argument, state->ts, state->value, state->flow, state->n);
}

/*
 * Moves the rows to disk if they have become too many for memory. The curve
 * goes on as long as they are in order. Without a call, the rows are those of
 * a query whose caller ends the state.
 */
static void
spill_rows(FunctionCallInfo fcinfo, EquityState *state)
{
	size_t		row = (state->flow ? 3 : 2) * sizeof(double);

	if (fcinfo != NULL && !pulse_can_spill(fcinfo))
		return;
	if (state->spill == NULL)
	{
		if (state->n * row < get_hash_memory_limit())
			return;
		/* the files of a group have columns of one kind */
		if (state->flows && state->flow == NULL)
			begin_flows(state);
		state->spill = pulse_row_spill_begin(fcinfo, state->context, state->flows);
	}
	if (!state->ordered)
		order_rows(state);
	if (pulse_row_spill_follows(state->spill, state->ts[0]))
		fold_memory(state);
	pulse_row_spill_run(state->spill, state->ts, state->value, state->flow, state->n);
	state->n = state->n_folded = 0;
}

/* Drops the rows that are no extremes. Where rows come in disorder, most of those to come are then known to be none. */
static void
drop_rows(EquityState *state)
{
	uint8	   *scratch;

	if (!state->ordered && state->bounds == NULL)
		state->bounds = MemoryContextAlloc(state->context, sizeof(pulse_extremes_bounds));
	pulse_equity_fold(state);
	scratch = MemoryContextAllocHuge(state->context, state->n);
	state->n = state->n_folded = pulse_keep_extremes(state->ts, state->value, scratch, state->n);
	pfree(scratch);
	if (state->bounds)
		pulse_extremes_bounds_set(state->bounds, state->ts, state->value, state->n);
}

/* Makes room for a row: by dropping rows, on disk, or in memory. */
static void
make_room(FunctionCallInfo fcinfo, EquityState *state)
{
	if (state->extremes_only && state->allocated >= EXTREMES_ROWS && state->spill == NULL)
	{
		drop_rows(state);
		/* looking again before the room has filled would cost more than it gains */
		if (state->n <= state->allocated / 2)
			return;
	}
	spill_rows(fcinfo, state);
	if (state->n == state->allocated)
		grow(state);
}

/* Adds one row of a query, in memory or on disk. */
void
pulse_equity_take(EquityState *state, int64 ts, double value, double flow)
{
	if (unlikely(state->n == state->allocated))
		make_room(NULL, state);
	if (unlikely(TIMESTAMP_NOT_FINITE(ts)))
		pulse_check_timestamp(ts);
	add_row(state, ts, value, flow);
}

/* Closes what the state of a query has open. */
void
pulse_equity_end(EquityState *state)
{
	if (state->spill)
		pulse_row_spill_end(state->spill);
}

/* Returns the bucket returns of a folded curve, palloc'd; none of a broken one. */
double *
pulse_equity_returns(const pulse_curve *curve, size_t *n)
{
	int64		periods = pulse_curve_periods(curve);
	double	   *returns;

	if (periods > MAX_PERIODS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the equity curve has too many periods: %lld", (long long) periods),
				 errdetail("At most %lld are possible.", (long long) MAX_PERIODS),
				 errhint("Use a longer period.")));
	*n = curve->broken || curve->nonfinite ? 0 : (size_t) periods;
	returns = pulse_large_alloc(CurrentMemoryContext, Max(*n, 1) * sizeof(double));
	if (*n > 0)
		pulse_curve_returns(curve, returns);
	return returns;
}

/* What follows time and value in a transition's arguments. */
typedef enum Layout
{
	LAYOUT_FLOW,				/* [flow [, risk_free, mar, period, confidence]] */
	LAYOUT_CONFIDENCE,			/* confidence */
	LAYOUT_PERIOD				/* flow, period */
} Layout;

/* Reads the parameters, if the transition has some. */
static bool
read_parameters(FunctionCallInfo fcinfo, Layout layout, EquityParameters *p)
{
	*p = defaults;
	if (layout == LAYOUT_FLOW && PG_NARGS() <= 4)
		return false;
	for (int i = layout == LAYOUT_CONFIDENCE ? 3 : 4; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			pulse_refuse_null_parameter();
	if (layout == LAYOUT_PERIOD)
	{
		p->period = pulse_check_period(PG_GETARG_INTERVAL_P(4));
		return true;
	}
	if (layout == LAYOUT_CONFIDENCE)
	{
		p->confidence = pulse_check_confidence(PG_GETARG_FLOAT8(3));
		return true;
	}
	p->risk_free = pulse_check_rate("risk_free", PG_GETARG_FLOAT8(4));
	p->mar = pulse_check_rate("mar", PG_GETARG_FLOAT8(5));
	p->period = pulse_check_period(PG_GETARG_INTERVAL_P(6));
	p->confidence = pulse_check_confidence(PG_GETARG_FLOAT8(7));
	return true;
}

/* Returns what a final function needs. */
static uint32
needs_of(PGFunction final_function)
{
	return final_function == pulse_equity_max_drawdown || final_function == pulse_equity_max_drawdown_amount
		|| final_function == pulse_equity_current_drawdown
		|| final_function == pulse_equity_cagr || final_function == pulse_equity_calmar ? 0 : NEEDS_ROWS;
}

/* Remembers the parameters as they came, so that equal ones need not be read again for every row. */
static void
remember_parameters(FunctionCallInfo fcinfo, RawParameters *raw)
{
	raw->known = true;
	raw->risk_free = PG_GETARG_FLOAT8(4);
	raw->mar = PG_GETARG_FLOAT8(5);
	raw->period = *PG_GETARG_INTERVAL_P(6);
	raw->confidence = PG_GETARG_FLOAT8(7);
}

static EquityState *
begin_group(FunctionCallInfo fcinfo, Layout layout)
{
	MemoryContext context;
	EquityParameters parameters;
	EquityState *state;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	read_parameters(fcinfo, layout, &parameters);
	state = pulse_equity_begin(context, &parameters, layout != LAYOUT_CONFIDENCE && PG_NARGS() > 3);
	if (layout == LAYOUT_FLOW && PG_NARGS() > 4)
		remember_parameters(fcinfo, &state->raw);
	state->extremes_only = !state->flows && !(pulse_query_needs(fcinfo, needs_of, NEEDS_ROWS) & NEEDS_ROWS);
	return state;
}

static inline bool
same_as_remembered(FunctionCallInfo fcinfo, const RawParameters *raw)
{
	const Interval *period;

	if (!raw->known || PG_ARGISNULL(4) || PG_ARGISNULL(5) || PG_ARGISNULL(6) || PG_ARGISNULL(7))
		return false;
	period = PG_GETARG_INTERVAL_P(6);
	return PG_GETARG_FLOAT8(4) == raw->risk_free && PG_GETARG_FLOAT8(5) == raw->mar && PG_GETARG_FLOAT8(7) == raw->confidence
		&& period->time == raw->period.time && period->day == raw->period.day && period->month == raw->period.month;
}

static void
check_same_parameters(FunctionCallInfo fcinfo, Layout layout, const EquityState *state)
{
	const EquityParameters *p = &state->parameters;
	EquityParameters row;

	if (layout == LAYOUT_FLOW && PG_NARGS() > 4 && same_as_remembered(fcinfo, &state->raw))
		return;
	if (!read_parameters(fcinfo, layout, &row))
		return;
	if (row.risk_free != p->risk_free || row.mar != p->mar || row.period != p->period
		|| row.confidence != p->confidence)
		pulse_refuse_changed_parameter();
}

static inline double
read_amount(FunctionCallInfo fcinfo, int i, bool is_numeric)
{
	return is_numeric ? pulse_numeric_to_double(PG_GETARG_DATUM(i)) : PG_GETARG_FLOAT8(i);
}

/* The transition: a row without time or value is skipped, a NULL flow is no flow. */
static inline Datum
accumulate(FunctionCallInfo fcinfo, Layout layout, bool is_numeric)
{
	EquityState *state;
	TimestampTz ts;
	double		value;
	double		flow = 0.0;

	if (unlikely(PG_ARGISNULL(0)))
		state = begin_group(fcinfo, layout);
	else
	{
		state = (EquityState *) PG_GETARG_POINTER(0);
		if (PG_NARGS() > 3)
			check_same_parameters(fcinfo, layout, state);
	}
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	ts = PG_GETARG_TIMESTAMPTZ(1);
	value = read_amount(fcinfo, 2, is_numeric);
	if (state->flows && !PG_ARGISNULL(3))
		flow = read_amount(fcinfo, 3, is_numeric);
	if (unlikely(TIMESTAMP_NOT_FINITE(ts)))
		pulse_check_timestamp(ts);
	if (state->bounds && pulse_extremes_exclude(state->bounds, ts, value))
		PG_RETURN_POINTER(state);
	if (unlikely(state->n == state->allocated))
		make_room(fcinfo, state);
	add_row(state, ts, value, flow);
	PG_RETURN_POINTER(state);
}

/* Transition over values in double precision. */
Datum
pulse_equity_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, LAYOUT_FLOW, false);
}

/* Transition over values in numeric. */
Datum
pulse_equity_accum_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, LAYOUT_FLOW, true);
}

/* Transition over values in double precision with a confidence. */
Datum
pulse_equity_accum_confidence(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, LAYOUT_CONFIDENCE, false);
}

/* Transition over values in numeric with a confidence. */
Datum
pulse_equity_accum_confidence_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, LAYOUT_CONFIDENCE, true);
}

/* Transition over values in double precision with flows and a period. */
Datum
pulse_equity_accum_period(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, LAYOUT_PERIOD, false);
}

/* Transition over values in numeric with flows and a period. */
Datum
pulse_equity_accum_period_numeric(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, LAYOUT_PERIOD, true);
}

typedef bool (*Figure) (const pulse_curve *curve, double *result);

/* Computes a figure of the curve: NaN in gives NaN out, an undefined one NULL. */
static Datum
finish(FunctionCallInfo fcinfo, Figure figure)
{
	EquityState *state = PG_ARGISNULL(0) ? NULL : (EquityState *) PG_GETARG_POINTER(0);
	double		result;

	if (state == NULL || pulse_equity_is_empty(state))
		PG_RETURN_NULL();
	pulse_equity_fold(state);
	if (state->curve.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (!figure(&state->curve, &result) || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

static bool
max_drawdown(const pulse_curve *curve, double *result)
{
	return pulse_drawdown_deepest(&curve->drawdown, result);
}

static bool
current_drawdown(const pulse_curve *curve, double *result)
{
	return !curve->lost && pulse_drawdown_current(&curve->drawdown, result);
}

/* Returns the largest loss from a peak. */
Datum
pulse_equity_max_drawdown(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, max_drawdown);
}

static bool
max_drawdown_amount(const pulse_curve *curve, double *result)
{
	return pulse_drawdown_amount(&curve->drawdown, result);
}

/* Returns the largest loss from a peak in money. */
Datum
pulse_equity_max_drawdown_amount(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, max_drawdown_amount);
}

/* Returns the loss from the peak at the last row. */
Datum
pulse_equity_current_drawdown(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, current_drawdown);
}

/* Returns the compound annual growth rate over calendar time. */
Datum
pulse_equity_cagr(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, pulse_curve_cagr);
}

/* Returns CAGR over maximum drawdown. */
Datum
pulse_equity_calmar(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, pulse_curve_calmar);
}

/* Returns the time-weighted return. */
Datum
pulse_equity_twr(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, pulse_curve_total_return);
}

/* Returns the longest time from a peak to its recovery; NULL if a value is not finite. */
Datum
pulse_equity_drawdown_duration(PG_FUNCTION_ARGS)
{
	EquityState *state = PG_ARGISNULL(0) ? NULL : (EquityState *) PG_GETARG_POINTER(0);
	double		deepest;

	if (state == NULL || pulse_equity_is_empty(state))
		PG_RETURN_NULL();
	pulse_equity_fold(state);
	if (state->curve.nonfinite || !max_drawdown(&state->curve, &deepest))
		PG_RETURN_NULL();
	PG_RETURN_INTERVAL_P(pulse_make_interval(pulse_drawdown_longest(&state->curve.drawdown)));
}

/* Depths of rows that come in blocks; depths, if wanted, gets one for each row after the first. */
typedef struct DepthTaker
{
	pulse_underwater underwater;
	double	   *depths;
} DepthTaker;

static void
take_depths(void *argument, const int64 *ts, const double *value, const double *flow, size_t n)
{
	DepthTaker *taker = argument;

	for (size_t i = 0; i < n; i++)
	{
		double		depth = pulse_underwater_add(&taker->underwater, value[i]);

		if (taker->depths && taker->underwater.n > 1)
			taker->depths[taker->underwater.n - 2] = depth;
	}
}

static Datum
finish_underwater(FunctionCallInfo fcinfo, bool (*figure) (const pulse_underwater *, double *))
{
	EquityState *state = PG_ARGISNULL(0) ? NULL : (EquityState *) PG_GETARG_POINTER(0);
	DepthTaker	taker = {.depths = NULL};
	double		result;

	if (state == NULL || pulse_equity_is_empty(state))
		PG_RETURN_NULL();
	pulse_equity_fold(state);
	if (state->curve.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	pulse_equity_scan(state, take_depths, &taker);
	if (!figure(&taker.underwater, &result) || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/* Returns the mean drawdown over the rows after the first. */
Datum
pulse_equity_average_drawdown(PG_FUNCTION_ARGS)
{
	return finish_underwater(fcinfo, pulse_average_drawdown);
}

/* Returns the root of the mean squared drawdown over the rows after the first. */
Datum
pulse_equity_ulcer_index(PG_FUNCTION_ARGS)
{
	return finish_underwater(fcinfo, pulse_ulcer_index);
}

/* Returns the conditional drawdown at risk over the rows after the first. */
Datum
pulse_equity_cdar(PG_FUNCTION_ARGS)
{
	EquityState *state = PG_ARGISNULL(0) ? NULL : (EquityState *) PG_GETARG_POINTER(0);
	DepthTaker	taker = {.depths = NULL};
	double		result;

	if (state == NULL || pulse_equity_is_empty(state))
		PG_RETURN_NULL();
	pulse_equity_fold(state);
	if (state->curve.nonfinite)
		PG_RETURN_FLOAT8(NAN);
	if (state->curve.n > MAX_DEPTHS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the equity curve has too many rows for a conditional drawdown at risk"),
				 errhint("Use the last row of each hour or day, or pulse_cdar() of a summary.")));
	taker.depths = MemoryContextAllocHuge(CurrentMemoryContext, state->curve.n * sizeof(double));
	pulse_equity_scan(state, take_depths, &taker);
	if (!(taker.underwater.peak > 0)
		|| !pulse_cdar(taker.depths, (size_t) taker.underwater.n - 1, state->parameters.confidence, &result)
		|| !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/* Returns the money-weighted annual rate of return; the values are payments. */
Datum
pulse_equity_xirr(PG_FUNCTION_ARGS)
{
	EquityState *state = PG_ARGISNULL(0) ? NULL : (EquityState *) PG_GETARG_POINTER(0);
	double		result;

	if (state == NULL)
		PG_RETURN_NULL();
	if (state->spill)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many payments for a money-weighted return"),
				 errhint("Sum them by day, or raise work_mem.")));
	for (size_t i = 0; i < state->n; i++)
		if (!isfinite(state->value[i]))
			PG_RETURN_FLOAT8(NAN);
	if (!pulse_xirr_rate(state->ts, state->value, state->n, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}
