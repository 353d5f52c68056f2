/*
 * What pulse.dirty says has changed, as the tick takes it.
 */
#ifndef PULSE_CHANGE_H
#define PULSE_CHANGE_H

#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "datatype/timestamp.h"

/* The time range of one mark. */
typedef struct PulseMarkRange
{
	TimestampTz min_ts;
	TimestampTz max_ts;
} PulseMarkRange;

/* All marks of one portfolio of one source, merged. */
typedef struct PulseChange
{
	int32		source_id;
	char	   *portfolio;		/* NULL: all portfolios */
	TimestampTz min_ts;			/* DT_NOBEGIN to DT_NOEND when unbounded */
	TimestampTz max_ts;
	bool		unbounded;
	TimestampTz marked_at;		/* when the first of its marks was made */
	TimestampTz rank;			/* its place among those that wait, the smaller the sooner, and where it stood */
	int			arrival;
	int			mark_count;
	int			mark_room;
	ItemPointerData *marks;		/* the rows that were merged */
	struct PulseMarkRange *ranges;	/* what each of them says */
} PulseChange;

/*
 * Collects committed marks in order of arrival: limit of them, and of the others those that could have moved rows out of the
 * ranges of these; *more tells whether there are others, *oldest when the oldest of the collected was made. The caller has a snapshot set, and the list lives in its memory context.
 */
extern List *pulse_collect_changes(int limit, bool *more, TimestampTz *oldest);

/*
 * Leaves a change only the marks of the earliest times, count of them and those that overlap with them; tells whether others
 * were left out. A row that was moved out of the range has a mark that leads out of it, so none is taken for deleted; and
 * what does not overlap need not be compared or booked again.
 */
extern bool pulse_trim_change(PulseChange *change, int count);

/* Tells whether there is any committed mark. */
extern bool pulse_changes_exist(void);

/* Removes the marks of a change that has been processed. */
extern void pulse_remove_marks(PulseChange *change);

/* Replaces the marks of a change that could not be processed by a single one, so that they do not pile up. */
extern void pulse_merge_marks(PulseChange *change);

#endif							/* PULSE_CHANGE_H */
