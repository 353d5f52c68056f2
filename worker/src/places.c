#include "places.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* Frees what the places hold. */
void
places_free(struct places *places)
{
	for (int i = 0; i < places->topic_count; i++)
	{
		free(places->topics[i].name);
		free(places->topics[i].thread);
	}
	free(places->topics);
	*places = (struct places) {0};
}

/* Takes over a configuration. */
void
places_configure(struct places *places, const struct config *config)
{
	const struct config_list *list = &config->topics;

	places_free(places);
	places->buttons = config->commands && config->admins.count > 0;
	places->topics = memory_alloc_zero(sizeof(*places->topics) * (size_t) (list->count + 1));
	places->topic_count = list->count;
	for (int i = 0; i < list->count; i++)
	{
		size_t		name = strcspn(list->items[i], ":");

		places->topics[i] = (struct places_topic) {.name = memory_string_n(list->items[i], name),
			.thread = memory_string(list->items[i] + name + 1)};
	}
}

static const char *
find_topic(const struct places *places, const char *type, const char *priority)
{
	const char *by_priority = NULL;

	for (int i = 0; i < places->topic_count; i++)
	{
		if (strcmp(places->topics[i].name, type) == 0)
			return places->topics[i].thread;
		if (strcmp(places->topics[i].name, priority) == 0)
			by_priority = places->topics[i].thread;
	}
	return by_priority;
}

/* Finds out where a message goes. */
void
places_choose(const struct places *places, const struct outbox_message *message, const struct places_position *position,
			  struct telegram_place *place)
{
	bool		resolved = message->news != NULL && strcmp(message->news, "resolved") == 0;

	*place = (struct telegram_place) {.chat_id = position->chat_id,.html = position->html,
		.silent = strcmp(message->priority, "LOW") == 0};
	if (!position->second)
		place->thread = find_topic(places, message->type, message->priority);
	if (position->previous != NULL)
		place->reply_to = position->previous;
	else if (message->original != NULL && !position->second)
	{
		/* What is over changes the message that told of it; everything else follows it as an answer. */
		if (resolved && position->may_edit)
			place->edit = message->original;
		else
			place->reply_to = message->original;
	}
	if (places->buttons && message->alert_id != NULL && !resolved && position->last)
		place->alert_id = message->alert_id;
}
