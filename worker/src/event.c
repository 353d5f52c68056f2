#include "event.h"

#include "memory.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[EVENT_TYPE_COUNT] = {
	"PERFORMANCE_UPDATE", "PORTFOLIO_UPDATE", "HEALTH_UPDATE", "TRADE_ALERT", "SYSTEM_ALERT", NULL
};

static const char *const priority_names[] = {"LOW", "MEDIUM", "HIGH", "CRITICAL"};

/* Returns the name of a type, NULL for EVENT_OTHER. */
const char *
event_type_name(enum event_type type)
{
	return type_names[type];
}

/* Returns the type of a name, EVENT_OTHER when it is none that this worker knows. */
enum event_type
event_type_of(const char *name)
{
	for (int i = 0; i < EVENT_OTHER; i++)
	{
		if (strcmp(type_names[i], name) == 0)
			return (enum event_type) i;
	}
	return EVENT_OTHER;
}

/* Reads a priority; returns false when there is none of that name. */
bool
event_priority_of(const char *name, enum event_priority *priority)
{
	for (int i = PRIORITY_LOW; i <= PRIORITY_CRITICAL; i++)
	{
		if (strcmp(priority_names[i], name) == 0)
		{
			*priority = (enum event_priority) i;
			return true;
		}
	}
	return false;
}

/* Cuts a line off; NULL when there is none. */
static char *
next_line(char **rest)
{
	char	   *line = *rest;
	char	   *end = line != NULL ? strchr(line, '\n') : NULL;

	if (end == NULL)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line;
}

/* Reads a line of its own: "=" and a text, or "-" for none. */
static bool
read_line(char **rest, const char **text)
{
	char	   *line = next_line(rest);

	if (line == NULL || (*line != '=' && strcmp(line, "-") != 0))
		return false;
	*text = *line == '=' ? line + 1 : NULL;
	return true;
}

/*
 * Reads an event that came with its notification, as pulse.follow_events() describes it; the row points into the payload,
 * which is changed. Returns false when it is none.
 */
bool
event_read_payload(char *payload, struct event_row *row)
{
	char	   *rest = payload;
	char	   *words = next_line(&rest);
	char	   *state = NULL;
	const char *seq;
	char	   *end;

	if (words == NULL)
		return false;
	seq = strtok_r(words, " ", &state);
	row->epoch = strtok_r(NULL, " ", &state);
	row->timestamp = strtok_r(NULL, " ", &state);
	row->type = strtok_r(NULL, " ", &state);
	row->priority = strtok_r(NULL, " ", &state);
	if (row->priority == NULL)
		return false;
	row->seq = strtoull(seq, &end, 10);
	if (*end != '\0' || row->seq == 0 || !read_line(&rest, &row->portfolio) || !read_line(&rest, &row->key))
		return false;
	row->data = rest;
	return rest[0] == '{';
}

/* Makes an event of a row, with one reference. The data go through as the text that the database gave. */
struct event *
event_new(const struct event_row *row)
{
	struct event *event = memory_alloc_zero(sizeof(*event));
	struct text text = {0};

	event->references = 1;
	event->seq = row->seq;
	event->type = event_type_of(row->type);
	if (!event_priority_of(row->priority, &event->priority))
		event->priority = PRIORITY_LOW;
	event->portfolio = memory_string(row->portfolio);
	event->key = memory_string(row->key);
	event->epoch = memory_string(row->epoch);

	text_append(&text, "{\"v\":1,\"type\":");
	text_append_json(&text, row->type);
	text_printf(&text, ",\"seq\":%" PRIu64 ",\"prev_seq\":", row->seq);
	event->prev_at = text.length;
	text_printf(&text, "%" PRIu64, row->seq - 1);
	event->prev_length = text.length - event->prev_at;
	text_append(&text, ",\"epoch\":");
	text_append_json(&text, row->epoch);
	text_append(&text, ",\"timestamp\":");
	text_append_json(&text, row->timestamp);
	text_append(&text, ",\"portfolio\":");
	text_append_json(&text, row->portfolio);
	text_append(&text, ",\"key\":");
	text_append_json(&text, row->key);
	text_append(&text, ",\"priority\":");
	text_append_json(&text, row->priority);
	text_append(&text, ",\"data\":");
	text_append(&text, row->data);
	text_append(&text, "}");
	event->frame = frame_new(text.data, text.length);
	text_free(&text);
	return event;
}

