/*
 * Fills as rows: reading them in batches from a followed table or from pulse.fill.
 */
#ifndef PULSE_LEDGER_ROWS_H
#define PULSE_LEDGER_ROWS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/spi.h"

#include "core/ledger.h"
#include "src/ledger_source.h"

#define PULSE_BATCH 1000

/* One fill. Text is NULL where the column is; everything lives until the reader's next batch. */
typedef struct pulse_fill
{
	char	   *portfolio;
	int64		ordinal;
	char	   *fill_key;
	TimestampTz executed_at;
	char	   *symbol;
	char	   *side;
	Datum		quantity;
	Datum		price;
	Datum		fee;
	char	   *fee_asset;
	char	   *order_id;
	char	   *fill_id;
	char	   *strategy;
	bool		has_confidence;
	double		confidence;
	const char *problem;		/* why it cannot be booked, or NULL */
	ledger_fill booking;		/* what the ledger gets; set when there is no problem */
} pulse_fill;

/* A running query whose rows are fills. */
typedef struct pulse_fill_reader
{
	Portal		portal;
	Oid			run_as;			/* owner of a followed table; InvalidOid: nobody else */
	MemoryContext batch_context;
	SPITupleTable *rows;
	pulse_fill *fill;
	uint64		count;
	uint64		next;
	uint64		batch_size;
} pulse_fill_reader;

/* Columns that the queries given to pulse_read_fills yield, in this order. */
#define PULSE_FILL_COLUMNS \
	"portfolio, ordinal, fill_key, executed_at, symbol, side, quantity, price, fee, fee_asset, order_id, fill_id, strategy, confidence"

extern const char *pulse_fill_order(const pulse_source *source);
extern void pulse_read_fills(pulse_fill_reader *reader, const char *query, int nargs, Oid *types, Datum *values,
							 const char *nulls, Oid run_as, bool fresh, MemoryContext parent);
extern void pulse_read_planned_fills(pulse_fill_reader *reader, SPIPlanPtr plan, Datum *values, const char *nulls, Oid run_as,
									 MemoryContext parent);
extern bool pulse_next_batch(pulse_fill_reader *reader);
extern pulse_fill *pulse_next_fill(pulse_fill_reader *reader);
extern void pulse_end_fills(pulse_fill_reader *reader);
extern int	pulse_compare_fills(TimestampTz a_time, int64 a_ordinal, const char *a_key,
								TimestampTz b_time, int64 b_ordinal, const char *b_key);

#endif							/* PULSE_LEDGER_ROWS_H */
