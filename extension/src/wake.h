/*
 * Waking the background worker without shared memory of our own: its process number stands in pulse.worker, and every
 * process may set the latch in another one's PGPROC. A lost wake-up costs a poll interval, never an event.
 */
#ifndef PULSE_WAKE_H
#define PULSE_WAKE_H

/* Learns, inside a transaction, whom to wake; looks into pulse.worker at most once a second and never fails. */
extern void pulse_wake_prepare(void);

/* Wakes the worker known so far; safe after a commit: it neither allocates nor fails. */
extern void pulse_wake(void);

#endif							/* PULSE_WAKE_H */
