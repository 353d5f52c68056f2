#include "feed.h"

#include "log.h"
#include "memory.h"
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH "500"
#define RING_SLOTS 32768		/* a power of two; as many small events as RING_BYTES hold */
#define RING_BYTES (16u << 20)
#define WARM_EVENTS 1000
#define FALLBACK_POLL_MS 1000
#define CANARY_EVERY_MS 60000
#define CANARY_LATE_MS 15000

struct feed
{
	struct loop *loop;
	struct database *database;
	struct feed_listener listener;
	int64_t		poll_ms;
	struct loop_timer poll_timer;
	struct loop_timer canary_timer;
	struct progress progress;
	char		canary[48];		/* a channel of our own: hearing ourselves on it proves that LISTEN works */
	char		handing[64];	/* the channel over which events themselves come, "" when they do not */
	uint64_t	handed;			/* the newest that came so and has not been flushed: its notification follows */
	bool		canary_out;

	bool		positioned;		/* epoch and seq are known */
	bool		listening;
	bool		reading;		/* a read is under way */
	bool		again;			/* another one was asked for meanwhile */
	char	   *epoch;
	uint64_t	seq;			/* of the newest event that was passed on */
	uint64_t	start_seq;		/* position at the start, while the history before it is being read */

	struct event *ring[RING_SLOTS];	/* by seq modulo slots; contiguous from oldest to seq */
	uint64_t	oldest;			/* smallest seq in the ring; seq + 1 when it is empty */
	size_t		ring_bytes;
};

static void read_events(struct feed *feed);
static void read_position(struct feed *feed);

static size_t
event_bytes(const struct event *event)
{
	return sizeof(*event) + event->frame->length;
}

static void
ring_drop_oldest(struct feed *feed)
{
	struct event **slot = &feed->ring[feed->oldest & (RING_SLOTS - 1)];

	feed->ring_bytes -= event_bytes(*slot);
	event_release(*slot);
	*slot = NULL;
	feed->oldest++;
}

static void
ring_clear(struct feed *feed)
{
	while (feed->oldest <= feed->seq)
		ring_drop_oldest(feed);
}

/* Takes over the caller's reference. */
static void
ring_add(struct feed *feed, struct event *event)
{
	if (event->seq != feed->seq + 1)
	{
		ring_clear(feed);
		feed->oldest = event->seq;
	}
	feed->seq = event->seq;
	while (feed->oldest < event->seq &&
		   (event->seq - feed->oldest >= RING_SLOTS || feed->ring_bytes + event_bytes(event) > RING_BYTES))
		ring_drop_oldest(feed);
	feed->ring[event->seq & (RING_SLOTS - 1)] = event;
	feed->ring_bytes += event_bytes(event);
}

/* Makes an event of a row that was selected with FEED_COLUMNS. */
struct event *
feed_read_row(const PGresult *result, int row)
{
	struct event_row fields = {
		.seq = strtoull(PQgetvalue(result, row, 0), NULL, 10),
		.epoch = PQgetvalue(result, row, 1),
		.timestamp = PQgetvalue(result, row, 2),
		.type = PQgetvalue(result, row, 3),
		.portfolio = PQgetisnull(result, row, 4) ? NULL : PQgetvalue(result, row, 4),
		.key = PQgetisnull(result, row, 5) ? NULL : PQgetvalue(result, row, 5),
		.priority = PQgetvalue(result, row, 6),
		.data = PQgetvalue(result, row, 7),
	};

	return event_new(&fields);
}

static void
set_position(struct feed *feed, const char *epoch, uint64_t seq)
{
	ring_clear(feed);
	free(feed->epoch);
	feed->epoch = memory_string(epoch);
	feed->seq = seq;
	feed->oldest = seq + 1;
}

static void
pass_on(struct feed *feed, struct event *event)
{
	if (strcmp(event->epoch, feed->epoch) != 0)
	{
		log_warning("feed", "the database's epoch changed from %s to %s: it was restored, copied or promoted", feed->epoch,
					event->epoch);
		set_position(feed, event->epoch, event->seq - 1);
		feed->listener.gap(feed->listener.arg, "EPOCH_CHANGED");
	}
	else if (event->seq > feed->seq + 1)
	{
		log_warning("feed", "events %" PRIu64 " to %" PRIu64 " are gone from the database", feed->seq + 1, event->seq - 1);
		ring_add(feed, event_hold(event));
		feed->listener.gap(feed->listener.arg, "EVENTS_EXPIRED");
		feed->listener.event(feed->listener.arg, event);
		return;
	}
	ring_add(feed, event_hold(event));
	feed->listener.event(feed->listener.arg, event);
}

