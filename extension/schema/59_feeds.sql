-- Feeds: tables that somebody else fills, watched for age, gaps, duplicates, values out of range and values that do not
-- move. Each look reads only what came since the last one, through an index, as the role that registered the feed.

CREATE TABLE pulse.feed (
	name		text PRIMARY KEY,
	schema_name	text NOT NULL,
	table_name	text NOT NULL,
	ts_column	text NOT NULL,
	key_column	text,
	value_column	text,
	expected_interval	interval NOT NULL CHECK (expected_interval > '0'),
	calendar	text NOT NULL DEFAULT '24/7' CHECK (calendar IN ('24/7', 'weekdays', 'sessions')),
	timezone	text NOT NULL DEFAULT 'UTC',
	session_start	time,
	session_end	time,
	holidays	date[] NOT NULL DEFAULT '{}',
	minimum		double precision,
	maximum		double precision,
	max_change	double precision CHECK (max_change > 0),
	stuck_after	interval CHECK (stuck_after > '0'),
	warning_after	interval CHECK (warning_after > '0'),
	critical_after	interval CHECK (critical_after > '0'),
	by_key		boolean NOT NULL DEFAULT false,
	kind		text NOT NULL DEFAULT 'feed' CHECK (kind = 'feed'),
	CHECK (calendar <> 'sessions' OR (session_start IS NOT NULL AND session_end IS NOT NULL AND session_start <> session_end)),
	FOREIGN KEY (kind, name) REFERENCES pulse.registration (kind, name) ON DELETE CASCADE
);
COMMENT ON TABLE pulse.feed IS 'feeds that pulse_register_feed() registered: what rows are expected';
COMMENT ON COLUMN pulse.feed.name IS 'the component is feed.<name>';
COMMENT ON COLUMN pulse.feed.schema_name IS 'schema of the table, looked up at each run';
COMMENT ON COLUMN pulse.feed.table_name IS 'the table or view';
COMMENT ON COLUMN pulse.feed.ts_column IS 'time of a row';
COMMENT ON COLUMN pulse.feed.key_column IS 'what the rows are of, such as a symbol; NULL: of one thing';
COMMENT ON COLUMN pulse.feed.value_column IS 'number that is checked for range, jumps and standing still; NULL: none';
COMMENT ON COLUMN pulse.feed.expected_interval IS 'time between two rows of a key while its calendar is open';
COMMENT ON COLUMN pulse.feed.calendar IS 'when rows are expected: 24/7, weekdays (Monday to Friday), sessions (on weekdays from session_start to session_end)';
COMMENT ON COLUMN pulse.feed.timezone IS 'IANA zone of the calendar';
COMMENT ON COLUMN pulse.feed.session_start IS 'local time at which a session opens';
COMMENT ON COLUMN pulse.feed.session_end IS 'local time at which it closes; earlier than session_start: on the day after';
COMMENT ON COLUMN pulse.feed.holidays IS 'local days without a session';
COMMENT ON COLUMN pulse.feed.minimum IS 'smallest value that is possible';
COMMENT ON COLUMN pulse.feed.maximum IS 'largest value that is possible';
COMMENT ON COLUMN pulse.feed.max_change IS 'largest change from one value to the next that is possible, as a fraction';
COMMENT ON COLUMN pulse.feed.stuck_after IS 'how long the same value may come again and again';
COMMENT ON COLUMN pulse.feed.warning_after IS 'age of the newest row, in open time, that is WARNING; NULL: health.data_age_warning, at least three intervals';
COMMENT ON COLUMN pulse.feed.critical_after IS 'the same for CRITICAL; NULL: health.data_age_critical, at least six intervals';
COMMENT ON COLUMN pulse.feed.by_key IS 'its index begins with the key, not with the time';
COMMENT ON COLUMN pulse.feed.kind IS 'feed, for the foreign key';

