#ifndef PULSE_BOT_H
#define PULSE_BOT_H

#include "config.h"
#include "leader.h"
#include "pace.h"
#include "pool.h"
#include "text.h"

/*
 * Answers people who write to the bot: commands and buttons, by long polling. Only the leader asks for updates. Who may
 * what is decided by the user's id; every command is kept in pulse.telegram_command, which also sees to it that an
 * update which comes twice is worked on once.
 */
struct bot;

extern struct bot *bot_open(struct loop *loop, struct leader *leader, struct pool *pool, struct pace *pace,
							const struct config *config);
extern void bot_configure(struct bot *bot, const struct config *config);
extern void bot_close(struct bot *bot);

/* Sends the chart of a portfolio, NULL = all, as an answer to a message; it may fail without harm. */
extern void bot_send_chart(struct bot *bot, const char *chat_id, const char *thread, const char *reply_to, const char *hours,
						   const char *portfolio);
extern bool bot_is_idle(const struct bot *bot);
extern void bot_metrics(const struct bot *bot, struct text *out);

#endif
