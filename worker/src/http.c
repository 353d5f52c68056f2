#include "http.h"

#include "memory.h"
#include "stream.h"
#include "text.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_SPACE 2048
#define CHUNK 32768

/* Copies a header that matters only where it fits. */
static void
copy_header(struct lws *wsi, enum lws_token_indexes token, char *buffer, size_t size)
{
	buffer[0] = '\0';
	if ((size_t) lws_hdr_total_length(wsi, token) < size)
		lws_hdr_copy(wsi, buffer, (int) size, token);
}

/* Copies a header that libwebsockets has no number for; its name is in lower case and ends with a colon. */
static void
copy_named_header(struct lws *wsi, const char *name, char *buffer, size_t size)
{
	int			length = (int) strlen(name);

	buffer[0] = '\0';
	if (lws_hdr_custom_length(wsi, name, length) > 0 && (size_t) lws_hdr_custom_length(wsi, name, length) < size)
		lws_hdr_custom_copy(wsi, buffer, (int) size, name, length);
}

static enum http_method
method_of(struct lws *wsi)
{
	if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0 || lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0)
		return HTTP_GET;
	if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0)
		return HTTP_POST;
	return lws_hdr_total_length(wsi, WSI_TOKEN_DELETE_URI) > 0 ? HTTP_DELETE : HTTP_OTHER_METHOD;
}

/* How long the request's body is; returns false when that is not known or too much. */
static bool
measure_body(struct exchange *exchange, struct lws *wsi)
{
	char		length[24];
	char	   *end;
	long long	bytes;

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
	{
		exchange->close = true;
		http_problem(exchange, 411, "Length Required", "send the body with Content-Length");
		return false;
	}
	copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof(length));
	if (length[0] == '\0')
		return true;
	bytes = strtoll(length, &end, 10);
	if (*end != '\0' || bytes < 0 || bytes > HTTP_LARGEST_REQUEST)
	{
		exchange->close = true;
		http_problem(exchange, 413, "Content Too Large", "no request needs so large a body");
		return false;
	}
	exchange->body_left = (size_t) bytes;
	return true;
}

/* Fills an exchange from the headers. On false the exchange has its response already. */
bool
http_read_request(struct exchange *exchange, struct lws *wsi, const struct access *access, const char *path)
{
	char		encodings[160];
	struct visitor visitor;
	bool		admitted;

	exchange->wsi = wsi;
	exchange->method = method_of(wsi);
	exchange->head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
	exchange->tls = lws_is_ssl(wsi) != 0;
	snprintf(exchange->path, sizeof(exchange->path), "%s", path);
	copy_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, exchange->if_none_match, sizeof(exchange->if_none_match));
	copy_header(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, encodings, sizeof(encodings));
	copy_header(wsi, WSI_TOKEN_HTTP_ACCEPT, exchange->accept, sizeof(exchange->accept));
	copy_named_header(wsi, "last-event-id:", exchange->last_event_id, sizeof(exchange->last_event_id));
	exchange->accepts_gzip = access->config->compression && strstr(encodings, "gzip") != NULL &&
		strstr(encodings, "gzip;q=0") == NULL;
	admitted = access_admit(access, wsi, &visitor);
	snprintf(exchange->origin, sizeof(exchange->origin), "%s", visitor.origin);
	snprintf(exchange->session, sizeof(exchange->session), "%s", visitor.session);
	exchange->peer = visitor.peer;
	peer_hold(exchange->peer);
	if (visitor.principal != NULL)
		exchange->principal = principal_hold(visitor.principal);
	if (!measure_body(exchange, wsi))
		return false;
	if (!admitted)
	{
		http_problem(exchange, visitor.status, visitor.title, visitor.detail);
		return false;
	}
	snprintf(exchange->host, sizeof(exchange->host), "%s", visitor.host);
	if (strlen(path) >= sizeof(exchange->path))
	{
		http_problem(exchange, 414, "URI Too Long", "no resource has such a long path");
		return false;
	}
	return true;
}

/* Takes a piece of the request's body; returns true when it is complete. */
bool
http_receive(struct exchange *exchange, const char *bytes, size_t length)
{
	if (length > exchange->body_left)
		length = exchange->body_left;
	exchange->body_left -= length;
	text_append_n(&exchange->request, bytes, length);
	return exchange->body_left == 0;
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
	free(exchange->owned);
	exchange->owned = body;
	make_ready(exchange, status, type, body, strlen(body));
}

