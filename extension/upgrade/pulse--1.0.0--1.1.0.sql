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
