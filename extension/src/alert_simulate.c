/*
 * Back-test of an alert rule: the same state machine and the same thresholds, over a history.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "src/alert_arguments.h"
#include "src/compat.h"

/* Bands of the 24 hours, and the one for rules that know no hours. */
#define ALL_HOURS 24
#define BANDS 25
/* An hour's band takes a value a day, so it may be used with fewer. */
#define MIN_HOUR_SAMPLES 5

/* Where the arguments of pulse.alert_simulate() begin. */
enum
{
	ARGUMENT_TIMES,
	ARGUMENT_VALUES,
	ARGUMENT_FACTORS,
	ARGUMENT_HOURS,
	ARGUMENT_LIMITS,
	ARGUMENT_POLICY = ARGUMENT_LIMITS + PULSE_ALERT_LIMIT_ARGUMENTS,
	ARGUMENT_METHOD = ARGUMENT_POLICY + PULSE_ALERT_POLICY_ARGUMENTS,
	ARGUMENT_WARNING,
	ARGUMENT_CRITICAL,
	ARGUMENT_HALF_LIFE,
	ARGUMENT_SAMPLES,
	ARGUMENT_WINDOW,
	ARGUMENT_EVERY,
	ARGUMENT_MIN_WIDTH
};

PG_FUNCTION_INFO_V1(pulse_alert_simulate);

typedef struct Simulation
{
	pulse_alert_policy policy;
	pulse_alert_limits fixed;
	pulse_alert_limits limits;	/* those that apply now */
	pulse_alert_record record;
	bool		adaptive;
	pulse_band_shape shape;
	double		half_life;
	int64		min_samples;
	int64		every;			/* between two samples */
	pulse_band	bands[BANDS];
	int64		sampled_at[BANDS];
	double	   *scratch;
} Simulation;

/* An array without NULLs, or with them where nulls is wanted. */
static int
array_argument(FunctionCallInfo fcinfo, int argument, Oid type, int length, Datum **values, bool **nulls)
{
	int			n;

	if (PG_ARGISNULL(argument))
		return -1;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), type, length, length < 8 || FLOAT8PASSBYVAL, length < 8 ? TYPALIGN_SHORT : TYPALIGN_DOUBLE,
					  values, nulls, &n);
	return n;
}

static void
begin_bands(FunctionCallInfo fcinfo, Simulation *simulation)
{
	int			capacity = 0;

	simulation->adaptive = !PG_ARGISNULL(ARGUMENT_METHOD);
	simulation->shape.factor = 1;
	if (!simulation->adaptive)
		return;
	simulation->shape.quantile = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_METHOD)), "quantile") == 0;
	simulation->shape.below = simulation->fixed.below;
	simulation->shape.warning = pulse_alert_float(fcinfo, ARGUMENT_WARNING);
	simulation->shape.critical = pulse_alert_float(fcinfo, ARGUMENT_CRITICAL);
	simulation->shape.min_width = PG_ARGISNULL(ARGUMENT_MIN_WIDTH) ? 0 : PG_GETARG_FLOAT8(ARGUMENT_MIN_WIDTH);
	simulation->half_life = PG_ARGISNULL(ARGUMENT_HALF_LIFE) ? 100 : PG_GETARG_FLOAT8(ARGUMENT_HALF_LIFE);
	simulation->min_samples = PG_ARGISNULL(ARGUMENT_SAMPLES) ? 30 : PG_GETARG_INT32(ARGUMENT_SAMPLES);
	simulation->every = PG_ARGISNULL(ARGUMENT_EVERY) ? 0 : pulse_alert_span(fcinfo, ARGUMENT_EVERY);
	if (simulation->shape.quantile)
		capacity = PG_ARGISNULL(ARGUMENT_WINDOW) ? 500 : Max(1, Min(PG_GETARG_INT32(ARGUMENT_WINDOW), 10000));
	for (int i = 0; i < BANDS; i++)
	{
		simulation->bands[i].capacity = capacity;
		simulation->bands[i].values = palloc(sizeof(double) * Max(capacity, 1));
		simulation->sampled_at[i] = PULSE_ALERT_NEVER;
	}
	simulation->scratch = palloc(sizeof(double) * Max(capacity, 1));
}

/* Sets the thresholds that apply to the next value; those of an alert that fires are frozen. */
static void
set_limits(Simulation *simulation, double factor, int hour)
{
	const pulse_band *band;

	if (simulation->record.state == PULSE_ALERT_FIRING || simulation->record.state == PULSE_ALERT_ACKNOWLEDGED)
		return;
	simulation->limits = simulation->fixed;
	simulation->limits.warning *= factor;
	simulation->limits.critical *= factor;
	if (!simulation->adaptive)
		return;
	band = &simulation->bands[hour >= 0 ? hour : ALL_HOURS];
	if (band->samples < (hour >= 0 ? Max(MIN_HOUR_SAMPLES, simulation->min_samples / 24) : simulation->min_samples))
		return;
	simulation->shape.factor = factor;
	pulse_band_levels(band, &simulation->shape, simulation->scratch, &simulation->limits.warning, &simulation->limits.critical);
}

