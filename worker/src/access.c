#include "access.h"

#include "log.h"
#include "loop.h"
#include "net.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COOKIE "pulse_session="

static bool
refuse(struct visitor *visitor, int status, const char *title, const char *detail)
{
	visitor->status = status;
	visitor->title = title;
	visitor->detail = detail;
	return false;
}

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

/*
 * Pages may connect from where we are, from this machine, and from where the configuration says. Only the first and the
 * last may use a cookie: to a browser every port of this machine is the same site.
 */
static bool
origin_is_allowed(const char *origin, const char *authority, const struct config *config, bool *same, bool *trusted)
{
	const char *site = strstr(origin, "://");
	char		host[160];
	int			port;

	*same = false;
	*trusted = in_list(&config->allowed_origins, origin);
	if (*trusted)
		return true;
	if (site == NULL || (strncasecmp(origin, "http://", 7) != 0 && strncasecmp(origin, "https://", 8) != 0))
		return false;
	site += 3;
	if (strcasecmp(site, authority) == 0)
	{
		*same = *trusted = true;
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

/* URLs end up in logs, histories and Referer headers, so a secret in one is refused even when it is right. */
static bool
url_has_secret(struct lws *wsi)
{
	static const char *const names[] = {"token", "access_token", "auth", "authorization", "api_key", "apikey", "bearer",
	"session", "password"};
	char		fragment[256];
	int			copied;

	for (int i = 0; (copied = lws_hdr_copy_fragment(wsi, fragment, sizeof(fragment), WSI_TOKEN_HTTP_URI_ARGS, i)) != -1; i++)
	{
		size_t		length = copied < 0 ? 0 : strcspn(fragment, "=");

		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		{
			if (length == strlen(names[n]) && strncasecmp(fragment, names[n], length) == 0)
				return true;
		}
	}
	return false;
}

static bool
is_address(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/*
 * Who is on the other side: the socket's address, or what a trusted proxy says. Each proxy appends the address that it
 * saw, so the last one that is no proxy of ours is the client, and nothing before it can be believed.
 */
static void
find_address(const struct access *access, struct lws *wsi, char *address, size_t size)
{
	char		forwarded[256];
	bool		first = false;

	address[0] = '\0';
	lws_get_peer_simple(wsi, address, size);
	if (strncmp(address, "::ffff:", 7) == 0)
		memmove(address, address + 7, strlen(address + 7) + 1);
	if (!in_list(&access->config->trusted_proxies, address) ||
		!copy_header(wsi, WSI_TOKEN_X_FORWARDED_FOR, forwarded, sizeof(forwarded)))
		return;
	while (!first)
	{
		char	   *at = strrchr(forwarded, ',');

		first = at == NULL;
		if (first)
			at = forwarded;
		else
			*at++ = '\0';
		while (isspace((unsigned char) *at))
			at++;
		at[strcspn(at, " \t")] = '\0';
		if (*at != '\0' && !in_list(&access->config->trusted_proxies, at))
		{
			char		host[64];
			int			port;
			const char *client = is_address(at) ? at : net_split_authority(at, host, sizeof(host), &port) ? host : "";

			/* what is no address would stand in the log and be counted as somebody */
			if (is_address(client) && strlen(client) < size)
				memcpy(address, client, strlen(client) + 1);
			return;
		}
	}
}

/* Finds the session in a Cookie header. */
static void
find_cookie(struct lws *wsi, char *session, size_t size)
{
	char		cookies[1024];

	session[0] = '\0';
	if (!copy_header(wsi, WSI_TOKEN_HTTP_COOKIE, cookies, sizeof(cookies)))
		return;
	for (const char *at = cookies; at != NULL; at = strchr(at, ';'))
	{
		size_t		length;

		at += strspn(at, "; ");
		if (strncmp(at, COOKIE, strlen(COOKIE)) != 0)
		{
			if (*at == '\0')
				return;
			continue;
		}
		at += strlen(COOKIE);
		length = strcspn(at, "; ");
		if (length < size)
		{
			memcpy(session, at, length);
			session[length] = '\0';
		}
		return;
	}
}

/* Whose token this is; NULL, with the reason in refusal, when it is nobody's. No reference is taken. */
struct principal *
access_check_token(const struct access *access, struct peer *peer, const char *token, struct visitor *refusal)
{
	struct principal *principal;

	if (!auth_is_required(access->auth))
		return auth_anonymous(access->auth);
	if (!auth_is_loaded(access->auth))
	{
		refuse(refusal, 503, "Service Unavailable", "the tokens could not be read from the database yet; try again");
		return NULL;
	}
	principal = auth_find(access->auth, token);
	if (principal != NULL)
		return principal;
	if (!peer_may_fail(peer, loop_now()))
		refuse(refusal, 429, "Too Many Requests", "too many wrong credentials came from this address");
	else
	{
		log_info("access", "a wrong, revoked or expired token from %s", peer->address);
		refuse(refusal, 401, "Unauthorized", "the token is unknown, was revoked or has expired");
	}
	return NULL;
}

/* Finds out who it is; a credential that is there must be right. */
static bool
identify(const struct access *access, struct lws *wsi, bool cookies_count, struct visitor *visitor)
{
	char		header[AUTH_MAX_TOKEN + 16];
	const char *token;

	visitor->principal = auth_anonymous(access->auth);
	if (visitor->principal != NULL)
		return true;
	if (!copy_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, header, sizeof(header)))
		return refuse(visitor, 401, "Unauthorized", "the Authorization header is too long to be one of ours");
	if (header[0] != '\0')
	{
		if (strncasecmp(header, "Bearer ", 7) != 0)
			return refuse(visitor, 401, "Unauthorized", "the Authorization header must say Bearer and a token");
		token = header + 7 + strspn(header + 7, " ");
		visitor->principal = access_check_token(access, visitor->peer, token, visitor);
		return visitor->principal != NULL;
	}
	if (cookies_count)
		find_cookie(wsi, visitor->session, sizeof(visitor->session));
	if (visitor->session[0] == '\0' || !auth_is_loaded(access->auth))
		return true;

	/* A browser sends an old cookie on its own, so that is no attempt at anything: it just has to log in again. */
	visitor->principal = auth_find(access->auth, visitor->session);
	return true;
}

/* Looks at the headers; returns false with the status to refuse with. */
bool
access_admit(const struct access *access, struct lws *wsi, struct visitor *visitor)
{
	char		address[64];
	char		from[160];
	bool		same = true;
	bool		trusted = true;

	*visitor = (struct visitor) {0};
	find_address(access, wsi, address, sizeof(address));
	visitor->peer = peers_get(access->peers, address);
	if (!copy_header(wsi, WSI_TOKEN_HOST, visitor->host, sizeof(visitor->host)) || !host_is_ours(visitor->host, access->config))
		return refuse(visitor, 421, "Misdirected Request", "the Host header names another site; allowed_hosts can add it");
	if (!copy_header(wsi, WSI_TOKEN_ORIGIN, from, sizeof(from)) ||
		(from[0] != '\0' && !origin_is_allowed(from, visitor->host, access->config, &same, &trusted)))
		return refuse(visitor, 403, "Forbidden", "pages of this origin may not connect; allowed_origins can add it");
	if (!same)
		snprintf(visitor->origin, sizeof(visitor->origin), "%s", from);
	if (url_has_secret(wsi))
		return refuse(visitor, 400, "Bad Request",
					  "a secret in a URL is written into logs on its way: send it as Authorization: Bearer, and revoke this one");
	if (!peer_may_ask(visitor->peer, loop_now(), access->config->request_rate))
		return refuse(visitor, 429, "Too Many Requests", "too many requests came from this address; request_rate limits them");
	return identify(access, wsi, trusted, visitor);
}
