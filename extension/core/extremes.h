/*
 * The observations of a curve that a largest drawdown can begin or end at.
 */
#ifndef PULSE_CORE_EXTREMES_H
#define PULSE_CORE_EXTREMES_H

#include <stddef.h>
#include <stdint.h>

extern size_t pulse_keep_extremes(int64_t *ts, double *value, uint8_t *scratch, size_t n);

#endif							/* PULSE_CORE_EXTREMES_H */
