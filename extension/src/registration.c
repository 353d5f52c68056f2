/*
 * Registering SQL of users, and the process that runs it when it is due.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_source.h"
#include "src/statement.h"
#include "src/worker_process.h"

#define RUNNER_TYPE "pulse runner"
/* A process for a crowd of them; the next one comes a second later. */
#define MAX_RUNS 1000

PG_FUNCTION_INFO_V1(pulse_register);
PG_FUNCTION_INFO_V1(pulse_start_runner);

PGDLLEXPORT void pulse_runner_main(Datum main_arg);

static PulseStatement claim = {
	"SELECT kind, name FROM pulse.claim_registration($1)", 1, {TIMESTAMPTZOID}, NULL
};

/* SQL: pulse.register(kind, name, definition): stores it for the role that calls. */
Datum
pulse_register(PG_FUNCTION_ARGS)
{
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, JSONBOID};
	Datum		values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)),
	PG_GETARG_DATUM(2)};
	const char *statement = strcmp(kind, "notification_type") == 0 ? "SELECT pulse.store_notification_type($2, $3, $4)" :
		strcmp(kind, "report") == 0 ? "SELECT pulse.store_report_schedule($2, $3, $4)" :
		"SELECT pulse.store_registration($1, $2, $3, $4)";
	MemoryContext context = CurrentMemoryContext;
	pulse_identity identity;
	Jsonb	   *result = NULL;
	bool		null;

	SPI_connect();
	identity = pulse_act_as(pulse_owner(), false);
	if (SPI_execute_with_args(statement, 4, types, values, NULL, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not register");
	values[0] = pulse_result(1, &null);
	if (!null)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		result = (Jsonb *) PG_DETOAST_DATUM_COPY(values[0]);
		MemoryContextSwitchTo(old);
	}
	pulse_act_back(&identity);
	SPI_finish();
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(result);
}

/* SQL: pulse.start_runner(): in the background worker, starts the process that runs what is due. */
Datum
pulse_start_runner(PG_FUNCTION_ARGS)
{
	BackgroundWorker worker = {0};
	int			running;

	if (MyBackendType != B_BG_WORKER || MyBgworkerEntry == NULL || strcmp(MyBgworkerEntry->bgw_type, PULSE_WORKER_TYPE) != 0)
		PG_RETURN_BOOL(false);
	if (pulse_find_process(MyDatabaseId, RUNNER_TYPE, &running) != NULL)
		PG_RETURN_BOOL(true);

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "pulse", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "pulse_runner_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "pulse runner for database %s", get_database_name(MyDatabaseId));
	strlcpy(worker.bgw_type, RUNNER_TYPE, BGW_MAXLEN);
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	if (!RegisterDynamicBackgroundWorker(&worker, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not start the process for registered metrics, checks and sections: no free slot"),
				 errhint("Increase max_worker_processes.")));
	PG_RETURN_BOOL(true);
}

static void
begin(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	pgstat_report_activity(STATE_RUNNING, activity);
}

static void
commit(void)
{
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/*
 * Runs what is due and ends. That something is about to run is committed before it does: should it take this process
 * with it, the next one knows whom to blame.
 */
void
pulse_runner_main(Datum main_arg)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pulse runner", ALLOCSET_DEFAULT_SIZES);

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(main_arg), InvalidOid, 0);

	for (int i = 0; i < MAX_RUNS; i++)
	{
		Datum		values[3] = {TimestampTzGetDatum(GetCurrentTimestamp())};
		Oid			types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
		bool		null = true;

		begin("pulse: looking for what is due");
		if (OidIsValid(get_extension_oid("pulse", true)) && pulse_run(&claim, values, NULL) == 1)
		{
			values[0] = pulse_result(1, &null);
			values[1] = pulse_result(2, &null);
			if (!null)
			{
				MemoryContext old = MemoryContextSwitchTo(context);

				values[0] = PointerGetDatum(PG_DETOAST_DATUM_COPY(values[0]));
				values[1] = PointerGetDatum(PG_DETOAST_DATUM_COPY(values[1]));
				MemoryContextSwitchTo(old);
			}
		}
		commit();
		if (null)
			break;
		begin(psprintf("pulse: %s %s", TextDatumGetCString(values[0]), TextDatumGetCString(values[1])));
		values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
		if (SPI_execute_with_args("SELECT pulse.run_registration($1, $2, $3)", 3, types, values, NULL, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not run a registration");
		commit();
		MemoryContextReset(context);
	}
	proc_exit(0);
}
