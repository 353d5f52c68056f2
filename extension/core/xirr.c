/*
 * The annual rate at which payments discount to nothing. The unknown is the
 * logarithmic growth over the whole time, v: the present value is then a sum
 * of amount * exp(-v * share of the time), well scaled for an hour as for a
 * century.
 */
#include "core/xirr.h"

#include <float.h>
#include <math.h>

#include "core/annualise.h"
#include "core/compensated.h"

/* Beyond this the rate over the whole time would not be a number. */
#define LIMIT 690.0

typedef struct payments
{
	const int64_t *ts;
	const double *amount;
	size_t		n;
	int64_t		first;
	double		span;
} payments;

static double
present_value(const payments *p, double v)
{
	pulse_sum	sum = {0, 0};

	for (size_t i = 0; i < p->n; i++)
		pulse_sum_add(&sum, p->amount[i] * exp(-v * ((double) (p->ts[i] - p->first) / p->span)));
	return pulse_sum_value(&sum);
}

/* Halves [low, high], at whose ends the present value has different signs, down to neighbours. */
static double
bisect(const payments *p, double low, double high)
{
	double		at_low = present_value(p, low);

	for (int i = 0; i < 200; i++)
	{
		double		middle = low + (high - low) / 2;
		double		at_middle;

		if (middle <= low || middle >= high)
			break;
		at_middle = present_value(p, middle);
		if (at_middle == 0)
			return middle;
		if ((at_middle > 0) == (at_low > 0))
			low = middle;
		else
			high = middle;
	}
	return low + (high - low) / 2;
}

/* Finds the zero nearest to no growth, looking outwards on both sides in growing steps. */
static bool
find_zero(const payments *p, double *v)
{
	double		upper = 0,
				lower = 0;
	double		at_upper = present_value(p, 0);
	double		at_lower = at_upper;

	if (at_upper == 0)
	{
		*v = 0;
		return true;
	}
	for (double step = 0.0078125; upper < LIMIT; step *= 1.25)
	{
		double		next = fmin(upper + step, LIMIT);
		double		value = present_value(p, next);

		if ((value > 0) != (at_upper > 0))
		{
			*v = bisect(p, upper, next);
			return true;
		}
		upper = next;
		at_upper = value;
		next = fmax(lower - step, -LIMIT);
		value = present_value(p, next);
		if ((value > 0) != (at_lower > 0))
		{
			*v = bisect(p, next, lower);
			return true;
		}
		lower = next;
		at_lower = value;
	}
	return false;
}

/*
 * Computes the annual rate; false unless there are payments in and out, at
 * different times, and a rate that makes them equal.
 */
bool
pulse_xirr_rate(const int64_t *ts, const double *amount, size_t n, double *result)
{
	payments	p = {ts, amount, n, INT64_MAX, 0};
	int64_t		last = INT64_MIN;
	bool		in = false,
				out = false;
	double		v;

	for (size_t i = 0; i < n; i++)
	{
		if (amount[i] == 0)
			continue;
		p.first = ts[i] < p.first ? ts[i] : p.first;
		last = ts[i] > last ? ts[i] : last;
		in |= amount[i] > 0;
		out |= amount[i] < 0;
	}
	if (!in || !out || last <= p.first)
		return false;
	p.span = (double) last - (double) p.first;
	if (!find_zero(&p, &v))
		return false;
	return pulse_annual_growth(v, p.span / (double) PULSE_USEC_PER_YEAR, result);
}
