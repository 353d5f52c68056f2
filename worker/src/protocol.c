#include "protocol.h"

#include "memory.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ID 200
#define MAX_PAYLOAD 1024
#define MAX_NAME 200

static bool __attribute__((format(printf, 3, 4)))
refuse(struct request_error *error, const char *code, const char *format,...)
{
	va_list		arguments;

	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return false;
}

/* Copies a member as JSON text, so that an answer can repeat it exactly; larger ones are refused. */
static bool
copy_member(json_t *object, const char *name, size_t largest, char **copy, struct request_error *error)
{
	json_t	   *member = json_object_get(object, name);
	char	   *text;

	if (member == NULL)
		return true;
	text = json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
	if (text == NULL || strlen(text) > largest)
	{
		free(text);
		return refuse(error, "TOO_LARGE", "\"%s\" is larger than %zu bytes", name, largest);
	}
	*copy = text;
	return true;
}

static bool
read_type_names(json_t *names, struct request_message *message, struct request_error *error)
{
	size_t		index;
	json_t	   *name;

	if (names == NULL || json_is_null(names))
		return true;
	if (!json_is_array(names))
		return refuse(error, "BAD_JSON", "\"subscriptions\" must be an array of type names");
	message->has_types = true;
	json_array_foreach(names, index, name)
	{
		enum event_type type = json_is_string(name) ? event_type_of(json_string_value(name)) : EVENT_OTHER;

		if (json_is_string(name) && strcmp(json_string_value(name), "*") == 0)
			message->types |= EVENT_ALL_TYPES;
		else if (type == EVENT_OTHER)
			return refuse(error, "BAD_TYPE", "nobody can subscribe to \"%.60s\"",
						  json_is_string(name) ? json_string_value(name) : "(not a string)");
		else
			message->types |= 1u << type;
	}
	return true;
}

/* Reads "name" or ["name", …]. */
static bool
read_names(json_t *filter, const char *member, struct name_list *list, struct request_error *error)
{
	json_t	   *names = json_object_get(filter, member);
	size_t		count = json_is_array(names) ? json_array_size(names) : 1;

	if (names == NULL || json_is_null(names))
		return true;
	if (count > SUBSCRIPTION_MAX_NAMES)
		return refuse(error, "TOO_LARGE", "filter.%s has more than %d names", member, SUBSCRIPTION_MAX_NAMES);
	list->names = memory_alloc_zero(sizeof(char *) * (count > 0 ? count : 1));
	for (size_t i = 0; i < count; i++)
	{
		json_t	   *name = json_is_array(names) ? json_array_get(names, i) : names;

		if (!json_is_string(name) || json_string_length(name) > MAX_NAME)
			return refuse(error, "BAD_JSON", "filter.%s must be names of at most %d bytes", member, MAX_NAME);
		list->names[list->count++] = memory_string(json_string_value(name));
	}
	return true;
}

static bool
read_filter(json_t *filter, struct request_message *message, struct request_error *error)
{
	json_t	   *priority;

	if (filter == NULL)
		return true;
	message->has_filter = true;
	if (json_is_null(filter))
		return true;
	if (!json_is_object(filter))
		return refuse(error, "BAD_JSON", "\"filter\" must be an object");
	priority = json_object_get(filter, "min_priority");
	if (priority != NULL && !json_is_null(priority) &&
		(!json_is_string(priority) || !event_priority_of(json_string_value(priority), &message->min_priority)))
		return refuse(error, "BAD_JSON", "filter.min_priority must be CRITICAL, HIGH, MEDIUM or LOW");
	return read_names(filter, "portfolio", &message->portfolios, error) &&
		read_names(filter, "symbol", &message->symbols, error);
}

static bool
read_since(json_t *since, struct request_message *message, struct request_error *error)
{
	json_t	   *seq = json_object_get(since, "seq");
	json_t	   *epoch = json_object_get(since, "epoch");

	if (since == NULL || json_is_null(since))
		return true;
	if (!json_is_object(since) || !json_is_integer(seq) || json_integer_value(seq) < 0 ||
		(epoch != NULL && !json_is_string(epoch)) || (epoch != NULL && json_string_length(epoch) > MAX_NAME))
		return refuse(error, "BAD_JSON", "\"since\" must be {\"epoch\": string, \"seq\": number from 0}");
	message->has_since = true;
	message->since_seq = (uint64_t) json_integer_value(seq);
	message->since_epoch = epoch != NULL ? memory_string(json_string_value(epoch)) : NULL;
	return true;
}

/* Reads an optional text member. */
static bool
read_text(json_t *object, const char *name, size_t largest, char **copy, struct request_error *error)
{
	json_t	   *member = json_object_get(object, name);

	if (member == NULL || json_is_null(member))
		return true;
	if (!json_is_string(member) || json_string_length(member) > largest)
		return refuse(error, "BAD_JSON", "\"%s\" must be a string of at most %zu bytes", name, largest);
	*copy = memory_string(json_string_value(member));
	return true;
}

static bool
read_alert(json_t *object, struct request_message *message, struct request_error *error)
{
	json_t	   *number = json_object_get(object, "alert_id");

	if (!json_is_integer(number) || json_integer_value(number) < 1)
		return refuse(error, "BAD_JSON", "\"alert_id\" must be a number from 1");
	message->alert_id = (uint64_t) json_integer_value(number);
	return read_text(object, "note", MAX_PAYLOAD, &message->note, error);
}

