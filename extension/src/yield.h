/*
 * Giving way to the sessions that write, where the machine has no processor to spare.
 */
#ifndef PULSE_YIELD_H
#define PULSE_YIELD_H

#include "datatype/timestamp.h"

#include "src/tick.h"

/* Begins to measure a cycle. */
extern void pulse_yield_begin(void);

/* Whether the cycle in progress shall come to its end, as others want the processor. */
extern bool pulse_yield_wanted(const PulseTick *tick);

/* How long to pause after the cycle that did this, in ms; 0: not at all. */
extern long pulse_yield_pause(const PulseTick *tick);

/* Whether the last cycle ended with a pause: the next one takes on only a little. */
extern bool pulse_yielding(void);

#endif							/* PULSE_YIELD_H */
