/*
 * Registration of the user's tables, and the switch of identity: user tables are read
 * as their owner, our own tables are read and written as the owner of schema pulse.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_source.h"
#include "src/narrow.h"

PG_FUNCTION_INFO_V1(pulse_register_source);
PG_FUNCTION_INFO_V1(pulse_unregister_source);
PG_FUNCTION_INFO_V1(pulse_source_query);

#define SAFE_SEARCH_PATH "pg_catalog, pg_temp"

/* Returns the role that owns schema pulse, and with it the extension's tables. */
Oid
pulse_owner(void)
{
	Oid			schema = get_namespace_oid("pulse", false);
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Switches to another role until pulse_act_back or the end of the subtransaction;
 * untrusted: what runs may be code of that role's making, such as a function in a
 * policy or a default, so it is confined as maintenance commands confine index functions.
 */
pulse_identity
pulse_act_as(Oid user, bool untrusted)
{
	pulse_identity identity;

	GetUserIdAndSecContext(&identity.user, &identity.security_context);
	SetUserIdAndSecContext(user, identity.security_context | SECURITY_LOCAL_USERID_CHANGE |
						   (untrusted ? SECURITY_RESTRICTED_OPERATION : 0));
	identity.guc_nest_level = NewGUCNestLevel();
	/* in the background worker it stands so: then nothing need be undone, for which the server looks at all its settings */
	if (strcmp(namespace_search_path, SAFE_SEARCH_PATH) != 0)
		SetConfigOption("search_path", SAFE_SEARCH_PATH, PGC_USERSET, PGC_S_SESSION);
	return identity;
}

/* Returns to the role before pulse_act_as. */
void
pulse_act_back(const pulse_identity *identity)
{
	AtEOXact_GUC(false, identity->guc_nest_level);
	SetUserIdAndSecContext(identity->user, identity->security_context);
}

/* Refuses who does not own a table. */
static void
check_owner(Oid relation)
{
	char	   *name = get_rel_name(relation);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u does not exist", relation)));
#if PG_VERSION_NUM >= 160000
	if (!object_ownercheck(RelationRelationId, relation, GetUserId()))
#else
	if (!pg_class_ownercheck(relation, GetUserId()))
#endif
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", name)));
}

/* Runs one statement of ours that returns an integer, or 0 when it returns no row. */
static int32
run_for_integer(const char *statement, int nargs, Oid *types, Datum *values, const char *nulls)
{
	int32		result = 0;
	bool		isnull;

	if (SPI_execute_with_args(statement, nargs, types, values, nulls, false, 0) < 0)
		elog(ERROR, "SPI_execute_with_args failed for: %s", statement);
	if (SPI_processed > 0 && SPI_tuptable != NULL)
	{
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
			result = DatumGetInt32(value);
	}
	return result;
}

/* SQL: pulse.register_source(relation, kind, columns, timezone, capture, is_new). */
Datum
pulse_register_source(PG_FUNCTION_ARGS)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, BOOLOID};
	Datum		values[7];
	Oid			relation = PG_GETARG_OID(0);
	pulse_identity identity;
	int32		source_id;

	check_owner(relation);

	values[0] = CStringGetTextDatum(get_namespace_name(get_rel_namespace(relation)));
	values[1] = CStringGetTextDatum(get_rel_name(relation));
	for (int i = 2; i < 7; i++)
		values[i] = PG_GETARG_DATUM(i - 1);

	SPI_connect();
	identity = pulse_act_as(pulse_owner(), false);
	source_id = run_for_integer("UPDATE pulse.source SET columns = $4, timezone = $5, capture = $6, state = 'active',"
								" created_at = now(), last_error = NULL,"
								" epoch = CASE WHEN $7 THEN (SELECT epoch FROM pulse.sequencer) END"
								" WHERE source_id = (SELECT max(source_id) FROM pulse.source"
								" WHERE schema_name = $1 AND table_name = $2 AND kind = $3) RETURNING source_id",
								7, types, values, NULL);
	if (source_id == 0)
		source_id = run_for_integer("INSERT INTO pulse.source (schema_name, table_name, kind, columns, timezone, capture, epoch)"
									" VALUES ($1, $2, $3, $4, $5, $6,"
									" CASE WHEN $7 THEN (SELECT epoch FROM pulse.sequencer) END) RETURNING source_id",
									7, types, values, NULL);
	if (!PG_GETARG_BOOL(5))
	{
		/* What the table holds already is news to us. */
		values[0] = Int32GetDatum(source_id);
		types[0] = INT4OID;
		run_for_integer("INSERT INTO pulse.dirty (source_id, marked_at) VALUES ($1, now())", 1, types, values, NULL);
	}
	pulse_act_back(&identity);
	SPI_finish();
	PG_RETURN_INT32(source_id);
}

