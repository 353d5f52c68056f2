/*
 * Giving up, in the background worker, what it is computing when a commit wakes it: a fill does not wait for a job.
 */
#ifndef PULSE_PREEMPT_H
#define PULSE_PREEMPT_H

/*
 * Calls work(arg), which is a transaction, or several of which each may be the last. Where the latch is set meanwhile the
 * running one is rolled back. Returns whether work came to its end; other errors are thrown as ever.
 */
extern bool pulse_preemptible(void (*work) (void *arg), void *arg);

/* Whether what is running may be given up, so that it is to leave no trace outside its transaction before its end. */
extern bool pulse_may_be_preempted(void);

/* Whether the error that is being handled means that the running work has been given up. */
extern bool pulse_preempted(int sqlerrcode);

#endif							/* PULSE_PREEMPT_H */
