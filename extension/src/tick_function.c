/*
 * pulse_tick(): a cycle by hand, where no background worker can run.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/job.h"
#include "src/metric_state.h"
#include "src/poll.h"
#include "src/tick.h"
#include "src/update.h"

/* A cycle by hand ends after so many batches, so that it ends while others keep writing. */
#define MAX_ROUNDS 100
/* A first build of summaries goes on in the next cycle. */
#define REFRESH_BUDGET_MS 2000

PG_FUNCTION_INFO_V1(pulse_tick);

static void
push_number(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = (int) strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Returns what a tick did as jsonb. */
static Jsonb *
tick_report(const PulseTick *tick)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;
	JsonbValue *result;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_number(&state, "seq", tick->seq);
	push_number(&state, "marks", tick->marks);
	push_number(&state, "fills", tick->fills);
	push_number(&state, "events", tick->events);
	push_number(&state, "jobs", tick->jobs);
	push_number(&state, "failures", tick->failures.count);
	value.type = jbvString;
	value.val.string.val = "more";
	value.val.string.len = 4;
	pushJsonbValue(&state, WJB_KEY, &value);
	value.type = jbvBool;
	value.val.boolean = tick->more;
	pushJsonbValue(&state, WJB_VALUE, &value);
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}

/* Takes what changed, batch by batch. */
static void
take_changes(PulseTick *tick, MemoryContext context)
{
	int64		seq = tick->seq;

	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		MemoryContextSwitchTo(context);
		pulse_tick_changes(tick);
		if (tick->rest)
		{
			MemoryContextSwitchTo(context);
			pulse_tick_rest(tick);
		}
		if (!tick->more)
			break;
	}
	pulse_tick_release(tick);
	tick->seq = Max(seq, tick->seq);
}

/* Runs the jobs that are due at this time, and announces what they have to say. */
static void
run_jobs(PulseTick *tick, TimestampTz at, MemoryContext context)
{
	for (int round = 0; round < MAX_ROUNDS && pulse_next_job(at) <= at; round++)
	{
		List	   *done = NIL;

		MemoryContextSwitchTo(context);
		while (pulse_run_due_job(at, &done, &tick->failures))
			;
		/* another session is running them */
		if (done == NIL)
			return;
		tick->jobs += list_length(done);
		take_changes(tick, context);
	}
}

/* Only who could remove everything anyhow may make Pulse believe that it is another time. */
static void
check_simulated_time(TimestampTz at)
{
	Oid			caller = GetOuterUserId();

	if (!superuser_arg(caller) && !has_privs_of_role(caller, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only the extension's owner may tick at another time than now"),
				 errhint("Call pulse_tick() without an argument.")));
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time of a tick must be finite")));
}

/* Does one cycle: what changed, then the state messages and the jobs that are due. */
Datum
pulse_tick(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext old;
	PulseTick	tick = {0};
	TimestampTz at;
	int64		seq;

	PreventCommandIfReadOnly("pulse_tick()");
	PreventCommandIfParallelMode("pulse_tick()");
	PreventCommandDuringRecovery("pulse_tick()");
	if (!PG_ARGISNULL(0))
		check_simulated_time(PG_GETARG_TIMESTAMPTZ(0));

	context = AllocSetContextCreate(CurrentMemoryContext, "pulse tick", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	(void) pulse_poll_sources(true);
	take_changes(&tick, context);
	seq = tick.seq;
	MemoryContextSwitchTo(context);
	if (pulse_metric_state_waits())
		pulse_metric_state_refresh(REFRESH_BUDGET_MS, true, &tick.failures);
	pulse_tick_updates(&tick, 0, 0);
	tick.seq = Max(seq, tick.seq);
	at = PG_ARGISNULL(0) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(0);
	run_jobs(&tick, at, context);
	tick.more = tick.more || pulse_metric_state_waits();
	MemoryContextSwitchTo(old);
	PG_RETURN_JSONB_P(tick_report(&tick));
}
