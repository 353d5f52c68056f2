/*
 * Between PostgreSQL's numeric and the ledger's decimal, in binary.
 */
#ifndef PULSE_LEDGER_NUMERIC_H
#define PULSE_LEDGER_NUMERIC_H

#include "postgres.h"

#include "core/decimal.h"

extern bool pulse_decimal_from_numeric(Datum numeric, decimal *result);
extern Datum pulse_numeric_from_decimal(const decimal *value);

#endif							/* PULSE_LEDGER_NUMERIC_H */
