/*
 * Where symbols stood when they were last loaded.
 *
 * Sessions that write at the same time commit their fills a few milliseconds out of order, so that a tick often finds one
 * that belongs before the newest it has booked. The stored totals of a fill say what a symbol was only where it was flat;
 * one that never is, as that of a market maker, would be booked again from its beginning, tick after tick. So the worker
 * remembers the last few states that it has loaded.
 *
 * They hold as long as nothing before them changes. Nobody else's changes can: those have a row of pulse.position of
 * another version. Our own come with a point to book from, and take the later states along; what a transaction that
 * failed has left is forgotten with it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "src/compat.h"
#include "src/ledger_key.h"
#include "src/ledger_recent.h"
#include "src/portfolio_queue.h"

#define KEPT_STATES 4
/* They are all forgotten when they have become so many. */
#define MAX_SYMBOLS 4000

typedef struct recent_state
{
	pulse_fill_point last;
	ledger		book;
	decimal		last_price;
	char	   *trip_key;
	char	   *trip_strategy;
} recent_state;

typedef struct recent_symbol
{
	pulse_symbol_key key;
	int32		source_id;
	TransactionId xmin;			/* of the row that the newest state led to */
	int			count;			/* oldest state first */
	recent_state state[KEPT_STATES];
	uint32		hash;
	char		status;
} recent_symbol;

#define SH_PREFIX recent
#define SH_ELEMENT_TYPE recent_symbol
#define SH_KEY_TYPE pulse_symbol_key
#define SH_KEY key
#define SH_HASH_KEY(tb, k) pulse_hash_symbol_key(k)
#define SH_EQUAL(tb, a, b) pulse_same_symbol_key(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static MemoryContext recent_context = NULL;
static recent_hash *symbols = NULL;

/* Forgets everything; nothing that could fail. */
static void
forget_all(void)
{
	symbols = NULL;
	if (recent_context != NULL)
		MemoryContextReset(recent_context);
}

static void
xact_ended(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		forget_all();
}

static void
subxact_ended(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_all();
}

static char *
copy_string(const char *string)
{
	return string == NULL ? NULL : MemoryContextStrdup(recent_context, string);
}

static void
forget_state(recent_state *state)
{
	if (state->last.key != NULL)
		pfree(state->last.key);
	if (state->trip_key != NULL)
		pfree(state->trip_key);
	if (state->trip_strategy != NULL)
		pfree(state->trip_strategy);
}

/* Forgets all states of a symbol from one on. */
static void
forget_from(recent_symbol *recent, int first)
{
	for (int i = first; i < recent->count; i++)
		forget_state(&recent->state[i]);
	recent->count = Min(recent->count, first);
}

/* Finds what is remembered of a symbol; of another source it is somebody else's. */
static recent_symbol *
find(int32 source_id, const pulse_symbol *symbol)
{
	pulse_symbol_key key = {symbol->portfolio, symbol->name};
	recent_symbol *recent = symbols == NULL ? NULL : recent_lookup(symbols, key);

	return recent != NULL && recent->source_id == source_id ? recent : NULL;
}

/* Finds or makes the entry of a symbol. */
static recent_symbol *
get(int32 source_id, const pulse_symbol *symbol)
{
	pulse_symbol_key key = {symbol->portfolio, symbol->name};
	recent_symbol *recent;
	bool		found;

	if (recent_context == NULL)
	{
		recent_context = AllocSetContextCreate(TopMemoryContext, "pulse recent positions", ALLOCSET_DEFAULT_SIZES);
		RegisterXactCallback(xact_ended, NULL);
		RegisterSubXactCallback(subxact_ended, NULL);
	}
	if (symbols != NULL && symbols->members >= MAX_SYMBOLS)
		forget_all();
	if (symbols == NULL)
		symbols = recent_create(recent_context, 64, NULL);
	recent = recent_lookup(symbols, key);
	if (recent == NULL)
	{
		key.portfolio = copy_string(key.portfolio);
		key.name = copy_string(key.name);
		recent = recent_insert(symbols, key, &found);
		recent->count = 0;
		recent->source_id = source_id;
	}
	if (recent->source_id != source_id)
		forget_from(recent, 0);
	recent->source_id = source_id;
	return recent;
}

/* Remembers the state of a symbol that has just been loaded. */
void
pulse_recent_remember(int32 source_id, const pulse_symbol *symbol, TransactionId xmin)
{
	recent_symbol *recent;
	recent_state *state;

	/* who ticks by hand is not alone, and does not tick often */
	if (!pulse_portfolio_throttled())
		return;
	recent = get(source_id, symbol);
	if (recent->xmin != xmin)
		forget_from(recent, 0);
	recent->xmin = xmin;
	if (!symbol->last.set)
		return;
	if (recent->count == KEPT_STATES)
	{
		forget_state(&recent->state[0]);
		memmove(&recent->state[0], &recent->state[1], (KEPT_STATES - 1) * sizeof(recent_state));
		recent->count--;
	}
	state = &recent->state[recent->count];
	memset(state, 0, sizeof(*state));
	state->last = symbol->last;
	state->last.key = copy_string(symbol->last.key);
	state->book = symbol->book;
	state->last_price = symbol->last_price;
	state->trip_key = copy_string(symbol->trip_key);
	state->trip_strategy = copy_string(symbol->trip_strategy);
	recent->count++;
}

/* Notes which version of its row a symbol has been saved as. */
void
pulse_recent_saved(int32 source_id, const pulse_symbol *symbol, TransactionId xmin)
{
	recent_symbol *recent = find(source_id, symbol);

	if (recent == NULL)
		return;
	if (!TransactionIdIsValid(xmin))
		forget_from(recent, 0);
	recent->xmin = xmin;
}

/* Takes a symbol back to the newest remembered state before a fill. */
bool
pulse_recent_restore(const pulse_ledger *all, pulse_symbol *symbol, TimestampTz time, int64 ordinal, const char *key)
{
	recent_symbol *recent = find(all->source_id, symbol);
	const recent_state *state;

	if (recent == NULL)
		return false;
	for (int i = recent->count; i > 0; i--)
	{
		const pulse_fill_point *last = &recent->state[i - 1].last;

		if (pulse_compare_fills(last->time, last->ordinal, last->key, time, ordinal, key) < 0)
			break;
		forget_from(recent, i - 1);
	}
	if (recent->count == 0)
		return false;
	state = &recent->state[recent->count - 1];
	symbol->book.quantity = state->book.quantity;
	symbol->book.cost = state->book.cost;
	symbol->book.realized = state->book.realized;
	symbol->book.fees = state->book.fees;
	symbol->book.trip = state->book.trip;
	symbol->last = state->last;
	symbol->last.key = MemoryContextStrdup(all->context, state->last.key);
	symbol->last_price = state->last_price;
	symbol->trip_key = state->trip_key == NULL ? NULL : MemoryContextStrdup(all->context, state->trip_key);
	symbol->trip_strategy = state->trip_strategy == NULL ? NULL : MemoryContextStrdup(all->context, state->trip_strategy);
	return true;
}
