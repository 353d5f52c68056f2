/*
 * Turning fills and notifications that nobody has heard of into events.
 */
#ifndef PULSE_ANNOUNCE_H
#define PULSE_ANNOUNCE_H

#include "src/event.h"

/* Whether fills, notifications or sources wait without a mark in pulse.dirty: after a crash, a full batch, a restore. */
extern bool pulse_announcements_wait(void);

/*
 * The end of a statement that announces fills: what pulse_take_announced() reads, from the common table expressions announced
 * and events. The parameter is PULSE_HANDED_OVER + 1: where there are so many, none is handed over.
 */
#define PULSE_ANNOUNCED(parameter) \
	" SELECT a.fills, a.newest, e.seq, e.ts, e.portfolio, e.key, e.priority, e.data" \
	" FROM (SELECT count(*) AS fills, max(executed_at) AS newest FROM announced) a" \
	" LEFT JOIN (SELECT * FROM events ORDER BY seq LIMIT " parameter ") e ON true"

/* Takes the numbers of the fills that the last statement has announced; returns how many. */
extern int	pulse_take_announced(PulseSequencer *sequencer);

/* Emits a TRADE_ALERT for each new fill, at most limit; returns how many. Their messages are left to pulse_write_messages(). */
extern int	pulse_announce_fills(PulseSequencer *sequencer, int limit);

/* Writes the messages about young fills that were announced, by this transaction or by an earlier one. */
extern void pulse_write_messages(PulseSequencer *sequencer);

/* Emits a SYSTEM_ALERT for each new notification, at most limit; returns how many. */
extern int	pulse_announce_deliveries(PulseSequencer *sequencer, int limit);

/* Emits a SYSTEM_ALERT for each thing that happened to an alert, at most limit; returns how many. */
extern int	pulse_announce_alerts(PulseSequencer *sequencer, int limit);

#endif							/* PULSE_ANNOUNCE_H */
