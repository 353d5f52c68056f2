#include "session.h"

#include "access.h"
#include "memory.h"
#include "stream.h"
#include "text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void
set_cookie(struct exchange *exchange, const char *session, int64_t seconds)
{
	snprintf(exchange->cookie, sizeof(exchange->cookie), "pulse_session=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%" PRId64 "%s",
			 session, seconds, exchange->tls ? "; Secure" : "");
}

static void
logged_in(void *arg, bool success)
{
	struct exchange *exchange = arg;

	exchange->cancel = NULL;
	if (success)
	{
		http_respond_nothing(exchange);
		return;
	}
	exchange->cookie[0] = '\0';
	http_problem(exchange, 503, "Service Unavailable", "the database could not store the session; try again");
}

static void
forget(void *arg, struct exchange *exchange)
{
	auth_forget(arg, exchange);
}

/* POST {"token": …}: checks the token and sets the cookie. */
void
session_log_in(struct api *api, struct exchange *exchange)
{
	json_error_t where;
	json_t	   *body = json_loadb(exchange->request.length > 0 ? exchange->request.data : "", exchange->request.length,
								  JSON_REJECT_DUPLICATES, &where);
	const char *token = json_string_value(json_object_get(body, "token"));
	struct visitor refusal = {0};
	struct principal *principal;
	char		session[AUTH_TOKEN_SIZE];

	if (token == NULL)
		http_problem(exchange, 400, "Bad Request", "the body must be {\"token\": \"...\"}");
	else if (!auth_is_required(api->access->auth))
		http_respond_nothing(exchange);
	else if ((principal = access_check_token(api->access, exchange->peer, token, &refusal)) == NULL)
		http_problem(exchange, refusal.status, refusal.title, refusal.detail);
	else if (principal->parent != 0)
		http_problem(exchange, 400, "Bad Request", "this is a session; log in with a token");
	else if (!auth_log_in(api->access->auth, principal, session, sizeof(session), logged_in, exchange))
		http_problem(exchange, 503, "Service Unavailable", "the database could not store the session; try again");
	else
	{
		set_cookie(exchange, session, api->access->config->session_hours * 3600);
		exchange->cancel = forget;
		exchange->cancel_arg = api->access->auth;
	}
	json_decref(body);
}

/* POST: ends the session of the cookie, also when it has expired already. */
void
session_log_out(struct api *api, struct exchange *exchange)
{
	if (exchange->session[0] != '\0')
		auth_log_out(api->access->auth, exchange->session);
	set_cookie(exchange, "", 0);
	http_respond_nothing(exchange);
}

/* GET: who one is, for a page that wants to know whether it must ask for a token. */
void
session_describe(struct api *api, struct exchange *exchange)
{
	const struct principal *principal = exchange->principal;
	struct text out = {0};

	text_printf(&out, "{\"required\":%s,\"authenticated\":%s", auth_is_required(api->access->auth) ? "true" : "false",
				principal != NULL ? "true" : "false");
	if (principal != NULL)
	{
		text_append(&out, ",\"name\":");
		text_append_json(&out, principal->name);
		text_append_char(&out, ',');
		stream_write_rights(&out, principal);
	}
	text_append(&out, "}\n");
	http_respond_owned(exchange, 200, "application/json", text_detach(&out));
}
