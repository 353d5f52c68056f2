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

/* Whether a symbol without separator ends in a common quote currency, with something before it. */
static bool
names_a_quote(const char *symbol, size_t length)
{
	for (size_t i = 0; i < sizeof(common_quote) / sizeof(common_quote[0]); i++)
	{
		size_t		quote_length = strlen(common_quote[i]);

		if (length > quote_length &&
			same(symbol + length - quote_length, quote_length, common_quote[i], quote_length))
			return true;
	}
	return false;
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
	if (!names_a_quote(symbol, length))
		for (size_t i = 0; i < sizeof(common_quote) / sizeof(common_quote[0]); i++)
			if (same(common_quote[i], strlen(common_quote[i]), fee_asset, fee_length))
				return LEDGER_FEE_QUOTE;
	return LEDGER_FEE_OTHER;
}
