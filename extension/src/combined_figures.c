/*
 * Figures of several portfolios together, in one pass over the sum of their curves.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/drawdown_points.h"
#include "src/chart.h"
#include "src/combined_curve.h"
#include "src/compat.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/numeric_decode.h"
#include "src/summary.h"

PG_FUNCTION_INFO_V1(pulse_combined_metrics);
PG_FUNCTION_INFO_V1(pulse_combined_summary);
PG_FUNCTION_INFO_V1(pulse_combined_segments);
PG_FUNCTION_INFO_V1(pulse_combined_levels);
PG_FUNCTION_INFO_V1(pulse_combined_chart);

/* Points handed over at once. */
#define BLOCK 1024

#define MAX_CUTS 100000

/* Arguments after those that every function has. */
#define FIRST_OWN_ARGUMENT 5

/* Reads the curve that the call's arguments stand for and hands over its points in blocks. */
static void
each_block(FunctionCallInfo fcinfo, RowConsumer consumer, void *argument)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "pulse combined curve", ALLOCSET_DEFAULT_SIZES);
	CombinedCurve *points = pulse_combined_curve_begin(pulse_combined_arguments(fcinfo, context), context);
	int64	   *ts = MemoryContextAlloc(context, BLOCK * sizeof(int64));
	double	   *value = MemoryContextAlloc(context, BLOCK * sizeof(double));
	double	   *flow = MemoryContextAlloc(context, BLOCK * sizeof(double));
	size_t		n = 0;
	bool		first = true;
	CombinedPoint point;

	while (pulse_combined_curve_next(points, &point))
	{
		if (unlikely(TIMESTAMP_NOT_FINITE(point.ts)))
			pulse_check_timestamp(point.ts);
		ts[n] = point.ts;
		value[n] = point.is_numeric ? pulse_numeric_to_double(point.numeric_value) : pulse_amount_to_double(&point.value);
		flow[n] = point.is_numeric ? pulse_numeric_to_double(point.numeric_flow) : pulse_amount_to_double(&point.flow);
		/* what a curve begins with is no deposit */
		if (first)
			flow[n] = 0;
		first = false;
		if (++n == BLOCK)
		{
			consumer(argument, ts, value, flow, n);
			n = 0;
		}
	}
	if (n > 0)
		consumer(argument, ts, value, flow, n);
	pulse_combined_curve_end(points);
	MemoryContextDelete(context);
}

static void
add_to_curve(void *curve, const int64 *ts, const double *value, const double *flow, size_t n)
{
	pulse_curve_add(curve, ts, value, flow, n);
}

/* SQL: pulse.combined_metrics(sources, queries, portfolio, since, until). */
Datum
pulse_combined_metrics(PG_FUNCTION_ARGS)
{
	static const EquityParameters parameters = {.period = USECS_PER_DAY, .confidence = PULSE_DEFAULT_CONFIDENCE};
	pulse_curve curve;

	pulse_curve_begin(&curve, parameters.period, pulse_palloc_memory(CurrentMemoryContext));
	each_block(fcinfo, add_to_curve, &curve);
	if (curve.n == 0)
		PG_RETURN_NULL();
	return pulse_metrics_row(fcinfo, &curve, &parameters);
}

static void
add_to_summary(void *segments, const int64 *ts, const double *value, const double *flow, size_t n)
{
	pulse_segments *s = segments;

	pulse_segments_add(s, ts, value, flow, n);
	if (s->n > PULSE_SUMMARY_MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the equity curve has too many periods for a summary"),
				 errhint("Use a longer period.")));
}

/* SQL: pulse.combined_summary(sources, queries, portfolio, since, until, period). */
Datum
pulse_combined_summary(PG_FUNCTION_ARGS)
{
	pulse_segments segments;
	int64		period;

	if (PG_ARGISNULL(FIRST_OWN_ARGUMENT))
		pulse_refuse_null_parameter();
	period = pulse_check_period(PG_GETARG_INTERVAL_P(FIRST_OWN_ARGUMENT));
	pulse_segments_begin(&segments, period, pulse_palloc_memory(CurrentMemoryContext));
	each_block(fcinfo, add_to_summary, &segments);
	if (segments.n == 0)
		PG_RETURN_NULL();
	pulse_segments_end(&segments);
	PG_RETURN_DATUM(pulse_summary_datum(segments.segments, segments.n, period));
}

/* Segments on their way into a result. */
typedef struct SegmentRows
{
	ReturnSetInfo *result;
	pulse_segments segments;	/* since the last cut */
	const Datum *cuts;
	int			n_cuts;
	int			part;			/* cuts that have been passed */
} SegmentRows;

/* Puts out what is complete, or, before a cut, all. */
static void
put_segments(SegmentRows *rows, bool all)
{
	pulse_segments *s = &rows->segments;
	size_t		kept = all || s->n == 0 ? 0 : 1;

	if (all)
		pulse_segments_end(s);
	for (size_t i = 0; i + kept < s->n; i++)
		pulse_put_segment(rows->result, rows->part, &s->segments[i]);
	if (kept > 0)
		s->segments[0] = s->segments[s->n - 1];
	s->n = kept;
	if (all)
		s->end = INT64_MIN;
}

