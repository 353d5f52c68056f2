/*
 * What pulse-worker reads from clients, from Telegram, from the outbox, from notifications and from its configuration file.
 * The first byte chooses the parser; PULSE_FUZZ_PARSER=N has only that one tried.
 */
/* build: -Iworker/src worker/src/protocol.c worker/src/subscription.c worker/src/event.c worker/src/memory.c worker/src/text.c */
/* build: worker/src/telegram.c worker/src/format.c worker/src/net.c worker/src/config.c worker/src/config_keys.c */
/* build: worker/src/secret.c worker/src/probe_preset.c worker/src/log.c worker/src/database.c worker/src/loop.c worker/src/progress.c worker/src/version.c */
/* build: worker/src/sink_format.c worker/src/remote_format.c worker/src/json.c */
/* build: worker/src/frame.c worker/src/compression.c */
/* libraries: libwebsockets jansson libpq inih zlib libcrypto */
#include "compression.h"
#include "config.h"
#include "event.h"
#include "format.h"
#include "frame.h"
#include "log.h"
#include "net.h"
#include "protocol.h"
#include "telegram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void
try_protocol(const char *bytes, size_t length)
{
	struct request_message message;
	struct request_error error;
	struct text out = {0};

	if (!protocol_parse(bytes, length, &message, &error))
		protocol_error(&out, message.id, error.code, error.message, false);
	protocol_free(&message);
	text_free(&out);
}

static void
try_answer(const char *bytes, size_t length)
{
	struct transfer_result result = {.status = 200 + (bytes[0] & 7) * 50,.body = bytes,.length = length,
		.complete = (bytes[0] & 8) != 0,.written = (bytes[0] & 16) != 0,.problem = ""};
	struct telegram_answer answer;

	telegram_judge(&result, &answer);
}

static void
try_message(const char *text)
{
	struct telegram_message message = {.id = "1",.type = "TEST",.priority = "LOW",.portfolio = text,.title = text,
		.message = text,.data = text,.time = "now",.zone = "UTC",.duplicates = 3,.repeat = true};
	struct text out = {0};

	telegram_compose(&out, &message, true);
	if (telegram_length(out.data) == 0)
		abort();
	text_reset(&out);
	telegram_compose(&out, &message, false);
	text_free(&out);
}

static void
try_number(const char *text)
{
	struct text out = {0};

	format_number(&out, text, 2, true);
	format_percent(&out, text, true);
	text_free(&out);
}

static void
try_config(const char *bytes, size_t length)
{
	struct text errors = {0};
	char		path[64];
	int			fd = memfd_create("config", 0);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t) length)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config_free(config_load(path, "production", &errors));
	text_free(&errors);
	close(fd);
}

/* A compressed message of a client; whatever comes out stays within the limit. */
static void
try_compressed(const char *bytes, size_t length)
{
	struct text out = {0};

	if (compression_inflate(bytes, length, 65536, &out) == INFLATE_GOOD && text_is_utf8(text_string(&out), out.length))
		try_protocol(text_string(&out), out.length);
	if (out.length > 65536)
		abort();
	text_free(&out);
}

/* What we compress comes back as it was. */
static void
try_frame(const char *bytes, size_t length)
{
	struct frame *frame = frame_new(bytes, length);
	struct frame *packed = frame_packed(frame);
	struct text out = {0};

	if (packed->compressed && (compression_inflate((const char *) packed->text, packed->length, length, &out) != INFLATE_GOOD ||
							   out.length != length || memcmp(out.data, bytes, length) != 0))
		abort();
	text_free(&out);
	frame_release(frame);
}

/* An event that came with its notification: what it is made of makes an event. */
static void
try_payload(char *text)
{
	struct event_row row;

	if (event_read_payload(text, &row))
		event_release(event_new(&row));
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char	   *text;
	const char *parser = getenv("PULSE_FUZZ_PARSER");
	char		host[64];
	int			port;

	if (size < 2)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (parser != NULL ? atoi(parser) : (unsigned char) (data[0] - '0') % 9)
	{
		case 0:
			try_protocol(text, size - 1);
			break;
		case 1:
			try_answer(text, size - 1);
			break;
		case 2:
			try_message(text);
			break;
		case 3:
			try_number(text);
			break;
		case 4:
			try_config(text, size - 1);
			break;
		case 5:
			net_split_authority(text, host, sizeof(host), &port);
			break;
		case 6:
			try_compressed(text, size - 1);
			break;
		case 7:
			try_frame(text, size - 1);
			break;
		case 8:
			try_payload(text);
			break;
	}
	free(text);
	return 0;
}
