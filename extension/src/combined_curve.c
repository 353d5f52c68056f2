/*
 * The sum of the curves of several portfolios, snapshot by snapshot.
 *
 * Rows go from the plans of the sources' queries straight into memory, or a temporary file, are brought into order of
 * time and added up. Where a number has more digits than core/combined.h can hold, the server's own sums over windows
 * do it: much slower, and as exact.
 */
#include "src/combined_curve.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "src/combined_rows.h"
#include "src/compat.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"

PG_FUNCTION_INFO_V1(pulse_combined_equity);

/* Rows after which what decoding them has left behind is freed. */
#define SCRATCH_ROWS 4096

/* Columns of the queries. */
enum
{
	COLUMN_PORTFOLIO,
	COLUMN_TS,
	COLUMN_VALUE,
	COLUMN_FLOW,
	COLUMNS
};

/* Which curve: a portfolio of a source, by its place; no name is NULL. */
typedef struct SeriesKey
{
	int32		source;
	uint32		length;
	const char *name;			/* not terminated */
} SeriesKey;

typedef struct SeriesEntry
{
	SeriesKey	key;
	uint32		number;
	uint32		hash;
	char		status;
} SeriesEntry;

static inline uint32
hash_key(SeriesKey key)
{
	return hash_bytes((const unsigned char *) key.name, (int) key.length) ^ murmurhash32((uint32) key.source);
}

static inline bool
equal_keys(SeriesKey a, SeriesKey b)
{
	return a.source == b.source && a.length == b.length && (a.name == NULL) == (b.name == NULL) && memcmp(a.name, b.name, a.length) == 0;
}

#define SH_PREFIX series
#define SH_ELEMENT_TYPE SeriesEntry
#define SH_KEY_TYPE SeriesKey
#define SH_KEY key
#define SH_HASH_KEY(tb, k) hash_key(k)
#define SH_EQUAL(tb, a, b) equal_keys(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct CombinedCurve
{
	MemoryContext context;
	MemoryContext scratch;		/* of what decoding leaves behind */
	const CombinedSources *sources;
	CombinedRows *rows;
	const pulse_combined_row *block;
	size_t		at;
	size_t		filled;
	pulse_combined sum;
	TimestampTz told;			/* the last point's time */
	bool		any;			/* there was one */
	/* where the amounts have too many digits */
	Tuplestorestate *points;
	TupleTableSlot *slot;
};

/* Takes the rows of one source's queries. */
typedef struct RowTaker
{
	DestReceiver receiver;
	CombinedCurve *curve;
	series_hash *series;
	SeriesEntry last;			/* rows of a portfolio come in runs */
	int32		source;
	uint64		n_decoded;
	bool		too_long;		/* a number was */
} RowTaker;

/* Returns the number of the series that a row belongs to. */
static uint32
series_number(RowTaker *taker, const TupleTableSlot *slot)
{
	SeriesKey	key = {.source = taker->source};
	SeriesEntry *entry;
	bool		found;

	if (slot->tts_isnull[COLUMN_PORTFOLIO])
		key.name = NULL;
	else
	{
		text	   *name = DatumGetTextPP(slot->tts_values[COLUMN_PORTFOLIO]);

		key.name = VARDATA_ANY(name);
		key.length = VARSIZE_ANY_EXHDR(name);
	}
	if (taker->last.status != 0 && equal_keys(taker->last.key, key))
		return taker->last.number;
	entry = series_insert(taker->series, key, &found);
	if (!found)
	{
		char	   *name = key.name == NULL ? NULL : MemoryContextAlloc(taker->curve->context, Max(key.length, 1));

		if (name != NULL)
			memcpy(name, key.name, key.length);
		entry->key.name = name;
		entry->number = taker->series->members - 1;
	}
	taker->last = *entry;
	taker->last.status = 1;
	return entry->number;
}

static void
check_columns(DestReceiver *self, int operation, TupleDesc columns)
{
	static const Oid types[COLUMNS] = {TEXTOID, TIMESTAMPTZOID, NUMERICOID, NUMERICOID};

	for (int i = 0; i < COLUMNS; i++)
		if (columns->natts != COLUMNS || TupleDescAttr(columns, i)->atttypid != types[i])
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("a query of a combined curve returns other columns than it should"),
					 errdetail("They are portfolio text, ts timestamptz, value numeric, flow numeric.")));
}

