/*
 * Stored buckets and raw snapshots as segments.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/equity.h"
#include "src/metric_state.h"
#include "src/summary.h"

PG_FUNCTION_INFO_V1(pulse_summary_of_bytes);
PG_FUNCTION_INFO_V1(pulse_newest_snapshot);

#define MAX_RAW_PLANS 512

/* A plan over a user's table, by its text: planned once a session, as whom it runs is the plan cache's business. */
typedef struct RawPlan
{
	uint32		digest;			/* hash key */
	char	   *sql;
	SPIPlanPtr	plan;
} RawPlan;

static HTAB *raw_plans = NULL;

/* Returns a summary's bytes as a summary. */
Datum
pulse_summary_of_bytes(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* Keeps a time within the calendar. */
TimestampTz
pulse_clamp_time(TimestampTz ts)
{
	return Max(MIN_TIMESTAMP, Min(ts, END_TIMESTAMP));
}

/* Rounds a time down to the beginning of its bucket. */
TimestampTz
pulse_bucket_floor(TimestampTz ts, int hours)
{
	int64		width = hours * USECS_PER_HOUR;

	ts = pulse_clamp_time(ts);
	return pulse_clamp_time(pulse_bucket_start(pulse_bucket_index(ts, width), width));
}

/* Rounds a time up to the beginning of a bucket. */
TimestampTz
pulse_bucket_ceil(TimestampTz ts, int hours)
{
	TimestampTz floor = pulse_bucket_floor(ts, hours);

	ts = pulse_clamp_time(ts);
	return floor == ts ? ts : pulse_clamp_time(floor + hours * USECS_PER_HOUR);
}

/* Makes room for n more segments and returns where they go. */
pulse_segment *
pulse_segment_room(PulseSegmentList *list, size_t n)
{
	if (list->n + n > list->allocated)
	{
		size_t		allocated = Max(Max(list->allocated * 2, 64), list->n + n);

		if (allocated > MaxAllocHugeSize / sizeof(pulse_segment))
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many buckets of time")));
		list->items = list->items == NULL ? MemoryContextAllocHuge(CurrentMemoryContext, allocated * sizeof(pulse_segment)) :
			repalloc_huge(list->items, allocated * sizeof(pulse_segment));
		list->allocated = allocated;
	}
	list->n += n;
	return list->items + list->n - n;
}

/* Appends the segments of a summary. */
void
pulse_append_summary(PulseSegmentList *list, Datum summary)
{
	pulse_segment *segments;
	size_t		n;

	pulse_summary_segments(summary, 0, &segments, &n);
	memcpy(pulse_segment_room(list, n), segments, n * sizeof(pulse_segment));
	pfree(segments);
}

/* Appends the segments of stored buckets; as the owner of our tables. */
TimestampTz
pulse_stored_buckets(const PulseSeries *series, int hours, TimestampTz since, TimestampTz until, PulseSegmentList *list)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, TEXTOID, INT2OID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[5];
	TimestampTz last = DT_NOBEGIN;
	MemoryContext context = CurrentMemoryContext;
	SPITupleTable *rows;
	int			nest_level;

	if (since >= until)
		return last;
	values[0] = Int32GetDatum(series->source->source_id);
	values[1] = CStringGetTextDatum(series->portfolio);
	values[2] = Int16GetDatum(hours);
	values[3] = TimestampTzGetDatum(since);
	/* the end of the calendar is past the last time that can be written */
	values[4] = TimestampTzGetDatum(until >= END_TIMESTAMP ? DT_NOEND : until);
	pulse_saved_plan(&plan, "SELECT bucket, summary FROM pulse.metric_state WHERE source_id = $1 AND portfolio = $2"
					 " AND hours = $3 AND bucket >= $4 AND bucket < $5 ORDER BY bucket", 5, types);
	/* the key's order, whatever the statistics say */
	nest_level = NewGUCNestLevel();
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("enable_bitmapscan", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_plan(plan, values, NULL, series->read_only, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.metric_state");
	AtEOXact_GUC(true, nest_level);
	rows = SPI_tuptable;
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < rows->numvals; i++)
	{
		bool		null;

		last = DatumGetTimestampTz(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &null));
		pulse_append_summary(list, SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &null));
	}
	SPI_freetuptable(rows);
	return last;
}

