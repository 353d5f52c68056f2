#include "core/import_format.h"

#include "core/import_kraken.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum column
{
	COLUMN_TIME,
	COLUMN_SYMBOL,
	COLUMN_ASSET,				/* base or, in a ledger, the one that moved */
	COLUMN_CURRENCY,			/* quote */
	COLUMN_SIDE,				/* or the kind of row */
	COLUMN_QUANTITY,
	COLUMN_PRICE,
	COLUMN_VALUE,
	COLUMN_FEE,
	COLUMN_FEE_ASSET,
	COLUMN_ORDER,
	COLUMN_ORDER_TYPE,
	COLUMN_ID,
	COLUMN_REFERENCE,
	COLUMN_COUNT
};

#define HEADER_NAME_SIZE 64
#define MAX_COLUMNS 14

/* Names are alternatives separated by |; (UTC*) stands for (UTC), (UTC+2) and so on. */
struct format_column
{
	enum column column;
	const char *names;
	bool		optional;
};

struct import_format
{
	const char *name;
	const char *prefix;			/* of fill ids; formats of one exchange that give the same ids share it */
	bool		units;			/* are glued to the numbers */
	bool		short_years;
	bool		other_rows;		/* that are no trades are among them */
	bool		signed_amounts;	/* what was given away is negative */
	bool		rounded_price;	/* the value tells the price better */
	bool		id_by_symbol;	/* ids are unique within a symbol only */
	bool		ledger;
	bool		(*symbol) (const char *cell, char *symbol, size_t size);
	struct format_column columns[MAX_COLUMNS];
};

static const struct import_format formats[] = {
	{.name = "binance",.prefix = "binance",.units = true,.short_years = true,.id_by_symbol = true,.symbol = value_name,
		.columns = {
			{COLUMN_TIME, "Date(UTC*)|Time|Date", false}, {COLUMN_SYMBOL, "Pair", false}, {COLUMN_SIDE, "Side", false},
			{COLUMN_PRICE, "Price", false}, {COLUMN_QUANTITY, "Executed", false}, {COLUMN_VALUE, "Amount", false},
			{COLUMN_FEE, "Fee", false}, {COLUMN_ORDER, "Order No.|OrderNo|Order ID", true}, {COLUMN_ID, "Trade ID", true},
	}},
	{.name = "binance-old",.prefix = "binance",.short_years = true,.symbol = value_name,
		.columns = {
			{COLUMN_TIME, "Date(UTC*)|Time|Date", false}, {COLUMN_SYMBOL, "Market", false}, {COLUMN_SIDE, "Type", false},
			{COLUMN_PRICE, "Price", false}, {COLUMN_QUANTITY, "Amount", false}, {COLUMN_VALUE, "Total", false},
			{COLUMN_FEE, "Fee", false}, {COLUMN_FEE_ASSET, "Fee Coin", false},
	}},
	{.name = "coinbase",.prefix = "coinbase",.other_rows = true,.signed_amounts = true,.rounded_price = true,
		.columns = {
			{COLUMN_TIME, "Timestamp", false}, {COLUMN_SIDE, "Transaction Type", false}, {COLUMN_ASSET, "Asset", false},
			{COLUMN_QUANTITY, "Quantity Transacted", false}, {COLUMN_CURRENCY, "Price Currency|Spot Price Currency", false},
			{COLUMN_PRICE, "Price at Transaction|Spot Price at Transaction", false}, {COLUMN_VALUE, "Subtotal", false},
			{COLUMN_FEE, "Fees and/or Spread|Fees", false}, {COLUMN_ID, "ID", true},
	}},
	{.name = "coinbase-pro",.prefix = "coinbase-pro",.id_by_symbol = true,.symbol = value_name,
		.columns = {
			{COLUMN_TIME, "created at", false}, {COLUMN_SYMBOL, "product", false}, {COLUMN_SIDE, "side", false},
			{COLUMN_QUANTITY, "size", false}, {COLUMN_PRICE, "price", false}, {COLUMN_FEE, "fee", false},
			{COLUMN_FEE_ASSET, "price/fee/total unit", false}, {COLUMN_ID, "trade id", false},
	}},
	{.name = "kraken",.prefix = "kraken",.symbol = kraken_pair,
		.columns = {
			{COLUMN_TIME, "time", false}, {COLUMN_SYMBOL, "pair", false}, {COLUMN_SIDE, "type", false},
			{COLUMN_QUANTITY, "vol", false}, {COLUMN_PRICE, "price", false}, {COLUMN_VALUE, "cost", false},
			{COLUMN_FEE, "fee", false}, {COLUMN_ORDER, "ordertxid", false}, {COLUMN_ORDER_TYPE, "ordertype", true},
			{COLUMN_ID, "txid", false},
	}},
	/* A trade's refid in the ledger is its txid in the trades, so importing both books nothing twice. */
	{.name = "kraken-ledgers",.prefix = "kraken",.ledger = true,.other_rows = true,
		.columns = {
			{COLUMN_TIME, "time", false}, {COLUMN_SIDE, "type", false}, {COLUMN_ASSET, "asset", false},
			{COLUMN_QUANTITY, "amount", false}, {COLUMN_FEE, "fee", false}, {COLUMN_ID, "txid", false},
			{COLUMN_REFERENCE, "refid", false},
	}},
};

