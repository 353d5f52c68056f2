/*
 * Books fills straight from a followed table, as the current user sees it, and stores nothing:
 * for the lot methods, for positions that no tick has brought up to date, and for checking what is
 * stored.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_key.h"
#include "src/ledger_numeric.h"
#include "src/ledger_rows.h"
#include "src/ledger_source.h"

PG_FUNCTION_INFO_V1(pulse_replay_positions);
PG_FUNCTION_INFO_V1(pulse_replay_trades);
PG_FUNCTION_INFO_V1(pulse_replay_fills);

typedef enum replay_output
{
	REPLAY_POSITIONS,
	REPLAY_TRADES,
	REPLAY_FILLS
} replay_output;

/* One symbol of one portfolio. */
typedef struct replayed_symbol
{
	pulse_symbol_key key;
	ledger		book;
	decimal		last_price;
	TimestampTz last_time;
	char	   *strategy;		/* of the last fill; lots point to it */
} replayed_symbol;

typedef struct symbol_entry
{
	pulse_symbol_key key;
	replayed_symbol *symbol;
	uint32		hash;
	char		status;
} symbol_entry;

#define SH_PREFIX replay_table
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

/* One replay. */
typedef struct replay
{
	replay_output output;
	ReturnSetInfo *result;
	ledger_method method;
	ledger_hooks hooks;
	replay_table_hash *symbols;
	replayed_symbol *symbol;	/* of the fill that is being booked */
	MemoryContext context;		/* what lives as long as the replay */
	MemoryContext row_context;	/* what lives as long as a fill */
} replay;

/* Allocator for lots. */
static void *
resize_lots(void *context, void *memory, size_t size)
{
	replay	   *run = context;

	if (size > MaxAllocHugeSize)
		return NULL;
	if (memory == NULL)
		return MemoryContextAllocHuge(run->context, size);
	return repalloc_huge(memory, size);
}

/* Puts a result row out. */
static void
put(replay *run, Datum *values, bool *nulls)
{
	tuplestore_putvalues(run->result->setResult, run->result->setDesc, values, nulls);
}

/* Sets a text value, null for a null pointer. */
static void
set_text(Datum *value, bool *null, const char *text)
{
	*null = text == NULL;
	*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* Puts a closed trade out: a round trip, or a match with a lot. */
static void
put_trade(replay *run, bool is_short, const decimal *quantity, const decimal *entry_value, const decimal *exit_value,
		  const decimal *gross, const decimal *fees, int64 opened_at, int64 closed_at, uint64 opened_by)
{
	Datum		values[11];
	bool		nulls[11] = {false};

	set_text(&values[0], &nulls[0], run->symbol->key.portfolio);
	set_text(&values[1], &nulls[1], run->symbol->key.name);
	set_text(&values[2], &nulls[2], is_short ? "SHORT" : "LONG");
	values[3] = pulse_numeric_from_decimal(quantity);
	values[4] = pulse_numeric_from_decimal(entry_value);
	values[5] = pulse_numeric_from_decimal(exit_value);
	values[6] = pulse_numeric_from_decimal(gross);
	values[7] = pulse_numeric_from_decimal(fees);
	values[8] = TimestampTzGetDatum(opened_at);
	values[9] = TimestampTzGetDatum(closed_at);
	set_text(&values[10], &nulls[10], (const char *) (uintptr_t) opened_by);
	put(run, values, nulls);
}

/* Hook of the ledger: a closing fill met a lot. */
static void
put_match(void *context, const ledger_match *match)
{
	decimal		entry_value;
	decimal		exit_value;

	/* the ledger has computed these products already, so they fit */
	if (decimal_multiply(&match->quantity, &match->entry_price, &entry_value) &&
		decimal_multiply(&match->quantity, &match->exit_price, &exit_value))
		put_trade(context, match->is_short, &match->quantity, &entry_value, &exit_value, &match->gross, &match->fees,
				  match->opened_at, match->closed_at, match->opened_by);
}

/* Puts the position of a symbol out. */
static void
put_position(replay *run, const replayed_symbol *symbol)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	set_text(&values[0], &nulls[0], symbol->key.portfolio);
	set_text(&values[1], &nulls[1], symbol->key.name);
	values[2] = pulse_numeric_from_decimal(&symbol->book.quantity);
	values[3] = pulse_numeric_from_decimal(&symbol->book.cost);
	values[4] = pulse_numeric_from_decimal(&symbol->book.realized);
	values[5] = pulse_numeric_from_decimal(&symbol->book.fees);
	values[6] = TimestampTzGetDatum(symbol->book.trip.opened_at);
	nulls[6] = !symbol->book.trip.open;
	values[7] = pulse_numeric_from_decimal(&symbol->last_price);
	values[8] = TimestampTzGetDatum(symbol->last_time);
	put(run, values, nulls);
}

