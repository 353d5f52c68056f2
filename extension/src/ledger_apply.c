/*
 * Brings the stored ledger up to date with a followed table, for a range of time that somebody
 * changed.
 *
 * New fills into a range that held none are booked as they are read, in order of time. Otherwise
 * the rows of the range are compared with pulse.fill by key, what differs is copied, and each
 * symbol concerned is booked again: from its newest fill on when everything came after it, from
 * the last time it was flat before the first difference when not. pulse.fill holds all that
 * booking needs, so the user's table is read once and only in the range.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/announce.h"
#include "src/compat.h"
#include "src/ledger.h"
#include "src/ledger_held.h"
#include "src/ledger_numeric.h"
#include "src/ledger_rows.h"
#include "src/ledger_source.h"
#include "src/ledger_state.h"

PG_FUNCTION_INFO_V1(pulse_ledger_apply_sql);

/* What one call works on. */
typedef struct application
{
	pulse_source *source;
	pulse_ledger *all;
	Oid			types[4];		/* parameters of the queries: portfolio, first time, last time, source */
	Datum		values[4];
	char		nulls[5];
	bool		by_portfolio;
	bool		by_time;
	MemoryContext context;
	PulseLedgerNews *news;
	int			held_before;	/* fills of other changes that are held */
	bool		second_look;	/* a new fill is not booked yet, or not to be announced */
} application;

#define SILENT INT64CONST(0)	/* event_seq of fills that nobody shall announce */

/* Condition of the application's range on pulse.fill. */
static const char *
stored_range(const application *app)
{
	if (app->by_portfolio)
		return app->by_time ? "source_id = $4 AND portfolio = $1 AND executed_at >= $2 AND executed_at <= $3"
			: "source_id = $4 AND portfolio = $1";
	return app->by_time ? "source_id = $4 AND executed_at >= $2 AND executed_at <= $3" : "source_id = $4";
}

/* Which of four plans serves the application's range: they differ in their condition. */
static int
range_kind(const application *app)
{
	return (app->by_portfolio ? 2 : 0) + (app->by_time ? 1 : 0);
}

