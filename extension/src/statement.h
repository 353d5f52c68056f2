/*
 * Statements of our own on schema pulse, planned once per session.
 */
#ifndef PULSE_STATEMENT_H
#define PULSE_STATEMENT_H

#include "executor/spi.h"

#define PULSE_MAX_PARAMETERS 10

/* A statement and, after its first use, its plan. */
typedef struct PulseStatement
{
	const char *sql;
	int			nparams;
	Oid			types[PULSE_MAX_PARAMETERS];
	SPIPlanPtr	plan;
} PulseStatement;

/* Runs a statement inside SPI, planned to go through indexes, and returns the number of rows; nulls may be NULL. */
extern uint64 pulse_run(PulseStatement *statement, const Datum *values, const char *nulls);

/* The same for a statement that joins many rows with many: planned to do so by hashing. */
extern uint64 pulse_run_set_wise(PulseStatement *statement, const Datum *values, const char *nulls);

/* Returns a column of the first row of the last result; the datum lives as long as the SPI connection. */
extern Datum pulse_result(int column, bool *null);

#endif							/* PULSE_STATEMENT_H */
