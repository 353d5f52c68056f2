/*
 * How far and how long an equity curve is under water within a sliding window.
 */
#ifndef PULSE_CORE_SLIDING_H
#define PULSE_CORE_SLIDING_H

#include "core/memory.h"
#include "core/underwater.h"

/* Values of which only their depth under some peak matters. */
typedef struct pulse_sliding_stretch
{
	int64_t		n;
	double		mean;
	double		m2;				/* sum of squared deviations from the mean */
	double		low;
} pulse_sliding_stretch;

/* What stretches under their peaks add up to. */
typedef struct pulse_sliding_total
{
	double		depth;
	double		depth_squared;
	double		deepest;
	double		largest;		/* in money */
	int64_t		longest;		/* from a peak to its recovery */
} pulse_sliding_total;

/* The older rows from one of them on, by themselves. */
typedef struct pulse_sliding_suffix
{
	int64_t		n;
	double		peak;			/* the last one */
	int64_t		peak_ts;
	int64_t		below;			/* number of rows after it */
	double		low;
	pulse_sliding_total total;	/* all of the suffix but the time under the last peak */
} pulse_sliding_suffix;

/* A newer row that is not below any newer one before it. */
typedef struct pulse_sliding_record
{
	double		value;
	int64_t		ts;
	pulse_sliding_stretch before;	/* all newer rows before it */
	pulse_sliding_stretch under;	/* the rows until the next record */
	pulse_sliding_total total;	/* of those, once there is a next record */
} pulse_sliding_record;

typedef struct pulse_point
{
	int64_t		ts;
	double		value;
} pulse_point;

typedef struct pulse_sliding
{
	pulse_memory memory;
	pulse_point *rows;			/* ring, the oldest at head */
	size_t		capacity;		/* power of two */
	size_t		head;
	size_t		count;
	int64_t		nonfinite;		/* rows whose value is not finite: in the ring only */
	pulse_sliding_suffix *older;	/* the suffix from the oldest row on comes last */
	size_t		n_older;
	size_t		older_capacity;
	pulse_sliding_record *records;
	size_t		n_records;
	size_t		records_capacity;
	size_t		reaching;		/* the first record that reaches the peak of the older rows */
	pulse_sliding_total reached;	/* of the records from there on, but the last */
	pulse_sliding_stretch newer;	/* all newer rows */
} pulse_sliding;

/* The finite rows of a window. */
typedef struct pulse_sliding_curve
{
	pulse_underwater underwater;
	int64_t		longest;		/* time under water, to the last row */
	double		deepest;
	double		largest;		/* in money */
	double		low;
} pulse_sliding_curve;

extern void pulse_sliding_begin(pulse_sliding *s, pulse_memory memory);
extern void pulse_sliding_push(pulse_sliding *s, int64_t ts, double value);
extern void pulse_sliding_pop(pulse_sliding *s);
extern const pulse_point *pulse_sliding_row(const pulse_sliding *s, size_t i);
extern void pulse_sliding_result(const pulse_sliding *s, pulse_sliding_curve *curve);

#endif							/* PULSE_CORE_SLIDING_H */