static bool
read_object(json_t *object, struct request_message *message, struct request_error *error)
{
	json_t	   *type = json_object_get(object, "type");
	const char *name = json_string_value(type);

	if (!copy_member(object, "id", MAX_ID, &message->id, error))
		return false;
	if (name == NULL)
		return refuse(error, "BAD_TYPE", "the message has no \"type\"");
	if (strcmp(name, "REQUEST_SNAPSHOT") == 0)
	{
		message->type = REQUEST_SNAPSHOT;
		return read_text(object, "portfolio", MAX_NAME, &message->portfolio, error);
	}
	if (strcmp(name, "PING") == 0)
	{
		message->type = REQUEST_PING;
		return copy_member(object, "data", MAX_PAYLOAD, &message->payload, error);
	}
	if (strcmp(name, "SUBSCRIBE") == 0)
	{
		message->type = REQUEST_SUBSCRIBE;
		return read_type_names(json_object_get(object, "subscriptions"), message, error) &&
			read_filter(json_object_get(object, "filter"), message, error) &&
			read_since(json_object_get(object, "since"), message, error);
	}
	if (strcmp(name, "UNSUBSCRIBE") == 0)
	{
		message->type = REQUEST_UNSUBSCRIBE;
		return read_type_names(json_object_get(object, "subscriptions"), message, error);
	}
	if (strcmp(name, "AUTH") == 0)
	{
		message->type = REQUEST_AUTH;
		if (json_is_string(json_object_get(object, "token")))
			return read_text(object, "token", MAX_NAME, &message->token, error);
		return refuse(error, "BAD_JSON", "\"token\" must be a string");
	}
	if (strcmp(name, "ACK_ALERT") == 0)
	{
		message->type = REQUEST_ACK_ALERT;
		return read_alert(object, message, error);
	}
	return refuse(error, "BAD_TYPE", "unknown message type \"%.60s\"", name);
}

/* Reads one message of a client. On failure error says why, and message may carry the id to answer to. */
bool
protocol_parse(const char *bytes, size_t length, struct request_message *message, struct request_error *error)
{
	json_error_t where;
	json_t	   *object;
	bool		good;

	*message = (struct request_message) {.min_priority = PRIORITY_LOW};
	object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &where);
	if (object == NULL)
		return refuse(error, "BAD_JSON", "not JSON: %s at byte %d", where.text, where.position);
	if (!json_is_object(object))
		good = refuse(error, "BAD_JSON", "a message is a JSON object");
	else
		good = read_object(object, message, error);
	json_decref(object);
	return good;
}

/* Frees what a message holds. */
void
protocol_free(struct request_message *message)
{
	free(message->id);
	free(message->portfolio);
	free(message->since_epoch);
	free(message->payload);
	free(message->note);
	if (message->token != NULL)
		explicit_bzero(message->token, strlen(message->token));
	free(message->token);
	name_list_free(&message->portfolios);
	name_list_free(&message->symbols);
}

/* Begins an answer: {"v":1,"type":…,"id":…,"timestamp":… – the caller adds members and the closing brace. */
void
protocol_open(struct text *out, const char *type, const char *id)
{
	char		now[40];

	text_iso_now(now, sizeof(now));
	text_printf(out, "{\"v\":1,\"type\":\"%s\"", type);
	if (id != NULL)
		text_printf(out, ",\"id\":%s", id);
	text_printf(out, ",\"timestamp\":\"%s\"", now);
}

/* Writes an ERROR message. */
void
protocol_error(struct text *out, const char *id, const char *code, const char *message, bool retryable)
{
	protocol_open(out, "ERROR", id != NULL ? id : "null");
	text_printf(out, ",\"code\":\"%s\",\"message\":", code);
	text_append_json(out, message);
	text_printf(out, ",\"retryable\":%s}", retryable ? "true" : "false");
}

static void
write_names(struct text *out, const char *member, const struct name_list *list)
{
	text_printf(out, ",\"%s\":", member);
	if (list->count == 0)
	{
		text_append(out, "null");
		return;
	}
	for (int i = 0; i < list->count; i++)
	{
		text_append_char(out, i == 0 ? '[' : ',');
		text_append_json(out, list->names[i]);
	}
	text_append_char(out, ']');
}

/* Writes the members "subscriptions" and "filter" of a subscription, for the answer that confirms it. */
void
protocol_subscription(struct text *out, const struct subscription *subscription)
{
	static const char *const priorities[] = {"LOW", "MEDIUM", "HIGH", "CRITICAL"};
	const char *separator = "";

	text_append(out, "\"subscriptions\":[");
	for (int type = 0; type < EVENT_OTHER; type++)
	{
		if ((subscription->types & (1u << type)) == 0)
			continue;
		text_printf(out, "%s\"%s\"", separator, event_type_name((enum event_type) type));
		separator = ",";
	}
	text_printf(out, "],\"filter\":{\"min_priority\":\"%s\"", priorities[subscription->min_priority]);
	write_names(out, "portfolio", &subscription->portfolios);
	write_names(out, "symbol", &subscription->symbols);
	text_append_char(out, '}');
}
