/*
 * Figures of an equity curve from stored buckets, and from snapshots where buckets are not up to date.
 *
 * What is not up to date is known exactly: the ranges in pulse.dirty and pulse.metric_dirty that the calling query's
 * snapshot shows, and what the current transaction has marked itself. Outside of them stored buckets are complete, and
 * where there is none there was no snapshot.
 */
#include "postgres.h"

#include <stdlib.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/dirty.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/metric_state.h"
#include "src/narrow.h"
#include "src/summary.h"

PG_FUNCTION_INFO_V1(pulse_state_metrics);
PG_FUNCTION_INFO_V1(pulse_state_summary);
PG_FUNCTION_INFO_V1(pulse_state_segments);
PG_FUNCTION_INFO_V1(pulse_series_of);

#define MAX_CUTS 100000

/* A range of time, the end excluded. */
typedef struct Range
{
	TimestampTz since;
	TimestampTz until;
} Range;

typedef struct RangeList
{
	Range	   *items;
	int			n;
	int			allocated;
} RangeList;

/* A marked range of a portfolio; NULL: of all of them. */
typedef struct MarkedRange
{
	const char *portfolio;
	TimestampTz min_ts;
	TimestampTz max_ts;
} MarkedRange;

/* What tells whether two snapshots show the same. */
typedef struct SnapshotKey
{
	TransactionId xmin;
	TransactionId xmax;
	CommandId	curcid;
	uint32		xcnt;
	uint64		digest;			/* of the transactions in progress */
} SnapshotKey;

/*
 * What the calls of one statement share when it asks for many portfolios of a source. Marks are read together from the
 * second call on.
 */
typedef struct ReaderCache
{
	SnapshotKey snapshot;		/* a call site may outlive its statement, in PL/pgSQL */
	int32		source_id;
	Oid			user;
	pulse_source *source;
	bool		readable;		/* whatever the portfolio */
	bool		has_marks;
	MarkedRange *marks;			/* by portfolio, those of all first */
	int			n;
	MemoryContext context;		/* of all this */
} ReaderCache;

typedef struct Reader
{
	PulseSeries series;
	ReaderCache *cache;			/* NULL: nothing is shared */
	bool		days;			/* buckets of a day may be used where they fit, else only hours */
	RangeList	dirty;			/* in order, none touching the hours of another */
	RangeList	raw;			/* of which the snapshots are still to be read */
	PulseSegmentList segments;
} Reader;

static void
add_range(RangeList *list, TimestampTz since, TimestampTz until)
{
	if (since >= until)
		return;
	if (list->n == list->allocated)
	{
		list->allocated = list->allocated == 0 ? 16 : list->allocated * 2;
		list->items = list->items == NULL ? palloc(list->allocated * sizeof(Range)) :
			repalloc(list->items, list->allocated * sizeof(Range));
	}
	list->items[list->n++] = (Range) {since, until};
}

/* Adds a marked range, both ends included, as far as it is not archived. */
static void
add_mark(void *arg, TimestampTz min_ts, TimestampTz max_ts)
{
	Reader	   *reader = arg;

	add_range(&reader->dirty, pulse_clamp_time(Max(min_ts, reader->series.source->archived_before)),
			  max_ts >= END_TIMESTAMP - 1 ? END_TIMESTAMP : pulse_clamp_time(max_ts + 1));
}

static int
compare_ranges(const void *a, const void *b)
{
	const Range *x = a;
	const Range *y = b;

	return (x->since > y->since) - (x->since < y->since);
}

/* Orders the dirty ranges and merges those that share an hour. */
static void
merge_dirty(RangeList *list)
{
	int			kept = 0;

	if (list->n > 1)
		qsort(list->items, list->n, sizeof(Range), compare_ranges);
	for (int i = 0; i < list->n; i++)
		if (kept > 0 && list->items[i].since < pulse_bucket_ceil(list->items[kept - 1].until, PULSE_HOUR_BUCKET))
			list->items[kept - 1].until = Max(list->items[kept - 1].until, list->items[i].until);
		else
			list->items[kept++] = list->items[i];
	list->n = kept;
}

