#include "core/import_kraken.h"

#include <stdio.h>
#include <string.h>

/* The legs of a trade stand next to each other in a ledger; this many unfinished trades is far more than is needed. */
#define MAX_TRADES 256
#define MAX_LEGS 4

struct trade
{
	int			count;
	struct kraken_leg legs[MAX_LEGS];
	bool		too_many;
};

/* Trades in order of their first leg, in a ring. One is finished when it falls out, or at the end of the file. */
struct kraken_ledger
{
	const pulse_memory *memory;
	size_t		first;
	size_t		count;
	struct trade trades[MAX_TRADES];
};

/* Assets of Kraken's early days, which have a letter in front: X for coins, Z for money. */
static const char *const early_assets[][2] = {
	{"XXBT", "BTC"}, {"XBT", "BTC"}, {"XXDG", "DOGE"}, {"XDG", "DOGE"}, {"XETH", "ETH"}, {"XETC", "ETC"}, {"XLTC", "LTC"},
	{"XXRP", "XRP"}, {"XXLM", "XLM"}, {"XXMR", "XMR"}, {"XZEC", "ZEC"}, {"XREP", "REP"}, {"XMLN", "MLN"}, {"XICN", "ICN"},
	{"XNMC", "NMC"}, {"XXVN", "XVN"}, {"ZUSD", "USD"}, {"ZEUR", "EUR"}, {"ZGBP", "GBP"}, {"ZCAD", "CAD"}, {"ZJPY", "JPY"},
	{"ZAUD", "AUD"}, {"ZKRW", "KRW"}
};