CREATE TABLE pulse.feed_state (
	name		text NOT NULL REFERENCES pulse.feed ON DELETE CASCADE,
	key			text NOT NULL,
	last_ts		timestamptz NOT NULL,
	settled_ts	timestamptz NOT NULL,
	last_value	double precision,
	value_since	timestamptz,
	rows		bigint NOT NULL DEFAULT 0,
	gaps		bigint NOT NULL DEFAULT 0,
	missing		bigint NOT NULL DEFAULT 0,
	duplicates	bigint NOT NULL DEFAULT 0,
	out_of_range	bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (name, key)
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.feed_state IS 'what has been seen of each key of each feed';
COMMENT ON COLUMN pulse.feed_state.name IS 'of the feed';
COMMENT ON COLUMN pulse.feed_state.key IS 'the key; empty for a feed without one';
COMMENT ON COLUMN pulse.feed_state.last_ts IS 'time of its newest row';
COMMENT ON COLUMN pulse.feed_state.settled_ts IS 'time of the last row that has been examined: the next look begins after it';
COMMENT ON COLUMN pulse.feed_state.last_value IS 'its value';
COMMENT ON COLUMN pulse.feed_state.value_since IS 'since when the value has been the same';
COMMENT ON COLUMN pulse.feed_state.rows IS 'rows examined';
COMMENT ON COLUMN pulse.feed_state.gaps IS 'gaps found';
COMMENT ON COLUMN pulse.feed_state.missing IS 'rows that were missing in them';
COMMENT ON COLUMN pulse.feed_state.duplicates IS 'rows with the time of the row before them';
COMMENT ON COLUMN pulse.feed_state.out_of_range IS 'values out of range, jumps among them';

CREATE TABLE pulse.feed_finding (
	name		text NOT NULL REFERENCES pulse.feed ON DELETE CASCADE,
	key			text NOT NULL,
	kind		text NOT NULL CHECK (kind IN ('gap', 'duplicate', 'out_of_range', 'stuck')),
	from_ts		timestamptz NOT NULL,
	to_ts		timestamptz NOT NULL,
	count		bigint NOT NULL,
	value		double precision,
	found_at	timestamptz NOT NULL,
	filled_at	timestamptz
);
CREATE INDEX feed_finding_name_idx ON pulse.feed_finding (name, found_at);
COMMENT ON TABLE pulse.feed_finding IS 'what was wrong with feeds; kept for retention.feeds, at most 10000 of a feed';
COMMENT ON COLUMN pulse.feed_finding.name IS 'of the feed';
COMMENT ON COLUMN pulse.feed_finding.key IS 'of which key';
COMMENT ON COLUMN pulse.feed_finding.kind IS 'gap, duplicate, out_of_range or stuck';
COMMENT ON COLUMN pulse.feed_finding.from_ts IS 'where it begins: for a gap the last row before it';
COMMENT ON COLUMN pulse.feed_finding.to_ts IS 'where it ends: for a gap the first row after it';
COMMENT ON COLUMN pulse.feed_finding.count IS 'rows that are missing, are too many, or are out of range';
COMMENT ON COLUMN pulse.feed_finding.value IS 'the value that is out of range or does not move';
COMMENT ON COLUMN pulse.feed_finding.found_at IS 'when it was found';
COMMENT ON COLUMN pulse.feed_finding.filled_at IS 'when rows turned up in a gap after all';
REVOKE ALL ON pulse.feed, pulse.feed_state, pulse.feed_finding FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.feed', '');

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('health.feed_window', 'duration', NULL, '"01:00:00"', 60, 2592000, 'feed.*: how long a gap, duplicate or bad value makes a feed WARNING after it was found.'),
	('health.feed_missing_critical', 'number', 'fraction', '0.2', 0, 1, 'feed.*: rows missing within that time, of those expected, from which a feed is CRITICAL.'),
	('retention.feeds', 'duration', NULL, '"90 days"', 3600, NULL, 'How long findings about feeds are kept.');
INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['feed', 'feed_state', 'feed_finding']), 'SELECT'
	UNION ALL SELECT 'admin', 'function', unnest(ARRAY['pulse_register_feed', 'pulse_unregister_feed']), 'EXECUTE';

CREATE FUNCTION pulse.open_seconds(from_ts timestamptz, to_ts timestamptz, calendar text, timezone text, session_start time, session_end time, holidays date[])
	RETURNS double precision
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	AS $$
DECLARE
	first date;
	last date;
BEGIN
	IF from_ts IS NULL OR to_ts IS NULL OR from_ts >= to_ts THEN
		RETURN 0;
	ELSIF calendar = '24/7' THEN
		RETURN extract(epoch FROM to_ts - from_ts);
	END IF;
	-- a session may have begun on the day before; what is longer than a year is long enough
	last := (to_ts AT TIME ZONE timezone)::date;
	first := greatest((from_ts AT TIME ZONE timezone)::date - 1, last - 370);
	RETURN (SELECT coalesce(sum(greatest(0, extract(epoch FROM least(to_ts, s.ends) - greatest(from_ts, s.begins)))), 0)
		FROM generate_series(0, last - first) n
			CROSS JOIN LATERAL (SELECT first + n AS day) d
			CROSS JOIN LATERAL (SELECT
				(d.day + CASE calendar WHEN 'sessions' THEN session_start ELSE time '00:00' END) AT TIME ZONE timezone AS begins,
				(CASE WHEN calendar = 'sessions' AND session_end > session_start THEN d.day + session_end
					WHEN calendar = 'sessions' THEN d.day + 1 + session_end ELSE d.day + 1 + time '00:00' END) AT TIME ZONE timezone AS ends) s
		WHERE extract(isodow FROM d.day) < 6 AND d.day <> ALL (holidays));
