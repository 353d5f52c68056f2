#include "pace.h"

#include "memory.h"
#include "rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHATS 32				/* that are remembered; those that were written to last */
#define PER_SECOND 30			/* messages to all chats together */

struct chat
{
	char		id[48];			/* "" = a free place */
	struct rate rate;
	int64_t		blocked_until;
	int64_t		used;
};

struct pace
{
	struct chat chats[CHATS];
	int64_t		sent[PER_SECOND];	/* times of the last messages to any chat, a ring */
	int			next;
	int64_t		blocked_until;	/* of all chats */
};

/* Opens an empty memory: nothing was sent yet. */
struct pace *
pace_open(void)
{
	struct pace *pace = memory_alloc_zero(sizeof(*pace));

	for (int i = 0; i < PER_SECOND; i++)
		pace->sent[i] = INT64_MIN / 2;
	return pace;
}

/* Frees it. */
void
pace_close(struct pace *pace)
{
	free(pace);
}

/* Finds what is known about a chat; the one that was not used for the longest time makes room for a new one. */
static struct chat *
find(struct pace *pace, const char *id, int64_t now)
{
	struct chat *oldest = &pace->chats[0];

	for (int i = 0; i < CHATS; i++)
	{
		struct chat *chat = &pace->chats[i];

		if (strcmp(chat->id, id) == 0)
		{
			chat->used = now;
			return chat;
		}
		if (chat->id[0] == '\0' || (oldest->id[0] != '\0' && chat->used < oldest->used))
			oldest = chat;
	}
	*oldest = (struct chat) {.used = now};
	snprintf(oldest->id, sizeof(oldest->id), "%s", id);
	/* Ids of groups and channels are negative, or names. */
	rate_init(&oldest->rate, id[0] == '-' || id[0] == '@', now);
	return oldest;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Returns how many milliseconds a message to a chat has to wait; 0 = go. */
int64_t
pace_wait(struct pace *pace, const char *chat, int reserve, int64_t now)
{
	struct chat *known = find(pace, chat, now);
	int64_t		wait = rate_wait(&known->rate, reserve, now);

	wait = later(wait, known->blocked_until - now);
	wait = later(wait, pace->blocked_until - now);
	return later(wait, pace->sent[pace->next] + 1000 - now);
}

/* Counts a message that goes out now, or went out at a time that lies back. */
void
pace_count(struct pace *pace, const char *chat, int64_t when)
{
	rate_count(&find(pace, chat, when)->rate, when);
	pace->sent[pace->next] = when;
	pace->next = (pace->next + 1) % PER_SECOND;
}

/* Telegram wants a pause for a chat. When several chats are told so at a time, it means the bot: then all of them wait. */
void
pace_block(struct pace *pace, const char *chat, int64_t until, int64_t now)
{
	struct chat *known = find(pace, chat, now);

	known->blocked_until = until;
	for (int i = 0; i < CHATS; i++)
	{
		if (&pace->chats[i] != known && pace->chats[i].id[0] != '\0' && pace->chats[i].blocked_until > now)
			pace->blocked_until = later(pace->blocked_until, until);
	}
}

/* Begins anew for a chat, for its history since a time is about to be told; a pause that Telegram wants goes on. */
void
pace_restart(struct pace *pace, const char *chat, int64_t since)
{
	struct chat *known = find(pace, chat, since);

	rate_init(&known->rate, known->rate.group, since);
}
