#ifndef PULSE_HTTP_H
#define PULSE_HTTP_H

#include "answers.h"
#include "config.h"

#include <stdbool.h>
#include <stddef.h>

struct lws;

/* One HTTP request and its response. The response may come later, when the database has answered. */
struct exchange
{
	struct lws *wsi;
	bool		head;			/* HEAD: headers only */
	char		path[256];
	char		origin[128];	/* of another site that may read the response, "" when there is none */
	char		if_none_match[64];
	char		host[160];		/* as the client wrote it, checked */
	bool		accepts_gzip;

	bool		ready;			/* the response is known */
	bool		begun;			/* its headers are sent */
	int			status;
	const char *type;
	char		etag[80];
	bool		gzip;
	bool		page;			/* a document of the dashboard: gets a content security policy */
	bool		immutable;
	const char *body;
	size_t		length;
	size_t		sent;
	char	   *owned;			/* body to be freed */
	struct answer *answer;		/* body to be released */
	void		(*cancel) (void *arg, struct exchange *exchange);	/* called when the client leaves before the answer */
	void	   *cancel_arg;
};

enum http_access
{
	HTTP_ALLOWED,
	HTTP_BAD_HOST,
	HTTP_BAD_ORIGIN
};

extern enum http_access http_check_access(struct lws *wsi, const struct config *config, char *origin, size_t size);
extern bool http_read_request(struct exchange *exchange, struct lws *wsi, const struct config *config, const char *path);
extern bool http_query_parameter(struct exchange *exchange, const char *name, char *value, size_t size, bool *too_long);

extern void http_respond(struct exchange *exchange, int status, const char *type, const char *body, size_t length);
extern void http_respond_owned(struct exchange *exchange, int status, const char *type, char *body);
extern void http_respond_answer(struct exchange *exchange, const char *type, struct answer *answer);
extern void http_problem(struct exchange *exchange, int status, const char *title, const char *detail);
extern int	http_write(struct exchange *exchange);
extern void http_release(struct exchange *exchange);
extern int	http_refuse_upgrade(struct lws *wsi, int status, const char *title, const char *detail);

#endif
