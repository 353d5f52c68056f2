#ifndef PULSE_IMPORT_KRAKEN_H
#define PULSE_IMPORT_KRAKEN_H

#include "core/import_format.h"

/* Kraken's names of assets and pairs, and the pairing of its ledger entries. */

struct kraken_leg
{
	int64_t		line;
	char		id[IMPORT_NAME_SIZE];
	char		reference[IMPORT_NAME_SIZE];
	char		time[VALUE_TIME_SIZE];
	char		asset[VALUE_UNIT_SIZE];
	char		amount[VALUE_NUMBER_SIZE];
	char		fee[VALUE_NUMBER_SIZE];
};

struct kraken_ledger;

extern bool kraken_asset(const char *name, char *asset, size_t size);
extern bool kraken_pair(const char *name, char *symbol, size_t size);

extern struct kraken_ledger *kraken_ledger_open(const pulse_memory *memory);
extern void kraken_ledger_add(struct kraken_ledger *ledger, const struct kraken_leg *leg, struct import_outcome *outcome);
extern bool kraken_ledger_rest(struct kraken_ledger *ledger, struct import_outcome *outcome);
extern void kraken_ledger_close(struct kraken_ledger *ledger);

#endif
