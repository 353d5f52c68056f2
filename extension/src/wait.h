/*
 * What a process of ours waits for, as pg_stat_activity shows it: by name from PostgreSQL 17 on, else as "Extension".
 */
#ifndef PULSE_WAIT_H
#define PULSE_WAIT_H

typedef enum PulseWait
{
	PULSE_WAIT_FOR_CHANGES,
	PULSE_WAIT_BETWEEN_TICKS,
	PULSE_WAIT_AFTER_ERROR,
	PULSE_WAIT_LAUNCHER,
	PULSE_WAIT_FOR_STOP
} PulseWait;

/* Returns the number to wait with; the server must be up, so not while libraries are being preloaded. */
extern uint32 pulse_wait_event(PulseWait wait);

#endif							/* PULSE_WAIT_H */
