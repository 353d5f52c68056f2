/*
 * The few points of a curve that tell its drawdowns: where each begins, is lowest and ends.
 */
#ifndef PULSE_CORE_DRAWDOWN_POINTS_H
#define PULSE_CORE_DRAWDOWN_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pulse_level
{
	int64_t		ts;
	double		level;			/* logarithm of the growth since the first observation */
} pulse_level;

typedef struct pulse_drawdown_points
{
	bool		any;
	double		value;			/* the last one */
	pulse_level last;
	pulse_level peak;			/* the newest */
	pulse_level lowest;			/* since then */
	bool		peak_told;
	bool		under_water;
} pulse_drawdown_points;

/* Each call tells up to so many points. */
#define PULSE_DRAWDOWN_POINTS 2

/* Adds an observation, flows being removed, and tells which points are known by now; returns how many. */
extern int	pulse_drawdown_points_add(pulse_drawdown_points *d, int64_t ts, double value, double flow, pulse_level *points);

/* Tells those that the end of the curve leaves. */
extern int	pulse_drawdown_points_end(pulse_drawdown_points *d, pulse_level *points);

#endif							/* PULSE_CORE_DRAWDOWN_POINTS_H */
