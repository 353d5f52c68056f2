/*
 * The background worker of one database: sleeps until a commit wakes it or the poll interval is over, then ticks.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "commands/vacuum.h"
#include "common/relpath.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "src/attempt.h"
#include "src/change.h"
#include "src/compat.h"
#include "src/job.h"
#include "src/metric_state.h"
#include "src/portfolio_queue.h"
#include "src/preempt.h"
#include "src/settings.h"
#include "src/statement.h"
#include "src/tick.h"
#include "src/update.h"
#include "src/wait.h"
#include "src/worker_process.h"
#include "src/worker_start.h"
#include "src/yield.h"

/* Field 4 of the lock's tag; SQL's advisory locks have 1 and 2 there, so no user can take this one. */
#define WORKER_LOCK_SPACE 3
/* So many removed marks make a vacuum of pulse.dirty worth while: the tick reads all of its pages. */
#define VACUUM_MARKS 20000
/* Rewriting summaries holds a fill up by no more. */
#define SUMMARY_BUDGET_MS 50
/* The gap after a cycle that a commit has begun and that had no changes. */
#define UNCHANGED_GAP_MS 5
/* What is left to a session to do that has woken the worker takes so long, or less. */
#define SESSION_ANSWERS_US 50
/* How long what goes with so few fills waits until they have been read. */
#define REST_DELAY_MS 2
#define FEW_FILLS 10
/* How long the extension and our entry in pulse.worker are taken for granted. */
#define CHECK_INSTALLATION_MS 1000
/* How long state messages wait for the end of a backlog. */
#define MAX_UPDATE_DELAY_MS 500
/* And how long where the backlog is left to grow, in favour of the sessions that write. */
#define MAX_YIELD_UPDATE_DELAY_MS 2000
/* So often work is given up for what has been committed meanwhile. */
#define PREEMPTION_INTERVAL_MS 100
/* A pause in favour of others is made of such pieces, so that a shutdown does not wait for its end. */
#define PAUSE_PIECE_MS 50
#define FIRST_ERROR_DELAY_MS 1000
#define MAX_ERROR_DELAY_MS 60000
/* How long a worker that was started by hand waits for the row that allows it to be committed. */
#define START_GRACE_MS 60000

PGDLLEXPORT void pulse_worker_main(Datum main_arg);

static PulseStatement worker_row = {
	"SELECT enabled, pid IS NOT DISTINCT FROM $1 AND proc_number IS NOT DISTINCT FROM $2 FROM pulse.worker WHERE singleton",
	2, {INT4OID, INT4OID}, NULL
};

static PulseStatement register_worker = {
	"INSERT INTO pulse.worker (pid, proc_number, started_at) VALUES ($1, $2, $3) ON CONFLICT (singleton) DO UPDATE"
	" SET pid = excluded.pid, proc_number = excluded.proc_number, started_at = excluded.started_at",
	3, {INT4OID, INT4OID, TIMESTAMPTZOID}, NULL
};

/* Since 1.1: an extension that has not been updated yet has no such column. */
static PulseStatement register_worker_library = {
	"INSERT INTO pulse.worker (pid, proc_number, started_at, library) VALUES ($1, $2, $3, '" PULSE_VERSION "') ON CONFLICT (singleton) DO UPDATE"
	" SET pid = excluded.pid, proc_number = excluded.proc_number, started_at = excluded.started_at, library = excluded.library",
	3, {INT4OID, INT4OID, TIMESTAMPTZOID}, NULL
};

static PulseStatement record_tick = {
	"UPDATE pulse.worker SET ticks = ticks + 1, last_tick_at = clock_timestamp() WHERE singleton", 0, {0}, NULL
};

static PulseStatement record_error = {
	"UPDATE pulse.worker SET last_error = $1, last_error_at = clock_timestamp(), errors = errors + $2 WHERE singleton",
	2, {TEXTOID, INT4OID}, NULL
};

static MemoryContext tick_context;
static PulseWorkerStart start;
static TimestampTz started_at;
static bool installed = false;
static bool library_told = false;
static TimestampTz next_job = DT_NOBEGIN;
static TimestampTz updated_at = 0;
static int64 removed_marks = 0;
static PulseTick tick;

/* Starts a transaction that gives up after pulse.tick_timeout; activity is what pg_stat_activity shows. */
static void
begin(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, activity);
	if (pulse_tick_timeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, pulse_tick_timeout);
	MemoryContextSwitchTo(tick_context);
}

