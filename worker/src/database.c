#include "database.h"

#include "log.h"
#include "memory.h"
#include "progress.h"
#include "text.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define CONNECT_TIMEOUT_MS 10000
#define QUERY_TIMEOUT_MS 30000
#define BACKOFF_FIRST_MS 200
#define BACKOFF_LAST_MS 15000
#define EXTENSION_RETRY_MS 5000
#define MAX_QUEUED 512
#define MAX_PREPARED 16

struct request
{
	struct request *next;
	char	   *sql;
	char	   *parameters[DATABASE_MAX_PARAMETERS];
	int			parameter_count;
	int			timeout_ms;
	bool		prepare;
	database_reply_fn reply;
	void	   *arg;
	bool		forgotten;
};

struct database
{
	struct loop *loop;
	const char *name;
	char	   *dsn;
	struct database_owner owner;
	enum database_state state;
	struct database_facts facts;
	char		problem[256];

	PGconn	   *connection;
	struct loop_watch watch;
	struct loop_timer timer;	/* connect time-out, or the pause before the next attempt */
	struct loop_timer query_timer;
	struct progress progress;	/* with a query, or with becoming connected */
	int			backoff_ms;

	struct request *running;
	struct request *first;
	struct request **last;
	int			queued;
	bool		preparing;		/* the running request's PREPARE is under way, its execution follows */
	char	   *prepared[MAX_PREPARED];
	int			prepared_count;
	bool		busy_with_greeting;
};

static void connect_now(void *arg);
static void connect_timed_out(void *arg);
static void start_next(struct database *database);
static void lose(struct database *database, const char *reason);

/*
 * The schema of the functions is asked for, not assumed: the user chose it at CREATE EXTENSION. The backend's real
 * process number beside the one of the protocol's key tells a pooler, which invents the key. The server looks after the
 * connection while it works, so that it gives up a query that we have given up.
 */
static const char greeting_sql[] =
	"SELECT e.extversion, pg_catalog.quote_ident(n.nspname),"
	" pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(),"
	" pg_catalog.to_regproc(pg_catalog.quote_ident(n.nspname) || '.pulse_record_health') IS NOT NULL,"
	" pg_catalog.to_regproc(pg_catalog.quote_ident(n.nspname) || '.pulse_heartbeat') IS NOT NULL,"
	" pg_catalog.set_config('client_connection_check_interval', '5s', false),"
	" EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proname = 'follow_events' AND p.pronargs = 0"
	" AND p.pronamespace = (SELECT s.oid FROM pg_catalog.pg_namespace s WHERE s.nspname = 'pulse')"
	" AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')),"
	" EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace JOIN pg_catalog.pg_proc p"
	" ON p.pronamespace = s.oid WHERE s.nspname = 'pulse' AND c.relname = 'position' AND p.proname = 'answer_within'"
	" AND pg_catalog.row_security_active(c.oid))"
	" FROM (VALUES (1)) AS one(n) LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'pulse'"
	" LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace";

static void
one_line(char *buffer, size_t size, const char *message)
{
	size_t		used = 0;

	for (; message != NULL && *message != '\0' && used + 1 < size; message++)
		buffer[used++] = *message == '\n' || *message == '\r' ? ' ' : *message;
	while (used > 0 && buffer[used - 1] == ' ')
		used--;
	buffer[used] = '\0';
	log_scrub(buffer);
}

static void
set_problem(struct database *database, const char *message)
{
	one_line(database->problem, sizeof(database->problem), message);
}

static void
free_request(struct request *request)
{
	free(request->sql);
	for (int i = 0; i < request->parameter_count; i++)
		free(request->parameters[i]);
	free(request);
}

static void
answer(struct request *request, PGresult *result, const char *sqlstate, const char *message)
{
	struct database_reply reply = {.result = result,.sqlstate = sqlstate,.message = message};

	if (!request->forgotten && request->reply != NULL)
		request->reply(request->arg, &reply);
	free_request(request);
}

/* Fails everything that was queued; callbacks may queue anew, so the list is taken off first. */
static void
fail_all(struct database *database, const char *message)
{
	struct request *running = database->running;
	struct request *request = database->first;

	database->running = NULL;
	database->first = NULL;
	database->last = &database->first;
	database->queued = 0;
	loop_timer_cancel(database->loop, &database->query_timer);
	if (running != NULL)
		answer(running, NULL, "08000", message);
	while (request != NULL)
	{
		struct request *next = request->next;

		answer(request, NULL, "08000", message);
		request = next;
	}
}

