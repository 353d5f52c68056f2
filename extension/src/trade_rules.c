/*
 * Which fills an alert rule is about. Nearly all are nobody's business, and every fill passes here, so it is found out in C,
 * straight from the data of its event. What fits is judged anew, and exactly, by pulse.take_trades(): where this cannot tell,
 * a fill is taken along.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/decimal.h"
#include "src/alert_match.h"
#include "src/compat.h"
#include "src/event_data.h"

PG_FUNCTION_INFO_V1(pulse_trade_is_notable);

typedef enum TradeProperty
{
	TRADE_VALUE, TRADE_QUANTITY, TRADE_PROFIT, TRADE_LOSS, TRADE_SHARE, TRADE_OPENED, TRADE_CLOSED, TRADE_FLIPPED, TRADE_PROPERTIES
} TradeProperty;

static const char *const property_names[TRADE_PROPERTIES] = {
	"value", "quantity", "profit", "loss", "share", "opened", "closed", "flipped"
};

/* The attributes of pulse.trade_bound. */
enum
{
	BOUND_METRIC, BOUND_BELOW, BOUND_INCLUSIVE, BOUND_NEAREST, BOUND_PORTFOLIOS, BOUND_SYMBOLS, BOUND_ATTRIBUTES
};

/* The nearer threshold of a rule. */
typedef struct TradeBound
{
	int			property;		/* TRADE_PROPERTIES: none that is known here */
	bool		below;
	bool		inclusive;
	float8		nearest;
	ArrayType  *portfolios;		/* patterns, NULL: all */
	ArrayType  *symbols;
} TradeBound;

typedef struct TradeBounds
{
	int			count;
	TradeBound	bound[FLEXIBLE_ARRAY_MEMBER];
} TradeBounds;

/* What is known of a property of a fill. */
typedef enum TradeKnowledge
{
	TRADE_UNKNOWN, TRADE_NULL, TRADE_KNOWN
} TradeKnowledge;

/* A fill, as the data of its event has it; equity is the value of its portfolio. */
typedef struct TradeFill
{
	JsonbContainer *data;
	bool		has_equity;
	float8		equity;
} TradeFill;

static ArrayType *
pattern_array(Datum value, bool isnull)
{
	return isnull ? NULL : DatumGetArrayTypePCopy(value);
}

/* Takes the rules' bounds out of their array. */
static TradeBounds *
read_bounds(ArrayType *array)
{
	Datum	   *elements;
	bool	   *no_element;
	int			count;
	TradeBounds *bounds;
	TupleDesc	desc = lookup_rowtype_tupdesc(ARR_ELEMTYPE(array), -1);
	int16		length;
	bool		by_value;
	char		alignment;

	if (desc->natts != BOUND_ATTRIBUTES)
		elog(ERROR, "pulse.trade_bound has %d attributes", desc->natts);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &alignment);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, &elements, &no_element, &count);
	bounds = palloc0(offsetof(TradeBounds, bound) + sizeof(TradeBound) * count);
	for (int i = 0; i < count; i++)
	{
		TradeBound *bound = &bounds->bound[bounds->count];
		HeapTupleHeader row;
		HeapTupleData tuple = {0};
		Datum		values[BOUND_ATTRIBUTES];
		bool		nulls[BOUND_ATTRIBUTES];
		char	   *metric;

		if (no_element[i])
			continue;
		row = DatumGetHeapTupleHeader(elements[i]);
		tuple.t_len = HeapTupleHeaderGetDatumLength(row);
		tuple.t_data = row;
		heap_deform_tuple(&tuple, desc, values, nulls);
		/* without a threshold nothing is beyond it */
		if (nulls[BOUND_METRIC] || nulls[BOUND_NEAREST])
			continue;
		metric = TextDatumGetCString(values[BOUND_METRIC]);
		while (bound->property < TRADE_PROPERTIES && strcmp(metric, property_names[bound->property]) != 0)
			bound->property++;
		bound->below = !nulls[BOUND_BELOW] && DatumGetBool(values[BOUND_BELOW]);
		bound->inclusive = !nulls[BOUND_INCLUSIVE] && DatumGetBool(values[BOUND_INCLUSIVE]);
		bound->nearest = DatumGetFloat8(values[BOUND_NEAREST]);
		bound->portfolios = pattern_array(values[BOUND_PORTFOLIOS], nulls[BOUND_PORTFOLIOS]);
		bound->symbols = pattern_array(values[BOUND_SYMBOLS], nulls[BOUND_SYMBOLS]);
		bounds->count++;
	}
	ReleaseTupleDesc(desc);
	return bounds;
}

/* The bounds of a call: for all rows of a query they are the same, and are read once. */
static TradeBounds *
call_bounds(FunctionCallInfo fcinfo)
{
	MemoryContext old;

	if (!get_fn_expr_arg_stable(fcinfo->flinfo, 0))
		return read_bounds(PG_GETARG_ARRAYTYPE_P(0));
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = read_bounds(PG_GETARG_ARRAYTYPE_P(0));
		MemoryContextSwitchTo(old);
	}
	return fcinfo->flinfo->fn_extra;
}

/* Copies a number's text; unknown where it has more digits than a number of the ledger has. */
static TradeKnowledge
number_text(const TradeFill *fill, const char *key, char text[DECIMAL_TEXT_SIZE])
{
	JsonbValue	value;

	if (!pulse_find_string(fill->data, key, &value))
		return TRADE_NULL;
	if (value.val.string.len >= DECIMAL_TEXT_SIZE)
		return TRADE_UNKNOWN;
	memcpy(text, value.val.string.val, value.val.string.len);
	text[value.val.string.len] = '\0';
	return TRADE_KNOWN;
}

