/*
 * The tick: from marks in pulse.dirty to events.
 *
 * Transaction A is what latency hangs on: ledger and TRADE_ALERT. What goes with a fill but costs several times as much
 * follows in the next transaction: messages, SYSTEM_ALERT, PORTFOLIO_UPDATE. Transaction B computes what is costly and may
 * wait. All of them write under the sequencer's lock, so two ticks at a time never see the same marks and a reader never
 * sees an event before all those with smaller numbers.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/announce.h"
#include "src/attempt.h"
#include "src/change.h"
#include "src/compat.h"
#include "src/ledger.h"
#include "src/ledger_held.h"
#include "src/metric_state.h"
#include "src/performance_state.h"
#include "src/poll.h"
#include "src/portfolio_queue.h"
#include "src/settings.h"
#include "src/source_state.h"
#include "src/tick.h"
#include "src/update.h"

/* Fills or notifications may wait without any mark: after a crash, a full batch, a restore. */
static bool announcements_left = true;

/* The same for fills alone; those that others may have left are looked for every so often. */
#define LOOK_FOR_FILLS_MS 5000
static bool fills_wait = true;
static bool announcing = false;	/* the running transaction may have announced some */
static TimestampTz fills_looked_for = 0;

/* When fills were stored that had been held, while that goes on; what has failed is not tried again for so long. */
#define HOLD_AGAIN_MS 60000
static TimestampTz holding_began = 0;

/* Fills announced since the statistics of the ledger's tables were renewed, and how many it takes until they are again. */
#define FIRST_STATISTICS_FILLS 200
static int64 fills_since_statistics = 0;
static int64 fills_until_statistics = FIRST_STATISTICS_FILLS;

/*
 * The background worker looks at so many marks, however small its batches are, and spends so much time on them before it
 * announces what it has: a transaction stays short, and with ten thousand portfolios the next one need not wait for all.
 */
#define MAX_MARKS 100000
#define BUDGET_MS 200
/* Portfolios with changed snapshots that are noted by one statement. */
#define SNAPSHOT_BATCH 500
/* However busy the worker is, polled tables are looked at so often. */
#define POLL_AT_LEAST_MS 1000
/* The same where it gives way to the sessions that write. */
#define YIELD_MARKS 300
#define YIELD_BUDGET_MS 50
/* A mark is worth so much waiting, and all of a portfolio's marks no more than so much. */
#define MARK_TURN_MS 1000
#define LONGEST_TURN_MS 60000
/* When each portfolio was last served; forgotten as a whole when there are too many of them. */
#define MAX_SERVED 100000

/* When the changes of one portfolio of one source were last processed. */
typedef struct Served
{
	uint64		digest;			/* hash key */
	TimestampTz at;
} Served;

static HTAB *served = NULL;

/* One change on its way through pulse_attempt(). */
typedef struct ChangeWork
{
	Snapshot	cut;
	List	   *sources;
	PulseSourceState *source;
	PulseChange *change;
	List	   *portfolios;		/* result: what the change touched */
	bool		changed;		/* result: whether it has changed anything */
	PulseLedgerNews *news;		/* NULL: its fills are announced with those of other changes */
	MemoryContext context;
} ChangeWork;

/* Changes of snapshots of one source, noted together. */
typedef struct SnapshotWork
{
	List	   *changes;
	Snapshot	cut;
} SnapshotWork;

/* Whether there is anything for pulse_tick_changes(). */
bool
pulse_tick_needed(void)
{
	static TimestampTz polled_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	bool		changes = pulse_changes_exist();

	/* a mark does not wait for this look, as long as it is taken often enough */
	if (!changes || TimestampDifferenceExceeds(polled_at, now, POLL_AT_LEAST_MS))
	{
		polled_at = now;
		changes = pulse_poll_sources(false) || changes;
	}
	if (changes || announcements_left)
		return true;
	SPI_connect();
	announcements_left = pulse_announcements_wait();
	SPI_finish();
	if (!announcements_left)
	{
		fills_wait = false;
		fills_looked_for = now;
	}
	return announcements_left;
}

static PulseSourceState *
find_source(List *sources, int32 source_id)
{
	ListCell   *cell;

	foreach(cell, sources)
	{
		PulseSourceState *source = lfirst(cell);

		if (source->source_id == source_id)
			return source;
	}
	return NULL;
}

