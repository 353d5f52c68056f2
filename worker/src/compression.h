#ifndef PULSE_COMPRESSION_H
#define PULSE_COMPRESSION_H

#include "text.h"

#include <libwebsockets.h>

/*
 * permessage-deflate (RFC 7692) without a context that outlives a message: what goes out is compressed once for all
 * clients, and what comes in needs no memory between messages. libwebsockets negotiates it; the bytes are ours.
 */
extern const struct lws_extension compression_extensions[];

extern void compression_expect(void);
extern bool compression_negotiated(const struct lws *wsi);

enum inflate_outcome
{
	INFLATE_GOOD,
	INFLATE_BROKEN,
	INFLATE_TOO_LARGE
};

extern enum inflate_outcome compression_inflate(const char *bytes, size_t length, size_t largest, struct text *out);

#endif
