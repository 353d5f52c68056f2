#include "token.h"

#include "auth.h"
#include "config.h"
#include "log.h"
#include "memory.h"

#include <getopt.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
"Makes, lists and revokes the tokens that clients of WebSocket and HTTP show where [auth] enabled = true.\n"
"\n"
"Usage: pulse-worker token create [--scope read|operate|admin] [--portfolio NAME ...] [--expires 90d] [--name TEXT]\n"
"       pulse-worker token list\n"
"       pulse-worker token revoke NUMBER\n"
"\n"
"  -c, --config FILE         configuration file that names the database; without it /etc/pulse/pulse.ini\n"
"      --dsn DSN             connection string of the database, instead of a configuration file\n"
"      --scope SCOPE         read (default); operate: also acknowledge, silence and run checks; admin\n"
"      --portfolio NAME      what it may see; may be given several times; without it everything\n"
"      --expires DURATION    such as 12h, 90d, 8w or 1y; without it never\n"
"      --name TEXT           whose it is, for the list and for \"acknowledged by\"\n"
"\n"
"The token is printed once, on the standard output; the database keeps its SHA-256 only. The role needs\n"
"SELECT pulse_grant('role', 'admin'), which the daemon's own role should not have. Exit status: 0 done, 64 wrong usage, 69 the database\n"
"cannot be reached or refused it, 78 wrong configuration.\n";

struct command
{
	const char *config_path;
	const char *dsn;
	const char *scope;
	const char *expires;
	const char *name;
	struct text portfolios;		/* text[] */
	int			portfolio_count;
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"dsn", required_argument, NULL, 'd'},
	{"scope", required_argument, NULL, 's'},
	{"portfolio", required_argument, NULL, 'p'},
	{"expires", required_argument, NULL, 'e'},
	{"name", required_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0}
};

/* Writes "90d" as an interval of SQL; returns false when it is none. */
static bool
read_duration(const char *text, char *interval, size_t size)
{
	static const struct
	{
		char		letter;
		const char *unit;
	}			units[] = {{'m', "minutes"}, {'h', "hours"}, {'d', "days"}, {'w', "weeks"}, {'y', "years"}};
	char	   *end;
	long		number = strtol(text, &end, 10);

	if (end == text || number < 1 || number > 100000 || end[0] == '\0' || end[1] != '\0')
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
	{
		if (*end != units[i].letter)
			continue;
		snprintf(interval, size, "%ld %s", number, units[i].unit);
		return true;
	}
	return false;
}

static void
add_portfolio(struct command *command, const char *name)
{
	text_append(&command->portfolios, command->portfolio_count++ == 0 ? "{\"" : ",\"");
	for (; *name != '\0'; name++)
	{
		if (*name == '"' || *name == '\\')
			text_append_char(&command->portfolios, '\\');
		text_append_char(&command->portfolios, *name);
	}
	text_append_char(&command->portfolios, '"');
}

/* Connects and finds the extension; on NULL the reason has been printed. */
static PGconn *
connect_to(const char *dsn, char **schema)
{
	const char *names[] = {"application_name", "client_encoding", "options", "dbname", NULL};
	const char *values[] = {"pulse-worker token", "UTF8", "-c search_path=pg_catalog", dsn, NULL};
	PGconn	   *connection = PQconnectdbParams(names, values, 1);
	PGresult   *result;

	if (PQstatus(connection) != CONNECTION_OK)
	{
		fprintf(stderr, "pulse-worker: %s", PQerrorMessage(connection));
		PQfinish(connection);
		return NULL;
	}
	result = PQexec(connection, "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e"
					" JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pulse'");
	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
	{
		*schema = memory_string(PQgetvalue(result, 0, 0));
		PQclear(result);
		return connection;
	}
	fprintf(stderr, "pulse-worker: the database has no extension pulse\n");
	PQclear(result);
	PQfinish(connection);
	return NULL;
}

/* Runs a statement in which %s stands for the schema; on NULL the reason has been printed. */
static PGresult *
run(PGconn *connection, const char *schema, const char *before, const char *after, int count, const char *const *parameters)
{
	struct text sql = {0};
	PGresult   *result;

	text_printf(&sql, "%s%s%s", before, schema, after);
	result = PQexecParams(connection, sql.data, count, NULL, parameters, NULL, NULL, 0);
	text_free(&sql);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	fprintf(stderr, "pulse-worker: %s", PQresultErrorMessage(result));
	PQclear(result);
	return NULL;
}

static int
create(struct command *command, PGconn *connection, const char *schema)
{
	char		token[AUTH_TOKEN_SIZE];
	char		hash[80];
	char		interval[40];
	const char *parameters[] = {hash, command->scope, NULL, NULL, command->name};
	PGresult   *result;

	if (command->expires != NULL)
	{
		if (!read_duration(command->expires, interval, sizeof(interval)))
		{
			fprintf(stderr, "pulse-worker: --expires is a number with m, h, d, w or y, such as 90d\n");
			return EX_USAGE;
		}
		parameters[3] = interval;
	}
	if (command->portfolio_count > 0)
	{
		text_append_char(&command->portfolios, '}');
		parameters[2] = command->portfolios.data;
	}
	if (!auth_make_token(token, sizeof(token), "pulse_"))
	{
		fprintf(stderr, "pulse-worker: the system gives no random numbers\n");
		return EX_OSERR;
	}
	auth_hash_text(token, hash, sizeof(hash));
	result = run(connection, schema, "SELECT ", ".pulse_token_add($1, $2, $3, pg_catalog.now() + $4::interval, $5)", 5, parameters);
	if (result == NULL)
		return EX_UNAVAILABLE;
	fprintf(stderr, "token %s, scope %s, %s%s; it is shown only now:\n", PQgetvalue(result, 0, 0), command->scope,
			command->expires != NULL ? "expires in " : "never expires", command->expires != NULL ? interval : "");
	printf("%s\n", token);
	PQclear(result);
	OPENSSL_cleanse(token, sizeof(token));
	return EX_OK;
}