/*
 * What reads on the active snapshot sees just what the marks speak of, and what came before in this tick. A later snapshot
 * might see a row that has moved out of the marks' range since: it would be taken for deleted, and for new by the next tick.
 */
static void
see_cut(Snapshot cut)
{
	CommandCounterIncrement();
	PushCopiedSnapshot(cut);
	UpdateActiveSnapshotCommandId();
}

/* Brings the state that hangs on one change up to date and removes its marks. */
static void
apply_change(void *arg)
{
	ChangeWork *work = arg;
	PulseChange *change = work->change;
	bool		changed = true;

	see_cut(work->cut);
	if (work->source->trades)
		changed = pulse_ledger_apply(change->source_id, change->portfolio, change->min_ts, change->max_ts, work->news);
	else
		pulse_metric_state_mark(change);
	pulse_remove_marks(change);

	MemoryContextSwitchTo(work->context);
	work->changed = changed;
	work->portfolios = !changed ? NIL : change->portfolio != NULL ? list_make1(change->portfolio) :
		pulse_source_portfolios(work->source, change);
	PopActiveSnapshot();
}

/* Notes changed snapshots of several portfolios and removes their marks. */
static void
apply_snapshots(void *arg)
{
	List	   *changes = ((SnapshotWork *) arg)->changes;
	ListCell   *cell;

	see_cut(((SnapshotWork *) arg)->cut);
	pulse_metric_state_mark_all(changes);
	foreach(cell, changes)
		pulse_remove_marks(lfirst(cell));
	PopActiveSnapshot();
}

/* Adds a change of everything for each source whose state has not been built yet. */
static List *
add_rebuilds(List *changes, const List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
	{
		const PulseSourceState *source = lfirst(cell);
		PulseChange *change;

		if (source->rebuilt)
			continue;
		change = palloc0(sizeof(PulseChange));
		change->source_id = source->source_id;
		change->min_ts = DT_NOBEGIN;
		change->max_ts = DT_NOEND;
		change->unbounded = true;
		changes = lappend(changes, change);
	}
	return changes;
}

/* Queues a portfolio that has changed; returns the entry for the durable queue. */
static PulseChanged *
touch_portfolio(const char *portfolio, Oid reader, bool bulk)
{
	PulseChanged *changed = palloc(sizeof(PulseChanged));

	changed->portfolio = portfolio;
	changed->reader = reader;
	pulse_queue_portfolio(portfolio, reader, bulk);
	return changed;
}

