/*
 * The queue of due state messages, in the memory of the process that ticks.
 *
 * It need not survive a crash: state messages only repeat what every snapshot tells, and the next change queues the
 * portfolio again. Events about fills and alerts are not here but in tables.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "lib/pairingheap.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/portfolio_queue.h"

/*
 * An entry without due message is dropped after so long; quieter than so is as quiet as it gets. It is more than a round over
 * ten thousand portfolios takes: in a longer one, who is quiet waits as long as the others.
 */
#define KEEP_MS 600000
#define SWEEP_SIZE 10000
/* Computing the messages of a portfolio may take a tenth of the time, however costly they are. */
#define PAUSE_PER_COST 10
#define MAX_COUNTED_COST_MS 60000

typedef enum Place
{
	NOT_DUE,
	WAITING,					/* due, but its interval is not over */
	READY,
	TAKEN,						/* being computed */
	TOLD						/* emitted by the running transaction */
} Place;

typedef struct QueuedPortfolio QueuedPortfolio;

/* One kind of message of a portfolio. */
typedef struct QueuedMessage
{
	pairingheap_node node;		/* in the heap of its place */
	QueuedPortfolio *portfolio;
	Place		place;
	bool		bulk;			/* due only because all of a table is */
	TimestampTz due_since;
	TimestampTz sent_at;		/* 0: never */
	TimestampTz ready_at;
	int			pause_ms;		/* after a costly message, longer than the interval */
} QueuedMessage;

struct QueuedPortfolio
{
	char	   *name;
	Oid			reader;
	QueuedMessage messages[PULSE_UPDATE_KINDS];
};

typedef struct QueueEntry
{
	const char *name;
	QueuedPortfolio *portfolio;
	uint32		hash;
	char		status;
} QueueEntry;

#define SH_PREFIX queue
#define SH_ELEMENT_TYPE QueueEntry
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

/* The messages of one kind by place. */
typedef struct MessageQueue
{
	pairingheap *waiting;		/* by when they are ready */
	pairingheap *ready;			/* by rank */
	QueuedMessage **taken;
	int			taken_count;
	int			taken_room;
} MessageQueue;

/* A message of the running transaction, and what it was before. */
typedef struct ToldMessage
{
	QueuedMessage *message;
	PulseUpdateKind kind;
	TimestampTz sent_at;
	TimestampTz ready_at;
} ToldMessage;

static queue_hash *queue = NULL;
static MessageQueue queues[PULSE_UPDATE_KINDS];
static ToldMessage *told = NULL;
static int	told_count = 0;
static int	told_room = 0;
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

/*
 * What a message is served by, the smaller the sooner: when its portfolio was last served. One that is quiet comes before
 * all those that change all the time, and after a change of a whole table those come first that changed by themselves.
 */
static TimestampTz
rank(const QueuedMessage *message)
{
	return Max(message->sent_at, message->bulk ? message->due_since : message->due_since - KEEP_MS * INT64CONST(1000));
}

static int
compare_ready(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const QueuedMessage *x = (const QueuedMessage *) a;
	const QueuedMessage *y = (const QueuedMessage *) b;

	if (rank(x) != rank(y))
		return rank(x) < rank(y) ? 1 : -1;
	return (x->due_since < y->due_since) - (x->due_since > y->due_since);
}

static int
compare_waiting(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	TimestampTz x = ((const QueuedMessage *) a)->ready_at;
	TimestampTz y = ((const QueuedMessage *) b)->ready_at;

	return (x < y) - (x > y);
}

/* Puts a due message where it belongs. */
static void
place_message(int kind, QueuedMessage *message, TimestampTz now)
{
	message->place = message->ready_at > now ? WAITING : READY;
	pairingheap_add(message->place == READY ? queues[kind].ready : queues[kind].waiting, &message->node);
}

