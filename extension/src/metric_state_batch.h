/*
 * Rewriting the buckets of many portfolios together.
 */
#ifndef PULSE_METRIC_STATE_BATCH_H
#define PULSE_METRIC_STATE_BATCH_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"

/* A row of pulse.metric_dirty on its way through pulse_attempt(). */
typedef struct PulseRangeWork
{
	ItemPointerData tid;
	int32		source_id;
	char	   *portfolio;		/* NULL: every portfolio */
	TimestampTz min_ts;
	TimestampTz max_ts;
	TimestampTz marked_min_ts;	/* as the row has it */
	TimestampTz marked_max_ts;
	int			days;			/* of the next piece */
	bool		done;			/* result: the whole range is */
} PulseRangeWork;

/* Whether a range is one of those that are worked off together: of one portfolio, within a UTC day. */
extern bool pulse_range_is_short(const PulseRangeWork *range);

/* Works off such ranges (a list of PulseRangeWork) of one source, all or none. */
extern void pulse_refresh_short_ranges(void *ranges);

#endif							/* PULSE_METRIC_STATE_BATCH_H */
