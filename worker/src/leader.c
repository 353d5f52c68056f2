#include "leader.h"

#include "log.h"
#include "memory.h"
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "Puls" and the number of the role; other software is unlikely to lock the same pair. */
#define LOCK_CLASS "1349872755"
#define LOCK_OBJECT "1"

#define TRY_MS 2000
#define CHECK_MS 3000
#define MAX_OWNERS 8

struct leader
{
	struct loop *loop;
	struct database *database;
	struct leader_owner owners[MAX_OWNERS];
	int			owner_count;
	struct loop_timer timer;
	struct progress progress;	/* of asking for the lock, or proving it */
	char		name[96];		/* of this process, also after a reconnect */
	char		epoch[24];		/* of this term; "" when not leading */
	bool		said_pooled;
};

static void
give_up(struct leader *leader, const char *reason)
{
	if (leader->epoch[0] == '\0')
		return;
	log_warning("leader", "not leading any more: %s", reason);
	leader->epoch[0] = '\0';
	for (int i = 0; i < leader->owner_count; i++)
		leader->owners[i].lost(leader->owners[i].arg);
}

/* Whatever the server says about the lock is progress; that it is gone is known and tried again. */
static void
answered(struct leader *leader, const struct database_reply *reply)
{
	if (reply->result != NULL || strcmp(reply->sqlstate, "08000") != 0)
		progress_move(&leader->progress, loop_now_ms());
}

/*
 * The lock is asked for by the statement that also gives the term its number: a transaction id, which the server never
 * gives twice. The same statement later on proves that the lock is still ours.
 */
static void
tried(void *arg, const struct database_reply *reply)
{
	struct leader *leader = arg;

	answered(leader, reply);
	if (reply->result == NULL)
	{
		if (strcmp(reply->sqlstate, "08000") != 0)
			log_error("leader", "cannot ask for the lock: %s", reply->message);
		return;
	}
	if (PQgetisnull(reply->result, 0, 0))
		return;
	snprintf(leader->epoch, sizeof(leader->epoch), "%s", PQgetvalue(reply->result, 0, 0));
	log_info("leader", "leading, term %s", leader->epoch);
	loop_timer_set(leader->loop, &leader->timer, CHECK_MS);
	for (int i = 0; i < leader->owner_count; i++)
		leader->owners[i].gained(leader->owners[i].arg);
}

static void
checked(void *arg, const struct database_reply *reply)
{
	struct leader *leader = arg;

	answered(leader, reply);
	if (reply->result != NULL && PQntuples(reply->result) == 0)
	{
		give_up(leader, "the lock is gone");
		database_reconnect(leader->database, "the session lost its advisory lock");
	}
}

static void
timer_due(void *arg)
{
	struct leader *leader = arg;
	struct database_query attempt = {
		.sql = "SELECT CASE WHEN pg_catalog.pg_try_advisory_lock(" LOCK_CLASS ", " LOCK_OBJECT ")"
		" THEN pg_catalog.pg_current_xact_id()::text END",
		.reply = tried,
		.arg = leader
	};
	struct database_query check = {
		.sql = "SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND classid = " LOCK_CLASS
		" AND objid = " LOCK_OBJECT " AND objsubid = 2 AND pid = pg_catalog.pg_backend_pid() AND granted"
		" AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
		.timeout_ms = 10000,
		.reply = checked,
		.arg = leader
	};
	bool		leads = leader->epoch[0] != '\0';

	loop_timer_set(leader->loop, &leader->timer, leads ? CHECK_MS : TRY_MS);
	database_query(leader->database, leads ? &check : &attempt);
}

static void
prepared(void *arg, const struct database_reply *reply)
{
	struct leader *leader = arg;

	if (reply->result == NULL)
		log_warning("leader", "the session's time-outs could not be set: %s", reply->message);
	if (!database_is_ready(leader->database))
		return;
	progress_move(&leader->progress, loop_now_ms());
	for (int i = 0; i < leader->owner_count; i++)
	{
		if (leader->owners[i].connected != NULL)
			leader->owners[i].connected(leader->owners[i].arg);
	}
	loop_timer_set(leader->loop, &leader->timer, 0);
}

