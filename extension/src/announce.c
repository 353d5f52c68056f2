/*
 * TRADE_ALERT and SYSTEM_ALERT events, set-wise.
 *
 * A fill or notification has been announced when its event_seq is set; both happen in one transaction, so each is
 * announced exactly once.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "src/announce.h"
#include "src/compat.h"
#include "src/hand_over.h"
#include "src/settings.h"
#include "src/statement.h"

static PulseStatement waiting = {
	"SELECT EXISTS (SELECT FROM pulse.fill WHERE event_seq IS NULL)"
	" OR EXISTS (SELECT FROM pulse.delivery WHERE event_seq IS NULL)"
	" OR EXISTS (SELECT FROM pulse.alert_history WHERE event_seq IS NULL)"
	" OR EXISTS (SELECT FROM pulse.sequencer WHERE told_seq <> seq)"
	" OR EXISTS (SELECT FROM pulse.source s, pulse.sequencer q WHERE q.singleton AND s.state = 'active' AND s.epoch IS DISTINCT FROM q.epoch)",
	0, {0}, NULL
};

/*
 * The new fills are updated by ctid: whatever the statistics say, that is one look for each. $4 is PULSE_HANDED_OVER + 1:
 * where there are so many, none is handed over.
 */
static PulseStatement announce_fills = {
	"WITH fresh AS MATERIALIZED ("
	"SELECT f.ctid AS tid, $1 + row_number() OVER (ORDER BY f.executed_at, f.ordinal, f.fill_key) AS seq FROM ("
	"SELECT u.ctid, u.executed_at, u.ordinal, u.fill_key FROM pulse.fill u WHERE u.event_seq IS NULL"
	" AND u.source_id = ANY (ARRAY(SELECT s.source_id FROM pulse.source s WHERE s.epoch = $2))"
	" ORDER BY u.executed_at, u.ordinal, u.fill_key LIMIT $3) f),"
	" announced AS (UPDATE pulse.fill f SET event_seq = fresh.seq FROM fresh WHERE f.ctid = fresh.tid"
	" RETURNING f.event_seq, f.portfolio, f.symbol, f.executed_at, pulse.trade_alert(f) AS data),"
	" events AS (INSERT INTO pulse.event (seq, epoch, ts, type, portfolio, key, data)"
	" SELECT a.event_seq, $2, clock_timestamp(), 'TRADE_ALERT', a.portfolio, a.symbol, a.data"
	" FROM announced a ORDER BY a.event_seq"
	" RETURNING seq, ts, portfolio, key, priority, CASE WHEN seq <= $1 + $4 THEN data END AS data)"
	" SELECT a.fills, a.newest, e.seq, e.ts, e.portfolio, e.key, e.priority, e.data"
	" FROM (SELECT count(*) AS fills, max(executed_at) AS newest FROM announced) a"
	" LEFT JOIN (SELECT * FROM events ORDER BY seq LIMIT $4) e ON true",
	4, {INT8OID, TEXTOID, INT8OID, INT8OID}, NULL
};

static PulseStatement announce_deliveries = {
	"WITH fresh AS MATERIALIZED ("
	"SELECT d.ctid AS tid, $1 + row_number() OVER (ORDER BY d.delivery_id) AS seq FROM ("
	"SELECT u.ctid, u.delivery_id FROM pulse.delivery u WHERE u.event_seq IS NULL ORDER BY u.delivery_id LIMIT $3) d),"
	" announced AS (UPDATE pulse.delivery d SET event_seq = fresh.seq FROM fresh WHERE d.ctid = fresh.tid"
	" RETURNING d.event_seq, d.portfolio, coalesce(d.data ->> 'rule', d.type) AS key, d.priority, pulse.system_alert(d) AS data)"
	" INSERT INTO pulse.event (seq, epoch, ts, type, portfolio, key, priority, data)"
	" SELECT a.event_seq, $2, clock_timestamp(), 'SYSTEM_ALERT', a.portfolio, a.key, a.priority, a.data"
	" FROM announced a ORDER BY a.event_seq",
	3, {INT8OID, TEXTOID, INT8OID}, NULL
};

