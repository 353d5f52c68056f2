/*
 * Exports of exchanges, read from a text: the server's side of core/import_file.h.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/import_file.h"
#include "src/compat.h"

PG_FUNCTION_INFO_V1(pulse_parse_export);

#define OUTPUT_COLUMNS 17

/* The text that is being read. */
typedef struct text_input
{
	const char *at;
	size_t		left;
} text_input;

/* How the reader gets memory: from the current context. */
static void *
resize(void *context, void *block, size_t size)
{
	if (size == 0)
	{
		pfree(block);
		return NULL;
	}
	return block == NULL ? palloc(size) : repalloc(block, size);
}

/* Reads on in the text. */
static ssize_t
read_text(void *arg, char *buffer, size_t size)
{
	text_input *input = arg;
	size_t		length = Min(size, input->left);

	memcpy(buffer, input->at, length);
	input->at += length;
	input->left -= length;
	return (ssize_t) length;
}

/* Converts to the server's encoding; a message may cite a cell up to the middle of a character. */
static char *
server_text(const char *utf8)
{
	char	   *copy = pstrdup(utf8);
	int			length = (int) strlen(copy);
	int			good = 0;

	while ((good += pg_encoding_verifymbstr(PG_UTF8, copy + good, length - good)) < length)
		copy[good] = '?';
	return pg_any_to_server(copy, length, PG_UTF8);
}

/* Sets a text column from UTF-8; the empty string stands for NULL. */
static void
set_column(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL || text[0] == '\0';
	if (!nulls[column])
		values[column] = CStringGetTextDatum(server_text(text));
}

/* Puts out what a row became. */
static void
put_outcome(ReturnSetInfo *result, const struct import_format *format, const struct import_outcome *outcome)
{
	Datum		values[OUTPUT_COLUMNS];
	bool		nulls[OUTPUT_COLUMNS];
	const struct import_fill *fill = &outcome->fill;

	memset(nulls, true, sizeof(nulls));
	set_column(values, nulls, 0, import_format_name(format));
	nulls[1] = outcome->result == IMPORT_SKIP;
	values[1] = Int64GetDatum(outcome->result == IMPORT_FILL ? fill->line : outcome->line);
	if (outcome->result == IMPORT_FILL)
	{
		const char *const texts[] = {
			import_format_prefix(format), fill->time, fill->symbol, fill->side, fill->quantity, fill->price, fill->value,
			fill->fee, fill->fee_asset, fill->base_fee, fill->order_id, fill->order_type, fill->id
		};

		set_column(values, nulls, 2, "fill");
		for (int i = 0; i < lengthof(texts); i++)
			set_column(values, nulls, 4 + i, texts[i]);
	}
	else
	{
		set_column(values, nulls, 2, outcome->result == IMPORT_SKIP ? "skip" : "reject");
		set_column(values, nulls, 3, outcome->result == IMPORT_SKIP ? outcome->kind : outcome->problem);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Returns the format of that name, NULL for auto. */
static const struct import_format *
format_argument(const char *name)
{
	const struct import_format *format;

	if (name == NULL || strcmp(name, "auto") == 0)
		return NULL;
	format = import_format_find(name);
	if (format == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown format \"%s\"", name),
				 errhint("Use auto, or one of %s.", import_format_list())));
	return format;
}

/* SQL: pulse.parse_export(content, format, timezone). */
Datum
pulse_parse_export(PG_FUNCTION_ARGS)
{
	const pulse_memory memory = {resize, NULL};
	text_input	input;
	text	   *content;
	char	   *utf8;
	const char *zone = PG_ARGISNULL(2) ? "UTC" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	const struct import_format *format = format_argument(PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)));
	struct import_file *file;
	struct import_outcome *outcome = palloc0(sizeof(struct import_outcome));
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "pulse import row", ALLOCSET_DEFAULT_SIZES);
	enum import_step step;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	content = PG_GETARG_TEXT_PP(0);
	utf8 = pg_server_to_any(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), PG_UTF8);
	input.at = utf8;
	input.left = utf8 == VARDATA_ANY(content) ? VARSIZE_ANY_EXHDR(content) : strlen(utf8);

	file = import_file_open(&memory, read_text, &input, format, zone, !PG_ARGISNULL(2));
	while ((step = import_file_next(file, outcome)) == IMPORT_ROW)
	{
		MemoryContext old = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		if (outcome->result != IMPORT_WAIT)
			put_outcome((ReturnSetInfo *) fcinfo->resultinfo, import_file_format(file), outcome);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	if (step != IMPORT_END)
	{
		const char *problem = step == IMPORT_IO_ERROR ? "it ends early" : import_file_problem(file);

		ereport(ERROR,
				(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				 errmsg("this is no export that can be read"),
				 errdetail("%s", server_text(problem)),
				 errhint("The text must begin with the header line of the exchange's CSV file.")));
	}
	import_file_close(file);
	return (Datum) 0;
}