/* Returns the plan of a statement over a user's table, whose parameters are a portfolio and two times. */
SPIPlanPtr
pulse_raw_plan(const char *sql)
{
	static Oid	types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	uint32		digest = hash_bytes((const unsigned char *) sql, (int) strlen(sql));
	RawPlan    *entry;
	bool		found;

	if (raw_plans != NULL && hash_get_num_entries(raw_plans) >= MAX_RAW_PLANS)
	{
		HASH_SEQ_STATUS status;

		hash_seq_init(&status, raw_plans);
		while ((entry = hash_seq_search(&status)) != NULL)
		{
			if (entry->plan != NULL)
				SPI_freeplan(entry->plan);
			if (entry->sql != NULL)
				pfree(entry->sql);
		}
		hash_destroy(raw_plans);
		raw_plans = NULL;
	}
	if (raw_plans == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(uint32), .entrysize = sizeof(RawPlan), .hcxt = TopMemoryContext};

		raw_plans = hash_create("pulse raw plans", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(raw_plans, &digest, HASH_ENTER, &found);
	if (!found)
	{
		entry->sql = NULL;
		entry->plan = NULL;
	}
	if (entry->plan == NULL || strcmp(entry->sql, sql) != 0)
	{
		SPIPlanPtr	plan = SPI_prepare(sql, lengthof(types), types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare: %s", sql);
		if (entry->plan != NULL)
			SPI_freeplan(entry->plan);
		if (entry->sql != NULL)
			pfree(entry->sql);
		entry->plan = NULL;
		entry->sql = MemoryContextStrdup(TopMemoryContext, sql);
		entry->plan = plan;
	}
	return entry->plan;
}

/* Runs a statement over the snapshots of a series from since to until, both included; $1 to $3 are the source query's. */
static void
run_raw(const PulseSeries *series, const char *select, const char *tail, TimestampTz since, TimestampTz until, int64 limit)
{
	Datum		values[3];
	MemoryContext context = CurrentMemoryContext;
	char	   *sql = psprintf("SELECT %s FROM (%s) AS q WHERE q.portfolio OPERATOR(pg_catalog.=) $1"
							   " AND q.total_value IS NOT NULL AND pg_catalog.isfinite(q.ts)%s", select, series->source->query, tail);

	values[0] = CStringGetTextDatum(series->portfolio);
	/* the query shifts times by a day; only infinity stays within the calendar at its very ends */
	values[1] = TimestampTzGetDatum(since < MIN_TIMESTAMP + 2 * USECS_PER_DAY ? DT_NOBEGIN : since);
	values[2] = TimestampTzGetDatum(until > END_TIMESTAMP - 2 * USECS_PER_DAY ? DT_NOEND : until);
	if (SPI_execute_plan(pulse_raw_plan(sql), values, NULL, series->read_only, limit) != SPI_OK_SELECT)
		elog(ERROR, "could not read %s", series->source->qualified_name);
	MemoryContextSwitchTo(context);
	pfree(sql);
}

/* Appends segments of the snapshots in [since, until). */
void
pulse_raw_segments(const PulseSeries *series, TimestampTz since, TimestampTz until, PulseSegmentList *list)
{
	SPITupleTable *rows;
	bool		null;
	Datum		summary;

	since = Max(since, series->source->archived_before);
	if (since >= until || series->source->query == NULL)
		return;
	run_raw(series, "pulse.raw_summary(q.ts, q.total_value, q.net_flow, interval '1 hour')", "", since, until - 1, 0);
	rows = SPI_tuptable;
	summary = SPI_getbinval(rows->vals[0], rows->tupdesc, 1, &null);
	if (!null)
		pulse_append_summary(list, summary);
	SPI_freetuptable(rows);
}

/* Returns the time of the first snapshot at or after a time. */
TimestampTz
pulse_next_snapshot(const PulseSeries *series, TimestampTz since)
{
	TimestampTz next = DT_NOEND;
	bool		null;

	if (series->source->query == NULL)
		return next;
	run_raw(series, "q.ts", " ORDER BY q.ts LIMIT 1", Max(since, series->source->archived_before), END_TIMESTAMP, 1);
	if (SPI_processed > 0)
		next = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	SPI_freetuptable(SPI_tuptable);
	return next;
}

/* Appends what the stored buckets say of a time whose snapshots may be gone: the last value of the newest bucket before. */
static bool
archived_base(const PulseSeries *series, TimestampTz at, PulseSegmentList *list)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, TEXTOID, TIMESTAMPTZOID};
	Datum		values[3];
	MemoryContext context = CurrentMemoryContext;
	PulseSegmentList found = {0};
	SPITupleTable *rows;
	const pulse_segment *last;
	bool		null;
	pulse_segment *base;
	size_t		n;

	values[0] = Int32GetDatum(series->source->source_id);
	values[1] = CStringGetTextDatum(series->portfolio);
	values[2] = TimestampTzGetDatum(pulse_bucket_floor(Min(at, series->source->archived_before - 1), PULSE_HOUR_BUCKET));
	pulse_saved_plan(&plan, "SELECT summary FROM pulse.metric_state WHERE source_id = $1 AND portfolio = $2 AND hours = 1"
					 " AND bucket <= $3 ORDER BY bucket DESC LIMIT 2", 3, types);
	if (SPI_execute_plan(plan, values, NULL, series->read_only, 2) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.metric_state");
	rows = SPI_tuptable;
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < rows->numvals; i++)
		pulse_append_summary(&found, SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &null));
	SPI_freetuptable(rows);
	last = found.n > 0 && found.items[0].last_ts <= at ? &found.items[0] : found.n > 1 ? &found.items[1] : NULL;
	if (last == NULL)
		return false;
	n = pulse_segments_of_rows(&at, &last->last, NULL, 1, USECS_PER_HOUR, pulse_palloc_memory(CurrentMemoryContext), &base);
	*pulse_segment_room(list, n) = base[0];
	return true;
}