/* Adds a row; false when a number has too many digits. */
static bool
add_row(RowTaker *taker, const TupleTableSlot *slot)
{
	pulse_amount value;
	pulse_amount flow = {0};
	pulse_combined_row row;

	if (!pulse_numeric_to_amount(slot->tts_values[COLUMN_VALUE], &value) ||
		(!slot->tts_isnull[COLUMN_FLOW] && !pulse_numeric_to_amount(slot->tts_values[COLUMN_FLOW], &flow)))
		return false;
	row = (pulse_combined_row) {
		.units = value.units, .ts = DatumGetTimestampTz(slot->tts_values[COLUMN_TS]), .series = series_number(taker, slot),
		.scale = value.scale, .kind = value.kind
	};
	if (flow.units != 0 || flow.kind != PULSE_AMOUNT_FINITE)
	{
		pulse_combined_row before = row;

		before.is_flow = true;
		before.units = flow.units;
		before.scale = flow.scale;
		before.kind = flow.kind;
		pulse_combined_rows_add(taker->curve->rows, &before);
	}
	pulse_combined_rows_add(taker->curve->rows, &row);
	return true;
}

/* Takes a row; one without time or value is skipped. */
static bool
take_row(TupleTableSlot *slot, DestReceiver *self)
{
	RowTaker   *taker = (RowTaker *) self;
	MemoryContext caller;

	slot_getallattrs(slot);
	if (slot->tts_isnull[COLUMN_TS] || slot->tts_isnull[COLUMN_VALUE])
		return true;
	caller = MemoryContextSwitchTo(taker->curve->scratch);
	taker->too_long = !add_row(taker, slot);
	MemoryContextSwitchTo(caller);
	if (++taker->n_decoded % SCRATCH_ROWS == 0)
		MemoryContextReset(taker->curve->scratch);
	return !taker->too_long;
}

static void
do_nothing(DestReceiver *self)
{
}

/* Runs a query over the sources, in the snapshot of the calling statement, and hands its rows to a receiver. */
static void
run_query(const CombinedCurve *curve, const char *query, DestReceiver *receiver)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	ParamListInfo parameters = makeParamList(lengthof(types));
	SPIExecuteOptions options = {.params = parameters, .read_only = true, .dest = receiver};
	int			nest_level = NewGUCNestLevel();

	for (int i = 0; i < (int) lengthof(types); i++)
		parameters->params[i] = (ParamExternData) {
			.value = curve->sources->values[i], .isnull = curve->sources->nulls[i], .pflags = PARAM_FLAG_CONST, .ptype = types[i]
		};
	/* compiling takes longer than it gains for rows this plain */
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_extended(query, &options) < 0)
		elog(ERROR, "could not run \"%s\"", query);
	AtEOXact_GUC(true, nest_level);
}

/* Takes the arrays apart. */
static int
deconstruct(const CombinedSources *sources, Datum **ids, Datum **queries)
{
	int			n_ids;
	int			n_queries;

	if (ARR_HASNULL(sources->sources) || ARR_HASNULL(sources->queries))
		pulse_refuse_null_parameter();
	deconstruct_array(sources->sources, INT4OID, sizeof(int32), true, TYPALIGN_INT, ids, NULL, &n_ids);
	deconstruct_array(sources->queries, TEXTOID, -1, false, TYPALIGN_INT, queries, NULL, &n_queries);
	if (n_ids != n_queries)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there must be as many queries as sources")));
	return n_ids;
}

/* Reads all rows; false when a number has too many digits. */
static bool
read_rows(CombinedCurve *curve)
{
	RowTaker   *taker = MemoryContextAllocZero(curve->context, sizeof(RowTaker));
	Datum	   *ids;
	Datum	   *queries;
	int			n = deconstruct(curve->sources, &ids, &queries);

	curve->rows = pulse_combined_rows_begin(curve->context);
	taker->receiver = (DestReceiver) {take_row, check_columns, do_nothing, do_nothing, DestNone};
	taker->curve = curve;
	taker->series = series_create(curve->context, 256, NULL);
	for (int i = 0; i < n && !taker->too_long; i++)
	{
		taker->source = DatumGetInt32(ids[i]);
		run_query(curve, TextDatumGetCString(queries[i]), &taker->receiver);
	}
	if (taker->too_long)
		pulse_combined_rows_end(curve->rows);
	else
		pulse_combined_rows_sort(curve->rows);
	return !taker->too_long;
}