static void
commit(void)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(tick_context);
}

/* Notes what failed inside the current transaction. */
static void
store_failures(const PulseFailures *failures)
{
	Datum		values[2];

	values[0] = CStringGetTextDatum(failures->last);
	values[1] = Int32GetDatum(failures->count);
	SPI_connect();
	pulse_run(&record_error, values, NULL);
	SPI_finish();
}

/* Whether pulse.worker has a place for the version of our library. */
static bool
asks_for_library(void)
{
	Oid			schema = get_namespace_oid("pulse", true);
	Oid			table = OidIsValid(schema) ? get_relname_relid("worker", schema) : InvalidOid;

	return OidIsValid(table) && get_attnum(table, "library") != InvalidAttrNumber;
}

/* Sees to it that backends find this process; ends it when pulse_worker_stop() has been called. */
static void
check_registration(void)
{
	Datum		values[3];
	bool		null;
	bool		enabled = true;
	bool		registered = false;

	SPI_connect();
	values[0] = Int32GetDatum(MyProcPid);
	values[1] = Int32GetDatum(PULSE_PROC_NUMBER(MyProc));
	values[2] = TimestampTzGetDatum(started_at);
	if (pulse_run(&worker_row, values, NULL) > 0)
	{
		enabled = DatumGetBool(pulse_result(1, &null));
		registered = DatumGetBool(pulse_result(2, &null));
	}
	if (!registered || !library_told)
	{
		bool		asked = asks_for_library();

		if (asked || !registered)
			pulse_run(asked ? &register_worker_library : &register_worker, values, NULL);
		library_told = asked;
	}
	SPI_finish();

	if (enabled)
		start.by_hand = false;
	else if (!start.by_hand || TimestampDifferenceExceeds(started_at, GetCurrentTimestamp(), START_GRACE_MS))
	{
		AbortCurrentTransaction();
		ereport(LOG, (errmsg("pulse worker ends, as pulse_worker_stop() has asked for")));
		proc_exit(0);
	}
}

/* Whether the extension is there and wants this worker: found out now and then, and before a change only then. */
static void
check_installation(void)
{
	static Oid	checked_schema = InvalidOid;
	static TimestampTz checked_at = 0;
	Oid			schema = get_namespace_oid("pulse", true);
	TimestampTz now = GetCurrentTimestamp();

	if (installed && schema == checked_schema && !TimestampDifferenceExceeds(checked_at, now, CHECK_INSTALLATION_MS) &&
		pulse_changes_exist())
		return;
	installed = OidIsValid(get_extension_oid("pulse", true));
	if (installed)
		check_registration();
	checked_schema = schema;
	checked_at = now;
}

/* Counts a tick and looks when the next job is due. */
static void
finish_tick(bool ticked)
{
	if (ticked)
	{
		SPI_connect();
		pulse_run(&record_tick, NULL, NULL);
		SPI_finish();
	}
	if (tick.failures.count > 0)
		store_failures(&tick.failures);
	next_job = pulse_next_job(GetCurrentTimestamp());
}

/* Transaction A, and the one that follows where there were fills: they are told before anything else is done. */
static void
tick_changes(void)
{
	bool		needed = false;

	begin("pulse: looking for changes");
	check_installation();
	if (installed)
	{
		needed = pulse_tick_needed();
		if (needed)
		{
			pgstat_report_activity(STATE_RUNNING, "pulse: processing changes");
			pulse_tick_changes(&tick);
			pulse_tick_release(&tick);
		}
		if (!tick.rest)
			finish_tick(needed);
	}
	commit();
	if (!tick.rest)
		return;

	/* who takes the fills to clients now gets the processors to himself for a moment; a burst is not held up */
	if (!tick.more && tick.fills <= FEW_FILLS)
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, REST_DELAY_MS, pulse_wait_event(PULSE_WAIT_BETWEEN_TICKS));
	begin("pulse: processing what goes with fills");
	/* what has come since is processed first, so that the state contains it */
	tick.yielding = tick.yielding || pulse_yield_wanted(&tick);
	if (!tick.more && !tick.yielding && pulse_changes_exist())
		pulse_tick_changes(&tick);
	pulse_tick_rest(&tick);
	pulse_tick_release(&tick);
	finish_tick(needed);
	commit();
}

/* Between the two: summaries, a bounded piece of them. */
static void
tick_summaries(void)
{
	PulseFailures failures = {0};

	begin("pulse: rewriting summaries");
	pulse_metric_state_refresh(SUMMARY_BUDGET_MS, false, &failures);
	if (failures.count > 0)
		store_failures(&failures);
	commit();
}