static void
events_read(void *arg, const struct database_reply *reply)
{
	struct feed *feed = arg;
	int			count = reply->result != NULL ? PQntuples(reply->result) : 0;

	feed->reading = false;
	if (database_is_ready(feed->database))
		progress_move(&feed->progress, loop_now_ms());
	if (reply->result == NULL)
	{
		if (strcmp(reply->sqlstate, "08000") != 0)
			log_error("feed", "cannot read events: %s", reply->message);
		return;
	}
	for (int row = 0; row < count; row++)
	{
		struct event *event = feed_read_row(reply->result, row);

		pass_on(feed, event);
		event_release(event);
	}
	if (count > 0)
		feed->listener.batch_over(feed->listener.arg);
	if (count == atoi(BATCH) || feed->again)
		read_events(feed);
}

/*
 * Not prepared: a plan that is kept is made for the table as it is in the first moments, nearly empty, and would then read
 * all of it for every few events until somebody analyses it.
 */
static void
read_events(struct feed *feed)
{
	char		after[24];
	struct database_query query = {
		.sql = "SELECT " FEED_COLUMNS " FROM pulse.event WHERE seq > $1 ORDER BY seq LIMIT " BATCH,
		.parameters = {after},
		.parameter_count = 1,
		.reply = events_read,
		.arg = feed
	};

	if (!feed->positioned)
		return;
	if (feed->reading)
	{
		feed->again = true;
		return;
	}
	feed->again = false;
	snprintf(after, sizeof(after), "%" PRIu64, feed->seq);
	feed->reading = database_query(feed->database, &query);
}

/* The newest events of before our start: history for clients that come back after a restart of this daemon. */
static void
warmed_up(void *arg, const struct database_reply *reply)
{
	struct feed *feed = arg;

	feed->reading = false;
	if (database_is_ready(feed->database))
		progress_move(&feed->progress, loop_now_ms());
	if (reply->result == NULL)
		return;
	for (int row = 0; row < PQntuples(reply->result); row++)
	{
		struct event *event = feed_read_row(reply->result, row);

		if (strcmp(event->epoch, feed->epoch) == 0)
			ring_add(feed, event);
		else
			event_release(event);
	}
	if (feed->seq != feed->start_seq)
	{
		char	   *epoch = memory_string(feed->epoch);

		set_position(feed, epoch, feed->start_seq);
		free(epoch);
	}
	log_info("feed", "standing at event %" PRIu64 " of epoch %s", feed->seq, feed->epoch);
	feed->positioned = true;
	feed->listener.positioned(feed->listener.arg);
	read_events(feed);
}

static void
warm_up(struct feed *feed)
{
	char		after[24];
	char		last[24];
	struct database_query query = {
		.sql = "SELECT " FEED_COLUMNS " FROM pulse.event WHERE seq > $1 AND seq <= $2 ORDER BY seq",
		.parameters = {after, last},
		.parameter_count = 2,
		.reply = warmed_up,
		.arg = feed
	};

	snprintf(after, sizeof(after), "%" PRIu64, feed->seq > WARM_EVENTS ? feed->seq - WARM_EVENTS : 0);
	snprintf(last, sizeof(last), "%" PRIu64, feed->seq);
	feed->reading = database_query(feed->database, &query);
}

static void
check_pooler(struct feed *feed, int backend_pid)
{
	/* The greeting runs in a transaction of its own; another process now is a pooler that hands us round. */
	if (!feed->listening || backend_pid == database_facts(feed->database)->backend_pid)
		return;
	feed->listening = false;
	log_warning("feed", "the connection goes through a pooler in transaction mode, where LISTEN is lost; polling every second"
				" instead (listen_dsn can name a direct connection)");
}

/*
 * Where the stream stands according to the database. Asked after every connect and at every poll: after a restore the
 * numbers start elsewhere, and no event would ever come for "seq > ours".
 */
static void
position_read(void *arg, const struct database_reply *reply)
{
	struct feed *feed = arg;
	const char *epoch;
	uint64_t	seq;

	feed->reading = false;
	if (database_is_ready(feed->database))
		progress_move(&feed->progress, loop_now_ms());
	if (reply->result == NULL || PQntuples(reply->result) != 1)
	{
		if (reply->result != NULL)
			log_error("feed", "pulse.sequencer is empty");
		else if (strcmp(reply->sqlstate, "08000") != 0)
			log_error("feed", "cannot read the position: %s%s", reply->message, strcmp(reply->sqlstate, "42501") == 0
					  ? " (the role needs the rights of pulse_grant)" : "");
		return;
	}
	epoch = PQgetvalue(reply->result, 0, 0);
	seq = strtoull(PQgetvalue(reply->result, 0, 1), NULL, 10);
	check_pooler(feed, atoi(PQgetvalue(reply->result, 0, 2)));
	if (feed->epoch == NULL)
	{
		set_position(feed, epoch, seq);
		feed->start_seq = seq;
		warm_up(feed);
		return;
	}
	if (strcmp(epoch, feed->epoch) != 0 || seq < feed->seq)
	{
		log_warning("feed", "the database went from event %" PRIu64 " of epoch %s to event %" PRIu64 " of epoch %s", feed->seq,
					feed->epoch, seq, epoch);
		set_position(feed, epoch, seq);
		feed->listener.gap(feed->listener.arg, "EPOCH_CHANGED");
	}
	if (!feed->positioned)
	{
		feed->positioned = true;
		feed->listener.positioned(feed->listener.arg);
	}
	if (seq > feed->seq || feed->again)
		read_events(feed);
}

