/*
 * Thins an equity curve out for a chart: the range is cut into slots of time, and each keeps its
 * first, last, lowest and highest point, so that no extreme is lost. One pass, memory by the
 * number of points asked for.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "src/chart.h"
#include "src/compat.h"

PG_FUNCTION_INFO_V1(pulse_chart_accum);
PG_FUNCTION_INFO_V1(pulse_chart_final);

typedef struct chart_point
{
	int64		row;
	TimestampTz ts;
	double		value;
	double		drawdown;
	double		flow;			/* sum of flows up to here */
} chart_point;

/* What a slot of time keeps. */
typedef struct chart_slot
{
	bool		used;
	chart_point first;
	chart_point last;
	chart_point lowest;
	chart_point highest;
} chart_slot;

struct chart_state
{
	int			points;			/* asked for */
	int			slots;
	int64		rows;
	TimestampTz begin;
	TimestampTz end;
	double		previous;
	double		growth;			/* product of returns without flows */
	double		peak;
	double		flow;
	chart_point *all;			/* the first rows, as many as asked for: when there are no more, they are the chart */
	chart_slot *slot;
};

/* Begins a chart. */
chart_state *
pulse_chart_begin(MemoryContext context, int points, TimestampTz begin, TimestampTz end)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	chart_state *state;

	if (points < 4 || points > 100000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of points is out of range")));
	state = palloc0(sizeof(chart_state));
	state->points = points;
	state->slots = points / 4;
	state->begin = begin;
	state->end = end > begin ? end : begin + 1;
	state->growth = 1;
	state->peak = 1;
	state->all = palloc(sizeof(chart_point) * points);
	state->slot = palloc0(sizeof(chart_slot) * state->slots);
	MemoryContextSwitchTo(old);
	return state;
}

/* Adds a row to the running figures and returns it as a point. */
static chart_point
advance(chart_state *state, TimestampTz ts, double value, double flow)
{
	chart_point point;

	if (state->rows > 0)
	{
		state->growth = state->previous > 0 ? state->growth * ((value - flow) / state->previous) : NAN;
		state->flow += flow;
		if (state->growth > state->peak)
			state->peak = state->growth;
	}
	state->previous = value;
	point.row = state->rows++;
	point.ts = ts;
	point.value = value;
	point.drawdown = 1 - state->growth / state->peak;
	point.flow = state->flow;
	return point;
}

/* Adds a row. */
void
pulse_chart_add(chart_state *state, TimestampTz ts, double value, double flow)
{
	chart_point point = advance(state, ts, value, flow);
	double		share = (double) (point.ts - state->begin) / (double) (state->end - state->begin);
	chart_slot *slot = &state->slot[Max(0, Min(state->slots - 1, (int) (share * state->slots)))];

	if (point.row < state->points)
		state->all[point.row] = point;
	if (!slot->used)
	{
		slot->used = true;
		slot->first = slot->lowest = slot->highest = point;
	}
	slot->last = point;
	if (point.value < slot->lowest.value)
		slot->lowest = point;
	if (point.value > slot->highest.value)
		slot->highest = point;
}

/* Transition: (state, ts, value, flow, end, points), rows in order of time. */
Datum
pulse_chart_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	chart_state *state = PG_ARGISNULL(0) ? NULL : (chart_state *) PG_GETARG_POINTER(0);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "pulse_chart_accum called in non-aggregate context");
	if (!(PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(4) || PG_ARGISNULL(5)))
	{
		if (state == NULL)
			state = pulse_chart_begin(context, PG_GETARG_INT32(5), PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(4));
		pulse_chart_add(state, PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_FLOAT8(2), PG_ARGISNULL(3) ? 0 : PG_GETARG_FLOAT8(3));
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* Orders points of a slot. */
static int
compare_points(const void *a, const void *b)
{
	int64		x = ((const chart_point *) a)->row;
	int64		y = ((const chart_point *) b)->row;

	return x < y ? -1 : (x > y ? 1 : 0);
}

/* Collects the points of all slots, in order and each once; returns how many. */
static int
collect(const chart_state *state, chart_point *points)
{
	int			count = 0;

	for (int i = 0; i < state->slots; i++)
	{
		const chart_slot *slot = &state->slot[i];
		chart_point kept[4];

		if (!slot->used)
			continue;
		kept[0] = slot->first;
		kept[1] = slot->lowest;
		kept[2] = slot->highest;
		kept[3] = slot->last;
		qsort(kept, 4, sizeof(chart_point), compare_points);
		for (int k = 0; k < 4; k++)
			if (k == 0 || kept[k].row != kept[k - 1].row)
				points[count++] = kept[k];
	}
	return count;
}

/* Returns the chart. */
Datum
pulse_chart_points(chart_state *state)
{
	chart_point *points;
	Datum	   *cells;
	bool	   *nulls;
	int			count;
	int			dimensions[2];
	int			bounds[2] = {1, 1};
	double		flow = 0;

	if (state->rows <= state->points)
	{
		points = state->all;
		count = (int) state->rows;
	}
	else
	{
		points = palloc(sizeof(chart_point) * state->slots * 4);
		count = collect(state, points);
	}
	cells = palloc(sizeof(Datum) * count * 4);
	nulls = palloc0(sizeof(bool) * count * 4);
	for (int i = 0; i < count; i++)
	{
		int64		milliseconds = (points[i].ts + 500) / 1000 +
			(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;

		cells[i * 4] = Float8GetDatum((double) milliseconds / 1000.0);
		cells[i * 4 + 1] = Float8GetDatum(points[i].value);
		/* more digits would only be noise of the multiplications */
		cells[i * 4 + 2] = Float8GetDatum(rint(points[i].drawdown * 1e12) / 1e12);
		nulls[i * 4 + 2] = isnan(points[i].drawdown);
		cells[i * 4 + 3] = Float8GetDatum(points[i].flow - flow);
		flow = points[i].flow;
	}
	dimensions[0] = count;
	dimensions[1] = 4;
	PG_RETURN_ARRAYTYPE_P(construct_md_array(cells, nulls, 2, dimensions, bounds, FLOAT8OID, sizeof(float8),
											 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Final: the chart; NULL without rows. */
Datum
pulse_chart_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return pulse_chart_points((chart_state *) PG_GETARG_POINTER(0));
}
