/*
 * pulse_metrics_of(): all figures of the equity curve that a query returns.
 *
 * The rows go from the query's plan straight into the curve, without an
 * aggregate's evaluation of arguments between them. The query runs as the
 * caller, read-only and in the snapshot of the statement that calls.
 */
#include "src/equity.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/metric_args.h"
#include "src/numeric_decode.h"

PG_FUNCTION_INFO_V1(pulse_metrics_of_query);

/* Rows after which what decoding them has left behind is freed. */
#define SCRATCH_ROWS 4096

typedef struct RowTaker
{
	DestReceiver receiver;
	EquityState *state;
	MemoryContext scratch;
	EquityParameters parameters;
	bool		value_is_numeric;
	bool		has_flow;
	bool		flow_is_numeric;
	uint64		n_decoded;
} RowTaker;

/* Returns whether a column of amounts is numeric; refuses what is neither that nor double precision. */
static bool
is_numeric(TupleDesc columns, int i)
{
	Oid			type = TupleDescAttr(columns, i)->atttypid;

	if (type != NUMERICOID && type != FLOAT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %d of the query has type %s", i + 1, format_type_be(type)),
				 errdetail("Values and flows are double precision or numeric."),
				 errhint("Cast it: SELECT ts, value::numeric FROM ...")));
	return type == NUMERICOID;
}

/* Begins the curve when the columns are known. */
static void
begin_rows(DestReceiver *self, int operation, TupleDesc columns)
{
	RowTaker   *taker = (RowTaker *) self;

	if (columns->natts != 2 && columns->natts != 3)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query returns %d columns", columns->natts),
				 errdetail("An equity curve has a time, a value and, optionally, the net deposit since the row before."),
				 errhint("For example SELECT ts, total_value, net_flow FROM portfolio_snapshots.")));
	if (TupleDescAttr(columns, 0)->atttypid != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column 1 of the query has type %s", format_type_be(TupleDescAttr(columns, 0)->atttypid)),
				 errdetail("Times are timestamp with time zone."),
				 errhint("Cast it: SELECT ts::timestamptz, value FROM ...")));
	taker->value_is_numeric = is_numeric(columns, 1);
	taker->has_flow = columns->natts == 3;
	taker->flow_is_numeric = taker->has_flow && is_numeric(columns, 2);
	taker->state = pulse_equity_begin(GetMemoryChunkContext(taker), &taker->parameters, taker->has_flow);
}

static double
decode(RowTaker *taker, Datum numeric)
{
	MemoryContext caller = MemoryContextSwitchTo(taker->scratch);
	double		result = pulse_numeric_to_double(numeric);

	MemoryContextSwitchTo(caller);
	if (++taker->n_decoded % SCRATCH_ROWS == 0)
		MemoryContextReset(taker->scratch);
	return result;
}

/* Takes a row; one without time or value is skipped, a NULL flow is no flow. */
static bool
take_row(TupleTableSlot *slot, DestReceiver *self)
{
	RowTaker   *taker = (RowTaker *) self;
	double		value;
	double		flow = 0.0;

	slot_getsomeattrs(slot, taker->has_flow ? 3 : 2);
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
		return true;
	value = taker->value_is_numeric ? decode(taker, slot->tts_values[1]) : DatumGetFloat8(slot->tts_values[1]);
	if (taker->has_flow && !slot->tts_isnull[2])
		flow = taker->flow_is_numeric ? decode(taker, slot->tts_values[2]) : DatumGetFloat8(slot->tts_values[2]);
	pulse_equity_take(taker->state, DatumGetTimestampTz(slot->tts_values[0]), value, flow);
	return true;
}

static void
do_nothing(DestReceiver *self)
{
}

/* Runs a query and hands its rows to the receiver. */
static void
run_query(const char *query, DestReceiver *receiver)
{
	SPIExecuteOptions options = {.read_only = true, .dest = receiver};
	SPIPlanPtr	plan;

	SPI_connect();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not a query that returns rows"),
				 errhint("Give one SELECT, for example SELECT ts, total_value FROM portfolio_snapshots.")));
	SPI_execute_plan_extended(plan, &options);
	SPI_finish();
}

/* Returns the row of all figures of a query: (query, risk_free, mar, period, confidence). */
Datum
pulse_metrics_of_query(PG_FUNCTION_ARGS)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pulse curve of a query", ALLOCSET_DEFAULT_SIZES);
	RowTaker   *taker = MemoryContextAllocZero(context, sizeof(RowTaker));
	Datum		row = (Datum) 0;

	taker->receiver = (DestReceiver) {take_row, begin_rows, do_nothing, do_nothing, DestNone};
	taker->scratch = AllocSetContextCreate(context, "pulse numeric values", ALLOCSET_DEFAULT_SIZES);
	taker->parameters.risk_free = pulse_check_rate("risk_free", PG_GETARG_FLOAT8(1));
	taker->parameters.mar = pulse_check_rate("mar", PG_GETARG_FLOAT8(2));
	taker->parameters.period = pulse_check_period(PG_GETARG_INTERVAL_P(3));
	taker->parameters.confidence = pulse_check_confidence(PG_GETARG_FLOAT8(4));
	run_query(text_to_cstring(PG_GETARG_TEXT_PP(0)), &taker->receiver);

	if (taker->state == NULL || pulse_equity_is_empty(taker->state))
		fcinfo->isnull = true;
	else
	{
		pulse_equity_fold(taker->state);
		row = pulse_metrics_row(fcinfo, &taker->state->curve, &taker->parameters);
	}
	if (taker->state != NULL)
		pulse_equity_end(taker->state);
	MemoryContextDelete(context);
	return row;
}
