#ifndef PULSE_PACE_H
#define PULSE_PACE_H

#include <stdint.h>

/*
 * How fast the bot may write, chat by chat and altogether. The sender of the outbox and the bot's answers to people share
 * it, because Telegram counts them together. Times are monotonic milliseconds.
 */
struct pace;

/* Answers to people leave room for one message of the outbox: an alarm does not queue behind a conversation. */
#define PACE_NOTIFICATION 0
#define PACE_ANSWER 1

extern struct pace *pace_open(void);
extern void pace_close(struct pace *pace);
extern int64_t pace_wait(struct pace *pace, const char *chat, int reserve, int64_t now);
extern void pace_count(struct pace *pace, const char *chat, int64_t when);
extern void pace_block(struct pace *pace, const char *chat, int64_t until, int64_t now);
extern void pace_restart(struct pace *pace, const char *chat, int64_t since);

#endif
