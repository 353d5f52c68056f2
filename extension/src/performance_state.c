/*
 * pulse.performance_state, and the durable queue of what is to be computed for it.
 *
 * The order of computing lives in memory (portfolio_queue.c), where it costs nothing to look at twenty times a second.
 * That something is due at all is in a table, written in the transaction that processed the change: alert rules must
 * not miss a change because the process died before the figures were computed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "src/compat.h"
#include "src/performance_state.h"
#include "src/portfolio_queue.h"
#include "src/source_state.h"
#include "src/statement.h"

static PulseStatement store_due = {
	"INSERT INTO pulse.performance_due AS d (portfolio, reader, generation)"
	" SELECT n.portfolio, n.reader, nextval('pulse.performance_version')"
	" FROM unnest($1, $2) AS n (portfolio, reader) ORDER BY n.portfolio COLLATE \"C\""
	" ON CONFLICT (portfolio) DO UPDATE SET reader = excluded.reader, generation = excluded.generation",
	2, {TEXTARRAYOID, OIDARRAYOID}, NULL
};

static PulseStatement store_one_due = {
	"INSERT INTO pulse.performance_due AS d (portfolio, reader, generation) VALUES ($1, $2, nextval('pulse.performance_version'))"
	" ON CONFLICT (portfolio) DO UPDATE SET reader = excluded.reader, generation = excluded.generation",
	2, {TEXTOID, OIDOID}, NULL
};

static PulseStatement all_due = {
	"SELECT portfolio, reader FROM pulse.performance_due", 0, {0}, NULL
};

static PulseStatement generations = {
	"SELECT n.i, d.generation FROM unnest($1) WITH ORDINALITY AS n (portfolio, i)"
	" JOIN pulse.performance_due d ON d.portfolio = n.portfolio COLLATE \"C\"",
	1, {TEXTARRAYOID}, NULL
};

static PulseStatement store = {
	"SELECT pulse.store_performance($1, $2, $3, $4)", 4, {TEXTARRAYOID, OIDARRAYOID, JSONBARRAYOID, INT8ARRAYOID}, NULL
};

static PulseStatement known = {
	"SELECT portfolio FROM pulse.performance_state WHERE reader = $1", 1, {OIDOID}, NULL
};

static bool taken_over = false;

/* Makes an array of what a function takes from each item. */
static Datum
make_array(List *list, Datum (*value_of) (const void *item), Oid type, int length, bool by_value, char alignment)
{
	Datum	   *values = palloc(Max(list_length(list), 1) * sizeof(Datum));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, list)
		values[n++] = value_of(lfirst(cell));
	return PointerGetDatum(construct_array(values, n, type, length, by_value, alignment));
}

static Datum
changed_name(const void *item)
{
	return CStringGetTextDatum(((const PulseChanged *) item)->portfolio);
}

static Datum
changed_reader(const void *item)
{
	return ObjectIdGetDatum(((const PulseChanged *) item)->reader);
}

static Datum
performance_name(const void *item)
{
	return CStringGetTextDatum(((const PulsePerformance *) item)->portfolio);
}

static Datum
performance_reader(const void *item)
{
	return ObjectIdGetDatum(((const PulsePerformance *) item)->reader);
}

static Datum
performance_data(const void *item)
{
	return ((const PulsePerformance *) item)->data;
}

static Datum
performance_generation(const void *item)
{
	return Int64GetDatum(((const PulsePerformance *) item)->generation);
}

static int
compare_changed(const ListCell *a, const ListCell *b)
{
	return strcmp(((PulseChanged *) lfirst(a))->portfolio, ((PulseChanged *) lfirst(b))->portfolio);
}

/* Notes that portfolios have changed. */
void
pulse_performance_due(List *changed)
{
	List	   *distinct = NIL;
	Datum		values[2];
	ListCell   *cell;

	if (changed == NIL)
		return;
	/* one statement must not touch a row twice */
	changed = list_copy(changed);
	list_sort(changed, compare_changed);
	foreach(cell, changed)
		if (distinct == NIL ||
			strcmp(((PulseChanged *) llast(distinct))->portfolio, ((PulseChanged *) lfirst(cell))->portfolio) != 0)
			distinct = lappend(distinct, lfirst(cell));
	if (list_length(distinct) == 1)
	{
		values[0] = changed_name(linitial(distinct));
		values[1] = changed_reader(linitial(distinct));
		pulse_run(&store_one_due, values, NULL);
		return;
	}
	values[0] = make_array(distinct, changed_name, TEXTOID, -1, false, TYPALIGN_INT);
	values[1] = make_array(distinct, changed_reader, OIDOID, sizeof(Oid), true, TYPALIGN_INT);
	pulse_run(&store_due, values, NULL);
}

/* Hears which tables are followed: that one is no more has made figures due in the session that let it go. */
void
pulse_performance_sources(List *sources)
{
	static int64 known = 0;
	int64		now = 0;
	ListCell   *cell;

	foreach(cell, sources)
	{
		int64		id = ((PulseSourceState *) lfirst(cell))->source_id;

		now += id * id;
	}
	if (now != known)
		taken_over = false;
	known = now;
}

/* Queues what an earlier process, or who has let a table go, left due. */
void
pulse_performance_take_over(void)
{
	uint64		count;

	if (taken_over)
		return;
	count = pulse_run(&all_due, NULL, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		bool		null;
		Datum		name = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);
		Datum		reader = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &null);

		pulse_queue_portfolio(TextDatumGetCString(name), DatumGetObjectId(reader), true);
	}
	taken_over = true;
}

/* Fills in the generations of portfolios that are about to be computed. */
void
pulse_performance_generations(List *list)
{
	Datum		values[1];
	uint64		count;

	values[0] = make_array(list, performance_name, TEXTOID, -1, false, TYPALIGN_INT);
	count = pulse_run(&generations, values, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		bool		null;
		int64		n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null));
		Datum		generation = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &null);

		((PulsePerformance *) list_nth(list, (int) n - 1))->generation = DatumGetInt64(generation);
	}
}

/* Writes figures. */
void
pulse_performance_store(List *list)
{
	Datum		values[4];

	if (list == NIL)
		return;
	values[0] = make_array(list, performance_name, TEXTOID, -1, false, TYPALIGN_INT);
	values[1] = make_array(list, performance_reader, OIDOID, sizeof(Oid), true, TYPALIGN_INT);
	values[2] = make_array(list, performance_data, JSONBOID, -1, false, TYPALIGN_INT);
	values[3] = make_array(list, performance_generation, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	pulse_run(&store, values, NULL);
}

/* Returns the names of all portfolios that have figures and are computed as this role. */
List *
pulse_performance_portfolios(Oid reader)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *names = NIL;
	Datum		values[] = {ObjectIdGetDatum(reader)};
	uint64		count = pulse_run(&known, values, NULL);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (uint64 i = 0; i < count; i++)
	{
		bool		null;

		names = lappend(names, TextDatumGetCString(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null)));
	}
	MemoryContextSwitchTo(old);
	return names;
}
