/*
 * Selection instead of sorting: linear time on average, and a depth limit
 * with heap selection behind it so that no input makes it quadratic.
 */
#include "core/quantile.h"

#include <float.h>
#include <math.h>

#include "core/compensated.h"

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

/* Moves the k-th smallest of x[0..n) to x[k], smaller ones before it, larger ones after it. */
static void
select_kth(double *x, size_t n, size_t k)
{
	size_t		low = 0,
				high = n;
	int			budget = 4 * (int) (sizeof(size_t) * 8);

	while (high - low > 16)
	{
		size_t		middle = low + (high - low) / 2,
					less = low,
					more = high,
					i = low;
		double		a = x[low],
					b = x[middle],
					c = x[high - 1],
					pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));

		if (budget-- == 0)
		{
			heap_sort(x + low, high - low);
			return;
		}
		/* three parts, so that many equal values end the search at once */
		while (i < more)
		{
			if (x[i] < pivot)
				swap(&x[less++], &x[i++]);
			else if (x[i] > pivot)
				swap(&x[i], &x[--more]);
			else
				i++;
		}
		if (k < less)
			high = less;
		else if (k >= more)
			low = more;
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

/*
 * Returns the type 7 quantile of probability p (0 <= p <= 1) of n >= 1 finite
 * values, whose order it changes.
 */
double
pulse_quantile(double *x, size_t n, double p)
{
	pulse_quantile_position at = pulse_quantile_locate(n, p);
	double		next;

	select_kth(x, n, at.index);
	if (at.weight == 0.0)
		return x[at.index];
	next = x[at.index + 1];
	for (size_t i = at.index + 2; i < n; i++)
		if (x[i] < next)
			next = x[i];
	return pulse_quantile_interpolate(x[at.index], next, at.weight);
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