END
$$;
COMMENT ON FUNCTION pulse.open_seconds(timestamptz, timestamptz, text, text, time, time, date[]) IS
	'Seconds between two times in which a calendar is open: 24/7, weekdays, or sessions on weekdays, which belong to the local day on which they begin; on holidays none begins. At most the last year counts.';

CREATE FUNCTION pulse.feed_settle(f pulse.feed) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN least(interval '5 minutes', (f).expected_interval * 2);
COMMENT ON FUNCTION pulse.feed_settle(pulse.feed) IS
	'How old a row of a feed must be before the time between it and the next one counts as a gap: rows may come in a little out of order.';

CREATE FUNCTION pulse.feed_query(name text, at timestamptz) RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_variable
DECLARE
	f pulse.feed;
	-- how much history the first look takes
	begin_at timestamptz;
	begun timestamptz;
	known text;
	source text;
	row_limit CONSTANT integer := 20000;
	keys bigint;
	key_sql text;
	value_sql text;
	gaps text;
BEGIN
	SELECT * INTO f FROM pulse.feed d WHERE d.name = feed_query.name;
	key_sql := CASE WHEN f.key_column IS NULL THEN quote_literal('') ELSE format('t.%I::text', f.key_column) END;
	value_sql := CASE WHEN f.value_column IS NULL THEN 'NULL' ELSE format('t.%I', f.value_column) END || '::double precision';
	SELECT coalesce(jsonb_object_agg(s.key, jsonb_build_array(s.settled_ts, s.last_value, s.value_since)), '{}')::text,
			min(s.settled_ts) FILTER (WHERE s.settled_ts > at - greatest(interval '1 day', f.expected_interval * 100)), count(*)
		INTO known, begun, keys FROM pulse.feed_state s WHERE s.name = feed_query.name;
	begin_at := coalesce(begun, at - greatest(interval '1 day', f.expected_interval * 100));
	-- the tips tell how old the newest row is also while there is much to catch up with
	IF f.by_key THEN
		-- from key to key, and in each only what is new, through an index that begins with the key
		source := format($q$
			SELECT k.key, n.ts, n.value, n.tip FROM (
				WITH RECURSIVE found AS (
					(SELECT t.%1$I AS key FROM %2$I.%3$I t WHERE t.%1$I IS NOT NULL ORDER BY t.%1$I LIMIT 1)
					UNION ALL
					SELECT (SELECT t.%1$I FROM %2$I.%3$I t WHERE t.%1$I > found.key ORDER BY t.%1$I LIMIT 1) FROM found WHERE found.key IS NOT NULL
				) SELECT found.key AS raw, found.key::text AS key FROM found WHERE found.key IS NOT NULL LIMIT 10000
			) k CROSS JOIN LATERAL (
				(SELECT t.%4$I::timestamptz AS ts, %5$s AS value, false AS tip FROM %2$I.%3$I t
				 WHERE t.%1$I = k.raw AND t.%4$I > coalesce((known.state -> k.key ->> 0)::timestamptz, %6$L::timestamptz)
				 ORDER BY t.%4$I LIMIT %7$s)
				UNION ALL
				(SELECT t.%4$I::timestamptz, %5$s, true FROM %2$I.%3$I t WHERE t.%1$I = k.raw AND t.%4$I <= %8$L::timestamptz + interval '1 hour' ORDER BY t.%4$I DESC LIMIT 1)
			) n$q$, f.key_column, f.schema_name, f.table_name, f.ts_column, value_sql, begin_at, greatest(200, row_limit / greatest(1, keys)), at);
	ELSE
		source := format($q$
			(SELECT n.key, n.ts, n.value, false AS tip FROM (
				SELECT %1$s AS key, t.%2$I::timestamptz AS ts, %3$s AS value FROM %4$I.%5$I t WHERE t.%2$I > %6$L::timestamptz ORDER BY t.%2$I LIMIT %7$s
			) n WHERE n.ts > coalesce((known.state -> n.key ->> 0)::timestamptz, %6$L::timestamptz))
			UNION ALL
			(SELECT %1$s, t.%2$I::timestamptz, %3$s, true FROM %4$I.%5$I t WHERE t.%2$I <= %8$L::timestamptz + interval '1 hour' ORDER BY t.%2$I DESC LIMIT 1000)$q$,
			key_sql, f.ts_column, value_sql, f.schema_name, f.table_name, begin_at, row_limit, at);
	END IF;
	-- rows that turned up in gaps after all: a look at each of the youngest
	SELECT string_agg(format('SELECT %L AS gap, EXISTS (SELECT FROM %I.%I t WHERE t.%I > %L::timestamptz AND t.%I < %L::timestamptz%s) AS filled',
			x.gap, f.schema_name, f.table_name, f.ts_column, x.from_ts, f.ts_column, x.to_ts,
			CASE WHEN f.key_column IS NULL THEN '' ELSE format(' AND t.%I = %L', f.key_column, x.key) END), ' UNION ALL ')
		INTO gaps
		FROM (SELECT g.ctid::text AS gap, g.key, g.from_ts, g.to_ts FROM pulse.feed_finding g
			  WHERE g.name = feed_query.name AND g.kind = 'gap' AND g.filled_at IS NULL AND g.found_at > at - interval '1 day'
			  ORDER BY g.found_at DESC LIMIT 20) x;
	RETURN format($q$
		WITH known AS MATERIALIZED (SELECT %1$L::jsonb AS state),
		rows AS MATERIALIZED (SELECT n.key, n.ts, n.value, n.tip FROM known CROSS JOIN LATERAL (%2$s) n WHERE n.key IS NOT NULL AND n.ts IS NOT NULL AND n.ts <= %3$L::timestamptz + interval '1 hour'),
		steps AS (
			SELECT r.*, coalesce(lag(r.ts) OVER w, (known.state -> r.key ->> 0)::timestamptz) AS before_ts,
				coalesce(lag(r.value) OVER w, (known.state -> r.key ->> 1)::double precision) AS before_value,
				r.ts <= %3$L::timestamptz - %4$L::interval AS settled
			FROM rows r CROSS JOIN known WHERE NOT r.tip WINDOW w AS (PARTITION BY r.key ORDER BY r.ts)
		)
		SELECT s.key, (SELECT max(r.ts) FROM rows r WHERE r.key = s.key) AS last_ts, max(s.ts) FILTER (WHERE s.settled) AS settled_ts,
			count(*) FILTER (WHERE s.settled) AS rows, (array_agg(s.value ORDER BY s.ts DESC) FILTER (WHERE s.settled))[1] AS settled_value,
			max(s.ts) FILTER (WHERE s.settled AND s.value IS DISTINCT FROM s.before_value) AS settled_changed_at,
			count(*) FILTER (WHERE s.settled AND s.ts = s.before_ts) AS duplicates,
			min(s.ts) FILTER (WHERE s.settled AND s.ts = s.before_ts) AS duplicate_from, max(s.ts) FILTER (WHERE s.settled AND s.ts = s.before_ts) AS duplicate_to,
			count(*) FILTER (WHERE s.settled AND b.bad) AS out_of_range,
			min(s.ts) FILTER (WHERE s.settled AND b.bad) AS bad_from, max(s.ts) FILTER (WHERE s.settled AND b.bad) AS bad_to,
			(array_agg(s.value ORDER BY s.ts) FILTER (WHERE s.settled AND b.bad AND s.value < 'Infinity' AND s.value > '-Infinity'))[1] AS bad_value,
			(array_agg(pg_catalog.jsonb_build_array(s.before_ts, s.ts) ORDER BY s.ts) FILTER (WHERE s.settled AND s.ts - s.before_ts > %5$L::interval * 1.5))[1:500] AS gaps,
			NULL::text AS gap, NULL::boolean AS filled
		FROM steps s CROSS JOIN LATERAL (SELECT s.value < %6$L::double precision OR s.value > %7$L::double precision OR s.value = 'NaN'
			OR (s.before_value < 'Infinity' AND abs(s.value / nullif(s.before_value, 0) - 1) > %8$L::double precision) AS bad) b
		GROUP BY s.key%9$s$q$, known, source, at, pulse.feed_settle(f), f.expected_interval,
		coalesce(f.minimum, '-Infinity'), coalesce(f.maximum, 'Infinity'), f.max_change,
		coalesce(' UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, g.gap, g.filled FROM (' || gaps || ') g', ''));
