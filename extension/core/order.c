/*
 * Data is usually in order but for a few late rows, so natural runs are
 * merged where there are few; otherwise a radix sort, which skips the bytes
 * that all times have in common.
 */
#include "core/order.h"


#define FEW_RUNS 16

/* Merges the ordered ranges [from, middle) and [middle, to) into the target. */
static void
merge(const pulse_order_entry *source, pulse_order_entry *target, size_t from, size_t middle, size_t to)
{
	size_t		a = from,
				b = middle;

	for (size_t i = from; i < to; i++)
		if (a < middle && (b >= to || source[a].ts <= source[b].ts))
			target[i] = source[a++];
		else
			target[i] = source[b++];
}

/* Merges the runs that begin at starts[0..n_runs); starts[n_runs] is the end. */
static pulse_order_entry *
merge_runs(pulse_order_entry *source, pulse_order_entry *target, size_t *starts, size_t n_runs)
{
	while (n_runs > 1)
	{
		size_t		end = starts[n_runs];
		size_t		kept = 0;
		pulse_order_entry *other = source;

		for (size_t i = 0; i < n_runs; i += 2)
		{
			size_t		from = starts[i];
			size_t		middle = i + 1 < n_runs ? starts[i + 1] : end;
			size_t		to = i + 2 < n_runs ? starts[i + 2] : end;

			merge(source, target, from, middle, to);
			starts[kept++] = from;
		}
		starts[kept] = end;
		n_runs = kept;
		source = target;
		target = other;
	}
	return source;
}

static pulse_order_entry *
radix_sort(pulse_order_entry *source, pulse_order_entry *target, size_t n)
{
	/* the sign bit flipped orders signed times as unsigned numbers */
	const uint64_t sign = UINT64_C(1) << 63;
	uint64_t	ones = ~UINT64_C(0),
				any = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint64_t	key = (uint64_t) source[i].ts ^ sign;

		ones &= key;
		any |= key;
	}
	for (int shift = 0; shift < 64; shift += 11)
	{
		size_t		count[2048] = {0};
		size_t		sum = 0;
		pulse_order_entry *other = source;

		if ((((ones ^ any) >> shift) & 2047) == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			count[(((uint64_t) source[i].ts ^ sign) >> shift) & 2047]++;
		for (size_t i = 0; i < 2048; i++)
		{
			size_t		c = count[i];

			count[i] = sum;
			sum += c;
		}
		for (size_t i = 0; i < n; i++)
			target[count[(((uint64_t) source[i].ts ^ sign) >> shift) & 2047]++] = source[i];
		source = target;
		target = other;
	}
	return source;
}

/*
 * Orders n entries by time, equal times by their place in the input; the
 * result is in entries or in scratch, whichever is returned.
 */
pulse_order_entry *
pulse_order_sort(pulse_order_entry *entries, pulse_order_entry *scratch, size_t n)
{
	size_t		starts[FEW_RUNS + 1];
	size_t		n_runs = 0;

	for (size_t i = 0; i < n; i++)
		if (i == 0 || entries[i].ts < entries[i - 1].ts)
		{
			if (n_runs == FEW_RUNS)
				return radix_sort(entries, scratch, n);
			starts[n_runs++] = i;
		}
	starts[n_runs] = n;
	return merge_runs(entries, scratch, starts, n_runs);
}
