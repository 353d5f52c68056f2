/*
 * Fills of several portfolios are announced in the order of their execution, whatever the order in which their portfolios are
 * processed. So they are held until all have been booked, and then stored with the numbers of their events: storing them
 * first, and finding and changing them all again, costs three times as much.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "src/attempt.h"
#include "src/compat.h"
#include "src/fill_events.h"
#include "src/ledger_fills.h"
#include "src/ledger_held.h"
#include "src/ledger_rows.h"

/* One fill: the columns of a batch of new fills. */
typedef struct pulse_held_fill
{
	int32		source_id;
	NullableDatum column[PULSE_FILL_BATCH_COLUMNS];
} pulse_held_fill;

pulse_held_fills *
pulse_held_create(void)
{
	pulse_held_fills *held = palloc0(sizeof(pulse_held_fills));

	held->context = AllocSetContextCreate(CurrentMemoryContext, "pulse held fills", ALLOCSET_DEFAULT_SIZES);
	return held;
}

void
pulse_held_take(pulse_held_fills *held, pulse_batch *batch)
{
	MemoryContext old = MemoryContextSwitchTo(held->context);

	if (held->count + batch->rows > held->capacity)
	{
		held->capacity = Max(held->capacity * 2, held->count + batch->rows);
		held->fill = held->fill == NULL ? palloc(sizeof(pulse_held_fill *) * held->capacity) :
			repalloc(held->fill, sizeof(pulse_held_fill *) * held->capacity);
	}
	for (int column = 0; column < batch->columns; column++)
	{
		int16		length;
		bool		by_value;

		get_typlenbyval(batch->types[column], &length, &by_value);
		for (int i = 0; i < batch->rows; i++)
		{
			pulse_held_fill *fill;

			if (column == 0)
				held->fill[held->count + i] = palloc(sizeof(pulse_held_fill));
			fill = held->fill[held->count + i];
			fill->source_id = batch->source_id;
			fill->column[column].isnull = batch->nulls[column][i];
			fill->column[column].value = batch->nulls[column][i] ? (Datum) 0 : datumCopy(batch->values[column][i], by_value, length);
		}
	}
	held->count += batch->rows;
	MemoryContextSwitchTo(old);
	batch->written += batch->rows;
	pulse_batch_forget(batch);
}

bool
pulse_held_has(const pulse_held_fills *held, int32 source_id)
{
	for (int i = 0; i < held->count; i++)
		if (held->fill[i]->source_id == source_id)
			return true;
	return false;
}

/* Appends a fill to a batch that has the source as its first column. */
static void
put_fill(pulse_batch *batch, const pulse_held_fill *fill)
{
	pulse_batch_row(batch);
	pulse_batch_datum(batch, Int32GetDatum(fill->source_id), false);
	for (int column = 0; column < PULSE_FILL_BATCH_COLUMNS; column++)
		pulse_batch_datum(batch, fill->column[column].value, fill->column[column].isnull);
}

/* Appends the portfolios in which keys of a batch are taken. */
static List *
taken_portfolios(pulse_batch *batch, List *portfolios)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext context = CurrentMemoryContext;

	pulse_batch_execute(batch, "SELECT DISTINCT f.source_id, f.portfolio FROM unnest($2, $3, $4, $5)"
						" AS n (source_id, portfolio, fill_key, executed_at) JOIN pulse.fill f ON f.source_id = n.source_id"
						" AND f.portfolio = n.portfolio COLLATE \"C\" AND f.fill_key = n.fill_key COLLATE \"C\" AND f.executed_at <> n.executed_at",
						&plan, 0, NULL, NULL);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		pulse_held_portfolio *taken = palloc(sizeof(pulse_held_portfolio));
		bool		null;

		taken->source_id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null));
		taken->portfolio = TextDatumGetCString(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &null));
		portfolios = lappend(portfolios, taken);
	}
	return portfolios;
}

List *
pulse_held_store(pulse_held_fills *held, int from)
{
	static SPIPlanPtr plan = NULL;
	pulse_batch *batch = pulse_batch_create(pulse_store_held_fills, NULL, 0, PULSE_FILL_BATCH_COLUMNS + 1, pulse_held_fill_types);
	List	   *portfolios = NIL;

	for (int i = from; i < held->count; i++)
	{
		put_fill(batch, held->fill[i]);
		if (batch->rows < PULSE_BATCH_ROWS && i + 1 < held->count)
			continue;
		pulse_batch_execute(batch, pulse_store_held_fills, &plan, 0, NULL, NULL);
		if (SPI_processed < (uint64) batch->rows)
			portfolios = taken_portfolios(batch, portfolios);
		pulse_batch_forget(batch);
	}
	held->count = from;
	return portfolios;
}

static int
compare_held(const void *a, const void *b)
{
	const pulse_held_fill *x = *(pulse_held_fill *const *) a;
	const pulse_held_fill *y = *(pulse_held_fill *const *) b;
	TimestampTz x_at = DatumGetTimestampTz(x->column[PULSE_FILL_EXECUTED_AT].value);
	TimestampTz y_at = DatumGetTimestampTz(y->column[PULSE_FILL_EXECUTED_AT].value);
	int64		x_ordinal = DatumGetInt64(x->column[PULSE_FILL_ORDINAL].value);
	int64		y_ordinal = DatumGetInt64(y->column[PULSE_FILL_ORDINAL].value);
	text	   *x_key = DatumGetTextPP(x->column[PULSE_FILL_KEY].value);
	text	   *y_key = DatumGetTextPP(y->column[PULSE_FILL_KEY].value);
	int			order;

	if (x_at != y_at)
		return x_at < y_at ? -1 : 1;
	if (x_ordinal != y_ordinal)
		return x_ordinal < y_ordinal ? -1 : 1;
	order = memcmp(VARDATA_ANY(x_key), VARDATA_ANY(y_key), Min(VARSIZE_ANY_EXHDR(x_key), VARSIZE_ANY_EXHDR(y_key)));
	return order != 0 ? order : (int) VARSIZE_ANY_EXHDR(x_key) - (int) VARSIZE_ANY_EXHDR(y_key);
}

/* The fills on their way through pulse_isolate(). */
typedef struct announcement
{
	pulse_held_fills *held;
	PulseSequencer *sequencer;
	int			announced;		/* result */
} announcement;

static void
announce(void *arg)
{
	announcement *work = arg;
	PulseFillEvents writer;

	pulse_fill_events_begin(&writer, work->sequencer);
	for (int i = 0; i < work->held->count; i++)
		pulse_fill_events_add(&writer, work->held->fill[i]->source_id, work->held->fill[i]->column);
	work->announced = pulse_fill_events_end(&writer);
}

int
pulse_held_announce(pulse_held_fills *held, PulseSequencer *sequencer)
{
	PulseSequencer before;
	announcement work = {held, sequencer, 0};
	ErrorData  *error;

	pulse_sequencer_reserve(sequencer, held->count);
	before = *sequencer;
	qsort(held->fill, held->count, sizeof(pulse_held_fill *), compare_held);
	error = pulse_isolate(announce, &work, 0);
	if (error != NULL)
	{
		*sequencer = before;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		ereport(DEBUG1, (errmsg_internal("fills are announced after they have been stored: %s", error->message)));
		return -1;
	}
	held->count = 0;
	return work.announced;
}
