/*
 * PORTFOLIO_UPDATE, PERFORMANCE_UPDATE and HEALTH_UPDATE.
 *
 * Their data come from SQL functions over the user's tables, so they are computed as the owner of the tables, confined
 * like maintenance commands: no code of his runs with our rights. Computing comes first, the sequencer's lock last.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_source.h"
#include "src/metric_state.h"
#include "src/performance_state.h"
#include "src/portfolio_queue.h"
#include "src/preempt.h"
#include "src/settings.h"
#include "src/statement.h"
#include "src/update.h"

/*
 * State messages of one transaction, and the time after which it takes on no more: what is left comes in the next, and
 * between the two comes what has just happened.
 */
#define UPDATE_BATCH 200
/* Portfolios computed by one statement. */
#define STATEMENT_BATCH 25
#define BUDGET_MS 50
/* How long a portfolio waits whose summaries are being built. */
#define UNFINISHED_DELAY_MS 500
/* A portfolio that changes all the time is shown so often; the first change after a pause is shown at once. */
#define PORTFOLIO_INTERVAL_MS 100
/* How often the health is looked at. */
#define HEALTH_LOOK_MS 5000

/* One message on its way through pulse_attempt(). */
typedef struct UpdateWork
{
	const PulseDuePortfolio *portfolio;
	const char *function;
	bool		set_wise;		/* for many portfolios; an older version of the extension has it for one */
	Snapshot	cut;			/* what it shows; NULL: the present */
	bool		custom;			/* registered metrics belong to it */
	MemoryContext context;
	Datum		data;			/* result: jsonb */
	bool		null;
	int			cost_ms;
} UpdateWork;

typedef struct HealthWork
{
	MemoryContext context;
	Datum		data;
	char	   *statuses;		/* component=status, … */
} HealthWork;

/* Planned anew each time, unlike our own statements: what it looks at are tables of any size. */
static const char health[] =
	"SELECT h.data, (SELECT pg_catalog.string_agg(pg_catalog.concat(c ->> 'component', '=', c ->> 'status'), ','"
	" ORDER BY c ->> 'component') FROM pg_catalog.jsonb_array_elements(h.data -> 'components') c)"
	" FROM pulse.health_data() AS h (data)";

static PulseStatement with_custom = {
	"SELECT pulse.with_custom($1, $2)", 2, {JSONBOID, TEXTOID}, NULL
};

static PulseStatement known_health = {
	"SELECT health_status, health_at FROM pulse.sequencer WHERE singleton", 0, {0}, NULL
};

static PulseStatement store_health = {
	"UPDATE pulse.sequencer SET health_status = $1, health_at = clock_timestamp() WHERE singleton", 1, {TEXTOID}, NULL
};

static TimestampTz health_looked_at = 0;
static int	health_pause_ms = HEALTH_LOOK_MS;

/* Adds the registered metrics: they were computed as others than the reader, so it is we who look them up. */
static void
add_custom_metrics(UpdateWork *work)
{
	Datum		values[] = {work->data, CStringGetTextDatum(work->portfolio->name)};
	MemoryContext old;
	Datum		data;
	bool		null;

	pulse_run(&with_custom, values, NULL);
	data = pulse_result(1, &null);
	old = MemoryContextSwitchTo(work->context);
	work->data = PointerGetDatum(PG_DETOAST_DATUM_COPY(data));
	MemoryContextSwitchTo(old);
}

