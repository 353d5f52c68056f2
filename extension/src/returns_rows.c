/*
 * pulse_returns(): the returns behind the figures, one row a bucket.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "core/summary.h"
#include "src/compat.h"
#include "src/equity.h"
#include "src/metric_args.h"
#include "src/summary.h"

PG_FUNCTION_INFO_V1(pulse_summary_returns);

#define N_COLUMNS 7

/* What happened in a bucket beyond its return. */
typedef struct BucketRow
{
	int64		n;
	double		value;
	double		flow;
} BucketRow;

/* Takes the segments of the bucket that begins at segment *i. */
static BucketRow
read_bucket(const pulse_segment *segments, size_t n, size_t *i, int64 period)
{
	int64		index = pulse_bucket_index(segments[*i].first_ts, period);
	BucketRow	row = {0};

	for (; *i < n && pulse_bucket_index(segments[*i].first_ts, period) == index; (*i)++)
	{
		row.n += segments[*i].n;
		row.value = segments[*i].last;
		/* the very first flow came before there was anything to grow */
		row.flow += segments[*i].flow + (*i > 0 ? segments[*i].entry_flow : 0.0);
	}
	return row;
}

/*
 * Returns a row for every bucket of a summary: (summary, period). Buckets
 * without an observation carry the value forward and are marked.
 */
Datum
pulse_summary_returns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		period = pulse_check_period(PG_GETARG_INTERVAL_P(1));
	pulse_segment *segments;
	pulse_curve curve;
	double	   *returns;
	size_t		n_returns;
	size_t		n;
	size_t		i = 0;
	BucketRow	row = {0};
	int64		next;

	InitMaterializedSRF(fcinfo, 0);
	pulse_summary_segments(PG_GETARG_DATUM(0), period, &segments, &n);
	pulse_segments_to_curve(segments, n, period, pulse_palloc_memory(CurrentMemoryContext), &curve);
	returns = pulse_equity_returns(&curve, &n_returns);

	next = curve.buckets[0].index;
	for (int64 k = 0; k <= pulse_curve_periods(&curve); k++)
	{
		Datum		values[N_COLUMNS];
		bool		nulls[N_COLUMNS] = {false};
		bool		gap = i >= n || curve.buckets[0].index + k < next;
		int64		start = pulse_bucket_start(curve.buckets[0].index + k, period);

		CHECK_FOR_INTERRUPTS();
		if (!gap)
		{
			row = read_bucket(segments, n, &i, period);
			next = i < n ? pulse_bucket_index(segments[i].first_ts, period) : PG_INT64_MAX;
		}
		values[0] = TimestampTzGetDatum(start);
		values[1] = TimestampTzGetDatum(start + period);
		values[2] = Int64GetDatum(gap ? 0 : row.n);
		values[3] = Float8GetDatum(row.value);
		values[4] = Float8GetDatum(gap ? 0.0 : row.flow);
		values[5] = Float8GetDatum(k > 0 && n_returns > 0 ? returns[k - 1] : 0.0);
		nulls[5] = k == 0 || n_returns == 0;
		values[6] = BoolGetDatum(gap);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
