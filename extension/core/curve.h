/*
 * An equity curve with external flows: its drawdown at every observation and
 * its returns by buckets of time.
 */
#ifndef PULSE_CORE_CURVE_H
#define PULSE_CORE_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/compensated.h"
#include "core/drawdown.h"
#include "core/memory.h"

typedef struct pulse_bucket
{
	int64_t		index;
	double		last;			/* the value at the end */
	double		link;			/* product of (value - flow) / value at the flows inside */
} pulse_bucket;

typedef struct pulse_curve
{
	int64_t		width;			/* of a bucket, in microseconds; 0: no buckets */
	int64_t		n;
	int64_t		first_ts;
	int64_t		last_ts;
	double		first_value;
	double		last_value;
	double		link;			/* product over all flows */
	pulse_sum	net_flow;
	bool		nonfinite;		/* a NaN or an infinity was among values or flows */
	bool		broken;			/* equity was not positive: returns mean nothing */
	bool		lost;			/* a flow met equity that was not positive: nor does drawdown */
	pulse_drawdown drawdown;
	int64_t		bucket_start;	/* of the last bucket */
	int64_t		bucket_end;
	pulse_bucket *buckets;
	size_t		n_buckets;
	size_t		allocated;
	pulse_memory memory;
} pulse_curve;

extern void pulse_curve_begin(pulse_curve *c, int64_t width, pulse_memory memory);
extern void pulse_curve_add(pulse_curve *c, const int64_t *ts, const double *value,
							const double *flow, size_t n);
extern double pulse_linked_return(double from, double to, double link);
extern int64_t pulse_bucket_index(int64_t ts, int64_t width);
extern int64_t pulse_bucket_start(int64_t index, int64_t width);
extern int64_t pulse_curve_periods(const pulse_curve *c);
extern void pulse_curve_returns(const pulse_curve *c, double *returns);
extern int64_t pulse_curve_gaps(const pulse_curve *c);
extern bool pulse_curve_last_return(const pulse_curve *c, double *result);
extern bool pulse_curve_total_return(const pulse_curve *c, double *result);
extern bool pulse_curve_cagr(const pulse_curve *c, double *result);
extern bool pulse_curve_calmar(const pulse_curve *c, double *result);

#endif							/* PULSE_CORE_CURVE_H */
