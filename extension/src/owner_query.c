/*
 * Running SQL that a user registered: as that user, read-only, for a limited time.
 *
 * It is not trusted. It runs in a security-restricted operation, so it cannot become anybody else nor leave anything in
 * the session; in a read-only subtransaction that is rolled back in any case, so it changes nothing; and under two
 * timers. The first cancels it. Code that catches its own cancellation meets the second, which ends the process: that is
 * why the background worker leaves this work to a process of its own.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/ledger_source.h"
#include "src/owner_query.h"

PG_FUNCTION_INFO_V1(pulse_run_as);
PG_FUNCTION_INFO_V1(pulse_check_query);

#define FETCH_ROWS 50
/* What a query gets on top of its limit before its process is ended. */
#define GRACE_MS 3000

static TimeoutId cancel_timer;
static TimeoutId end_timer;
static bool timers_exist = false;
static volatile sig_atomic_t time_is_up = false;

static void
cancel_query(void)
{
	time_is_up = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

static void
end_process(void)
{
	InterruptPending = true;
	ProcDiePending = true;
	SetLatch(MyLatch);
}

static void
start_timers(int limit_ms)
{
	if (!timers_exist)
	{
		cancel_timer = RegisterTimeout(USER_TIMEOUT, cancel_query);
		end_timer = RegisterTimeout(USER_TIMEOUT, end_process);
		timers_exist = true;
	}
	time_is_up = false;
	enable_timeout_after(cancel_timer, limit_ms);
	enable_timeout_after(end_timer, limit_ms + GRACE_MS);
}

/* Stops both; a cancellation that came too late to hit the query must not hit anything else. */
static void
stop_timers(void)
{
	disable_timeout(cancel_timer, false);
	disable_timeout(end_timer, false);
	if (time_is_up)
		QueryCancelPending = false;
}

/* Whether a text is one SELECT; an error says what it is instead. */
void
pulse_check_owner_query(const char *query)
{
	List	   *statements = raw_parser(query, RAW_PARSE_DEFAULT);
	const SelectStmt *select;

	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d statements where one SELECT is expected", list_length(statements))));
	select = (const SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (!IsA(select, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not a SELECT"),
				 errhint("Registered SQL only reads: write SELECT, VALUES or WITH … SELECT.")));
	if (select->intoClause != NULL || select->lockingClause != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("SELECT INTO and FOR UPDATE are no reading")));
}

/* Sets a setting until the end of the subtransaction. */
static void
set_option(const char *name, const char *value, GucContext context)
{
	(void) set_config_option(name, value, context, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Appends the rows of the query, each as JSON. */
static void
fetch_rows(const PulseOwnerQuery *query, StringInfo result)
{
	/* The newline ends a comment at the end of the text. */
	char	   *wrapped = psprintf("SELECT pg_catalog.to_jsonb(r) FROM (\n%s\n) AS r", query->query);
	SPIParseOpenOptions options = {.cursorOptions = CURSOR_OPT_NO_SCROLL,.read_only = true};
	Portal		portal = SPI_cursor_parse_open(NULL, wrapped, &options);
	int			rows = 0;

	appendStringInfoChar(result, '[');
	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		null;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);
			Jsonb	   *json;

			if (++rows > query->max_rows)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("more than %d rows", query->max_rows)));
			json = DatumGetJsonbP(value);
			if (VARSIZE(json) > query->max_bytes || result->len > query->max_bytes)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("more than %d bytes", query->max_bytes)));
			if (rows > 1)
				appendStringInfoChar(result, ',');
			(void) JsonbToCString(result, &json->root, VARSIZE(json));
		}
		SPI_freetuptable(SPI_tuptable);
	}
	if (result->len > query->max_bytes)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d bytes", query->max_bytes)));
	appendStringInfoChar(result, ']');
	SPI_cursor_close(portal);
}

/* Runs a query as a role, confined; returns its rows as JSON, or NULL and the error. */
char *
pulse_run_owner_query(const PulseOwnerQuery *query, ErrorData **error)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	StringInfoData result;
	ErrorData  *volatile failure = NULL;

	initStringInfo(&result);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		start_timers(query->time_limit_ms);
		pulse_check_owner_query(query->query);
		(void) pulse_act_as(query->role, true);
		set_option("search_path", query->search_path, PGC_USERSET);
		set_option("lock_timeout", "500ms", PGC_USERSET);
		set_option("max_parallel_workers_per_gather", "0", PGC_USERSET);
		set_option("jit", "off", PGC_USERSET);
		set_option("row_security", "on", PGC_USERSET);
		/* What reads the same rows again sees the same; and nothing of this can be switched off from inside. */
		XactReadOnly = true;
		PushActiveSnapshot(GetTransactionSnapshot());
		fetch_rows(query, &result);
		PopActiveSnapshot();
		stop_timers();
	}
	PG_CATCH();
	{
		stop_timers();
		MemoryContextSwitchTo(context);
		failure = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	/* Locks, notifications, large objects: also a query that went well leaves nothing behind. */
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	*error = failure;
	if (failure == NULL)
		return result.data;
	if (failure->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		/* Not our timer: whoever called us is being cancelled. */
		if (!time_is_up)
			ReThrowError(failure);
		/* Handlers for errors of every kind do not catch a cancellation; this one is no more than an error. */
		failure->sqlerrcode = ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		failure->message = psprintf("not done within %d ms", query->time_limit_ms);
	}
	return NULL;
}

/*
 * SQL: pulse.run_as(role, query, search_path, time_limit_ms, max_rows, max_bytes) → result, error, sqlstate, duration_ms
 */
Datum
pulse_run_as(PG_FUNCTION_ARGS)
{
	PulseOwnerQuery query = {
		.role = PG_GETARG_OID(0),
		.query = text_to_cstring(PG_GETARG_TEXT_PP(1)),
		.search_path = text_to_cstring(PG_GETARG_TEXT_PP(2)),
		.time_limit_ms = Max(1, PG_GETARG_INT32(3)),
		.max_rows = PG_GETARG_INT32(4),
		.max_bytes = PG_GETARG_INT32(5)
	};
	MemoryContext context = CurrentMemoryContext;
	TupleDesc	desc;
	TimestampTz begun = GetCurrentTimestamp();
	ErrorData  *error;
	char	   *rows;
	Datum		values[4] = {0};
	bool		nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SPI_connect();
	MemoryContextSwitchTo(context);
	rows = pulse_run_owner_query(&query, &error);
	SPI_finish();
	MemoryContextSwitchTo(context);
	nulls[0] = rows == NULL;
	nulls[1] = nulls[2] = error == NULL;
	if (rows != NULL)
		values[0] = DirectFunctionCall1(jsonb_in, CStringGetDatum(rows));
	else
	{
		values[1] = CStringGetTextDatum(error->message);
		values[2] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	}
	values[3] = Float8GetDatum((GetCurrentTimestamp() - begun) / 1000.0);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* SQL: pulse.check_query(query): an error unless it is one SELECT. */
Datum
pulse_check_query(PG_FUNCTION_ARGS)
{
	pulse_check_owner_query(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}
