#ifndef PULSE_PROBE_H
#define PULSE_PROBE_H

#include "config.h"
#include "leader.h"
#include "text.h"

/*
 * Asks exchanges and other addresses how they are, hundreds at a time, and reports each as the component api.NAME of
 * pulse_health(). Only the leader asks: the venues count the requests of this address.
 */
struct probes;

extern struct probes *probes_open(struct loop *loop, struct leader *leader, const struct config *config);
extern void probes_configure(struct probes *probes, const struct config *config);
extern void probes_close(struct probes *probes);
extern void probes_metrics(struct probes *probes, struct text *out);

#endif
