/*
 * Merging segments is exact as long as they do not overlap in time: the
 * deepest drawdown is within one of them or from the high of an earlier to
 * the low of a later one. Only the time under water is known by buckets: the
 * moment at which an old peak was passed inside one would need the whole
 * curve, so a recovery is dated at the bucket's high.
 */
#include "core/summary.h"

#include <math.h>
#include <stdlib.h>

static void
open_segment(pulse_segment *s, int64_t bucket, int64_t ts, double value, double flow)
{
	*s = (pulse_segment) {.bucket = bucket, .n = 1, .first_ts = ts, .last_ts = ts, .first = value, .last = value,
		.entry_link = 1.0, .entry_flow = flow, .link = 1.0, .high = value, .low = value, .high_ts = ts};
	if (!isfinite(value) || !isfinite(flow))
	{
		s->flags |= PULSE_SEGMENT_NONFINITE;
		return;
	}
	if (value <= 0)
		s->flags |= PULSE_SEGMENT_BROKEN;
	if (flow != 0)
	{
		if (value > 0 && value - flow > 0)
			s->entry_link = (value - flow) / value;
		else
			s->flags |= PULSE_SEGMENT_CUT;
	}
}

/* Takes the drawdown of the open segment's observations into it. */
static void
close_segment(pulse_segment *s, const pulse_drawdown *d)
{
	s->high = d->peak;
	s->high_ts = d->peak_ts;
	s->deepest = fmax(d->deepest, pulse_depth(d->peak, d->trough));
}

static void
extend_segment(pulse_segment *s, pulse_drawdown *d, int64_t ts, double value, double flow)
{
	s->n++;
	s->last_ts = ts;
	s->last = value;
	if (!isfinite(value) || !isfinite(flow))
	{
		s->flags |= PULSE_SEGMENT_NONFINITE;
		return;
	}
	if (value <= 0)
		s->flags |= PULSE_SEGMENT_BROKEN;
	s->flow += flow;
	if (s->flags & PULSE_SEGMENT_LOST)
		return;
	if (flow != 0)
	{
		double		before = value - flow;

		pulse_drawdown_add(d, ts, before);
		s->low = fmin(s->low, before);
		if (before > 0 && value > 0)
		{
			s->link *= before / value;
			s->low *= value / before;
			pulse_drawdown_rescale(d, value / before);
		}
		else
			s->flags |= PULSE_SEGMENT_LOST | PULSE_SEGMENT_BROKEN;
		return;
	}
	pulse_drawdown_add(d, ts, value);
	s->low = fmin(s->low, value);
}

/* Prepares segments of buckets of width, without a row. */
void
pulse_segments_begin(pulse_segments *s, int64_t width, pulse_memory memory)
{
	*s = (pulse_segments) {.width = width, .memory = memory, .end = INT64_MIN};
}

/* Adds n rows in time order; flow may be NULL. */
void
pulse_segments_add(pulse_segments *s, const int64_t *ts, const double *value, const double *flow, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		double		f = flow ? flow[i] : 0.0;
		pulse_segment *last;

		if (ts[i] < s->end)
		{
			extend_segment(&s->segments[s->n - 1], &s->drawdown, ts[i], value[i], f);
			continue;
		}
		pulse_segments_end(s);
		if (s->n == s->allocated)
		{
			s->allocated = s->allocated == 0 ? 4 : s->allocated * 2;
			s->segments = s->memory.resize(s->memory.context, s->segments, s->allocated * sizeof(pulse_segment));
		}
		last = &s->segments[s->n++];
		open_segment(last, pulse_bucket_index(ts[i], s->width), ts[i], value[i], f);
		s->end = pulse_bucket_start(last->bucket, s->width) + s->width;
		s->drawdown = (pulse_drawdown) {0};
		if (isfinite(value[i]))
			pulse_drawdown_add(&s->drawdown, ts[i], value[i]);
	}
}

/* Completes the last segment; more rows may still come. */
void
pulse_segments_end(pulse_segments *s)
{
	if (s->n > 0)
		close_segment(&s->segments[s->n - 1], &s->drawdown);
}

/* Turns n >= 1 rows in time order into segments; returns how many. flow may be NULL. */
size_t
pulse_segments_of_rows(const int64_t *ts, const double *value, const double *flow, size_t n,
					   int64_t width, pulse_memory memory, pulse_segment **segments)
{
	pulse_segments s;

	pulse_segments_begin(&s, width, memory);
	pulse_segments_add(&s, ts, value, flow, n);
	pulse_segments_end(&s);
	*segments = s.segments;
	return s.n;
}

/* Joins the drawdowns of a and the later b, in units of after b, into high, low and so on of a. */
static void
join_drawdown(pulse_segment *a, const pulse_segment *b, double factor)
{
	double		high = a->high * factor;
	double		low = a->low * factor;

	a->low = fmin(low, b->low);
	if (b->high < high)
	{
		/* below zero b by itself would be deeper than under the high of a */
		a->deepest = fmax(a->deepest, pulse_depth(high, b->low));
		a->high = high;
		return;
	}
	a->deepest = fmax(fmax(a->deepest, b->deepest), pulse_depth(high, b->low));
	a->high = b->high;
	a->high_ts = b->high_ts;
}

