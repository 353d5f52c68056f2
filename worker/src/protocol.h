#ifndef PULSE_PROTOCOL_H
#define PULSE_PROTOCOL_H

#include "subscription.h"
#include "text.h"

/* The client's side of the WebSocket protocol: messages in, and the frames that answer them. */

enum request_type
{
	REQUEST_SNAPSHOT,
	REQUEST_SUBSCRIBE,
	REQUEST_UNSUBSCRIBE,
	REQUEST_PING,
	REQUEST_AUTH,
	REQUEST_ACK_ALERT
};

struct request_message
{
	enum request_type type;
	char	   *id;				/* JSON text of the id member, NULL when there is none */
	char	   *portfolio;		/* of REQUEST_SNAPSHOT, NULL = all */
	bool		has_types;
	unsigned int types;
	bool		has_filter;
	enum event_priority min_priority;
	struct name_list portfolios;
	struct name_list symbols;
	bool		has_since;
	char	   *since_epoch;	/* NULL: of the current epoch */
	uint64_t	since_seq;
	char	   *payload;		/* JSON text of PING's data member, NULL when there is none */
	char	   *token;			/* of AUTH; a secret */
	uint64_t	alert_id;		/* of ACK_ALERT */
	char	   *note;
};

struct request_error
{
	const char *code;
	char		message[200];
};

extern bool protocol_parse(const char *bytes, size_t length, struct request_message *message, struct request_error *error);
extern void protocol_free(struct request_message *message);

extern void protocol_error(struct text *out, const char *id, const char *code, const char *message, bool retryable);
extern void protocol_open(struct text *out, const char *type, const char *id);
extern void protocol_subscription(struct text *out, const struct subscription *subscription);

#endif
