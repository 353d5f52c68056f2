/*
 * Alerts as SQL has them: rows to the structs of core/alert.h and back.
 */
#ifndef PULSE_ALERT_ARGUMENTS_H
#define PULSE_ALERT_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

#include "core/alert.h"
#include "core/band.h"

/* As many arguments describe a rule's thresholds and its policy. */
#define PULSE_ALERT_LIMIT_ARGUMENTS 4
#define PULSE_ALERT_POLICY_ARGUMENTS 6

extern void pulse_alert_limits_from(FunctionCallInfo fcinfo, int first, pulse_alert_limits *limits);
extern void pulse_alert_policy_from(FunctionCallInfo fcinfo, int first, pulse_alert_policy *policy);
extern int64 pulse_alert_span(FunctionCallInfo fcinfo, int argument);
extern double pulse_alert_float(FunctionCallInfo fcinfo, int argument);
extern const char *pulse_alert_state_name(pulse_alert_state state);
extern const char *pulse_alert_transition_name(pulse_alert_transition transition);

#endif							/* PULSE_ALERT_ARGUMENTS_H */
