/*
 * Registering and finding background workers.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/proc.h"

#include "src/compat.h"
#include "src/worker_process.h"

StaticAssertDecl(sizeof(PulseWorkerStart) <= BGW_EXTRALEN, "PulseWorkerStart must fit into bgw_extra");

/* Returns a background process of a type in a database, or NULL. */
PGPROC *
pulse_find_process(Oid database, const char *wanted, int *pid)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = GetPGProcByNumber(i);
		int			candidate = proc->pid;
		const char *type;

		if (candidate == 0 || candidate == MyProcPid || proc->databaseId != database)
			continue;
		type = GetBackgroundWorkerTypeByPid(candidate);
		if (type != NULL && strcmp(type, wanted) == 0)
		{
			*pid = candidate;
			return proc;
		}
	}
	*pid = 0;
	return NULL;
}

/* Returns the process of a database's worker, or NULL. */
PGPROC *
pulse_find_worker(Oid database, int *pid)
{
	return pulse_find_process(database, PULSE_WORKER_TYPE, pid);
}

/* Fills in the registration of a worker for a database. */
void
pulse_describe_worker(BackgroundWorker *worker, Oid database, const char *name, const PulseWorkerStart *start,
					  int restart_time)
{
	memset(worker, 0, sizeof(BackgroundWorker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = restart_time;
	strlcpy(worker->bgw_library_name, "pulse", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, "pulse_worker_main", BGW_MAXLEN);
	snprintf(worker->bgw_name, BGW_MAXLEN, "pulse worker for database %s", name);
	strlcpy(worker->bgw_type, PULSE_WORKER_TYPE, BGW_MAXLEN);
	worker->bgw_main_arg = ObjectIdGetDatum(database);
	memcpy(worker->bgw_extra, start, sizeof(PulseWorkerStart));
	worker->bgw_notify_pid = MyProcPid;
}

/* Registers the launcher; while shared_preload_libraries is being processed. */
void
pulse_register_launcher(void)
{
	BackgroundWorker launcher = {0};

	launcher.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	launcher.bgw_start_time = BgWorkerStart_RecoveryFinished;
	launcher.bgw_restart_time = 5;
	strlcpy(launcher.bgw_library_name, "pulse", BGW_MAXLEN);
	strlcpy(launcher.bgw_function_name, "pulse_launcher_main", BGW_MAXLEN);
	strlcpy(launcher.bgw_name, "pulse launcher", BGW_MAXLEN);
	strlcpy(launcher.bgw_type, "pulse launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&launcher);
}
