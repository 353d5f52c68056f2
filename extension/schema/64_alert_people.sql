-- What people do with alerts: look at them, acknowledge, silence, plan maintenance.

CREATE FUNCTION pulse.portfolio_visible(portfolio text) RETURNS boolean
	LANGUAGE sql STABLE
	AS $$
	SELECT EXISTS (SELECT FROM pulse.source s WHERE s.state = 'active' AND pulse.readable(s.source_id, $1))
	$$;
COMMENT ON FUNCTION pulse.portfolio_visible(text) IS
	'Whether the current user sees a row of the portfolio in one of the followed tables.';

-- What is about a portfolio is for those who see it; what is about the system for those who may read all events.
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['alert', 'alert_history', 'threshold_history', 'alert_band', 'alert_regime'] LOOP
		EXECUTE format('ALTER TABLE pulse.%I ENABLE ROW LEVEL SECURITY', name);
		EXECUTE format('CREATE POLICY visible ON pulse.%I FOR SELECT USING (CASE portfolio WHEN '''' '
			'THEN pg_catalog.has_table_privilege(''pulse.event'', ''SELECT'') ELSE pulse.portfolio_visible(portfolio) END)', name);
	END LOOP;
END
$$;
GRANT SELECT ON pulse.alert, pulse.alert_history TO PUBLIC;
ALTER TABLE pulse.acknowledgement ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON pulse.acknowledgement FOR SELECT USING (EXISTS (SELECT FROM pulse.alert a WHERE a.alert_id = acknowledgement.alert_id));
CREATE POLICY acknowledge ON pulse.acknowledgement FOR INSERT WITH CHECK (
	role = session_user AND EXISTS (SELECT FROM pulse.alert a WHERE a.alert_id = acknowledgement.alert_id));

CREATE FUNCTION pulse.acknowledge() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	a pulse.alert;
BEGIN
	UPDATE pulse.alert x SET state = 'acknowledged', acknowledged_by = NEW.actor, acknowledged_at = NEW.at, updated_at = NEW.at, remind_at = NULL, escalate_at = NULL
		WHERE x.alert_id = NEW.alert_id AND x.state = 'firing' RETURNING x.* INTO a;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count, actor, note)
		VALUES (a.alert_id, NEW.at, 'acknowledged', a.state, a.rule, a.kind, a.severity, a.portfolio, a.symbol, a.component, a.title, a.message, a.value, a.threshold, a.since,
				a.count, NEW.actor, NEW.note);
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION pulse.acknowledge() FROM PUBLIC;
COMMENT ON FUNCTION pulse.acknowledge() IS 'Acknowledges an alert that fires; a row about any other one is not kept.';
CREATE TRIGGER acknowledge BEFORE INSERT ON pulse.acknowledgement FOR EACH ROW EXECUTE FUNCTION pulse.acknowledge();

CREATE FUNCTION pulse.acknowledge_alert(alert_id bigint, by text, note text, at timestamptz) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
BEGIN
	IF coalesce(by, '') = '' OR length(by) > 200 THEN
		RAISE EXCEPTION 'whoever acknowledges needs a name of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF length(note) > 2000 THEN
		RAISE EXCEPTION 'note is too long' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'It may have 2000 characters.';
	ELSIF NOT EXISTS (SELECT FROM pulse.alert a WHERE a.alert_id = alert_id) THEN
		RETURN false;
	END IF;
	INSERT INTO pulse.acknowledgement (alert_id, actor, note, at) VALUES (alert_id, by, note, coalesce(at, now()));
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pulse.acknowledge_alert(bigint, text, text, timestamptz) IS 'Body of pulse_ack().';

CREATE FUNCTION pulse_ack(alert_id bigint, by text DEFAULT session_user, note text DEFAULT NULL, at timestamptz DEFAULT NULL) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.acknowledge_alert($1, $2, $3, $4) $$;
COMMENT ON FUNCTION pulse_ack(bigint, text, text, timestamptz) IS
	'Acknowledges an alert that fires: somebody takes care of it, so it is neither repeated nor escalated; it fires again when it becomes graver. Who did it is kept: by, and the role that was logged in. at NULL: now. False when there is no such alert that you may see, or it does not fire. Operators and up; error 22023 for an empty name.';

CREATE FUNCTION pulse.check_matcher(matcher jsonb) RETURNS void
	LANGUAGE plpgsql IMMUTABLE
	AS $$
DECLARE
	item record;
BEGIN
	IF matcher IS NULL OR jsonb_typeof(matcher) <> 'object' THEN
		RAISE EXCEPTION 'a matcher is a JSON object' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'For example {"rule": "high_*", "portfolio": ["main", "test"]}.';
	END IF;
	FOR item IN SELECT e.key, e.value FROM jsonb_each(matcher) e LOOP
		IF item.key NOT IN ('rule', 'kind', 'severity', 'portfolio', 'symbol', 'component') THEN
			RAISE EXCEPTION 'unknown key in a matcher: %', quote_literal(left(item.key, 100)) USING ERRCODE = 'invalid_parameter_value',
				HINT = 'There are rule, kind, severity, portfolio, symbol and component.';
		ELSIF jsonb_typeof(item.value) = 'array' THEN
			IF jsonb_array_length(item.value) NOT BETWEEN 1 AND 100
				OR EXISTS (SELECT FROM jsonb_array_elements(item.value) x WHERE jsonb_typeof(x) <> 'string' OR length(x #>> '{}') > 200) THEN
				RAISE EXCEPTION 'an array in a matcher has 1 to 100 texts of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
			END IF;
		ELSIF jsonb_typeof(item.value) <> 'string' OR length(item.value #>> '{}') > 200 THEN
			RAISE EXCEPTION 'a value in a matcher is a text of at most 200 characters, or an array of them' USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.check_matcher(jsonb) IS 'Refuses what is no matcher, with error 22023.';

CREATE FUNCTION pulse_silence(matcher jsonb, until timestamptz, by text DEFAULT session_user, reason text DEFAULT NULL,
							  starts_at timestamptz DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	id bigint;
	begins timestamptz := coalesce(starts_at, now());
BEGIN
	PERFORM pulse.check_matcher(matcher);
	IF coalesce(by, '') = '' OR length(by) > 200 OR length(reason) > 2000 THEN
		RAISE EXCEPTION 'a silence needs a name of at most 200 characters, its reason may have 2000' USING ERRCODE = 'invalid_parameter_value';
	ELSIF until IS NULL OR NOT isfinite(until) OR until <= begins THEN
		RAISE EXCEPTION 'a silence must end after it begins' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give the time of its end, for example now() + interval ''2 hours''. What shall never be told is better disabled: pulse_alert_rule_set(name, notify => false).';
	END IF;
	INSERT INTO pulse.silence (matcher, starts_at, until, reason, created_by) VALUES (matcher, begins, until, reason, by) RETURNING silence_id INTO id;
	IF begins <= now() THEN
		UPDATE pulse.alert a SET silenced_by = id, muted_by = 'silence ' || id, recheck_at = now() + interval '10 seconds'
			WHERE a.state <> 'resolved' AND a.silenced_by IS NULL
				AND pulse.matcher_fits(matcher, a.rule, a.kind, a.severity, a.portfolio, a.symbol, a.component);
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION pulse_silence(jsonb, timestamptz, text, text, timestamptz) IS
	'Keeps alerts quiet until a time: they are listed and streamed, but nobody is told; those that still fire then are told. matcher has rule, kind, severity, portfolio, symbol, component with a value, an array of values, or patterns with *; all that it has must fit; {} fits everything. Returns the number of the silence. It is not limited to portfolios that you see. Operators and up; error 22023 for a bad matcher or time.';

CREATE FUNCTION pulse_unsilence(silence_id bigint, by text DEFAULT session_user) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
BEGIN
	UPDATE pulse.silence s SET ended_at = now(), ended_by = by WHERE s.silence_id = silence_id AND s.ended_at IS NULL AND s.until > now();
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE pulse.alert a SET recheck_at = NULL WHERE a.state <> 'resolved' AND a.silenced_by = silence_id;
	RETURN true;
END
$$;
COMMENT ON FUNCTION pulse_unsilence(bigint, text) IS
	'Ends a silence before its time; who did it is kept. False when there is none of that number that still lasts. Operators and up.';

CREATE FUNCTION pulse_silences("all" boolean DEFAULT false)
	RETURNS TABLE (silence_id bigint, matcher jsonb, starts_at timestamptz, until timestamptz, created_by text, reason text, active boolean,
				   ended_at timestamptz, ended_by text, alerts bigint)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.silence_id, s.matcher, s.starts_at, s.until, s.created_by, s.reason, s.ended_at IS NULL AND s.starts_at <= now() AND s.until > now(), s.ended_at, s.ended_by,
		(SELECT count(*) FROM pulse.alert a WHERE a.state <> 'resolved' AND a.silenced_by = s.silence_id)
	FROM pulse.silence s WHERE $1 OR (s.ended_at IS NULL AND s.until > now())
	ORDER BY s.until DESC, s.silence_id DESC
	$$;
COMMENT ON FUNCTION pulse_silences(boolean) IS
	'Silences that last or are to come, or all that are kept; alerts: how many they keep quiet now, of those that you may see. Readers and up.';

CREATE FUNCTION pulse_maintenance_set(name text, matcher jsonb DEFAULT NULL, starts_at timestamptz DEFAULT NULL, ends_at timestamptz DEFAULT NULL,
									  local_time time DEFAULT NULL, duration interval DEFAULT NULL, days integer[] DEFAULT NULL,
									  timezone text DEFAULT NULL, reason text DEFAULT NULL, enabled boolean DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	m pulse.maintenance;
BEGIN
	IF coalesce(name, '') = '' OR length(name) > 100 OR length(reason) > 2000 THEN
		RAISE EXCEPTION 'maintenance needs a name of at most 100 characters, its reason may have 2000' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT x.* INTO m FROM pulse.maintenance x WHERE x.name = name;
	m.name := name;
	m.matcher := coalesce(matcher, m.matcher, '{}');
	m.starts_at := coalesce(starts_at, m.starts_at);
	m.ends_at := coalesce(ends_at, m.ends_at);
	m.local_time := coalesce(local_time, m.local_time);
	m.duration := coalesce(duration, m.duration);
	m.days := nullif(coalesce(days, m.days), '{}');
	m.timezone := coalesce(timezone, m.timezone, 'UTC');
	PERFORM pulse.check_matcher(m.matcher);
	PERFORM pulse.check_timezone(m.timezone);
	IF m.local_time IS NULL AND (m.days IS NOT NULL OR m.duration IS NOT NULL) THEN
		RAISE EXCEPTION 'maintenance that recurs needs a local_time' USING ERRCODE = 'invalid_parameter_value';
	ELSIF m.local_time IS NULL AND (m.starts_at IS NULL OR m.ends_at IS NULL OR m.ends_at <= m.starts_at) THEN
		RAISE EXCEPTION 'maintenance needs a beginning and an end' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give starts_at and ends_at; or, when it recurs, local_time, duration, and perhaps days and timezone.';
	ELSIF m.local_time IS NOT NULL AND (m.duration IS NULL OR m.duration <= interval '0' OR m.duration > interval '7 days') THEN
		RAISE EXCEPTION 'maintenance that recurs needs a duration of at most 7 days' USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT m.days <@ '{1,2,3,4,5,6,7}' THEN
		RAISE EXCEPTION 'days are numbers from 1 (Monday) to 7' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO pulse.maintenance AS x (name, matcher, starts_at, ends_at, days, local_time, duration, timezone, reason, enabled)
		VALUES (m.name, m.matcher, m.starts_at, m.ends_at, m.days, m.local_time, m.duration, m.timezone, coalesce(reason, m.reason), coalesce(enabled, m.enabled, true))
		ON CONFLICT ON CONSTRAINT maintenance_pkey DO UPDATE SET matcher = excluded.matcher, starts_at = excluded.starts_at, ends_at = excluded.ends_at, days = excluded.days,
			local_time = excluded.local_time, duration = excluded.duration, timezone = excluded.timezone, reason = excluded.reason, enabled = excluded.enabled,
			updated_at = now(), updated_by = session_user;
END
$$;
COMMENT ON FUNCTION pulse_maintenance_set(text, jsonb, timestamptz, timestamptz, time, interval, integer[], text, text, boolean) IS
	'Plans maintenance, in which the alerts that fit are not told, or changes it: once, from starts_at to ends_at, or again and again at local_time by the clocks of timezone, on some days (1 Monday to 7; all), for a duration. A time that the clocks skip is taken an hour later, one that they show twice the first time. What is left out stays as it is. Operators and up; error 22023 for what makes no sense.';

CREATE FUNCTION pulse_maintenance_drop(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.maintenance m WHERE m.name = pulse_maintenance_drop.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pulse_maintenance_drop(text) IS 'Removes planned maintenance; false when there is none of that name. Operators and up.';

CREATE FUNCTION pulse_maintenance()
	RETURNS TABLE (name text, matcher jsonb, starts_at timestamptz, ends_at timestamptz, days integer[], local_time time, duration interval, timezone text,
				   reason text, enabled boolean, active boolean, active_until timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT m.name, m.matcher, m.starts_at, m.ends_at, m.days, m.local_time, m.duration, m.timezone, m.reason, m.enabled, n.name IS NOT NULL, n.until
	FROM pulse.maintenance m LEFT JOIN pulse.maintenance_now(now()) n ON n.name = m.name
	ORDER BY m.name
	$$;
COMMENT ON FUNCTION pulse_maintenance() IS 'Planned maintenance, and whether it is under way. Readers and up.';

CREATE FUNCTION pulse.check_alert_state(state text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF lower(state) IN ('active', 'pending', 'firing', 'acknowledged', 'resolved', 'all') THEN
		RETURN lower(state);
	END IF;
	RAISE EXCEPTION 'unknown state of alerts: %', coalesce(quote_literal(state), 'NULL') USING ERRCODE = 'invalid_parameter_value',
		HINT = 'Use active, pending, firing, acknowledged, resolved or all.';
END
$$;
COMMENT ON FUNCTION pulse.check_alert_state(text) IS 'A state that pulse_alerts() knows, in lower case; error 22023 for anything else.';

CREATE FUNCTION pulse_alerts(state text DEFAULT 'active', since timestamptz DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (alert_id bigint, rule text, kind text, severity text, state text, portfolio text, symbol text, title text, message text,
				   value double precision, threshold double precision, since timestamptz, updated_at timestamptz, count bigint,
				   acknowledged_by text, acknowledged_at timestamptz, resolved_at timestamptz, silenced_by bigint, component text, muted_by text,
				   flapping boolean)
	LANGUAGE sql STABLE
	AS $$
	SELECT a.alert_id, a.rule, a.kind, a.severity, a.state, nullif(a.portfolio, ''), nullif(a.symbol, ''), a.title, a.message, a.value, a.threshold, a.since, a.updated_at,
		a.count, a.acknowledged_by, a.acknowledged_at, a.resolved_at, a.silenced_by, nullif(a.component, ''), a.muted_by, a.flapping
	FROM pulse.alert a CROSS JOIN (SELECT pulse.check_alert_state($1) AS state OFFSET 0) w
	WHERE CASE w.state WHEN 'all' THEN true WHEN 'active' THEN a.state IN ('firing', 'acknowledged') ELSE a.state = w.state END
		AND ($2 IS NULL OR a.updated_at >= $2) AND ($3 IS NULL OR a.portfolio IN ('', $3))
	ORDER BY a.state = 'resolved', CASE a.severity WHEN 'CRITICAL' THEN 1 WHEN 'HIGH' THEN 2 WHEN 'MEDIUM' THEN 3 ELSE 4 END, a.updated_at DESC, a.alert_id DESC
	$$;
COMMENT ON FUNCTION pulse_alerts(text, timestamptz, text) IS
	'Alerts, the gravest first: active ones (firing or acknowledged), those of one state (pending, firing, acknowledged, resolved), or all; since: only those that something happened to since then; portfolio: only those about it and about the system. value is the newest, threshold that of its level, since when the value has been bad, count how often it fired within flap_window, muted_by why nobody is told (a silence, maintenance, an inhibiting rule). You see alerts about portfolios that you may read, and those about the system if you may read pulse.event. Error 22023 for another state.';

CREATE FUNCTION pulse_alert_history(alert_id bigint DEFAULT NULL, since timestamptz DEFAULT NULL, portfolio text DEFAULT NULL, max_rows integer DEFAULT 1000)
	RETURNS TABLE (at timestamptz, alert_id bigint, rule text, transition text, state text, severity text, portfolio text, symbol text, component text, title text,
				   message text, value double precision, threshold double precision, since timestamptz, count bigint, actor text, note text)
	LANGUAGE sql STABLE
	AS $$
	SELECT h.at, h.alert_id, h.rule, h.transition, h.state, h.severity, nullif(h.portfolio, ''), nullif(h.symbol, ''), nullif(h.component, ''), h.title, h.message, h.value,
		h.threshold, h.since, h.count, h.actor, h.note
	FROM pulse.alert_history h
	WHERE ($1 IS NULL OR h.alert_id = $1) AND ($2 IS NULL OR h.at >= $2) AND ($3 IS NULL OR h.portfolio = $3)
	ORDER BY h.history_id DESC LIMIT greatest(least($4, 100000), 0)
	$$;
COMMENT ON FUNCTION pulse_alert_history(bigint, timestamptz, text, integer) IS
	'What happened to alerts, newest first: of one alert, since a time, of a portfolio; actor and note: who acknowledged it and what he said. You see what pulse_alerts() would show you.';

CREATE FUNCTION pulse.alert_event(h pulse.alert_history) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT jsonb_build_object('alert_id', (h).alert_id, 'rule', (h).rule, 'kind', (h).kind, 'severity', (h).severity,
		'state', CASE WHEN (h).transition = 'fired' THEN 'firing' ELSE (h).state END, 'transition', (h).transition,
		'title', (h).title, 'message', (h).message, 'value', pulse.json_number((h).value), 'threshold', pulse.json_number((h).threshold),
		'since', pulse.json_time((h).since), 'count', (h).count, 'portfolio', nullif((h).portfolio, ''), 'symbol', nullif((h).symbol, ''),
		'component', nullif((h).component, ''), 'by', (h).actor)
	$$;
COMMENT ON FUNCTION pulse.alert_event(pulse.alert_history) IS 'Data of the SYSTEM_ALERT event about something that happened to an alert.';

CREATE FUNCTION pulse.trim_alerts(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	oldest timestamptz := at - pulse.config_interval('alerts.retention');
	batch CONSTANT integer := 5000;
	removed bigint := 0;
	n bigint;
BEGIN
	DELETE FROM pulse.alert a WHERE a.ctid = ANY (ARRAY(SELECT o.ctid FROM pulse.alert o WHERE o.state = 'resolved' AND o.resolved_at < oldest LIMIT batch));
	GET DIAGNOSTICS n = ROW_COUNT;
	removed := greatest(removed, n);
	DELETE FROM pulse.alert_history h WHERE h.ctid = ANY (ARRAY(SELECT o.ctid FROM pulse.alert_history o WHERE o.at < oldest AND o.event_seq IS NOT NULL LIMIT batch));
	GET DIAGNOSTICS n = ROW_COUNT;
	removed := greatest(removed, n);
	DELETE FROM pulse.acknowledgement k WHERE k.at < oldest;
	DELETE FROM pulse.silence s WHERE coalesce(s.ended_at, s.until) < oldest;
	DELETE FROM pulse.threshold_history t WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM pulse.threshold_history o
		WHERE o.at < trim_alerts.at - pulse.config_interval('alerts.threshold_retention') LIMIT batch));
	GET DIAGNOSTICS n = ROW_COUNT;
	removed := greatest(removed, n);
	DELETE FROM pulse.alert_band b WHERE b.sampled_at < oldest;
	RETURN CASE WHEN removed >= batch THEN at END;
END
$$;
REVOKE ALL ON FUNCTION pulse.trim_alerts(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.trim_alerts(timestamptz) IS 'Job: removes a batch of what is older than alerts.retention and alerts.threshold_retention; again at once when more is left.';
INSERT INTO pulse.job (name, command, every) VALUES ('alert_retention', 'pulse.trim_alerts', '1 hour');

REVOKE ALL ON FUNCTION pulse_silence(jsonb, timestamptz, text, text, timestamptz), pulse_unsilence(bigint, text), pulse_maintenance_drop(text),
	pulse_maintenance_set(text, jsonb, timestamptz, timestamptz, time, interval, integer[], text, text, boolean) FROM PUBLIC;
INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['alert_rule', 'alert_rule_state', 'alert', 'alert_history', 'acknowledgement', 'silence', 'maintenance', 'alert_band',
		'alert_regime', 'threshold_history']), 'SELECT'
	UNION ALL SELECT 'operator', 'function', unnest(ARRAY['pulse_silence', 'pulse_unsilence', 'pulse_maintenance_set', 'pulse_maintenance_drop']), 'EXECUTE'
	UNION ALL VALUES ('operator', 'table', 'acknowledgement', 'INSERT')
	UNION ALL SELECT 'worker', 'function', unnest(ARRAY['pulse_silence', 'pulse_unsilence']), 'EXECUTE'
	UNION ALL VALUES ('worker', 'table', 'acknowledgement', 'INSERT')
	UNION ALL SELECT 'admin', 'table', 'alert_rule', unnest(ARRAY['INSERT', 'UPDATE', 'DELETE'])
	UNION ALL VALUES ('admin', 'function', 'pulse_alert_defaults', 'EXECUTE');
