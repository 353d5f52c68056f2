/*
 * One cycle of the engine: short transactions.
 */
#ifndef PULSE_TICK_H
#define PULSE_TICK_H

#include "datatype/timestamp.h"
#include "utils/snapshot.h"

#include "src/attempt.h"

/* What a tick did. */
typedef struct PulseTick
{
	int64		seq;			/* newest event; 0 when the sequencer was not needed */
	int			marks;
	int			fills;
	int			events;
	int			jobs;
	bool		more;			/* something was left for the next tick */
	bool		rest;			/* pulse_tick_rest() has something to do */
	bool		fills_left;		/* fills, or what a whole table is to be read for, are among it */
	bool		yielding;		/* it shall take on only a little */
	TimestampTz oldest_mark;	/* when the oldest change was made that it has met; DT_NOEND: it has met none */
	Snapshot	cut;			/* what pulse_tick_changes() has seen, in its transaction; NULL: it was not called */
	PulseFailures failures;
} PulseTick;

/* Whether there is anything for pulse_tick_changes(). Inside a transaction with a snapshot. */
extern bool pulse_tick_needed(void);

/*
 * Takes what changed: ledger and TRADE_ALERT; where there are no new fills, the rest as well. Inside a transaction.
 * State messages of the same transaction show the state as of tick->cut, which need not be computed past what has been changed since;
 * pulse_tick_release() belongs before the commit.
 */
extern void pulse_tick_changes(PulseTick *tick);
extern void pulse_tick_release(PulseTick *tick);

/* The rest, where tick->rest says so: messages, SYSTEM_ALERT, PORTFOLIO_UPDATE. Inside a transaction, the same or another. */
extern void pulse_tick_rest(PulseTick *tick);

#endif							/* PULSE_TICK_H */