static void
drop_connection(struct database *database)
{
	loop_unwatch(database->loop, &database->watch);
	loop_timer_cancel(database->loop, &database->timer);
	loop_timer_cancel(database->loop, &database->query_timer);
	if (database->connection != NULL)
		PQfinish(database->connection);
	database->connection = NULL;
	for (int i = 0; i < database->prepared_count; i++)
		free(database->prepared[i]);
	database->prepared_count = 0;
	database->preparing = false;
	database->busy_with_greeting = false;
}

static void
lose(struct database *database, const char *reason)
{
	bool		was_ready = database->state == DATABASE_READY;
	char		problem[sizeof(database->problem)];
	int64_t		pause;

	one_line(problem, sizeof(problem), reason);
	drop_connection(database);
	database->state = DATABASE_WAITING;
	if (database->backoff_ms < BACKOFF_FIRST_MS)
		database->backoff_ms = BACKOFF_FIRST_MS;
	pause = database->backoff_ms / 2 + (int64_t) (loop_random() % (uint64_t) database->backoff_ms);

	/* A server that is down for an hour is one line in the log, not one for each attempt. */
	if (was_ready || strcmp(problem, database->problem) != 0)
		log_warning("database", "%s connection: %s; retrying", database->name, problem);
	else
		log_debug("database", "%s connection: %s; retrying in %d ms", database->name, problem, (int) pause);
	set_problem(database, problem);
	database->backoff_ms = database->backoff_ms * 2 < BACKOFF_LAST_MS ? database->backoff_ms * 2 : BACKOFF_LAST_MS;
	database->timer.fn = connect_now;
	loop_timer_set(database->loop, &database->timer, pause);
	if (was_ready && database->owner.lost != NULL)
		database->owner.lost(database->owner.arg);
	fail_all(database, "connection to the database lost");
}