END
$$;
COMMENT ON FUNCTION pulse.feed_query(text, timestamptz) IS
	'The SELECT that looks at what is new in a feed: one row for each key that has something new, and one for each gap that was looked at again. It reads at most 20000 rows; what is left comes with the next run.';

CREATE FUNCTION pulse.store_feed(name text, rows jsonb, at timestamptz) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	f pulse.feed;
BEGIN
	SELECT * INTO f FROM pulse.feed d WHERE d.name = store_feed.name;
	-- gaps in open time only
	INSERT INTO pulse.feed_finding (name, key, kind, from_ts, to_ts, count, found_at)
		SELECT name, r ->> 'key', 'gap', (g ->> 0)::timestamptz, (g ->> 1)::timestamptz, o.missing, at
		FROM jsonb_array_elements(rows) r CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(r -> 'gaps') WHEN 'array' THEN r -> 'gaps' ELSE '[]' END) g
			CROSS JOIN LATERAL (SELECT round(pulse.open_seconds((g ->> 0)::timestamptz, (g ->> 1)::timestamptz, f.calendar, f.timezone, f.session_start, f.session_end, f.holidays)
				/ extract(epoch FROM f.expected_interval) - 1)::bigint AS missing) o
		WHERE o.missing >= 1;
	INSERT INTO pulse.feed_finding (name, key, kind, from_ts, to_ts, count, found_at, value)
		SELECT name, r ->> 'key', 'duplicate', (r ->> 'duplicate_from')::timestamptz, (r ->> 'duplicate_to')::timestamptz, (r ->> 'duplicates')::bigint, at, NULL
		FROM jsonb_array_elements(rows) r WHERE (r ->> 'duplicates')::bigint > 0
		UNION ALL
		SELECT name, r ->> 'key', 'out_of_range', (r ->> 'bad_from')::timestamptz, (r ->> 'bad_to')::timestamptz, (r ->> 'out_of_range')::bigint, at, (r ->> 'bad_value')::double precision
		FROM jsonb_array_elements(rows) r WHERE (r ->> 'out_of_range')::bigint > 0;
	UPDATE pulse.feed_finding g SET filled_at = at FROM jsonb_array_elements(rows) r
		WHERE r ->> 'gap' IS NOT NULL AND (r ->> 'filled')::boolean AND g.ctid = (r ->> 'gap')::tid AND g.name = store_feed.name AND g.kind = 'gap';

	INSERT INTO pulse.feed_state AS s (name, key, last_ts, settled_ts, last_value, value_since, rows, gaps, missing, duplicates, out_of_range)
		SELECT name, r ->> 'key', (r ->> 'last_ts')::timestamptz, coalesce((r ->> 'settled_ts')::timestamptz, (r ->> 'last_ts')::timestamptz - interval '1 microsecond'),
			(r ->> 'settled_value')::double precision, (r ->> 'settled_changed_at')::timestamptz, (r ->> 'rows')::bigint,
			coalesce(g.gaps, 0), coalesce(g.missing, 0), (r ->> 'duplicates')::bigint, (r ->> 'out_of_range')::bigint
		FROM jsonb_array_elements(rows) r
			LEFT JOIN (SELECT x.key, count(*) AS gaps, sum(x.count) AS missing FROM pulse.feed_finding x
					   WHERE x.name = store_feed.name AND x.found_at = at AND x.kind = 'gap' GROUP BY x.key) g ON g.key = r ->> 'key'
		WHERE r ->> 'key' IS NOT NULL
		ON CONFLICT ON CONSTRAINT feed_state_pkey DO UPDATE SET last_ts = greatest(s.last_ts, excluded.last_ts),
			settled_ts = CASE WHEN excluded.rows > 0 THEN greatest(s.settled_ts, excluded.settled_ts) ELSE s.settled_ts END,
			last_value = CASE WHEN excluded.rows > 0 THEN excluded.last_value ELSE s.last_value END,
			value_since = CASE WHEN excluded.value_since IS NOT NULL THEN excluded.value_since ELSE s.value_since END,
			rows = s.rows + excluded.rows, gaps = s.gaps + excluded.gaps, missing = s.missing + excluded.missing,
			duplicates = s.duplicates + excluded.duplicates, out_of_range = s.out_of_range + excluded.out_of_range;

	-- a value that stands still while rows keep coming: told once for each stretch
	INSERT INTO pulse.feed_finding (name, key, kind, from_ts, to_ts, count, value, found_at)
		SELECT name, s.key, 'stuck', s.value_since, s.settled_ts, 1, s.last_value, at FROM pulse.feed_state s
		WHERE s.name = store_feed.name AND f.value_column IS NOT NULL AND s.last_value IS NOT NULL
			AND pulse.open_seconds(s.value_since, s.settled_ts, f.calendar, f.timezone, f.session_start, f.session_end, f.holidays)
				> extract(epoch FROM coalesce(f.stuck_after, f.expected_interval * 60))
			AND NOT EXISTS (SELECT FROM pulse.feed_finding g WHERE g.name = s.name AND g.key = s.key AND g.kind = 'stuck' AND g.from_ts = s.value_since);

	DELETE FROM pulse.feed_finding g WHERE g.name = store_feed.name AND (g.found_at < at - pulse.config_interval('retention.feeds')
		OR g.found_at < (SELECT o.found_at FROM pulse.feed_finding o WHERE o.name = store_feed.name ORDER BY o.found_at DESC OFFSET 10000 LIMIT 1));
	DELETE FROM pulse.feed_state s WHERE s.name = store_feed.name AND s.last_ts < at - pulse.config_interval('retention.feeds');
	PERFORM pulse.judge_feed(f, at);
	RETURN coalesce((SELECT sum((r ->> 'rows')::bigint) FROM jsonb_array_elements(rows) r), 0) >= 10000
		OR EXISTS (SELECT FROM pulse.feed_state s WHERE s.name = store_feed.name AND s.settled_ts < s.last_ts - pulse.feed_settle(f) - f.expected_interval * 2
			AND EXISTS (SELECT FROM jsonb_array_elements(rows) r WHERE r ->> 'key' = s.key AND (r ->> 'rows')::bigint >= 200));
