#include "try_telegram.h"

#include "log.h"
#include "loop.h"
#include "sink_format.h"
#include "telegram.h"
#include "transfer.h"

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#define TIMEOUT_MS 20000

struct attempt
{
	bool		done;
	struct telegram_answer answer;
};

static void
answered(void *arg, const struct transfer_result *result)
{
	struct attempt *attempt = arg;

	telegram_judge(result, &attempt->answer);
	attempt->done = true;
}

static void
compose(struct text *text)
{
	char		host[64] = "";
	char		now[40];
	char		words[160];
	struct telegram_message message = {.id = "0",.type = "TEST",.priority = "LOW",.title = "Test of Pulse",.message = words,
		.data = "{}",.time = now,.zone = "UTC"};

	gethostname(host, sizeof(host) - 1);
	snprintf(words, sizeof(words), "This worker on %s can write here.", host);
	text_iso_now(now, sizeof(now));
	now[10] = ' ';
	now[19] = '\0';
	telegram_compose(text, &message, true);
}

static int
explain(const struct config *config, struct telegram_answer *answer)
{
	const char *advice = "";

	switch (answer->verdict)
	{
		case TELEGRAM_SENT:
			printf("sent to chat %s as message %s\n", config->chat_id, answer->message_id);
			return EX_OK;
		case TELEGRAM_MOVED:
			fprintf(stderr, "chat %s has become %s; put that into [telegram] chat_id\n", config->chat_id, answer->new_chat);
			return EX_CONFIG;
		case TELEGRAM_BAD_TOKEN:
			advice = "the bot token is wrong; @BotFather shows the right one";
			break;
		case TELEGRAM_BAD_CHAT:
			advice = "the bot may not write to the chat; start it there, or add it to the group";
			break;
		case TELEGRAM_REFUSED:
			advice = "the chat is wrong, or the bot has never met it; write to the bot first";
			break;
		case TELEGRAM_LIMITED:
			fprintf(stderr, "Telegram wants a pause of %" PRId64 " s; token and chat are right\n", answer->retry_after);
			return EX_TEMPFAIL;
		case TELEGRAM_AMBIGUOUS:
			advice = "the message may or may not have arrived";
			break;
		default:
			advice = "Telegram could not be reached";
	}
	log_scrub(answer->description);
	fprintf(stderr, "%s: %s\n", advice, answer->description);
	return answer->verdict == TELEGRAM_FAILED || answer->verdict == TELEGRAM_AMBIGUOUS ? EX_TEMPFAIL : EX_CONFIG;
}

static void
wait_until(struct loop *loop, const bool *done)
{
	struct pollfd ready = {.fd = loop_descriptor(loop),.events = POLLIN};

	while (!*done)
	{
		poll(&ready, 1, -1);
		loop_dispatch(loop);
	}
}

static int
try_chat(const struct config *config, struct loop *loop, struct transfers *transfers)
{
	struct attempt attempt = {0};
	struct text text = {0};
	struct text body = {0};
	struct text url = {0};
	struct telegram_place place = {.chat_id = config->chat_id,.html = true,.silent = true};
	struct transfer_request request = {.headers = "Content-Type: application/json",.timeout_ms = TIMEOUT_MS,.ca_file = config->telegram_ca_file};

	compose(&text);
	telegram_request(&body, &place, text.data);
	telegram_url(&url, config->api_base, config->token, "sendMessage");
	request.url = url.data;
	request.body = body.data;
	request.body_length = body.length;
	transfer_start(transfers, &request, answered, &attempt);
	wait_until(loop, &attempt.done);
	text_free(&text);
	text_free(&body);
	text_free(&url);
	return explain(config, &attempt.answer);
}

struct sink_attempt
{
	bool		done;
	struct sink_answer answer;
};

static void
sink_answered(void *arg, const struct transfer_result *result)
{
	struct sink_attempt *attempt = arg;

	sink_judge(result, &attempt->answer);
	attempt->done = true;
}

static int
try_sink(const struct config_sink *sink, struct loop *loop, struct transfers *transfers)
{
	char		now[40];
	struct sink_message message = {.id = "0",.type = "TEST",.priority = "LOW",.title = "Test of Pulse",
		.message = "This worker can write here.",.data = "{}",.created_at = now,.attempts = 1};
	struct sink_attempt attempt = {0};
	struct text url = {0};
	struct text body = {0};
	struct text headers = {0};
	struct transfer_request request = {.timeout_ms = (int) sink->timeout,.ca_file = sink->ca_file};

	log_hide_secret(sink->url);
	text_iso_now(now, sizeof(now));
	sink_url(sink, &url);
	sink_body(sink, &message, &body);
	sink_headers(sink, &message, &body, loop_day_ms() / 1000, &headers);
	request.url = url.data;
	request.headers = headers.data;
	request.body = body.data;
	request.body_length = body.length;
	transfer_start(transfers, &request, sink_answered, &attempt);
	wait_until(loop, &attempt.done);
	text_free(&url);
	text_free(&body);
	text_free(&headers);
	if (attempt.answer.verdict == SINK_TAKEN)
	{
		printf("sent to %s\n", sink->name);
		return EX_OK;
	}
	log_scrub(attempt.answer.description);
	fprintf(stderr, "%s: %s\n", sink->name, attempt.answer.description);
	return attempt.answer.verdict == SINK_FAILED || attempt.answer.verdict == SINK_LIMITED ? EX_TEMPFAIL : EX_CONFIG;
}

/* Sends one message to Telegram and to every sink, past the outbox, and tells what they say; returns the exit status. */
int
try_telegram(const struct config *config)
{
	struct loop *loop;
	struct transfers *transfers;
	int			status = EX_OK;

	if (!config->telegram_enabled && config->sink_count == 0)
	{
		fprintf(stderr, "[telegram] enabled is false in this configuration, and there is no [sink]\n");
		return EX_CONFIG;
	}
	loop = loop_open();
	if (loop == NULL)
		return EX_OSERR;
	transfers = transfers_open(loop);
	if (config->telegram_enabled)
		status = try_chat(config, loop, transfers);
	for (int i = 0; i < config->sink_count; i++)
	{
		int			outcome = try_sink(&config->sinks[i], loop, transfers);

		status = outcome > status ? outcome : status;
	}
	transfers_close(transfers);
	loop_close(loop);
	return status;
}
