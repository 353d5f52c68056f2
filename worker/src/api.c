/*
 * The HTTP interface: a table from paths to SQL functions with typed parameters, and a few resources of the worker's
 * own. Figures come from the same functions as the stream's, through the same cache.
 */
#include "api.h"

#include "assets.h"
#include "memory.h"
#include "metrics.h"
#include "stream.h"
#include "text.h"
#include "version.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARAMETERS 4
#define MAX_VALUE 200

enum parameter_type
{
	PARAMETER_TEXT,
	PARAMETER_INTEGER
};

struct parameter
{
	const char *name;
	enum parameter_type type;
	const char *initial;		/* NULL = SQL NULL */
	long long	minimum;
	long long	maximum;
};

/* A path that ends with {…} takes the rest of the request's path as its first parameter. */
struct route
{
	const char *path;
	const char *sql;			/* %s stands for the schema of the functions */
	struct parameter parameters[MAX_PARAMETERS];
};

#define PORTFOLIO {"portfolio", PARAMETER_TEXT, NULL, 0, 0}
#define TIMEZONE {"timezone", PARAMETER_TEXT, "UTC", 0, 0}

/* A page carries one row more than was asked for, which tells whether there is a next one. */
static const char trades_sql[] =
"SELECT pg_catalog.jsonb_build_object("
" 'items', COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
"  'portfolio', t.portfolio, 'id', t.id, 'symbol', t.symbol, 'side', t.side, 'quantity', t.quantity::text,"
"  'price', t.price::text, 'value', t.value::text, 'fee', t.fee::text, 'fee_asset', t.fee_asset,"
"  'executed_at', pulse.json_time(t.executed_at), 'order_id', t.order_id, 'fill_id', t.fill_id, 'strategy', t.strategy,"
"  'confidence', pulse.json_number(t.confidence), 'realized_pnl', t.realized_pnl::text, 'position', t.position::text)"
"  ORDER BY t.n) FILTER (WHERE t.n <= $1::integer), '[]'),"
" 'next_cursor', CASE WHEN pg_catalog.max(t.n) > $1::integer"
"  THEN pg_catalog.max(t.cursor) FILTER (WHERE t.n = $1::integer) END)::text"
" FROM %s.pulse_trades($1::integer + 1, $2, $3) WITH ORDINALITY AS t (portfolio, id, symbol, side, quantity, price, value,"
"  fee, fee_asset, executed_at, order_id, fill_id, strategy, confidence, realized_pnl, position, cursor, n)";

static const char events_sql[] =
"SELECT pg_catalog.jsonb_build_object('epoch', q.epoch, 'seq', q.seq, 'items', COALESCE((SELECT pg_catalog.jsonb_agg("
" pg_catalog.jsonb_build_object('v', 1, 'type', e.type, 'seq', e.seq, 'epoch', e.epoch, 'timestamp', pulse.json_time(e.ts),"
"  'portfolio', e.portfolio, 'key', e.key, 'priority', e.priority, 'data', e.data) ORDER BY e.seq)"
" FROM (SELECT * FROM pulse.event WHERE seq > $1::bigint ORDER BY seq LIMIT $2::integer) AS e), '[]'))::text"
" FROM pulse.sequencer AS q";