/* What a transaction has told has been told when it commits; otherwise it is due as before. */
static void
xact_ended(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE && event != XACT_EVENT_ABORT)
		return;
	while (told_count > 0)
	{
		ToldMessage *last = &told[--told_count];
		QueuedMessage *message = last->message;

		/* it may have become due again since, and have its place in a heap */
		if (message->place != TOLD)
			continue;
		message->place = NOT_DUE;
		if (event != XACT_EVENT_ABORT)
			continue;
		message->sent_at = last->sent_at;
		message->ready_at = last->ready_at;
		place_message(last->kind, message, message->ready_at);
	}
}

static void
set_up(void)
{
	MemoryContext old;

	if (queue != NULL)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	for (int kind = 0; kind < PULSE_UPDATE_KINDS; kind++)
	{
		queues[kind].waiting = pairingheap_allocate(compare_waiting, NULL);
		queues[kind].ready = pairingheap_allocate(compare_ready, NULL);
	}
	queue = queue_create(TopMemoryContext, 64, NULL);
	RegisterXactCallback(xact_ended, NULL);
	MemoryContextSwitchTo(old);
}

/* Drops the entries that have nothing due and are past their intervals. */
static void
sweep(TimestampTz now)
{
	List	   *idle = NIL;
	ListCell   *cell;
	queue_iterator iterator;
	QueueEntry *entry;

	queue_start_iterate(queue, &iterator);
	while ((entry = queue_iterate(queue, &iterator)) != NULL)
	{
		bool		drop = true;

		for (int kind = 0; kind < PULSE_UPDATE_KINDS; kind++)
		{
			const QueuedMessage *message = &entry->portfolio->messages[kind];

			if (message->place != NOT_DUE || !TimestampDifferenceExceeds(message->sent_at, now, Max(KEEP_MS, message->pause_ms)))
				drop = false;
		}
		if (drop)
			idle = lappend(idle, entry->portfolio);
	}
	foreach(cell, idle)
	{
		QueuedPortfolio *portfolio = lfirst(cell);

		queue_delete(queue, portfolio->name);
		pfree(portfolio->name);
		pfree(portfolio);
	}
	list_free(idle);
}

static QueuedPortfolio *
add_portfolio(const char *name, TimestampTz now)
{
	QueuedPortfolio *portfolio;
	bool		found;

	if (queue->members >= SWEEP_SIZE && queue->members % SWEEP_SIZE == 0)
		sweep(now);
	portfolio = MemoryContextAllocZero(TopMemoryContext, sizeof(QueuedPortfolio));
	portfolio->name = MemoryContextStrdup(TopMemoryContext, name);
	for (int kind = 0; kind < PULSE_UPDATE_KINDS; kind++)
		portfolio->messages[kind].portfolio = portfolio;
	queue_insert(queue, portfolio->name, &found)->portfolio = portfolio;
	return portfolio;
}

/* Notes that a portfolio has changed. */
void
pulse_queue_portfolio(const char *name, Oid reader, bool bulk)
{
	TimestampTz now = GetCurrentTimestamp();
	QueueEntry *entry;
	QueuedPortfolio *portfolio;

	set_up();
	entry = queue_lookup(queue, name);
	portfolio = entry != NULL ? entry->portfolio : add_portfolio(name, now);
	portfolio->reader = reader;
	for (int kind = 0; kind < PULSE_UPDATE_KINDS; kind++)
	{
		QueuedMessage *message = &portfolio->messages[kind];

		if (message->place == NOT_DUE || message->place == TOLD)
		{
			message->due_since = now;
			message->bulk = bulk;
			place_message(kind, message, now);
		}
		else if (message->bulk && !bulk)
		{
			if (message->place == READY)
				pairingheap_remove(queues[kind].ready, &message->node);
			message->bulk = false;
			if (message->place == READY)
				pairingheap_add(queues[kind].ready, &message->node);
		}
	}
}

