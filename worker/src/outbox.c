#include "outbox.h"

#include "figures.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* A lease outlives the longest send, so that a row whose lease ran out has no sender any more. */
#define LEASE "'30 seconds'"

#define DUE " d.channel = 'telegram' AND d.status = 'pending' AND d.not_before <= pg_catalog.now()"

/*
 * $7 names the chats that may be written to. CRITICAL goes first, and also at night; among the others each rank weighs five minutes of waiting, so that LOW is late
 * but not lost. Where many of a kind wait, one message tells of all of them. Messages about single alerts stay alone,
 * because they are answered, edited and followed up.
 */
const char	outbox_claim_sql[] =
"WITH rest AS (SELECT COALESCE(CASE WHEN r.f <= r.t THEN r.n >= r.f AND r.n < r.t ELSE r.n >= r.f OR r.n < r.t END, false)"
"  OR EXISTS (SELECT FROM pulse.worker_state m WHERE m.key = 'telegram.muted' AND (m.value #>> '{}')::timestamptz > pg_catalog.now()) AS quiet"
"  FROM (SELECT NULLIF($4, '')::time AS f, NULLIF($5, '')::time AS t, (pg_catalog.now() AT TIME ZONE $3)::time AS n) AS r),"
" first AS (SELECT d.delivery_id, d.type, d.priority,"
"  d.uncertain > 0 AS uncertain,"
"  d.priority = 'CRITICAL' OR d.data ?| '{alert_id,escalate}' OR d.type IN ('DAILY_REPORT', 'WEEKLY_REPORT') AS alone"
"  FROM pulse.delivery d, rest WHERE" DUE " AND (d.priority = 'CRITICAL' OR NOT rest.quiet)"
"  AND ($7 = 'both' OR COALESCE(d.data -> 'escalate' = 'true', false) = ($7 = 'second'))"
"  ORDER BY d.priority <> 'CRITICAL', d.created_at + CASE d.priority WHEN 'LOW' THEN interval '10 minutes'"
"   WHEN 'MEDIUM' THEN interval '5 minutes' ELSE interval '0' END, d.delivery_id"
"  LIMIT 1 FOR UPDATE OF d SKIP LOCKED),"
" more AS (SELECT d.delivery_id FROM pulse.delivery d, first f WHERE" DUE
"  AND d.type = f.type AND d.priority = f.priority AND d.delivery_id <> f.delivery_id AND NOT f.alone AND NOT d.data ? 'escalate'"
"  AND (d.uncertain > 0) = f.uncertain AND NOT d.data ? 'alert_id' ORDER BY d.created_at, d.delivery_id LIMIT 199 FOR UPDATE OF d SKIP LOCKED),"
" chosen AS (SELECT delivery_id FROM first UNION ALL SELECT delivery_id FROM more"
"  WHERE $6::integer > 0 AND (SELECT pg_catalog.count(*) FROM more) >= $6::integer),"
" leased AS (UPDATE pulse.delivery d SET status = 'leased', lease_owner = $1, lease_epoch = $2::bigint,"
"  lease_until = pg_catalog.now() + interval " LEASE ", attempts = d.attempts + 1"
"  FROM chosen WHERE d.delivery_id = chosen.delivery_id RETURNING d.*)"
" SELECT d.delivery_id, d.type, d.priority, d.portfolio, d.title, d.message, d.data::text,"
"  pg_catalog.to_char(d.created_at AT TIME ZONE $3, 'YYYY-MM-DD HH24:MI:SS'), d.attempts, d.duplicates, d.uncertain > 0,"
"  d.created_at < pg_catalog.now() - interval '1 day', pg_catalog.substring(d.data ->> 'alert_id', '^[0-9]{1,18}$'), COALESCE(d.data ->> 'news', d.data ->> 'state'),"
"  COALESCE(d.data -> 'escalate' = 'true', false),"
"  CASE WHEN d.data ? 'alert_id' THEN (SELECT o.external_id FROM pulse.delivery o WHERE o.data ? 'alert_id'"
"   AND o.data ->> 'alert_id' = d.data ->> 'alert_id' AND o.delivery_id < d.delivery_id AND o.channel = 'telegram'"
"   AND o.status = 'sent' AND o.external_id ~ '^[0-9]+$' AND NOT o.data ? 'escalate' ORDER BY o.delivery_id LIMIT 1) END"
" FROM leased d ORDER BY d.created_at, d.delivery_id";

