/*
 * Keeping pulse.metric_state up to date.
 *
 * The transaction that takes marks from pulse.dirty only moves them to pulse.metric_dirty, so that fills wait for no
 * summary; further transactions of the same cycle rewrite the buckets, a bounded piece each. A range of pulse.metric_dirty
 * shrinks in the transaction that has rewritten its buckets: at every moment a reader knows which of them to trust.
 *
 * Only one process rewrites at a time: two could each compute a day from hours that the other is about to change.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/metric_state.h"
#include "src/metric_state_batch.h"
#include "src/statement.h"
#include "src/summary.h"

PG_FUNCTION_INFO_V1(pulse_archive_buckets);

/* Class of the advisory lock, which no SQL function reaches; the worker's own lock has another key in it. */
#define REFRESH_LOCK_SPACE 3
/* Ranges taken up in one transaction. */
#define RANGE_BATCH 1000
/* A piece of a large range has so many days at first; then as many as take about so long. */
#define FIRST_DAYS 1
#define MAX_DAYS 4096
#define PIECE_MS 50
/* So many short ranges are worked off together at first. */
#define FIRST_BATCH 25

/* What touches the hours of a range is rewritten with it: snapshots of one hour that come one by one do not pile up. */
static PulseStatement merge_range = {
	"UPDATE pulse.metric_dirty SET min_ts = least(min_ts, $3), max_ts = greatest(max_ts, $4)"
	" WHERE ctid = (SELECT m.ctid FROM pulse.metric_dirty m WHERE m.source_id = $1 AND m.portfolio IS NOT DISTINCT FROM $2"
	" AND m.min_ts <= $6 AND m.max_ts >= $5 LIMIT 1)",
	6, {INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL
};

static PulseStatement add_range = {
	"INSERT INTO pulse.metric_dirty (source_id, portfolio, min_ts, max_ts) VALUES ($1, $2, $3, $4)",
	4, {INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL
};

/* Small ranges first: they are what just happened. */
static PulseStatement next_ranges = {
	"SELECT m.ctid, m.source_id, m.portfolio, m.min_ts, m.max_ts FROM pulse.metric_dirty m"
	" ORDER BY m.portfolio IS NULL, m.max_ts > m.min_ts + interval '1 day', m.marked_at LIMIT $1",
	1, {INT8OID}, NULL
};

static PulseStatement any_range = {
	"SELECT FROM pulse.metric_dirty LIMIT 1", 0, {0}, NULL
};

/* Portfolios of which a day or more, or many ranges, are still to be rewritten. */
static PulseStatement unfinished = {
	"SELECT n.i FROM unnest($1) WITH ORDINALITY AS n (portfolio, i) JOIN (SELECT m.portfolio FROM pulse.metric_dirty m"
	" GROUP BY m.portfolio HAVING count(*) > 24 OR bool_or(m.max_ts > m.min_ts + interval '1 day')) m"
	" ON m.portfolio = n.portfolio COLLATE \"C\""
	" UNION ALL SELECT 0 WHERE EXISTS (SELECT FROM pulse.metric_dirty m WHERE m.portfolio IS NULL AND m.max_ts > m.min_ts + interval '1 day')",
	1, {TEXTARRAYOID}, NULL
};

static PulseStatement merge_ranges = {
	"WITH n AS MATERIALIZED (SELECT n.* FROM unnest($2, $3, $4, $5, $6) WITH ORDINALITY AS n (portfolio, min_ts, max_ts, hour, hour_end, i)),"
	" merged AS (UPDATE pulse.metric_dirty m SET min_ts = least(m.min_ts, n.min_ts), max_ts = greatest(m.max_ts, n.max_ts)"
	" FROM n WHERE m.source_id = $1 AND m.portfolio = n.portfolio COLLATE \"C\" AND m.min_ts <= n.hour_end AND m.max_ts >= n.hour"
	" RETURNING n.i)"
	" INSERT INTO pulse.metric_dirty (source_id, portfolio, min_ts, max_ts) SELECT $1, n.portfolio, n.min_ts, n.max_ts FROM n"
	" WHERE n.i NOT IN (SELECT g.i FROM merged g)",
	6, {INT4OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

/* Both leave alone what somebody has widened since. */
static PulseStatement remove_range = {
	"DELETE FROM pulse.metric_dirty WHERE ctid = $1 AND min_ts = $2 AND max_ts = $3",
	3, {TIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL
};

static PulseStatement shrink_range = {
	"UPDATE pulse.metric_dirty SET min_ts = $4 WHERE ctid = $1 AND min_ts = $2 AND max_ts = $3",
	4, {TIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL
};

static PulseStatement remove_buckets = {
	"DELETE FROM pulse.metric_state WHERE source_id = $1 AND portfolio = $2 AND hours = $3 AND bucket >= $4 AND bucket < $5"
	" AND bucket <> ALL ($6) AND NOT sealed",
	6, {INT4OID, TEXTOID, INT2OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZARRAYOID}, NULL
};

static PulseStatement write_buckets = {
	"INSERT INTO pulse.metric_state AS m (source_id, portfolio, hours, bucket, summary)"
	" SELECT $1, $2, $3, n.bucket, pulse.summary_of_bytes(n.summary) FROM unnest($4, $5) AS n (bucket, summary)"
	" ON CONFLICT ON CONSTRAINT metric_state_pkey DO UPDATE SET summary = excluded.summary WHERE NOT m.sealed",
	5, {INT4OID, TEXTOID, INT2OID, TIMESTAMPTZARRAYOID, BYTEAARRAYOID}, NULL
};

static PulseStatement next_bucket = {
	"SELECT bucket FROM pulse.metric_state WHERE source_id = $1 AND portfolio = $2 AND hours = 1 AND bucket >= $3"
	" ORDER BY source_id, portfolio, hours, bucket LIMIT 1",
	3, {INT4OID, TEXTOID, TIMESTAMPTZOID}, NULL
};

static PulseStatement newest_buckets = {
	"SELECT (SELECT bucket FROM pulse.metric_state WHERE source_id = $1 AND portfolio = $2 AND hours = 24"
	" ORDER BY source_id DESC, portfolio DESC, hours DESC, bucket DESC LIMIT 1),"
	" (SELECT bucket FROM pulse.metric_state WHERE source_id = $1 AND portfolio = $2 AND hours = 672"
	" ORDER BY source_id DESC, portfolio DESC, hours DESC, bucket DESC LIMIT 1)",
	2, {INT4OID, TEXTOID}, NULL
};

static PulseStatement known_portfolios = {
	"WITH RECURSIVE found AS ("
	"(SELECT portfolio FROM pulse.metric_state WHERE source_id = $1 ORDER BY portfolio LIMIT 1)"
	" UNION ALL SELECT (SELECT m.portfolio FROM pulse.metric_state m WHERE m.source_id = $1 AND m.portfolio > found.portfolio"
	" ORDER BY m.portfolio LIMIT 1) FROM found WHERE found.portfolio IS NOT NULL)"
	" SELECT portfolio FROM found WHERE portfolio IS NOT NULL",
	1, {INT4OID}, NULL
};

static PulseStatement archive = {
	"SELECT pulse.seal_buckets($1, $2)", 2, {INT4OID, TIMESTAMPTZOID}, NULL
};

/* What keeps failing is looked at again after so long; pulse_attempt() has waiting times of its own. */
#define RETRY_MS 5000
/* While another process is at it. */
#define BUSY_MS 100

/* Ranges may wait without any change: after a crash, or when a piece was done. */
static bool ranges_left = true;
static TimestampTz retry_at = DT_NOEND;

/* Whether there is anything to rewrite. */
bool
pulse_metric_state_waits(void)
{
	return ranges_left || GetCurrentTimestamp() >= retry_at;
}

/* The first and the last moment of the hours that a range is in. */
static TimestampTz
hour_of(TimestampTz min_ts)
{
	return Min(min_ts, pulse_bucket_floor(min_ts, PULSE_HOUR_BUCKET));
}

static TimestampTz
hour_end_of(TimestampTz max_ts)
{
	return Max(max_ts, pulse_bucket_floor(max_ts, PULSE_HOUR_BUCKET) + USECS_PER_HOUR - 1);
}

/* Notes that the buckets of a range are to be rewritten. */
static void
mark_range(int32 source_id, const char *portfolio, TimestampTz min_ts, TimestampTz max_ts)
{
	Datum		values[6];
	const char *nulls = portfolio == NULL ? " n    " : NULL;

	values[0] = Int32GetDatum(source_id);
	values[1] = portfolio == NULL ? (Datum) 0 : CStringGetTextDatum(portfolio);
	values[2] = TimestampTzGetDatum(min_ts);
	values[3] = TimestampTzGetDatum(max_ts);
	values[4] = TimestampTzGetDatum(hour_of(min_ts));
	values[5] = TimestampTzGetDatum(hour_end_of(max_ts));
	if (pulse_run(&merge_range, values, nulls) == 0)
		pulse_run(&add_range, values, nulls);
	ranges_left = true;
}

static int
compare_mark_ranges(const void *a, const void *b)
{
	const PulseMarkRange *x = a;
	const PulseMarkRange *y = b;

	return (x->min_ts > y->min_ts) - (x->min_ts < y->min_ts);
}

/* What the marks of a change come to, in order of time, none of the ranges touching the hours of another. */
static List *
change_ranges(const PulseChange *change, const pulse_source *source)
{
	PulseMarkRange all = {change->min_ts, change->max_ts};
	PulseMarkRange *ranges = &all;
	PulseMarkRange current;
	List	   *result = NIL;
	int			n = 1;

	if (!change->unbounded && change->mark_count > 1)
	{
		n = change->mark_count;
		ranges = palloc(n * sizeof(PulseMarkRange));
		memcpy(ranges, change->ranges, n * sizeof(PulseMarkRange));
		qsort(ranges, n, sizeof(PulseMarkRange), compare_mark_ranges);
	}
	current = ranges[0];
	for (int i = 1; i <= n; i++)
	{
		if (i < n && ranges[i].min_ts <= pulse_bucket_ceil(current.max_ts, PULSE_HOUR_BUCKET))
		{
			current.max_ts = Max(current.max_ts, ranges[i].max_ts);
			continue;
		}
		/* the archive is left as it is */
		if (current.max_ts >= source->archived_before)
		{
			PulseMarkRange *range = palloc(sizeof(PulseMarkRange));

			range->min_ts = Max(current.min_ts, source->archived_before);
			range->max_ts = current.max_ts;
			result = lappend(result, range);
		}
		if (i < n)
			current = ranges[i];
	}
	return result;
}

/*
 * Notes that the buckets of a change are to be rewritten. Its marks count one by one: a late row and one of today leave
 * the years between alone.
 */
void
pulse_metric_state_mark(const PulseChange *change)
{
	pulse_source *source = pulse_source_load(change->source_id, true, true);
	ListCell   *cell;

	if (source == NULL)
		return;
	foreach(cell, change_ranges(change, source))
	{
		const PulseMarkRange *range = lfirst(cell);

		mark_range(change->source_id, source->has_portfolios ? change->portfolio : NULL, range->min_ts, range->max_ts);
	}
}

/* Notes that ranges of portfolios of one source, as many as there are names, are to be rewritten. */
static void
mark_ranges(int32 source_id, const List *names, const List *ranges)
{
	int			n = list_length(names);
	Datum	   *portfolios = palloc(Max(n, 1) * sizeof(Datum));
	Datum	   *times[4];		/* of each range, and of its hours */
	Datum		values[6];
	const ListCell *name;
	const ListCell *cell;

	if (n == 0)
		return;
	for (int i = 0; i < lengthof(times); i++)
		times[i] = palloc(n * sizeof(Datum));
	forboth(name, names, cell, ranges)
	{
		const PulseMarkRange *range = lfirst(cell);
		int			i = foreach_current_index(name);

		portfolios[i] = CStringGetTextDatum(lfirst(name));
		times[0][i] = TimestampTzGetDatum(range->min_ts);
		times[1][i] = TimestampTzGetDatum(range->max_ts);
		times[2][i] = TimestampTzGetDatum(hour_of(range->min_ts));
		times[3][i] = TimestampTzGetDatum(hour_end_of(range->max_ts));
	}
	values[0] = Int32GetDatum(source_id);
	values[1] = PointerGetDatum(construct_array(portfolios, n, TEXTOID, -1, false, TYPALIGN_INT));
	for (int i = 0; i < lengthof(times); i++)
		values[2 + i] = PointerGetDatum(construct_array(times[i], n, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	pulse_run_set_wise(&merge_ranges, values, NULL);
	ranges_left = true;
}

/* Notes the same for many changes of one source, each of a portfolio and bounded in time. */
void
pulse_metric_state_mark_all(List *changes)
{
	pulse_source *source = changes == NIL ? NULL : pulse_source_load(((PulseChange *) linitial(changes))->source_id, true, true);
	List	   *ranges = NIL;
	List	   *names = NIL;
	ListCell   *cell;

	if (source == NULL)
		return;
	foreach(cell, changes)
	{
		PulseChange *change = lfirst(cell);
		List	   *own = change_ranges(change, source);

		if (!source->has_portfolios)
		{
			pulse_metric_state_mark(change);
			continue;
		}
		for (int i = 0; i < list_length(own); i++)
			names = lappend(names, change->portfolio);
		ranges = list_concat(ranges, own);
	}
	mark_ranges(source->source_id, names, ranges);
}

/* Tells for each of the named portfolios whether much of it is still to be rewritten; NULL when there is none. */
bool *
pulse_metric_state_unfinished(List *names)
{
	Datum	   *elements = palloc(Max(list_length(names), 1) * sizeof(Datum));
	Datum		values[1];
	bool	   *result;
	ListCell   *cell;
	uint64		count;

	if (!ranges_left)
		return NULL;
	foreach(cell, names)
		elements[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	values[0] = PointerGetDatum(construct_array(elements, list_length(names), TEXTOID, -1, false, TYPALIGN_INT));
	count = pulse_run_set_wise(&unfinished, values, NULL);
	if (count == 0)
		return NULL;
	result = palloc0(Max(list_length(names), 1) * sizeof(bool));
	for (uint64 i = 0; i < count; i++)
	{
		bool		null;
		int64		n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null));

		/* 0 stands for all */
		for (int64 k = n == 0 ? 1 : n; k <= (n == 0 ? list_length(names) : n); k++)
			result[k - 1] = true;
	}
	return result;
}

/* Writes segments as the buckets of one width that begin in [since, until), in place of what was there. */
static void
replace_buckets(const PulseSeries *series, int hours, TimestampTz since, TimestampTz until, const PulseSegmentList *list,
				int64 segment_width)
{
	int64		width = hours * USECS_PER_HOUR;
	Datum	   *buckets = palloc(Max(list->n, 1) * sizeof(Datum));
	Datum	   *summaries = palloc(Max(list->n, 1) * sizeof(Datum));
	int			n = 0;
	Datum		values[6];

	for (size_t i = 0; i < list->n;)
	{
		int64		bucket = pulse_bucket_index(list->items[i].first_ts, width);
		size_t		end = i;

		while (end < list->n && pulse_bucket_index(list->items[end].first_ts, width) == bucket)
			end++;
		buckets[n] = TimestampTzGetDatum(pulse_bucket_start(bucket, width));
		summaries[n++] = pulse_summary_datum(list->items + i, end - i, segment_width);
		i = end;
	}
	values[0] = Int32GetDatum(series->source->source_id);
	values[1] = CStringGetTextDatum(series->portfolio);
	values[2] = Int16GetDatum(hours);
	values[3] = TimestampTzGetDatum(since);
	values[4] = TimestampTzGetDatum(until >= END_TIMESTAMP ? DT_NOEND : until);
	values[5] = PointerGetDatum(construct_array(buckets, n, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	pulse_run(&remove_buckets, values, NULL);
	if (n == 0)
		return;
	values[3] = values[5];
	values[4] = PointerGetDatum(construct_array(summaries, n, BYTEAOID, -1, false, TYPALIGN_INT));
	pulse_run(&write_buckets, values, NULL);
}

/* Merges segments of hours into segments of days. */
static void
merge_days(PulseSegmentList *list)
{
	for (size_t i = 0; i < list->n; i++)
		list->items[i].bucket = pulse_bucket_index(list->items[i].first_ts, USECS_PER_DAY);
	list->n = pulse_segments_merge(list->items, list->n);
}

/* Rewrites the rows of four weeks in [since, until), as far as they are older than the newest. */
static void
replace_months(const PulseSeries *series, TimestampTz since, TimestampTz until, TimestampTz newest)
{
	PulseSegmentList days = {0};

	if (since >= until)
		return;
	(void) pulse_stored_buckets(series, PULSE_DAY_BUCKET, since, Min(until, newest), &days);
	replace_buckets(series, PULSE_MONTH_BUCKET, since, until, &days, USECS_PER_DAY);
}

/* Brings the rows of four weeks up to date after the days in [since, until) have changed. */
void
pulse_refresh_months(const PulseSeries *series, TimestampTz since, TimestampTz until)
{
	Datum		values[2];
	bool		no_days;
	bool		no_months;
	TimestampTz newest;
	TimestampTz missing;		/* where the stored ones end */
	TimestampTz first = pulse_bucket_floor(since, PULSE_MONTH_BUCKET);
	TimestampTz end = pulse_bucket_ceil(until, PULSE_MONTH_BUCKET);

	values[0] = Int32GetDatum(series->source->source_id);
	values[1] = CStringGetTextDatum(series->portfolio);
	pulse_run(&newest_buckets, values, NULL);
	newest = DatumGetTimestampTz(pulse_result(1, &no_days));
	missing = DatumGetTimestampTz(pulse_result(2, &no_months));
	newest = no_days ? MIN_TIMESTAMP : pulse_bucket_floor(newest, PULSE_MONTH_BUCKET);
	missing = no_months ? MIN_TIMESTAMP : missing + PULSE_MONTH_BUCKET * USECS_PER_HOUR;
	/* those that are stored, be it to lose the row because the period is the newest now */
	replace_months(series, first, Min(end, missing), newest);
	/* a new period has begun: the one before, or those, are no longer the newest */
	replace_months(series, missing, newest, newest);
}

/* Rewrites the buckets that the snapshots in [since, until) belong to. */
static void
refresh_buckets(const PulseSeries *series, TimestampTz since, TimestampTz until)
{
	TimestampTz hour = pulse_bucket_floor(since, PULSE_HOUR_BUCKET);
	TimestampTz hours_end = pulse_bucket_ceil(until, PULSE_HOUR_BUCKET);
	TimestampTz day = pulse_bucket_floor(hour, PULSE_DAY_BUCKET);
	TimestampTz days_end = pulse_bucket_ceil(hours_end, PULSE_DAY_BUCKET);
	PulseSegmentList list = {0};
	pulse_identity identity;

	/* what comes after all that its bucket knows is added to that; anything else needs the whole hour */
	(void) pulse_stored_buckets(series, PULSE_HOUR_BUCKET, hour, hour + 1, &list);
	if (list.n > 0 && list.items[0].last_ts >= since)
		list.n = 0;
	if (list.n == 0)
		since = hour;
	identity = pulse_act_as(series->source->owner, true);
	pulse_raw_segments(series, since, hours_end, &list);
	pulse_act_back(&identity);
	list.n = pulse_segments_merge(list.items, list.n);
	replace_buckets(series, PULSE_HOUR_BUCKET, hour, hours_end, &list, USECS_PER_HOUR);

	list.n = 0;
	(void) pulse_stored_buckets(series, PULSE_HOUR_BUCKET, day, days_end, &list);
	merge_days(&list);
	replace_buckets(series, PULSE_DAY_BUCKET, day, days_end, &list, USECS_PER_DAY);
	pulse_refresh_months(series, day, days_end);
}

/* Returns when the first thing at or after a time is, a snapshot or a bucket that should perhaps be gone. */
static TimestampTz
next_thing(const PulseSeries *series, TimestampTz since)
{
	Datum		values[3];
	pulse_identity identity = pulse_act_as(series->source->owner, true);
	TimestampTz next = pulse_next_snapshot(series, since);
	bool		null;

	pulse_act_back(&identity);
	values[0] = Int32GetDatum(series->source->source_id);
	values[1] = CStringGetTextDatum(series->portfolio);
	values[2] = TimestampTzGetDatum(pulse_bucket_floor(since, PULSE_HOUR_BUCKET));
	if (pulse_run(&next_bucket, values, NULL) > 0)
		next = Min(next, Max(since, DatumGetTimestampTz(pulse_result(1, &null))));
	return next;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* Takes a range of all portfolios apart. */
static void
split_range(PulseRangeWork *work, const pulse_source *source)
{
	MemoryContext context = CurrentMemoryContext;
	PulseMarkRange range = {work->min_ts, work->max_ts};
	List	   *names = NIL;
	List	   *wanted = NIL;
	List	   *ranges = NIL;
	ListCell   *cell;
	Datum		values[1];
	bool		null;
	pulse_identity identity;
	uint64		count;

	if (source->query != NULL)
	{
		pulse_source *all = pulse_source_load(work->source_id, false, false);

		identity = pulse_act_as(source->owner, true);
		if (SPI_execute(pulse_portfolio_list(all), false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not list the portfolios of source %d", work->source_id);
		MemoryContextSwitchTo(context);
		for (uint64 i = 0; i < SPI_processed; i++)
			names = lappend(names, TextDatumGetCString(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null)));
		pulse_act_back(&identity);
	}
	values[0] = Int32GetDatum(work->source_id);
	count = pulse_run(&known_portfolios, values, NULL);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < count; i++)
		names = lappend(names, TextDatumGetCString(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null)));
	/* most of them are in the table and among those that are known */
	list_sort(names, compare_names);
	foreach(cell, names)
		if (wanted == NIL || strcmp(llast(wanted), lfirst(cell)) != 0)
		{
			wanted = lappend(wanted, lfirst(cell));
			ranges = lappend(ranges, &range);
		}
	mark_ranges(work->source_id, wanted, ranges);
}

/* Removes a range that has been worked off, or, where it is not done, the part before a time. */
static void
shorten_range(const PulseRangeWork *work, TimestampTz done_before)
{
	Datum		values[4];

	values[0] = PointerGetDatum(&work->tid);
	values[1] = TimestampTzGetDatum(work->min_ts);
	values[2] = TimestampTzGetDatum(work->max_ts);
	values[3] = TimestampTzGetDatum(done_before);
	pulse_run(work->done ? &remove_range : &shrink_range, values, NULL);
}

/* Works off a range, or a piece of it. */
static void
refresh_range(void *arg)
{
	PulseRangeWork  *work = arg;
	pulse_source *source = pulse_source_load(work->source_id, true, true);
	PulseSeries series = {.source = source, .portfolio = work->portfolio};
	TimestampTz next;
	TimestampTz end;

	work->done = true;
	if (source == NULL || strcmp(source->kind, "snapshots") != 0 || !OidIsValid(source->owner) || work->portfolio == NULL)
	{
		/* a table that is gone has no snapshots, and its buckets are read by nobody */
		if (source != NULL && work->portfolio == NULL)
			split_range(work, source);
		shorten_range(work, work->max_ts);
		return;
	}
	next = next_thing(&series, pulse_clamp_time(Max(work->min_ts, source->archived_before)));
	if (next > work->max_ts || next >= END_TIMESTAMP)
	{
		shorten_range(work, work->max_ts);
		return;
	}
	end = pulse_clamp_time(pulse_bucket_floor(next, PULSE_DAY_BUCKET) + work->days * USECS_PER_DAY);
	work->done = end > work->max_ts;
	refresh_buckets(&series, next, work->done ? pulse_clamp_time(work->max_ts) + 1 : end);
	shorten_range(work, end);
}

/* Reads the ranges that come next. */
static List *
read_ranges(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *ranges = NIL;
	Datum		values[] = {Int64GetDatum(RANGE_BATCH)};
	uint64		count = pulse_run(&next_ranges, values, NULL);
	SPITupleTable *rows = SPI_tuptable;

	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < count; i++)
	{
		PulseRangeWork  *work = palloc0(sizeof(PulseRangeWork));
		Datum		name;
		bool		null;

		work->tid = *(ItemPointer) DatumGetPointer(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &null));
		work->source_id = DatumGetInt32(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &null));
		name = SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &null);
		work->portfolio = null ? NULL : TextDatumGetCString(name);
		work->min_ts = DatumGetTimestampTz(SPI_getbinval(rows->vals[i], rows->tupdesc, 4, &null));
		work->max_ts = DatumGetTimestampTz(SPI_getbinval(rows->vals[i], rows->tupdesc, 5, &null));
		work->marked_min_ts = work->min_ts;
		work->marked_max_ts = work->max_ts;
		ranges = lappend(ranges, work);
	}
	return ranges;
}

/* Keeps other processes from rewriting buckets until the end of the transaction; returns whether that could be had. */
static bool
lock_refresh(bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 1, REFRESH_LOCK_SPACE);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/* Works off one range, or a piece of it; returns whether that was tried. */
static bool
attempt_range(PulseRangeWork *work, PulseFailures *failures)
{
	static int	days = FIRST_DAYS;
	TimestampTz begun = GetCurrentTimestamp();
	bool		attempted;
	long		took;

	work->days = days;
	attempted = pulse_attempt(work->portfolio == NULL ? psprintf("summaries of source %d", work->source_id) :
							  psprintf("summaries of source %d, portfolio %s", work->source_id, work->portfolio),
							  refresh_range, work, failures);
	took = TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp());
	if (attempted && !work->done)
		days = took < PIECE_MS / 2 ? Min(2 * days, MAX_DAYS) : took > PIECE_MS ? Max(days / 2, 1) : days;
	return attempted;
}

/*
 * Takes from the list, from a cell on, the ranges that are worked off together with it, as many as take about so long;
 * NIL when it has to be worked off by itself.
 */
static List *
short_ranges(List *ranges, const ListCell *cell, int limit)
{
	const PulseRangeWork *first = lfirst(cell);
	List	   *batch = NIL;

	for (; cell != NULL && list_length(batch) < limit; cell = lnext(ranges, cell))
	{
		PulseRangeWork *work = lfirst(cell);

		if (work->source_id != first->source_id || !pulse_range_is_short(work))
			break;
		batch = lappend(batch, work);
	}
	return list_length(batch) > 1 ? batch : NIL;
}

/* Works off ranges together; returns whether that was done. */
static bool
attempt_batch(List *batch, int *limit)
{
	TimestampTz begun = GetCurrentTimestamp();
	ErrorData  *error = pulse_isolate(pulse_refresh_short_ranges, batch, 0);
	long		took = TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp());

	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	if (error != NULL)
		ereport(DEBUG1, (errmsg_internal("summaries are rewritten one by one: %s", error->message)));
	if (error == NULL && list_length(batch) == *limit)
		*limit = took < PIECE_MS / 2 ? Min(2 * *limit, RANGE_BATCH) : took > PIECE_MS ? Max(*limit / 2, FIRST_BATCH) : *limit;
	return error == NULL;
}

/* Works off a list of ranges until the time is over; returns whether any was tried. */
static bool
work_off(List *ranges, TimestampTz end, bool *over, PulseFailures *failures)
{
	static int	limit = FIRST_BATCH;
	bool		progress = false;
	ListCell   *cell = list_head(ranges);
	int			alone = 0;		/* of a batch that failed */

	while (cell != NULL && !*over)
	{
		MemoryContext piece = AllocSetContextCreate(CurrentMemoryContext, "pulse piece", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(piece);
		List	   *batch = alone > 0 ? NIL : short_ranges(ranges, cell, limit);
		int			count = list_length(batch);

		if (count > 0 && !attempt_batch(batch, &limit))
		{
			alone = count;
			count = 0;
		}
		else if (count > 0)
			progress = true;
		else
		{
			progress = attempt_range(lfirst(cell), failures) || progress;
			alone = Max(alone - 1, 0);
			count = 1;
		}
		MemoryContextSwitchTo(old);
		MemoryContextDelete(piece);
		cell = list_length(ranges) > list_cell_number(ranges, cell) + count ? list_nth_cell(ranges, list_cell_number(ranges, cell) + count) : NULL;
		CHECK_FOR_INTERRUPTS();
		*over = end != DT_NOEND && GetCurrentTimestamp() > end;
	}
	return progress;
}

/* Rewrites buckets until nothing is left or the time is over. */
void
pulse_metric_state_refresh(int budget_ms, bool wait, PulseFailures *failures)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	TimestampTz end = budget_ms > 0 ? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), budget_ms) : DT_NOEND;
	bool		over = false;
	bool		progress = true;

	if (!lock_refresh(wait))
	{
		ranges_left = false;
		retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BUSY_MS);
		return;
	}
	context = AllocSetContextCreate(caller, "pulse buckets", ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	while (progress && !over)
	{
		List	   *ranges;

		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
		ranges = read_ranges();
		ranges_left = ranges != NIL;
		progress = work_off(ranges, end, &over, failures);
	}
	if (!over)
	{
		ranges_left = false;
		retry_at = pulse_run(&any_range, NULL, NULL) > 0 ? TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS) : DT_NOEND;
	}
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* SQL: pulse.archive_buckets(source_id, before). */
Datum
pulse_archive_buckets(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[2];
	TimestampTz result;
	bool		null;

	(void) lock_refresh(true);
	/* a statement after the lock sees what the process that held it has done */
	SPI_connect();
	values[0] = PG_GETARG_DATUM(0);
	values[1] = TimestampTzGetDatum(pulse_bucket_floor(PG_GETARG_TIMESTAMPTZ(1), PULSE_DAY_BUCKET));
	pulse_run(&archive, values, NULL);
	result = DatumGetTimestampTz(pulse_result(1, &null));
	SPI_finish();
	MemoryContextSwitchTo(caller);
	if (null)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
}
