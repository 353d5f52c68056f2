/*
 * Handing new events over with the notification about them, to those who may have them.
 */
#ifndef PULSE_HAND_OVER_H
#define PULSE_HAND_OVER_H

#include "postgres.h"

#include "src/event.h"

/* One row of pulse.event; portfolio and key may be NULL, data is a jsonb. */
typedef struct PulseEventRow
{
	int64		seq;
	TimestampTz ts;
	const char *type;
	const char *portfolio;
	const char *key;
	const char *priority;
	Datum		data;
} PulseEventRow;

/* Prepares to hand over an event of this transaction, in the order of their numbers. */
extern void pulse_hand_over(PulseSequencer *sequencer, const PulseEventRow *event);

/* Sends with the commit what was prepared, unless it is not all of the transaction's events. */
extern void pulse_send_handed_over(const PulseSequencer *sequencer);

#endif							/* PULSE_HAND_OVER_H */
