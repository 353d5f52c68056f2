#include "core/csv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define WINDOW (4 * CSV_MAX_RECORD)

struct csv
{
	csv_read_fn read;
	void	   *arg;
	bool		begun;
	bool		ended;			/* the input has no more; what is left is in the window */
	bool		failed;
	int			error;			/* errno of the failed read */
	const pulse_memory *memory;
	int64_t		line;			/* of window[start] */
	int64_t		bytes;			/* consumed */
	size_t		start;
	size_t		end;
	char		window[WINDOW];
	char		values[CSV_MAX_RECORD + 2]; /* the record's fields, unquoted, each with its NUL */
};

/* Where a parse stands. Every field's NUL takes the place of its separator, so the values fit whenever the record does. */
struct scan
{
	const char *at;
	const char *end;			/* of what a record may take */
	bool		whole;			/* there is nothing in the input behind end */
	int64_t		lines;
	char	   *out;
};

/* Opens a reader over a function that reads bytes. */
struct csv *
csv_open(const pulse_memory *memory, csv_read_fn read, void *arg)
{
	struct csv *csv = memory->resize(memory->context, NULL, sizeof(*csv));

	memset(csv, 0, sizeof(*csv));
	csv->memory = memory;
	csv->read = read;
	csv->arg = arg;
	csv->line = 1;
	return csv;
}

/* Frees a reader; what it reads from stays open. */
void
csv_close(struct csv *csv)
{
	csv->memory->resize(csv->memory->context, csv, 0);
}

/* Returns how many bytes have been consumed, for progress. */
int64_t
csv_bytes(const struct csv *csv)
{
	return csv->bytes;
}

/* Fills the window until a record of the greatest length and the byte behind it are there, or the input ends. */
static void
fill(struct csv *csv)
{
	if (csv->end - csv->start > CSV_MAX_RECORD || csv->ended)
		return;
	memmove(csv->window, csv->window + csv->start, csv->end - csv->start);
	csv->end -= csv->start;
	csv->start = 0;
	while (csv->end < WINDOW && !csv->ended)
	{
		ssize_t		got = csv->read(csv->arg, csv->window + csv->end, WINDOW - csv->end);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
		{
			csv->failed = true;
			csv->error = errno;
		}
		if (got <= 0)
			csv->ended = true;
		else
			csv->end += (size_t) got;
	}
}

static void
consume(struct csv *csv, size_t length)
{
	csv->start += length;
	csv->bytes += (int64_t) length;
}

static bool
starts_with(const struct csv *csv, const char *bytes, size_t length)
{
	return csv->end - csv->start >= length && memcmp(csv->window + csv->start, bytes, length) == 0;
}

/* Looks at the first bytes: skips a byte order mark, and tells what is not text in UTF-8 at all. */
static const char *
begin(struct csv *csv)
{
	csv->begun = true;
	fill(csv);
	if (starts_with(csv, "\xEF\xBB\xBF", 3))
		consume(csv, 3);
	else if (starts_with(csv, "\xFF\xFE", 2) || starts_with(csv, "\xFE\xFF", 2))
		return "this is UTF-16; save it as CSV in UTF-8";
	else if (starts_with(csv, "PK\x03\x04", 4))
		return "this is a ZIP archive or an Excel workbook; unpack it, or save it as CSV";
	else if (starts_with(csv, "\x1F\x8B", 2))
		return "this is compressed by gzip; unpack it first";
	return NULL;
}

