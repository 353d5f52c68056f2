/* The CSV reader: RFC 4180 and what people's files have beside it, with every split of the input into reads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/csv.h"

static void *
resize(void *context, void *block, size_t size)
{
	if (size > 0)
		return realloc(block, size);
	free(block);
	return NULL;
}

static const pulse_memory memory = {resize, NULL};

struct input
{
	const char *bytes;
	size_t		left;
	size_t		step;			/* most bytes for one read */
	int			failure;		/* errno at the end instead of an end */
};

static ssize_t
read_input(void *arg, char *buffer, size_t size)
{
	struct input *input = arg;
	size_t		length = input->left < input->step ? input->left : input->step;

	if (length > size)
		length = size;
	if (length == 0 && input->failure != 0)
	{
		errno = input->failure;
		return -1;
	}
	memcpy(buffer, input->bytes, length);
	input->bytes += length;
	input->left -= length;
	return (ssize_t) length;
}

/* Writes what the reader says as "line:field|field;", with ! and the reason for what it refuses. */
static void
describe(const char *bytes, size_t length, size_t step, char *out, size_t size)
{
	struct input input = {bytes, length, step, 0};
	struct csv *csv = csv_open(&memory, read_input, &input);
	struct csv_record record;
	enum csv_result result;
	size_t		used = 0;

	out[0] = '\0';
	while ((result = csv_next(csv, &record)) != CSV_END)
	{
		assert_true(used < size);
		if (result != CSV_RECORD)
			used += (size_t) snprintf(out + used, size - used, "%lld!%s;", (long long) record.line, record.problem);
		else
		{
			used += (size_t) snprintf(out + used, size - used, "%lld:", (long long) record.line);
			for (int i = 0; i < record.count; i++)
				used += (size_t) snprintf(out + used, size - used, "%s%s", i > 0 ? "|" : "", record.fields[i]);
			used += (size_t) snprintf(out + used, size - used, ";");
		}
		if (result == CSV_UNREADABLE)
			break;
	}
	if (result == CSV_END)
		assert_int_equal(csv_bytes(csv), length);
	csv_close(csv);
}

static void
expect_n(const char *bytes, size_t length, const char *expected)
{
	char		out[1024];

	for (size_t step = 1; step <= length + 1; step++)
	{
		describe(bytes, length, step, out, sizeof(out));
		assert_string_equal(out, expected);
	}
}

#define expect(literal, expected) expect_n(literal, sizeof(literal) - 1, expected)

static void
test_records(void **state)
{
	(void) state;
	expect("", "");
	expect("a,b\n1,2\n", "1:a|b;2:1|2;");
	expect("a,b\n1,2", "1:a|b;2:1|2;");
	expect("a,b\r\n1,2\r\n", "1:a|b;2:1|2;");
	expect("a,b\r1,2\r", "1:a|b;2:1|2;");
	expect("a,\n,b\n,\n", "1:a|;2:|b;3:|;");
	expect("a,", "1:a|;");
	expect("\n\r\n\na\n\n", "4:a;");
	expect("\xEF\xBB\xBF" "a,b\n", "1:a|b;");
}

static void
test_quotes(void **state)
{
	(void) state;
	expect("\"a\",\"1,234.5\"\n", "1:a|1,234.5;");
	expect("\"say \"\"hi\"\"\",x\n", "1:say \"hi\"|x;");
	expect("\"\",\"\"\n", "1:|;");
	expect("\"two\nlines\",x\ny\n", "1:two\nlines|x;3:y;");
	expect("\"two\r\nlines\",x\r\ny", "1:two\r\nlines|x;3:y;");
	expect("5\" pipe,x\n", "1:5\" pipe|x;");
	expect("\"a\"", "1:a;");
}

static void
test_refusals(void **state)
{
	(void) state;
	/* one bad line costs that line */
	expect("a\n\"b\"c,d\ne\n", "1:a;2!has text behind a closing quote;3:e;");
	expect("a\n\"b,c\nd\n", "1:a;2!has a quote that is never closed;3:d;");
	expect("a\nx\0y\nb\n", "1:a;2!has a NUL byte;3:b;");
	expect("a\n\"x\"\0y\nb\n", "1:a;2!has a NUL byte;3:b;");
	expect("a\n\xC3\x28\nb\n", "1:a;2!is not valid UTF-8;3:b;");
	expect("\xC0\xAF\n\xED\xA0\x80\n\xF5\x80\x80\x80\n\xC3", "1!is not valid UTF-8;2!is not valid UTF-8;3!is not valid UTF-8;4!is not valid UTF-8;");
	expect("\xE5\xB8\x81,\xF0\x9F\x98\x80\n", "1:\xE5\xB8\x81|\xF0\x9F\x98\x80;");
	expect("\xFF\xFE" "a\0", "1!this is UTF-16; save it as CSV in UTF-8;");
	expect("PK\x03\x04zip", "1!this is a ZIP archive or an Excel workbook; unpack it, or save it as CSV;");
	expect("\x1F\x8B\x08", "1!this is compressed by gzip; unpack it first;");
}

