\echo Use "ALTER EXTENSION pulse UPDATE" to load this file. \quit

-- A server that was not restarted since the new files came still runs the old library, which lacks what is named below.
DO $$
BEGIN
	IF pg_catalog.string_to_array(@extschema@.pulse_version(), '.')::pg_catalog.int4[] OPERATOR(pg_catalog.<) '{1,1,0}' THEN
		RAISE EXCEPTION 'the server still runs the library of Pulse %', @extschema@.pulse_version()
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Restart the server (or, where Pulse is not preloaded, begin a new session), then run ALTER EXTENSION pulse UPDATE again.';
	END IF;
END
$$;

-- Which library a background worker runs is known from now on, and a difference is told.
ALTER TABLE pulse.worker ADD COLUMN library text;
COMMENT ON COLUMN pulse.worker.library IS 'version of the library that its process runs';

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
	'All metrics of the equity curve that a query returns, as pulse_metrics() computes them, with parameters that have names and defaults: SELECT * FROM pulse_metrics_of(''SELECT ts, total_value, net_flow FROM portfolio_snapshots WHERE portfolio = main'', risk_free => 0.03). The query returns a timestamptz, a value and, optionally, the net deposit since the row before, both double precision or numeric (otherwise 42804); rows may come in any order. It runs with the rights of the caller, read-only, in the snapshot of the statement; it must be one that returns rows (otherwise 22023). Its rows go straight into the curve, which on large tables takes about half the time of the aggregate''s arguments; beyond work_mem they go to disk. No row gives NULL, parameters out of range raise 22023, an infinite time 22008. Build the text with format() and %L, never from unchecked input.';

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
		SELECT x.source_id, x.kind, x.timezone, x.columns, c.relation, a.attnum, a.attname, a.atttypid, p.reltuples,
			(SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) AS filled
		FROM pulse.source x CROSS JOIN LATERAL (SELECT to_regclass(format('%I.%I', x.schema_name, x.table_name)) AS relation,
				CASE x.kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END AS logical) c
			JOIN pg_catalog.pg_class p ON p.oid = c.relation
			JOIN pg_catalog.pg_attribute a ON a.attrelid = c.relation AND NOT a.attisdropped AND a.attname
				= CASE jsonb_typeof(x.columns -> c.logical) WHEN 'object' THEN x.columns -> c.logical ->> 'column' WHEN 'string' THEN x.columns ->> c.logical ELSE c.logical END
		WHERE x.state = 'active' ORDER BY x.source_id
	LOOP
		IF s.reltuples > large AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = s.relation AND i.indisvalid AND i.indpred IS NULL
				AND (i.indkey[0] = s.attnum OR (i.indnkeyatts > 1 AND i.indkey[1] = s.attnum))) THEN
			"check" := 'indexes';
			message := format('%s has about %s rows and no index that begins with %I, or with the portfolio and %I: every change reads all of it', s.relation, s.reltuples::bigint, s.attname, s.attname);
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
		coalesce(format('the newest snapshot is %s old', date_trunc('second', now() - n.newest)), 'there is no snapshot yet, and without one there are no returns'),
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

-- Alerts about fills look at each fill once, not once a rule, and piece by piece: other fills do not wait for all of it.
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

CREATE OR REPLACE FUNCTION pulse.take_trades(at timestamptz, after_seq bigint, up_to bigint) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	-- every fill passes by every rule: what they are compared by is taken out of rows and JSON once
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
		WHERE e.seq > $2 AND e.seq <= $3 AND e.type = 'TRADE_ALERT'
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
	END IF;

	SELECT q.seq INTO newest_seq FROM pulse.sequencer q;
	IF e.trade_seq IS NULL OR e.trade_seq > newest_seq THEN
		e.trade_seq := newest_seq;
	ELSIF newest_seq > e.trade_seq THEN
		-- a piece at a time: fills that come meanwhile do not wait for all of it
		more := coalesce(more, false) OR newest_seq > e.trade_seq + 2000;
		newest_seq := least(newest_seq, e.trade_seq + 2000);
		IF EXISTS (SELECT FROM pulse.alert_rule r WHERE r.source = 'trade' AND r.enabled) THEN
			PERFORM pulse.take_trades(at, e.trade_seq, newest_seq);
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
		health_at = e.health_at, swept_at = e.swept_at, storm_at = e.storm_at;
	RETURN CASE WHEN more THEN at END;
END
$$;
