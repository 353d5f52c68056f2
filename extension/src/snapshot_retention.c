/*
 * Retention of the user's snapshots: the statements come from pulse.retention_work(), and are run here, one batch of each
 * a time, as the owner of the table, confined like maintenance commands.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "src/attempt.h"
#include "src/compat.h"
#include "src/ledger_source.h"
#include "src/statement.h"

#define BATCH 2000
/* So much time is thinned out at once: a second's snapshots make 3600 rows to look at. */
#define CHUNK USECS_PER_HOUR

PG_FUNCTION_INFO_V1(pulse_store_retention);
PG_FUNCTION_INFO_V1(pulse_thin_snapshots);

/* One policy on its way through pulse_isolate(). */
typedef struct Policy
{
	int32		source_id;
	Oid			owner;
	TimestampTz cutoff;
	TimestampTz thin_from;		/* result: how far thinning has come */
	TimestampTz thin_until;
	Interval	thin_to;
	bool		thins;
	char	   *first_query;
	char	   *thin_query;
	char	   *keep_query;		/* NULL: nothing is removed by age */
	int64		removed;		/* result */
	bool		more;			/* result */
} Policy;

static PulseStatement find_work = {
	"SELECT * FROM pulse.retention_work($1)", 1, {TIMESTAMPTZOID}, NULL
};

static PulseStatement store_result = {
	"UPDATE pulse.retention SET removed = removed + $2, thinned_until = CASE WHEN $3 THEN $4 ELSE thinned_until END, last_error = $5"
	" WHERE source_id = $1 AND ($2 > 0 OR last_error IS DISTINCT FROM $5 OR $3 AND thinned_until IS DISTINCT FROM $4)",
	5, {INT4OID, INT8OID, BOOLOID, TIMESTAMPTZOID, TEXTOID}, NULL
};

/* Refuses who does not own a table. */
static void
check_owner(Oid relation)
{
	char	   *name = get_rel_name(relation);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u does not exist", relation)));
	if (!PULSE_OWNS_RELATION(relation, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", name)));
}

/* SQL: pulse.store_retention(relation, keep, thin_after, thin_to). */
Datum
pulse_store_retention(PG_FUNCTION_ARGS)
{
	static const char *const remove =
		"WITH followed AS (SELECT s.source_id FROM pulse.source s"
		" WHERE s.schema_name = $1 AND s.table_name = $2 AND s.kind = 'snapshots' AND s.state = 'active'),"
		" gone AS (DELETE FROM pulse.retention r USING followed f WHERE r.source_id = f.source_id)"
		" SELECT f.source_id FROM followed f";
	static const char *const store =
		"INSERT INTO pulse.retention (source_id, keep, thin_after, thin_to)"
		" SELECT s.source_id, $3, $4, $5 FROM pulse.source s"
		" WHERE s.schema_name = $1 AND s.table_name = $2 AND s.kind = 'snapshots' AND s.state = 'active'"
		" ON CONFLICT (source_id) DO UPDATE SET keep = excluded.keep, thin_after = excluded.thin_after,"
		" thin_to = excluded.thin_to, thinned_until = NULL, last_error = NULL RETURNING source_id";
	Oid			types[] = {TEXTOID, TEXTOID, INTERVALOID, INTERVALOID, INTERVALOID};
	Datum		values[5];
	char		nulls[] = "     ";
	pulse_identity identity;
	Oid			relation;
	bool		found;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(3))
		PG_RETURN_BOOL(false);
	relation = PG_GETARG_OID(0);
	check_owner(relation);
	values[0] = CStringGetTextDatum(get_namespace_name(get_rel_namespace(relation)));
	values[1] = CStringGetTextDatum(get_rel_name(relation));
	for (int i = 1; i < 4; i++)
	{
		values[i + 1] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		nulls[i + 1] = PG_ARGISNULL(i) ? 'n' : ' ';
	}

	SPI_connect();
	identity = pulse_act_as(pulse_owner(), false);
	if (SPI_execute_with_args(PG_ARGISNULL(1) && PG_ARGISNULL(2) ? remove : store, PG_ARGISNULL(1) && PG_ARGISNULL(2) ? 2 : 5,
							  types, values, nulls, false, 0) < 0)
		elog(ERROR, "could not store the policy");
	found = SPI_processed > 0;
	if (found && SPI_execute("SELECT pulse.touch_job('snapshot retention')", false, 0) < 0)
		elog(ERROR, "could not start the removal");
	pulse_act_back(&identity);
	SPI_finish();
	PG_RETURN_BOOL(found);
}

/* Reads what is to be done, in the current memory context. */
static List *
read_policies(TimestampTz at)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[] = {TimestampTzGetDatum(at)};
	uint64		count = pulse_run(&find_work, values, NULL);
	List	   *policies = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		Policy	   *policy = palloc0(sizeof(Policy));
		Datum		columns[9];
		bool		nulls[9];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, columns, nulls);
		policy->source_id = DatumGetInt32(columns[0]);
		policy->owner = DatumGetObjectId(columns[1]);
		policy->cutoff = nulls[2] ? DT_NOBEGIN : DatumGetTimestampTz(columns[2]);
		policy->thin_from = DatumGetTimestampTz(columns[3]);
		policy->thins = !nulls[4];
		policy->thin_until = nulls[4] ? DT_NOBEGIN : DatumGetTimestampTz(columns[4]);
		policy->thin_to = *DatumGetIntervalP(columns[5]);
		policy->first_query = TextDatumGetCString(columns[6]);
		policy->thin_query = TextDatumGetCString(columns[7]);
		policy->keep_query = nulls[8] ? NULL : TextDatumGetCString(columns[8]);
		policies = lappend(policies, policy);
		MemoryContextSwitchTo(old);
	}
	return policies;
}

