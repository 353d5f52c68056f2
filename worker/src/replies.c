#include "replies.h"

#include "log.h"
#include "memory.h"
#include "telegram.h"
#include "transfer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MANY 50					/* waiting replies; the bot reads no more questions then */
#define MOST 500
#define AGE_MS 300000			/* how long an answer may be late */
#define BUTTON_AGE_MS 15000		/* Telegram forgets a button's press about then */
#define PAUSE_MS 2000			/* after a failure, times the number of failures */
#define MOST_FAILURES 4

struct pending
{
	struct replies *replies;
	struct pending *next;
	char	   *method;
	char	   *chat;			/* NULL = a button's answer */
	char	   *headers;
	char	   *body;
	size_t		length;
	int64_t		update;
	int64_t		asked_at;		/* monotonic milliseconds */
	int64_t		not_before;
	int			failures;
	struct transfer *transfer;
};

struct replies
{
	struct loop *loop;
	struct pace *pace;
	struct transfers *transfers;
	struct loop_timer timer;
	replies_fn	dropped;
	void	   *arg;
	char	   *api_base;
	char	   *token;
	char	   *ca_file;
	int			timeout_ms;
	struct pending *first;
	struct pending **last;
	int			count;
};

static void pump(struct replies *replies);

static void
free_pending(struct pending *pending)
{
	if (pending->transfer != NULL)
		transfer_cancel(pending->transfer);
	free(pending->method);
	free(pending->chat);
	free(pending->headers);
	free(pending->body);
	free(pending);
}

static void
take_out(struct replies *replies, struct pending *pending)
{
	struct pending **place = &replies->first;

	while (*place != pending)
		place = &(*place)->next;
	*place = pending->next;
	if (*place == NULL)
		replies->last = place;
	replies->count--;
	free_pending(pending);
}

static void
drop(struct replies *replies, struct pending *pending, const char *why)
{
	log_warning("bot", "an answer could not be sent: %s", why);
	if (pending->update != 0)
		replies->dropped(replies->arg, pending->update, why);
	take_out(replies, pending);
}

static void
answered(void *arg, const struct transfer_result *result)
{
	struct pending *pending = arg;
	struct replies *replies = pending->replies;
	struct telegram_answer answer;
	int64_t		now = loop_now_ms();

	pending->transfer = NULL;
	telegram_judge(result, &answer);
	log_scrub(answer.description);
	switch (answer.verdict)
	{
		case TELEGRAM_SENT:
			take_out(replies, pending);
			break;
		case TELEGRAM_LIMITED:
			pending->not_before = now + answer.retry_after * 1000;
			if (pending->chat != NULL)
				pace_block(replies->pace, pending->chat, pending->not_before, now);
			break;
		case TELEGRAM_FAILED:
			if (++pending->failures < MOST_FAILURES)
				pending->not_before = now + PAUSE_MS * pending->failures;
			else
				drop(replies, pending, answer.description);
			break;
		case TELEGRAM_MOVED:
		case TELEGRAM_PLAIN:
		case TELEGRAM_REFUSED:
		case TELEGRAM_BAD_TOKEN:
		case TELEGRAM_BAD_CHAT:
		case TELEGRAM_AMBIGUOUS:
			/* Perhaps it has arrived: whoever misses it asks again. */
			drop(replies, pending, answer.description);
			break;
	}
	pump(replies);
}

static void
send_pending(struct replies *replies, struct pending *pending)
{
	struct text url = {0};
	struct transfer_request request = {.headers = pending->headers,.body = pending->body,.body_length = pending->length,
		.timeout_ms = replies->timeout_ms,.ca_file = replies->ca_file};

	if (pending->chat != NULL)
		pace_count(replies->pace, pending->chat, loop_now_ms());
	telegram_url(&url, replies->api_base, replies->token, pending->method);
	request.url = url.data;
	pending->transfer = transfer_start(replies->transfers, &request, answered, pending);
	text_free(&url);
}

