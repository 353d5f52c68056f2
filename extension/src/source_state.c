/*
 * Sources, as the tick sees them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_source.h"
#include "src/source_state.h"
#include "src/statement.h"

/* More portfolios of one source than this are not shown one by one after a change of the whole source. */
#define MAX_LISTED_PORTFOLIOS 20000

static PulseStatement active_sources = {
	"SELECT s.source_id, s.schema_name, s.table_name, s.kind = 'trades', s.epoch IS NOT DISTINCT FROM $1, s.last_error IS NOT NULL"
	" FROM pulse.source s WHERE s.state = 'active' ORDER BY s.source_id",
	1, {TEXTOID}, NULL
};

static PulseStatement ledger_portfolios = {
	"SELECT DISTINCT portfolio FROM pulse.position WHERE source_id = $1 LIMIT $2", 2, {INT4OID, INT8OID}, NULL
};

static PulseStatement store_epoch = {
	"UPDATE pulse.source SET epoch = $2 WHERE source_id = $1", 2, {INT4OID, TEXTOID}, NULL
};

static PulseStatement store_error = {
	"UPDATE pulse.source SET last_error = $2 WHERE source_id = $1", 2, {INT4OID, TEXTOID}, NULL
};

/* Returns the owner of a table, InvalidOid when there is none of that name. */
static Oid
table_owner(const char *schema_name, const char *table_name)
{
	Oid			schema = get_namespace_oid(schema_name, true);
	Oid			table = OidIsValid(schema) ? get_relname_relid(table_name, schema) : InvalidOid;
	HeapTuple	tuple = OidIsValid(table) ? SearchSysCache1(RELOID, ObjectIdGetDatum(table)) : NULL;
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Returns all active sources, in the current memory context. */
List *
pulse_active_sources(const char *epoch)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *sources = NIL;
	Datum		values[] = {CStringGetTextDatum(epoch)};
	uint64		count = pulse_run(&active_sources, values, NULL);

	for (uint64 i = 0; i < count; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		MemoryContext old = MemoryContextSwitchTo(context);
		PulseSourceState *source = palloc0(sizeof(PulseSourceState));
		bool		null;

		source->source_id = DatumGetInt32(SPI_getbinval(tuple, desc, 1, &null));
		source->schema_name = TextDatumGetCString(SPI_getbinval(tuple, desc, 2, &null));
		source->owner = table_owner(source->schema_name, TextDatumGetCString(SPI_getbinval(tuple, desc, 3, &null)));
		source->trades = DatumGetBool(SPI_getbinval(tuple, desc, 4, &null));
		source->rebuilt = DatumGetBool(SPI_getbinval(tuple, desc, 5, &null));
		source->had_error = DatumGetBool(SPI_getbinval(tuple, desc, 6, &null));
		sources = lappend(sources, source);
		MemoryContextSwitchTo(old);
	}
	return sources;
}

/* As whom the state of a portfolio is computed that this source knows. */
Oid
pulse_source_reader(const List *sources, const PulseSourceState *source)
{
	ListCell   *cell;

	if (!source->trades)
		return source->owner;
	foreach(cell, sources)
	{
		const PulseSourceState *other = lfirst(cell);

		if (!other->trades && OidIsValid(other->owner) && strcmp(other->schema_name, source->schema_name) == 0)
			return other->owner;
	}
	return source->owner;
}

/* Takes the first column of the last result as names; NULLs are left out. */
static List *
result_names(MemoryContext context)
{
	List	   *names = NIL;
	MemoryContext old = MemoryContextSwitchTo(context);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		null;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);

		if (!null)
			names = lappend(names, TextDatumGetCString(value));
	}
	MemoryContextSwitchTo(old);
	return names;
}

/* Returns the portfolios that a source knows in a time range, as its owner sees them. */
List *
pulse_source_portfolios(const PulseSourceState *source, const PulseChange *change)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[3];
	char		nulls[] = "n  ";
	pulse_source *table;
	char	   *sql;
	pulse_identity identity;
	List	   *names;

	values[0] = Int32GetDatum(source->source_id);
	if (source->trades)
	{
		values[1] = Int64GetDatum(MAX_LISTED_PORTFOLIOS);
		pulse_run(&ledger_portfolios, values, NULL);
		return result_names(context);
	}

	table = pulse_source_load(source->source_id, false, true);
	if (table == NULL || table->query == NULL || !OidIsValid(source->owner))
		return NIL;
	sql = change->unbounded ?
		psprintf("%s LIMIT %d", pulse_portfolio_list(table), MAX_LISTED_PORTFOLIOS) :
		psprintf("SELECT DISTINCT q.portfolio FROM (%s) AS q LIMIT %d", table->query, MAX_LISTED_PORTFOLIOS);
	values[0] = (Datum) 0;
	values[1] = TimestampTzGetDatum(change->min_ts);
	values[2] = TimestampTzGetDatum(change->max_ts);
	identity = pulse_act_as(source->owner, true);
	if (SPI_execute_with_args(sql, 3, types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list the portfolios of source %d", source->source_id);
	names = result_names(context);
	pulse_act_back(&identity);
	return names;
}

/* Declares the state of a source to belong to this epoch. */
void
pulse_source_rebuilt(PulseSourceState *source, const char *epoch)
{
	Datum		values[2];

	values[0] = Int32GetDatum(source->source_id);
	values[1] = CStringGetTextDatum(epoch);
	pulse_run(&store_epoch, values, NULL);
	source->rebuilt = true;
}

/* Stores why a change of the source could not be processed; NULL: all is well again. */
void
pulse_source_error(PulseSourceState *source, const char *error)
{
	Datum		values[2];

	values[0] = Int32GetDatum(source->source_id);
	values[1] = error != NULL ? CStringGetTextDatum(error) : (Datum) 0;
	pulse_run(&store_error, values, error != NULL ? NULL : " n");
	source->had_error = error != NULL;
}
