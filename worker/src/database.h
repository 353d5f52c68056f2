#ifndef PULSE_DATABASE_H
#define PULSE_DATABASE_H

#include "loop.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One asynchronous PostgreSQL connection: connects with backoff, looks for the extension, and runs queued queries one
 * after the other. A query that was queued or under way when the connection is lost is answered with an error; nothing
 * is silently run twice.
 */
struct database;

enum database_state
{
	DATABASE_CLOSED,
	DATABASE_CONNECTING,
	DATABASE_GREETING,			/* connected, asking what is on the other side */
	DATABASE_NO_EXTENSION,		/* connected, but CREATE EXTENSION pulse has not been run there */
	DATABASE_MISMATCH,			/* connected, but the extension's version is one that we cannot serve */
	DATABASE_READY,
	DATABASE_WAITING			/* lost or refused; the next attempt is set */
};

/* What the greeting found out. */
struct database_facts
{
	char		version[32];	/* of the extension, "" when there is none */
	char	   *schema;			/* schema of its functions, quoted for SQL */
	int			server_version;
	int			backend_pid;
	bool		pooled;			/* a connection pooler stands in between */
	bool		standby;		/* in recovery: read only, no LISTEN */
	bool		has_health;		/* pulse_record_health() is there */
	bool		has_heartbeat;	/* pulse_heartbeat() is there */
	bool		hands_over;		/* pulse.follow_events() is there, for us too */
	bool		narrows;		/* pulse.answer_within() is there, and can hide portfolios from our role */
};

struct database_reply
{
	PGresult   *result;			/* NULL when there is none; owned by the connection, valid during the callback */
	const char *sqlstate;		/* "" when the query succeeded, "08000" when the connection was lost */
	const char *message;		/* one line, for the log */
};

typedef void (*database_reply_fn) (void *arg, const struct database_reply *reply);

struct database_owner
{
	void		(*ready) (void *arg);	/* the connection can be used; also after every reconnect */
	void		(*lost) (void *arg);	/* it was ready and is not any more */
	void		(*notified) (void *arg, const char *channel, const char *payload);
	void	   *arg;
};

#define DATABASE_MAX_PARAMETERS 12

/* A query; the strings are copied. Integers are passed as text, NULL is NULL. */
struct database_query
{
	const char *sql;
	const char *parameters[DATABASE_MAX_PARAMETERS];
	int			parameter_count;
	int			timeout_ms;		/* 0 = the connection's default */
	bool		prepare;		/* worth a prepared statement on connections that can keep one */
	database_reply_fn reply;
	void	   *arg;
};

extern struct database *database_open(struct loop *loop, const char *name, const char *dsn,
									  const struct database_owner *owner);
extern void database_close(struct database *database);
extern bool database_query(struct database *database, const struct database_query *query);
extern void database_forget(struct database *database, const void *arg);
extern void database_reconnect(struct database *database, const char *reason);
extern void database_set_dsn(struct database *database, const char *dsn);
extern bool database_is_ready(const struct database *database);
extern enum database_state database_state(const struct database *database);
extern const struct database_facts *database_facts(const struct database *database);
extern const char *database_problem(const struct database *database);
extern const char *database_check_dsn(const char *dsn);

#endif
