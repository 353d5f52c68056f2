/*
 * Writing events: numbered without gaps, in the order in which their transactions commit.
 */
#ifndef PULSE_EVENT_H
#define PULSE_EVENT_H

#include "datatype/timestamp.h"

/* So many events of a transaction are handed over with the notification about them. */
#define PULSE_HANDED_OVER 8

/* The sequencer's row while this transaction holds its lock. */
typedef struct PulseSequencer
{
	int64		seq;
	char		epoch[17];
	int64		first_seq;		/* seq before the first event of this transaction */
	int64		limit;			/* pulse.event has partitions for numbers below this one */
	int64		told_seq;		/* events after it may be fills that messages are wanted for, unless all_told */
	bool		all_told;
	bool		was_told;		/* all_told at the beginning of this transaction */
	int			handed_over;	/* events that pulse_hand_over() was called for */
	char	   *payloads[PULSE_HANDED_OVER];	/* theirs, NULL for one that does not fit */
} PulseSequencer;

/* Takes the sequencer's lock until the end of the transaction; renews the epoch in a restored or copied database. */
extern void pulse_sequencer_open(PulseSequencer *sequencer);

/* Sees to it that pulse.event has room for so many further events. */
extern void pulse_sequencer_reserve(PulseSequencer *sequencer, int64 count);

/* Stores the newest number and tells listeners; that there are new messages about earlier events, a repeated number says. */
extern void pulse_sequencer_close(PulseSequencer *sequencer);

/* Appends one event; portfolio and key may be NULL, data is a jsonb. */
extern void pulse_emit_event(PulseSequencer *sequencer, const char *type, const char *portfolio, const char *key,
							 const char *priority, Datum data);

#endif							/* PULSE_EVENT_H */
