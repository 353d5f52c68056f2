#ifndef PULSE_METRICS_H
#define PULSE_METRICS_H

#include "api.h"
#include "text.h"

extern void metrics_write(struct text *out, const struct api *api);

#endif
