/*
 * Jobs: what is due by the clock and not by a change. Their list is the table pulse.job.
 */
#ifndef PULSE_JOB_H
#define PULSE_JOB_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "src/attempt.h"

/*
 * Runs the job that has been due for longest at this time, isolated and limited in time, and stores how it went. Jobs
 * whose names are in *done are passed over, and the name of the one that was run is added to it, in the current memory
 * context. Returns whether there was one. Inside a transaction.
 */
extern bool pulse_run_due_job(TimestampTz at, List **done, PulseFailures *failures);

/* When the next job is due, looked up in a transaction: DT_NOBEGIN when one was touched, DT_NOEND when there is none. */
extern TimestampTz pulse_next_job(TimestampTz at);

/* Makes failing jobs be logged the less often the longer they fail; who ticks by hand is told each time. */
extern void pulse_job_enable_backoff(void);

#endif							/* PULSE_JOB_H */
