/*
 * Where symbols stood when they were last loaded.
 */
#ifndef PULSE_LEDGER_RECENT_H
#define PULSE_LEDGER_RECENT_H

#include "postgres.h"

#include "src/ledger_state.h"

/* Remembers the state of a symbol that has just been loaded from the version of its row that xmin names. */
extern void pulse_recent_remember(int32 source_id, const pulse_symbol *symbol, TransactionId xmin);

/* Notes which version of its row a symbol has been saved as; InvalidTransactionId: it has none any more. */
extern void pulse_recent_saved(int32 source_id, const pulse_symbol *symbol, TransactionId xmin);

/*
 * Takes a symbol back to the newest remembered state before a fill, and forgets those that are not before it; false when
 * there is none.
 */
extern bool pulse_recent_restore(const pulse_ledger *all, pulse_symbol *symbol, TimestampTz time, int64 ordinal, const char *key);

#endif							/* PULSE_LEDGER_RECENT_H */
