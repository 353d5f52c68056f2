#ifndef PULSE_JSON_H
#define PULSE_JSON_H

#include <jansson.h>
#include <stdbool.h>

/* Small questions to JSON that came from outside. */
extern json_t *json_at(json_t *root, const char *pointer);
extern char *json_text(json_t *value);
extern bool json_time_ms(const char *text, const char *unit, double *milliseconds, double *resolution);

#endif
