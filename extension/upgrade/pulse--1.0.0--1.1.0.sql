\echo Use "ALTER EXTENSION pulse UPDATE" to load this file. \quit

-- Where the background worker and this update wait for each other, the worker gives up: it tries again.
SET LOCAL deadlock_timeout = '1min';

-- A server that was not restarted since the new files came still runs the old library, which lacks what is named below.
DO $$
BEGIN
	IF pg_catalog.string_to_array(@extschema@.pulse_version(), '.')::pg_catalog.int4[] OPERATOR(pg_catalog.<) '{1,1,0}' THEN
		RAISE EXCEPTION 'the server still runs the library of Pulse %', @extschema@.pulse_version()
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Restart the server (or, where Pulse is not preloaded, begin a new session), then run ALTER EXTENSION pulse UPDATE again.';
	END IF;
END
$$;

-- The server prepares these two anew for each statement, and every fill pays for that; who writes the values has checked them.
ALTER TABLE pulse.fill DROP CONSTRAINT fill_side_check;
ALTER TABLE pulse.event DROP CONSTRAINT event_priority_check;

-- Which library a background worker runs is known from now on, and a difference is told.
ALTER TABLE pulse.worker ADD COLUMN library text;
COMMENT ON COLUMN pulse.worker.library IS 'version of the library that its process runs';

-- A worker whose predecessors died before they completed a cycle waits.
ALTER TABLE pulse.worker ADD COLUMN starts integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN pulse.worker.starts IS 'how often a worker has started since one last completed a cycle: where it keeps dying, the next one waits';

-- Jobs that have nothing to do are passed over; alerts are evaluated when there is something to evaluate.
ALTER TABLE pulse.job ADD COLUMN condition text, ADD COLUMN at_least interval NOT NULL DEFAULT '1 minute' CHECK (at_least > '0');
COMMENT ON COLUMN pulse.job.condition IS 'name of a function (at timestamptz) RETURNS boolean, cheap: the background worker passes the job over while it says that there is nothing to do; NULL: there always is';
COMMENT ON COLUMN pulse.job.at_least IS 'after so long it runs whatever the condition says';
ALTER TABLE pulse.alert_evaluation ADD COLUMN health_status text;
COMMENT ON COLUMN pulse.alert_evaluation.health_status IS 'what pulse.sequencer said of it then';

CREATE FUNCTION pulse.alerts_wait(at timestamptz) RETURNS boolean
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	e pulse.alert_evaluation;
	q pulse.sequencer;
BEGIN
	SELECT * INTO e FROM pulse.alert_evaluation;
	SELECT * INTO q FROM pulse.sequencer;
	RETURN e.evaluated_at IS NULL OR e.evaluated_at > at OR e.storm_at IS NOT NULL OR e.trade_seq IS DISTINCT FROM q.seq
		OR (q.health_status IS DISTINCT FROM e.health_status AND (e.health_at IS NULL OR at >= e.health_at + interval '5 seconds'))
		OR e.version IS DISTINCT FROM (SELECT coalesce(max(p.version), e.version) FROM pulse.performance_state p)
		OR (at >= e.marks_at + interval '10 seconds' AND EXISTS (SELECT FROM pulse.mark m WHERE m.ts > e.marked_at))
		OR EXISTS (SELECT FROM pulse.alert a WHERE a.tell AND (a.recheck_at IS NULL OR a.recheck_at <= at))
		OR EXISTS (SELECT FROM pulse.alert a WHERE a.state <> 'resolved' AND a.next_at <= at)
		OR EXISTS (SELECT FROM pulse.alert a WHERE a.state <> 'resolved' AND a.muted_by IS NOT NULL AND (a.recheck_at IS NULL OR a.recheck_at <= at))
		-- it may be about what is no more
		OR (at >= e.swept_at + interval '10 seconds' AND EXISTS (SELECT FROM pulse.alert a WHERE a.state <> 'resolved'))
		OR EXISTS (
			SELECT FROM pulse.alert_rule r JOIN pulse.alert_rule_state s ON s.rule = r.name
			LEFT JOIN pulse.registration_state g ON g.kind = CASE r.source WHEN 'query' THEN 'alert_rule' ELSE 'metric' END
				AND g.name = CASE r.source WHEN 'query' THEN r.name ELSE r.metric END
			WHERE r.enabled AND (s.awake <> CASE WHEN r.active_hours IS NULL THEN true ELSE pulse.rule_is_awake(r.active_hours, at) END OR (s.awake AND (
				(s.fresh AND r.source IN ('metric', 'query'))
				OR (r.metric = ANY (pulse.costly_metric_names()) AND (s.next_at <= at OR s.evaluated_at > at))
				OR (g.result IS NOT NULL AND s.evaluated_at IS DISTINCT FROM g.result_at)))));
