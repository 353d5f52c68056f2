/*
 * How sure a Sharpe ratio is.
 */
#ifndef PULSE_CORE_INFERENCE_H
#define PULSE_CORE_INFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/moments.h"

extern bool pulse_psr_from_moments(double sharpe, double benchmark_sharpe, double n,
								   double skewness, double kurtosis, double *result);
extern bool pulse_min_track_record(double sharpe, double benchmark_sharpe, double skewness,
								   double kurtosis, double confidence, double *result);
extern double pulse_sharpe_standard_error(double sharpe, double n);
extern double pulse_expected_maximum_sharpe(double trials, double variance);
extern bool pulse_autocorrelation(const double *x, size_t n, size_t lag, double *result);
extern bool pulse_lo_factor(double periods, const double *autocorrelation, size_t lags, double *result);
extern bool pulse_lo_factor_ar1(double periods, double rho, double *result);
extern bool pulse_cornish_fisher_valid(double skewness, double excess_kurtosis);

#endif							/* PULSE_CORE_INFERENCE_H */
