/*
 * Rows appended to our own tables without a statement.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/partition.h"
#include "executor/executor.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/partcache.h"

#include "src/append.h"
#include "src/compat.h"

Oid
pulse_append_target(Relation rel, int64 key)
{
	PartitionKey partitioning;
	PartitionDesc partitions;
	Datum		value = Int64GetDatum(key);
	bool		equal;
	int			index;

	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return RelationGetRelid(rel);
	partitioning = RelationGetPartitionKey(rel);
	partitions = RelationGetPartitionDesc(rel, true);
	index = partitions->nparts == 0 ? -1 :
		partitions->boundinfo->indexes[1 + partition_range_datum_bsearch(partitioning->partsupfunc, partitioning->partcollation,
																		  partitions->boundinfo, 1, &value, &equal)];
	if (index < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("table \"%s\" has no partition for number " INT64_FORMAT, RelationGetRelationName(rel), key)));
	return partitions->oids[index];
}

/* Finds a column; those of a table that was made at once stand where they are looked for first. */
static AttrNumber
find_column(TupleDesc desc, int expected, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, (expected + i) % desc->natts);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->attnum;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" does not exist", name)));
}

void
pulse_append_begin(PulseAppend *append, EState *estate, Oid table, int columns, const char *const *names)
{
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);

	Assert(columns <= PULSE_APPEND_COLUMNS);
	append->rel = table_open(table, RowExclusiveLock);
	if (append->rel->rd_rel->relkind != RELKIND_RELATION || append->rel->trigdesc != NULL || append->rel->rd_rules != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows of table \"%s\" must be inserted by a statement", RelationGetRelationName(append->rel))));
	append->columns = columns;
	for (int i = 0; i < columns; i++)
		append->attno[i] = find_column(RelationGetDescr(append->rel), i, names[i]);
	append->info = makeNode(ResultRelInfo);
	InitResultRelInfo(append->info, append->rel, 0, NULL, 0);
	ExecOpenIndices(append->info, false);
	append->slot = table_slot_create(append->rel, &estate->es_tupleTable);
	MemoryContextSwitchTo(old);
}

void
pulse_append_row(PulseAppend *append, EState *estate, const NullableDatum *values)
{
	TupleTableSlot *slot = append->slot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < append->columns; i++)
	{
		slot->tts_values[append->attno[i] - 1] = values[i].value;
		slot->tts_isnull[append->attno[i] - 1] = values[i].isnull;
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(append->rel);
	if (append->rel->rd_att->constr != NULL)
		ExecConstraints(append->info, slot, estate);
	table_tuple_insert(append->rel, slot, GetCurrentCommandId(true), 0, NULL);
	if (append->info->ri_NumIndices > 0)
		PULSE_INSERT_INDEX_TUPLES(append->info, slot, estate);
}

void
pulse_append_end(PulseAppend *append)
{
	ExecCloseIndices(append->info);
	table_close(append->rel, NoLock);
}
