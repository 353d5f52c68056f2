#include "http.h"

#include "memory.h"
#include "net.h"
#include "text.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_SPACE 2048
#define CHUNK 32768

static bool
in_list(const struct config_list *list, const char *value)
{
	for (int i = 0; i < list->count; i++)
	{
		if (strcasecmp(list->items[i], value) == 0)
			return true;
	}
	return false;
}

/*
 * The Host header is what keeps a page of another site, whose name was made to point at 127.0.0.1, from being "same
 * origin" with us.
 */
static bool
host_is_ours(const char *authority, const struct config *config)
{
	char		host[160];
	int			port;

	if (!net_split_authority(authority, host, sizeof(host), &port))
		return false;
	return net_is_loopback_name(host) || strcasecmp(host, config->host) == 0 ||
		in_list(&config->allowed_hosts, host) || in_list(&config->allowed_hosts, authority);
}

/* Pages may connect from where we are, from this machine, and from where the configuration says. */
static bool
origin_is_allowed(const char *origin, const char *authority, const struct config *config, bool *same)
{
	const char *site = strstr(origin, "://");
	char		host[160];
	int			port;

	*same = false;
	if (in_list(&config->allowed_origins, origin))
		return true;
	if (site == NULL || (strncasecmp(origin, "http://", 7) != 0 && strncasecmp(origin, "https://", 8) != 0))
		return false;
	site += 3;
	if (strcasecmp(site, authority) == 0)
	{
		*same = true;
		return true;
	}
	return net_split_authority(site, host, sizeof(host), &port) && net_is_loopback_name(host);
}

/* Copies a header; returns false when it does not fit. A header that is not there becomes "". */
static bool
copy_header(struct lws *wsi, enum lws_token_indexes token, char *buffer, size_t size)
{
	int			length = lws_hdr_total_length(wsi, token);

	buffer[0] = '\0';
	if (length == 0)
		return true;
	return (size_t) length < size && lws_hdr_copy(wsi, buffer, (int) size, token) >= 0;
}

/* Checks Host and Origin; origin becomes the other site's when it may read the response, else "". */
enum http_access
http_check_access(struct lws *wsi, const struct config *config, char *origin, size_t size)
{
	char		authority[160];
	char		from[160];
	bool		same;

	origin[0] = '\0';
	if (!copy_header(wsi, WSI_TOKEN_HOST, authority, sizeof(authority)) || !host_is_ours(authority, config))
		return HTTP_BAD_HOST;
	if (!copy_header(wsi, WSI_TOKEN_ORIGIN, from, sizeof(from)))
		return HTTP_BAD_ORIGIN;
	if (from[0] == '\0')
		return HTTP_ALLOWED;
	if (!origin_is_allowed(from, authority, config, &same))
		return HTTP_BAD_ORIGIN;
	if (!same)
		snprintf(origin, size, "%s", from);
	return HTTP_ALLOWED;
}

/* Fills an exchange from the headers. On false the exchange has its response already. */
bool
http_read_request(struct exchange *exchange, struct lws *wsi, const struct config *config, const char *path)
{
	char		encodings[160];
	enum http_access access;

	exchange->wsi = wsi;
	exchange->head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
	snprintf(exchange->path, sizeof(exchange->path), "%s", path);
	copy_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, exchange->if_none_match, sizeof(exchange->if_none_match));
	copy_header(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, encodings, sizeof(encodings));
	exchange->accepts_gzip = strstr(encodings, "gzip") != NULL && strstr(encodings, "gzip;q=0") == NULL;
	access = http_check_access(wsi, config, exchange->origin, sizeof(exchange->origin));
	if (access == HTTP_BAD_HOST)
	{
		http_problem(exchange, 421, "Misdirected Request", "the Host header names another site; allowed_hosts can add it");
		return false;
	}
	if (access == HTTP_BAD_ORIGIN)
	{
		http_problem(exchange, 403, "Forbidden", "pages of this origin may not connect; allowed_origins can add it");
		return false;
	}
	copy_header(wsi, WSI_TOKEN_HOST, exchange->host, sizeof(exchange->host));
	if (strlen(path) >= sizeof(exchange->path))
	{
		http_problem(exchange, 414, "URI Too Long", "no resource has such a long path");
		return false;
	}
	return true;
}

