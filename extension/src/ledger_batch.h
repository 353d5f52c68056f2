/*
 * Rows collected column by column and written by one statement over unnest().
 */
#ifndef PULSE_LEDGER_BATCH_H
#define PULSE_LEDGER_BATCH_H

#include "postgres.h"

#include "executor/spi.h"

#include "core/decimal.h"

#define PULSE_BATCH_ROWS 1000
#define PULSE_BATCH_COLUMNS 20
#define PULSE_BATCH_MORE 3

/* The statement gets $1 = source_id and one array for each column from $2 on. */
typedef struct pulse_batch
{
	const char *statement;
	SPIPlanPtr *plan;
	int32		source_id;
	int			columns;
	const Oid  *types;
	MemoryContext context;
	int			capacity;
	int			rows;
	int			column;			/* where the next value of the current row goes */
	Datum	   *values[PULSE_BATCH_COLUMNS];
	bool	   *nulls[PULSE_BATCH_COLUMNS];
	MemoryContext values_context;
	uint64		collected;
	uint64		written;		/* rows that the statements have touched */
} pulse_batch;

extern pulse_batch *pulse_batch_create(const char *statement, SPIPlanPtr *plan, int32 source_id,
									   int columns, const Oid *types);
extern void pulse_batch_row(pulse_batch *batch);
extern void pulse_batch_datum(pulse_batch *batch, Datum value, bool isnull);
extern void pulse_batch_numeric(pulse_batch *batch, Datum value);
extern void pulse_batch_decimal(pulse_batch *batch, const decimal *value);
extern void pulse_batch_text(pulse_batch *batch, const char *value);
extern void pulse_batch_flush(pulse_batch *batch);
extern void pulse_batch_execute(pulse_batch *batch, const char *statement, SPIPlanPtr *plan, int more, const Oid *types, const Datum *values);
extern void pulse_batch_forget(pulse_batch *batch);

#endif							/* PULSE_LEDGER_BATCH_H */
