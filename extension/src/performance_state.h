/*
 * pulse.performance_state, and the durable queue of what is to be computed for it.
 */
#ifndef PULSE_PERFORMANCE_STATE_H
#define PULSE_PERFORMANCE_STATE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Figures of one portfolio on their way into the table. */
typedef struct PulsePerformance
{
	const char *portfolio;
	Oid			reader;
	int64		generation;		/* of its row in pulse.performance_due before the figures were computed; 0: none */
	Datum		data;			/* jsonb */
} PulsePerformance;

/* Portfolios that a transaction has changed, and as whom each is read. */
typedef struct PulseChanged
{
	const char *portfolio;
	Oid			reader;
} PulseChanged;

/* Notes in pulse.performance_due that these (PulseChanged) have changed. SPI must be connected. */
extern void pulse_performance_due(List *changed);

/* Hears which tables (PulseSourceState) are followed: where one has been let go, what it left due is queued as well. */
extern void pulse_performance_sources(List *sources);

/* Queues what an earlier process, or who has let a table go, left due: once for each. SPI must be connected. */
extern void pulse_performance_take_over(void);

/* Fills in the generations of a list of PulsePerformance, before anything is computed. */
extern void pulse_performance_generations(List *list);

/* Writes the figures of a list of PulsePerformance. */
extern void pulse_performance_store(List *list);

/* Returns the names of all portfolios that have figures and are computed as this role, in the current memory context. */
extern List *pulse_performance_portfolios(Oid reader);

#endif							/* PULSE_PERFORMANCE_STATE_H */
