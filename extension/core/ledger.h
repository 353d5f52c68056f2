/*
 * The ledger of one symbol: fills in, position, realised profit and round trips out.
 *
 * Longs are positive quantities, shorts negative. The cost of a position is what was paid for it,
 * signed like the quantity, so that at every fill and for every method
 *     realized + (quantity * mark - cost) - fees = change of cash + quantity * mark
 * holds to the last digit: rounding only decides which part of the cost leaves with a partial
 * close, and going flat takes all that is left.
 *
 * A position no larger than the dust tolerance counts as flat: its round trip ends without it. What
 * is left stays in quantity and cost, so the equation holds as before, and goes into the next round trip.
 */
#ifndef PULSE_LEDGER_CORE_H
#define PULSE_LEDGER_CORE_H

#include "core/decimal.h"

/* Decimals kept where a part of a cost or fee has to be rounded: those of the amount, or so many. */
#define LEDGER_SCALE 18

/* Which part of a position a closing fill takes. */
typedef enum ledger_method
{
	LEDGER_AVERAGE,				/* a share of everything, at its average cost */
	LEDGER_FIFO,				/* the oldest lot */
	LEDGER_LIFO,				/* the newest lot */
	LEDGER_HIFO					/* the lot with the smallest profit: bought highest, or sold short lowest */
} ledger_method;

/* What a fee is paid in. */
typedef enum ledger_fee_kind
{
	LEDGER_FEE_QUOTE,			/* the currency of the price */
	LEDGER_FEE_BASE,			/* the asset traded: it changes the position, and is valued at the fill's price */
	LEDGER_FEE_OTHER			/* a third asset: no part of this ledger */
} ledger_fee_kind;

typedef struct ledger_fill
{
	bool		sell;
	ledger_fee_kind fee_kind;
	decimal		quantity;		/* > 0 */
	decimal		price;			/* >= 0 */
	decimal		fee;			/* < 0 is a rebate */
	int64_t		time;
	uint64_t	tag;			/* the caller's; comes back with round trips and matches */
} ledger_fill;

/* Up to where a position counts as flat, by its size or by its value at the price of the fill; zero: only nothing is flat. */
typedef struct ledger_dust
{
	decimal		quantity;
	decimal		value;
} ledger_dust;

/* A position from flat to flat. */
typedef struct ledger_trip
{
	bool		open;			/* false while the position counts as flat, though dust may be left */
	bool		is_short;
	int64_t		opened_at;
	uint64_t	opened_by;		/* tag of the fill that opened it */
	decimal		entry_quantity;
	decimal		entry_value;
	decimal		exit_quantity;
	decimal		exit_value;
	decimal		gross;
	decimal		fees;
} ledger_trip;

/* Part of a position bought, or sold short, at one price. */
typedef struct ledger_lot
{
	decimal		quantity;		/* positive for longs and shorts */
	decimal		price;
	decimal		fee;			/* what is left of the fee of its fill */
	int64_t		time;
	uint64_t	tag;
	uint64_t	sequence;
} ledger_lot;

/* A closing fill, or a part of one, against a lot. */
typedef struct ledger_match
{
	bool		is_short;
	decimal		quantity;
	decimal		entry_price;
	decimal		exit_price;
	decimal		gross;
	decimal		fees;
	int64_t		opened_at;
	int64_t		closed_at;
	uint64_t	opened_by;
	uint64_t	closed_by;
} ledger_match;

/* Where lots live and matches go; average cost needs neither. */
typedef struct ledger_hooks
{
	void	   *(*resize) (void *context, void *memory, size_t size);
	void		(*matched) (void *context, const ledger_match *match);
	void	   *context;
} ledger_hooks;

typedef struct ledger
{
	ledger_method method;
	decimal		quantity;
	decimal		cost;
	decimal		realized;		/* before fees */
	decimal		fees;			/* in quote currency, third assets left out */
	bool		has_dust;
	ledger_dust dust;
	ledger_trip trip;			/* of what is left as dust too */
	/* lots [first, end) in order of age, or as a heap for HIFO */
	const ledger_hooks *hooks;
	ledger_lot *lot;
	size_t		first;
	size_t		end;
	size_t		capacity;
	uint64_t	sequence;
} ledger;

/* What one fill did. */
typedef struct ledger_outcome
{
	bool		closed_some;
	decimal		realized;		/* before fees */
	decimal		fee;			/* its fee in quote currency */
	bool		trip_closed;
	ledger_trip trip;			/* set when trip_closed */
} ledger_outcome;

extern void ledger_init(ledger *state, ledger_method method, const ledger_hooks *hooks);
extern void ledger_set_dust(ledger *state, const ledger_dust *dust);
extern bool ledger_apply(ledger *state, const ledger_fill *fill, ledger_outcome *outcome);
extern bool ledger_unrealized(const ledger *state, const decimal *mark, decimal *result);
extern ledger_fee_kind ledger_fee_kind_of(const char *symbol, const char *fee_asset);
extern void ledger_symbol_assets(const char *symbol, size_t *base_length, const char **quote, size_t *quote_length);

#endif							/* PULSE_LEDGER_CORE_H */