/* Finds a parameter of the query string; returns false when there is none, or none of a length that fits. */
bool
http_query_parameter(struct exchange *exchange, const char *name, char *value, size_t size, bool *too_long)
{
	size_t		length = strlen(name);
	char		fragment[512];
	int			copied;

	*too_long = false;
	for (int i = 0; (copied = lws_hdr_copy_fragment(exchange->wsi, fragment, sizeof(fragment), WSI_TOKEN_HTTP_URI_ARGS, i)) != -1; i++)
	{
		if (copied < 0)
		{
			*too_long = true;
			return false;
		}
		if (strncmp(fragment, name, length) != 0 || fragment[length] != '=')
			continue;
		*too_long = strlen(fragment + length + 1) >= size;
		snprintf(value, size, "%s", fragment + length + 1);
		return !*too_long;
	}
	return false;
}

static void
make_ready(struct exchange *exchange, int status, const char *type, const char *body, size_t length)
{
	exchange->ready = true;
	exchange->cancel = NULL;
	exchange->status = status;
	exchange->type = type;
	exchange->body = body;
	exchange->length = length;
	lws_callback_on_writable(exchange->wsi);
}

/* Responds with bytes that live as long as the program. */
void
http_respond(struct exchange *exchange, int status, const char *type, const char *body, size_t length)
{
	make_ready(exchange, status, type, body, length);
}

/* Responds with a string that goes over to the exchange. */
void
http_respond_owned(struct exchange *exchange, int status, const char *type, char *body)
{
	exchange->owned = body;
	make_ready(exchange, status, type, body, strlen(body));
}

/* Responds with an answer out of the database, or with 304 when the client has it already. */
void
http_respond_answer(struct exchange *exchange, const char *type, struct answer *answer)
{
	exchange->answer = answer_hold(answer);
	snprintf(exchange->etag, sizeof(exchange->etag), "%s", answer->etag);
	make_ready(exchange, 200, type, answer->body, answer->length);
}

static char *
problem_body(int status, const char *title, const char *detail)
{
	struct text body = {0};

	text_printf(&body, "{\"type\":\"about:blank\",\"title\":");
	text_append_json(&body, title);
	text_printf(&body, ",\"status\":%d,\"detail\":", status);
	text_append_json(&body, detail);
	text_append(&body, "}\n");
	return text_detach(&body);
}

/* Responds with a problem document of RFC 9457. */
void
http_problem(struct exchange *exchange, int status, const char *title, const char *detail)
{
	http_respond_owned(exchange, status, "application/problem+json", problem_body(status, title, detail));
}

static int
add(struct lws *wsi, const char *name, const char *value, unsigned char **at, unsigned char *end)
{
	return lws_add_http_header_by_name(wsi, (const unsigned char *) name, (const unsigned char *) value,
									   (int) strlen(value), at, end);
}

static int
add_page_headers(struct exchange *exchange, unsigned char **at, unsigned char *end)
{
	char		policy[640];

	/* Older browsers do not count a WebSocket to our own address as 'self'. */
	snprintf(policy, sizeof(policy), "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
			 " font-src 'self'; manifest-src 'self'; connect-src 'self' ws://%s wss://%s; base-uri 'none'; form-action 'none';"
			 " frame-ancestors 'none'", exchange->host, exchange->host);
	return add(exchange->wsi, "content-security-policy:", policy, at, end) ||
		add(exchange->wsi, "x-frame-options:", "DENY", at, end) ||
		add(exchange->wsi, "cross-origin-opener-policy:", "same-origin", at, end);
}

