#ifndef PULSE_SINK_H
#define PULSE_SINK_H

#include "config.h"
#include "leader.h"
#include "logs.h"

/*
 * Sends the messages of the outbox to places besides Telegram. Each has its own queue in pulse.delivery_sink, its own
 * breaker and its own dead letters, so that one that is down costs the others nothing.
 */
struct sinks;

extern struct sinks *sinks_open(struct loop *loop, struct leader *leader, struct logs *logs, const struct config *config);
extern void sinks_configure(struct sinks *sinks, const struct config *config);
extern void sinks_wake(struct sinks *sinks);
extern void sinks_close(struct sinks *sinks);
extern void sinks_metrics(const struct sinks *sinks, struct text *out);

#endif
