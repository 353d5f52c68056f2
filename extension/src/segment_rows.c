/*
 * Segments of equity curves as rows of a result.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/summary.h"

PG_FUNCTION_INFO_V1(pulse_summary_segment_rows);

/* Returns one segment as a row, with part in front. */
void
pulse_put_segment(ReturnSetInfo *result, int32 part, const pulse_segment *s)
{
	Datum		values[13];
	bool		nulls[13] = {false};

	values[0] = Int32GetDatum(part);
	values[1] = TimestampTzGetDatum(s->first_ts);
	values[2] = TimestampTzGetDatum(s->last_ts);
	values[3] = Int64GetDatum(s->n);
	values[4] = Float8GetDatum(s->first);
	values[5] = Float8GetDatum(s->last);
	values[6] = Float8GetDatum(s->high);
	values[7] = TimestampTzGetDatum(s->high_ts);
	values[8] = Float8GetDatum(s->low);
	values[9] = Float8GetDatum(s->deepest);
	values[10] = Float8GetDatum(s->flow + s->entry_flow);
	/* undefined where equity was not positive */
	values[11] = Float8GetDatum(s->link);
	values[12] = Float8GetDatum(s->entry_link);
	nulls[11] = nulls[12] = (s->flags & (PULSE_SEGMENT_BROKEN | PULSE_SEGMENT_LOST | PULSE_SEGMENT_CUT | PULSE_SEGMENT_NONFINITE)) != 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* SQL: pulse.summary_segments(summary). */
Datum
pulse_summary_segment_rows(PG_FUNCTION_ARGS)
{
	pulse_segment *segments;
	size_t		n;

	InitMaterializedSRF(fcinfo, 0);
	pulse_summary_segments(PG_GETARG_DATUM(0), 0, &segments, &n);
	for (size_t i = 0; i < n; i++)
		pulse_put_segment((ReturnSetInfo *) fcinfo->resultinfo, (int32) i + 1, &segments[i]);
	return (Datum) 0;
}
