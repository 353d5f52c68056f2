/*
 * Marks of the current transaction, and how they become rows of pulse.dirty.
 *
 * This runs inside the commit of a bot's transaction, so it must not fail. A dropped extension, a pulse.dirty of another
 * shape or a server in recovery end in silence, not in an error; and since waiting for a lock at that moment could
 * deadlock with a DROP EXTENSION that waits for the bot's own table, the lock is only ever tried.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "src/compat.h"
#include "src/dirty.h"
#include "src/wake.h"

/* Above so many, further portfolios of a transaction share one mark for their whole source. */
#define MAX_MARKS 1024
/* A longer name is marked through its whole source: it would need TOAST. */
#define MAX_PORTFOLIO_LENGTH 512
#define LOCK_RETRY_MS 10
#define LOCK_RETRIES 100

typedef struct MarkKey
{
	int32		source_id;
	int32		portfolio_len;	/* -1: all portfolios */
	const char *portfolio;
} MarkKey;

typedef struct Mark
{
	MarkKey		key;
	TimestampTz min_ts;
	TimestampTz max_ts;
	bool		unbounded;
	uint32		hash;
	char		status;
} Mark;

static uint32 mark_hash(MarkKey key);
static bool mark_equal(MarkKey a, MarkKey b);

#define SH_PREFIX marks
#define SH_ELEMENT_TYPE Mark
#define SH_KEY_TYPE MarkKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) mark_hash(key)
#define SH_EQUAL(tb, a, b) mark_equal(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Everything here lives in TopTransactionContext, and is forgotten with it. */
static marks_hash *pending = NULL;
static Mark *last_mark = NULL;
static bool wake_wanted = false;

/*
 * Marks that could not be written without a deadlock. They are written with the next transaction of this session that
 * commits, or when it ends: the session in our way is then no longer waiting for us. They live in TopMemoryContext.
 */
static marks_hash *owed = NULL;
static bool paying = false;		/* this transaction has written them */

static uint32
mark_hash(MarkKey key)
{
	uint32		hash = murmurhash32((uint32) key.source_id);

	if (key.portfolio_len > 0)
		hash = hash_combine(hash, hash_bytes((const unsigned char *) key.portfolio, key.portfolio_len));
	return hash;
}

static bool
mark_equal(MarkKey a, MarkKey b)
{
	return a.source_id == b.source_id && a.portfolio_len == b.portfolio_len &&
		(a.portfolio_len <= 0 || memcmp(a.portfolio, b.portfolio, a.portfolio_len) == 0);
}

/* Forgets the marks; their memory goes with the transaction. */
static void
forget_marks(void)
{
	pending = NULL;
	last_mark = NULL;
	wake_wanted = false;
	paying = false;
}

/* Finds or makes the mark with a key; past the limit, that of the whole source. */
static Mark *
insert_mark(marks_hash *marks, MarkKey key)
{
	Mark	   *mark = marks_lookup(marks, key);
	bool		found;

	if (mark != NULL)
		return mark;
	if (marks->members >= MAX_MARKS)
		key = (MarkKey) {key.source_id, -1, NULL};
	/* the copy comes first: a failing allocation must not leave an entry that points into the caller's tuple */
	if (key.portfolio_len > 0)
	{
		char	   *copy = MemoryContextAlloc(marks->ctx, key.portfolio_len);

		memcpy(copy, key.portfolio, key.portfolio_len);
		key.portfolio = copy;
	}
	mark = marks_insert(marks, key, &found);
	if (!found)
	{
		mark->min_ts = DT_NOEND;
		mark->max_ts = DT_NOBEGIN;
		mark->unbounded = false;
	}
	return mark;
}

/* Finds or makes the mark of a portfolio in this transaction. */
static Mark *
get_mark(int32 source_id, const char *portfolio, int portfolio_len)
{
	MarkKey		key = {source_id, portfolio == NULL ? -1 : portfolio_len, portfolio};

	if (portfolio_len > MAX_PORTFOLIO_LENGTH)
		key = (MarkKey) {source_id, -1, NULL};
	if (last_mark != NULL && mark_equal(last_mark->key, key))
		return last_mark;

	if (pending == NULL)
	{
		pending = marks_create(TopTransactionContext, 8, NULL);
		pulse_wake_prepare();
	}
	last_mark = insert_mark(pending, key);
	return last_mark;
}