/* Reads what is marked of a portfolio, or of all, into SPI_tuptable. */
static void
read_marks(const pulse_source *source, const char *portfolio, bool read_only)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, TEXTOID};
	Datum		values[2];

	values[0] = Int32GetDatum(source->source_id);
	values[1] = portfolio == NULL ? (Datum) 0 : CStringGetTextDatum(portfolio);
	pulse_saved_plan(&plan,
					 "SELECT d.portfolio, coalesce(d.min_ts, '-infinity'), coalesce(d.max_ts, 'infinity') FROM pulse.dirty d"
					 " WHERE d.source_id = $1 AND ($2 IS NULL OR d.portfolio IS NULL OR d.portfolio = $2)"
					 " UNION ALL SELECT m.portfolio, m.min_ts, m.max_ts FROM pulse.metric_dirty m"
					 " WHERE m.source_id = $1 AND ($2 IS NULL OR m.portfolio IS NULL OR m.portfolio = $2)", 2, types);
	if (SPI_execute_plan(plan, values, portfolio == NULL ? " n" : NULL, read_only, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.dirty");
}

/* Takes one row of what read_marks() has read, in the current memory context. */
static MarkedRange
marked_range(uint64 row)
{
	MarkedRange mark;
	bool		null;
	Datum		name = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &null);

	mark.portfolio = null ? NULL : TextDatumGetCString(name);
	mark.min_ts = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &null));
	mark.max_ts = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 3, &null));
	return mark;
}

static int
compare_marks(const void *a, const void *b)
{
	const char *x = ((const MarkedRange *) a)->portfolio;
	const char *y = ((const MarkedRange *) b)->portfolio;

	if (x == NULL || y == NULL)
		return (x != NULL) - (y != NULL);
	return strcmp(x, y);
}

/* Reads the marks of all portfolios into the cache. */
static void
cache_marks(ReaderCache *cache, MemoryContext context)
{
	MemoryContext old = CurrentMemoryContext;

	/* leaves us in SPI's own memory, which would not outlive it */
	read_marks(cache->source, NULL, true);
	MemoryContextSwitchTo(context);
	cache->marks = MemoryContextAllocHuge(context, Max(SPI_processed, 1) * sizeof(MarkedRange));
	cache->n = (int) SPI_processed;
	for (int i = 0; i < cache->n; i++)
		cache->marks[i] = marked_range(i);
	qsort(cache->marks, cache->n, sizeof(MarkedRange), compare_marks);
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
	cache->has_marks = true;
}