#define FORMAT_COUNT ((int) (sizeof(formats) / sizeof(formats[0])))

static const struct
{
	const char *name;
	const char *side;
}			sides[] = {
	{"buy", "BUY"}, {"sell", "SELL"}, {"advanced trade buy", "BUY"}, {"advanced trade sell", "SELL"},
	{"advance trade buy", "BUY"}, {"advance trade sell", "SELL"}
};

/* One file's rows: which column is where, and what they are called there. */
struct import_reader
{
	const pulse_memory *memory;
	const struct import_format *format;
	char		zone[VALUE_ZONE_SIZE];
	int			index[COLUMN_COUNT];	/* -1: there is none */
	char		names[COLUMN_COUNT][HEADER_NAME_SIZE];
	int			width;
	struct kraken_ledger *ledger;
};

/* Returns the format of a name, or NULL. */
const struct import_format *
import_format_find(const char *name)
{
	for (int i = 0; i < FORMAT_COUNT; i++)
	{
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	}
	return NULL;
}

/* Returns a format's name as --format takes it. */
const char *
import_format_name(const struct import_format *format)
{
	return format->name;
}

/* Returns what the ids of a format's fills begin with. */
const char *
import_format_prefix(const struct import_format *format)
{
	return format->prefix;
}

/* Returns the names of all formats, for messages. */
const char *
import_format_list(void)
{
	return "binance, binance-old, coinbase, coinbase-pro, kraken, kraken-ledgers";
}

/* Writes the outcome of a row that cannot be imported. What was cited from the file loses its control characters. */
void
import_reject(struct import_outcome *outcome, int64_t line, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(outcome->problem, sizeof(outcome->problem), format, arguments);
	va_end(arguments);
	for (char *c = outcome->problem; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7F)
			*c = ' ';
	}
	outcome->result = IMPORT_REJECT;
	outcome->line = line;
}

/* Compares a header's cell with one alternative; a (UTC*) gives the zone. */
static bool
header_is(const char *cell, size_t length, const char *name, size_t name_length, char *zone)
{
	const char *star = memchr(name, '*', name_length);
	size_t		before = star != NULL ? (size_t) (star - name) : name_length;
	char		offset[16];

	if (star == NULL)
		return length == name_length && strncasecmp(cell, name, length) == 0;
	if (length < before + 1 || strncasecmp(cell, name, before) != 0 || cell[length - 1] != ')' ||
		length - before > sizeof(offset))
		return false;
	memcpy(offset, cell + before, length - before - 1);
	offset[length - before - 1] = '\0';
	return value_offset(offset, zone) == NULL;
}

