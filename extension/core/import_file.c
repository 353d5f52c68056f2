/*
 * Reading one export: the header is looked for among the first records, since some exchanges put
 * a few lines in front of it.
 */
#include "core/import_file.h"

#include <stdio.h>
#include <string.h>

#define HEADER_SEARCH 25		/* records */
#define SHOWN_LINE 160

struct import_file
{
	const pulse_memory *memory;
	const struct import_format *format; /* NULL = the header tells */
	const char *zone;
	bool		zone_given;
	struct csv *csv;
	struct import_reader *reader;
	int64_t		rows;
	bool		rows_over;
	char		problem[512];
};

/* Opens an export; format NULL means that its header tells which one it is. */
struct import_file *
import_file_open(const pulse_memory *memory, csv_read_fn read, void *arg, const struct import_format *format,
				 const char *zone, bool zone_given)
{
	struct import_file *file = memory->resize(memory->context, NULL, sizeof(*file));

	memset(file, 0, sizeof(*file));
	file->memory = memory;
	file->format = format;
	file->zone = zone;
	file->zone_given = zone_given;
	file->csv = csv_open(memory, read, arg);
	return file;
}

/* Returns what is wrong with the file. */
const char *
import_file_problem(const struct import_file *file)
{
	return file->problem;
}

/* Returns the format that the header was recognised as; NULL before. */
const struct import_format *
import_file_format(const struct import_file *file)
{
	return file->reader != NULL ? import_reader_format(file->reader) : NULL;
}

/* Returns how many rows behind the header have been read. */
int64_t
import_file_rows(const struct import_file *file)
{
	return file->rows;
}

/* Returns how many bytes have been read, for progress. */
int64_t
import_file_bytes(const struct import_file *file)
{
	return csv_bytes(file->csv);
}

/* Frees a file; what it reads from stays open. */
void
import_file_close(struct import_file *file)
{
	import_reader_close(file->reader);
	csv_close(file->csv);
	file->memory->resize(file->memory->context, file, 0);
}

/* Explains why no header was found. */
static enum import_step
no_header(struct import_file *file, char *first_line, const char *missing)
{
	for (char *c = first_line; *c != '\0'; c++)
		*c = (unsigned char) *c < ' ' || *c == 0x7F ? ' ' : *c;
	if (*first_line == '\0')
	{
		snprintf(file->problem, sizeof(file->problem), "is empty");
		return IMPORT_UNREADABLE;
	}
	if (file->format != NULL)
		snprintf(file->problem, sizeof(file->problem), "not the header of %s; missing: %s",
				 import_format_name(file->format), missing);
	else
		snprintf(file->problem, sizeof(file->problem), "not the header of a known export (%s): %s",
				 import_format_list(), first_line);
	return IMPORT_NO_HEADER;
}

/* Turns the end of the input into a step. */
static enum import_step
input_over(struct import_file *file, enum csv_result result, const struct csv_record *record)
{
	if (result == CSV_END)
		return IMPORT_END;
	if (result == CSV_IO_ERROR)
		return IMPORT_IO_ERROR;
	snprintf(file->problem, sizeof(file->problem), "%s", record->problem);
	return IMPORT_UNREADABLE;
}

/* Looks for the header; IMPORT_ROW when it is found. */
static enum import_step
find_header(struct import_file *file)
{
	struct csv_record record;
	char		first_line[SHOWN_LINE] = "";
	char		missing[SHOWN_LINE] = "";

	for (int i = 0; i < HEADER_SEARCH; i++)
	{
		enum csv_result result = csv_next(file->csv, &record);

		if (result == CSV_END)
			break;
		if (result == CSV_IO_ERROR || result == CSV_UNREADABLE)
			return input_over(file, result, &record);
		if (result == CSV_MALFORMED)
		{
			if (first_line[0] == '\0')
				snprintf(first_line, sizeof(first_line), "the line %s", record.problem);
			continue;
		}
		file->reader = import_reader_open(file->memory, file->format, &record, file->zone, file->zone_given);
		if (file->reader != NULL)
			return IMPORT_ROW;
		for (int f = 0; i == 0 && f < record.count; f++)
		{
			size_t		used = strlen(first_line);

			snprintf(first_line + used, sizeof(first_line) - used, "%s%.60s", f > 0 ? "," : "", record.fields[f]);
		}
		if (i == 0 && file->format != NULL)
			import_format_missing(file->format, &record, missing, sizeof(missing));
	}
	return no_header(file, first_line, missing);
}

/* Reads the next row, or the next trade that is left when the rows are over. */
enum import_step
import_file_next(struct import_file *file, struct import_outcome *outcome)
{
	struct csv_record record;

	if (file->reader == NULL)
	{
		enum import_step step = find_header(file);

		if (step != IMPORT_ROW)
			return step;
	}
	if (!file->rows_over)
	{
		enum csv_result result = csv_next(file->csv, &record);

		if (result == CSV_RECORD || result == CSV_MALFORMED)
		{
			file->rows++;
			if (result == CSV_RECORD)
				import_reader_row(file->reader, &record, outcome);
			else
				import_reject(outcome, record.line, "%s", record.problem);
			return IMPORT_ROW;
		}
		if (result != CSV_END)
			return input_over(file, result, &record);
		file->rows_over = true;
	}
	return import_reader_rest(file->reader, outcome) ? IMPORT_ROW : IMPORT_END;
}
