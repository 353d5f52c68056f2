#include "subscription.h"

#include <stdlib.h>
#include <string.h>

/* Starts with everything, which is what a client gets that never subscribes. */
void
subscription_init(struct subscription *subscription)
{
	*subscription = (struct subscription) {.types = EVENT_ALL_TYPES,.min_priority = PRIORITY_LOW};
}

/* Frees the lists. */
void
subscription_free(struct subscription *subscription)
{
	name_list_free(&subscription->portfolios);
	name_list_free(&subscription->symbols);
}

/* Frees the names and leaves an empty list. */
void
name_list_free(struct name_list *list)
{
	for (int i = 0; i < list->count; i++)
		free(list->names[i]);
	free(list->names);
	*list = (struct name_list) {0};
}

/* Tells whether a name is in the list. */
bool
name_list_has(const struct name_list *list, const char *name)
{
	for (int i = 0; i < list->count; i++)
	{
		if (strcmp(list->names[i], name) == 0)
			return true;
	}
	return false;
}

/* Tells whether the client wants this event. What concerns no portfolio in particular concerns everyone. */
bool
subscription_accepts(const struct subscription *subscription, const struct event *event)
{
	if ((subscription->types & (1u << event->type)) == 0)
		return false;
	if (!event_is_state(event) && event->priority < subscription->min_priority)
		return false;
	if (subscription->portfolios.count > 0 && event->portfolio != NULL &&
		!name_list_has(&subscription->portfolios, event->portfolio))
		return false;
	if (subscription->symbols.count > 0 && event->type == EVENT_TRADE_ALERT &&
		(event->key == NULL || !name_list_has(&subscription->symbols, event->key)))
		return false;
	return true;
}