/*
 * A lease that ran out belonged to a sender that died or was cut off between taking the row and reporting: it may have
 * gone out. LOW is not worth a possible repeat.
 */
const char	outbox_recover_sql[] =
"UPDATE pulse.delivery SET status = CASE priority WHEN 'LOW' THEN 'ambiguous' ELSE 'pending' END,"
" uncertain = uncertain + 1, lease_owner = NULL, lease_epoch = NULL, lease_until = NULL,"
" last_error = 'the sender vanished while it was sending'"
" WHERE channel = 'telegram' AND status = 'leased' AND lease_until < pg_catalog.now() RETURNING delivery_id, status";

/* Rows that this process leased in a term before, when the connection broke before it learnt of it: never sent. */
const char	outbox_release_sql[] =
"UPDATE pulse.delivery SET status = 'pending', attempts = attempts - 1, lease_owner = NULL, lease_epoch = NULL,"
" lease_until = NULL WHERE channel = 'telegram' AND status = 'leased' AND lease_owner = $1";

/*
 * Nobody sends to a Telegram that is not configured: what waits for it would be an alarm for ever, and a flood on the day
 * that it is. A minute is left for a configuration that is being changed. Other sinks have a table of their own. Where
 * messages went by Telegram within the last day, that it is not configured is taken for a mistake: they wait, and are an alarm.
 */
const char	outbox_forgo_sql[] =
"UPDATE pulse.delivery SET status = 'suppressed', last_error = 'no Telegram is configured',"
" lease_owner = NULL, lease_epoch = NULL, lease_until = NULL"
" WHERE channel = 'telegram' AND (status = 'pending' AND not_before < pg_catalog.now() - interval '1 minute'"
" OR status = 'leased' AND lease_until < pg_catalog.now() - interval '1 minute')"
" AND NOT EXISTS (SELECT FROM pulse.delivery s WHERE s.channel = 'telegram' AND s.status = 'sent' AND s.sent_at > pg_catalog.now() - interval '1 day')";

/* Every report names the lease: one that was fenced off changes nothing. */
#define REPORT "UPDATE pulse.delivery SET lease_owner = NULL, lease_epoch = NULL, lease_until = NULL, "
#define FENCED " WHERE delivery_id = ANY ($1::bigint[]) AND status = 'leased' AND lease_owner = $2 AND lease_epoch = $3::bigint"

static const struct
{
	const char *name;
	const char *sql;
}			outcomes[] = {
	{"sent", REPORT "status = 'sent', sent_at = pg_catalog.now(), external_id = $4, last_error = $5" FENCED},
	{"waits", REPORT "status = 'pending', attempts = attempts - 1, last_error = $4, not_before = pg_catalog.now() +"
	" pg_catalog.make_interval(secs => COALESCE($5, '0')::double precision)" FENCED},
	{"failed", REPORT "status = 'pending', last_error = $4, not_before = pg_catalog.now() +"
	" pg_catalog.make_interval(secs => $5::double precision)" FENCED},
	{"uncertain", REPORT "status = CASE priority WHEN 'LOW' THEN 'ambiguous' ELSE 'pending' END, uncertain = uncertain + 1,"
	" last_error = $4, not_before = pg_catalog.now() + pg_catalog.make_interval(secs => $5::double precision)" FENCED},
	{"dead", REPORT "status = 'dead', last_error = $4 || COALESCE($5, '')" FENCED},
};

/* Returns the statement that stores an outcome: ids, owner and epoch of the lease, text, extra. */
const char *
outbox_report_sql(enum outbox_outcome outcome)
{
	return outcomes[outcome].sql;
}

/* Returns the name of an outcome for the log. */
const char *
outbox_outcome_name(enum outbox_outcome outcome)
{
	return outcomes[outcome].name;
}

