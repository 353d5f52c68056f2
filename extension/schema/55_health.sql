-- Health: what is looked at when somebody asks, and what others report. The newest report of each component stands in
-- pulse.health_state, so that asking costs the same however long the history is.

CREATE TABLE pulse.health_state (
	component	text PRIMARY KEY,
	status		text NOT NULL CHECK (status IN ('HEALTHY', 'WARNING', 'CRITICAL', 'UNKNOWN')),
	message		text,
	latency_ms	double precision,
	checked_at	timestamptz NOT NULL,
	details		jsonb NOT NULL DEFAULT '{}',
	expect_every	interval,
	since		timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.health_state IS 'newest report of each component that is not looked at directly';
COMMENT ON COLUMN pulse.health_state.component IS 'api.<exchange>, check.<name>, feed.<name>, resources …';
COMMENT ON COLUMN pulse.health_state.status IS 'HEALTHY, WARNING, CRITICAL or UNKNOWN';
COMMENT ON COLUMN pulse.health_state.message IS 'why, for people';
COMMENT ON COLUMN pulse.health_state.latency_ms IS 'what it took, NULL where that means nothing';
COMMENT ON COLUMN pulse.health_state.checked_at IS 'when that was found';
COMMENT ON COLUMN pulse.health_state.details IS 'numbers behind it';
COMMENT ON COLUMN pulse.health_state.expect_every IS 'a report older than this says nothing any more: UNKNOWN; NULL: it holds until the next';
COMMENT ON COLUMN pulse.health_state.since IS 'since when the status has been the same';

CREATE TABLE pulse.database_sample (
	at			timestamptz PRIMARY KEY,
	size_bytes	bigint NOT NULL,
	blocks_hit	bigint NOT NULL,
	blocks_read	bigint NOT NULL,
	checkpoints_timed	bigint,
	checkpoints_requested	bigint,
	dead_rows	jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON TABLE pulse.database_sample IS 'statistics of the server every five minutes, for what only a difference shows; kept for eight days';
COMMENT ON COLUMN pulse.database_sample.at IS 'when';
COMMENT ON COLUMN pulse.database_sample.size_bytes IS 'size of this database';
COMMENT ON COLUMN pulse.database_sample.blocks_hit IS 'blocks found in the cache, ever';
COMMENT ON COLUMN pulse.database_sample.blocks_read IS 'blocks not found there, ever';
COMMENT ON COLUMN pulse.database_sample.checkpoints_timed IS 'checkpoints begun because it was time, ever';
COMMENT ON COLUMN pulse.database_sample.checkpoints_requested IS 'checkpoints begun because there was too much to write, ever';
COMMENT ON COLUMN pulse.database_sample.dead_rows IS 'the tables with the largest share of dead rows';

REVOKE ALL ON pulse.health_state, pulse.database_sample FROM PUBLIC;
GRANT SELECT ON pulse.health_sample, pulse.health_state, pulse.heartbeat, pulse.database_sample TO PUBLIC;
GRANT SELECT (pid, started_at, last_tick_at, enabled) ON pulse.worker TO PUBLIC;

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, presets, description) VALUES
	('health.database_latency_warning', 'number', 'ms', '500', 0, 3600000, '{}', 'database: time to read its statistics from which it is WARNING.'),
	('health.database_latency_critical', 'number', 'ms', '1000', 0, 3600000, '{}', 'The same for CRITICAL.'),
	('health.connections_warning', 'number', 'fraction', '0.8', 0, 1, '{}', 'database: used connections, of those that there may be.'),
	('health.connections_critical', 'number', 'fraction', '0.95', 0, 1, '{}', 'The same for CRITICAL.'),
	('health.cache_hit_ratio_warning', 'number', 'fraction', '0.9', 0, 1, '{}', 'database: blocks found in the cache in the last hour, below which it is WARNING.'),
	('health.cache_hit_ratio_critical', 'number', 'fraction', '0.5', 0, 1, '{}', 'The same for CRITICAL.'),
	('health.transaction_age_warning', 'duration', NULL, '"00:10:00"', 1, NULL, '{"development": "01:00:00"}', 'database: age of the oldest transaction of a client.'),
	('health.transaction_age_critical', 'duration', NULL, '"01:00:00"', 1, NULL, '{"development": "12:00:00"}', 'The same for CRITICAL.'),
	('health.lock_wait_warning', 'duration', NULL, '"00:00:30"', 0, NULL, '{}', 'database: how long somebody has waited for a lock.'),
	('health.lock_wait_critical', 'duration', NULL, '"00:05:00"', 0, NULL, '{}', 'The same for CRITICAL.'),
	('health.replication_lag_warning', 'duration', NULL, '"00:00:30"', 0, NULL, '{}', 'database: how far the slowest standby is behind.'),
	('health.replication_lag_critical', 'duration', NULL, '"00:05:00"', 0, NULL, '{}', 'The same for CRITICAL.'),
	('health.dead_rows_warning', 'number', 'fraction', '0.2', 0, 1, '{}', 'database: dead rows of a table with more than 10000 of them.'),
	('health.dead_rows_critical', 'number', 'fraction', '0.5', 0, 1, '{}', 'The same for CRITICAL.'),
	('health.size_growth_warning', 'number', 'fraction per day', '0.25', 0, 1000, '{}', 'database: growth in a day, once it is larger than 100 MB.'),
	('health.size_growth_critical', 'number', 'fraction per day', '1', 0, 1000, '{}', 'The same for CRITICAL.'),
	('health.checkpoints_requested_warning', 'number', 'fraction', '0.5', 0, 1, '{}', 'database: checkpoints of the last hours that came early, because there was too much to write (max_wal_size).'),
	('health.checkpoints_requested_critical', 'number', 'fraction', '0.9', 0, 1, '{}', 'The same for CRITICAL.'),
	('health.engine_lag_warning', 'duration', NULL, '"00:00:10"', 0, NULL, '{}', 'background_worker: how long changes have waited for a tick.'),
	('health.engine_lag_critical', 'duration', NULL, '"00:01:00"', 0, NULL, '{}', 'The same for CRITICAL.'),
	('health.outbox_age_warning', 'duration', NULL, '"00:05:00"', 0, NULL, '{}', 'outbox: age of the oldest message that should have left, CRITICAL ones after a fifth of it.'),
	('health.outbox_age_critical', 'duration', NULL, '"00:30:00"', 0, NULL, '{}', 'The same for CRITICAL.'),
	('health.data_age_warning', 'duration', NULL, '"00:05:00"', 0, NULL, '{"development": "1 day"}', 'data and feeds: age of the newest row.'),
	('health.data_age_critical', 'duration', NULL, '"00:10:00"', 0, NULL, '{"development": "2 days"}', 'The same for CRITICAL.'),
	('health.api_latency_warning', 'number', 'ms', '2000', 0, 3600000, '{}', 'api.*: latency from which a probe is WARNING whatever it reports itself.'),
	('health.api_latency_critical', 'number', 'ms', '5000', 0, 3600000, '{}', 'The same for CRITICAL.'),
	('health.stale_after', 'duration', NULL, '"00:05:00"', 1, NULL, '{}', 'api.* and resources: age from which a report says nothing any more (UNKNOWN).'),
	('health.forget_after', 'duration', NULL, '"7 days"', 60, NULL, '{}', 'How long a component that nobody reports any more is shown.'),
	('health.history_interval', 'duration', NULL, '"00:01:00"', 10, 86400, '{}', 'How often the health of every component goes into the history.');

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

CREATE FUNCTION pulse.config_seconds(key text) RETURNS double precision
	LANGUAGE sql STABLE PARALLEL SAFE RETURN extract(epoch FROM pulse.config_interval(key))::double precision;
COMMENT ON FUNCTION pulse.config_seconds(text) IS 'A setting that is a duration, in seconds.';

CREATE FUNCTION pulse.sample_database(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	hit bigint;
	missed bigint;
	timed bigint;
	requested bigint;
BEGIN
	SELECT d.blks_hit, d.blks_read INTO hit, missed FROM pg_stat_database d WHERE d.datname = current_database();
	-- PostgreSQL 17 moved them
	IF to_regclass('pg_catalog.pg_stat_checkpointer') IS NOT NULL THEN
		EXECUTE 'SELECT num_timed, num_requested FROM pg_catalog.pg_stat_checkpointer' INTO timed, requested;
	ELSE
		EXECUTE 'SELECT checkpoints_timed, checkpoints_req FROM pg_catalog.pg_stat_bgwriter' INTO timed, requested;
	END IF;
	INSERT INTO pulse.database_sample (at, size_bytes, blocks_hit, blocks_read, checkpoints_timed, checkpoints_requested, dead_rows)
		SELECT sample_database.at, pg_database_size(current_database()), hit, missed, timed, requested, coalesce(
			(SELECT jsonb_agg(jsonb_build_object('table', t.name, 'dead', t.n_dead_tup, 'ratio', round(t.ratio, 4)) ORDER BY t.ratio DESC)
			 FROM (SELECT format('%I.%I', s.schemaname, s.relname) AS name, s.n_dead_tup, s.n_dead_tup::numeric / (s.n_dead_tup + s.n_live_tup) AS ratio
				   FROM pg_stat_user_tables s WHERE s.n_dead_tup > 10000 ORDER BY 3 DESC LIMIT 5) t), '[]')
		ON CONFLICT DO NOTHING;
	DELETE FROM pulse.database_sample s WHERE s.at < sample_database.at - interval '8 days';
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.sample_database(timestamptz) IS 'Job: stores statistics of the server that only mean something as differences.';
REVOKE ALL ON FUNCTION pulse.sample_database(timestamptz) FROM PUBLIC;
INSERT INTO pulse.job (name, command, every) VALUES ('database_sample', 'pulse.sample_database', '5 minutes');

-- What others' sessions do is hidden from ordinary roles; these numbers need not be.
CREATE FUNCTION pulse.database_facts(OUT connections bigint, OUT allowed integer, OUT transaction_seconds double precision,
		OUT lock_wait_seconds double precision, OUT replication_seconds double precision)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT count(*), current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
		extract(epoch FROM max(clock_timestamp() - a.xact_start) FILTER (WHERE a.backend_type = 'client backend')),
		(SELECT extract(epoch FROM clock_timestamp() - min(l.waitstart)) FROM pg_locks l WHERE NOT l.granted),
		(SELECT extract(epoch FROM max(r.replay_lag)) FROM pg_stat_replication r)
	FROM pg_stat_activity a WHERE a.backend_type IN ('client backend', 'background worker')
	$$;
COMMENT ON FUNCTION pulse.database_facts() IS
	'What pg_stat_activity, pg_locks and pg_stat_replication say as numbers: connections and how many there may be, age of the oldest transaction, longest wait for a lock, lag of the slowest standby.';

CREATE FUNCTION pulse.check_database(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	facts record;
	newest pulse.database_sample;
	earlier pulse.database_sample;
	yesterday pulse.database_sample;
	hit_ratio double precision;
	growth double precision;
	requested double precision;
	dead double precision;
	problems text;
BEGIN
	SELECT * INTO facts FROM pulse.database_facts();
	latency_ms := extract(epoch FROM clock_timestamp() - begun) * 1000;
	SELECT * INTO newest FROM pulse.database_sample s WHERE s.at <= check_database.at ORDER BY s.at DESC LIMIT 1;
	SELECT * INTO earlier FROM pulse.database_sample s WHERE s.at >= newest.at - interval '1 hour' ORDER BY s.at LIMIT 1;
	SELECT * INTO yesterday FROM pulse.database_sample s WHERE s.at >= newest.at - interval '25 hours' ORDER BY s.at LIMIT 1;
	-- little was read, or the statistics were reset: no statement
	IF newest.blocks_hit + newest.blocks_read - earlier.blocks_hit - earlier.blocks_read > 10000 THEN
		hit_ratio := (newest.blocks_hit - earlier.blocks_hit)::double precision / (newest.blocks_hit + newest.blocks_read - earlier.blocks_hit - earlier.blocks_read);
	END IF;
	IF newest.size_bytes > 100000000 AND newest.at - yesterday.at >= interval '1 hour' THEN
		growth := (newest.size_bytes::double precision / yesterday.size_bytes - 1) * 86400 / extract(epoch FROM newest.at - yesterday.at);
	END IF;
	IF newest.checkpoints_timed + newest.checkpoints_requested - yesterday.checkpoints_timed - yesterday.checkpoints_requested >= 6 THEN
		requested := (newest.checkpoints_requested - yesterday.checkpoints_requested)::double precision
			/ (newest.checkpoints_timed + newest.checkpoints_requested - yesterday.checkpoints_timed - yesterday.checkpoints_requested);
	END IF;
	dead := (newest.dead_rows #>> '{0,ratio}')::double precision;

	SELECT coalesce((pulse.worst_level(VARIADIC array_agg(c.level))), 'HEALTHY'), string_agg(c.problem, '; ' ORDER BY pulse.severity(c.level) DESC, c.nr) FILTER (WHERE c.level <> 'HEALTHY'),
			jsonb_object_agg(c.name, c.level)
		INTO status, problems, details
		FROM (VALUES
			(1, 'latency', latency_ms, pulse.config_float('health.database_latency_warning'), pulse.config_float('health.database_latency_critical'), 1,
				format('its statistics took %s ms', round(latency_ms))),
			(2, 'connections', facts.connections::double precision / greatest(facts.allowed, 1), pulse.config_float('health.connections_warning'), pulse.config_float('health.connections_critical'), 1,
				format('%s of %s connections', facts.connections, facts.allowed)),
			(3, 'transaction_age', facts.transaction_seconds, pulse.config_seconds('health.transaction_age_warning'), pulse.config_seconds('health.transaction_age_critical'), 1,
				format('a transaction has been open for %s s', round(facts.transaction_seconds))),
			(4, 'lock_wait', facts.lock_wait_seconds, pulse.config_seconds('health.lock_wait_warning'), pulse.config_seconds('health.lock_wait_critical'), 1,
				format('somebody has waited for a lock for %s s', round(facts.lock_wait_seconds))),
			(5, 'replication_lag', facts.replication_seconds, pulse.config_seconds('health.replication_lag_warning'), pulse.config_seconds('health.replication_lag_critical'), 1,
				format('a standby is %s s behind', round(facts.replication_seconds))),
			(6, 'cache_hit_ratio', hit_ratio, pulse.config_float('health.cache_hit_ratio_warning'), pulse.config_float('health.cache_hit_ratio_critical'), -1,
				format('only %s %% of the blocks came from the cache', round((hit_ratio * 100)::numeric, 1))),
			(7, 'dead_rows', dead, pulse.config_float('health.dead_rows_warning'), pulse.config_float('health.dead_rows_critical'), 1,
				format('%s %% of %s are dead rows', round((dead * 100)::numeric), newest.dead_rows #>> '{0,table}')),
			(8, 'size_growth', growth, pulse.config_float('health.size_growth_warning'), pulse.config_float('health.size_growth_critical'), 1,
				format('it grows by %s %% a day', round((growth * 100)::numeric))),
			(9, 'checkpoints', requested, pulse.config_float('health.checkpoints_requested_warning'), pulse.config_float('health.checkpoints_requested_critical'), 1,
				format('%s %% of the checkpoints came early', round((requested * 100)::numeric)))
			) v (nr, name, value, warning, critical, direction, problem)
			CROSS JOIN LATERAL (SELECT v.nr, v.name, v.problem, pulse.health_level(v.value * v.direction, v.warning * v.direction, v.critical * v.direction) AS level) c
		WHERE v.value IS NOT NULL;
	message := coalesce(problems, format('%s of %s connections, statistics read in %s ms', facts.connections, facts.allowed, round(latency_ms::numeric, 1)));
	details := jsonb_build_object('connections', facts.connections, 'max_connections', facts.allowed,
		'longest_transaction_seconds', facts.transaction_seconds, 'lock_wait_seconds', facts.lock_wait_seconds,
		'replication_lag_seconds', facts.replication_seconds, 'cache_hit_ratio', hit_ratio, 'size_bytes', newest.size_bytes,
		'size_growth_per_day', growth, 'requested_checkpoints', requested, 'dead_rows', newest.dead_rows, 'levels', details,
		'in_recovery', pg_is_in_recovery(), 'server_version', current_setting('server_version'));
END
$$;
COMMENT ON FUNCTION pulse.check_database(timestamptz) IS
	'Health of the server, each against its settings health.*: time to read its statistics, connections, oldest transaction, longest wait for a lock, lag of the standbys, and, from pulse.database_sample, cache hits of the last hour, dead rows, growth and early checkpoints of the last day. details.levels has the status of each.';

CREATE FUNCTION pulse.check_background_worker(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
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

CREATE FUNCTION pulse.check_outbox(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	waiting record;
	died bigint;
	seen timestamptz := (SELECT h.seen_at FROM pulse.heartbeat h WHERE h.component = 'worker');
	weight double precision;
	leader boolean := EXISTS (SELECT FROM pg_catalog.pg_locks l
		WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 1349872755 AND l.objsubid = 2
			AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()));
BEGIN
	SELECT count(*) AS messages, extract(epoch FROM check_outbox.at - min(d.not_before)) AS age,
			extract(epoch FROM check_outbox.at - min(d.not_before) FILTER (WHERE d.priority = 'CRITICAL')) AS critical_age
		INTO waiting FROM pulse.delivery d WHERE d.status IN ('pending', 'leased') AND d.not_before <= check_outbox.at;
	SELECT count(*) INTO died FROM (SELECT FROM pulse.delivery d WHERE d.created_at > check_outbox.at - interval '1 hour'
		AND d.status = 'dead' ORDER BY d.delivery_id DESC LIMIT 1000) x;
	weight := greatest(waiting.age, waiting.critical_age * 5);
	status := pulse.health_level(coalesce(weight, 0), pulse.config_seconds('health.outbox_age_warning'), pulse.config_seconds('health.outbox_age_critical'));
	-- who only reads the numbers wants no messages
	IF seen IS NULL OR (NOT leader AND NOT EXISTS (SELECT FROM pulse.delivery d WHERE d.status = 'sent')) THEN
		status := 'UNKNOWN';
		message := format('%s, %s messages wait', CASE WHEN seen IS NULL THEN 'no pulse-worker has connected yet' ELSE 'no pulse-worker sends messages' END, waiting.messages);
	ELSIF status <> 'HEALTHY' THEN
		message := format('%s messages wait, the oldest for %s s', waiting.messages, round(waiting.age));
	ELSIF died > 0 THEN
		status := 'WARNING';
		message := format('%s messages of the last hour could not be delivered, see pulse.delivery', died);
	ELSE
		message := CASE WHEN waiting.messages > 0 THEN format('%s messages wait', waiting.messages) ELSE 'empty' END;
	END IF;
	latency_ms := greatest(waiting.age, 0) * 1000;
	details := jsonb_build_object('waiting', waiting.messages, 'oldest_seconds', waiting.age, 'dead_last_hour', died,
		'leader', leader);
END
$$;
COMMENT ON FUNCTION pulse.check_outbox(timestamptz) IS
	'Health of the deliveries: age of the oldest message that should have left (5 and 30 minutes; a fifth of that for CRITICAL ones), messages given up in the last hour, and whether a pulse-worker leads.';

CREATE FUNCTION pulse.check_data(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	newest timestamptz;
	stale double precision;
	unsound bigint := (SELECT count(*) FROM pulse.finding);
	broken text := (SELECT string_agg(format('%s.%s: %s', s.schema_name, s.table_name,
						CASE WHEN to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NULL THEN 'it is not there' ELSE s.last_error END), '; ')
					FROM pulse.source s WHERE s.state = 'active'
						AND (s.last_error IS NOT NULL OR to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NULL));
BEGIN
	-- What the tick has computed is good enough while it is recent: with ten thousand portfolios that is one small table
	-- instead of as many looks into the user's.
	IF has_table_privilege('pulse.performance_state', 'SELECT') THEN
		SELECT max(p.ts) INTO newest FROM pulse.performance_state p WHERE p.ts <= check_data.at;
	END IF;
	IF newest IS NULL OR check_data.at - newest > make_interval(secs => pulse.config_seconds('health.data_age_warning') / 2) THEN
		SELECT max(s.ts) INTO newest FROM pulse.latest_snapshots(NULL) s;
	END IF;
	stale := extract(epoch FROM check_data.at - newest);
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
		status := pulse.health_level(stale, pulse.config_seconds('health.data_age_warning'), pulse.config_seconds('health.data_age_critical'));
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
COMMENT ON FUNCTION pulse.check_data(timestamptz) IS
	'Health of the followed tables: age of the newest snapshot (5 and 10 minutes), tables that are gone or cannot be read, rows that cannot be booked.';

CREATE FUNCTION pulse.silence_level(silent interval, expected interval, reported text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN silent > expected * 3 THEN 'CRITICAL' WHEN silent > expected THEN pulse.worst_level(reported, 'WARNING') ELSE reported END;
COMMENT ON FUNCTION pulse.silence_level(interval, interval, text) IS
	'Status of a component that reports by itself: at least WARNING after the expected time of silence, CRITICAL after three times that, else what it reported.';

CREATE FUNCTION pulse.check_worker(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
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

CREATE FUNCTION pulse.check_registrations(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT CASE WHEN count(*) FILTER (WHERE s.failing > 0 OR NOT r.enabled) > 0 THEN 'WARNING' ELSE 'HEALTHY' END,
		coalesce(left(string_agg(format('%s %s %s: %s', replace(r.kind, '_', ' '), r.name, CASE WHEN r.enabled THEN 'fails' ELSE 'is switched off' END, left(s.last_error, 200)), '; ' ORDER BY r.kind, r.name)
			FILTER (WHERE s.failing > 0 OR NOT r.enabled), 1000), format('%s run', count(*))),
		NULL::double precision, jsonb_build_object('registered', count(*), 'failing', count(*) FILTER (WHERE s.failing > 0), 'disabled', count(*) FILTER (WHERE NOT r.enabled))
	FROM pulse.registration r JOIN pulse.registration_state s USING (kind, name)
	$$;
COMMENT ON FUNCTION pulse.check_registrations(timestamptz) IS
	'Health of what users registered: WARNING while any metric, check, section or feed fails by itself or has been switched off, with the reasons.';

CREATE FUNCTION pulse.health_at(at timestamptz, only_component text DEFAULT NULL)
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	own CONSTANT text[] := '{database,background_worker,data,worker,outbox,registrations}';
	api_warning double precision := pulse.config_float('health.api_latency_warning');
	api_critical double precision := pulse.config_float('health.api_latency_critical');
	stale_after interval := pulse.config_interval('health.stale_after');
	forget_after interval := pulse.config_interval('health.forget_after');
BEGIN
	IF only_component IS NULL OR only_component = 'database' THEN
		RETURN QUERY SELECT 'database'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_database(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'background_worker' THEN
		RETURN QUERY SELECT 'background_worker'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_background_worker(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'data' THEN
		RETURN QUERY SELECT 'data'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_data(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'worker' THEN
		RETURN QUERY SELECT 'worker'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_worker(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'outbox' THEN
		RETURN QUERY SELECT 'outbox'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_outbox(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'registrations' THEN
		RETURN QUERY SELECT 'registrations'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_registrations(health_at.at) c
			WHERE c.details ->> 'registered' <> '0';
	END IF;
	RETURN QUERY
		SELECT h.component, pulse.silence_level(health_at.at - h.seen_at, h.expect_every, h.status),
			CASE WHEN h.seen_at + h.expect_every < health_at.at THEN format('silent for %s s', round(extract(epoch FROM health_at.at - h.seen_at)))
				ELSE coalesce(h.details ->> 'message', 'reported') END,
			NULL::double precision, h.seen_at, h.details
		FROM pulse.heartbeat h
		WHERE h.component <> ALL (own) AND (only_component IS NULL OR h.component = only_component);
	RETURN QUERY SELECT 'model.' || m.name, m.status, m.message, NULL::double precision, m.reported_at, m.details FROM pulse.models_at(health_at.at) m
		WHERE only_component IS NULL OR 'model.' || m.name = only_component;
	RETURN QUERY
		SELECT s.component,
			CASE WHEN x.stale THEN 'UNKNOWN'
				WHEN s.component LIKE 'api.%' AND s.latency_ms IS NOT NULL AND s.status <> 'UNKNOWN' THEN pulse.worst_level(s.status, pulse.health_level(s.latency_ms, api_warning, api_critical))
				ELSE s.status END,
			CASE WHEN x.stale THEN format('no report for %s s; the last was %s%s', round(extract(epoch FROM health_at.at - s.checked_at)), s.status, ': ' || s.message)
				WHEN s.component LIKE 'api.%' AND s.latency_ms >= api_warning THEN concat_ws('; ', format('latency %s ms', round(s.latency_ms)), s.message)
				ELSE s.message END,
			s.latency_ms, s.checked_at, s.details
		FROM pulse.health_state s CROSS JOIN LATERAL (SELECT health_at.at - s.checked_at > coalesce(s.expect_every,
			CASE WHEN s.component LIKE 'api.%' OR s.component LIKE 'resources%' THEN stale_after END) IS TRUE AS stale) x
		WHERE s.component <> ALL (own) AND (only_component IS NULL OR s.component = only_component)
			AND s.checked_at > health_at.at - forget_after
			AND NOT EXISTS (SELECT FROM pulse.heartbeat h WHERE h.component = s.component);
END
$$;
COMMENT ON FUNCTION pulse.health_at(timestamptz, text) IS
	'pulse_health() as it is at a time, of one component or (NULL) of all: what reported by itself is judged by its age at that time.';

CREATE FUNCTION pulse_health()
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.health_at(now()) $$;
COMMENT ON FUNCTION pulse_health() IS
	'Health of every component: database, background_worker, data, worker, outbox and registrations (if there are any), looked at now; and, as last reported, api.* and resources (by pulse-worker), feed.<name>, model.<name>, check.<name>, and whatever reported itself by pulse_heartbeat() or pulse_record_health(). Status is HEALTHY, WARNING, CRITICAL or UNKNOWN, by the settings health.*; latency_ms is what the component takes or waits, NULL where it means nothing.';

CREATE FUNCTION pulse.check_component(name text)
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT h.* FROM pulse.health_at(now(), name) h WHERE h.component = name;
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
	'Health of one component, as pulse_health() has it; nothing else is looked at. Error 42704 for a component that nobody knows, with those that there are.';

CREATE FUNCTION pulse.overall_status(statuses text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN 'CRITICAL' = ANY (statuses) THEN 'CRITICAL' WHEN 'WARNING' = ANY (statuses) THEN 'WARNING'
		WHEN 'HEALTHY' = ANY (statuses) THEN 'HEALTHY' ELSE 'UNKNOWN' END;
COMMENT ON FUNCTION pulse.overall_status(text[]) IS 'The worst of all statuses; unknown ones do not count while any is known.';

CREATE FUNCTION pulse_overall_health()
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'overall', pulse.overall_status(array_agg(h.status)),
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
		'status', pulse.overall_status(array_agg(h.status)),
		'components', coalesce(jsonb_agg(jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message,
			'latency_ms', pulse.json_number(h.latency_ms), 'checked_at', pulse.json_time(h.checked_at), 'details', h.details)
			ORDER BY h.component), '[]'))
	FROM @extschema@.pulse_health() h
	$$;
COMMENT ON FUNCTION pulse.health_data() IS
	'Data of HEALTH_UPDATE: the overall status and every component.';
