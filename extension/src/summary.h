/*
 * The type pulse_summary, as other files use it.
 */
#ifndef PULSE_SUMMARY_H
#define PULSE_SUMMARY_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/memutils.h"

#include "core/curve.h"
#include "core/summary.h"

/* What a varlena, and so a summary, can hold. */
#define PULSE_SUMMARY_MAX_SEGMENTS ((MaxAllocSize - VARHDRSZ - PULSE_SUMMARY_HEADER) / PULSE_SUMMARY_SEGMENT)

extern Datum pulse_summary_datum(const pulse_segment *segments, size_t n, int64 width);
extern _Noreturn void pulse_summary_refuse(const char *error);
extern void pulse_summary_bytes(const char *bytes, size_t size, pulse_segment **segments, size_t *n, int64 *width);
extern void pulse_summary_segments(Datum summary, int64 period, pulse_segment **segments, size_t *n);
extern void pulse_summary_curve(Datum summary, int64 period, pulse_curve *curve);

/* Returns one segment as a row of a materialised result, with part in front. */
extern void pulse_put_segment(ReturnSetInfo *result, int32 part, const pulse_segment *segment);

#endif							/* PULSE_SUMMARY_H */