/* Which of two assets the other is priced in: the one that comes first here. */
static const char *const quotes[] = {
	"JPY", "KRW", "CHF", "CAD", "USD", "AUD", "GBP", "EUR", "USDT", "USDC", "PYUSD", "USDG", "RLUSD", "DAI", "BTC", "ETH", "DOT"
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *
early_name(const char *name, size_t length)
{
	for (size_t i = 0; i < COUNT_OF(early_assets); i++)
	{
		if (strlen(early_assets[i][0]) == length && memcmp(early_assets[i][0], name, length) == 0)
			return early_assets[i][1];
	}
	return NULL;
}

static size_t
quote_rank(const char *asset)
{
	size_t		rank = 0;

	while (rank < COUNT_OF(quotes) && strcmp(quotes[rank], asset) != 0)
		rank++;
	return rank;
}

static void
copy_asset(const char *name, size_t length, char *asset, size_t size)
{
	const char *known = early_name(name, length);

	if (known != NULL)
		snprintf(asset, size, "%s", known);
	else
		snprintf(asset, size, "%.*s", (int) length, name);
}

/* Writes the common name of an asset: XXBT is BTC, ZUSD is USD, and XBT.F or USD.HOLD are the asset before the point. */
bool
kraken_asset(const char *name, char *asset, size_t size)
{
	char		upper[VALUE_UNIT_SIZE];
	const char *point;

	if (!value_name(name, upper, sizeof(upper)) || upper[0] == '.')
		return false;
	point = strchr(upper, '.');
	copy_asset(upper, point != NULL ? (size_t) (point - upper) : strlen(upper), asset, size);
	return true;
}

/*
 * Tells how many characters at the end of a pair without a separator are its quote, or 0. A quote with its early letter
 * only follows a base of four: XTZUSD is XTZ in USD and not XT in ZUSD.
 */
static size_t
quote_length(const char *pair, size_t length)
{
	size_t		found = 0;

	if (length == 8 && (pair[4] == 'X' || pair[4] == 'Z') && early_name(pair + 4, 4) != NULL &&
		(early_name(pair, 4) != NULL || strncmp(pair, "USDT", 4) == 0))
		return 4;
	if (length > 3 && memcmp(pair + length - 3, "XBT", 3) == 0)
		return 3;
	for (size_t i = 0; i < COUNT_OF(quotes); i++)
	{
		size_t		candidate = strlen(quotes[i]);

		if (candidate > found && candidate < length && memcmp(pair + length - candidate, quotes[i], candidate) == 0)
			found = candidate;
	}
	return found;
}

/* Writes a pair as BASE/QUOTE with common names: XXBTZUSD, XBTUSD and XBT/USD are BTC/USD. An unknown one stays as it is. */
bool
kraken_pair(const char *name, char *symbol, size_t size)
{
	char		upper[IMPORT_NAME_SIZE];
	char		base[IMPORT_NAME_SIZE];
	char		quote[IMPORT_NAME_SIZE];
	const char *slash;
	size_t		length;
	size_t		base_length;
	size_t		tail;

	if (!value_name(name, upper, sizeof(upper)))
		return false;
	length = strlen(upper);
	slash = strchr(upper, '/');
	tail = slash != NULL ? length - (size_t) (slash - upper) - 1 : quote_length(upper, length);
	base_length = length - tail - (slash != NULL ? 1 : 0);
	if (slash != NULL && (tail == 0 || base_length == 0))
		return false;
	if (tail == 0)
		return (size_t) snprintf(symbol, size, "%s", upper) < size;
	copy_asset(upper, base_length, base, sizeof(base));
	copy_asset(upper + length - tail, tail, quote, sizeof(quote));
	return (size_t) snprintf(symbol, size, "%s/%s", base, quote) < size;
}

/* Opens the pairing of one file's ledger entries. */
struct kraken_ledger *
kraken_ledger_open(const pulse_memory *memory)
{
	struct kraken_ledger *ledger = memory->resize(memory->context, NULL, sizeof(*ledger));

	memset(ledger, 0, sizeof(*ledger));
	ledger->memory = memory;
	return ledger;
}

/* Frees a pairing. */
void
kraken_ledger_close(struct kraken_ledger *ledger)
{
	if (ledger != NULL)
		ledger->memory->resize(ledger->memory->context, ledger, 0);
}

static bool
is_negative(const char *amount)
{
	return amount[0] == '-';
}

static const char *
magnitude(const char *amount)
{
	return is_negative(amount) ? amount + 1 : amount;
}

/* Puts the fees of the legs where they belong; false when the fill cannot hold them. */
static bool
take_fees(const struct trade *trade, const struct kraken_leg *base, const struct kraken_leg *quote, struct import_fill *fill)
{
	const struct kraken_leg *paid = NULL;

	for (int i = 0; i < trade->count; i++)
	{
		const struct kraken_leg *leg = &trade->legs[i];

		if (value_is_zero(leg->fee))
			continue;
		if (leg == base && paid == quote)
			snprintf(fill->base_fee, sizeof(fill->base_fee), "%s", leg->fee);
		else if (leg == quote && paid == base)
		{
			snprintf(fill->base_fee, sizeof(fill->base_fee), "%s", paid->fee);
			paid = leg;
		}
		else if (paid == NULL)
			paid = leg;
		else
			return false;
	}
	if (paid != NULL)
	{
		snprintf(fill->fee, sizeof(fill->fee), "%s", paid->fee);
		snprintf(fill->fee_asset, sizeof(fill->fee_asset), "%s", paid->asset);
	}
	return true;
}

/* Makes a fill of the legs of one trade. */
static void
finish_trade(const struct trade *trade, struct import_outcome *outcome)
{
	const struct kraken_leg *moved[2] = {NULL, NULL};
	const struct kraken_leg *base;
	const struct kraken_leg *quote;
	struct import_fill *fill = &outcome->fill;
	size_t		ranks[2];
	int			count = 0;
	int64_t		line = trade->legs[0].line;
	const char *reference = trade->legs[0].reference;

	for (int i = 0; i < trade->count; i++)
	{
		if (value_is_zero(trade->legs[i].amount))
			continue;
		if (count < 2)
			moved[count] = &trade->legs[i];
		count++;
	}
	if (count < 2)
	{
		import_reject(outcome, line, "there is no other leg with refid %s", reference);
		return;
	}
	if (count > 2 || trade->too_many || is_negative(moved[0]->amount) == is_negative(moved[1]->amount) ||
		strcmp(moved[0]->asset, moved[1]->asset) == 0)
	{
		import_reject(outcome, line, "the entries with refid %s are not one asset given for one other", reference);
		return;
	}
	ranks[0] = quote_rank(moved[0]->asset);
	ranks[1] = quote_rank(moved[1]->asset);
	if (ranks[0] == ranks[1])
		quote = strcmp(moved[0]->asset, moved[1]->asset) < 0 ? moved[1] : moved[0];
	else
		quote = ranks[0] < ranks[1] ? moved[0] : moved[1];
	base = quote == moved[0] ? moved[1] : moved[0];

	*fill = (struct import_fill) {.line = line,.side = is_negative(base->amount) ? "SELL" : "BUY"};
	if (!take_fees(trade, base, quote, fill))
	{
		import_reject(outcome, line, "the entries with refid %s have fees in more assets than the trade", reference);
		return;
	}
	snprintf(fill->time, sizeof(fill->time), "%s", base->time);
	snprintf(fill->symbol, sizeof(fill->symbol), "%s/%s", base->asset, quote->asset);
	snprintf(fill->quantity, sizeof(fill->quantity), "%s", magnitude(base->amount));
	snprintf(fill->value, sizeof(fill->value), "%s", magnitude(quote->amount));
	snprintf(fill->id, sizeof(fill->id), "kraken:%s", reference);
	outcome->result = IMPORT_FILL;
}

static struct trade *
find_trade(struct kraken_ledger *ledger, const char *reference)
{
	for (size_t back = ledger->count; back > 0; back--)
	{
		struct trade *trade = &ledger->trades[(ledger->first + back - 1) % MAX_TRADES];

		if (strcmp(trade->legs[0].reference, reference) == 0)
			return trade;
	}
	return NULL;
}

/* Adds a ledger entry; the outcome is the trade that is finished thereby, or IMPORT_WAIT. */
void
kraken_ledger_add(struct kraken_ledger *ledger, const struct kraken_leg *leg, struct import_outcome *outcome)
{
	struct trade *trade = find_trade(ledger, leg->reference);

	outcome->result = IMPORT_WAIT;
	if (trade != NULL)
	{
		for (int i = 0; i < trade->count; i++)
		{
			if (leg->id[0] != '\0' && strcmp(trade->legs[i].id, leg->id) == 0)
			{
				outcome->result = IMPORT_SKIP;
				snprintf(outcome->kind, sizeof(outcome->kind), "ledger entry a second time");
				return;
			}
		}
		if (trade->count == MAX_LEGS)
			trade->too_many = true;
		else
			trade->legs[trade->count++] = *leg;
		return;
	}
	if (ledger->count == MAX_TRADES)
		kraken_ledger_rest(ledger, outcome);
	trade = &ledger->trades[(ledger->first + ledger->count++) % MAX_TRADES];
	trade->count = 1;
	trade->too_many = false;
	trade->legs[0] = *leg;
}

/* Takes out the oldest trade, whole or not; false when there is none. */
bool
kraken_ledger_rest(struct kraken_ledger *ledger, struct import_outcome *outcome)
{
	if (ledger->count == 0)
		return false;
	finish_trade(&ledger->trades[ledger->first], outcome);
	ledger->first = (ledger->first + 1) % MAX_TRADES;
	ledger->count--;
	return true;
}
