/*
 * Retention of events, health samples and finished deliveries, in batches small enough to disturb nobody.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/settings.h"
#include "src/statement.h"

#define BATCH 2000

PG_FUNCTION_INFO_V1(pulse_retention_job);

/*
 * Complete partitions go as a whole, once all of them is old; only from the one in use are rows deleted one by one. The
 * oldest row decides by one look whether there is anything to do.
 */
static PulseStatement old_event_partitions = {
	"SELECT pulse.drop_old_partitions('event', 'seq', 'ts', (SELECT q.seq FROM pulse.sequencer q WHERE q.singleton), $3 - make_interval(mins => $1))",
	3, {INT4OID, INT8OID, TIMESTAMPTZOID}, NULL
};

static PulseStatement old_events = {
	"DELETE FROM pulse.event WHERE seq = ANY (ARRAY("
	"SELECT e.seq FROM (SELECT o.seq, o.ts FROM pulse.event o WHERE o.seq >= (SELECT max(p.lower) FROM pulse.partitions('event') p, pulse.sequencer q"
	" WHERE q.singleton AND p.lower <= q.seq + 1) ORDER BY o.seq LIMIT $2) e"
	" WHERE e.ts < $3 - make_interval(mins => $1)))",
	3, {INT4OID, INT8OID, TIMESTAMPTZOID}, NULL
};

static PulseStatement new_sample_partitions = {
	"SELECT pulse.extend_samples($1)", 1, {TIMESTAMPTZOID}, NULL
};

static PulseStatement old_sample_partitions = {
	"SELECT pulse.drop_old_partitions('health_sample', 'sample_id', 'checked_at',"
	" (SELECT q.last_value FROM pulse.health_sample_sample_id_seq q), $3 - make_interval(mins => $1))",
	3, {INT4OID, INT8OID, TIMESTAMPTZOID}, NULL
};

static PulseStatement old_samples = {
	"DELETE FROM pulse.health_sample WHERE sample_id = ANY (ARRAY("
	"SELECT s.sample_id FROM (SELECT o.sample_id, o.checked_at FROM pulse.health_sample o"
	" WHERE o.sample_id >= (SELECT max(p.lower) FROM pulse.partitions('health_sample') p, pulse.health_sample_sample_id_seq q WHERE p.lower <= q.last_value)"
	" ORDER BY o.sample_id LIMIT $2) s"
	" WHERE s.checked_at < $3 - make_interval(mins => $1)))",
	3, {INT4OID, INT8OID, TIMESTAMPTZOID}, NULL
};

static PulseStatement old_deliveries = {
	"DELETE FROM pulse.delivery WHERE (SELECT o.created_at FROM pulse.delivery o ORDER BY o.delivery_id LIMIT 1) < $3 - make_interval(mins => $1)"
	" AND ctid = ANY (ARRAY("
	"SELECT d.ctid FROM (SELECT ctid, created_at, status FROM pulse.delivery ORDER BY delivery_id LIMIT $2) d"
	" WHERE d.created_at < $3 - make_interval(mins => $1) AND d.status NOT IN ('pending', 'leased')))",
	3, {INT4OID, INT8OID, TIMESTAMPTZOID}, NULL
};

static PulseStatement stale_messages = {
	"SELECT pulse.give_up_stale(make_interval(secs => greatest(2 * $1, 86400)), $3, $2)", 3, {FLOAT8OID, INT8OID, TIMESTAMPTZOID}, NULL
};

/* Gives up a batch of stale messages; tells whether the batch was full. */
static bool
give_up_stale_messages(TimestampTz at)
{
	Datum		values[3];
	bool		null;

	values[0] = Float8GetDatum(Max(pulse_notify_max_age, 60));
	values[1] = Int64GetDatum(BATCH);
	values[2] = TimestampTzGetDatum(at);
	pulse_run(&stale_messages, values, NULL);
	return DatumGetInt64(pulse_result(1, &null)) == BATCH;
}

/* Runs one of the statements above; tells whether its batch was full. */
static bool
remove_batch(PulseStatement *statement, int minutes, TimestampTz at)
{
	Datum		values[3];

	if (minutes == 0)
		return false;
	values[0] = Int32GetDatum(minutes);
	values[1] = Int64GetDatum(BATCH);
	values[2] = TimestampTzGetDatum(at);
	return pulse_run(statement, values, NULL) == BATCH;
}

/* SQL: pulse.apply_retention(at), the job. */
Datum
pulse_retention_job(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);
	Datum		now = TimestampTzGetDatum(at);
	bool		left;

	SPI_connect();
	pulse_run(&new_sample_partitions, &now, NULL);
	(void) remove_batch(&old_event_partitions, pulse_event_retention, at);
	(void) remove_batch(&old_sample_partitions, pulse_health_retention, at);
	left = remove_batch(&old_events, pulse_event_retention, at);
	left = give_up_stale_messages(at) || left;
	left = remove_batch(&old_samples, pulse_health_retention, at) || left;
	left = remove_batch(&old_deliveries, pulse_delivery_retention, at) || left;
	SPI_finish();
	if (!left)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(at);
}
