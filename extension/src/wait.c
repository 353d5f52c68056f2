/*
 * Names of waits.
 */
#include "postgres.h"

#include "utils/wait_event.h"

#include "src/compat.h"
#include "src/wait.h"

/* Returns the number to wait with. */
uint32
pulse_wait_event(PulseWait wait)
{
	static const char *const names[] = {
		[PULSE_WAIT_FOR_CHANGES] = "PulseWaitForChanges",
		[PULSE_WAIT_BETWEEN_TICKS] = "PulseBetweenTicks",
		[PULSE_WAIT_AFTER_ERROR] = "PulseAfterError",
		[PULSE_WAIT_LAUNCHER] = "PulseLauncherMain",
		[PULSE_WAIT_FOR_STOP] = "PulseWaitForStop"
	};
	static uint32 events[lengthof(names)];

	/* The server remembers a name in shared memory and gives every process the same number for it. */
	if (events[wait] == 0)
		events[wait] = PULSE_WAIT_EVENT_NEW(names[wait]);
	return events[wait];
}
