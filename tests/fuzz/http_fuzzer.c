/*
 * What pulse-worker reads of an HTTP request or a handshake: address headers, Host, Origin, Cookie, Authorization, the
 * query, validators, the offer to compress, the body, and Last-Event-ID. Each line of the input is one of them, the last
 * one takes what is left. libwebsockets' own parsing is left out: its functions that hand out headers are ours here.
 */
/* build: -Iworker/src worker/src/access.c worker/src/http.c worker/src/api.c worker/src/routes.c worker/src/session.c */
/* build: worker/src/auth.c worker/src/peers.c worker/src/net.c worker/src/text.c worker/src/memory.c worker/src/log.c */
/* build: worker/src/loop.c worker/src/subscription.c worker/src/event.c worker/src/frame.c worker/src/compression.c */
/* build: worker/src/config.c worker/src/config_keys.c worker/src/secret.c worker/src/probe_preset.c worker/src/format.c */
/* build: worker/src/sink_format.c worker/src/remote_format.c worker/src/json.c worker/src/telegram.c worker/src/follow.c */
/* build: worker/src/assets.c worker/src/protocol.c */
/* libraries: libwebsockets jansson libpq inih zlib libcrypto */
#include "api.h"
#include "assets.h"
#include "client.h"
#include "compression.h"
#include "feed.h"
#include "follow.h"
#include "log.h"
#include "metrics.h"
#include "protocol.h"
#include "requests.h"
#include "stream.h"
#include "versions.h"

#include <jansson.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum
{
	METHOD, PATH, QUERY, PEER, FORWARDED, HOST, ORIGIN, COOKIE, AUTHORIZATION, NONE_MATCH, ENCODINGS, ACCEPT, LAST_EVENT,
	EXTENSIONS, LENGTH, BODY, LINES
};

static char *lines[LINES];

/* libwebsockets ---------------------------------------------------------------------------------------------------- */

static const char *
header(enum lws_token_indexes token)
{
	switch (token)
	{
		case WSI_TOKEN_GET_URI:
			return lines[METHOD][0] == 'G' ? lines[PATH] : "";
		case WSI_TOKEN_HEAD_URI:
			return lines[METHOD][0] == 'H' ? lines[PATH] : "";
		case WSI_TOKEN_POST_URI:
			return lines[METHOD][0] == 'P' ? lines[PATH] : "";
		case WSI_TOKEN_DELETE_URI:
			return lines[METHOD][0] == 'D' ? lines[PATH] : "";
		case WSI_TOKEN_HTTP_URI_ARGS:
			return lines[QUERY];
		case WSI_TOKEN_X_FORWARDED_FOR:
			return lines[FORWARDED];
		case WSI_TOKEN_HOST:
			return lines[HOST];
		case WSI_TOKEN_ORIGIN:
			return lines[ORIGIN];
		case WSI_TOKEN_HTTP_COOKIE:
			return lines[COOKIE];
		case WSI_TOKEN_HTTP_AUTHORIZATION:
			return lines[AUTHORIZATION];
		case WSI_TOKEN_HTTP_IF_NONE_MATCH:
			return lines[NONE_MATCH];
		case WSI_TOKEN_HTTP_ACCEPT_ENCODING:
			return lines[ENCODINGS];
		case WSI_TOKEN_HTTP_ACCEPT:
			return lines[ACCEPT];
		case WSI_TOKEN_EXTENSIONS:
			return lines[EXTENSIONS];
		case WSI_TOKEN_HTTP_CONTENT_LENGTH:
			return lines[LENGTH];
		default:
			return "";
	}
}

int
lws_hdr_total_length(struct lws *wsi, enum lws_token_indexes token)
{
	return (int) strlen(header(token));
}

static int
copy(const char *from, size_t length, char *to, int size)
{
	if ((int) length >= size)
		return -2;
	memcpy(to, from, length);
	to[length] = '\0';
	return (int) length;
}

int
lws_hdr_copy(struct lws *wsi, char *to, int size, enum lws_token_indexes token)
{
	return copy(header(token), strlen(header(token)), to, size) < 0 ? -1 : (int) strlen(to);
}