/* Lets the server add up. */
static void
read_points(CombinedCurve *curve)
{
	StringInfoData query;
	DestReceiver *receiver = CreateDestReceiver(DestTuplestore);
	MemoryContext caller = MemoryContextSwitchTo(curve->context);
	Datum	   *ids;
	Datum	   *queries;
	int			n = deconstruct(curve->sources, &ids, &queries);
	TupleDesc	columns = CreateTemplateTupleDesc(3);

	TupleDescInitEntry(columns, 1, "ts", TIMESTAMPTZOID, -1, 0);
	TupleDescInitEntry(columns, 2, "value", NUMERICOID, -1, 0);
	TupleDescInitEntry(columns, 3, "flow", NUMERICOID, -1, 0);
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT c.ts, pg_catalog.sum(c.step) OVER (ORDER BY c.ts), c.flow"
						   " FROM (SELECT s.ts, pg_catalog.sum(s.step) AS step, pg_catalog.sum(s.flow) AS flow"
						   " FROM (SELECT p.ts, p.value OPERATOR(pg_catalog.-) coalesce(pg_catalog.lag(p.value) OVER w, 0) AS step,"
						   " CASE WHEN pg_catalog.row_number() OVER w OPERATOR(pg_catalog.=) 1 THEN p.value ELSE coalesce(p.flow, 0) END AS flow FROM (");
	for (int i = 0; i < n; i++)
		appendStringInfo(&query, "%sSELECT %d, q.* FROM (%s) AS q", i > 0 ? " UNION ALL " : "", DatumGetInt32(ids[i]),
						 TextDatumGetCString(queries[i]));
	appendStringInfoString(&query, ") AS p (source, portfolio, ts, value, flow) WHERE p.ts IS NOT NULL AND p.value IS NOT NULL"
						   " WINDOW w AS (PARTITION BY p.source, p.portfolio ORDER BY p.ts)) s GROUP BY s.ts) c ORDER BY c.ts");
	curve->points = tuplestore_begin_heap(false, false, work_mem);
	curve->slot = MakeSingleTupleTableSlot(columns, &TTSOpsMinimalTuple);
	SetTuplestoreDestReceiverParams(receiver, curve->points, curve->context, false, NULL, NULL);
	run_query(curve, query.data, receiver);
	receiver->rDestroy(receiver);
	MemoryContextSwitchTo(caller);
}

/* Reads the snapshots. */
CombinedCurve *
pulse_combined_curve_begin(const CombinedSources *sources, MemoryContext context)
{
	CombinedCurve *curve = MemoryContextAllocZero(context, sizeof(CombinedCurve));

	curve->context = context;
	curve->scratch = AllocSetContextCreate(context, "pulse numeric values", ALLOCSET_DEFAULT_SIZES);
	curve->sources = sources;
	pulse_combined_begin(&curve->sum, pulse_palloc_memory(context));
	SPI_connect();
	if (!read_rows(curve))
		read_points(curve);
	SPI_finish();
	return curve;
}

/* Sets the next point from what the server has added up: the first that has not been told. */
static bool
next_stored(CombinedCurve *curve, CombinedPoint *point)
{
	while (tuplestore_gettupleslot(curve->points, true, false, curve->slot))
	{
		slot_getallattrs(curve->slot);
		point->is_numeric = true;
		point->ts = DatumGetTimestampTz(curve->slot->tts_values[0]);
		point->numeric_value = curve->slot->tts_values[1];
		point->numeric_flow = curve->slot->tts_values[2];
		if (!curve->any || point->ts > curve->told)
			return true;
	}
	return false;
}

/* Makes sure that there is a row to look at; false at the end. */
static inline bool
more_rows(CombinedCurve *curve)
{
	if (likely(curve->at < curve->filled))
		return true;
	curve->filled = pulse_combined_rows_next(curve->rows, &curve->block);
	curve->at = 0;
	return curve->filled > 0;
}

