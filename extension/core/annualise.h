/*
 * Years, periods and rates.
 */
#ifndef PULSE_CORE_ANNUALISE_H
#define PULSE_CORE_ANNUALISE_H

#include <stdbool.h>
#include <stdint.h>

#define PULSE_USEC_PER_SECOND INT64_C(1000000)
#define PULSE_USEC_PER_DAY (INT64_C(86400) * PULSE_USEC_PER_SECOND)
/* A year of markets that never close, for CAGR as for everything else. */
#define PULSE_USEC_PER_YEAR (365 * PULSE_USEC_PER_DAY)
#define PULSE_PERIODS_PER_YEAR 365.0

extern double pulse_per_period_rate(double annual, double periods);
extern bool pulse_annual_growth(double log_growth, double years, double *result);

#endif							/* PULSE_CORE_ANNUALISE_H */