/* Finds a column of a format in a header; earlier alternatives come first. */
static int
find_column(const char *names, const struct csv_record *header, char *zone)
{
	while (*names != '\0')
	{
		size_t		name_length = strcspn(names, "|");

		for (int i = 0; i < header->count; i++)
		{
			size_t		length;
			const char *cell = value_trim(header->fields[i], &length);

			if (header_is(cell, length, names, name_length, zone))
				return i;
		}
		names += name_length + (names[name_length] == '|' ? 1 : 0);
	}
	return -1;
}

static bool
map_header(struct import_reader *reader, const struct import_format *format, const struct csv_record *header)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		reader->index[i] = -1;
	for (int i = 0; i < MAX_COLUMNS && format->columns[i].names != NULL; i++)
	{
		const struct format_column *column = &format->columns[i];
		int			at = find_column(column->names, header, reader->zone);
		size_t		length;
		const char *cell;

		if (at < 0 && !column->optional)
			return false;
		reader->index[column->column] = at;
		if (at < 0)
			continue;
		cell = value_trim(header->fields[at], &length);
		snprintf(reader->names[column->column], HEADER_NAME_SIZE, "%.*s", (int) length, cell);
	}
	reader->format = format;
	reader->width = header->count;
	return true;
}

/* Opens a reader for the rows behind a header; NULL when the header is none of the format, or of any format for NULL. */
struct import_reader *
import_reader_open(const pulse_memory *memory, const struct import_format *format, const struct csv_record *header,
				   const char *zone, bool zone_given)
{
	struct import_reader *reader = memory->resize(memory->context, NULL, sizeof(*reader));

	memset(reader, 0, sizeof(*reader));
	reader->memory = memory;
	for (int i = 0; i < FORMAT_COUNT; i++)
	{
		if (format != NULL && format != &formats[i])
			continue;
		reader->zone[0] = '\0';
		if (!map_header(reader, &formats[i], header))
			continue;
		if (reader->zone[0] == '\0')
			snprintf(reader->zone, sizeof(reader->zone), "%s", zone_given ? zone : "UTC");
		if (formats[i].ledger)
			reader->ledger = kraken_ledger_open(memory);
		return reader;
	}
	import_reader_close(reader);
	return NULL;
}

/* Returns the format that the header was recognised as. */
const struct import_format *
import_reader_format(const struct import_reader *reader)
{
	return reader->format;
}

/* Frees a reader. */
void
import_reader_close(struct import_reader *reader)
{
	if (reader == NULL)
		return;
	kraken_ledger_close(reader->ledger);
	reader->memory->resize(reader->memory->context, reader, 0);
}

/* Lists the columns of a format that a header lacks. */
void
import_format_missing(const struct import_format *format, const struct csv_record *header, char *list, size_t size)
{
	char		zone[VALUE_ZONE_SIZE];
	size_t		used = 0;

	list[0] = '\0';
	for (int i = 0; i < MAX_COLUMNS && format->columns[i].names != NULL; i++)
	{
		const struct format_column *column = &format->columns[i];
		size_t		length = strcspn(column->names, "|*");

		if (column->optional || find_column(column->names, header, zone) >= 0 || used >= size)
			continue;
		used += (size_t) snprintf(list + used, size - used, "%s%.*s%s", used > 0 ? ", " : "", (int) length, column->names,
								  column->names[length] == '*' ? ")" : "");
	}
}

static const char *
cell_of(const struct import_reader *reader, const struct csv_record *row, enum column column)
{
	return reader->index[column] < 0 ? "" : row->fields[reader->index[column]];
}

static bool
reject_cell(const struct import_reader *reader, const struct csv_record *row, enum column column, const char *problem,
			struct import_outcome *outcome)
{
	const char *cell = cell_of(reader, row, column);

	if (*cell == '\0')
		import_reject(outcome, row->line, "%s is empty", reader->names[column]);
	else
		import_reject(outcome, row->line, "%s \"%.60s\" %s", reader->names[column], cell, problem);
	return false;
}

static bool
read_decimal(const struct import_reader *reader, const struct csv_record *row, enum column column, char *number,
			 struct import_outcome *outcome)
{
	const char *problem = value_number(cell_of(reader, row, column), number);

