/*
 * Polling: from time to time a table without triggers is marked as changed where it may be, and
 * goes the way of all marks.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_source.h"
#include "src/poll.h"

PG_FUNCTION_INFO_V1(pulse_newest_row);

/* See poll.h. */
bool
pulse_poll_sources(bool at_once)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {BOOLOID};
	Datum		values[] = {BoolGetDatum(at_once)};
	bool		isnull;
	bool		marked;

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	pulse_saved_plan(&plan, "SELECT pulse.mark_polled($1)", 1, types);
	if (SPI_execute_plan(plan, values, NULL, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not poll");
	marked = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	PopActiveSnapshot();
	SPI_finish();
	return marked;
}

/* SQL: pulse.newest_row(source_id), the newest time in a followed table of snapshots, read as its owner. */
Datum
pulse_newest_row(PG_FUNCTION_ARGS)
{
	pulse_source *source;
	Datum		newest = (Datum) 0;
	bool		isnull = true;

	SPI_connect();
	source = pulse_source_load(PG_GETARG_INT32(0), false, false);
	if (source != NULL && source->query != NULL)
	{
		pulse_identity identity = pulse_act_as(source->owner, true);
		char	   *query = psprintf("SELECT pg_catalog.max(s.ts) FROM (%s) AS s", source->query);

		if (SPI_execute(query, true, 1) == SPI_OK_SELECT && SPI_processed == 1)
			newest = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		pulse_act_back(&identity);
	}
	SPI_finish();
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(newest);
}
