/*
 * The HTTP interface: resolves a request to a row of the table of routes or to a resource of the worker's own, checks
 * what the client may do, and asks the database: questions through the cache, commands directly.
 */
#include "api.h"

#include "assets.h"
#include "follow.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "routes.h"
#include "session.h"
#include "stream.h"
#include "text.h"
#include "version.h"
#include "versions.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUE 200
#define MAX_BODY_VALUE 4096

static void
respond_json(struct exchange *exchange, int status, struct text *text)
{
	text_append_char(text, '\n');
	http_respond_owned(exchange, status, "application/json", text_detach(text));
}

/* Tells why a query gave nothing. */
static void
respond_failure(struct exchange *exchange, const char *sqlstate, const char *problem)
{
	if (strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57", 2) == 0)
		http_problem(exchange, 503, "Service Unavailable", "the database cannot be reached; try again");
	else if (strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0)
		http_problem(exchange, 400, "Bad Request", problem);
	else if (strcmp(sqlstate, "42704") == 0)
		http_problem(exchange, 404, "Not Found", problem);
	else if (strcmp(sqlstate, "42883") == 0)
		http_problem(exchange, 501, "Not Implemented", "the database's version of the extension does not offer this");
	else if (strcmp(sqlstate, "42501") == 0)
		http_problem(exchange, 403, "Forbidden", "the worker's role in the database may not do this");
	else
		http_problem(exchange, 500, "Internal Server Error", "the query failed; the worker's log says why");
}

static void
answered(void *arg, struct answer *answer, const char *sqlstate, const char *problem)
{
	if (answer != NULL)
		http_respond_answer(arg, "application/json", answer);
	else
		respond_failure(arg, sqlstate, problem);
}

static void
forget_answer(void *arg, struct exchange *exchange)
{
	answers_forget(arg, exchange);
}

/* A command that touched nothing was about something that is not there, or that this client may not see. */
static void
commanded(void *arg, const struct database_reply *reply)
{
	struct exchange *exchange = arg;

	if (reply->result == NULL)
	{
		if (strncmp(reply->sqlstate, "08", 2) != 0 && strncmp(reply->sqlstate, "22", 2) != 0)
			log_warning("api", "%s: %s", exchange->path, reply->message);
		respond_failure(exchange, reply->sqlstate, reply->message);
	}
	else if (PQntuples(reply->result) == 0 || PQgetisnull(reply->result, 0, 0))
		http_problem(exchange, 404, "Not Found", "there is nothing of this name or number that you may see or change");
	else
	{
		answers_outdate(exchange->answers);
		http_respond_owned(exchange, 200, "application/json", memory_string(PQgetvalue(reply->result, 0, 0)));
	}
}

static void
forget_command(void *arg, struct exchange *exchange)
{
	database_forget(arg, exchange);
}

static bool
bad_request(struct exchange *exchange, const char *detail)
{
	http_problem(exchange, 400, "Bad Request", detail);
	return false;
}

static bool
check_number(struct exchange *exchange, const struct parameter *parameter, const char *value)
{
	char		detail[160];
	char	   *end;
	long long	number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (*value != '\0' && *end == '\0' && errno == 0 && number >= parameter->minimum && number <= parameter->maximum)
		return true;
	snprintf(detail, sizeof(detail), "%s must be a whole number from %lld to %lld", parameter->name, parameter->minimum,
			 parameter->maximum);
	return bad_request(exchange, detail);
}

/* Reads a parameter of the query string; returns false with the response made. */
static bool
read_parameter(struct exchange *exchange, const struct parameter *parameter, char *value, const char **result)
{
	bool		too_long;

	*result = parameter->initial;
	if (!http_query_parameter(exchange, parameter->name, value, MAX_VALUE, &too_long))
		return too_long ? bad_request(exchange, "a parameter is too long") : true;
	*result = value;
	return parameter->type != PARAMETER_INTEGER || check_number(exchange, parameter, value);
}

static bool
read_portfolio(struct exchange *exchange, const struct parameter *parameter, const struct database_facts *facts, char *value,
			   const char **result, bool *narrowed)
{
	if (!read_parameter(exchange, parameter, value, result))
		return false;
	if (*result == NULL)
	{
		*narrowed = route_whole(exchange->principal, facts, result);
		return true;
	}
	if (principal_sees(exchange->principal, *result))
		return true;
	http_problem(exchange, 403, "Forbidden", "your token does not cover this portfolio");
	return false;
}

/* Reads a member of the request's body. */
static bool
read_member(struct exchange *exchange, const struct parameter *parameter, json_t *body, char *value, const char **result)
{
	json_t	   *member = json_object_get(body, parameter->name);
	char		detail[160];
	char	   *text;

	if (member == NULL || json_is_null(member))
		return true;
	if (parameter->type == PARAMETER_BODY_TEXT && !json_is_string(member))
	{
		snprintf(detail, sizeof(detail), "\"%s\" must be a string", parameter->name);
		return bad_request(exchange, detail);
	}
	text = json_is_string(member) && parameter->type == PARAMETER_BODY_TEXT ? memory_string(json_string_value(member))
		: json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
	if (text == NULL || strlen(text) >= MAX_BODY_VALUE)
	{
		free(text);
		snprintf(detail, sizeof(detail), "\"%s\" is too long", parameter->name);
		return bad_request(exchange, detail);
	}
	snprintf(value, MAX_BODY_VALUE, "%s", text);
	free(text);
	*result = value;
	return true;
}

static int
compare_names(const void *one, const void *other)
{
	return strcmp(*(const char *const *) one, *(const char *const *) other);
}

/* The portfolios that a client may see as text of PostgreSQL's type text[], the same for the same ones in any order. */
void
api_write_visible(struct text *out, const struct principal *principal)
{
	const char *names[SUBSCRIPTION_MAX_NAMES];
	int			count = 0;

	for (int i = 0; i < principal->portfolios.count; i++)
		names[i] = principal->portfolios.names[i];
	qsort(names, (size_t) principal->portfolios.count, sizeof(names[0]), compare_names);
	for (int i = 0; i < principal->portfolios.count; i++)
	{
		if (count == 0 || strcmp(names[i], names[count - 1]) != 0)
			names[count++] = names[i];
	}
	text_append_array(out, names, count);
}

/* The values of a route's parameters, and the room that they need. */
struct values
{
	const char *result[ROUTE_MAX_PARAMETERS];
	char		room[ROUTE_MAX_PARAMETERS][MAX_BODY_VALUE];
	struct text visible;
	bool		narrowed;		/* the answer is for all visible portfolios together */
	int			count;
};

static bool
read_value(struct exchange *exchange, const struct parameter *parameter, const char *rest, json_t *body,
		   const struct database_facts *facts, struct values *values)
{
	char	   *room = values->room[values->count];
	const char **result = &values->result[values->count++];

	switch (parameter->type)
	{
		case PARAMETER_TEXT:
		case PARAMETER_INTEGER:
			return read_parameter(exchange, parameter, room, result);
		case PARAMETER_PATH:
			*result = rest;
			return true;
		case PARAMETER_PATH_INTEGER:
			*result = rest;
			return check_number(exchange, parameter, rest);
		case PARAMETER_PORTFOLIO:
			return read_portfolio(exchange, parameter, facts, room, result, &values->narrowed);
		case PARAMETER_VISIBLE:
			*result = values->visible.data;
			return true;
		case PARAMETER_BY:
			*result = exchange->principal->name;
			return true;
		case PARAMETER_BODY_TEXT:
		case PARAMETER_BODY_JSON:
			return read_member(exchange, parameter, body, room, result);
	}
	return false;
}

static bool
read_values(struct exchange *exchange, const struct route *route, const char *rest, const struct database_facts *facts,
			struct values *values)
{
	json_t	   *body = NULL;
	bool		good = true;

	if (exchange->principal->limited)
		api_write_visible(&values->visible, exchange->principal);
	if (route->method == HTTP_POST)
	{
		json_error_t where;

		body = exchange->request.length == 0 ? json_object()
			: json_loadb(exchange->request.data, exchange->request.length, JSON_REJECT_DUPLICATES, &where);
		if (!json_is_object(body))
			good = bad_request(exchange, "the body must be a JSON object");
	}
	for (int i = 0; good && i < ROUTE_MAX_PARAMETERS && route->parameters[i].name != NULL; i++)
		good = read_value(exchange, &route->parameters[i], rest, body, facts, values);
	json_decref(body);
	return good;
}

/* Tells whether a path is this route's; rest becomes what stands in the place of {…}, "" where there is none. */
static bool
route_matches(const struct route *route, const char *path, char *rest, size_t size)
{
	const char *brace = strchr(route->path, '{');
	const char *behind = brace != NULL ? strchr(brace, '}') + 1 : NULL;
	size_t		before = brace != NULL ? (size_t) (brace - route->path) : 0;
	size_t		length;

	rest[0] = '\0';
	if (brace == NULL)
		return strcmp(route->path, path) == 0;
	if (strncmp(route->path, path, before) != 0)
		return false;
	length = strcspn(path + before, "/");
	if (length == 0 || length >= size || strcmp(path + before + length, behind) != 0)
		return false;
	memcpy(rest, path + before, length);
	rest[length] = '\0';
	return true;
}

static void
run(struct api *api, const struct route *route, const char *rest, struct exchange *exchange)
{
	struct values *values = memory_alloc_zero(sizeof(*values));
	char	   *sql;

	if (!read_values(exchange, route, rest, database_facts(api->database), values))
		;
	else if (!database_is_ready(api->database))
		http_problem(exchange, 503, "Service Unavailable", database_state(api->database) == DATABASE_NO_EXTENSION ||
					 database_state(api->database) == DATABASE_MISMATCH ? database_problem(api->database)
					 : "the database cannot be reached; try again");
	else if (route->method == HTTP_GET)
	{
		struct question question = {.parameter_count = values->count,.heavy = route->weight == HEAVY};
		struct text parameters = {0};

		sql = route_sql(route->sql, database_facts(api->database)->schema);
		question.sql = sql;
		memcpy(question.parameters, values->result, sizeof(values->result));
		if (values->narrowed)
			route_narrow(&question, values->visible.data, &parameters);
		exchange->cancel = forget_answer;
		exchange->cancel_arg = api->answers;
		answers_ask(api->answers, &question, answered, exchange);
		text_free(&parameters);
		free(sql);
	}
	else
	{
		struct database_query query = {.parameter_count = values->count,.reply = commanded,.arg = exchange};

		sql = route_sql(route->sql, database_facts(api->database)->schema);
		query.sql = sql;
		memcpy(query.parameters, values->result, sizeof(values->result));
		exchange->answers = api->answers;
		exchange->cancel = forget_command;
		exchange->cancel_arg = api->database;
		if (!database_query(api->database, &query))
			http_problem(exchange, 503, "Service Unavailable", "the database is busy; try again");
		free(sql);
	}
	text_free(&values->visible);
	free(values);
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

/* What is written into /readyz: a program that watches can tell an outage from what somebody has to mend. */
static const char *
database_word(const struct database *database)
{
	switch (database_state(database))
	{
		case DATABASE_READY:
			return "ready";
		case DATABASE_NO_EXTENSION:
			return "extension_missing";
		case DATABASE_MISMATCH:
			return "version_mismatch";
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
	text_printf(&text, ",\"seq\":%" PRIu64 ",\"events\":\"%s\",\"versions\":", feed_seq(api->feed),
				!feed_is_ready(api->feed) ? "stopped" : feed_is_polling(api->feed) ? "polling" : "listening");
	versions_write(&text, api->versions);
	text_append(&text, ",\"warning\":");
	text_append_json(&text, ready && versions_problem(api->versions)[0] != '\0' ? versions_problem(api->versions) : NULL);
	text_append_char(&text, '}');
	respond_json(exchange, ready ? 200 : 503, &text);
}

static void
prometheus(struct api *api, struct exchange *exchange)
{
	struct text text = {0};

	metrics_write(&text, api);
	http_respond_owned(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text_detach(&text));
}

static void
document(struct api *api, struct exchange *exchange)
{
	(void) api;
	assets_respond_document(exchange);
}

/* Tells whether the client may do this; false with the response made. */
static bool
allowed(struct exchange *exchange, enum scope scope)
{
	if (scope == SCOPE_NONE)
		return true;
	if (exchange->principal == NULL)
	{
		http_problem(exchange, 401, "Unauthorized", "send a token: Authorization: Bearer ..., or log in at /api/v1/login");
		return false;
	}
	if (exchange->principal->scope >= scope)
		return true;
	http_problem(exchange, 403, "Forbidden", scope == SCOPE_OPERATE ? "this needs a token of scope operate"
				 : "this needs a token of scope admin");
	return false;
}

static void
wrong_method(struct exchange *exchange, const char *allow)
{
	exchange->allow = allow;
	http_problem(exchange, 405, "Method Not Allowed", "this resource is used with other methods; see the Allow header");
}

/* The routes of a path; several differ in method. Returns false when there is none. */
static bool
handle_route(struct api *api, struct exchange *exchange)
{
	static const char *const allowing[] = {NULL, "GET, HEAD", "POST", "GET, HEAD, POST", "DELETE"};
	char		rest[sizeof(exchange->path)];
	unsigned int methods = 0;

	for (int i = 0; i < route_count; i++)
	{
		if (!route_matches(&routes[i], exchange->path, rest, sizeof(rest)))
			continue;
		methods |= 1u << routes[i].method;
		if (routes[i].method != exchange->method)
			continue;
		if (allowed(exchange, routes[i].scope) && !(strcmp(routes[i].path, "/api/v1/events") == 0 && follow_begin(api, exchange)))
			run(api, &routes[i], rest, exchange);
		return true;
	}
	if (methods == 0)
		return false;
	wrong_method(exchange, allowing[methods & 7]);
	return true;
}

/* Finds out what a request wants and responds, at once or when the database has answered. */
void
api_handle(struct api *api, struct exchange *exchange)
{
	static const struct
	{
		const char *path;
		enum http_method method;
		enum scope	scope;
		void		(*handle) (struct api *api, struct exchange *exchange);
	}			own[] = {
		{"/healthz", HTTP_GET, SCOPE_NONE, healthz},
		{"/readyz", HTTP_GET, SCOPE_NONE, readyz},
		{"/metrics", HTTP_GET, SCOPE_READ, prometheus},
		{"/api/v1/login", HTTP_POST, SCOPE_NONE, session_log_in},
		{"/api/v1/logout", HTTP_POST, SCOPE_NONE, session_log_out},
		{"/api/v1/session", HTTP_GET, SCOPE_NONE, session_describe},
		{"/api/v1/openapi.json", HTTP_GET, SCOPE_NONE, document},
		{"/api/v1/asyncapi.json", HTTP_GET, SCOPE_NONE, document},
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
	{
		if (strcmp(own[i].path, exchange->path) != 0)
			continue;
		if (own[i].method != exchange->method)
			wrong_method(exchange, own[i].method == HTTP_POST ? "POST" : "GET, HEAD");
		else if (allowed(exchange, own[i].scope))
			own[i].handle(api, exchange);
		return;
	}
	if (handle_route(api, exchange))
		return;
	if (exchange->method != HTTP_GET)
		wrong_method(exchange, "GET, HEAD");
	else if (strncmp(exchange->path, "/api/", 5) == 0 || !assets_respond(exchange, api->dashboard_directory))
		http_problem(exchange, 404, "Not Found", "there is no such resource");
}
