/*
 * Data of TRADE_ALERT events. In C because every fill passes here: as an SQL function it was the costliest part of a tick.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "src/compat.h"
#include "src/json_time.h"
#include "src/trade_alert.h"

PG_FUNCTION_INFO_V1(pulse_trade_alert);

static const char *const column_names[PULSE_TRADE_COLUMNS] = {
	"fill_key", "symbol", "side", "quantity", "price", "fee", "fee_asset", "executed_at", "order_id", "fill_id", "strategy",
	"confidence", "realized_pnl", "position"
};

/* Adds a key. */
static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = (int) strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

/* Adds a key with a string, null when there is none. */
static void
push_string(JsonbParseState **state, const char *key, const char *string)
{
	JsonbValue	value;

	push_key(state, key);
	value.type = string != NULL ? jbvString : jbvNull;
	if (string != NULL)
	{
		value.val.string.val = unconstify(char *, string);
		value.val.string.len = (int) strlen(string);
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Adds a text column. */
static void
push_text(JsonbParseState **state, const char *key, const NullableDatum *column)
{
	push_string(state, key, column->isnull ? NULL : TextDatumGetCString(column->value));
}

/* Adds a numeric column as an exact decimal string. */
static void
push_numeric(JsonbParseState **state, const char *key, const NullableDatum *column)
{
	push_string(state, key, column->isnull ? NULL : DatumGetCString(DirectFunctionCall1(numeric_out, column->value)));
}

/* Adds the confidence as a number; JSON has none for NaN and infinity. */
static void
push_confidence(JsonbParseState **state, const NullableDatum *column)
{
	JsonbValue	value;

	push_key(state, "confidence");
	if (column->isnull)
		value.type = jbvNull;
	else if (!isfinite(DatumGetFloat8(column->value)))
	{
		value.type = jbvString;
		value.val.string.val = DatumGetCString(DirectFunctionCall1(float8out, column->value));
		value.val.string.len = (int) strlen(value.val.string.val);
	}
	else
	{
		value.type = jbvNumeric;
		value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, DirectFunctionCall1(float8out, column->value),
																ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Takes the columns that are wanted out of a row of pulse.fill; where they stand is found out once per call site. */
static void
read_columns(FunctionCallInfo fcinfo, NullableDatum columns[PULSE_TRADE_COLUMNS])
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	int		   *positions = fcinfo->flinfo->fn_extra;
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row),.t_data = row};
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *nulls = palloc(desc->natts * sizeof(bool));

	ItemPointerSetInvalid(&tuple.t_self);
	if (positions == NULL)
	{
		positions = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, PULSE_TRADE_COLUMNS * sizeof(int));
		for (int i = 0; i < PULSE_TRADE_COLUMNS; i++)
			if ((positions[i] = SPI_fnumber(desc, column_names[i])) <= 0)
				elog(ERROR, "pulse.fill has no column \"%s\"", column_names[i]);
		fcinfo->flinfo->fn_extra = positions;
	}
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < PULSE_TRADE_COLUMNS; i++)
		columns[i] = (NullableDatum) {values[positions[i] - 1], nulls[positions[i] - 1]};
	ReleaseTupleDesc(desc);
	pfree(values);
	pfree(nulls);
}

Datum
pulse_trade_alert_data(const NullableDatum *columns)
{
	JsonbParseState *state = NULL;
	bool		no_value = columns[PULSE_TRADE_QUANTITY].isnull || columns[PULSE_TRADE_PRICE].isnull;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	/* in the order that jsonb has keys in, by length and then by bytes: so they need not be sorted */
	push_text(&state, "id", &columns[PULSE_TRADE_FILL_KEY]);
	push_numeric(&state, "fee", &columns[PULSE_TRADE_FEE]);
	push_text(&state, "side", &columns[PULSE_TRADE_SIDE]);
	push_numeric(&state, "price", &columns[PULSE_TRADE_PRICE]);
	push_string(&state, "value", no_value ? NULL :
				DatumGetCString(DirectFunctionCall1(numeric_out, DirectFunctionCall2(numeric_mul, columns[PULSE_TRADE_QUANTITY].value,
																					 columns[PULSE_TRADE_PRICE].value))));
	push_text(&state, "symbol", &columns[PULSE_TRADE_SYMBOL]);
	push_text(&state, "fill_id", &columns[PULSE_TRADE_FILL_ID]);
	push_text(&state, "order_id", &columns[PULSE_TRADE_ORDER_ID]);
	push_numeric(&state, "position", &columns[PULSE_TRADE_POSITION]);
	push_numeric(&state, "quantity", &columns[PULSE_TRADE_QUANTITY]);
	push_text(&state, "strategy", &columns[PULSE_TRADE_STRATEGY]);
	push_text(&state, "fee_asset", &columns[PULSE_TRADE_FEE_ASSET]);
	push_confidence(&state, &columns[PULSE_TRADE_CONFIDENCE]);
	push_string(&state, "executed_at", columns[PULSE_TRADE_EXECUTED_AT].isnull ? NULL :
				pulse_json_time(DatumGetTimestampTz(columns[PULSE_TRADE_EXECUTED_AT].value)));
	push_numeric(&state, "realized_pnl", &columns[PULSE_TRADE_REALIZED_PNL]);
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* SQL: pulse.trade_alert(fill). */
Datum
pulse_trade_alert(PG_FUNCTION_ARGS)
{
	NullableDatum columns[PULSE_TRADE_COLUMNS];

	read_columns(fcinfo, columns);
	return pulse_trade_alert_data(columns);
}
