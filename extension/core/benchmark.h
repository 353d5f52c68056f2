/*
 * Returns against those of a benchmark, pairwise.
 */
#ifndef PULSE_CORE_BENCHMARK_H
#define PULSE_CORE_BENCHMARK_H

#include "core/comoments.h"
#include "core/moments.h"

/* Compounded growth of both over the periods in which the benchmark rose, or fell. */
typedef struct pulse_capture
{
	int64_t		n;
	pulse_growth returns;
	pulse_growth benchmark;
} pulse_capture;

typedef struct pulse_benchmark
{
	pulse_comoments pairs;		/* x: return, y: benchmark */
	pulse_moments active;		/* return - benchmark: their variances would cancel */
	pulse_growth growth;		/* of the returns */
	pulse_capture up;
	pulse_capture down;
} pulse_benchmark;

extern void pulse_benchmark_add(pulse_benchmark *p, double r, double b, bool with_growth);
extern void pulse_benchmark_merge(pulse_benchmark *p, const pulse_benchmark *other);
extern bool pulse_beta(const pulse_benchmark *p, double *result);
extern bool pulse_alpha(const pulse_benchmark *p, double risk_free, double periods, double *result);
extern bool pulse_tracking_error(const pulse_benchmark *p, double periods, double *result);
extern bool pulse_information_ratio(const pulse_benchmark *p, double periods, double *result);
extern bool pulse_treynor(const pulse_benchmark *p, double risk_free, double periods, double *result);
extern bool pulse_capture_ratio(const pulse_benchmark *p, const pulse_capture *side, double periods, double *result);

#endif							/* PULSE_CORE_BENCHMARK_H */
