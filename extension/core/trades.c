/*
 * Statistics of closed trades.
 */
#include "core/trades.h"

#include <math.h>

/* Adds one closed trade. */
void
pulse_trades_add(pulse_trades *t, double pnl)
{
	t->n++;
	if (pnl > 0)
	{
		t->wins++;
		pulse_sum_add(&t->won, pnl);
	}
	else if (pnl < 0)
	{
		t->losses++;
		pulse_sum_add(&t->lost, -pnl);
	}
	t->nonfinite |= !isfinite(pnl);
	t->losing_run = pnl < 0 ? t->losing_run + 1 : 0;
	if (t->losing_run > t->longest_losing_run)
		t->longest_losing_run = t->losing_run;
}

/* Merges other into t; runs of losses, which depend on order, are not merged. */
void
pulse_trades_merge(pulse_trades *t, const pulse_trades *other)
{
	t->n += other->n;
	t->wins += other->wins;
	t->losses += other->losses;
	pulse_sum_merge(&t->won, &other->won);
	pulse_sum_merge(&t->lost, &other->lost);
	t->nonfinite |= other->nonfinite;
}

/* Computes the share of trades with a profit among all; even ones count as not won. */
bool
pulse_win_rate(const pulse_trades *t, double *result)
{
	if (t->n == 0)
		return false;
	*result = (double) t->wins / (double) t->n;
	return true;
}

/* Computes gross profit over gross loss; false without a loss. */
bool
pulse_profit_factor(const pulse_trades *t, double *result)
{
	if (t->losses == 0)
		return false;
	*result = pulse_sum_value(&t->won) / pulse_sum_value(&t->lost);
	return true;
}

/* Computes the mean profit of the trades with a profit. */
bool
pulse_average_win(const pulse_trades *t, double *result)
{
	if (t->wins == 0)
		return false;
	*result = pulse_sum_value(&t->won) / (double) t->wins;
	return true;
}

/* Computes the mean loss of the trades with a loss, as a positive number. */
bool
pulse_average_loss(const pulse_trades *t, double *result)
{
	if (t->losses == 0)
		return false;
	*result = pulse_sum_value(&t->lost) / (double) t->losses;
	return true;
}

/* Computes average win over average loss; false without either. */
bool
pulse_payoff_ratio(const pulse_trades *t, double *result)
{
	double		win,
				loss;

	if (!pulse_average_win(t, &win) || !pulse_average_loss(t, &loss))
		return false;
	*result = win / loss;
	return true;
}

/* Computes the mean profit or loss of a trade. */
bool
pulse_expectancy(const pulse_trades *t, double *result)
{
	pulse_sum	total = t->won;

	if (t->n == 0)
		return false;
	pulse_sum_add(&total, -t->lost.sum);
	total.correction -= t->lost.correction;
	*result = pulse_sum_value(&total) / (double) t->n;
	return true;
}

/* Computes the Kelly fraction of a bet with the measured win rate and payoff. */
bool
pulse_kelly_discrete(const pulse_trades *t, double *result)
{
	double		rate,
				payoff;

	if (!pulse_win_rate(t, &rate) || !pulse_payoff_ratio(t, &payoff))
		return false;
	*result = rate - (1.0 - rate) / payoff;
	return true;
}

/* Computes Tharp's system quality number: sqrt(n) mean / sample standard deviation. */
bool
pulse_sqn(const pulse_moments *m, double *result)
{
	double		sd;

	if (m->n < 2 || (sd = pulse_moments_sd(m, 1)) == 0.0)
		return false;
	*result = m->mean / sd * sqrt((double) m->n);
	return true;
}
