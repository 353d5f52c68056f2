#ifndef PULSE_DELIVERY_H
#define PULSE_DELIVERY_H

#include "bot.h"
#include "config.h"
#include "leader.h"
#include "logs.h"
#include "loop.h"
#include "pace.h"

/*
 * Sends the outbox pulse.delivery to Telegram. Of all workers on one database the one that holds the advisory lock
 * sends; what it is about to send is leased in the table, so that a crash leaves a trace of what may have gone out.
 */
struct delivery;

struct delivery_counters
{
	uint64_t	sent;
	uint64_t	failed;
	uint64_t	limited;		/* answers 429 */
	uint64_t	ambiguous;
	uint64_t	dead;
};

extern struct delivery *delivery_open(struct loop *loop, struct leader *leader, struct logs *logs, struct pace *pace,
									  const struct config *config);
extern void delivery_set_bot(struct delivery *delivery, struct bot *bot);
extern void delivery_configure(struct delivery *delivery, const struct config *config);
extern void delivery_wake(struct delivery *delivery);
extern void delivery_drain(struct delivery *delivery);
extern void delivery_close(struct delivery *delivery);

extern bool delivery_is_idle(const struct delivery *delivery);
extern bool delivery_is_up(const struct delivery *delivery);
extern bool delivery_is_leader(const struct delivery *delivery);
extern const struct delivery_counters *delivery_counters(const struct delivery *delivery);

#endif
