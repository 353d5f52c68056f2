#ifndef PULSE_FORMAT_H
#define PULSE_FORMAT_H

#include "text.h"

/* Numbers as people read them. They come as decimal text and never pass through floating point, so no digit changes. */
extern bool format_is_number(const char *number);
extern void format_number(struct text *out, const char *number, int least_decimals, bool sign);
extern void format_percent(struct text *out, const char *fraction, bool sign);

#endif
