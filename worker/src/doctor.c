#include "doctor.h"

#include "log.h"
#include "loop.h"
#include "probe_judge.h"
#include "telegram.h"
#include "transfer.h"
#include "version.h"

#include <jansson.h>
#include <libpq-fe.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <time.h>

#define TIMEOUT_MS 10000
#define MOST_SKEW_S 1.0
#define LEAST_FREE 0.05			/* of the disk that the log files are on */

enum finding
{
	FINDING_GOOD,
	FINDING_DOUBT,				/* works, but not as well as it could */
	FINDING_BAD
};

struct examination
{
	const struct config *config;
	struct loop *loop;
	struct transfers *transfers;
	int			bad;
	int			doubts;
	bool		done;			/* of the request under way */
};

/* Prints one line: names of tables and messages of servers may hold what a terminal would obey. */
static void
say(const char *sign, const char *text)
{
	printf("%s  ", sign);
	for (; *text != '\0'; text++)
		putchar((unsigned char) *text < ' ' || *text == 0x7f ? ' ' : *text);
	putchar('\n');
}

/* One line, and below it what to do. */
static void __attribute__((format(printf, 4, 5)))
tell(struct examination *examination, enum finding finding, const char *advice, const char *format,...)
{
	static const char *const signs[] = {"ok     ", "warning", "problem"};
	char		line[700];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	log_scrub(line);
	say(signs[finding], line);
	if (advice != NULL && finding != FINDING_GOOD)
		say("       ", advice);
	examination->bad += finding == FINDING_BAD;
	examination->doubts += finding == FINDING_DOUBT;
}

static char *
ask(PGconn *connection, const char *sql)
{
	PGresult   *result = PQexec(connection, sql);
	char	   *answer = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 && !PQgetisnull(result, 0, 0)
		? strdup(PQgetvalue(result, 0, 0)) : NULL;

	PQclear(result);
	return answer;
}

/* The schema of the extension's functions, quoted. */
static char *
extension_schema(PGconn *connection)
{
	return ask(connection, "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e"
			   " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pulse'");
}

/* The versions of the extension's objects, of its library in the server, of its files there, and ours. */
static void
check_versions(struct examination *examination, PGconn *connection, const char *version, const char *available)
{
	char	   *schema = extension_schema(connection);
	char		sql[200];
	char		refusal[256];
	char	   *library;

	snprintf(sql, sizeof(sql), "SELECT %s.pulse_version()", schema != NULL ? schema : "public");
	library = ask(connection, sql);
	if (version_refusal(version, PQdb(connection), refusal, sizeof(refusal)) != NULL)
		tell(examination, FINDING_BAD, "Use the same version on both sides.", "%s", refusal);
	else if (library == NULL)
		tell(examination, FINDING_BAD, "Install the extension on the database's machine again (make install, or its package).",
			 "the library of the extension %s cannot be asked for its version: %s", version, PQerrorMessage(connection));
	else if (version_compare(library, version) < 0)
		tell(examination, FINDING_BAD, "Restart the server: it still runs the library that was there when it started.",
			 "the extension is %s, the server runs the library of Pulse %s", version, library);
	else if (version_compare(library, version) > 0)
		tell(examination, FINDING_DOUBT, "Run ALTER EXTENSION pulse UPDATE; in this database.",
			 "the extension is still %s, the server runs the library of Pulse %s", version, library);
	else if (version_relation(version) == VERSION_OLDER && available != NULL && version_compare(available, version) > 0)
		tell(examination, FINDING_DOUBT, "Restart the server, then run ALTER EXTENSION pulse UPDATE; in this database.",
			 "the extension is %s, and %s is installed", version, available);
	else if (version_relation(version) == VERSION_OLDER)
		tell(examination, FINDING_DOUBT, "Install Pulse " PULSE_VERSION " on the database's machine, restart the server, then run ALTER EXTENSION pulse UPDATE; there.",
			 "the extension is %s, this program is " PULSE_VERSION, version);
	else if (version_relation(version) == VERSION_NEWER)
		tell(examination, FINDING_DOUBT, "Install the pulse-worker of the same version.", "the extension is %s, this program is " PULSE_VERSION, version);
	else
		tell(examination, FINDING_GOOD, NULL, "the extension is %s, and so is the library that the server runs", version);
	free(library);
	free(schema);
}

