/*
 * Selection instead of sorting: linear time on average, and a depth limit
 * with heap selection behind it so that no input makes it quadratic.
 */
#include "core/quantile.h"

#include <float.h>
#include <math.h>

#include "core/compensated.h"

/* Values that a pivot is guessed from. */
#define SAMPLE 512

static void select_kth(double *x, size_t n, size_t k);

/*
 * Returns where the type 7 quantile of probability p lies among n ordered
 * values: h = (n - 1) p. A confidence of 0.95 arrives as p = 1 - 0.95, a few
 * units in the last place beside 0.05, so an h that close to a whole number
 * is that number; otherwise the tail mean would jump by one value.
 */
pulse_quantile_position
pulse_quantile_locate(size_t n, double p)
{
	pulse_quantile_position at = {0, 0.0};
	double		h = (double) (n - 1) * p;
	double		whole = rint(h);

	if (fabs(h - whole) <= 8.0 * DBL_EPSILON * (double) n)
		h = whole;
	if (h <= 0)
		return at;
	if (h >= (double) (n - 1))
	{
		at.index = n - 1;
		return at;
	}
	at.index = (size_t) floor(h);
	at.weight = h - floor(h);
	return at;
}

/* Returns the value between two order statistics, never outside of them. */
double
pulse_quantile_interpolate(double low, double high, double weight)
{
	double		q;

	if (weight == 0.0 || low == high)
		return low;
	q = low + weight * (high - low);
	return isfinite(q) ? fmin(q, high) : low * (1.0 - weight) + high * weight;
}

static void
swap(double *a, double *b)
{
	double		t = *a;

	*a = *b;
	*b = t;
}

/* Orders x[0..n) by heap sort: the fallback when pivots are bad. */
static void
heap_sort(double *x, size_t n)
{
	for (size_t start = n / 2, end = n; end > 1;)
	{
		size_t		root;

		if (start > 0)
			start--;
		else
			swap(&x[--end], &x[0]);
		for (root = start; root * 2 + 1 < end;)
		{
			size_t		child = root * 2 + 1;

			if (child + 1 < end && x[child] < x[child + 1])
				child++;
			if (x[root] >= x[child])
				break;
			swap(&x[root], &x[child]);
			root = child;
		}
	}
}

/*
 * Returns a value of x[low..high) that lies just beyond the k-th, seen from the
 * nearer end, so that a part little larger than what lies there remains. The
 * guess comes from a sample (Floyd and Rivest 1975), spread over the whole
 * range because neighbours in time are alike.
 */
static double
sampled_pivot(const double *x, size_t low, size_t high, size_t k)
{
	double		sample[SAMPLE];
	double		stride = (double) (high - low) / SAMPLE;
	double		share = (double) (k - low) / (double) (high - low);
	double		margin = 2.0 * sqrt(share * (1.0 - share) * SAMPLE) + 1.0;
	double		at = share * SAMPLE + (share < 0.5 ? margin : -margin);

	for (int i = 0; i < SAMPLE; i++)
		sample[i] = x[low + (size_t) (i * stride)];
	at = at < 0 ? 0 : at > SAMPLE - 1 ? SAMPLE - 1 : at;
	select_kth(sample, SAMPLE, (size_t) at);
	return sample[(size_t) at];
}

static double
median_of_three(const double *x, size_t low, size_t high)
{
	double		a = x[low];
	double		b = x[low + (high - low) / 2];
	double		c = x[high - 1];

	return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Moves the k-th smallest of x[0..n) to x[k], smaller ones before it, larger ones after it. */
static void
select_kth(double *x, size_t n, size_t k)
{
	size_t		low = 0,
				high = n;
	int			budget = 4 * (int) (sizeof(size_t) * 8);

	while (high - low > 16)
	{
		double		pivot = high - low > 8 * SAMPLE ? sampled_pivot(x, low, high, k) : median_of_three(x, low, high);
		size_t		i = low,
					j = high;

		if (budget-- == 0)
		{
			heap_sort(x + low, high - low);
			return;
		}
		/* both sides stop at values equal to the pivot, so that many of them are halved */
		for (;;)
		{
			while (i < j && x[i] < pivot)
				i++;
			while (i < j && x[j - 1] > pivot)
				j--;
			if (j - i < 2)
				break;
			swap(&x[i++], &x[--j]);
		}
		if (k < i)
			high = i;
		else if (k >= j)
			low = j;
		else
			return;
	}
	for (size_t i = low + 1; i < high; i++)
	{
		double		v = x[i];
		size_t		j = i;

		for (; j > low && x[j - 1] > v; j--)
			x[j] = x[j - 1];
		x[j] = v;
	}
}

/* Returns the quantile; the first `known` values are the smallest ones, in any order. */
static double
quantile_beyond(double *x, size_t n, size_t known, pulse_quantile_position at)
{
	double		next;

	select_kth(x + known, n - known, at.index - known);
	if (at.weight == 0.0)
		return x[at.index];
	next = x[at.index + 1];
	for (size_t i = at.index + 2; i < n; i++)
		next = x[i] < next ? x[i] : next;
	return pulse_quantile_interpolate(x[at.index], next, at.weight);
}

/*
 * Returns the type 7 quantile of probability p (0 <= p <= 1) of n >= 1 finite
 * values, whose order it changes.
 */
double
pulse_quantile(double *x, size_t n, double p)
{
	return quantile_beyond(x, n, 0, pulse_quantile_locate(n, p));
}

/*
 * The same of values that are still as the quantile of lower_p, not more than
 * p, has left them: what lies below that need not be looked at again.
 */
double
pulse_quantile_above(double *x, size_t n, double lower_p, double p)
{
	return quantile_beyond(x, n, pulse_quantile_locate(n, lower_p).index, pulse_quantile_locate(n, p));
}

/* Returns the mean of the values at or below limit; NaN if there are none. */
double
pulse_tail_mean(const double *x, size_t n, double limit)
{
	pulse_sum	sum = {0, 0};
	size_t		count = 0;

	for (size_t i = 0; i < n; i++)
		if (x[i] <= limit)
		{
			pulse_sum_add(&sum, x[i]);
			count++;
		}
	return count > 0 ? pulse_sum_value(&sum) / (double) count : NAN;
}
