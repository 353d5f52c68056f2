/*
 * Which peak a row is under changes as older rows leave, so depths cannot
 * simply be kept. But between two peaks the peak is one number, and the depths
 * under it follow from the mean and variance of the values. So the window is
 * two stacks, as in queue.c: for the older rows the result of every suffix is
 * computed at once, from the newest to the oldest, a stack of peaks showing
 * where each is reached again; of the newer rows the records are kept, from
 * the first that reaches the peak of the older rows with their total. That
 * peak only sinks until the newer rows become the older ones, so records are
 * only added to the total. Each row is handled a few times in all, and nothing
 * is ever subtracted.
 */
#include "core/sliding.h"

#include <math.h>
#include <string.h>

#define FIRST_CAPACITY 16

/* Prepares an empty window. */
void
pulse_sliding_begin(pulse_sliding *s, pulse_memory memory)
{
	*s = (pulse_sliding) {.memory = memory, .capacity = FIRST_CAPACITY};
	s->rows = memory.resize(memory.context, NULL, FIRST_CAPACITY * sizeof(pulse_point));
}

/* Returns the i-th row, 0 being the oldest. */
const pulse_point *
pulse_sliding_row(const pulse_sliding *s, size_t i)
{
	return &s->rows[(s->head + i) & (s->capacity - 1)];
}

static void
stretch_add(pulse_sliding_stretch *t, double value)
{
	double		d = value - t->mean;

	t->low = t->n == 0 || value < t->low ? value : t->low;
	t->n++;
	t->mean += d / (double) t->n;
	t->m2 += d * (value - t->mean);
}

static void
stretch_merge(pulse_sliding_stretch *t, const pulse_sliding_stretch *other)
{
	double		na = (double) t->n;
	double		nb = (double) other->n;
	double		d = other->mean - t->mean;

	if (other->n == 0)
		return;
	t->low = t->n == 0 || other->low < t->low ? other->low : t->low;
	t->mean += d * (nb / (na + nb));
	t->m2 += other->m2 + d * d * na * (nb / (na + nb));
	t->n += other->n;
}

/* Adds the depths of a stretch under a peak. */
static void
total_add_depths(pulse_sliding_total *total, double peak, const pulse_sliding_stretch *t)
{
	double		mean;

	if (t->n == 0)
		return;
	total->largest = fmax(total->largest, peak - t->low);
	if (!(peak > 0))
		return;
	mean = fmax((peak - t->mean) / peak, 0.0);
	total->deepest = fmax(total->deepest, pulse_depth(peak, t->low));
	total->depth += mean * (double) t->n;
	total->depth_squared += mean * mean * (double) t->n + t->m2 / peak / peak;
}

static void
total_add_time(pulse_sliding_total *total, int64_t from, int64_t to)
{
	int64_t		elapsed = pulse_elapsed(from, to);

	total->longest = elapsed > total->longest ? elapsed : total->longest;
}

static void
total_merge(pulse_sliding_total *total, const pulse_sliding_total *other)
{
	total->depth += other->depth;
	total->depth_squared += other->depth_squared;
	total->deepest = fmax(total->deepest, other->deepest);
	total->largest = fmax(total->largest, other->largest);
	total->longest = other->longest > total->longest ? other->longest : total->longest;
}

/* Grows an array for one more element. */
static void *
make_room(pulse_memory memory, void *array, size_t *capacity, size_t needed, size_t size)
{
	if (needed <= *capacity)
		return array;
	while (*capacity < needed)
		*capacity = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
	return memory.resize(memory.context, array, *capacity * size);
}

/* Extends the total to the records that reach a peak which has sunk. */
static void
reach(pulse_sliding *s, double peak)
{
	while (s->reaching > 0 && s->records[s->reaching - 1].value >= peak)
	{
		s->reaching--;
		if (s->reaching + 1 < s->n_records)
			total_merge(&s->reached, &s->records[s->reaching].total);
	}
}

static double
older_peak(const pulse_sliding *s)
{
	return s->n_older > 0 && s->older[s->n_older - 1].n > 0 ? s->older[s->n_older - 1].peak : -INFINITY;
}

static void
add_newer(pulse_sliding *s, int64_t ts, double value)
{
	pulse_sliding_record *last = s->n_records > 0 ? &s->records[s->n_records - 1] : NULL;

	if (last && value < last->value)
		stretch_add(&last->under, value);
	else
	{
		if (last)
		{
			total_add_depths(&last->total, last->value, &last->under);
			if (last->under.n > 0)
				total_add_time(&last->total, last->ts, ts);
			if (s->reaching < s->n_records)
				total_merge(&s->reached, &last->total);
		}
		if (s->reaching == s->n_records && value < older_peak(s))
			s->reaching++;
		s->records = make_room(s->memory, s->records, &s->records_capacity, s->n_records + 1, sizeof(pulse_sliding_record));
		s->records[s->n_records++] = (pulse_sliding_record) {.value = value, .ts = ts, .before = s->newer};
	}
	stretch_add(&s->newer, value);
}

