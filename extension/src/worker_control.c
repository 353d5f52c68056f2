/*
 * pulse_worker_start(), pulse_worker_stop() and what pulse_worker_status() needs.
 */
#include "postgres.h"

#include <signal.h>

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/builtins.h"

#include "src/compat.h"
#include "src/statement.h"
#include "src/wait.h"
#include "src/worker_process.h"

#define RESTART_SECONDS 5
#define STOP_WAIT_MS 10000
#define STOP_LOOK_MS 20

PG_FUNCTION_INFO_V1(pulse_worker_start);
PG_FUNCTION_INFO_V1(pulse_worker_stop);
PG_FUNCTION_INFO_V1(pulse_worker_pid);

static PulseStatement enable_worker = {
	"INSERT INTO pulse.worker (enabled) VALUES ($1) ON CONFLICT (singleton) DO UPDATE SET enabled = excluded.enabled"
	" WHERE worker.enabled <> excluded.enabled",
	1, {BOOLOID}, NULL
};

/* Stores whether this database wants a worker. */
static void
set_enabled(bool enabled)
{
	Datum		values[] = {BoolGetDatum(enabled)};

	SPI_connect();
	pulse_run(&enable_worker, values, NULL);
	SPI_finish();
}

/* Starts the background worker of this database and returns its pid; that of the running one if there is one. */
Datum
pulse_worker_start(PG_FUNCTION_ARGS)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	PulseWorkerStart start = {MyDatabaseTableSpace, true};
	char	   *database = get_database_name(MyDatabaseId);
	int			running;
	pid_t		pid;

	PreventCommandDuringRecovery("pulse_worker_start()");
	set_enabled(true);
	if (pulse_find_worker(MyDatabaseId, &running) != NULL)
		PG_RETURN_INT32(running);

	pulse_describe_worker(&worker, MyDatabaseId, database != NULL ? database : "", &start, RESTART_SECONDS);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not start the pulse worker: no free slot"),
				 errhint("Increase max_worker_processes, or call pulse_tick() from the outside.")));
	switch (WaitForBackgroundWorkerStartup(handle, &pid))
	{
		case BGWH_STARTED:
			PG_RETURN_INT32((int32) pid);
		case BGWH_STOPPED:
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("the pulse worker ended right after its start"),
					 errhint("The server's log says why.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("cannot start the pulse worker while the server is going down")));
	}
	PG_RETURN_NULL();
}

/* Ends the background worker of this database and keeps it away; false when none was running. */
Datum
pulse_worker_stop(PG_FUNCTION_ARGS)
{
	int			pid;
	int			waited = 0;

	PreventCommandDuringRecovery("pulse_worker_stop()");
	set_enabled(false);
	if (pulse_find_worker(MyDatabaseId, &pid) == NULL)
		PG_RETURN_BOOL(false);
	(void) kill(pid, SIGTERM);
	for (;;)
	{
		int			current;

		if (pulse_find_worker(MyDatabaseId, &current) == NULL || current != pid)
			PG_RETURN_BOOL(true);
		if (waited >= STOP_WAIT_MS)
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("the pulse worker with process ID %d does not end", pid),
					 errhint("pg_stat_activity shows what it is doing.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, STOP_LOOK_MS,
						 pulse_wait_event(PULSE_WAIT_FOR_STOP));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		waited += STOP_LOOK_MS;
	}
}

/* Returns the pid of this database's background worker, NULL when none is running. */
Datum
pulse_worker_pid(PG_FUNCTION_ARGS)
{
	int			pid;

	if (pulse_find_worker(MyDatabaseId, &pid) == NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT32(pid);
}
