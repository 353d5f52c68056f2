/*
 * Marks: which time ranges of which sources a transaction has changed.
 *
 * A mark lives in backend memory until the transaction is about to commit; then it becomes a row of pulse.dirty, visible
 * together with the change itself. Marks of an aborted subtransaction stay: a superset costs a look, a subset a trade.
 */
#ifndef PULSE_DIRTY_H
#define PULSE_DIRTY_H

#include "datatype/timestamp.h"

/* Remembers that rows of this portfolio at this time changed. */
extern void pulse_mark_dirty(int32 source_id, const char *portfolio, int portfolio_len, TimestampTz ts);

/* Remembers that anything in the portfolio may have changed; portfolio NULL means all of the source. */
extern void pulse_mark_unbounded(int32 source_id, const char *portfolio, int portfolio_len);

/*
 * Calls found for each mark of the current transaction that concerns a portfolio of a source (NULL: any), with the
 * time range that it covers: what this transaction has changed itself, no row of pulse.dirty tells yet.
 */
extern void pulse_pending_marks(int32 source_id, const char *portfolio,
								void (*found) (void *arg, TimestampTz min_ts, TimestampTz max_ts), void *arg);

/* Asks for a tick as soon as this transaction has committed. */
extern void pulse_wake_at_commit(void);

extern void pulse_register_xact_callback(void);

#endif							/* PULSE_DIRTY_H */
