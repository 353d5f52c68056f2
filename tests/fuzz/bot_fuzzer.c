/* What people send to the bot, as getUpdates tells it: any JSON from the network, and commands and buttons inside of it that are well formed. */
/* build: -Iworker/src worker/src/bot_update.c worker/src/commands.c worker/src/json.c worker/src/memory.c worker/src/text.c worker/src/telegram.c worker/src/format.c */
/* libraries: jansson */
#include "bot_update.h"
#include "memory.h"
#include "telegram.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Whatever came, a call that was understood stays within its bounds and has a sender. */
static void
check(const struct bot_updates *updates)
{
	if (updates->count < 0 || updates->count > BOT_MAX_UPDATES)
		abort();
	for (int i = 0; i < updates->count; i++)
	{
		const struct bot_update *update = &updates->all[i];
		const struct command_call *call = &update->call;

		if (strlen(update->name) >= sizeof(update->name) || strlen(update->callback) >= sizeof(update->callback))
			abort();
		if (call->command == NULL)
			continue;
		if (update->user <= 0 || call->command < commands || call->command >= commands + command_count)
			abort();
		if (strlen(call->first) >= sizeof(call->first) || strlen(call->second) >= sizeof(call->second) || strlen(call->rest) >= sizeof(call->rest))
			abort();
		if (call->command->sql != NULL)
			free(command_sql(call->command, "public"));
	}
}

static void
read_answer(const char *bytes, size_t length)
{
	struct transfer_result result = {.status = 200,.body = bytes,.length = length,.complete = true,.written = true,.problem = ""};
	struct bot_updates updates;

	if (bot_updates_read(&updates, &result))
		check(&updates);
	bot_updates_free(&updates);
}

/* The same words as a message and as a button of somebody, so that every input reaches the parsers behind the JSON. */
static void
read_words(const char *bytes, size_t length)
{
	json_t	   *words = json_stringn(bytes, length);
	json_t	   *body;
	char	   *text;

	if (words == NULL)
		return;
	body = json_pack("{s:b, s:[{s:i, s:{s:O, s:{s:i, s:O}, s:{s:i}, s:i}}, {s:i, s:{s:s, s:O, s:{s:i}, s:{s:i, s:{s:i}}}}]}", "ok", 1, "result",
					 "update_id", 1, "message", "text", words, "from", "id", 7, "username", words, "chat", "id", 5, "message_id", 3,
					 "update_id", 2, "callback_query", "id", "x", "data", words, "from", "id", 7, "message", "message_id", 4, "chat", "id", 5);
	text = json_dumps(body, 0);
	read_answer(text, strlen(text));
	free(text);
	json_decref(body);
	json_decref(words);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char	   *bytes;

	if (size < 2)
		return 0;
	bytes = memory_string_n((const char *) data + 1, size - 1);
	if (data[0] % 2 == 0)
		read_answer(bytes, size - 1);
	else
		read_words(bytes, size - 1);
	free(bytes);
	return 0;
}
