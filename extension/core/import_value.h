#ifndef PULSE_IMPORT_VALUE_H
#define PULSE_IMPORT_VALUE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reading the cells of exchange exports. Numbers stay decimal text from the file to the database. The functions return
 * what is wrong with a cell, or NULL.
 */
#define VALUE_NUMBER_SIZE 96
#define VALUE_UNIT_SIZE 32
#define VALUE_TIME_SIZE 128
#define VALUE_ZONE_SIZE 64

extern const char *value_number(const char *cell, char *number);
extern const char *value_number_with_unit(const char *cell, const char *known_unit, char *number, char *unit);
extern bool value_is_zero(const char *number);
extern const char *value_time(const char *cell, const char *zone, bool short_years, char *time);
extern const char *value_offset(const char *text, char *zone);
extern bool value_name(const char *cell, char *name, size_t size);
extern const char *value_trim(const char *cell, size_t *length);

#endif
