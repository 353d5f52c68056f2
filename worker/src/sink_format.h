#ifndef PULSE_SINK_FORMAT_H
#define PULSE_SINK_FORMAT_H

#include "config.h"
#include "text.h"
#include "transfer.h"

/* What the places besides Telegram want to be sent, and what their answers mean. No state and no I/O. */
struct sink_message
{
	const char *id;
	const char *type;
	const char *priority;
	const char *portfolio;		/* NULL = none in particular */
	const char *title;
	const char *message;
	const char *data;			/* JSON object */
	const char *created_at;		/* ISO 8601 in UTC */
	int			duplicates;
	int			attempts;
};

enum sink_verdict
{
	SINK_TAKEN,
	SINK_LIMITED,				/* wait retry_after seconds */
	SINK_REFUSED,				/* this message will never be taken */
	SINK_WRONG,					/* the address or the key is wrong: nothing will be taken */
	SINK_FAILED
};

struct sink_answer
{
	enum sink_verdict verdict;
	int64_t		retry_after;
	char		description[256];
};

extern void sink_url(const struct config_sink *sink, struct text *out);
extern void sink_body(const struct config_sink *sink, const struct sink_message *message, struct text *out);
extern void sink_headers(const struct config_sink *sink, const struct sink_message *message, const struct text *body,
						 int64_t seconds, struct text *out);
extern void sink_judge(const struct transfer_result *result, struct sink_answer *answer);
extern void sink_check_config(const void *item, void (*complain) (void *arg, const char *message), void *arg);

#endif
