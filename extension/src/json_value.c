/*
 * Figures as JSON has them; called dozens of times for every portfolio that is shown.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/json_time.h"

PG_FUNCTION_INFO_V1(pulse_json_number);

/* Returns a double as a JSON number; null when it is NULL or not finite. */
Datum
pulse_json_number(PG_FUNCTION_ARGS)
{
	JsonbValue	value = {.type = jbvNull};

	if (!PG_ARGISNULL(0) && isfinite(PG_GETARG_FLOAT8(0)))
	{
		value.type = jbvNumeric;
		value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(float8out_internal(PG_GETARG_FLOAT8(0))),
																ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(&value));
}

/* Writes a time as ISO 8601 in UTC with microseconds, as pulse.json_time() does. */
char *
pulse_json_time(TimestampTz ts)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(ts) || timestamp2tm(ts, NULL, &tm, &fsec, NULL, NULL) != 0)
		return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(ts)));
	/* years before the first as to_char() has them */
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year > 0 ? tm.tm_year : 1 - tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec, fsec);
}
