/*
 * Bulk writes without a round through the executor for every row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "src/compat.h"
#include "src/ledger_batch.h"
#include "src/ledger_numeric.h"
#include "src/ledger_source.h"

/* Makes an empty batch in the current memory context. */
pulse_batch *
pulse_batch_create(const char *statement, SPIPlanPtr *plan, int32 source_id, int columns, const Oid *types)
{
	pulse_batch *batch = palloc0(sizeof(pulse_batch));

	Assert(columns <= PULSE_BATCH_COLUMNS);
	batch->statement = statement;
	batch->plan = plan;
	batch->source_id = source_id;
	batch->columns = columns;
	batch->types = types;
	batch->context = CurrentMemoryContext;
	return batch;
}

/* Makes room for rows: a few at first, since most batches of a tick stay small or empty. */
static void
grow(pulse_batch *batch)
{
	int			capacity = batch->capacity == 0 ? 8 : Min(batch->capacity * 4, PULSE_BATCH_ROWS);

	if (batch->capacity == 0)
		batch->values_context = AllocSetContextCreate(batch->context, "pulse batch", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < batch->columns; i++)
	{
		if (batch->capacity == 0)
		{
			batch->values[i] = MemoryContextAlloc(batch->context, sizeof(Datum) * capacity);
			batch->nulls[i] = MemoryContextAlloc(batch->context, sizeof(bool) * capacity);
		}
		else
		{
			batch->values[i] = repalloc(batch->values[i], sizeof(Datum) * capacity);
			batch->nulls[i] = repalloc(batch->nulls[i], sizeof(bool) * capacity);
		}
	}
	batch->capacity = capacity;
}

/* Begins a row, writing the batch out first when it is full; its values follow in column order. */
void
pulse_batch_row(pulse_batch *batch)
{
	Assert(batch->rows == 0 || batch->column == batch->columns);
	if (batch->rows == PULSE_BATCH_ROWS)
		pulse_batch_flush(batch);
	if (batch->rows == batch->capacity)
		grow(batch);
	batch->rows++;
	batch->collected++;
	batch->column = 0;
}

/* Appends a value that is passed as it is: by value, or living until the flush. */
static void
append(pulse_batch *batch, Datum value, bool isnull)
{
	Assert(batch->column < batch->columns);
	batch->values[batch->column][batch->rows - 1] = value;
	batch->nulls[batch->column][batch->rows - 1] = isnull;
	batch->column++;
}

/* Appends a value of a type that is passed by value. */
void
pulse_batch_datum(pulse_batch *batch, Datum value, bool isnull)
{
	append(batch, value, isnull);
}

/* Appends a copy of a numeric. */
void
pulse_batch_numeric(pulse_batch *batch, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(batch->values_context);

	append(batch, datumCopy(value, false, -1), false);
	MemoryContextSwitchTo(old);
}

/* Appends a decimal, NULL for a null pointer. */
void
pulse_batch_decimal(pulse_batch *batch, const decimal *value)
{
	MemoryContext old = MemoryContextSwitchTo(batch->values_context);

	append(batch, value == NULL ? (Datum) 0 : pulse_numeric_from_decimal(value), value == NULL);
	MemoryContextSwitchTo(old);
}

/* Appends a string as text, NULL for a null pointer. */
void
pulse_batch_text(pulse_batch *batch, const char *value)
{
	MemoryContext old = MemoryContextSwitchTo(batch->values_context);

	append(batch, value == NULL ? (Datum) 0 : CStringGetTextDatum(value), value == NULL);
	MemoryContextSwitchTo(old);
}

/* Makes the arguments of a statement of what has been collected. */
static void
make_arguments(pulse_batch *batch, Datum *arguments, Oid *types)
{
	MemoryContext old = MemoryContextSwitchTo(batch->values_context);

	types[0] = INT4OID;
	arguments[0] = Int32GetDatum(batch->source_id);
	for (int i = 0; i < batch->columns; i++)
	{
		int			bounds[] = {1};
		int			dimensions[] = {batch->rows};
		int16		length;
		bool		by_value;
		char		alignment;

		get_typlenbyvalalign(batch->types[i], &length, &by_value, &alignment);
		types[i + 1] = get_array_type(batch->types[i]);
		arguments[i + 1] = PointerGetDatum(construct_md_array(batch->values[i], batch->nulls[i], 1, dimensions, bounds,
															  batch->types[i], length, by_value, alignment));
	}
	MemoryContextSwitchTo(old);
}

/* Forgets the collected rows. */
void
pulse_batch_forget(pulse_batch *batch)
{
	batch->rows = 0;
	MemoryContextReset(batch->values_context);
}

/* Writes what has been collected. */
void
pulse_batch_flush(pulse_batch *batch)
{
	Datum		arguments[PULSE_BATCH_COLUMNS + 1];
	Oid			types[PULSE_BATCH_COLUMNS + 1];

	if (batch->rows == 0)
		return;
	make_arguments(batch, arguments, types);
	pulse_saved_plan(batch->plan, batch->statement, batch->columns + 1, types);
	if (SPI_execute_plan(*batch->plan, arguments, NULL, false, 0) < 0)
		elog(ERROR, "could not execute: %s", batch->statement);
	batch->written += SPI_processed;
	pulse_batch_forget(batch);
}

/* Runs another statement with the collected rows, which stay, and further arguments; its plan is made once for all values. */
void
pulse_batch_execute(pulse_batch *batch, const char *statement, SPIPlanPtr *plan, int more, const Oid *types, const Datum *values)
{
	Datum		arguments[PULSE_BATCH_COLUMNS + 1 + PULSE_BATCH_MORE];
	Oid			all_types[PULSE_BATCH_COLUMNS + 1 + PULSE_BATCH_MORE];

	Assert(more <= PULSE_BATCH_MORE);
	make_arguments(batch, arguments, all_types);
	for (int i = 0; i < more; i++)
	{
		arguments[batch->columns + 1 + i] = values[i];
		all_types[batch->columns + 1 + i] = types[i];
	}
	pulse_saved_generic_plan(plan, statement, batch->columns + 1 + more, all_types);
	if (SPI_execute_plan(*plan, arguments, NULL, false, 0) < 0)
		elog(ERROR, "could not execute: %s", statement);
}
