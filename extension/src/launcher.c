/*
 * The launcher: keeps one background worker running in each database of pulse.databases.
 *
 * It exists only when the library is preloaded. It is connected to no database, so it stands in nobody's way; it reads
 * pg_database, so that a name that does not exist (yet) costs a look and not a failing process.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "src/compat.h"
#include "src/settings.h"
#include "src/wait.h"
#include "src/worker_process.h"

#define LOOK_MS 5000
#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS 60000
/* A worker that ran so long was healthy: its next failure counts as the first. */
#define HEALTHY_MS 60000

/* One database that shall have a worker. */
typedef struct Supervised
{
	char		name[NAMEDATALEN];
	Oid			database;		/* InvalidOid while there is none of that name */
	Oid			tablespace;
	BackgroundWorkerHandle *handle; /* NULL: not running, as far as we started it */
	TimestampTz started_at;
	TimestampTz retry_at;
	int			delay_ms;
	bool		wanted;
	bool		reported;		/* that it cannot be started */
} Supervised;

PGDLLEXPORT void pulse_launcher_main(Datum main_arg);

static List *supervised = NIL;

static Supervised *
find_supervised(const char *name)
{
	ListCell   *cell;

	foreach(cell, supervised)
	{
		Supervised *entry = lfirst(cell);

		if (strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

/* Reads pulse.databases; workers of databases that are no longer in it are ended. */
static void
read_setting(void)
{
	char	   *copy = pstrdup(pulse_databases != NULL ? pulse_databases : "");
	List	   *names;
	ListCell   *cell;

	if (!SplitIdentifierString(copy, ',', &names))
	{
		ereport(LOG,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid list syntax in parameter \"%s\"", "pulse.databases")));
		return;
	}
	foreach(cell, supervised)
		((Supervised *) lfirst(cell))->wanted = false;
	foreach(cell, names)
	{
		Supervised *entry = find_supervised(lfirst(cell));

		if (entry == NULL)
		{
			entry = MemoryContextAllocZero(TopMemoryContext, sizeof(Supervised));
			strlcpy(entry->name, lfirst(cell), NAMEDATALEN);
			MemoryContextSwitchTo(TopMemoryContext);
			supervised = lappend(supervised, entry);
		}
		entry->wanted = true;
	}
	foreach(cell, supervised)
	{
		Supervised *entry = lfirst(cell);

		if (entry->wanted)
			continue;
		if (entry->handle != NULL)
		{
			TerminateBackgroundWorker(entry->handle);
			pfree(entry->handle);
		}
		supervised = foreach_delete_current(supervised, cell);
		pfree(entry);
	}
}

/* Looks the databases up, by a plain scan: without a database there is no other catalog, so there are no caches. */
static void
resolve_databases(void)
{
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;
	ListCell   *cell;

	foreach(cell, supervised)
		((Supervised *) lfirst(cell))->database = InvalidOid;
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		Supervised *entry = find_supervised(NameStr(database->datname));

		if (entry != NULL && database->datallowconn)
		{
			entry->database = database->oid;
			entry->tablespace = database->dattablespace;
		}
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
}

/* Notices that a worker has ended, and when it is to be started again. */
static void
check_worker(Supervised *entry, TimestampTz now)
{
	pid_t		pid;

	if (entry->handle == NULL || GetBackgroundWorkerPid(entry->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(entry->handle);
	entry->handle = NULL;
	if (TimestampDifferenceExceeds(entry->started_at, now, HEALTHY_MS) || entry->delay_ms == 0)
		entry->delay_ms = FIRST_DELAY_MS;
	else
		entry->delay_ms = Min(2 * entry->delay_ms, MAX_DELAY_MS);
	entry->retry_at = TimestampTzPlusMilliseconds(now, entry->delay_ms);
}

/* Starts the worker of a database unless it is running already. */
static void
start_worker(Supervised *entry, TimestampTz now)
{
	BackgroundWorker worker;
	PulseWorkerStart start = {entry->tablespace, false};
	MemoryContext old;
	bool		registered;
	int			pid;

	if (entry->handle != NULL || !OidIsValid(entry->database) || now < entry->retry_at ||
		pulse_find_worker(entry->database, &pid) != NULL)
		return;
	pulse_describe_worker(&worker, entry->database, entry->name, &start, BGW_NEVER_RESTART);
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &entry->handle);
	MemoryContextSwitchTo(old);
	if (registered)
	{
		entry->started_at = now;
		entry->reported = false;
		return;
	}
	entry->handle = NULL;
	entry->retry_at = TimestampTzPlusMilliseconds(now, MAX_DELAY_MS);
	if (!entry->reported)
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not start the pulse worker for database \"%s\": no free slot", entry->name),
				 errhint("Increase max_worker_processes; it is tried again every minute.")));
	entry->reported = true;
}

/* Returns how long nothing needs to be done. */
static long
time_to_sleep(TimestampTz now)
{
	TimestampTz until = TimestampTzPlusMilliseconds(now, supervised == NIL ? INT_MAX : LOOK_MS);
	ListCell   *cell;

	foreach(cell, supervised)
	{
		Supervised *entry = lfirst(cell);

		if (entry->handle == NULL && OidIsValid(entry->database) && entry->retry_at > now)
			until = Min(until, entry->retry_at);
	}
	return Max(1, TimestampDifferenceMilliseconds(now, until));
}

/* Entry point of the launcher process. */
void
pulse_launcher_main(Datum main_arg)
{
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	context = AllocSetContextCreate(TopMemoryContext, "pulse launcher", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(context);
	read_setting();
	for (;;)
	{
		TimestampTz now;
		ListCell   *cell;

		MemoryContextSwitchTo(context);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			read_setting();
			MemoryContextSwitchTo(context);
		}
		if (supervised != NIL)
			resolve_databases();
		MemoryContextSwitchTo(context);
		now = GetCurrentTimestamp();
		foreach(cell, supervised)
		{
			check_worker(lfirst(cell), now);
			start_worker(lfirst(cell), now);
		}
		pgstat_report_activity(STATE_IDLE, NULL);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, time_to_sleep(now),
						 pulse_wait_event(PULSE_WAIT_LAUNCHER));
		ResetLatch(MyLatch);
	}
}
