/*
 * Rows appended to our own tables without a statement: for a few rows, preparing one takes longer than storing them.
 */
#ifndef PULSE_APPEND_H
#define PULSE_APPEND_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

#define PULSE_APPEND_COLUMNS 20

typedef struct PulseAppend
{
	Relation	rel;
	ResultRelInfo *info;
	TupleTableSlot *slot;
	int			columns;
	AttrNumber	attno[PULSE_APPEND_COLUMNS];	/* where the columns stand that are given */
} PulseAppend;

/* The partition of a table for a bigint key, or the table itself when it has none. */
extern Oid	pulse_append_target(Relation rel, int64 key);

/*
 * Prepares for rows with these columns; others are NULL. Fails where something that only a statement does hangs on them, such
 * as a trigger that somebody has added.
 */
extern void pulse_append_begin(PulseAppend *append, EState *estate, Oid table, int columns, const char *const *names);

/* Appends a row; allocates in the current memory context what is not needed afterwards. */
extern void pulse_append_row(PulseAppend *append, EState *estate, const NullableDatum *values);

extern void pulse_append_end(PulseAppend *append);

#endif							/* PULSE_APPEND_H */
