/*
 * Reading the data of events.
 */
#ifndef PULSE_EVENT_DATA_H
#define PULSE_EVENT_DATA_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Finds a string in an object; false where there is null, or nothing. */
static inline bool
pulse_find_string(JsonbContainer *object, const char *key, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(object, key, (int) strlen(key), value) != NULL && value->type == jbvString;
}

#endif							/* PULSE_EVENT_DATA_H */
