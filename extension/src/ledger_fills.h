/*
 * Batches of new fills, and the statements that store them.
 */
#ifndef PULSE_LEDGER_FILLS_H
#define PULSE_LEDGER_FILLS_H

#include "postgres.h"

#include "src/ledger_batch.h"

/* The columns of a batch of new fills, as far as others know them. */
#define PULSE_FILL_PORTFOLIO 0
#define PULSE_FILL_KEY 1
#define PULSE_FILL_EXECUTED_AT 2
#define PULSE_FILL_ORDINAL 3
#define PULSE_FILL_SYMBOL 4
#define PULSE_FILL_EVENT_SEQ 18
#define PULSE_FILL_BATCH_COLUMNS 19

extern const Oid pulse_new_fill_types[PULSE_FILL_BATCH_COLUMNS];

/* Statements for batches of pulse_new_fill_types. */
extern const char pulse_store_fills[];		/* leaves out those whose key is taken */
extern const char pulse_store_new_fills[];	/* fails when a key is taken */

/* The same with the source as the first column. */
extern const Oid pulse_held_fill_types[PULSE_FILL_BATCH_COLUMNS + 1];
extern const char pulse_store_held_fills[];

#endif							/* PULSE_LEDGER_FILLS_H */
