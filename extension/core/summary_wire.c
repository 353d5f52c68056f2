/*
 * The form of a summary in bytes: big-endian, fixed width, with magic number
 * and version in front. It is stored in users' tables and travels between
 * servers, so nothing in it may change without a new version, and nothing
 * that arrives is believed.
 */
#include <math.h>
#include <string.h>

#include "core/annualise.h"
#include "core/summary.h"

/* PostgreSQL's timestamps: from 4714 BC to 294277 AD. */
#define FIRST_TS (-INT64_C(211813488000000000))
#define END_TS INT64_C(9223371331200000000)

static uint8_t *
put_int(uint8_t *p, uint64_t v, int size)
{
	for (int i = size - 1; i >= 0; i--)
		*p++ = (uint8_t) (v >> (8 * i));
	return p;
}

static uint8_t *
put_double(uint8_t *p, double v)
{
	uint64_t	bits;

	memcpy(&bits, &v, sizeof(bits));
	return put_int(p, bits, 8);
}

static uint64_t
get_int(const uint8_t **p, int size)
{
	uint64_t	v = 0;

	for (int i = 0; i < size; i++)
		v = v << 8 | *(*p)++;
	return v;
}

static double
get_double(const uint8_t **p)
{
	uint64_t	bits = get_int(p, 8);
	double		v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* Writes PULSE_SUMMARY_HEADER + n * PULSE_SUMMARY_SEGMENT bytes. */
void
pulse_summary_write(const pulse_segment *segments, size_t n, int64_t width, uint8_t *bytes)
{
	uint8_t    *p = bytes;

	p = put_int(p, PULSE_SUMMARY_MAGIC, 2);
	p = put_int(p, PULSE_SUMMARY_VERSION, 1);
	p = put_int(p, 0, 1);
	p = put_int(p, n, 4);
	p = put_int(p, (uint64_t) width, 8);
	for (size_t i = 0; i < n; i++)
	{
		const pulse_segment *s = &segments[i];

		p = put_int(p, (uint64_t) s->bucket, 8);
		p = put_int(p, (uint64_t) s->n, 8);
		p = put_int(p, (uint64_t) s->first_ts, 8);
		p = put_int(p, (uint64_t) s->last_ts, 8);
		p = put_double(p, s->first);
		p = put_double(p, s->last);
		p = put_double(p, s->entry_link);
		p = put_double(p, s->entry_flow);
		p = put_double(p, s->link);
		p = put_double(p, s->flow);
		p = put_double(p, s->high);
		p = put_double(p, s->low);
		p = put_int(p, (uint64_t) s->high_ts, 8);
		p = put_double(p, s->deepest);
		p = put_int(p, s->flags, 8);
	}
}

static void
get_segment(const uint8_t **p, pulse_segment *s)
{
	s->bucket = (int64_t) get_int(p, 8);
	s->n = (int64_t) get_int(p, 8);
	s->first_ts = (int64_t) get_int(p, 8);
	s->last_ts = (int64_t) get_int(p, 8);
	s->first = get_double(p);
	s->last = get_double(p);
	s->entry_link = get_double(p);
	s->entry_flow = get_double(p);
	s->link = get_double(p);
	s->flow = get_double(p);
	s->high = get_double(p);
	s->low = get_double(p);
	s->high_ts = (int64_t) get_int(p, 8);
	s->deepest = get_double(p);
	s->flags = get_int(p, 8);
}

/* Returns what is wrong with a segment, or NULL. */
static const char *
check_segment(const pulse_segment *s, int64_t width)
{
	if (s->flags & ~(uint64_t) PULSE_SEGMENT_FLAGS)
		return "unknown flags";
	if (s->first_ts < FIRST_TS || s->last_ts >= END_TS || s->first_ts > s->last_ts)
		return "times out of range";
	if (s->bucket != pulse_bucket_index(s->first_ts, width) || s->bucket != pulse_bucket_index(s->last_ts, width))
		return "times outside of the bucket";
	if (s->n < 1 || s->n > (INT64_C(1) << 56))
		return "number of observations out of range";
	if (s->flags & PULSE_SEGMENT_NONFINITE)
		return NULL;
	if (!isfinite(s->first) || !isfinite(s->last) || !isfinite(s->entry_flow) || !isfinite(s->flow)
		|| !isfinite(s->high) || !isfinite(s->low))
		return "a value that is not finite";
	if (!(s->entry_link > 0) || !isfinite(s->entry_link) || !(s->link > 0) || !isfinite(s->link))
		return "a link that is not positive";
	if (!(s->flags & PULSE_SEGMENT_BROKEN) && (s->first <= 0 || s->last <= 0))
		return "equity that is not positive";
	if (s->high < s->low || !(s->deepest >= 0) || !isfinite(s->deepest))
		return "an impossible drawdown";
	if (s->high_ts < s->first_ts || s->high_ts > s->last_ts)
		return "an impossible time of a peak";
	return NULL;
}

/* Returns what is wrong with segments that came from outside, or NULL. */
const char *
pulse_segments_check(const pulse_segment *segments, size_t n, int64_t width)
{
	if (width < PULSE_USEC_PER_SECOND || width > 36525 * PULSE_USEC_PER_DAY)
		return "a bucket width out of range";
	for (size_t i = 0; i < n; i++)
	{
		const char *error = check_segment(&segments[i], width);

		if (error)
			return error;
		if (i > 0 && segments[i].bucket <= segments[i - 1].bucket)
			return "buckets out of order";
	}
	return NULL;
}

/* Reads a summary; returns what is wrong with it, or NULL. Memory is asked for only once the size is known to fit. */
const char *
pulse_summary_read(const uint8_t *bytes, size_t size, pulse_memory memory,
				   pulse_segment **segments, size_t *n, int64_t *width)
{
	const uint8_t *p = bytes;

	if (size < PULSE_SUMMARY_HEADER)
		return "too few bytes";
	if (get_int(&p, 2) != PULSE_SUMMARY_MAGIC)
		return "no magic number";
	if (get_int(&p, 1) != PULSE_SUMMARY_VERSION)
		return "an unknown version";
	if (get_int(&p, 1) != 0)
		return "unknown flags";
	*n = (size_t) get_int(&p, 4);
	*width = (int64_t) get_int(&p, 8);
	if (*n == 0 || (size - PULSE_SUMMARY_HEADER) / PULSE_SUMMARY_SEGMENT != *n
		|| (size - PULSE_SUMMARY_HEADER) % PULSE_SUMMARY_SEGMENT != 0)
		return "a length that does not match";
	*segments = memory.resize(memory.context, NULL, *n * sizeof(pulse_segment));
	for (size_t i = 0; i < *n; i++)
		get_segment(&p, &(*segments)[i]);
	return pulse_segments_check(*segments, *n, *width);
}
