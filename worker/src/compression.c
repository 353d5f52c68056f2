#include "compression.h"

#include <string.h>
#include <zlib.h>

enum
{
	OPTION_WINDOW,
	OPTION_CLIENT_CONTEXT,
	OPTION_SERVER_CONTEXT
};

/*
 * libwebsockets goes through what the client offers and, for each of these names that it finds, answers with the name.
 * We need client_no_context_takeover in the answer also where the client has only offered client_max_window_bits, as
 * browsers do (RFC 7692 lets the server ask for it), so the name is exchanged between the match and the answer.
 */
static struct lws_ext_options options[] = {
	{"client_max_window_bits", EXTARG_NONE},
	{"client_no_context_takeover", EXTARG_NONE},
	{"server_no_context_takeover", EXTARG_NONE},
	{NULL, EXTARG_NONE}
};

static const struct lws *negotiated;	/* the connection of the latest handshake, when it agreed */
static bool client_context_answered;
static bool server_context_answered;

/* Whether the first offer is one that can be accepted. Our window is the largest; a client that wants less gets none. */
static bool
offer_fits(struct lws *wsi)
{
	char		offers[256];
	char	   *end;

	if (lws_hdr_copy(wsi, offers, sizeof(offers), WSI_TOKEN_EXTENSIONS) < 0)
		return false;
	end = strchr(offers, ',');
	if (end != NULL)
		*end = '\0';
	return strstr(offers, "server_max_window_bits") == NULL &&
		(strstr(offers, "client_max_window_bits") != NULL || strstr(offers, "client_no_context_takeover") != NULL);
}

static int
answer_option(int option)
{
	if (option == OPTION_SERVER_CONTEXT)
	{
		if (server_context_answered)
			return 1;
		server_context_answered = true;
		return 0;
	}
	if (client_context_answered)
		return 1;
	client_context_answered = true;
	options[option].name = "client_no_context_takeover";
	return 0;
}

static int
negotiate(struct lws_context *context, const struct lws_extension *extension, struct lws *wsi,
		  enum lws_extension_callback_reasons reason, void *user, void *in, size_t length)
{
	(void) context;
	(void) extension;
	(void) length;
	switch (reason)
	{
		case LWS_EXT_CB_CONSTRUCT:
			if (!offer_fits(wsi))
				return 1;
			negotiated = wsi;
			client_context_answered = server_context_answered = false;
			options[OPTION_WINDOW].name = "client_max_window_bits";
			*(void **) user = options;
			*(const struct lws_ext_options **) in = options;
			return 0;
		case LWS_EXT_CB_OPTION_SET:
			return answer_option(((const struct lws_ext_option_arg *) in)->option_index);
		default:
			return 0;
	}
}

const struct lws_extension compression_extensions[] = {
	{"permessage-deflate", negotiate, "permessage-deflate; client_no_context_takeover"},
	{NULL, NULL, NULL}
};

/* Forgets the handshake before; called when a new one begins. */
void
compression_expect(void)
{
	negotiated = NULL;
}

/* Tells whether the handshake that has just ended agreed on compression. */
bool
compression_negotiated(const struct lws *wsi)
{
	return negotiated == wsi;
}

/* Decompresses a message of a client, up to a size. */
enum inflate_outcome
compression_inflate(const char *bytes, size_t length, size_t largest, struct text *out)
{
	static z_stream stream;
	static bool open;
	static const unsigned char mark[] = {0, 0, 0xff, 0xff};
	char		room[4096];
	int			status = Z_OK;

	if (!open && inflateInit2(&stream, -15) != Z_OK)
		return INFLATE_TOO_LARGE;
	open = true;
	inflateReset(&stream);
	for (int part = 0; part < 2 && status == Z_OK; part++)
	{
		stream.next_in = (unsigned char *) (uintptr_t) (part == 0 ? (const unsigned char *) bytes : mark);
		stream.avail_in = part == 0 ? (unsigned int) length : sizeof(mark);
		do
		{
			stream.next_out = (unsigned char *) room;
			stream.avail_out = sizeof(room);
			status = inflate(&stream, Z_SYNC_FLUSH);
			if (out->length + (sizeof(room) - stream.avail_out) > largest)
				return INFLATE_TOO_LARGE;
			text_append_n(out, room, sizeof(room) - stream.avail_out);
		} while (status == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0));
		if (status == Z_BUF_ERROR)
			status = Z_OK;
	}
	/* A sender may also end its last block. */
	return status == Z_OK || status == Z_STREAM_END ? INFLATE_GOOD : INFLATE_BROKEN;
}