/*
 * How much before its time PERFORMANCE_UPDATE may come. After changes the next ones wait for the gap between ticks anyway, so
 * what would be due soon is computed then, rather than at a time when it would hold up a fill.
 */
static int
early(void)
{
	return tick.marks > 0 ? pulse_performance_interval / 4 : 0;
}

/*
 * Does work of one transaction that may take a while. What is committed meanwhile is processed first, unless that has just
 * been done or there is a backlog: then the work would never come to its end.
 */
static void
work_preemptibly(void (*work) (void *arg), void *arg)
{
	static TimestampTz preempted_at = 0;

	if (tick.more || tick.yielding || tick.marks > FEW_FILLS ||
		!TimestampDifferenceExceeds(preempted_at, GetCurrentTimestamp(), PREEMPTION_INTERVAL_MS))
	{
		work(arg);
		return;
	}
	if (MyLatch->is_set)
	{
		ResetLatch(MyLatch);
		/* that was what it had been set for */
		if (ConfigReloadPending)
			SetLatch(MyLatch);
		tick_changes();
	}
	if (pulse_preemptible(work, arg))
		return;
	preempted_at = GetCurrentTimestamp();
	tick_changes();
	work(arg);
}

/* Transaction B. */
static void
tick_updates(void *arg)
{
	PulseTick	updates = {.yielding = tick.yielding};

	begin("pulse: computing state messages");
	if (!pulse_may_be_preempted() && !tick.fills_left && !tick.yielding && pulse_changes_exist())
	{
		pulse_tick_changes(&updates);
		if (updates.rest)
			pulse_tick_rest(&updates);
	}
	pulse_tick_updates(&updates, pulse_performance_interval, early());
	pulse_tick_release(&updates);
	tick.marks += updates.marks;
	tick.more = tick.more || updates.more;
	if (updates.failures.count > 0)
		store_failures(&updates.failures);
	commit();
}

/* State messages that are due. A backlog of fills comes first, as it soon makes them out of date, but not for ever. */
static void
tick_due_updates(void)
{
	TimestampTz now = GetCurrentTimestamp();
	int			delay;

	tick.yielding = tick.yielding || pulse_yield_wanted(&tick);
	delay = tick.yielding ? MAX_YIELD_UPDATE_DELAY_MS : MAX_UPDATE_DELAY_MS;
	if (pulse_next_update(early()) > now ||
		((tick.fills_left || tick.yielding) && !TimestampDifferenceExceeds(updated_at, now, delay)))
		return;
	work_preemptibly(tick_updates, NULL);
	updated_at = GetCurrentTimestamp();
}

/* What run_job() works on. */
typedef struct Jobs
{
	List	   *done;			/* names of those that have run */
	bool		found;			/* result: whether there was another one */
} Jobs;

/* One due job in a transaction of its own. */
static void
run_job(void *arg)
{
	Jobs	   *jobs = arg;
	PulseFailures failures = {0};

	/* its time-out is its own */
	begin("pulse: running a job");
	disable_timeout(STATEMENT_TIMEOUT, false);
	jobs->found = pulse_run_due_job(GetCurrentTimestamp(), &jobs->done, &failures);
	if (failures.count > 0)
		store_failures(&failures);
	commit();
}

/* Runs each due job once. After each of them changes and state messages come first again: they do not wait for all jobs. */
static void
run_jobs(void)
{
	Jobs		jobs = {0};

	while (next_job <= GetCurrentTimestamp())
	{
		work_preemptibly(run_job, &jobs);
		if (!jobs.found)
		{
			/* what is still due has just run, or another session is running it */
			if (jobs.done == NIL)
				next_job = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pulse_poll_interval);
			return;
		}
		tick.yielding = tick.yielding || pulse_yield_wanted(&tick);
		/* the others wait for the next cycle */
		if (tick.yielding)
			return;
		tick_changes();
		tick_due_updates();
	}
}

/* Vacuums pulse.dirty: every tick reads all of it, and autovacuum comes by once a minute at best. */
static void
vacuum_dirty(void)
{
	VacuumStmt *statement;

	removed_marks = 0;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	pgstat_report_activity(STATE_RUNNING, "pulse: vacuuming pulse.dirty");
	MemoryContextSwitchTo(tick_context);
	statement = makeNode(VacuumStmt);
	statement->is_vacuumcmd = true;
	statement->options = list_make1(makeDefElem("skip_locked", NULL, -1));
	statement->rels = list_make1(makeVacuumRelation(makeRangeVar("pulse", "dirty", -1), InvalidOid, NIL));
	PortalContext = tick_context;
	ExecVacuum(NULL, statement, true);
	PortalContext = NULL;
	CommitTransactionCommand();
}