/* SQL: pulse.unregister_source(relation). */
Datum
pulse_unregister_source(PG_FUNCTION_ARGS)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];
	Oid			relation = PG_GETARG_OID(0);
	pulse_identity identity;
	int32		detached;

	check_owner(relation);
	values[0] = CStringGetTextDatum(get_namespace_name(get_rel_namespace(relation)));
	values[1] = CStringGetTextDatum(get_rel_name(relation));

	SPI_connect();
	identity = pulse_act_as(pulse_owner(), false);
	detached = run_for_integer("WITH gone AS (UPDATE pulse.source SET state = 'detached', columns = columns, archived_before = NULL"
							   " WHERE schema_name = $1 AND table_name = $2 AND state = 'active' RETURNING source_id),"
							   " fills AS (DELETE FROM pulse.fill f USING gone g WHERE f.source_id = g.source_id),"
							   " positions AS (DELETE FROM pulse.position p USING gone g WHERE p.source_id = g.source_id),"
							   " trades AS (DELETE FROM pulse.closed_trade c USING gone g WHERE c.source_id = g.source_id),"
							   " summaries AS (DELETE FROM pulse.metric_state m USING gone g WHERE m.source_id = g.source_id),"
							   " ranges AS (DELETE FROM pulse.metric_dirty d USING gone g WHERE d.source_id = g.source_id)"
							   " SELECT count(*)::int FROM gone",
							   2, types, values, NULL);
	/* figures that rested on the table too are computed anew, for which the mark wakes a tick */
	(void) run_for_integer("WITH followed AS (SELECT min(s.source_id) AS source_id FROM pulse.source s WHERE s.state = 'active'),"
						   " due AS (INSERT INTO pulse.performance_due (portfolio, reader, generation)"
						   "  SELECT p.portfolio, p.reader, nextval('pulse.performance_version') FROM pulse.performance_state p, followed f"
						   "  WHERE f.source_id IS NOT NULL ON CONFLICT (portfolio) DO UPDATE SET generation = excluded.generation),"
						   " mark AS (INSERT INTO pulse.dirty (source_id, min_ts, max_ts, marked_at)"
						   "  SELECT f.source_id, now(), now(), clock_timestamp() FROM followed f WHERE f.source_id IS NOT NULL),"
						   " gone AS (DELETE FROM pulse.performance_state USING followed f WHERE f.source_id IS NULL)"
						   " SELECT 0",
						   0, NULL, NULL, NULL);
	pulse_act_back(&identity);
	SPI_finish();
	PG_RETURN_INT32(detached);
}

/* Prepares a statement of ours once for the life of the backend. */
SPIPlanPtr
pulse_saved_plan(SPIPlanPtr *plan, const char *statement, int nargs, Oid *types)
{
	if (*plan == NULL)
	{
		SPIPlanPtr	prepared = SPI_prepare(statement, nargs, types);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare: %s", statement);
		*plan = prepared;
	}
	return *plan;
}

