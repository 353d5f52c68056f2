/*
 * Summaries of an equity curve: a segment for every bucket, from which every
 * figure of the whole follows, and their form in bytes.
 */
#ifndef PULSE_CORE_SUMMARY_H
#define PULSE_CORE_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/curve.h"

#define PULSE_SEGMENT_NONFINITE	0x01	/* a value or flow was NaN or infinite */
#define PULSE_SEGMENT_BROKEN	0x02	/* equity was not positive */
#define PULSE_SEGMENT_LOST		0x04	/* a flow inside met equity that was not positive */
#define PULSE_SEGMENT_CUT		0x08	/* so did the flow at the first observation */
#define PULSE_SEGMENT_OVERLAP	0x10	/* was merged from pieces that overlap in time: drawdown is approximate */
#define PULSE_SEGMENT_FLAGS		0x1f

/* high, low: in units of after the last flow. */
typedef struct pulse_segment
{
	int64_t		bucket;
	int64_t		n;
	int64_t		first_ts;
	int64_t		last_ts;
	double		first;
	double		last;
	double		entry_link;		/* (value - flow) / value at the first observation */
	double		entry_flow;
	double		link;			/* product of the same over later flows */
	double		flow;			/* sum of later flows */
	double		high;
	double		low;
	int64_t		high_ts;
	double		deepest;		/* drawdown inside */
	uint64_t	flags;
} pulse_segment;

/* Bytes of a header and of a segment on the wire. */
#define PULSE_SUMMARY_MAGIC		0x5053	/* "PS" */
#define PULSE_SUMMARY_VERSION	1
#define PULSE_SUMMARY_HEADER	16
#define PULSE_SUMMARY_SEGMENT	(15 * 8)

/* Segments that rows in time order are being added to. */
typedef struct pulse_segments
{
	int64_t		width;
	pulse_memory memory;
	pulse_segment *segments;
	size_t		n;
	size_t		allocated;
	int64_t		end;			/* of the last bucket */
	pulse_drawdown drawdown;	/* in the last bucket */
} pulse_segments;

extern void pulse_segments_begin(pulse_segments *s, int64_t width, pulse_memory memory);
extern void pulse_segments_add(pulse_segments *s, const int64_t *ts, const double *value, const double *flow, size_t n);
extern void pulse_segments_end(pulse_segments *s);
extern size_t pulse_segments_of_rows(const int64_t *ts, const double *value, const double *flow, size_t n,
									 int64_t width, pulse_memory memory, pulse_segment **segments);
extern size_t pulse_segments_merge(pulse_segment *segments, size_t n);
extern void pulse_segments_to_curve(const pulse_segment *segments, size_t n, int64_t width,
									pulse_memory memory, pulse_curve *curve);
extern bool pulse_segments_overlap(const pulse_segment *segments, size_t n);

extern void pulse_summary_write(const pulse_segment *segments, size_t n, int64_t width, uint8_t *bytes);
extern const char *pulse_summary_read(const uint8_t *bytes, size_t size, pulse_memory memory,
									  pulse_segment **segments, size_t *n, int64_t *width);
extern const char *pulse_summary_from_text(const char *text, size_t length, uint8_t *bytes, size_t *size);
extern void pulse_summary_to_text(const uint8_t *bytes, size_t n, char *text);
extern const char *pulse_segments_check(const pulse_segment *segments, size_t n, int64_t width);

#endif							/* PULSE_CORE_SUMMARY_H */
