/*
 * Isolation of failing work: a subtransaction for each piece, and a memory of what failed when.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "src/attempt.h"
#include "src/compat.h"

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

/* Calls work(arg) in a subtransaction; returns whether it was done. */
bool
pulse_attempt(const char *name, void (*work) (void *arg), void *arg, PulseFailures *failures)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Failure    *failure = find_failure(name, false);
	ErrorData  *volatile error = NULL;

	if (backoff && failure != NULL && GetCurrentTimestamp() < failure->retry_at)
		return false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

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