/* The same for one that is as good for all values: it is never planned anew for those at hand. */
SPIPlanPtr
pulse_saved_generic_plan(SPIPlanPtr *plan, const char *statement, int nargs, Oid *types)
{
	if (*plan == NULL)
	{
		SPIPlanPtr	prepared = SPI_prepare_cursor(statement, nargs, types, CURSOR_OPT_GENERIC_PLAN);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare: %s", statement);
		*plan = prepared;
	}
	return *plan;
}

/* Whether a table of ours takes no room at all, and so has no row that any snapshot could see. */
bool
pulse_table_is_empty(const char *name)
{
	Relation	rel = table_open(get_relname_relid(name, get_namespace_oid("pulse", false)), AccessShareLock);
	bool		empty = rel->rd_rel->relkind == RELKIND_RELATION && RelationGetNumberOfBlocks(rel) == 0;

	table_close(rel, NoLock);
	return empty;
}

/* Returns a text column of the current result row, or NULL. */
static char *
result_text(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

/* Returns a boolean column of the current result row; null counts as false. */
static bool
result_bool(int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return !isnull && DatumGetBool(value);
}

/* How a source is read, as long as neither its entry's mapping nor its table changes. */
typedef struct source_access
{
	int32		source_id;
	bool		by_portfolio;
	bool		by_time;
	uint64		narrowing;		/* that it was resolved under */
	char	   *qualified_name;
	Oid			relation;
	Oid			owner;
	bool		has_portfolios;
	bool		distributed;
	bool		ordinal_is_key;
	char	   *query;
	SPIPlanPtr	plan;			/* of pulse_source_plan() */
	BlockNumber plan_blocks;	/* size of the table when it was made */
} source_access;

#define MAX_CACHED_SOURCES 256
/* A table that has grown by more than this, and to more than twice its size, is planned for anew. */
#define GROWN_BLOCKS 10

static List *access_cache = NIL;	/* of source_access */
static MemoryContext access_context = NULL;
static Oid	source_table = InvalidOid;
static bool access_stale = false;
static uint64 access_generation = 1;

/* Relcache callback: the mapping changed (a trigger on pulse.source tells), or a table that is read. */
static void
forget_access(Datum argument, Oid relation)
{
	ListCell   *cell;

	if (relation == InvalidOid || relation == source_table)
		access_stale = true;
	foreach(cell, access_cache)
		if (((source_access *) lfirst(cell))->relation == relation)
			access_stale = true;
}

/* Empties the cache when something in it may be wrong, or when it has grown too large. */
static void
freshen_cache(void)
{
	if (access_context == NULL)
	{
		access_context = AllocSetContextCreate(CacheMemoryContext, "pulse sources", ALLOCSET_DEFAULT_SIZES);
		CacheRegisterRelcacheCallback(forget_access, (Datum) 0);
	}
	source_table = get_relname_relid("source", get_namespace_oid("pulse", false));
	if (access_stale || list_length(access_cache) >= MAX_CACHED_SOURCES)
	{
		ListCell   *cell;

		foreach(cell, access_cache)
			if (((source_access *) lfirst(cell))->plan != NULL)
				SPI_freeplan(((source_access *) lfirst(cell))->plan);
		access_generation++;
		access_cache = NIL;
		MemoryContextReset(access_context);
		access_stale = false;
	}
}

/* Whether Citus has distributed a table; its catalogue exists only where it is installed. */
static bool
is_distributed(Oid relation)
{
	Oid			types[] = {OIDOID};
	Datum		values[] = {ObjectIdGetDatum(relation)};
	bool		found;

	if (!OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		return false;
	if (SPI_execute_with_args("SELECT FROM pg_catalog.pg_dist_partition d WHERE d.logicalrelid OPERATOR(pg_catalog.=) $1"
							  " AND d.partmethod OPERATOR(pg_catalog.<>) 'n'", 1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_dist_partition");
	found = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* Works out how a source is read; NULL when its table is gone. */
static source_access *
resolve_access(int32 source_id, bool by_portfolio, bool by_time)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, BOOLOID, BOOLOID};
	Datum		values[] = {Int32GetDatum(source_id), BoolGetDatum(by_portfolio), BoolGetDatum(by_time)};
	source_access *access = NULL;
	MemoryContext old;
	bool		isnull;

	pulse_saved_plan(&plan,
					 "SELECT q.relation::text, q.relation::oid, c.relowner, q.has_portfolios,"
					 " pulse.build_source_query(s.source_id, CASE WHEN $2 AND q.has_portfolios THEN '$1' END,"
					 " CASE WHEN $3 THEN '$2' END, CASE WHEN $3 THEN '$3' END), pulse.orders_by_id(s)"
					 " FROM pulse.source s CROSS JOIN LATERAL pulse.source_relation(s) AS q (relation, has_portfolios)"
					 " JOIN pg_catalog.pg_class c ON c.oid = q.relation"
					 " WHERE s.source_id = $1 AND s.state = 'active'", 3, types);
	if (SPI_execute_plan(plan, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.source");
	if (SPI_processed > 0)
	{
		old = MemoryContextSwitchTo(access_context);
		access = palloc0(sizeof(source_access));
		access->source_id = source_id;
		access->by_portfolio = by_portfolio;
		access->by_time = by_time;
		access->narrowing = pulse_narrowing_in_force();
		access->qualified_name = result_text(1);
		access->relation = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
		access->owner = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
		access->has_portfolios = result_bool(4);
		access->query = result_text(5);
		access->ordinal_is_key = result_bool(6);
		access_cache = lappend(access_cache, access);
		MemoryContextSwitchTo(old);
	}
	SPI_freetuptable(SPI_tuptable);
	if (access != NULL)
		access->distributed = is_distributed(access->relation);
	return access;
}

/* Returns how a source is read, from the cache where it is known. */
static source_access *
find_access(int32 source_id, bool by_portfolio, bool by_time)
{
	ListCell   *cell;

	freshen_cache();
	foreach(cell, access_cache)
	{
		source_access *access = lfirst(cell);

		if (access->source_id == source_id && access->by_portfolio == by_portfolio && access->by_time == by_time &&
			access->narrowing == pulse_narrowing_in_force())
			return access;
	}
	return resolve_access(source_id, by_portfolio, by_time);
}

/*
 * Looks an active source up, with the query that reads it by portfolio ($1) and time ($2, $3)
 * as asked for; NULL when there is none. SPI must be connected; the result lives in the current
 * memory context.
 */
pulse_source *
pulse_source_load(int32 source_id, bool by_portfolio, bool by_time)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID};
	Datum		values[] = {Int32GetDatum(source_id)};
	MemoryContext caller = CurrentMemoryContext;
	pulse_identity identity = pulse_act_as(pulse_owner(), false);
	pulse_source *source = NULL;

	pulse_saved_generic_plan(&plan,
							 "SELECT s.kind, s.epoch IS NOT DISTINCT FROM e.epoch, s.epoch IS DISTINCT FROM e.epoch AND s.epoch IS NOT NULL,"
							 " s.created_at, s.rebook, coalesce(s.archived_before, '-infinity')"
							 " FROM pulse.source s CROSS JOIN pulse.sequencer e"
							 " WHERE s.source_id = $1 AND s.state = 'active'", 1, types);
	if (SPI_execute_plan(plan, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.source");
	if (SPI_processed > 0)
	{
		SPITupleTable *row = SPI_tuptable;
		source_access *access;
		bool		isnull;

		source = MemoryContextAllocZero(caller, sizeof(pulse_source));
		source->source_id = source_id;
		source->kind = MemoryContextStrdup(caller, result_text(1));
		source->rebuilt = result_bool(2);
		source->restored = result_bool(3);
		source->attached_at = DatumGetTimestampTz(SPI_getbinval(row->vals[0], row->tupdesc, 4, &isnull));
		source->rebook = result_bool(5);
		source->archived_before = DatumGetTimestampTz(SPI_getbinval(row->vals[0], row->tupdesc, 6, &isnull));
		SPI_freetuptable(row);
		access = find_access(source_id, by_portfolio, by_time);
		if (access != NULL)
		{
			source->qualified_name = MemoryContextStrdup(caller, access->qualified_name);
			source->relation = access->relation;
			source->owner = access->owner;
			source->has_portfolios = access->has_portfolios;
			source->distributed = access->distributed;
			source->ordinal_is_key = access->ordinal_is_key;
			source->query = access->query == NULL ? NULL : MemoryContextStrdup(caller, access->query);
			source->access = access;
			source->generation = access_generation;
		}
	}
	else
		SPI_freetuptable(SPI_tuptable);
	pulse_act_back(&identity);
	/* SPI leaves its own context behind, which ends with the connection */
	MemoryContextSwitchTo(caller);
	return source;
}

/*
 * Returns a statement that lists the portfolios in a source, with the parameters of its query: from each to the next one
 * through the index, however many rows each has. Citus does not send that to the shards of a distributed table.
 */
char *
pulse_portfolio_list(const pulse_source *source)
{
	if (source->distributed)
		return psprintf("SELECT DISTINCT r.portfolio FROM (%s) AS r WHERE r.portfolio IS NOT NULL", source->query);
	return psprintf("WITH RECURSIVE found AS ((SELECT r.portfolio FROM (%1$s) AS r ORDER BY r.portfolio LIMIT 1)"
					" UNION ALL SELECT (SELECT r.portfolio FROM (%1$s) AS r WHERE r.portfolio OPERATOR(pg_catalog.>) found.portfolio"
					" ORDER BY r.portfolio LIMIT 1) FROM found WHERE found.portfolio IS NOT NULL)"
					" SELECT f.portfolio FROM found AS f WHERE f.portfolio IS NOT NULL", source->query);
}

/*
 * Returns a plan that is kept with how the source is read, for the one statement that reads what is new in it: a tick with
 * one fill must not spend its time on planning. It is a generic one, and lasts until the table has doubled, since statistics
 * may be far behind a table that is being filled. NULL where there is none to keep, as with views and partitions.
 */
SPIPlanPtr
pulse_source_plan(const pulse_source *source, const char *statement, int nargs, Oid *types)
{
	source_access *access = source->access;
	pulse_identity identity;
	Relation	rel;
	BlockNumber blocks = InvalidBlockNumber;

	if (access == NULL || source->generation != access_generation)
		return NULL;
	rel = try_relation_open(source->relation, AccessShareLock);
	if (rel != NULL && rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relam == HEAP_TABLE_AM_OID)
		blocks = RelationGetNumberOfBlocks(rel);
	if (rel != NULL)
		relation_close(rel, NoLock);
	/* opening it may have shown that all is different now */
	if (blocks == InvalidBlockNumber || access_stale)
		return NULL;

	if (access->plan != NULL && blocks / 2 > access->plan_blocks && blocks - access->plan_blocks > GROWN_BLOCKS)
	{
		SPI_freeplan(access->plan);
		access->plan = NULL;
	}
	if (access->plan == NULL)
	{
		SPIPlanPtr	plan;

		identity = pulse_act_as(source->owner, true);
		plan = SPI_prepare_cursor(statement, nargs, types, CURSOR_OPT_GENERIC_PLAN);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare: %s", statement);
		pulse_act_back(&identity);
		access->plan = plan;
		access->plan_blocks = blocks;
	}
	return access->plan;
}

/* SQL: pulse.source_query(source_id, by_portfolio, by_time). */
Datum
pulse_source_query(PG_FUNCTION_ARGS)
{
	pulse_identity identity;
	source_access *access;
	char	   *query = NULL;
	MemoryContext caller = CurrentMemoryContext;

	SPI_connect();
	identity = pulse_act_as(pulse_owner(), false);
	access = find_access(PG_GETARG_INT32(0), PG_GETARG_BOOL(1), PG_GETARG_BOOL(2));
	if (access != NULL && access->query != NULL)
		query = MemoryContextStrdup(caller, access->query);
	pulse_act_back(&identity);
	SPI_finish();
	if (query == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(query));
}