	return problem == NULL || reject_cell(reader, row, column, problem, outcome);
}

/* A name that may be missing, but not be nonsense. */
static bool
read_name(const struct import_reader *reader, const struct csv_record *row, enum column column, char *name, size_t size,
		  struct import_outcome *outcome)
{
	size_t		length;

	name[0] = '\0';
	value_trim(cell_of(reader, row, column), &length);
	return length == 0 || value_name(cell_of(reader, row, column), name, size) ||
		reject_cell(reader, row, column, "is not a name", outcome);
}

/* Ids keep their case. */
static bool
read_id(const struct import_reader *reader, const struct csv_record *row, enum column column, char *id, size_t size,
		struct import_outcome *outcome)
{
	size_t		length;
	const char *text = value_trim(cell_of(reader, row, column), &length);

	if (!read_name(reader, row, column, id, size, outcome))
		return false;
	memcpy(id, text, length);
	id[length] = '\0';
	return true;
}

static bool
read_side(const struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	size_t		length;
	const char *text = value_trim(cell_of(reader, row, COLUMN_SIDE), &length);

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
	{
		if (strlen(sides[i].name) == length && strncasecmp(sides[i].name, text, length) == 0)
		{
			outcome->fill.side = sides[i].side;
			return true;
		}
	}
	if (!reader->format->other_rows || length == 0)
		return reject_cell(reader, row, COLUMN_SIDE, "is neither BUY nor SELL", outcome);
	outcome->result = IMPORT_SKIP;
	snprintf(outcome->kind, sizeof(outcome->kind), "%.*s", (int) length, text);
	return false;
}

static bool
read_symbol(const struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	struct import_fill *fill = &outcome->fill;
	char		base[VALUE_UNIT_SIZE];
	char		quote[VALUE_UNIT_SIZE];

	if (reader->index[COLUMN_SYMBOL] >= 0)
		return reader->format->symbol(cell_of(reader, row, COLUMN_SYMBOL), fill->symbol, sizeof(fill->symbol)) ||
			reject_cell(reader, row, COLUMN_SYMBOL, "is not a symbol", outcome);
	if (!value_name(cell_of(reader, row, COLUMN_ASSET), base, sizeof(base)))
		return reject_cell(reader, row, COLUMN_ASSET, "is not an asset", outcome);
	if (!value_name(cell_of(reader, row, COLUMN_CURRENCY), quote, sizeof(quote)))
		return reject_cell(reader, row, COLUMN_CURRENCY, "is not a currency", outcome);
	snprintf(fill->symbol, sizeof(fill->symbol), "%s-%s", base, quote);
	snprintf(fill->fee_asset, sizeof(fill->fee_asset), "%s", quote);
	return true;
}

/*
 * Reads amounts with units. Quantity and value must be in the two assets that make up the pair; that tells 52.3 of 1INCH
 * from 52.31 of INCH.
 */
static bool
read_amounts_with_units(const struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	struct import_fill *fill = &outcome->fill;
	const char *quantity = cell_of(reader, row, COLUMN_QUANTITY);
	const char *value = cell_of(reader, row, COLUMN_VALUE);
	char		base[IMPORT_NAME_SIZE] = "";
	char		units[2][VALUE_UNIT_SIZE];
	size_t		length = strlen(fill->symbol);
	bool		found = false;
	const char *problem;

	for (size_t split = 1; split < length && !found; split++)
	{
		if (split >= VALUE_UNIT_SIZE || length - split >= VALUE_UNIT_SIZE)
			continue;
		snprintf(base, sizeof(base), "%.*s", (int) split, fill->symbol);
		found = value_number_with_unit(quantity, base, fill->quantity, units[0]) == NULL && strcmp(units[0], base) == 0 &&
			value_number_with_unit(value, fill->symbol + split, fill->value, units[1]) == NULL &&
			strcmp(units[1], fill->symbol + split) == 0;
	}
	if (!found)
	{
		base[0] = '\0';
		problem = value_number_with_unit(quantity, NULL, fill->quantity, units[0]);
		if (problem != NULL)
			return reject_cell(reader, row, COLUMN_QUANTITY, problem, outcome);
		problem = value_number_with_unit(value, NULL, fill->value, units[1]);
		if (problem != NULL)
			return reject_cell(reader, row, COLUMN_VALUE, problem, outcome);
		if (units[0][0] != '\0' || units[1][0] != '\0')
		{
			import_reject(outcome, row->line, "%s is in \"%s\" and %s in \"%s\", which do not make up the pair %s",
						  reader->names[COLUMN_QUANTITY], units[0], reader->names[COLUMN_VALUE], units[1], fill->symbol);
			return false;
		}
	}
	problem = value_number_with_unit(cell_of(reader, row, COLUMN_FEE), base, fill->fee, fill->fee_asset);
	return problem == NULL || reject_cell(reader, row, COLUMN_FEE, problem, outcome);
}

