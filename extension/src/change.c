/*
 * Reading and emptying pulse.dirty.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/change.h"
#include "src/compat.h"

/* Marks beyond the limit are taken along up to so many for a change: a backlog of any length has to fit into memory. */
#define MAX_MARKS_OF_CHANGE 1000000

/* A dynahash key must be flat, so a change is looked up by a digest; equal digests are told apart in the chain. */
typedef struct ChangeEntry
{
	uint32		digest;			/* hash key */
	List	   *changes;
} ChangeEntry;

/* Opens pulse.dirty; the columns stand in the order of its definition. */
static Relation
open_dirty(LOCKMODE lockmode)
{
	return table_open(get_relname_relid("dirty", get_namespace_oid("pulse", false)), lockmode);
}

/* Finds the change that a mark belongs to; without one makes it, or where make is false returns NULL. */
static PulseChange *
get_change(HTAB *index, List **changes, int32 source_id, char *portfolio, bool make)
{
	uint32		digest = hash_combine(murmurhash32((uint32) source_id),
									  portfolio == NULL ? 0 : hash_bytes((unsigned char *) portfolio, (int) strlen(portfolio)));
	bool		found;
	ChangeEntry *entry = hash_search(index, &digest, HASH_ENTER, &found);
	PulseChange *change;
	ListCell   *cell;

	if (!found)
		entry->changes = NIL;
	foreach(cell, entry->changes)
	{
		change = lfirst(cell);
		if (change->source_id == source_id &&
			(change->portfolio == NULL ? portfolio == NULL :
			 portfolio != NULL && strcmp(change->portfolio, portfolio) == 0))
			return change;
	}
	if (!make)
		return NULL;
	change = palloc0(sizeof(PulseChange));
	change->source_id = source_id;
	change->portfolio = portfolio;
	change->min_ts = DT_NOEND;
	change->max_ts = DT_NOBEGIN;
	change->marked_at = DT_NOEND;
	entry->changes = lappend(entry->changes, change);
	*changes = lappend(*changes, change);
	return change;
}

/*
 * Merges one row of pulse.dirty into the changes. When there are enough of them, only what may have moved a row within a
 * portfolio that is among them: without the mark that leads to its new time, its absence from the old one looks like its end.
 */
static void
add_mark(HTAB *index, List **changes, TupleDesc desc, HeapTuple tuple, TimestampTz *oldest, bool enough)
{
	Datum		values[5];
	bool		nulls[5];
	PulseChange *change;

	heap_deform_tuple(tuple, desc, values, nulls);
	if (enough && !nulls[2] && !nulls[3] && DatumGetTimestampTz(values[2]) == DatumGetTimestampTz(values[3]))
		return;
	change = get_change(index, changes, DatumGetInt32(values[0]), nulls[1] ? NULL : TextDatumGetCString(values[1]), !enough);
	if (change == NULL || (enough && change->mark_count >= MAX_MARKS_OF_CHANGE))
		return;
	change->marked_at = Min(change->marked_at, DatumGetTimestampTz(values[4]));
	*oldest = Min(*oldest, change->marked_at);
	if (nulls[2] || nulls[3])
		change->unbounded = true;
	else
	{
		change->min_ts = Min(change->min_ts, DatumGetTimestampTz(values[2]));
		change->max_ts = Max(change->max_ts, DatumGetTimestampTz(values[3]));
	}
	if (change->mark_count == change->mark_room)
	{
		change->mark_room = change->mark_room == 0 ? 4 : 2 * change->mark_room;
		change->marks = change->marks == NULL ? palloc(change->mark_room * sizeof(ItemPointerData)) :
			repalloc(change->marks, change->mark_room * sizeof(ItemPointerData));
		change->ranges = change->ranges == NULL ? palloc(change->mark_room * sizeof(PulseMarkRange)) :
			repalloc(change->ranges, change->mark_room * sizeof(PulseMarkRange));
	}
	change->ranges[change->mark_count].min_ts = nulls[2] || nulls[3] ? DT_NOBEGIN : DatumGetTimestampTz(values[2]);
	change->ranges[change->mark_count].max_ts = nulls[2] || nulls[3] ? DT_NOEND : DatumGetTimestampTz(values[3]);
	change->marks[change->mark_count++] = tuple->t_self;
}