/* Remembers that rows of this portfolio at this time changed. */
void
pulse_mark_dirty(int32 source_id, const char *portfolio, int portfolio_len, TimestampTz ts)
{
	Mark	   *mark = get_mark(source_id, portfolio, portfolio_len);

	mark->min_ts = Min(mark->min_ts, ts);
	mark->max_ts = Max(mark->max_ts, ts);
}

/* Remembers that anything in the portfolio may have changed; portfolio NULL means all of the source. */
void
pulse_mark_unbounded(int32 source_id, const char *portfolio, int portfolio_len)
{
	get_mark(source_id, portfolio, portfolio_len)->unbounded = true;
}

/* Calls found for each mark of the current transaction that concerns a portfolio of a source. */
void
pulse_pending_marks(int32 source_id, const char *portfolio,
					void (*found) (void *arg, TimestampTz min_ts, TimestampTz max_ts), void *arg)
{
	marks_iterator iterator;
	Mark	   *mark;

	if (pending == NULL)
		return;
	marks_start_iterate(pending, &iterator);
	while ((mark = marks_iterate(pending, &iterator)) != NULL)
	{
		if (mark->key.source_id != source_id)
			continue;
		if (portfolio != NULL && mark->key.portfolio_len >= 0 &&
			(mark->key.portfolio_len != (int) strlen(portfolio) ||
			 memcmp(mark->key.portfolio, portfolio, mark->key.portfolio_len) != 0))
			continue;
		if (mark->unbounded)
			found(arg, DT_NOBEGIN, DT_NOEND);
		else
			found(arg, mark->min_ts, mark->max_ts);
	}
}

/* Asks for a tick as soon as this transaction has committed. */
void
pulse_wake_at_commit(void)
{
	if (!wake_wanted)
		pulse_wake_prepare();
	wake_wanted = true;
}

/*
 * Tells whether a session that keeps us from pulse.dirty is itself waiting for a lock: it may be one of ours, as when
 * DROP EXTENSION has locked pulse.dirty and wants to remove the trigger from the table that we have written.
 */
static bool
holder_waits(Oid relid)
{
	LOCKTAG		tag;
	VirtualTransactionId *holders;
	int			count;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
	holders = GetLockConflicts(&tag, RowExclusiveLock, &count);
	for (int i = 0; i < count; i++)
	{
		PGPROC	   *proc = PULSE_VXID_PROC(holders[i]);

		if (proc != NULL && proc->waitStatus == PROC_WAIT_STATUS_WAITING)
			return true;
	}
	return false;
}

/*
 * Locks pulse.dirty for writing; gives up only when waiting could end in a deadlock, or when the caller is not willing to
 * wait for longer than a moment.
 */