END
$$;
REVOKE ALL ON FUNCTION pulse.alerts_wait(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.alerts_wait(timestamptz) IS
	'Whether an evaluation of alerts could find anything: new figures, fills, prices, results or rules, another state of health, or something that is due. Asked once a second where nothing happens, so it is far cheaper than an evaluation.';

UPDATE pulse.job SET condition = 'pulse.alerts_wait' WHERE name = 'alerts';

CREATE FUNCTION pulse.version_number(version text) RETURNS integer[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS $$ SELECT m::integer[] FROM regexp_match(version, '^(\d{1,9})\.(\d{1,9})(?!\d)') AS m $$;
COMMENT ON FUNCTION pulse.version_number(text) IS
	'Major and minor number of a version, which is what counts between program, library and extension; NULL where the text does not begin with them.';

CREATE FUNCTION pulse_versions() RETURNS TABLE (component text, version text, status text, remedy text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	WITH found (place, component, version) AS (
		SELECT 1, 'extension', e.extversion FROM pg_extension e WHERE e.extname = 'pulse'
		UNION ALL SELECT 2, 'library', @extschema@.pulse_version()
		UNION ALL SELECT 3, 'installed', coalesce((SELECT p.target FROM pg_extension_update_paths('pulse') p
			WHERE p.source = e.extversion AND p.path IS NOT NULL ORDER BY pulse.version_number(p.target) DESC NULLS LAST LIMIT 1), e.extversion)
			FROM pg_extension e WHERE e.extname = 'pulse'
		UNION ALL SELECT 4, 'background worker', w.library FROM pulse.worker w
			WHERE EXISTS (SELECT FROM pg_stat_activity s WHERE s.pid = w.pid AND s.backend_type LIKE 'pulse%')
		UNION ALL SELECT 5, 'pulse-worker', h.details ->> 'version' FROM pulse.heartbeat h
			WHERE h.component = 'worker' AND h.seen_at > clock_timestamp() - coalesce(h.expect_every, interval '90 seconds')
	), number AS (
		SELECT f.*, pulse.version_number(f.version) AS own, e.number AS extension, l.number AS library
		FROM found f, (SELECT pulse.version_number(x.version) FROM found x WHERE x.component = 'extension') e (number),
			(SELECT pulse.version_number(x.version) FROM found x WHERE x.component = 'library') l (number)
	)
	SELECT n.component, n.version, CASE WHEN n.own IS NULL THEN 'unknown' ELSE coalesce(j.status, 'fits') END, j.remedy
	FROM number n LEFT JOIN LATERAL (VALUES
		('extension', n.own < n.library, 'behind', 'ALTER EXTENSION pulse UPDATE;'),
		('library', n.own < n.extension, 'behind', 'Restart the server.'),
		('installed', n.own > n.library, 'waiting', 'Restart the server, then ALTER EXTENSION pulse UPDATE;'),
		('background worker', n.own < n.library, 'behind', 'SELECT pulse_worker_stop(), pulse_worker_start(); or, where Pulse is preloaded, restart the server.'),
		('pulse-worker', n.own < n.extension, 'behind', 'Install the pulse-worker of the same version, and restart it.'),
		('pulse-worker', n.own > n.extension, 'ahead', 'Install its version on this machine, restart the server, then ALTER EXTENSION pulse UPDATE;')
		) AS j (component, holds, status, remedy) ON j.component = n.component AND j.holds
	ORDER BY n.place
	$$;
COMMENT ON FUNCTION pulse_versions() IS
	'The versions that meet: the extension''s objects in this database, the library that this session runs, the newest version that the installed files lead to, the background worker''s library and the pulse-worker that reports. status is fits, behind, ahead, waiting (installed, but the server has not been restarted since) or unknown; remedy is what to do, NULL where nothing is. Only major and minor numbers count.';

CREATE OR REPLACE FUNCTION pulse.check_worker(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	beat pulse.heartbeat;
	silence interval;
BEGIN
	SELECT * INTO beat FROM pulse.heartbeat h WHERE h.component = 'worker';
	silence := check_worker.at - beat.seen_at;
	IF beat.component IS NULL THEN
		status := 'UNKNOWN';
		message := 'no pulse-worker has reported yet';
	ELSE
		status := pulse.silence_level(silence, coalesce(beat.expect_every, interval '90 seconds'), beat.status);
		message := CASE WHEN silence > coalesce(beat.expect_every, interval '90 seconds') THEN format('silent for %s s', round(extract(epoch FROM silence)))
			WHEN beat.details ->> 'problem' <> '' THEN beat.details ->> 'problem'
			ELSE format('reported %s s ago', greatest(0, round(extract(epoch FROM silence)))) END;
	END IF;
	latency_ms := greatest(0, extract(epoch FROM silence)) * 1000;
	details := coalesce(beat.details, '{}');
END
$$;
COMMENT ON FUNCTION pulse.check_worker(timestamptz) IS
	'Health of the pulse-worker program: what it reported with its last heartbeat, WARNING after one interval of silence and CRITICAL after three.';

CREATE OR REPLACE FUNCTION pulse.check_background_worker(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	waiting double precision := (SELECT extract(epoch FROM check_background_worker.at - min(d.marked_at)) FROM pulse.dirty d);
	w record;
	running boolean;
	idle double precision;
	failing text;
BEGIN
	SELECT k.pid, k.started_at, k.last_tick_at, k.enabled, k.library INTO w FROM pulse.worker k;
	SELECT string_agg(format('%s: %s', j.name, left(j.last_error, 200)), '; ' ORDER BY j.name) INTO failing
		FROM pulse.job j WHERE j.enabled AND j.failing > 0;
	running := EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = w.pid AND a.backend_type LIKE 'pulse%');
	idle := extract(epoch FROM check_background_worker.at - w.last_tick_at);
	latency_ms := greatest(waiting, 0) * 1000;
	status := pulse.health_level(coalesce(waiting, 0), pulse.config_seconds('health.engine_lag_warning'), pulse.config_seconds('health.engine_lag_critical'));
	IF status <> 'HEALTHY' THEN
		message := format('changes have waited for %s s', round(waiting::numeric));
	ELSIF running THEN
		message := 'running';
	ELSIF idle < 60 THEN
		message := 'ticks are made by hand';
	ELSE
		status := 'WARNING';
		message := 'not running';
	END IF;
	IF failing IS NOT NULL THEN
		status := pulse.worst_level(status, 'WARNING');
		message := message || '; jobs fail: ' || failing;
	END IF;
	IF running AND w.library <> @extschema@.pulse_version() THEN
		status := pulse.worst_level(status, 'WARNING');
		message := message || format('; it runs the library of Pulse %s, %s is installed: see pulse_versions()', w.library, @extschema@.pulse_version());
	END IF;
	details := jsonb_build_object('pid', CASE WHEN running THEN w.pid END, 'library', CASE WHEN running THEN w.library END, 'started_at', pulse.json_time(w.started_at),
		'last_tick_at', pulse.json_time(w.last_tick_at), 'oldest_change_seconds', waiting);
END
$$;
COMMENT ON FUNCTION pulse.check_background_worker(timestamptz) IS
	'Health of the engine: whether the background worker runs, how long changes have waited for a tick (10 and 60 s), which jobs fail, and whether it runs the library that is installed. Latency is that wait.';

-- All metrics of what a query returns.
CREATE FUNCTION pulse_metrics_of(query text, risk_free float8 DEFAULT 0, mar float8 DEFAULT 0, period interval DEFAULT '1 day', confidence float8 DEFAULT 0.95)
	RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_metrics_of_query' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION pulse_metrics_of(text, float8, float8, interval, float8) IS
	'All metrics of the equity curve that a query returns, as pulse_metrics() computes them, with parameters that have names and defaults: SELECT * FROM pulse_metrics_of(''SELECT ts, total_value, net_flow FROM portfolio_snapshots'', risk_free => 0.03). The query returns a timestamptz, a value and, optionally, the net deposit since the row before, both double precision or numeric (otherwise 42804); rows may come in any order. It runs with the rights of the caller, read-only, in the snapshot of the statement; it must be one that returns rows (otherwise 22023). Its rows go straight from the plan into the curve, so that a large table takes about a quarter less time than with the aggregate; beyond work_mem they go to disk. No row gives NULL, parameters out of range raise 22023, an infinite time 22008. Build the text with format() and %L, never from unchecked input.';

-- What is wrong with an installation, and what mends it.

-- Every finding of one topic is made by one function below; each reads catalogues and stored state only, so that the
-- doctor is quick and works where the tables themselves cannot be read.

CREATE FUNCTION pulse.doctor_versions() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE sql STABLE
	AS $$
	SELECT CASE WHEN v.component = 'library' THEN 'problem' ELSE 'warning' END,
		format('%s: version %s %s', v.component, coalesce(v.version, 'unknown'), CASE v.status WHEN 'behind' THEN 'is behind' WHEN 'ahead' THEN 'is ahead of the extension'
			WHEN 'waiting' THEN 'is installed, the server has not been restarted since' ELSE 'does not tell what it is' END),
		CASE v.component WHEN 'extension' THEN 'ALTER EXTENSION pulse UPDATE;' WHEN 'background worker' THEN 'SELECT pulse_worker_stop(), pulse_worker_start();'
			WHEN 'pulse-worker' THEN '-- ' || coalesce(v.remedy, 'Install the pulse-worker of the same version.') ELSE '\! sudo systemctl restart postgresql' END
	FROM @extschema@.pulse_versions() v WHERE v.status <> 'fits'
	$$;
COMMENT ON FUNCTION pulse.doctor_versions() IS 'What pulse_versions() finds unfit; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_background_worker() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	w record;
	databases text := coalesce(current_setting('pulse.databases', true), '');
	listed boolean := current_database() = ANY (regexp_split_to_array(trim(translate(databases, '"', '')), '\s*,\s*'));
	preloaded text := concat_ws(',', nullif(current_setting('shared_preload_libraries', true), ''), 'pulse');
BEGIN
	SELECT * INTO w FROM @extschema@.pulse_worker_status() s;
	status := CASE w.state WHEN 'running' THEN 'warning' ELSE 'problem' END;
	IF NOT w.preloaded THEN
		message := CASE w.state WHEN 'running' THEN 'the background worker runs until the next restart of the server: pulse is not in shared_preload_libraries'
			ELSE 'no background worker runs, and pulse is not in shared_preload_libraries' END;
		mend := format('ALTER SYSTEM SET shared_preload_libraries = %s; ALTER SYSTEM SET pulse.databases = %L; \! sudo systemctl restart postgresql',
			(SELECT string_agg(quote_literal(trim(BOTH ' "' FROM l)), ', ') FROM regexp_split_to_table(preloaded, ',') l),
			concat_ws(', ', nullif(databases, ''), CASE WHEN NOT listed THEN current_database() END));
		RETURN NEXT;
	ELSIF NOT listed THEN
		message := format('pulse.databases does not name %s%s', current_database(), CASE w.state WHEN 'running' THEN '; its background worker runs until the next restart of the server' ELSE '' END);
		mend := format('ALTER SYSTEM SET pulse.databases = %L; SELECT pg_reload_conf();', concat_ws(', ', nullif(databases, ''), current_database()));
		RETURN NEXT;
	END IF;
	status := 'problem';
	IF w.state <> 'running' THEN
		message := CASE w.state WHEN 'stopped' THEN 'the background worker was stopped by pulse_worker_stop()' ELSE 'the background worker is absent; the server''s log says why' END;
		mend := 'SELECT pulse_worker_start();';
		RETURN NEXT;
	ELSIF w.last_error_at > now() - interval '10 minutes' AND (w.last_tick_at IS NULL OR w.last_error_at >= w.last_tick_at) THEN
		message := format('the newest cycle of the background worker failed: %s', w.last_error);
		mend := 'SELECT pulse_tick();  -- shows the error with its context';
		RETURN NEXT;
	END IF;
	IF w.lag > interval '1 minute' THEN
		status := CASE WHEN w.lag > interval '10 minutes' THEN 'problem' ELSE 'warning' END;
		message := format('%s changes wait to be read, the oldest for %s', w.pending, date_trunc('second', w.lag));
		mend := 'SELECT pulse_tick();';
		RETURN NEXT;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.doctor_background_worker() IS 'Whether the background worker runs, will do so after a restart, and keeps up; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_sources() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s pulse.source;
	relation regclass;
	again text;
	wanting record;
BEGIN
	IF NOT EXISTS (SELECT FROM pulse.source x WHERE x.state = 'active') THEN
		RETURN QUERY SELECT 'problem', 'no table is followed', 'SELECT pulse_setup();  -- or pulse_attach(''your.table'', ''trades'', …)';
	END IF;
	FOR s IN SELECT x.* FROM pulse.source x ORDER BY x.source_id LOOP
		relation := to_regclass(format('%I.%I', s.schema_name, s.table_name));
		again := format('SELECT pulse_attach(%L, %L, columns => %L, timezone => %L, capture => %L);', format('%I.%I', s.schema_name, s.table_name), s.kind, s.columns, s.timezone, s.capture);
		status := 'problem';
		IF s.state = 'detached' THEN
			-- somebody let go of it; that is only odd where nothing else of its kind is followed
			CONTINUE WHEN relation IS NULL OR EXISTS (SELECT FROM pulse.source x WHERE x.kind = s.kind AND x.state = 'active');
			RETURN QUERY SELECT 'warning', format('%I.%I is no longer followed, and no other table of %s is', s.schema_name, s.table_name, s.kind), again;
			CONTINUE;
		ELSIF relation IS NULL THEN
			RETURN QUERY SELECT 'problem', format('%I.%I is followed, but there is no such table now; what was computed from it stands', s.schema_name, s.table_name),
				format('-- create it again, or forget it: DELETE FROM pulse.source WHERE source_id = %s;', s.source_id);
			CONTINUE;
		ELSIF s.last_error IS NOT NULL THEN
			RETURN QUERY SELECT 'problem', format('%s cannot be read: %s', relation, s.last_error), again;
		END IF;
		CONTINUE WHEN s.capture <> 'trigger';
		FOR wanting IN
			SELECT n.name, t.tgenabled FROM (VALUES ('capture', 'pulse_capture'), ('capture_truncate', 'pulse_capture_truncate')) AS n (function, name)
				LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = relation AND NOT t.tgisinternal
					AND t.tgfoid = (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pulse'::regnamespace AND p.proname = n.function)
			WHERE t.tgenabled IS DISTINCT FROM 'A'
		LOOP
			RETURN QUERY SELECT CASE WHEN wanting.tgenabled IN ('O', 'R') THEN 'warning' ELSE 'problem' END,
				CASE WHEN wanting.tgenabled IS NULL THEN format('%s has lost its trigger %s: changes are not noticed', relation, wanting.name)
					WHEN wanting.tgenabled = 'D' THEN format('the trigger %s of %s is disabled: changes are not noticed', wanting.name, relation)
					ELSE format('the trigger %s of %s does not fire for every kind of session, as replication needs', wanting.name, relation) END,
				CASE WHEN wanting.tgenabled IS NULL THEN again ELSE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I;', relation, wanting.name) END;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.doctor_sources() IS 'Whether the followed tables are there, can be read, and have working triggers; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_tables() RETURNS TABLE ("check" text, status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s record;
	zone text := (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone');
	large CONSTANT real := 100000;
	huge CONSTANT real := 10000000;
BEGIN
	status := 'warning';
	FOR s IN
		SELECT x.source_id, x.kind, x.timezone, x.columns, c.relation, x.capture = 'poll' AS polled, pulse.spread_by(c.relation) AS spread, a.attnum, a.attname, a.atttypid, p.reltuples,
			(SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) AS filled
		FROM pulse.source x CROSS JOIN LATERAL (SELECT to_regclass(format('%I.%I', x.schema_name, x.table_name)) AS relation,
				CASE x.kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END AS logical) c
			JOIN pg_catalog.pg_class p ON p.oid = c.relation
			JOIN pg_catalog.pg_attribute a ON a.attrelid = c.relation AND NOT a.attisdropped AND a.attname
				= CASE jsonb_typeof(x.columns -> c.logical) WHEN 'object' THEN x.columns -> c.logical ->> 'column' WHEN 'string' THEN x.columns ->> c.logical ELSE c.logical END
		WHERE x.state = 'active' ORDER BY x.source_id
	LOOP
		-- the rows of a distributed table are counted elsewhere; a look at what is new asks for no portfolio
		IF (s.reltuples > large OR s.spread = 'citus') AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = s.relation AND i.indisvalid AND i.indpred IS NULL
				AND (i.indkey[0] = s.attnum OR (NOT s.polled AND i.indnkeyatts > 1 AND i.indkey[1] = s.attnum))) THEN
			"check" := 'indexes';
			message := CASE WHEN s.polled THEN format('%s is polled and has no index that begins with %I: every look at what is new reads all of it', s.relation, s.attname)
				ELSE format('%s has about %s rows and no index that begins with %I, or with the portfolio and %I: every change reads all of it', s.relation, s.reltuples::bigint, s.attname, s.attname) END;
			mend := format('CREATE INDEX CONCURRENTLY ON %s (%I);', s.relation, s.attname);
			RETURN NEXT;
		END IF;
		IF s.atttypid = 'timestamp'::regtype AND s.filled ~* '\m(now|clock_timestamp|statement_timestamp|transaction_timestamp)\(|current_timestamp|localtimestamp'
				AND s.filled !~* 'timezone\(|at time zone' AND s.timezone IS DISTINCT FROM zone AND NOT (upper(s.timezone) IN ('UTC', 'GMT', 'ETC/UTC') AND upper(zone) IN ('UTC', 'GMT', 'ETC/UTC')) THEN
			"check" := 'time zones';
			message := format('%I of %s has no time zone and is filled with the server''s local time (%s), but is read as %s', s.attname, s.relation, zone, s.timezone);
			mend := format('SELECT pulse_attach(%L, %L, columns => %L, timezone => %L);', s.relation::text, s.kind, s.columns, zone);
			RETURN NEXT;
		END IF;
		IF s.kind = 'snapshots' AND s.reltuples > huge AND NOT EXISTS (SELECT FROM pulse.retention r WHERE r.source_id = s.source_id) THEN
			"check" := 'retention';
			message := format('%s has about %s rows and is kept whole for ever; thinned, every figure stays', s.relation, s.reltuples::bigint);
			mend := format('SELECT pulse_retention_set(%L, thin_after => ''30 days'');', s.relation::text);
			RETURN NEXT;
		END IF;
	END LOOP;
	FOR s IN SELECT t.portfolio, t.ts FROM pulse.performance_state t WHERE t.ts > now() + interval '5 minutes' ORDER BY t.ts DESC LIMIT 3 LOOP
		"check" := 'time zones';
		message := format('the newest snapshot of %L is of %s, which is still to come: is it written in another zone than it is read in?', s.portfolio, s.ts);
		mend := 'SELECT schema_name, table_name, timezone FROM pulse.source;  -- then pulse_attach() with the right timezone';
		RETURN NEXT;
	END LOOP;
	"check" := 'retention';
	FOR s IN SELECT r.what, r.last_error FROM @extschema@.pulse_retention() r WHERE r.last_error IS NOT NULL LOOP
		message := format('%s is not thinned: %s', s.what, s.last_error);
		mend := 'SELECT * FROM pulse_retention();';
		RETURN NEXT;
	END LOOP;
	FOR s IN SELECT r.what, r.setting FROM (VALUES ('pulse.event', 'pulse.event_retention'), ('pulse.delivery', 'pulse.delivery_retention'), ('pulse.health_sample', 'pulse.health_retention')) AS r (what, setting)
		WHERE current_setting(r.setting, true)::interval = '0'
			AND (SELECT sum(greatest(c.reltuples, 0)) FROM pg_catalog.pg_partition_tree(r.what) p JOIN pg_catalog.pg_class c ON c.oid = p.relid WHERE p.isleaf) > huge
	LOOP
		message := format('%s is kept for ever, and large', s.what);
		mend := format('ALTER SYSTEM RESET %s; SELECT pg_reload_conf();', s.setting);
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.doctor_tables() IS 'Missing indexes, doubtful time zones and unbounded growth of tables, as far as the catalogues tell; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_jobs() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'problem', format('the job %s has failed %s times in a row: %s', j.name, j.failing, j.last_error), format('SELECT * FROM pulse.job WHERE name = %L;', j.name)
		FROM pulse.job j WHERE j.enabled AND j.failing > 0
	UNION ALL
	SELECT 'problem', format('the %s %s fails: %s', replace(r.kind, '_', ' '), r.name, left(r.last_error, 300)),
		CASE r.kind WHEN 'alert_rule' THEN format('SELECT * FROM pulse_alert_rules() WHERE name = %L;', r.name)
			ELSE format('SELECT pulse_unregister_%s(%L);  -- or register it again, mended', r.kind, r.name) END
		FROM (SELECT * FROM pulse.registration_state x WHERE x.failing > 0 ORDER BY x.kind, x.name LIMIT 20) r
	UNION ALL
	SELECT 'problem', format('the alert rule %s fails: %s', s.rule, left(s.last_error, 300)), format('SELECT pulse_alert_rule_drop(%L);  -- or set it again, mended', s.rule)
		FROM (SELECT * FROM pulse.alert_rule_state x WHERE x.failing > 0 ORDER BY x.rule LIMIT 20) s
	$$;
COMMENT ON FUNCTION pulse.doctor_jobs() IS 'Jobs, registered queries and alert rules that fail; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_deliveries() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT 'problem', format('%s messages could not be delivered within the last day, the newest because: %s', count(*), (array_agg(d.last_error ORDER BY d.delivery_id DESC))[1]),
		'UPDATE pulse.delivery SET status = ''pending'', attempts = 0, not_before = now() WHERE status = ''dead'' AND created_at > now() - interval ''1 day'';'
		FROM pulse.delivery d WHERE d.status = 'dead' AND d.created_at > now() - interval '1 day' HAVING count(*) > 0
	UNION ALL
	SELECT 'problem', format('%s messages for %s could not be delivered within the last day, the newest because: %s', count(*), k.sink, (array_agg(k.last_error ORDER BY k.delivery_id DESC))[1]),
		format('UPDATE pulse.delivery_sink SET status = ''pending'', attempts = 0, not_before = now() WHERE sink = %L AND status = ''dead'';', k.sink)
		FROM pulse.delivery_sink k JOIN pulse.delivery d USING (delivery_id) WHERE k.status = 'dead' AND d.created_at > now() - interval '1 day' GROUP BY k.sink
	UNION ALL
	SELECT 'warning', format('%s messages wait, the oldest since %s%s', count(*), date_trunc('second', min(d.not_before)), coalesce(': ' || (array_agg(d.last_error ORDER BY d.delivery_id))[1], '')),
		'\! pulse-worker doctor --config /etc/pulse/pulse.ini'
		FROM pulse.delivery d WHERE d.status IN ('pending', 'leased') AND d.not_before < now() - interval '15 minutes' HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION pulse.doctor_deliveries() IS 'Messages that died or wait for longer than a quarter of an hour; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_roles() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH granted AS (
		-- whoever may read the list of the sources was given a level
		SELECT r.oid, r.rolname, CASE WHEN has_table_privilege(r.oid, 'pulse.worker_state', 'INSERT') THEN 'worker'
			WHEN l.admin THEN 'admin' WHEN l.operator THEN 'operator' ELSE 'reader' END AS level
		FROM pg_catalog.pg_class c, LATERAL aclexplode(c.relacl) g JOIN pg_catalog.pg_roles r ON r.oid = g.grantee AND NOT r.rolsuper,
			LATERAL (SELECT coalesce(bool_or(has_function_privilege(r.oid, f.oid, 'EXECUTE')) FILTER (WHERE f.proname = 'pulse_apply_environment'), false) AS admin,
				coalesce(bool_or(has_function_privilege(r.oid, f.oid, 'EXECUTE')) FILTER (WHERE f.proname = 'pulse_notify'), false) AS operator
				FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_extension e ON e.extname = 'pulse' AND f.pronamespace = e.extnamespace WHERE f.proname IN ('pulse_apply_environment', 'pulse_notify')) l
		WHERE c.oid = 'pulse.source'::regclass AND g.privilege_type = 'SELECT' AND r.oid <> c.relowner
	)
	SELECT 'warning', format('the role %I lacks what the level %s has by now: %s', g.rolname, g.level, string_agg(DISTINCT m.object, ', ')), format('SELECT pulse_grant(%L, %L);', quote_ident(g.rolname), g.level)
	FROM granted g, LATERAL (
		SELECT 'pulse.' || c.relname AS object FROM pulse.privilege p JOIN pg_catalog.pg_class c ON c.relname = p.name AND c.relnamespace = 'pulse'::regnamespace
			WHERE p.kind = 'table' AND p.level = ANY (pulse.levels_of(g.level)) AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(g.oid, c.oid, p.privilege)
				ELSE has_table_privilege(g.oid, c.oid, p.privilege) END
		UNION ALL
		SELECT f.proname || '()' FROM pulse.privilege p JOIN pg_catalog.pg_proc f ON f.proname = p.name
				JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
				JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'pulse'
			WHERE p.kind = 'function' AND p.level = ANY (pulse.levels_of(g.level)) AND NOT has_function_privilege(g.oid, f.oid, 'EXECUTE')
		UNION ALL
		SELECT t.relation::text FROM pulse.source s, LATERAL (SELECT to_regclass(format('%I.%I', s.schema_name, s.table_name)) AS relation) t
			WHERE s.state = 'active' AND t.relation IS NOT NULL AND NOT has_table_privilege(g.oid, t.relation, 'SELECT')
	) m GROUP BY g.rolname, g.level;
END
$$;
COMMENT ON FUNCTION pulse.doctor_roles() IS 'Roles that were given a level by pulse_grant() and lack what has been added since, as by an update or by following another table; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_data() RETURNS TABLE ("check" text, status text, message text, mend text)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'snapshots', CASE WHEN n.newest IS NULL THEN 'warning' ELSE h.level END,
		CASE WHEN n.newest IS NULL THEN 'there is no snapshot yet, and without one there are no returns' ELSE format('the newest snapshot is %s old', date_trunc('second', now() - n.newest)) END,
		'INSERT INTO portfolio_snapshots (total_value, cash_balance) VALUES (…);  -- the bot should do so every minute or so'
	FROM (SELECT max(t.ts) AS newest FROM pulse.performance_state t) n,
		LATERAL (SELECT CASE pulse.health_level(extract(epoch FROM now() - n.newest)::float8, pulse.config_seconds('health.data_age_warning'), pulse.config_seconds('health.data_age_critical'))
			WHEN 'CRITICAL' THEN 'problem' WHEN 'WARNING' THEN 'warning' END AS level) h
	WHERE EXISTS (SELECT FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active') AND (n.newest IS NULL OR h.level IS NOT NULL)
	UNION ALL
	SELECT 'rows', 'warning', format('%s rows of trades cannot be booked', count(*)), 'SELECT * FROM pulse_data_quality();' FROM pulse.finding HAVING count(*) > 0
	UNION ALL
	SELECT 'daemon', CASE WHEN b.component IS NULL THEN 'warning' ELSE 'problem' END,
		CASE WHEN b.component IS NULL THEN 'pulse-worker has never reported here: no page, no stream, no messages' ELSE format('pulse-worker was last seen %s ago', date_trunc('second', now() - b.seen_at)) END,
		'\! sudo systemctl restart pulse-worker && pulse-worker doctor --config /etc/pulse/pulse.ini'
	FROM (VALUES ('worker')) AS w (component) LEFT JOIN pulse.heartbeat b USING (component)
	WHERE b.component IS NULL OR b.seen_at < now() - greatest(3 * b.expect_every, interval '1 minute')
	UNION ALL
	SELECT 'settings', 'warning', format('%s = %s: %s', v.key, v.value, v.problem), coalesce('-- ' || v.hint, 'SELECT * FROM pulse_validate_config();') FROM @extschema@.pulse_validate_config() v
	UNION ALL
	SELECT 'capture', 'problem', 'pulse.capture is off: changes of followed tables are not noticed', 'ALTER SYSTEM RESET pulse.capture; SELECT pg_reload_conf();  -- then, for what was missed: SELECT pulse_verify();'
	WHERE current_setting('pulse.capture', true) = 'off'
	$$;
COMMENT ON FUNCTION pulse.doctor_data() IS 'Old snapshots, rows that cannot be booked, a silent daemon, settings that do not fit, capture switched off; for pulse_doctor().';

CREATE FUNCTION pulse_doctor() RETURNS TABLE ("check" text, status text, message text, mend text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	ROWS 15 COST 10000
	AS $$
	WITH finding AS MATERIALIZED (
		SELECT 'versions' AS "check", f.* FROM pulse.doctor_versions() f
		UNION ALL SELECT 'background worker', f.* FROM pulse.doctor_background_worker() f
		UNION ALL SELECT 'sources', f.* FROM pulse.doctor_sources() f
		UNION ALL SELECT * FROM pulse.doctor_tables() f
		UNION ALL SELECT 'jobs', f.* FROM pulse.doctor_jobs() f
		UNION ALL SELECT 'deliveries', f.* FROM pulse.doctor_deliveries() f
		UNION ALL SELECT 'roles', f.* FROM pulse.doctor_roles() f
		UNION ALL SELECT * FROM pulse.doctor_data() f
	), topic AS (
		SELECT * FROM (VALUES ('versions', 'objects and library are of one version'), ('background worker', 'runs, survives a restart, and keeps up'), ('capture', 'changes are noticed'),
			('sources', 'followed tables are there and have their triggers'), ('indexes', 'large tables are read through an index'), ('time zones', 'nothing points at a wrong one'),
			('snapshots', 'none is late'), ('rows', 'all can be booked'), ('retention', 'nothing grows without bound'), ('jobs', 'jobs, registered queries and alert rules work'),
			('daemon', 'pulse-worker reports'), ('deliveries', 'messages leave'), ('roles', 'have what their levels need'), ('settings', 'fit together')) AS t (name, fine)
	)
	SELECT x.* FROM (
		SELECT * FROM finding
		UNION ALL SELECT t.name, 'ok', t.fine, NULL FROM topic t WHERE NOT EXISTS (SELECT FROM finding f WHERE f."check" = t.name)
	) x ORDER BY array_position(ARRAY['problem', 'warning', 'ok'], x.status), x."check", x.message
	$$;
REVOKE ALL ON FUNCTION pulse_doctor() FROM PUBLIC;
COMMENT ON FUNCTION pulse_doctor() IS
	'What is wrong with this installation, and what mends it: a row for each finding, problems first, and one with status ok for each check that found nothing. check: versions, background worker, capture, sources, indexes, time zones, snapshots, rows, retention, jobs, daemon, deliveries, roles, settings. status: problem (something does not work), warning (works, but not as it could) or ok. mend: the command that mends it, to be pasted into psql; what begins with \! is for the shell of the database''s machine. Looks at catalogues and stored state, not at the rows of tables, and changes nothing. For readers (pulse_grant). pulse-worker doctor looks at what lies outside the database.';
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES ('reader', 'function', 'pulse_doctor', 'EXECUTE');

-- Alerts about fills look closely only at what crosses a threshold, and piece by piece: other fills do not wait for all of it.
CREATE FUNCTION pulse.trade_property(metric text, value numeric, pnl numeric, step numeric, position_after numeric, equity double precision)
	RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE metric
		WHEN 'value' THEN value::double precision WHEN 'quantity' THEN abs(step)::double precision
		WHEN 'profit' THEN pnl::double precision WHEN 'loss' THEN -pnl::double precision
		WHEN 'share' THEN CASE WHEN equity > 0 THEN value::double precision / equity END
		WHEN 'opened' THEN (position_after <> 0 AND position_after = step)::integer
		WHEN 'closed' THEN (position_after = 0 AND step <> 0)::integer
		WHEN 'flipped' THEN ((position_after - step) * position_after < 0)::integer END;
COMMENT ON FUNCTION pulse.trade_property(text, numeric, numeric, numeric, numeric, double precision) IS
	'A property of a fill: its value, realized profit, signed quantity, the position after it, and the value of its portfolio. Exact where it compares the position with zero.';

CREATE OR REPLACE FUNCTION pulse.trade_value(metric text, data jsonb, equity double precision) RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT pulse.trade_property(metric, (data ->> 'value')::numeric, (data ->> 'realized_pnl')::numeric,
		(data ->> 'quantity')::numeric * CASE data ->> 'side' WHEN 'SELL' THEN -1 ELSE 1 END, (data ->> 'position')::numeric, equity)
	$$;

DROP FUNCTION pulse.take_trades(timestamptz, bigint, bigint);
CREATE TYPE pulse.trade_bound AS (metric text, below boolean, inclusive boolean, nearest double precision, portfolios text[], symbols text[]);
COMMENT ON TYPE pulse.trade_bound IS 'the threshold of a rule about fills that is crossed first';
COMMENT ON COLUMN pulse.trade_bound.metric IS 'the property of a fill';
COMMENT ON COLUMN pulse.trade_bound.below IS 'whether values below the threshold are bad, not those above';
COMMENT ON COLUMN pulse.trade_bound.inclusive IS 'whether the threshold itself is bad';
COMMENT ON COLUMN pulse.trade_bound.nearest IS 'the threshold, of a warning or a critical one; NULL: none';
COMMENT ON COLUMN pulse.trade_bound.portfolios IS 'patterns of portfolios that the rule is for; NULL: all';
COMMENT ON COLUMN pulse.trade_bound.symbols IS 'patterns of symbols that it is for; NULL: all';

CREATE FUNCTION pulse.trade_is_notable(bounds pulse.trade_bound[], data jsonb, portfolio text, equity double precision) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_trade_is_notable' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.trade_is_notable(pulse.trade_bound[], jsonb, text, double precision) IS
	'Whether a fill, given the data of its TRADE_ALERT and the value of its portfolio, crosses one of the bounds that are for its portfolio and symbol; true also where that takes a closer look. False for NULL.';

CREATE FUNCTION pulse.notable_trades(after_seq bigint, up_to bigint, most bigint) RETURNS bigint[]
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	bounds pulse.trade_bound[];
BEGIN
	SELECT array_agg(ROW(r.metric, r.below, r.inclusive, CASE WHEN r.below THEN greatest(r.warning, r.critical) ELSE least(r.warning, r.critical) END,
			r.portfolios, r.symbols)::pulse.trade_bound) INTO bounds
		FROM (SELECT a.metric, a.comparator IN ('<', '<=') AS below, a.comparator IN ('>=', '<=') AS inclusive, a.portfolios, a.symbols,
				pulse.rule_threshold(a.warning, a.warning_key) AS warning, pulse.rule_threshold(a.critical, a.critical_key) AS critical
			FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name WHERE a.source = 'trade' AND a.enabled AND s.awake) r;
	IF bounds IS NULL THEN
		RETURN '{}';
	END IF;
	RETURN ARRAY(
		SELECT e.seq FROM pulse.event e LEFT JOIN pulse.performance_state p ON p.portfolio = e.portfolio
		WHERE e.seq > after_seq AND e.seq <= up_to AND e.type = 'TRADE_ALERT'
			AND pulse.trade_is_notable(bounds, e.data, e.portfolio, p.total_value::double precision)
		ORDER BY e.seq LIMIT most);
END
$$;
COMMENT ON FUNCTION pulse.notable_trades(bigint, bigint, bigint) IS
	'The TRADE_ALERT events between two numbers that a rule about fills may be concerned with, the first ones of them; nearly all fills concern none.';

CREATE FUNCTION pulse.take_trades(at timestamptz, seqs bigint[]) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	WITH r AS MATERIALIZED (
		SELECT a.name, a.metric, a.portfolios, a.symbols, CASE WHEN a.comparator IN ('<', '<=') THEN -1 ELSE 1 END AS sign, a.comparator IN ('>=', '<=') AS inclusive,
			pulse.rule_threshold(a.warning, a.warning_key) AS warning, pulse.rule_threshold(a.critical, a.critical_key) AS critical
		FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name WHERE a.source = 'trade' AND a.enabled AND s.awake
	), fills AS MATERIALIZED (
		SELECT e.seq, coalesce(e.portfolio, '') AS portfolio, e.data, e.data ->> 'symbol' AS symbol, (e.data ->> 'executed_at')::timestamptz AS executed_at,
			p.total_value::double precision AS equity, (e.data ->> 'value')::numeric AS value, (e.data ->> 'realized_pnl')::numeric AS pnl,
			(e.data ->> 'position')::numeric AS position_after,
			(e.data ->> 'quantity')::numeric * CASE e.data ->> 'side' WHEN 'SELL' THEN -1 ELSE 1 END AS step
		FROM pulse.event e LEFT JOIN pulse.performance_state p ON p.portfolio = e.portfolio
		-- an import of past trades is no news
		WHERE e.seq = ANY ($2) AND e.type = 'TRADE_ALERT'
			AND (e.data ->> 'executed_at')::timestamptz > $1 - current_setting('pulse.notify_max_age')::interval
	), judged AS MATERIALIZED (
		SELECT f.seq, f.portfolio, f.data, f.symbol, f.executed_at, r.name, r.warning, r.critical, v.value,
			CASE WHEN v.value * r.sign > r.critical * r.sign OR (r.inclusive AND v.value = r.critical) THEN 2
				WHEN v.value * r.sign > r.warning * r.sign OR (r.inclusive AND v.value = r.warning) THEN 1 END AS level
		FROM fills f JOIN r ON pulse.matches(r.portfolios, f.portfolio) AND pulse.matches(r.symbols, f.symbol)
		CROSS JOIN LATERAL pulse.trade_property(r.metric, f.value, f.pnl, f.step, f.position_after, f.equity) AS v (value)
	), told AS MATERIALIZED (
		SELECT j.*, nextval('pulse.alert_alert_id_seq') AS id, CASE j.level WHEN 2 THEN (j.rule).critical_severity ELSE (j.rule).warning_severity END AS severity,
			CASE j.level WHEN 2 THEN j.critical ELSE j.warning END AS threshold, pulse.alert_title((j.rule).title, j.portfolio, j.symbol, '') AS title,
			format('%s %s %s @ %s = %s%s; position %s', j.data ->> 'side', pulse.plain_number((j.data ->> 'quantity')::numeric), j.symbol,
				pulse.plain_number((j.data ->> 'price')::numeric), pulse.plain_number((j.data ->> 'value')::numeric),
				CASE WHEN (j.rule).metric = 'share' THEN format(' (%s of the portfolio)', pulse.alert_number('fraction', j.value)) ELSE '' END,
				pulse.plain_number((j.data ->> 'position')::numeric)) AS message
		FROM (SELECT x.*, a AS rule FROM judged x JOIN pulse.alert_rule a ON a.name = x.name WHERE x.level IS NOT NULL) j
	), stored AS (
		INSERT INTO pulse.alert (alert_id, rule, kind, portfolio, symbol, state, severity, level, condition, title, message, value, warning, critical, threshold,
				since, updated_at, breached_at, fired_at, firings, count, resolved_at, resolution, tell)
			SELECT t.id, (t.rule).name, (t.rule).kind, t.portfolio, t.symbol, 'resolved', t.severity, t.level, 0, t.title, t.message, t.value, t.warning, t.critical,
				t.threshold, t.executed_at, $1, t.executed_at, $1, ARRAY[$1], 1, $1, 'momentary', (t.rule).notify
			FROM told t
	), noted AS (
		INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, title, message, value, threshold, since)
			SELECT t.id, $1, 'fired', 'resolved', (t.rule).name, (t.rule).kind, t.severity, t.portfolio, t.symbol, t.title, t.message, t.value, t.threshold, t.executed_at
			FROM told t ORDER BY t.seq RETURNING 1
	)
	SELECT count(*) FROM noted
	$$;
COMMENT ON FUNCTION pulse.take_trades(timestamptz, bigint[]) IS
	'Alerts about fills, given the numbers of their TRADE_ALERT events: each is momentary, told once and over at once. Fills older than pulse.notify_max_age are left out.';

CREATE OR REPLACE FUNCTION pulse.evaluate_alerts(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	e pulse.alert_evaluation;
	newest bigint;
	newest_seq bigint;
	newest_mark timestamptz;
	everything text[];
	changed text[];
	observed pulse.observation[];
	bounded pulse.observation[];
	notable bigint[];
	more boolean := false;
BEGIN
	SELECT * INTO e FROM pulse.alert_evaluation FOR UPDATE;
	IF e.evaluated_at > at + interval '1 minute' THEN
		-- the clock was set back: everything that waits for a time would wait for long
		e.health_at := NULL;
		e.swept_at := '-infinity';
		e.marks_at := '-infinity';
	END IF;
	PERFORM pulse.wake_rules(at);
	SELECT array_agg(r.name) FILTER (WHERE s.fresh), array_agg(r.name) FILTER (WHERE NOT s.fresh) INTO everything, changed
		FROM pulse.alert_rule r JOIN pulse.alert_rule_state s ON s.rule = r.name WHERE r.enabled AND s.awake AND r.source = 'metric';
	SELECT coalesce(max(p.version), e.version) INTO newest FROM pulse.performance_state p;
	IF newest < e.version THEN
		-- a copy of the database counts anew
		e.version := -1;
	END IF;
	SELECT max(m.ts) INTO newest_mark FROM pulse.mark m;

	IF newest > e.version AND EXISTS (SELECT FROM pulse.alert_rule r WHERE r.regime AND r.enabled) THEN
		PERFORM pulse.follow_regime(e.version);
		PERFORM pulse.journal_regime(at);
	END IF;
	IF everything IS NOT NULL THEN
		observed := pulse.observe_metrics(everything, -1, 'infinity');
		bounded := pulse.bounded_observations(observed);
		more := cardinality(bounded) < cardinality(observed);
		PERFORM pulse.take_observations(at, bounded);
		UPDATE pulse.alert_rule_state s SET fresh = false WHERE s.rule = ANY (everything) AND NOT coalesce(more, false)
			AND EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = s.rule AND r.metric = ANY (pulse.metric_names()));
	END IF;
	IF changed IS NOT NULL AND (newest > e.version OR (newest_mark > e.marked_at AND at >= e.marks_at + interval '10 seconds')) THEN
		observed := pulse.observe_metrics(changed, e.version,
			CASE WHEN newest_mark > e.marked_at AND at >= e.marks_at + interval '10 seconds' THEN e.marked_at - interval '1 minute' ELSE 'infinity' END);
		bounded := pulse.bounded_observations(observed);
		PERFORM pulse.take_observations(at, bounded);
		IF cardinality(bounded) < cardinality(observed) THEN
			-- the same changes again, until the last of them has its alert
			more := true;
			newest := e.version;
		ELSIF at >= e.marks_at + interval '10 seconds' THEN
			e.marked_at := coalesce(newest_mark, e.marked_at);
			e.marks_at := at;
		END IF;
	END IF;
	e.version := newest;

	IF (e.health_at IS NULL OR at >= e.health_at + interval '5 seconds')
		AND EXISTS (SELECT FROM pulse.alert_rule r WHERE r.source = 'health' AND r.enabled) THEN
		PERFORM pulse.take_observations(at, pulse.observe_health(at));
		e.health_at := at;
		SELECT q.health_status INTO e.health_status FROM pulse.sequencer q;
	END IF;

	SELECT q.seq INTO newest_seq FROM pulse.sequencer q;
	IF e.trade_seq IS NULL OR e.trade_seq > newest_seq THEN
		e.trade_seq := newest_seq;
	ELSIF newest_seq > e.trade_seq THEN
		-- a piece at a time: fills that come meanwhile do not wait for all of it
		more := coalesce(more, false) OR newest_seq > e.trade_seq + 20000;
		newest_seq := least(newest_seq, e.trade_seq + 20000);
		notable := pulse.notable_trades(e.trade_seq, newest_seq, 1000);
		IF cardinality(notable) = 1000 THEN
			more := true;
			newest_seq := notable[1000];
		END IF;
		IF cardinality(notable) > 0 THEN
			PERFORM pulse.take_trades(at, notable);
		END IF;
		e.trade_seq := newest_seq;
	END IF;

	PERFORM pulse.observe_clocked(at);
	PERFORM pulse.observe_queries(at);
	PERFORM pulse.step_alerts(at, pulse.timed_observations(at));
	IF everything IS NOT NULL OR at >= e.swept_at + interval '10 seconds' THEN
		PERFORM pulse.step_alerts(at, pulse.orphaned_observations());
		PERFORM pulse.resolve_dropped(at);
		e.swept_at := at;
	END IF;
	e.storm_at := pulse.tell_alerts(at, e.storm_at);
	UPDATE pulse.alert_evaluation x SET evaluated_at = at, version = e.version, marked_at = e.marked_at, marks_at = e.marks_at, trade_seq = e.trade_seq,
		health_at = e.health_at, health_status = e.health_status, swept_at = e.swept_at, storm_at = e.storm_at;
	RETURN CASE WHEN more THEN at END;
END
$$;

-- The text of a message about many fills is written by the library, which has added them up.
DROP FUNCTION pulse.fills_message(jsonb[]);

-- State messages of many portfolios by one statement.
DROP FUNCTION pulse.portfolio_update(text);

CREATE OR REPLACE FUNCTION pulse.stale_symbols(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, since timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	mark record;
	query text;
BEGIN
	FOR mark IN
		SELECT d.source_id, q.has_portfolios,
			CASE WHEN q.has_portfolios THEN coalesce(for_portfolio, d.portfolio) END AS portfolio,
			bool_or(d.min_ts IS NULL) AS everything, min(d.min_ts) AS min_ts, max(d.max_ts) AS max_ts
		FROM pulse.dirty d
		-- once for each table, not for each mark
		JOIN (SELECT s.source_id, r.has_portfolios FROM pulse.source s CROSS JOIN LATERAL pulse.source_relation(s) AS r
			  WHERE s.kind = 'trades' AND s.state = 'active' OFFSET 0) q ON q.source_id = d.source_id
		WHERE for_portfolio IS NULL OR NOT q.has_portfolios OR d.portfolio IS NULL OR d.portfolio = for_portfolio
		GROUP BY 1, 2, 3
	LOOP
		query := pulse.source_query(mark.source_id, mark.portfolio IS NOT NULL, NOT mark.everything);
		IF query IS NULL THEN
			CONTINUE;
		END IF;
		RETURN QUERY EXECUTE format('SELECT DISTINCT $4, r.portfolio, r.symbol, $5 FROM (%s) r', query)
			USING mark.portfolio, mark.min_ts, mark.max_ts, mark.source_id,
				CASE WHEN mark.everything THEN '-infinity' ELSE mark.min_ts END;
		RETURN QUERY SELECT DISTINCT f.source_id, f.portfolio, f.symbol, CASE WHEN mark.everything THEN '-infinity' ELSE mark.min_ts END
			FROM pulse.fill f
			WHERE f.source_id = mark.source_id AND (mark.portfolio IS NULL OR f.portfolio = mark.portfolio)
				AND (mark.everything OR f.executed_at BETWEEN mark.min_ts AND mark.max_ts);
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.stale_symbols(text) IS
	'Symbols whose stored state is older than the user''s rows, because a tick is still to come, and since when at the earliest; a symbol may come more than once. Without such rows it costs one look at pulse.dirty.';

CREATE FUNCTION pulse.performance_updates(portfolios text[]) RETURNS TABLE (n bigint, data jsonb)
	LANGUAGE plpgsql STABLE ROWS 25
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH wanted AS MATERIALIZED (
		SELECT w.n, w.portfolio, r.source_id, r.series_portfolio
		FROM unnest(portfolios) WITH ORDINALITY AS w (portfolio, n) CROSS JOIN LATERAL pulse.series_of(w.portfolio) r
	), newest AS MATERIALIZED (
		SELECT w.n, max(s.ts) AS ts, sum(s.total_value) AS total_value, sum(s.cash_balance) AS cash_balance, sum(s.position_count) AS position_count,
			sum(s.unrealized_pnl) AS unrealized_pnl, sum(s.realized_pnl) AS realized_pnl
		FROM wanted w CROSS JOIN pulse.source o CROSS JOIN LATERAL pulse.newest_snapshot(o.source_id, w.portfolio) s
		WHERE o.kind = 'snapshots' AND o.state = 'active' AND s.ts IS NOT NULL
		GROUP BY w.n
	), held AS MATERIALIZED (
		SELECT w.n, count(*) AS symbols, count(*) FILTER (WHERE p.opened_at IS NOT NULL) AS open_positions, sum(p.realized_pnl) AS realized_pnl,
			sum(p.fees) AS fees, sum(p.quantity * (CASE WHEN m.ts >= p.mark_at THEN m.price ELSE p.mark_price END) - p.cost) AS unrealized_pnl
		FROM wanted w CROSS JOIN pulse.source o
		JOIN pulse.position p ON p.source_id = o.source_id AND p.portfolio = w.portfolio
		LEFT JOIN pulse.mark m ON m.symbol = p.symbol
		WHERE o.state = 'active'
		GROUP BY w.n
	), closed AS MATERIALIZED (
		SELECT w.n, sum(t.trades)::bigint AS trades, sum(t.wins)::bigint AS wins, sum(t.losses)::bigint AS losses, sum(t.won) AS won,
			sum(t.lost) AS lost, min(t.first_opened) AS first_opened, max(t.last_closed) AS last_closed
		FROM wanted w CROSS JOIN pulse.source o
		JOIN pulse.trade_state t ON t.source_id = o.source_id AND t.portfolio = w.portfolio AND t.day = '-infinity'
		WHERE o.kind = 'trades' AND o.state = 'active'
		GROUP BY w.n
	)
	SELECT w.n, CASE
		-- a portfolio of several tables
		WHEN w.source_id IS NULL AND s.ts IS NOT NULL THEN pulse.performance_data(w.portfolio)
		ELSE jsonb_build_object(
			'ts', pulse.json_time(s.ts), 'total_value', pulse.json_money(s.total_value), 'cash_balance', pulse.json_money(s.cash_balance),
			'position_count', coalesce(s.position_count, CASE WHEN h.symbols > 0 THEN h.open_positions END),
			'unrealized_pnl', pulse.json_money(p.unrealized_pnl), 'realized_pnl', pulse.json_money(p.realized_pnl),
			'total_pnl', pulse.json_money(p.realized_pnl + coalesce(p.unrealized_pnl, 0) - coalesce(h.fees, 0)),
			'daily_return', pulse.json_number((m.m).period_return), 'cumulative_return', pulse.json_number((m.m).total_return),
			'cagr', pulse.json_number((m.m).cagr), 'sharpe', pulse.json_number((m.m).sharpe), 'sortino', pulse.json_number((m.m).sortino),
			'calmar', pulse.json_number((m.m).calmar), 'volatility', pulse.json_number((m.m).volatility),
			'max_drawdown', pulse.json_number((m.m).max_drawdown), 'current_drawdown', pulse.json_number((m.m).current_drawdown),
			'var_95', pulse.json_number((m.m).var_95), 'cvar_95', pulse.json_number((m.m).cvar_95),
			'win_rate', pulse.json_number(c.wins::float8 / nullif(c.trades, 0)),
			'profit_factor', pulse.json_number(c.won::float8 / nullif(c.lost, 0)::float8),
			'average_win', pulse.json_number(c.won::float8 / nullif(c.wins, 0)),
			'average_loss', pulse.json_number(c.lost::float8 / nullif(c.losses, 0)),
			'total_trades', coalesce(c.trades, 0),
			'trades_per_day', pulse.json_number(CASE WHEN c.trades > 0 THEN
				(c.trades / greatest(1, extract(epoch FROM greatest(c.last_closed, s.ts) - c.first_opened) / 86400.0))::float8 END))
		END
	FROM wanted w
	LEFT JOIN newest s ON s.n = w.n
	LEFT JOIN held h ON h.n = w.n
	LEFT JOIN closed c ON c.n = w.n
	CROSS JOIN LATERAL (SELECT coalesce(s.unrealized_pnl, h.unrealized_pnl) AS unrealized_pnl, coalesce(h.realized_pnl, s.realized_pnl) AS realized_pnl) p
	CROSS JOIN LATERAL (SELECT CASE WHEN w.source_id IS NOT NULL
			THEN pulse.state_metrics(w.source_id, w.series_portfolio, NULL, NULL) END AS m OFFSET 0) m;
END
$$;
COMMENT ON FUNCTION pulse.performance_updates(text[]) IS
	'What pulse.performance_data() says of each of the portfolios, by their numbers in the array, as far as the ledger has booked their fills: data of PERFORMANCE_UPDATE and of pulse.performance_state.';

CREATE FUNCTION pulse.portfolio_updates(portfolios text[]) RETURNS TABLE (n bigint, data jsonb)
	LANGUAGE plpgsql STABLE ROWS 25
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH wanted AS MATERIALIZED (
		SELECT w.n, w.portfolio FROM unnest(portfolios) WITH ORDINALITY AS w (portfolio, n)
	), newest AS MATERIALIZED (
		SELECT w.n, max(s.ts) AS ts, sum(s.total_value) AS total_value, sum(s.cash_balance) AS cash_balance,
			sum(s.positions_value) AS positions_value, sum(s.unrealized_pnl) AS unrealized_pnl,
			sum(s.realized_pnl) AS realized_pnl, sum(s.net_flow) AS net_flow, sum(s.position_count) AS position_count
		FROM wanted w CROSS JOIN pulse.source o CROSS JOIN LATERAL pulse.newest_snapshot(o.source_id, w.portfolio) s
		WHERE o.kind = 'snapshots' AND o.state = 'active' AND s.ts IS NOT NULL
		GROUP BY w.n
	), held AS MATERIALIZED (
		SELECT v.n, count(*) AS symbols, count(*) FILTER (WHERE v.opened_at IS NOT NULL) AS open_positions,
			sum(v.market_value) AS market_value, sum(v.unrealized_pnl) AS unrealized_pnl, sum(v.realized_pnl) AS realized_pnl,
			coalesce(jsonb_agg(jsonb_build_object(
				'portfolio', v.portfolio, 'symbol', v.symbol, 'quantity', pulse.json_money(v.quantity),
				'average_price', pulse.json_money(abs(pulse.unit_price(v.cost, v.quantity))), 'mark_price', pulse.json_money(v.mark_price),
				'market_value', pulse.json_money(v.market_value), 'unrealized_pnl', pulse.json_money(v.unrealized_pnl),
				'realized_pnl', pulse.json_money(v.realized_pnl), 'fees', pulse.json_money(v.fees),
				'opened_at', pulse.json_time(v.opened_at)) ORDER BY abs(v.market_value) DESC NULLS LAST, v.portfolio, v.symbol)
				FILTER (WHERE v.opened_at IS NOT NULL), '[]') AS positions
		FROM (
			SELECT c.*, trim_scale(c.quantity * c.mark_price) AS market_value, trim_scale(c.quantity * c.mark_price - c.cost) AS unrealized_pnl
			FROM (
				SELECT w.n, p.portfolio, p.symbol, sum(p.quantity) AS quantity, sum(p.cost) AS cost, sum(p.realized_pnl) AS realized_pnl,
					sum(p.fees) AS fees, min(p.opened_at) AS opened_at,
					(array_agg(CASE WHEN m.ts >= p.mark_at THEN m.price ELSE p.mark_price END ORDER BY greatest(m.ts, p.mark_at) DESC))[1] AS mark_price
				FROM wanted w CROSS JOIN pulse.source o
				JOIN pulse.position p ON p.source_id = o.source_id AND p.portfolio = w.portfolio
				LEFT JOIN pulse.mark m ON m.symbol = p.symbol
				WHERE o.state = 'active'
				GROUP BY w.n, p.portfolio, p.symbol
			) c
		) v
		GROUP BY v.n
	)
	SELECT w.n, jsonb_build_object(
			'ts', pulse.json_time(s.ts), 'total_value', pulse.json_money(s.total_value), 'cash_balance', pulse.json_money(s.cash_balance),
			'positions_value', pulse.json_money(coalesce(s.positions_value, h.market_value)),
			'unrealized_pnl', pulse.json_money(coalesce(s.unrealized_pnl, h.unrealized_pnl)),
			'realized_pnl', pulse.json_money(coalesce(h.realized_pnl, s.realized_pnl)),
			'position_count', coalesce(s.position_count, CASE WHEN h.symbols > 0 THEN h.open_positions END),
			'net_flow', pulse.json_money(s.net_flow), 'positions', coalesce(h.positions, '[]'))
	FROM wanted w LEFT JOIN newest s ON s.n = w.n LEFT JOIN held h ON h.n = w.n;
END
$$;
COMMENT ON FUNCTION pulse.portfolio_updates(text[]) IS
	'What pulse_portfolio() says of each of the portfolios, by their numbers in the array, as far as the ledger has booked their fills, which have been told by TRADE_ALERT: data of PORTFOLIO_UPDATE.';

-- Several portfolios together, from summaries.
ALTER FUNCTION pulse.state_metrics(integer, text, timestamptz, timestamptz) COST 1000;
ALTER FUNCTION pulse.state_summary(integer, text, timestamptz, timestamptz, interval) COST 1000;
ALTER FUNCTION pulse.state_segments(integer, text, timestamptz[], boolean) COST 1000 ROWS 1000;

CREATE FUNCTION pulse.combined_equity(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz,
		OUT ts timestamptz, OUT value numeric, OUT flow numeric)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pulse_combined_equity' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_equity(integer[], text[], text, timestamptz, timestamptz) IS
	'The curve of several portfolios together, in order of time: at every snapshot the exact sum of their newest values; one that joins brings its value as a deposit. The queries, each of a source, return portfolio, ts, value and flow, run as the current user, and have portfolio, since and until as $1, $2 and $3. Rows without time or value are skipped. Memory is that of a sort; more goes to temporary files.';

CREATE FUNCTION pulse.combined_metrics(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz)
	RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_combined_metrics' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_metrics(integer[], text[], text, timestamptz, timestamptz) IS
	'pulse_metrics() over pulse.combined_equity() of the same arguments, without its rows; NULL without any.';

CREATE FUNCTION pulse.combined_summary(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz, period interval)
	RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_combined_summary' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_summary(integer[], text[], text, timestamptz, timestamptz, interval) IS
	'pulse_summary() of pulse.combined_equity() by buckets of a period; NULL without a row.';

CREATE FUNCTION pulse.combined_segments(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz,
		cuts timestamptz[], by_days boolean)
	RETURNS TABLE (part integer, first_ts timestamptz, last_ts timestamptz, observations bigint, first double precision, last double precision,
				   high double precision, high_ts timestamptz, low double precision, deepest double precision, flow double precision,
				   link double precision, entry_link double precision)
	AS 'MODULE_PATHNAME', 'pulse_combined_segments' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_segments(integer[], text[], text, timestamptz, timestamptz, timestamptz[], boolean) IS
	'pulse.combined_equity() in pieces, like those of pulse.state_segments().';

CREATE FUNCTION pulse.combined_levels(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz)
	RETURNS TABLE (ts timestamptz, level double precision)
	AS 'MODULE_PATHNAME', 'pulse_combined_levels' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_levels(integer[], text[], text, timestamptz, timestamptz) IS
	'The logarithm of the growth of pulse.combined_equity(), flows removed, where a drawdown begins, is lowest and ends.';

CREATE FUNCTION pulse.combined_chart(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz, points integer)
	RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pulse_combined_chart' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_chart(integer[], text[], text, timestamptz, timestamptz, integer) IS
	'pulse.chart() of pulse.combined_equity().';

CREATE FUNCTION pulse.equity_parts(for_portfolio text, since timestamptz, until timestamptz, OUT sources integer[], OUT queries text[], OUT single boolean)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	only_one text := CASE WHEN for_portfolio IS NULL THEN (SELECT s.series_portfolio FROM pulse.series_of(NULL) s) END;
	-- SQL for the portfolio: the parameter, or the only one there is; NULL: several
	wanted text := CASE WHEN for_portfolio IS NOT NULL THEN '$1' WHEN only_one IS NOT NULL THEN quote_literal(only_one) END;
	bounded boolean := since IS NOT NULL OR until IS NOT NULL;
	source record;
	followed integer := 0;
	archived boolean;
	by_portfolio boolean;
	list CONSTANT text := 'r.total_value::pg_catalog.numeric, r.net_flow::pg_catalog.numeric';
	rows text;
BEGIN
	sources := '{}';
	queries := '{}';
	FOR source IN SELECT s.source_id, s.archived_before FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active' ORDER BY s.source_id LOOP
		archived := wanted IS NULL AND source.archived_before IS NOT NULL;
		-- from a time on: the planner has the choice between the index of each portfolio and all rows
		by_portfolio := wanted IS NULL AND since IS NOT NULL AND NOT pulse.distributed(source.source_id);
		rows := pulse.build_source_query(source.source_id, CASE WHEN by_portfolio THEN 'n.portfolio' ELSE wanted END,
			CASE WHEN bounded THEN 'coalesce($2, ''-infinity'')' END, CASE WHEN bounded THEN 'coalesce($3, ''infinity'')' END);
		IF rows IS NULL THEN
			CONTINUE;
		END IF;
		queries := queries || format('SELECT r.portfolio, r.ts, %s FROM %s WHERE r.total_value IS NOT NULL%s%s%s', list,
			CASE WHEN by_portfolio THEN format('pulse.portfolios_of(''snapshots'') n JOIN LATERAL (%s) r ON n.source_id = %s', rows, source.source_id)
				ELSE format('(%s) r', rows) END,
			coalesce(' AND r.portfolio = ' || wanted, ''), CASE WHEN since IS NOT NULL THEN ' AND r.ts > $2' ELSE '' END,
			CASE WHEN archived THEN format(' AND r.ts >= %L', source.archived_before) ELSE '' END);
		IF archived THEN
			-- whose snapshots may be gone: how each hour ended
			queries := queries || format('SELECT n.portfolio, g.last_ts, g.last::pg_catalog.numeric, g.flow::pg_catalog.numeric FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
				'pulse.state_segments(n.source_id, n.portfolio, ARRAY[%s, %s]::timestamptz[], false) g WHERE n.source_id = %s',
				CASE WHEN since IS NOT NULL THEN format('least($2 + interval ''1 microsecond'', %L)', source.archived_before) ELSE '''-infinity''' END,
				CASE WHEN until IS NOT NULL THEN format('least($3 + interval ''1 microsecond'', %L)', source.archived_before) ELSE quote_literal(source.archived_before) END,
				source.source_id);
		END IF;
		IF since IS NOT NULL THEN
			-- what a period starts from is the last snapshot before it
			queries := queries || CASE WHEN wanted IS NOT NULL THEN
				format('(SELECT r.portfolio, $2, %s FROM (%s) r WHERE r.portfolio = %s AND r.total_value IS NOT NULL ORDER BY r.ts DESC LIMIT 1)',
					list, pulse.build_source_query(source.source_id, wanted, '''-infinity''', '$2'), wanted)
			WHEN archived THEN
				format('SELECT n.portfolio, $2, (b.m).first_value::pg_catalog.numeric, 0::pg_catalog.numeric FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
					'(SELECT pulse.state_metrics(n.source_id, n.portfolio, $2, $2) AS m OFFSET 0) b WHERE n.source_id = %s', source.source_id)
			WHEN NOT by_portfolio THEN
				format('(SELECT DISTINCT ON (r.portfolio) r.portfolio, $2, %s FROM (%s) r WHERE r.total_value IS NOT NULL ORDER BY r.portfolio, r.ts DESC)',
					list, pulse.build_source_query(source.source_id, NULL, '''-infinity''', '$2'))
			ELSE
				format('SELECT n.portfolio, $2, b.* FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
					'(SELECT %s FROM (%s) r WHERE r.portfolio = n.portfolio AND r.total_value IS NOT NULL ORDER BY r.ts DESC LIMIT 1) b WHERE n.source_id = %s',
					list, pulse.build_source_query(source.source_id, 'n.portfolio', '''-infinity''', '$2'), source.source_id)
			END;
		END IF;
		sources := sources || array_fill(source.source_id, ARRAY[cardinality(queries) - cardinality(sources)]);
		followed := followed + 1;
	END LOOP;
	single := wanted IS NOT NULL AND followed = 1;
END
$$;
COMMENT ON FUNCTION pulse.equity_parts(text, timestamptz, timestamptz) IS
	'The queries of pulse.combined_equity() that read the snapshots of a portfolio, or of all visible ones (NULL), each with its source: those after since up to until, and of each portfolio the last one up to since, which stands at since. Of several together, archived times count by hours. single: it is the one curve of one portfolio.';

CREATE FUNCTION pulse.combined_points(sources integer[], portfolios text[], lower_bound timestamptz, upper_bound timestamptz,
		by_hours timestamptz[], raw_hours timestamptz[])
	RETURNS TABLE (series bigint, ts timestamptz, at timestamptz, unit timestamptz, by_hour boolean, value numeric, flow numeric,
				   high numeric, low numeric, observations numeric, special boolean, broken boolean)
	LANGUAGE plpgsql STABLE COST 10000 ROWS 10000
	SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
#variable_conflict use_column
DECLARE
	-- bounds of what is read of raw_hours
	since CONSTANT timestamptz[] := ARRAY(SELECT greatest(h.hour, lower_bound) FROM unnest(raw_hours) WITH ORDINALITY AS h (hour, i) ORDER BY h.i);
	until CONSTANT timestamptz[] := ARRAY(SELECT least(h.hour + interval '1 hour', upper_bound) - interval '1 microsecond'
		FROM unnest(raw_hours) WITH ORDINALITY AS h (hour, i) ORDER BY h.i);
	source integer;
BEGIN
	RETURN QUERY
	WITH pieces AS MATERIALIZED (
		SELECT n.series, g.*, false AS by_hour, date_bin('1 day', g.first_ts, '2000-01-03Z') AS unit
		FROM unnest(sources, portfolios) WITH ORDINALITY AS n (source_id, portfolio, series)
		CROSS JOIN LATERAL pulse.state_segments(n.source_id, n.portfolio, ARRAY[lower_bound, upper_bound], true) g
		WHERE date_bin('1 day', g.first_ts, '2000-01-03Z') <> ALL (by_hours)
		UNION ALL
		SELECT n.series, g.*, true, date_bin('1 hour', g.first_ts, '2000-01-03Z')
		FROM unnest(sources, portfolios) WITH ORDINALITY AS n (source_id, portfolio, series)
		CROSS JOIN unnest(by_hours) AS d (day)
		CROSS JOIN LATERAL pulse.state_segments(n.source_id, n.portfolio,
			ARRAY[greatest(d.day, lower_bound), least(d.day + interval '1 day', upper_bound)], false) g
	), units AS (
		SELECT p.series, p.unit, p.by_hour, max(p.last_ts) AS ts, (array_agg(p.last ORDER BY p.last_ts DESC))[1]::numeric AS value, max(p.high)::numeric AS high,
			min(p.low)::numeric AS low, sum(p.observations) AS observations, bool_or(p.link IS NULL) AS broken,
			bool_or(p.flow <> 0 OR p.link <> 1 OR p.entry_link <> 1) AS flows
		FROM pieces p
		WHERE p.unit <> ALL (raw_hours)
		GROUP BY p.series, p.unit, p.by_hour
	)
	SELECT u.series, u.ts, max(u.ts) OVER (PARTITION BY u.unit), u.unit, u.by_hour, u.value, 0::numeric, u.high, u.low, u.observations, coalesce(u.flows, true), u.broken
	FROM units u;
	FOR source IN SELECT DISTINCT s FROM unnest(sources) s WHERE raw_hours <> '{}' LOOP
		RETURN QUERY EXECUTE format(
			'SELECT n.series, r.ts, r.ts, NULL::timestamptz, true, r.total_value, coalesce(r.net_flow, 0), NULL::numeric, NULL::numeric, 1::numeric, false,'
			' NOT (r.total_value > 0 AND r.total_value < ''Infinity'' AND coalesce(r.net_flow, 0) > ''-Infinity'' AND coalesce(r.net_flow, 0) < ''Infinity'')'
			' FROM unnest($1, $2) WITH ORDINALITY AS n (source_id, portfolio, series) CROSS JOIN unnest($3, $4) AS h (since, until)'
			' CROSS JOIN LATERAL (%s) r WHERE n.source_id = $5 AND r.portfolio = n.portfolio AND r.total_value IS NOT NULL AND isfinite(r.ts)',
			-- by the key for each portfolio and hour, and not all hours of a portfolio for each of them
			format(CASE WHEN pulse.distributed(source) THEN '%s' ELSE 'SELECT * FROM (%s) r OFFSET 0' END, pulse.build_source_query(source, 'n.portfolio', 'h.since', 'h.until')))
			USING sources, portfolios, since, until, source;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.combined_points(integer[], text[], timestamptz, timestamptz, timestamptz[], timestamptz[]) IS
	'What is known of several curves between two times, the second excluded: of each the last, highest and lowest value of every UTC day, of the days by_hours of every hour, and the snapshots themselves of raw_hours. at is when the last of the curves had its last value in that unit; special tells of deposits and withdrawals inside.';

CREATE FUNCTION pulse.combined_plan(for_portfolio text, since timestamptz, until timestamptz, look_cost integer,
		OUT whole boolean, OUT sources integer[], OUT portfolios text[], OUT bases numeric[], OUT by_hours timestamptz[], OUT raw_hours timestamptz[])
	LANGUAGE plpgsql STABLE COST 100000
	SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	lower_bound CONSTANT timestamptz := coalesce(combined_plan.since + interval '1 microsecond', '-infinity');
	upper_bound CONSTANT timestamptz := coalesce(combined_plan.until + interval '1 microsecond', 'infinity');
	archived timestamptz;
	look record;
	looked numeric := 0;
BEGIN
	by_hours := '{}';
	raw_hours := '{}';
	whole := false;
	SELECT coalesce(array_agg(p.source_id ORDER BY p.source_id, p.portfolio), '{}'), coalesce(array_agg(p.portfolio ORDER BY p.source_id, p.portfolio), '{}')
		INTO sources, portfolios FROM pulse.portfolios_of('snapshots') p WHERE for_portfolio IS NULL OR p.portfolio = for_portfolio;
	SELECT coalesce(max(s.archived_before), '-infinity') INTO archived FROM pulse.source s WHERE s.source_id = ANY (sources);
	IF combined_plan.since IS NOT NULL THEN
		bases := ARRAY(SELECT (pulse.state_metrics(n.source_id, n.portfolio, combined_plan.since, combined_plan.since)).first_value::numeric
			FROM unnest(sources, portfolios) WITH ORDINALITY AS n (source_id, portfolio, i) ORDER BY n.i);
	END IF;
	-- Days first, then hours of those days, then the snapshots of those hours in which something lies that they cannot
	-- tell: money that came or went, and where the deepest drawdown might begin or end.
	FOR round IN 1..8 LOOP
		WITH points AS MATERIALIZED (
			SELECT * FROM pulse.combined_points(sources, portfolios, lower_bound, upper_bound, by_hours, raw_hours)
			UNION ALL
			SELECT b.i, combined_plan.since, combined_plan.since, NULL, true, b.value, 0, NULL, NULL, 0, false, NOT (b.value > 0 AND b.value < 'Infinity')
				FROM unnest(bases) WITH ORDINALITY AS b (value, i) WHERE b.value IS NOT NULL
		), steps AS (
			SELECT p.*, p.value - coalesce(lag(p.value) OVER w, 0) AS step, CASE WHEN row_number() OVER w = 1 THEN p.value ELSE p.flow END AS inflow,
				greatest(p.high - lag(p.value) OVER w, 0) AS up, least(p.low - lag(p.value) OVER w, 0) AS down, row_number() OVER w = 1 AS joins
			FROM points p WINDOW w AS (PARTITION BY p.series ORDER BY p.ts)
		), marks AS (
			SELECT s.at, max(s.unit) AS unit, bool_or(s.by_hour) AS by_hour, sum(s.step) AS step, sum(s.inflow) AS flow, sum(s.up) AS up, sum(s.down) AS down,
				sum(s.observations) AS observations, bool_or(s.broken) AS broken, bool_or(s.special OR s.joins) FILTER (WHERE s.unit >= archived) AS special
			FROM steps s GROUP BY s.at
		), curve AS (
			SELECT m.*, sum(m.step) OVER (ORDER BY m.at) AS value FROM marks m
		), moves AS (
			SELECT c.*, lag(c.value) OVER (ORDER BY c.at) AS before FROM curve c
		), levels AS (
			SELECT m.*, sum(CASE WHEN m.before > 0 AND m.value - m.flow > 0 THEN ln(((m.value - m.flow) / m.before)::float8) ELSE 0 END) OVER (ORDER BY m.at) AS level,
				CASE WHEN m.unit >= archived AND NOT m.special AND m.before + m.up > 0 AND m.before + m.down > 0 AND m.value > 0
					THEN ln(((m.before + m.up) / m.value)::float8) END AS higher,
				CASE WHEN m.unit >= archived AND NOT m.special AND m.before + m.up > 0 AND m.before + m.down > 0 AND m.value > 0
					THEN ln(((m.before + m.down) / m.value)::float8) END AS lower
			FROM moves m
		), bounds AS (
			SELECT l.*, max(l.level) OVER (ORDER BY l.at) AS peak, max(l.level) OVER () AS top,
				max(l.level + coalesce(l.higher, 0)) OVER (ORDER BY l.at) AS peak_bound,
				min(l.level + coalesce(l.lower, 0)) OVER (ORDER BY l.at DESC) AS low_bound,
				lag(l.level, 1, 0) OVER (ORDER BY l.at) AS level_before
			FROM levels l
		), deepest AS (
			SELECT max(b.peak - b.level) AS fall FROM bounds b
		), wanted AS (
			SELECT b.unit, b.by_hour, b.observations FROM bounds b CROSS JOIN deepest d
			WHERE b.unit IS NOT NULL AND (b.special
				OR (NOT EXISTS (SELECT FROM marks m WHERE m.special) AND (
					(b.level + b.higher > greatest(b.level, b.level_before) + 1e-12 AND (b.level + b.higher - b.low_bound > d.fall + 1e-12 OR b.level + b.higher > b.top + 1e-12))
					OR (b.level + b.lower < least(b.level, b.level_before) - 1e-12 AND b.peak_bound - (b.level + b.lower) > d.fall + 1e-12))))
		)
		SELECT (SELECT bool_or(m.broken OR m.value <= 0 OR m.value - m.flow < 0) FROM curve m) AS broken,
			ARRAY(SELECT DISTINCT w.unit FROM wanted w WHERE NOT w.by_hour) AS days, ARRAY(SELECT DISTINCT w.unit FROM wanted w WHERE w.by_hour) AS hours,
			(SELECT count(*) FROM points) AS points, (SELECT sum(w.observations / CASE WHEN w.by_hour THEN 1 ELSE 24 END) FROM wanted w) AS to_read,
			(SELECT sum(m.observations) FROM marks m) AS all_rows
			INTO look;
		EXIT WHEN look.days = '{}' AND look.hours = '{}' AND NOT coalesce(look.broken, false);
		looked := looked + look.points + 24 * cardinality(look.days) * cardinality(sources) + coalesce(look.to_read, 0);
		-- A curve that was lost, or one that is sooner read as it is; of a day that is looked into an hour will be read.
		whole := coalesce(look.broken, false) OR looked * look_cost > look.all_rows OR cardinality(by_hours) + cardinality(look.days) > 2000 OR round = 8;
		EXIT WHEN whole;
		by_hours := by_hours || look.days;
		raw_hours := raw_hours || look.hours;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.combined_plan(text, timestamptz, timestamptz, integer) IS
	'What tells the figures of several portfolios together: the days, hours and snapshots that pulse.combined_points() gives for these columns, or all snapshots (whole), where to find those takes longer, a look at a point costing as much as to add up so many snapshots; bases are the values that a period starts from.';

CREATE FUNCTION pulse.combined_days(sources integer[], portfolios text[], bases numeric[], since timestamptz, until timestamptz, by_hours timestamptz[], raw_hours timestamptz[])
	RETURNS TABLE (ts timestamptz, value numeric, flow numeric, observations numeric)
	LANGUAGE sql STABLE ROWS 1000
	SET jit = off
	AS $$
	WITH points AS (
		SELECT p.series, p.ts, p.at, p.value, p.flow, p.observations
			FROM pulse.combined_points($1, $2, coalesce($4 + interval '1 microsecond', '-infinity'), coalesce($5 + interval '1 microsecond', 'infinity'), $6, $7) p
		UNION ALL
		SELECT b.i, $4, $4, b.value, 0, 0 FROM unnest($3) WITH ORDINALITY AS b (value, i) WHERE b.value IS NOT NULL
	), steps AS (
		SELECT p.at, p.observations, p.value - coalesce(lag(p.value) OVER w, 0) AS step, CASE WHEN row_number() OVER w = 1 THEN p.value ELSE p.flow END AS flow
		FROM points p WINDOW w AS (PARTITION BY p.series ORDER BY p.ts)
	)
	SELECT c.at, sum(c.step) OVER (ORDER BY c.at), c.flow, c.observations
	FROM (SELECT s.at, sum(s.step) AS step, sum(s.flow) AS flow, sum(s.observations) AS observations FROM steps s GROUP BY s.at) c
	$$;
COMMENT ON FUNCTION pulse.combined_days(integer[], text[], numeric[], timestamptz, timestamptz, timestamptz[], timestamptz[]) IS
	'The curve of several portfolios together at the points of pulse.combined_points(), from bases on.';

CREATE FUNCTION pulse.combined_performance(for_portfolio text, since timestamptz, until timestamptz, look_cost integer DEFAULT 150)
	RETURNS pulse_metrics_row
	LANGUAGE plpgsql STABLE COST 100000
	AS $$
DECLARE
	plan record := pulse.combined_plan(for_portfolio, since, until, look_cost);
	parts record;
BEGIN
	IF plan.whole THEN
		parts := pulse.equity_parts(for_portfolio, since, until);
		RETURN pulse.combined_metrics(parts.sources, parts.queries, for_portfolio, since, until);
	END IF;
	RETURN (SELECT @extschema@.pulse_metrics(c.ts, c.value, c.flow)
		FROM pulse.combined_days(plan.sources, plan.portfolios, plan.bases, since, until, plan.by_hours, plan.raw_hours) c);
END
$$;
COMMENT ON FUNCTION pulse.combined_performance(text, timestamptz, timestamptz, integer) IS
	'pulse_metrics() of several portfolios together: the sum of their curves, one that joins counting as a deposit. From the values at the end of each day and each snapshot of the hours in which money came or went, a portfolio joined, or the deepest drawdown, or the highest value, may lie; returns of days and drawdowns are those of all snapshots. Where these are soon added up, from all of them. look_cost as in pulse.combined_plan().';

CREATE FUNCTION pulse.hour_levels(source_id integer, portfolio text, hours timestamptz[], levels double precision[], before double precision[])
	RETURNS TABLE (ts timestamptz, level double precision)
	LANGUAGE plpgsql STABLE COST 10000 ROWS 10000
	SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
BEGIN
	IF hours = '{}' THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format($q$
		SELECT s.ts, s.level + sum(s.step) OVER (PARTITION BY s.i ORDER BY s.ts)
		FROM (
			SELECT x.i, x.level, r.ts, coalesce(ln(((r.total_value - coalesce(r.net_flow, 0))
				/ coalesce(lag(r.total_value) OVER (PARTITION BY x.i ORDER BY r.ts), x.before::numeric))::float8), 0) AS step
			FROM unnest($2, $3, $4, $5) WITH ORDINALITY AS x (since, until, level, before, i)
			CROSS JOIN LATERAL (%s) r
			WHERE r.portfolio = $1 AND r.total_value IS NOT NULL
		) s$q$, pulse.build_source_query(source_id, '$1', 'x.since', 'x.until'))
		USING portfolio, hours, ARRAY(SELECT h.hour + interval '1 hour' - interval '1 microsecond' FROM unnest(hours) WITH ORDINALITY AS h (hour, i) ORDER BY h.i), levels, before;
END
$$;
COMMENT ON FUNCTION pulse.hour_levels(integer, text, timestamptz[], double precision[], double precision[]) IS
	'Logarithms of growth at each snapshot of some hours of a curve, given how far it had come before each of them and its value then.';

CREATE FUNCTION pulse.drawdown_curve(for_portfolio text, top integer)
	RETURNS TABLE (ts timestamptz, level double precision)
	LANGUAGE plpgsql STABLE COST 100000 ROWS 10000
	SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	series record := pulse.series_of(for_portfolio);
	archived timestamptz;
	-- hours of which the snapshots are read
	raw_hours timestamptz[] := '{}';
	look record;
BEGIN
	IF series.source_id IS NOT NULL THEN
		SELECT bool_or(g.link IS NULL OR g.low <= 0) AS broken, count(*) AS n INTO look
			FROM pulse.state_segments(series.source_id, series.series_portfolio, '{-infinity,infinity}', true) g;
	ELSE
		RETURN QUERY SELECT l.ts, l.level FROM pulse.equity_parts(for_portfolio, NULL, NULL) p
			CROSS JOIN LATERAL pulse.combined_levels(p.sources, p.queries, for_portfolio, NULL, NULL) l;
		RETURN;
	END IF;
	IF look.broken OR look.n = 0 THEN
		RETURN QUERY SELECT g.ts, coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0) FROM pulse.growth(for_portfolio) g;
		RETURN;
	END IF;
	SELECT coalesce(s.archived_before, '-infinity') INTO archived FROM pulse.source s WHERE s.source_id = series.source_id;
	FOR round IN 1..10 LOOP
		WITH hours AS MATERIALIZED (
			SELECT h.*, date_bin('1 hour', h.first_ts, '2000-01-03Z') AS unit, sum(ln(h.growth)) OVER (ORDER BY h.first_ts) AS level
			FROM (SELECT g.*, coalesce(g.last * g.link * g.entry_link / lag(g.last) OVER (ORDER BY g.first_ts), g.last * g.link / g.first) AS growth
				  FROM pulse.state_segments(series.source_id, series.series_portfolio, '{-infinity,infinity}', false) g) h
		), known AS MATERIALIZED (
			SELECT h.unit, p.ts, p.level
			FROM hours h CROSS JOIN LATERAL (VALUES (CASE WHEN h.high > h.last AND h.high_ts < h.last_ts THEN h.high_ts END, h.level + ln(h.high / h.last)),
				(h.last_ts, h.level)) AS p (ts, level)
			WHERE h.unit <> ALL (raw_hours) AND p.ts IS NOT NULL
			UNION ALL
			SELECT date_bin('1 hour', r.ts, '2000-01-03Z'), r.ts, r.level
			FROM pulse.hour_levels(series.source_id, series.series_portfolio, raw_hours, ARRAY(SELECT h.level - ln(h.growth) FROM unnest(raw_hours) WITH ORDINALITY AS x (unit, i) JOIN hours h ON h.unit = x.unit ORDER BY x.i),
				ARRAY(SELECT h.before FROM unnest(raw_hours) WITH ORDINALITY AS x (unit, i) JOIN (SELECT h.unit, lag(h.last) OVER (ORDER BY h.first_ts) AS before FROM hours h) h ON h.unit = x.unit ORDER BY x.i)) r
		), peaks AS (
			SELECT k.*, max(k.level) OVER (ORDER BY k.ts) AS peak FROM known k
		), episodes AS (
			SELECT p.*, count(*) FILTER (WHERE p.level >= p.peak) OVER (ORDER BY p.ts) AS episode FROM peaks p
		), spans AS (
			SELECT e.episode, min(e.unit) AS first_unit, max(e.peak - e.level) AS depth, (array_agg(e.unit ORDER BY e.level, e.ts))[1] AS trough_unit
			FROM episodes e GROUP BY e.episode
		), ordered AS (
			SELECT s.*, lead(s.first_unit) OVER (ORDER BY s.episode) AS end_unit, row_number() OVER (ORDER BY s.depth DESC, s.episode) AS place FROM spans s
		), least_depth AS (
			SELECT coalesce((SELECT o.depth FROM ordered o WHERE o.place = greatest(top, 1)), 0) AS depth
		), bounds AS (
			SELECT h.unit, h.level + ln(h.high / h.last) AS high, h.level + ln(h.low / h.last) AS low, -ln(1 - h.deepest) AS inside,
				b.peak, b.depth, b.trough_unit
			FROM hours h
			LEFT JOIN (SELECT x.unit, lag(x.peak) OVER (ORDER BY x.unit) AS peak, lag(x.depth) OVER (ORDER BY x.unit) AS depth, lag(x.trough_unit) OVER (ORDER BY x.unit) AS trough_unit
				FROM (SELECT DISTINCT ON (e.unit) e.unit, e.peak, s.depth, s.trough_unit FROM episodes e JOIN spans s ON s.episode = e.episode
					  ORDER BY e.unit, e.ts DESC) x) b ON b.unit = h.unit
			WHERE h.unit <> ALL (raw_hours)
		)
		SELECT ARRAY(
			SELECT u.unit FROM (
				-- where a trough may be
				SELECT b.unit FROM bounds b CROSS JOIN least_depth d
					WHERE b.peak - b.low > d.depth - 1e-12 AND b.peak - b.low > 1e-12
						AND (b.peak - b.low > b.depth + 1e-12 OR (b.peak - b.low > b.depth - 1e-12 AND b.unit <= b.trough_unit))
				UNION
				SELECT b.unit FROM bounds b CROSS JOIN least_depth d WHERE (b.peak IS NULL OR b.high >= b.peak) AND b.inside > 1e-12 AND b.inside > d.depth - 1e-12
				UNION
				-- and when those that count begin and end
				SELECT x.unit FROM ordered o CROSS JOIN LATERAL (VALUES (o.first_unit), (o.trough_unit), (o.end_unit)) AS x (unit)
					WHERE o.place <= top AND o.depth > 1e-12 AND x.unit IS NOT NULL
			) u WHERE u.unit <> ALL (raw_hours) AND u.unit >= archived) AS more,
			(SELECT count(*) FROM hours) AS n
			INTO look;
		EXIT WHEN look.more = '{}' OR round = 10;
		raw_hours := raw_hours || look.more;
		EXIT WHEN cardinality(raw_hours) > look.n / 2 + 100;
	END LOOP;
	IF look.more <> '{}' THEN
		RETURN QUERY SELECT g.ts, coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0) FROM pulse.growth(for_portfolio) g;
		RETURN;
	END IF;
	RETURN QUERY
	WITH hours AS MATERIALIZED (
		SELECT h.*, date_bin('1 hour', h.first_ts, '2000-01-03Z') AS unit, sum(ln(h.growth)) OVER (ORDER BY h.first_ts) AS level
		FROM (SELECT g.*, lag(g.last) OVER (ORDER BY g.first_ts) AS before,
				coalesce(g.last * g.link * g.entry_link / lag(g.last) OVER (ORDER BY g.first_ts), g.last * g.link / g.first) AS growth
			  FROM pulse.state_segments(series.source_id, series.series_portfolio, '{-infinity,infinity}', false) g) h
	)
	SELECT p.ts, p.level
	FROM hours h CROSS JOIN LATERAL (VALUES (CASE WHEN h.high > h.last AND h.high_ts < h.last_ts THEN h.high_ts END, h.level + ln(h.high / h.last)),
		(h.last_ts, h.level)) AS p (ts, level)
	WHERE h.unit <> ALL (raw_hours) AND p.ts IS NOT NULL
	UNION ALL
	SELECT r.ts, r.level
	FROM pulse.hour_levels(series.source_id, series.series_portfolio, raw_hours,
		ARRAY(SELECT h.level - ln(h.growth) FROM unnest(raw_hours) WITH ORDINALITY AS x (unit, i) JOIN hours h ON h.unit = x.unit ORDER BY x.i),
		ARRAY(SELECT h.before FROM unnest(raw_hours) WITH ORDINALITY AS x (unit, i) JOIN hours h ON h.unit = x.unit ORDER BY x.i)) r;
END
$$;
COMMENT ON FUNCTION pulse.drawdown_curve(text, integer) IS
	'The logarithm of the growth of a curve, from summaries: of every hour its highest and last value, and each snapshot of the hours in which one of the deepest drawdowns (so many) begins, ends, has its lowest point, or may have. Of several portfolios together: at each snapshot where a drawdown begins, is lowest or ends; of a curve that was lost: at each.';

CREATE OR REPLACE FUNCTION pulse.performance(for_portfolio text, since timestamptz, until timestamptz,
		OUT ts timestamptz, OUT total_value numeric, OUT cash_balance numeric, OUT positions_value numeric,
		OUT position_count integer, OUT unrealized_pnl numeric, OUT realized_pnl numeric, OUT fees numeric, OUT total_pnl numeric,
		OUT net_flow numeric, OUT metrics pulse_metrics_row,
		OUT win_rate double precision, OUT profit_factor double precision, OUT average_win double precision,
		OUT average_loss double precision, OUT total_trades bigint, OUT trades_per_day double precision,
		OUT trade_pnl numeric, OUT trade_fees numeric, OUT best_trade numeric, OUT worst_trade numeric,
		OUT expectancy double precision, OUT payoff_ratio double precision, OUT average_holding interval)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	ledger record;
	series record := pulse.series_of(for_portfolio);
	closed record;
	first_trade timestamptz;
	last_trade timestamptz;
BEGIN
	SELECT max(s.ts), sum(s.total_value), sum(s.cash_balance), sum(s.positions_value), sum(s.position_count),
			sum(s.unrealized_pnl), sum(s.realized_pnl), sum(s.net_flow)
		INTO ts, total_value, cash_balance, positions_value, position_count, unrealized_pnl, realized_pnl, net_flow
		FROM pulse.latest_snapshots(for_portfolio) s;
	SELECT count(*) AS symbols, count(*) FILTER (WHERE p.opened_at IS NOT NULL) AS open_positions,
			sum(p.realized_pnl) AS realized_pnl, sum(p.fees) AS fees,
			sum(p.quantity * p.mark_price - p.cost) AS unrealized_pnl, max(p.mark_at) AS last_fill
		INTO ledger
		FROM pulse.current_positions(for_portfolio, 'average') p;
	-- The bot knows the market better than the prices of its own last fills; of what it has realised the ledger does.
	unrealized_pnl := trim_scale(coalesce(unrealized_pnl, ledger.unrealized_pnl));
	realized_pnl := coalesce(ledger.realized_pnl, realized_pnl);
	fees := ledger.fees;
	total_pnl := trim_scale(realized_pnl + coalesce(unrealized_pnl, 0) - coalesce(fees, 0));
	IF position_count IS NULL AND ledger.symbols > 0 THEN
		position_count := ledger.open_positions;
	END IF;

	IF series.source_id IS NOT NULL THEN
		metrics := pulse.state_metrics(series.source_id, series.series_portfolio, since, until);
	ELSE
		metrics := pulse.combined_performance(for_portfolio, since, until);
	END IF;

	SELECT * INTO closed FROM pulse.trade_sums(for_portfolio, since, until);
	total_trades := closed.trades;
	win_rate := closed.wins::float8 / nullif(closed.trades, 0);
	profit_factor := closed.won::float8 / nullif(closed.lost, 0)::float8;
	average_win := closed.won::float8 / nullif(closed.wins, 0);
	average_loss := closed.lost::float8 / nullif(closed.losses, 0);
	payoff_ratio := average_win / nullif(average_loss, 0);
	expectancy := (closed.won - closed.lost)::float8 / nullif(closed.trades, 0);
	trade_pnl := closed.gross_pnl;
	trade_fees := closed.fees;
	best_trade := closed.best;
	worst_trade := closed.worst;
	average_holding := closed.holding / nullif(closed.trades, 0);
	first_trade := closed.first_opened;
	last_trade := closed.last_closed;
	IF total_trades > 0 THEN
		trades_per_day := total_trades / greatest(1, extract(epoch FROM
			coalesce(until, greatest(last_trade, ts)) - coalesce(since, first_trade)) / 86400.0);
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.performance(text, timestamptz, timestamptz) IS
	'State of a portfolio now, the metrics of its equity and the statistics of its closed trades in a period with open ends (NULL). Portfolio NULL: all visible ones together, money summed up, returns weighted with the values at the beginning.';

CREATE OR REPLACE FUNCTION pulse.monthly_growth(for_portfolio text, timezone text)
	RETURNS TABLE (month timestamp, ts timestamptz, value double precision, r double precision)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(for_portfolio);
	sources integer[];
	queries text[];
	first_time timestamptz;
	last_time timestamptz;
	cuts timestamptz[];
BEGIN
	IF series.source_id IS NOT NULL THEN
		SELECT m.first_ts, m.last_ts INTO first_time, last_time FROM pulse.state_metrics(series.source_id, series.series_portfolio, NULL, NULL) m;
	ELSE
		SELECT min((p.m).first_ts), max((p.m).last_ts) INTO first_time, last_time
			FROM (SELECT pulse.state_metrics(o.source_id, o.portfolio, NULL, NULL) AS m FROM pulse.portfolios_of('snapshots') o
				  WHERE for_portfolio IS NULL OR o.portfolio = for_portfolio OFFSET 0) p;
	END IF;
	IF first_time IS NULL THEN
		RETURN;
	END IF;
	cuts := ARRAY(SELECT m AT TIME ZONE timezone FROM generate_series(date_trunc('month', first_time AT TIME ZONE timezone),
		date_trunc('month', last_time AT TIME ZONE timezone) + interval '1 month', interval '1 month') m ORDER BY m);
	IF series.source_id IS NULL THEN
		SELECT p.sources, p.queries INTO sources, queries FROM pulse.equity_parts(for_portfolio, NULL, NULL) p;
	END IF;
	RETURN QUERY
		SELECT date_trunc('month', s.first_ts AT TIME ZONE timezone), s.last_ts, s.last,
			-- the flow at the very first snapshot is where the curve begins, not a part of it
			CASE WHEN s.before IS NOT NULL THEN s.last * s.link * s.entry_link / nullif(s.before, 0) - 1
				WHEN s.observations > 1 THEN s.last * s.link / nullif(s.first, 0) - 1 END
		FROM (SELECT p.*, lag(p.last) OVER (ORDER BY p.first_ts) AS before
			  FROM (SELECT g.* FROM pulse.state_segments(series.source_id, series.series_portfolio, cuts, true) g WHERE series.source_id IS NOT NULL
					UNION ALL
					SELECT g.* FROM pulse.combined_segments(sources, queries, for_portfolio, NULL, NULL, cuts, true) g WHERE series.source_id IS NULL) p) s;
END
$$;
COMMENT ON FUNCTION pulse.monthly_growth(text, text) IS
	'Returns of stretches of a curve, none longer than a day or across the end of a month of a time zone; NULL for the first snapshot and where equity was not positive.';

CREATE OR REPLACE FUNCTION pulse_drawdowns(top integer DEFAULT 10, portfolio text DEFAULT NULL)
	RETURNS TABLE (rank bigint, depth double precision, peak_at timestamptz, trough_at timestamptz, recovered_at timestamptz,
				   duration interval, time_to_trough interval, time_to_recover interval)
	LANGUAGE sql STABLE
	AS $$
	WITH curve AS MATERIALIZED (
		SELECT c.ts, c.level FROM pulse.drawdown_curve($2, $1) c
	), peaks AS (
		SELECT c.ts, c.level, max(c.level) OVER (ORDER BY c.ts) AS peak FROM curve c
	), episodes AS (
		SELECT p.ts, p.level, p.peak, count(*) FILTER (WHERE p.level >= p.peak) OVER (ORDER BY p.ts) AS episode FROM peaks p
	), spans AS (
		SELECT e.episode, min(e.ts) AS peak_at, min(e.level - e.peak) AS fall,
			(array_agg(e.ts ORDER BY e.level, e.ts))[1] AS trough_at, max(e.ts) AS last_at
		FROM episodes e GROUP BY e.episode
	), bounded AS (
		SELECT s.*, lead(s.peak_at) OVER (ORDER BY s.episode) AS recovered_at FROM spans s
	)
	SELECT row_number() OVER (ORDER BY b.fall, b.peak_at), 1 - exp(b.fall), b.peak_at, b.trough_at, b.recovered_at,
		coalesce(b.recovered_at, b.last_at) - b.peak_at, b.trough_at - b.peak_at, b.recovered_at - b.trough_at
	FROM bounded b
	-- less than a rounding error is no drawdown
	WHERE b.fall < -1e-12
	ORDER BY b.fall, b.peak_at
	LIMIT greatest($1, 0)
	$$;
COMMENT ON FUNCTION pulse_drawdowns(integer, text) IS
	'The deepest drawdowns of the equity, deposits and withdrawals removed: depth (a positive fraction of the peak), when the peak was, the lowest point and the recovery (NULL while it lasts), and how long each part took; duration runs to the recovery or the last snapshot. Portfolio NULL: all visible ones together.';


-- Tables of partitions, chunks and shards.
CREATE FUNCTION pulse.spread_by(relation regclass) RETURNS text
	LANGUAGE plpgsql STABLE STRICT
	AS $$
DECLARE
	found boolean := false;
BEGIN
	-- the catalogues of the two exist only where they are installed
	IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'timescaledb') THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM _timescaledb_catalog.hypertable h
			JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) h.schema_name
			JOIN pg_catalog.pg_class c ON c.relname OPERATOR(pg_catalog.=) h.table_name AND c.relnamespace OPERATOR(pg_catalog.=) n.oid
			WHERE c.oid OPERATOR(pg_catalog.=) $1)' INTO found USING relation;
		IF found THEN
			RETURN 'timescaledb';
		END IF;
	END IF;
	IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition d WHERE d.logicalrelid OPERATOR(pg_catalog.=) $1)' INTO found USING relation;
		IF found THEN
			RETURN 'citus';
		END IF;
	END IF;
	RETURN (SELECT 'partitions' FROM pg_catalog.pg_class WHERE oid = relation AND relkind = 'p');
END
$$;
COMMENT ON FUNCTION pulse.spread_by(regclass) IS
	'What keeps the rows of a table in several places: partitions, timescaledb (a hypertable) or citus (a distributed table); NULL for a table of one piece.';

CREATE OR REPLACE FUNCTION pulse.create_capture_triggers(relation regclass, source_id integer) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET client_min_messages = warning
	AS $$
BEGIN
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture ON %s', relation);
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture_truncate ON %s', relation);
	EXECUTE format('CREATE TRIGGER pulse_capture AFTER INSERT OR UPDATE OR DELETE ON %s '
				   'FOR EACH ROW EXECUTE FUNCTION pulse.capture(%L)', relation, source_id);
	EXECUTE format('CREATE TRIGGER pulse_capture_truncate AFTER TRUNCATE ON %s '
				   'FOR EACH STATEMENT EXECUTE FUNCTION pulse.capture_truncate(%L)', relation, source_id);
	IF pulse.spread_by(relation) = 'timescaledb' THEN
		RETURN;			-- ENABLE ALWAYS is refused there
	END IF;
	-- ALWAYS: rows that logical replication or session_replication_role = replica bring in count too
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pulse_capture', relation);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pulse_capture_truncate', relation);
END
$$;
COMMENT ON FUNCTION pulse.create_capture_triggers(regclass, integer) IS
	'Creates, or creates anew, the two capture triggers of a followed table: ENABLE ALWAYS, except on a hypertable, which refuses that. Needs the rights of its owner.';