static PulseStatement announce_alerts = {
	"WITH fresh AS MATERIALIZED ("
	"SELECT h.ctid AS tid, $1 + row_number() OVER (ORDER BY h.history_id) AS seq FROM ("
	"SELECT u.ctid, u.history_id FROM pulse.alert_history u WHERE u.event_seq IS NULL ORDER BY u.history_id LIMIT $3) h),"
	" announced AS (UPDATE pulse.alert_history h SET event_seq = fresh.seq FROM fresh WHERE h.ctid = fresh.tid"
	" RETURNING h.event_seq, nullif(h.portfolio, '') AS portfolio, h.rule AS key, h.severity AS priority, pulse.alert_event(h) AS data)"
	" INSERT INTO pulse.event (seq, epoch, ts, type, portfolio, key, priority, data)"
	" SELECT a.event_seq, $2, clock_timestamp(), 'SYSTEM_ALERT', a.portfolio, a.key, a.priority, a.data"
	" FROM announced a ORDER BY a.event_seq",
	3, {INT8OID, TEXTOID, INT8OID}, NULL
};

/* Whether fills, notifications, alerts or sources wait without a mark in pulse.dirty. */
bool
pulse_announcements_wait(void)
{
	bool		null;

	pulse_run(&waiting, NULL, NULL);
	return DatumGetBool(pulse_result(1, &null));
}

/* Runs one of the statements above, which take numbers from $1 + 1 on. */
static uint64
announce(PulseStatement *statement, PulseSequencer *sequencer, int limit)
{
	Datum		values[4];

	pulse_sequencer_reserve(sequencer, limit);
	values[0] = Int64GetDatum(sequencer->seq);
	values[1] = CStringGetTextDatum(sequencer->epoch);
	values[2] = Int64GetDatum(limit);
	values[3] = Int64GetDatum(PULSE_HANDED_OVER + 1);
	return pulse_run(statement, values, NULL);
}

/* Hands over the events that the last result shows. */
static void
hand_over_result(PulseSequencer *sequencer)
{
	SPITupleTable *rows = SPI_tuptable;
	uint64		count = SPI_processed;

	for (uint64 i = 0; i < count; i++)
	{
		PulseEventRow event = {.type = "TRADE_ALERT"};
		Datum		value;
		bool		null;

		event.seq = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &null));
		if (null)
			return;
		event.ts = DatumGetTimestampTz(SPI_getbinval(rows->vals[i], rows->tupdesc, 4, &null));
		value = SPI_getbinval(rows->vals[i], rows->tupdesc, 5, &null);
		event.portfolio = null ? NULL : TextDatumGetCString(value);
		value = SPI_getbinval(rows->vals[i], rows->tupdesc, 6, &null);
		event.key = null ? NULL : TextDatumGetCString(value);
		event.priority = TextDatumGetCString(SPI_getbinval(rows->vals[i], rows->tupdesc, 7, &null));
		event.data = SPI_getbinval(rows->vals[i], rows->tupdesc, 8, &null);
		pulse_hand_over(sequencer, &event);
	}
}

void
pulse_fills_announced(PulseSequencer *sequencer, int count, TimestampTz newest)
{
	if (newest > GetCurrentTimestamp() - pulse_notify_max_age * USECS_PER_SEC)
		sequencer->all_told = false;
	sequencer->seq += count;
}

/* Emits a TRADE_ALERT for each new fill, at most limit; returns how many. */
int
pulse_announce_fills(PulseSequencer *sequencer, int limit)
{
	int			count;
	Datum		newest;
	bool		null;

	(void) announce(&announce_fills, sequencer, limit);
	count = (int) DatumGetInt64(pulse_result(1, &null));
	newest = pulse_result(2, &null);
	hand_over_result(sequencer);
	pulse_fills_announced(sequencer, count, null ? DT_NOBEGIN : DatumGetTimestampTz(newest));
	return count;
}

/* Emits a SYSTEM_ALERT for each new notification, at most limit; returns how many. */
int
pulse_announce_deliveries(PulseSequencer *sequencer, int limit)
{
	int			count = (int) announce(&announce_deliveries, sequencer, limit);

	sequencer->seq += count;
	return count;
}

/* Emits a SYSTEM_ALERT for each thing that happened to an alert, at most limit; returns how many. */
int
pulse_announce_alerts(PulseSequencer *sequencer, int limit)
{
	int			count = (int) announce(&announce_alerts, sequencer, limit);

	sequencer->seq += count;
	return count;
}
