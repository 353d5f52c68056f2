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
#include "src/narrow.h"

PG_FUNCTION_INFO_V1(pulse_readable);

/* The last answer of this call site: rows of one source, and of one portfolio, come in runs. */
typedef struct last_answer
{
	bool		valid;
	int32		source_id;
	Oid			user;
	bool		readable;
	bool		by_portfolio;	/* row-level policies apply, so the answer is good for one portfolio */
	char	   *portfolio;
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
static void
find_out(last_answer *answer)
{
	pulse_source *source;

	answer->readable = false;
	answer->by_portfolio = false;
	SPI_connect();
	source = pulse_source_load(answer->source_id, answer->portfolio != NULL, false);
	if (source != NULL && source->query != NULL &&
		pg_class_aclcheck(source->relation, answer->user, ACL_SELECT) == ACLCHECK_OK)
	{
		answer->by_portfolio = check_enable_rls(source->relation, InvalidOid, true) == RLS_ENABLED;
		answer->readable = !answer->by_portfolio || sees_a_row(source, answer->portfolio);
	}
	SPI_finish();
	answer->valid = true;
}

/* Whether the current user may read what was computed from a source, as pulse.readable() says. */
bool
pulse_may_read(int32 source_id, const char *portfolio, bool *by_portfolio)
{
	last_answer answer = {.source_id = source_id, .user = GetUserId(), .portfolio = unconstify(char *, portfolio)};

	find_out(&answer);
	if (by_portfolio != NULL)
		*by_portfolio = answer.by_portfolio || pulse_narrowing_in_force() != 0;
	return answer.readable && pulse_is_within(portfolio, portfolio == NULL ? 0 : strlen(portfolio));
}

/* Whether an answer holds for this call. */
static bool
holds(const last_answer *answer, int32 source_id, FunctionCallInfo fcinfo)
{
	text	   *portfolio;

	if (!answer->valid || answer->source_id != source_id || answer->user != GetUserId())
		return false;
	if (!answer->by_portfolio)
		return true;
	if (PG_ARGISNULL(1) || answer->portfolio == NULL)
		return PG_ARGISNULL(1) && answer->portfolio == NULL;
	portfolio = PG_GETARG_TEXT_PP(1);
	return VARSIZE_ANY_EXHDR(portfolio) == strlen(answer->portfolio) &&
		memcmp(VARDATA_ANY(portfolio), answer->portfolio, VARSIZE_ANY_EXHDR(portfolio)) == 0;
}

/* SQL: pulse.readable(source_id, portfolio). */
Datum
pulse_readable(PG_FUNCTION_ARGS)
{
	last_answer *answer = fcinfo->flinfo->fn_extra;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	if (!PG_ARGISNULL(1) && pulse_narrowing_in_force() != 0)
	{
		text	   *portfolio = PG_GETARG_TEXT_PP(1);

		if (!pulse_is_within(VARDATA_ANY(portfolio), VARSIZE_ANY_EXHDR(portfolio)))
			PG_RETURN_BOOL(false);
	}
	if (answer == NULL)
		answer = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(last_answer));
	if (!holds(answer, PG_GETARG_INT32(0), fcinfo))
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		answer->valid = false;
		if (answer->portfolio != NULL)
			pfree(answer->portfolio);
		answer->portfolio = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
		answer->source_id = PG_GETARG_INT32(0);
		answer->user = GetUserId();
		MemoryContextSwitchTo(old);
		find_out(answer);
	}
	PG_RETURN_BOOL(answer->readable);
}
