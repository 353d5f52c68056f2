/*
 * Alerts: when a value is bad, and what follows from how long it has been. A pure state machine: it knows no clock and
 * no table; all that it must remember is in the record.
 */
#ifndef PULSE_CORE_ALERT_H
#define PULSE_CORE_ALERT_H

#include <stdbool.h>
#include <stdint.h>

/* A time that has not come: nothing is later. Times and spans are microseconds. */
#define PULSE_ALERT_NEVER INT64_MAX
/* As many firings are remembered to tell flapping. */
#define PULSE_ALERT_MAX_FIRINGS 16

typedef enum pulse_alert_state
{
	PULSE_ALERT_INACTIVE,
	PULSE_ALERT_PENDING,
	PULSE_ALERT_FIRING,
	PULSE_ALERT_ACKNOWLEDGED,
	PULSE_ALERT_RESOLVED
} pulse_alert_state;

typedef enum pulse_alert_level
{
	PULSE_ALERT_CLEAR,
	PULSE_ALERT_WARNING,
	PULSE_ALERT_CRITICAL
} pulse_alert_level;

/* What one step did. */
typedef enum pulse_alert_transition
{
	PULSE_ALERT_NOTHING,
	PULSE_ALERT_BEGAN,			/* inactive to pending */
	PULSE_ALERT_WITHDRAWN,		/* pending to inactive */
	PULSE_ALERT_FIRED,			/* inactive or pending to firing */
	PULSE_ALERT_RAISED,			/* warning to critical; what was acknowledged fires again */
	PULSE_ALERT_LOWERED,		/* critical to warning */
	PULSE_ALERT_REPEATED,		/* one more time while flapping */
	PULSE_ALERT_CLEARED			/* firing or acknowledged to resolved */
} pulse_alert_transition;

/* What a value that is not there means. */
typedef enum pulse_alert_missing
{
	PULSE_ALERT_KEEP,
	PULSE_ALERT_IS_CLEAR,
	PULSE_ALERT_IS_WARNING
} pulse_alert_missing;

/* Comparison of a value with a threshold. */
typedef struct pulse_alert_limits
{
	bool		below;			/* too small is bad, else too large */
	bool		inclusive;		/* the threshold itself is bad */
	double		warning;		/* NaN: there is no such threshold */
	double		critical;
	double		hysteresis;		/* how far on the good side a value must be to be good again */
} pulse_alert_limits;

typedef struct pulse_alert_policy
{
	int64_t		hold;			/* how long a value must be bad before it fires */
	int64_t		clear_hold;		/* how long it must be good before it is resolved */
	int64_t		min_duration;	/* how long it fires at least */
	int32_t		flap_count;		/* firings within flap_window that make it flap; 0: it never does */
	int64_t		flap_window;
	pulse_alert_missing missing;
} pulse_alert_policy;

typedef struct pulse_alert_record
{
	pulse_alert_state state;
	pulse_alert_level level;	/* at which it fires */
	pulse_alert_level condition;	/* how the last value was judged */
	bool		flapping;
	int64_t		breached_at;	/* since when it has been bad, without a break */
	int64_t		critical_at;	/* since when it has been critical */
	int64_t		eased_at;		/* since when it has been better than its level */
	int64_t		cleared_at;		/* since when it has been good */
	int64_t		fired_at;
	int32_t		firing_count;
	int64_t		firings[PULSE_ALERT_MAX_FIRINGS];	/* the latest ones, oldest first */
} pulse_alert_record;

extern void pulse_alert_begin(pulse_alert_record *record);
extern pulse_alert_level pulse_alert_judge(const pulse_alert_limits *limits, pulse_alert_level before, double value);
extern pulse_alert_transition pulse_alert_step(const pulse_alert_policy *policy, const pulse_alert_limits *limits,
											   pulse_alert_record *record, int64_t now, double value);
extern int64_t pulse_alert_due(const pulse_alert_policy *policy, const pulse_alert_record *record, int64_t now);

#endif							/* PULSE_CORE_ALERT_H */
