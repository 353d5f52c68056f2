-- What people are told of alerts, and what they are not: silences, maintenance, inhibition; groups, reminders, escalation, storms.

CREATE FUNCTION pulse.fits(wanted jsonb, actual text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT CASE jsonb_typeof(wanted)
		WHEN 'string' THEN pulse.matches(ARRAY[wanted #>> '{}'], actual)
		WHEN 'array' THEN pulse.matches(ARRAY(SELECT jsonb_array_elements_text(wanted)), actual)
		ELSE wanted IS NULL END
	$$;
COMMENT ON FUNCTION pulse.fits(jsonb, text) IS 'Whether a value fits what a matcher says about its key: a value or pattern, or an array of them; NULL: nothing is said.';

CREATE FUNCTION pulse.matcher_fits(matcher jsonb, rule text, kind text, severity text, portfolio text, symbol text, component text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT pulse.fits(matcher -> 'rule', rule) AND pulse.fits(matcher -> 'kind', kind) AND pulse.fits(matcher -> 'severity', severity)
		AND pulse.fits(matcher -> 'portfolio', portfolio) AND pulse.fits(matcher -> 'symbol', symbol) AND pulse.fits(matcher -> 'component', component)
	$$;
COMMENT ON FUNCTION pulse.matcher_fits(jsonb, text, text, text, text, text, text) IS 'Whether an alert fits a matcher: every key that it has must.';

CREATE FUNCTION pulse.first_instant(local timestamp, timezone text) RETURNS timestamptz
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	-- a clock that is set back shows the time twice, and PostgreSQL takes the second one
	SELECT CASE WHEN (t.at - interval '1 hour') AT TIME ZONE timezone = local THEN t.at - interval '1 hour' ELSE t.at END
	FROM (SELECT local AT TIME ZONE timezone AS at) t
	$$;
COMMENT ON FUNCTION pulse.first_instant(timestamp, text) IS
	'The first instant at which the clocks of a zone show a time; where they skip it, the one that is as long after the last they show.';

CREATE FUNCTION pulse.maintenance_now(at timestamptz) RETURNS TABLE (name text, matcher jsonb, until timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT m.name, m.matcher, max(w.ends)
	FROM pulse.maintenance m CROSS JOIN LATERAL (
		SELECT m.starts_at AS starts, m.ends_at AS ends WHERE m.local_time IS NULL
		UNION ALL
		SELECT b.starts, b.starts + m.duration
		FROM (SELECT pulse.first_instant((at AT TIME ZONE m.timezone)::date - d + m.local_time, m.timezone) AS starts,
				extract(isodow FROM (at AT TIME ZONE m.timezone)::date - d)::integer AS day
			  FROM generate_series(-1, 8) d) b
		WHERE m.local_time IS NOT NULL AND (m.days IS NULL OR b.day = ANY (m.days))
			AND b.starts >= coalesce(m.starts_at, '-infinity') AND b.starts < coalesce(m.ends_at, 'infinity')) w
	WHERE m.enabled AND w.starts <= at AND w.ends > at
	GROUP BY m.name, m.matcher
	$$;
COMMENT ON FUNCTION pulse.maintenance_now(timestamptz) IS 'Maintenance that is under way at a time, and until when.';

CREATE FUNCTION pulse.mute_alerts(at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan
	AS $$
BEGIN
	WITH inhibitors AS MATERIALIZED (
		SELECT r.name AS rule, i.name AS inhibitor FROM pulse.alert_rule r JOIN pulse.alert_rule i ON i.name <> r.name AND pulse.matches(r.inhibited_by, i.name)
		WHERE r.inhibited_by IS NOT NULL
	), silences AS MATERIALIZED (
		SELECT s.silence_id, s.matcher, s.until FROM pulse.silence s WHERE s.ended_at IS NULL AND s.starts_at <= at AND s.until > at
	), works AS MATERIALIZED (
		SELECT * FROM pulse.maintenance_now(at)
	), looked AS MATERIALIZED (
		-- what is to be told now, and what was muted a while ago
		SELECT a.alert_id, a.rule, a.kind, a.severity, a.portfolio, a.symbol, a.component FROM pulse.alert a
			WHERE (a.recheck_at IS NULL OR a.recheck_at <= at)
				AND (a.tell OR (a.state <> 'resolved' AND a.next_at <= at AND a.state = 'firing' AND (a.remind_at <= at OR a.escalate_at <= at)))
		UNION
		SELECT a.alert_id, a.rule, a.kind, a.severity, a.portfolio, a.symbol, a.component FROM pulse.alert a
			WHERE a.state <> 'resolved' AND a.muted_by IS NOT NULL AND (a.recheck_at IS NULL OR a.recheck_at <= at)
	), judged AS MATERIALIZED (
		SELECT l.alert_id, s.silence_id, CASE WHEN s.silence_id IS NOT NULL THEN 'silence ' || s.silence_id WHEN w.name IS NOT NULL THEN 'maintenance ' || w.name
			WHEN i.rule IS NOT NULL THEN 'inhibited by ' || i.rule WHEN r.name IS NOT NULL AND NOT r.awake THEN 'outside of the active hours' END AS reason
		FROM looked l
		LEFT JOIN LATERAL (SELECT x.silence_id FROM silences x WHERE pulse.matcher_fits(x.matcher, l.rule, l.kind, l.severity, l.portfolio, l.symbol, l.component)
						   ORDER BY x.until DESC, x.silence_id LIMIT 1) s ON true
		LEFT JOIN LATERAL (SELECT x.name FROM works x WHERE pulse.matcher_fits(x.matcher, l.rule, l.kind, l.severity, l.portfolio, l.symbol, l.component)
						   ORDER BY x.until DESC, x.name LIMIT 1) w ON s.silence_id IS NULL
		LEFT JOIN LATERAL (SELECT x.rule FROM inhibitors h JOIN pulse.alert x ON x.rule = h.inhibitor AND x.portfolio IN ('', l.portfolio)
								AND (x.symbol = '' OR x.symbol = l.symbol) AND x.state <> 'resolved' AND x.state <> 'pending'
						   WHERE h.rule = l.rule ORDER BY x.rule LIMIT 1) i ON s.silence_id IS NULL AND w.name IS NULL
		LEFT JOIN LATERAL (SELECT x.rule AS name, x.awake FROM pulse.alert_rule_state x WHERE x.rule = l.rule) r ON true
	)
	UPDATE pulse.alert a SET silenced_by = j.silence_id, muted_by = j.reason, recheck_at = CASE WHEN j.reason IS NOT NULL THEN at + interval '10 seconds' END
		FROM judged j
		WHERE a.alert_id = j.alert_id AND (j.reason IS NOT NULL OR a.muted_by IS NOT NULL OR a.recheck_at IS NOT NULL);
	-- the end of what nobody was told of, or does not want to be told of, is no news; reminders go on when the muting is over
	UPDATE pulse.alert a SET tell = false, recheck_at = NULL WHERE a.tell AND a.muted_by IS NOT NULL AND a.state = 'resolved';
	UPDATE pulse.alert a SET remind_at = at + r.remind_every FROM pulse.alert_rule r
		WHERE r.name = a.rule AND a.muted_by IS NOT NULL AND a.state = 'firing' AND a.next_at <= at AND a.remind_at <= at;
	UPDATE pulse.alert a SET escalate_at = at + r.escalate_after FROM pulse.alert_rule r
		WHERE r.name = a.rule AND a.muted_by IS NOT NULL AND a.state = 'firing' AND a.next_at <= at AND a.escalate_at <= at;
END
$$;
COMMENT ON FUNCTION pulse.mute_alerts(timestamptz) IS
	'Decides for every alert that has something to tell, and again every ten seconds for those that are muted, whether a silence, maintenance, an inhibiting rule or the hours of its rule keep it quiet.';

CREATE FUNCTION pulse.alert_data(a pulse.alert, state text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('alert_id', (a).alert_id, 'rule', (a).rule, 'kind', (a).kind, 'state', state,
		'portfolio', nullif((a).portfolio, ''), 'symbol', nullif((a).symbol, ''), 'component', nullif((a).component, ''),
		'value', pulse.json_number((a).value), 'threshold', pulse.json_number((a).threshold), 'since', pulse.json_time((a).since),
		'count', (a).count, 'flapping', CASE WHEN (a).flapping THEN true END))
	$$;
COMMENT ON FUNCTION pulse.alert_data(pulse.alert, text) IS 'Data of the message about an alert.';

CREATE FUNCTION pulse.tell_storm(at timestamptz, storm_at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	allowed bigint := pulse.config_integer('alerts.storm_count');
	span interval := pulse.config_interval('alerts.storm_window');
	begun bigint;
	lines text;
BEGIN
	SELECT count(*) INTO begun FROM (SELECT FROM pulse.alert_history h
		WHERE h.at > tell_storm.at - span AND h.at <= tell_storm.at AND h.transition = 'fired' AND h.kind <> 'TRADE' LIMIT 1000000) n;
	IF storm_at IS NULL AND begun >= allowed THEN
		SELECT string_agg(format('%s: %s', r.title, r.n), E'\n' ORDER BY r.n DESC, r.title) INTO lines FROM (
			SELECT coalesce(u.title, h.rule) AS title, count(*) AS n FROM pulse.alert_history h LEFT JOIN pulse.alert_rule u ON u.name = h.rule
			WHERE h.at > tell_storm.at - span AND h.at <= tell_storm.at AND h.transition = 'fired' AND h.kind <> 'TRADE'
			GROUP BY 1 ORDER BY 2 DESC LIMIT 10) r;
		PERFORM pulse.enqueue('SYSTEM', 'CRITICAL', NULL, format('Alert storm: %s alerts', begun),
			format(E'%s alerts began within %s:\n%s', begun, span, lines),
			jsonb_build_object('rule', 'alert_storm', 'state', 'firing', 'escalate', true, 'count', begun, 'value', begun, 'threshold', allowed,
				'since', pulse.json_time(at)), 'alert storm ' || extract(epoch FROM at), at);
		RETURN at;
	ELSIF storm_at IS NOT NULL AND begun < (allowed + 1) / 2 THEN
		PERFORM pulse.enqueue('SYSTEM', 'LOW', NULL, 'Alert storm is over', format('It began at %s.', to_char(storm_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
			jsonb_build_object('rule', 'alert_storm', 'state', 'resolved', 'count', begun, 'value', begun, 'threshold', allowed, 'since', pulse.json_time(storm_at)),
			'alert storm over ' || extract(epoch FROM at), at);
		RETURN NULL;
	END IF;
	RETURN storm_at;
END
$$;
COMMENT ON FUNCTION pulse.tell_storm(timestamptz, timestamptz) IS
	'Escalates when too many alerts begin at a time, once, and says when that is over; returns since when there has been a storm, or NULL.';

CREATE FUNCTION pulse.tell_alerts(at timestamptz, storm_at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan
	AS $$
DECLARE
	told record;
	id bigint;
	group_size bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM pulse.alert a WHERE a.tell)
		AND NOT EXISTS (SELECT FROM pulse.alert a WHERE a.state <> 'resolved' AND a.next_at <= at)
		AND NOT EXISTS (SELECT FROM pulse.alert a WHERE a.state <> 'resolved' AND a.muted_by IS NOT NULL) THEN
		RETURN CASE WHEN storm_at IS NOT NULL THEN pulse.tell_storm(at, storm_at) END;
	END IF;
	PERFORM pulse.mute_alerts(at);
	group_size := pulse.config_integer('alerts.group_size');
	storm_at := pulse.tell_storm(at, storm_at);
	FOR told IN
		WITH due AS MATERIALIZED (
			SELECT a, r.title AS heading, to_jsonb(r.route) AS route, n.news,
				CASE WHEN n.news = 'resolved' THEN 'LOW' ELSE a.severity END AS priority,
				concat_ws(E'\x1f', n.news = 'resolved', n.news = 'escalated', CASE WHEN coalesce('rule' = ANY (r.group_by), true) THEN a.rule END,
					CASE WHEN 'kind' = ANY (r.group_by) THEN a.kind END, CASE WHEN 'severity' = ANY (r.group_by) THEN a.severity END,
					CASE WHEN 'portfolio' = ANY (r.group_by) THEN a.portfolio END, CASE WHEN 'symbol' = ANY (r.group_by) THEN a.symbol END,
					CASE WHEN 'component' = ANY (r.group_by) THEN a.component END) AS grouping
			FROM pulse.alert a LEFT JOIN pulse.alert_rule r ON r.name = a.rule
			CROSS JOIN LATERAL (SELECT CASE
				WHEN a.tell AND a.resolution = 'momentary' THEN 'fired' WHEN a.tell AND a.state = 'resolved' THEN 'resolved' WHEN a.tell AND a.told_level IS NULL THEN 'fired'
				WHEN a.tell AND a.told_level > a.level THEN 'lowered' WHEN a.tell THEN 'raised'
				WHEN a.state = 'firing' AND a.escalate_at <= at THEN 'escalated' WHEN a.state = 'firing' AND a.remind_at <= at THEN 'reminded' END AS news) n
			WHERE (a.tell OR (a.state = 'firing' AND a.next_at <= at)) AND a.muted_by IS NULL AND n.news IS NOT NULL
				AND (a.tell OR coalesce(r.notify, false))
		), counted AS (
			SELECT d.*, count(*) OVER (PARTITION BY d.grouping) AS companions FROM due d
		)
		SELECT c.companions >= group_size AS together, count(*) AS n, array_agg(c.a ORDER BY (c.a).level DESC, (c.a).alert_id) AS alerts, array_agg(c.news ORDER BY (c.a).level DESC, (c.a).alert_id) AS news,
			array_agg((c.a).alert_id ORDER BY (c.a).level DESC, (c.a).alert_id) AS ids,
			min(c.priority) FILTER (WHERE c.priority = 'CRITICAL') AS critical, min(c.priority) FILTER (WHERE c.priority = 'HIGH') AS high,
			min(c.priority) FILTER (WHERE c.priority = 'MEDIUM') AS medium, max(c.heading) AS heading, (array_agg(c.route ORDER BY (c.a).alert_id))[1] AS route
		FROM counted c
		GROUP BY c.grouping, c.companions, CASE WHEN c.companions < group_size THEN (c.a).alert_id END
		ORDER BY min(CASE c.priority WHEN 'CRITICAL' THEN 1 WHEN 'HIGH' THEN 2 WHEN 'MEDIUM' THEN 3 ELSE 4 END), min((c.a).alert_id)
	LOOP
		IF told.together THEN
			id := pulse.tell_group(at, told.alerts, told.news, coalesce(told.critical, told.high, told.medium, 'LOW'), told.heading, told.route);
		ELSE
			id := pulse.tell_one(at, told.alerts[1], told.news[1], told.route);
		END IF;
		-- each alert has an event of its own, from its history
		UPDATE pulse.delivery d SET event_seq = 0 WHERE d.delivery_id = id AND d.event_seq IS NULL;
		PERFORM pulse.alerts_told(at, told.ids, told.news);
	END LOOP;
	RETURN storm_at;
END
$$;
COMMENT ON FUNCTION pulse.tell_alerts(timestamptz, timestamptz) IS
	'Tells people what they do not know yet: new, graver, milder and resolved alerts, reminders and escalations; many of a group in one message. Returns since when there has been a storm.';

CREATE FUNCTION pulse.tell_one(at timestamptz, a pulse.alert, news text, route jsonb) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.enqueue((a).kind, CASE WHEN news = 'resolved' THEN 'LOW' ELSE (a).severity END, nullif((a).portfolio, ''),
		CASE news WHEN 'resolved' THEN 'Resolved: ' WHEN 'reminded' THEN 'Still: ' WHEN 'escalated' THEN 'Not acknowledged: ' WHEN 'lowered' THEN 'Less grave: ' ELSE '' END || (a).title,
		CASE WHEN news = 'resolved' THEN format('It lasted %s.', date_trunc('second', coalesce((a).resolved_at, at) - (a).since))
			ELSE (a).message || CASE WHEN news IN ('reminded', 'escalated') THEN format(E'\nsince %s UTC', to_char((a).since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) ELSE '' END END
			|| CASE WHEN (a).flapping THEN format(E'\nIt comes and goes: %s times so far. It now stays until it is quiet.', (a).count) ELSE '' END,
		pulse.alert_data(a, CASE WHEN news = 'resolved' THEN 'resolved' WHEN (a).resolution = 'momentary' THEN 'firing' ELSE (a).state END)
			|| jsonb_strip_nulls(jsonb_build_object('escalate', CASE WHEN news = 'escalated' THEN true END, 'sinks', route, 'news', news)),
		concat_ws(':', 'alert', (a).alert_id, news, (a).level, extract(epoch FROM at)), at)
	$$;
COMMENT ON FUNCTION pulse.tell_one(timestamptz, pulse.alert, text, jsonb) IS 'Sends the message about one alert.';

CREATE FUNCTION pulse.tell_group(at timestamptz, alerts pulse.alert[], news text[], priority text, heading text, route jsonb) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.enqueue((alerts[1]).kind, priority, CASE WHEN min(a.portfolio) = max(a.portfolio) THEN nullif(min(a.portfolio), '') END,
		CASE news[1] WHEN 'resolved' THEN 'Resolved: ' WHEN 'escalated' THEN 'Not acknowledged: ' ELSE '' END
			|| format('%s: %s alerts', CASE WHEN min(a.rule) = max(a.rule) THEN coalesce(heading, min(a.rule)) ELSE 'Several rules' END, count(*)),
		string_agg(CASE WHEN a.nr <= 10 THEN format('%s: %s', a.title, left(replace(a.message, E'\n', '; '), 150)) WHEN a.nr = 11 THEN format('and %s more', cardinality(alerts) - 10) END, E'\n' ORDER BY a.nr),
		jsonb_strip_nulls(jsonb_build_object('rule', CASE WHEN min(a.rule) = max(a.rule) THEN min(a.rule) END,
			'state', CASE WHEN news[1] = 'resolved' THEN 'resolved' ELSE 'firing' END, 'count', count(*),
			'alerts', jsonb_agg(a.alert_id ORDER BY a.nr) FILTER (WHERE a.nr <= 1000), 'since', pulse.json_time(min(a.since)),
			'escalate', CASE WHEN news[1] = 'escalated' THEN true END, 'sinks', route, 'news', news[1])),
		concat_ws(':', 'alerts', min(a.alert_id), max(a.alert_id), news[1], extract(epoch FROM at)), at)
	FROM unnest(alerts) WITH ORDINALITY a (alert_id, rule, kind, portfolio, symbol, component, state, severity, level, condition, flapping, title, message, note, value,
		warning, critical, threshold, since, updated_at, breached_at, critical_at, eased_at, cleared_at, fired_at, firings, count, acknowledged_by, acknowledged_at,
		resolved_at, resolution, due_at, remind_at, escalate_at, next_at, tell, told_at, told_level, silenced_by, muted_by, recheck_at, nr)
	$$;
COMMENT ON FUNCTION pulse.tell_group(timestamptz, pulse.alert[], text[], text, text, jsonb) IS 'Sends one message about many alerts.';

CREATE FUNCTION pulse.alerts_told(at timestamptz, ids bigint[], news text[]) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	WITH n AS MATERIALIZED (SELECT u.alert_id, u.news, r.remind_every FROM unnest($2, $3) AS u (alert_id, news)
		JOIN pulse.alert l ON l.alert_id = u.alert_id LEFT JOIN pulse.alert_rule r ON r.name = l.rule),
	told AS (
		UPDATE pulse.alert a SET tell = false, told_at = $1, told_level = a.level,
			remind_at = CASE WHEN a.state = 'firing' AND n.news IN ('reminded', 'escalated') THEN $1 + n.remind_every ELSE a.remind_at END,
			escalate_at = CASE WHEN n.news = 'escalated' THEN NULL ELSE a.escalate_at END
			FROM n WHERE a.alert_id = n.alert_id
			RETURNING a, n.news
	)
	INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count)
		SELECT (t.a).alert_id, $1, t.news, (t.a).state, (t.a).rule, (t.a).kind, (t.a).severity, (t.a).portfolio, (t.a).symbol, (t.a).component, (t.a).title, (t.a).message,
			(t.a).value, (t.a).threshold, (t.a).since, (t.a).count
		FROM told t WHERE t.news IN ('reminded', 'escalated')
	$$;
COMMENT ON FUNCTION pulse.alerts_told(timestamptz, bigint[], text[]) IS 'Notes what people have been told, and when they are told again.';