static char *
column(const PGresult *result, int row, int number)
{
	return PQgetisnull(result, row, number) ? NULL : memory_string(PQgetvalue(result, row, number));
}

/* Appends the beginning of a text's first line, at most so many bytes, and never a part of a character. */
static void
append_start(struct text *out, const char *text, size_t most)
{
	size_t		length = strcspn(text, "\n");

	if (length > most)
	{
		length = most;
		while (length > 0 && ((unsigned char) text[length] & 0xC0) == 0x80)
			length--;
	}
	text_append_n(out, text, length);
}

/* Many rows become one message: a line for each, as many as fit, and how many more there are. */
static void
collapse(const PGresult *result, struct outbox_message *message)
{
	const int	shown = 20;
	struct text ids = {0};
	struct text title = {0};
	struct text lines = {0};

	message->count = PQntuples(result);
	text_append_char(&ids, '{');
	for (int row = 0; row < message->count; row++)
	{
		const char *body = PQgetvalue(result, row, 5);

		text_printf(&ids, "%s%s", row > 0 ? "," : "", PQgetvalue(result, row, 0));
		if (row < shown)
		{
			text_printf(&lines, "%s%.8s ", row > 0 ? "\n" : "", PQgetvalue(result, row, 7) + 11);
			append_start(&lines, PQgetvalue(result, row, 4), 80);
			text_append(&lines, body[0] != '\0' ? ": " : "");
			append_start(&lines, body, 70);
		}
		message->duplicates += row > 0 ? atoi(PQgetvalue(result, row, 9)) : 0;
	}
	text_append_char(&ids, '}');
	if (message->count > shown)
		text_printf(&lines, "\nand %d more", message->count - shown);
	text_printf(&title, "%s: %d messages", message->type, message->count);
	free(message->ids);
	message->ids = text_detach(&ids);
	free(message->title);
	message->title = text_detach(&title);
	free(message->message);
	message->message = text_detach(&lines);
	free(message->data);
	message->data = memory_string("{}");
	free(message->portfolio);
	message->portfolio = NULL;
}

/* A report says in figures what its message says in a line. */
static void
expand_report(struct outbox_message *message)
{
	json_t	   *report = json_loads(message->data, 0, NULL);
	struct text body = {0};

	if (figures_report(&body, report, false))
	{
		free(message->message);
		message->message = text_detach(&body);
		free(message->data);
		message->data = memory_string("{}");
	}
	text_free(&body);
	json_decref(report);
}

/* Reads what a claim returned, at least one row. */
void
outbox_read(const PGresult *result, struct outbox_message *message)
{
	struct text ids = {0};

	*message = (struct outbox_message) {
		.id = column(result, 0, 0),.type = column(result, 0, 1),.priority = column(result, 0, 2),.portfolio = column(result, 0, 3),
		.title = column(result, 0, 4),.message = column(result, 0, 5),.data = column(result, 0, 6),.time = column(result, 0, 7),
		.attempts = atoi(PQgetvalue(result, 0, 8)),.duplicates = atoi(PQgetvalue(result, 0, 9)),
		.repeat = PQgetvalue(result, 0, 10)[0] == 't',.old = PQgetvalue(result, 0, 11)[0] == 't',
		.alert_id = column(result, 0, 12),.news = column(result, 0, 13),.escalate = PQgetvalue(result, 0, 14)[0] == 't',
		.original = column(result, 0, 15),.count = 1
	};
	text_printf(&ids, "{%s}", message->id);
	message->ids = text_detach(&ids);
	if (PQntuples(result) > 1)
		collapse(result, message);
	else if (strcmp(message->type, "DAILY_REPORT") == 0 || strcmp(message->type, "WEEKLY_REPORT") == 0)
		expand_report(message);
}

/* Frees what a message holds. */
void
outbox_free(struct outbox_message *message)
{
	free(message->id);
	free(message->ids);
	free(message->type);
	free(message->priority);
	free(message->portfolio);
	free(message->title);
	free(message->message);
	free(message->data);
	free(message->time);
	free(message->original);
	free(message->news);
	free(message->alert_id);
	*message = (struct outbox_message) {0};
}