static bool
flush(struct database *database)
{
	int			status = PQflush(database->connection);

	if (status < 0)
	{
		lose(database, PQerrorMessage(database->connection));
		return false;
	}
	return loop_watch(database->loop, &database->watch, status > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void
send_greeting(void *arg)
{
	struct database *database = arg;

	progress_move(&database->progress, loop_now_ms());
	if (database->state != DATABASE_NO_EXTENSION && database->state != DATABASE_MISMATCH)
		database->state = DATABASE_GREETING;
	database->busy_with_greeting = true;
	database->timer.fn = connect_timed_out;
	loop_timer_set(database->loop, &database->timer, CONNECT_TIMEOUT_MS);
	if (!PQsendQueryParams(database->connection, greeting_sql, 0, NULL, NULL, NULL, NULL, 0))
	{
		lose(database, PQerrorMessage(database->connection));
		return;
	}
	flush(database);
}

/* The server is there and answers, but nothing that we can work with: looks again until that changes. */
static void
nothing_to_serve(struct database *database, enum database_state state, const char *problem)
{
	bool		was_ready = database->state == DATABASE_READY;

	database->state = state;
	if (strcmp(problem, database->problem) != 0)
		log_error("database", "%s connection: %s", database->name, problem);
	set_problem(database, problem);
	database->timer.fn = send_greeting;
	loop_timer_set(database->loop, &database->timer, EXTENSION_RETRY_MS);
	if (was_ready && database->owner.lost != NULL)
		database->owner.lost(database->owner.arg);
	fail_all(database, problem);
}

static void
greeted(struct database *database, PGresult *result)
{
	struct database_facts *facts = &database->facts;
	char		problem[256];
	const char *refusal;

	loop_timer_cancel(database->loop, &database->timer);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		lose(database, PQresultErrorMessage(result));
		return;
	}
	if (PQgetisnull(result, 0, 0))
	{
		snprintf(problem, sizeof(problem), "database \"%s\" has no extension pulse; run CREATE EXTENSION pulse there",
				 PQdb(database->connection));
		facts->version[0] = '\0';
		nothing_to_serve(database, DATABASE_NO_EXTENSION, problem);
		return;
	}
	snprintf(facts->version, sizeof(facts->version), "%s", PQgetvalue(result, 0, 0));
	free(facts->schema);
	facts->schema = memory_string(PQgetvalue(result, 0, 1));
	facts->server_version = PQserverVersion(database->connection);
	facts->backend_pid = atoi(PQgetvalue(result, 0, 2));
	facts->pooled = facts->backend_pid != PQbackendPID(database->connection);
	facts->standby = PQgetvalue(result, 0, 3)[0] == 't';
	facts->has_health = PQgetvalue(result, 0, 4)[0] == 't';
	facts->has_heartbeat = PQgetvalue(result, 0, 5)[0] == 't';
	facts->hands_over = PQgetvalue(result, 0, 7)[0] == 't';
	facts->narrows = PQgetvalue(result, 0, 8)[0] == 't';
	refusal = version_refusal(facts->version, PQdb(database->connection), problem, sizeof(problem));
	if (refusal != NULL)
	{
		nothing_to_serve(database, DATABASE_MISMATCH, refusal);
		return;
	}
	database->state = DATABASE_READY;
	database->backoff_ms = 0;
	database->problem[0] = '\0';
	log_info("database", "%s connection: PostgreSQL %d.%d, database %s, pulse %s in schema %s%s%s", database->name,
			 facts->server_version / 10000, facts->server_version % 10000, PQdb(database->connection), facts->version,
			 facts->schema, facts->standby ? ", standby" : "", facts->pooled ? ", through a pooler" : "");
	if (database->owner.ready != NULL)
		database->owner.ready(database->owner.arg);
	start_next(database);
}

static bool
is_prepared(struct database *database, const char *sql)
{
	for (int i = 0; i < database->prepared_count; i++)
	{
		if (strcmp(database->prepared[i], sql) == 0)
			return true;
	}
	return false;
}

static void
statement_name(char *buffer, size_t size, const char *sql)
{
	uint64_t	hash = 0xcbf29ce484222325u;

	for (; *sql != '\0'; sql++)
		hash = (hash ^ (unsigned char) *sql) * 0x100000001b3u;
	snprintf(buffer, size, "pulse_%016llx", (unsigned long long) hash);
}

static void
query_timed_out(void *arg)
{
	/* The server's own time-out did not answer either, so the connection is not to be trusted any more. */
	lose(arg, "a query was not answered in time");
}

static int
send_running(struct database *database)
{
	struct request *request = database->running;
	const char *const *parameters = (const char *const *) request->parameters;
	char		name[32];

	if (!request->prepare || database->facts.pooled)
		return PQsendQueryParams(database->connection, request->sql, request->parameter_count, NULL, parameters,
								 NULL, NULL, 0);
	statement_name(name, sizeof(name), request->sql);
	if (is_prepared(database, request->sql))
		return PQsendQueryPrepared(database->connection, name, request->parameter_count, parameters, NULL, NULL, 0);
	if (database->prepared_count == MAX_PREPARED)
		return PQsendQueryParams(database->connection, request->sql, request->parameter_count, NULL, parameters,
								 NULL, NULL, 0);
	database->preparing = true;
	return PQsendPrepare(database->connection, name, request->sql, request->parameter_count, NULL);
}

static void
start_next(struct database *database)
{
	struct request *request = database->first;

	if (database->state != DATABASE_READY || database->running != NULL)
		return;
	if (request == NULL)
	{
		progress_rest(&database->progress);
		return;
	}
	progress_move(&database->progress, loop_now_ms());
	database->first = request->next;
	if (database->first == NULL)
		database->last = &database->first;
	database->queued--;
	database->running = request;
	database->query_timer.fn = query_timed_out;
	loop_timer_set(database->loop, &database->query_timer,
				   request->timeout_ms > 0 ? request->timeout_ms : QUERY_TIMEOUT_MS);
	if (!send_running(database))
	{
		lose(database, PQerrorMessage(database->connection));
		return;
	}
	flush(database);
}

/* The message with its detail; the rest of what libpq would say is for people at a terminal. */
static void
describe_error(const PGresult *result, char *buffer, size_t size)
{
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	struct text text = {0};

	text_append(&text, primary != NULL ? primary : PQresultErrorMessage(result));
	if (detail != NULL)
		text_printf(&text, ": %s", detail);
	one_line(buffer, size, text.data);
	text_free(&text);
}

static void
finish_running(struct database *database, PGresult *result)
{
	struct request *request = database->running;
	ExecStatusType status = PQresultStatus(result);
	bool		succeeded = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	char		message[512] = "";

	if (database->preparing && succeeded)
	{
		database->preparing = false;
		database->prepared[database->prepared_count++] = memory_string(request->sql);
		if (!send_running(database))
			lose(database, PQerrorMessage(database->connection));
		else
			flush(database);
		return;
	}
	database->preparing = false;
	database->running = NULL;
	loop_timer_cancel(database->loop, &database->query_timer);
	if (!succeeded)
		describe_error(result, message, sizeof(message));
	answer(request, succeeded ? result : NULL, succeeded ? "" : (sqlstate != NULL ? sqlstate : "XX000"), message);
	start_next(database);
}

/* Reads notifications before results: a result's callback may close the connection. */
static void
read_input(struct database *database)
{
	PGconn	   *connection = database->connection;
	PGnotify   *notification;
	PGresult   *result;

	if (!PQconsumeInput(connection))
	{
		lose(database, PQerrorMessage(connection));
		return;
	}
	while (database->connection == connection && (notification = PQnotifies(connection)) != NULL)
	{
		if (database->owner.notified != NULL)
			database->owner.notified(database->owner.arg, notification->relname, notification->extra);
		PQfreemem(notification);
	}

	/* One statement gives one result and then NULL, which must be read before the next statement may be sent. */
	while (database->connection == connection && !PQisBusy(connection))
	{
		PGresult   *end;

		if (database->running == NULL && !database->busy_with_greeting)
			break;
		result = PQgetResult(connection);
		if (result == NULL)
			break;
		while ((end = PQgetResult(connection)) != NULL)
			PQclear(end);
		if (database->busy_with_greeting)
		{
			database->busy_with_greeting = false;
			greeted(database, result);
		}
		else
			finish_running(database, result);
		PQclear(result);
	}
	if (database->connection == connection && PQstatus(connection) == CONNECTION_BAD)
		lose(database, PQerrorMessage(connection));
}

static void
continue_connecting(struct database *database)
{
	PostgresPollingStatusType status;

	/* libpq may go to the next address, with another socket under the same number: never keep the old watch. */
	loop_unwatch(database->loop, &database->watch);
	status = PQconnectPoll(database->connection);
	database->watch.fd = PQsocket(database->connection);
	switch (status)
	{
		case PGRES_POLLING_READING:
			loop_watch(database->loop, &database->watch, EPOLLIN);
			break;
		case PGRES_POLLING_WRITING:
			loop_watch(database->loop, &database->watch, EPOLLOUT);
			break;
		case PGRES_POLLING_OK:
			PQsetnonblocking(database->connection, 1);
			send_greeting(database);
			break;
		default:
			lose(database, PQerrorMessage(database->connection));
	}
}

static void
socket_ready(void *arg, uint32_t events)
{
	struct database *database = arg;

	if (database->state == DATABASE_CONNECTING)
	{
		continue_connecting(database);
		return;
	}
	if ((events & EPOLLOUT) && !flush(database))
		return;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && database->connection != NULL)
		read_input(database);
}

