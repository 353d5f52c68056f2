/*
 * Isolation of failing work: a subtransaction for each piece, and a memory of what failed when.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "src/attempt.h"
#include "src/compat.h"
#include "src/preempt.h"

#define NAME_LENGTH 200
#define MAX_REMEMBERED 1000
#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS (5 * 60 * 1000)

typedef struct Failure
{
	char		name[NAME_LENGTH];	/* hash key */
	int			attempts;
	TimestampTz retry_at;
} Failure;

static HTAB *remembered = NULL;
static bool backoff = false;

/* statement_timeout counts for the whole statement that called us, so a piece of work has a timer of its own. */
static bool timer_exists = false;
static TimeoutId timer;
static volatile sig_atomic_t time_is_up = false;

/* Makes pulse_attempt() respect the waiting times. */
void
pulse_attempt_enable_backoff(void)
{
	backoff = true;
}

/* Finds what is remembered about a piece of work; NULL when it never failed lately. */
static Failure *
find_failure(const char *name, bool create)
{
	HASHCTL		control = {0};
	Failure    *failure;
	char		key[NAME_LENGTH] = {0};
	bool		found;

	strlcpy(key, name, sizeof(key));
	/* Forgetting costs a report too many; growing without bound would cost the server. */
	if (create && remembered != NULL && hash_get_num_entries(remembered) >= MAX_REMEMBERED)
	{
		hash_destroy(remembered);
		remembered = NULL;
	}
	if (remembered == NULL)
	{
		if (!create)
			return NULL;
		control.keysize = NAME_LENGTH;
		control.entrysize = sizeof(Failure);
		control.hcxt = TopMemoryContext;
		remembered = hash_create("pulse failures", 32, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	failure = hash_search(remembered, key, create ? HASH_ENTER : HASH_FIND, &found);
	if (failure != NULL && !found)
	{
		failure->attempts = 0;
		failure->retry_at = 0;
	}
	return failure;
}

/* Remembers a failure and reports it, the less often the longer it lasts. */
static void
note_failure(const char *name, const ErrorData *error, PulseFailures *failures)
{
	Failure    *failure = find_failure(name, true);
	int64		delay = FIRST_DELAY_MS;

	failure->attempts++;
	for (int i = 1; i < failure->attempts && delay < MAX_DELAY_MS; i++)
		delay *= 2;
	failure->retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), Min(delay, MAX_DELAY_MS));

	failures->count++;
	failures->last = psprintf("%s: %s", name, error->message);
	if (!backoff || (failure->attempts & (failure->attempts - 1)) == 0)
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("could not process %s: %s", name, error->message),
				 error->detail ? errdetail_internal("%s", error->detail) : 0,
				 error->hint ? errhint("%s", error->hint) : 0,
				 error->context ? errcontext_msg("%s", error->context) : 0));
}

/* Cancels what is running, as a user's request to cancel would. */
static void
cancel_work(void)
{
	time_is_up = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

static void
start_timer(int timeout_ms)
{
	if (!timer_exists)
		timer = RegisterTimeout(USER_TIMEOUT, cancel_work);
	timer_exists = true;
	time_is_up = false;
	enable_timeout_after(timer, timeout_ms);
}

/* Stops the timer; a cancellation that came too late to hit the work must not hit anything else. */
static void
stop_timer(void)
{
	disable_timeout(timer, false);
	if (time_is_up)
		QueryCancelPending = false;
}

/* Calls work(arg) in a subtransaction that may take so long; returns its error, or NULL. */
ErrorData *
pulse_isolate(void (*work) (void *arg), void *arg, int timeout_ms)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		if (timeout_ms > 0)
			start_timer(timeout_ms);
		work(arg);
		if (timeout_ms > 0)
			stop_timer();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		if (timeout_ms > 0)
			stop_timer();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		/* nobody's failure: all of it will be done again */
		if (pulse_preempted(error->sqlerrcode))
		{
			MemoryContextSwitchTo(context);
			CurrentResourceOwner = owner;
			ReThrowError(error);
		}
		if (timeout_ms > 0 && time_is_up && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		{
			error->sqlerrcode = ERRCODE_T_R_STATEMENT_COMPLETION_UNKNOWN;
			error->message = psprintf("not done within %d ms", timeout_ms);
		}
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/* Calls work(arg) in a subtransaction; returns whether it was done. */
bool
pulse_attempt(const char *name, void (*work) (void *arg), void *arg, PulseFailures *failures)
{
	Failure    *failure = find_failure(name, false);
	ErrorData  *error;

	if (backoff && failure != NULL && GetCurrentTimestamp() < failure->retry_at)
		return false;
	error = pulse_isolate(work, arg, 0);
	if (error == NULL)
	{
		if (failure != NULL)
			(void) hash_search(remembered, failure->name, HASH_REMOVE, NULL);
		return true;
	}
	note_failure(name, error, failures);
	/* The time allowed for the tick is over, or somebody cancelled it: that ends the whole tick. */
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	return false;
}
