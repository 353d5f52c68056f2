#ifndef PULSE_CHATS_H
#define PULSE_CHATS_H

#include "config.h"
#include "pace.h"

#include <libpq-fe.h>

/* The two chats of the outbox: what each is called now, and when it may be written to. */
enum chat_role
{
	CHAT_MAIN,
	CHAT_SECOND,				/* gets what nobody acknowledges */
	CHAT_ROLES
};

struct chats_one
{
	char	   *configured;		/* NULL = there is none */
	char	   *id;				/* differs from it when a group became a supergroup */
	int64_t		closed_until;	/* monotonic milliseconds; the bot may not write there */
	bool		refused;
};

struct chats
{
	struct pace *pace;
	struct chats_one all[CHAT_ROLES];
};

/* Ages of what was sent lately in milliseconds, to which chat, and what the chats of the keys $1 and $2 are called. */
extern const char chats_history_sql[];

extern void chats_configure(struct chats *chats, const struct config *config);
extern void chats_free(struct chats *chats);
extern void chats_key(const struct chats *chats, enum chat_role role, char *key, size_t size);
extern void chats_read_history(struct chats *chats, const PGresult *result, int64_t now);
extern int64_t chats_wait(struct chats *chats, int64_t now, const char **open, int64_t *until_all);
extern void chats_move(struct chats *chats, enum chat_role role, const char *id);
extern void chats_close(struct chats *chats, enum chat_role role, int64_t until);
extern bool chats_open(struct chats *chats, enum chat_role role);
extern bool chats_refused(const struct chats *chats);

#endif
