#include "follow.h"

#include "feed.h"
#include "requests.h"
#include "stream.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_WAIT 60

static void
leave(void *arg, struct exchange *exchange)
{
	struct api *api = arg;

	loop_timer_cancel(api->loop, &exchange->wait_timer);
	for (struct exchange **link = &api->waiting; *link != NULL; link = &(*link)->next_waiting)
	{
		if (*link != exchange)
			continue;
		*link = exchange->next_waiting;
		break;
	}
	exchange->cancel = NULL;
}

static void
waited(void *arg)
{
	struct exchange *exchange = arg;
	struct api *api = exchange->cancel_arg;

	leave(api, exchange);
	api_handle(api, exchange);
}

/* Answers everyone who waits: there are new events. */
void
follow_wake(struct api *api)
{
	while (api->waiting != NULL)
		waited(api->waiting);
}

/* Long poll: when there is nothing behind since_seq yet, the answer waits for it. */
static bool
wait_for_events(struct api *api, struct exchange *exchange)
{
	char		since[24];
	char		seconds[8];
	char	   *end;
	long		wait;
	bool		too_long;

	if (exchange->has_waited || !http_query_parameter(exchange, "wait", seconds, sizeof(seconds), &too_long))
		return false;
	exchange->has_waited = true;
	wait = strtol(seconds, &end, 10);
	if (*seconds == '\0' || *end != '\0' || wait < 0 || wait > LONGEST_WAIT)
	{
		http_problem(exchange, 400, "Bad Request", "wait must be a whole number of seconds from 0 to 60");
		return true;
	}
	if (wait == 0 || !http_query_parameter(exchange, "since_seq", since, sizeof(since), &too_long) ||
		strtoull(since, NULL, 10) < feed_seq(api->feed))
		return false;
	exchange->wait_timer = (struct loop_timer) {.fn = waited,.arg = exchange};
	exchange->next_waiting = api->waiting;
	api->waiting = exchange;
	exchange->cancel = leave;
	exchange->cancel_arg = api;
	loop_timer_set(api->loop, &exchange->wait_timer, wait * 1000);
	return true;
}

/* Writes the names of a list in a parameter, "a,b", as a JSON array. */
static void
write_list(struct text *out, char *list)
{
	char	   *state = NULL;
	const char *separator = "[";

	for (char *name = strtok_r(list, ",", &state); name != NULL; name = strtok_r(NULL, ",", &state))
	{
		text_append(out, separator);
		text_append_json(out, name);
		separator = ",";
	}
	text_append(out, *separator == '[' ? "[]" : "]");
}

/* A number as JSON has it: without leading zeros, and none that is larger than any. */
static int64_t
read_seq(const char *digits)
{
	unsigned long long number = strtoull(digits, NULL, 10);

	return number > INT64_MAX ? INT64_MAX : (int64_t) number;
}

/* Where the client was: Last-Event-ID as browsers send it after an interruption, "epoch:seq", else since_seq. */
static void
write_since(struct text *out, struct exchange *exchange)
{
	char		since[24];
	char	   *colon = strchr(exchange->last_event_id, ':');
	bool		too_long;

	if (colon != NULL && colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1))
	{
		*colon = '\0';
		text_append(out, ",\"since\":{\"epoch\":");
		text_append_json(out, exchange->last_event_id);
		text_printf(out, ",\"seq\":%" PRId64 "}", read_seq(colon + 1));
	}
	else if (http_query_parameter(exchange, "since_seq", since, sizeof(since), &too_long) && since[0] != '\0' &&
			 strspn(since, "0123456789") == strlen(since))
		text_printf(out, ",\"since\":{\"seq\":%" PRId64 "}", read_seq(since));
}

/* Server-sent events: the client is one of the stream's, which asks with a SUBSCRIBE what its URL says. */
static bool
stream_events(struct api *api, struct exchange *exchange)
{
	struct text message = {0};
	char		names[200];
	bool		too_long;

	if (strstr(exchange->accept, "text/event-stream") == NULL || exchange->head)
		return false;
	if (stream_client_count(api->stream) >= api->access->config->max_clients)
	{
		http_problem(exchange, 503, "Service Unavailable", "as many clients as max_clients allows are connected");
		return true;
	}
	http_respond_endless(exchange, "text/event-stream");
	exchange->client = stream_connected(api->stream, exchange->wsi, exchange->principal, exchange->peer, true);
	text_append(&message, "{\"type\":\"SUBSCRIBE\"");
	if (http_query_parameter(exchange, "types", names, sizeof(names), &too_long))
	{
		text_append(&message, ",\"subscriptions\":");
		write_list(&message, names);
	}
	if (http_query_parameter(exchange, "portfolio", names, sizeof(names), &too_long))
	{
		text_append(&message, ",\"filter\":{\"portfolio\":");
		text_append_json(&message, names);
		text_append_char(&message, '}');
	}
	write_since(&message, exchange);
	text_append_char(&message, '}');
	requests_handle(exchange->client, message.data, message.length);
	text_free(&message);
	return true;
}

/* Begins to follow when the request asks for that; false when it is an ordinary question. */
bool
follow_begin(struct api *api, struct exchange *exchange)
{
	return stream_events(api, exchange) || wait_for_events(api, exchange);
}