static bool
read_amounts(const struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	struct import_fill *fill = &outcome->fill;

	if (reader->format->units)
		return read_amounts_with_units(reader, row, outcome);
	return read_decimal(reader, row, COLUMN_QUANTITY, fill->quantity, outcome) &&
		read_decimal(reader, row, COLUMN_VALUE, fill->value, outcome) &&
		read_decimal(reader, row, COLUMN_FEE, fill->fee, outcome) &&
		(reader->index[COLUMN_FEE_ASSET] < 0 ||
		 read_name(reader, row, COLUMN_FEE_ASSET, fill->fee_asset, sizeof(fill->fee_asset), outcome));
}

static void
drop_sign(char *number)
{
	if (number[0] == '-')
		memmove(number, number + 1, strlen(number));
}

/* Checks that the amounts make a fill that the ledger can book. */
static bool
check_amounts(const struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	struct import_fill *fill = &outcome->fill;

	if (reader->format->signed_amounts)
	{
		drop_sign(fill->quantity);
		drop_sign(fill->value);
	}
	if (fill->quantity[0] == '\0' || fill->quantity[0] == '-' || value_is_zero(fill->quantity))
		return reject_cell(reader, row, COLUMN_QUANTITY, "is not above zero", outcome);
	if (fill->price[0] == '-')
		return reject_cell(reader, row, COLUMN_PRICE, "is negative", outcome);
	if (fill->value[0] == '-')
		return reject_cell(reader, row, COLUMN_VALUE, "is negative", outcome);
	if (fill->value[0] != '\0' && value_is_zero(fill->value))
		fill->value[0] = '\0';
	if (fill->price[0] == '\0' && fill->value[0] == '\0')
		return reject_cell(reader, row, COLUMN_PRICE, "is empty", outcome);
	if (fill->price[0] != '\0' && !value_is_zero(fill->price) && !reader->format->rounded_price)
		fill->value[0] = '\0';
	return true;
}

static bool
read_fill_id(const struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	struct import_fill *fill = &outcome->fill;
	char		id[IMPORT_NAME_SIZE];

	if (!read_id(reader, row, COLUMN_ID, id, sizeof(id), outcome))
		return false;
	if (id[0] != '\0')
		snprintf(fill->id, sizeof(fill->id), "%s:%s%s%s", reader->format->prefix,
				 reader->format->id_by_symbol ? fill->symbol : "", reader->format->id_by_symbol ? ":" : "", id);
	return true;
}

static void
read_trade(const struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	struct import_fill *fill = &outcome->fill;
	const char *problem;

	if (!read_side(reader, row, outcome))
		return;
	problem = value_time(cell_of(reader, row, COLUMN_TIME), reader->zone, reader->format->short_years, fill->time);
	if (problem != NULL)
	{
		reject_cell(reader, row, COLUMN_TIME, problem, outcome);
		return;
	}
	if (read_symbol(reader, row, outcome) && read_decimal(reader, row, COLUMN_PRICE, fill->price, outcome) &&
		read_amounts(reader, row, outcome) && check_amounts(reader, row, outcome) &&
		read_id(reader, row, COLUMN_ORDER, fill->order_id, sizeof(fill->order_id), outcome) &&
		read_id(reader, row, COLUMN_ORDER_TYPE, fill->order_type, sizeof(fill->order_type), outcome) &&
		read_fill_id(reader, row, outcome))
		outcome->result = IMPORT_FILL;
}