/* Adds the cached marks of the reader's portfolio. */
static void
add_cached_marks(Reader *reader)
{
	const ReaderCache *cache = reader->cache;
	bool		by_portfolio = reader->series.source->has_portfolios;
	int			first = 0;
	int			end = cache->n;

	for (; first < cache->n && (!by_portfolio || cache->marks[first].portfolio == NULL); first++)
		add_mark(reader, cache->marks[first].min_ts, cache->marks[first].max_ts);
	while (first < end)
	{
		int			middle = first + (end - first) / 2;

		if (strcmp(cache->marks[middle].portfolio, reader->series.portfolio) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	for (; first < cache->n && strcmp(cache->marks[first].portfolio, reader->series.portfolio) == 0; first++)
		add_mark(reader, cache->marks[first].min_ts, cache->marks[first].max_ts);
}

/* Collects the ranges in which stored buckets may be out of date. */
static void
collect_dirty(Reader *reader)
{
	const pulse_source *source = reader->series.source;
	MemoryContext context = CurrentMemoryContext;

	if (!source->rebuilt)
	{
		add_mark(reader, DT_NOBEGIN, DT_NOEND);
		return;
	}
	if (reader->cache != NULL && reader->cache->has_marks)
		add_cached_marks(reader);
	else
	{
		read_marks(source, source->has_portfolios ? reader->series.portfolio : NULL, reader->series.read_only);
		MemoryContextSwitchTo(context);
		for (uint64 i = 0; i < SPI_tuptable->numvals; i++)
		{
			MarkedRange mark = marked_range(i);

			add_mark(reader, mark.min_ts, mark.max_ts);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	pulse_pending_marks(source->source_id, source->has_portfolios ? reader->series.portfolio : NULL, add_mark, reader);
	merge_dirty(&reader->dirty);
}

/* Takes a part of an hour, from since to until: its bucket where that says all, else the snapshots. */
static void
take_part(Reader *reader, TimestampTz since, TimestampTz until)
{
	TimestampTz hour = pulse_bucket_floor(since, PULSE_HOUR_BUCKET);
	PulseSegmentList *list = &reader->segments;
	const pulse_segment *found;
	size_t		before = list->n;

	if (since >= until)
		return;
	(void) pulse_stored_buckets(&reader->series, PULSE_HOUR_BUCKET, hour, hour + 1, list);
	if (list->n == before)
		return;
	found = &list->items[before];
	if (found->first_ts >= since && found->last_ts < until)
		return;
	/* of an archived hour nothing but the whole is known: it counts where it begins */
	if (hour < reader->series.source->archived_before && since == hour)
		return;
	list->n = before;
	if (found->last_ts >= since && found->first_ts < until)
		add_range(&reader->raw, since, until);
}

/* Takes whole days: by four weeks where they are stored so. */
static void
take_days(Reader *reader, TimestampTz since, TimestampTz until)
{
	TimestampTz months = pulse_bucket_ceil(since, PULSE_MONTH_BUCKET);
	TimestampTz months_end = pulse_bucket_floor(until, PULSE_MONTH_BUCKET);
	TimestampTz last;

	if (months >= months_end)
	{
		(void) pulse_stored_buckets(&reader->series, PULSE_DAY_BUCKET, since, until, &reader->segments);
		return;
	}
	if (since > MIN_TIMESTAMP)
		(void) pulse_stored_buckets(&reader->series, PULSE_DAY_BUCKET, since, months, &reader->segments);
	last = pulse_stored_buckets(&reader->series, PULSE_MONTH_BUCKET, months, months_end, &reader->segments);
	/* older periods than the last stored one are either stored too or empty */
	(void) pulse_stored_buckets(&reader->series, PULSE_DAY_BUCKET,
								last == DT_NOBEGIN ? months : last + PULSE_MONTH_BUCKET * USECS_PER_HOUR, until,
								&reader->segments);
}

/* Takes a range whose buckets are up to date. */
static void
take_clean(Reader *reader, TimestampTz since, TimestampTz until)
{
	TimestampTz hours = pulse_bucket_ceil(since, PULSE_HOUR_BUCKET);
	TimestampTz hours_end = pulse_bucket_floor(until, PULSE_HOUR_BUCKET);
	TimestampTz days = pulse_bucket_ceil(hours, PULSE_DAY_BUCKET);
	TimestampTz days_end = pulse_bucket_floor(hours_end, PULSE_DAY_BUCKET);

	if (since >= until)
		return;
	if (since < hours)
		take_part(reader, since, Min(hours, until));
	if (hours < hours_end)
	{
		if (!reader->days || days >= days_end)
			(void) pulse_stored_buckets(&reader->series, PULSE_HOUR_BUCKET, hours, hours_end, &reader->segments);
		else
		{
			(void) pulse_stored_buckets(&reader->series, PULSE_HOUR_BUCKET, hours, days, &reader->segments);
			take_days(reader, days, days_end);
			(void) pulse_stored_buckets(&reader->series, PULSE_HOUR_BUCKET, days_end, hours_end, &reader->segments);
		}
	}
	if (hours_end >= hours)
		take_part(reader, hours_end, until);
}

/* Takes a range with changes that no bucket knows; returns where it ends. */
static TimestampTz
take_dirty(Reader *reader, TimestampTz since, TimestampTz until, const Range *dirty)
{
	PulseSegmentList *list = &reader->segments;
	TimestampTz from = Max(since, dirty->since);
	TimestampTz hour = pulse_bucket_floor(from, PULSE_HOUR_BUCKET);
	TimestampTz end = Min(until, pulse_bucket_ceil(dirty->until, PULSE_HOUR_BUCKET));
	size_t		before = list->n;

	if (Max(since, hour) < from)
	{
		/* the snapshots of this hour before the change: what its bucket knows, if that is no more */
		(void) pulse_stored_buckets(&reader->series, PULSE_HOUR_BUCKET, hour, hour + 1, list);
		if (list->n > before && (list->items[before].first_ts < since || list->items[before].last_ts >= from))
		{
			list->n = before;
			from = Max(since, hour);
		}
	}
	add_range(&reader->raw, from, end);
	return end;
}

/* Takes everything in [since, until); what needs snapshots is only noted. */
static void
take(Reader *reader, TimestampTz since, TimestampTz until)
{
	since = pulse_clamp_time(since);
	until = pulse_clamp_time(until);
	for (int i = 0; i < reader->dirty.n; i++)
	{
		const Range *dirty = &reader->dirty.items[i];
		TimestampTz hour = pulse_bucket_floor(dirty->since, PULSE_HOUR_BUCKET);

		if (pulse_bucket_ceil(dirty->until, PULSE_HOUR_BUCKET) <= since)
			continue;
		if (hour >= until)
			break;
		take_clean(reader, since, hour);
		since = take_dirty(reader, Max(since, hour), until, dirty);
	}
	take_clean(reader, since, until);
}

static int
compare_segments(const void *a, const void *b)
{
	const pulse_segment *x = a;
	const pulse_segment *y = b;

	return (x->first_ts > y->first_ts) - (x->first_ts < y->first_ts);
}

/* Reads the snapshots that are needed, as the current user, and brings all segments into order. */
static void
finish(Reader *reader)
{
	PulseSegmentList *list = &reader->segments;

	for (int i = 0; i < reader->raw.n; i++)
		pulse_raw_segments(&reader->series, reader->raw.items[i].since, reader->raw.items[i].until, list);
	for (size_t i = 1; i < list->n; i++)
		if (list->items[i - 1].first_ts > list->items[i].first_ts)
		{
			/* stable where a base and a snapshot share an instant: they never do, as snapshots come after it */
			qsort(list->items, list->n, sizeof(pulse_segment), compare_segments);
			break;
		}
}

static SnapshotKey
snapshot_key(void)
{
	Snapshot	snapshot = GetActiveSnapshot();
	SnapshotKey key;

	memset(&key, 0, sizeof(key));
	key.xmin = snapshot->xmin;
	key.xmax = snapshot->xmax;
	key.curcid = snapshot->curcid;
	key.xcnt = snapshot->xcnt;
	key.digest = snapshot->xcnt == 0 ? 0 :
		hash_bytes_extended((const unsigned char *) snapshot->xip, (int) (snapshot->xcnt * sizeof(TransactionId)), 0);
	if (snapshot->subxcnt > 0)
		key.digest ^= hash_bytes_extended((const unsigned char *) snapshot->subxip, (int) (snapshot->subxcnt * sizeof(TransactionId)), 1);
	return key;
}

/*
 * Finds the source, and whether the current user may read the portfolio in it; what holds for the whole statement is
 * remembered at the call site.
 */
static const pulse_source *
readable_source(Reader *reader, FunctionCallInfo fcinfo)
{
	int32		source_id = PG_GETARG_INT32(0);
	ReaderCache *cache = fcinfo->flinfo->fn_extra;
	SnapshotKey key = snapshot_key();
	MemoryContext context = CurrentMemoryContext;
	MemoryContext shared;
	pulse_source *source;
	bool		readable;
	bool		by_portfolio = true;

	if (cache != NULL && cache->source_id == source_id && cache->user == GetUserId() &&
		memcmp(&cache->snapshot, &key, sizeof(key)) == 0)
	{
		if (!cache->has_marks)
			cache_marks(cache, cache->context);
		/* one that has been narrowed since may no longer be what it was */
		if ((!cache->readable || pulse_narrowing_in_force() != 0) && !pulse_may_read(source_id, reader->series.portfolio, NULL))
			return NULL;
		reader->cache = cache;
		return cache->source;
	}
	if (cache != NULL)
	{
		fcinfo->flinfo->fn_extra = NULL;
		MemoryContextDelete(cache->context);
	}
	shared = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pulse reader", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(shared);
	source = pulse_source_load(source_id, true, true);
	MemoryContextSwitchTo(context);
	if (source == NULL || source->query == NULL || strcmp(source->kind, "snapshots") != 0)
	{
		MemoryContextDelete(shared);
		return NULL;
	}
	readable = pulse_may_read(source_id, reader->series.portfolio, &by_portfolio);
	cache = MemoryContextAllocZero(shared, sizeof(ReaderCache));
	cache->context = shared;
	cache->snapshot = key;
	cache->source_id = source_id;
	cache->user = GetUserId();
	cache->source = source;
	cache->readable = readable && !by_portfolio;
	fcinfo->flinfo->fn_extra = cache;
	return readable ? source : NULL;
}

/* Prepares reading a portfolio of a source; false when there is nothing that the current user may see. */
static bool
begin(Reader *reader, FunctionCallInfo fcinfo)
{
	pulse_identity identity;

	memset(reader, 0, sizeof(Reader));
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return false;
	reader->days = true;
	reader->series.read_only = true;
	reader->series.portfolio = text_to_cstring(PG_GETARG_TEXT_PP(1));
	reader->series.source = readable_source(reader, fcinfo);
	if (reader->series.source == NULL)
		return false;
	identity = pulse_act_as(pulse_owner(), false);
	collect_dirty(reader);
	pulse_act_back(&identity);
	return true;
}

/* Takes a period: from the last snapshot up to since (NULL: from the first one) to until, which is included. */
static void
take_period(Reader *reader, bool has_since, TimestampTz since, bool has_until, TimestampTz until)
{
	pulse_identity identity;

	if (has_since)
		(void) pulse_base_segment(&reader->series, since, &reader->segments);
	identity = pulse_act_as(pulse_owner(), false);
	take(reader, has_since ? pulse_clamp_time(since) + 1 : MIN_TIMESTAMP, has_until ? pulse_clamp_time(until) + 1 : END_TIMESTAMP);
	pulse_act_back(&identity);
	finish(reader);
}

/* Reads the period of arguments 2 and 3; false when there is no snapshot. */
static bool
read_period(Reader *reader, FunctionCallInfo fcinfo)
{
	take_period(reader, !PG_ARGISNULL(2), PG_ARGISNULL(2) ? 0 : PG_GETARG_TIMESTAMPTZ(2),
				!PG_ARGISNULL(3), PG_ARGISNULL(3) ? 0 : PG_GETARG_TIMESTAMPTZ(3));
	return reader->segments.n > 0;
}

/* SQL: pulse.state_metrics(source_id, portfolio, since, until). */
Datum
pulse_state_metrics(PG_FUNCTION_ARGS)
{
	static const EquityParameters parameters = {.period = USECS_PER_DAY, .confidence = PULSE_DEFAULT_CONFIDENCE};
	MemoryContext context = CurrentMemoryContext;
	Reader		reader;
	pulse_curve curve;
	bool		found;

	SPI_connect();
	MemoryContextSwitchTo(context);
	found = begin(&reader, fcinfo) && read_period(&reader, fcinfo);
	SPI_finish();
	if (!found)
		PG_RETURN_NULL();
	pulse_segments_to_curve(reader.segments.items, reader.segments.n, parameters.period,
							pulse_palloc_memory(CurrentMemoryContext), &curve);
	return pulse_metrics_row(fcinfo, &curve, &parameters);
}

/* SQL: pulse.state_summary(source_id, portfolio, since, until, period). */
Datum
pulse_state_summary(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Reader		reader;
	int64		period;
	bool		found;

	if (PG_ARGISNULL(4))
		pulse_refuse_null_parameter();
	period = pulse_check_period(PG_GETARG_INTERVAL_P(4));
	if (period % USECS_PER_HOUR != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the period must be a whole number of hours")));
	SPI_connect();
	MemoryContextSwitchTo(context);
	found = begin(&reader, fcinfo);
	reader.days = period % USECS_PER_DAY == 0;
	found = found && read_period(&reader, fcinfo);
	SPI_finish();
	if (!found)
		PG_RETURN_NULL();
	for (size_t i = 0; i < reader.segments.n; i++)
		reader.segments.items[i].bucket = pulse_bucket_index(reader.segments.items[i].first_ts, period);
	reader.segments.n = pulse_segments_merge(reader.segments.items, reader.segments.n);
	PG_RETURN_DATUM(pulse_summary_datum(reader.segments.items, reader.segments.n, period));
}

/* SQL: pulse.state_segments(source_id, portfolio, cuts, by_days). */
Datum
pulse_state_segments(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Reader		reader;
	ArrayType  *array;
	Datum	   *cuts;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
		return (Datum) 0;
	array = PG_GETARG_ARRAYTYPE_P(2);
	if (ARR_HASNULL(array))
		pulse_refuse_null_parameter();
	deconstruct_array(array, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &cuts, NULL, &n);
	if (n > MAX_CUTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many parts")));
	SPI_connect();
	MemoryContextSwitchTo(context);
	if (begin(&reader, fcinfo))
	{
		reader.days = PG_GETARG_BOOL(3);
		for (int i = 0; i + 1 < n; i++)
		{
			pulse_identity identity = pulse_act_as(pulse_owner(), false);

			reader.segments.n = 0;
			reader.raw.n = 0;
			take(&reader, DatumGetTimestampTz(cuts[i]), DatumGetTimestampTz(cuts[i + 1]));
			pulse_act_back(&identity);
			finish(&reader);
			for (size_t s = 0; s < reader.segments.n; s++)
				pulse_put_segment((ReturnSetInfo *) fcinfo->resultinfo, i + 1, &reader.segments.items[s]);
		}
	}
	SPI_finish();
	return (Datum) 0;
}

/* Returns the sources of snapshots that the current user may read, as pulse_source. */
static List *
readable_sources(void)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext context = CurrentMemoryContext;
	pulse_identity identity = pulse_act_as(pulse_owner(), false);
	List	   *sources = NIL;
	SPITupleTable *rows;

	pulse_saved_plan(&plan, "SELECT source_id FROM pulse.source WHERE kind = 'snapshots' AND state = 'active' ORDER BY source_id",
					 0, NULL);
	if (SPI_execute_plan(plan, NULL, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.source");
	rows = SPI_tuptable;
	pulse_act_back(&identity);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < rows->numvals; i++)
	{
		bool		null;
		int32		source_id = DatumGetInt32(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &null));
		pulse_source *source = pulse_source_load(source_id, true, true);

		if (source != NULL && source->query != NULL && pulse_may_read(source_id, NULL, NULL))
			sources = lappend(sources, source);
	}
	SPI_freetuptable(rows);
	return sources;
}

/* Returns the first, or last, portfolio that the current user sees in a source; NULL when there is none. */
static char *
outer_portfolio(const pulse_source *source, const char *direction)
{
	MemoryContext context = CurrentMemoryContext;
	pulse_source *all = pulse_source_load(source->source_id, false, false);
	char	   *sql = psprintf("SELECT r.portfolio FROM (%s) AS r WHERE r.portfolio IS NOT NULL ORDER BY r.portfolio %s LIMIT 1", all->query, direction);
	char	   *name = NULL;
	Datum		values[3] = {0};
	bool		null;

	if (SPI_execute_plan(pulse_raw_plan(sql), values, "nnn", true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read %s", source->qualified_name);
	MemoryContextSwitchTo(context);
	if (SPI_processed > 0)
		name = TextDatumGetCString(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	SPI_freetuptable(SPI_tuptable);
	return name;
}

/* Finds the one series that is meant by a portfolio, or by all of them; false when there is none or more than one. */
static bool
find_series(const char *portfolio, PulseSeries *series)
{
	List	   *sources = readable_sources();
	ListCell   *cell;

	memset(series, 0, sizeof(PulseSeries));
	foreach(cell, sources)
	{
		const pulse_source *source = lfirst(cell);
		PulseSeries candidate = {.source = source, .portfolio = portfolio, .read_only = true};

		if (portfolio == NULL)
		{
			char	   *last = outer_portfolio(source, "DESC");

			candidate.portfolio = outer_portfolio(source, "ASC");
			if (candidate.portfolio == NULL)
				continue;
			if (strcmp(candidate.portfolio, last) != 0)
				return false;
		}
		else if (list_length(sources) > 1 && source->archived_before <= MIN_TIMESTAMP &&
				 pulse_next_snapshot(&candidate, MIN_TIMESTAMP) == DT_NOEND)
			continue;
		if (series->source != NULL)
			return false;
		*series = candidate;
	}
	return series->source != NULL;
}

/* SQL: pulse.series_of(portfolio, OUT source_id, OUT series_portfolio). */
Datum
pulse_series_of(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	TupleDesc	type;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};
	PulseSeries series;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pulse.series_of() must return a row type");
	SPI_connect();
	MemoryContextSwitchTo(context);
	if (find_series(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)), &series))
	{
		values[0] = Int32GetDatum(series.source->source_id);
		values[1] = CStringGetTextDatum(series.portfolio);
		nulls[0] = nulls[1] = false;
	}
	SPI_finish();
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), values, nulls));
}
