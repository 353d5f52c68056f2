#ifndef PULSE_TRANSFER_H
#define PULSE_TRANSFER_H

#include "loop.h"

#include <stdbool.h>
#include <stddef.h>

/* HTTP requests to others, with libcurl inside our event loop. */
struct transfers;
struct transfer;

/* Where a request failed, as far as that tells whose fault it is. */
enum transfer_failure
{
	TRANSFER_NO_FAILURE,
	TRANSFER_DNS,
	TRANSFER_CONNECT,
	TRANSFER_TLS,
	TRANSFER_TIMEOUT,
	TRANSFER_BROKEN				/* the connection broke, or what came is no HTTP */
};

/* How long the phases took, in microseconds; 0 for those that a kept connection spares. */
struct transfer_times
{
	int64_t		dns;
	int64_t		connect;
	int64_t		tls;
	int64_t		first_byte;		/* from the request's last byte out, or the connection's readiness, to the answer's first */
	int64_t		total;
};

struct transfer_result
{
	int			status;			/* of HTTP; 0 when no answer came */
	const char *body;			/* NUL-terminated; an answer longer than TRANSFER_MAX_BODY is not complete */
	size_t		length;
	const char *headers;		/* "Name: value" lines of the last answer; transfer_header() finds one */
	bool		complete;		/* the answer came whole */
	bool		written;		/* the request was written whole, so the other side may have acted on it */
	const char *problem;		/* one line; "" when the answer came whole */
	enum transfer_failure failure;
	struct transfer_times times;
	int64_t		retry_after;	/* seconds; 0 = not asked for */
	int64_t		certificate_end;	/* Unix time when the server's certificate ends; 0 = not known */
};

#define TRANSFER_MAX_BODY (1 << 20)

typedef void (*transfer_fn) (void *arg, const struct transfer_result *result);

/* What is wanted; strings and body are copied. */
struct transfer_request
{
	const char *method;			/* NULL: POST with a body, else GET */
	const char *url;
	const char *headers;		/* lines separated by \n; NULL = none */
	const char *body;
	size_t		body_length;
	int			timeout_ms;
	const char *ca_file;		/* NULL: the system's authorities */
	bool		keep;			/* use a kept connection and keep it: only for what may be repeated unnoticed */
	bool		certificate;	/* certificate_end is wanted; costs on new connections */
};

extern struct transfers *transfers_open(struct loop *loop);
extern void transfers_close(struct transfers *transfers);
extern struct transfer *transfer_start(struct transfers *transfers, const struct transfer_request *request, transfer_fn fn,
									   void *arg);
extern void transfer_cancel(struct transfer *transfer);
extern bool transfer_header(const struct transfer_result *result, const char *name, char *value, size_t size);
extern const char *transfer_failure_name(enum transfer_failure failure);

#endif