/* Runs something small in a transaction of its own; an error is none of the caller's business. */
static int
quietly(int (*work) (void), const char *activity)
{
	volatile int result = 0;

	PG_TRY();
	{
		begin(activity);
		if (OidIsValid(get_extension_oid("pulse", true)))
			result = work();
		commit();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(tick_context);
		disable_all_timeouts(false);
		AbortOutOfAnyTransaction();
		FlushErrorState();
		result = 0;
	}
	PG_END_TRY();
	return result;
}

static int
succeed(void)
{
	pulse_start_succeeded();
	return 0;
}

/* Waits before the first cycle where the workers before this one have died in theirs. */
static void
wait_for_turn(void)
{
	int			seconds = quietly(pulse_count_start, "pulse: starting");

	if (seconds == 0)
		return;
	ereport(LOG,
			(errmsg("pulse worker waits for %d s, as workers of this database keep dying", seconds),
			 errhint("SELECT pulse_worker_stop() keeps it from starting again; what it does shows pulse.job and the server's log.")));
	pgstat_report_activity(STATE_IDLE, NULL);
	for (int i = 0; i < seconds * 10; i++)
	{
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 100, pulse_wait_event(PULSE_WAIT_AFTER_ERROR));
		CHECK_FOR_INTERRUPTS();
	}
}

/* Everything that is due now. */
static void
cycle(void)
{
	memset(&tick, 0, sizeof(tick));
	tick.oldest_mark = DT_NOEND;
	tick.yielding = pulse_yielding();
	tick_changes();
	if (!installed)
		return;
	if (pulse_metric_state_waits())
		tick_summaries();
	tick_due_updates();
	run_jobs();
	removed_marks += tick.marks;
	if (removed_marks >= VACUUM_MARKS)
		vacuum_dirty();
}

/* Tries to keep the message of a failed tick where pulse_worker_status() shows it. */
static void
record_failed_tick(const char *message)
{
	PulseFailures failures = {1, (char *) message};

	PG_TRY();
	{
		begin("pulse: recording an error");
		if (OidIsValid(get_extension_oid("pulse", true)))
			store_failures(&failures);
		commit();
	}
	PG_CATCH();
	{
		AbortOutOfAnyTransaction();
		FlushErrorState();
	}
	PG_END_TRY();
}

/* Runs a cycle; returns false after an error, which is reported once as long as it stays the same. */
static bool
guarded_cycle(void)
{
	static char *last_message = NULL;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		cycle();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(tick_context);
		error = CopyErrorData();
		if (last_message == NULL || strcmp(last_message, error->message) != 0)
			EmitErrorReport();
		disable_all_timeouts(false);
		QueryCancelPending = false;
		AbortOutOfAnyTransaction();
		FlushErrorState();
		PortalContext = NULL;
	}
	PG_END_TRY();

	MemoryContextSwitchTo(tick_context);
	if (error == NULL)
		return true;
	if (last_message == NULL || strcmp(last_message, error->message) != 0)
	{
		if (last_message != NULL)
			pfree(last_message);
		last_message = MemoryContextStrdup(TopMemoryContext, error->message);
	}
	record_failed_tick(error->message);
	return false;
}

/* Settings of the session, whatever the database's defaults are. */
static void
prepare_session(void)
{
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("application_name", PULSE_WORKER_TYPE, PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("session_replication_role", "origin", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("row_security", "on", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("jit", "off", PGC_USERSET, PGC_S_SESSION);
	/* Shorter than deadlock_timeout: where DDL and a tick wait for each other, it is the tick that gives way. */
	SetConfigOption("lock_timeout", "500ms", PGC_SUSET, PGC_S_SESSION);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_USERSET, PGC_S_SESSION);
}

/* Ends the process when the database of a restarted worker is gone. */
static void
check_database(Oid database)
{
	char	   *path = GetDatabasePath(database, start.tablespace);

	if (access(path, F_OK) != 0 && errno == ENOENT)
	{
		ereport(LOG, (errmsg("pulse worker ends, as database %u no longer exists", database)));
		proc_exit(0);
	}
	pfree(path);
}

/* Takes the lock that makes this the only worker of the database, or ends the process. */
static void
become_the_worker(void)
{
	LOCKTAG		tag;

	StartTransactionCommand();
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, WORKER_LOCK_SPACE);
	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		AbortCurrentTransaction();
		ereport(LOG, (errmsg("pulse worker ends, as another one serves this database")));
		proc_exit(0);
	}
	CommitTransactionCommand();
}