/* Whether pulse.fill holds anything in the range; of one portfolio, *newest is the time of the last of it. */
static bool
range_holds_fills(application *app, TimestampTz *newest)
{
	static SPIPlanPtr plans[4];
	SPIPlanPtr *plan = &plans[range_kind(app)];
	bool		found;
	bool		null;

	if (*plan == NULL)
		pulse_saved_plan(plan, psprintf("SELECT executed_at FROM pulse.fill WHERE %s%s LIMIT 1", stored_range(app),
										app->by_portfolio ? " ORDER BY executed_at DESC" : ""), 4, app->types);
	if (SPI_execute_plan(*plan, app->values, app->nulls, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.fill");
	found = SPI_processed > 0;
	if (found)
		*newest = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* Begins a row with what the user's table says of a fill. */
static void
collect_fill(pulse_batch *batch, const pulse_fill *fill)
{
	pulse_batch_row(batch);
	pulse_batch_text(batch, fill->portfolio);
	pulse_batch_text(batch, fill->fill_key);
	pulse_batch_datum(batch, TimestampTzGetDatum(fill->executed_at), false);
	pulse_batch_datum(batch, Int64GetDatum(fill->ordinal), false);
	pulse_batch_text(batch, fill->symbol);
	pulse_batch_text(batch, fill->side);
	pulse_batch_numeric(batch, fill->quantity);
	pulse_batch_numeric(batch, fill->price);
	pulse_batch_numeric(batch, fill->fee);
	pulse_batch_text(batch, fill->fee_asset);
	pulse_batch_text(batch, fill->order_id);
	pulse_batch_text(batch, fill->fill_id);
	pulse_batch_text(batch, fill->strategy);
	pulse_batch_datum(batch, Float8GetDatum(fill->confidence), !fill->has_confidence);
}

/*
 * Stores the fills collected so far with the numbers of the events that announce them, or holds them for that. They come in
 * the order of their execution, so where one cannot be announced yet, none of those after it is.
 */
static void
announce_collected(application *app)
{
	PulseLedgerNews *news = app->news;
	pulse_batch *batch = app->all->new_fills;

	if (news == NULL || app->second_look || batch->rows == 0)
		return;
	if (news->held == NULL)
		app->second_look = news->announced + batch->rows > news->limit || !pulse_ledger_announce(app->all, news);
	else if (news->held->closed || news->held->count + batch->rows > news->limit)
		app->second_look = true;
	else
		pulse_held_take(news->held, batch);
}

/* Stores the fills that are held of this change after all: some of the others need a second look, which looks at all. */
static void
store_held(application *app)
{
	if (app->news != NULL && app->news->held != NULL && app->second_look)
		app->all->new_fills->written -= list_length(pulse_held_store(app->news->held, app->held_before));
}

/* Collects a fill for pulse.fill; outcome NULL when it is not booked yet. */
static void
collect_new(application *app, const pulse_fill *fill, const pulse_symbol *symbol, const ledger_outcome *outcome)
{
	pulse_batch *batch = app->all->new_fills;
	bool		silent = !app->source->rebuilt &&
		(app->source->restored || fill->executed_at <= app->source->attached_at);

	if (batch->rows == PULSE_BATCH_ROWS)
		announce_collected(app);
	app->second_look = app->second_look || silent || outcome == NULL;
	collect_fill(batch, fill);
	pulse_batch_decimal(batch, outcome != NULL && outcome->closed_some ? &outcome->realized : NULL);
	pulse_batch_decimal(batch, outcome != NULL ? &symbol->book.quantity : NULL);
	pulse_batch_decimal(batch, outcome != NULL ? &symbol->book.realized : NULL);
	pulse_batch_decimal(batch, outcome != NULL ? &symbol->book.fees : NULL);
	pulse_batch_datum(batch, Int64GetDatum(SILENT), !silent);
}

/* Books a fill if it is newer than all that its symbol has; else its symbol is booked again later. */
static void
take_new(application *app, const pulse_fill *fill)
{
	pulse_symbol *symbol = pulse_ledger_symbol(app->all, fill->portfolio, fill->symbol);
	ledger_outcome outcome;

	if (!symbol->replay.set &&
		(!symbol->last.set ||
		 pulse_compare_fills(fill->executed_at, fill->ordinal, fill->fill_key,
							 symbol->last.time, symbol->last.ordinal, symbol->last.key) > 0))
	{
		if (pulse_symbol_book(app->all, symbol, fill, &outcome))
		{
			collect_new(app, fill, symbol, &outcome);
			return;
		}
		pulse_ledger_note(app->all, fill, "numbers have too many digits to book them exactly");
	}
	else
		pulse_symbol_replay_from(app->all, symbol, fill->executed_at, fill->ordinal, fill->fill_key);
	collect_new(app, fill, symbol, NULL);
}

/* Reads a range that held no fills; false when one of its keys turned out to be stored with another time. */
static bool
read_new_range(application *app)
{
	pulse_fill_reader reader;
	pulse_fill *fill;
	const char *query = psprintf("SELECT " PULSE_FILL_COLUMNS " FROM (%s) AS s%s", app->source->query,
								 pulse_fill_order(app->source));

	SPIPlanPtr	plan = app->by_time ? pulse_source_plan(app->source, query, 3, app->types) : NULL;

	if (!app->by_time)
		pulse_ledger_expect_new(app->all);
	if (plan != NULL)
		pulse_read_planned_fills(&reader, plan, app->values, app->nulls, app->source->owner, app->context);
	else
		pulse_read_fills(&reader, query, 3, app->types, app->values, app->nulls, app->source->owner, false, app->context);
	while ((fill = pulse_next_fill(&reader)) != NULL)
	{
		if (fill->problem != NULL)
			pulse_ledger_note(app->all, fill, fill->problem);
		else
			take_new(app, fill);
	}
	pulse_end_fills(&reader);
	announce_collected(app);
	store_held(app);
	pulse_ledger_flush(app->all);
	return app->all->new_fills->written == app->all->new_fills->collected;
}

/* Whether two numerics are the same value. */
static bool
same_numeric(Datum a, Datum b)
{
	return datumIsEqual(a, b, false, -1) || DatumGetBool(DirectFunctionCall2(numeric_eq, a, b));
}

/* Whether two strings are the same, NULL being a value too. */
static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Whether a row of the user's table says what we have stored. */
static bool
same_fill(const pulse_fill *a, const pulse_fill *b)
{
	return a->executed_at == b->executed_at && a->ordinal == b->ordinal &&
		a->booking.sell == b->booking.sell && strcmp(a->symbol, b->symbol) == 0 &&
		same_numeric(a->quantity, b->quantity) && same_numeric(a->price, b->price) && same_numeric(a->fee, b->fee) &&
		same_text(a->fee_asset, b->fee_asset) && same_text(a->order_id, b->order_id) &&
		same_text(a->fill_id, b->fill_id) && same_text(a->strategy, b->strategy) &&
		a->has_confidence == b->has_confidence && (!a->has_confidence || a->confidence == b->confidence);
}

/* Has the symbol of a fill booked again from that fill on. */
static void
replay_from(application *app, const pulse_fill *fill)
{
	pulse_symbol_replay_from(app->all, pulse_ledger_symbol(app->all, fill->portfolio, fill->symbol),
							 fill->executed_at, fill->ordinal, fill->fill_key);
}

/* Collects new values for a stored fill. */
static void
take_changed(application *app, const pulse_fill *stored, const pulse_fill *fill)
{
	pulse_batch *batch = app->all->changed_fills;

	replay_from(app, stored);
	replay_from(app, fill);
	collect_fill(batch, fill);
}

/* Collects the removal of a stored fill. */
static void
take_deleted(application *app, const pulse_fill *stored)
{
	replay_from(app, stored);
	pulse_batch_row(app->all->deleted_fills);
	pulse_batch_text(app->all->deleted_fills, stored->portfolio);
	pulse_batch_text(app->all->deleted_fills, stored->fill_key);
}

/* Orders rows of both sides for the comparison. */
static int
compare_keys(const pulse_fill *a, const pulse_fill *b)
{
	int			order = strcmp(a->portfolio, b->portfolio);

	return order != 0 ? order : strcmp(a->fill_key, b->fill_key);
}

/* Returns the next row that can be booked, noting those that cannot. */
static pulse_fill *
next_sound_fill(application *app, pulse_fill_reader *reader)
{
	pulse_fill *fill;

	while ((fill = pulse_next_fill(reader)) != NULL && fill->problem != NULL)
		pulse_ledger_note(app->all, fill, fill->problem);
	return fill;
}

/* Compares a range of the user's table with what is stored of it. */
static void
compare_range(application *app)
{
	static const char order[] = " ORDER BY portfolio COLLATE \"C\", fill_key COLLATE \"C\"";
	pulse_fill_reader theirs;
	pulse_fill_reader ours;
	pulse_fill *fill;
	pulse_fill *stored;

	pulse_read_fills(&theirs, psprintf("SELECT " PULSE_FILL_COLUMNS " FROM (%s) AS s%s", app->source->query, order),
					 3, app->types, app->values, app->nulls, app->source->owner, false, app->context);
	pulse_read_fills(&ours, psprintf("SELECT " PULSE_FILL_COLUMNS " FROM pulse.fill WHERE %s%s", stored_range(app), order),
					 4, app->types, app->values, app->nulls, InvalidOid, true, app->context);
	fill = next_sound_fill(app, &theirs);
	stored = pulse_next_fill(&ours);
	while (fill != NULL || stored != NULL)
	{
		int			position = fill == NULL ? 1 : (stored == NULL ? -1 : compare_keys(fill, stored));

		if (position < 0)
		{
			replay_from(app, fill);
			collect_new(app, fill, NULL, NULL);
		}
		else if (position > 0)
			take_deleted(app, stored);
		else if (!same_fill(fill, stored))
			take_changed(app, stored, fill);
		if (position <= 0)
			fill = next_sound_fill(app, &theirs);
		if (position >= 0)
			stored = pulse_next_fill(&ours);
	}
	pulse_end_fills(&ours);
	pulse_end_fills(&theirs);
	pulse_ledger_flush(app->all);
}

/* Takes a symbol back to the last time it was flat before its first difference. */
static void
rewind_symbol(application *app, pulse_symbol *symbol)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, TEXTOID};
	Datum		values[6];

	pulse_symbol_rewind(app->all, symbol, symbol->replay.time, symbol->replay.ordinal, symbol->replay.key);
	values[0] = Int32GetDatum(app->source->source_id);
	values[1] = CStringGetTextDatum(symbol->portfolio);
	values[2] = CStringGetTextDatum(symbol->name);
	values[3] = TimestampTzGetDatum(symbol->last.set ? symbol->last.time : DT_NOBEGIN);
	values[4] = Int64GetDatum(symbol->last.set ? symbol->last.ordinal : 0);
	values[5] = CStringGetTextDatum(symbol->last.set ? symbol->last.key : "");
	pulse_saved_plan(&plan,
					 "DELETE FROM pulse.closed_trade WHERE source_id = $1 AND portfolio = $2 AND symbol = $3 AND closed_at >= $4"
					 " AND (closed_at, close_ordinal, close_fill_key COLLATE \"C\") > ($4, $5, $6)", 6, types);
	if (SPI_execute_plan(plan, values, NULL, false, 0) < 0)
		elog(ERROR, "could not write pulse.closed_trade");
}

/* Collects what booking a stored fill has given. */
static void
collect_booked(application *app, const pulse_fill *fill, const pulse_symbol *symbol, const ledger_outcome *outcome)
{
	pulse_batch *batch = app->all->booked_fills;

	pulse_batch_row(batch);
	pulse_batch_text(batch, fill->portfolio);
	pulse_batch_text(batch, fill->fill_key);
	pulse_batch_decimal(batch, outcome != NULL && outcome->closed_some ? &outcome->realized : NULL);
	pulse_batch_decimal(batch, outcome != NULL ? &symbol->book.quantity : NULL);
	pulse_batch_decimal(batch, outcome != NULL ? &symbol->book.realized : NULL);
	pulse_batch_decimal(batch, outcome != NULL ? &symbol->book.fees : NULL);
}

/* Books a symbol's stored fills again, from where its state ends. */
static void
replay_symbol(application *app, pulse_symbol *symbol)
{
	Oid			types[] = {INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, TEXTOID};
	Datum		values[6];
	pulse_fill_reader reader;
	pulse_fill *fill;
	ledger_outcome outcome;

	if (!symbol->last.set ||
		pulse_compare_fills(symbol->replay.time, symbol->replay.ordinal, symbol->replay.key,
							symbol->last.time, symbol->last.ordinal, symbol->last.key) <= 0)
		rewind_symbol(app, symbol);
	values[0] = Int32GetDatum(app->source->source_id);
	values[1] = CStringGetTextDatum(symbol->portfolio);
	values[2] = CStringGetTextDatum(symbol->name);
	values[3] = TimestampTzGetDatum(symbol->last.set ? symbol->last.time : DT_NOBEGIN);
	values[4] = Int64GetDatum(symbol->last.set ? symbol->last.ordinal : 0);
	values[5] = CStringGetTextDatum(symbol->last.set ? symbol->last.key : "");
	pulse_read_fills(&reader,
					 "SELECT " PULSE_FILL_COLUMNS " FROM pulse.fill"
					 " WHERE source_id = $1 AND portfolio = $2 AND symbol = $3 AND executed_at >= $4"
					 " AND (executed_at, ordinal, fill_key COLLATE \"C\") > ($4, $5, $6)"
					 " ORDER BY executed_at, ordinal, fill_key COLLATE \"C\"",
					 6, types, values, NULL, InvalidOid, true, app->context);
	while ((fill = pulse_next_fill(&reader)) != NULL)
	{
		bool		booked = fill->problem == NULL && pulse_symbol_book(app->all, symbol, fill, &outcome);

		if (!booked)
			pulse_ledger_note(app->all, fill, "numbers have too many digits to book them exactly");
		collect_booked(app, fill, symbol, booked ? &outcome : NULL);
	}
	pulse_end_fills(&reader);
	symbol->touched = true;
	symbol->replay.set = false;
}

/* Books the symbols again that need it. */
static void
replay_symbols(application *app)
{
	for (pulse_symbol *symbol = app->all->first; symbol != NULL; symbol = symbol->next)
		if (symbol->replay.set)
			replay_symbol(app, symbol);
}

/* Whether a range may be taken in two parts: the fills of one change are announced as they are stored. */
static bool
may_append(const application *app)
{
	return app->news != NULL && app->news->held == NULL && app->by_portfolio && app->by_time && app->source->rebuilt && !app->source->rebook;
}

/*
 * Sessions that write at the same time commit their fills a few milliseconds out of order, so that many a range begins a
 * little before the newest fill that is stored. It is compared that far; what comes after is new, and has its announcement as
 * it is stored. False when one of its keys turned out to be stored with another time.
 */
static bool
compare_and_append(application *app, TimestampTz newest, TimestampTz max_ts)
{
	TimestampTz min_ts = DatumGetTimestampTz(app->values[1]);
	bool		sound;

	app->values[2] = TimestampTzGetDatum(newest);
	compare_range(app);
	replay_symbols(app);
	pulse_ledger_flush(app->all);
	if (app->second_look)
	{
		/* they come before all others */
		app->news->announced = pulse_announce_fills(app->news->sequencer, app->news->limit);
		app->second_look = app->news->announced >= app->news->limit;
	}
	app->values[1] = TimestampTzGetDatum(newest + 1);
	app->values[2] = TimestampTzGetDatum(max_ts);
	sound = read_new_range(app);
	app->values[1] = TimestampTzGetDatum(min_ts);
	return sound;
}

/* Forgets findings in the range that this application has not met again, and keeps their number bounded. */
static void
settle_findings(application *app)
{
	static SPIPlanPtr plans[4];
	SPIPlanPtr *plan = &plans[range_kind(app)];

	if (app->all->findings->collected == 0 && pulse_table_is_empty("finding"))
		return;
	/* one without a time lies in no range: it goes when its row has become a fill */
	if (*plan == NULL)
		pulse_saved_plan(plan,
						 psprintf("DELETE FROM pulse.finding x WHERE last_seen < now() AND (%s OR source_id = $4 AND executed_at IS NULL"
								  " AND EXISTS (SELECT FROM pulse.fill f WHERE f.source_id = x.source_id AND f.portfolio = x.portfolio"
								  " AND f.fill_key = x.fill_key))", stored_range(app)), 4, app->types);
	if (SPI_execute_plan(*plan, app->values, app->nulls, false, 0) < 0)
		elog(ERROR, "could not write pulse.finding");
	if (app->all->findings->collected > 0 &&
		SPI_execute_with_args("DELETE FROM pulse.finding WHERE source_id = $4 AND (portfolio, fill_key) IN"
							  " (SELECT portfolio, fill_key FROM pulse.finding WHERE source_id = $4"
							  " ORDER BY last_seen DESC, fill_key OFFSET 1000)",
							  4, app->types, app->values, app->nulls, false, 0) < 0)
		elog(ERROR, "could not write pulse.finding");
}

/* Removes what another incarnation of the database, or a half copied one, may have left. */
static void
forget_state(application *app)
{
	if (SPI_execute_with_args("WITH p AS (DELETE FROM pulse.position WHERE source_id = $4)"
							  " DELETE FROM pulse.closed_trade WHERE source_id = $4",
							  4, app->types, app->values, app->nulls, false, 0) < 0)
		elog(ERROR, "could not write pulse.position");
}

/* Notes that the state of a source belongs to this incarnation of the database and to the settings of now. */
static void
mark_rebuilt(application *app)
{
	if (SPI_execute_with_args("UPDATE pulse.source SET epoch = (SELECT epoch FROM pulse.sequencer), rebook = false WHERE source_id = $4",
							  4, app->types, app->values, app->nulls, false, 0) < 0)
		elog(ERROR, "could not write pulse.source");
}

/* Fills in the parameters of a range. */
static void
set_range(application *app, const char *portfolio, TimestampTz min_ts, TimestampTz max_ts)
{
	app->types[0] = TEXTOID;
	app->types[1] = app->types[2] = TIMESTAMPTZOID;
	app->types[3] = INT4OID;
	strcpy(app->nulls, "    ");
	app->by_portfolio = portfolio != NULL;
	app->by_time = min_ts != DT_NOBEGIN || max_ts != DT_NOEND;
	if (portfolio != NULL)
		app->values[0] = CStringGetTextDatum(portfolio);
	else
		app->nulls[0] = 'n';
	app->values[1] = TimestampTzGetDatum(min_ts);
	app->values[2] = TimestampTzGetDatum(max_ts);
}

/* Has every symbol booked again from its beginning: a setting has changed that decides how. */
static void
rebook_all(application *app)
{
	SPITupleTable *rows;
	uint64		count;

	if (SPI_execute_with_args("SELECT portfolio, symbol FROM pulse.position WHERE source_id = $4",
							  4, app->types, app->values, app->nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.position");
	rows = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
		pulse_symbol_replay_from(app->all,
								 pulse_ledger_symbol(app->all, SPI_getvalue(rows->vals[i], rows->tupdesc, 1),
													 SPI_getvalue(rows->vals[i], rows->tupdesc, 2)),
								 DT_NOBEGIN, 0, "");
	SPI_freetuptable(rows);
}

/*
 * Compares everything a portfolio has, after a fill that was taken for new turned out to be
 * stored with another time: a change that came without a mark, as polling may see it.
 */
static void
start_over(application *app, const char *portfolio)
{
	pulse_ledger *discarded = app->all;

	app->source = pulse_source_load(app->source->source_id, portfolio != NULL, false);
	app->all = pulse_ledger_create(app->source->source_id, false, app->context);
	set_range(app, portfolio, DT_NOBEGIN, DT_NOEND);
	for (pulse_symbol *symbol = discarded->first; symbol != NULL; symbol = symbol->next)
		pulse_symbol_replay_from(app->all, pulse_ledger_symbol(app->all, symbol->portfolio, symbol->name),
								 DT_NOBEGIN, 0, "");
	compare_range(app);
}

/* Whether there is a finding that only a stored fill settles. */
static bool
findings_want_fills(void)
{
	static SPIPlanPtr plan = NULL;
	bool		found;

	if (pulse_table_is_empty("finding"))
		return false;
	pulse_saved_plan(&plan, "SELECT FROM pulse.finding WHERE executed_at IS NULL LIMIT 1", 0, NULL);
	if (SPI_execute_plan(plan, NULL, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read pulse.finding");
	found = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* Where this change must find the fills stored that are held, its own or those of others, they are, and none is held any more. */
static void
see_held(application *app, const char *portfolio)
{
	pulse_held_fills *held = app->news == NULL ? NULL : app->news->held;
	bool		overlaps;

	if (held == NULL)
		return;
	overlaps = portfolio == NULL && (app->source->has_portfolios || pulse_held_has(held, app->source->source_id));
	if (!held->closed && (overlaps || findings_want_fills()))
	{
		pulse_ledger_store_held(app->news);
		held->closed = true;
	}
	app->held_before = held->count;
}

/* Applies a range and returns whether anything was new; the caller has set up memory. */
static bool
apply_range(application *app, int32 source_id, const char *portfolio, TimestampTz min_ts, TimestampTz max_ts)
{
	pulse_source *source = pulse_source_load(source_id, portfolio != NULL, min_ts != DT_NOBEGIN || max_ts != DT_NOEND);
	TimestampTz newest;

	if (source == NULL || strcmp(source->kind, "trades") != 0 || source->query == NULL)
		return false;
	if (!source->rebuilt || source->rebook)
	{
		/* Our tables do not hold what was before the range, or not any more, so the range is everything. */
		portfolio = NULL;
		min_ts = DT_NOBEGIN;
		max_ts = DT_NOEND;
		source = pulse_source_load(source_id, false, false);
	}
	if (!source->has_portfolios)
		portfolio = NULL;
	app->source = source;
	see_held(app, portfolio);
	set_range(app, portfolio, min_ts, max_ts);
	app->values[3] = Int32GetDatum(source_id);
	/* before the settings are read: one that changes now waits for this transaction, and asks for another rebuild */
	if (!source->rebuilt || source->rebook)
		mark_rebuilt(app);
	app->all = pulse_ledger_create(source_id, false, app->context);

	if (range_holds_fills(app, &newest))
	{
		if (!may_append(app) || newest >= max_ts)
			compare_range(app);
		else if (!compare_and_append(app, newest, max_ts))
			start_over(app, portfolio);
	}
	else if (!source->rebuilt)
	{
		forget_state(app);
		(void) read_new_range(app);
	}
	else if (!read_new_range(app))
		start_over(app, portfolio);
	if (source->rebook)
		rebook_all(app);
	replay_symbols(app);
	pulse_ledger_save(app->all);
	settle_findings(app);
	if (app->news != NULL)
		app->news->left = app->news->left || app->second_look;
	return !source->rebuilt || source->rebook || app->all->new_fills->collected > 0 || app->all->changed_fills->collected > 0 ||
		app->all->deleted_fills->collected > 0;
}

/* Brings the stored ledger up to date; see ledger.h. */
bool
pulse_ledger_apply(int32 source_id, const char *portfolio, TimestampTz min_ts, TimestampTz max_ts, PulseLedgerNews *news)
{
	application app = {.news = news};
	MemoryContext old;
	bool		changed;

	app.context = AllocSetContextCreate(CurrentMemoryContext, "pulse ledger", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(app.context);
	changed = apply_range(&app, source_id, portfolio, min_ts, max_ts);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(app.context);
	return changed;
}

/* Stores the fills that are held; see ledger.h. */
void
pulse_ledger_store_held(PulseLedgerNews *news)
{
	ListCell   *cell;

	news->left = true;
	foreach(cell, pulse_held_store(news->held, 0))
	{
		pulse_held_portfolio *taken = lfirst(cell);

		pulse_ledger_apply(taken->source_id, taken->portfolio, DT_NOBEGIN, DT_NOEND, NULL);
	}
}

/* SQL: pulse.ledger_apply(source_id, portfolio, min_ts, max_ts). */
Datum
pulse_ledger_apply_sql(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_VOID();
	SPI_connect();
	pulse_ledger_apply(PG_GETARG_INT32(0),
					   PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)),
					   PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2),
					   PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3), NULL);
	SPI_finish();
	PG_RETURN_VOID();
}
