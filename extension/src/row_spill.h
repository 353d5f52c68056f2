/*
 * Rows of an equity curve that do not fit in memory: ordered runs in a
 * temporary file, and their merge.
 */
#ifndef PULSE_ROW_SPILL_H
#define PULSE_ROW_SPILL_H

#include "postgres.h"

#include "fmgr.h"

typedef struct RowSpill RowSpill;

/* Takes rows in time order; flow is NULL without flows. */
typedef void (*RowConsumer) (void *argument, const int64 *ts, const double *value, const double *flow, size_t n);

extern RowSpill *pulse_row_spill_begin(FunctionCallInfo fcinfo, MemoryContext context, bool flows);
extern void pulse_row_spill_end(RowSpill *spill);
extern void pulse_row_spill_run(RowSpill *spill, const int64 *ts, const double *value, const double *flow, size_t n);
extern bool pulse_row_spill_follows(const RowSpill *spill, int64 first_ts);
extern void pulse_row_spill_merge(RowSpill *spill, const int64 *ts, const double *value, const double *flow, size_t n,
								  RowConsumer consumer, void *argument);

#endif							/* PULSE_ROW_SPILL_H */
