/*
 * Running what pulse.job lists.
 *
 * The row of a job stays locked while it runs, so two ticks at a time never run it twice; whoever wants to make a job
 * due writes to pulse.job_touch instead, and waits for nobody. Everything that is counted or remembered about a job
 * stands in its row: a restart of the worker changes nothing.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "src/compat.h"
#include "src/job.h"
#include "src/settings.h"
#include "src/statement.h"

/* The first repetition of a failed job, and the longest pause between two. */
#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS (5 * 60 * 1000)

/* A job whose last run lies in the future is due: somebody has set the clock back. */
#define DUE "(j.next_at <= $1 OR j.last_started_at > $1" \
	" OR (j.failing = 0 AND EXISTS (SELECT FROM pulse.job_touch t WHERE t.name = j.name)))"

static PulseStatement claim_job = {
	"SELECT j.name, j.command, j.failing, j.last_error FROM pulse.job j WHERE j.enabled AND " DUE
	" AND j.name <> ALL ($2) ORDER BY j.next_at, j.name LIMIT 1 FOR NO KEY UPDATE OF j SKIP LOCKED",
	2, {TIMESTAMPTZOID, TEXTARRAYOID}, NULL
};

static PulseStatement take_touches = {
	"DELETE FROM pulse.job_touch WHERE name = $1", 1, {TEXTOID}, NULL
};

static PulseStatement store_success = {
	"UPDATE pulse.job SET runs = runs + 1, failing = 0, last_started_at = $2, last_finished_at = $2 + make_interval(secs => $3),"
	" last_duration = make_interval(secs => $3), next_at = coalesce($4, $2 + every) WHERE name = $1",
	4, {TEXTOID, TIMESTAMPTZOID, FLOAT8OID, TIMESTAMPTZOID}, NULL
};

static PulseStatement store_failure = {
	"UPDATE pulse.job SET runs = runs + 1, failures = failures + 1, failing = failing + 1, last_started_at = $2,"
	" last_finished_at = $2 + make_interval(secs => $3), last_duration = make_interval(secs => $3),"
	" last_error = $5, last_error_at = $2, next_at = $4 WHERE name = $1",
	5, {TEXTOID, TIMESTAMPTZOID, FLOAT8OID, TIMESTAMPTZOID, TEXTOID}, NULL
};

/* Jobs that are passed over have a look at their condition as often as they would run. */
static PulseStatement next_job = {
	"SELECT min(CASE WHEN j.name = ANY ($2) THEN $1 + j.every WHEN " DUE " THEN '-infinity' ELSE j.next_at END)"
	" FROM pulse.job j WHERE j.enabled",
	2, {TIMESTAMPTZOID, TEXTARRAYOID}, NULL
};

/* Jobs that are due by the clock alone, if their condition says so. */
static PulseStatement conditional_jobs = {
	"SELECT j.name, j.condition FROM pulse.job j WHERE j.enabled AND j.condition IS NOT NULL AND j.failing = 0 AND j.next_at <= $1"
	" AND j.last_started_at <= $1 AND j.last_started_at + j.at_least > $1"
	" AND NOT EXISTS (SELECT FROM pulse.job_touch t WHERE t.name = j.name)",
	1, {TIMESTAMPTZOID}, NULL
};

/* One job on its way through pulse_isolate(). */
typedef struct JobRun
{
	char	   *name;
	char	   *command;
	int			failing;		/* failures in a row so far */
	char	   *last_error;
	TimestampTz at;
	TimestampTz next;			/* its wish; meaningless when no_wish */
	bool		no_wish;
} JobRun;

static bool backoff = false;

/* Makes failing jobs be logged the less often the longer they fail. */
void
pulse_job_enable_backoff(void)
{
	backoff = true;
}

/* One condition on its way through pulse_isolate(). */
typedef struct JobCondition
{
	char	   *name;
	char	   *function;
	TimestampTz at;
	bool		wanted;
} JobCondition;