static int
write_headers(struct exchange *exchange)
{
	unsigned char buffer[LWS_PRE + HEADER_SPACE];
	unsigned char *start = buffer + LWS_PRE;
	unsigned char *at = start;
	unsigned char *end = buffer + sizeof(buffer) - 1;
	struct lws *wsi = exchange->wsi;
	bool		unchanged = exchange->status == 200 && exchange->etag[0] != '\0' &&
		strstr(exchange->if_none_match, exchange->etag) != NULL;

	if (unchanged)
	{
		exchange->status = 304;
		exchange->length = 0;
	}
	if (lws_add_http_header_status(wsi, (unsigned int) exchange->status, &at, end) ||
		lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, (const unsigned char *) exchange->type,
									 (int) strlen(exchange->type), &at, end) ||
		add(wsi, "x-content-type-options:", "nosniff", &at, end) ||
		add(wsi, "referrer-policy:", "no-referrer", &at, end) ||
		add(wsi, "cache-control:", exchange->etag[0] != '\0' ? "no-cache" : "no-store", &at, end))
		return -1;
	if (exchange->etag[0] != '\0' && add(wsi, "etag:", exchange->etag, &at, end))
		return -1;
	if (exchange->gzip && (add(wsi, "content-encoding:", "gzip", &at, end) || add(wsi, "vary:", "accept-encoding", &at, end)))
		return -1;
	if (exchange->origin[0] != '\0' && (add(wsi, "access-control-allow-origin:", exchange->origin, &at, end) ||
										add(wsi, "vary:", "origin", &at, end)))
		return -1;
	if (exchange->status == 405 && add(wsi, "allow:", "GET, HEAD", &at, end))
		return -1;
	if (exchange->page && add_page_headers(exchange, &at, end))
		return -1;
	if (!unchanged && lws_add_http_header_content_length(wsi, exchange->length, &at, end))
		return -1;
	return lws_finalize_write_http_header(wsi, start, &at, end);
}

/* Writes the next part of the response; called when the socket is writable. Nonzero closes the connection. */
int
http_write(struct exchange *exchange)
{
	unsigned char buffer[LWS_PRE + CHUNK];
	size_t		part;
	bool		last;

	if (!exchange->ready)
		return 0;
	if (!exchange->begun)
	{
		if (write_headers(exchange))
			return -1;
		exchange->begun = true;
		if (!exchange->head && exchange->length > 0)
		{
			lws_callback_on_writable(exchange->wsi);
			return 0;
		}
		return lws_http_transaction_completed(exchange->wsi) ? -1 : 0;
	}
	part = exchange->length - exchange->sent < CHUNK ? exchange->length - exchange->sent : CHUNK;
	last = exchange->sent + part == exchange->length;
	memcpy(buffer + LWS_PRE, exchange->body + exchange->sent, part);
	if (lws_write(exchange->wsi, buffer + LWS_PRE, part, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int) part)
		return -1;
	exchange->sent += part;
	if (last)
		return lws_http_transaction_completed(exchange->wsi) ? -1 : 0;
	lws_callback_on_writable(exchange->wsi);
	return 0;
}

/* Frees what an exchange holds, not the exchange; whoever works at its answer is told to stop. */
void
http_release(struct exchange *exchange)
{
	if (exchange->cancel != NULL)
		exchange->cancel(exchange->cancel_arg, exchange);
	free(exchange->owned);
	answer_release(exchange->answer);
	*exchange = (struct exchange) {0};
}

/* Refuses a WebSocket handshake with a proper response, at once. Returns what the libwebsockets callback must return. */
int
http_refuse_upgrade(struct lws *wsi, int status, const char *title, const char *detail)
{
	unsigned char buffer[LWS_PRE + HEADER_SPACE];
	unsigned char *start = buffer + LWS_PRE;
	unsigned char *at = start;
	unsigned char *end = buffer + sizeof(buffer) - 1;
	char	   *body = problem_body(status, title, detail);
	size_t		length = strlen(body);
	int			result = -1;

	if (!lws_add_http_header_status(wsi, (unsigned int) status, &at, end) &&
		!add(wsi, "content-type:", "application/problem+json", &at, end) &&
		!add(wsi, "connection:", "close", &at, end) &&
		(status != 426 || !add(wsi, "sec-websocket-version:", "13", &at, end)) &&
		!lws_add_http_header_content_length(wsi, length, &at, end) &&
		!lws_finalize_http_header(wsi, &at, end) && (size_t) (end - at) > length)
	{
		memcpy(at, body, length);
		at += length;
		lws_write(wsi, start, (size_t) (at - start), LWS_WRITE_HTTP_HEADERS);
	}
	free(body);
	return result;
}
