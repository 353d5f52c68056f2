#include "import_store.h"

#include "database.h"
#include "log.h"
#include "memory.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY_CHUNK 65536

struct import_store
{
	PGconn	   *connection;
	struct text *problem;
	struct text buffer;			/* rows on their way to COPY */
	char	   *table;			/* quoted for SQL */
	char	   *portfolio;		/* a literal for SQL */
};

static void
complain(struct import_store *store, const char *what, const char *message)
{
	char	   *line;

	text_printf(store->problem, "%s%s%s", what, *what != '\0' ? ": " : "", message);
	line = store->problem->data;
	while (store->problem->length > 0 && line[store->problem->length - 1] == '\n')
		line[--store->problem->length] = '\0';
	text_append_char(store->problem, '\n');
	log_scrub(store->problem->data);
}

static void
complain_result(struct import_store *store, const char *what, const PGresult *result)
{
	const char *fields[] = {PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL), PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)};
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	complain(store, what, message != NULL ? message : PQerrorMessage(store->connection));
	for (int i = 0; i < 2; i++)
	{
		if (fields[i] != NULL)
			complain(store, "", fields[i]);
	}
	if (state != NULL && strcmp(state, "42501") == 0)
		complain(store, "", "Name a role that may read and insert there, for example --dsn \"dbname=trading user=me\".");
	if (state != NULL && (strcmp(state, "3F000") == 0 || strcmp(state, "42883") == 0))
		complain(store, "", "Is the extension there? CREATE EXTENSION pulse; SELECT pulse_setup();");
}

/* Runs one statement; NULL when it failed. */
static PGresult *
query(struct import_store *store, const char *what, const char *sql, int count, const char *const *values)
{
	PGresult   *result = count > 0 ? PQexecParams(store->connection, sql, count, NULL, values, NULL, NULL, 0)
		: PQexec(store->connection, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_COPY_IN)
		return result;
	complain_result(store, what, result);
	PQclear(result);
	return NULL;
}

static bool
run(struct import_store *store, const char *what, const char *sql)
{
	PGresult   *result = query(store, what, sql, 0, NULL);

	PQclear(result);
	return result != NULL;
}

static bool
connect_database(struct import_store *store, const char *dsn)
{
	const char *names[] = {"connect_timeout", "fallback_application_name", "dbname", "client_encoding", NULL};
	const char *values[] = {"10", "pulse-worker import", dsn, "UTF8", NULL};
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);

	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
	{
		if (strcmp(option->keyword, "password") == 0 && option->val != NULL)
			log_hide_secret(option->val);
	}
	PQconninfoFree(options);
	store->connection = PQconnectdbParams(names, values, 1);
	if (PQstatus(store->connection) == CONNECTION_OK)
		return true;
	complain(store, "", PQerrorMessage(store->connection));
	return false;
}

/* Finds the one table that is followed as trades under the names that pulse_setup() gives. */
static bool
find_followed_table(struct import_store *store)
{
	PGresult   *result = query(store, "", "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
							   " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pulse.import_table()", 0, NULL);

	if (result == NULL)
		return false;
	store->table = memory_string(PQgetvalue(result, 0, 0));
	PQclear(result);
	return true;
}

static bool
find_named_table(struct import_store *store, const char *name)
{
	PGresult   *result = query(store, name,
							   "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)"
							   " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
							   " WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p')", 1, &name);

	if (result == NULL)
		return false;
	if (PQntuples(result) == 1)
		store->table = memory_string(PQgetvalue(result, 0, 0));
	else
		complain(store, name, "there is no such table");
	PQclear(result);
	return store->table != NULL;
}

/* The columns that are filled must be there, and the key that makes a second import harmless. */
static bool
check_table(struct import_store *store)
{
	const char *table = store->table;
	PGresult   *result = query(store, table, "SELECT pulse.import_check_table($1::pg_catalog.regclass)", 1, &table);

	PQclear(result);
	return result != NULL;
}

static bool
check_zone(struct import_store *store, const char *zone)
{
	PGresult   *result = query(store, "--timezone", "SELECT pg_catalog.timezone($1, pg_catalog.now())", 1, &zone);

	PQclear(result);
	return result != NULL;
}

static bool
start_copy(struct import_store *store)
{
	return run(store, "temporary table",
			   "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL statement_timeout = 0;"
			   " SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL client_min_messages = warning;"
			   " SELECT pulse.import_begin()") &&
		run(store, "COPY", "COPY pg_temp.pulse_import_row FROM STDIN");
}

