#include "try_telegram.h"

#include "log.h"
#include "loop.h"
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

/* Sends one message past the outbox and tells what Telegram says; returns the exit status. */
int
try_telegram(const struct config *config)
{
	struct loop *loop;
	struct transfers *transfers;
	struct attempt attempt = {0};
	struct text text = {0};
	struct text body = {0};
	struct text url = {0};
	struct telegram_place place = {.chat_id = config->chat_id,.html = true,.silent = true};
	struct pollfd ready;

	if (!config->telegram_enabled)
	{
		fprintf(stderr, "[telegram] enabled is false in this configuration\n");
		return EX_CONFIG;
	}
	loop = loop_open();
	if (loop == NULL)
		return EX_OSERR;
	transfers = transfers_open(loop);
	compose(&text);
	telegram_request(&body, &place, text.data);
	telegram_url(&url, config->api_base, config->token, "sendMessage");
	transfer_post_json(transfers, url.data, body.data, TIMEOUT_MS, answered, &attempt);
	ready = (struct pollfd) {.fd = loop_descriptor(loop),.events = POLLIN};
	while (!attempt.done)
	{
		poll(&ready, 1, -1);
		loop_dispatch(loop);
	}
	transfers_close(transfers);
	loop_close(loop);
	text_free(&text);
	text_free(&body);
	text_free(&url);
	return explain(config, &attempt.answer);
}