/* Responds with an answer out of the database, or with 304 when the client has it already. */
void
http_respond_answer(struct exchange *exchange, const char *type, struct answer *answer)
{
	size_t		length = answer->length;
	const char *body = answer->body;
	const char *packed = exchange->accepts_gzip ? answer_packed(answer, &length) : NULL;

	exchange->answer = answer_hold(answer);
	exchange->gzip = packed != NULL;
	/* The two encodings are different representations, so their tags differ. */
	snprintf(exchange->etag, sizeof(exchange->etag), "%.*s%s\"", (int) strlen(answer->etag) - 1, answer->etag,
			 exchange->gzip ? "-gz" : "");
	make_ready(exchange, 200, type, packed != NULL ? packed : body, packed != NULL ? length : answer->length);
}

/* Responds that it is done and there is nothing to say. */
void
http_respond_nothing(struct exchange *exchange)
{
	make_ready(exchange, 204, NULL, NULL, 0);
}

/* Responds with headers, behind which someone else writes until one side leaves. */
void
http_respond_endless(struct exchange *exchange, const char *type)
{
	exchange->endless = exchange->close = true;
	make_ready(exchange, 200, type, NULL, 0);
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

/* Writes status and headers. Nonzero closes the connection. */
int
http_write_headers(struct exchange *exchange)
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
		(exchange->type != NULL && add(wsi, "content-type:", exchange->type, &at, end)) ||
		add(wsi, "x-content-type-options:", "nosniff", &at, end) ||
		add(wsi, "referrer-policy:", "no-referrer", &at, end) ||
		add(wsi, "cache-control:", exchange->etag[0] != '\0' ? "no-cache" : "no-store", &at, end))
		return -1;
	if (exchange->tls && add(wsi, "strict-transport-security:", "max-age=31536000", &at, end))
		return -1;
	if (exchange->status == 401 && add(wsi, "www-authenticate:", "Bearer realm=\"pulse\"", &at, end))
		return -1;
	if ((exchange->status == 429 || exchange->status == 503) && add(wsi, "retry-after:", "1", &at, end))
		return -1;
	if (exchange->cookie[0] != '\0' && add(wsi, "set-cookie:", exchange->cookie, &at, end))
		return -1;
	if (exchange->close && add(wsi, "connection:", "close", &at, end))
		return -1;
	if (exchange->etag[0] != '\0' && add(wsi, "etag:", exchange->etag, &at, end))
		return -1;
	if (exchange->gzip && (add(wsi, "content-encoding:", "gzip", &at, end) || add(wsi, "vary:", "accept-encoding", &at, end)))
		return -1;
	if (exchange->origin[0] != '\0' && (add(wsi, "access-control-allow-origin:", exchange->origin, &at, end) ||
										add(wsi, "vary:", "origin", &at, end)))
		return -1;
	if (exchange->status == 405 && add(wsi, "allow:", exchange->allow != NULL ? exchange->allow : "GET, HEAD", &at, end))
		return -1;
	if (exchange->page && add_page_headers(exchange, &at, end))
		return -1;
	if (!unchanged && !exchange->endless && exchange->status != 204 &&
		lws_add_http_header_content_length(wsi, exchange->length, &at, end))
		return -1;
	return lws_finalize_write_http_header(wsi, start, &at, end);
}

static int
finished(struct exchange *exchange)
{
	bool		close = exchange->close;	/* the exchange may be gone afterwards */

	return lws_http_transaction_completed(exchange->wsi) || close ? -1 : 0;
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
		if (http_write_headers(exchange))
			return -1;
		exchange->begun = true;
		if (exchange->endless)
		{
			lws_set_timeout(exchange->wsi, NO_PENDING_TIMEOUT, 0);
			lws_callback_on_writable(exchange->wsi);
			return 0;
		}
		if (!exchange->head && exchange->length > 0)
		{
			lws_callback_on_writable(exchange->wsi);
			return 0;
		}
		return finished(exchange);
	}
	part = exchange->length - exchange->sent < CHUNK ? exchange->length - exchange->sent : CHUNK;
	last = exchange->sent + part == exchange->length;
	memcpy(buffer + LWS_PRE, exchange->body + exchange->sent, part);
	if (lws_write(exchange->wsi, buffer + LWS_PRE, part, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < (int) part)
		return -1;
	exchange->sent += part;
	if (last)
		return finished(exchange);
	lws_callback_on_writable(exchange->wsi);
	return 0;
}

/* Frees what an exchange holds, not the exchange; whoever works at its answer is told to stop. */
void
http_release(struct exchange *exchange)
{
	if (exchange->cancel != NULL)
		exchange->cancel(exchange->cancel_arg, exchange);
	if (exchange->client != NULL)
		stream_disconnected(exchange->client);
	free(exchange->owned);
	answer_release(exchange->answer);
	principal_release(exchange->principal);
	peer_release(exchange->peer);
	text_free(&exchange->request);
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
