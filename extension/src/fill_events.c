/*
 * New fills stored together with the events that announce them. Every fill passes here, so neither takes a statement.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "src/announce.h"
#include "src/compat.h"
#include "src/fill_events.h"
#include "src/hand_over.h"
#include "src/ledger_fills.h"
#include "src/trade_alert.h"

enum
{
	EVENT_SEQ, EVENT_EPOCH, EVENT_TS, EVENT_TYPE, EVENT_PORTFOLIO, EVENT_KEY, EVENT_PRIORITY, EVENT_DATA, EVENT_COLUMNS
};

static const char *const event_columns[EVENT_COLUMNS] = {
	"seq", "epoch", "ts", "type", "portfolio", "key", "priority", "data"
};

static const char *const fill_columns[1 + PULSE_FILL_BATCH_COLUMNS] = {
	"source_id", "portfolio", "fill_key", "executed_at", "ordinal", "symbol", "side", "quantity", "price", "fee", "fee_asset",
	"order_id", "fill_id", "strategy", "confidence", "realized_pnl", "position", "total_realized_pnl", "total_fees", "event_seq"
};

/* Where the data of an event finds what it shows in a batch of new fills. */
static const int shown_columns[PULSE_TRADE_COLUMNS] = {
	[PULSE_TRADE_FILL_KEY] = PULSE_FILL_KEY,
	[PULSE_TRADE_SYMBOL] = PULSE_FILL_SYMBOL,
	[PULSE_TRADE_SIDE] = 5,
	[PULSE_TRADE_QUANTITY] = 6,
	[PULSE_TRADE_PRICE] = 7,
	[PULSE_TRADE_FEE] = 8,
	[PULSE_TRADE_FEE_ASSET] = 9,
	[PULSE_TRADE_EXECUTED_AT] = PULSE_FILL_EXECUTED_AT,
	[PULSE_TRADE_ORDER_ID] = 10,
	[PULSE_TRADE_FILL_ID] = 11,
	[PULSE_TRADE_STRATEGY] = 12,
	[PULSE_TRADE_CONFIDENCE] = 13,
	[PULSE_TRADE_REALIZED_PNL] = 14,
	[PULSE_TRADE_POSITION] = 15
};

/* Returns the OID of one of our tables. */
static Oid
table_oid(const char *name)
{
	return get_relname_relid(name, get_namespace_oid("pulse", false));
}

void
pulse_fill_events_begin(PulseFillEvents *writer, PulseSequencer *sequencer)
{
	MemoryContext old;

	memset(writer, 0, sizeof(*writer));
	writer->sequencer = sequencer;
	writer->newest = DT_NOBEGIN;
	writer->estate = CreateExecutorState();
	old = MemoryContextSwitchTo(writer->estate->es_query_cxt);
	writer->epoch = CStringGetTextDatum(sequencer->epoch);
	writer->type = CStringGetTextDatum("TRADE_ALERT");
	writer->priority = CStringGetTextDatum("LOW");
	MemoryContextSwitchTo(old);
	pulse_append_begin(&writer->fills, writer->estate, table_oid("fill"), lengthof(fill_columns), fill_columns);
	writer->event = table_open(table_oid("event"), RowExclusiveLock);
}

/* Turns to the partition for a number. */
static void
turn_to_partition(PulseFillEvents *writer, int64 seq)
{
	Oid			target = pulse_append_target(writer->event, seq);

	if (writer->has_partition && RelationGetRelid(writer->events.rel) == target)
		return;
	if (writer->has_partition)
		pulse_append_end(&writer->events);
	pulse_append_begin(&writer->events, writer->estate, target, EVENT_COLUMNS, event_columns);
	writer->has_partition = true;
}

/* Prepares to hand over an event; of all but the first few, nobody asks for the data. */
static void
hand_over(PulseFillEvents *writer, const NullableDatum *event)
{
	PulseEventRow row = {.type = "TRADE_ALERT",.priority = "LOW"};

	if (writer->sequencer->handed_over > PULSE_HANDED_OVER)
		return;
	row.seq = DatumGetInt64(event[EVENT_SEQ].value);
	row.ts = DatumGetTimestampTz(event[EVENT_TS].value);
	row.portfolio = TextDatumGetCString(event[EVENT_PORTFOLIO].value);
	row.key = TextDatumGetCString(event[EVENT_KEY].value);
	row.data = event[EVENT_DATA].value;
	pulse_hand_over(writer->sequencer, &row);
}

void
pulse_fill_events_add(PulseFillEvents *writer, int32 source_id, const NullableDatum *fill)
{
	EState	   *estate = writer->estate;
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	NullableDatum row[lengthof(fill_columns)];
	NullableDatum shown[PULSE_TRADE_COLUMNS];
	NullableDatum event[EVENT_COLUMNS];
	int64		seq = writer->sequencer->seq + ++writer->count;

	CHECK_FOR_INTERRUPTS();
	row[0] = (NullableDatum) {Int32GetDatum(source_id), false};
	memcpy(row + 1, fill, PULSE_FILL_BATCH_COLUMNS * sizeof(NullableDatum));
	row[1 + PULSE_FILL_EVENT_SEQ] = (NullableDatum) {Int64GetDatum(seq), false};
	pulse_append_row(&writer->fills, estate, row);

	for (int i = 0; i < PULSE_TRADE_COLUMNS; i++)
		shown[i] = fill[shown_columns[i]];
	event[EVENT_SEQ] = row[1 + PULSE_FILL_EVENT_SEQ];
	event[EVENT_EPOCH] = (NullableDatum) {writer->epoch, false};
	event[EVENT_TS] = (NullableDatum) {TimestampTzGetDatum(GetCurrentTimestamp()), false};
	event[EVENT_TYPE] = (NullableDatum) {writer->type, false};
	event[EVENT_PORTFOLIO] = fill[PULSE_FILL_PORTFOLIO];
	event[EVENT_KEY] = fill[PULSE_FILL_SYMBOL];
	event[EVENT_PRIORITY] = (NullableDatum) {writer->priority, false};
	event[EVENT_DATA] = (NullableDatum) {pulse_trade_alert_data(shown), false};
	turn_to_partition(writer, seq);
	pulse_append_row(&writer->events, estate, event);
	hand_over(writer, event);
	writer->newest = Max(writer->newest, DatumGetTimestampTz(fill[PULSE_FILL_EXECUTED_AT].value));
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(estate);
}

int
pulse_fill_events_end(PulseFillEvents *writer)
{
	if (writer->has_partition)
		pulse_append_end(&writer->events);
	table_close(writer->event, NoLock);
	pulse_append_end(&writer->fills);
	ExecResetTupleTable(writer->estate->es_tupleTable, false);
	FreeExecutorState(writer->estate);
	/* what follows in this transaction finds them */
	CommandCounterIncrement();
	pulse_fills_announced(writer->sequencer, writer->count, writer->newest);
	return writer->count;
}
