/*
 * One step of an alert's state machine, for a row.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "src/alert_arguments.h"
#include "src/compat.h"

/* Where the arguments of pulse.alert_step() begin. */
enum
{
	ARGUMENT_AT,
	ARGUMENT_VALUE,
	ARGUMENT_LIMITS,
	ARGUMENT_POLICY = ARGUMENT_LIMITS + PULSE_ALERT_LIMIT_ARGUMENTS,
	ARGUMENT_RECORD = ARGUMENT_POLICY + PULSE_ALERT_POLICY_ARGUMENTS
};

/* The columns of the record, and those that the result adds. */
enum
{
	RECORD_STATE,
	RECORD_LEVEL,
	RECORD_CONDITION,
	RECORD_FLAPPING,
	RECORD_BREACHED,
	RECORD_CRITICAL,
	RECORD_EASED,
	RECORD_CLEARED,
	RECORD_FIRED,
	RECORD_FIRINGS,
	RESULT_TRANSITION,
	RESULT_DUE,
	RESULT_COLUMNS
};

PG_FUNCTION_INFO_V1(pulse_alert_step_sql);

static int64
time_from(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? PULSE_ALERT_NEVER : PG_GETARG_TIMESTAMPTZ(argument);
}

static void
firings_from(ArrayType *array, pulse_alert_record *record)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &n);
	for (int i = Max(0, n - PULSE_ALERT_MAX_FIRINGS); i < n; i++)
		if (!nulls[i])
			record->firings[record->firing_count++] = DatumGetTimestampTz(values[i]);
}

static pulse_alert_state
state_from(FunctionCallInfo fcinfo, int argument)
{
	char	   *name;

	if (PG_ARGISNULL(argument))
		return PULSE_ALERT_INACTIVE;
	name = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	for (int i = PULSE_ALERT_INACTIVE; i <= PULSE_ALERT_RESOLVED; i++)
		if (strcmp(name, pulse_alert_state_name(i)) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown state of an alert: \"%s\"", name)));
}

static void
record_from(FunctionCallInfo fcinfo, pulse_alert_record *record)
{
	pulse_alert_begin(record);
	record->state = state_from(fcinfo, ARGUMENT_RECORD + RECORD_STATE);
	if (!PG_ARGISNULL(ARGUMENT_RECORD + RECORD_LEVEL))
		record->level = Max(0, Min(PG_GETARG_INT16(ARGUMENT_RECORD + RECORD_LEVEL), PULSE_ALERT_CRITICAL));
	if (!PG_ARGISNULL(ARGUMENT_RECORD + RECORD_CONDITION))
		record->condition = Max(0, Min(PG_GETARG_INT16(ARGUMENT_RECORD + RECORD_CONDITION), PULSE_ALERT_CRITICAL));
	record->flapping = !PG_ARGISNULL(ARGUMENT_RECORD + RECORD_FLAPPING) && PG_GETARG_BOOL(ARGUMENT_RECORD + RECORD_FLAPPING);
	record->breached_at = time_from(fcinfo, ARGUMENT_RECORD + RECORD_BREACHED);
	record->critical_at = time_from(fcinfo, ARGUMENT_RECORD + RECORD_CRITICAL);
	record->eased_at = time_from(fcinfo, ARGUMENT_RECORD + RECORD_EASED);
	record->cleared_at = time_from(fcinfo, ARGUMENT_RECORD + RECORD_CLEARED);
	record->fired_at = time_from(fcinfo, ARGUMENT_RECORD + RECORD_FIRED);
	if (!PG_ARGISNULL(ARGUMENT_RECORD + RECORD_FIRINGS))
		firings_from(PG_GETARG_ARRAYTYPE_P(ARGUMENT_RECORD + RECORD_FIRINGS), record);
}

static void
put_time(Datum *values, bool *nulls, int column, int64 time)
{
	values[column] = TimestampTzGetDatum(time);
	nulls[column] = time == PULSE_ALERT_NEVER;
}

static void
put_record(Datum *values, bool *nulls, const pulse_alert_record *record)
{
	Datum		firings[PULSE_ALERT_MAX_FIRINGS];

	for (int i = 0; i < record->firing_count; i++)
		firings[i] = TimestampTzGetDatum(record->firings[i]);
	values[RECORD_STATE] = CStringGetTextDatum(pulse_alert_state_name(record->state));
	values[RECORD_LEVEL] = Int16GetDatum(record->level);
	values[RECORD_CONDITION] = Int16GetDatum(record->condition);
	values[RECORD_FLAPPING] = BoolGetDatum(record->flapping);
	put_time(values, nulls, RECORD_BREACHED, record->breached_at);
	put_time(values, nulls, RECORD_CRITICAL, record->critical_at);
	put_time(values, nulls, RECORD_EASED, record->eased_at);
	put_time(values, nulls, RECORD_CLEARED, record->cleared_at);
	put_time(values, nulls, RECORD_FIRED, record->fired_at);
	values[RECORD_FIRINGS] = PointerGetDatum(construct_array(firings, record->firing_count, TIMESTAMPTZOID,
															 sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* SQL: pulse.alert_step(at, value, thresholds, policy, record) gives the record afterwards, the transition, and when it is due again. */
Datum
pulse_alert_step_sql(PG_FUNCTION_ARGS)
{
	TupleDesc	desc = fcinfo->flinfo->fn_extra;
	pulse_alert_limits limits;
	pulse_alert_policy policy;
	pulse_alert_record record;
	pulse_alert_transition transition;
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS] = {0};

	if (PG_ARGISNULL(ARGUMENT_AT))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a step of an alert needs a time")));
	if (desc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != RESULT_COLUMNS)
			elog(ERROR, "unexpected result type of pulse.alert_step()");
		fcinfo->flinfo->fn_extra = desc = BlessTupleDesc(CreateTupleDescCopy(desc));
		MemoryContextSwitchTo(old);
	}
	pulse_alert_limits_from(fcinfo, ARGUMENT_LIMITS, &limits);
	pulse_alert_policy_from(fcinfo, ARGUMENT_POLICY, &policy);
	record_from(fcinfo, &record);
	transition = pulse_alert_step(&policy, &limits, &record, PG_GETARG_TIMESTAMPTZ(ARGUMENT_AT),
								  pulse_alert_float(fcinfo, ARGUMENT_VALUE));
	put_record(values, nulls, &record);
	nulls[RESULT_TRANSITION] = transition == PULSE_ALERT_NOTHING;
	if (transition != PULSE_ALERT_NOTHING)
		values[RESULT_TRANSITION] = CStringGetTextDatum(pulse_alert_transition_name(transition));
	put_time(values, nulls, RESULT_DUE, pulse_alert_due(&policy, &record, PG_GETARG_TIMESTAMPTZ(ARGUMENT_AT)));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
