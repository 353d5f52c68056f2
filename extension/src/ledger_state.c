/*
 * Positions in memory: loading them from pulse.position, booking fills into them, collecting
 * what that changes in our tables, and writing it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/attempt.h"
#include "src/compat.h"
#include "src/event.h"
#include "src/fill_events.h"
#include "src/ledger_dust.h"
#include "src/ledger_fills.h"
#include "src/ledger_key.h"
#include "src/ledger_numeric.h"
#include "src/ledger_recent.h"
#include "src/ledger_state.h"

typedef struct symbol_entry
{
	pulse_symbol_key key;
	pulse_symbol *symbol;
	uint32		hash;
	char		status;
} symbol_entry;

#define SH_PREFIX symbol_table
#define SH_ELEMENT_TYPE symbol_entry
#define SH_KEY_TYPE pulse_symbol_key
#define SH_KEY key
#define SH_HASH_KEY(tb, k) pulse_hash_symbol_key(k)
#define SH_EQUAL(tb, a, b) pulse_same_symbol_key(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define MAX_FINDINGS 1000

static const char change_fills[] =
	"UPDATE pulse.fill f SET executed_at = n.executed_at, ordinal = n.ordinal, symbol = n.symbol, side = n.side,"
	" quantity = n.quantity, price = n.price, fee = n.fee, fee_asset = n.fee_asset, order_id = n.order_id,"
	" fill_id = n.fill_id, strategy = n.strategy, confidence = n.confidence"
	" FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
	" AS n (portfolio, fill_key, executed_at, ordinal, symbol, side, quantity, price, fee, fee_asset, order_id, fill_id, strategy, confidence)"
	" WHERE f.source_id = $1 AND f.portfolio = n.portfolio AND f.fill_key = n.fill_key";

static const Oid booked_types[] = {TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID};
static const char book_fills[] =
	"UPDATE pulse.fill f SET realized_pnl = n.realized_pnl, position = n.position,"
	" total_realized_pnl = n.total_realized_pnl, total_fees = n.total_fees"
	" FROM unnest($2, $3, $4, $5, $6, $7) AS n (portfolio, fill_key, realized_pnl, position, total_realized_pnl, total_fees)"
	" WHERE f.source_id = $1 AND f.portfolio = n.portfolio AND f.fill_key = n.fill_key"
	" AND (f.realized_pnl, f.position, f.total_realized_pnl, f.total_fees)"
	" IS DISTINCT FROM (n.realized_pnl, n.position, n.total_realized_pnl, n.total_fees)";

static const Oid key_types[] = {TEXTOID, TEXTOID};
static const char delete_fills[] =
	"DELETE FROM pulse.fill f USING unnest($2, $3) AS n (portfolio, fill_key)"
	" WHERE f.source_id = $1 AND f.portfolio = n.portfolio AND f.fill_key = n.fill_key";

static const Oid trade_types[] = {
	TEXTOID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, INT8OID, TEXTOID
};
/* pulse.unit_price() and pulse.trade_return() are written out: calling them costs more than all the rest. */
static const char insert_trades[] =
	"INSERT INTO pulse.closed_trade (source_id, portfolio, symbol, side, quantity, entry_price, exit_price, gross_pnl, fees,"
	" net_pnl, trade_return, opened_at, closed_at, holding, strategy, open_fill_key, close_ordinal, close_fill_key)"
	" SELECT $1, n.portfolio, n.symbol, n.side, n.quantity, trim_scale(n.entry_value / nullif(n.quantity, 0)),"
	" trim_scale(n.exit_value / nullif(n.quantity, 0)), n.gross_pnl, n.fees, n.gross_pnl - n.fees,"
	" ((n.gross_pnl - n.fees) / nullif(n.entry_value, 0))::double precision,"
	" n.opened_at, n.closed_at, n.closed_at - n.opened_at, n.strategy, n.open_fill_key, n.close_ordinal, n.close_fill_key"
	" FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
	" AS n (portfolio, symbol, side, quantity, entry_value, exit_value, gross_pnl, fees, opened_at, closed_at, strategy,"
	" open_fill_key, close_ordinal, close_fill_key)";

