/*
 * Starts of a worker that keeps dying.
 */
#ifndef PULSE_WORKER_START_H
#define PULSE_WORKER_START_H

/* Counts a start, in the current transaction, and returns how many seconds to wait before the first cycle. */
extern int	pulse_count_start(void);

/* Notes, in the current transaction, that a whole cycle has gone well. */
extern void pulse_start_succeeded(void);

#endif							/* PULSE_WORKER_START_H */