/* Connects, opens the transaction, finds and checks the table, and starts COPY. NULL: problem says why. */
struct import_store *
import_store_open(const struct import_target *target, struct text *problem)
{
	struct import_store *store = memory_alloc_zero(sizeof(*store));

	store->problem = problem;
	store->portfolio = memory_string(target->portfolio);
	if (connect_database(store, target->dsn) && run(store, "BEGIN", "BEGIN") && check_zone(store, target->zone) &&
		(target->table != NULL ? find_named_table(store, target->table) : find_followed_table(store)) && check_table(store) &&
		start_copy(store))
		return store;
	import_store_close(store);
	return NULL;
}

/* Returns the table's name as SQL has it. */
const char *
import_store_table(const struct import_store *store)
{
	return store->table;
}

/* Ends the connection; what was not committed is rolled back. */
void
import_store_close(struct import_store *store)
{
	if (store == NULL)
		return;
	PQfinish(store->connection);
	text_free(&store->buffer);
	free(store->table);
	free(store->portfolio);
	free(store);
}

static bool
send_rows(struct import_store *store)
{
	bool		sent = store->buffer.length == 0 ||
		PQputCopyData(store->connection, store->buffer.data, (int) store->buffer.length) == 1;

	text_reset(&store->buffer);
	if (!sent)
		complain(store, "COPY", PQerrorMessage(store->connection));
	return sent;
}

static void
append_column(struct text *row, const char *value)
{
	text_append_char(row, '\t');
	if (*value == '\0')
		text_append(row, "\\N");
	for (; *value != '\0'; value++)
	{
		if (*value == '\\')
			text_append(row, "\\\\");
		else
			text_append_char(row, (unsigned char) *value < ' ' ? ' ' : *value);
	}
}

/* Sends one fill to the temporary table. */
bool
import_store_add(struct import_store *store, int file, const char *prefix, const struct import_fill *fill)
{
	const char *const columns[] = {prefix, fill->time, fill->symbol, fill->side, fill->quantity, fill->price, fill->value,
	fill->fee, fill->fee_asset, fill->base_fee, fill->order_id, fill->order_type, fill->id};

	text_printf(&store->buffer, "%d\t%lld", file, (long long) fill->line);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		append_column(&store->buffer, columns[i]);
	text_append_char(&store->buffer, '\n');
	return store->buffer.length < COPY_CHUNK || send_rows(store);
}

static bool
end_copy(struct import_store *store)
{
	PGresult   *result;
	bool		good;

	if (!send_rows(store))
		return false;
	if (PQputCopyEnd(store->connection, NULL) != 1)
	{
		complain(store, "COPY", PQerrorMessage(store->connection));
		return false;
	}
	result = PQgetResult(store->connection);
	good = PQresultStatus(result) == PGRES_COMMAND_OK;
	if (!good)
	{
		const char *where = PQresultErrorField(result, PG_DIAG_CONTEXT);

		complain_result(store, "COPY", result);
		if (where != NULL)
			complain(store, "", where);
	}
	while (result != NULL)
	{
		PQclear(result);
		result = PQgetResult(store->connection);
	}
	return good;
}

static int64_t
integer_at(const PGresult *result, int column)
{
	return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}

/* Ends COPY and counts what came in against the table. */
bool
import_store_summarise(struct import_store *store, struct import_summary *summary)
{
	const char *parameters[] = {store->table, store->portfolio};
	PGresult   *result;

	if (!end_copy(store))
		return false;
	result = query(store, store->table, "SELECT * FROM pulse.import_stage($1::pg_catalog.regclass, $2)", 2, parameters);
	if (result == NULL)
		return false;
	summary->fills = integer_at(result, 0);
	summary->repeated = integer_at(result, 1);
	summary->existing = integer_at(result, 2);
	summary->fresh = integer_at(result, 3);
	summary->alike = integer_at(result, 4);
	summary->similar = integer_at(result, 5);
	summary->symbol_count = integer_at(result, 6);
	snprintf(summary->first, sizeof(summary->first), "%s", PQgetvalue(result, 0, 7));
	snprintf(summary->last, sizeof(summary->last), "%s", PQgetvalue(result, 0, 8));
	PQclear(result);

	result = query(store, "summary", "SELECT symbol, fills FROM pulse.import_symbols()", 0, NULL);
	if (result == NULL)
		return false;
	for (int i = 0; i < PQntuples(result); i++)
		text_printf(&summary->symbols, "%s%s %s", i > 0 ? ", " : "", PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
	PQclear(result);
	return true;
}

/* Inserts what is new and commits. */
bool
import_store_insert(struct import_store *store, struct import_summary *summary)
{
	const char *parameters[] = {store->table, store->portfolio};
	PGresult   *result = query(store, store->table, "SELECT pulse.import_insert($1::pg_catalog.regclass, $2)", 2, parameters);

	if (result == NULL)
		return false;
	summary->inserted = integer_at(result, 0);
	PQclear(result);
	return run(store, "COMMIT", "COMMIT");
}