/* Adds a row, not earlier than the one before. */
void
pulse_sliding_push(pulse_sliding *s, int64_t ts, double value)
{
	if (s->count == s->capacity)
	{
		s->rows = s->memory.resize(s->memory.context, s->rows, s->capacity * 2 * sizeof(pulse_point));
		/* what had wrapped around comes after the rest again */
		memcpy(s->rows + s->capacity, s->rows, s->head * sizeof(pulse_point));
		s->capacity *= 2;
	}
	s->rows[(s->head + s->count) & (s->capacity - 1)] = (pulse_point) {ts, value};
	s->count++;
	if (isfinite(value))
		add_newer(s, ts, value);
	else
		s->nonfinite++;
}

/* Makes all rows older ones. The records' memory serves as the stack of peaks. */
static void
turn_over(pulse_sliding *s)
{
	size_t		top = 0;

	s->older = make_room(s->memory, s->older, &s->older_capacity, s->count, sizeof(pulse_sliding_suffix));
	s->records = make_room(s->memory, s->records, &s->records_capacity, s->count, sizeof(pulse_sliding_record));
	for (size_t i = 0; i < s->count; i++)
	{
		const pulse_point *row = pulse_sliding_row(s, s->count - 1 - i);
		pulse_sliding_suffix *suffix = &s->older[i];
		pulse_sliding_record peak = {.value = row->value, .ts = row->ts};

		*suffix = i > 0 ? s->older[i - 1] : (pulse_sliding_suffix) {.n = 0};
		if (!isfinite(row->value))
			continue;
		while (top > 0 && s->records[top - 1].value < row->value)
		{
			top--;
			stretch_add(&peak.under, s->records[top].value);
			stretch_merge(&peak.under, &s->records[top].under);
		}
		suffix->low = suffix->n == 0 ? row->value : fmin(suffix->low, row->value);
		suffix->n++;
		if (top == 0)
		{
			suffix->peak = row->value;
			suffix->peak_ts = row->ts;
			suffix->below = peak.under.n;
			peak.total = (pulse_sliding_total) {0};
		}
		else
		{
			peak.total = s->records[top - 1].total;
			if (peak.under.n > 0)
				total_add_time(&peak.total, row->ts, s->records[top - 1].ts);
		}
		total_add_depths(&peak.total, row->value, &peak.under);
		suffix->total = peak.total;
		s->records[top++] = peak;
	}
	s->n_older = s->count;
	s->n_records = s->reaching = 0;
	s->reached = (pulse_sliding_total) {0};
	s->newer = (pulse_sliding_stretch) {0};
}

/* Removes the oldest row; there must be one. */
void
pulse_sliding_pop(pulse_sliding *s)
{
	if (!isfinite(pulse_sliding_row(s, 0)->value))
		s->nonfinite--;
	if (s->n_older == 0)
		turn_over(s);
	s->n_older--;
	s->head = (s->head + 1) & (s->capacity - 1);
	s->count--;
	reach(s, older_peak(s));
}

/* Computes what the window adds up to. */
void
pulse_sliding_result(const pulse_sliding *s, pulse_sliding_curve *curve)
{
	pulse_sliding_total total = {0};
	const pulse_sliding_suffix *suffix = s->n_older > 0 && s->older[s->n_older - 1].n > 0 ? &s->older[s->n_older - 1] : NULL;
	const pulse_sliding_record *last = s->n_records > s->reaching ? &s->records[s->n_records - 1] : NULL;
	int64_t		last_ts = s->count > 0 ? pulse_sliding_row(s, s->count - 1)->ts : 0;

	*curve = (pulse_sliding_curve) {.underwater.n = s->newer.n, .low = s->newer.n > 0 ? s->newer.low : INFINITY};
	if (suffix)
	{
		const pulse_sliding_stretch *until = last ? &s->records[s->reaching].before : &s->newer;

		total = suffix->total;
		total_add_depths(&total, suffix->peak, until);
		if (suffix->below + until->n > 0)
			total_add_time(&total, suffix->peak_ts, last ? s->records[s->reaching].ts : last_ts);
		curve->underwater.n += suffix->n;
		curve->underwater.peak = suffix->peak;
		curve->low = fmin(curve->low, suffix->low);
	}
	if (last)
	{
		total_merge(&total, &s->reached);
		total_add_depths(&total, last->value, &last->under);
		if (last->under.n > 0)
			total_add_time(&total, last->ts, last_ts);
		curve->underwater.peak = last->value;
	}
	curve->underwater.depth.sum = total.depth;
	curve->underwater.depth_squared = total.depth_squared;
	curve->deepest = total.deepest;
	curve->largest = total.largest;
	curve->longest = total.longest;
}
