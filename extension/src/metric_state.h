/*
 * pulse.metric_state: summaries of equity curves by hours, days and four weeks.
 */
#ifndef PULSE_METRIC_STATE_H
#define PULSE_METRIC_STATE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "core/summary.h"
#include "src/attempt.h"
#include "src/change.h"
#include "src/ledger_source.h"

/* Widths of buckets, as in column hours. */
#define PULSE_HOUR_BUCKET 1
#define PULSE_DAY_BUCKET 24
#define PULSE_MONTH_BUCKET 672

/* Segments in order of time, growing. */
typedef struct PulseSegmentList
{
	pulse_segment *items;
	size_t		n;
	size_t		allocated;
} PulseSegmentList;

/* One equity curve: a portfolio of a source. */
typedef struct PulseSeries
{
	const pulse_source *source;
	const char *portfolio;
	bool		read_only;		/* all statements see the snapshot of the calling query */
} PulseSeries;

/* Rounds a time down to the beginning of its bucket, or up to one; times out of the calendar count as its ends. */
extern TimestampTz pulse_bucket_floor(TimestampTz ts, int hours);
extern TimestampTz pulse_bucket_ceil(TimestampTz ts, int hours);
extern TimestampTz pulse_clamp_time(TimestampTz ts);

/* Makes room for n more segments and returns where they go. */
extern pulse_segment *pulse_segment_room(PulseSegmentList *list, size_t n);

/* Appends the segments of a summary. */
extern void pulse_append_summary(PulseSegmentList *list, Datum summary);

/* Appends the segments of the stored buckets that begin in [since, until); returns the last bucket, or DT_NOBEGIN. */
extern TimestampTz pulse_stored_buckets(const PulseSeries *series, int hours, TimestampTz since, TimestampTz until,
										PulseSegmentList *list);

/*
 * Returns the plan of a statement over a user's table, whose parameters are a portfolio and two times; planned once a
 * session.
 */
extern SPIPlanPtr pulse_raw_plan(const char *sql);

/* Appends segments, by hours, of the snapshots in [since, until). Runs as the current user. */
extern void pulse_raw_segments(const PulseSeries *series, TimestampTz since, TimestampTz until, PulseSegmentList *list);

/* Returns the time of the first snapshot at or after a time, as the current user sees it; DT_NOEND when there is none. */
extern TimestampTz pulse_next_snapshot(const PulseSeries *series, TimestampTz since);

/* Appends the newest snapshot at or before a time as a segment that stands at this time; returns whether there was one. */
extern bool pulse_base_segment(const PulseSeries *series, TimestampTz at, PulseSegmentList *list);

/* Notes that the buckets of a change are to be rewritten. SPI must be connected. */
extern void pulse_metric_state_mark(const PulseChange *change);

/* The same for many changes of one source, each of a portfolio and bounded in time, by one statement. */
extern void pulse_metric_state_mark_all(List *changes);

/*
 * Tells for each of the named portfolios whether its summaries are being built, so that its figures are costly as yet and
 * out of date in a moment; NULL when there is none.
 */
extern bool *pulse_metric_state_unfinished(List *names);

/* Brings the rows of four weeks up to date after the days in [since, until) have changed. */
extern void pulse_refresh_months(const PulseSeries *series, TimestampTz since, TimestampTz until);

/* Whether there is anything for pulse_metric_state_refresh(). */
extern bool pulse_metric_state_waits(void);

/*
 * Rewrites buckets until nothing is left or so many milliseconds are over. Inside a transaction. When another process
 * is at it, waits for that or leaves it to it.
 */
extern void pulse_metric_state_refresh(int budget_ms, bool wait, PulseFailures *failures);

#endif							/* PULSE_METRIC_STATE_H */
