/*
 * The statements that store new fills, and those that announce them on the way.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "src/announce.h"
#include "src/compat.h"
#include "src/hand_over.h"
#include "src/ledger_fills.h"

#define FILL_TYPES \
	TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, \
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, INT8OID
#define INSERT_FILLS \
	"INSERT INTO pulse.fill (source_id, portfolio, fill_key, executed_at, ordinal, symbol, side, quantity, price, fee," \
	" fee_asset, order_id, fill_id, strategy, confidence, realized_pnl, position, total_realized_pnl, total_fees, event_seq)"
/* not in FROM, where each of the arrays would be written to a store of its own first */
#define NEW_FILLS \
	" SELECT $1, unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8), " \
	"unnest($9), unnest($10), unnest($11), unnest($12), unnest($13), unnest($14), unnest($15), " \
	"unnest($16), unnest($17), unnest($18), unnest($19), unnest($20)"
#define HELD_FILLS \
	" SELECT unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8), " \
	"unnest($9), unnest($10), unnest($11), unnest($12), unnest($13), unnest($14), unnest($15), " \
	"unnest($16), unnest($17), unnest($18), unnest($19), unnest($20), unnest($21)"
/* of all but the first few, nobody asks for the data */
#define ANNOUNCE(fills, epoch, first, handed_over) \
	"WITH announced AS (" INSERT_FILLS fills " RETURNING event_seq, portfolio, symbol, executed_at, pulse.trade_alert(fill.*) AS data)," \
	" events AS (INSERT INTO pulse.event (seq, epoch, ts, type, portfolio, key, data)" \
	" SELECT a.event_seq, " epoch ", clock_timestamp(), 'TRADE_ALERT', a.portfolio, a.symbol, a.data FROM announced a" \
	" RETURNING seq, ts, portfolio, key, priority, CASE WHEN seq <= " first " + " handed_over " THEN data END AS data)" \
	PULSE_ANNOUNCED(handed_over)

const Oid	pulse_new_fill_types[] = {FILL_TYPES};
const Oid	pulse_held_fill_types[] = {INT4OID, FILL_TYPES};

const char	pulse_store_fills[] = INSERT_FILLS NEW_FILLS " ON CONFLICT DO NOTHING";
const char	pulse_store_new_fills[] = INSERT_FILLS NEW_FILLS;
const char	pulse_announce_new_fills[] = ANNOUNCE(NEW_FILLS, "$21", "$22", "$23");
const char	pulse_store_held_fills[] = INSERT_FILLS HELD_FILLS " ON CONFLICT DO NOTHING";
const char	pulse_announce_held_fills[] = ANNOUNCE(HELD_FILLS, "$22", "$23", "$24");

void
pulse_announce_batch(pulse_batch *batch, const char *statement, SPIPlanPtr *plan, const PulseSequencer *sequencer)
{
	const Oid	types[] = {TEXTOID, INT8OID, INT8OID};
	Datum		values[] = {CStringGetTextDatum(sequencer->epoch), Int64GetDatum(sequencer->seq), Int64GetDatum(PULSE_HANDED_OVER + 1)};

	pulse_batch_execute(batch, statement, plan, lengthof(types), types, values);
}
