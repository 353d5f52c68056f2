#ifndef PULSE_SIGNALS_H
#define PULSE_SIGNALS_H

#include "loop.h"

/* Signals arrive as events of the loop: SIGHUP reloads, SIGTERM and SIGINT stop, SIGUSR2 stops for a restart. */
struct signals;

extern struct signals *signals_open(struct loop *loop, void (*handle) (void *arg, int signal_number), void *arg);
extern void signals_close(struct signals *signals);

#endif