CREATE OR REPLACE FUNCTION pulse.normalized_columns(relation regclass, kind text, columns jsonb, timezone text)
	RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	item record;
	mapping jsonb;
	name text;
	actual_type oid;
	actual_category "char";
	result jsonb := '{}';
	known text;
	present text;
	unique_key text[];
	placing_column text;
BEGIN
	SELECT string_agg(logical, ', ') INTO known FROM pulse.logical_columns(kind);
	IF known IS NULL THEN
		RAISE EXCEPTION 'unknown kind of table: %', coalesce(quote_literal(kind), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''snapshots'' or ''trades''.';
	END IF;
	IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
		RAISE EXCEPTION 'columns must be a JSON object'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example {"executed_at": "created_at"}.';
	END IF;
	FOR name IN SELECT jsonb_object_keys(columns) EXCEPT SELECT logical FROM pulse.logical_columns(kind) LOOP
		RAISE EXCEPTION 'unknown column "%" in the mapping', name
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('A table of kind %s has: %s.', kind, known),
				  HINT = 'The mapping goes from the name Pulse uses to the name your table uses.';
	END LOOP;
	IF timezone IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names z WHERE lower(z.name) = lower(timezone)) THEN
		RAISE EXCEPTION 'unknown time zone "%"', timezone
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name from pg_timezone_names, for example UTC.';
	END IF;
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO present
		FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped;

	FOR item IN SELECT * FROM pulse.logical_columns(kind) LOOP
		mapping := columns -> item.logical;
		IF mapping ? 'column' THEN
			result := result || jsonb_build_object(item.logical, pulse.checked_mapping(relation, item.logical, item.type_name, mapping));
			CONTINUE;
		ELSIF jsonb_typeof(mapping) = 'object' THEN
			IF item.required OR item.logical = 'id' OR jsonb_typeof(mapping -> 'value') IS DISTINCT FROM 'string' THEN
				RAISE EXCEPTION 'column "%" cannot be mapped to %', item.logical, mapping
					USING ERRCODE = 'invalid_parameter_value',
						  HINT = 'A constant is written {"value": "text"}, for optional columns only.';
			END IF;
			result := result || jsonb_build_object(item.logical, mapping);
			CONTINUE;
		ELSIF jsonb_typeof(mapping) = 'array' AND item.logical = 'id' AND jsonb_array_length(mapping) > 0 THEN
			unique_key := ARRAY(SELECT jsonb_array_elements_text(mapping));
		ELSIF mapping IS NULL AND item.logical = 'id' AND NOT EXISTS (
				SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attname = 'id' AND attnum > 0 AND NOT attisdropped) THEN
			unique_key := ARRAY(
				SELECT a.attname::text FROM pg_catalog.pg_index i
				CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
				JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
				WHERE i.indrelid = relation AND i.indisprimary ORDER BY k.n);
			IF unique_key = '{}' THEN
				RAISE EXCEPTION 'table "%" has neither a column "id" nor a primary key', relation
					USING ERRCODE = 'invalid_table_definition',
						  HINT = 'Every fill needs a key: add a primary key or map "id" to a unique column.';
			END IF;
			mapping := to_jsonb(unique_key);
		ELSIF jsonb_typeof(mapping) NOT IN ('string', 'null') THEN
			RAISE EXCEPTION 'column "%" cannot be mapped to %', item.logical, mapping
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the name of a column, or null when there is none.';
		END IF;

		IF jsonb_typeof(mapping) = 'array' THEN
			FOREACH name IN ARRAY unique_key LOOP
				IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attname = name AND attnum > 0 AND NOT attisdropped) THEN
					RAISE EXCEPTION 'column "%" of table "%" does not exist', name, relation
						USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present);
				END IF;
			END LOOP;
			result := result || jsonb_build_object('id', to_jsonb(unique_key));
			CONTINUE;
		END IF;

		name := coalesce(mapping #>> '{}', item.logical);
		actual_type := NULL;
		IF mapping IS NULL OR jsonb_typeof(mapping) = 'string' THEN
			SELECT c.actual, t.typcategory INTO actual_type, actual_category
				FROM pulse.column_type(relation, name) AS c (actual) JOIN pg_catalog.pg_type t ON t.oid = c.actual;
			IF actual_type IS NULL AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
					WHERE a.attrelid = relation AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped) THEN
				RAISE EXCEPTION 'column "%" of table "%" has a type of its own', name, relation
					USING ERRCODE = 'datatype_mismatch', HINT = 'Add a generated column of a built-in type and map that.';
			END IF;
		END IF;
		IF actual_type IS NULL THEN
			IF jsonb_typeof(mapping) = 'string' THEN
				RAISE EXCEPTION 'column "%" of table "%" does not exist', name, relation
					USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present);
			ELSIF item.required OR item.logical = 'id' THEN
				RAISE EXCEPTION 'table "%" has no column for "%"', relation, item.logical
					USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present),
						  HINT = format('Map it: columns => ''{"%s": "name in your table"}''.', item.logical);
			END IF;
			result := result || jsonb_build_object(item.logical, NULL);
			CONTINUE;
		END IF;
		IF item.type_name = 'timestamptz' THEN
			IF actual_type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
				RAISE EXCEPTION 'column "%" has type %, which is not a time', name, format_type(actual_type, NULL)
					USING ERRCODE = 'datatype_mismatch', HINT = 'Add a generated column of type timestamptz and map that.';
			ELSIF actual_type <> 'timestamptz'::regtype AND timezone IS NULL THEN
				RAISE EXCEPTION 'column "%" has type %, which does not say its time zone', name, format_type(actual_type, NULL)
					USING ERRCODE = 'invalid_parameter_value', HINT = 'Say in which zone the bot writes it, for example timezone => ''UTC''.';
			END IF;
		ELSIF item.type_name <> 'text' AND actual_category <> 'N' THEN
			RAISE EXCEPTION 'column "%" has type %, which is not a number', name, format_type(actual_type, NULL)
				USING ERRCODE = 'datatype_mismatch', HINT = format('Add a generated column of type %s and map that.', item.type_name);
		END IF;
		IF name <> item.logical THEN
			result := result || jsonb_build_object(item.logical, name);
		END IF;
		IF item.logical = 'id' THEN
			unique_key := ARRAY[name];
		END IF;
	END LOOP;

	-- a table in pieces must have the column in its key that tells the piece, which is the time as a rule
	placing_column := CASE WHEN pulse.spread_by(relation) IS NOT NULL THEN coalesce(result ->> 'executed_at', 'executed_at') END;
	IF kind = 'trades' AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_index i
		WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
			AND NOT EXISTS (
				SELECT FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS k(attnum)
				JOIN pg_catalog.pg_attribute a ON a.attrelid = relation AND a.attnum = k.attnum
				WHERE a.attname <> ALL (unique_key) AND a.attname <> coalesce(result ->> 'portfolio', 'portfolio')
					AND a.attname IS DISTINCT FROM placing_column)) THEN
		RAISE EXCEPTION 'nothing makes (%) unique in table "%"', array_to_string(unique_key, ', '), relation
			USING ERRCODE = 'invalid_table_definition',
				  HINT = 'Add a primary key or a unique constraint, so that a fill is counted once.';
	END IF;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse.normalized_columns(regclass, text, jsonb, text) IS
	'Checks a column mapping against a table and returns it in the form that pulse.source.columns stores: only what differs from the logical names. Errors: 22023, 42703, 42804, 42P16 with the columns that there are.';