/* Reads a number as a cast to double precision does. */
static TradeKnowledge
read_float(const TradeFill *fill, const char *key, float8 *result)
{
	char		text[DECIMAL_TEXT_SIZE];
	TradeKnowledge known = number_text(fill, key, text);
	char	   *end;

	if (known != TRADE_KNOWN)
		return known;
	*result = strtod(text, &end);
	return *end == '\0' && end > text && isfinite(*result) ? TRADE_KNOWN : TRADE_UNKNOWN;
}

/* Reads a number exactly. */
static TradeKnowledge
read_decimal(const TradeFill *fill, const char *key, decimal *result)
{
	char		text[DECIMAL_TEXT_SIZE];

	return number_text(fill, key, text) == TRADE_KNOWN && decimal_from_text(text, result) ? TRADE_KNOWN : TRADE_UNKNOWN;
}

/* What a fill did to the position: compared exactly. */
static TradeKnowledge
position_property(const TradeFill *fill, int property, float8 *result)
{
	JsonbValue	side;
	decimal		step;
	decimal		after;
	decimal		before;

	if (read_decimal(fill, "quantity", &step) != TRADE_KNOWN || read_decimal(fill, "position", &after) != TRADE_KNOWN ||
		!pulse_find_string(fill->data, "side", &side))
		return TRADE_UNKNOWN;
	if (side.val.string.len == 4 && memcmp(side.val.string.val, "SELL", 4) == 0)
		step = decimal_negate(step);
	if (!decimal_subtract(&after, &step, &before))
		return TRADE_UNKNOWN;
	if (property == TRADE_OPENED)
		*result = decimal_sign(&after) != 0 && decimal_sign(&before) == 0;
	else if (property == TRADE_CLOSED)
		*result = decimal_sign(&after) == 0 && decimal_sign(&step) != 0;
	else
		*result = decimal_sign(&before) * decimal_sign(&after) < 0;
	return TRADE_KNOWN;
}

/* Computes a property, as pulse.trade_property() does. */
static TradeKnowledge
trade_property(const TradeFill *fill, int property, float8 *result)
{
	TradeKnowledge known;

	switch (property)
	{
		case TRADE_VALUE:
			return read_float(fill, "value", result);
		case TRADE_QUANTITY:
			known = read_float(fill, "quantity", result);
			*result = known == TRADE_KNOWN ? fabs(*result) : 0;
			return known;
		case TRADE_PROFIT:
			return read_float(fill, "realized_pnl", result);
		case TRADE_LOSS:
			known = read_float(fill, "realized_pnl", result);
			*result = known == TRADE_KNOWN ? -*result : 0;
			return known;
		case TRADE_SHARE:
			if (!fill->has_equity || !float8_gt(fill->equity, 0))
				return TRADE_NULL;
			known = read_float(fill, "value", result);
			if (known != TRADE_KNOWN)
				return known;
			*result /= fill->equity;
			return isinf(*result) ? TRADE_UNKNOWN : TRADE_KNOWN;
		case TRADE_OPENED:
		case TRADE_CLOSED:
		case TRADE_FLIPPED:
			return position_property(fill, property, result);
		default:
			return TRADE_UNKNOWN;
	}
}

/* Whether a property is beyond the threshold, NaN being above everything as SQL has it. */
static bool
is_beyond(const TradeBound *bound, float8 value)
{
	if (bound->inclusive && float8_eq(value, bound->nearest))
		return true;
	/* pulse.take_trades() compares -NaN, which is NaN, where the bad side is below */
	if (bound->below)
		return float8_gt(-value, -bound->nearest);
	return float8_gt(value, bound->nearest);
}

/*
 * SQL: pulse.trade_is_notable(bounds, data, portfolio, equity): whether one of the bounds, which are those of rules, may be
 * crossed by a fill.
 */
Datum
pulse_trade_is_notable(PG_FUNCTION_ARGS)
{
	TradeBounds *bounds;
	Jsonb	   *data;
	TradeFill	fill = {0};
	TradeKnowledge known[TRADE_PROPERTIES + 1];
	float8		values[TRADE_PROPERTIES + 1];
	bool		computed[TRADE_PROPERTIES + 1] = {false};
	JsonbValue	symbol;
	text	   *name = NULL;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_BOOL(false);
	bounds = call_bounds(fcinfo);
	data = PG_GETARG_JSONB_P(1);
	if (!JB_ROOT_IS_OBJECT(data))
		PG_RETURN_BOOL(true);
	fill.data = &data->root;
	fill.has_equity = !PG_ARGISNULL(3);
	if (fill.has_equity)
		fill.equity = PG_GETARG_FLOAT8(3);
	for (int i = 0; i < bounds->count; i++)
	{
		const TradeBound *bound = &bounds->bound[i];
		int			property = bound->property;

		if (!computed[property])
			known[property] = trade_property(&fill, property, &values[property]);
		computed[property] = true;
		if (known[property] == TRADE_NULL || (known[property] == TRADE_KNOWN && !is_beyond(bound, values[property])))
			continue;
		if (!pulse_name_matches(bound->portfolios, PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_PP(2)))
			continue;
		if (bound->symbols != NULL && name == NULL && pulse_find_string(fill.data, "symbol", &symbol))
			name = cstring_to_text_with_len(symbol.val.string.val, symbol.val.string.len);
		if (pulse_name_matches(bound->symbols, name))
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}