/* Tells whether an earlier reply to the same chat waits or is on its way. */
static bool
has_predecessor(const struct replies *replies, const struct pending *pending)
{
	for (const struct pending *other = replies->first; other != pending; other = other->next)
	{
		if (pending->chat != NULL && other->chat != NULL && strcmp(other->chat, pending->chat) == 0)
			return true;
	}
	return false;
}

static void
pump(struct replies *replies)
{
	int64_t		now = loop_now_ms();
	int64_t		soonest = INT64_MAX;
	struct pending *next;

	for (struct pending *pending = replies->first; pending != NULL; pending = next)
	{
		int64_t		wait = pending->not_before - now;

		next = pending->next;
		if (pending->transfer != NULL)
			continue;
		if (now - pending->asked_at + (wait > 0 ? wait : 0) > (pending->chat != NULL ? AGE_MS : BUTTON_AGE_MS))
		{
			drop(replies, pending, "it would come too late");
			continue;
		}
		if (has_predecessor(replies, pending))
			continue;
		if (pending->chat != NULL)
		{
			int64_t		pace = pace_wait(replies->pace, pending->chat, PACE_ANSWER, now);

			wait = pace > wait ? pace : wait;
		}
		if (wait <= 0)
			send_pending(replies, pending);
		else if (wait < soonest)
			soonest = wait;
	}
	if (soonest < INT64_MAX)
		loop_timer_set(replies->loop, &replies->timer, soonest);
}

static void
timer_due(void *arg)
{
	pump(arg);
}

/* Opens an empty queue, which needs a configuration before anything is sent. */
struct replies *
replies_open(struct loop *loop, struct pace *pace, replies_fn dropped, void *arg)
{
	struct replies *replies = memory_alloc_zero(sizeof(*replies));

	replies->loop = loop;
	replies->pace = pace;
	replies->transfers = transfers_open(loop);
	replies->timer = (struct loop_timer) {.fn = timer_due,.arg = replies};
	replies->dropped = dropped;
	replies->arg = arg;
	replies->last = &replies->first;
	return replies;
}

static void
set_string(char **field, const char *value)
{
	if (*field != NULL)
		explicit_bzero(*field, strlen(*field));
	free(*field);
	*field = memory_string(value);
}

/* Takes over a configuration; what waits goes out by it. */
void
replies_configure(struct replies *replies, const struct config *config)
{
	set_string(&replies->api_base, config->api_base);
	set_string(&replies->token, config->token);
	set_string(&replies->ca_file, config->telegram_ca_file);
	replies->timeout_ms = (int) config->telegram_timeout;
}

/* Puts a reply behind the others of its chat. */
void
replies_send(struct replies *replies, const struct reply *reply)
{
	struct pending *pending;

	if (replies->count >= MOST || replies->token == NULL)
	{
		log_warning("bot", "an answer is dropped: %s", replies->token == NULL ? "there is no token any more" : "too many wait");
		return;
	}
	pending = memory_alloc_zero(sizeof(*pending));
	*pending = (struct pending) {.replies = replies,.method = memory_string(reply->method),.chat = memory_string(reply->chat),
		.headers = memory_string(reply->headers),.body = memory_string_n(reply->body, reply->length),.length = reply->length,
		.update = reply->update,.asked_at = loop_now_ms()};
	*replies->last = pending;
	replies->last = &pending->next;
	replies->count++;
	pump(replies);
}

/* Tells whether so many wait that no more questions should be taken. */
bool
replies_are_many(const struct replies *replies)
{
	return replies->count >= MANY;
}

/* Tells whether nothing waits and nothing is on its way. */
bool
replies_are_none(const struct replies *replies)
{
	return replies->count == 0;
}

/* Drops everything. */
void
replies_close(struct replies *replies)
{
	if (replies == NULL)
		return;
	loop_timer_cancel(replies->loop, &replies->timer);
	while (replies->first != NULL)
		take_out(replies, replies->first);
	transfers_close(replies->transfers);
	set_string(&replies->api_base, NULL);
	set_string(&replies->token, NULL);
	set_string(&replies->ca_file, NULL);
	free(replies);
}