/* Runs a statement of a policy and returns how many rows it touched. */
static int64
run(const char *query, int nargs, Oid *types, Datum *values)
{
	if (SPI_execute_with_args(query, nargs, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not run \"%s\"", query);
	return (int64) SPI_processed;
}

/* Removes one batch of what is too old. */
static void
remove_old(Policy *policy)
{
	Oid			types[] = {TIMESTAMPTZOID, INT8OID};
	Datum		values[2];
	int64		count;

	values[0] = TimestampTzGetDatum(policy->cutoff);
	values[1] = Int64GetDatum(BATCH);
	count = run(policy->keep_query, 2, types, values);
	policy->removed += count;
	policy->more = policy->more || count >= BATCH;
}

/* Thins out one batch of the next chunk that holds anything. */
static void
thin_out(Policy *policy)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INTERVALOID};
	Datum		values[4];
	Datum		first;
	bool		null = true;
	int64		step = policy->thin_to.time + policy->thin_to.day * USECS_PER_DAY;
	int64		chunk = (CHUNK + step - 1) / step * step;
	TimestampTz end;
	int64		count;

	if (policy->thin_from >= policy->thin_until)
		return;
	values[0] = TimestampTzGetDatum(policy->thin_from);
	first = run(policy->first_query, 1, types, values) == 1 ? pulse_result(1, &null) : (Datum) 0;
	if (null || DatumGetTimestampTz(first) >= policy->thin_until)
	{
		policy->thin_from = policy->thin_until;
		return;
	}
	/* whole chunks, so that no interval of the new resolution is cut in two */
	end = DatumGetTimestampTz(first);
	end = end - ((end % chunk) + chunk) % chunk;
	policy->thin_from = Max(policy->thin_from, end);
	end = Min(end + chunk, policy->thin_until);

	values[0] = TimestampTzGetDatum(policy->thin_from);
	values[1] = TimestampTzGetDatum(end);
	values[2] = Int64GetDatum(BATCH);
	values[3] = IntervalPGetDatum(&policy->thin_to);
	count = run(policy->thin_query, 4, types, values);
	policy->removed += count;
	if (count < BATCH)
		policy->thin_from = end;
	policy->more = policy->more || policy->thin_from < policy->thin_until;
}

/* Does one batch of a policy as the owner of its table. */
static void
apply_policy(void *arg)
{
	Policy	   *policy = arg;
	pulse_identity identity = pulse_act_as(policy->owner, true);

	/* What is removed is sealed: its summaries stand for it, so there is nothing to mark. */
	(void) set_config_option("pulse.capture", "off", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (policy->keep_query != NULL)
		remove_old(policy);
	if (policy->thins)
		thin_out(policy);
	pulse_act_back(&identity);
}

/* SQL: pulse.thin_snapshots(at), the job. */
Datum
pulse_thin_snapshots(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);
	List	   *policies;
	ListCell   *cell;
	bool		more = false;

	SPI_connect();
	MemoryContextSwitchTo(context);
	policies = read_policies(at);
	foreach(cell, policies)
	{
		Policy	   *policy = lfirst(cell);
		TimestampTz from = policy->thin_from;
		ErrorData  *error = pulse_isolate(apply_policy, policy, 0);
		Datum		values[5];

		if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		values[0] = Int32GetDatum(policy->source_id);
		values[1] = Int64GetDatum(error == NULL ? policy->removed : 0);
		values[2] = BoolGetDatum(error == NULL && policy->thin_from != from);
		values[3] = TimestampTzGetDatum(policy->thin_from);
		values[4] = error != NULL ? CStringGetTextDatum(error->message) : (Datum) 0;
		pulse_run(&store_result, values, error != NULL ? NULL : "    n");
		more = more || (error == NULL && policy->more);
	}
	SPI_finish();
	if (!more)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(at);
}
