/*
 * New fills of several portfolios on their way into one statement.
 */
#ifndef PULSE_LEDGER_HELD_H
#define PULSE_LEDGER_HELD_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "src/event.h"
#include "src/ledger_batch.h"

typedef struct pulse_held_fills
{
	MemoryContext context;
	struct pulse_held_fill **fill;
	int			count;
	int			capacity;
	bool		closed;			/* no more are taken: what comes now must find the others stored */
} pulse_held_fills;

/* Makes an empty list in the current memory context. */
extern pulse_held_fills *pulse_held_create(void);

/* Takes the rows of a batch of new fills, which is empty then. */
extern void pulse_held_take(pulse_held_fills *held, pulse_batch *batch);

/* Whether there are fills of a source. */
extern bool pulse_held_has(const pulse_held_fills *held, int32 source_id);

/* A portfolio of a source. */
typedef struct pulse_held_portfolio
{
	int32		source_id;
	char	   *portfolio;
} pulse_held_portfolio;

/*
 * Stores the fills from one on, to be announced later, and forgets them. Returns the portfolios in which a key was taken by a
 * fill of another time.
 */
extern List *pulse_held_store(pulse_held_fills *held, int from);

/*
 * Stores all fills in the order of their execution, with the numbers of the events that announce them; returns how many, or
 * -1 when that fails, as when one of their keys is taken: then nothing was done.
 */
extern int	pulse_held_announce(pulse_held_fills *held, PulseSequencer *sequencer);

#endif							/* PULSE_LEDGER_HELD_H */
