/*
 * The finished figures over per-period returns, from the states that the
 * other cores accumulate. Each returns false where the figure is undefined.
 */
#ifndef PULSE_CORE_RATIOS_H
#define PULSE_CORE_RATIOS_H

#include "core/moments.h"
#include "core/partial_moments.h"

extern bool pulse_volatility(const pulse_moments *m, double periods, double *result);
extern bool pulse_sharpe(const pulse_moments *m, double risk_free, double periods, double *result);
extern bool pulse_downside_deviation(const pulse_moments *m, const pulse_partial *p,
									 double periods, double *result);
extern bool pulse_sortino(const pulse_moments *m, const pulse_partial *p, double periods, double *result);
extern bool pulse_omega(const pulse_moments *m, const pulse_partial *p, double *result);
extern bool pulse_gain_to_pain(const pulse_moments *m, const pulse_partial *p, double *result);
extern bool pulse_kelly(const pulse_moments *m, double *result);
extern bool pulse_psr(const pulse_moments *m, double benchmark_sharpe, double *result);
extern bool pulse_var_gaussian(const pulse_moments *m, double confidence, double *result);
extern bool pulse_cvar_gaussian(const pulse_moments *m, double confidence, double *result);
extern bool pulse_var_cornish_fisher(const pulse_moments *m, double confidence, double *result);

extern bool pulse_cvar_cornish_fisher(const pulse_moments *m, double confidence, double *result);
extern bool pulse_adjusted_sharpe(const pulse_moments *m, double risk_free, double periods, double *result);

#endif							/* PULSE_CORE_RATIOS_H */
