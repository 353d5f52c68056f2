/*
 * The sequencer and the event table.
 *
 * Whoever writes events holds the row lock of pulse.sequencer from before the first number until its transaction ends.
 * That makes numbers gap-free (an abort takes its numbers back) and equal to the commit order.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/event.h"
#include "src/hand_over.h"
#include "src/settings.h"
#include "src/statement.h"

#define EPOCH_BYTES 4

static PulseStatement lock_sequencer = {
	"SELECT seq, epoch, system_identifier, timeline, database, event_limit, told_seq FROM pulse.sequencer WHERE singleton FOR UPDATE", 0, {0}, NULL
};

static PulseStatement store_sequencer = {
	"UPDATE pulse.sequencer SET seq = $1, told_seq = $2 WHERE singleton", 2, {INT8OID, INT8OID}, NULL
};

static PulseStatement renew_epoch = {
	"WITH renewed AS (UPDATE pulse.sequencer SET epoch = $1, system_identifier = $3, timeline = $4, database = $5 WHERE singleton),"
	" kept AS (UPDATE pulse.source SET epoch = $1 WHERE epoch = $2)"
	" UPDATE pulse.delivery SET status = 'dead', last_error = 'the database was restored or copied'"
	" WHERE status IN ('pending', 'leased') AND created_at < now() - make_interval(secs => $6)",
	6, {TEXTOID, TEXTOID, INT8OID, INT8OID, OIDOID, FLOAT8OID}, NULL
};

static PulseStatement extend_events = {
	"SELECT pulse.extend_events($1)", 1, {INT8OID}, NULL
};

static PulseStatement insert_event = {
	"INSERT INTO pulse.event (seq, epoch, ts, type, portfolio, key, priority, data)"
	" VALUES ($1, $2, clock_timestamp(), $3, $4, $5, $6, $7)",
	7, {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID}, NULL
};

/*
 * Gives the database's incarnation a new epoch. The state came along with the copy and is still right, so the sources
 * follow; messages that are older than what is worth announcing do not go out a second time.
 */
static void
start_epoch(PulseSequencer *sequencer, int64 system_identifier, int64 timeline)
{
	unsigned char random[EPOCH_BYTES];
	char		fresh[2 * EPOCH_BYTES + 1];
	Datum		values[6];

	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	for (int i = 0; i < EPOCH_BYTES; i++)
		snprintf(fresh + 2 * i, 3, "%02x", random[i]);

	values[0] = CStringGetTextDatum(fresh);
	values[1] = CStringGetTextDatum(sequencer->epoch);
	values[2] = Int64GetDatum(system_identifier);
	values[3] = Int64GetDatum(timeline);
	values[4] = ObjectIdGetDatum(MyDatabaseId);
	values[5] = Float8GetDatum(pulse_notify_max_age);
	pulse_run(&renew_epoch, values, NULL);
	strlcpy(sequencer->epoch, fresh, sizeof(sequencer->epoch));
}

/* Sees to it that pulse.event has room for so many further events. */
void
pulse_sequencer_reserve(PulseSequencer *sequencer, int64 count)
{
	Datum		values[] = {Int64GetDatum(sequencer->seq + count)};
	bool		null;

	if (sequencer->seq + count < sequencer->limit)
		return;
	pulse_run(&extend_events, values, NULL);
	sequencer->limit = DatumGetInt64(pulse_result(1, &null));
}

/* Takes the sequencer's lock until the end of the transaction. */
void
pulse_sequencer_open(PulseSequencer *sequencer)
{
	int64		system_identifier = (int64) GetSystemIdentifier();
	int64		timeline = (int64) GetWALInsertionTimeLine();
	bool		null;

	if (pulse_run(&lock_sequencer, NULL, NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("pulse.sequencer must have exactly one row"),
				 errhint("Drop and create extension pulse; its state is rebuilt from your tables.")));
	sequencer->seq = DatumGetInt64(pulse_result(1, &null));
	sequencer->first_seq = sequencer->seq;
	strlcpy(sequencer->epoch, TextDatumGetCString(pulse_result(2, &null)), sizeof(sequencer->epoch));

	sequencer->limit = DatumGetInt64(pulse_result(6, &null));
	sequencer->told_seq = DatumGetInt64(pulse_result(7, &null));
	sequencer->all_told = sequencer->was_told = sequencer->told_seq == sequencer->seq;

	if (DatumGetInt64(pulse_result(3, &null)) != system_identifier ||
		DatumGetInt64(pulse_result(4, &null)) != timeline ||
		DatumGetObjectId(pulse_result(5, &null)) != MyDatabaseId)
		start_epoch(sequencer, system_identifier, timeline);
	sequencer->handed_over = 0;
	/* ahead of the need, so that no number is held up by it */
	pulse_sequencer_reserve(sequencer, 4 * (int64) pulse_tick_batch);
}

/* Tells listeners a number with the commit. */
static void
notify(int64 seq)
{
	char		payload[24];

	snprintf(payload, sizeof(payload), INT64_FORMAT, seq);
	Async_Notify("pulse", payload);
}

/* Stores the newest number and tells listeners; that there are new messages about earlier events, a repeated number says. */
void
pulse_sequencer_close(PulseSequencer *sequencer)
{
	Datum		values[2];

	if (sequencer->seq == sequencer->first_seq && sequencer->all_told == sequencer->was_told)
		return;
	values[0] = Int64GetDatum(sequencer->seq);
	values[1] = Int64GetDatum(sequencer->all_told ? sequencer->seq : sequencer->told_seq);
	pulse_run(&store_sequencer, values, NULL);
	/* A number that was shown must survive a crash, also where commits are asynchronous otherwise. */
	ForceSyncCommit();
	pulse_send_handed_over(sequencer);
	if (sequencer->all_told && !sequencer->was_told)
		notify(sequencer->first_seq);
	if (sequencer->seq != sequencer->first_seq)
		notify(sequencer->seq);
}

/* Appends one event. */
void
pulse_emit_event(PulseSequencer *sequencer, const char *type, const char *portfolio, const char *key,
				 const char *priority, Datum data)
{
	Datum		values[7];
	char		nulls[] = "       ";

	pulse_sequencer_reserve(sequencer, 1);
	values[0] = Int64GetDatum(sequencer->seq + 1);
	values[1] = CStringGetTextDatum(sequencer->epoch);
	values[2] = CStringGetTextDatum(type);
	values[3] = portfolio != NULL ? CStringGetTextDatum(portfolio) : (Datum) 0;
	nulls[3] = portfolio != NULL ? ' ' : 'n';
	values[4] = key != NULL ? CStringGetTextDatum(key) : (Datum) 0;
	nulls[4] = key != NULL ? ' ' : 'n';
	values[5] = CStringGetTextDatum(priority);
	values[6] = data;
	pulse_run(&insert_event, values, nulls);
	sequencer->seq++;
}
