/*
 * Reads fills through a cursor, a batch at a time, so that memory stays bounded however long
 * a history is, and says of each whether and how it can be booked.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_numeric.h"
#include "src/ledger_rows.h"

PG_FUNCTION_INFO_V1(pulse_fee_kind);
PG_FUNCTION_INFO_V1(pulse_symbol_assets);

#define FILL_COLUMNS 14

/*
 * Returns the ORDER BY that puts a followed table's fills in the order of booking. Only the order
 * within a portfolio matters, so a numeric key needs no sort beyond an index on time and key.
 */
const char *
pulse_fill_order(const pulse_source *source)
{
	return source->ordinal_is_key ? " ORDER BY executed_at, ordinal" : " ORDER BY executed_at, fill_key COLLATE \"C\"";
}

/* Makes a reader ready to be opened. */
static void
begin_reader(pulse_fill_reader *reader, Oid run_as, MemoryContext parent)
{
	memset(reader, 0, sizeof(*reader));
	reader->run_as = run_as;
	reader->batch_size = 20;
	reader->batch_context = AllocSetContextCreate(parent, "pulse fills", ALLOCSET_DEFAULT_SIZES);
}

/*
 * Opens a query that yields PULSE_FILL_COLUMNS: over a followed table with the caller's snapshot,
 * over our own tables (fresh) with what this application has just written.
 */
void
pulse_read_fills(pulse_fill_reader *reader, const char *query, int nargs, Oid *types, Datum *values,
				 const char *nulls, Oid run_as, bool fresh, MemoryContext parent)
{
	pulse_identity identity;

	begin_reader(reader, run_as, parent);
	if (OidIsValid(run_as))
		identity = pulse_act_as(run_as, true);
	reader->portal = SPI_cursor_open_with_args(NULL, query, nargs, types, values, nulls, !fresh, 0);
	if (OidIsValid(run_as))
		pulse_act_back(&identity);
}

/* Opens a plan of such a query over a followed table, with the caller's snapshot. */
void
pulse_read_planned_fills(pulse_fill_reader *reader, SPIPlanPtr plan, Datum *values, const char *nulls, Oid run_as,
						 MemoryContext parent)
{
	pulse_identity identity;

	begin_reader(reader, run_as, parent);
	identity = pulse_act_as(run_as, true);
	reader->portal = SPI_cursor_open(NULL, plan, values, nulls, true);
	pulse_act_back(&identity);
}

/* Orders fills of one symbol: time, then id as a number, then id as text. */
int
pulse_compare_fills(TimestampTz a_time, int64 a_ordinal, const char *a_key,
					TimestampTz b_time, int64 b_ordinal, const char *b_key)
{
	if (a_time != b_time)
		return a_time < b_time ? -1 : 1;
	if (a_ordinal != b_ordinal)
		return a_ordinal < b_ordinal ? -1 : 1;
	return strcmp(a_key, b_key);
}

/* Reads a side: 1 for a sale, 0 for a purchase, -1 for neither. */
static int
side_of(const char *side)
{
	if (pg_strcasecmp(side, "BUY") == 0 || pg_strcasecmp(side, "B") == 0)
		return 0;
	if (pg_strcasecmp(side, "SELL") == 0 || pg_strcasecmp(side, "S") == 0)
		return 1;
	return -1;
}

/* Says why a fill cannot be booked, or NULL; fills in what the ledger needs. */
static const char *
examine(pulse_fill *fill, bool has_time, bool has_quantity, bool has_price)
{
	ledger_fill *booking = &fill->booking;
	int			side;

	if (fill->portfolio == NULL || fill->fill_key == NULL)
		return "portfolio or key is null";
	if (!has_time || TIMESTAMP_NOT_FINITE(fill->executed_at))
		return "no time of execution";
	if (fill->symbol == NULL || fill->symbol[0] == '\0')
		return "no symbol";
	side = fill->side == NULL ? -1 : side_of(fill->side);
	if (side < 0)
		return "side is neither BUY nor SELL";
	fill->side = side ? "SELL" : "BUY";
	if (!has_quantity || !pulse_decimal_from_numeric(fill->quantity, &booking->quantity))
		return "quantity is null, not finite, or too long";
	if (decimal_sign(&booking->quantity) <= 0)
		return "quantity is not positive";
	if (!has_price || !pulse_decimal_from_numeric(fill->price, &booking->price))
		return "price is null, not finite, or too long";
	if (decimal_sign(&booking->price) < 0)
		return "price is negative";
	if (!pulse_decimal_from_numeric(fill->fee, &booking->fee))
		return "fee is not finite, or too long";
	booking->sell = side != 0;
	booking->fee_kind = ledger_fee_kind_of(fill->symbol, fill->fee_asset);
	booking->time = fill->executed_at;
	return NULL;
}

