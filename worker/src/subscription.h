#ifndef PULSE_SUBSCRIPTION_H
#define PULSE_SUBSCRIPTION_H

#include "event.h"

#define SUBSCRIPTION_MAX_NAMES 64

struct name_list
{
	char	  **names;
	int			count;
};

/* What a client wants to get. */
struct subscription
{
	unsigned int types;			/* bit 1 << event_type */
	bool		chosen;			/* the client named types; before that it gets all */
	enum event_priority min_priority;	/* of alerts; state messages have no priority */
	struct name_list portfolios;	/* empty: all */
	struct name_list symbols;	/* of TRADE_ALERT; empty: all */
};

extern void subscription_init(struct subscription *subscription);
extern void subscription_free(struct subscription *subscription);
extern bool subscription_accepts(const struct subscription *subscription, const struct event *event);
extern void name_list_free(struct name_list *list);
extern bool name_list_has(const struct name_list *list, const char *name);

#endif