/* Puts all positions out. */
static void
put_positions(replay *run)
{
	replay_table_iterator iterator;
	symbol_entry *entry;

	replay_table_start_iterate(run->symbols, &iterator);
	while ((entry = replay_table_iterate(run->symbols, &iterator)) != NULL)
		put_position(run, entry->symbol);
}

/* Puts a fill out with what booking it gave. */
static void
put_fill(replay *run, const pulse_fill *fill, const ledger_outcome *outcome)
{
	Datum		values[8];
	bool		nulls[8] = {false};

	set_text(&values[0], &nulls[0], fill->portfolio);
	set_text(&values[1], &nulls[1], fill->symbol);
	set_text(&values[2], &nulls[2], fill->fill_key);
	values[3] = TimestampTzGetDatum(fill->executed_at);
	nulls[4] = outcome == NULL || !outcome->closed_some;
	values[4] = nulls[4] ? (Datum) 0 : pulse_numeric_from_decimal(&outcome->realized);
	nulls[5] = nulls[6] = nulls[7] = outcome == NULL;
	if (outcome != NULL)
	{
		values[5] = pulse_numeric_from_decimal(&run->symbol->book.quantity);
		values[6] = pulse_numeric_from_decimal(&run->symbol->book.realized);
		values[7] = pulse_numeric_from_decimal(&run->symbol->book.fees);
	}
	put(run, values, nulls);
}

/* Returns the state of a fill's symbol. */
static replayed_symbol *
find_symbol(replay *run, const pulse_fill *fill)
{
	pulse_symbol_key key = {fill->portfolio, fill->symbol};
	symbol_entry *entry = replay_table_lookup(run->symbols, key);
	replayed_symbol *symbol;
	bool		found;

	if (entry != NULL)
		return entry->symbol;
	symbol = MemoryContextAllocZero(run->context, sizeof(replayed_symbol));
	symbol->key.portfolio = MemoryContextStrdup(run->context, fill->portfolio);
	symbol->key.name = MemoryContextStrdup(run->context, fill->symbol);
	ledger_init(&symbol->book, run->method, &run->hooks);
	replay_table_insert(run->symbols, symbol->key, &found)->symbol = symbol;
	return symbol;
}

/* Books one fill. */
static void
book(replay *run, pulse_fill *fill)
{
	ledger_outcome outcome;
	bool		booked;
	replayed_symbol *symbol = find_symbol(run, fill);
	MemoryContext old = MemoryContextSwitchTo(run->row_context);

	MemoryContextReset(run->row_context);
	run->symbol = symbol;
	if (fill->strategy == NULL)
		symbol->strategy = NULL;
	else if (symbol->strategy == NULL || strcmp(symbol->strategy, fill->strategy) != 0)
		symbol->strategy = MemoryContextStrdup(run->context, fill->strategy);
	fill->booking.tag = (uint64) (uintptr_t) symbol->strategy;

	booked = ledger_apply(&symbol->book, &fill->booking, &outcome);
	if (!booked && run->method != LEDGER_AVERAGE)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("fill %s of %s has too many digits to book it exactly", fill->fill_key, fill->symbol)));
	if (booked)
	{
		symbol->last_price = fill->booking.price;
		symbol->last_time = fill->executed_at;
		if (run->output == REPLAY_TRADES && run->method == LEDGER_AVERAGE && outcome.trip_closed)
			put_trade(run, outcome.trip.is_short, &outcome.trip.entry_quantity, &outcome.trip.entry_value,
					  &outcome.trip.exit_value, &outcome.trip.gross, &outcome.trip.fees,
					  outcome.trip.opened_at, fill->executed_at, outcome.trip.opened_by);
	}
	if (run->output == REPLAY_FILLS)
		put_fill(run, fill, booked ? &outcome : NULL);
	MemoryContextSwitchTo(old);
}

