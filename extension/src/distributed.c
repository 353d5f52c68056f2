/*
 * The newest snapshots of a table that Citus has distributed.
 *
 * Elsewhere each portfolio's is one step in an index, inside one query; Citus does not send such a query to the shards,
 * and what it does send would read all rows. So the rows that the stored summaries end with are asked for by their key,
 * and all rows only from where something may have come since.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_source.h"
#include "src/metric_state.h"

PG_FUNCTION_INFO_V1(pulse_distributed);
PG_FUNCTION_INFO_V1(pulse_portfolio_query);
PG_FUNCTION_INFO_V1(pulse_newest_snapshots);

#define COLUMNS \
	"r.portfolio, r.ts, r.total_value, r.cash_balance, r.positions_value, r.unrealized_pnl, r.realized_pnl, r.net_flow, r.position_count"
#define COLUMN_COUNT 9

/* What the stored summaries know of a distributed source. */
typedef struct Known
{
	char	  **names;			/* in order of their bytes */
	TimestampTz *times;			/* of the newest snapshot in the summaries; DT_NOBEGIN: these do not tell */
	bool	   *seen;			/* its newest snapshot has been read */
	int			n;
	TimestampTz since;			/* from here on there may be more; DT_NOBEGIN: nothing is known */
	char	   *at_query;		/* reads the snapshot n.ts of the portfolio n.portfolio */
	char	   *since_query;	/* reads what came from $3 on */
} Known;

/* SQL: pulse.distributed(source_id). */
Datum
pulse_distributed(PG_FUNCTION_ARGS)
{
	pulse_source *source;

	SPI_connect();
	source = pulse_source_load(PG_GETARG_INT32(0), false, false);
	SPI_finish();
	PG_RETURN_BOOL(source != NULL && source->distributed);
}

/* SQL: pulse.portfolio_query(source_id). */
Datum
pulse_portfolio_query(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	pulse_source *source;

	SPI_connect();
	MemoryContextSwitchTo(context);
	source = pulse_source_load(PG_GETARG_INT32(0), false, false);
	SPI_finish();
	if (source == NULL || source->query == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(pulse_portfolio_list(source)));
}