CREATE OR REPLACE FUNCTION pulse_attach(relation regclass, kind text, columns jsonb DEFAULT '{}', timezone text DEFAULT NULL, capture text DEFAULT 'trigger')
	RETURNS integer
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	normalized jsonb;
	relation_kind "char";
	new_source integer;
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'relation must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT relkind INTO relation_kind FROM pg_catalog.pg_class WHERE oid = relation AND relpersistence <> 't';
	IF relation_kind IS NULL OR relation_kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a permanent table', relation
			USING ERRCODE = 'wrong_object_type', HINT = 'Name the table that the bot writes to.';
	END IF;
	IF capture IS NULL OR capture NOT IN ('trigger', 'poll') THEN
		RAISE EXCEPTION 'unknown way of capture: %', coalesce(quote_literal(capture), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''trigger'', or ''poll'' for a table that must not have one.';
	END IF;
	normalized := pulse.normalized_columns(relation, kind, columns, timezone);
	IF capture = 'trigger' AND pulse.spread_by(relation) = 'citus' THEN
		RAISE EXCEPTION 'a distributed table cannot be followed by a trigger'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use capture => ''poll''.';
	ELSIF capture = 'trigger' AND jsonb_typeof(normalized -> CASE kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END) = 'object' THEN
		RAISE EXCEPTION 'a table whose times are numbers cannot be followed by a trigger'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use capture => ''poll'', or add a generated column of type timestamptz and map that.';
	END IF;
	new_source := pulse.register_source(relation, kind, normalized, coalesce(timezone, 'UTC'), capture, false);
	IF capture = 'trigger' THEN
		PERFORM pulse.create_capture_triggers(relation, new_source);
		IF pulse.spread_by(relation) = 'timescaledb' THEN
			RAISE NOTICE 'rows that logical replication brings into the hypertable "%" are not noticed', relation
				USING HINT = 'Hypertables refuse ENABLE ALWAYS TRIGGER; use capture => ''poll'' where rows come by replication.';
		END IF;
	END IF;
	PERFORM pulse.add_default_rules_once();
	RETURN new_source;
END
$$;
COMMENT ON FUNCTION pulse_attach(regclass, text, jsonb, text, text) IS
	'Follows an existing table of the given kind (snapshots or trades) under a mapping of column names, for example columns => ''{"executed_at": "created_at", "fee": "commission"}''; returns its source_id. Columns without a time zone need timezone, the zone that the bot writes in. Amounts kept as whole millionths are written {"price": {"column": "price", "scale": 6}}; where a row is an order that is filled in place, {"quantity": {"column": "filled", "skip_zero": true}} leaves out what is not filled yet; times kept as numbers are {"column": "time", "unit": "ms"}, with capture poll. Without a side column the sign of the quantity is the side. capture is trigger, or poll for a table that must not have triggers (or cannot, as a table that Citus distributes): it is read every five seconds then. In a table of partitions or chunks the unique key may hold the time beside the id; the id alone must tell a fill. The caller must own the table. Errors name the column and what the table has.';

CREATE FUNCTION pulse.ambiguous_keys(source pulse.source, since timestamptz, for_portfolio text)
	RETURNS TABLE (portfolio text, symbol text, key text, executed_at timestamptz, fills bigint)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	relation regclass := to_regclass(format('%I.%I', source.schema_name, source.table_name));
BEGIN
	-- elsewhere a unique index rules it out
	IF pulse.spread_by(relation) IS NULL OR NOT has_table_privilege(relation, 'SELECT') THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format('SELECT q.portfolio, min(q.symbol), q.fill_key, max(q.executed_at), count(*) FROM (%s) AS q
			WHERE $2 IS NULL OR q.portfolio OPERATOR(pg_catalog.=) $2
			GROUP BY q.portfolio, q.fill_key HAVING count(*) OPERATOR(pg_catalog.>) 1 ORDER BY 4 DESC LIMIT 1000',
		pulse.build_source_query(source.source_id, NULL, '$1', '''infinity''::pg_catalog.timestamptz')) USING since, for_portfolio;
END
$$;
COMMENT ON FUNCTION pulse.ambiguous_keys(pulse.source, timestamptz, text) IS
	'Keys that several rows of a table of partitions, chunks or shards share since a time: only one of them is booked.';

CREATE OR REPLACE FUNCTION pulse.data_quality(since timestamptz, for_portfolio text)
	RETURNS TABLE (source text, portfolio text, kind text, symbol text, key text, problem text, executed_at timestamptz, fills bigint)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s pulse.source;
	o record;
BEGIN
	FOR s IN SELECT x.* FROM pulse.source x WHERE x.state = 'active' ORDER BY x.source_id LOOP
		source := format('%I.%I', s.schema_name, s.table_name);
		portfolio := NULL;
		symbol := NULL;
		key := NULL;
		executed_at := NULL;
		fills := NULL;
		IF to_regclass(source) IS NULL THEN
			kind := 'missing table';
			problem := 'there is no such table now; what was computed from it stands';
			RETURN NEXT;
			CONTINUE;
		ELSIF s.last_error IS NOT NULL THEN
			kind := 'unreadable table';
			problem := s.last_error;
			RETURN NEXT;
		END IF;
		CONTINUE WHEN s.kind <> 'trades';
		RETURN QUERY SELECT source, nullif(f.portfolio::text, ''), 'refused', NULL::text, nullif(f.fill_key::text, ''), f.problem, f.executed_at, 1::bigint
			FROM pulse.finding f WHERE f.source_id = s.source_id AND (for_portfolio IS NULL OR f.portfolio = for_portfolio);
		IF s.columns ? 'preset' AND has_table_privilege(to_regclass(source), 'SELECT') THEN
			RETURN QUERY SELECT source, q.portfolio, q.kind, q.symbol, q.key, q.problem, q.executed_at, NULL::bigint FROM pulse.preset_oddities(s) q
				WHERE for_portfolio IS NULL OR q.portfolio = for_portfolio;
		END IF;
		RETURN QUERY SELECT source, a.portfolio, 'same key', a.symbol, a.key, format('%s rows have this key, one of them is booked', a.fills), a.executed_at, a.fills
			FROM pulse.ambiguous_keys(s, since, for_portfolio) a;
		FOR o IN SELECT p.portfolio FROM pulse.portfolios_of('trades') p WHERE p.source_id = s.source_id AND (for_portfolio IS NULL OR p.portfolio = for_portfolio) LOOP
			RETURN QUERY SELECT source, o.portfolio, 'in the future', f.symbol::text, f.fill_key::text, 'executed later than now', f.executed_at, 1::bigint
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at > now() + interval '5 minutes'
				ORDER BY f.executed_at LIMIT 1000;
			RETURN QUERY SELECT source, o.portfolio, 'no price', f.symbol::text, max(f.fill_key::text), 'booked at a price of 0', max(f.executed_at), count(*)
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at >= since AND f.price = 0 GROUP BY f.symbol;
			-- with an id of the exchange two fills may well be alike
			RETURN QUERY SELECT source, o.portfolio, 'twins', f.symbol::text, max(f.fill_key::text),
					format('%s fills alike in time, side, quantity and price, without ids that tell them apart', count(*)), f.executed_at, count(*)
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at >= since AND f.fill_id IS NULL AND f.order_id IS NULL
				GROUP BY f.symbol, f.executed_at, f.side, f.quantity, f.price HAVING count(*) > 1 ORDER BY f.executed_at DESC LIMIT 1000;
		END LOOP;
	END LOOP;
	RETURN QUERY SELECT NULL::text, x.portfolio, 'fee without a rate', x.symbol, NULL::text,
			format('fees of %s %s are in no profit: neither currency of the pair, and no price of it in %s is known of the time', trim_scale(sum(x.amount)), x.fee_asset, coalesce(x.quote_asset, 'the quote currency')),
			max(x.executed_at), count(*)
		FROM pulse.other_fees(since, for_portfolio) x WHERE x.rate IS NULL GROUP BY x.portfolio, x.symbol, x.fee_asset, x.quote_asset;
END
$$;
COMMENT ON FUNCTION pulse.data_quality(timestamptz, text) IS 'Body of pulse_data_quality().';

CREATE OR REPLACE FUNCTION pulse_data_quality(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (source text, portfolio text, kind text, symbol text, key text, problem text, executed_at timestamptz, fills bigint)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.data_quality(pulse.check_days($1), $2) $$;
COMMENT ON FUNCTION pulse_data_quality(integer, text) IS
	'What is wrong or odd with the followed tables. kind: refused, a row that cannot be booked, with the reason (no, zero or negative quantity, negative price, neither BUY nor SELL, NaN, no time, too many digits; at most 1000 a table, gone when it is mended); fee without a rate, fees in a third asset that nothing can value (see pulse_fees); no price, booked at 0; in the future; twins, fills alike in everything without ids that tell them apart; same key, several rows of a table of partitions, chunks or shards of which one only is booked; coarse price, symbols that hummingbot keeps too few digits of; stale order, one of crypto-pulse-v3 that has been PENDING for more than 300 seconds; missing table and unreadable table. Booked fills are looked through for the last days, all else whenever it was. Fills processed so far; portfolio NULL means all visible ones. Error 22023 for days out of range.';

-- The state of pulse_rollup() becomes a type of its own, which Citus sends from node to node.
CREATE TYPE pulse.rollup_state;

CREATE FUNCTION pulse.rollup_state_in(cstring) RETURNS pulse.rollup_state
	AS 'MODULE_PATHNAME', 'pulse_rollup_state_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_state_in(cstring) IS 'Internal: text form of pulse.rollup_state to value.';
CREATE FUNCTION pulse.rollup_state_out(pulse.rollup_state) RETURNS cstring
	AS 'MODULE_PATHNAME', 'pulse_rollup_state_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_state_out(pulse.rollup_state) IS 'Internal: value of pulse.rollup_state to text form.';

CREATE TYPE pulse.rollup_state (
	INPUT = pulse.rollup_state_in,
	OUTPUT = pulse.rollup_state_out,
	INTERNALLENGTH = variable,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE pulse.rollup_state IS
	'Internal: state of pulse_rollup(), a type of its own so that Citus merges on each node what is there.';

CREATE FUNCTION pulse.rollup_add(pulse.rollup_state, pulse_summary) RETURNS pulse.rollup_state
	AS 'MODULE_PATHNAME', 'pulse_rollup_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_add(pulse.rollup_state, pulse_summary) IS 'Internal: transition of pulse_rollup().';
CREATE FUNCTION pulse.rollup_merge(pulse.rollup_state, pulse.rollup_state) RETURNS pulse.rollup_state
	AS 'MODULE_PATHNAME', 'pulse_rollup_merge' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_merge(pulse.rollup_state, pulse.rollup_state) IS 'Internal: merges the states of two parallel workers, or nodes, over summaries.';
CREATE FUNCTION pulse.rollup_end(pulse.rollup_state) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_rollup_end' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_end(pulse.rollup_state) IS 'Internal: final function of pulse_rollup().';
CREATE OR REPLACE AGGREGATE pulse_rollup(summary pulse_summary) (
	SFUNC = pulse.rollup_add,
	STYPE = pulse.rollup_state,
	SSPACE = 2048,
	FINALFUNC = pulse.rollup_end,
	COMBINEFUNC = pulse.rollup_merge,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_rollup(pulse_summary) IS
	'Merges summaries of one equity curve, in any order. The result equals the summary of all rows, to the bit where there are no flows, as long as the summaries do not overlap in time inside a bucket; where they do, drawdown is approximate. NULL is skipped; no summary gives NULL. Summaries of different periods raise 22023. Over the frame of a window it is computed from all of the frame''s rows each time.';
DROP FUNCTION pulse.rollup_accum(internal, @extschema@.pulse_summary), pulse.rollup_final(internal), pulse.rollup_combine(internal, internal),
	pulse.rollup_serialize(internal), pulse.rollup_deserialize(bytea, internal);

-- Tables that Citus has distributed.
CREATE FUNCTION pulse.distributed(source_id integer) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_distributed' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION pulse.distributed(integer) IS
	'Whether Citus has distributed the followed table, so that it sends only some forms of query to the shards.';

CREATE FUNCTION pulse.portfolio_query(source_id integer) RETURNS text
	AS 'MODULE_PATHNAME', 'pulse_portfolio_query' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION pulse.portfolio_query(integer) IS
	'SELECT that lists the portfolios in a followed table, from each to the next one through the index; in a distributed table SELECT DISTINCT. NULL when the table or a required column is gone.';

CREATE FUNCTION pulse.newest_snapshots(source_id integer)
	RETURNS TABLE (portfolio text, ts timestamptz, total_value numeric, cash_balance numeric, positions_value numeric,
				   unrealized_pnl numeric, realized_pnl numeric, net_flow numeric, position_count integer)
	AS 'MODULE_PATHNAME', 'pulse_newest_snapshots' LANGUAGE C STABLE STRICT ROWS 100;
COMMENT ON FUNCTION pulse.newest_snapshots(integer) IS
	'The newest snapshot of each portfolio in a distributed table, read with the rights of the current user: by its key where the stored summaries know it, and among all rows since what has been polled and processed.';

CREATE OR REPLACE FUNCTION pulse.portfolios_of(kind text)
	RETURNS TABLE (source_id integer, portfolio text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	query text;
BEGIN
	FOR source IN SELECT s.source_id FROM pulse.source s WHERE s.kind = portfolios_of.kind AND s.state = 'active' ORDER BY s.source_id LOOP
		IF portfolios_of.kind = 'snapshots' AND pulse.distributed(source.source_id) THEN
			RETURN QUERY SELECT source.source_id, n.portfolio FROM pulse.newest_snapshots(source.source_id) n;
			CONTINUE;
		END IF;
		query := pulse.portfolio_query(source.source_id);
		IF query IS NOT NULL THEN
			RETURN QUERY EXECUTE format('SELECT $1, f.portfolio FROM (%s) f', query) USING source.source_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.portfolios_of(text) IS
	'Portfolios in the followed tables of a kind (snapshots or trades) that the current user sees.';

CREATE OR REPLACE FUNCTION pulse.equity_query(for_portfolio text, since timestamptz, until timestamptz)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	parts record := pulse.equity_parts(for_portfolio, since, until);
BEGIN
	IF cardinality(parts.sources) = 0 THEN
		RETURN 'SELECT NULL::timestamptz AS ts, NULL::numeric AS value, NULL::numeric AS flow WHERE false';
	ELSIF parts.single THEN
		RETURN format('SELECT p.ts, p.value, p.flow FROM (%s) AS p (portfolio, ts, value, flow)', array_to_string(parts.queries, ' UNION ALL '));
	END IF;
	-- as a column and not as a table, so that its rows go on one by one
	RETURN format('SELECT (c.point).ts, (c.point).value, (c.point).flow FROM (SELECT pulse.combined_equity(%L, %L, $1, %s, %s) AS point) c',
		parts.sources, parts.queries, CASE WHEN since IS NOT NULL THEN '$2' ELSE 'NULL' END, CASE WHEN until IS NOT NULL THEN '$3' ELSE 'NULL' END);
END
$$;
COMMENT ON FUNCTION pulse.equity_query(text, timestamptz, timestamptz) IS
	'SELECT, to be run with $1 portfolio, $2 since and $3 until, that yields ts, value and flow of a portfolio, or of all visible ones together (portfolio NULL), from the last snapshot up to since, which stands at since, to until. Returns of the sum are the means of the portfolios'' returns weighted with their values at the beginning of each step.';

CREATE OR REPLACE FUNCTION pulse.latest_snapshots(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, ts timestamptz, total_value numeric, cash_balance numeric,
				   positions_value numeric, unrealized_pnl numeric, realized_pnl numeric, net_flow numeric, position_count integer)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	query text;
	list CONSTANT text := 'r.portfolio, r.ts, r.total_value, r.cash_balance, r.positions_value, r.unrealized_pnl, r.realized_pnl, r.net_flow, r.position_count';
BEGIN
	IF for_portfolio IS NOT NULL THEN
		RETURN QUERY SELECT s.source_id, n.* FROM pulse.source s CROSS JOIN LATERAL pulse.newest_snapshot(s.source_id, for_portfolio) n
			WHERE s.kind = 'snapshots' AND s.state = 'active' AND n.ts IS NOT NULL ORDER BY s.source_id;
		RETURN;
	END IF;
	FOR source IN SELECT s.source_id FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active' ORDER BY s.source_id LOOP
		IF pulse.distributed(source.source_id) THEN
			RETURN QUERY SELECT source.source_id, n.* FROM pulse.newest_snapshots(source.source_id) n;
			CONTINUE;
		END IF;
		query := pulse.build_source_query(source.source_id, 'n.portfolio', NULL, NULL);
		IF query IS NOT NULL THEN
			RETURN QUERY EXECUTE format('SELECT $1, b.* FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
				'(SELECT %s FROM (%s) r WHERE r.portfolio = n.portfolio AND r.ts IS NOT NULL ORDER BY r.ts DESC LIMIT 1) b WHERE n.source_id = $1', list, query)
				USING source.source_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.latest_snapshots(text) IS
	'The newest snapshot of a portfolio, or of each visible one (NULL).';

CREATE OR REPLACE FUNCTION pulse.retention_work(at timestamptz,
	OUT source_id integer, OUT owner oid, OUT cutoff timestamptz, OUT thin_from timestamptz, OUT thin_until timestamptz,
	OUT thin_to interval, OUT first_query text, OUT thin_query text, OUT keep_query text)
	RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
	sealed timestamptz;
	table_name text;
	ts text;					-- its column
	converted text;				-- a timestamptz %s as a value of that column
	instant text;				-- the column as a timestamptz
	portfolio text;
	flow text;
	each text;					-- joins every portfolio
	mine text;
BEGIN
	FOR item IN
		SELECT r.*, s.schema_name, s.table_name, s.timezone, s.columns, c.oid AS relation, c.relowner
		FROM pulse.retention r JOIN pulse.source s ON s.source_id = r.source_id
			JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', s.schema_name, s.table_name))
		WHERE s.state = 'active' AND s.kind = 'snapshots' ORDER BY r.source_id
	LOOP
		sealed := pulse.archive_buckets(item.source_id, at - least(item.keep, item.thin_after));
		CONTINUE WHEN sealed IS NULL;

		table_name := format('%I.%I', item.schema_name, item.table_name);
		ts := coalesce(item.columns ->> 'ts', 'ts');
		converted := CASE pulse.column_type(item.relation, ts)
			WHEN 'timestamptz'::regtype THEN '%s' WHEN 'timestamp'::regtype THEN format('(%%s AT TIME ZONE %L)', item.timezone) END;
		instant := CASE pulse.column_type(item.relation, ts)
			WHEN 'timestamptz'::regtype THEN format('r.%I', ts) WHEN 'timestamp'::regtype THEN format('(r.%I AT TIME ZONE %L)', ts, item.timezone) END;
		-- a column that holds no more than days, or that is gone
		CONTINUE WHEN converted IS NULL;
		portfolio := CASE WHEN jsonb_typeof(coalesce(item.columns -> 'portfolio', '""')) = 'string' THEN coalesce(item.columns ->> 'portfolio', 'portfolio') END;
		IF pulse.column_type(item.relation, portfolio) IS NULL THEN
			portfolio := NULL;
		END IF;
		flow := CASE WHEN jsonb_typeof(coalesce(item.columns -> 'net_flow', '""')) = 'string' THEN coalesce(item.columns ->> 'net_flow', 'net_flow') END;
		IF pulse.column_type(item.relation, flow) IS NULL THEN
			flow := NULL;
		END IF;
		-- from each portfolio to the next one, and within it from its oldest row: all through the index on both
		each := CASE WHEN portfolio IS NULL THEN 'FROM (SELECT) f' ELSE format('FROM (WITH RECURSIVE f AS ('
			'(SELECT r.%1$I AS p FROM %2$s r ORDER BY r.%1$I LIMIT 1) UNION ALL '
			'SELECT (SELECT r.%1$I FROM %2$s r WHERE r.%1$I > f.p ORDER BY r.%1$I LIMIT 1) FROM f WHERE f.p IS NOT NULL) '
			'SELECT f.p FROM f WHERE f.p IS NOT NULL) f', portfolio, table_name) END;
		mine := CASE WHEN portfolio IS NULL THEN '' ELSE format('r.%I = f.p AND ', portfolio) END;

		source_id := item.source_id;
		owner := item.relowner;
		cutoff := least(at - item.keep, sealed);
		thin_to := item.thin_to;
		thin_from := coalesce(item.thinned_until, '-infinity');
		thin_until := CASE WHEN item.thin_after IS NOT NULL THEN least(date_bin(item.thin_to, at - item.thin_after, '2000-01-01 00:00+00'), sealed) END;
		keep_query := CASE WHEN item.keep IS NOT NULL THEN format(
			'DELETE FROM %1$s d USING (SELECT x.t, x.c %2$s CROSS JOIN LATERAL (SELECT r.tableoid AS t, r.ctid AS c FROM %1$s r '
			'WHERE %3$sr.%4$I < %5$s ORDER BY r.%4$I LIMIT $2) x LIMIT $2) o WHERE d.ctid = o.c AND d.tableoid = o.t',
			table_name, each, mine, ts, format(converted, '$1')) END;
		first_query := format('SELECT min(x.ts) %2$s CROSS JOIN LATERAL (SELECT %6$s AS ts FROM %1$s r WHERE %3$sr.%4$I >= %5$s ORDER BY r.%4$I LIMIT 1) x',
			table_name, each, mine, ts, format(converted, '$1'), instant);
		thin_query := format(
			'DELETE FROM %1$s d USING (SELECT x.t, x.c %2$s CROSS JOIN LATERAL ('
			'SELECT r.tableoid AS t, r.ctid AS c, %7$s AS spare, pg_catalog.date_bin($4, %6$s, ''2000-01-01 00:00+00'')'
			' = pg_catalog.date_bin($4, lead(%6$s) OVER (ORDER BY r.%4$I), ''2000-01-01 00:00+00'') AS again'
			' FROM %1$s r WHERE %3$sr.%4$I >= %5$s AND r.%4$I < %8$s) x WHERE x.spare AND x.again LIMIT $3) o WHERE d.ctid = o.c AND d.tableoid = o.t',
			table_name, each, mine, ts, format(converted, '$1'), instant,
			CASE WHEN flow IS NULL THEN 'true' ELSE format('coalesce(r.%I = 0, true)', flow) END, format(converted, '$2'));
		IF portfolio IS NOT NULL AND pulse.distributed(source_id) THEN
			-- what Citus sends to the shards: no limit there, so up to the time of the last row of a batch, or all of a chunk;
			-- a place of a row is known within its shard, which the portfolio tells
			keep_query := CASE WHEN item.keep IS NOT NULL THEN format('DELETE FROM %1$s d WHERE d.%2$I <= '
				'(SELECT max(x.ts) FROM (SELECT r.%2$I AS ts FROM %1$s r WHERE r.%2$I < %3$s ORDER BY r.%2$I LIMIT $2) x)',
				table_name, ts, format(converted, '$1')) END;
			first_query := format('SELECT min(%1$s) FROM %2$s r WHERE r.%3$I >= %4$s', instant, table_name, ts, format(converted, '$1'));
			thin_query := format('DELETE FROM %1$s d USING (SELECT r.%2$I AS p, r.tableoid AS t, r.ctid AS c, %7$s AS spare,'
				' pg_catalog.date_bin($4, %6$s, ''2000-01-01 00:00+00'')'
				' = pg_catalog.date_bin($4, lead(%6$s) OVER (PARTITION BY r.%2$I ORDER BY r.%3$I), ''2000-01-01 00:00+00'') AS again'
				' FROM %1$s r WHERE r.%3$I >= %4$s AND r.%3$I < %5$s) x'
				' WHERE d.%2$I = x.p AND d.ctid = x.c AND d.tableoid = x.t AND x.spare AND x.again AND $3 > 0',
				table_name, portfolio, ts, format(converted, '$1'), format(converted, '$2'), instant,
				CASE WHEN flow IS NULL THEN 'true' ELSE format('coalesce(r.%I = 0, true)', flow) END);
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION pulse.retention_work(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.retention_work(timestamptz) IS
	'What the policies of pulse.retention ask for at a time, once the summaries of the days in question are sealed: statements to be run as the owner of each table. keep_query removes rows before $1, at most $2 (of a distributed table so many, and those of the same instant as the last); first_query finds the first row from $1 on; thin_query thins out rows from $1 up to $2, at most $3, to one in each $4.';

CREATE OR REPLACE FUNCTION pulse.verify_buckets(for_portfolio text)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE plpgsql STABLE
	SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	width record;
BEGIN
	FOR source IN
		SELECT s.source_id, coalesce(s.archived_before, '-infinity') AS archived_before, q.has_portfolios,
			pulse.source_query(s.source_id, false, false) AS query
		FROM pulse.source s CROSS JOIN LATERAL pulse.source_relation(s) AS q CROSS JOIN pulse.sequencer e
		WHERE s.kind = 'snapshots' AND s.state = 'active' AND s.epoch = e.epoch
	LOOP
		CONTINUE WHEN source.query IS NULL;
		FOR width IN SELECT * FROM (VALUES (1, '1 hour'::interval, '{1}'::smallint[]), (24, '1 day', '{24}'), (672, '1 day', '{672}')) AS w (hours, period, levels) LOOP
			RETURN QUERY EXECUTE format($q$
				WITH dirty AS MATERIALIZED (
					SELECT d.portfolio, coalesce(d.min_ts, '-infinity') AS min_ts, coalesce(d.max_ts, 'infinity') AS max_ts FROM pulse.dirty d WHERE d.source_id = $1
					UNION ALL SELECT m.portfolio, m.min_ts, m.max_ts FROM pulse.metric_dirty m WHERE m.source_id = $1
				), stored AS (
					SELECT m.portfolio, date_bin($3, g.first_ts, '2000-01-03Z') AS bucket, g.*
					FROM pulse.metric_state m CROSS JOIN LATERAL pulse.summary_segments(m.summary) g
					WHERE m.source_id = $1 AND m.hours = ANY ($4) AND ($2 IS NULL OR m.portfolio = $2)
				), computed AS MATERIALIZED (
					-- apart from our tables, so that Citus does it where the rows are
					SELECT r.portfolio, date_bin($3, g.first_ts, '2000-01-03Z') AS bucket, g.*
					FROM (SELECT r.portfolio, pulse.raw_summary(r.ts, r.total_value, r.net_flow, $3) AS summary FROM (%s) r
						  WHERE ($2 IS NULL OR r.portfolio = $2) AND r.portfolio IS NOT NULL AND r.total_value IS NOT NULL AND isfinite(r.ts) GROUP BY r.portfolio) r
					CROSS JOIN LATERAL pulse.summary_segments(r.summary) g
				)
				SELECT format('summary of %%s', CASE $4[1] WHEN 1 THEN 'an hour' WHEN 24 THEN 'a day' ELSE 'a day in four weeks' END), $1,
					coalesce(s.portfolio, c.portfolio), NULL::text, pulse.json_time(coalesce(s.bucket, c.bucket)),
					CASE WHEN s.bucket IS NOT NULL THEN concat_ws(' ', s.observations, s.first, s.last, s.high, s.low, s.deepest, s.flow, s.link) END,
					CASE WHEN c.bucket IS NOT NULL THEN concat_ws(' ', c.observations, c.first, c.last, c.high, c.low, c.deepest, c.flow, c.link) END
				FROM stored s FULL JOIN computed c ON c.portfolio = s.portfolio AND c.bucket = s.bucket
				WHERE coalesce(s.bucket, c.bucket) >= $5
					-- the newest four weeks have no row of their own
					AND ($4 <> '{672}' OR s.bucket IS NOT NULL OR EXISTS (SELECT FROM pulse.metric_state m WHERE m.source_id = $1 AND m.portfolio = c.portfolio
						AND m.hours = 672 AND m.bucket = date_bin('28 days', c.first_ts, '2000-01-03Z')))
					AND ((s.first_ts, s.last_ts, s.observations, s.first, s.last) IS DISTINCT FROM (c.first_ts, c.last_ts, c.observations, c.first, c.last)
						OR NOT (pulse.close_to(s.high, c.high) AND pulse.close_to(s.low, c.low) AND pulse.close_to(s.deepest, c.deepest)
								AND pulse.close_to(s.flow, c.flow) AND pulse.close_to(s.link, c.link) AND pulse.close_to(s.entry_link, c.entry_link)))
					-- what a tick is still to do is no difference
					AND NOT EXISTS (SELECT FROM dirty d WHERE (NOT $6 OR d.portfolio IS NULL OR d.portfolio = coalesce(s.portfolio, c.portfolio))
						AND d.min_ts < coalesce(s.bucket, c.bucket) + $3 AND d.max_ts >= coalesce(s.bucket, c.bucket))$q$, source.query)
				USING source.source_id, for_portfolio, width.period, width.levels, source.archived_before, source.has_portfolios;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.verify_buckets(text) IS
	'Summarises all snapshots of the followed tables anew and reports every bucket of pulse.metric_state that differs, is missing, or should not be there, but for what a tick is still to do and what is archived. Figures that products of flows go into may differ by 1e-9 of themselves.';

-- Anybody may listen to any channel and notify on it, so the one that events themselves come over has a name that nobody can
-- guess, and nobody may read.
CREATE TABLE pulse.event_channel (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	name		text NOT NULL
);
INSERT INTO pulse.event_channel (name) SELECT 'pulse_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
COMMENT ON TABLE pulse.event_channel IS 'the channel over which new fills come to those who may follow the events';
COMMENT ON COLUMN pulse.event_channel.singleton IS 'there is one row';
COMMENT ON COLUMN pulse.event_channel.name IS 'its name, a secret: pulse.follow_events() listens to it';

CREATE FUNCTION pulse.follow_events() RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	channel text := (SELECT c.name FROM pulse.event_channel c);
BEGIN
	EXECUTE format('LISTEN %I', channel);
	RETURN channel;
END
$$;
REVOKE ALL ON FUNCTION pulse.follow_events() FROM PUBLIC;
COMMENT ON FUNCTION pulse.follow_events() IS
	'Listens to the channel over which the events of single fills come as soon as they are committed, and returns its name, which is a secret. A payload is a line of seq, epoch, time, type and priority; a line with = and the portfolio; one with = and the key (- where there is none); and the data as JSON. They come besides the notifications on channel pulse, for few events at a time, and may be missing: pulse.event has them all. For pulse-worker (pulse_grant: worker).';
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES ('worker', 'function', 'follow_events', 'EXECUTE');

COMMENT ON COLUMN pulse_metrics_row.n_snapshots IS 'rows used';
COMMENT ON COLUMN pulse_metrics_row.n_periods IS 'returns, one for each bucket after the first';
COMMENT ON COLUMN pulse_metrics_row.gaps IS 'buckets without a row, whose value was carried forward';
COMMENT ON COLUMN pulse_metrics_row.first_ts IS 'time of the first row';
COMMENT ON COLUMN pulse_metrics_row.last_ts IS 'time of the last row';
COMMENT ON COLUMN pulse_metrics_row.first_value IS 'value of the first row';
COMMENT ON COLUMN pulse_metrics_row.last_value IS 'value of the last row';
COMMENT ON COLUMN pulse_metrics_row.net_flow IS 'deposits less withdrawals, without those of the first row';
COMMENT ON COLUMN pulse_metrics_row.period IS 'length of a bucket';
COMMENT ON COLUMN pulse_metrics_row.periods_per_year IS 'how many buckets a year has, by which rates are annualised';
COMMENT ON COLUMN pulse_metrics_row.confidence IS 'confidence of var, cvar, their relatives and cdar';
COMMENT ON COLUMN pulse_metrics_row.period_return IS 'return of the last bucket; in the only bucket, since the first row';
COMMENT ON COLUMN pulse_metrics_row.total_return IS 'return from the first row to the last, time-weighted, flows removed';
COMMENT ON COLUMN pulse_metrics_row.cagr IS 'the same a year';
COMMENT ON COLUMN pulse_metrics_row.volatility IS 'annual standard deviation of the returns of buckets';
COMMENT ON COLUMN pulse_metrics_row.downside_deviation IS 'annual root mean square of what returns fall short of the acceptable one';
COMMENT ON COLUMN pulse_metrics_row.sharpe IS 'annual Sharpe ratio';
COMMENT ON COLUMN pulse_metrics_row.sortino IS 'annual Sortino ratio';
COMMENT ON COLUMN pulse_metrics_row.calmar IS 'cagr over max_drawdown';
COMMENT ON COLUMN pulse_metrics_row.max_drawdown IS 'largest loss from a peak, as a fraction of it, over all rows';
COMMENT ON COLUMN pulse_metrics_row.current_drawdown IS 'loss of the last row from the highest peak before it, as a fraction of it';
COMMENT ON COLUMN pulse_metrics_row.drawdown_duration IS 'longest time under water: from a peak to its recovery, or to the last row';
COMMENT ON COLUMN pulse_metrics_row.average_drawdown IS 'mean drawdown at the ends of buckets';
COMMENT ON COLUMN pulse_metrics_row.ulcer_index IS 'root mean square of the drawdowns at the ends of buckets';
COMMENT ON COLUMN pulse_metrics_row.pain_index IS 'mean drawdown at the ends of buckets';
COMMENT ON COLUMN pulse_metrics_row.cdar IS 'conditional drawdown at risk: mean of the largest drawdowns beyond the confidence';
COMMENT ON COLUMN pulse_metrics_row.stability IS 'R squared of a straight line through the logarithm of the equity';
COMMENT ON COLUMN pulse_metrics_row.skewness IS 'skewness of the returns of buckets';
COMMENT ON COLUMN pulse_metrics_row.kurtosis IS 'excess kurtosis of the returns of buckets, 0 for a normal distribution';
COMMENT ON COLUMN pulse_metrics_row.gain_to_pain IS 'sum of the returns over the sum of the losses';
COMMENT ON COLUMN pulse_metrics_row.omega IS 'Omega ratio: gains over losses beyond the acceptable return';
COMMENT ON COLUMN pulse_metrics_row.psr IS 'probability that the true Sharpe ratio is above 0';
COMMENT ON COLUMN pulse_metrics_row.kelly IS 'Kelly fraction of the returns';
COMMENT ON COLUMN pulse_metrics_row.var_gaussian IS 'value at risk at the confidence, if returns were normal';
COMMENT ON COLUMN pulse_metrics_row.cvar_gaussian IS 'expected shortfall at the confidence, if returns were normal';
COMMENT ON COLUMN pulse_metrics_row.var_cornish_fisher IS 'value at risk at the confidence, corrected for skewness and kurtosis';
COMMENT ON COLUMN pulse_metrics_row.var IS 'value at risk of a bucket at the confidence, from the returns themselves';
COMMENT ON COLUMN pulse_metrics_row.cvar IS 'expected shortfall of a bucket at the confidence, from the returns themselves';
COMMENT ON COLUMN pulse_metrics_row.var_95 IS 'value at risk of a bucket at 0.95';
COMMENT ON COLUMN pulse_metrics_row.cvar_95 IS 'expected shortfall of a bucket at 0.95';
COMMENT ON COLUMN pulse_metrics_row.tail_ratio IS 'the 0.95 quantile of the returns over the size of the 0.05 quantile';
COMMENT ON COLUMN pulse.observation.rule IS 'name of the rule';
COMMENT ON COLUMN pulse.observation.portfolio IS 'portfolio that the value belongs to; empty: none';
COMMENT ON COLUMN pulse.observation.symbol IS 'symbol that it belongs to; empty: none';
COMMENT ON COLUMN pulse.observation.component IS 'component that it belongs to; empty: none';
COMMENT ON COLUMN pulse.observation.value IS 'the value; NULL is judged as the rule says of missing ones';
COMMENT ON COLUMN pulse.observation.warning IS 'threshold of a warning; NULL: none';
COMMENT ON COLUMN pulse.observation.critical IS 'threshold of a critical one; NULL: none';
COMMENT ON COLUMN pulse.observation.note IS 'what the message says besides';
COMMENT ON COLUMN pulse.observation.gone IS 'what it is about is there no longer: its alert is resolved';

-- Answers for some of the portfolios that a role may see.
CREATE FUNCTION pulse.narrowing() RETURNS text[]
	AS 'MODULE_PATHNAME', 'pulse_narrowing' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.narrowing() IS 'The portfolios that pulse.answer_within() leaves visible; NULL outside of it.';

CREATE FUNCTION pulse.is_within(portfolio text) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN portfolio IS NULL OR coalesce(portfolio = ANY (pulse.narrowing()), true);
COMMENT ON FUNCTION pulse.is_within(text) IS 'Whether pulse.answer_within() leaves a portfolio visible; true for none in particular, and outside of it.';

CREATE FUNCTION pulse.answer_within(portfolios text[], query text, parameters text[] DEFAULT NULL, OUT body text, OUT seq text, OUT epoch text)
	AS 'MODULE_PATHNAME', 'pulse_answer_within' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.answer_within(text[], text, text[]) IS
	'Runs a SELECT, with $1, $2 … of type text, as the current user and as if there were no portfolios but these, and returns up to three columns of its first row: what pulse-worker asks for clients that may see some portfolios together. It can only narrow what the role may read, and inside another one what that leaves; nothing can be written meanwhile. Errors: 42501 for a role to which row-level policies do not apply, 22004 without portfolios or query, 22023 for what is no SELECT, and those of the query.';

CREATE OR REPLACE FUNCTION pulse.build_source_query(source_id integer, portfolio text, since text, until text)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	source pulse.source;
	relation regclass;
	item record;
	expression text;
	portfolio_expression text;
	time_expression text;
	time_column text;
	time_type oid;
	list text[] := '{}';
	conditions text[] := '{}';
	only_these CONSTANT text[] := pulse.narrowing();
BEGIN
	SELECT * INTO source FROM pulse.source s WHERE s.source_id = build_source_query.source_id AND s.state = 'active';
	relation := to_regclass(format('%I.%I', source.schema_name, source.table_name));
	IF relation IS NULL THEN
		RETURN NULL;
	END IF;
	IF source.columns ? 'preset' THEN
		IF EXISTS (SELECT FROM pg_catalog.pg_attribute a
				WHERE a.attrelid IN (relation, to_regclass(format('%I.trades', source.schema_name))) AND a.attnum > 0 AND NOT a.attisdropped
					AND pulse.column_type(a.attrelid, a.attname) IS NULL) THEN
			RETURN NULL;
		END IF;
		RETURN format('SELECT r.* FROM (%s) AS r', pulse.preset_query(source.columns ->> 'preset', source.schema_name, source.columns #>> '{portfolio,value}'))
			|| CASE WHEN portfolio IS NOT NULL THEN format(' WHERE r.portfolio = %s', portfolio) ELSE ' WHERE true' END
			|| CASE WHEN since IS NOT NULL THEN format(' AND r.%1$I >= %2$s AND r.%1$I <= %3$s',
				CASE source.kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END, since, until) ELSE '' END
			|| CASE WHEN only_these IS NOT NULL THEN format(' AND r.portfolio OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.text[])', only_these) ELSE '' END;
	END IF;
	FOR item IN SELECT * FROM pulse.logical_columns(source.kind) LOOP
		expression := pulse.mapped_expression(relation, source.columns, source.timezone,
											  item.logical, item.type_name, item.fallback);
		IF expression IS NULL AND item.logical = 'side' THEN
			-- no column for the side: the sign of the quantity tells it
			expression := format('CASE WHEN %1$s < 0 THEN ''SELL'' ELSE ''BUY'' END',
				pulse.mapped_expression(relation, source.columns, source.timezone, 'quantity', 'numeric', NULL));
		ELSIF item.logical = 'quantity' AND pulse.mapped_expression(relation, source.columns, source.timezone, 'side', 'text', NULL) IS NULL THEN
			expression := format('pg_catalog.abs(%s)', expression);
		END IF;
		IF expression IS NULL THEN
			RETURN NULL;
		END IF;
		IF item.logical = 'portfolio' THEN
			portfolio_expression := expression;
		ELSIF item.type_name = 'timestamptz' THEN
			time_expression := expression;
			time_column := coalesce(source.columns ->> item.logical, item.logical);
		ELSIF item.logical = 'id' THEN
			-- whole numbers order fills of one instant; other keys order them as text
			list := list || format('%s AS ordinal',
				CASE WHEN pulse.orders_by_id(source)
					THEN format('r.%I::pg_catalog.int8', coalesce(source.columns ->> 'id', 'id'))
					ELSE '0::pg_catalog.int8' END);
			list := list || format('%s AS fill_key', expression);
			CONTINUE;
		END IF;
		list := list || format('%s AS %I', expression, item.logical);
	END LOOP;

	IF source.columns #> '{quantity,skip_zero}' = 'true' THEN
		conditions := conditions || format('r.%I OPERATOR(pg_catalog.<>) 0', source.columns #>> '{quantity,column}');
	END IF;
	IF portfolio IS NOT NULL THEN
		conditions := conditions || format('%s OPERATOR(pg_catalog.=) %s', portfolio_expression, portfolio);
	END IF;
	IF only_these IS NOT NULL THEN
		conditions := conditions || format('%s OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.text[])', portfolio_expression, only_these);
	END IF;
	IF since IS NOT NULL THEN
		conditions := conditions || format('%1$s OPERATOR(pg_catalog.>=) %2$s AND %1$s OPERATOR(pg_catalog.<=) %3$s', time_expression, since, until);
		SELECT atttypid INTO time_type FROM pg_catalog.pg_attribute
			WHERE attrelid = relation AND attname = time_column AND attnum > 0 AND NOT attisdropped;
		IF time_type = 'timestamp'::regtype THEN
			-- the same range on the bare column, so that its index serves; a day covers any shift of the zone
			conditions := conditions || format('r.%1$I OPERATOR(pg_catalog.>=) (%3$s AT TIME ZONE %2$L) - interval ''1 day'' AND r.%1$I OPERATOR(pg_catalog.<=) (%4$s AT TIME ZONE %2$L) + interval ''1 day''',
				time_column, source.timezone, since, until);
		END IF;
	END IF;
	RETURN format('SELECT %s FROM %s AS r', array_to_string(list, ', '), format('%I.%I', source.schema_name, source.table_name))
		|| CASE WHEN conditions <> '{}' THEN ' WHERE ' || array_to_string(conditions, ' AND ') ELSE '' END;
END
$$;
COMMENT ON FUNCTION pulse.build_source_query(integer, text, text, text) IS
	'SELECT that reads a followed table under the logical column names, of the portfolio and between the times that the given SQL expressions stand for (NULL: all); NULL when the table or a required column is gone. Trades carry ordinal and fill_key for their id.';

CREATE OR REPLACE FUNCTION pulse.activity(for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	trades jsonb;
	alerts jsonb := '[]';
BEGIN
	-- as the events have them
	SELECT coalesce(jsonb_agg(jsonb_build_object(
			'portfolio', t.portfolio, 'id', t.id, 'symbol', t.symbol, 'side', t.side, 'quantity', t.quantity::text,
			'price', t.price::text, 'value', t.value::text, 'fee', t.fee::text,
			'fee_asset', t.fee_asset, 'executed_at', pulse.json_time(t.executed_at), 'order_id', t.order_id, 'fill_id', t.fill_id,
			'strategy', t.strategy, 'confidence', pulse.json_number(t.confidence), 'realized_pnl', t.realized_pnl::text,
			'position', t.position::text) ORDER BY t.n), '[]') INTO trades
		FROM @extschema@.pulse_trades(50, NULL, for_portfolio) WITH ORDINALITY
			AS t (portfolio, id, symbol, side, quantity, price, value, fee, fee_asset, executed_at, order_id, fill_id, strategy,
				  confidence, realized_pnl, "position", cursor, n);
	-- notifications may be about anything: only who may read them all sees them here
	IF has_table_privilege('pulse.event', 'SELECT') THEN
		SELECT coalesce(jsonb_agg(e.data ORDER BY e.seq DESC), '[]') INTO alerts
			FROM (SELECT v.seq, v.data FROM pulse.event v
				  WHERE v.type = 'SYSTEM_ALERT' AND (for_portfolio IS NULL OR v.portfolio IS NULL OR v.portfolio = for_portfolio)
					  AND pulse.is_within(v.portfolio)
				  ORDER BY v.seq DESC LIMIT 20) e;
	END IF;
	RETURN jsonb_build_object('trades', trades, 'alerts', alerts);
END
$$;
COMMENT ON FUNCTION pulse.activity(text) IS
	'The newest 50 fills and, for who may read pulse.event, the newest 20 system alerts, as JSON.';

CREATE OR REPLACE FUNCTION pulse.report_system(since timestamptz, until timestamptz, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	open_alerts bigint;
BEGIN
	IF NOT has_table_privilege('pulse.delivery', 'SELECT') THEN
		RETURN '{"alerts": null, "health": null}';
	END IF;
	IF to_regclass('pulse.alert') IS NOT NULL AND has_table_privilege('pulse.alert', 'SELECT') THEN
		EXECUTE 'SELECT count(*) FROM pulse.alert a WHERE a.state IN (''firing'', ''acknowledged'') AND ($1 IS NULL OR a.portfolio IN ('''', $1))'
			INTO open_alerts USING for_portfolio;
	END IF;
	RETURN jsonb_build_object(
		'alerts', (SELECT jsonb_build_object('total', count(*), 'open', open_alerts,
				'by_severity', jsonb_build_object('CRITICAL', count(*) FILTER (WHERE d.priority = 'CRITICAL'), 'HIGH', count(*) FILTER (WHERE d.priority = 'HIGH'),
					'MEDIUM', count(*) FILTER (WHERE d.priority = 'MEDIUM'), 'LOW', count(*) FILTER (WHERE d.priority = 'LOW')),
				'recent', coalesce((array_agg(jsonb_build_object('at', pulse.json_time(d.created_at), 'severity', d.priority, 'title', d.title, 'message', left(d.message, 300),
					'portfolio', d.portfolio, 'state', d.data ->> 'state', 'duplicates', d.duplicates) ORDER BY array_position('{CRITICAL,HIGH,MEDIUM,LOW}', d.priority), d.created_at DESC))[1:10], '{}'))
			FROM pulse.delivery d WHERE d.created_at >= since AND d.created_at <= until AND d.type NOT IN ('TRADE', 'TRADE_ALERT', 'DAILY_REPORT', 'WEEKLY_REPORT')
				AND (for_portfolio IS NULL OR d.portfolio IS NULL OR d.portfolio = for_portfolio) AND pulse.is_within(d.portfolio)),
		'health', (SELECT jsonb_build_object('status', pulse.overall_status(array_agg(h.status)),
				'problems', coalesce(jsonb_agg(jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message) ORDER BY pulse.severity(h.status) DESC, h.component)
					FILTER (WHERE h.status IN ('WARNING', 'CRITICAL')), '[]'),
				'uptime', (SELECT coalesce(jsonb_object_agg(u.component, round(u.healthy::numeric, 4)), '{}') FROM @extschema@.pulse_uptime(since, until) u))
			FROM pulse.health_at(least(now(), until)) h));
END
$$;
COMMENT ON FUNCTION pulse.report_system(timestamptz, timestamptz, text) IS
	'Alerts of a period and the health at its end, with the share of the time that each component was healthy; null for who may not read messages.';

-- Curves of several portfolios together are added up in one pass.
CREATE OR REPLACE FUNCTION pulse_equity_summary(portfolio text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
		period interval DEFAULT '1 day')
	RETURNS pulse_summary
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(portfolio);
	parts record;
	result @extschema@.pulse_summary;
BEGIN
	IF series.source_id IS NOT NULL AND extract(epoch FROM period) % 3600 = 0 THEN
		RETURN pulse.state_summary(series.source_id, series.series_portfolio, since, until, period);
	END IF;
	parts := pulse.equity_parts(portfolio, since, until);
	IF NOT parts.single THEN
		RETURN pulse.combined_summary(parts.sources, parts.queries, portfolio, since, until, period);
	END IF;
	EXECUTE format('SELECT @extschema@.pulse_summary(e.ts, e.value, e.flow, $4) FROM (%s) e', pulse.equity_query(portfolio, since, until))
		INTO result USING portfolio, since, until, period;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse_equity_summary(text, timestamptz, timestamptz, interval) IS
	'Summary of the equity of a portfolio by buckets of a period, from the last snapshot up to since, which stands at since, to until (NULL: open), for any metric of a summary and for pulse_rolling(). Periods of whole hours are read from stored summaries, others from the snapshots. Portfolio NULL: all visible ones together. NULL without a snapshot. Error 22023 for a period out of range.';

CREATE OR REPLACE FUNCTION pulse.growth(for_portfolio text)
	RETURNS TABLE (ts timestamptz, value double precision, r double precision)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		SELECT e.ts, e.value, (e.value - e.flow - e.before) / nullif(e.before, 0)
		FROM (SELECT e.ts, e.value, e.flow, lag(e.value) OVER (ORDER BY e.ts) AS before
			  FROM (SELECT e.ts, e.value::float8, coalesce(e.flow, 0)::float8 AS flow FROM (%s) e) e) e ORDER BY e.ts$q$, pulse.equity_query(for_portfolio, NULL, NULL)) USING for_portfolio;
END
$$;
COMMENT ON FUNCTION pulse.growth(text) IS
	'Equity and the return from snapshot to snapshot, flows removed; NULL for the first.';

CREATE OR REPLACE FUNCTION pulse.chart_data(since timestamptz, until timestamptz, points integer, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(for_portfolio);
	parts record;
	chart double precision[];
	result jsonb;
BEGIN
	IF points IS NULL OR points < 4 OR points > 100000 THEN
		RAISE EXCEPTION 'points must lie between 4 and 100000'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 500.';
	END IF;
	-- where a slot of the chart is longer than an hour and snapshots are many, hours tell its extremes too
	IF series.source_id IS NOT NULL AND extract(epoch FROM until - since) * 4 >= 3600.0 * points
			AND (pulse.state_metrics(series.source_id, series.series_portfolio, since, until)).n_snapshots > 20000 THEN
		chart := pulse.state_chart(series.source_id, series.series_portfolio, since, until, points);
	ELSE
		parts := pulse.equity_parts(for_portfolio, since, until);
		IF parts.single THEN
			EXECUTE format($q$
				SELECT pulse.chart(e.ts, e.value::float8, e.flow::float8, $3, $4)
				FROM (SELECT c.* FROM (%s) c WHERE c.ts >= $2 AND c.value > '-Infinity' AND c.value < 'Infinity' ORDER BY c.ts) e$q$,
				pulse.equity_query(for_portfolio, since, until))
				INTO chart USING for_portfolio, since, until, points;
		ELSE
			chart := pulse.combined_chart(parts.sources, parts.queries, for_portfolio, since, until, points);
		END IF;
	END IF;
	SELECT jsonb_build_object('points', count(*),
			'ts', coalesce(jsonb_agg(chart[i][1] ORDER BY i), '[]'), 'value', coalesce(jsonb_agg(chart[i][2] ORDER BY i), '[]'),
			'drawdown', coalesce(jsonb_agg(chart[i][3] ORDER BY i), '[]'), 'flow', coalesce(jsonb_agg(chart[i][4] ORDER BY i), '[]'))
		INTO result FROM generate_subscripts(chart, 1) i;
	RETURN jsonb_build_object('from', pulse.json_time(since), 'to', pulse.json_time(until)) || result;
END
$$;
COMMENT ON FUNCTION pulse.chart_data(timestamptz, timestamptz, integer, text) IS 'Body of pulse_portfolio_chart().';

CREATE OR REPLACE FUNCTION pulse.daily_growth(for_portfolio text, since timestamptz, until timestamptz)
	RETURNS TABLE (day date, r double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT (s.last_ts AT TIME ZONE 'UTC')::date, s.last * s.link * CASE WHEN s.before IS NULL THEN 1 ELSE s.entry_link END / nullif(coalesce(s.before, s.first), 0) - 1
	FROM (SELECT g.*, lag(g.last) OVER (ORDER BY g.first_ts) AS before
		  FROM pulse.summary_segments(@extschema@.pulse_equity_summary($1, $2, $3, interval '1 day')) g) s
	WHERE s.link IS NOT NULL AND s.entry_link IS NOT NULL AND (s.before IS NOT NULL OR s.observations > 1)
	ORDER BY s.first_ts
	$$;
COMMENT ON FUNCTION pulse.daily_growth(text, timestamptz, timestamptz) IS
	'Return of a portfolio on each UTC day of a period, flows removed, chain-linked at every snapshot.';

CREATE OR REPLACE FUNCTION pulse.rolling_data(metric text, window_days integer, days integer, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	until timestamptz := now();
	since timestamptz := until - make_interval(days => days);
	summary @extschema@.pulse_summary;
	result jsonb;
BEGIN
	-- The first window needs the days before it.
	summary := @extschema@.pulse_equity_summary(for_portfolio, since - make_interval(days => window_days), until);
	SELECT jsonb_build_object('metric', metric, 'window_days', window_days,
			'ts', coalesce(jsonb_agg(extract(epoch FROM r.ts)::float8 ORDER BY r.ts), '[]'),
			'value', coalesce(jsonb_agg(pulse.json_number(r.value) ORDER BY r.ts), '[]'))
		INTO result FROM @extschema@.pulse_rolling(metric, make_interval(days => window_days), summary) r WHERE r.ts >= since;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse.rolling_data(text, integer, integer, text) IS
	'A metric over a sliding window of days as JSON columns: metric, window_days, ts (seconds since 1970), value. Portfolio NULL: all visible ones together.';

-- What is asked or planned each second costs less.
CREATE OR REPLACE FUNCTION pulse.delivery_policy(type text, priority text, OUT sinks text[], OUT reason text)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	SELECT CASE WHEN p.reason IS NOT NULL THEN '{}'::text[] ELSE p.sinks END, p.reason INTO sinks, reason
	FROM (SELECT t.sinks, CASE
			WHEN NOT pulse.config_bool('notifications.enabled') THEN 'notifications are switched off (notifications.enabled)'
			WHEN NOT t.enabled THEN 'this type of notification is switched off'
			WHEN array_position('{LOW,MEDIUM,HIGH,CRITICAL}', $2) < array_position('{LOW,MEDIUM,HIGH,CRITICAL}', pulse.config_text('notifications.min_priority'))
				THEN 'its priority is below notifications.min_priority' END AS reason
		FROM (VALUES (1)) one LEFT JOIN pulse.notification_type t ON t.name = $1) p;
END
$$;
COMMENT ON FUNCTION pulse.delivery_policy(text, text) IS
	'Where messages of a type and priority go (NULL: everywhere), or why nowhere.';

CREATE OR REPLACE FUNCTION pulse.wake_rules(at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
BEGIN
	UPDATE pulse.alert_rule_state s SET awake = NOT s.awake, fresh = s.fresh OR NOT s.awake
		FROM pulse.alert_rule r WHERE r.name = s.rule AND s.awake <> pulse.rule_is_awake(r.active_hours, $1)
			AND (r.active_hours IS NOT NULL OR NOT s.awake);
	-- nobody waits for what a sleeping rule might have found
	WITH dropped AS (
		DELETE FROM pulse.alert a USING pulse.alert_rule_state s WHERE s.rule = a.rule AND NOT s.awake AND a.state = 'pending' RETURNING a.*)
	INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count, note, event_seq)
		SELECT d.alert_id, $1, 'withdrawn', 'inactive', d.rule, d.kind, d.severity, d.portfolio, d.symbol, d.component, d.title, d.message, d.value, d.threshold, d.since, d.count,
			'outside of the active hours', 0 FROM dropped d;
END
$$;
COMMENT ON FUNCTION pulse.wake_rules(timestamptz) IS
	'Lets rules sleep outside of their active hours, and wakes them: they then look at everything. What is pending when a rule falls asleep is withdrawn, what fires stays as it is.';

CREATE OR REPLACE FUNCTION pulse.config_value(key text) RETURNS jsonb
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	AS $$
#variable_conflict use_column
DECLARE
	found jsonb;
BEGIN
	-- one statement, as this is asked many times a second: the environment is that of pulse.active_environment()
	SELECT coalesce((SELECT c.value FROM pulse.config c WHERE c.key = k.key AND c.environment IN ('', e.active)
					 ORDER BY c.environment DESC LIMIT 1), k.presets -> e.active, k.default_value)
		INTO found FROM pulse.config_key k
		CROSS JOIN (SELECT coalesce((SELECT a.value #>> '{}' FROM pulse.config a WHERE a.key = 'environment' AND a.environment = ''), 'production') AS active) e
		WHERE k.key = config_value.key;
	IF found IS NULL THEN
		PERFORM pulse.unknown_key(config_value.key);
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION pulse.config_value(text) IS
	'Value of a setting as it holds now: what the user chose for the active environment, else for all of them, else the preset of the environment, else the default. JSON null: none. Error 22023 for an unknown key.';

CREATE OR REPLACE FUNCTION pulse.observe_metrics(rules text[], since bigint, marked_since timestamptz) RETURNS pulse.observation[]
	LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
	AS $$
DECLARE
	at_risk boolean := EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = ANY (rules) AND r.source = 'metric'
		AND array_position(pulse.metric_names(), r.metric) >= array_position(pulse.metric_names(), 'largest_share'));
	moved text[];
BEGIN
	IF at_risk AND marked_since < 'infinity' THEN
		moved := ARRAY(SELECT DISTINCT p.portfolio FROM pulse.mark m JOIN pulse.position p ON p.symbol = m.symbol AND p.quantity <> 0 WHERE m.ts > marked_since);
	END IF;
	-- for a few portfolios each second, planning would take most of the time
	IF coalesce(cardinality(moved), 0) <= 20 AND (SELECT count(*) FROM (SELECT FROM pulse.performance_state s WHERE s.version > since LIMIT 21) few) <= 20 THEN
		PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
	END IF;
	RETURN (
		WITH r AS MATERIALIZED (
			SELECT x.*, CASE WHEN x.sign > 0 THEN least(x.warning, x.critical) ELSE -greatest(x.warning, x.critical) END AS near
			FROM (SELECT a.name, array_position(pulse.metric_names(), a.metric) AS nr, a.portfolios, a.min_trades,
					CASE WHEN a.comparator IN ('<', '<=') THEN -1.0::double precision ELSE 1.0 END AS sign, a.comparator IN ('<=', '>=') AS inclusive,
					a.missing = 'alert' AS missing_alerts, pulse.rule_threshold(a.warning, a.warning_key) AS warning,
					pulse.rule_threshold(a.critical, a.critical_key) AS critical, a.adaptive IS NOT NULL OR a.regime AS moving
				FROM pulse.alert_rule a WHERE a.name = ANY (rules) AND a.source = 'metric' AND a.metric = ANY (pulse.metric_names())) x
		), changed AS MATERIALIZED (
			SELECT s.* FROM pulse.performance_state s WHERE s.version > since
			UNION ALL
			SELECT s.* FROM pulse.performance_state s WHERE s.portfolio = ANY (moved) AND s.version <= since
		), risk AS MATERIALIZED (
			SELECT o.* FROM pulse.open_risk(CASE WHEN since >= 0 THEN ARRAY(SELECT c.portfolio FROM changed c) END) o WHERE at_risk
		), figures AS MATERIALIZED (
			SELECT c.portfolio, coalesce(c.total_trades, 0) AS trades, ARRAY[c.total_value::float8, c.cash_balance::float8, c.position_count::float8, c.unrealized_pnl::float8, c.realized_pnl::float8,
				c.total_pnl::float8, c.daily_return, c.cumulative_return, c.cagr, c.sharpe, c.sortino, c.calmar, c.volatility, c.max_drawdown,
				c.current_drawdown, c.var_95, c.cvar_95, c.win_rate, c.profit_factor, c.average_win, c.average_loss, c.total_trades::float8,
				c.trades_per_day, greatest(-c.daily_return, 0) / nullif(c.var_95, 0), o.largest, o.herfindahl,
				coalesce(o.gross, 0) / nullif(c.total_value::float8, 0), coalesce(o.net, 0) / nullif(c.total_value::float8, 0)]::float8[] AS m
			FROM changed c LEFT JOIN risk o ON o.portfolio = c.portfolio
		)
		SELECT array_agg(ROW(j.name, j.portfolio, '', '', j.value, j.warning, j.critical, NULL, false)::pulse.observation)
		FROM (
			SELECT r.name, f.portfolio, CASE WHEN f.trades >= r.min_trades THEN f.m[r.nr] END AS value, r.warning, r.critical
			FROM figures f CROSS JOIN r
			WHERE ((f.trades >= r.min_trades AND (f.m[r.nr] * r.sign > r.near OR (r.inclusive AND f.m[r.nr] * r.sign = r.near))) OR r.moving
				   OR (r.missing_alerts AND (f.m[r.nr] IS NULL OR f.trades < r.min_trades)))
				AND (r.portfolios IS NULL OR pulse.matches(r.portfolios, f.portfolio))
			UNION ALL
			-- what has an alert and is good now
			SELECT r.name, f.portfolio, CASE WHEN f.trades >= r.min_trades THEN f.m[r.nr] END, r.warning, r.critical
			FROM figures f JOIN pulse.alert a ON a.portfolio = f.portfolio AND a.state <> 'resolved' JOIN r ON r.name = a.rule
			WHERE NOT ((f.trades >= r.min_trades AND coalesce(f.m[r.nr] * r.sign > r.near OR (r.inclusive AND f.m[r.nr] * r.sign = r.near), false)) OR r.moving
				   OR (r.missing_alerts AND (f.m[r.nr] IS NULL OR f.trades < r.min_trades)))
				AND (r.portfolios IS NULL OR pulse.matches(r.portfolios, f.portfolio))
		) j);
END
$$;
COMMENT ON FUNCTION pulse.observe_metrics(text[], bigint, timestamptz) IS
	'Values of metrics that changed since a version of pulse.performance_state, or with a market price, and matter: they are beyond a threshold, have an alert, or have thresholds that move.';

CREATE OR REPLACE FUNCTION pulse.step_alerts(at timestamptz, observed pulse.observation[]) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan
	AS $$
DECLARE
	changes bigint;
BEGIN
	IF observed IS NULL OR cardinality(observed) = 0 THEN
		RETURN 0;
	END IF;
	IF cardinality(observed) <= 20 THEN
		PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
	END IF;
	WITH joined AS MATERIALIZED (
		SELECT o.value, o.warning AS new_warning, o.critical AS new_critical, o.note AS new_note, coalesce(o.gone, false) AS gone, r, a,
			o.rule, o.portfolio, o.symbol, o.component, a.alert_id, coalesce(a.firings, p.firings) AS past
		FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule
		LEFT JOIN pulse.alert a ON a.rule = o.rule AND a.portfolio = o.portfolio AND a.symbol = o.symbol AND a.component = o.component AND a.state <> 'resolved'
		LEFT JOIN LATERAL (
			SELECT x.firings FROM pulse.alert x
			WHERE a.alert_id IS NULL AND x.rule = o.rule AND x.portfolio = o.portfolio AND x.symbol = o.symbol AND x.component = o.component
				AND x.state = 'resolved' AND x.resolved_at > at - r.flap_window
			ORDER BY x.resolved_at DESC LIMIT 1) p ON true
	), stepped AS MATERIALIZED (
		SELECT j.*, n.state, n.level, n.condition, n.flapping, n.breached_at, n.critical_at, n.eased_at, n.cleared_at, n.fired_at, n.firings, n.transition, n.due_at,
			CASE n.level WHEN 2 THEN (j.r).critical_severity ELSE (j.r).warning_severity END AS severity,
			CASE greatest(n.level, CASE WHEN n.state = 'pending' THEN n.condition END) WHEN 2 THEN j.new_critical ELSE coalesce(j.new_warning, j.new_critical) END AS threshold,
			CASE WHEN j.alert_id IS NOT NULL THEN j.alert_id WHEN n.state IN ('pending', 'firing') THEN nextval('pulse.alert_alert_id_seq') END AS id,
			coalesce((j.a).since, n.breached_at, at) AS since,
			coalesce(j.new_note, (j.a).note) AS note
		FROM joined j CROSS JOIN LATERAL pulse.alert_step(at, CASE WHEN NOT j.gone THEN j.value END, (j.r).comparator, j.new_warning, j.new_critical, (j.r).hysteresis,
			(j.r).hold, CASE WHEN j.gone THEN '0' ELSE (j.r).clear_hold END, CASE WHEN j.gone THEN '0' ELSE (j.r).min_duration END,
			CASE WHEN j.gone THEN 0 ELSE (j.r).flap_count END, (j.r).flap_window, CASE WHEN j.gone THEN 'clear' ELSE (j.r).missing END,
			(j.a).state, (j.a).level, (j.a).condition, (j.a).flapping AND NOT j.gone, (j.a).breached_at, (j.a).critical_at, (j.a).eased_at, (j.a).cleared_at, (j.a).fired_at,
			j.past) n
	), worded AS MATERIALIZED (
		SELECT s.*, pulse.alert_title((s.r).title, s.portfolio, s.symbol, s.component) AS title, pulse.alert_text(s.r, s.value, s.threshold, s.note) AS message,
			s.transition IN ('fired', 'raised') AND s.severity = 'CRITICAL' AND (s.r).escalate_after IS NOT NULL AS escalates
		FROM stepped s
		WHERE s.id IS NOT NULL AND (s.alert_id IS NULL OR s.transition IS NOT NULL
			OR ((s.a).value, (s.a).condition, (s.a).warning, (s.a).critical, (s.a).breached_at, (s.a).critical_at, (s.a).eased_at, (s.a).cleared_at, (s.a).due_at, (s.a).note)
				IS DISTINCT FROM (s.value, s.condition, s.new_warning, s.new_critical, s.breached_at, s.critical_at, s.eased_at, s.cleared_at, s.due_at, s.note))
	), inserted AS (
		INSERT INTO pulse.alert (alert_id, rule, kind, portfolio, symbol, component, state, severity, level, condition, flapping, title, message, note, value,
				warning, critical, threshold, since, updated_at, breached_at, critical_at, eased_at, cleared_at, fired_at, firings, count, due_at,
				remind_at, escalate_at, tell)
			SELECT w.id, w.rule, (w.r).kind, w.portfolio, w.symbol, w.component, w.state, w.severity, w.level, w.condition, w.flapping, w.title, w.message, w.note, w.value,
				w.new_warning, w.new_critical, w.threshold, w.since, at, w.breached_at, w.critical_at, w.eased_at, w.cleared_at, w.fired_at, w.firings, cardinality(w.firings), w.due_at,
				CASE WHEN w.transition = 'fired' THEN at + (w.r).remind_every END, CASE WHEN w.escalates THEN at + (w.r).escalate_after END,
				w.transition = 'fired' AND (w.r).notify
			FROM worded w WHERE w.alert_id IS NULL
	), updated AS (
		UPDATE pulse.alert a SET state = w.state, severity = w.severity, level = w.level, condition = w.condition, flapping = w.flapping,
			title = w.title, message = w.message, note = w.note,
			value = CASE WHEN w.gone THEN a.value ELSE w.value END, warning = w.new_warning, critical = w.new_critical, threshold = w.threshold, updated_at = at,
			breached_at = w.breached_at, critical_at = w.critical_at, eased_at = w.eased_at, cleared_at = w.cleared_at, fired_at = w.fired_at,
			firings = w.firings, count = cardinality(w.firings), due_at = w.due_at,
			resolved_at = CASE WHEN w.state = 'resolved' THEN at END, resolution = CASE WHEN w.state = 'resolved' THEN CASE WHEN w.gone THEN coalesce(w.new_note, 'gone') ELSE 'cleared' END END,
			acknowledged_by = CASE WHEN w.transition IS DISTINCT FROM 'raised' THEN a.acknowledged_by END,
			acknowledged_at = CASE WHEN w.transition IS DISTINCT FROM 'raised' THEN a.acknowledged_at END,
			remind_at = CASE WHEN w.transition IN ('fired', 'raised') THEN at + (w.r).remind_every WHEN w.state = 'firing' THEN a.remind_at END,
			escalate_at = CASE WHEN w.escalates THEN at + (w.r).escalate_after WHEN w.state = 'firing' AND w.severity = 'CRITICAL' THEN a.escalate_at END,
			tell = CASE WHEN NOT (w.r).notify THEN false
				WHEN w.transition IN ('fired', 'raised') THEN true
				WHEN w.transition = 'lowered' THEN a.tell OR a.told_level > w.level
				WHEN w.transition = 'resolved' THEN a.told_level IS NOT NULL AND (w.r).notify_resolved
				ELSE a.tell END,
			recheck_at = CASE WHEN w.transition IN ('fired', 'raised', 'resolved') THEN NULL ELSE a.recheck_at END
		FROM worded w
		WHERE a.alert_id = w.alert_id AND w.state <> 'inactive'
	), withdrawn AS (
		DELETE FROM pulse.alert a USING worded w WHERE a.alert_id = w.alert_id AND w.state = 'inactive'
	), frozen AS (
		INSERT INTO pulse.threshold_history (at, rule, portfolio, symbol, component, warning, critical, reason)
			SELECT at, w.rule, w.portfolio, w.symbol, w.component, w.new_warning, w.new_critical, 'frozen'
			FROM worded w WHERE w.transition = 'fired' AND ((w.r).adaptive IS NOT NULL OR (w.r).regime)
	), noted AS (
		INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count, note, event_seq)
			SELECT w.id, at, w.transition, w.state, w.rule, (w.r).kind, w.severity, w.portfolio, w.symbol, w.component, w.title, w.message,
				CASE WHEN w.gone THEN (w.a).value ELSE w.value END, w.threshold, w.since, cardinality(w.firings), CASE WHEN w.gone THEN coalesce(w.new_note, 'gone') END,
				CASE WHEN w.transition IN ('began', 'withdrawn', 'repeated') THEN 0 END
			FROM worded w WHERE w.transition IS NOT NULL
			ORDER BY w.id
			RETURNING 1
	)
	SELECT count(*) INTO changes FROM noted;
	RETURN changes;
END
$$;
COMMENT ON FUNCTION pulse.step_alerts(timestamptz, pulse.observation[]) IS
	'Takes the alerts of some values one step on, all of them in one statement, and writes their history; returns how many changed their state.';

-- What a function costs and how many rows it returns, as far as one can say, so that a query that joins, filters or sorts by
-- them gets a fitting plan instead of one for a thousand rows that cost nothing. Metrics of an array or of a stored summary
-- walk through it; what reads tables costs as much as a query. Stays last: CREATE OR REPLACE forgets estimates.
DO $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT p.oid::regprocedure AS name, e.expected FROM (VALUES
		('pulse_performance', 1), ('pulse_benchmark', 1), ('pulse_overall_health', 1), ('pulse_health_check', 1), ('pulse_alert_threshold', 1), ('pulse_leverage', 1), ('pulse_concentration', 1),
		('pulse_turnover', 1), ('pulse_targets', 4), ('pulse_holding_times', 3), ('pulse_validate_config', 3), ('pulse_verify', 3), ('pulse_retention', 5), ('pulse_versions', 5), ('pulse_report_schedules', 5),
		('pulse_maintenance', 5), ('pulse_silences', 5), ('pulse_tokens', 5), ('pulse_custom_metrics', 10), ('pulse_portfolios', 10), ('pulse_performance_breakdown', 8), ('pulse_alerts', 10),
		('pulse_drawdowns', 10), ('pulse_health', 15), ('pulse_uptime', 15), ('pulse_exposure', 20), ('pulse_positions', 20), ('pulse_symbol_performance', 20), ('pulse_fees', 20), ('pulse_feeds', 20),
		('pulse_trade_statistics', 20), ('pulse_pnl_distribution', 20), ('pulse_alert_rules', 25), ('pulse_monthly_returns', 24), ('pulse_volume', 30), ('pulse_reconcile', 50), ('pulse_data_quality', 50),
		('pulse_apply_environment', 20), ('pulse_trades', 100), ('pulse_correlation_matrix', 100), ('pulse_config', 150), ('pulse_trading_heatmap', 168), ('pulse_rolling', 365)
		) AS e (name, expected) JOIN pg_catalog.pg_proc p ON p.proname = e.name AND p.pronamespace = '@extschema@'::pg_catalog.regnamespace AND p.proretset
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s ROWS %s COST 1000', f.name, f.expected);
	END LOOP;
	FOR f IN SELECT p.oid::regprocedure AS name, CASE WHEN p.proname IN ('pulse_metrics_of', 'pulse_performance_report', 'pulse_daily_report', 'pulse_weekly_report') THEN 100000
			WHEN p.proname IN ('pulse_snapshot', 'pulse_portfolio', 'pulse_portfolio_chart', 'pulse_equity_summary') THEN 10000
			WHEN '@extschema@.pulse_summary'::pg_catalog.regtype = ANY (p.proargtypes) THEN 200 ELSE 50 END AS cost
		FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
		WHERE p.pronamespace = '@extschema@'::pg_catalog.regnamespace AND p.prokind = 'f'
			AND (p.proname IN ('pulse_metrics_of', 'pulse_performance_report', 'pulse_daily_report', 'pulse_weekly_report', 'pulse_snapshot', 'pulse_portfolio', 'pulse_portfolio_chart', 'pulse_equity_summary')
				OR l.lanname = 'c' AND p.proname LIKE 'pulse\_%' AND p.proargtypes::pg_catalog.oid[] && ARRAY['@extschema@.pulse_summary'::pg_catalog.regtype, 'double precision[]'::pg_catalog.regtype]::pg_catalog.oid[])
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s COST %s', f.name, f.cost);
	END LOOP;
	-- what the functions above are made of, where they are bounded; what grows with the portfolios keeps the usual thousand
	FOR f IN SELECT p.oid::regprocedure AS name, e.expected, e.cost FROM (VALUES
		('explain_threshold', 1, 1000), ('compare_benchmark', 1, 10000), ('check_component', 1, 1000), ('health_at', 15, 10000), ('monthly_growth', 24, 10000), ('newest_fills', 100, 1000), ('backtest', 50, 100000),
		('data_quality', 50, 10000), ('reconcile_all', 50, 10000), ('verify_buckets', 10, 10000), ('verify_performance', 10, 10000), ('booked_positions', 1000, 1000), ('latest_snapshots', 1000, 1000),
		('current_trades', 1000, 1000), ('recent_fills', 10000, 1000), ('replay_positions', 1000, 10000), ('replay_trades', 1000, 10000), ('replay_fills', 1000, 10000)
		) AS e (name, expected, cost) JOIN pg_catalog.pg_proc p ON p.proname = e.name AND p.pronamespace = 'pulse'::pg_catalog.regnamespace AND p.proretset
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s ROWS %s COST %s', f.name, f.expected, f.cost);
	END LOOP;
END
$$;
