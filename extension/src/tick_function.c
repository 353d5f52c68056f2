/*
 * pulse_tick(): a cycle by hand, where no background worker can run.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/poll.h"
#include "src/retention.h"
#include "src/tick.h"
#include "src/update.h"

/* A cycle by hand ends after so many batches, so that it ends while others keep writing. */
#define MAX_ROUNDS 100

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

/* Does one cycle: what changed, then the state messages and the retention that are due. */
Datum
pulse_tick(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext old;
	PulseTick	tick = {0};
	int64		seq = 0;

	PreventCommandIfReadOnly("pulse_tick()");
	PreventCommandIfParallelMode("pulse_tick()");
	PreventCommandDuringRecovery("pulse_tick()");

	context = AllocSetContextCreate(CurrentMemoryContext, "pulse tick", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	(void) pulse_poll_sources(true);
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		pulse_tick_changes(&tick);
		if (!tick.more)
			break;
		MemoryContextSwitchTo(context);
	}
	seq = tick.seq;
	pulse_tick_updates(&tick, 0);
	tick.seq = Max(seq, tick.seq);
	(void) pulse_apply_retention();
	MemoryContextSwitchTo(old);
	PG_RETURN_JSONB_P(tick_report(&tick));
}