static void
add_to_rows(void *argument, const int64 *ts, const double *value, const double *flow, size_t n)
{
	SegmentRows *rows = argument;
	size_t		from = 0;

	while (from < n)
	{
		size_t		to = from;

		if (rows->part < rows->n_cuts && ts[from] >= DatumGetTimestampTz(rows->cuts[rows->part]))
		{
			put_segments(rows, true);
			while (rows->part < rows->n_cuts && ts[from] >= DatumGetTimestampTz(rows->cuts[rows->part]))
				rows->part++;
		}
		while (to < n && (rows->part == rows->n_cuts || ts[to] < DatumGetTimestampTz(rows->cuts[rows->part])))
			to++;
		/* what lies before the first cut, or from the last one on, is not asked for */
		if (rows->part > 0 && rows->part < rows->n_cuts)
			pulse_segments_add(&rows->segments, ts + from, value + from, flow + from, to - from);
		from = to;
	}
	put_segments(rows, false);
}

/* SQL: pulse.combined_segments(sources, queries, portfolio, since, until, cuts, by_days). */
Datum
pulse_combined_segments(PG_FUNCTION_ARGS)
{
	SegmentRows rows = {0};
	ArrayType  *array;
	Datum	   *cuts;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(FIRST_OWN_ARGUMENT) || PG_ARGISNULL(FIRST_OWN_ARGUMENT + 1))
		return (Datum) 0;
	array = PG_GETARG_ARRAYTYPE_P(FIRST_OWN_ARGUMENT);
	if (ARR_HASNULL(array))
		pulse_refuse_null_parameter();
	deconstruct_array(array, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &cuts, NULL, &rows.n_cuts);
	if (rows.n_cuts > MAX_CUTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("too many parts")));
	rows.cuts = cuts;
	rows.result = (ReturnSetInfo *) fcinfo->resultinfo;
	pulse_segments_begin(&rows.segments, PG_GETARG_BOOL(FIRST_OWN_ARGUMENT + 1) ? USECS_PER_DAY : USECS_PER_HOUR,
						 pulse_palloc_memory(CurrentMemoryContext));
	each_block(fcinfo, add_to_rows, &rows);
	put_segments(&rows, true);
	return (Datum) 0;
}

/* Points of drawdowns on their way into a result. */
typedef struct LevelRows
{
	ReturnSetInfo *result;
	pulse_drawdown_points points;
} LevelRows;

static void
put_levels(LevelRows *rows, const pulse_level *points, int n)
{
	bool		nulls[2] = {false};

	for (int i = 0; i < n; i++)
	{
		Datum		values[2] = {TimestampTzGetDatum(points[i].ts), Float8GetDatum(points[i].level)};

		tuplestore_putvalues(rows->result->setResult, rows->result->setDesc, values, nulls);
	}
}

static void
add_to_levels(void *argument, const int64 *ts, const double *value, const double *flow, size_t n)
{
	LevelRows  *rows = argument;
	pulse_level points[PULSE_DRAWDOWN_POINTS];

	for (size_t i = 0; i < n; i++)
	{
		int			told = pulse_drawdown_points_add(&rows->points, ts[i], value[i], flow[i], points);

		if (told > 0)
			put_levels(rows, points, told);
	}
}

/* SQL: pulse.combined_levels(sources, queries, portfolio, since, until). */
Datum
pulse_combined_levels(PG_FUNCTION_ARGS)
{
	LevelRows	rows = {0};
	pulse_level points[PULSE_DRAWDOWN_POINTS];

	InitMaterializedSRF(fcinfo, 0);
	rows.result = (ReturnSetInfo *) fcinfo->resultinfo;
	each_block(fcinfo, add_to_levels, &rows);
	put_levels(&rows, points, pulse_drawdown_points_end(&rows.points, points));
	return (Datum) 0;
}

/* A chart that is begun with the first point. */
typedef struct ChartPoints
{
	MemoryContext context;
	TimestampTz until;
	int			points;
	chart_state *chart;
} ChartPoints;

static void
add_to_chart(void *argument, const int64 *ts, const double *value, const double *flow, size_t n)
{
	ChartPoints *points = argument;

	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(value[i]))
			continue;
		if (points->chart == NULL)
			points->chart = pulse_chart_begin(points->context, points->points, ts[i], points->until);
		pulse_chart_add(points->chart, ts[i], value[i], flow[i]);
	}
}

/* SQL: pulse.combined_chart(sources, queries, portfolio, since, until, points). */
Datum
pulse_combined_chart(PG_FUNCTION_ARGS)
{
	ChartPoints points = {.context = CurrentMemoryContext};

	if (PG_ARGISNULL(FIRST_OWN_ARGUMENT - 1) || PG_ARGISNULL(FIRST_OWN_ARGUMENT))
		pulse_refuse_null_parameter();
	points.until = PG_GETARG_TIMESTAMPTZ(FIRST_OWN_ARGUMENT - 1);
	points.points = PG_GETARG_INT32(FIRST_OWN_ARGUMENT);
	each_block(fcinfo, add_to_chart, &points);
	if (points.chart == NULL)
		PG_RETURN_NULL();
	return pulse_chart_points(points.chart);
}
