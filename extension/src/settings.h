/*
 * The settings pulse.* of the engine.
 */
#ifndef PULSE_SETTINGS_H
#define PULSE_SETTINGS_H

extern bool pulse_capture_enabled;
extern char *pulse_databases;
extern int	pulse_poll_interval;	/* ms */
extern int	pulse_max_tick_rate;	/* per second */
extern int	pulse_performance_interval; /* ms */
extern int	pulse_health_interval;	/* ms */
extern int	pulse_tick_timeout;		/* ms, 0 = none */
extern int	pulse_job_timeout;		/* ms, 0 = none */
extern int	pulse_tick_batch;
extern int	pulse_notify_max_age;	/* s */
extern int	pulse_event_retention;	/* min, 0 = for ever */
extern int	pulse_health_retention; /* min, 0 = for ever */
extern int	pulse_delivery_retention;	/* min, 0 = for ever */
extern int	pulse_yield_limit;		/* ms, 0 = never */

extern void pulse_define_settings(void);

#endif							/* PULSE_SETTINGS_H */