/* Finds out, as the owner of our tables, what the summaries of a source know. */
static Known *
read_known(const pulse_source *source)
{
	static SPIPlanPtr bounds_plan = NULL;
	static SPIPlanPtr known_plan = NULL;
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(source->source_id)};
	MemoryContext context = CurrentMemoryContext;
	Known	   *known = palloc0(sizeof(Known));
	pulse_identity identity = pulse_act_as(pulse_owner(), false);
	SPITupleTable *rows;
	bool		null;

	known->since = DT_NOBEGIN;
	pulse_saved_plan(&bounds_plan,
					 "SELECT least(s.polled_ts,"
					 " (SELECT min(coalesce(d.min_ts, '-infinity')) FROM pulse.dirty d WHERE d.source_id = s.source_id),"
					 " (SELECT min(m.min_ts) FROM pulse.metric_dirty m WHERE m.source_id = s.source_id"
					 " AND (m.portfolio IS NULL OR m.min_ts >= s.polled_ts - interval '1 day'))),"
					 " pulse.build_source_query(s.source_id, 'n.portfolio', 'n.ts', 'n.ts'),"
					 " pulse.build_source_query(s.source_id, NULL, '$3', '''infinity''::pg_catalog.timestamptz')"
					 " FROM pulse.source s WHERE s.source_id = $1 AND s.polled_ts IS NOT NULL", 1, types);
	if (SPI_execute_plan(bounds_plan, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.source");
	MemoryContextSwitchTo(context);
	if (SPI_processed > 0 && source->rebuilt && source->has_portfolios)
	{
		known->since = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
		known->at_query = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
		known->since_query = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
		if (known->at_query == NULL || known->since_query == NULL)
			known->since = DT_NOBEGIN;
	}
	if (TIMESTAMP_NOT_FINITE(known->since))
	{
		known->since = DT_NOBEGIN;
		pulse_act_back(&identity);
		return known;
	}
	pulse_saved_plan(&known_plan,
					 "WITH RECURSIVE found AS ("
					 "(SELECT portfolio FROM pulse.metric_state WHERE source_id = $1 ORDER BY portfolio LIMIT 1)"
					 " UNION ALL SELECT (SELECT m.portfolio FROM pulse.metric_state m WHERE m.source_id = $1 AND m.portfolio > found.portfolio"
					 " ORDER BY m.portfolio LIMIT 1) FROM found WHERE found.portfolio IS NOT NULL),"
					 " waiting AS MATERIALIZED (SELECT m.portfolio, min(m.min_ts) AS min_ts, max(m.max_ts) AS max_ts FROM pulse.metric_dirty m"
					 " WHERE m.source_id = $1 AND m.portfolio IS NOT NULL GROUP BY m.portfolio)"
					 " SELECT f.portfolio, s.summary, w.min_ts, w.max_ts"
					 " FROM (SELECT portfolio FROM found WHERE portfolio IS NOT NULL UNION SELECT portfolio FROM waiting) f"
					 " LEFT JOIN LATERAL (SELECT m.summary FROM pulse.metric_state m"
					 " WHERE m.source_id = $1 AND m.portfolio = f.portfolio AND m.hours = 1"
					 " ORDER BY m.source_id DESC, m.portfolio DESC, m.hours DESC, m.bucket DESC LIMIT 1) s ON true"
					 " LEFT JOIN waiting w ON w.portfolio = f.portfolio ORDER BY f.portfolio", 1, types);
	if (SPI_execute_plan(known_plan, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.metric_state");
	rows = SPI_tuptable;
	MemoryContextSwitchTo(context);
	known->names = palloc(Max(rows->numvals, 1) * sizeof(char *));
	known->times = palloc(Max(rows->numvals, 1) * sizeof(TimestampTz));
	known->seen = palloc0(Max(rows->numvals, 1) * sizeof(bool));
	for (uint64 i = 0; i < rows->numvals; i++)
	{
		PulseSegmentList list = {0};
		TimestampTz last = DT_NOBEGIN;
		Datum		columns[4];
		bool		nulls[4];

		heap_deform_tuple(rows->vals[i], rows->tupdesc, columns, nulls);
		if (!nulls[1])
		{
			pulse_append_summary(&list, columns[1]);
			last = list.n > 0 ? list.items[list.n - 1].last_ts : DT_NOBEGIN;
			pfree(list.items);
		}
		/* what is still to be summarised, and not among what is read anyhow */
		if (!nulls[2] && DatumGetTimestampTz(columns[2]) < known->since && DatumGetTimestampTz(columns[3]) > last)
			last = DT_NOBEGIN;
		known->names[known->n] = TextDatumGetCString(columns[0]);
		known->times[known->n++] = last;
	}
	SPI_freetuptable(rows);
	pulse_act_back(&identity);
	return known;
}

/* Finds a portfolio among the known ones, which are in order of their bytes; -1 when it is not there. */
static int
find_known(const Known *known, const char *portfolio)
{
	int			low = 0;
	int			high = known->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = strcmp(known->names[middle], portfolio);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/* Reads snapshots as the current user, one of each portfolio, into the result set. */
static void
read_rows(const pulse_source *source, Known *known, ReturnSetInfo *result, const char *sql, Datum *values)
{
	Oid			types[] = {TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID};
	MemoryContext context = CurrentMemoryContext;

	if (SPI_execute_with_args(sql, lengthof(types), types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read %s", source->qualified_name);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		columns[COLUMN_COUNT];
		bool		nulls[COLUMN_COUNT];
		int			place;

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, columns, nulls);
		if (nulls[0])
			continue;
		place = find_known(known, TextDatumGetCString(columns[0]));
		if (place >= 0)
			known->seen[place] = true;
		tuplestore_putvalues(result->setResult, result->setDesc, columns, nulls);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Sets the first two parameters to the known portfolios that have not been seen, or those of them whose time is known;
 * returns whether there are any.
 */
static bool
unseen(const Known *known, bool timed, Datum *values)
{
	Datum	   *names = palloc(Max(known->n, 1) * sizeof(Datum));
	Datum	   *times = palloc(Max(known->n, 1) * sizeof(Datum));
	int			n = 0;

	for (int i = 0; i < known->n; i++)
		if (!known->seen[i] && !(timed && known->times[i] == DT_NOBEGIN))
		{
			names[n] = CStringGetTextDatum(known->names[i]);
			times[n++] = TimestampTzGetDatum(known->times[i]);
		}
	values[0] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(times, n, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return n > 0;
}

/* SQL: pulse.newest_snapshots(source_id). */
Datum
pulse_newest_snapshots(PG_FUNCTION_ARGS)
{
	/* what has come since, a few rows of each */
	static const char *const newest_since = "SELECT DISTINCT ON (r.portfolio) " COLUMNS " FROM (%s) AS r"
		" WHERE r.portfolio IS NOT NULL AND r.ts IS NOT NULL ORDER BY r.portfolio, r.ts DESC";
	static const char *const newest_at = "SELECT DISTINCT ON (r.portfolio) " COLUMNS " FROM unnest($1, $2) AS n (portfolio, ts)"
		" CROSS JOIN LATERAL (%s) AS r ORDER BY r.portfolio";
	/* over all rows the time comes first, which is in the index */
	static const char *const newest = "SELECT DISTINCT ON (r.portfolio) " COLUMNS " FROM (%1$s) AS r"
		" JOIN (SELECT m.portfolio, pg_catalog.max(m.ts) AS ts FROM (%1$s) AS m WHERE m.portfolio IS NOT NULL%2$s GROUP BY m.portfolio) AS n"
		" ON n.portfolio OPERATOR(pg_catalog.=) r.portfolio AND n.ts OPERATOR(pg_catalog.=) r.ts ORDER BY r.portfolio";
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context = CurrentMemoryContext;
	pulse_source *source;
	Known	   *known = palloc0(sizeof(Known));
	bool		by_portfolio = true;
	Datum		values[3];

	known->since = DT_NOBEGIN;
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	MemoryContextSwitchTo(context);
	source = pulse_source_load(PG_GETARG_INT32(0), false, false);
	if (source != NULL && source->query != NULL && strcmp(source->kind, "snapshots") == 0)
	{
		/* the names of portfolios that a policy hides stay out of what is sent to the nodes as this user */
		if (pulse_may_read(source->source_id, NULL, &by_portfolio) && !by_portfolio)
			known = read_known(source);
		(void) unseen(known, false, values);
		values[2] = TimestampTzGetDatum(known->since);
		if (!source->has_portfolios)
			read_rows(source, known, result, psprintf("SELECT " COLUMNS " FROM (%s) AS r WHERE r.ts IS NOT NULL ORDER BY r.ts DESC LIMIT 1",
													  source->query), values);
		else if (known->since == DT_NOBEGIN)
			read_rows(source, known, result, psprintf(newest, source->query, ""), values);
		else
		{
			read_rows(source, known, result, psprintf(newest_since, known->since_query), values);
			/* a row where the summaries end; where it is gone, or they do not tell, look for what is there */
			if (unseen(known, true, values))
				read_rows(source, known, result, psprintf(newest_at, known->at_query), values);
			if (unseen(known, false, values))
				read_rows(source, known, result, psprintf(newest, source->query, " AND m.portfolio OPERATOR(pg_catalog.=) ANY ($1)"), values);
		}
	}
	SPI_finish();
	return (Datum) 0;
}