static const Oid finding_types[] = {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
static const char insert_findings[] =
	"INSERT INTO pulse.finding AS f (source_id, portfolio, fill_key, problem, executed_at)"
	" SELECT $1, * FROM unnest($2, $3, $4, $5)"
	" ON CONFLICT (source_id, portfolio, fill_key) DO UPDATE SET problem = excluded.problem,"
	" executed_at = excluded.executed_at, last_seen = excluded.last_seen";

/* Makes an empty ledger for the fills of one source; everything in it lives in the context. */
pulse_ledger *
pulse_ledger_create(int32 source_id, bool read_only, MemoryContext context)
{
	static SPIPlanPtr plans[6];
	MemoryContext old = MemoryContextSwitchTo(context);
	pulse_ledger *all = palloc0(sizeof(pulse_ledger));

	all->source_id = source_id;
	all->read_only = read_only;
	all->context = context;
	all->findings_allowed = MAX_FINDINGS;
	all->symbols = symbol_table_create(context, 64, NULL);
	all->dust = pulse_dust_load(context, read_only);
	all->new_fills = pulse_batch_create(pulse_store_fills, &plans[0], source_id, PULSE_FILL_BATCH_COLUMNS, pulse_new_fill_types);
	all->changed_fills = pulse_batch_create(change_fills, &plans[1], source_id, 14, pulse_new_fill_types);
	all->booked_fills = pulse_batch_create(book_fills, &plans[2], source_id, lengthof(booked_types), booked_types);
	all->deleted_fills = pulse_batch_create(delete_fills, &plans[3], source_id, lengthof(key_types), key_types);
	all->closed_trades = pulse_batch_create(insert_trades, &plans[4], source_id, lengthof(trade_types), trade_types);
	all->findings = pulse_batch_create(insert_findings, &plans[5], source_id, lengthof(finding_types), finding_types);
	MemoryContextSwitchTo(old);
	return all;
}

/* Spares inserts the look for a fill of the same key, where there can be none. */
void
pulse_ledger_expect_new(pulse_ledger *all)
{
	static SPIPlanPtr plan = NULL;

	all->new_fills->statement = pulse_store_new_fills;
	all->new_fills->plan = &plan;
}

/* Returns a numeric column of the current result row as a decimal. */
static decimal
result_decimal(int column)
{
	decimal		value = decimal_from_int64(0);
	bool		isnull;
	Datum		numeric = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	if (!isnull && !pulse_decimal_from_numeric(numeric, &value))
		elog(ERROR, "stored position with too many digits");
	return value;
}

/* Reads the stored state of a position. */
static void
load(pulse_ledger *all, pulse_symbol *symbol)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, TEXTOID, TEXTOID};
	Datum		values[] = {
		Int32GetDatum(all->source_id), CStringGetTextDatum(symbol->portfolio), CStringGetTextDatum(symbol->name)
	};
	MemoryContext old;
	TransactionId xmin = InvalidTransactionId;
	bool		isnull;
	HeapTuple	tuple;
	TupleDesc	desc;

	pulse_saved_plan(&plan, "SELECT quantity, cost, realized_pnl, fees, entry_quantity, entry_value, exit_quantity, exit_value,"
					 " trip_gross_pnl, trip_fees, coalesce(opened_at, dust_since), last_executed_at, last_ordinal, last_fill_key,"
					 " open_fill_key, strategy, opened_at IS NOT NULL, mark_price, p.xmin"
					 " FROM pulse.position p WHERE source_id = $1 AND portfolio = $2 AND symbol = $3", 3, types);
	if (SPI_execute_plan(plan, values, NULL, all->read_only, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.position");
	if (SPI_processed > 0)
	{
		ledger	   *book = &symbol->book;

		tuple = SPI_tuptable->vals[0];
		desc = SPI_tuptable->tupdesc;
		symbol->exists = true;
		book->quantity = result_decimal(1);
		book->cost = result_decimal(2);
		book->realized = result_decimal(3);
		book->fees = result_decimal(4);
		book->trip.open = DatumGetBool(SPI_getbinval(tuple, desc, 17, &isnull));
		book->trip.is_short = decimal_sign(&book->quantity) < 0;
		book->trip.entry_quantity = result_decimal(5);
		book->trip.entry_value = result_decimal(6);
		book->trip.exit_quantity = result_decimal(7);
		book->trip.exit_value = result_decimal(8);
		book->trip.gross = result_decimal(9);
		book->trip.fees = result_decimal(10);
		book->trip.opened_at = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 11, &isnull));
		symbol->last.time = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 12, &isnull));
		symbol->last.set = !isnull;
		symbol->last.ordinal = DatumGetInt64(SPI_getbinval(tuple, desc, 13, &isnull));
		old = MemoryContextSwitchTo(all->context);
		symbol->last.key = SPI_getvalue(tuple, desc, 14);
		symbol->trip_key = SPI_getvalue(tuple, desc, 15);
		symbol->trip_strategy = SPI_getvalue(tuple, desc, 16);
		MemoryContextSwitchTo(old);
		symbol->last_price = result_decimal(18);
		xmin = DatumGetTransactionId(SPI_getbinval(tuple, desc, 19, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	if (!all->read_only)
		pulse_recent_remember(all->source_id, symbol, xmin);
}

/* Forgets everything booked: an empty position. */
void
pulse_symbol_reset(pulse_ledger *all, pulse_symbol *symbol)
{
	ledger_init(&symbol->book, LEDGER_AVERAGE, NULL);
	pulse_dust_apply(all->dust, symbol->name, &symbol->book);
	symbol->last.set = false;
	symbol->fills = 1;
	symbol->touched = true;
}

/*
 * Takes a symbol back to the last fill before a point that left nothing at all, or to its
 * beginning: the totals are all that there is to know then, whatever the method.
 */
void
pulse_symbol_rewind(pulse_ledger *all, pulse_symbol *symbol, TimestampTz time, int64 ordinal, const char *key)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, TEXTOID};
	Datum		values[] = {
		Int32GetDatum(all->source_id), CStringGetTextDatum(symbol->portfolio), CStringGetTextDatum(symbol->name),
		TimestampTzGetDatum(time), Int64GetDatum(ordinal), CStringGetTextDatum(key)
	};

	pulse_symbol_reset(all, symbol);
	if (!all->read_only && pulse_recent_restore(all, symbol, time, ordinal, key))
		return;
	pulse_saved_plan(&plan,
					 "SELECT executed_at, ordinal, fill_key, total_realized_pnl, total_fees, price FROM pulse.fill"
					 " WHERE source_id = $1 AND portfolio = $2 AND symbol = $3 AND executed_at <= $4"
					 " AND (executed_at, ordinal, fill_key COLLATE \"C\") < ($4, $5, $6) AND position = 0"
					 " ORDER BY executed_at DESC, ordinal DESC, fill_key COLLATE \"C\" DESC LIMIT 1", 6, types);
	if (SPI_execute_plan(plan, values, NULL, all->read_only, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.fill");
	if (SPI_processed > 0)
	{
		HeapTuple	tuple = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		symbol->last.set = true;
		symbol->last.time = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 1, &isnull));
		symbol->last.ordinal = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
		symbol->last.key = MemoryContextStrdup(all->context, SPI_getvalue(tuple, desc, 3));
		symbol->book.realized = result_decimal(4);
		symbol->book.fees = result_decimal(5);
		symbol->last_price = result_decimal(6);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Returns the state of a symbol, from memory or as stored. */
pulse_symbol *
pulse_ledger_symbol(pulse_ledger *all, const char *portfolio, const char *name)
{
	pulse_symbol_key key = {portfolio, name};
	symbol_entry *entry = symbol_table_lookup(all->symbols, key);
	pulse_symbol *symbol;
	bool		found;

	if (entry != NULL)
		return entry->symbol;

	symbol = MemoryContextAllocZero(all->context, sizeof(pulse_symbol));
	symbol->portfolio = MemoryContextStrdup(all->context, portfolio);
	symbol->name = MemoryContextStrdup(all->context, name);
	pulse_symbol_reset(all, symbol);
	symbol->touched = false;
	load(all, symbol);
	if (all->newest != NULL)
		all->newest->next = symbol;
	else
		all->first = symbol;
	all->newest = symbol;
	key.portfolio = symbol->portfolio;
	key.name = symbol->name;
	symbol_table_insert(all->symbols, key, &found)->symbol = symbol;
	return symbol;
}

/* Replaces a string that lives in the ledger's context. */
static void
set_string(pulse_ledger *all, char **string, const char *value)
{
	if (*string != NULL && value != NULL && strcmp(*string, value) == 0)
		return;
	if (*string != NULL)
		pfree(*string);
	*string = value == NULL ? NULL : MemoryContextStrdup(all->context, value);
}

/* Remembers that a symbol must be booked anew from a point on, or from an earlier one. */
void
pulse_symbol_replay_from(pulse_ledger *all, pulse_symbol *symbol, TimestampTz time, int64 ordinal, const char *key)
{
	pulse_fill_point *point = &symbol->replay;

	if (point->set && pulse_compare_fills(time, ordinal, key, point->time, point->ordinal, point->key) >= 0)
		return;
	point->set = true;
	point->time = time;
	point->ordinal = ordinal;
	set_string(all, &point->key, key);
}

/* Collects a closed round trip. */
static void
collect_trade(pulse_ledger *all, const pulse_symbol *symbol, const ledger_trip *trip, const pulse_fill *closed_by)
{
	pulse_batch *batch = all->closed_trades;

	pulse_batch_row(batch);
	pulse_batch_text(batch, symbol->portfolio);
	pulse_batch_text(batch, symbol->name);
	pulse_batch_text(batch, trip->is_short ? "SHORT" : "LONG");
	pulse_batch_decimal(batch, &trip->entry_quantity);
	pulse_batch_decimal(batch, &trip->entry_value);
	pulse_batch_decimal(batch, &trip->exit_value);
	pulse_batch_decimal(batch, &trip->gross);
	pulse_batch_decimal(batch, &trip->fees);
	pulse_batch_datum(batch, TimestampTzGetDatum(trip->opened_at), false);
	pulse_batch_datum(batch, TimestampTzGetDatum(closed_by->executed_at), false);
	pulse_batch_text(batch, symbol->trip_strategy);
	pulse_batch_text(batch, symbol->trip_key);
	pulse_batch_datum(batch, Int64GetDatum(closed_by->ordinal), false);
	pulse_batch_text(batch, closed_by->fill_key);
}

/* Books a fill that comes after all that are booked; false when it has too many digits. */
bool
pulse_symbol_book(pulse_ledger *all, pulse_symbol *symbol, const pulse_fill *fill, ledger_outcome *outcome)
{
	ledger_fill booking = fill->booking;

	booking.tag = symbol->fills++;
	symbol->touched = true;
	if (!ledger_apply(&symbol->book, &booking, outcome))
		return false;
	if (outcome->trip_closed)
		collect_trade(all, symbol, &outcome->trip, fill);
	if (decimal_sign(&symbol->book.quantity) != 0 && symbol->book.trip.opened_by == booking.tag)
	{
		set_string(all, &symbol->trip_key, fill->fill_key);
		set_string(all, &symbol->trip_strategy, fill->strategy);
	}
	symbol->last.set = true;
	symbol->last.time = fill->executed_at;
	symbol->last.ordinal = fill->ordinal;
	set_string(all, &symbol->last.key, fill->fill_key);
	symbol->last_price = fill->booking.price;
	return true;
}

/* Records a row that cannot be booked, as far as there is room. */
void
pulse_ledger_note(pulse_ledger *all, const pulse_fill *fill, const char *problem)
{
	pulse_batch *batch = all->findings;

	if (batch->collected >= all->findings_allowed)
		return;
	pulse_batch_row(batch);
	pulse_batch_text(batch, fill->portfolio == NULL ? "" : fill->portfolio);
	pulse_batch_text(batch, fill->fill_key == NULL ? "" : fill->fill_key);
	pulse_batch_text(batch, problem);
	pulse_batch_datum(batch, TimestampTzGetDatum(fill->executed_at), fill->executed_at == 0);
}

/* Writes every batch; deletions first, so that a key that moved does not collide. */
void
pulse_ledger_flush(pulse_ledger *all)
{
	pulse_batch_flush(all->deleted_fills);
	pulse_batch_flush(all->changed_fills);
	pulse_batch_flush(all->new_fills);
	pulse_batch_flush(all->booked_fills);
	pulse_batch_flush(all->closed_trades);
	pulse_batch_flush(all->findings);
}

/* The new fills on their way through pulse_isolate(). */
typedef struct announcement
{
	pulse_batch *batch;
	PulseSequencer *sequencer;
	int			fills;			/* result */
} announcement;

/* Stores new fills with the numbers of the events that it writes. */
static void
announce(void *arg)
{
	announcement *work = arg;
	pulse_batch *batch = work->batch;
	PulseFillEvents writer;

	pulse_fill_events_begin(&writer, work->sequencer);
	for (int i = 0; i < batch->rows; i++)
	{
		NullableDatum fill[PULSE_FILL_BATCH_COLUMNS];

		for (int column = 0; column < PULSE_FILL_BATCH_COLUMNS; column++)
			fill[column] = (NullableDatum) {batch->values[column][i], batch->nulls[column][i]};
		pulse_fill_events_add(&writer, batch->source_id, fill);
	}
	work->fills = pulse_fill_events_end(&writer);
}

/*
 * Stores the new fills and announces them at once, rather than finding and changing them all again: they have been
 * booked, they are all there are, and they stand in the order of their execution. False when that fails, as when one of
 * their keys is taken; then nothing was done.
 */
bool
pulse_ledger_announce(pulse_ledger *all, PulseLedgerNews *news)
{
	pulse_batch *batch = all->new_fills;
	PulseSequencer before = *news->sequencer;
	announcement work = {batch, news->sequencer, 0};
	ErrorData  *error;

	pulse_sequencer_reserve(news->sequencer, batch->rows);
	before.limit = news->sequencer->limit;
	error = pulse_isolate(announce, &work, 0);
	if (error != NULL)
	{
		*news->sequencer = before;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		ereport(DEBUG1, (errmsg_internal("fills are announced after they have been stored: %s", error->message)));
		return false;
	}
	news->announced += work.fills;
	batch->written += work.fills;
	pulse_batch_forget(batch);
	return true;
}

/* Returns a decimal as an argument of a statement. */
static Datum
argument(const decimal *value)
{
	return pulse_numeric_from_decimal(value);
}

/* Writes the state of one symbol, or removes it when no fill is left. */
static void
save(pulse_ledger *all, pulse_symbol *symbol)
{
	static SPIPlanPtr save_plan = NULL;
	static SPIPlanPtr delete_plan = NULL;
	Oid			types[] = {
		INT4OID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID,
		TEXTOID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID,
		TIMESTAMPTZOID
	};
	const ledger *book = &symbol->book;
	ledger_trip trip = book->trip;
	bool		held = decimal_sign(&book->quantity) != 0;
	char		nulls[lengthof(types) + 1];
	Datum		values[lengthof(types)];
	bool		isnull;

	memset(nulls, ' ', lengthof(types));
	nulls[lengthof(types)] = '\0';
	values[0] = Int32GetDatum(all->source_id);
	values[1] = CStringGetTextDatum(symbol->portfolio);
	values[2] = CStringGetTextDatum(symbol->name);
	if (!symbol->last.set)
	{
		pulse_saved_plan(&delete_plan, "DELETE FROM pulse.position WHERE source_id = $1 AND portfolio = $2 AND symbol = $3", 3, types);
		if (SPI_execute_plan(delete_plan, values, NULL, false, 0) < 0)
			elog(ERROR, "could not write pulse.position");
		pulse_recent_saved(all->source_id, symbol, InvalidTransactionId);
		return;
	}
	if (!held)
		memset(&trip, 0, sizeof(trip));
	values[3] = argument(&book->quantity);
	values[4] = argument(&book->cost);
	values[5] = argument(&book->realized);
	values[6] = argument(&book->fees);
	values[7] = TimestampTzGetDatum(trip.opened_at);
	values[8] = TimestampTzGetDatum(symbol->last.time);
	values[9] = Int64GetDatum(symbol->last.ordinal);
	values[10] = CStringGetTextDatum(symbol->last.key);
	if (held && symbol->trip_key != NULL)
		values[11] = CStringGetTextDatum(symbol->trip_key);
	else
		nulls[11] = 'n';
	if (held && symbol->trip_strategy != NULL)
		values[12] = CStringGetTextDatum(symbol->trip_strategy);
	else
		nulls[12] = 'n';
	if (!trip.open)
		nulls[7] = 'n';
	values[13] = argument(&trip.entry_quantity);
	values[14] = argument(&trip.entry_value);
	values[15] = argument(&trip.exit_quantity);
	values[16] = argument(&trip.exit_value);
	values[17] = argument(&trip.gross);
	values[18] = argument(&trip.fees);
	values[19] = argument(&symbol->last_price);
	values[20] = TimestampTzGetDatum(trip.opened_at);
	if (!held || trip.open)
		nulls[20] = 'n';

	pulse_saved_plan(&save_plan,
					 "INSERT INTO pulse.position AS p (source_id, portfolio, symbol, quantity, cost, realized_pnl, fees, opened_at,"
					 " last_executed_at, last_ordinal, last_fill_key, open_fill_key, strategy, entry_quantity, entry_value,"
					 " exit_quantity, exit_value, trip_gross_pnl, trip_fees, mark_price, mark_at, dust_since)"
					 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $9, $21)"
					 " ON CONFLICT (source_id, portfolio, symbol) DO UPDATE SET quantity = excluded.quantity, cost = excluded.cost,"
					 " realized_pnl = excluded.realized_pnl, fees = excluded.fees, opened_at = excluded.opened_at,"
					 " updated_at = now(), last_executed_at = excluded.last_executed_at, last_ordinal = excluded.last_ordinal,"
					 " last_fill_key = excluded.last_fill_key, open_fill_key = excluded.open_fill_key, strategy = excluded.strategy,"
					 " entry_quantity = excluded.entry_quantity, entry_value = excluded.entry_value,"
					 " exit_quantity = excluded.exit_quantity, exit_value = excluded.exit_value,"
					 " trip_gross_pnl = excluded.trip_gross_pnl, trip_fees = excluded.trip_fees,"
					 " mark_price = excluded.mark_price, mark_at = excluded.mark_at, dust_since = excluded.dust_since RETURNING p.xmin",
					 lengthof(types), types);
	if (SPI_execute_plan(save_plan, values, nulls, false, 0) != SPI_OK_INSERT_RETURNING || SPI_processed != 1)
		elog(ERROR, "could not write pulse.position");
	pulse_recent_saved(all->source_id, symbol,
					   DatumGetTransactionId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	SPI_freetuptable(SPI_tuptable);
}

/* Writes what has been collected and every position that was touched. */
void
pulse_ledger_save(pulse_ledger *all)
{
	MemoryContext scratch = AllocSetContextCreate(all->context, "pulse save", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);

	pulse_ledger_flush(all);
	for (pulse_symbol *symbol = all->first; symbol != NULL; symbol = symbol->next)
	{
		if (!symbol->touched)
			continue;
		save(all, symbol);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}
