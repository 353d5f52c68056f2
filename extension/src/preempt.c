/*
 * Work of the background worker that may be done again, and is given up when a commit wakes the worker.
 *
 * Evaluating alerts or looking at the health takes tens of milliseconds, which is ten times what a fill takes to its
 * listeners. Who commits sets the latch and no more, so a timer of our own looks at it while we compute. The server's timers
 * would not do: their signal sets the latch itself.
 */
#include "postgres.h"

#include <signal.h>
#include <time.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "src/preempt.h"

#define LOOK_INTERVAL_US 250

static volatile sig_atomic_t armed = false;
static volatile sig_atomic_t given_up = false;

/* Cancels what is running when somebody has woken us, as a user's request to cancel would. */
static void
look_at_latch(SIGNAL_ARGS)
{
	if (!armed || given_up || !MyLatch->is_set || ConfigReloadPending)
		return;
	given_up = true;
	InterruptPending = true;
	QueryCancelPending = true;
}

/* Returns our timer, NULL where there is none to be had. */
static timer_t *
look_timer(void)
{
	static timer_t timer;
	static enum {UNKNOWN, READY, NONE} state = UNKNOWN;

	if (state == UNKNOWN)
	{
		struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,.sigev_signo = SIGUSR2};

		pqsignal(SIGUSR2, look_at_latch);
		state = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 ? READY : NONE;
	}
	return state == READY ? &timer : NULL;
}

static void
arm(void)
{
	static const struct itimerspec often = {{0, LOOK_INTERVAL_US * 1000}, {0, LOOK_INTERVAL_US * 1000}};
	timer_t    *timer = look_timer();

	given_up = false;
	armed = timer != NULL && timer_settime(*timer, 0, &often, NULL) == 0;
}

/* Stops looking; a cancellation that came too late to hit the work must not hit anything else. */
static void
disarm(void)
{
	static const struct itimerspec never = {0};

	if (!armed)
		return;
	armed = false;
	(void) timer_settime(*look_timer(), 0, &never, NULL);
	if (given_up)
		QueryCancelPending = false;
}

bool
pulse_may_be_preempted(void)
{
	return armed;
}

bool
pulse_preempted(int sqlerrcode)
{
	return armed && given_up && sqlerrcode == ERRCODE_QUERY_CANCELED;
}

bool
pulse_preemptible(void (*work) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = true;

	PG_TRY();
	{
		arm();
		work(arg);
		disarm();
	}
	PG_CATCH();
	{
		bool		preempted = pulse_preempted(geterrcode());

		disarm();
		if (!preempted)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		disable_all_timeouts(false);
		FlushErrorState();
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(context);
		done = false;
	}
	PG_END_TRY();
	return done;
}
