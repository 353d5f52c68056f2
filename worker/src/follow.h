#ifndef PULSE_FOLLOW_H
#define PULSE_FOLLOW_H

#include "api.h"

/* Following the events over plain HTTP, for those who cannot have a WebSocket: long poll and server-sent events. */
extern bool follow_begin(struct api *api, struct exchange *exchange);
extern void follow_wake(struct api *api);

#endif
