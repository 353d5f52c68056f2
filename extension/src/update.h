/*
 * State messages: what a portfolio, its performance and the system's health look like now.
 */
#ifndef PULSE_UPDATE_H
#define PULSE_UPDATE_H

#include "src/event.h"
#include "src/tick.h"

/* Emits the PORTFOLIO_UPDATE events that are due, as part of pulse_tick_changes(). */
extern void pulse_send_portfolio_updates(PulseSequencer *sequencer, PulseTick *tick);

/*
 * When the next state message is due: DT_NOBEGIN when it is due already, DT_NOEND when none is waiting. PERFORMANCE_UPDATE
 * may come so much before its time.
 */
extern TimestampTz pulse_next_update(int early_ms);

/* Transaction B: emits what is due of PORTFOLIO_UPDATE, PERFORMANCE_UPDATE and HEALTH_UPDATE. */
extern void pulse_tick_updates(PulseTick *tick, int performance_interval_ms, int early_ms);

#endif							/* PULSE_UPDATE_H */