/* Computes messages of portfolios that have the same reader, as that one. */
static void
compute_updates(void *arg)
{
	List	   *works = arg;
	UpdateWork *first = linitial(works);
	Oid			types[] = {TEXTARRAYOID};
	Datum	   *names = palloc(list_length(works) * sizeof(Datum));
	Datum		values[1];
	char	   *sql;
	pulse_identity identity;
	ListCell   *cell;
	int			n = 0;

	foreach(cell, works)
		names[n++] = CStringGetTextDatum(((UpdateWork *) lfirst(cell))->portfolio->name);
	values[0] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	sql = psprintf(first->set_wise ? "SELECT f.n, f.data FROM pulse.%s($1) AS f (n, data)" :
				   "SELECT n.i, pulse.%s(n.name) FROM unnest($1) WITH ORDINALITY AS n (name, i)", first->function);
	if (first->cut != NULL)
	{
		/* with what this transaction has made of it */
		CommandCounterIncrement();
		PushCopiedSnapshot(first->cut);
		UpdateActiveSnapshotCommandId();
	}
	identity = pulse_act_as(first->portfolio->reader, true);
	if (SPI_execute_with_args(sql, 1, types, values, NULL, first->cut != NULL, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", sql);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		null;
		int64		number = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &null));
		UpdateWork *work;
		Datum		data;

		if (null || number < 1 || number > n)
			elog(ERROR, "\"%s\" has answered what it was not asked", sql);
		work = list_nth(works, (int) number - 1);
		data = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &work->null);
		if (!work->null)
		{
			MemoryContext old = MemoryContextSwitchTo(work->context);

			work->data = PointerGetDatum(PG_DETOAST_DATUM_COPY(data));
			MemoryContextSwitchTo(old);
		}
	}
	pulse_act_back(&identity);
	if (first->cut != NULL)
		PopActiveSnapshot();
	foreach(cell, works)
	{
		UpdateWork *work = lfirst(cell);

		if (work->custom && !work->null)
			add_custom_metrics(work);
	}
}

/*
 * Computes messages of some portfolios: in one statement, which need not plan the functions for each of them, or, when
 * that fails, one by one.
 */
static void
attempt_updates(const char *type, List *works, PulseTick *tick)
{
	TimestampTz begun = GetCurrentTimestamp();
	ListCell   *cell;
	bool		done = false;

	if (list_length(works) > 1)
	{
		ErrorData  *error = pulse_isolate(compute_updates, works, 0);

		if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		if (error != NULL)
			ereport(DEBUG1, (errmsg_internal("%s are computed one by one: %s", type, error->message)));
		done = error == NULL;
	}
	foreach(cell, works)
	{
		UpdateWork *work = lfirst(cell);

		if (done)
		{
			work->cost_ms = (int) (TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp()) / list_length(works));
			continue;
		}
		begun = GetCurrentTimestamp();
		work->null = false;
		if (!pulse_attempt(psprintf("%s of portfolio %s", type, work->portfolio->name), compute_updates, list_make1(work),
						   &tick->failures))
			work->null = true;
		work->cost_ms = (int) TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp());
	}
}

/* Takes portfolios off a list whose summaries are being built: their turn comes when that is done. */
static List *
postpone_unfinished(List *due)
{
	List	   *kept = NIL;
	ListCell   *cell;
	List	   *names = NIL;
	bool	   *unfinished;

	foreach(cell, due)
		names = lappend(names, unconstify(char *, ((PulseDuePortfolio *) lfirst(cell))->name));
	unfinished = pulse_metric_state_unfinished(names);
	if (unfinished == NULL)
		return due;
	foreach(cell, due)
	{
		PulseDuePortfolio *portfolio = lfirst(cell);

		if (unfinished[foreach_current_index(cell)])
			pulse_portfolio_postpone(PULSE_UPDATE_PERFORMANCE, portfolio->name, UNFINISHED_DELAY_MS);
		else
			kept = lappend(kept, portfolio);
	}
	return kept;
}