static bool
check_extension(struct examination *examination, PGconn *connection)
{
	char	   *version = ask(connection, "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'pulse'");
	bool		there;
	char	   *available = ask(connection, "SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = 'pulse'");

	if (version == NULL)
		tell(examination, FINDING_BAD, available != NULL ? "Run CREATE EXTENSION pulse; in this database."
			 : "Install the extension on the database's machine (make install), then run CREATE EXTENSION pulse; in this database.",
			 "the extension pulse is not in the database %s", PQdb(connection));
	else
		check_versions(examination, connection, version, available);
	there = version != NULL;
	free(version);
	free(available);
	return there;
}

static void
check_rights(struct examination *examination, PGconn *connection)
{
	static const char sql[] = "SELECT pg_catalog.string_agg(what, ', ') FROM (VALUES"
		" ('reading events', has_table_privilege('pulse.event', 'SELECT')), ('storing outcomes', has_table_privilege('pulse.delivery', 'UPDATE')),"
		" ('reporting health', (SELECT has_function_privilege(p.oid, 'EXECUTE') FROM pg_catalog.pg_proc p WHERE p.proname = 'pulse_record_health' LIMIT 1)))"
		" AS r(what, may) WHERE NOT may";
	char	   *missing = ask(connection, sql);
	char		advice[200];

	snprintf(advice, sizeof(advice), "As the extension's owner: SELECT pulse_grant('%s', 'worker');", PQuser(connection));
	if (missing != NULL)
		tell(examination, FINDING_BAD, advice, "the role %s may not: %s", PQuser(connection), missing);
	else
		tell(examination, FINDING_GOOD, NULL, "the role %s has the rights that it needs", PQuser(connection));
	free(missing);
}

static void
check_clock(struct examination *examination, PGconn *connection)
{
	struct timespec before;
	struct timespec after;
	char	   *theirs;
	double		skew;

	clock_gettime(CLOCK_REALTIME, &before);
	theirs = ask(connection, "SELECT extract(epoch FROM pg_catalog.clock_timestamp())");
	clock_gettime(CLOCK_REALTIME, &after);
	if (theirs == NULL)
		return;
	skew = strtod(theirs, NULL) - ((double) before.tv_sec + (double) after.tv_sec) / 2 - ((double) before.tv_nsec + (double) after.tv_nsec) / 2e9;
	tell(examination, fabs(skew) > MOST_SKEW_S ? FINDING_DOUBT : FINDING_GOOD, "Let both machines follow a time server.",
		 "the database's clock differs from ours by %.3f s", skew);
	free(theirs);
}

static void
check_engine(struct examination *examination, PGconn *connection)
{
	char	   *schema = extension_schema(connection);
	char		sql[200];
	char	   *state;

	if (schema == NULL)
		return;
	snprintf(sql, sizeof(sql), "SELECT state FROM %s.pulse_worker_status()", schema);
	state = ask(connection, sql);
	if (state == NULL)
		tell(examination, FINDING_DOUBT, NULL, "the state of the background worker cannot be read: %s", PQerrorMessage(connection));
	else
		tell(examination, strcmp(state, "running") == 0 ? FINDING_GOOD : FINDING_DOUBT,
			 "pulse-worker starts it, or makes the ticks itself; shared_preload_libraries = 'pulse' starts it with the server.",
			 "the background worker of the database is %s", state);
	free(state);
	free(schema);
}

/* What the database's own doctor finds, but for what has been looked at from here; an older extension has none. */
static void
check_inside(struct examination *examination, PGconn *connection)
{
	char	   *schema = extension_schema(connection);
	char		sql[300];
	PGresult   *result;
	const char *state;

	if (schema == NULL)
		return;
	snprintf(sql, sizeof(sql), "SELECT d.\"check\", d.status, d.message, d.mend FROM %s.pulse_doctor() d"
			 " WHERE d.status <> 'ok' AND d.\"check\" NOT IN ('versions', 'background worker', 'daemon')", schema);
	result = PQexec(connection, sql);
	state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 0)
		tell(examination, FINDING_GOOD, NULL, "pulse_doctor() finds nothing wrong inside the database");
	else if (PQresultStatus(result) != PGRES_TUPLES_OK && (state == NULL || strcmp(state, "42883") != 0))
		tell(examination, FINDING_DOUBT, NULL, "pulse_doctor() cannot be asked: %s", PQresultErrorMessage(result));
	for (int row = 0; PQresultStatus(result) == PGRES_TUPLES_OK && row < PQntuples(result); row++)
	{
		const char *mend = PQgetvalue(result, row, 3);

		/* what psql would hand to the shell */
		mend += strncmp(mend, "\\! ", 3) == 0 ? 3 : 0;
		tell(examination, strcmp(PQgetvalue(result, row, 1), "problem") == 0 ? FINDING_BAD : FINDING_DOUBT, *mend != '\0' ? mend : NULL,
			 "in the database, %s: %s", PQgetvalue(result, row, 0), PQgetvalue(result, row, 2));
	}
	PQclear(result);
	free(schema);
}

