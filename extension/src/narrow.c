/*
 * Answers for some portfolios only: pulse.answer_within() runs a query for which there are no others.
 *
 * pulse-worker serves clients that may see several portfolios and not all of them. What is summed up for these must not
 * contain the rest, so this is no condition that every function would have to remember: what the functions see is narrowed
 * where they look, beside the rights of the role. Each query over a followed table gets a condition
 * (pulse.build_source_query()), and the row-level policies of what is stored ask pulse.readable(). A role to which such
 * policies do not apply is refused. That it is in force is known to this process alone and only while the query runs:
 * nobody can set it from outside, and one inside another narrows further.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "src/compat.h"
#include "src/narrow.h"

PG_FUNCTION_INFO_V1(pulse_answer_within);
PG_FUNCTION_INFO_V1(pulse_narrowing);

#define ANSWER_COLUMNS 3

typedef struct Narrowing
{
	uint64		number;
	List	   *names;			/* of char *, in order */
} Narrowing;

static const Narrowing *in_force = NULL;
static uint64 last_number = 0;

uint64
pulse_narrowing_in_force(void)
{
	return in_force == NULL ? 0 : in_force->number;
}

bool
pulse_is_within(const char *portfolio, size_t length)
{
	ListCell   *cell;

	if (in_force == NULL || portfolio == NULL)
		return true;
	foreach(cell, in_force->names)
	{
		const char *name = lfirst(cell);

		if (strlen(name) == length && memcmp(name, portfolio, length) == 0)
			return true;
	}
	return false;
}

/* Reads an array of text as a list of strings, NULLs as NULL. */
static List *
read_texts(ArrayType *array)
{
	List	   *list = NIL;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		list = lappend(list, nulls[i] ? NULL : TextDatumGetCString(values[i]));
	return list;
}

/* What is asked for, without what is not visible already. */
static List *
choose_names(ArrayType *array)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, read_texts(array))
	{
		char	   *name = lfirst(cell);

		if (name != NULL && pulse_is_within(name, strlen(name)))
			names = lappend(names, name);
	}
	return names;
}

/* Refuses who would be shown stored state of other portfolios all the same. */
static void
check_policies(void)
{
	Oid			positions = get_relname_relid("position", get_namespace_oid("pulse", false));

	if (check_enable_rls(positions, InvalidOid, true) != RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("portfolios cannot be hidden from role \"%s\"", GetUserNameFromId(GetUserId(), false)),
				 errdetail("Row-level policies do not apply to it."),
				 errhint("Use a role that is neither superuser nor BYPASSRLS nor the extension's owner, with SELECT pulse_grant('role', 'worker').")));
}

/* Runs the query and stores the columns of its first row, which are text. */
static void
run_query(const char *query, List *parameters, MemoryContext context, Datum *values, bool *nulls)
{
	int			n = list_length(parameters);
	Oid		   *types = palloc(Max(n, 1) * sizeof(Oid));
	Datum	   *arguments = palloc(Max(n, 1) * sizeof(Datum));
	char	   *missing = palloc(n + 1);
	ListCell   *cell;

	foreach(cell, parameters)
	{
		int			i = foreach_current_index(cell);

		types[i] = TEXTOID;
		missing[i] = lfirst(cell) == NULL ? 'n' : ' ';
		arguments[i] = lfirst(cell) == NULL ? (Datum) 0 : CStringGetTextDatum(lfirst(cell));
	}
	missing[n] = '\0';
	if (SPI_execute_with_args(query, n, types, arguments, missing, true, 1) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only a SELECT can be answered for some portfolios")));
	for (int i = 0; i < ANSWER_COLUMNS && SPI_processed > 0 && i < SPI_tuptable->tupdesc->natts; i++)
	{
		char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1);
		MemoryContext old = MemoryContextSwitchTo(context);

		nulls[i] = value == NULL;
		values[i] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
		MemoryContextSwitchTo(old);
	}
}

/* SQL: pulse.answer_within(portfolios, query, parameters, OUT body, OUT seq, OUT epoch). */
Datum
pulse_answer_within(PG_FUNCTION_ARGS)
{
	const Narrowing *outer = in_force;
	MemoryContext context = CurrentMemoryContext;
	Narrowing	narrowing = {.number = ++last_number};
	bool		read_only = XactReadOnly;
	List	   *parameters = PG_ARGISNULL(2) ? NIL : read_texts(PG_GETARG_ARRAYTYPE_P(2));
	Datum		values[ANSWER_COLUMNS] = {0};
	bool		nulls[ANSWER_COLUMNS] = {true, true, true};
	TupleDesc	type;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an answer for some portfolios needs their names and a query")));
	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pulse.answer_within() must return a row type");
	check_policies();
	narrowing.names = choose_names(PG_GETARG_ARRAYTYPE_P(0));
	SPI_connect();
	PG_TRY();
	{
		/* the engine must not take what it does not see now for gone */
		XactReadOnly = true;
		in_force = &narrowing;
		run_query(text_to_cstring(PG_GETARG_TEXT_PP(1)), parameters, context, values, nulls);
	}
	PG_FINALLY();
	{
		in_force = outer;
		XactReadOnly = read_only;
	}
	PG_END_TRY();
	SPI_finish();
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(type), values, nulls));
}

/* SQL: pulse.narrowing(). */
Datum
pulse_narrowing(PG_FUNCTION_ARGS)
{
	Datum	   *names;
	ListCell   *cell;

	if (in_force == NULL)
		PG_RETURN_NULL();
	names = palloc(Max(list_length(in_force->names), 1) * sizeof(Datum));
	foreach(cell, in_force->names)
		names[foreach_current_index(cell)] = CStringGetTextDatum(lfirst(cell));
	PG_RETURN_ARRAYTYPE_P(construct_array(names, list_length(in_force->names), TEXTOID, -1, false, TYPALIGN_INT));
}
