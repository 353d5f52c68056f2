/*
 * New fills stored together with the events that announce them.
 */
#ifndef PULSE_FILL_EVENTS_H
#define PULSE_FILL_EVENTS_H

#include "postgres.h"

#include "src/append.h"
#include "src/event.h"

typedef struct PulseFillEvents
{
	PulseSequencer *sequencer;
	EState	   *estate;
	PulseAppend fills;
	Relation	event;
	PulseAppend events;			/* the partition of event that the last one went to */
	bool		has_partition;
	Datum		epoch;
	Datum		type;
	Datum		priority;
	int			count;
	TimestampTz newest;
} PulseFillEvents;

/* Begins with the number after the sequencer's. Fails, as the others do, where only statements may write to the tables. */
extern void pulse_fill_events_begin(PulseFillEvents *writer, PulseSequencer *sequencer);

/* Stores a fill, with the columns of a batch of new fills, and its event. */
extern void pulse_fill_events_add(PulseFillEvents *writer, int32 source_id, const NullableDatum *fill);

/* Takes the numbers that were used; returns how many. */
extern int	pulse_fill_events_end(PulseFillEvents *writer);

#endif							/* PULSE_FILL_EVENTS_H */