int
lws_hdr_copy_fragment(struct lws *wsi, char *to, int size, enum lws_token_indexes token, int number)
{
	const char *at = header(token);

	while (number-- > 0 && at != NULL)
	{
		at = strchr(at, '&');
		at = at != NULL ? at + 1 : NULL;
	}
	return at == NULL || *at == '\0' ? -1 : copy(at, strcspn(at, "&"), to, size);
}

int
lws_hdr_custom_length(struct lws *wsi, const char *name, int length)
{
	return (int) strlen(lines[LAST_EVENT]);
}

int
lws_hdr_custom_copy(struct lws *wsi, char *to, int size, const char *name, int length)
{
	return copy(lines[LAST_EVENT], strlen(lines[LAST_EVENT]), to, size);
}

const char *
lws_get_peer_simple(struct lws *wsi, char *to, size_t size)
{
	snprintf(to, size, "%s", lines[PEER]);
	return to;
}

int
lws_is_ssl(struct lws *wsi)
{
	return lines[METHOD][0] != '\0' && lines[METHOD][1] == 's';
}

int
lws_callback_on_writable(struct lws *wsi)
{
	return 1;
}

/* What lies behind ------------------------------------------------------------------------------------------------- */

static const struct database_facts facts = {.version = "1.0",.schema = "public"};
static const char token[] = "pulse_token";
const struct asset assets_embedded[1];
const int	assets_embedded_count = 0;

bool
database_is_ready(const struct database *database)
{
	return true;
}

enum database_state
database_state(const struct database *database)
{
	return DATABASE_READY;
}

const struct database_facts *
database_facts(const struct database *database)
{
	return &facts;
}

const char *
database_problem(const struct database *database)
{
	return "none";
}

const char *
database_check_dsn(const char *dsn)
{
	return NULL;
}

/* Parameters are what the database would get: complete strings, and UTF-8 is its own business. */
static void
read_parameters(const char *const *parameters, int count)
{
	for (int i = 0; i < count; i++)
		if (parameters[i] != NULL && strlen(parameters[i]) > 100000)
			abort();
}

/* What has been asked and is answered later, as it is in reality; whoever leaves is forgotten. */
static struct
{
	bool		tokens;
	database_reply_fn reply;
	answer_fn	answer;
	void	   *arg;
}			asked[8];
static int	asked_count;

bool
database_query(struct database *database, const struct database_query *query)
{
	read_parameters(query->parameters, query->parameter_count);
	if (query->reply == NULL || asked_count == 8)
		return query->reply == NULL;
	asked[asked_count].tokens = strstr(query->sql, "tokens_in_force") != NULL;
	asked[asked_count].reply = query->reply;
	asked[asked_count].answer = NULL;
	asked[asked_count++].arg = query->arg;
	return true;
}

void
answers_ask(struct answers *answers, const struct question *question, answer_fn fn, void *arg)
{
	read_parameters(question->parameters, question->parameter_count);
	asked[asked_count].answer = fn;
	asked[asked_count++].arg = arg;
}

static void
forget(const void *arg)
{
	for (int i = 0; i < asked_count; i++)
	{
		if (asked[i].arg == arg)
			asked[i--] = asked[--asked_count];
	}
}

void
database_forget(struct database *database, const void *arg)
{
	forget(arg);
}

void
answers_forget(struct answers *answers, const void *arg)
{
	forget(arg);
}

static void
reply_with_tokens(database_reply_fn reply, void *arg)
{
	PGresult   *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc columns[7] = {0};
	char		hash[80];

	for (int i = 0; i < 7; i++)
		columns[i].name = "column";
	auth_hash_text(token, hash, sizeof(hash));
	PQsetResultAttrs(result, 7, columns);
	PQsetvalue(result, 0, 0, "1", 1);
	PQsetvalue(result, 0, 1, hash + 2, (int) strlen(hash + 2));
	PQsetvalue(result, 0, 2, "name", 4);
	PQsetvalue(result, 0, 3, "operate", 7);
	PQsetvalue(result, 0, 4, "{main,\"a \\\"b\"}", 13);
	PQsetvalue(result, 0, 5, NULL, -1);
	PQsetvalue(result, 0, 6, NULL, -1);
	reply(arg, &(struct database_reply) {result, "", ""});
	PQclear(result);
}

