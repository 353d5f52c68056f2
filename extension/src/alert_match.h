/*
 * Patterns of names.
 */
#ifndef PULSE_ALERT_MATCH_H
#define PULSE_ALERT_MATCH_H

#include "postgres.h"

#include "utils/array.h"

/* Whether one of the patterns fits a name and no excluding one does; NULL patterns fit all, a NULL name is an empty one. */
extern bool pulse_name_matches(ArrayType *patterns, const text *name);

#endif							/* PULSE_ALERT_MATCH_H */
