/*
 * The dust tolerances that users have set, by symbol.
 */
#ifndef PULSE_LEDGER_DUST_H
#define PULSE_LEDGER_DUST_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "core/ledger.h"

extern List *pulse_dust_load(MemoryContext context, bool read_only);
extern void pulse_dust_apply(const List *settings, const char *symbol, ledger *book);

#endif							/* PULSE_LEDGER_DUST_H */
