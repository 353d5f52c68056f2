/*
 * Running prepared statements.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "src/compat.h"
#include "src/statement.h"

/*
 * In force while our statements are planned and run. The tables are queues: what matters is to take an ordered index from
 * its end that holds the few live rows, also when statistics are minutes old, never to compile, and not to plan again what
 * has been planned.
 */
typedef struct PlannerSetting
{
	const char *name;
	const char *value;
} PlannerSetting;

static const PlannerSetting planner_settings[] = {
	{"enable_seqscan", "off"},
	{"enable_bitmapscan", "off"},
	{"enable_sort", "off"},
	{"jit", "off"},
	{"plan_cache_mode", "force_generic_plan"},
};

static const PlannerSetting set_wise_settings[] = {
	{"enable_nestloop", "off"},
	{"enable_mergejoin", "off"},
	{"jit", "off"},
	{"plan_cache_mode", "force_generic_plan"},
};

/*
 * Whether a statement has a plan that is used as it is. Setting what is only for planning costs as much as a small
 * statement: the server looks at all its settings when it is undone.
 */
static bool
is_planned(const PulseStatement *statement)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(statement->plan));

	return plan_cache_mode != PLAN_CACHE_MODE_FORCE_CUSTOM_PLAN && CachedPlanIsValid(source) &&
		source->gplan != NULL && source->gplan->is_valid;
}

static int
generation(const PulseStatement *statement)
{
	return ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(statement->plan)))->generation;
}

/* Runs a statement inside SPI under some settings and returns the number of rows. */
static uint64
run(PulseStatement *statement, const Datum *values, const char *nulls, const PlannerSetting *settings, int count)
{
	MemoryContext context = CurrentMemoryContext;
	int			nest_level = 0;
	int			before;

	if (statement->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare_cursor(statement->sql, statement->nparams, statement->types, CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", statement->sql, SPI_result_code_string(SPI_result));
		statement->plan = plan;
	}

	before = generation(statement);
	if (!is_planned(statement))
		nest_level = NewGUCNestLevel();
	for (int i = 0; nest_level > 0 && i < count; i++)
		(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_plan(statement->plan, (Datum *) values, nulls, false, 0) < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql, SPI_result_code_string(SPI_result));
	if (nest_level > 0)
		AtEOXact_GUC(true, nest_level);
	else if (generation(statement) != before)
	{
		/* it was planned just now after all, under whatever settings there are: next time as it should be */
		SPI_freeplan(statement->plan);
		statement->plan = NULL;
	}
	/* not that of SPI, which would keep what the caller allocates until the connection ends */
	MemoryContextSwitchTo(context);
	return SPI_processed;
}

/* Runs a statement that goes through indexes. */
uint64
pulse_run(PulseStatement *statement, const Datum *values, const char *nulls)
{
	return run(statement, values, nulls, planner_settings, lengthof(planner_settings));
}

/* Runs a statement that joins by hashing. */
uint64
pulse_run_set_wise(PulseStatement *statement, const Datum *values, const char *nulls)
{
	return run(statement, values, nulls, set_wise_settings, lengthof(set_wise_settings));
}

/* Returns a column of the first row of the last result. */
Datum
pulse_result(int column, bool *null)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, null);
}
