/*
 * What the tick knows and says about sources.
 */
#ifndef PULSE_SOURCE_STATE_H
#define PULSE_SOURCE_STATE_H

#include "nodes/pg_list.h"

#include "src/change.h"

/* One active source. */
typedef struct PulseSourceState
{
	int32		source_id;
	char	   *schema_name;
	Oid			owner;			/* of the table; InvalidOid when the table is gone */
	bool		trades;
	bool		rebuilt;		/* false: newly attached, or restored from a dump */
	bool		had_error;		/* last_error is set */
	bool		failed;			/* one of its changes failed, or was left alone, in this tick */
	List	   *batch;			/* changed snapshots to be noted together */
	bool		done;			/* one of them was processed */
} PulseSourceState;

/* Returns all active sources, in the current memory context. */
extern List *pulse_active_sources(const char *epoch);

/*
 * As whom the state of a portfolio is computed that this source knows: whoever owns the table of snapshots beside it,
 * else the table itself. InvalidOid when there is no table.
 */
extern Oid	pulse_source_reader(const List *sources, const PulseSourceState *source);

/* Returns the portfolios that a source knows in a time range, as its owner sees them. */
extern List *pulse_source_portfolios(const PulseSourceState *source, const PulseChange *change);

/* Declares the state of a source to belong to this epoch; for trades the ledger does so itself. */
extern void pulse_source_rebuilt(PulseSourceState *source, const char *epoch);

/* Stores why a change of the source could not be processed; NULL: all is well again. */
extern void pulse_source_error(PulseSourceState *source, const char *error);

#endif							/* PULSE_SOURCE_STATE_H */
