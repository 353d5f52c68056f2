-- The versions that meet in a server, and what to do where they differ.

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
