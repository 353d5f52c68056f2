/*
 * The background worker as a process: how it is started and found.
 */
#ifndef PULSE_WORKER_PROCESS_H
#define PULSE_WORKER_PROCESS_H

#include "postmaster/bgworker.h"
#include "storage/proc.h"

#define PULSE_WORKER_TYPE "pulse worker"

/* How a worker was started; travels in bgw_extra. */
typedef struct PulseWorkerStart
{
	Oid			tablespace;		/* where the database lives: a restarted worker sees by it whether it still exists */
	bool		by_hand;		/* pulse_worker_start(): the row that allows it may not be committed yet */
} PulseWorkerStart;

/* Returns a background process of a type in a database, or NULL. Its pid goes to *pid. */
extern PGPROC *pulse_find_process(Oid database, const char *wanted, int *pid);

/* Returns the process of a database's worker, or NULL. Its pid goes to *pid. */
extern PGPROC *pulse_find_worker(Oid database, int *pid);

/* Fills in the registration of a worker for a database. */
extern void pulse_describe_worker(BackgroundWorker *worker, Oid database, const char *name,
								  const PulseWorkerStart *start, int restart_time);

/* Registers the launcher; while shared_preload_libraries is being processed. */
extern void pulse_register_launcher(void);

#endif							/* PULSE_WORKER_PROCESS_H */
