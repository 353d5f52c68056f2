/*
 * Statistics of closed trades, from their profit or loss.
 */
#ifndef PULSE_CORE_TRADES_H
#define PULSE_CORE_TRADES_H

#include "core/compensated.h"
#include "core/moments.h"

typedef struct pulse_trades
{
	int64_t		n;
	int64_t		wins;
	int64_t		losses;
	pulse_sum	won;			/* sum of the wins */
	pulse_sum	lost;			/* sum of the losses, positive */
	int64_t		losing_run;		/* losses in a row up to the last trade */
	int64_t		longest_losing_run;
	bool		nonfinite;
} pulse_trades;

extern void pulse_trades_add(pulse_trades *t, double pnl);
extern void pulse_trades_merge(pulse_trades *t, const pulse_trades *other);
extern bool pulse_win_rate(const pulse_trades *t, double *result);
extern bool pulse_profit_factor(const pulse_trades *t, double *result);
extern bool pulse_average_win(const pulse_trades *t, double *result);
extern bool pulse_average_loss(const pulse_trades *t, double *result);
extern bool pulse_payoff_ratio(const pulse_trades *t, double *result);
extern bool pulse_expectancy(const pulse_trades *t, double *result);
extern bool pulse_kelly_discrete(const pulse_trades *t, double *result);
extern bool pulse_sqn(const pulse_moments *m, double *result);

#endif							/* PULSE_CORE_TRADES_H */
