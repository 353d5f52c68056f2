/*
 * The door of the ledger for the tick.
 */
#ifndef PULSE_LEDGER_H
#define PULSE_LEDGER_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Announcing new fills in the statement that stores them, where they need no second look. */
typedef struct PulseLedgerNews
{
	struct PulseSequencer *sequencer;
	int			limit;			/* more than so many are left to pulse_announce_fills() */
	struct pulse_held_fills *held;	/* fills of several changes, stored when all of them have been booked; NULL: one change */
	int			announced;		/* result: number of fills */
	bool		left;			/* result: there are fills that have not been announced */
} PulseLedgerNews;

/*
 * Brings pulse.fill, pulse.position and pulse.closed_trade up to date with the rows of a source
 * in a time range: min_ts DT_NOBEGIN and max_ts DT_NOEND are open ends, portfolio NULL means all.
 * SPI must be connected and a snapshot set. Returns whether anything was new: doing it again
 * changes nothing. With news NULL nothing is announced.
 */
extern bool pulse_ledger_apply(int32 source_id, const char *portfolio, TimestampTz min_ts, TimestampTz max_ts, PulseLedgerNews *news);

/*
 * Stores the fills that are held, to be announced later. Where a fill that was taken for new turns out to be stored with
 * another time, its portfolio is compared as a whole. SPI must be connected and a snapshot set.
 */
extern void pulse_ledger_store_held(PulseLedgerNews *news);

#endif							/* PULSE_LEDGER_H */
