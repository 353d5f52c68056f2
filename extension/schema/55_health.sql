-- Health: samples that others report, and checks that the database does itself when asked.

GRANT SELECT ON pulse.health_sample, pulse.heartbeat TO PUBLIC;
GRANT SELECT (pid, started_at, last_tick_at, enabled) ON pulse.worker TO PUBLIC;

CREATE FUNCTION pulse.severity(status text) RETURNS integer
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE status WHEN 'CRITICAL' THEN 3 WHEN 'WARNING' THEN 2 WHEN 'UNKNOWN' THEN 1 ELSE 0 END;
COMMENT ON FUNCTION pulse.severity(text) IS 'Orders health statuses: HEALTHY 0, UNKNOWN 1, WARNING 2, CRITICAL 3.';

CREATE FUNCTION pulse.health_level(value double precision, warning double precision, critical double precision) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN value IS NULL THEN 'UNKNOWN' WHEN value >= critical THEN 'CRITICAL' WHEN value >= warning THEN 'WARNING' ELSE 'HEALTHY' END;
COMMENT ON FUNCTION pulse.health_level(double precision, double precision, double precision) IS
	'Health status of a value that is worse when it is larger; NULL is UNKNOWN.';

CREATE FUNCTION pulse.worst_level(VARIADIC statuses text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (SELECT s FROM unnest(statuses) s ORDER BY pulse.severity(s) DESC LIMIT 1);
COMMENT ON FUNCTION pulse.worst_level(text[]) IS 'The worst of some health statuses.';

CREATE FUNCTION pulse.check_database(OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	used integer;
	allowed integer;
	oldest double precision;
	hits double precision;
BEGIN
	SELECT count(*), extract(epoch FROM max(clock_timestamp() - a.xact_start) FILTER (WHERE a.backend_type = 'client backend'))
		INTO used, oldest FROM pg_catalog.pg_stat_activity a WHERE a.backend_type IN ('client backend', 'background worker');
	allowed := current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer;
	SELECT d.blks_hit / nullif(d.blks_hit + d.blks_read, 0)::double precision INTO hits
		FROM pg_catalog.pg_stat_database d WHERE d.datname = current_database();
	latency_ms := extract(epoch FROM clock_timestamp() - begun) * 1000;
	status := pulse.worst_level(pulse.health_level(latency_ms, 500, 1000),
								pulse.health_level(used::double precision / greatest(allowed, 1), 0.8, 0.95));
	message := format('%s of %s connections, statistics read in %s ms', used, allowed, round(latency_ms::numeric, 1));
	details := jsonb_build_object('connections', used, 'max_connections', allowed, 'cache_hit_ratio', hits,
		'longest_transaction_seconds', oldest, 'size_bytes', pg_database_size(current_database()),
		'in_recovery', pg_is_in_recovery(), 'server_version', current_setting('server_version'));
END
$$;
COMMENT ON FUNCTION pulse.check_database() IS
	'Health of the server: time to read its statistics (500 and 1000 ms), connections against the limit (80 and 95 %), and facts.';

CREATE FUNCTION pulse.check_background_worker(OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	waiting double precision := (SELECT extract(epoch FROM now() - min(d.marked_at)) FROM pulse.dirty d);
	w record;
	running boolean;
	idle double precision;
BEGIN
	SELECT k.pid, k.started_at, k.last_tick_at, k.enabled INTO w FROM pulse.worker k;
	running := EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = w.pid AND a.backend_type LIKE 'pulse%');
	idle := extract(epoch FROM now() - w.last_tick_at);
	latency_ms := greatest(waiting, 0) * 1000;
	IF coalesce(waiting, 0) >= 60 THEN
		status := 'CRITICAL';
		message := format('changes have waited for %s s', round(waiting::numeric));
	ELSIF coalesce(waiting, 0) >= 10 THEN
		status := 'WARNING';
		message := format('changes have waited for %s s', round(waiting::numeric));
	ELSIF running THEN
		status := 'HEALTHY';
		message := 'running';
	ELSIF idle < 60 THEN
		status := 'HEALTHY';
		message := 'ticks are made by hand';
	ELSE
		status := 'WARNING';
		message := 'not running';
	END IF;
	details := jsonb_build_object('pid', CASE WHEN running THEN w.pid END, 'started_at', pulse.json_time(w.started_at),
		'last_tick_at', pulse.json_time(w.last_tick_at), 'oldest_change_seconds', waiting);
END
$$;
COMMENT ON FUNCTION pulse.check_background_worker() IS
	'Health of the engine: whether the background worker runs, and how long changes have waited for a tick (10 and 60 s). Latency is that wait.';

CREATE FUNCTION pulse.check_data(OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	newest timestamptz := (SELECT max(s.ts) FROM pulse.latest_snapshots(NULL) s);
	stale double precision := extract(epoch FROM now() - newest);
	unsound bigint := (SELECT count(*) FROM pulse.finding);
	broken text := (SELECT string_agg(format('%s.%s: %s', s.schema_name, s.table_name, s.last_error), '; ')
					FROM pulse.source s WHERE s.state = 'active' AND s.last_error IS NOT NULL);
BEGIN
	IF NOT EXISTS (SELECT FROM pulse.source s WHERE s.state = 'active') THEN
		status := 'UNKNOWN';
		message := 'no table is followed; pulse_setup() creates the two';
	ELSIF broken IS NOT NULL THEN
		status := 'CRITICAL';
		message := left(broken, 500);
	ELSIF newest IS NULL THEN
		status := 'UNKNOWN';
		message := 'no snapshot yet';
	ELSE
		status := pulse.health_level(stale, 300, 600);
		message := format('newest snapshot is %s s old', greatest(0, round(stale::numeric)));
		latency_ms := greatest(0, stale) * 1000;
	END IF;
	IF unsound > 0 THEN
		status := pulse.worst_level(status, 'WARNING');
		message := message || format('; %s rows cannot be booked, see pulse.finding', unsound);
	END IF;
	details := jsonb_build_object('newest_snapshot', pulse.json_time(newest), 'age_seconds', stale, 'findings', unsound);
END
$$;
COMMENT ON FUNCTION pulse.check_data() IS
	'Health of the data: age of the newest snapshot (300 and 600 s), tables that cannot be read, rows that cannot be booked.';

CREATE FUNCTION pulse.check_worker(OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	beat pulse.heartbeat;
	silence double precision;
BEGIN
	SELECT * INTO beat FROM pulse.heartbeat h WHERE h.component = 'worker';
	silence := extract(epoch FROM now() - beat.seen_at);
	IF beat.component IS NULL THEN
		status := 'UNKNOWN';
		message := 'no pulse-worker has reported yet';
	ELSIF beat.seen_at + coalesce(beat.expect_every, interval '90 seconds') * 3 < now() THEN
		status := 'CRITICAL';
		message := format('silent for %s s', round(silence::numeric));
	ELSIF beat.seen_at + coalesce(beat.expect_every, interval '90 seconds') < now() THEN
		status := 'WARNING';
		message := format('silent for %s s', round(silence::numeric));
	ELSE
		status := beat.status;
		message := format('reported %s s ago', greatest(0, round(silence::numeric)));
	END IF;
	latency_ms := greatest(0, silence) * 1000;
	details := coalesce(beat.details, '{}');
END
$$;
COMMENT ON FUNCTION pulse.check_worker() IS
	'Health of the pulse-worker program: what it reported with its last heartbeat, WARNING after one interval of silence and CRITICAL after three.';

CREATE FUNCTION pulse_health()
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'database', c.status, c.message, c.latency_ms, now(), c.details FROM pulse.check_database() c
	UNION ALL
	SELECT 'background_worker', c.status, c.message, c.latency_ms, now(), c.details FROM pulse.check_background_worker() c
	UNION ALL
	SELECT 'data', c.status, c.message, c.latency_ms, now(), c.details FROM pulse.check_data() c
	UNION ALL
	SELECT 'worker', c.status, c.message, c.latency_ms, now(), c.details FROM pulse.check_worker() c
	UNION ALL
	SELECT h.component,
		CASE WHEN h.seen_at + h.expect_every * 3 < now() THEN 'CRITICAL' WHEN h.seen_at + h.expect_every < now() THEN pulse.worst_level(h.status, 'WARNING') ELSE h.status END,
		CASE WHEN h.seen_at + h.expect_every < now() THEN format('silent for %s s', round(extract(epoch FROM now() - h.seen_at)))
			ELSE coalesce(h.details ->> 'message', 'reported') END,
		NULL, h.seen_at, h.details
	FROM pulse.heartbeat h
	WHERE h.component NOT IN ('database', 'background_worker', 'data', 'worker')
	UNION ALL
	SELECT s.* FROM (
		SELECT DISTINCT ON (x.component) x.component, x.status, x.message, x.latency_ms, x.checked_at, x.details
		FROM pulse.health_sample x
		WHERE x.component NOT IN ('database', 'background_worker', 'data', 'worker')
			AND NOT EXISTS (SELECT FROM pulse.heartbeat h WHERE h.component = x.component)
		ORDER BY x.component, x.checked_at DESC, x.sample_id DESC
	) s
	$$;
COMMENT ON FUNCTION pulse_health() IS
	'Health of every component: database, background_worker, data and worker, checked now, and whatever reported itself by pulse_heartbeat() or pulse_record_health(), as last reported. Status is HEALTHY, WARNING, CRITICAL or UNKNOWN; latency_ms is what the component takes or waits, NULL where it means nothing.';

CREATE FUNCTION pulse.check_component(name text)
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT h.* FROM @extschema@.pulse_health() h WHERE h.component = name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'unknown component: %', coalesce(quote_literal(name), 'NULL')
			USING ERRCODE = 'undefined_object',
				  DETAIL = (SELECT format('There are: %s.', string_agg(h.component, ', ' ORDER BY h.component)) FROM @extschema@.pulse_health() h);
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.check_component(text) IS 'Body of pulse_health_check().';

CREATE FUNCTION pulse_health_check(component text)
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.check_component($1) $$;
COMMENT ON FUNCTION pulse_health_check(text) IS
	'Health of one component, as pulse_health() has it. Error 42704 for a component that nobody knows, with those that there are.';

CREATE FUNCTION pulse_overall_health()
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'overall',
		CASE WHEN bool_and(h.status = 'UNKNOWN') THEN 'UNKNOWN' WHEN bool_or(h.status = 'CRITICAL') THEN 'CRITICAL'
			WHEN bool_or(h.status = 'WARNING') THEN 'WARNING' ELSE 'HEALTHY' END,
		coalesce(string_agg(format('%s: %s', h.component, h.message), '; ' ORDER BY pulse.severity(h.status) DESC, h.component)
				 FILTER (WHERE h.status IN ('WARNING', 'CRITICAL')), format('%s components', count(*))),
		max(h.latency_ms) FILTER (WHERE h.component = 'database'), now(),
		jsonb_object_agg(h.component, h.status)
	FROM @extschema@.pulse_health() h
	$$;
COMMENT ON FUNCTION pulse_overall_health() IS
	'One row for everything: the worst status of all components (UNKNOWN ones do not count while any is known), what is wrong, and the status of each in details.';

CREATE FUNCTION pulse.health_data() RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT jsonb_build_object(
		'status', CASE WHEN bool_and(h.status = 'UNKNOWN') THEN 'UNKNOWN' WHEN bool_or(h.status = 'CRITICAL') THEN 'CRITICAL'
			WHEN bool_or(h.status = 'WARNING') THEN 'WARNING' ELSE 'HEALTHY' END,
		'components', coalesce(jsonb_agg(jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message,
			'latency_ms', pulse.json_number(h.latency_ms), 'checked_at', pulse.json_time(h.checked_at), 'details', h.details)
			ORDER BY h.component), '[]'))
	FROM @extschema@.pulse_health() h
	$$;
COMMENT ON FUNCTION pulse.health_data() IS
	'Data of HEALTH_UPDATE: the overall status and every component.';

CREATE FUNCTION pulse.check_status(status text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF upper(status) IN ('HEALTHY', 'WARNING', 'CRITICAL', 'UNKNOWN') THEN
		RETURN upper(status);
	END IF;
	RAISE EXCEPTION 'unknown health status: %', coalesce(quote_literal(status), 'NULL')
		USING ERRCODE = 'invalid_parameter_value', HINT = 'Use HEALTHY, WARNING, CRITICAL or UNKNOWN.';
END
$$;
COMMENT ON FUNCTION pulse.check_status(text) IS 'A health status in upper case; error 22023 for anything else.';

CREATE FUNCTION pulse_record_health(component text, status text, message text DEFAULT NULL, latency_ms double precision DEFAULT NULL,
									details jsonb DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF coalesce(component, '') = '' OR length(component) > 200 THEN
		RAISE EXCEPTION 'a component needs a name of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO pulse.health_sample (component, status, message, latency_ms, details)
		VALUES (component, pulse.check_status(status), left(message, 2000), latency_ms, coalesce(details, '{}'));
END
$$;
REVOKE ALL ON FUNCTION pulse_record_health(text, text, text, double precision, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pulse_record_health(text, text, text, double precision, jsonb) IS
	'Stores the result of a health check that somebody else has done; pulse_health() shows the newest of each component. Error 22023 for an unknown status or an unfit name.';

CREATE FUNCTION pulse_heartbeat(component text, status text DEFAULT 'HEALTHY', details jsonb DEFAULT '{}',
								expect_every interval DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	IF coalesce(pulse_heartbeat.component, '') = '' OR length(pulse_heartbeat.component) > 200 THEN
		RAISE EXCEPTION 'a component needs a name of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF pulse_heartbeat.expect_every <= interval '0' THEN
		RAISE EXCEPTION 'expect_every must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO pulse.heartbeat AS h (component, status, details, seen_at, expect_every)
		VALUES (pulse_heartbeat.component, pulse.check_status(pulse_heartbeat.status), coalesce(pulse_heartbeat.details, '{}'),
				clock_timestamp(), pulse_heartbeat.expect_every)
		ON CONFLICT (component) DO UPDATE SET status = excluded.status, details = excluded.details, seen_at = excluded.seen_at,
			expect_every = coalesce(excluded.expect_every, h.expect_every);
END
$$;
REVOKE ALL ON FUNCTION pulse_heartbeat(text, text, jsonb, interval) FROM PUBLIC;
COMMENT ON FUNCTION pulse_heartbeat(text, text, jsonb, interval) IS
	'A sign of life: pulse_health() turns the component to WARNING after expect_every of silence and to CRITICAL after three times that; NULL keeps what was expected before. Error 22023 for an unknown status or an unfit name.';
