/*
 * The positions that an application of fills touches, kept in memory until they are saved.
 */
#ifndef PULSE_LEDGER_STATE_H
#define PULSE_LEDGER_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "src/ledger.h"
#include "src/ledger_batch.h"
#include "src/ledger_rows.h"

/* A point in the order of a symbol's fills. */
typedef struct pulse_fill_point
{
	bool		set;
	TimestampTz time;
	int64		ordinal;
	char	   *key;
} pulse_fill_point;

/* One symbol of one portfolio. */
typedef struct pulse_symbol
{
	struct pulse_symbol *next;	/* in the order in which they were met */
	char	   *portfolio;
	char	   *name;
	bool		exists;			/* pulse.position has a row */
	ledger		book;
	pulse_fill_point last;		/* newest fill that is booked */
	decimal		last_price;
	uint64		fills;			/* booked since loading; also the tag of the next one */
	char	   *trip_key;		/* fill that opened the round trip under way */
	char	   *trip_strategy;
	bool		touched;
	pulse_fill_point replay;	/* where booking must start again; not set: nowhere */
} pulse_symbol;

/* Everything one application of fills to a source collects. */
typedef struct pulse_ledger
{
	int32		source_id;
	bool		read_only;		/* stored state is read with the caller's snapshot, and nothing is written */
	MemoryContext context;
	struct symbol_table_hash *symbols;
	pulse_symbol *first;
	pulse_symbol *newest;
	pulse_batch *new_fills;
	pulse_batch *changed_fills;
	pulse_batch *booked_fills;
	pulse_batch *deleted_fills;
	pulse_batch *closed_trades;
	pulse_batch *findings;
	uint64		findings_allowed;
	List	   *dust;			/* tolerances by symbol */
} pulse_ledger;

extern pulse_ledger *pulse_ledger_create(int32 source_id, bool read_only, MemoryContext context);
extern void pulse_ledger_expect_new(pulse_ledger *all);
extern pulse_symbol *pulse_ledger_symbol(pulse_ledger *all, const char *portfolio, const char *name);
extern void pulse_symbol_reset(pulse_ledger *all, pulse_symbol *symbol);
extern void pulse_symbol_rewind(pulse_ledger *all, pulse_symbol *symbol, TimestampTz time, int64 ordinal, const char *key);
extern void pulse_symbol_replay_from(pulse_ledger *all, pulse_symbol *symbol, TimestampTz time, int64 ordinal, const char *key);
extern bool pulse_symbol_book(pulse_ledger *all, pulse_symbol *symbol, const pulse_fill *fill, ledger_outcome *outcome);
extern void pulse_ledger_flush(pulse_ledger *all);
extern bool pulse_ledger_announce(pulse_ledger *all, PulseLedgerNews *news);
extern void pulse_ledger_save(pulse_ledger *all);
extern void pulse_ledger_note(pulse_ledger *all, const pulse_fill *fill, const char *problem);

#endif							/* PULSE_LEDGER_STATE_H */
