#ifndef PULSE_LOGS_H
#define PULSE_LOGS_H

#include "config.h"
#include "database.h"
#include "event.h"
#include "feed.h"
#include "pool.h"

/*
 * JSON Lines of what happens, one file a kind and day, and the same lines to remote endpoints. Events are numbered: after
 * a restart what is missing is read from the database, and what is there is not written twice.
 */
struct logs;
struct remotes;

enum logs_kind
{
	LOGS_PERFORMANCE,
	LOGS_TRADES,
	LOGS_HEALTH,
	LOGS_ALERTS,
	LOGS_NOTIFICATIONS,
	LOGS_WORKER,
	LOGS_KIND_COUNT
};

extern const char *const logs_kind_names[LOGS_KIND_COUNT];

struct logs_parts
{
	struct loop *loop;
	struct pool *pool;
	struct database *database;
	struct feed *feed;
};

/* What became of a message to people. */
struct logs_notice
{
	const char *sink;
	const char *id;				/* delivery_id */
	const char *type;
	const char *priority;
	const char *portfolio;
	const char *title;
	const char *outcome;		/* sent, waits, failed, uncertain, dead */
	const char *detail;			/* external id, or what went wrong */
	int			attempts;
};

extern struct logs *logs_open(const struct logs_parts *parts, const struct config *config);
extern void logs_configure(struct logs *logs, const struct config *config);
extern void logs_close(struct logs *logs);
extern void logs_event(struct logs *logs, struct event *event);
extern void logs_positioned(struct logs *logs);
extern void logs_line(struct logs *logs, enum logs_kind kind, const char *line, size_t length);
extern void logs_notice(struct logs *logs, const struct logs_notice *notice);
extern void logs_metrics(struct logs *logs, struct text *out);

#endif
