/*
 * A portfolio and a symbol as the key of a hash table; include it before lib/simplehash.h.
 */
#ifndef PULSE_LEDGER_KEY_H
#define PULSE_LEDGER_KEY_H

#include "postgres.h"

#include "common/hashfn.h"

typedef struct pulse_symbol_key
{
	const char *portfolio;
	const char *name;
} pulse_symbol_key;

/* Hashes a key. */
static inline uint32
pulse_hash_symbol_key(pulse_symbol_key key)
{
	return hash_combine(hash_bytes((const unsigned char *) key.portfolio, (int) strlen(key.portfolio)),
						hash_bytes((const unsigned char *) key.name, (int) strlen(key.name)));
}

/* Whether two keys are the same. */
static inline bool
pulse_same_symbol_key(pulse_symbol_key a, pulse_symbol_key b)
{
	return strcmp(a.name, b.name) == 0 && strcmp(a.portfolio, b.portfolio) == 0;
}

#endif							/* PULSE_LEDGER_KEY_H */
