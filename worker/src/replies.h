#ifndef PULSE_REPLIES_H
#define PULSE_REPLIES_H

#include "config.h"
#include "loop.h"
#include "pace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the bot says to people: kept in memory and in order for each chat, at the pace that Telegram allows, and sent again
 * when Telegram wants a pause or cannot be reached, within reason. What is older than a conversation is dropped.
 */
struct replies;

/* Strings and body are copied. */
struct reply
{
	const char *method;
	const char *chat;			/* NULL: an answer to a button, which belongs to no chat and cannot wait */
	const char *headers;
	const char *body;
	size_t		length;
	int64_t		update;			/* what it answers; 0 = nothing */
};

/* Hears of a reply that was given up. */
typedef void (*replies_fn) (void *arg, int64_t update, const char *why);

extern struct replies *replies_open(struct loop *loop, struct pace *pace, replies_fn dropped, void *arg);
extern void replies_configure(struct replies *replies, const struct config *config);
extern void replies_send(struct replies *replies, const struct reply *reply);
extern bool replies_are_many(const struct replies *replies);
extern bool replies_are_none(const struct replies *replies);
extern void replies_close(struct replies *replies);

#endif
