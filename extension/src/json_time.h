/*
 * Times as JSON has them.
 */
#ifndef PULSE_JSON_TIME_H
#define PULSE_JSON_TIME_H

#include "datatype/timestamp.h"

/* Writes a time as ISO 8601 in UTC with microseconds, as pulse.json_time() does. */
extern char *pulse_json_time(TimestampTz ts);

#endif							/* PULSE_JSON_TIME_H */