static bool
lock_dirty(Oid relid, bool patient)
{
	for (int tries = 0;; tries++)
	{
		if (ConditionalLockRelationOid(relid, RowExclusiveLock))
			return true;
		if (tries >= LOCK_RETRIES && (!patient || holder_waits(relid)))
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOCK_RETRY_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Tells whether the relation is the pulse.dirty that this library writes. */
static bool
is_dirty_table(Relation rel)
{
	static const Oid types[] = {INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	TupleDesc	desc = RelationGetDescr(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		rel->rd_rel->relhasindex || desc->natts != lengthof(types))
		return false;
	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->atttypid != types[i])
			return false;
	return true;
}

/* Opens pulse.dirty, locked for writing; NULL when there is none that could be written, *locked_out tells whether yet. */
static Relation
open_dirty(bool patient, bool *locked_out)
{
	Oid			namespace_id = get_namespace_oid("pulse", true);
	Oid			relid;
	Relation	rel;

	*locked_out = false;
	if (!OidIsValid(namespace_id))
		return NULL;
	relid = get_relname_relid("dirty", namespace_id);
	if (!OidIsValid(relid))
		return NULL;
	if (!lock_dirty(relid, patient))
	{
		*locked_out = true;
		return NULL;
	}
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
	{
		UnlockRelationOid(relid, RowExclusiveLock);
		return NULL;
	}
	if (!is_dirty_table(rel))
	{
		relation_close(rel, RowExclusiveLock);
		return NULL;
	}
	return rel;
}

/* Inserts marks into pulse.dirty. */
static void
insert_marks(Relation rel, marks_hash *marks)
{
	CommandId	command_id = GetCurrentCommandId(true);
	marks_iterator iterator;
	Mark	   *mark;
	Datum		values[5];
	bool		nulls[5];

	values[4] = TimestampTzGetDatum(GetCurrentTimestamp());
	marks_start_iterate(marks, &iterator);
	while ((mark = marks_iterate(marks, &iterator)) != NULL)
	{
		HeapTuple	tuple;

		memset(nulls, false, sizeof(nulls));
		values[0] = Int32GetDatum(mark->key.source_id);
		if (mark->key.portfolio_len >= 0)
			values[1] = PointerGetDatum(cstring_to_text_with_len(mark->key.portfolio, mark->key.portfolio_len));
		else
			nulls[1] = true;
		values[2] = TimestampTzGetDatum(mark->min_ts);
		values[3] = TimestampTzGetDatum(mark->max_ts);
		nulls[2] = nulls[3] = mark->unbounded;
		tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
		heap_insert(rel, tuple, command_id, 0, NULL);
		heap_freetuple(tuple);
	}
}

static void pay_at_exit(int code, Datum arg);

/* Keeps the marks of this transaction until they can be written. */
static void
owe_marks(void)
{
	static bool registered = false;
	marks_iterator iterator;
	Mark	   *mark;

	if (owed == NULL)
		owed = marks_create(TopMemoryContext, 8, NULL);
	marks_start_iterate(pending, &iterator);
	while ((mark = marks_iterate(pending, &iterator)) != NULL)
	{
		Mark	   *kept = insert_mark(owed, mark->key);

		kept->min_ts = Min(kept->min_ts, mark->min_ts);
		kept->max_ts = Max(kept->max_ts, mark->max_ts);
		kept->unbounded = kept->unbounded || mark->unbounded;
	}
	if (!registered)
		before_shmem_exit(pay_at_exit, (Datum) 0);
	registered = true;
	ereport(WARNING,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("changes of this transaction will be recorded in pulse.dirty later"),
			 errdetail("The table is locked by a session that waits for another lock, perhaps one of this transaction."),
			 errhint("They are recorded by the next transaction of this session, or when it ends.")));
}

/* Forgets the marks that were kept. */
static void
forget_owed(void)
{
	marks_iterator iterator;
	Mark	   *mark;

	marks_start_iterate(owed, &iterator);
	while ((mark = marks_iterate(owed, &iterator)) != NULL)
		if (mark->key.portfolio_len > 0)
			pfree(unconstify(char *, mark->key.portfolio));
	marks_destroy(owed);
	owed = NULL;
}

/* Writes the marks of this transaction, and those that are owed, to pulse.dirty. */
static void
write_marks(bool patient)
{
	Relation	rel;
	bool		locked_out;

	if (RecoveryInProgress() || IsInParallelMode())
		return;
	rel = open_dirty(patient, &locked_out);
	if (rel == NULL)
	{
		if (locked_out && pending != NULL)
			owe_marks();
		return;
	}
	if (pending != NULL)
		insert_marks(rel, pending);
	/* they are forgotten once this transaction has committed */
	if (owed != NULL)
	{
		insert_marks(rel, owed);
		paying = true;
	}
	table_close(rel, NoLock);
}

/* Writes what is owed in a transaction of its own, when the session ends. */
static void
pay_at_exit(int code, Datum arg)
{
	if (owed == NULL)
		return;
	PG_TRY();
	{
		AbortOutOfAnyTransaction();
		StartTransactionCommand();
		/* the commit does it */
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		FlushErrorState();
	}
	PG_END_TRY();
}

/* Writes marks before the commit and wakes the worker after it; nothing here allocates once the commit is certain. */
static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			/* what is owed waits for no lock for longer than a moment, least of all at the end of the session */
			if (pending != NULL || owed != NULL)
				write_marks(pending != NULL);
			break;
		case XACT_EVENT_COMMIT:
			if (pending != NULL || paying || wake_wanted)
				pulse_wake();
			if (paying)
				forget_owed();
			forget_marks();
			break;
		case XACT_EVENT_PREPARE:
			/* what was written for others with it is visible only when it commits, so it stays owed */
		case XACT_EVENT_ABORT:
			forget_marks();
			break;
		default:
			break;
	}
}

/* Hooks into the end of transactions; called once, when the library is loaded. */
void
pulse_register_xact_callback(void)
{
	RegisterXactCallback(xact_callback, NULL);
}
