/*
 * The statements that store new fills.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "src/compat.h"
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

const Oid	pulse_new_fill_types[] = {FILL_TYPES};
const Oid	pulse_held_fill_types[] = {INT4OID, FILL_TYPES};

const char	pulse_store_fills[] = INSERT_FILLS NEW_FILLS " ON CONFLICT DO NOTHING";
const char	pulse_store_new_fills[] = INSERT_FILLS NEW_FILLS;
const char	pulse_store_held_fills[] = INSERT_FILLS HELD_FILLS " ON CONFLICT DO NOTHING";
