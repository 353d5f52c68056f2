#ifndef PULSE_FIGURES_H
#define PULSE_FIGURES_H

#include "text.h"

#include <jansson.h>
#include <stdbool.h>

/* Lines of figures as people read them: money, percentages and signs, each in one way wherever it is told. */
extern void figures_value(struct text *out, const char *kind, const char *value);
extern void figures_line(struct text *out, const char *label, const char *kind, const char *value, const char *extra, bool html);
extern bool figures_report(struct text *out, json_t *report, bool html);

#endif
