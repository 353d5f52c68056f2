/*
 * Rules of alerts, from the arguments of SQL functions.
 */
#include "src/alert_arguments.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "src/compat.h"

static const char *const states[] = {"inactive", "pending", "firing", "acknowledged", "resolved"};
static const char *const transitions[] = {NULL, "began", "withdrawn", "fired", "raised", "lowered", "repeated", "resolved"};

/* Returns the name of a state. */
const char *
pulse_alert_state_name(pulse_alert_state state)
{
	return states[state];
}

/* Returns the name of a transition; NULL when nothing happened. */
const char *
pulse_alert_transition_name(pulse_alert_transition transition)
{
	return transitions[transition];
}

/* Returns an argument of type double precision; NaN for NULL. */
double
pulse_alert_float(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NAN : PG_GETARG_FLOAT8(argument);
}

/* Returns an interval as microseconds, a month counting 30 days; 0 for NULL. */
int64
pulse_alert_span(FunctionCallInfo fcinfo, int argument)
{
	Interval   *interval;
	double		days;

	if (PG_ARGISNULL(argument))
		return 0;
	interval = PG_GETARG_INTERVAL_P(argument);
	days = (double) interval->month * DAYS_PER_MONTH + interval->day;
	if (days * USECS_PER_DAY + interval->time > 1e18 || days * USECS_PER_DAY + interval->time < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a duration of an alert rule is out of range")));
	return (int64) days * USECS_PER_DAY + interval->time;
}

static bool
text_is(const text *value, const char *word)
{
	return VARSIZE_ANY_EXHDR(value) == strlen(word) && memcmp(VARDATA_ANY(value), word, strlen(word)) == 0;
}

/* Takes comparator, warning, critical and hysteresis from the arguments that begin at first. */
void
pulse_alert_limits_from(FunctionCallInfo fcinfo, int first, pulse_alert_limits *limits)
{
	text	   *comparator;

	if (PG_ARGISNULL(first))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an alert rule needs a comparator")));
	comparator = PG_GETARG_TEXT_PP(first);
	limits->below = text_is(comparator, "<") || text_is(comparator, "<=");
	limits->inclusive = text_is(comparator, "<=") || text_is(comparator, ">=");
	limits->warning = pulse_alert_float(fcinfo, first + 1);
	limits->critical = pulse_alert_float(fcinfo, first + 2);
	limits->hysteresis = PG_ARGISNULL(first + 3) ? 0 : PG_GETARG_FLOAT8(first + 3);
}

/* Takes hold, clear_hold, min_duration, flap_count, flap_window and missing from the arguments that begin at first. */
void
pulse_alert_policy_from(FunctionCallInfo fcinfo, int first, pulse_alert_policy *policy)
{
	policy->hold = pulse_alert_span(fcinfo, first);
	policy->clear_hold = pulse_alert_span(fcinfo, first + 1);
	policy->min_duration = pulse_alert_span(fcinfo, first + 2);
	policy->flap_count = PG_ARGISNULL(first + 3) ? 0 : Min(PG_GETARG_INT32(first + 3), PULSE_ALERT_MAX_FIRINGS);
	policy->flap_window = pulse_alert_span(fcinfo, first + 4);
	policy->missing = PULSE_ALERT_KEEP;
	if (!PG_ARGISNULL(first + 5))
	{
		text	   *missing = PG_GETARG_TEXT_PP(first + 5);

		if (text_is(missing, "clear"))
			policy->missing = PULSE_ALERT_IS_CLEAR;
		else if (text_is(missing, "alert"))
			policy->missing = PULSE_ALERT_IS_WARNING;
	}
}