static void
read_position(struct feed *feed)
{
	struct database_query query = {
		.sql = "SELECT epoch, seq, pg_catalog.pg_backend_pid() FROM pulse.sequencer",
		.reply = position_read,
		.arg = feed
	};

	if (!feed->reading)
		feed->reading = database_query(feed->database, &query);
}

static void
poll_due(void *arg)
{
	struct feed *feed = arg;

	loop_timer_set(feed->loop, &feed->poll_timer, feed_is_polling(feed) ? FALLBACK_POLL_MS : feed->poll_ms);
	read_position(feed);
}

static void
send_canary(struct feed *feed)
{
	struct database_query query = {
		.sql = "SELECT pg_catalog.pg_notify($1, '')",
		.parameters = {feed->canary},
		.parameter_count = 1
	};

	feed->canary_out = database_query(feed->database, &query);
	loop_timer_set(feed->loop, &feed->canary_timer, feed->canary_out ? CANARY_LATE_MS : CANARY_EVERY_MS);
}

static void
canary_due(void *arg)
{
	struct feed *feed = arg;

	if (!feed->listening || !database_is_ready(feed->database))
		return;
	if (feed->canary_out)
	{
		feed->canary_out = false;
		database_reconnect(feed->database, "our own notification did not come back: LISTEN is dead");
		return;
	}
	send_canary(feed);
}

/* Sends what events that were handed over have left in the queues. */
static void
flush_handed(struct feed *feed)
{
	if (feed->handed == 0)
		return;
	feed->handed = 0;
	feed->listener.batch_over(feed->listener.arg);
}

/*
 * Takes an event that came with its notification, if it is the next one; else the notification that follows it is as good
 * as any other.
 */
static void
take_handed(struct feed *feed, const char *payload)
{
	struct event_row row;
	char	   *copy = memory_string(payload);

	if (feed->positioned && !feed->reading && event_read_payload(copy, &row) && row.seq == feed->seq + 1 &&
		strcmp(row.epoch, feed->epoch) == 0)
	{
		struct event *event = event_new(&row);

		pass_on(feed, event);
		event_release(event);
		feed->handed = feed->seq;
	}
	free(copy);
}

static void
notified(void *arg, const char *channel, const char *payload)
{
	struct feed *feed = arg;
	uint64_t	seq;

	if (feed->handing[0] != '\0' && strcmp(channel, feed->handing) == 0)
	{
		take_handed(feed, payload);
		return;
	}
	if (strcmp(channel, feed->canary) == 0)
	{
		feed->canary_out = false;
		loop_timer_set(feed->loop, &feed->canary_timer, CANARY_EVERY_MS);
		return;
	}
	seq = strtoull(payload, NULL, 10);
	if (seq != 0 && seq == feed->handed)
	{
		flush_handed(feed);
		return;
	}
	if (seq == 0 && payload[0] != '\0')
		feed->listener.told(feed->listener.arg, payload);
	/* A payload that names what we have already passed on saves a query; any other one asks for it. */
	if (seq == 0 || seq > feed->seq)
		read_events(feed);
	else
		feed->listener.repeated(feed->listener.arg);
}

static void
listens(void *arg, const struct database_reply *reply)
{
	struct feed *feed = arg;

	feed->listening = reply->result != NULL;
	if (reply->result == NULL)
		log_warning("feed", "LISTEN failed, polling every second instead: %s", reply->message);
	else
		send_canary(feed);
	read_position(feed);
}

static void
follows_events(void *arg, const struct database_reply *reply)
{
	struct feed *feed = arg;
	struct database_query query = {.sql = "LISTEN pulse",.reply = listens,.arg = feed};

	if (reply->result != NULL)
		snprintf(feed->handing, sizeof(feed->handing), "%s", PQgetvalue(reply->result, 0, 0));
	else
		log_warning("feed", "events are asked for, since pulse.follow_events() failed: %s", reply->message);
	if (!database_query(feed->database, &query))
		listens(feed, reply);
}