/* Sets the next point. */
bool
pulse_combined_curve_next(CombinedCurve *curve, CombinedPoint *point)
{
	if (unlikely(curve->points != NULL))
		return next_stored(curve, point);
	if (!more_rows(curve))
		return false;
	point->is_numeric = false;
	point->ts = curve->block[curve->at].ts;
	do
	{
		if (unlikely(!pulse_combined_add(&curve->sum, &curve->block[curve->at++])))
		{
			/* the sum has more digits than its parts: go on where the points end that have been told */
			pulse_combined_rows_end(curve->rows);
			SPI_connect();
			read_points(curve);
			SPI_finish();
			return next_stored(curve, point);
		}
	} while (more_rows(curve) && curve->block[curve->at].ts == point->ts);
	pulse_combined_instant(&curve->sum, &point->value, &point->flow);
	curve->told = point->ts;
	curve->any = true;
	return true;
}

/* Closes what is open besides memory. */
void
pulse_combined_curve_end(CombinedCurve *curve)
{
	if (curve->points != NULL)
		tuplestore_end(curve->points);
	if (curve->slot != NULL)
		ExecDropSingleTupleTableSlot(curve->slot);
	curve->points = NULL;
	curve->slot = NULL;
	pulse_combined_rows_end(curve->rows);
}

/* Reads the first arguments of a call (sources, queries, portfolio, since, until) into a context. */
const CombinedSources *
pulse_combined_arguments(FunctionCallInfo fcinfo, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	CombinedSources *sources = palloc0(sizeof(CombinedSources));

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		pulse_refuse_null_parameter();
	sources->sources = PG_GETARG_ARRAYTYPE_P_COPY(0);
	sources->queries = PG_GETARG_ARRAYTYPE_P_COPY(1);
	for (int i = 0; i < 3; i++)
		sources->nulls[i] = PG_ARGISNULL(i + 2);
	if (!sources->nulls[0])
		sources->values[0] = PointerGetDatum(PG_GETARG_TEXT_P_COPY(2));
	for (int i = 1; i < 3; i++)
		sources->values[i] = sources->nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(i + 2);
	MemoryContextSwitchTo(caller);
	return sources;
}

static void
end_with_query(Datum argument)
{
	pulse_combined_curve_end((CombinedCurve *) DatumGetPointer(argument));
}

/* SQL: pulse.combined_equity(sources, queries, portfolio, since, until), row by row. */
Datum
pulse_combined_equity(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	CombinedCurve *curve;
	CombinedPoint point;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext context;
		MemoryContext caller;
		TupleDesc	type;

		call = SRF_FIRSTCALL_INIT();
		context = call->multi_call_memory_ctx;
		if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "pulse.combined_equity() must return a row type");
		caller = MemoryContextSwitchTo(context);
		call->tuple_desc = BlessTupleDesc(CreateTupleDescCopy(type));
		MemoryContextSwitchTo(caller);
		curve = pulse_combined_curve_begin(pulse_combined_arguments(fcinfo, context), context);
		call->user_fctx = curve;
		/* a query may not want all of it */
		RegisterExprContextCallback(((ReturnSetInfo *) fcinfo->resultinfo)->econtext, end_with_query, PointerGetDatum(curve));
	}
	call = SRF_PERCALL_SETUP();
	curve = call->user_fctx;
	if (!pulse_combined_curve_next(curve, &point))
	{
		UnregisterExprContextCallback(((ReturnSetInfo *) fcinfo->resultinfo)->econtext, end_with_query, PointerGetDatum(curve));
		pulse_combined_curve_end(curve);
		SRF_RETURN_DONE(call);
	}
	values[0] = TimestampTzGetDatum(point.ts);
	values[1] = point.is_numeric ? point.numeric_value : pulse_amount_to_numeric(&point.value);
	values[2] = point.is_numeric ? point.numeric_flow : pulse_amount_to_numeric(&point.flow);
	SRF_RETURN_NEXT(call, HeapTupleGetDatum(heap_form_tuple(call->tuple_desc, values, nulls)));
}
