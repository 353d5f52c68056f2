/*
 * Who may read what: the row-level policies of the ledger's tables come down to the rights on
 * the user's own table.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "src/compat.h"
#include "src/ledger_source.h"

PG_FUNCTION_INFO_V1(pulse_readable);

/* The last answer of this call site: rows of one portfolio come in runs. */
typedef struct last_answer
{
	int32		source_id;
	char	   *portfolio;
	Oid			user;
	bool		valid;
	bool		readable;
} last_answer;

/* Whether the current user's row-level policies leave a row of the portfolio visible. */
static bool
sees_a_row(const pulse_source *source, const char *portfolio)
{
	Oid			types[] = {TEXTOID};
	Datum		values[1];
	StringInfoData query;

	initStringInfo(&query);
	if (portfolio == NULL)
		appendStringInfo(&query, "SELECT FROM %s LIMIT 1", source->qualified_name);
	else
	{
		appendStringInfo(&query, "SELECT FROM (%s) AS r LIMIT 1", source->query);
		values[0] = CStringGetTextDatum(portfolio);
	}
	if (SPI_execute_with_args(query.data, portfolio == NULL ? 0 : 1, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look into %s", source->qualified_name);
	return SPI_processed > 0;
}

/* Works an answer out. */
static bool
is_readable(int32 source_id, const char *portfolio)
{
	pulse_source *source;
	bool		readable = false;

	SPI_connect();
	source = pulse_source_load(source_id, portfolio != NULL, false);
	if (source != NULL && source->query != NULL &&
		pg_class_aclcheck(source->relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		readable = check_enable_rls(source->relation, InvalidOid, true) != RLS_ENABLED ||
			sees_a_row(source, portfolio);
	SPI_finish();
	return readable;
}

/* SQL: pulse.readable(source_id, portfolio). */
Datum
pulse_readable(PG_FUNCTION_ARGS)
{
	last_answer *last = fcinfo->flinfo->fn_extra;
	int32		source_id;
	char	   *portfolio;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	source_id = PG_GETARG_INT32(0);
	portfolio = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (last == NULL)
		last = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(last_answer));
	if (!last->valid || last->source_id != source_id || last->user != GetUserId() ||
		(last->portfolio == NULL) != (portfolio == NULL) ||
		(portfolio != NULL && strcmp(portfolio, last->portfolio) != 0))
	{
		bool		readable = is_readable(source_id, portfolio);

		if (last->portfolio != NULL)
			pfree(last->portfolio);
		last->portfolio = portfolio == NULL ? NULL : MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, portfolio);
		last->source_id = source_id;
		last->user = GetUserId();
		last->readable = readable;
		last->valid = true;
	}
	PG_RETURN_BOOL(last->readable);
}