static void
check_database(struct examination *examination, const char *name, const char *dsn, bool direct, bool replica)
{
	char		full[2048];
	PGconn	   *connection;
	char	   *pid;
	char	   *standby;

	snprintf(full, sizeof(full), "%s", dsn);
	{
		const char *const keywords[] = {"dbname", "connect_timeout", "application_name", NULL};
		const char *const values[] = {full, "5", "pulse-worker doctor", NULL};

		connection = PQconnectdbParams(keywords, values, 1);
	}
	if (PQstatus(connection) != CONNECTION_OK)
	{
		tell(examination, FINDING_BAD, "Look at the server, its pg_hba.conf, and the host, user and database in the configuration.",
			 "%s: %s", name, PQerrorMessage(connection));
		PQfinish(connection);
		return;
	}
	tell(examination, FINDING_GOOD, NULL, "%s reaches PostgreSQL %s, database %s", name, PQparameterStatus(connection, "server_version"),
		 PQdb(connection));
	pid = ask(connection, "SELECT pg_catalog.pg_backend_pid()");
	if (pid != NULL && atoi(pid) != PQbackendPID(connection))
		tell(examination, direct ? FINDING_BAD : FINDING_DOUBT, "Let [database] listen_dsn name a direct connection: LISTEN and the lock of"
			 " the sender belong to a session.", "%s goes through a connection pooler", name);
	standby = ask(connection, "SELECT 'yes' WHERE pg_catalog.pg_is_in_recovery()");
	if (standby != NULL && !replica)
		tell(examination, FINDING_DOUBT, "Only a worker at the primary sends and probes.", "%s reaches a standby", name);
	if (direct && check_extension(examination, connection))
	{
		check_rights(examination, connection);
		check_engine(examination, connection);
		check_inside(examination, connection);
		check_clock(examination, connection);
	}
	free(pid);
	free(standby);
	PQfinish(connection);
}

static void
wait_for_answer(struct examination *examination)
{
	struct pollfd ready = {.fd = loop_descriptor(examination->loop),.events = POLLIN};

	while (!examination->done)
	{
		poll(&ready, 1, -1);
		loop_dispatch(examination->loop);
	}
	examination->done = false;
}

static void
telegram_answered(void *arg, const struct transfer_result *result)
{
	struct examination *examination = arg;
	struct telegram_answer answer;

	telegram_judge(result, &answer);
	if (answer.verdict == TELEGRAM_SENT)
		tell(examination, FINDING_GOOD, NULL, "Telegram knows the bot");
	else if (answer.verdict == TELEGRAM_BAD_TOKEN)
		tell(examination, FINDING_BAD, "@BotFather shows the right token.", "the bot token is wrong: %s", answer.description);
	else
		tell(examination, FINDING_BAD, "Look at the network, the name server and a proxy; pulse-worker test-notification tries the chat as well.",
			 "Telegram cannot be asked: %s", answer.description);
	examination->done = true;
}

static void
check_telegram(struct examination *examination)
{
	struct text url = {0};
	struct transfer_request request = {.timeout_ms = TIMEOUT_MS,.ca_file = examination->config->telegram_ca_file};

	telegram_url(&url, examination->config->api_base, examination->config->token, "getMe");
	request.url = url.data;
	transfer_start(examination->transfers, &request, telegram_answered, examination);
	wait_for_answer(examination);
	text_free(&url);
	if (examination->config->commands && examination->config->admins.count + examination->config->readers.count == 0)
		tell(examination, FINDING_DOUBT, "[telegram] admins lists the user ids that may.", "nobody may send commands to the bot");
}

struct question
{
	struct examination *examination;
	const char *what;			/* "probe binance" */
	const struct probe_plan *plan;	/* NULL: it only has to be reachable */
};

