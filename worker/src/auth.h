#ifndef PULSE_AUTH_H
#define PULSE_AUTH_H

#include "config.h"
#include "database.h"
#include "subscription.h"

/*
 * Who a client is and what it may do. The valid tokens are kept in memory, as hashes, so that a handshake need not wait
 * for the database and an outage locks nobody out; a notification tells when they have changed.
 */
struct auth;

enum scope
{
	SCOPE_NONE,
	SCOPE_READ,
	SCOPE_OPERATE,
	SCOPE_ADMIN
};

/* Shared by everyone who came with the same token; whoever keeps it holds a reference. */
struct principal
{
	int			references;
	int64_t		token_id;		/* 0: nobody had to say who he is */
	int64_t		parent;			/* of a session: the token that it logged in with */
	char	   *name;			/* for the log and as "by"; never NULL */
	enum scope	scope;
	bool		limited;		/* to portfolios */
	struct name_list portfolios;
	int64_t		expires_us;		/* since 1970; 0 = never */
	bool		valid;			/* false once it is revoked or has expired */
	bool		used;			/* since the last note in the database */
	unsigned char hash[32];
};

#define AUTH_MAX_TOKEN 200
#define AUTH_TOKEN_SIZE 64

extern struct auth *auth_open(struct loop *loop, struct database *database, const struct config *config,
							  void (*changed) (void *arg), void *arg);
extern void auth_close(struct auth *auth);
extern void auth_configure(struct auth *auth, const struct config *config);
extern void auth_refresh(struct auth *auth);

extern bool auth_is_required(const struct auth *auth);
extern bool auth_is_loaded(const struct auth *auth);
extern struct principal *auth_anonymous(struct auth *auth);
extern struct principal *auth_find(struct auth *auth, const char *token);

extern bool auth_log_in(struct auth *auth, const struct principal *principal, char *session, size_t size,
						void (*done) (void *arg, bool logged_in), void *arg);
extern void auth_log_out(struct auth *auth, const char *session);
extern void auth_forget(struct auth *auth, const void *arg);

extern struct principal *principal_hold(struct principal *principal);
extern void principal_release(struct principal *principal);
extern bool principal_sees(const struct principal *principal, const char *portfolio);
extern bool principal_may_get(const struct principal *principal, const struct event *event);
extern const char *scope_name(enum scope scope);

extern bool auth_make_token(char *buffer, size_t size, const char *prefix);
extern void auth_hash(const char *token, unsigned char hash[32]);
extern void auth_hash_text(const char *token, char *buffer, size_t size);

#endif