/* Takes a value that was judged into its band, unless it has an alert. */
static void
learn(Simulation *simulation, int64 at, int hour, double value)
{
	int			index = hour >= 0 ? hour : ALL_HOURS;

	if (!simulation->adaptive || !isfinite(value) ||
		(simulation->record.state != PULSE_ALERT_INACTIVE && simulation->record.state != PULSE_ALERT_RESOLVED))
		return;
	if (simulation->sampled_at[index] != PULSE_ALERT_NEVER && at - simulation->sampled_at[index] < simulation->every)
		return;
	pulse_band_add(&simulation->bands[index], simulation->half_life, value);
	simulation->sampled_at[index] = at;
}

static void
put_row(ReturnSetInfo *result, const Simulation *simulation, pulse_alert_transition transition, int64 at, double value)
{
	const pulse_alert_record *record = &simulation->record;
	double		threshold = record->level == PULSE_ALERT_CRITICAL ? simulation->limits.critical : simulation->limits.warning;
	Datum		values[] = {
		TimestampTzGetDatum(at),
		transition == PULSE_ALERT_NOTHING ? (Datum) 0 : CStringGetTextDatum(pulse_alert_transition_name(transition)),
		CStringGetTextDatum(pulse_alert_state_name(record->state)),
		Int16GetDatum(record->level), Float8GetDatum(value), Float8GetDatum(threshold)
	};
	bool		nulls[] = {false, transition == PULSE_ALERT_NOTHING, false, false, isnan(value), isnan(threshold)};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* One step, and its row when something happened. */
static void
step(ReturnSetInfo *result, Simulation *simulation, int64 at, double value)
{
	pulse_alert_transition transition = pulse_alert_step(&simulation->policy, &simulation->limits, &simulation->record, at, value);

	if (transition != PULSE_ALERT_NOTHING)
		put_row(result, simulation, transition, at, value);
}

/* SQL: pulse.alert_simulate(times, values, factors, hours, thresholds, policy, adaptive …) returns what would have happened. */
Datum
pulse_alert_simulate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Simulation	simulation = {0};
	Datum	   *times;
	Datum	   *values;
	Datum	   *factors = NULL;
	Datum	   *hours = NULL;
	bool	   *nulls;
	bool	   *no_value;
	double		before = NAN;
	int			n = array_argument(fcinfo, ARGUMENT_TIMES, TIMESTAMPTZOID, 8, &times, &nulls);

	InitMaterializedSRF(fcinfo, 0);
	if (n <= 0)
		PG_RETURN_NULL();
	if (array_argument(fcinfo, ARGUMENT_VALUES, FLOAT8OID, 8, &values, &no_value) != n ||
		(!PG_ARGISNULL(ARGUMENT_FACTORS) && array_argument(fcinfo, ARGUMENT_FACTORS, FLOAT8OID, 8, &factors, &nulls) != n) ||
		(!PG_ARGISNULL(ARGUMENT_HOURS) && array_argument(fcinfo, ARGUMENT_HOURS, INT2OID, 2, &hours, &nulls) != n))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("the arrays of a history must have the same length")));
	pulse_alert_limits_from(fcinfo, ARGUMENT_LIMITS, &simulation.fixed);
	pulse_alert_policy_from(fcinfo, ARGUMENT_POLICY, &simulation.policy);
	begin_bands(fcinfo, &simulation);
	pulse_alert_begin(&simulation.record);

	for (int i = 0; i < n; i++)
	{
		int64		at = DatumGetTimestampTz(times[i]);
		double		value = no_value[i] ? NAN : DatumGetFloat8(values[i]);
		int			hour = hours == NULL ? -1 : Max(0, Min(DatumGetInt16(hours[i]), 23));
		int64		due;

		CHECK_FOR_INTERRUPTS();
		/* what time alone does before the next value comes */
		while ((due = pulse_alert_due(&simulation.policy, &simulation.record, PG_INT64_MIN)) < at)
		{
			pulse_alert_state state = simulation.record.state;
			pulse_alert_level level = simulation.record.level;

			step(result, &simulation, due, before);
			if (state == simulation.record.state && level == simulation.record.level)
				break;
		}
		set_limits(&simulation, factors == NULL ? 1 : DatumGetFloat8(factors[i]), hour);
		step(result, &simulation, at, value);
		learn(&simulation, at, hour, value);
		before = value;
	}
	put_row(result, &simulation, PULSE_ALERT_NOTHING, DatumGetTimestampTz(times[n - 1]), before);
	PG_RETURN_NULL();
}
