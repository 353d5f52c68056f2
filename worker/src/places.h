#ifndef PULSE_PLACES_H
#define PULSE_PLACES_H

#include "config.h"
#include "outbox.h"
#include "telegram.h"

/* Which chat, thread and message a message of the outbox belongs to. */
struct places_topic
{
	char	   *name;			/* a type of notification, or a priority */
	char	   *thread;
};

struct places
{
	struct places_topic *topics;
	int			topic_count;
	bool		buttons;
};

/* What the sender knows about the text that is about to go out. */
struct places_position
{
	const char *chat_id;		/* where it goes, as the chat is called now */
	bool		second;			/* it is the second chat, which knows nothing of what was said before */
	const char *previous;		/* message_id of the part before; NULL = this is the first */
	bool		last;			/* of the parts */
	bool		may_edit;
	bool		html;
};

extern void places_configure(struct places *places, const struct config *config);
extern void places_free(struct places *places);
extern void places_choose(const struct places *places, const struct outbox_message *message, const struct places_position *position,
						  struct telegram_place *place);

#endif
