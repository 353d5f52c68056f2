/*
 * Likelihood ratios, with 0 log 0 taken as 0.
 */
#include "core/backtest.h"

#include <math.h>

/* Adds one period, in time order. */
void
pulse_backtest_add(pulse_backtest *b, bool exception)
{
	if (b->n++ > 0)
		b->transitions[b->last][exception]++;
	b->exceptions += exception;
	b->last = exception;
}

/* The log likelihood of ones among n trials of probability p. */
static double
log_likelihood(int64_t zeros, int64_t ones, double p)
{
	return (zeros > 0 ? (double) zeros * log1p(-p) : 0.0) + (ones > 0 ? (double) ones * log(p) : 0.0);
}

/*
 * Returns Kupiec's statistic of unconditional coverage, chi-square with one
 * degree of freedom if exceptions have the probability 1 - confidence.
 */
double
pulse_kupiec_statistic(int64_t exceptions, int64_t n, double confidence)
{
	double		rate = (double) exceptions / (double) n;

	return fmax(0.0, 2.0 * (log_likelihood(n - exceptions, exceptions, rate)
							- log_likelihood(n - exceptions, exceptions, 1.0 - confidence)));
}

/*
 * Computes Christoffersen's statistic of independence, chi-square with one
 * degree of freedom if an exception says nothing about the next period; false
 * below two periods.
 */
bool
pulse_christoffersen_statistic(const pulse_backtest *b, double *result)
{
	int64_t		quiet = b->transitions[0][0] + b->transitions[0][1];
	int64_t		after = b->transitions[1][0] + b->transitions[1][1];
	int64_t		zeros = b->transitions[0][0] + b->transitions[1][0];
	int64_t		ones = b->transitions[0][1] + b->transitions[1][1];
	double		separate = 0;

	if (b->n < 2)
		return false;
	if (quiet > 0)
		separate += log_likelihood(b->transitions[0][0], b->transitions[0][1],
								   (double) b->transitions[0][1] / (double) quiet);
	if (after > 0)
		separate += log_likelihood(b->transitions[1][0], b->transitions[1][1],
								   (double) b->transitions[1][1] / (double) after);
	*result = fmax(0.0, 2.0 * (separate - log_likelihood(zeros, ones, (double) ones / (double) (zeros + ones))));
	return true;
}

/* Returns the probability of more than x under chi-square with one degree of freedom. */
double
pulse_chi_square_1_tail(double x)
{
	return erfc(sqrt(x / 2.0));
}

/* Returns the probability of more than x under chi-square with two degrees of freedom. */
double
pulse_chi_square_2_tail(double x)
{
	return exp(-x / 2.0);
}