/* A process that is stopped or stuck stops asking; the server then ends its session, and with it the lock. */
static void
connected(void *arg)
{
	struct leader *leader = arg;
	const struct database_facts *facts = database_facts(leader->database);
	struct database_query query = {
		.sql = "SELECT pg_catalog.set_config('idle_session_timeout', '7s', false),"
		" pg_catalog.set_config('idle_in_transaction_session_timeout', '7s', false),"
		" pg_catalog.set_config('statement_timeout', '20s', false)",
		.reply = prepared,
		.arg = leader
	};

	if (facts->standby || facts->pooled)
	{
		if (!leader->said_pooled)
			log_warning("leader", "%s", facts->standby ? "the server is a standby: nothing is sent from here"
						: "a pooler stands before the server, where a session's lock cannot be trusted; listen_dsn must name"
						" a direct connection before anything is sent");
		leader->said_pooled = true;
		return;
	}
	leader->said_pooled = false;
	database_query(leader->database, &query);
}

static void
disconnected(void *arg)
{
	struct leader *leader = arg;

	loop_timer_cancel(leader->loop, &leader->timer);
	progress_rest(&leader->progress);
	give_up(leader, "the connection is lost");
}

/* Makes a contender that does not strive for anything before leader_configure(). */
struct leader *
leader_open(struct loop *loop)
{
	struct leader *leader = memory_alloc_zero(sizeof(*leader));
	char		host[64] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(leader->name, sizeof(leader->name), "%s:%ld:%08" PRIx32, host, (long) getpid(), (uint32_t) loop_random());
	leader->loop = loop;
	leader->timer = (struct loop_timer) {.fn = timer_due,.arg = leader};
	progress_join(&leader->progress, "the leader's lock");
	return leader;
}

/* Adds a duty, which must stay until the leader is closed. */
void
leader_join(struct leader *leader, const struct leader_owner *owner)
{
	if (leader->owner_count == MAX_OWNERS)
		abort();
	leader->owners[leader->owner_count++] = *owner;
}

/* Strives for leadership of a database; with NULL, gives it up because there is nothing to do. */
void
leader_configure(struct leader *leader, const char *dsn)
{
	struct database_owner owner = {.ready = connected,.lost = disconnected,.arg = leader};

	if (dsn != NULL && leader->database != NULL)
		database_set_dsn(leader->database, dsn);
	else if (dsn != NULL)
		leader->database = database_open(leader->loop, "work", dsn, &owner);
	else if (leader->database != NULL)
	{
		loop_timer_cancel(leader->loop, &leader->timer);
		progress_rest(&leader->progress);
		give_up(leader, "nothing is left to do");
		database_close(leader->database);
		leader->database = NULL;
	}
}

/* Closes the connection, which gives the lock back; the duties hear nothing. */
void
leader_close(struct leader *leader)
{
	if (leader == NULL)
		return;
	leader->owner_count = 0;
	progress_leave(&leader->progress);
	loop_timer_cancel(leader->loop, &leader->timer);
	if (leader->database != NULL)
		database_close(leader->database);
	free(leader);
}

/* Tells whether this process leads. */
bool
leader_leads(const struct leader *leader)
{
	return leader->epoch[0] != '\0';
}

/* Tells whether the connection can be used. */
bool
leader_is_ready(struct leader *leader)
{
	return leader->database != NULL && database_is_ready(leader->database);
}

/* Returns the name of this process for leases. */
const char *
leader_name(const struct leader *leader)
{
	return leader->name;
}

/* Returns the number of this term for leases. */
const char *
leader_epoch(const struct leader *leader)
{
	return leader->epoch;
}

/* Returns the connection that holds the lock; NULL while there is nothing to strive for. */
struct database *
leader_database(struct leader *leader)
{
	return leader->database;
}