static int
list(PGconn *connection, const char *schema)
{
	PGresult   *result = run(connection, schema,
							 "SELECT token_id, state, scope, COALESCE(pg_catalog.array_to_string(portfolios, ','), '(all)'),"
							 " COALESCE(pg_catalog.to_char(expires_at, 'YYYY-MM-DD HH24:MI TZ'), 'never'),"
							 " COALESCE(pg_catalog.to_char(last_used_at, 'YYYY-MM-DD HH24:MI TZ'), 'never'), sessions,"
							 " COALESCE(name, '') FROM ", ".pulse_tokens()", 0, NULL);

	if (result == NULL)
		return EX_UNAVAILABLE;
	printf("%-6s %-8s %-8s %-20s %-22s %-22s %-8s %s\n", "token", "state", "scope", "portfolios", "expires", "last used",
		   "sessions", "name");
	for (int row = 0; row < PQntuples(result); row++)
		printf("%-6s %-8s %-8s %-20s %-22s %-22s %-8s %s\n", PQgetvalue(result, row, 0), PQgetvalue(result, row, 1),
			   PQgetvalue(result, row, 2), PQgetvalue(result, row, 3), PQgetvalue(result, row, 4), PQgetvalue(result, row, 5),
			   PQgetvalue(result, row, 6), PQgetvalue(result, row, 7));
	PQclear(result);
	return EX_OK;
}

static int
revoke(PGconn *connection, const char *schema, const char *number)
{
	PGresult   *result = run(connection, schema, "SELECT ", ".pulse_token_revoke($1)", 1, &number);
	bool		found = result != NULL && PQgetvalue(result, 0, 0)[0] == 't';

	PQclear(result);
	if (result == NULL)
		return EX_UNAVAILABLE;
	if (!found)
	{
		fprintf(stderr, "pulse-worker: there is no active token %s\n", number);
		return EX_DATAERR;
	}
	printf("token %s is revoked\n", number);
	return EX_OK;
}

static int
read_options(struct command *command, int argc, char **argv)
{
	int			option;

	while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1)
	{
		switch (option)
		{
			case 'c':
				command->config_path = optarg;
				break;
			case 'd':
				command->dsn = optarg;
				break;
			case 's':
				command->scope = optarg;
				break;
			case 'p':
				add_portfolio(command, optarg);
				break;
			case 'e':
				command->expires = optarg;
				break;
			case 'n':
				command->name = optarg;
				break;
			case 'h':
				fputs(usage, stdout);
				return EX_OK;
			default:
				fprintf(stderr, "Try pulse-worker token --help.\n");
				return EX_USAGE;
		}
	}
	return -1;
}

static int
execute(struct command *command, const char *dsn, int argc, char **argv)
{
	const char *verb = argc > 0 ? argv[0] : "";
	bool		needs_number = strcmp(verb, "revoke") == 0;
	char	   *schema = NULL;
	PGconn	   *connection;
	int			status = EX_USAGE;

	if ((strcmp(verb, "create") != 0 && strcmp(verb, "list") != 0 && !needs_number) || argc != (needs_number ? 2 : 1))
	{
		fputs(usage, stderr);
		return EX_USAGE;
	}
	connection = connect_to(dsn, &schema);
	if (connection == NULL)
		return EX_UNAVAILABLE;
	if (strcmp(verb, "create") == 0)
		status = create(command, connection, schema);
	else if (strcmp(verb, "list") == 0)
		status = list(connection, schema);
	else
		status = revoke(connection, schema, argv[1]);
	free(schema);
	PQfinish(connection);
	return status;
}

/* Runs the command; returns the exit status. */
int
token_command(int argc, char **argv)
{
	struct command command = {.scope = "read"};
	struct config *config = NULL;
	struct text errors = {0};
	int			status;

	log_setup(LOG_FORMAT_TEXT, false);
	status = read_options(&command, argc, argv);
	if (status < 0 && command.dsn == NULL)
	{
		config = config_load(command.config_path != NULL ? command.config_path : "/etc/pulse/pulse.ini", NULL, &errors);
		if (config == NULL)
		{
			fprintf(stderr, "%spulse-worker: --config or --dsn names the database\n", text_string(&errors));
			status = EX_CONFIG;
		}
		else
			command.dsn = config->dsn;
	}
	if (status < 0)
		status = execute(&command, command.dsn, argc - optind, argv + optind);
	text_free(&errors);
	text_free(&command.portfolios);
	config_free(config);
	return status;
}