/* Collects committed marks, limit of them and those that could have moved rows out of theirs. */
List *
pulse_collect_changes(int limit, bool *more, TimestampTz *oldest)
{
	HASHCTL		control = {0};
	HTAB	   *index;
	List	   *changes = NIL;
	ListCell   *cell;
	Relation	rel = open_dirty(RowExclusiveLock);
	TableScanDesc scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	HeapTuple	tuple;
	int			count = 0;

	if (RelationGetDescr(rel)->natts != 5)
		elog(ERROR, "pulse.dirty does not have the columns that this library writes");
	control.keysize = sizeof(uint32);
	control.entrysize = sizeof(ChangeEntry);
	control.hcxt = CurrentMemoryContext;
	index = hash_create("pulse changes", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	*more = false;
	*oldest = DT_NOEND;
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		*more = count++ >= limit;
		add_mark(index, &changes, RelationGetDescr(rel), tuple, oldest, *more);
	}
	table_endscan(scan);
	table_close(rel, NoLock);
	hash_destroy(index);

	foreach(cell, changes)
	{
		PulseChange *change = lfirst(cell);

		if (change->unbounded)
		{
			change->min_ts = DT_NOBEGIN;
			change->max_ts = DT_NOEND;
		}
	}
	return changes;
}

/* One mark of a change, to be sorted with its range. */
typedef struct SortedMark
{
	PulseMarkRange range;
	ItemPointerData mark;
} SortedMark;

static int
compare_marks(const void *a, const void *b)
{
	const SortedMark *x = a;
	const SortedMark *y = b;

	return (x->range.min_ts > y->range.min_ts) - (x->range.min_ts < y->range.min_ts);
}

/* Leaves a change only the marks of the earliest times, and those that overlap with them. */
bool
pulse_trim_change(PulseChange *change, int count)
{
	SortedMark *sorted;
	int			kept;
	bool		left;

	if (change->unbounded || change->mark_count <= count)
		return false;
	sorted = palloc_extended(change->mark_count * sizeof(SortedMark), MCXT_ALLOC_HUGE);
	for (int i = 0; i < change->mark_count; i++)
		sorted[i] = (SortedMark) {change->ranges[i], change->marks[i]};
	qsort(sorted, change->mark_count, sizeof(SortedMark), compare_marks);
	change->min_ts = DT_NOEND;
	change->max_ts = DT_NOBEGIN;
	for (kept = 0; kept < change->mark_count && (kept < count || sorted[kept].range.min_ts <= change->max_ts); kept++)
	{
		change->ranges[kept] = sorted[kept].range;
		change->marks[kept] = sorted[kept].mark;
		change->min_ts = Min(change->min_ts, sorted[kept].range.min_ts);
		change->max_ts = Max(change->max_ts, sorted[kept].range.max_ts);
	}
	pfree(sorted);
	left = kept < change->mark_count;
	change->mark_count = kept;
	return left;
}

/* Tells whether there is any committed mark. */
bool
pulse_changes_exist(void)
{
	Relation	rel = open_dirty(AccessShareLock);
	TableScanDesc scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	bool		exist = heap_getnext(scan, ForwardScanDirection) != NULL;

	table_endscan(scan);
	table_close(rel, AccessShareLock);
	return exist;
}

/* Removes the marks of a change that has been processed. */
void
pulse_remove_marks(PulseChange *change)
{
	Relation	rel = open_dirty(RowExclusiveLock);

	for (int i = 0; i < change->mark_count; i++)
		simple_heap_delete(rel, &change->marks[i]);
	table_close(rel, NoLock);
}

/* Replaces the marks of a change that could not be processed by a single one. */
void
pulse_merge_marks(PulseChange *change)
{
	Relation	rel;
	HeapTuple	tuple;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (change->mark_count < 2)
		return;
	pulse_remove_marks(change);
	rel = open_dirty(RowExclusiveLock);
	values[0] = Int32GetDatum(change->source_id);
	values[1] = change->portfolio != NULL ? CStringGetTextDatum(change->portfolio) : (Datum) 0;
	nulls[1] = change->portfolio == NULL;
	values[2] = TimestampTzGetDatum(change->min_ts);
	values[3] = TimestampTzGetDatum(change->max_ts);
	nulls[2] = nulls[3] = change->unbounded;
	values[4] = TimestampTzGetDatum(GetCurrentTimestamp());
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	simple_heap_insert(rel, tuple);
	table_close(rel, NoLock);
}
