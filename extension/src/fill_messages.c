/*
 * Messages to people about fills that were announced: one for each, or one about many of a portfolio, which nobody would
 * read one by one. Under load nearly all fills end in the latter, so they are added up here, from the data of their events.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/announce.h"
#include "src/compat.h"
#include "src/event_data.h"
#include "src/json_time.h"
#include "src/ledger_key.h"
#include "src/settings.h"
#include "src/statement.h"

/* More young fills of a portfolio in one tick than this share a message. */
#define SINGLE_MESSAGES 5
/* Events that are read at a time. */
#define EVENTS 1000

static PulseStatement read_events = {
	"SELECT e.seq, e.portfolio, e.data FROM pulse.event e WHERE e.seq > $1 AND e.seq <= $2 AND e.type = 'TRADE_ALERT' ORDER BY e.seq LIMIT $3",
	3, {INT8OID, INT8OID, INT8OID}, NULL
};

/* $2: events of fills that have a message each; $3 and the following: sums of portfolios whose fills share one. */
static PulseStatement write_messages = {
	"WITH single AS MATERIALIZED ("
	"SELECT e.seq AS event_seq, e.portfolio, e.data, f AS fill"
	" FROM pulse.event e JOIN pulse.fill f ON f.source_id = ANY (ARRAY(SELECT s.source_id FROM pulse.source s WHERE s.epoch = $1))"
	" AND f.portfolio = e.portfolio COLLATE \"C\" AND f.fill_key = (e.data ->> 'id') COLLATE \"C\" AND f.event_seq = e.seq"
	" WHERE e.seq = ANY ($2) AND e.type = 'TRADE_ALERT'),"
	" ranked AS (SELECT t.*, row_number() OVER (PARTITION BY t.portfolio ORDER BY t.fills DESC, t.symbol, t.side) AS nr"
	" FROM unnest($3, $4, $5, $6, $7, $8, $9, $10) AS t (portfolio, symbol, side, fills, quantity, value, first_seq, last_seq))"
	" INSERT INTO pulse.delivery (type, priority, portfolio, title, message, data, dedup_key, event_seq)"
	" SELECT 'TRADE_ALERT', 'LOW', y.portfolio, (y.fill).side || ' ' || (y.fill).symbol, pulse.fill_message(y.fill), y.data,"
	" pg_catalog.concat_ws(':', 'fill', (y.fill).source_id, y.portfolio, (y.fill).fill_key), y.event_seq"
	" FROM single y"
	" UNION ALL SELECT 'TRADE_ALERT', 'LOW', r.portfolio, sum(r.fills) || ' fills',"
	" pg_catalog.string_agg(pg_catalog.format('%s %s: %s fills, %s = %s', r.side, r.symbol, r.fills, trim_scale(r.quantity), trim_scale(r.value)),"
	" E'\\n' ORDER BY r.nr) FILTER (WHERE r.nr <= 10),"
	" pg_catalog.jsonb_build_object('fills', sum(r.fills), 'first_seq', min(r.first_seq), 'last_seq', max(r.last_seq)),"
	" pg_catalog.concat_ws(':', 'fills', $1, max(r.last_seq)), max(r.last_seq)"
	" FROM ranked r GROUP BY r.portfolio ORDER BY 8",
	10, {TEXTOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, INT8ARRAYOID, INT8ARRAYOID},
	NULL
};

/* Young fills of a portfolio, or of one symbol and side of it. */
typedef struct FillSums
{
	pulse_symbol_key key;		/* name: side and symbol, empty for all of the portfolio */
	struct FillSums *all;		/* those of its portfolio */
	struct FillSums *next;		/* in the order of their first fills */
	int64		fills;
	int64		first_seq;
	int64		last_seq;
	Datum		quantity;		/* of one symbol and side: numerics */
	Datum		value;
	int64		seqs[SINGLE_MESSAGES];	/* of a portfolio: its first fills */
} FillSums;

typedef struct sums_entry
{
	pulse_symbol_key key;
	FillSums   *sums;
	uint32		hash;
	char		status;
} sums_entry;

#define SH_PREFIX sums_table
#define SH_ELEMENT_TYPE sums_entry
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

