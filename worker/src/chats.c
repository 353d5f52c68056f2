#include "chats.h"

#include "memory.h"
#include "rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char	chats_history_sql[] =
"SELECT (EXTRACT(epoch FROM pg_catalog.now() - recent.sent_at) * 1000)::bigint, recent.escalated,"
" (SELECT w.value #>> '{}' FROM pulse.worker_state w WHERE w.key = $1), (SELECT w.value #>> '{}' FROM pulse.worker_state w WHERE w.key = $2)"
" FROM (SELECT NULL::timestamptz AS sent_at, false AS escalated UNION ALL"
"  SELECT max(d.sent_at), COALESCE(d.data -> 'escalate' = 'true', false) FROM pulse.delivery d"
"  WHERE d.channel = 'telegram' AND d.status = 'sent' AND d.sent_at > pg_catalog.now() - interval '1 minute' GROUP BY d.external_id, 2) AS recent"
" ORDER BY recent.sent_at NULLS FIRST";

static void
set_string(char **field, const char *value)
{
	free(*field);
	*field = memory_string(value);
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Takes over a configuration; a chat that stays keeps what is known about it, and is tried at once. */
void
chats_configure(struct chats *chats, const struct config *config)
{
	const char *const configured[CHAT_ROLES] = {config->chat_id, config->escalation_chat_id};

	for (int i = 0; i < CHAT_ROLES; i++)
	{
		struct chats_one *chat = &chats->all[i];

		chat->closed_until = 0;
		if (same(chat->configured, configured[i]))
			continue;
		set_string(&chat->configured, configured[i]);
		set_string(&chat->id, configured[i]);
		chat->refused = false;
	}
}

/* Frees what the chats hold. */
void
chats_free(struct chats *chats)
{
	for (int i = 0; i < CHAT_ROLES; i++)
	{
		free(chats->all[i].configured);
		free(chats->all[i].id);
	}
}

/* Writes the key of pulse.worker_state under which a chat's new id is kept. */
void
chats_key(const struct chats *chats, enum chat_role role, char *key, size_t size)
{
	snprintf(key, size, "telegram.moved.%s", chats->all[role].configured != NULL ? chats->all[role].configured : "");
}

/* A restart must not give a fresh burst: what went out in the last minute counts. */
void
chats_read_history(struct chats *chats, const PGresult *result, int64_t now)
{
	bool		second = chats->all[CHAT_SECOND].id != NULL;

	for (int i = 0; i < CHAT_ROLES && PQntuples(result) > 0; i++)
	{
		if (!PQgetisnull(result, 0, 2 + i) && chats->all[i].id != NULL)
			set_string(&chats->all[i].id, PQgetvalue(result, 0, 2 + i));
	}
	for (int i = 0; i < CHAT_ROLES; i++)
	{
		if (chats->all[i].id != NULL)
			pace_restart(chats->pace, chats->all[i].id, now - RATE_WINDOW_MS);
	}
	for (int row = 0; row < PQntuples(result); row++)
	{
		bool		escalated = second && PQgetvalue(result, row, 1)[0] == 't';

		if (!PQgetisnull(result, row, 0))
			pace_count(chats->pace, chats->all[escalated ? CHAT_SECOND : CHAT_MAIN].id, now - atoll(PQgetvalue(result, row, 0)));
	}
}

/*
 * Returns how many milliseconds to wait until one of the chats may be written to, until all may, and which are open now:
 * main, second or both.
 */
int64_t
chats_wait(struct chats *chats, int64_t now, const char **open, int64_t *until_all)
{
	int64_t		wait[CHAT_ROLES];

	for (int i = 0; i < CHAT_ROLES; i++)
	{
		struct chats_one *chat = &chats->all[i];

		if (chat->id == NULL)
		{
			/* Without a second chat everything goes to the first. */
			wait[i] = wait[CHAT_MAIN];
			continue;
		}
		wait[i] = pace_wait(chats->pace, chat->id, PACE_NOTIFICATION, now);
		if (chat->closed_until - now > wait[i])
			wait[i] = chat->closed_until - now;
	}
	*open = wait[CHAT_SECOND] > 0 ? "main" : wait[CHAT_MAIN] > 0 ? "second" : "both";
	*until_all = wait[CHAT_MAIN] > wait[CHAT_SECOND] ? wait[CHAT_MAIN] : wait[CHAT_SECOND];
	return wait[CHAT_MAIN] < wait[CHAT_SECOND] ? wait[CHAT_MAIN] : wait[CHAT_SECOND];
}

/* A group became a supergroup: the old id never works again. */
void
chats_move(struct chats *chats, enum chat_role role, const char *id)
{
	set_string(&chats->all[role].id, id);
}

/* The bot may not write to a chat, which is left alone for a while. */
void
chats_close(struct chats *chats, enum chat_role role, int64_t until)
{
	chats->all[role].refused = true;
	chats->all[role].closed_until = until;
}

/* A chat takes messages; tells whether it had been refusing them. */
bool
chats_open(struct chats *chats, enum chat_role role)
{
	bool		before = chats->all[role].refused;

	chats->all[role].refused = false;
	return before;
}

/* Tells whether the bot may not write to one of them. */
bool
chats_refused(const struct chats *chats)
{
	return chats->all[CHAT_MAIN].refused || chats->all[CHAT_SECOND].refused;
}