/* Makes the list of figures to be stored, with the generation of what is due; none but PERFORMANCE_UPDATE has any. */
static List *
begin_performance(PulseUpdateKind kind, const List *due)
{
	List	   *performances = NIL;
	ListCell   *cell;

	if (kind != PULSE_UPDATE_PERFORMANCE || due == NIL)
		return NIL;
	foreach(cell, due)
	{
		PulsePerformance *performance = palloc0(sizeof(PulsePerformance));

		performance->portfolio = ((PulseDuePortfolio *) lfirst(cell))->name;
		performance->reader = ((PulseDuePortfolio *) lfirst(cell))->reader;
		performances = lappend(performances, performance);
	}
	pulse_performance_generations(performances);
	return performances;
}

/* Stores the figures that were computed; the two lists go in step, computed being the shorter one. */
static void
store_performance(List *performances, List *computed)
{
	List	   *stored = NIL;
	ListCell   *work;
	ListCell   *performance;

	forboth(work, computed, performance, performances)
	{
		PulsePerformance *p = lfirst(performance);

		if (((UpdateWork *) lfirst(work))->null)
			continue;
		p->data = ((UpdateWork *) lfirst(work))->data;
		stored = lappend(stored, p);
	}
	pulse_performance_store(stored);
}

/* Computes and emits due messages of one kind; opens the sequencer as soon as there is something to emit. */
static void
send_updates(PulseSequencer *sequencer, bool *open, PulseTick *tick, PulseUpdateKind kind, const char *type,
			 const char *function, const char *older, int interval_ms, int early_ms)
{
	Oid			types[] = {TEXTARRAYOID};
	bool		set_wise;
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BUDGET_MS);
	List	   *due = pulse_take_portfolios(kind, UPDATE_BATCH, early_ms);
	List	   *performances;
	List	   *computed = NIL;
	List	   *batch = NIL;
	ListCell   *cell;

	if (due == NIL)
		return;
	set_wise = OidIsValid(LookupFuncName(list_make2(makeString("pulse"), makeString(unconstify(char *, function))), 1, types, true));
	if (kind == PULSE_UPDATE_PERFORMANCE)
		due = postpone_unfinished(due);
	performances = begin_performance(kind, due);
	foreach(cell, due)
	{
		UpdateWork *work = palloc0(sizeof(UpdateWork));

		work->portfolio = lfirst(cell);
		work->function = set_wise ? function : older;
		work->set_wise = set_wise;
		work->cut = tick->cut;
		work->context = CurrentMemoryContext;
		work->custom = kind == PULSE_UPDATE_PERFORMANCE;
		work->null = true;
		computed = lappend(computed, work);
		if (OidIsValid(work->portfolio->reader))
			batch = lappend(batch, work);
		if (batch == NIL ||
			(lnext(due, cell) != NULL && list_length(batch) < STATEMENT_BATCH &&
			 ((PulseDuePortfolio *) lfirst(lnext(due, cell)))->reader == work->portfolio->reader))
			continue;
		attempt_updates(type, batch, tick);
		batch = NIL;
		if (pulse_portfolio_throttled() && GetCurrentTimestamp() > end)
			break;
	}
	foreach(cell, computed)
	{
		UpdateWork *work = lfirst(cell);

		if (!work->null)
		{
			if (!*open)
				pulse_sequencer_open(sequencer);
			*open = true;
			pulse_emit_event(sequencer, type, work->portfolio->name, NULL, "LOW", work->data);
		}
	}
	store_performance(performances, computed);
	/* Last, so that an error above leaves them due. */
	foreach(cell, computed)
	{
		UpdateWork *work = lfirst(cell);

		pulse_portfolio_done(kind, work->portfolio->name, interval_ms, work->cost_ms);
	}
}

/* Emits the PORTFOLIO_UPDATE events that are due. */
void
pulse_send_portfolio_updates(PulseSequencer *sequencer, PulseTick *tick)
{
	bool		open = true;

	send_updates(sequencer, &open, tick, PULSE_UPDATE_PORTFOLIO, "PORTFOLIO_UPDATE",
				 "portfolio_updates", "portfolio_update", PORTFOLIO_INTERVAL_MS, 0);
}

