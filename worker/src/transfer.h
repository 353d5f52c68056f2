#ifndef PULSE_TRANSFER_H
#define PULSE_TRANSFER_H

#include "loop.h"

#include <stdbool.h>
#include <stddef.h>

/* HTTP requests to others, with libcurl inside our event loop. */
struct transfers;
struct transfer;

struct transfer_result
{
	int			status;			/* of HTTP; 0 when no answer came */
	const char *body;			/* NUL-terminated, cut at TRANSFER_MAX_BODY */
	size_t		length;
	bool		complete;		/* the answer came whole */
	bool		written;		/* the request was written whole, so the other side may have acted on it */
	const char *problem;		/* one line; "" when the answer came whole */
};

#define TRANSFER_MAX_BODY (1 << 20)

typedef void (*transfer_fn) (void *arg, const struct transfer_result *result);

extern struct transfers *transfers_open(struct loop *loop);
extern void transfers_close(struct transfers *transfers);
extern struct transfer *transfer_post_json(struct transfers *transfers, const char *url, const char *body, int timeout_ms,
										   transfer_fn fn, void *arg);
extern void transfer_cancel(struct transfer *transfer);

#endif
