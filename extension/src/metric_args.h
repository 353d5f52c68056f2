/*
 * Checks of the parameters that metrics take.
 */
#ifndef PULSE_METRIC_ARGS_H
#define PULSE_METRIC_ARGS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#define PULSE_DEFAULT_CONFIDENCE 0.95
/* RiskMetrics' decay for daily data. */
#define PULSE_DEFAULT_LAMBDA 0.94

extern double pulse_check_confidence(double confidence);
extern double pulse_check_periods(double periods);
extern double pulse_check_rate(const char *name, double rate);
extern double pulse_check_lambda(double lambda);
extern double pulse_check_finite(const char *name, double value);
extern int64 pulse_check_period(const Interval *period);
extern TimestampTz pulse_check_timestamp(TimestampTz ts);
extern _Noreturn void pulse_refuse_null_parameter(void);
extern _Noreturn void pulse_refuse_changed_parameter(void);
extern Interval *pulse_make_interval(int64 usec);

#endif							/* PULSE_METRIC_ARGS_H */
