/*
 * One cycle of the engine: short transactions.
 */
#ifndef PULSE_TICK_H
#define PULSE_TICK_H

#include "datatype/timestamp.h"

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
	PulseFailures failures;
} PulseTick;

/* Whether there is anything for pulse_tick_changes(). Inside a transaction with a snapshot. */
extern bool pulse_tick_needed(void);

/*
 * Takes what changed: ledger and TRADE_ALERT; where there are no new fills, the rest as well. Inside a transaction.
 */
extern void pulse_tick_changes(PulseTick *tick);

/* The rest, where tick->rest says so: messages, SYSTEM_ALERT, PORTFOLIO_UPDATE. Inside a transaction, the same or another. */
extern void pulse_tick_rest(PulseTick *tick);

#endif							/* PULSE_TICK_H */