static const struct route routes[] = {
	{"/api/v1/snapshot",
		"SELECT s::text, s->>'seq', s->>'epoch' FROM (SELECT %s.pulse_snapshot($1) AS s) AS cut",
		{PORTFOLIO}},
	{"/api/v1/performance", "SELECT pulse.performance_data($1)::text", {PORTFOLIO}},
	{"/api/v1/performance/report", "SELECT %s.pulse_performance_report($1::integer, $2)::text",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, PORTFOLIO}},
	{"/api/v1/performance/breakdown",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(b) || pg_catalog.jsonb_build_object('net_pnl', b.net_pnl::text)), '[]')::text"
		" FROM %s.pulse_performance_breakdown($1) AS b",
		{PORTFOLIO}},
	{"/api/v1/monthly",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('year', m.year, 'month', m.month, 'monthly_return',"
		" pulse.json_number(m.monthly_return), 'end_value', pulse.json_number(m.end_value))), '[]')::text"
		" FROM %s.pulse_monthly_returns($1, $2) AS m",
		{PORTFOLIO, TIMEZONE}},
	{"/api/v1/drawdowns",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('rank', d.rank, 'depth', pulse.json_number(d.depth),"
		" 'peak_at', pulse.json_time(d.peak_at), 'trough_at', pulse.json_time(d.trough_at),"
		" 'recovered_at', pulse.json_time(d.recovered_at), 'duration', EXTRACT(epoch FROM d.duration)::float8,"
		" 'time_to_trough', EXTRACT(epoch FROM d.time_to_trough)::float8,"
		" 'time_to_recover', EXTRACT(epoch FROM d.time_to_recover)::float8)), '[]')::text"
		" FROM %s.pulse_drawdowns($1::integer, $2) AS d",
		{{"top", PARAMETER_INTEGER, "10", 1, 1000}, PORTFOLIO}},
	{"/api/v1/heatmap",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('weekday', h.weekday, 'hour', h.hour, 'trades', h.trades,"
		" 'volume', h.volume::text, 'pnl', h.pnl::text)), '[]')::text"
		" FROM %s.pulse_trading_heatmap($1::integer, $2, $3) AS h",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, PORTFOLIO, TIMEZONE}},
	{"/api/v1/symbols",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('symbol', s.symbol, 'fills', s.fills, 'volume', s.volume::text,"
		" 'trades', s.trades, 'gross_pnl', s.gross_pnl::text, 'fees', s.fees::text, 'net_pnl', s.net_pnl::text,"
		" 'win_rate', pulse.json_number(s.win_rate), 'profit_factor', pulse.json_number(s.profit_factor),"
		" 'average_win', pulse.json_number(s.average_win), 'average_loss', pulse.json_number(s.average_loss),"
		" 'average_return', pulse.json_number(s.average_return), 'best_trade', s.best_trade::text, 'worst_trade', s.worst_trade::text,"
		" 'average_holding', EXTRACT(epoch FROM s.average_holding)::float8)), '[]')::text"
		" FROM %s.pulse_symbol_performance($1::integer, $2) AS s",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, PORTFOLIO}},
	{"/api/v1/targets",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)), '[]')::text FROM %s.pulse_targets($1) AS t",
		{PORTFOLIO}},
	{"/api/v1/portfolio", "SELECT %s.pulse_portfolio($1)::text", {PORTFOLIO}},
	{"/api/v1/portfolio/chart", "SELECT %s.pulse_portfolio_chart($1::integer, $2::integer, $3)::text",
		{{"hours", PARAMETER_INTEGER, "24", 1, 1000000}, {"points", PARAMETER_INTEGER, "500", 4, 10000}, PORTFOLIO}},
	{"/api/v1/positions", "SELECT (%s.pulse_portfolio($1)->'positions')::text", {PORTFOLIO}},
	{"/api/v1/trades", trades_sql,
		{{"limit", PARAMETER_INTEGER, "50", 1, 1000}, {"cursor", PARAMETER_TEXT, NULL, 0, 0}, PORTFOLIO}},
	{"/api/v1/health", "SELECT pulse.health_data()::text", {{0}}},
	{"/api/v1/health/{component}",
		"SELECT pg_catalog.jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message, 'latency_ms',"
		" pulse.json_number(h.latency_ms), 'checked_at', pulse.json_time(h.checked_at), 'details', h.details)::text"
		" FROM %s.pulse_health_check($1) AS h",
		{{"component", PARAMETER_TEXT, NULL, 0, 0}}},
	{"/api/v1/events", events_sql,
		{{"since_seq", PARAMETER_INTEGER, "0", 0, INT64_MAX}, {"limit", PARAMETER_INTEGER, "100", 1, 1000}}},
};

static void
respond_json(struct exchange *exchange, int status, struct text *text)
{
	text_append_char(text, '\n');
	http_respond_owned(exchange, status, "application/json", text_detach(text));
}