static void
reply_to_all(void)
{
	while (asked_count > 0)
	{
		int			last = --asked_count;

		if (asked[last].answer != NULL)
			asked[last].answer(asked[last].arg, NULL, "22023", "refused");
		else if (asked[last].tokens)
			reply_with_tokens(asked[last].reply, asked[last].arg);
		else
			asked[last].reply(asked[last].arg, &(struct database_reply) {NULL, "22023", "refused"});
	}
}

void
answers_outdate(struct answers *answers)
{
}

struct answer *
answer_hold(struct answer *answer)
{
	return answer;
}

const char *
answer_packed(struct answer *answer, size_t *length)
{
	return NULL;
}

void
answer_release(struct answer *answer)
{
}

int
stream_client_count(const struct stream *stream)
{
	return 0;
}

void
stream_write_rights(struct text *out, const struct principal *principal)
{
	text_append(out, "\"scope\":\"read\"");
}

/* The SUBSCRIBE that the URL of server-sent events is made into must be JSON, whatever the URL says. */
struct client *
stream_connected(struct stream *stream, struct lws *wsi, struct principal *principal, struct peer *peer, bool server_sent)
{
	return NULL;
}

void
requests_handle(struct client *client, const char *bytes, size_t length)
{
	struct request_message message;
	struct request_error error;
	json_error_t where;
	json_t	   *json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &where);

	if (json == NULL)
		abort();
	json_decref(json);
	(void) protocol_parse(bytes, length, &message, &error);
	protocol_free(&message);
}

void
stream_disconnected(struct client *client)
{
}

bool
feed_is_ready(const struct feed *feed)
{
	return true;
}

bool
feed_is_polling(const struct feed *feed)
{
	return false;
}

const char *
feed_epoch(const struct feed *feed)
{
	return "7f3a";
}

uint64_t
feed_seq(const struct feed *feed)
{
	return 1000;
}

void
metrics_write(struct text *out, const struct api *api)
{
}

void
versions_write(struct text *out, const struct versions *versions)
{
	text_append(out, "{}");
}

const char *
versions_problem(const struct versions *versions)
{
	return "";
}

/* The request ------------------------------------------------------------------------------------------------------ */

static struct config *config;
static struct api api;
static struct access access_rules;

static void
nothing(void *arg)
{
}

static void
set_up(void)
{
	static const char settings[] = "[database]\ndsn = dbname=x\n[websocket]\ntrusted_proxies = 127.0.0.1, 10.0.0.1\n"
		"allowed_origins = https://desk.example\nallowed_hosts = pulse.example\nrequest_rate = 1000000\n[auth]\nenabled = true\n";
	struct text errors = {0};
	char		path[64];
	int			fd = memfd_create("config", 0);

	if (fd < 0 || write(fd, settings, strlen(settings)) != (ssize_t) strlen(settings))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config = config_load(path, NULL, &errors);
	if (config == NULL)
	{
		fprintf(stderr, "%s\n", text_string(&errors));
		abort();
	}
	close(fd);
	api.loop = loop_open();
	access_rules.config = config;
	access_rules.peers = peers_open();
	access_rules.auth = auth_open(api.loop, NULL, config, nothing, NULL);
	auth_refresh(access_rules.auth);
	reply_to_all();
	api.access = &access_rules;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct exchange exchange = {0};
	char	   *text = malloc(size + 1);
	char	   *at = text;
	bool		read;

	if (config == NULL)
		set_up();
	memcpy(text, data, size);
	text[size] = '\0';
	for (int i = 0; i < LINES; i++)
	{
		lines[i] = at;
		if (i == BODY)
			break;
		at += strcspn(at, "\n");
		if (*at != '\0')
			*at++ = '\0';
	}
	read = http_read_request(&exchange, NULL, &access_rules, lines[PATH]);
	if (read && exchange.body_left > 0)
		http_receive(&exchange, lines[BODY], size - (size_t) (lines[BODY] - text));
	if (read)
		api_handle(&api, &exchange);
	/* G, P, D …; an l behind it: the client leaves before the answer */
	if (strchr(lines[METHOD], 'l') == NULL)
		reply_to_all();
	if (exchange.ready && (exchange.status < 200 || exchange.status > 599))
		abort();
	http_release(&exchange);
	reply_to_all();
	free(text);
	return 0;
}