/* Finds when a portfolio was last served. */
static Served *
find_served(const PulseChange *change)
{
	uint64		digest = ((uint64) (uint32) change->source_id << 32) |
		(change->portfolio == NULL ? 0 : hash_bytes((const unsigned char *) change->portfolio, (int) strlen(change->portfolio)));
	Served	   *entry;
	bool		found;

	if (served != NULL && hash_get_num_entries(served) >= MAX_SERVED)
	{
		hash_destroy(served);
		served = NULL;
	}
	if (served == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(uint64),.entrysize = sizeof(Served),.hcxt = TopMemoryContext};

		served = hash_create("pulse served portfolios", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(served, &digest, HASH_ENTER, &found);
	if (!found)
		entry->at = 0;
	return entry;
}

/* Whether a change is one of those that are noted together: it has nothing but buckets hang on it. */
static bool
only_buckets(const PulseChange *change, List *sources)
{
	const PulseSourceState *source = find_source(sources, change->source_id);

	return source != NULL && !source->trades && change->portfolio != NULL && !change->unbounded;
}

static int
compare_changes(const ListCell *a, const ListCell *b)
{
	const PulseChange *x = lfirst(a);
	const PulseChange *y = lfirst(b);

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

/*
 * Puts those first that have been served longest ago, and want little: a quiet portfolio does not wait for the busy ones,
 * nor one of these for ever. Who changes a whole table is served as the table.
 */
static void
order_changes(List *changes)
{
	ListCell   *cell;
	int			arrival = 0;

	foreach(cell, changes)
	{
		PulseChange *change = lfirst(cell);

		change->arrival = arrival++;
		change->rank = TimestampTzPlusMilliseconds(Max(find_served(change)->at, TimestampTzPlusMilliseconds(change->marked_at, -LONGEST_TURN_MS)),
												   Min(change->mark_count * MARK_TURN_MS, LONGEST_TURN_MS));
	}
	list_sort(changes, compare_changes);
}

/* Processes one change; adds the portfolios that it touched. */
static void
process_change(PulseTick *tick, PulseSequencer *sequencer, ChangeWork *work, PulseChange *change, List **touched)
{
	PulseSourceState *source = find_source(work->sources, change->source_id);
	int			failed = tick->failures.count;
	PulseSequencer before = *sequencer;
	pulse_held_fills held = {0};
	Oid			reader;
	ListCell   *name;

	tick->marks += change->mark_count;
	if (source == NULL)
	{
		/* detached since: nobody wants to know */
		pulse_remove_marks(change);
		return;
	}
	work->source = source;
	work->change = change;
	work->portfolios = NIL;
	if (work->news != NULL && work->news->held != NULL)
		held = *work->news->held;
	if (!pulse_attempt(change->portfolio == NULL ? psprintf("source %d", change->source_id) :
					   psprintf("source %d, portfolio %s", change->source_id, change->portfolio),
					   apply_change, work, &tick->failures))
	{
		*sequencer = before;
		if (work->news != NULL)
			work->news->announced = 0;
		if (work->news != NULL && work->news->held != NULL)
		{
			work->news->held->count = held.count;
			work->news->held->closed = held.closed;
		}
		source->failed = true;
		pulse_merge_marks(change);
		if (tick->failures.count > failed)
			pulse_source_error(source, tick->failures.last);
		return;
	}
	source->done = true;
	if (!source->rebuilt && !source->trades && change->unbounded && change->portfolio == NULL)
		pulse_source_rebuilt(source, sequencer->epoch);
	reader = pulse_source_reader(work->sources, source);
	/* among them may be those that the change has removed */
	if (work->changed && change->portfolio == NULL)
		work->portfolios = list_concat(work->portfolios, pulse_performance_portfolios(reader));
	foreach(name, work->portfolios)
		*touched = lappend(*touched, touch_portfolio(lfirst(name), reader, change->portfolio == NULL));
}

/* Processes changed snapshots of one source: by one statement, or, when that fails, each for itself. */
static void
process_snapshots(PulseTick *tick, PulseSequencer *sequencer, ChangeWork *work, List *changes, List **touched)
{
	PulseSourceState *source = find_source(work->sources, ((PulseChange *) linitial(changes))->source_id);
	SnapshotWork together = {changes, tick->cut};
	ErrorData  *error = list_length(changes) == 1 ? NULL : pulse_isolate(apply_snapshots, &together, 0);
	ListCell   *cell;

	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	if (error != NULL)
		ereport(DEBUG1, (errmsg_internal("changed snapshots are noted one by one: %s", error->message)));
	foreach(cell, changes)
	{
		PulseChange *change = lfirst(cell);

		if (list_length(changes) == 1 || error != NULL)
		{
			process_change(tick, sequencer, work, change, touched);
			continue;
		}
		if (pulse_portfolio_throttled())
			find_served(change)->at = GetCurrentTimestamp();
		tick->marks += change->mark_count;
		source->done = true;
		*touched = lappend(*touched, touch_portfolio(change->portfolio, pulse_source_reader(work->sources, source), false));
	}
}

/* Whether the time for changes is over; notes what is left. */
static bool
time_is_over(PulseTick *tick, TimestampTz end)
{
	if (!pulse_portfolio_throttled() || GetCurrentTimestamp() <= end)
		return false;
	tick->more = true;
	return true;
}

/* How many of the changes are such of fills. */
static int
trades_changes(List *changes, List *sources)
{
	ListCell   *cell;
	int			count = 0;

	foreach(cell, changes)
	{
		const PulseSourceState *source = find_source(sources, ((PulseChange *) lfirst(cell))->source_id);

		count += source != NULL && source->trades;
	}
	return count;
}

/* Whether fills of several portfolios may be held until all are booked: for a while not, after that has failed. */
static bool
may_hold(void)
{
	return holding_began == 0 || TimestampDifferenceExceeds(holding_began, GetCurrentTimestamp(), HOLD_AGAIN_MS);
}

/* Stores the fills that have been held: with the numbers of their events, unless there are others to be announced with them. */
static void
announce_held(PulseLedgerNews *news, Snapshot cut)
{
	int			announced = -1;

	if (news->held == NULL)
		return;
	holding_began = GetCurrentTimestamp();
	if (!news->left)
		announced = pulse_held_announce(news->held, news->sequencer);
	if (announced >= 0)
		news->announced = announced;
	else
	{
		see_cut(cut);
		pulse_ledger_store_held(news);
		PopActiveSnapshot();
	}
	holding_began = 0;
}

/*
 * Processes the collected changes as far as the time goes: fills and whole tables each for itself, then snapshots, many
 * portfolios together. Some of either kind are processed in any case. Returns whether there may be fills now that have not
 * been announced.
 */
static bool
process_changes(PulseTick *tick, PulseSequencer *sequencer, List *changes, PulseLedgerNews *news)
{
	List	   *sources = pulse_active_sources(sequencer->epoch);
	ChangeWork	work = {.cut = tick->cut,.sources = sources,.context = CurrentMemoryContext};
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), tick->yielding ? YIELD_BUDGET_MS : BUDGET_MS);
	List	   *touched = NIL;
	List	   *snapshots = NIL;
	ListCell   *cell;
	bool		begun = false;
	bool		trimmed = false;
	int			fills_changed;

	pulse_performance_sources(sources);
	changes = add_rebuilds(changes, sources);
	if (pulse_portfolio_throttled())
		order_changes(changes);
	/* fills of several portfolios are announced together, in the order of their execution */
	fills_changed = trades_changes(changes, sources);
	if (!fills_wait && fills_changed > 0)
		work.news = news;
	if (work.news != NULL && fills_changed > 1)
		news->held = may_hold() ? pulse_held_create() : NULL;
	if (fills_changed > 1 && news->held == NULL)
		work.news = NULL;
	foreach(cell, changes)
	{
		PulseChange *change = lfirst(cell);

		if (only_buckets(change, sources))
		{
			snapshots = lappend(snapshots, change);
			continue;
		}
		if (tick->fills_left || (begun && time_is_over(tick, end)))
		{
			tick->fills_left = true;
			continue;
		}
		begun = true;
		if (pulse_portfolio_throttled())
		{
			find_served(change)->at = GetCurrentTimestamp();
			trimmed = pulse_trim_change(change, tick->yielding ? YIELD_MARKS : pulse_tick_batch) || trimmed;
		}
		process_change(tick, sequencer, &work, change, &touched);
	}
	tick->fills_left = tick->fills_left || trimmed;
	tick->more = tick->more || trimmed;
	announce_held(news, tick->cut);
	foreach(cell, snapshots)
	{
		PulseChange *change = lfirst(cell);
		PulseSourceState *source = find_source(sources, change->source_id);

		source->batch = lappend(source->batch, change);
		if (list_length(source->batch) < SNAPSHOT_BATCH)
			continue;
		process_snapshots(tick, sequencer, &work, source->batch, &touched);
		source->batch = NIL;
		if (lnext(snapshots, cell) != NULL && time_is_over(tick, end))
			break;
	}
	foreach(cell, sources)
		if (((PulseSourceState *) lfirst(cell))->batch != NIL)
			process_snapshots(tick, sequencer, &work, ((PulseSourceState *) lfirst(cell))->batch, &touched);
	pulse_performance_due(touched);
	foreach(cell, sources)
	{
		PulseSourceState *source = lfirst(cell);

		if (source->had_error && source->done && !source->failed)
			pulse_source_error(source, NULL);
	}
	return work.news != NULL ? news->left : fills_changed > 0;
}