/* Asks a job's condition. */
static void
ask_condition(void *arg)
{
	JobCondition *condition = arg;
	List	   *name = textToQualifiedNameList(cstring_to_text(condition->function));
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		values[] = {TimestampTzGetDatum(condition->at)};
	Datum		wanted;
	bool		null;

	if (SPI_execute_with_args(psprintf("SELECT (%s($1))::boolean", NameListToQuotedString(name)), 1, types, values,
							  NULL, true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not run \"%s\"", condition->function);
	wanted = pulse_result(1, &null);
	condition->wanted = null || DatumGetBool(wanted);
}

/* Whether the extension has conditions of jobs: it has since 1.1. */
static bool
have_conditions(void)
{
	Oid			jobs = get_relname_relid("job", get_namespace_oid("pulse", false));

	return OidIsValid(jobs) && get_attnum(jobs, "condition") > 0;
}

/*
 * Returns the names of the jobs whose condition says that there is nothing to do. Who ticks by hand may have another
 * time in mind than the clock's, and has all of them run.
 */
static Datum
idle_jobs(TimestampTz at, const List *done)
{
	static bool reported = false;
	MemoryContext context = CurrentMemoryContext;
	Datum		values[] = {TimestampTzGetDatum(at)};
	List	   *conditions = NIL;
	ListCell   *cell;
	Datum	   *names;
	int			count = 0;
	bool		null;

	if (backoff && have_conditions() && pulse_run(&conditional_jobs, values, NULL) > 0)
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			JobCondition *condition = MemoryContextAllocZero(context, sizeof(JobCondition));

			condition->name = MemoryContextStrdup(context, TextDatumGetCString(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &null)));
			condition->function = MemoryContextStrdup(context, TextDatumGetCString(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &null)));
			condition->at = at;
			/* one that fails is no reason to do nothing */
			condition->wanted = true;
			MemoryContextSwitchTo(context);
			conditions = lappend(conditions, condition);
		}
	MemoryContextSwitchTo(context);
	names = palloc(sizeof(Datum) * (list_length(conditions) + list_length(done) + 1));
	foreach(cell, conditions)
	{
		JobCondition *condition = lfirst(cell);
		ErrorData  *error;

		error = pulse_isolate(ask_condition, condition, 0);
		if (error != NULL && !reported)
			ereport(WARNING,
					(errcode(error->sqlerrcode),
					 errmsg("condition of job %s failed: %s", condition->name, error->message),
					 errdetail("The job runs as if it had none.")));
		reported = reported || error != NULL;
		if (!condition->wanted)
			names[count++] = CStringGetTextDatum(condition->name);
	}
	foreach(cell, done)
		names[count++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Calls the job's function. */
static void
call_job(void *arg)
{
	JobRun	   *run = arg;
	List	   *name = textToQualifiedNameList(cstring_to_text(run->command));
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		values[] = {TimestampTzGetDatum(run->at)};
	int			nest_level = NewGUCNestLevel();

	/* Shorter than deadlock_timeout: where a job and DDL wait for each other, it is the job that gives way. */
	(void) set_config_option("lock_timeout", "500ms", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_with_args(psprintf("SELECT (%s($1))::timestamptz", NameListToQuotedString(name)), 1, types, values,
							  NULL, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not run \"%s\"", run->command);
	run->next = DatumGetTimestampTz(pulse_result(1, &run->no_wish));
	AtEOXact_GUC(true, nest_level);
}

/* Takes the job that has been due for longest; NULL when there is none that nobody else is running. */
static JobRun *
claim(TimestampTz at, const List *done)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	JobRun	   *run;
	Datum		value;
	bool		null;

	values[0] = TimestampTzGetDatum(at);
	values[1] = idle_jobs(at, done);
	if (pulse_run(&claim_job, values, NULL) == 0)
		return NULL;

	MemoryContextSwitchTo(context);
	run = palloc0(sizeof(JobRun));
	run->at = at;
	run->name = TextDatumGetCString(pulse_result(1, &null));
	run->command = TextDatumGetCString(pulse_result(2, &null));
	run->failing = DatumGetInt32(pulse_result(3, &null));
	value = pulse_result(4, &null);
	run->last_error = null ? NULL : TextDatumGetCString(value);

	values[0] = CStringGetTextDatum(run->name);
	pulse_run(&take_touches, values, NULL);
	return run;
}

/* Reports a failure: once, and again each time their number has doubled or the message has changed. */
static void
report_failure(const JobRun *run, const ErrorData *error)
{
	int			failures = run->failing + 1;

	if (backoff && run->last_error != NULL && strcmp(run->last_error, error->message) == 0 && (failures & (failures - 1)) != 0)
		return;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("job %s failed: %s", run->name, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0,
			 error->context ? errcontext_msg("%s", error->context) : 0));
}

/* When a job that has failed is tried again. */
static TimestampTz
retry_at(const JobRun *run)
{
	int64		delay = FIRST_DELAY_MS;

	for (int i = 0; i < run->failing && delay < MAX_DELAY_MS; i++)
		delay *= 2;
	return TimestampTzPlusMilliseconds(run->at, Min(delay, MAX_DELAY_MS));
}

/* Runs the job that has been due for longest. */
bool
pulse_run_due_job(TimestampTz at, List **done, PulseFailures *failures)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz begun;
	ErrorData  *error;
	JobRun	   *run;
	Datum		values[5];
	char		nulls[] = "    ";

	SPI_connect();
	MemoryContextSwitchTo(context);
	run = claim(at, *done);
	if (run == NULL)
	{
		SPI_finish();
		return false;
	}

	begun = GetCurrentTimestamp();
	error = pulse_isolate(call_job, run, pulse_job_timeout);
	values[0] = CStringGetTextDatum(run->name);
	values[1] = TimestampTzGetDatum(run->at);
	values[2] = Float8GetDatum(Max(0, GetCurrentTimestamp() - begun) / (double) USECS_PER_SEC);
	if (error == NULL)
	{
		values[3] = TimestampTzGetDatum(run->next);
		nulls[3] = run->no_wish ? 'n' : ' ';
		pulse_run(&store_success, values, nulls);
	}
	else
	{
		values[3] = TimestampTzGetDatum(retry_at(run));
		values[4] = CStringGetTextDatum(error->message);
		pulse_run(&store_failure, values, NULL);
		report_failure(run, error);
		failures->count++;
		failures->last = psprintf("job %s: %s", run->name, error->message);
		/* Who ticks by hand and cancels means the whole tick; a worker is asked to give up what it is just doing. */
		if (!backoff && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
	}
	MemoryContextSwitchTo(context);
	*done = lappend(*done, run->name);
	SPI_finish();
	MemoryContextSwitchTo(context);
	return true;
}

/* When the next job is due. */
TimestampTz
pulse_next_job(TimestampTz at)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2];
	Datum		value;
	bool		null;

	SPI_connect();
	MemoryContextSwitchTo(context);
	values[0] = TimestampTzGetDatum(at);
	values[1] = idle_jobs(at, NIL);
	pulse_run(&next_job, values, NULL);
	value = pulse_result(1, &null);
	SPI_finish();
	return null ? DT_NOEND : DatumGetTimestampTz(value);
}
