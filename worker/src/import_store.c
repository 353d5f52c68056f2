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

/* Runs an SQL template in which %T is the table, %P the portfolio. */
static PGresult *
query_template(struct import_store *store, const char *what, const char *template)
{
	struct text sql = {0};
	PGresult   *result;

	for (const char *c = template; *c != '\0'; c++)
	{
		if (c[0] == '%' && (c[1] == 'T' || c[1] == 'P'))
			text_append(&sql, *++c == 'T' ? store->table : store->portfolio);
		else
			text_append_char(&sql, *c);
	}
	result = query(store, what, text_string(&sql), 0, NULL);
	text_free(&sql);
	return result;
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
	PGresult   *result = query(store, "pulse.source",
							   "SELECT pg_catalog.format('%I.%I', schema_name, table_name), columns = '{}'"
							   " FROM pulse.source WHERE kind = 'trades' AND state = 'active' ORDER BY source_id", 0, NULL);
	int			fitting = -1;

	if (result == NULL)
	{
		complain(store, "", "Is the extension there? CREATE EXTENSION pulse; SELECT pulse_setup(); or name a table: --table trading.trades");
		return false;
	}
	for (int i = 0; i < PQntuples(result); i++)
	{
		if (strcmp(PQgetvalue(result, i, 1), "t") != 0)
			continue;
		if (fitting >= 0)
		{
			complain(store, "several tables are followed as trades; choose one with --table", PQgetvalue(result, i, 0));
			PQclear(result);
			return false;
		}
		fitting = i;
	}
	if (fitting >= 0)
		store->table = memory_string(PQgetvalue(result, fitting, 0));
	else if (PQntuples(result) > 0)
		complain(store, PQgetvalue(result, 0, 0),
				 "has column names of its own; SELECT pulse_setup(schema => 'trading') makes a table to import into");
	else
		complain(store, "", "no table is followed as trades: SELECT pulse_setup(), or name one with --table");
	PQclear(result);
	return fitting >= 0;
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
	PGresult   *result = query(store, table,
							   "SELECT (SELECT pg_catalog.string_agg(w.name, ', ' ORDER BY w.place) FROM pg_catalog.unnest(ARRAY['portfolio', 'symbol',"
							   " 'side', 'quantity', 'price', 'fee', 'fee_asset', 'executed_at', 'order_id', 'fill_id', 'order_type'])"
							   " WITH ORDINALITY AS w(name, place) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.id"
							   " AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped)),"
							   " EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = t.id AND i.indisunique AND i.indisvalid"
							   " AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 2"
							   " AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.id"
							   " AND a.attname IN ('portfolio', 'fill_id') AND a.attnum IN (i.indkey[0], i.indkey[1])) = 2)"
							   " FROM (SELECT $1::pg_catalog.regclass AS id) AS t", 1, &table);
	bool		fits = false;

	if (result == NULL)
		return false;
	if (!PQgetisnull(result, 0, 0))
		complain(store, store->table, "lacks columns of the table that pulse_setup() makes:");
	if (!PQgetisnull(result, 0, 0))
		complain(store, "", PQgetvalue(result, 0, 0));
	else if (strcmp(PQgetvalue(result, 0, 1), "t") != 0)
		complain(store, store->table, "has no unique key (portfolio, fill_id), so importing twice would book twice");
	else
		fits = true;
	PQclear(result);
	return fits;
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
			   " CREATE TEMPORARY TABLE pulse_import_row (file integer NOT NULL, line bigint NOT NULL, prefix text NOT NULL,"
			   " executed_at timestamptz NOT NULL, symbol text NOT NULL, side text NOT NULL, quantity numeric NOT NULL,"
			   " price numeric, value numeric, fee numeric, fee_asset text, base_fee numeric, order_id text, order_type text,"
			   " id text) ON COMMIT DROP") &&
		run(store, "COPY", "COPY pg_temp.pulse_import_row FROM STDIN");
}

