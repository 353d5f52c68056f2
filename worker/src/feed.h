#ifndef PULSE_FEED_H
#define PULSE_FEED_H

#include "database.h"
#include "event.h"

/*
 * The stream of events out of pulse.event, in order, each once. A notification says that there is something; the table
 * says what. The newest events stay in memory for clients that come back.
 */
struct feed;

struct feed_listener
{
	void		(*event) (void *arg, struct event *event);	/* the next event */
	void		(*batch_over) (void *arg);	/* no further event is at hand: time to send them */
	void		(*gap) (void *arg, const char *reason);		/* events are missing before the next one */
	void		(*told) (void *arg, const char *payload);	/* a notification that names no event */
	void		(*repeated) (void *arg);	/* one that names an event again: messages about it have been written */
	void		(*positioned) (void *arg);	/* the position is known: after the start and after each reconnect */
	void	   *arg;
};

extern struct feed *feed_open(struct loop *loop, const char *dsn, int64_t poll_interval,
							  const struct feed_listener *listener);
extern void feed_close(struct feed *feed);
extern void feed_configure(struct feed *feed, const char *dsn, int64_t poll_interval);

extern bool feed_is_ready(const struct feed *feed);
extern bool feed_is_polling(const struct feed *feed);
extern const char *feed_epoch(const struct feed *feed);
extern uint64_t feed_seq(const struct feed *feed);
extern uint64_t feed_oldest(const struct feed *feed);

/* The event after seq, if it is still in memory; *missing tells whether there is one that is not. */
extern struct event *feed_after(const struct feed *feed, uint64_t seq, bool *missing);

/* Reads a row of the columns of feed_columns(epoch and data included) out of a result. */
#define FEED_COLUMNS "seq, epoch, pg_catalog.to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')," \
	" type, portfolio, key, priority, data"
extern struct event *feed_read_row(const PGresult *result, int row);

#endif
