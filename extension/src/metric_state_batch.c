/*
 * Rewriting the buckets of many portfolios together: by a dozen statements for all of them instead of a dozen for each.
 *
 * It takes ranges within a day, one after the other from the queue: what just happened, and late rows. Anything else, and
 * whatever fails here, is for metric_state.c, range by range.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/metric_state.h"
#include "src/metric_state_batch.h"
#include "src/statement.h"
#include "src/summary.h"

/*
 * The first hour of each range, as far as it is stored. LIMIT keeps the planner from joining: on statistics of a table that
 * was small a moment ago it would read all of it, for a few rows.
 */
static PulseStatement first_hours = {
	"SELECT n.i, m.summary FROM unnest($2, $3) WITH ORDINALITY AS n (portfolio, bucket, i)"
	" CROSS JOIN LATERAL (SELECT s.summary FROM pulse.metric_state s WHERE s.source_id = $1 AND s.portfolio = n.portfolio COLLATE \"C\""
	" AND s.hours = 1 AND s.bucket = n.bucket LIMIT 1) m",
	3, {INT4OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

static PulseStatement hours_of_days = {
	"SELECT n.i, m.summary FROM unnest($2, $3) WITH ORDINALITY AS n (portfolio, day, i)"
	" CROSS JOIN LATERAL (SELECT s.summary FROM pulse.metric_state s WHERE s.source_id = $1 AND s.portfolio = n.portfolio COLLATE \"C\""
	" AND s.hours = 1 AND s.bucket >= n.day AND s.bucket < n.day + interval '24 hours' ORDER BY s.bucket) m",
	3, {INT4OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

static PulseStatement remove_buckets = {
	"DELETE FROM pulse.metric_state m WHERE NOT m.sealed AND m.ctid = ANY (ARRAY(SELECT k.tid FROM unnest($3, $4) AS n (portfolio, bucket)"
	" CROSS JOIN LATERAL (SELECT s.ctid AS tid FROM pulse.metric_state s WHERE s.source_id = $1 AND s.portfolio = n.portfolio COLLATE \"C\""
	" AND s.hours = $2 AND s.bucket = n.bucket LIMIT 1) k))",
	4, {INT4OID, INT2OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

static PulseStatement write_buckets = {
	"INSERT INTO pulse.metric_state AS m (source_id, portfolio, hours, bucket, summary)"
	" SELECT $1, n.portfolio, $2, n.bucket, pulse.summary_of_bytes(n.summary) FROM unnest($3, $4, $5) AS n (portfolio, bucket, summary)"
	" ON CONFLICT ON CONSTRAINT metric_state_pkey DO UPDATE SET summary = excluded.summary WHERE NOT m.sealed",
	5, {INT4OID, INT2OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, BYTEAARRAYOID}, NULL
};

/* Which of the days are older than the newest four weeks, or leave some behind that have no row of their own yet. */
static PulseStatement older_days = {
	"SELECT n.i FROM unnest($2, $3) WITH ORDINALITY AS n (portfolio, day, i) CROSS JOIN LATERAL (SELECT"
	" date_bin('28 days', (SELECT d.bucket FROM pulse.metric_state d WHERE d.source_id = $1 AND d.portfolio = n.portfolio COLLATE \"C\""
	" AND d.hours = 24 ORDER BY d.source_id DESC, d.portfolio DESC, d.hours DESC, d.bucket DESC LIMIT 1), '2000-01-03Z') AS newest,"
	" (SELECT d.bucket FROM pulse.metric_state d WHERE d.source_id = $1 AND d.portfolio = n.portfolio COLLATE \"C\""
	" AND d.hours = 24 ORDER BY d.source_id, d.portfolio, d.hours, d.bucket LIMIT 1) AS oldest,"
	" (SELECT d.bucket FROM pulse.metric_state d WHERE d.source_id = $1 AND d.portfolio = n.portfolio COLLATE \"C\""
	" AND d.hours = 672 ORDER BY d.source_id DESC, d.portfolio DESC, d.hours DESC, d.bucket DESC LIMIT 1) AS stored) k"
	" WHERE k.newest IS NULL OR n.day < k.newest OR k.stored >= k.newest OR k.stored + interval '672 hours' < k.newest"
	" OR (k.stored IS NULL AND k.oldest < k.newest)",
	3, {INT4OID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

static PulseStatement remove_ranges = {
	"DELETE FROM pulse.metric_dirty m USING unnest($1, $2, $3) AS n (tid, min_ts, max_ts)"
	" WHERE m.ctid = n.tid AND m.min_ts = n.min_ts AND m.max_ts = n.max_ts",
	3, {TIDARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

/* Rows of columns on their way into a statement. */
typedef struct Columns
{
	Datum	   *portfolios;
	Datum	   *times;
	Datum	   *summaries;
	int			n;
	int			room;
} Columns;

/* A range and what it comes to. */
typedef struct BatchItem
{
	const PulseRangeWork *range;
	TimestampTz since;			/* from where on snapshots are read */
	TimestampTz hour;			/* where its first bucket begins */
	TimestampTz hours_end;
	TimestampTz day;
	bool		same_day;		/* as the item before */
	PulseSegmentList segments;
} BatchItem;

static void
add_row(Columns *columns, const char *portfolio, TimestampTz time, Datum summary)
{
	if (columns->n == columns->room)
	{
		columns->room = Max(64, 2 * columns->room);
		columns->portfolios = columns->n == 0 ? palloc(columns->room * sizeof(Datum)) : repalloc(columns->portfolios, columns->room * sizeof(Datum));
		columns->times = columns->n == 0 ? palloc(columns->room * sizeof(Datum)) : repalloc(columns->times, columns->room * sizeof(Datum));
		columns->summaries = columns->n == 0 ? palloc(columns->room * sizeof(Datum)) : repalloc(columns->summaries, columns->room * sizeof(Datum));
	}
	columns->portfolios[columns->n] = CStringGetTextDatum(portfolio);
	columns->times[columns->n] = TimestampTzGetDatum(time);
	columns->summaries[columns->n++] = summary;
}

static Datum
text_array(Datum *values, int n)
{
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
time_array(Datum *values, int n)
{
	return PointerGetDatum(construct_array(values, n, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Runs a statement over a source, portfolios and times, whose rows are the number of one of them and a summary. */
static uint64
ask(PulseStatement *statement, const pulse_source *source, const Columns *columns)
{
	Datum		values[3];

	values[0] = Int32GetDatum(source->source_id);
	values[1] = text_array(columns->portfolios, columns->n);
	values[2] = time_array(columns->times, columns->n);
	return pulse_run(statement, values, NULL);
}

/* Returns the number that a row of the last result begins with, counted from zero. */
static int
result_number(uint64 row, int limit)
{
	bool		null;
	int64		number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &null));

	if (null || number < 1 || number > limit)
		elog(ERROR, "a statement over summaries has answered what it was not asked");
	return (int) number - 1;
}

/* Appends the segments of the summary in a row of the last result. */
static void
append_result(uint64 row, PulseSegmentList *list)
{
	bool		null;
	Datum		summary = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &null);

	if (!null)
		pulse_append_summary(list, summary);
}

/* Removes, then writes, buckets of one width. */
static void
replace(const pulse_source *source, int hours, const Columns *gone, const Columns *written)
{
	Datum		values[5];

	values[0] = Int32GetDatum(source->source_id);
	values[1] = Int16GetDatum(hours);
	if (gone->n > 0)
	{
		values[2] = text_array(gone->portfolios, gone->n);
		values[3] = time_array(gone->times, gone->n);
		pulse_run(&remove_buckets, values, NULL);
	}
	if (written->n > 0)
	{
		values[2] = text_array(written->portfolios, written->n);
		values[3] = time_array(written->times, written->n);
		values[4] = PointerGetDatum(construct_array(written->summaries, written->n, BYTEAOID, -1, false, TYPALIGN_INT));
		pulse_run(&write_buckets, values, NULL);
	}
}

/* Finds out what of each range has to be read: all of its hours, or only what comes after what its first hour knows. */
static void
read_first_hours(const pulse_source *source, BatchItem *items, int n)
{
	Columns		columns = {0};
	uint64		rows;

	for (int i = 0; i < n; i++)
		add_row(&columns, items[i].range->portfolio, items[i].hour, (Datum) 0);
	rows = ask(&first_hours, source, &columns);
	for (uint64 row = 0; row < rows; row++)
	{
		BatchItem  *item = &items[result_number(row, n)];

		append_result(row, &item->segments);
		if (item->segments.n > 0 && item->segments.items[0].last_ts >= item->range->min_ts)
			item->segments.n = 0;
	}
	for (int i = 0; i < n; i++)
		items[i].since = items[i].segments.n > 0 ? items[i].range->min_ts : items[i].hour;
}

/* Returns the statement that summarises the snapshots of ranges by hours, as the owner of the table runs it. */
static char *
raw_statement(const pulse_source *source)
{
	static PulseStatement build = {
		"SELECT pulse.build_source_query($1, 'n.portfolio', 'n.since', 'n.until')", 1, {INT4OID}, NULL
	};
	Datum		values[] = {Int32GetDatum(source->source_id)};
	Datum		query;
	bool		null;

	pulse_run(&build, values, NULL);
	query = pulse_result(1, &null);
	if (null)
		elog(ERROR, "source %d cannot be read", source->source_id);
	/* Citus sends to the shards what is grouped by the portfolio too; the planner there knows nothing of the arrays */
	return psprintf("SELECT n.i, pulse.raw_summary(q.ts, q.total_value, q.net_flow, interval '1 hour')"
					" FROM unnest($1, $2, $3) WITH ORDINALITY AS n (portfolio, since, until, i) CROSS JOIN LATERAL (%s) AS q"
					" WHERE q.portfolio OPERATOR(pg_catalog.=) n.portfolio AND q.total_value IS NOT NULL AND pg_catalog.isfinite(q.ts)%s"
					" GROUP BY n.i%s", TextDatumGetCString(query),
					source->distributed ? " AND q.ts OPERATOR(pg_catalog.>=) $4 AND q.ts OPERATOR(pg_catalog.<=) $5" : "",
					source->distributed ? ", q.portfolio" : "");
}

/* Reads the snapshots of the ranges, as the owner of the table, and merges them into the segments. */
static void
read_snapshots(const pulse_source *source, BatchItem *items, int n)
{
	static const char *const settings[] = {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"};
	Oid			types[] = {TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	MemoryContext context = CurrentMemoryContext;
	char	   *sql = raw_statement(source);
	TimestampTz first = DT_NOEND;
	TimestampTz last = DT_NOBEGIN;
	Columns		since = {0};
	Columns		until = {0};
	Datum		values[5];
	pulse_identity identity;
	int			nest_level;

	for (int i = 0; i < n; i++)
	{
		add_row(&since, items[i].range->portfolio, items[i].since, (Datum) 0);
		add_row(&until, items[i].range->portfolio, items[i].hours_end - 1, (Datum) 0);
		first = Min(first, items[i].since);
		last = Max(last, items[i].hours_end - 1);
	}
	values[0] = text_array(since.portfolios, n);
	values[1] = time_array(since.times, n);
	values[2] = time_array(until.times, n);
	values[3] = TimestampTzGetDatum(first);
	values[4] = TimestampTzGetDatum(last);
	identity = pulse_act_as(source->owner, true);
	nest_level = NewGUCNestLevel();
	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_with_args(sql, source->distributed ? 5 : 3, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read %s", source->qualified_name);
	AtEOXact_GUC(true, nest_level);
	pulse_act_back(&identity);
	MemoryContextSwitchTo(context);
	for (uint64 row = 0; row < SPI_processed; row++)
		append_result(row, &items[result_number(row, n)].segments);
	for (int i = 0; i < n; i++)
		items[i].segments.n = pulse_segments_merge(items[i].segments.items, items[i].segments.n);
}

/* Rewrites the hours of the ranges. */
static void
write_hours(const pulse_source *source, BatchItem *items, int n)
{
	Columns		gone = {0};
	Columns		written = {0};

	for (int i = 0; i < n; i++)
	{
		const BatchItem *item = &items[i];
		size_t		next = 0;

		for (TimestampTz hour = item->hour; hour < item->hours_end; hour += USECS_PER_HOUR)
		{
			const pulse_segment *segment = next < item->segments.n ? &item->segments.items[next] : NULL;

			if (segment == NULL || pulse_bucket_floor(segment->first_ts, PULSE_HOUR_BUCKET) != hour)
				add_row(&gone, item->range->portfolio, hour, (Datum) 0);
			else
			{
				add_row(&written, item->range->portfolio, hour, pulse_summary_datum(segment, 1, USECS_PER_HOUR));
				next++;
			}
		}
	}
	replace(source, PULSE_HOUR_BUCKET, &gone, &written);
}

/* Rewrites the days of the ranges, and the rows of four weeks that hold them. */
static void
write_days(const pulse_source *source, BatchItem *items, int n)
{
	Columns		days = {0};
	Columns		gone = {0};
	Columns		written = {0};
	PulseSegmentList *lists;
	BatchItem **first;
	PulseSeries series = {.source = source};
	TimestampTz done = DT_NOBEGIN;
	uint64		rows;

	first = palloc(n * sizeof(BatchItem *));
	for (int i = 0; i < n; i++)
		if (!items[i].same_day)
		{
			first[days.n] = &items[i];
			add_row(&days, items[i].range->portfolio, items[i].day, (Datum) 0);
		}
	lists = palloc0(days.n * sizeof(PulseSegmentList));
	rows = ask(&hours_of_days, source, &days);
	for (uint64 row = 0; row < rows; row++)
		append_result(row, &lists[result_number(row, days.n)]);
	for (int i = 0; i < days.n; i++)
	{
		PulseSegmentList *list = &lists[i];

		for (size_t k = 0; k < list->n; k++)
			list->items[k].bucket = pulse_bucket_index(list->items[k].first_ts, USECS_PER_DAY);
		list->n = pulse_segments_merge(list->items, list->n);
		if (list->n > 0)
			add_row(&written, first[i]->range->portfolio, first[i]->day, pulse_summary_datum(list->items, list->n, USECS_PER_DAY));
		else
			add_row(&gone, first[i]->range->portfolio, first[i]->day, (Datum) 0);
	}
	replace(source, PULSE_DAY_BUCKET, &gone, &written);

	rows = ask(&older_days, source, &days);
	for (uint64 row = 0; row < rows; row++)
	{
		int			i = result_number(row, days.n);
		TimestampTz month = pulse_bucket_floor(first[i]->day, PULSE_MONTH_BUCKET);
		SPITupleTable *table = SPI_tuptable;

		/* the same four weeks of the same portfolio follow each other */
		if (series.portfolio == NULL || strcmp(series.portfolio, first[i]->range->portfolio) != 0 || done != month)
		{
			series.portfolio = first[i]->range->portfolio;
			done = month;
			pulse_refresh_months(&series, first[i]->day, first[i]->day + USECS_PER_DAY);
		}
		SPI_tuptable = table;
	}
}

static void
remove_worked_off(const BatchItem *items, int n)
{
	Datum	   *columns[3];
	Datum		values[3];

	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		columns[0][i] = PointerGetDatum(&items[i].range->tid);
		columns[1][i] = TimestampTzGetDatum(items[i].range->marked_min_ts);
		columns[2][i] = TimestampTzGetDatum(items[i].range->marked_max_ts);
	}
	values[0] = PointerGetDatum(construct_array(columns[0], n, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT));
	values[1] = time_array(columns[1], n);
	values[2] = time_array(columns[2], n);
	pulse_run(&remove_ranges, values, NULL);
}

/* Whether a range is one of those that are worked off together. */
bool
pulse_range_is_short(const PulseRangeWork *range)
{
	/* the query of a table with local times shifts them by a day */
	return range->portfolio != NULL && range->min_ts > MIN_TIMESTAMP + 2 * USECS_PER_DAY && range->max_ts < END_TIMESTAMP - 2 * USECS_PER_DAY &&
		range->max_ts - range->min_ts < USECS_PER_DAY &&
		pulse_bucket_floor(range->min_ts, PULSE_DAY_BUCKET) == pulse_bucket_floor(range->max_ts, PULSE_DAY_BUCKET);
}

static int
compare_items(const void *a, const void *b)
{
	const BatchItem *x = a;
	const BatchItem *y = b;
	int			order = strcmp(x->range->portfolio, y->range->portfolio);

	return order != 0 ? order : (x->range->min_ts > y->range->min_ts) - (x->range->min_ts < y->range->min_ts);
}

/* Makes items of the ranges, by portfolio and time; those that share an hour become one, which the queue has as several. */
static BatchItem *
make_items(const pulse_source *source, List *ranges, int *n)
{
	BatchItem  *items = palloc0(list_length(ranges) * sizeof(BatchItem));
	ListCell   *cell;
	int			kept = 0;

	foreach(cell, ranges)
		items[foreach_current_index(cell)].range = lfirst(cell);
	qsort(items, list_length(ranges), sizeof(BatchItem), compare_items);
	for (int i = 0; i < list_length(ranges); i++)
	{
		PulseRangeWork *range = palloc(sizeof(PulseRangeWork));
		BatchItem  *last = kept > 0 ? &items[kept - 1] : NULL;

		*range = *items[i].range;
		range->min_ts = Max(range->min_ts, source->archived_before);
		if (last != NULL && strcmp(last->range->portfolio, range->portfolio) == 0 && range->min_ts < last->hours_end)
		{
			((PulseRangeWork *) last->range)->max_ts = Max(last->range->max_ts, range->max_ts);
			last->hours_end = pulse_bucket_ceil(last->range->max_ts + 1, PULSE_HOUR_BUCKET);
			continue;
		}
		if (range->max_ts < range->min_ts)
			continue;
		items[kept] = (BatchItem) {.range = range};
		items[kept].hour = pulse_bucket_floor(range->min_ts, PULSE_HOUR_BUCKET);
		items[kept].hours_end = pulse_bucket_ceil(range->max_ts + 1, PULSE_HOUR_BUCKET);
		items[kept].day = pulse_bucket_floor(range->min_ts, PULSE_DAY_BUCKET);
		items[kept].same_day = last != NULL && last->day == items[kept].day && strcmp(last->range->portfolio, range->portfolio) == 0;
		kept++;
	}
	*n = kept;
	return items;
}

/* Works off ranges, each within a day. */
void
pulse_refresh_short_ranges(void *arg)
{
	List	   *ranges = arg;
	const PulseRangeWork *any = linitial(ranges);
	pulse_source *source = pulse_source_load(any->source_id, true, true);
	BatchItem  *items;
	BatchItem  *all;
	ListCell   *cell;
	int			n;

	if (source == NULL || strcmp(source->kind, "snapshots") != 0 || !OidIsValid(source->owner) || source->query == NULL || !source->has_portfolios)
		elog(ERROR, "source %d is read range by range", any->source_id);
	items = make_items(source, ranges, &n);
	if (n > 0)
	{
		read_first_hours(source, items, n);
		read_snapshots(source, items, n);
		write_hours(source, items, n);
		write_days(source, items, n);
	}
	all = palloc0(list_length(ranges) * sizeof(BatchItem));
	foreach(cell, ranges)
		all[foreach_current_index(cell)].range = lfirst(cell);
	remove_worked_off(all, list_length(ranges));
}
