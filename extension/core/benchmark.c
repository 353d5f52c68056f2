/*
 * Returns against those of a benchmark, pairwise.
 */
#include "core/benchmark.h"

#include <math.h>

#include "core/annualise.h"

static void
add_capture(pulse_capture *side, double r, double b)
{
	side->n++;
	pulse_growth_add(&side->returns, &r, 1);
	pulse_growth_add(&side->benchmark, &b, 1);
}

/* Adds one pair; growth costs logarithms and is left out where nobody asks for it. */
void
pulse_benchmark_add(pulse_benchmark *p, double r, double b, bool with_growth)
{
	double		active = r - b;

	pulse_comoments_add(&p->pairs, r, b);
	pulse_moments_add(&p->active, &active, 1);
	if (!with_growth)
		return;
	pulse_growth_add(&p->growth, &r, 1);
	if (b > 0)
		add_capture(&p->up, r, b);
	else if (b < 0)
		add_capture(&p->down, r, b);
}

static void
merge_capture(pulse_capture *side, const pulse_capture *other)
{
	side->n += other->n;
	pulse_growth_merge(&side->returns, &other->returns);
	pulse_growth_merge(&side->benchmark, &other->benchmark);
}

/* Merges other into p. */
void
pulse_benchmark_merge(pulse_benchmark *p, const pulse_benchmark *other)
{
	pulse_comoments_merge(&p->pairs, &other->pairs);
	pulse_moments_merge(&p->active, &other->active);
	pulse_growth_merge(&p->growth, &other->growth);
	merge_capture(&p->up, &other->up);
	merge_capture(&p->down, &other->down);
}

/* Computes the slope of returns on the benchmark; false below 2 pairs or if the benchmark never moves. */
bool
pulse_beta(const pulse_benchmark *p, double *result)
{
	const pulse_comoments *c = &p->pairs;

	if (c->n < 2 || pulse_is_zero_spread(sqrt(c->yy / (double) (c->n - 1)), c->max_y))
		return false;
	*result = c->xy / c->yy;
	return true;
}

/* Computes Jensen's alpha, the mean excess return that beta does not explain, compounded to a year. */
bool
pulse_alpha(const pulse_benchmark *p, double risk_free, double periods, double *result)
{
	double		rate = pulse_per_period_rate(risk_free, periods);
	double		beta,
				alpha;

	if (!pulse_beta(p, &beta))
		return false;
	alpha = (p->pairs.mean_x - rate) - beta * (p->pairs.mean_y - rate);
	if (!(alpha > -1))
		return false;
	*result = expm1(periods * log1p(alpha));
	return true;
}

/* The sample standard deviation of active returns; 0 if it is only rounding of the returns. */
static double
active_sd(const pulse_benchmark *p)
{
	double		sd = sqrt(p->active.m2 / (double) (p->active.n - 1));

	return pulse_is_zero_spread(sd, fmax(p->pairs.max_x, p->pairs.max_y)) ? 0.0 : sd;
}

/* Computes the annualised sample standard deviation of the active return. */
bool
pulse_tracking_error(const pulse_benchmark *p, double periods, double *result)
{
	if (p->pairs.n < 2)
		return false;
	*result = active_sd(p) * sqrt(periods);
	return true;
}

/* Computes the annualised mean active return over its sample standard deviation. */
bool
pulse_information_ratio(const pulse_benchmark *p, double periods, double *result)
{
	double		sd;

	if (p->pairs.n < 2 || (sd = active_sd(p)) == 0.0)
		return false;
	*result = p->active.mean / sd * sqrt(periods);
	return true;
}

/* Computes compounded growth to a year; false where it is not defined. */
static bool
annual_growth(const pulse_growth *g, int64_t n, double periods, double *result)
{
	if (n == 0 || g->undefined)
		return false;
	if (g->wiped_out)
	{
		*result = -1.0;
		return true;
	}
	return pulse_annual_growth(pulse_sum_value(&g->log), (double) n / periods, result);
}

/* Computes the compounded annual return in excess of the risk-free rate over beta. */
bool
pulse_treynor(const pulse_benchmark *p, double risk_free, double periods, double *result)
{
	double		beta,
				annual;

	if (!pulse_beta(p, &beta) || beta == 0 || !annual_growth(&p->growth, p->pairs.n, periods, &annual))
		return false;
	*result = (annual - risk_free) / beta;
	return true;
}

/* Computes the annual growth of the returns over the benchmark's, in the periods of one side. */
bool
pulse_capture_ratio(const pulse_benchmark *p, const pulse_capture *side, double periods, double *result)
{
	double		own,
				benchmark;

	if (p->pairs.n < 2 || !annual_growth(&side->returns, side->n, periods, &own)
		|| !annual_growth(&side->benchmark, side->n, periods, &benchmark) || benchmark == 0)
		return false;
	*result = own / benchmark;
	return true;
}