static bool
is_trade_entry(const char *kind, size_t length)
{
	return (length == 5 && strncasecmp(kind, "trade", length) == 0) ||
		(length == 5 && strncasecmp(kind, "spend", length) == 0) ||
		(length == 7 && strncasecmp(kind, "receive", length) == 0);
}

static void
read_ledger_entry(struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	struct kraken_leg leg = {.line = row->line};
	size_t		length;
	const char *kind = value_trim(cell_of(reader, row, COLUMN_SIDE), &length);
	const char *problem;

	if (!is_trade_entry(kind, length))
	{
		outcome->result = IMPORT_SKIP;
		snprintf(outcome->kind, sizeof(outcome->kind), "%.*s", (int) length, length > 0 ? kind : "");
		return;
	}
	problem = value_time(cell_of(reader, row, COLUMN_TIME), reader->zone, false, leg.time);
	if (problem != NULL)
	{
		reject_cell(reader, row, COLUMN_TIME, problem, outcome);
		return;
	}
	if (!kraken_asset(cell_of(reader, row, COLUMN_ASSET), leg.asset, sizeof(leg.asset)))
	{
		reject_cell(reader, row, COLUMN_ASSET, "is not an asset", outcome);
		return;
	}
	if (!read_decimal(reader, row, COLUMN_QUANTITY, leg.amount, outcome) ||
		!read_decimal(reader, row, COLUMN_FEE, leg.fee, outcome) ||
		!read_id(reader, row, COLUMN_ID, leg.id, sizeof(leg.id), outcome) ||
		!read_id(reader, row, COLUMN_REFERENCE, leg.reference, sizeof(leg.reference), outcome))
		return;
	if (leg.amount[0] == '\0')
		reject_cell(reader, row, COLUMN_QUANTITY, "is empty", outcome);
	else if (leg.reference[0] == '\0')
		reject_cell(reader, row, COLUMN_REFERENCE, "is empty", outcome);
	else
		kraken_ledger_add(reader->ledger, &leg, outcome);
}

/* Tells whether a row is the header again, as in files that were put together. */
static bool
is_header_again(const struct import_reader *reader, const struct csv_record *row)
{
	size_t		length;
	const char *cell = value_trim(cell_of(reader, row, COLUMN_TIME), &length);

	return length == strlen(reader->names[COLUMN_TIME]) && strncmp(cell, reader->names[COLUMN_TIME], length) == 0;
}

/*
 * Reads one row. A row with another number of columns than the header is refused: an unquoted thousands comma would move
 * every number behind it into another column.
 */
void
import_reader_row(struct import_reader *reader, const struct csv_record *row, struct import_outcome *outcome)
{
	int			count = row->count;

	*outcome = (struct import_outcome) {.result = IMPORT_REJECT,.line = row->line};
	outcome->fill.line = row->line;
	while (count > reader->width && row->fields[count - 1][0] == '\0')
		count--;
	if (count != reader->width)
		import_reject(outcome, row->line, "has %d columns where the header has %d", row->count, reader->width);
	else if (is_header_again(reader, row))
	{
		outcome->result = IMPORT_SKIP;
		snprintf(outcome->kind, sizeof(outcome->kind), "header again");
	}
	else if (reader->format->ledger)
		read_ledger_entry(reader, row, outcome);
	else
		read_trade(reader, row, outcome);
}

/* Takes out what still waited for its other leg. */
bool
import_reader_rest(struct import_reader *reader, struct import_outcome *outcome)
{
	*outcome = (struct import_outcome) {.result = IMPORT_WAIT};
	return reader->ledger != NULL && kraken_ledger_rest(reader->ledger, outcome);
}