static void
renew_statistics(void *arg)
{
	static const char *const tables[] = {"pulse.fill", "pulse.closed_trade", "pulse.position"};
	int			nest_level = NewGUCNestLevel();

	/* a small sample tells how large they are, and holds the next fills up ten times less */
	(void) set_config_option("default_statistics_target", "10", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	for (int i = 0; i < lengthof(tables); i++)
		if (SPI_execute(psprintf("ANALYZE (SKIP_LOCKED) %s", tables[i]), false, 0) < 0)
			elog(ERROR, "could not analyze %s", tables[i]);
	AtEOXact_GUC(true, nest_level);
}

/*
 * Renews the statistics of the ledger's tables each time they have about doubled. Autovacuum comes by once a minute; a
 * bot that starts with a burst would meanwhile suffer plans made for an empty table.
 */
static void
keep_statistics(PulseFailures *failures)
{
	if (fills_since_statistics < fills_until_statistics)
		return;
	(void) pulse_attempt("statistics of the ledger", renew_statistics, NULL, failures);
	fills_until_statistics = Max(fills_until_statistics, fills_since_statistics) * 2;
	fills_since_statistics = 0;
}

/* What goes with the changes that have been taken. */
static void
take_rest(PulseSequencer *sequencer, PulseTick *tick)
{
	int			messages;
	int			alerts;

	tick->rest = false;
	keep_statistics(&tick->failures);
	pulse_write_messages(sequencer);
	messages = pulse_announce_deliveries(sequencer, pulse_tick_batch);
	alerts = pulse_announce_alerts(sequencer, pulse_tick_batch);
	announcements_left = messages == pulse_tick_batch || alerts == pulse_tick_batch;
	tick->more = tick->more || announcements_left;
	/* while a backlog of fills is left, what their portfolios are worth is soon out of date */
	if (!tick->fills_left && !tick->yielding)
		pulse_send_portfolio_updates(sequencer, tick);
}

/* Stores the sequencer and adds up what the tick did. */
static void
close_sequencer(PulseSequencer *sequencer, PulseTick *tick)
{
	pulse_sequencer_close(sequencer);
	tick->seq = sequencer->seq;
	tick->events += (int) (sequencer->seq - sequencer->first_seq);
}

/* What a transaction has announced that ends in an abort waits again. */
static void
xact_ended(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT && announcing)
		fills_wait = true;
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT)
		announcing = false;
}