static void
address_answered(void *arg, const struct transfer_result *result)
{
	struct question *question = arg;
	struct probe_finding finding;

	if (question->plan == NULL)
		tell(question->examination, result->complete || result->status > 0 ? FINDING_GOOD : FINDING_BAD,
			 "Look at the address, the network and the certificate.", "%s: %s", question->what,
			 result->status > 0 ? "can be reached" : result->problem);
	else
	{
		probe_judge(question->plan, result, question->plan->limit, (double) loop_day_ms(), &finding);
		tell(question->examination, finding.level == PROBE_CRITICAL ? FINDING_BAD : finding.level == PROBE_WARNING ? FINDING_DOUBT : FINDING_GOOD,
			 finding.kind == PROBE_KEY ? "Look at the key, whether it is for the paper or the live account, and at its rights." : NULL,
			 "%s: %s", question->what, finding.message);
		if (finding.has_skew && fabs(finding.skew_ms) - finding.skew_error_ms > (double) question->plan->skew_limit)
			tell(question->examination, FINDING_DOUBT, "Let this machine follow a time server; exchanges refuse orders whose time is off.",
				 "%s: our clock is %.0f ms %s theirs", question->what, fabs(finding.skew_ms), finding.skew_ms > 0 ? "behind" : "before");
	}
	question->examination->done = true;
}

static void
check_address(struct examination *examination, const char *kind, const char *name, const char *url, const char *ca_file,
			  const struct probe_plan *plan)
{
	char		what[120];
	struct question question = {.examination = examination,.what = what,.plan = plan};
	struct transfer_request request = {.url = url,.timeout_ms = TIMEOUT_MS,.ca_file = ca_file};

	snprintf(what, sizeof(what), "%s %s", kind, name);
	if (plan != NULL)
		request.headers = plan->headers;
	else
		request.method = "HEAD";
	transfer_start(examination->transfers, &request, address_answered, &question);
	wait_for_answer(examination);
}

static void
check_addresses(struct examination *examination)
{
	const struct config *config = examination->config;

	for (int i = 0; i < config->probe_count; i++)
	{
		struct probe_plan plan;
		char		problem[700];

		if (!probe_plan_make(&config->probes[i], &plan, problem, sizeof(problem)))
		{
			tell(examination, FINDING_BAD, NULL, "probe %s: %s", config->probes[i].name, problem);
			continue;
		}
		check_address(examination, "probe", plan.name, plan.url, plan.ca_file, &plan);
		probe_plan_free(&plan);
	}
	for (int i = 0; i < config->sink_count; i++)
	{
		log_hide_secret(config->sinks[i].url);
		check_address(examination, "sink", config->sinks[i].name, config->sinks[i].url, config->sinks[i].ca_file, NULL);
	}
	for (int i = 0; i < config->remote_count; i++)
		check_address(examination, "remote", config->remotes[i].name, config->remotes[i].url, config->remotes[i].ca_file, NULL);
}

static void
check_logs(struct examination *examination)
{
	const char *directory = examination->config->logs_directory;
	struct statvfs disk;
	double		left;

	if (directory == NULL || statvfs(directory, &disk) < 0 || disk.f_blocks == 0)
		return;
	left = (double) disk.f_bavail / (double) disk.f_blocks;
	tell(examination, left < LEAST_FREE ? FINDING_DOUBT : FINDING_GOOD, "Make room, or lower [logs] retention_days.",
		 "log files go to %s, where %.0f %% of the disk is free", directory, left * 100);
}

/* Looks at everything that the configuration names, one thing after the other, and prints what it finds and what to do. */
int
doctor(const struct config *config)
{
	struct examination examination = {.config = config};

	examination.loop = loop_open();
	if (examination.loop == NULL)
		return EX_OSERR;
	examination.transfers = transfers_open(examination.loop);
	tell(&examination, FINDING_GOOD, NULL, "the configuration is good");
	if (strcmp(config->dsn, config->listen_dsn) != 0)
		check_database(&examination, "[database] dsn", config->dsn, false, false);
	if (strcmp(config->dsn, config->read_dsn) != 0)
		check_database(&examination, "[database] read_dsn", config->read_dsn, false, true);
	check_database(&examination, strcmp(config->dsn, config->listen_dsn) != 0 ? "[database] listen_dsn" : "[database] dsn",
				   config->listen_dsn, true, false);
	if (config->telegram_enabled)
		check_telegram(&examination);
	check_addresses(&examination);
	check_logs(&examination);
	transfers_close(examination.transfers);
	loop_close(examination.loop);
	printf("%d problems, %d warnings\n", examination.bad, examination.doubts);
	return examination.bad > 0 ? EX_UNAVAILABLE : EX_OK;
}
