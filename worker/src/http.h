#ifndef PULSE_HTTP_H
#define PULSE_HTTP_H

#include "access.h"
#include "answers.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>

struct lws;

enum http_method
{
	HTTP_GET,					/* and HEAD */
	HTTP_POST,
	HTTP_DELETE,
	HTTP_OTHER_METHOD
};

/* One HTTP request and its response. The response may come later, when the database has answered. */
struct exchange
{
	struct lws *wsi;
	enum http_method method;
	bool		head;			/* HEAD: headers only */
	char		path[256];
	char		origin[160];	/* of another site that may read the response, "" when there is none */
	char		if_none_match[64];
	char		host[160];		/* as the client wrote it, checked */
	char		last_event_id[64];
	char		accept[160];
	bool		accepts_gzip;
	bool		tls;
	struct principal *principal;	/* who asks, with a reference; NULL when it did not say */
	char		session[80];	/* the session of its cookie, "" when it came otherwise */
	struct peer *peer;
	size_t		body_left;		/* bytes of the request's body that are still to come */
	struct text request;		/* the request's body */

	bool		ready;			/* the response is known */
	bool		begun;			/* its headers are sent */
	int			status;
	const char *type;
	char		etag[80];
	const char *allow;			/* of 405 */
	char		cookie[200];	/* for Set-Cookie */
	bool		close;			/* the connection ends with this response */
	bool		endless;		/* the body goes on until someone leaves: the length is not known */
	bool		gzip;
	bool		page;			/* a document of the dashboard: gets a content security policy */
	bool		immutable;
	const char *body;
	size_t		length;
	size_t		sent;
	char	   *owned;			/* body to be freed */
	struct answers *answers;	/* that a command makes old */
	struct answer *answer;		/* body to be released */
	struct client *client;		/* whom an endless body belongs to */
	bool		has_waited;		/* a long poll that may be answered now */
	struct loop_timer wait_timer;
	struct exchange *next_waiting;
	void		(*cancel) (void *arg, struct exchange *exchange);	/* called when the client leaves before the answer */
	void	   *cancel_arg;
};

#define HTTP_LARGEST_REQUEST 65536

extern bool http_read_request(struct exchange *exchange, struct lws *wsi, const struct access *access, const char *path);
extern bool http_receive(struct exchange *exchange, const char *bytes, size_t length);
extern bool http_query_parameter(struct exchange *exchange, const char *name, char *value, size_t size, bool *too_long);

extern void http_respond(struct exchange *exchange, int status, const char *type, const char *body, size_t length);
extern void http_respond_owned(struct exchange *exchange, int status, const char *type, char *body);
extern void http_respond_answer(struct exchange *exchange, const char *type, struct answer *answer);
extern void http_respond_nothing(struct exchange *exchange);
extern void http_respond_endless(struct exchange *exchange, const char *type);
extern void http_problem(struct exchange *exchange, int status, const char *title, const char *detail);
extern int	http_write_headers(struct exchange *exchange);
extern int	http_write(struct exchange *exchange);
extern void http_release(struct exchange *exchange);
extern int	http_refuse_upgrade(struct lws *wsi, int status, const char *title, const char *detail);

#endif
