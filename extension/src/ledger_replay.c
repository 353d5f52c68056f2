/*
 * Books fills straight from a followed table, as the current user sees it, and stores nothing:
 * for the lot methods, for positions that no tick has brought up to date, and for checking what is
 * stored.
 *
 * Where it is told since when rows have changed, it starts each symbol from what is stored of the
 * time before: from the position when all that is booked came earlier, else from the last time it
 * was flat. By the lot methods only the latter is known, and the same: flat, all methods agree.
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
#include "src/ledger_dust.h"
#include "src/ledger_key.h"
#include "src/ledger_numeric.h"
#include "src/ledger_rows.h"
#include "src/ledger_source.h"
#include "src/ledger_state.h"

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
	bool		booked;			/* it has fills, and last_price and last_time are set */
	pulse_fill_point start;		/* what is booked already ends here; not set: nothing is */
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
	List	   *dust;
	TimestampTz since;			/* closed trades before are not wanted */
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

	if (closed_at < run->since)
		return;
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
		if (entry->symbol->booked)
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

/* Returns the state of a symbol. */
static replayed_symbol *
find_symbol(replay *run, const char *portfolio, const char *name)
{
	pulse_symbol_key key = {portfolio, name};
	symbol_entry *entry = replay_table_lookup(run->symbols, key);
	replayed_symbol *symbol;
	bool		found;

	if (entry != NULL)
		return entry->symbol;
	symbol = MemoryContextAllocZero(run->context, sizeof(replayed_symbol));
	symbol->key.portfolio = MemoryContextStrdup(run->context, portfolio);
	symbol->key.name = MemoryContextStrdup(run->context, name);
	ledger_init(&symbol->book, run->method, &run->hooks);
	pulse_dust_apply(run->dust, name, &symbol->book);
	replay_table_insert(run->symbols, symbol->key, &found)->symbol = symbol;
	return symbol;
}

/* Books one fill. */
static void
book(replay *run, pulse_fill *fill)
{
	ledger_outcome outcome;
	bool		booked;
	replayed_symbol *symbol = find_symbol(run, fill->portfolio, fill->symbol);
	MemoryContext old;

	if (symbol->start.set &&
		pulse_compare_fills(fill->executed_at, fill->ordinal, fill->fill_key,
							symbol->start.time, symbol->start.ordinal, symbol->start.key) <= 0)
		return;
	old = MemoryContextSwitchTo(run->row_context);
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
		symbol->booked = true;
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

/* Starts a symbol from what is stored of the time before the rows that have changed. */
static void
start_symbol(replay *run, pulse_ledger *stored, const char *portfolio, const char *name)
{
	replayed_symbol *symbol = find_symbol(run, portfolio, name);
	pulse_symbol *known = pulse_ledger_symbol(stored, portfolio, name);

	if (run->method != LEDGER_AVERAGE || !known->last.set || known->last.time >= run->since)
		pulse_symbol_rewind(stored, known, run->since, PG_INT64_MIN, "");
	if (!known->last.set)
		return;
	symbol->book = known->book;
	symbol->book.method = run->method;
	symbol->book.hooks = &run->hooks;
	symbol->strategy = known->trip_strategy;
	symbol->book.trip.opened_by = (uint64) (uintptr_t) known->trip_strategy;
	symbol->start = known->last;
	symbol->last_time = known->last.time;
	symbol->last_price = known->last_price;
	symbol->booked = true;
}

/* Starts all symbols asked for and returns from when on their rows must be read. */
static TimestampTz
start_symbols(replay *run, int32 source_id, const char *portfolio, ArrayType *names)
{
	pulse_ledger *stored = pulse_ledger_create(source_id, true, run->context);
	TimestampTz first = DT_NOEND;
	Datum	   *name;
	bool	   *null;
	int			count;
	replay_table_iterator iterator;
	symbol_entry *entry;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &name, &null, &count);
	for (int i = 0; i < count; i++)
		if (!null[i])
			start_symbol(run, stored, portfolio, TextDatumGetCString(name[i]));
	replay_table_start_iterate(run->symbols, &iterator);
	while ((entry = replay_table_iterate(run->symbols, &iterator)) != NULL)
		first = Min(first, entry->symbol->start.set ? entry->symbol->start.time : DT_NOBEGIN);
	return first;
}

/*
 * Runs a replay for SQL: (source_id, portfolio, symbols, method, since), portfolio and symbols NULL
 * for all, since NULL for everything from the rows; since needs the other two.
 */
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
	bool		partly = PG_NARGS() > 4 && !PG_ARGISNULL(4) && !PG_ARGISNULL(1) && !PG_ARGISNULL(2);

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
	run.dust = pulse_dust_load(CurrentMemoryContext, true);
	run.since = partly ? PG_GETARG_TIMESTAMPTZ(4) : DT_NOBEGIN;
	source = pulse_source_load(PG_GETARG_INT32(0), !PG_ARGISNULL(1), partly);
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
		if (partly)
		{
			values[1] = TimestampTzGetDatum(start_symbols(&run, source->source_id, text_to_cstring(PG_GETARG_TEXT_PP(1)),
														  PG_GETARG_ARRAYTYPE_P(2)));
			values[2] = TimestampTzGetDatum(DT_NOEND);
			nulls[1] = nulls[2] = ' ';
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

/* SQL: pulse.replay_positions(source_id, portfolio, symbols, method, since). */
Datum
pulse_replay_positions(PG_FUNCTION_ARGS)
{
	return replay_source(fcinfo, REPLAY_POSITIONS);
}

/* SQL: pulse.replay_trades(source_id, portfolio, symbols, method, since). */
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
