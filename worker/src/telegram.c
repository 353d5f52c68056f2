#include "telegram.h"

#include "format.h"
#include "memory.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_TITLE 256			/* UTF-16 units of a title */
#define PART_UNITS 3000			/* of the message in one part; title and figures stand beside it */
#define LONGEST_PAUSE 86400		/* seconds; whatever else is asked for is no request to wait */
#define MAX_PARTS 8				/* of the 20,000 characters that a message may have */

enum detail_kind
{
	DETAIL_TEXT,
	DETAIL_NUMBER,
	DETAIL_MONEY,				/* at least two decimals */
	DETAIL_SIGNED_MONEY,
	DETAIL_FRACTION				/* shown as a percentage */
};

/* Members of data that messages show, in this order, and how. */
static const struct detail
{
	const char *member;
	const char *label;
	enum detail_kind kind;
}			details[] = {
	{"quantity", "Quantity", DETAIL_NUMBER},
	{"price", "Price", DETAIL_MONEY},
	{"value", "Value", DETAIL_MONEY},
	{"threshold", "Threshold", DETAIL_NUMBER},
	{"fee", "Fee", DETAIL_MONEY},
	{"realized_pnl", "Realised P&L", DETAIL_SIGNED_MONEY},
	{"position", "Position", DETAIL_NUMBER},
	{"strategy", "Strategy", DETAIL_TEXT},
	{"confidence", "Confidence", DETAIL_FRACTION},
	{"component", "Component", DETAIL_TEXT},
	{"status", "Status", DETAIL_TEXT},
};

/* Returns the number of UTF-16 code units of UTF-8 text, which is how Telegram counts. */
size_t
telegram_length(const char *text)
{
	size_t		units = 0;

	for (; *text != '\0'; text++)
	{
		unsigned char c = (unsigned char) *text;

		if ((c & 0xC0) != 0x80)
			units += c >= 0xF0 ? 2 : 1;
	}
	return units;
}

/* Returns how many bytes of a text are its first so many UTF-16 units; never cuts a character. */
static size_t
prefix_of_units(const char *text, size_t units)
{
	size_t		bytes = 0;

	while (text[bytes] != '\0')
	{
		unsigned char c = (unsigned char) text[bytes];
		size_t		width = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
		size_t		cost = c >= 0xF0 ? 2 : 1;

		if (cost > units)
			break;
		units -= cost;
		for (size_t i = 0; i < width && text[bytes] != '\0'; i++)
			bytes++;
	}
	return bytes;
}

/* Writes the address of a method. It contains the token. */
void
telegram_url(struct text *out, const char *api_base, const char *token, const char *method)
{
	size_t		length = strlen(api_base);

	while (length > 0 && api_base[length - 1] == '/')
		length--;
	text_append_n(out, api_base, length);
	text_printf(out, "/bot%s/%s", token, method);
}

static const char *
priority_sign(const char *priority)
{
	if (strcmp(priority, "CRITICAL") == 0)
		return "\U0001F6A8";
	if (strcmp(priority, "HIGH") == 0)
		return "\u26A0\uFE0F";
	if (strcmp(priority, "MEDIUM") == 0)
		return "\U0001F514";
	return "\u2139\uFE0F";
}

/* Trades carry the colour of their side beside the priority of the message. */
static const char *
side_sign(json_t *data)
{
	const char *side = json_string_value(json_object_get(data, "side"));

	if (side == NULL)
		return "";
	if (strcasecmp(side, "BUY") == 0)
		return "\U0001F7E2 ";
	return strcasecmp(side, "SELL") == 0 ? "\U0001F534 " : "";
}

static void
append_leaf(struct text *out, const char *text, bool html)
{
	if (html)
		text_append_html(out, text);
	else
		text_append(out, text);
}

/* Returns the text of a JSON scalar in a buffer, NULL for anything else. */
static const char *
scalar_text(json_t *value, char *buffer, size_t size)
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		snprintf(buffer, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(buffer, size, "%.10g", json_real_value(value));
	else
		return NULL;
	return buffer;
}

static void
append_detail(struct text *out, const struct detail *detail, const char *value, bool trade, bool html)
{
	struct text formatted = {0};
	enum detail_kind kind = detail->kind;

	/* The value of an alert is whatever its metric is. */
	if (!trade && kind == DETAIL_MONEY && strcmp(detail->member, "value") == 0)
		kind = DETAIL_NUMBER;
	switch (kind)
	{
		case DETAIL_TEXT:
			text_append(&formatted, value);
			break;
		case DETAIL_NUMBER:
			format_number(&formatted, value, 0, false);
			break;
		case DETAIL_MONEY:
			format_number(&formatted, value, 2, false);
			break;
		case DETAIL_SIGNED_MONEY:
			format_number(&formatted, value, 2, true);
			break;
		case DETAIL_FRACTION:
			format_percent(&formatted, value, false);
			break;
	}
	text_append_char(out, '\n');
	append_leaf(out, detail->label, html);
	text_append(out, ": ");
	append_leaf(out, text_string(&formatted), html);
	text_free(&formatted);
}