/* What one call adds up. */
typedef struct FillMessages
{
	MemoryContext context;
	MemoryContext scratch;		/* for one piece of the events */
	sums_table_hash *table;
	FillSums   *first;
	FillSums   *newest;
	int			portfolios;
	int			groups;			/* symbols and sides */
	TimestampTz after;			/* fills from before are no news */
	const char *after_text;
} FillMessages;

/* Whether a fill is young. Times of one length compare as text: JSON has them in UTC. */
static bool
is_young(const FillMessages *messages, JsonbContainer *data)
{
	JsonbValue	at;
	char	   *text;

	if (!pulse_find_string(data, "executed_at", &at))
		return false;
	if (at.val.string.len == (int) strlen(messages->after_text))
		return memcmp(at.val.string.val, messages->after_text, at.val.string.len) > 0;
	text = pnstrdup(at.val.string.val, at.val.string.len);
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1))) > messages->after;
}

/* Begins a sum. */
static Datum
zero(const FillMessages *messages)
{
	MemoryContext old = MemoryContextSwitchTo(messages->context);
	Datum		sum = DirectFunctionCall1(int8_numeric, Int64GetDatum(0));

	MemoryContextSwitchTo(old);
	return sum;
}

/* Finds or makes the sums of a key. */
static FillSums *
find_sums(FillMessages *messages, const char *portfolio, const char *name)
{
	pulse_symbol_key key = {portfolio, name};
	sums_entry *entry = sums_table_lookup(messages->table, key);
	FillSums   *sums;
	bool		found;

	if (entry != NULL)
		return entry->sums;
	sums = MemoryContextAllocZero(messages->context, sizeof(FillSums));
	if (name[0] == '\0')
	{
		sums->key.portfolio = MemoryContextStrdup(messages->context, portfolio);
		messages->portfolios++;
	}
	else
	{
		sums->all = find_sums(messages, portfolio, "");
		sums->key.portfolio = sums->all->key.portfolio;
		messages->groups++;
		sums->quantity = zero(messages);
		sums->value = zero(messages);
	}
	sums->key.name = MemoryContextStrdup(messages->context, name);
	if (messages->newest != NULL)
		messages->newest->next = sums;
	else
		messages->first = sums;
	messages->newest = sums;
	sums_table_insert(messages->table, sums->key, &found)->sums = sums;
	return sums;
}

/* Counts a fill. */
static void
count_fill(FillSums *sums, int64 seq)
{
	if (sums->fills == 0)
		sums->first_seq = seq;
	sums->last_seq = seq;
	sums->fills++;
}

/* Adds a number of the data to a sum. */
static void
add_number(FillMessages *messages, Datum *sum, JsonbContainer *data, const char *key)
{
	JsonbValue	text;
	Datum		number;
	Datum		before = *sum;
	MemoryContext old;

	if (!pulse_find_string(data, key, &text))
		return;
	number = DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(text.val.string.val, text.val.string.len)),
								 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	old = MemoryContextSwitchTo(messages->context);
	*sum = DirectFunctionCall2(numeric_add, before, number);
	pfree(DatumGetPointer(before));
	MemoryContextSwitchTo(old);
}

/* Takes one fill, if it is young. */
static void
take_fill(FillMessages *messages, int64 seq, const char *portfolio, JsonbContainer *data)
{
	JsonbValue	symbol;
	JsonbValue	side;
	StringInfoData name;
	FillSums   *sums;

	if (!is_young(messages, data) || !pulse_find_string(data, "symbol", &symbol) || !pulse_find_string(data, "side", &side))
		return;
	initStringInfo(&name);
	appendBinaryStringInfo(&name, side.val.string.val, side.val.string.len);
	appendStringInfoChar(&name, ' ');
	appendBinaryStringInfo(&name, symbol.val.string.val, symbol.val.string.len);
	sums = find_sums(messages, portfolio, name.data);
	count_fill(sums, seq);
	if (sums->all->fills < SINGLE_MESSAGES)
		sums->all->seqs[sums->all->fills] = seq;
	count_fill(sums->all, seq);
	add_number(messages, &sums->quantity, data, "quantity");
	add_number(messages, &sums->value, data, "value");
}