static void
test_bounds(void **state)
{
	size_t		size = 10 * CSV_MAX_RECORD;
	char	   *bytes = malloc(size);
	char		out[256];
	size_t		length;

	(void) state;
	assert_non_null(bytes);
	/* exactly the longest record, and one byte more */
	memset(bytes, ',', 70);
	bytes[70] = '\n';
	describe(bytes, 71, 1000, out, sizeof(out));
	assert_string_equal(out, "1!has more than 64 columns;");

	for (int more = 0; more <= 1; more++)
	{
		struct input input = {bytes, 0, 4096, 0};
		struct csv *csv;
		struct csv_record record;

		length = (size_t) (CSV_MAX_RECORD - 1 + more);
		memset(bytes, 'x', length);
		memcpy(bytes + length, "\nb\n", 3);
		input.left = length + 3;
		csv = csv_open(&memory, read_input, &input);
		assert_int_equal(csv_next(csv, &record), more ? CSV_MALFORMED : CSV_RECORD);
		if (more)
			assert_string_equal(record.problem, "is longer than 64 KiB");
		else
			assert_int_equal(strlen(record.fields[0]), length);
		assert_int_equal(csv_next(csv, &record), CSV_RECORD);
		assert_string_equal(record.fields[0], "b");
		assert_int_equal(record.line, 2);
		assert_int_equal(csv_next(csv, &record), CSV_END);
		csv_close(csv);
	}

	/* a line far longer than the window, and a stray quote before many good lines */
	memset(bytes, 'x', size);
	bytes[size - 3] = '\n';
	bytes[size - 1] = '\n';
	describe(bytes, size, 5000, out, sizeof(out));
	assert_string_equal(out, "1!is longer than 64 KiB;2:x;");

	length = 0;
	memcpy(bytes, "\"a,b\n", 5);
	for (length = 5; length < 3 * CSV_MAX_RECORD; length += 4)
		memcpy(bytes + length, "1,2\n", 4);
	{
		struct input input = {bytes, length, 777, 0};
		struct csv *csv = csv_open(&memory, read_input, &input);
		struct csv_record record;
		int64_t		good = 0;

		assert_int_equal(csv_next(csv, &record), CSV_MALFORMED);
		while (csv_next(csv, &record) == CSV_RECORD)
		{
			good++;
			assert_int_equal(record.line, good + 1);
		}
		assert_int_equal(good, (length - 5) / 4);
		csv_close(csv);
	}
	free(bytes);
}

static void
test_read_error(void **state)
{
	struct input input = {"a,b\n1", 5, 2, EIO};
	struct csv *csv = csv_open(&memory, read_input, &input);
	struct csv_record record;

	(void) state;
	errno = 0;
	assert_int_equal(csv_next(csv, &record), CSV_IO_ERROR);
	assert_int_equal(errno, EIO);
	csv_close(csv);
}

/* Any bytes at all: it ends, and every byte is accounted for. */
static void
test_any_bytes(void **state)
{
	static const char alphabet[] = "a1,\"\n\r \0\xC3\xA9";
	uint64_t	random = 42;
	char		bytes[200];

	(void) state;
	for (int round = 0; round < 20000; round++)
	{
		struct input input = {bytes, 0, 1 + (size_t) round % 50, 0};
		struct csv *csv;
		struct csv_record record;
		int64_t		line = 0;

		for (size_t i = 0; i < sizeof(bytes); i++)
		{
			random = random * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = alphabet[(random >> 33) % (sizeof(alphabet) - 1)];
		}
		input.left = (random >> 40) % sizeof(bytes);
		csv = csv_open(&memory, read_input, &input);
		for (enum csv_result result; (result = csv_next(csv, &record)) != CSV_END;)
		{
			assert_true(result == CSV_RECORD || result == CSV_MALFORMED);
			assert_true(record.line > line);
			line = record.line;
		}
		csv_close(csv);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records), cmocka_unit_test(test_quotes), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_read_error), cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
