/*
 * Summaries: any split and any order of merging gives the whole, the bytes
 * are what version 1 says, and nothing invalid is accepted.
 */
#include "support.h"

#include <string.h>

#include "core/annualise.h"
#include "core/summary.h"

#define MAX_ROWS 500

static const pulse_memory memory = {resize_block, NULL};

typedef struct rows
{
	size_t		n;
	int64_t		ts[MAX_ROWS];
	double		value[MAX_ROWS];
	double		flow[MAX_ROWS];
} rows;

static rows
random_rows(bool flows)
{
	rows		r = {.n = 1 + random_below(MAX_ROWS - 1)};
	double		value = 1000;
	int64_t		ts = (int64_t) (random_uniform() * 1e15);

	for (size_t i = 0; i < r.n; i++)
	{
		value *= 1 + random_return();
		r.flow[i] = flows && random_uniform() < 0.1 ? 200 : 0;
		value += r.flow[i];
		ts += 1 + (int64_t) (random_uniform() * (double) PULSE_USEC_PER_DAY * 0.3);
		r.ts[i] = ts;
		r.value[i] = value;
	}
	return r;
}

static void
any_split_and_order_is_the_whole(void **state)
{
	for (int round = 0; round < 400; round++)
	{
		bool		flows = round % 2;
		rows		r = random_rows(flows);
		pulse_segment *whole;
		pulse_segment *pieces = NULL;
		size_t		n_pieces = 0;
		size_t		n = pulse_segments_of_rows(r.ts, r.value, flows ? r.flow : NULL, r.n, PULSE_USEC_PER_DAY, memory, &whole);

		for (size_t from = 0; from < r.n;)
		{
			size_t		take = 1 + random_below(40);
			pulse_segment *part;
			size_t		k;

			take = from + take > r.n ? r.n - from : take;
			k = pulse_segments_of_rows(r.ts + from, r.value + from, flows ? r.flow + from : NULL, take,
									   PULSE_USEC_PER_DAY, memory, &part);
			pieces = realloc(pieces, (n_pieces + k) * sizeof(pulse_segment));
			memcpy(pieces + n_pieces, part, k * sizeof(pulse_segment));
			n_pieces += k;
			free(part);
			from += take;
		}
		for (size_t i = n_pieces; i > 1; i--)
		{
			size_t		j = random_below(i);
			pulse_segment t = pieces[i - 1];

			pieces[i - 1] = pieces[j];
			pieces[j] = t;
		}
		assert_int_equal(pulse_segments_merge(pieces, n_pieces), n);
		if (!flows)
			assert_memory_equal(pieces, whole, n * sizeof(pulse_segment));
		for (size_t i = 0; flows && i < n; i++)
		{
			assert_int_equal(pieces[i].n, whole[i].n);
			assert_close(pieces[i].link, whole[i].link, 1e-13);
			assert_close(pieces[i].high, whole[i].high, 1e-12);
			assert_close(pieces[i].low, whole[i].low, 1e-12);
			assert_close(pieces[i].deepest, whole[i].deepest, 1e-12);
			assert_close(pieces[i].flow, whole[i].flow, 1e-12);
		}
		assert_false(pulse_segments_overlap(pieces, n));
		free(whole);
		free(pieces);
	}
}

static void
the_curve_of_segments_is_that_of_the_rows(void **state)
{
	for (int round = 0; round < 400; round++)
	{
		bool		flows = round % 2;
		rows		r = random_rows(flows);
		int64_t		width = PULSE_USEC_PER_DAY * (1 + (int64_t) random_below(3));
		pulse_segment *segments;
		pulse_curve a,
					b;
		double		x,
					y;
		size_t		n = pulse_segments_of_rows(r.ts, r.value, flows ? r.flow : NULL, r.n, PULSE_USEC_PER_DAY, memory, &segments);

		pulse_segments_to_curve(segments, n, width, memory, &a);
		pulse_curve_begin(&b, width, memory);
		pulse_curve_add(&b, r.ts, r.value, flows ? r.flow : NULL, r.n);
		assert_int_equal(a.n, b.n);
		assert_int_equal(a.n_buckets, b.n_buckets);
		assert_int_equal(a.last_ts, b.last_ts);
		for (size_t i = 0; i < a.n_buckets; i++)
		{
			assert_int_equal(a.buckets[i].index, b.buckets[i].index);
			assert_true(a.buckets[i].last == b.buckets[i].last);
			assert_close(a.buckets[i].link, b.buckets[i].link, 1e-13);
		}
		assert_true(pulse_drawdown_deepest(&a.drawdown, &x));
		assert_true(pulse_drawdown_deepest(&b.drawdown, &y));
		assert_close(x, y, flows ? 1e-12 : 0);
		assert_true(pulse_drawdown_current(&a.drawdown, &x));
		assert_true(pulse_drawdown_current(&b.drawdown, &y));
		assert_close(x, y, flows ? 1e-12 : 0);
		assert_true(llabs(pulse_drawdown_longest(&a.drawdown) - pulse_drawdown_longest(&b.drawdown)) <= PULSE_USEC_PER_DAY);
		free(segments);
		free(a.buckets);
		free(b.buckets);
	}
}