END
$$;
COMMENT ON FUNCTION pulse.store_feed(text, jsonb, timestamptz) IS 'Takes in what pulse.feed_query() found, and judges the feed; true when there is more to read at once.';

CREATE FUNCTION pulse.feed_keys(f pulse.feed, at timestamptz)
	RETURNS TABLE (key text, status text, age double precision, last_ts timestamptz, stuck boolean)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.key, pulse.health_level(a.age, a.warning, a.critical), a.age, s.last_ts,
		(f).value_column IS NOT NULL AND EXISTS (SELECT FROM pulse.feed_finding g WHERE g.name = s.name AND g.key = s.key AND g.kind = 'stuck' AND g.from_ts = s.value_since)
	FROM pulse.feed_state s CROSS JOIN LATERAL (SELECT
			pulse.open_seconds(s.last_ts, $2, (f).calendar, (f).timezone, (f).session_start, (f).session_end, (f).holidays) AS age,
			coalesce(extract(epoch FROM (f).warning_after), greatest(pulse.config_seconds('health.data_age_warning'), extract(epoch FROM (f).expected_interval) * 3)) AS warning,
			coalesce(extract(epoch FROM (f).critical_after), greatest(pulse.config_seconds('health.data_age_critical'), extract(epoch FROM (f).expected_interval) * 6)) AS critical) a
	WHERE s.name = (f).name
	$$;