static void
answered(void *arg, struct answer *answer, const char *sqlstate, const char *problem)
{
	struct exchange *exchange = arg;

	if (answer != NULL)
		http_respond_answer(exchange, "application/json", answer);
	else if (strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57", 2) == 0)
		http_problem(exchange, 503, "Service Unavailable", "the database cannot be reached; try again");
	else if (strncmp(sqlstate, "22", 2) == 0)
		http_problem(exchange, 400, "Bad Request", problem);
	else if (strcmp(sqlstate, "42704") == 0)
		http_problem(exchange, 404, "Not Found", problem);
	else if (strcmp(sqlstate, "42883") == 0)
		http_problem(exchange, 501, "Not Implemented", "the database's version of the extension does not offer this");
	else
		http_problem(exchange, 500, "Internal Server Error", "the query failed; the worker's log says why");
}

static void
forget(void *arg, struct exchange *exchange)
{
	answers_forget(arg, exchange);
}

/* Reads one parameter; returns false with the response made. */
static bool
read_parameter(struct exchange *exchange, const struct parameter *parameter, char *value, const char **result)
{
	char		detail[160];
	char	   *end;
	long long	number;
	bool		too_long;

	*result = parameter->initial;
	if (!http_query_parameter(exchange, parameter->name, value, MAX_VALUE, &too_long))
	{
		if (!too_long)
			return true;
		http_problem(exchange, 400, "Bad Request", "a parameter is too long");
		return false;
	}
	*result = value;
	if (parameter->type == PARAMETER_TEXT)
		return true;
	errno = 0;
	number = strtoll(value, &end, 10);
	if (*value == '\0' || *end != '\0' || errno != 0 || number < parameter->minimum || number > parameter->maximum)
	{
		snprintf(detail, sizeof(detail), "%s must be a whole number from %lld to %lld", parameter->name, parameter->minimum,
				 parameter->maximum);
		http_problem(exchange, 400, "Bad Request", detail);
		return false;
	}
	return true;
}

/* Tells whether a path is this route's; rest becomes what stands in the place of {…}, NULL where there is none. */
static bool
route_matches(const struct route *route, const char *path, const char **rest)
{
	const char *brace = strchr(route->path, '{');
	size_t		length = brace != NULL ? (size_t) (brace - route->path) : 0;

	*rest = NULL;
	if (brace == NULL)
		return strcmp(route->path, path) == 0;
	if (strncmp(route->path, path, length) != 0 || path[length] == '\0' || strchr(path + length, '/') != NULL)
		return false;
	*rest = path + length;
	return true;
}

static void
ask(struct api *api, const struct route *route, const char *rest, struct exchange *exchange)
{
	char		values[MAX_PARAMETERS][MAX_VALUE];
	struct question question = {0};
	struct text sql = {0};
	const char *schema = strstr(route->sql, "%s");

	for (int i = 0; i < MAX_PARAMETERS && route->parameters[i].name != NULL; i++)
	{
		if (i == 0 && rest != NULL)
			question.parameters[i] = rest;
		else if (!read_parameter(exchange, &route->parameters[i], values[i], &question.parameters[i]))
			return;
		question.parameter_count++;
	}
	if (!database_is_ready(api->database))
	{
		http_problem(exchange, 503, "Service Unavailable", "the database cannot be reached; try again");
		return;
	}
	if (schema != NULL)
	{
		text_append_n(&sql, route->sql, (size_t) (schema - route->sql));
		text_append(&sql, database_facts(api->database)->schema);
		text_append(&sql, schema + 2);
	}
	else
		text_append(&sql, route->sql);
	question.sql = sql.data;
	exchange->cancel = forget;
	exchange->cancel_arg = api->answers;
	answers_ask(api->answers, &question, answered, exchange);
	text_free(&sql);
}

/* Alive: the loop turns. Nothing else is asked, so that a database outage does not get the worker restarted. */
static void
healthz(struct api *api, struct exchange *exchange)
{
	struct text text = {0};

	text_printf(&text, "{\"status\":\"ok\",\"version\":\"" PULSE_VERSION "\",\"uptime_seconds\":%" PRIu64 ",\"clients\":%d}",
				(loop_now() - api->started_at) / 1000000, stream_client_count(api->stream));
	respond_json(exchange, 200, &text);
}

static const char *
database_word(const struct database *database)
{
	switch (database_state(database))
	{
		case DATABASE_READY:
			return "ready";
		case DATABASE_NO_EXTENSION:
			return "extension_missing";
		case DATABASE_CONNECTING:
		case DATABASE_GREETING:
			return "connecting";
		default:
			return "unreachable";
	}
}

/* Ready: events flow and questions can be answered. */
static void
readyz(struct api *api, struct exchange *exchange)
{
	bool		ready = feed_is_ready(api->feed) && database_is_ready(api->database);
	struct text text = {0};

	text_printf(&text, "{\"status\":\"%s\",\"database\":\"%s\",\"problem\":", ready ? "ready" : "not ready",
				database_word(api->database));
	text_append_json(&text, ready ? NULL : database_problem(api->database));
	text_append(&text, ",\"epoch\":");
	text_append_json(&text, feed_epoch(api->feed));
	text_printf(&text, ",\"seq\":%" PRIu64 ",\"events\":\"%s\"}", feed_seq(api->feed),
				!feed_is_ready(api->feed) ? "stopped" : feed_is_polling(api->feed) ? "polling" : "listening");
	respond_json(exchange, ready ? 200 : 503, &text);
}

static void
prometheus(struct api *api, struct exchange *exchange)
{
	struct text text = {0};

	metrics_write(&text, api);
	http_respond_owned(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text_detach(&text));
}

/* Finds out what a request wants and responds, at once or when the database has answered. */
void
api_handle(struct api *api, struct exchange *exchange, bool readable_method)
{
	static const struct
	{
		const char *path;
		void		(*handle) (struct api *api, struct exchange *exchange);
	}			own[] = {{"/healthz", healthz}, {"/readyz", readyz}, {"/metrics", prometheus}};

	const char *rest;

	if (!readable_method)
	{
		http_problem(exchange, 405, "Method Not Allowed", "this resource is read with GET");
		return;
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
	{
		if (strcmp(own[i].path, exchange->path) == 0)
		{
			own[i].handle(api, exchange);
			return;
		}
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
	{
		if (route_matches(&routes[i], exchange->path, &rest))
		{
			ask(api, &routes[i], rest, exchange);
			return;
		}
	}
	if (strncmp(exchange->path, "/api/", 5) == 0 || !assets_respond(exchange, api->dashboard_directory))
		http_problem(exchange, 404, "Not Found", "there is no such resource");
}
