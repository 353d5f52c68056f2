#ifndef PULSE_SESSION_H
#define PULSE_SESSION_H

#include "api.h"

/* Logging in and out with a browser: a token is exchanged for a cookie that scripts cannot read. */
extern void session_log_in(struct api *api, struct exchange *exchange);
extern void session_log_out(struct api *api, struct exchange *exchange);
extern void session_describe(struct api *api, struct exchange *exchange);

#endif