/* Appends the later segment b to a. */
static void
append_segment(pulse_segment *a, const pulse_segment *b)
{
	uint64_t	flags = a->flags | (b->flags & ~(uint64_t) PULSE_SEGMENT_CUT);

	if (b->first_ts < a->last_ts)
		flags |= PULSE_SEGMENT_OVERLAP;
	if (b->flags & PULSE_SEGMENT_CUT)
		flags |= PULSE_SEGMENT_LOST | PULSE_SEGMENT_BROKEN;
	if (!(flags & PULSE_SEGMENT_NONFINITE))
	{
		if (flags & PULSE_SEGMENT_LOST)
			a->deepest = fmax(a->deepest, pulse_depth(a->high, b->low));
		else
			join_drawdown(a, b, 1.0 / (b->entry_link * b->link));
	}
	a->n += b->n;
	a->link *= b->entry_link * b->link;
	a->flow += b->entry_flow + b->flow;
	/* of pieces that overlap the one that ends later has the last value */
	if (b->last_ts >= a->last_ts)
	{
		a->last = b->last;
		a->last_ts = b->last_ts;
	}
	a->flags = flags;
}

static int
compare_segments(const void *x, const void *y)
{
	const pulse_segment *a = x;
	const pulse_segment *b = y;

	if (a->first_ts != b->first_ts)
		return a->first_ts < b->first_ts ? -1 : 1;
	if (a->last_ts != b->last_ts)
		return a->last_ts < b->last_ts ? -1 : 1;
	/* anything that makes the result independent of the input's order */
	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	return (a->n > b->n) - (a->n < b->n);
}

/* Brings segments into time order and merges those of the same bucket; returns how many are left. */
size_t
pulse_segments_merge(pulse_segment *segments, size_t n)
{
	size_t		kept = 0;

	for (size_t i = 1; i < n; i++)
		if (compare_segments(&segments[i - 1], &segments[i]) > 0)
		{
			qsort(segments, n, sizeof(pulse_segment), compare_segments);
			break;
		}
	for (size_t i = 0; i < n; i++)
		if (kept > 0 && segments[kept - 1].bucket == segments[i].bucket)
			append_segment(&segments[kept - 1], &segments[i]);
		else
			segments[kept++] = segments[i];
	return kept;
}

/* Returns whether drawdown is approximate because summaries overlapped in time. */
bool
pulse_segments_overlap(const pulse_segment *segments, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (segments[i].flags & PULSE_SEGMENT_OVERLAP)
			return true;
	return false;
}

/*
 * Returns the time from the peak of a to its recovery in the later b, or 0 if
 * there is none or the curve was not under water between.
 */
static int64_t
time_to_recovery(const pulse_segment *a, const pulse_segment *b)
{
	double		factor = 1.0 / (b->entry_link * b->link);
	double		first = b->first / b->link;
	double		high = a->high * factor;

	if (b->high < high || (a->last * factor >= high && first >= high))
		return 0;
	return pulse_elapsed(a->high_ts, first >= high ? b->first_ts : b->high_ts);
}

/* Builds the curve of n >= 1 merged segments, with buckets of width, a multiple of the segments' own. */
void
pulse_segments_to_curve(const pulse_segment *segments, size_t n, int64_t width,
						pulse_memory memory, pulse_curve *curve)
{
	pulse_segment whole = segments[0];
	pulse_sum	flow = {0, 0};
	int64_t		longest = 0;

	pulse_curve_begin(curve, width, memory);
	curve->buckets = memory.resize(memory.context, NULL, n * sizeof(pulse_bucket));
	curve->allocated = n;
	for (size_t i = 0; i < n; i++)
	{
		const pulse_segment *s = &segments[i];
		int64_t		index = pulse_bucket_index(s->first_ts, width);
		double		link = i > 0 ? s->entry_link * s->link : s->link;

		if (i > 0)
		{
			if (time_to_recovery(&whole, s) > longest)
				longest = time_to_recovery(&whole, s);
			append_segment(&whole, s);
			pulse_sum_add(&flow, s->entry_flow);
		}
		pulse_sum_add(&flow, s->flow);
		if (curve->n_buckets > 0 && curve->buckets[curve->n_buckets - 1].index == index)
		{
			curve->buckets[curve->n_buckets - 1].last = s->last;
			curve->buckets[curve->n_buckets - 1].link *= link;
		}
		else
			curve->buckets[curve->n_buckets++] = (pulse_bucket) {index, s->last, link};
	}
	curve->n = whole.n;
	curve->first_ts = whole.first_ts;
	curve->last_ts = whole.last_ts;
	curve->first_value = whole.first;
	curve->last_value = whole.last;
	curve->link = whole.link;
	curve->net_flow = flow;
	curve->nonfinite = whole.flags & PULSE_SEGMENT_NONFINITE;
	curve->broken = whole.flags & PULSE_SEGMENT_BROKEN;
	curve->lost = whole.flags & PULSE_SEGMENT_LOST;
	curve->drawdown = (pulse_drawdown) {.n = whole.n, .peak = whole.high, .trough = fmin(whole.last, whole.high),
		.last = whole.last, .deepest = whole.deepest, .peak_ts = whole.high_ts, .last_ts = whole.last_ts, .longest = longest};
}