COMMENT ON FUNCTION pulse.feed_keys(pulse.feed, timestamptz) IS 'The keys of a feed with the age of their newest row in open time, its level, and whether the value stands still.';

CREATE FUNCTION pulse.judge_feed(f pulse.feed, at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	span interval := pulse.config_interval('health.feed_window');
	k record;
	w record;
	expected double precision;
	level text;
	problems text[] := '{}';
BEGIN
	SELECT count(*) AS keys, count(*) FILTER (WHERE s.status = 'WARNING') AS late, count(*) FILTER (WHERE s.status = 'CRITICAL') AS stale,
			count(*) FILTER (WHERE s.stuck) AS stuck, min(s.age) AS youngest, max(s.age) AS oldest, max(s.last_ts) AS last_ts,
			(SELECT jsonb_agg(jsonb_build_object('key', x.key, 'age_seconds', round(x.age), 'stuck', x.stuck) ORDER BY x.age DESC)
			 FROM (SELECT * FROM pulse.feed_keys(f, at) y WHERE y.status <> 'HEALTHY' OR y.stuck ORDER BY y.age DESC LIMIT 10) x) AS worst
		INTO k FROM pulse.feed_keys(f, at) s;
	SELECT coalesce(sum(g.count) FILTER (WHERE g.kind = 'gap' AND g.filled_at IS NULL), 0) AS missing,
			coalesce(sum(g.count) FILTER (WHERE g.kind = 'duplicate'), 0) AS duplicates, coalesce(sum(g.count) FILTER (WHERE g.kind = 'out_of_range'), 0) AS bad
		INTO w FROM pulse.feed_finding g WHERE g.name = (f).name AND g.found_at > at - span;
	expected := greatest(1, k.keys) * pulse.open_seconds(at - span, at, (f).calendar, (f).timezone, (f).session_start, (f).session_end, (f).holidays)
		/ extract(epoch FROM (f).expected_interval);
	level := CASE WHEN k.keys = 0 THEN 'UNKNOWN' WHEN k.stale * 2 >= k.keys AND k.stale > 0 THEN 'CRITICAL' WHEN k.stale + k.late + k.stuck > 0 THEN 'WARNING' ELSE 'HEALTHY' END;
	IF k.keys = 0 THEN
		problems := problems || 'no row yet'::text;
	ELSIF k.stale + k.late > 0 THEN
		problems := problems || CASE WHEN (f).key_column IS NULL THEN format('the newest row is %s s old', round(k.oldest))
			ELSE format('%s of %s keys are late, the worst by %s s', k.stale + k.late, k.keys, round(k.oldest)) END;
	END IF;
	IF w.missing > 0 THEN
		level := pulse.worst_level(level, CASE WHEN w.missing / greatest(expected, 1) >= pulse.config_float('health.feed_missing_critical') THEN 'CRITICAL' ELSE 'WARNING' END);
		problems := problems || format('%s rows are missing', w.missing);
	END IF;
	IF w.duplicates > 0 THEN
		level := pulse.worst_level(level, 'WARNING');
		problems := problems || format('%s duplicates', w.duplicates);
	END IF;
	IF w.bad > 0 THEN
		level := pulse.worst_level(level, 'WARNING');
		problems := problems || format('%s values out of range', w.bad);
	END IF;
	IF k.stuck > 0 THEN
		problems := problems || CASE WHEN (f).key_column IS NULL THEN 'its value stands still' ELSE format('%s values stand still', k.stuck) END;
	END IF;
	PERFORM pulse.note_health('feed.' || (f).name, level,
		coalesce(nullif(array_to_string(problems, '; '), ''), format('newest row %s s old', greatest(0, round(k.youngest)))), greatest(0, k.youngest) * 1000,
		jsonb_build_object('keys', k.keys, 'late', k.late, 'stale', k.stale, 'stuck', k.stuck, 'newest', pulse.json_time(k.last_ts), 'missing', w.missing,
			'duplicates', w.duplicates, 'out_of_range', w.bad, 'worst', coalesce(k.worst, '[]')), at, greatest((f).expected_interval * 6, interval '5 minutes'));
END
$$;
COMMENT ON FUNCTION pulse.judge_feed(pulse.feed, timestamptz) IS 'Turns what is known about a feed into its health: component feed.<name>.';

CREATE FUNCTION pulse_register_feed(name text, relation regclass, ts_column text DEFAULT 'ts', key_column text DEFAULT NULL,
		expected_interval interval DEFAULT '1 minute', value_column text DEFAULT NULL, calendar text DEFAULT '24/7', timezone text DEFAULT 'UTC',
		session_start time DEFAULT NULL, session_end time DEFAULT NULL, holidays date[] DEFAULT '{}',
		minimum double precision DEFAULT NULL, maximum double precision DEFAULT NULL, max_change double precision DEFAULT NULL,
		stuck_after interval DEFAULT NULL, warning_after interval DEFAULT NULL, critical_after interval DEFAULT NULL, description text DEFAULT NULL)
	RETURNS void LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	column_name text;
	indexes record;
BEGIN
	IF expected_interval IS NULL OR expected_interval <= interval '0' THEN
		RAISE EXCEPTION 'expected_interval must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM now() AT TIME ZONE timezone;
	FOREACH column_name IN ARRAY array_remove(ARRAY[ts_column, key_column, value_column], NULL) LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped) THEN
			RAISE EXCEPTION 'column "%" of relation "%" does not exist', column_name, relation USING ERRCODE = 'undefined_column';
		END IF;
	END LOOP;
	IF NOT has_table_privilege(relation, 'SELECT') AND NOT has_any_column_privilege(relation, 'SELECT') THEN
		RAISE EXCEPTION 'permission denied for relation %', relation USING ERRCODE = 'insufficient_privilege';
	END IF;
	SELECT coalesce(bool_or(a.attname = ts_column), false) AS by_time,
			coalesce(bool_or(a.attname = key_column AND b.attname = ts_column), false) AS by_key
		INTO indexes
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			LEFT JOIN pg_catalog.pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = i.indkey[1]
		WHERE i.indrelid = relation AND i.indisvalid AND i.indpred IS NULL;
	IF NOT indexes.by_time AND NOT indexes.by_key THEN
		RAISE WARNING 'no index of "%" begins with "%"', relation, ts_column
			USING DETAIL = 'Each look at the feed will read the whole table, within its time limit.',
				HINT = format('CREATE INDEX ON %s (%I);', relation, ts_column);
	END IF;
	PERFORM pulse.register('feed', name, jsonb_build_object('every', greatest(interval '5 seconds', least(interval '1 minute', expected_interval)),
		'time_limit', '10 s', 'description', description, 'search_path', 'pg_catalog, pg_temp',
		'feed', (SELECT jsonb_build_object('schema_name', n.nspname, 'table_name', c.relname, 'ts_column', ts_column, 'key_column', key_column,
			'value_column', value_column, 'expected_interval', expected_interval, 'calendar', calendar, 'timezone', timezone, 'session_start', session_start,
			'session_end', session_end, 'holidays', coalesce(holidays, '{}'), 'minimum', minimum, 'maximum', maximum, 'max_change', max_change,
			'stuck_after', stuck_after, 'warning_after', warning_after, 'critical_after', critical_after,
			'by_key', indexes.by_key AND NOT indexes.by_time, 'kind', 'feed')
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation)));
END
$$;
COMMENT ON FUNCTION pulse_register_feed(text, regclass, text, text, interval, text, text, text, time, time, date[], double precision, double precision, double precision, interval, interval, interval, text) IS
	'Watches a table that somebody else fills, or replaces a feed of the same name; it appears as feed.<name> in pulse_health(). For each value of key_column (such as a symbol; NULL: the table is about one thing) it looks, through an index that begins with ts_column or with key_column and ts_column, at what has come since the last look: whether the newest row is older than warning_after or critical_after (default: health.data_age_warning and _critical, at least three and six intervals), gaps longer than one and a half expected_interval, rows of the same time, and for value_column values below minimum or above maximum, NaN, jumps by more than the fraction max_change, and values that have not moved for stuck_after (default: 60 intervals). Time counts only while the calendar is open: 24/7, weekdays, or sessions (weekdays from session_start to session_end, over midnight where the end is earlier) in timezone, without holidays. It runs as the role that registers it, read-only, for at most 10 seconds. pulse.feed_finding lists what was found. Errors: 42703 for a column that there is not, 42501 without the right to read, 22023 for unfit values.';

