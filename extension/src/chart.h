/*
 * An equity curve thinned out for a chart.
 */
#ifndef PULSE_CHART_H
#define PULSE_CHART_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef struct chart_state chart_state;

/* Begins a chart of so many points between the time of the first row and another. */
extern chart_state *pulse_chart_begin(MemoryContext context, int points, TimestampTz begin, TimestampTz end);

/* Adds a row; they come in order of time. */
extern void pulse_chart_add(chart_state *state, TimestampTz ts, double value, double flow);

/* Returns float8[][4] of seconds since 1970, value, drawdown, flow since the point before. */
extern Datum pulse_chart_points(chart_state *state);

#endif							/* PULSE_CHART_H */