static void
listens_to_itself(void *arg, const struct database_reply *reply)
{
	struct feed *feed = arg;
	struct database_query query = {.sql = "LISTEN pulse",.reply = listens,.arg = feed};

	/* events before their notifications: a transaction's are told in the order in which it sent them */
	if (reply->result != NULL && database_facts(feed->database)->hands_over)
	{
		query.sql = "SELECT pulse.follow_events()";
		query.reply = follows_events;
	}
	if (reply->result == NULL || !database_query(feed->database, &query))
		listens(feed, reply);
}

/* LISTEN, commit, and only then read: what commits in between is in the table and announced as well. */
static void
connected(void *arg)
{
	struct feed *feed = arg;
	const struct database_facts *facts = database_facts(feed->database);
	char		sql[80];
	struct database_query query = {.sql = sql,.reply = listens_to_itself,.arg = feed};

	feed->reading = false;
	feed->canary_out = false;
	feed->listening = false;
	feed->handing[0] = '\0';
	progress_move(&feed->progress, loop_now_ms());
	loop_timer_set(feed->loop, &feed->poll_timer, FALLBACK_POLL_MS);
	if (facts->standby || facts->pooled)
	{
		log_warning("feed", "%s; polling every second instead of LISTEN%s", facts->standby
					? "the server is a standby, where LISTEN is refused" : "the connection goes through a pooler, which may lose LISTEN",
					facts->pooled ? " (listen_dsn can name a direct connection)" : "");
		read_position(feed);
		return;
	}
	snprintf(sql, sizeof(sql), "LISTEN %s", feed->canary);
	database_query(feed->database, &query);
}

static void
lost(void *arg)
{
	struct feed *feed = arg;

	flush_handed(feed);
	feed->positioned = false;
	feed->listening = false;
	feed->reading = false;
	progress_rest(&feed->progress);
	loop_timer_cancel(feed->loop, &feed->poll_timer);
	loop_timer_cancel(feed->loop, &feed->canary_timer);
}

/* Opens the connection and begins to follow; the listener hears of events that come after the start. */
struct feed *
feed_open(struct loop *loop, const char *dsn, int64_t poll_interval, const struct feed_listener *listener)
{
	struct feed *feed = memory_alloc_zero(sizeof(*feed));
	struct database_owner owner = {.ready = connected,.lost = lost,.notified = notified,.arg = feed};

	feed->loop = loop;
	feed->listener = *listener;
	feed->poll_ms = poll_interval * 1000;
	feed->oldest = 1;
	feed->poll_timer = (struct loop_timer) {.fn = poll_due,.arg = feed};
	feed->canary_timer = (struct loop_timer) {.fn = canary_due,.arg = feed};
	snprintf(feed->canary, sizeof(feed->canary), "pulse_worker_%016" PRIx64, loop_random());
	progress_join(&feed->progress, "the feed of events");
	feed->database = database_open(loop, "feed", dsn, &owner);
	return feed;
}

/* Closes the connection and frees the events in memory. */
void
feed_close(struct feed *feed)
{
	if (feed == NULL)
		return;
	loop_timer_cancel(feed->loop, &feed->poll_timer);
	loop_timer_cancel(feed->loop, &feed->canary_timer);
	progress_leave(&feed->progress);
	database_close(feed->database);
	ring_clear(feed);
	free(feed->epoch);
	free(feed);
}

/* Takes over changed settings. */
void
feed_configure(struct feed *feed, const char *dsn, int64_t poll_interval)
{
	feed->poll_ms = poll_interval * 1000;
	database_set_dsn(feed->database, dsn);
}

/* Tells whether the position is known and the connection stands. */
bool
feed_is_ready(const struct feed *feed)
{
	return feed->positioned;
}

/* Tells whether events come by polling, because LISTEN cannot work on this connection. */
bool
feed_is_polling(const struct feed *feed)
{
	return !feed->listening;
}

/* Returns the database's incarnation, "" before it is known. */
const char *
feed_epoch(const struct feed *feed)
{
	return feed->epoch != NULL ? feed->epoch : "";
}

/* Returns the number of the newest event that was passed on. */
uint64_t
feed_seq(const struct feed *feed)
{
	return feed->seq;
}

/* Returns the number of the oldest event in memory; feed_seq() + 1 when there is none. */
uint64_t
feed_oldest(const struct feed *feed)
{
	return feed->oldest;
}

/* Returns the event that follows seq, not held; NULL with *missing set when memory does not reach back that far. */
struct event *
feed_after(const struct feed *feed, uint64_t seq, bool *missing)
{
	*missing = seq + 1 < feed->oldest;
	if (*missing || seq >= feed->seq)
		return NULL;
	return feed->ring[(seq + 1) & (RING_SLOTS - 1)];
}
