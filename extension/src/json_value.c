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

#include "src/compat.h"

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
