/*
 * Finding and setting the background worker's latch.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/wake.h"

#define LOOK_INTERVAL_MS 1000

static int	worker_pid = 0;
static int	worker_proc_number = -1;
static TimestampTz looked_at = 0;

/* Returns the worker's PGPROC, or NULL when the process known so far is gone. */
static PGPROC *
worker_proc(void)
{
	PGPROC	   *proc;

	if (worker_pid == 0 || worker_proc_number < 0 || (uint32) worker_proc_number >= ProcGlobal->allProcCount)
		return NULL;
	proc = GetPGProcByNumber(worker_proc_number);
	return proc->pid == worker_pid && proc->databaseId == MyDatabaseId ? proc : NULL;
}

/*
 * Reads pid and proc_number. SnapshotSelf, because an MVCC snapshot would leave a predicate lock behind in serializable
 * transactions; that it may show a row twice or not at all during an update does no harm.
 */
static void
read_worker_row(Relation rel)
{
	AttrNumber	pid_attno = get_attnum(RelationGetRelid(rel), "pid");
	AttrNumber	proc_attno = get_attnum(RelationGetRelid(rel), "proc_number");
	TupleDesc	desc = RelationGetDescr(rel);
	TableScanDesc scan;
	HeapTuple	tuple;

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		pid_attno <= 0 || TupleDescAttr(desc, pid_attno - 1)->atttypid != INT4OID ||
		proc_attno <= 0 || TupleDescAttr(desc, proc_attno - 1)->atttypid != INT4OID)
		return;

	scan = table_beginscan(rel, SnapshotSelf, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		bool		pid_null;
		bool		proc_null;
		Datum		pid = heap_getattr(tuple, pid_attno, desc, &pid_null);
		Datum		proc_number = heap_getattr(tuple, proc_attno, desc, &proc_null);

		if (!pid_null && !proc_null)
		{
			worker_pid = DatumGetInt32(pid);
			worker_proc_number = DatumGetInt32(proc_number);
		}
	}
	table_endscan(scan);
}

/* Learns, inside a transaction, whom to wake. */
void
pulse_wake_prepare(void)
{
	TimestampTz now;
	Oid			namespace_id;
	Oid			relid;
	Relation	rel;

	if (worker_proc() != NULL)
		return;
	now = GetCurrentTimestamp();
	if (!TimestampDifferenceExceeds(looked_at, now, LOOK_INTERVAL_MS))
		return;
	looked_at = now;
	worker_pid = 0;

	namespace_id = get_namespace_oid("pulse", true);
	relid = OidIsValid(namespace_id) ? get_relname_relid("worker", namespace_id) : InvalidOid;
	if (!OidIsValid(relid) || !ConditionalLockRelationOid(relid, AccessShareLock))
		return;
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
	{
		UnlockRelationOid(relid, AccessShareLock);
		return;
	}
	read_worker_row(rel);
	relation_close(rel, AccessShareLock);
}

/* Wakes the worker known so far. */
void
pulse_wake(void)
{
	PGPROC	   *proc = worker_proc();

	if (proc != NULL && proc != MyProc)
		SetLatch(&proc->procLatch);
}
