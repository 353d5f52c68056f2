#include "remote_format.h"

#include "memory.h"
#include "net.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

/* A line of the spool, taken apart; the pieces are not terminated. */
struct entry
{
	int64_t		nanoseconds;
	const char *kind;
	int			kind_length;
	const char *json;
	size_t		json_length;
};

static const char *
next_entry(const char *at, const char *end, struct entry *entry)
{
	const char *stop = memchr(at, '\n', (size_t) (end - at));
	const char *tab = stop != NULL ? memchr(at, '\t', (size_t) (stop - at)) : NULL;
	const char *second = tab != NULL ? memchr(tab + 1, '\t', (size_t) (stop - tab - 1)) : NULL;

	*entry = (struct entry) {0};
	if (second != NULL && stop - second > 2 && second[1] == '{')
		*entry = (struct entry) {.nanoseconds = strtoll(at, NULL, 10),.kind = tab + 1,.kind_length = (int) (second - tab - 1),
			.json = second + 1,.json_length = (size_t) (stop - second - 1)};
	return stop != NULL ? stop + 1 : end;
}

/* The same line has the same name, from whatever worker and however often it comes. */
static uint64_t
name_of(const struct entry *entry)
{
	uint64_t	hash = 0xCBF29CE484222325u ^ (uint64_t) entry->nanoseconds;

	for (size_t i = 0; i < entry->json_length; i++)
		hash = (hash ^ (unsigned char) entry->json[i]) * 0x100000001B3u;
	return hash;
}