/* Turns a text value into a string, or NULL. */
static char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

/* Unpacks one row. */
static void
unpack(pulse_fill *fill, HeapTuple tuple, TupleDesc desc)
{
	Datum		value[FILL_COLUMNS];
	bool		null[FILL_COLUMNS];

	heap_deform_tuple(tuple, desc, value, null);
	memset(fill, 0, sizeof(*fill));
	fill->portfolio = text_or_null(value[0], null[0]);
	fill->ordinal = null[1] ? 0 : DatumGetInt64(value[1]);
	fill->fill_key = text_or_null(value[2], null[2]);
	fill->executed_at = null[3] ? 0 : DatumGetTimestampTz(value[3]);
	fill->symbol = text_or_null(value[4], null[4]);
	fill->side = text_or_null(value[5], null[5]);
	/* only what is stored out of line or with a short header is copied */
	fill->quantity = null[6] ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM(value[6]));
	fill->price = null[7] ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM(value[7]));
	fill->fee = null[8] ? DirectFunctionCall1(int4_numeric, Int32GetDatum(0)) : PointerGetDatum(PG_DETOAST_DATUM(value[8]));
	fill->fee_asset = text_or_null(value[9], null[9]);
	fill->order_id = text_or_null(value[10], null[10]);
	fill->fill_id = text_or_null(value[11], null[11]);
	fill->strategy = text_or_null(value[12], null[12]);
	fill->has_confidence = !null[13];
	fill->confidence = null[13] ? 0 : DatumGetFloat8(value[13]);
	fill->problem = examine(fill, !null[3], !null[6], !null[7]);
}

/* Fetches the next batch, forgetting the last one; false at the end. */
bool
pulse_next_batch(pulse_fill_reader *reader)
{
	pulse_identity identity;
	MemoryContext old;

	MemoryContextReset(reader->batch_context);
	SPI_freetuptable(reader->rows);
	if (OidIsValid(reader->run_as))
		identity = pulse_act_as(reader->run_as, true);
	SPI_cursor_fetch(reader->portal, true, (long) reader->batch_size);
	if (OidIsValid(reader->run_as))
		pulse_act_back(&identity);

	/* the fills point into these rows */
	reader->rows = SPI_tuptable;
	reader->count = SPI_processed;
	reader->next = 0;
	reader->batch_size = PULSE_BATCH;
	old = MemoryContextSwitchTo(reader->batch_context);
	reader->fill = palloc(sizeof(pulse_fill) * Max(reader->count, 1));
	for (uint64 i = 0; i < reader->count; i++)
		unpack(&reader->fill[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	MemoryContextSwitchTo(old);
	return reader->count > 0;
}

/* Returns the next fill, fetching as needed, or NULL at the end. */
pulse_fill *
pulse_next_fill(pulse_fill_reader *reader)
{
	if (reader->next == reader->count && !pulse_next_batch(reader))
		return NULL;
	return &reader->fill[reader->next++];
}

/* Closes the query. */
void
pulse_end_fills(pulse_fill_reader *reader)
{
	SPI_freetuptable(reader->rows);
	SPI_cursor_close(reader->portal);
	MemoryContextDelete(reader->batch_context);
}

/* SQL: pulse.fee_kind(symbol, fee_asset): quote, base or other. */
Datum
pulse_fee_kind(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"quote", "base", "other"};
	char	   *asset = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(names[ledger_fee_kind_of(text_to_cstring(PG_GETARG_TEXT_PP(0)), asset)]));
}

/* Returns a stretch of text in upper case. */
static Datum
upper_text(const char *text, size_t length)
{
	return PointerGetDatum(cstring_to_text(asc_toupper(text, length)));
}

/* SQL: pulse.symbol_assets(symbol). */
Datum
pulse_symbol_assets(PG_FUNCTION_ARGS)
{
	const char *symbol = text_to_cstring(PG_GETARG_TEXT_PP(0));
	size_t		base_length;
	const char *quote;
	size_t		quote_length;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	ledger_symbol_assets(symbol, &base_length, &quote, &quote_length);
	nulls[0] = base_length == 0;
	nulls[1] = quote == NULL;
	values[0] = nulls[0] ? (Datum) 0 : upper_text(symbol, base_length);
	values[1] = nulls[1] ? (Datum) 0 : upper_text(quote, quote_length);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
