/*
 * Observations of many curves, brought into order of time.
 */
#ifndef PULSE_COMBINED_ROWS_H
#define PULSE_COMBINED_ROWS_H

#include "postgres.h"

#include "core/combined.h"

typedef struct CombinedRows CombinedRows;

extern CombinedRows *pulse_combined_rows_begin(MemoryContext context);
extern void pulse_combined_rows_add(CombinedRows *rows, const pulse_combined_row *row);
extern void pulse_combined_rows_sort(CombinedRows *rows);
extern void pulse_combined_rows_end(CombinedRows *rows);

/* Sets block to the next rows in order of time, rows of one time in order of their coming, and returns how many; 0: no more. */
extern size_t pulse_combined_rows_next(CombinedRows *rows, const pulse_combined_row **block);

#endif							/* PULSE_COMBINED_ROWS_H */
