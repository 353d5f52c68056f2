#ifndef PULSE_EVENT_H
#define PULSE_EVENT_H

#include "frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types that a client can subscribe to; a database newer than this worker may send others. */
enum event_type
{
	EVENT_PERFORMANCE_UPDATE,
	EVENT_PORTFOLIO_UPDATE,
	EVENT_HEALTH_UPDATE,
	EVENT_TRADE_ALERT,
	EVENT_SYSTEM_ALERT,
	EVENT_OTHER,
	EVENT_TYPE_COUNT
};

#define EVENT_ALL_TYPES ((1u << EVENT_TYPE_COUNT) - 1)

enum event_priority
{
	PRIORITY_LOW,
	PRIORITY_MEDIUM,
	PRIORITY_HIGH,
	PRIORITY_CRITICAL
};

#define EVENT_VARIANTS 4

/* One row of pulse.event as clients get it. Immutable but for the variants and the count of references. */
struct event
{
	int			references;
	uint64_t	seq;
	enum event_type type;
	enum event_priority priority;
	char	   *portfolio;		/* NULL: concerns all */
	char	   *key;
	char	   *epoch;
	struct frame *frame;		/* with prev_seq = seq - 1, which is what a client that gets everything sees */
	size_t		prev_at;		/* where the number of prev_seq stands in the frame */
	size_t		prev_length;
	struct frame *variants[EVENT_VARIANTS];	/* the same with other prev_seq, for clients with filters */
	uint64_t	variant_prev[EVENT_VARIANTS];
	int			variant_next;
	struct frame *urgent;		/* a copy without a place in the sequence */
};

#define EVENT_NO_PREV UINT64_MAX

/* A row as read from the database; all text. */
struct event_row
{
	uint64_t	seq;
	const char *epoch;
	const char *timestamp;
	const char *type;
	const char *portfolio;
	const char *key;
	const char *priority;
	const char *data;
};

extern bool event_read_payload(char *payload, struct event_row *row);
extern struct event *event_new(const struct event_row *row);
extern struct event *event_hold(struct event *event);
extern void event_release(struct event *event);
extern struct frame *event_frame(struct event *event, uint64_t prev);
extern struct frame *event_urgent_frame(struct event *event);
extern bool event_is_state(const struct event *event);
extern bool event_same_key(const struct event *one, const struct event *other);

extern const char *event_type_name(enum event_type type);
extern enum event_type event_type_of(const char *name);
extern bool event_priority_of(const char *name, enum event_priority *priority);

#endif
