/*
 * What windows combine: types for pulse_queue.
 */
#ifndef PULSE_CORE_WINDOWS_H
#define PULSE_CORE_WINDOWS_H

#include "core/benchmark.h"
#include "core/moments.h"
#include "core/partial_moments.h"
#include "core/queue.h"
#include "core/trades.h"

/* Partial moments with the moments that its ratios need; the origin is a double, the threshold. */
typedef struct pulse_partial_window
{
	pulse_moments moments;
	pulse_partial partial;
} pulse_partial_window;

typedef struct pulse_growth_window
{
	int64_t		n;
	pulse_growth growth;
} pulse_growth_window;

typedef struct pulse_flow_point
{
	double		value;
	double		flow;
	int64_t		ts;
} pulse_flow_point;

/* Flows linked out of a curve, as in core/curve.h; NaN where a flow met equity that was not positive. */
typedef struct pulse_link_window
{
	int64_t		n;
	int64_t		nonfinite;		/* rows with a number that is not finite */
	int64_t		not_positive;	/* rows whose equity is not */
	double		first;			/* link of the first row: a window begins after its flow */
	double		rest;			/* product of the others */
} pulse_link_window;

typedef struct pulse_pair
{
	double		r;
	double		b;
} pulse_pair;

/* An exponentially weighted mean of squares that the first one seeds. */
typedef struct pulse_ewma_window
{
	int64_t		n;
	double		lambda;
	double		decay;			/* lambda^n */
	double		first;			/* squared */
	double		rest;			/* weighted sum of the others' squares, the weights being those at the end */
	bool		nonfinite;
} pulse_ewma_window;

/* Losses in a row. */
typedef struct pulse_runs_window
{
	int64_t		n;
	int64_t		leading;		/* up to the first trade without a loss */
	int64_t		trailing;		/* after the last one */
	int64_t		longest;
	bool		nonfinite;
} pulse_runs_window;

typedef struct pulse_trades_window
{
	pulse_trades trades;
	pulse_moments moments;
} pulse_trades_window;

extern const pulse_queue_type pulse_spread_window;	/* values: double; element: pulse_moments up to m2 */
extern const pulse_queue_type pulse_shape_window;	/* values: double; element: pulse_moments */
extern const pulse_queue_type pulse_partial_window_type;	/* values: double */
extern const pulse_queue_type pulse_growth_window_type; /* values: double */
extern const pulse_queue_type pulse_link_window_type;	/* values: pulse_flow_point */
extern const pulse_queue_type pulse_stability_window_type;	/* values: double; element: pulse_stability */
extern const pulse_queue_type pulse_ewma_window_type;	/* values: double; the origin is a double, the decay */
extern const pulse_queue_type pulse_pair_window;	/* values: pulse_pair; element: pulse_benchmark */
extern const pulse_queue_type pulse_pair_growth_window; /* the same with growth */
extern const pulse_queue_type pulse_trades_window_type; /* values: double */
extern const pulse_queue_type pulse_runs_window_type;	/* values: double */

#endif							/* PULSE_CORE_WINDOWS_H */