/* Takes one more reference. */
struct event *
event_hold(struct event *event)
{
	event->references++;
	return event;
}

/* Gives a reference back; the last one frees the event. */
void
event_release(struct event *event)
{
	if (event == NULL || --event->references > 0)
		return;
	for (int i = 0; i < EVENT_VARIANTS; i++)
		frame_release(event->variants[i]);
	frame_release(event->urgent);
	frame_release(event->frame);
	free(event->portfolio);
	free(event->key);
	free(event->epoch);
	free(event);
}

static struct frame *
make_variant(const struct event *event, uint64_t prev)
{
	const char *base = (const char *) event->frame->text;
	size_t		after = event->prev_at + event->prev_length;
	char		number[32] = "null";
	struct text text = {0};
	struct frame *frame;

	if (prev != EVENT_NO_PREV)
		snprintf(number, sizeof(number), "%" PRIu64, prev);
	text_append_n(&text, base, event->prev_at);
	text_append(&text, number);
	text_append_n(&text, base + after, event->frame->length - after);
	frame = frame_new(text.data, text.length);
	text_free(&text);
	return frame;
}

/*
 * Returns the frame of the event for a client whose previous event was prev (EVENT_NO_PREV: none). Clients with the
 * same filter come from the same prev, so a few variants serve them all.
 */
struct frame *
event_frame(struct event *event, uint64_t prev)
{
	int			slot;

	if (prev == event->seq - 1)
		return event->frame;
	for (int i = 0; i < EVENT_VARIANTS; i++)
	{
		if (event->variants[i] != NULL && event->variant_prev[i] == prev)
			return event->variants[i];
	}
	slot = event->variant_next;
	event->variant_next = (slot + 1) % EVENT_VARIANTS;
	frame_release(event->variants[slot]);
	event->variants[slot] = make_variant(event, prev);
	event->variant_prev[slot] = prev;
	return event->variants[slot];
}

/*
 * Returns a copy of the event for a client with a long queue, which overtakes it: without a number, so that the numbers
 * still come in order, and marked, because the event itself follows in its place.
 */
struct frame *
event_urgent_frame(struct event *event)
{
	static const char number[] = "\"seq\":";
	const char *base = (const char *) event->frame->text;
	size_t		after = event->prev_at + event->prev_length;
	const char *seq;
	struct text text = {0};

	if (event->urgent != NULL)
		return event->urgent;
	seq = memmem(base, event->prev_at, number, strlen(number));
	if (seq == NULL)
		return event->frame;
	text_append_n(&text, base, (size_t) (seq - base));
	text_append(&text, "\"seq\":null,\"prev_seq\":null,\"urgent\":true");
	text_append_n(&text, base + after, event->frame->length - after);
	event->urgent = frame_new(text.data, text.length);
	text_free(&text);
	return event->urgent;
}

/* Tells whether a newer event of the same key makes this one worthless. */
bool
event_is_state(const struct event *event)
{
	return event->type == EVENT_PERFORMANCE_UPDATE || event->type == EVENT_PORTFOLIO_UPDATE ||
		event->type == EVENT_HEALTH_UPDATE;
}

static bool
same_string(const char *one, const char *other)
{
	if (one == NULL || other == NULL)
		return one == other;
	return strcmp(one, other) == 0;
}

/* Tells whether two state events describe the same thing. */
bool
event_same_key(const struct event *one, const struct event *other)
{
	return one->type == other->type && same_string(one->portfolio, other->portfolio) && same_string(one->key, other->key);
}
