-- The background worker of this database.

CREATE FUNCTION pulse_worker_start() RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_worker_start' LANGUAGE C VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION pulse_worker_start() FROM PUBLIC;
COMMENT ON FUNCTION pulse_worker_start() IS
	'Starts the background worker of this database, with or without preloading, and returns its process ID; that of the running one when there is one. It is started again after a crash, but only preloading with pulse.databases brings it back after a restart of the server. Error 53000 when max_worker_processes leaves no slot.';

CREATE FUNCTION pulse_worker_stop() RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_worker_stop' LANGUAGE C VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION pulse_worker_stop() FROM PUBLIC;
COMMENT ON FUNCTION pulse_worker_stop() IS
	'Ends the background worker of this database and keeps it from coming back until pulse_worker_start(); false when none was running. Capture goes on: nothing is lost, it is processed later. Call it before DROP DATABASE.';

CREATE FUNCTION pulse.worker_pid() RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_worker_pid' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.worker_pid() IS
	'Process ID of this database''s background worker, NULL when none is running.';

CREATE FUNCTION pulse_worker_status(
	OUT state text, OUT pid integer, OUT started_at timestamptz, OUT last_tick_at timestamptz, OUT ticks bigint,
	OUT pending bigint, OUT lag interval, OUT seq bigint, OUT epoch text,
	OUT last_error text, OUT last_error_at timestamptz, OUT errors bigint, OUT preloaded boolean, OUT failing_jobs text[])
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT CASE WHEN p.pid IS NOT NULL THEN 'running' WHEN w.enabled THEN 'absent' ELSE 'stopped' END,
		p.pid, CASE WHEN p.pid = w.pid THEN w.started_at END, w.last_tick_at, w.ticks,
		d.pending, d.lag, q.seq, q.epoch, w.last_error, w.last_error_at, w.errors,
		EXISTS (SELECT FROM regexp_split_to_table(current_setting('shared_preload_libraries', true), '\s*,\s*') AS l (name)
				WHERE trim(BOTH '"' FROM l.name) ~ '(^|/)pulse(\.so)?$'),
		ARRAY(SELECT j.name FROM pulse.job j WHERE j.enabled AND j.failing > 0 ORDER BY j.name)
			|| ARRAY(SELECT format('%s %s: %s', replace(r.kind, '_', ' '), r.name, left(r.last_error, 200)) FROM pulse.registration_state r
					 WHERE r.failing > 0 ORDER BY r.kind, r.name LIMIT 100)
			|| ARRAY(SELECT format('alert rule %s: %s', s.rule, left(s.last_error, 200)) FROM pulse.alert_rule_state s
					 WHERE s.failing > 0 ORDER BY s.rule LIMIT 100)
	FROM pulse.worker w, pulse.sequencer q,
		LATERAL pulse.worker_pid() AS p (pid),
		LATERAL (SELECT count(*) AS pending, clock_timestamp() - min(marked_at) AS lag FROM pulse.dirty) d
	$$;
REVOKE ALL ON FUNCTION pulse_worker_status() FROM PUBLIC;
COMMENT ON FUNCTION pulse_worker_status() IS
	'One row about the background worker of this database: state (running, stopped by pulse_worker_stop(), or absent), its process, ticks that found work, pending marks and lag (age of the oldest), newest event seq and epoch, the last error with its time and the number of all, whether the library is preloaded, and what fails: jobs of pulse.job by name, and metrics, health checks, sections, feeds and queries of alert rules that users registered, each with its error.';