static void
append_details(struct text *out, json_t *data, bool trade, bool html)
{
	char		number[64];

	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
	{
		const char *value = scalar_text(json_object_get(data, details[i].member), number, sizeof(number));

		if (value == NULL || *value == '\0' || strlen(value) > 200)
			continue;
		append_detail(out, &details[i], value, trade, html);
		if (strcmp(details[i].member, "fee") == 0 && json_is_string(json_object_get(data, "fee_asset")))
		{
			text_append_char(out, ' ');
			append_leaf(out, json_string_value(json_object_get(data, "fee_asset")), html);
		}
	}
}

static void
append_cut(struct text *out, const char *text, size_t units, bool html)
{
	size_t		bytes = prefix_of_units(text, units);
	char	   *part;

	if (text[bytes] != '\0' && units > 0)
		bytes = prefix_of_units(text, units - 1);
	part = memory_string_n(text, bytes);
	append_leaf(out, part, html);
	if (text[bytes] != '\0')
		text_append(out, "\u2026");
	free(part);
}

/* Returns how many bytes of a text make its next part: up to the last line end, or blank, of what fits. */
static size_t
part_length(const char *text)
{
	size_t		most = prefix_of_units(text, PART_UNITS);
	size_t		cut = most;

	if (text[most] == '\0')
		return most;
	for (size_t i = most; i > most / 2; i--)
	{
		if (text[i - 1] == '\n')
			return i;
		if (text[i - 1] == ' ' && cut == most)
			cut = i;
	}
	return cut;
}

/* Returns how many messages a text needs. Entities are written for each part alone, so none is ever cut. */
int
telegram_part_count(const struct telegram_message *message)
{
	const char *rest = message->message;
	int			count = 1;

	for (;;)
	{
		rest += part_length(rest);
		if (*rest == '\0' || count == MAX_PARTS)
			return count;
		count++;
	}
}

/* What comes after the message: figures, time, and what has to be known about the message itself. */
static void
append_tail(struct text *out, const struct telegram_message *message, json_t *data, bool trade, bool html)
{
	append_details(out, data, trade, html);
	if (message->duplicates > 0)
		text_printf(out, "\n(and %d more like this)", message->duplicates);
	text_append(out, html ? "\n\n<i>" : "\n\n");
	append_leaf(out, message->time, html);
	text_append_char(out, ' ');
	append_leaf(out, message->zone, html);
	if (message->portfolio != NULL)
	{
		text_append(out, " \u00B7 ");
		append_leaf(out, message->portfolio, html);
	}
	text_append(out, html ? "</i>" : "");
	if (message->repeat)
		text_printf(out, "\n(possible repeat) #%s", message->id);
}

/*
 * Writes the text of a message, or one part of it, at most TELEGRAM_MAX_TEXT units long after its entities are parsed.
 * The title stands in the first part, figures and the line that tells a repeat in the last.
 */
void
telegram_compose(struct text *out, const struct telegram_message *message, bool html)
{
	json_t	   *data = json_loads(message->data, 0, NULL);
	bool		trade = json_is_string(json_object_get(data, "side")) && json_is_string(json_object_get(data, "symbol"));
	int			parts = trade ? 1 : telegram_part_count(message);
	const char *body = message->message;
	size_t		length;

	for (int i = 0; i < message->part; i++)
		body += part_length(body);
	length = part_length(body);
	if (message->part == 0)
	{
		text_append(out, message->resolved ? "\u2705" : priority_sign(message->priority));
		text_append_char(out, ' ');
		text_append(out, side_sign(data));
		text_append(out, html ? "<b>" : "");
		append_cut(out, message->title, MAX_TITLE, html);
		text_append(out, html ? "</b>" : "");
	}
	if (parts > 1)
		text_printf(out, "%s(%d/%d)", message->part == 0 ? " " : "", message->part + 1, parts);

	/* The figures of a trade say all that the database's one-line message says, better formatted. */
	if (!trade && length > 0)
	{
		char	   *part = memory_string_n(body, length);

		text_append_char(out, '\n');
		append_leaf(out, part, html);
		if (message->part == MAX_PARTS - 1 && body[length] != '\0')
			text_append(out, "\u2026");
		free(part);
	}
	if (message->part == parts - 1)
		append_tail(out, message, data, trade, html);
	json_decref(data);
}

