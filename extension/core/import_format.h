#ifndef PULSE_IMPORT_FORMAT_H
#define PULSE_IMPORT_FORMAT_H

#include "core/csv.h"
#include "core/import_value.h"

/* The export formats of exchanges: recognised by their header, turned row by row into fills. */

#define IMPORT_NAME_SIZE 64
#define IMPORT_ID_SIZE 160

/* What a row becomes. Every string is UTF-8 without control characters; "" is NULL. */
struct import_fill
{
	int64_t		line;
	char		time[VALUE_TIME_SIZE];
	char		symbol[IMPORT_NAME_SIZE];
	const char *side;
	char		quantity[VALUE_NUMBER_SIZE];
	char		price[VALUE_NUMBER_SIZE];	/* "" or zero: value / quantity, which the database works out */
	char		value[VALUE_NUMBER_SIZE];	/* in quote currency, without fees */
	char		fee[VALUE_NUMBER_SIZE];
	char		fee_asset[VALUE_UNIT_SIZE];
	char		base_fee[VALUE_NUMBER_SIZE];	/* a second fee in the base asset, counted at the fill's price */
	char		order_id[IMPORT_ID_SIZE];
	char		order_type[IMPORT_NAME_SIZE];
	char		id[IMPORT_ID_SIZE]; /* with the exchange's prefix; "" where the exchange gives none */
};

enum import_result
{
	IMPORT_FILL,
	IMPORT_WAIT,				/* one leg of a trade; the fill comes with the other one */
	IMPORT_SKIP,				/* no trade; kind says what */
	IMPORT_REJECT				/* problem says why */
};

struct import_outcome
{
	enum import_result result;
	struct import_fill fill;
	char		kind[IMPORT_NAME_SIZE];
	char		problem[192];
	int64_t		line;			/* that the problem is on */
};

struct import_format;
struct import_reader;

/* Returns the format of that name, or NULL. */
extern const struct import_format *import_format_find(const char *name);
extern const char *import_format_name(const struct import_format *format);
extern const char *import_format_prefix(const struct import_format *format);
extern const char *import_format_list(void);

/* The header decides: returns a reader of the rows behind it, or NULL when it is none of the format (NULL = of any). */
extern struct import_reader *import_reader_open(const pulse_memory *memory, const struct import_format *format,
												const struct csv_record *header, const char *zone, bool zone_given);
extern const struct import_format *import_reader_format(const struct import_reader *reader);
extern void import_reader_row(struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome);

/* What is left when the rows are over; false when nothing is. */
extern bool import_reader_rest(struct import_reader *reader, struct import_outcome *outcome);
extern void import_reader_close(struct import_reader *reader);

/* Where --format asks for one, the columns that a header lacks, separated by commas. */
extern void import_format_missing(const struct import_format *format, const struct csv_record *header, char *list,
								  size_t size);

extern void import_reject(struct import_outcome *outcome, int64_t line, const char *format,...)
			__attribute__((format(printf, 3, 4)));

#endif