/* Brings messages to the ready ones whose intervals are over, and those that were taken and not sent. */
static void
refresh_ready(PulseUpdateKind kind, TimestampTz now)
{
	MessageQueue *q = &queues[kind];

	while (q->taken_count > 0)
	{
		QueuedMessage *message = q->taken[--q->taken_count];

		if (message->place == TAKEN)
			place_message(kind, message, now);
	}
	while (!pairingheap_is_empty(q->waiting))
	{
		QueuedMessage *message = (QueuedMessage *) pairingheap_first(q->waiting);

		if (throttled && message->ready_at > now)
			break;
		(void) pairingheap_remove_first(q->waiting);
		message->place = READY;
		pairingheap_add(q->ready, &message->node);
	}
}

/* Returns when the next message of a kind is due. */
TimestampTz
pulse_next_portfolio(PulseUpdateKind kind, int early_ms)
{
	if (queue == NULL)
		return DT_NOEND;
	refresh_ready(kind, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), early_ms));
	if (!pairingheap_is_empty(queues[kind].ready))
		return DT_NOBEGIN;
	if (!pairingheap_is_empty(queues[kind].waiting))
		return ((QueuedMessage *) pairingheap_first(queues[kind].waiting))->ready_at;
	return DT_NOEND;
}

/* Takes the portfolios of which a message is due. */
List *
pulse_take_portfolios(PulseUpdateKind kind, int limit, int early_ms)
{
	MessageQueue *q = &queues[kind];
	List	   *due = NIL;

	if (queue == NULL)
		return NIL;
	refresh_ready(kind, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), early_ms));
	while (!pairingheap_is_empty(q->ready) && (!throttled || list_length(due) < limit))
	{
		PulseDuePortfolio *item = palloc(sizeof(PulseDuePortfolio));
		QueuedMessage *message;

		/* room first: nothing is lost when memory is short */
		if (q->taken_count == q->taken_room)
		{
			int			room = Max(2 * q->taken_room, 64);

			q->taken = q->taken == NULL ? MemoryContextAllocHuge(TopMemoryContext, room * sizeof(QueuedMessage *)) :
				repalloc_huge(q->taken, room * sizeof(QueuedMessage *));
			q->taken_room = room;
		}
		message = (QueuedMessage *) pairingheap_remove_first(q->ready);
		q->taken[q->taken_count++] = message;
		message->place = TAKEN;
		item->name = pstrdup(message->portfolio->name);
		item->reader = message->portfolio->reader;
		due = lappend(due, item);
	}
	return due;
}

static QueuedMessage *
find_message(PulseUpdateKind kind, const char *name)
{
	QueueEntry *entry = queue != NULL ? queue_lookup(queue, name) : NULL;

	return entry == NULL || entry->portfolio->messages[kind].place != TAKEN ? NULL : &entry->portfolio->messages[kind];
}

/* Notes that a message has gone out. */
void
pulse_portfolio_done(PulseUpdateKind kind, const char *name, int interval_ms, int cost_ms)
{
	QueuedMessage *message = find_message(kind, name);

	if (message == NULL)
		return;
	if (told_count == told_room)
	{
		int			room = Max(2 * told_room, 64);

		told = told == NULL ? MemoryContextAllocHuge(TopMemoryContext, room * sizeof(ToldMessage)) :
			repalloc_huge(told, room * sizeof(ToldMessage));
		told_room = room;
	}
	told[told_count++] = (ToldMessage) {message, kind, message->sent_at, message->ready_at};
	message->place = TOLD;
	message->sent_at = GetCurrentTimestamp();
	message->pause_ms = Min(cost_ms, MAX_COUNTED_COST_MS) * PAUSE_PER_COST;
	message->ready_at = TimestampTzPlusMilliseconds(message->sent_at, Max(interval_ms, message->pause_ms));
}

/* Puts a message off. */
void
pulse_portfolio_postpone(PulseUpdateKind kind, const char *name, int delay_ms)
{
	QueuedMessage *message = find_message(kind, name);
	TimestampTz now = GetCurrentTimestamp();

	if (message == NULL)
		return;
	message->ready_at = TimestampTzPlusMilliseconds(now, delay_ms);
	place_message(kind, message, now);
}
