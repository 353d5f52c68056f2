/*
 * What windows combine: types for pulse_queue.
 */
#ifndef PULSE_CORE_WINDOWS_H
#define PULSE_CORE_WINDOWS_H

#include "core/benchmark.h"
#include "core/drawdown.h"
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

typedef struct pulse_point
{
	int64_t		ts;
	double		value;
} pulse_point;

typedef struct pulse_drawdown_window
{
	int64_t		n;
	int64_t		nonfinite;		/* values that were not finite */
	double		high;
	double		low;
	double		last;
	double		deepest;
} pulse_drawdown_window;

typedef struct pulse_pair
{
	double		r;
	double		b;
} pulse_pair;

typedef struct pulse_trades_window
{
	pulse_trades trades;
	pulse_moments moments;
} pulse_trades_window;

extern const pulse_queue_type pulse_spread_window;	/* values: double; element: pulse_moments up to m2 */
extern const pulse_queue_type pulse_shape_window;	/* values: double; element: pulse_moments */
extern const pulse_queue_type pulse_partial_window_type;	/* values: double */
extern const pulse_queue_type pulse_growth_window_type; /* values: double */
extern const pulse_queue_type pulse_drawdown_window_type;	/* values: pulse_point */
extern const pulse_queue_type pulse_pair_window;	/* values: pulse_pair; element: pulse_benchmark */
extern const pulse_queue_type pulse_pair_growth_window; /* the same with growth */
extern const pulse_queue_type pulse_trades_window_type; /* values: double */

#endif							/* PULSE_CORE_WINDOWS_H */