/* Returns the length of the valid UTF-8 sequence at a position, or 0. Overlong forms and surrogates are not valid. */
static size_t
sequence_length(const unsigned char *at, size_t left)
{
	static const struct
	{
		unsigned char first_low, first_high, second_low, second_high;
		size_t		length;
	}			forms[] = {
		{0x01, 0x7F, 0, 0, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
		{0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
		{0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		size_t		length = forms[i].length;

		if (at[0] < forms[i].first_low || at[0] > forms[i].first_high || length > left)
			continue;
		if (length > 1 && (at[1] < forms[i].second_low || at[1] > forms[i].second_high))
			continue;
		if ((length > 2 && (at[2] & 0xC0) != 0x80) || (length > 3 && (at[3] & 0xC0) != 0x80))
			continue;
		return length;
	}
	return 0;
}

static const char *
check_text(const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *) text;

	while (length > 0)
	{
		size_t		step = sequence_length(at, length);

		if (step == 0)
			return *at == '\0' ? "has a NUL byte" : "is not valid UTF-8";
		at += step;
		length -= step;
	}
	return NULL;
}

/* Steps over one line end: LF, CRLF or CR. The byte behind the record's limit may be looked at, the window has it. */
static void
step_over_line_end(struct scan *scan, const char *window_end)
{
	bool		carriage_return = *scan->at++ == '\r';

	if (carriage_return && scan->at < window_end && *scan->at == '\n')
		scan->at++;
	scan->lines++;
}

static const char *
scan_quoted(struct scan *scan)
{
	scan->at++;
	while (scan->at < scan->end)
	{
		char		c = *scan->at++;

		if (c == '"')
		{
			if (scan->at < scan->end && *scan->at == '"')
				scan->at++;
			else if (scan->at == scan->end || strchr(",\r\n", *scan->at) != NULL)
				return *scan->at == '\0' && scan->at < scan->end ? "has a NUL byte" : NULL;
			else
				return "has text behind a closing quote";
		}
		if (c == '\n' || (c == '\r' && !(scan->at < scan->end && *scan->at == '\n')))
			scan->lines++;
		*scan->out++ = c;
	}
	return scan->whole ? "has a quote that is never closed"
		: "has a quote that is not closed within the longest record that can be read (64 KiB)";
}

static void
scan_plain(struct scan *scan)
{
	while (scan->at < scan->end && *scan->at != ',' && *scan->at != '\r' && *scan->at != '\n')
		*scan->out++ = *scan->at++;
}

/* Takes one record apart; returns what is wrong with it, or NULL. */
static const char *
scan_record(struct csv *csv, struct scan *scan, struct csv_record *record)
{
	const char *problem;

	record->count = 0;
	for (;;)
	{
		if (record->count == CSV_MAX_FIELDS)
			return "has more than 64 columns";
		record->fields[record->count++] = scan->out;
		if (scan->at < scan->end && *scan->at == '"')
		{
			problem = scan_quoted(scan);
			if (problem != NULL)
				return problem;
		}
		else
			scan_plain(scan);
		*scan->out++ = '\0';
		if (scan->at == scan->end)
			return scan->whole ? NULL : "is longer than 64 KiB";
		if (*scan->at != ',')
		{
			step_over_line_end(scan, csv->window + csv->end);
			return NULL;
		}
		scan->at++;
	}
}

/* Goes on behind the first line end, which may be far away. */
static void
skip_line(struct csv *csv)
{
	for (;;)
	{
		struct scan scan = {.at = csv->window + csv->start};
		const char *window_end = csv->window + csv->end;

		while (scan.at < window_end && *scan.at != '\n' && *scan.at != '\r')
			scan.at++;
		if (scan.at < window_end)
			step_over_line_end(&scan, window_end);
		csv->line += scan.lines;
		consume(csv, (size_t) (scan.at - (csv->window + csv->start)));
		if (scan.lines > 0 || csv->ended)
			return;
		fill(csv);
	}
}

/* Reads the next record; blank lines are passed over. */
enum csv_result
csv_next(struct csv *csv, struct csv_record *record)
{
	record->problem = csv->begun ? NULL : begin(csv);
	record->line = csv->line;
	if (record->problem != NULL)
		return CSV_UNREADABLE;
	for (;;)
	{
		const char *start;
		struct scan scan;
		size_t		available;

		fill(csv);
		if (csv->failed)
		{
			errno = csv->error;
			return CSV_IO_ERROR;
		}
		available = csv->end - csv->start;
		record->line = csv->line;
		if (available == 0)
			return CSV_END;
		start = csv->window + csv->start;
		scan = (struct scan) {.at = start,.end = start + (available > CSV_MAX_RECORD ? CSV_MAX_RECORD : available),
			.whole = csv->ended && available <= CSV_MAX_RECORD,.out = csv->values};
		record->problem = scan_record(csv, &scan, record);
		if (record->problem == NULL)
			record->problem = check_text(start, (size_t) (scan.at - start));
		if (record->problem != NULL)
		{
			skip_line(csv);
			return CSV_MALFORMED;
		}
		csv->line += scan.lines;
		consume(csv, (size_t) (scan.at - start));
		if (record->count > 1 || record->fields[0][0] != '\0')
			return CSV_RECORD;
	}
}
