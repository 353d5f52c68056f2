#ifndef PULSE_BOT_UPDATE_H
#define PULSE_BOT_UPDATE_H

#include "commands.h"
#include "transfer.h"

#include <stdint.h>

/* What people sent to the bot, as getUpdates tells it. No state and no I/O. */
struct bot_update
{
	int64_t		id;
	int64_t		user;
	int64_t		chat;
	int64_t		thread;			/* of a forum; 0 = none */
	int64_t		message;		/* that the command stands in, or that carries the button */
	char		name[100];		/* @user, or the first name */
	char		callback[100];	/* id of a button's press; "" = a command */
	struct command_call call;	/* its command is NULL when this is nothing for us */
	bool		allowed;
};

#define BOT_MAX_UPDATES 100

struct bot_updates
{
	struct bot_update *all;
	int			count;
};

extern bool bot_updates_read(struct bot_updates *updates, const struct transfer_result *result);
extern void bot_updates_free(struct bot_updates *updates);

#endif