/* Reads the name of a method. */
static ledger_method
method_from_text(const char *name)
{
	static const char *const names[] = {"average", "fifo", "lifo", "hifo"};

	for (int i = 0; i < lengthof(names); i++)
		if (pg_strcasecmp(name, names[i]) == 0)
			return (ledger_method) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown cost basis method \"%s\"", name),
			 errhint("Use average, fifo, lifo or hifo.")));
}

/* Runs a replay for SQL: (source_id, portfolio, symbols, method), the middle two NULL for all. */
static Datum
replay_source(FunctionCallInfo fcinfo, replay_output output)
{
	replay		run = {.output = output};
	Oid			types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID};
	Datum		values[4] = {0};
	char		nulls[5] = "nnnn";
	pulse_source *source;
	pulse_fill_reader reader;
	pulse_fill *fill;
	StringInfoData query;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(3))
		return (Datum) 0;
	run.result = (ReturnSetInfo *) fcinfo->resultinfo;
	run.method = method_from_text(text_to_cstring(PG_GETARG_TEXT_PP(3)));
	run.hooks.resize = resize_lots;
	run.hooks.matched = output == REPLAY_TRADES ? put_match : NULL;
	run.hooks.context = &run;

	SPI_connect();
	run.row_context = AllocSetContextCreate(CurrentMemoryContext, "pulse replay row", ALLOCSET_DEFAULT_SIZES);
	run.context = CurrentMemoryContext;
	run.symbols = replay_table_create(CurrentMemoryContext, 64, NULL);
	source = pulse_source_load(PG_GETARG_INT32(0), !PG_ARGISNULL(1), false);
	if (source != NULL && strcmp(source->kind, "trades") == 0 && source->query != NULL)
	{
		initStringInfo(&query);
		appendStringInfo(&query, "SELECT " PULSE_FILL_COLUMNS " FROM (%s) AS s", source->query);
		if (!PG_ARGISNULL(1))
		{
			values[0] = PG_GETARG_DATUM(1);
			nulls[0] = ' ';
		}
		if (!PG_ARGISNULL(2))
		{
			values[3] = PG_GETARG_DATUM(2);
			nulls[3] = ' ';
			appendStringInfoString(&query, " WHERE symbol OPERATOR(pg_catalog.=) ANY ($4)");
		}
		appendStringInfoString(&query, pulse_fill_order(source));
		pulse_read_fills(&reader, query.data, 4, types, values, nulls, InvalidOid, false, CurrentMemoryContext);
		while ((fill = pulse_next_fill(&reader)) != NULL)
			if (fill->problem == NULL)
				book(&run, fill);
		pulse_end_fills(&reader);
		if (output == REPLAY_POSITIONS)
			put_positions(&run);
	}
	SPI_finish();
	return (Datum) 0;
}

/* SQL: pulse.replay_positions(source_id, portfolio, symbols, method). */
Datum
pulse_replay_positions(PG_FUNCTION_ARGS)
{
	return replay_source(fcinfo, REPLAY_POSITIONS);
}

/* SQL: pulse.replay_trades(source_id, portfolio, symbols, method). */
Datum
pulse_replay_trades(PG_FUNCTION_ARGS)
{
	return replay_source(fcinfo, REPLAY_TRADES);
}

/* SQL: pulse.replay_fills(source_id, portfolio, symbols, method). */
Datum
pulse_replay_fills(PG_FUNCTION_ARGS)
{
	return replay_source(fcinfo, REPLAY_FILLS);
}
