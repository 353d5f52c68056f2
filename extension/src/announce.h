/*
 * Turning fills and notifications that nobody has heard of into events.
 */
#ifndef PULSE_ANNOUNCE_H
#define PULSE_ANNOUNCE_H

#include "src/event.h"

/* Whether fills, notifications or sources wait without a mark in pulse.dirty: after a crash, a full batch, a restore. */
extern bool pulse_announcements_wait(void);

/* Takes the numbers of fills that have been announced, the newest of which was executed at a time. */
extern void pulse_fills_announced(PulseSequencer *sequencer, int count, TimestampTz newest);

/* Emits a TRADE_ALERT for each new fill, at most limit; returns how many. Their messages are left to pulse_write_messages(). */
extern int	pulse_announce_fills(PulseSequencer *sequencer, int limit);

/* Writes the messages about young fills that were announced, by this transaction or by an earlier one. */
extern void pulse_write_messages(PulseSequencer *sequencer);

/* Emits a SYSTEM_ALERT for each new notification, at most limit; returns how many. */
extern int	pulse_announce_deliveries(PulseSequencer *sequencer, int limit);

/* Emits a SYSTEM_ALERT for each thing that happened to an alert, at most limit; returns how many. */
extern int	pulse_announce_alerts(PulseSequencer *sequencer, int limit);

#endif							/* PULSE_ANNOUNCE_H */