/* Connects, opens the transaction, finds and checks the table, and starts COPY. NULL: problem says why. */
struct import_store *
import_store_open(const struct import_target *target, struct text *problem)
{
	struct import_store *store = memory_alloc_zero(sizeof(*store));

	store->problem = problem;
	if (connect_database(store, target->dsn) && run(store, "BEGIN", "BEGIN") && check_zone(store, target->zone) &&
		(target->table != NULL ? find_named_table(store, target->table) : find_followed_table(store)) && check_table(store))
	{
		char	   *literal = PQescapeLiteral(store->connection, target->portfolio, strlen(target->portfolio));

		store->portfolio = memory_string(literal);
		PQfreemem(literal);
		if (store->portfolio == NULL)
			complain(store, "--portfolio", PQerrorMessage(store->connection));
		else if (start_copy(store))
			return store;
	}
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

/*
 * The price is the value over the quantity where there is no price, or where it was rounded so far that the value is more
 * than half a cent away; 28 decimals, so that the value comes out again. The key of a row without an id is a digest of what it
 * says, in plain numbers, so that other quoting or another export format of the exchange gives the same; equal rows of a
 * file are numbered.
 */
static const char stage_sql[] =
	"CREATE TEMPORARY TABLE pulse_import_fill ON COMMIT DROP AS"
	" WITH priced AS (SELECT r.file, r.line, r.prefix, r.executed_at, r.symbol, r.side, r.quantity, r.fee, r.fee_asset, r.base_fee,"
	"   r.order_id, r.order_type, r.id,"
	"   CASE WHEN r.value IS NULL OR (r.price > 0 AND abs(r.price * r.quantity - r.value) <= 0.005) THEN r.price"
	"     ELSE trim_scale(round(r.value, 28) / r.quantity) END AS price"
	"   FROM pulse_import_row r),"
	" charged AS (SELECT p.*, coalesce(p.fee, 0) + coalesce(p.base_fee * p.price, 0) AS charge FROM priced p),"
	" keyed AS (SELECT c.*, coalesce(c.id, c.prefix || ':' || left(encode(sha256(convert_to(concat_ws('|',"
	"   extract(epoch FROM c.executed_at), c.symbol, c.side, trim_scale(c.quantity), trim_scale(c.price), trim_scale(c.charge),"
	"   CASE WHEN c.charge <> 0 THEN c.fee_asset END), 'UTF8')), 'hex'), 32)) AS key FROM charged c),"
	" counted AS (SELECT k.*, row_number() OVER (PARTITION BY k.file, k.key ORDER BY k.line) AS occurrence FROM keyed k),"
	" named AS (SELECT c.*, CASE WHEN c.id IS NULL THEN c.key || ':' || c.occurrence ELSE c.id END AS fill_id FROM counted c)"
	" SELECT n.*, row_number() OVER (PARTITION BY n.fill_id ORDER BY n.file, n.line) AS copy,"
	"   EXISTS (SELECT FROM %T t WHERE t.portfolio = %P AND t.fill_id = n.fill_id) AS existing"
	" FROM named n";

static const char summary_sql[] =
	"SELECT count(*), count(*) FILTER (WHERE copy > 1), count(*) FILTER (WHERE copy = 1 AND existing),"
	" count(*) FILTER (WHERE copy = 1 AND NOT existing), count(*) FILTER (WHERE copy = 1 AND id IS NULL AND occurrence > 1),"
	" count(DISTINCT symbol), to_char(min(executed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
	" to_char(max(executed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM pulse_import_fill";

static const char similar_sql[] =
	"SELECT count(*) FROM pulse_import_fill f WHERE f.copy = 1 AND NOT f.existing AND EXISTS (SELECT FROM %T t"
	" WHERE t.portfolio = %P AND t.executed_at = f.executed_at AND t.symbol = f.symbol AND upper(t.side) = f.side"
	" AND t.quantity = f.quantity AND t.price = f.price"
	" AND NOT EXISTS (SELECT FROM pulse_import_fill g WHERE g.fill_id = t.fill_id))";

static const char symbols_sql[] =
	"SELECT symbol, count(*) FROM pulse_import_fill WHERE copy = 1 GROUP BY symbol ORDER BY count(*) DESC, symbol LIMIT 20";

/* Ids break ties of time, and many exports have the newest row first: those are turned around. */
static const char insert_sql[] =
	"WITH direction AS (SELECT file, (array_agg(executed_at ORDER BY line))[1] >"
	"   (array_agg(executed_at ORDER BY line DESC))[1] AS newest_first FROM pulse_import_fill GROUP BY file)"
	" INSERT INTO %T (portfolio, symbol, side, quantity, price, fee, fee_asset, executed_at, order_id, fill_id, order_type)"
	" SELECT %P, f.symbol, f.side, f.quantity, f.price, f.charge, f.fee_asset, f.executed_at, f.order_id, f.fill_id, f.order_type"
	" FROM pulse_import_fill f JOIN direction d USING (file) WHERE f.copy = 1 AND NOT f.existing"
	" ORDER BY f.executed_at, f.file, CASE WHEN d.newest_first THEN -f.line ELSE f.line END"
	" ON CONFLICT (portfolio, fill_id) DO NOTHING";

static int64_t
integer_at(const PGresult *result, int column)
{
	return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}

/* Ends COPY and counts what came in against the table. */
bool
import_store_summarise(struct import_store *store, struct import_summary *summary)
{
	PGresult   *result;

	if (!end_copy(store) || !run(store, "ANALYZE", "ANALYZE pulse_import_row"))
		return false;
	result = query_template(store, store->table, stage_sql);
	PQclear(result);
	if (result == NULL || !run(store, "ANALYZE", "ANALYZE pulse_import_fill"))
		return false;

	result = query(store, "summary", summary_sql, 0, NULL);
	if (result == NULL)
		return false;
	summary->fills = integer_at(result, 0);
	summary->repeated = integer_at(result, 1);
	summary->existing = integer_at(result, 2);
	summary->fresh = integer_at(result, 3);
	summary->alike = integer_at(result, 4);
	summary->symbol_count = integer_at(result, 5);
	snprintf(summary->first, sizeof(summary->first), "%s", PQgetvalue(result, 0, 6));
	snprintf(summary->last, sizeof(summary->last), "%s", PQgetvalue(result, 0, 7));
	PQclear(result);

	result = query_template(store, store->table, similar_sql);
	if (result == NULL)
		return false;
	summary->similar = integer_at(result, 0);
	PQclear(result);

	result = query(store, "summary", symbols_sql, 0, NULL);
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
	PGresult   *result = query_template(store, store->table, insert_sql);

	if (result == NULL)
		return false;
	summary->inserted = strtoll(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	return run(store, "COMMIT", "COMMIT");
}
