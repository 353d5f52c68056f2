#ifndef PULSE_OUTBOX_H
#define PULSE_OUTBOX_H

#include "database.h"

#include <stdbool.h>

/* The outbox pulse.delivery as the sender to Telegram sees it: the statements, and a message read out of their answer. */
#define OUTBOX_COLLAPSED 200	/* most rows that one message may stand for */

struct outbox_message
{
	char	   *id;				/* of the first row */
	char	   *ids;			/* of all rows, as an array of the database */
	char	   *type;
	char	   *priority;
	char	   *portfolio;
	char	   *title;
	char	   *message;
	char	   *data;
	char	   *time;
	char	   *original;		/* message_id of what this one follows up; NULL = nothing */
	char	   *news;			/* of an alert: fired, reminded, escalated, resolved …; NULL = none */
	char	   *alert_id;
	int			count;			/* rows */
	int			attempts;
	int			duplicates;
	bool		repeat;
	bool		old;			/* waits for more than a day */
	bool		escalate;
};

enum outbox_outcome
{
	OUTBOX_SENT,				/* text: external id, extra: remark */
	OUTBOX_GIVEN_BACK,			/* text: why, extra: seconds or NULL; no attempt counts */
	OUTBOX_FAILED,				/* text: why, extra: seconds */
	OUTBOX_UNCERTAIN,			/* text: why, extra: seconds */
	OUTBOX_DEAD					/* text: why, extra: appended */
};

extern const char outbox_claim_sql[];
extern const char outbox_recover_sql[];
extern const char outbox_release_sql[];
extern const char outbox_forgo_sql[];

extern const char *outbox_report_sql(enum outbox_outcome outcome);
extern const char *outbox_outcome_name(enum outbox_outcome outcome);
extern void outbox_read(const PGresult *result, struct outbox_message *message);
extern void outbox_free(struct outbox_message *message);

#endif