CREATE FUNCTION pulse_unregister_feed(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.unregister('feed', $1) $$;
COMMENT ON FUNCTION pulse_unregister_feed(text) IS 'Stops watching a feed and forgets what was found; false when there is none of that name. Error 42501 when it belongs to another role.';

CREATE FUNCTION pulse_feeds(name text DEFAULT NULL)
	RETURNS TABLE (name text, key text, status text, last_ts timestamptz, age interval, rows bigint, gaps bigint, missing bigint, duplicates bigint,
				   out_of_range bigint, stuck boolean)
	LANGUAGE sql STABLE
	AS $$
	SELECT f.name, k.key, CASE WHEN k.stuck THEN pulse.worst_level(k.status, 'WARNING') ELSE k.status END, k.last_ts, make_interval(secs => k.age),
		s.rows, s.gaps, s.missing, s.duplicates, s.out_of_range, k.stuck
	FROM pulse.feed f CROSS JOIN LATERAL pulse.feed_keys(f, now()) k JOIN pulse.feed_state s ON s.name = f.name AND s.key = k.key
	WHERE $1 IS NULL OR f.name = $1
	ORDER BY f.name, k.key
	$$;
COMMENT ON FUNCTION pulse_feeds(text) IS
	'Each key of each feed: how late it is (age: open time since its newest row), and how many rows, gaps, missing rows, duplicates and values out of range have been seen of it.';

REVOKE ALL ON FUNCTION pulse.feed_query(text, timestamptz), pulse.store_feed(text, jsonb, timestamptz), pulse.judge_feed(pulse.feed, timestamptz),
	pulse_register_feed(text, regclass, text, text, interval, text, text, text, time, time, date[], double precision, double precision, double precision, interval, interval, interval, text),
	pulse_unregister_feed(text) FROM PUBLIC;