static void
overlapping_pieces_are_marked(void **state)
{
	const int64_t even[] = {10, 30};
	const int64_t odd[] = {20, 40};
	const double value[] = {100, 90};
	pulse_segment *a,
			   *b;
	pulse_segment both[2];

	pulse_segments_of_rows(even, value, NULL, 2, PULSE_USEC_PER_DAY, memory, &a);
	pulse_segments_of_rows(odd, value, NULL, 2, PULSE_USEC_PER_DAY, memory, &b);
	both[0] = *b;
	both[1] = *a;
	assert_int_equal(pulse_segments_merge(both, 2), 1);
	assert_true(pulse_segments_overlap(both, 1));
	assert_int_equal(both[0].last_ts, 40);
	free(a);
	free(b);
}

/* Reads bytes and frees what they became; returns what is wrong with them. */
static const char *
read_error(const uint8_t *bytes, size_t size)
{
	pulse_segment *segments = NULL;
	size_t		n;
	int64_t		width;
	const char *error = pulse_summary_read(bytes, size, memory, &segments, &n, &width);

	free(segments);
	return error;
}

static void
bytes_round_trip(void **state)
{
	for (int round = 0; round < 100; round++)
	{
		rows		r = random_rows(round % 2);
		pulse_segment *segments,
				   *again;
		size_t		n = pulse_segments_of_rows(r.ts, r.value, r.flow, r.n, PULSE_USEC_PER_DAY, memory, &segments);
		size_t		size = PULSE_SUMMARY_HEADER + n * PULSE_SUMMARY_SEGMENT;
		uint8_t    *bytes = malloc(size);
		size_t		m;
		int64_t		width;

		pulse_summary_write(segments, n, PULSE_USEC_PER_DAY, bytes);
		assert_null(pulse_summary_read(bytes, size, memory, &again, &m, &width));
		assert_int_equal(m, n);
		assert_int_equal(width, PULSE_USEC_PER_DAY);
		assert_memory_equal(segments, again, n * sizeof(pulse_segment));
		for (size_t cut = 0; cut < size; cut += 7)
			assert_non_null(read_error(bytes, cut));
		free(bytes);
		free(segments);
		free(again);
	}
}

static void
golden_bytes(void **state)
{
	static const uint8_t golden[] = {
		0x50, 0x53, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x14, 0x1d, 0xd7, 0x60, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x23, 0xaa, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
		0x00, 0x02, 0xcd, 0xa2, 0x8d, 0xc0, 0x30, 0x00, 0x00, 0x02, 0xcd, 0xa7, 0x95, 0x36, 0x08, 0x00,
		0x40, 0x59, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x58, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x3f, 0xf0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x3f, 0xf0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x40, 0x59, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x58, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x02, 0xcd, 0xa2, 0x8d, 0xc0, 0x30, 0x00, 0x3f, 0x8e, 0x91, 0x31, 0xab, 0xf0, 0xb7, 0x67,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
	};
	/* noon and six in the evening of 1 January 2025, from 1 January 2000 */
	const int64_t ts[] = {INT64_C(789048000) * 1000000, INT64_C(789069600) * 1000000};
	const double value[] = {100.5, 99};
	uint8_t		bytes[sizeof(golden)];
	pulse_segment *segments;

	assert_int_equal(sizeof(golden), PULSE_SUMMARY_HEADER + PULSE_SUMMARY_SEGMENT);
	assert_int_equal(pulse_segments_of_rows(ts, value, NULL, 2, PULSE_USEC_PER_DAY, memory, &segments), 1);
	pulse_summary_write(segments, 1, PULSE_USEC_PER_DAY, bytes);
	assert_memory_equal(bytes, golden, sizeof(golden));
	assert_null(read_error(golden, sizeof(golden)));
	free(segments);
}

static void
invalid_segments_are_refused(void **state)
{
	const int64_t ts[] = {0, 5};
	const double value[] = {100, 90};
	pulse_segment *good;
	pulse_segment bad;

	pulse_segments_of_rows(ts, value, NULL, 2, PULSE_USEC_PER_DAY, memory, &good);
	assert_null(pulse_segments_check(good, 1, PULSE_USEC_PER_DAY));
	assert_non_null(pulse_segments_check(good, 1, 0));
	assert_non_null(pulse_segments_check(good, 1, -1));
	assert_non_null(pulse_segments_check(good, 1, PULSE_USEC_PER_DAY / 2));

#define REFUSED(change) \
	bad = *good; \
	bad.change; \
	assert_non_null(pulse_segments_check(&bad, 1, PULSE_USEC_PER_DAY))
	REFUSED(bucket++);
	REFUSED(n = 0);
	REFUSED(n = -1);
	REFUSED(first_ts = 10);
	REFUSED(last_ts = INT64_MAX);
	REFUSED(first_ts = INT64_MIN);
	REFUSED(first = NAN);
	REFUSED(last = INFINITY);
	REFUSED(last = -1);
	REFUSED(entry_link = 0);
	REFUSED(link = -2);
	REFUSED(link = NAN);
	REFUSED(flow = NAN);
	REFUSED(high = 1);
	REFUSED(deepest = -0.1);
	REFUSED(deepest = NAN);
	REFUSED(high_ts = 6);
	REFUSED(flags = 1 << 20);
	free(good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_split_and_order_is_the_whole),
		cmocka_unit_test(the_curve_of_segments_is_that_of_the_rows),
		cmocka_unit_test(overlapping_pieces_are_marked),
		cmocka_unit_test(bytes_round_trip),
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(invalid_segments_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