/* Appends the newest snapshot at or before a time as a segment that stands at this time. */
bool
pulse_base_segment(const PulseSeries *series, TimestampTz at, PulseSegmentList *list)
{
	const pulse_source *source = series->source;
	SPITupleTable *rows;
	pulse_segment *base;
	double		value;
	bool		null;

	if (source->query == NULL)
		return false;
	if (at >= source->archived_before)
	{
		run_raw(series, "q.total_value::pg_catalog.float8", " ORDER BY q.ts DESC LIMIT 1", source->archived_before, at, 1);
		rows = SPI_tuptable;
		if (rows->numvals > 0)
		{
			value = DatumGetFloat8(SPI_getbinval(rows->vals[0], rows->tupdesc, 1, &null));
			SPI_freetuptable(rows);
			(void) pulse_segments_of_rows(&at, &value, NULL, 1, USECS_PER_HOUR, pulse_palloc_memory(CurrentMemoryContext), &base);
			*pulse_segment_room(list, 1) = base[0];
			return true;
		}
		SPI_freetuptable(rows);
	}
	return source->archived_before > MIN_TIMESTAMP && archived_base(series, at, list);
}

/* SQL: pulse.newest_snapshot(source_id, portfolio). */
Datum
pulse_newest_snapshot(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3] = {PG_GETARG_DATUM(1), (Datum) 0, (Datum) 0};
	pulse_source *source;
	TupleDesc	type;
	HeapTuple	tuple = NULL;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pulse.newest_snapshot() must return a row type");
	SPI_connect();
	MemoryContextSwitchTo(context);
	source = pulse_source_load(PG_GETARG_INT32(0), true, false);
	if (source != NULL && source->query != NULL && strcmp(source->kind, "snapshots") == 0)
	{
		char	   *sql = psprintf("SELECT r.portfolio, r.ts, r.total_value, r.cash_balance, r.positions_value, r.unrealized_pnl,"
								   " r.realized_pnl, r.net_flow, r.position_count FROM (%s) AS r"
								   " WHERE r.portfolio OPERATOR(pg_catalog.=) $1 AND r.ts IS NOT NULL ORDER BY r.ts DESC LIMIT 1",
								   source->query);

		if (SPI_execute_plan(pulse_raw_plan(sql), values, " nn", true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read %s", source->qualified_name);
		MemoryContextSwitchTo(context);
		if (SPI_processed > 0)
		{
			Datum		columns[9];
			bool		nulls[9];

			heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, columns, nulls);
			tuple = heap_form_tuple(BlessTupleDesc(type), columns, nulls);
		}
	}
	SPI_finish();
	if (tuple == NULL)
		PG_RETURN_NULL();
	return HeapTupleGetDatum(tuple);
}
