/*
 * More values than fit in memory, in order, on disk.
 */
#ifndef PULSE_VALUE_SORT_H
#define PULSE_VALUE_SORT_H

#include "postgres.h"

#include "fmgr.h"

typedef struct ValueSort ValueSort;

extern bool pulse_can_spill(FunctionCallInfo fcinfo);
extern ValueSort *pulse_value_sort_begin(FunctionCallInfo fcinfo, MemoryContext context);
extern void pulse_value_sort_put(ValueSort *sort, const double *values, size_t n);
extern double pulse_value_sort_quantile(ValueSort *sort, double p);
extern double pulse_value_sort_tail_mean(ValueSort *sort, double limit);

#endif							/* PULSE_VALUE_SORT_H */
