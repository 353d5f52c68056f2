-- Health as others report it: probes, machines, heartbeats, models; and the history of all.

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

CREATE FUNCTION pulse.note_health(component text, status text, message text, latency_ms double precision, details jsonb, at timestamptz,
								  expect_every interval DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO pulse.health_state AS h (component, status, message, latency_ms, checked_at, details, expect_every, since)
		VALUES (note_health.component, note_health.status, left(note_health.message, 2000), note_health.latency_ms, note_health.at,
				coalesce(note_health.details, '{}'), note_health.expect_every, note_health.at)
		ON CONFLICT (component) DO UPDATE SET status = excluded.status, message = excluded.message, latency_ms = excluded.latency_ms,
			checked_at = excluded.checked_at, details = excluded.details, expect_every = excluded.expect_every,
			since = CASE WHEN h.status = excluded.status THEN h.since ELSE excluded.since END
			WHERE h.checked_at <= excluded.checked_at;
	INSERT INTO pulse.health_sample (component, status, message, latency_ms, details, checked_at)
		VALUES (note_health.component, note_health.status, left(note_health.message, 2000), note_health.latency_ms,
				coalesce(note_health.details, '{}'), note_health.at);
END
$$;
REVOKE ALL ON FUNCTION pulse.note_health(text, text, text, double precision, jsonb, timestamptz, interval) FROM PUBLIC;
COMMENT ON FUNCTION pulse.note_health(text, text, text, double precision, jsonb, timestamptz, interval) IS
	'Stores what was found out about a component at a time, as its newest state and in the history; an older report never takes the place of a newer one.';

CREATE FUNCTION pulse_record_health(component text, status text, message text DEFAULT NULL, latency_ms double precision DEFAULT NULL,
									details jsonb DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	period double precision := CASE WHEN jsonb_typeof(details -> 'expect_every') = 'number' THEN (details ->> 'expect_every')::double precision END;
BEGIN
	IF coalesce(component, '') = '' OR length(component) > 200 THEN
		RAISE EXCEPTION 'a component needs a name of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF jsonb_typeof(details) <> 'object' OR pg_column_size(details) > 65536 THEN
		RAISE EXCEPTION 'details must be a JSON object of at most 64 kB' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM pulse.note_health(component, pulse.check_status(status), message, CASE WHEN latency_ms >= 0 AND latency_ms < 'Infinity' THEN latency_ms END,
		details, clock_timestamp(), CASE WHEN period BETWEEN 1 AND 31536000 THEN make_interval(secs => period) END);
END
$$;
REVOKE ALL ON FUNCTION pulse_record_health(text, text, text, double precision, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pulse_record_health(text, text, text, double precision, jsonb) IS
	'Stores the result of a health check that somebody else has done; pulse_health() shows the newest of each component, pulse_health_history() all. Where details.expect_every (seconds) is given, or for api.* and resources the setting health.stale_after, an older report counts as UNKNOWN. Error 22023 for an unknown status or an unfit name.';

CREATE FUNCTION pulse_forget_health(component text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	gone integer;
	forgotten integer;
BEGIN
	DELETE FROM pulse.health_state s WHERE s.component = pulse_forget_health.component;
	GET DIAGNOSTICS gone = ROW_COUNT;
	DELETE FROM pulse.heartbeat h WHERE h.component = pulse_forget_health.component;
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	DELETE FROM pulse.model m WHERE 'model.' || m.name = pulse_forget_health.component;
	RETURN FOUND OR gone + forgotten > 0;
END
$$;
REVOKE ALL ON FUNCTION pulse_forget_health(text) FROM PUBLIC;
COMMENT ON FUNCTION pulse_forget_health(text) IS
	'Removes a component that reported by itself (a probe, a heartbeat, model.<name>) and will not any more; its history stays. False when nobody ever reported it.';

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
	'A sign of life, of a trading engine or anything else that must not fall silent: pulse_health() turns the component to WARNING after expect_every of silence and to CRITICAL after three times that; NULL keeps what was expected before. Error 22023 for an unknown status or an unfit name.';

-- Models -----------------------------------------------------------------------------------------------------------

CREATE TABLE pulse.model (
	name		text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_.-]{1,100}$'),
	version		text NOT NULL,
	reported_at	timestamptz NOT NULL,
	metrics		jsonb NOT NULL,
	baseline	jsonb NOT NULL,
	baseline_at	timestamptz NOT NULL,
	expect_every	interval NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.model IS 'newest report of each machine-learning model';
COMMENT ON COLUMN pulse.model.name IS 'its name; the component is model.<name>';
COMMENT ON COLUMN pulse.model.version IS 'version that is in use';
COMMENT ON COLUMN pulse.model.reported_at IS 'when it reported last';
COMMENT ON COLUMN pulse.model.metrics IS 'what it reported';
COMMENT ON COLUMN pulse.model.baseline IS 'what its metrics are compared with: those of the first report of the version, or as given';
COMMENT ON COLUMN pulse.model.baseline_at IS 'since when that is the baseline';
COMMENT ON COLUMN pulse.model.expect_every IS 'a report is expected so often';

CREATE TABLE pulse.model_sample (
	name		text NOT NULL,
	version		text NOT NULL,
	reported_at	timestamptz NOT NULL,
	metrics		jsonb NOT NULL
);
CREATE INDEX model_sample_name_idx ON pulse.model_sample (name, reported_at);
CREATE INDEX model_sample_time_idx ON pulse.model_sample USING brin (reported_at);
COMMENT ON TABLE pulse.model_sample IS 'all reports of models; kept for retention.models';
COMMENT ON COLUMN pulse.model_sample.name IS 'of the model';
COMMENT ON COLUMN pulse.model_sample.version IS 'its version then';
COMMENT ON COLUMN pulse.model_sample.reported_at IS 'when';
COMMENT ON COLUMN pulse.model_sample.metrics IS 'what it reported';
REVOKE ALL ON pulse.model, pulse.model_sample FROM PUBLIC;
GRANT SELECT ON pulse.model TO PUBLIC;

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('health.model_drift_warning', 'number', 'fraction', '0.05', 0, 10, 'model.*: how much worse than its baseline a metric of a model is, relative to the baseline, from which it is WARNING.'),
	('health.model_drift_critical', 'number', 'fraction', '0.15', 0, 10, 'The same for CRITICAL.'),
	('health.model_report_every', 'duration', NULL, '"1 day"', 1, NULL, 'model.*: how often a model is to report unless it says so itself.'),
	('health.model_training_age', 'duration', NULL, '"90 days"', 60, NULL, 'model.*: age of the training (trained_at) from which a model is WARNING.'),
	('retention.models', 'duration', NULL, '"1 year"', 86400, NULL, 'How long the reports of models are kept.');

CREATE FUNCTION pulse_model_report(name text, version text, metrics jsonb DEFAULT '{}', expect_every interval DEFAULT NULL, baseline jsonb DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	at timestamptz := clock_timestamp();
BEGIN
	IF name IS NULL OR name !~ '^[A-Za-z0-9_.-]{1,100}$' THEN
		RAISE EXCEPTION 'unfit name of a model: %', coalesce(quote_literal(left(name, 200)), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use at most 100 letters, digits, and _ . -';
	ELSIF coalesce(version, '') = '' OR length(version) > 200 THEN
		RAISE EXCEPTION 'a model needs a version of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF jsonb_typeof(metrics) IS DISTINCT FROM 'object' OR jsonb_typeof(baseline) <> 'object' OR pg_column_size(metrics) > 65536 THEN
		RAISE EXCEPTION 'metrics and baseline must be JSON objects of at most 64 kB' USING ERRCODE = 'invalid_parameter_value';
	ELSIF expect_every <= interval '0' THEN
		RAISE EXCEPTION 'expect_every must be positive' USING ERRCODE = 'invalid_parameter_value';
	ELSIF metrics ? 'trained_at' AND metrics ->> 'trained_at' IS NOT NULL THEN
		PERFORM (metrics ->> 'trained_at')::timestamptz;
	END IF;
	INSERT INTO pulse.model AS m (name, version, reported_at, metrics, baseline, baseline_at, expect_every)
		VALUES (name, version, at, metrics, coalesce(baseline, metrics), at, coalesce(expect_every, pulse.config_interval('health.model_report_every')))
		ON CONFLICT ON CONSTRAINT model_pkey DO UPDATE SET version = excluded.version, reported_at = excluded.reported_at, metrics = excluded.metrics,
			baseline = CASE WHEN pulse_model_report.baseline IS NOT NULL OR m.version <> excluded.version THEN excluded.baseline ELSE m.baseline END,
			baseline_at = CASE WHEN pulse_model_report.baseline IS NOT NULL OR m.version <> excluded.version THEN excluded.baseline_at ELSE m.baseline_at END,
			expect_every = coalesce(pulse_model_report.expect_every, m.expect_every);
	INSERT INTO pulse.model_sample (name, version, reported_at, metrics) VALUES (name, version, at, metrics);
END
$$;
REVOKE ALL ON FUNCTION pulse_model_report(text, text, jsonb, interval, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pulse_model_report(text, text, jsonb, interval, jsonb) IS
	'Reports how a machine-learning model is; it appears as model.<name> in pulse_health(). metrics is any object; these keys mean something: can_predict (false: CRITICAL), predictions (made since the last report; 0: WARNING), trained_at, and any number that the baseline has too. The baseline is the first report of a version, or what is given here; a metric that is worse than it by health.model_drift_warning or _critical, relative to the baseline, makes the model WARNING or CRITICAL. Metrics whose name contains loss, error, mae, mse, rmse, drift, latency or age are better when smaller, all others when larger. Without a report for expect_every (default health.model_report_every) it is WARNING, for three times that CRITICAL. Errors: 22023 for unfit arguments, 22007 for a trained_at that is no time.';

CREATE FUNCTION pulse.models_at(at timestamptz)
	RETURNS TABLE (name text, status text, message text, reported_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT m.name, l.status, coalesce(nullif(l.message, ''), format('version %s, reported %s s ago', m.version, greatest(0, round(extract(epoch FROM $1 - m.reported_at))))),
		m.reported_at, jsonb_build_object('version', m.version, 'metrics', m.metrics, 'baseline', m.baseline, 'baseline_at', pulse.json_time(m.baseline_at),
			'drift', coalesce(d.drift, '{}'), 'expect_every', extract(epoch FROM m.expect_every))
	FROM pulse.model m
		CROSS JOIN (SELECT pulse.config_float('health.model_drift_warning') AS warning, pulse.config_float('health.model_drift_critical') AS critical,
			pulse.config_interval('health.model_training_age') AS training_age) c
		CROSS JOIN LATERAL (
			SELECT jsonb_object_agg(v.key, round(v.worse::numeric, 6)) AS drift, max(v.worse) AS worst,
				string_agg(format('%s %s, baseline %s', v.key, v.now, v.base), ', ' ORDER BY v.worse DESC, v.key) FILTER (WHERE v.worse >= c.warning) AS named
			FROM (SELECT b.key, b.value::text AS base, m.metrics ->> b.key AS now,
					CASE WHEN b.key ~* '(loss|error|mae|mse|rmse|drift|latency|age)' THEN 1 ELSE -1 END
						* ((m.metrics ->> b.key)::double precision - b.value::double precision) / nullif(abs(b.value::double precision), 0) AS worse
				  FROM jsonb_each(m.baseline) b
				  WHERE jsonb_typeof(b.value) = 'number' AND jsonb_typeof(m.metrics -> b.key) = 'number' AND b.key <> 'predictions') v
		) d
		CROSS JOIN LATERAL (
			SELECT coalesce(pulse.worst_level(VARIADIC array_agg(p.level)), 'HEALTHY') AS status,
				string_agg(p.problem, '; ' ORDER BY pulse.severity(p.level) DESC) AS message
			FROM (VALUES
				(CASE WHEN $1 - m.reported_at > m.expect_every * 3 THEN 'CRITICAL' WHEN $1 - m.reported_at > m.expect_every THEN 'WARNING' END,
					format('no report for %s s', round(extract(epoch FROM $1 - m.reported_at)))),
				(CASE WHEN m.metrics -> 'can_predict' = 'false' THEN 'CRITICAL' END, 'it cannot predict'),
				(CASE WHEN m.metrics -> 'predictions' = '0' THEN 'WARNING' END, 'it has made no predictions'),
				(CASE WHEN (m.metrics ->> 'trained_at')::timestamptz < $1 - c.training_age THEN 'WARNING' END,
					format('it was trained %s days ago', extract(day FROM $1 - (m.metrics ->> 'trained_at')::timestamptz))),
				(CASE WHEN d.worst >= c.critical THEN 'CRITICAL' WHEN d.worst >= c.warning THEN 'WARNING' END, 'worse than its baseline: ' || d.named)
			) p (level, problem) WHERE p.level IS NOT NULL
		) l
	$$;
COMMENT ON FUNCTION pulse.models_at(timestamptz) IS 'Health of the models at a time: age of the report, whether they can predict, age of the training, drift against the baseline.';

-- History ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION pulse.record_health_history(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- what reports by itself has its history already
	INSERT INTO pulse.health_sample (component, status, message, latency_ms, details, checked_at)
		SELECT h.component, h.status, left(h.message, 2000), h.latency_ms,
			CASE h.component WHEN 'database' THEN h.details - ARRAY['levels', 'dead_rows', 'server_version', 'in_recovery'] ELSE '{}' END, record_health_history.at
		FROM pulse.health_at(record_health_history.at) h
		WHERE NOT EXISTS (SELECT FROM pulse.health_state s WHERE s.component = h.component AND s.status = h.status);
	DELETE FROM pulse.health_state s WHERE s.checked_at < record_health_history.at - pulse.config_interval('health.forget_after');
	DELETE FROM pulse.config_history h WHERE h.changed_at < record_health_history.at - pulse.config_interval('retention.config_history');
	DELETE FROM pulse.model_sample m WHERE m.reported_at < record_health_history.at - pulse.config_interval('retention.models');
	DELETE FROM pulse.metric_sample m WHERE m.at < record_health_history.at - pulse.config_interval('retention.metrics');
	RETURN record_health_history.at + pulse.config_interval('health.history_interval');
END
$$;
REVOKE ALL ON FUNCTION pulse.record_health_history(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.record_health_history(timestamptz) IS
	'Job: puts the health of every component that is looked at directly into the history, and removes what is older than its retention.';
INSERT INTO pulse.job (name, command, every) VALUES ('health_history', 'pulse.record_health_history', '1 minute');

CREATE FUNCTION pulse_health_history(component text DEFAULT NULL, since timestamptz DEFAULT now() - interval '1 day', until timestamptz DEFAULT NULL)
	RETURNS TABLE (component text, checked_at timestamptz, status text, message text, latency_ms double precision, details jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.component, s.checked_at, s.status, s.message, s.latency_ms, s.details
	FROM pulse.health_sample s
	WHERE ($1 IS NULL OR s.component = $1) AND ($2 IS NULL OR s.checked_at >= $2) AND ($3 IS NULL OR s.checked_at < $3)
	ORDER BY s.component, s.checked_at
	$$;
COMMENT ON FUNCTION pulse_health_history(text, timestamptz, timestamptz) IS
	'How components were, with their latency: every report, and every health.history_interval (1 minute) what is looked at directly. Kept for pulse.health_retention.';

CREATE FUNCTION pulse_uptime(since timestamptz DEFAULT now() - interval '1 day', until timestamptz DEFAULT now())
	RETURNS TABLE (component text, samples bigint, healthy double precision, warning double precision, critical double precision, unknown double precision,
				   latency_p50 double precision, latency_p95 double precision, worst_latency double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.component, count(*),
		count(*) FILTER (WHERE s.status = 'HEALTHY')::double precision / count(*), count(*) FILTER (WHERE s.status = 'WARNING')::double precision / count(*),
		count(*) FILTER (WHERE s.status = 'CRITICAL')::double precision / count(*), count(*) FILTER (WHERE s.status = 'UNKNOWN')::double precision / count(*),
		percentile_cont(0.5) WITHIN GROUP (ORDER BY s.latency_ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY s.latency_ms), max(s.latency_ms)
	FROM pulse.health_sample s WHERE s.checked_at >= $1 AND s.checked_at < $2
	GROUP BY s.component ORDER BY s.component
	$$;
COMMENT ON FUNCTION pulse_uptime(timestamptz, timestamptz) IS
	'For each component the share of its samples in a period (default: the last day) that were HEALTHY, WARNING, CRITICAL and UNKNOWN, as fractions, and the median, 95 % quantile and largest of its latency in milliseconds.';

INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['health_state', 'database_sample', 'model', 'model_sample']), 'SELECT'
	UNION ALL SELECT 'operator', 'function', unnest(ARRAY['pulse_model_report', 'pulse_record_health', 'pulse_forget_health']), 'EXECUTE';
