/*
 * Dust tolerances: read once for every application of fills, looked up by symbol. The most
 * specific pattern wins, which is the longest; * stands for any characters.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/memutils.h"

#include "src/compat.h"
#include "src/ledger_dust.h"
#include "src/ledger_numeric.h"
#include "src/ledger_source.h"

typedef struct dust_setting
{
	char	   *pattern;
	ledger_dust dust;
} dust_setting;

/* Returns a column of a row of settings. */
static decimal
setting_value(uint64 row, int column)
{
	decimal		value = decimal_from_int64(0);
	bool		isnull;
	Datum		numeric = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	/* one with too many digits to be compared is no tolerance */
	if (!isnull && !pulse_decimal_from_numeric(numeric, &value))
		value = decimal_from_int64(0);
	return value;
}

/* Reads all tolerances, the most specific ones first: of the caller's snapshot (read_only), or of now. SPI must be connected. */
List *
pulse_dust_load(MemoryContext context, bool read_only)
{
	static SPIPlanPtr plan = NULL;
	List	   *settings = NIL;
	MemoryContext old;

	if (pulse_table_is_empty("dust"))
		return NIL;
	pulse_saved_plan(&plan, "SELECT symbol, quantity, value FROM pulse.dust"
					 " ORDER BY symbol LIKE '%*%', length(symbol) DESC, symbol COLLATE \"C\"", 0, NULL);
	if (SPI_execute_plan(plan, NULL, NULL, read_only, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.dust");
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		dust_setting *setting = palloc(sizeof(dust_setting));

		setting->pattern = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		setting->dust.quantity = setting_value(i, 2);
		setting->dust.value = setting_value(i, 3);
		settings = lappend(settings, setting);
	}
	MemoryContextSwitchTo(old);
	SPI_freetuptable(SPI_tuptable);
	return settings;
}

/* Whether a symbol fits a pattern: goes back to the last star where it does not, so the cost is bounded by the product of the lengths. */
static bool
fits(const char *pattern, const char *symbol)
{
	const char *star = NULL;
	const char *resume = NULL;

	while (*symbol != '\0')
	{
		if (*pattern == '*')
		{
			star = pattern++;
			resume = symbol;
		}
		else if (*pattern == *symbol)
		{
			pattern++;
			symbol++;
		}
		else if (star != NULL)
		{
			pattern = star + 1;
			symbol = ++resume;
		}
		else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* Gives a ledger the tolerance of its symbol. */
void
pulse_dust_apply(const List *settings, const char *symbol, ledger *book)
{
	ListCell   *cell;

	foreach(cell, settings)
	{
		const dust_setting *setting = lfirst(cell);

		if (fits(setting->pattern, symbol))
		{
			ledger_set_dust(book, &setting->dust);
			return;
		}
	}
}