/* Returns how long to sleep after a tick. */
static long
time_to_sleep(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = TimestampTzPlusMilliseconds(now, pulse_poll_interval);

	if (!installed)
		return pulse_poll_interval;
	if (tick.more || pulse_metric_state_waits())
		return 0;
	until = Min(until, pulse_next_update(0));
	until = Min(until, next_job);
	return until <= now ? 0 : TimestampDifferenceMilliseconds(now, until);
}

/*
 * Lets the session whose commit has woken the worker tell its client first: where the two share a processor, one with
 * nothing else to do for it, the worker would take it away in the middle of that.
 */
static void
let_session_answer(void)
{
	pg_usleep(SESSION_ANSWERS_US);
}

/* Sleeps after a cycle that has begun at a time. */
static void
sleep_after(TimestampTz begun)
{
	static TimestampTz busy_until = 0;	/* until when the last cycle that had changes keeps the next one waiting */
	static bool woken = false;	/* whether it was a commit that began the last cycle */
	long		pause = pulse_yield_pause(&tick);
	TimestampTz next = TimestampTzPlusMilliseconds(begun, 1000 / pulse_max_tick_rate);
	TimestampTz rested;
	long		sleep;
	long		gap;

	if (pause > 0)
	{
		/* commits set the latch all the time */
		for (; pause > 0; pause -= PAUSE_PIECE_MS)
		{
			(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, Min(pause, PAUSE_PIECE_MS),
							 pulse_wait_event(PULSE_WAIT_BETWEEN_TICKS));
			CHECK_FOR_INTERRUPTS();
		}
		return;
	}
	/*
	 * Commits that follow each other closely share a tick. One that follows nothing but our own clockwork does not wait, as
	 * long as what wakes the worker are changes.
	 */
	if (tick.marks > 0)
		busy_until = next;
	rested = Max(busy_until, woken ? Min(next, TimestampTzPlusMilliseconds(begun, UNCHANGED_GAP_MS)) : DT_NOBEGIN);
	sleep = time_to_sleep();
	if (!tick.more)
		sleep = Max(sleep, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next));
	woken = (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, sleep,
					   pulse_wait_event(PULSE_WAIT_FOR_CHANGES)) & WL_LATCH_SET) != 0;
	if (!woken || tick.more)
		return;
	gap = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), rested);
	if (gap > 0)
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, gap, pulse_wait_event(PULSE_WAIT_BETWEEN_TICKS));
	else
		let_session_answer();
}

/* Entry point of a worker process; the argument is the database's OID. */
void
pulse_worker_main(Datum main_arg)
{
	Oid			database = DatumGetObjectId(main_arg);
	int			error_delay = FIRST_ERROR_DELAY_MS;
	bool		proven = false;

	memcpy(&start, MyBgworkerEntry->bgw_extra, sizeof(start));
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	check_database(database);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	prepare_session();
	become_the_worker();

	started_at = GetCurrentTimestamp();
	pulse_attempt_enable_backoff();
	pulse_job_enable_backoff();
	pulse_portfolio_enable_throttle();
	tick_context = AllocSetContextCreate(TopMemoryContext, "pulse worker tick", ALLOCSET_DEFAULT_SIZES);
	wait_for_turn();
	for (;;)
	{
		TimestampTz begun = GetCurrentTimestamp();

		ResetLatch(MyLatch);
		pulse_yield_begin();
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		MemoryContextSwitchTo(tick_context);
		MemoryContextReset(tick_context);
		if (!guarded_cycle())
		{
			pgstat_report_activity(STATE_IDLE, NULL);
			(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, error_delay,
							 pulse_wait_event(PULSE_WAIT_AFTER_ERROR));
			error_delay = Min(2 * error_delay, MAX_ERROR_DELAY_MS);
			continue;
		}
		error_delay = FIRST_ERROR_DELAY_MS;
		if (!proven)
			(void) quietly(succeed, "pulse: started");
		proven = true;
		pgstat_report_stat(false);
		pgstat_report_activity(STATE_IDLE, NULL);

		sleep_after(begun);
	}
}
