/*
 * Work that may fail without taking the rest of a tick with it.
 */
#ifndef PULSE_ATTEMPT_H
#define PULSE_ATTEMPT_H

#include "lib/stringinfo.h"

/* What failed in a tick, for its report. */
typedef struct PulseFailures
{
	int			count;
	char	   *last;			/* message of the last one, in the tick's memory context; NULL when none */
} PulseFailures;

/*
 * Calls work(arg) in a subtransaction that may take so many milliseconds, 0 for as long as it likes. Returns NULL, or the
 * error, after rolling the subtransaction back, in the current memory context.
 */
extern ErrorData *pulse_isolate(void (*work) (void *arg), void *arg, int timeout_ms);

/*
 * Calls work(arg) in a subtransaction. On an error it is rolled back, reported once under this name and, in the
 * background worker, left alone for a while that doubles with every failure. Returns whether the work was done.
 */
extern bool pulse_attempt(const char *name, void (*work) (void *arg), void *arg, PulseFailures *failures);

/* Makes pulse_attempt() respect the waiting times; only the background worker does. */
extern void pulse_attempt_enable_backoff(void);

#endif							/* PULSE_ATTEMPT_H */