static void
discard_notice(void *arg, const PGresult *result)
{
	struct database *database = arg;

	log_debug("database", "%s connection: %s", database->name, PQresultErrorMessage(result));
}

static void
connect_timed_out(void *arg)
{
	lose(arg, "the server did not answer in time");
}

/*
 * The user's dsn is expanded first and our settings stand before it where it may override them (keepalives) and after
 * it where it must not (encoding).
 */
static void
connect_now(void *arg)
{
	struct database *database = arg;
	const char *keywords[] = {"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"application_name", "dbname", "client_encoding", NULL};
	const char *values[] = {"30", "10", "3", "30000", "pulse-worker", database->dsn, "UTF8", NULL};

	drop_connection(database);
	progress_move(&database->progress, loop_now_ms());
	database->state = DATABASE_CONNECTING;
	database->connection = PQconnectStartParams(keywords, values, 1);
	if (database->connection == NULL || PQstatus(database->connection) == CONNECTION_BAD)
	{
		lose(database, database->connection != NULL ? PQerrorMessage(database->connection) : "out of memory");
		return;
	}
	PQsetNoticeReceiver(database->connection, discard_notice, database);
	database->watch = (struct loop_watch) {.fd = PQsocket(database->connection),.fn = socket_ready,.arg = database};
	database->timer.fn = connect_timed_out;
	loop_timer_set(database->loop, &database->timer, CONNECT_TIMEOUT_MS);
	loop_watch(database->loop, &database->watch, EPOLLOUT);
}

static void
hide_password(const char *dsn)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);

	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
	{
		if (strcmp(option->keyword, "password") == 0 || strcmp(option->keyword, "sslpassword") == 0)
			log_hide_secret(option->val);
	}
	PQconninfoFree(options);
}

