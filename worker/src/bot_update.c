#include "bot_update.h"

#include "json.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
read_user(struct bot_update *update, json_t *from)
{
	const char *user = json_string_value(json_object_get(from, "username"));
	const char *first = json_string_value(json_object_get(from, "first_name"));

	update->user = json_integer_value(json_object_get(from, "id"));
	if (user != NULL)
		snprintf(update->name, sizeof(update->name), "@%.60s", user);
	else
		snprintf(update->name, sizeof(update->name), "%.20s (%lld)", first != NULL ? first : "user", (long long) update->user);
}

static void
read_message(struct bot_update *update, json_t *message)
{
	update->chat = json_integer_value(json_at(message, "/chat/id"));
	update->message = json_integer_value(json_object_get(message, "message_id"));
	if (json_is_true(json_object_get(message, "is_topic_message")))
		update->thread = json_integer_value(json_object_get(message, "message_thread_id"));
}

static void
read_update(struct bot_update *update, json_t *item)
{
	json_t	   *message = json_object_get(item, "message");
	json_t	   *button = json_object_get(item, "callback_query");
	const char *text = json_string_value(json_object_get(message, "text"));
	const char *data = json_string_value(json_object_get(button, "data"));
	const char *callback = json_string_value(json_object_get(button, "id"));

	*update = (struct bot_update) {.id = json_integer_value(json_object_get(item, "update_id"))};
	if (text != NULL && command_parse(text, &update->call))
	{
		read_user(update, json_object_get(message, "from"));
		read_message(update, message);
	}
	else if (data != NULL && callback != NULL && command_parse_button(data, &update->call))
	{
		read_user(update, json_object_get(button, "from"));
		read_message(update, json_object_get(button, "message"));
		snprintf(update->callback, sizeof(update->callback), "%s", callback);
	}
	else
		update->call.command = NULL;
	/* Who sends it is all that authorises: without a sender there is nothing. */
	if (update->user <= 0)
		update->call.command = NULL;
}

/* Reads the answer of getUpdates; returns false when it is none. */
bool
bot_updates_read(struct bot_updates *updates, const struct transfer_result *result)
{
	json_t	   *body = result->complete ? json_loadb(result->body, result->length, 0, NULL) : NULL;
	json_t	   *list = json_object_get(body, "result");
	bool		good = json_is_true(json_object_get(body, "ok")) && json_is_array(list);
	json_t	   *item;
	size_t		i;

	*updates = (struct bot_updates) {0};
	if (good)
	{
		updates->all = memory_alloc_zero(sizeof(*updates->all) * BOT_MAX_UPDATES);
		json_array_foreach(list, i, item)
		{
			if (updates->count < BOT_MAX_UPDATES)
				read_update(&updates->all[updates->count++], item);
		}
	}
	json_decref(body);
	return good;
}

/* Frees the updates. */
void
bot_updates_free(struct bot_updates *updates)
{
	free(updates->all);
	*updates = (struct bot_updates) {0};
}