/* Takes the fills whose events lie between two numbers. */
static void
take_fills(FillMessages *messages, int64 after, int64 up_to)
{
	uint64		count;

	do
	{
		Datum		values[] = {Int64GetDatum(after), Int64GetDatum(up_to), Int64GetDatum(EVENTS)};
		SPITupleTable *rows;
		MemoryContext old;
		bool		null;

		count = pulse_run(&read_events, values, NULL);
		rows = SPI_tuptable;
		old = MemoryContextSwitchTo(messages->scratch);
		for (uint64 i = 0; i < count; i++)
		{
			int64		seq = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &null));
			Datum		portfolio = SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &null);

			if (!null)
				take_fill(messages, seq, TextDatumGetCString(portfolio),
						  &DatumGetJsonbP(SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &null))->root);
			after = seq;
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(messages->scratch);
		SPI_freetuptable(rows);
	} while (count == EVENTS);
}

/* Makes an array of numbers or texts. */
static Datum
make_array(Datum *elements, int count, Oid type)
{
	if (type == INT8OID)
		return PointerGetDatum(construct_array(elements, count, type, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return PointerGetDatum(construct_array(elements, count, type, -1, false, TYPALIGN_INT));
}

/* Writes the messages about the fills that have been taken. */
static void
store(const FillMessages *messages, const char *epoch)
{
	enum
	{
		PORTFOLIO, SYMBOL, SIDE, FILLS, QUANTITY, VALUE, FIRST_SEQ, LAST_SEQ, COLUMNS
	};
	static const Oid types[COLUMNS] = {TEXTOID, TEXTOID, TEXTOID, INT8OID, NUMERICOID, NUMERICOID, INT8OID, INT8OID};
	Datum	   *seqs = palloc(sizeof(Datum) * SINGLE_MESSAGES * Max(messages->portfolios, 1));
	Datum	   *columns[COLUMNS];
	Datum		values[2 + COLUMNS];
	int			singles = 0;
	int			rows = 0;

	for (int i = 0; i < COLUMNS; i++)
		columns[i] = palloc(sizeof(Datum) * Max(messages->groups, 1));
	for (const FillSums *sums = messages->first; sums != NULL; sums = sums->next)
	{
		const char *space = strchr(sums->key.name, ' ');

		if (sums->all == NULL)
		{
			for (int i = 0; sums->fills <= SINGLE_MESSAGES && i < sums->fills; i++)
				seqs[singles++] = Int64GetDatum(sums->seqs[i]);
			continue;
		}
		if (sums->all->fills <= SINGLE_MESSAGES)
			continue;
		columns[PORTFOLIO][rows] = CStringGetTextDatum(sums->key.portfolio);
		columns[SIDE][rows] = PointerGetDatum(cstring_to_text_with_len(sums->key.name, space - sums->key.name));
		columns[SYMBOL][rows] = CStringGetTextDatum(space + 1);
		columns[FILLS][rows] = Int64GetDatum(sums->fills);
		columns[QUANTITY][rows] = sums->quantity;
		columns[VALUE][rows] = sums->value;
		columns[FIRST_SEQ][rows] = Int64GetDatum(sums->first_seq);
		columns[LAST_SEQ][rows] = Int64GetDatum(sums->last_seq);
		rows++;
	}
	values[0] = CStringGetTextDatum(epoch);
	values[1] = make_array(seqs, singles, INT8OID);
	for (int i = 0; i < COLUMNS; i++)
		values[2 + i] = make_array(columns[i], rows, types[i]);
	pulse_run(&write_messages, values, NULL);
}

/* Writes the messages about fills that were announced, by this transaction or by earlier ones. */
void
pulse_write_messages(PulseSequencer *sequencer)
{
	FillMessages messages = {0};
	MemoryContext old;

	if (sequencer->all_told)
		return;
	messages.context = AllocSetContextCreate(CurrentMemoryContext, "pulse messages", ALLOCSET_DEFAULT_SIZES);
	messages.scratch = AllocSetContextCreate(messages.context, "pulse message events", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(messages.context);
	messages.table = sums_table_create(messages.context, 64, NULL);
	messages.after = GetCurrentTransactionStartTimestamp() - pulse_notify_max_age * USECS_PER_SEC;
	messages.after_text = pulse_json_time(messages.after);
	take_fills(&messages, sequencer->told_seq, sequencer->seq);
	if (messages.portfolios > 0)
		store(&messages, sequencer->epoch);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(messages.context);
	sequencer->all_told = true;
}
