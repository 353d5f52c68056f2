/*
 * The queue of due state messages, in the memory of the process that ticks.
 *
 * It need not survive a crash: state messages only repeat what every snapshot tells, and the next change queues the
 * portfolio again. Events about fills and alerts are not here but in tables.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/portfolio_queue.h"

/* An entry without due message is dropped once its intervals are certainly over. */
#define KEEP_MS 60000
#define SWEEP_SIZE 10000
/* Computing the messages of a portfolio may take a tenth of the time, however costly they are. */
#define PAUSE_PER_COST 10
#define MAX_COUNTED_COST_MS 60000

typedef struct QueuedPortfolio
{
	const char *name;
	Oid			reader;
	TimestampTz due_since[PULSE_UPDATE_KINDS];	/* 0: not due */
	TimestampTz sent_at[PULSE_UPDATE_KINDS];
	int			pause_ms[PULSE_UPDATE_KINDS];	/* after a costly message, longer than the interval */
	uint32		hash;
	char		status;
} QueuedPortfolio;

#define SH_PREFIX queue
#define SH_ELEMENT_TYPE QueuedPortfolio
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), (int) strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static queue_hash *queue = NULL;
static bool throttled = false;

/* Makes the queue respect intervals and limits. */
void
pulse_portfolio_enable_throttle(void)
{
	throttled = true;
}

/* Whether it does. */
bool
pulse_portfolio_throttled(void)
{
	return throttled;
}

/* Drops the entries that have nothing due and are past their intervals. */
static void
sweep(TimestampTz now)
{
	List	   *names = NIL;
	ListCell   *cell;
	queue_iterator iterator;
	QueuedPortfolio *entry;

	queue_start_iterate(queue, &iterator);
	while ((entry = queue_iterate(queue, &iterator)) != NULL)
	{
		bool		idle = true;

		for (int kind = 0; kind < PULSE_UPDATE_KINDS; kind++)
			if (entry->due_since[kind] != 0 || !TimestampDifferenceExceeds(entry->sent_at[kind], now, Max(KEEP_MS, entry->pause_ms[kind])))
				idle = false;
		if (idle)
			names = lappend(names, (char *) entry->name);
	}
	foreach(cell, names)
	{
		char	   *name = lfirst(cell);

		queue_delete(queue, name);
		pfree(name);
	}
	list_free(names);
}

/* Notes that a portfolio has changed. */
void
pulse_queue_portfolio(const char *portfolio, Oid reader)
{
	TimestampTz now = GetCurrentTimestamp();
	QueuedPortfolio *entry;
	bool		found;

	if (queue == NULL)
		queue = queue_create(TopMemoryContext, 64, NULL);
	entry = queue_lookup(queue, portfolio);
	if (entry == NULL)
	{
		if (queue->members >= SWEEP_SIZE && queue->members % SWEEP_SIZE == 0)
			sweep(now);
		entry = queue_insert(queue, MemoryContextStrdup(TopMemoryContext, portfolio), &found);
		memset(entry->due_since, 0, sizeof(entry->due_since));
		memset(entry->sent_at, 0, sizeof(entry->sent_at));
		memset(entry->pause_ms, 0, sizeof(entry->pause_ms));
	}
	entry->reader = reader;
	for (int kind = 0; kind < PULSE_UPDATE_KINDS; kind++)
		if (entry->due_since[kind] == 0)
			entry->due_since[kind] = now;
}

static int
compare_due(const ListCell *a, const ListCell *b)
{
	TimestampTz x = ((PulseDuePortfolio *) lfirst(a))->due_since;
	TimestampTz y = ((PulseDuePortfolio *) lfirst(b))->due_since;

	return (x > y) - (x < y);
}

/* Returns the portfolios of which a message is due. */
List *
pulse_due_portfolios(PulseUpdateKind kind, int interval_ms, int limit, TimestampTz *next)
{
	TimestampTz now = GetCurrentTimestamp();
	List	   *due = NIL;
	queue_iterator iterator;
	QueuedPortfolio *entry;

	*next = DT_NOEND;
	if (queue == NULL)
		return NIL;
	queue_start_iterate(queue, &iterator);
	while ((entry = queue_iterate(queue, &iterator)) != NULL)
	{
		TimestampTz earliest = TimestampTzPlusMilliseconds(entry->sent_at[kind],
														   Max(interval_ms, entry->pause_ms[kind]));
		PulseDuePortfolio *item;

		if (entry->due_since[kind] == 0)
			continue;
		if (throttled && entry->sent_at[kind] != 0 && earliest > now)
		{
			*next = Min(*next, earliest);
			continue;
		}
		item = palloc(sizeof(PulseDuePortfolio));
		item->name = pstrdup(entry->name);
		item->reader = entry->reader;
		item->due_since = entry->due_since[kind];
		due = lappend(due, item);
	}
	list_sort(due, compare_due);
	if (throttled && list_length(due) > limit)
	{
		due = list_truncate(due, limit);
		*next = now;
	}
	return due;
}

/* Notes that a message has gone out. */
void
pulse_portfolio_done(PulseUpdateKind kind, const char *portfolio, int cost_ms)
{
	QueuedPortfolio *entry = queue != NULL ? queue_lookup(queue, portfolio) : NULL;

	if (entry == NULL)
		return;
	entry->due_since[kind] = 0;
	entry->sent_at[kind] = GetCurrentTimestamp();
	entry->pause_ms[kind] = Min(cost_ms, MAX_COUNTED_COST_MS) * PAUSE_PER_COST;
}