/* Computes the health in a subtransaction. */
static void
compute_health(void *arg)
{
	HealthWork *work = arg;
	MemoryContext old;
	Datum		data;
	Datum		statuses;
	bool		null;

	if (SPI_execute(health, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not compute the health");
	data = pulse_result(1, &null);
	if (null)
		return;
	statuses = pulse_result(2, &null);
	old = MemoryContextSwitchTo(work->context);
	work->statuses = null ? pstrdup("") : TextDatumGetCString(statuses);
	work->data = PointerGetDatum(PG_DETOAST_DATUM_COPY(data));
	MemoryContextSwitchTo(old);
}

/* Emits a HEALTH_UPDATE when a status has changed or the last one is old. */
static void
send_health(PulseSequencer *sequencer, bool *open, PulseTick *tick)
{
	HealthWork	work = {.context = CurrentMemoryContext};
	Datum		values[1];
	Datum		value;
	bool		null;
	TimestampTz begun = GetCurrentTimestamp();
	bool		unchanged;
	bool		computed;

	/* given up, it is done again soon */
	if (!pulse_may_be_preempted())
		health_looked_at = begun;
	computed = pulse_attempt("HEALTH_UPDATE", compute_health, &work, &tick->failures);
	health_looked_at = begun;
	/* However costly a look is, it takes no more than a tenth of the time. */
	health_pause_ms = Max(HEALTH_LOOK_MS, 10 * (int) TimestampDifferenceMilliseconds(health_looked_at, GetCurrentTimestamp()));
	if (!computed || work.statuses == NULL)
		return;
	pulse_run(&known_health, NULL, NULL);
	value = pulse_result(1, &null);
	unchanged = !null && strcmp(TextDatumGetCString(value), work.statuses) == 0;
	value = pulse_result(2, &null);
	if (unchanged && !null &&
		!TimestampDifferenceExceeds(DatumGetTimestampTz(value), GetCurrentTimestamp(), pulse_health_interval))
		return;
	if (!*open)
		pulse_sequencer_open(sequencer);
	*open = true;
	pulse_emit_event(sequencer, "HEALTH_UPDATE", NULL, NULL, "LOW", work.data);
	values[0] = CStringGetTextDatum(work.statuses);
	pulse_run(&store_health, values, NULL);
}

/* When the next state message is due. */
TimestampTz
pulse_next_update(int early_ms)
{
	TimestampTz look = TimestampTzPlusMilliseconds(health_looked_at, health_pause_ms);

	return Min(look, Min(pulse_next_portfolio(PULSE_UPDATE_PORTFOLIO, 0), pulse_next_portfolio(PULSE_UPDATE_PERFORMANCE, early_ms)));
}

/* Transaction B: emits what is due. */
void
pulse_tick_updates(PulseTick *tick, int performance_interval_ms, int early_ms)
{
	MemoryContext context = CurrentMemoryContext;
	PulseSequencer sequencer;
	bool		open = false;
	bool		look = TimestampDifferenceExceeds(health_looked_at, GetCurrentTimestamp(), health_pause_ms);

	SPI_connect();
	MemoryContextSwitchTo(context);
	pulse_performance_take_over();
	send_updates(&sequencer, &open, tick, PULSE_UPDATE_PORTFOLIO, "PORTFOLIO_UPDATE",
				 "portfolio_updates", "portfolio_update", PORTFOLIO_INTERVAL_MS, 0);
	send_updates(&sequencer, &open, tick, PULSE_UPDATE_PERFORMANCE, "PERFORMANCE_UPDATE",
				 "performance_updates", "performance_data", performance_interval_ms, early_ms);
	if (look)
		send_health(&sequencer, &open, tick);
	if (open)
	{
		pulse_sequencer_close(&sequencer);
		tick->seq = sequencer.seq;
		tick->events += (int) (sequencer.seq - sequencer.first_seq);
	}
	SPI_finish();
}