/* Returns the method that puts a text in its place. */
const char *
telegram_method(const struct telegram_place *place)
{
	return place->edit != NULL ? "editMessageText" : "sendMessage";
}

/* Writes the body of a request that sends or replaces a text. */
void
telegram_request(struct text *out, const struct telegram_place *place, const char *text)
{
	text_append(out, "{\"chat_id\":");
	text_append_json(out, place->chat_id);
	text_append(out, ",\"text\":");
	text_append_json(out, text);
	if (place->html)
		text_append(out, ",\"parse_mode\":\"HTML\"");
	text_append(out, ",\"link_preview_options\":{\"is_disabled\":true}");
	if (place->edit != NULL)
		text_printf(out, ",\"message_id\":%s", place->edit);
	else
	{
		if (place->silent)
			text_append(out, ",\"disable_notification\":true");
		if (place->thread != NULL)
			text_printf(out, ",\"message_thread_id\":%s", place->thread);
		if (place->reply_to != NULL)
			text_printf(out, ",\"reply_parameters\":{\"message_id\":%s,\"allow_sending_without_reply\":true}", place->reply_to);
	}
	if (place->alert_id != NULL)
		text_printf(out, ",\"reply_markup\":{\"inline_keyboard\":[[{\"text\":\"Ack\",\"callback_data\":\"ack:%s\"},"
					"{\"text\":\"Silence 1 h\",\"callback_data\":\"silence:%s:1\"},"
					"{\"text\":\"Silence 24 h\",\"callback_data\":\"silence:%s:24\"}]]}", place->alert_id, place->alert_id, place->alert_id);
	text_append_char(out, '}');
}

static void
judge_refusal(int code, const char *description, json_t *parameters, struct telegram_answer *answer)
{
	json_t	   *moved = json_object_get(parameters, "migrate_to_chat_id");
	json_t	   *retry = json_object_get(parameters, "retry_after");

	switch (code)
	{
		case 400:
			if (json_is_integer(moved))
			{
				answer->verdict = TELEGRAM_MOVED;
				snprintf(answer->new_chat, sizeof(answer->new_chat), "%" JSON_INTEGER_FORMAT, json_integer_value(moved));
			}
			else if (strcasestr(description, "can't parse entities") != NULL)
				answer->verdict = TELEGRAM_PLAIN;
			else if (strcasestr(description, "message is not modified") != NULL)
				answer->verdict = TELEGRAM_SENT;
			else
				answer->verdict = TELEGRAM_REFUSED;
			break;
		case 401:
		case 404:
			answer->verdict = TELEGRAM_BAD_TOKEN;
			break;
		case 403:
			answer->verdict = TELEGRAM_BAD_CHAT;
			break;
		case 429:
			answer->verdict = TELEGRAM_LIMITED;
			answer->retry_after = json_is_integer(retry) && json_integer_value(retry) > 0 ? json_integer_value(retry) : 1;
			if (answer->retry_after > LONGEST_PAUSE)
				answer->retry_after = LONGEST_PAUSE;
			break;
		default:
			answer->verdict = code >= 500 ? TELEGRAM_FAILED : TELEGRAM_REFUSED;
	}
}

/* Finds out what an answer, or its absence, means for the message. */
void
telegram_judge(const struct transfer_result *result, struct telegram_answer *answer)
{
	json_t	   *body = result->complete ? json_loadb(result->body, result->length, 0, NULL) : NULL;
	json_t	   *ok = json_object_get(body, "ok");
	const char *description = json_string_value(json_object_get(body, "description"));
	json_t	   *code = json_object_get(body, "error_code");

	*answer = (struct telegram_answer) {.verdict = TELEGRAM_FAILED};
	if (json_is_true(ok))
	{
		json_t	   *id = json_object_get(json_object_get(body, "result"), "message_id");

		answer->verdict = TELEGRAM_SENT;
		if (json_is_integer(id))
			snprintf(answer->message_id, sizeof(answer->message_id), "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	}
	else if (json_is_false(ok))
	{
		judge_refusal(json_is_integer(code) ? (int) json_integer_value(code) : result->status,
					  description != NULL ? description : "", json_object_get(body, "parameters"), answer);
		snprintf(answer->description, sizeof(answer->description), "%d %s", result->status,
				 description != NULL ? description : "without a description");
	}
	else if (result->status >= 300)
	{
		/* The page of a proxy or gateway: the Bot API itself always answers with JSON. */
		snprintf(answer->description, sizeof(answer->description), "HTTP status %d", result->status);
	}
	else
	{
		answer->verdict = result->written ? TELEGRAM_AMBIGUOUS : TELEGRAM_FAILED;
		snprintf(answer->description, sizeof(answer->description), "%s",
				 result->problem[0] != '\0' ? result->problem : "an answer that is not the Bot API's");
	}
	json_decref(body);
}