/*
 * Returns NULL when libpq can parse a connection string, else what is wrong. libpq's own message would quote the
 * string, and with it perhaps a password.
 */
const char *
database_check_dsn(const char *dsn)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);

	if (options == NULL)
		return "not a connection string of libpq (expected \"host=... dbname=...\" or \"postgresql://...\")";
	PQconninfoFree(options);
	return NULL;
}

/* Opens a connection that keeps itself alive; the owner hears of it through its callbacks. */
struct database *
database_open(struct loop *loop, const char *name, const char *dsn, const struct database_owner *owner)
{
	struct database *database = memory_alloc_zero(sizeof(*database));

	database->loop = loop;
	database->name = name;
	database->dsn = memory_string(dsn);
	database->owner = *owner;
	database->last = &database->first;
	database->timer.arg = database;
	database->query_timer.arg = database;
	hide_password(dsn);
	progress_join(&database->progress, name);
	progress_move(&database->progress, loop_now_ms());
	database->timer.fn = connect_now;
	loop_timer_set(loop, &database->timer, 0);
	database->state = DATABASE_WAITING;
	return database;
}

/* Closes the connection; queries that were not answered are dropped without a callback. */
void
database_close(struct database *database)
{
	if (database == NULL)
		return;
	progress_leave(&database->progress);
	drop_connection(database);
	if (database->running != NULL)
		free_request(database->running);
	while (database->first != NULL)
	{
		struct request *next = database->first->next;

		free_request(database->first);
		database->first = next;
	}
	free(database->facts.schema);
	free(database->dsn);
	free(database);
}

/* Queues a query. Returns false, without a callback, when the connection is not ready or the queue is full. */
bool
database_query(struct database *database, const struct database_query *query)
{
	struct request *request;

	if (database->state != DATABASE_READY || database->queued >= MAX_QUEUED)
		return false;
	request = memory_alloc_zero(sizeof(*request));
	request->sql = memory_string(query->sql);
	request->parameter_count = query->parameter_count;
	for (int i = 0; i < query->parameter_count; i++)
	{
		request->parameters[i] = memory_string(query->parameters[i]);
		/* The server refuses a statement for one byte that is not UTF-8, and what comes from outside is what it is. */
		if (request->parameters[i] != NULL)
			text_repair(request->parameters[i]);
	}
	request->timeout_ms = query->timeout_ms;
	request->prepare = query->prepare;
	request->reply = query->reply;
	request->arg = query->arg;
	*database->last = request;
	database->last = &request->next;
	database->queued++;
	start_next(database);
	return true;
}

/* Makes sure that no callback with this argument comes any more. */
void
database_forget(struct database *database, const void *arg)
{
	if (database->running != NULL && database->running->arg == arg)
		database->running->forgotten = true;
	for (struct request *request = database->first; request != NULL; request = request->next)
	{
		if (request->arg == arg)
			request->forgotten = true;
	}
}

/* Drops the connection and makes a new one. */
void
database_reconnect(struct database *database, const char *reason)
{
	if (database->state == DATABASE_WAITING)
		return;
	lose(database, reason);
}

/* Changes the connection string; a connection that stands on another one is made anew. */
void
database_set_dsn(struct database *database, const char *dsn)
{
	if (strcmp(dsn, database->dsn) == 0)
		return;
	free(database->dsn);
	database->dsn = memory_string(dsn);
	hide_password(dsn);
	database->backoff_ms = 0;
	if (database->state == DATABASE_WAITING)
		loop_timer_set(database->loop, &database->timer, 0);
	else
		lose(database, "the configuration names another server");
}

/* Tells whether queries can be sent. */
bool
database_is_ready(const struct database *database)
{
	return database->state == DATABASE_READY;
}

/* Returns the state. */
enum database_state
database_state(const struct database *database)
{
	return database->state;
}

/* Returns what the last greeting found out. */
const struct database_facts *
database_facts(const struct database *database)
{
	return &database->facts;
}

/* Returns what is wrong, or "" when nothing is. */
const char *
database_problem(const struct database *database)
{
	return database->problem;
}
