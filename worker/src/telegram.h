#ifndef PULSE_TELEGRAM_H
#define PULSE_TELEGRAM_H

#include "text.h"
#include "transfer.h"

#include <stdint.h>

/* What the Bot API wants to be told, and what its answers mean. No state and no I/O. */

/* A message out of the outbox; all text as the database gave it. */
struct telegram_message
{
	const char *id;				/* delivery_id, names a possible repeat */
	const char *type;
	const char *priority;
	const char *portfolio;		/* NULL = none in particular */
	const char *title;
	const char *message;
	const char *data;			/* JSON object */
	const char *time;			/* in the configured zone */
	const char *zone;
	int			part;			/* of a text that is too long for one message, from 0 */
	int			duplicates;		/* suppressed ones that this message stands for */
	bool		resolved;		/* good news about an alert */
	bool		repeat;			/* an earlier send of it had an unknown outcome */
};

/* Where and how a text goes. */
struct telegram_place
{
	const char *chat_id;
	const char *thread;			/* of a forum; NULL = none */
	const char *reply_to;		/* message_id; NULL = none */
	const char *edit;			/* message_id whose text this replaces; NULL = a new message */
	const char *alert_id;		/* gets buttons; NULL = none */
	bool		html;
	bool		silent;
};

enum telegram_verdict
{
	TELEGRAM_SENT,
	TELEGRAM_LIMITED,			/* 429: wait retry_after seconds; no attempt used */
	TELEGRAM_PLAIN,				/* the entities were refused: once more as plain text */
	TELEGRAM_MOVED,				/* the chat has another id now: once more to new_chat */
	TELEGRAM_REFUSED,			/* this message will never be taken */
	TELEGRAM_BAD_TOKEN,
	TELEGRAM_BAD_CHAT,			/* the bot may not write there */
	TELEGRAM_FAILED,			/* not delivered; try again later */
	TELEGRAM_AMBIGUOUS			/* perhaps delivered */
};

struct telegram_answer
{
	enum telegram_verdict verdict;
	char		message_id[32];
	int64_t		retry_after;	/* seconds */
	char		new_chat[32];
	char		description[256];	/* one line, for log and table */
};

#define TELEGRAM_MAX_TEXT 4096

extern void telegram_url(struct text *out, const char *api_base, const char *token, const char *method);
extern void telegram_compose(struct text *out, const struct telegram_message *message, bool html);
extern int	telegram_part_count(const struct telegram_message *message);
extern void telegram_request(struct text *out, const struct telegram_place *place, const char *text);
extern const char *telegram_method(const struct telegram_place *place);
extern void telegram_judge(const struct transfer_result *result, struct telegram_answer *answer);
extern size_t telegram_length(const char *text);

#endif