static void
write_iso(struct text *out, int64_t nanoseconds)
{
	time_t		seconds = (time_t) (nanoseconds / 1000000000);
	struct tm	parts;
	char		text[32];

	gmtime_r(&seconds, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	text_printf(out, "%s.%06dZ", text, (int) (nanoseconds % 1000000000 / 1000));
}

static void
write_ndjson(const struct entry *entry, struct text *out)
{
	text_printf(out, "{\"kind\":\"%.*s\",", entry->kind_length, entry->kind);
	text_append_n(out, entry->json + 1, entry->json_length - 1);
	text_append_char(out, '\n');
}

static void
write_bulk(const struct config_remote *remote, const struct entry *entry, struct text *out)
{
	text_printf(out, "{\"create\":{\"_index\":\"%s-%.*s\",\"_id\":\"%016" PRIx64 "\"}}\n{\"@timestamp\":\"", remote->index,
				entry->kind_length, entry->kind, name_of(entry));
	write_iso(out, entry->nanoseconds);
	text_printf(out, "\",\"kind\":\"%.*s\",", entry->kind_length, entry->kind);
	text_append_n(out, entry->json + 1, entry->json_length - 1);
	text_append_char(out, '\n');
}

static void
write_labels(const struct config_remote *remote, const struct entry *entry, struct text *out)
{
	text_printf(out, "{\"job\":\"pulse\",\"kind\":\"%.*s\"", entry->kind_length, entry->kind);
	for (int i = 0; i < remote->labels.count; i++)
	{
		const char *label = remote->labels.items[i];
		size_t		name = strcspn(label, "=");

		text_printf(out, ",\"%.*s\":", (int) name, label);
		text_append_json(out, label[name] == '=' ? label + name + 1 : "");
	}
	text_append_char(out, '}');
}

/* Loki wants the lines of a stream together: one pass over the lines for each kind. */
static void
write_loki(const struct config_remote *remote, const char *lines, size_t length, struct text *out)
{
	const char *end = lines + length;
	struct entry entry;
	const char *kinds[16];
	int			lengths[16];
	int			count = 0;

	text_append(out, "{\"streams\":[");
	for (const char *at = lines; at < end;)
	{
		bool		seen = false;

		at = next_entry(at, end, &entry);
		for (int i = 0; i < count; i++)
			seen = seen || (lengths[i] == entry.kind_length && memcmp(kinds[i], entry.kind, (size_t) lengths[i]) == 0);
		if (entry.kind == NULL || seen || count == 16)
			continue;
		kinds[count] = entry.kind;
		lengths[count] = entry.kind_length;
		text_append(out, count++ > 0 ? "]},{\"stream\":" : "{\"stream\":");
		write_labels(remote, &entry, out);
		text_append(out, ",\"values\":[");
		seen = false;
		for (const char *again = lines; again < end;)
		{
			struct entry other;
			char	   *json;

			again = next_entry(again, end, &other);
			if (other.kind == NULL || other.kind_length != entry.kind_length ||
				memcmp(other.kind, entry.kind, (size_t) entry.kind_length) != 0)
				continue;
			json = memory_string_n(other.json, other.json_length);
			text_printf(out, "%s[\"%" PRId64 "\",", seen ? "," : "", other.nanoseconds);
			text_append_json(out, json);
			text_append_char(out, ']');
			free(json);
			seen = true;
		}
	}
	text_append(out, count > 0 ? "]}]}" : "]}");
}

/* Writes the body of a request out of lines of the spool. */
void
remote_format(const struct config_remote *remote, const char *lines, size_t length, struct text *out)
{
	struct entry entry;

	if (strcmp(remote->format, "loki") == 0)
	{
		write_loki(remote, lines, length, out);
		return;
	}
	for (const char *at = lines; at < lines + length;)
	{
		at = next_entry(at, lines + length, &entry);
		if (entry.kind == NULL)
			continue;
		if (strcmp(remote->format, "elasticsearch") == 0)
			write_bulk(remote, &entry, out);
		else
			write_ndjson(&entry, out);
	}
}

/* Returns the header line that names the format. */
const char *
remote_content_type(const struct config_remote *remote)
{
	return strcmp(remote->format, "loki") == 0 ? "Content-Type: application/json" : "Content-Type: application/x-ndjson";
}

/* Compresses with gzip; returns false when zlib cannot. */
bool
remote_compress(const struct text *plain, struct text *out)
{
	z_stream	stream = {0};
	unsigned char block[16384];
	int			status;

	if (deflateInit2(&stream, 5, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	stream.next_in = (unsigned char *) plain->data;
	stream.avail_in = (unsigned int) plain->length;
	do
	{
		stream.next_out = block;
		stream.avail_out = sizeof(block);
		status = deflate(&stream, Z_FINISH);
		text_append_n(out, (const char *) block, sizeof(block) - stream.avail_out);
	} while (status == Z_OK);
	deflateEnd(&stream);
	return status == Z_STREAM_END;
}

/* Elasticsearch takes a bulk request as a whole and refuses single lines of it. */
static enum remote_verdict
judge_bulk(const struct transfer_result *result, int *rejected, char *problem, size_t size)
{
	json_t	   *body = json_loadb(result->body, result->length, 0, NULL);
	json_t	   *items = json_object_get(body, "items");
	json_t	   *item;
	size_t		i;
	enum remote_verdict verdict = REMOTE_TAKEN;

	json_array_foreach(items, i, item)
	{
		json_t	   *outcome = json_object_get(item, "create");
		json_int_t	status = json_integer_value(json_object_get(outcome, "status"));
		const char *reason = json_string_value(json_object_get(json_object_get(outcome, "error"), "reason"));

		if (status == 429 || status >= 500)
			verdict = REMOTE_LATER;
		else if (status >= 300 && status != 409)
			(*rejected)++;
		if (status >= 300 && status != 409)
			snprintf(problem, size, "%d: %.200s", (int) status, reason != NULL ? reason : "no reason given");
	}
	json_decref(body);
	return verdict;
}

/* Finds out what an answer means; counts lines that the endpoint refuses for good. */
enum remote_verdict
remote_judge(const struct config_remote *remote, const struct transfer_result *result, int *rejected, char *problem, size_t size)
{
	int			status = result->status;

	*rejected = 0;
	snprintf(problem, size, "%s", result->problem);
	if (!result->complete)
		return REMOTE_LATER;
	if (status >= 200 && status <= 299)
	{
		if (strcmp(remote->format, "elasticsearch") == 0)
			return judge_bulk(result, rejected, problem, size);
		return REMOTE_TAKEN;
	}
	snprintf(problem, size, "HTTP status %d: %.*s", status, (int) strcspn(result->body, "\r\n") < 160
			 ? (int) strcspn(result->body, "\r\n") : 160, result->body);
	if (status == 413 || status == 400 || status == 422)
		return REMOTE_TOO_LARGE;
	return status == 401 || status == 403 || status == 404 ? REMOTE_REFUSED : REMOTE_LATER;
}

/* Checks one section of the configuration. */
void
remote_check_config(const void *item, void (*complain) (void *arg, const char *message), void *arg)
{
	const struct config_remote *remote = item;
	char		name[256];
	const char *host;

	if (remote->url == NULL)
	{
		complain(arg, "needs a url");
		return;
	}
	host = strstr(remote->url, "://");
	if (host == NULL || (strncmp(remote->url, "https://", 8) != 0 && strncmp(remote->url, "http://", 7) != 0))
	{
		complain(arg, "url is no http:// or https:// address");
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int) strcspn(host + 3, ":/?#"), host + 3);
	if (remote->headers != NULL && strncmp(remote->url, "http://", 7) == 0 && !net_is_loopback_name(name))
		complain(arg, "http:// would send its headers in the clear; it is accepted for loopback only");
}
