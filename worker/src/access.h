#ifndef PULSE_ACCESS_H
#define PULSE_ACCESS_H

#include "auth.h"
#include "config.h"
#include "peers.h"

struct lws;

/* Who may come in: where a request comes from, what it calls us, and whom its credentials stand for. */

struct access
{
	const struct config *config;
	struct auth *auth;
	struct peers *peers;
};

/* What the headers of a request or handshake say. status is 0 when it may come in, else what to refuse it with. */
struct visitor
{
	int			status;
	const char *title;
	const char *detail;
	char		host[160];		/* as the client wrote it, checked */
	char		origin[160];	/* of another site that may read the response, "" when there is none */
	struct peer *peer;
	struct principal *principal;	/* NULL: did not say who it is; no reference is held */
	char		session[AUTH_TOKEN_SIZE + 16];	/* the session of its cookie, "" when it came otherwise */
};

extern bool access_admit(const struct access *access, struct lws *wsi, struct visitor *visitor);
extern struct principal *access_check_token(const struct access *access, struct peer *peer, const char *token,
											struct visitor *refusal);

#endif
