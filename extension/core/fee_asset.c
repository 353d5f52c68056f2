/*
 * Which side of a symbol a fee asset is. Exchanges write a pair in many ways: BTCUSDT, BTC/USDT,
 * BTC-USD, BTC_USDT, BTC/USDT:USDT; shares are a bare ticker.
 */
#include "core/ledger.h"

#include <string.h>

/* Currencies that prices are in where a symbol does not say: then a fee in one of them is in quote currency. */
static const char *const common_quote[] = {
	"USD", "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "TRY", "BRL", "KRW"
};

/* Upper case for ASCII letters, whatever the locale. */
static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char) (c - 'a' + 'A') : c;
}

/* Whether two stretches of text are the same but for case. */
static bool
same(const char *a, size_t a_length, const char *b, size_t b_length)
{
	if (a_length != b_length)
		return false;
	for (size_t i = 0; i < a_length; i++)
		if (upper(a[i]) != upper(b[i]))
			return false;
	return true;
}

/* Coins that others are priced in. A base of three letters at least, since STETH and WBTC are coins themselves. */
static const char *const common_quote_coin[] = {"BTC", "ETH", "BNB", "XBT"};

#define LEAST_BASE_OF_COIN 3

/* Returns the length of the longest of some currencies that a symbol ends in, with at least so much before it, or 0. */
static size_t
ends_in(const char *symbol, size_t length, const char *const *quote, size_t count, size_t least_base)
{
	size_t		longest = 0;

	for (size_t i = 0; i < count; i++)
	{
		size_t		quote_length = strlen(quote[i]);

		if (length >= quote_length + least_base && quote_length > longest &&
			same(symbol + length - quote_length, quote_length, quote[i], quote_length))
			longest = quote_length;
	}
	return longest;
}

/* Returns the length of the currency that the price of a symbol without separator is in, or 0 where it does not say. */
static size_t
quote_length_of(const char *symbol, size_t length)
{
	size_t		found = ends_in(symbol, length, common_quote, sizeof(common_quote) / sizeof(common_quote[0]), 1);

	if (found == 0)
		found = ends_in(symbol, length, common_quote_coin, sizeof(common_quote_coin) / sizeof(common_quote_coin[0]),
						LEAST_BASE_OF_COIN);
	return found;
}

/* Tells which part of a symbol is the asset traded, and which the currency of the price; that is NULL where the symbol does not say. */
void
ledger_symbol_assets(const char *symbol, size_t *base_length, const char **quote, size_t *quote_length)
{
	size_t		length = strlen(symbol);
	size_t		separator = strcspn(symbol, "/-_:");

	if (separator < length)
	{
		*base_length = separator;
		*quote = symbol + separator + 1;
		*quote_length = strcspn(*quote, "/-_:");
	}
	else
	{
		*quote_length = quote_length_of(symbol, length);
		*base_length = length - *quote_length;
		*quote = symbol + *base_length;
	}
	if (*quote_length == 0)
		*quote = NULL;
}

/* Tells what a fee is paid in; no fee asset means the quote currency. */
ledger_fee_kind
ledger_fee_kind_of(const char *symbol, const char *fee_asset)
{
	size_t		length = strlen(symbol);
	size_t		fee_length = fee_asset == NULL ? 0 : strlen(fee_asset);
	size_t		separator;

	if (fee_length == 0)
		return LEDGER_FEE_QUOTE;
	separator = strcspn(symbol, "/-_:");
	if (separator < length)
	{
		const char *rest = symbol + separator + 1;

		if (same(symbol, separator, fee_asset, fee_length))
			return LEDGER_FEE_BASE;
		/* BTC/USDT:USDT is settled in what stands after the colon; BTC-USD-PERP goes on as well */
		while (*rest != '\0')
		{
			size_t		part = strcspn(rest, "/-_:");

			if (same(rest, part, fee_asset, fee_length))
				return LEDGER_FEE_QUOTE;
			rest += part + (rest[part] != '\0' ? 1 : 0);
		}
		return LEDGER_FEE_OTHER;
	}
	if (same(symbol, length, fee_asset, fee_length))
		return LEDGER_FEE_BASE;
	if (length > fee_length)
	{
		if (same(symbol + length - fee_length, fee_length, fee_asset, fee_length))
			return LEDGER_FEE_QUOTE;
		if (same(symbol, fee_length, fee_asset, fee_length))
			return LEDGER_FEE_BASE;
	}
	if (quote_length_of(symbol, length) == 0)
		for (size_t i = 0; i < sizeof(common_quote) / sizeof(common_quote[0]); i++)
			if (same(common_quote[i], strlen(common_quote[i]), fee_asset, fee_length))
				return LEDGER_FEE_QUOTE;
	return LEDGER_FEE_OTHER;
}
