/*
 * Adaptive thresholds: a band's row in SQL to core/band.h and back.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "src/alert_arguments.h"
#include "src/compat.h"

/* More values than this no band keeps. */
#define MAX_VALUES 10000

PG_FUNCTION_INFO_V1(pulse_band_add_sql);
PG_FUNCTION_INFO_V1(pulse_band_levels_sql);

/* Takes samples, mean, variance and values from the first arguments; capacity 0: only looked at. */
static void
band_from(FunctionCallInfo fcinfo, int32 capacity, pulse_band *band)
{
	ArrayType  *array = PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3);
	Datum	   *values;
	bool	   *nulls;
	int			n = 0;

	memset(band, 0, sizeof(pulse_band));
	band->samples = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	band->mean = PG_ARGISNULL(1) ? 0 : PG_GETARG_FLOAT8(1);
	band->variance = PG_ARGISNULL(2) ? 0 : PG_GETARG_FLOAT8(2);
	if (array != NULL)
		deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &n);
	band->capacity = capacity > 0 ? capacity : n;
	band->values = palloc(sizeof(double) * Max(band->capacity, 1));
	/* the newest where fewer are kept than there are */
	for (int i = Max(0, n - band->capacity); i < n; i++)
		if (!nulls[i])
			band->values[band->count++] = DatumGetFloat8(values[i]);
	if (band->capacity > 0)
		band->next = band->count % band->capacity;
}

static TupleDesc
result_type(FunctionCallInfo fcinfo)
{
	TupleDesc	desc = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (desc != NULL)
		return desc;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "unexpected result type");
	fcinfo->flinfo->fn_extra = desc = BlessTupleDesc(CreateTupleDescCopy(desc));
	MemoryContextSwitchTo(old);
	return desc;
}

/* SQL: pulse.band_add(samples, mean, variance, values, keep, half_life, value); the values come back oldest first. */
Datum
pulse_band_add_sql(PG_FUNCTION_ARGS)
{
	int32		keep = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT32(4);
	double		half_life = pulse_alert_float(fcinfo, 5);
	double		value = pulse_alert_float(fcinfo, 6);
	pulse_band	band;
	Datum		columns[4];
	bool		nulls[4] = {false, false, false, false};
	Datum	   *kept;

	if (keep < 0 || keep > MAX_VALUES || !(half_life > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size or half-life of a band is out of range")));
	band_from(fcinfo, keep, &band);
	if (keep == 0)
		band.capacity = band.count = 0;
	if (isfinite(value))
		pulse_band_add(&band, half_life, value);
	kept = palloc(sizeof(Datum) * Max(band.count, 1));
	for (int i = 0; i < band.count; i++)
		kept[i] = Float8GetDatum(band.values[band.count < band.capacity ? i : (band.next + i) % band.capacity]);
	columns[0] = Int64GetDatum(band.samples);
	columns[1] = Float8GetDatum(band.mean);
	columns[2] = Float8GetDatum(band.variance);
	nulls[3] = keep == 0;
	columns[3] = PointerGetDatum(construct_array(kept, band.count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_type(fcinfo), columns, nulls)));
}

/* SQL: pulse.band_levels(samples, mean, variance, values, method, comparator, warning, critical, min_width, factor). */
Datum
pulse_band_levels_sql(PG_FUNCTION_ARGS)
{
	pulse_band	band;
	pulse_alert_limits limits;
	pulse_band_shape shape;
	double		warning;
	double		critical;
	Datum		columns[2] = {0};
	bool		nulls[2];

	if (PG_ARGISNULL(4) || PG_ARGISNULL(0))
	{
		nulls[0] = nulls[1] = true;
		PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_type(fcinfo), columns, nulls)));
	}
	band_from(fcinfo, 0, &band);
	pulse_alert_limits_from(fcinfo, 5, &limits);
	shape.quantile = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(4)), "quantile") == 0;
	shape.below = limits.below;
	shape.warning = limits.warning;
	shape.critical = limits.critical;
	shape.min_width = limits.hysteresis;
	shape.factor = PG_ARGISNULL(9) ? 1 : PG_GETARG_FLOAT8(9);
	pulse_band_levels(&band, &shape, palloc(sizeof(double) * Max(band.count, 1)), &warning, &critical);
	columns[0] = Float8GetDatum(warning);
	columns[1] = Float8GetDatum(critical);
	nulls[0] = isnan(warning);
	nulls[1] = isnan(critical);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_type(fcinfo), columns, nulls)));
}