static void
note_aborts(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(xact_ended, NULL);
	registered = true;
}

/* Takes what changed: ledger and TRADE_ALERT; the rest too, when there are no new fills. */
void
pulse_tick_changes(PulseTick *tick)
{
	MemoryContext context = CurrentMemoryContext;
	PulseSequencer sequencer;
	List	   *changes;
	PulseLedgerNews news = {&sequencer, pulse_tick_batch};
	TimestampTz now = GetCurrentTimestamp();
	int			fills = 0;

	note_aborts();
	announcing = true;
	tick->fills_left = false;
	pulse_tick_release(tick);
	SPI_connect();
	MemoryContextSwitchTo(context);
	pulse_sequencer_open(&sequencer);

	PushActiveSnapshot(GetTransactionSnapshot());
	changes = pulse_collect_changes(pulse_portfolio_throttled() ? Max(pulse_tick_batch, MAX_MARKS) : pulse_tick_batch, &tick->more,
									&tick->oldest_mark);
	tick->cut = RegisterSnapshot(GetActiveSnapshot());
	PopActiveSnapshot();

	/* who ticks by hand ticks seldom, and others may have ticked meanwhile */
	if (process_changes(tick, &sequencer, changes, &news) || fills_wait || !pulse_portfolio_throttled() ||
		TimestampDifferenceExceeds(fills_looked_for, now, LOOK_FOR_FILLS_MS))
	{
		fills = pulse_announce_fills(&sequencer, pulse_tick_batch);
		fills_wait = fills == pulse_tick_batch;
		fills_looked_for = now;
	}
	fills += news.announced;
	tick->fills += fills;
	fills_since_statistics += fills;
	tick->fills_left = tick->fills_left || fills_wait;
	tick->more = tick->more || tick->fills_left;
	if (fills == 0)
		take_rest(&sequencer, tick);
	else
		tick->rest = announcements_left = true;
	close_sequencer(&sequencer, tick);
	SPI_finish();
}

/* The rest of a tick that has announced fills. */
void
pulse_tick_rest(PulseTick *tick)
{
	MemoryContext context = CurrentMemoryContext;
	PulseSequencer sequencer;

	SPI_connect();
	MemoryContextSwitchTo(context);
	pulse_sequencer_open(&sequencer);
	take_rest(&sequencer, tick);
	close_sequencer(&sequencer, tick);
	SPI_finish();
}

/* Forgets the snapshot of pulse_tick_changes(). */
void
pulse_tick_release(PulseTick *tick)
{
	if (tick->cut != NULL)
		UnregisterSnapshot(tick->cut);
	tick->cut = NULL;
}
