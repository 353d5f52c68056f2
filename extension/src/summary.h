/*
 * The type pulse_summary, as other files use it.
 */
#ifndef PULSE_SUMMARY_H
#define PULSE_SUMMARY_H

#include "postgres.h"

#include "core/curve.h"
#include "core/summary.h"

extern Datum pulse_summary_datum(const pulse_segment *segments, size_t n, int64 width);
extern void pulse_summary_segments(Datum summary, int64 period, pulse_segment **segments, size_t *n);
extern void pulse_summary_curve(Datum summary, int64 period, pulse_curve *curve);

#endif							/* PULSE_SUMMARY_H */
