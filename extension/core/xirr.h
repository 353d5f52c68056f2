/*
 * Money-weighted rate of return.
 */
#ifndef PULSE_CORE_XIRR_H
#define PULSE_CORE_XIRR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern bool pulse_xirr_rate(const int64_t *ts, const double *amount, size_t n, double *result);

#endif							/* PULSE_CORE_XIRR_H */
