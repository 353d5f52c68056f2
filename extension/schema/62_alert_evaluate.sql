-- The evaluation of alerts: values, thresholds, and one step of the state machine for each alert that they concern, set-wise.

CREATE FUNCTION pulse.registered_metric_names() RETURNS text[]
	LANGUAGE sql STABLE
	AS $$
	SELECT coalesce(array_agg(g.name ORDER BY g.name), '{}') FROM pulse.registration g
	WHERE g.kind = 'metric' AND NOT g.name = ANY (pulse.metric_names() || pulse.costly_metric_names())
	$$;
COMMENT ON FUNCTION pulse.registered_metric_names() IS 'Metrics that users have registered.';

CREATE FUNCTION pulse.alert_number(unit text, value double precision) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT CASE
		WHEN value IS NULL THEN 'undefined'
		WHEN unit = 'fraction' THEN trim_scale(round(value::numeric * 100, 2))::text || ' %'
		WHEN unit = 'money' THEN to_char(value, 'FM999G999G999G999G990.00')
		WHEN unit = 'seconds' THEN round(value::numeric, 1)::text || ' s'
		WHEN unit = 'status' THEN coalesce((ARRAY['HEALTHY', 'UNKNOWN', 'WARNING', 'CRITICAL'])[value::integer + 1], value::text)
		WHEN value = 0 OR abs(value) >= 1e15 OR abs(value) < 1e-4 THEN value::text
		ELSE trim_scale(round(value::numeric, greatest(0, 3 - floor(log(abs(value)::numeric))::integer)))::text END
	$$;
COMMENT ON FUNCTION pulse.alert_number(text, double precision) IS 'A value as messages have it, by the unit of its rule.';

CREATE FUNCTION pulse.alert_text(r pulse.alert_rule, value double precision, threshold double precision, note text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT CASE
		WHEN (r).source = 'trade' THEN coalesce(note, '')
		WHEN (r).source = 'health' THEN concat_ws(': ', pulse.alert_number('status', value), note)
		ELSE concat_ws(E'\n', note, format('%s is %s; threshold %s %s', coalesce(replace((r).metric, '_', ' '), 'value'),
			pulse.alert_number((r).unit, value), (r).comparator, pulse.alert_number((r).unit, threshold))) END
	$$;
COMMENT ON FUNCTION pulse.alert_text(pulse.alert_rule, double precision, double precision, text) IS 'Text of an alert for people.';

CREATE FUNCTION pulse.alert_title(title text, portfolio text, symbol text, component text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN concat_ws(': ', title, nullif(concat_ws(' ', nullif(portfolio, ''), nullif(symbol, ''), nullif(component, '')), ''));
COMMENT ON FUNCTION pulse.alert_title(text, text, text, text) IS 'Heading of an alert: that of its rule, and what it is about.';

CREATE FUNCTION pulse.open_risk(wanted text[])
	RETURNS TABLE (portfolio text, gross double precision, net double precision, largest double precision, herfindahl double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT v.portfolio, sum(abs(v.value)), sum(v.value), max(abs(v.value)) / nullif(sum(abs(v.value)), 0),
		sum(v.value * v.value) / nullif(sum(abs(v.value)) * sum(abs(v.value)), 0)
	FROM (
		SELECT p.portfolio, p.symbol, sum((p.quantity * CASE WHEN m.ts >= p.mark_at THEN m.price ELSE p.mark_price END)::double precision) AS value
		FROM pulse.position p JOIN pulse.source s ON s.source_id = p.source_id AND s.state = 'active' LEFT JOIN pulse.mark m ON m.symbol = p.symbol
		WHERE p.quantity <> 0 AND CASE WHEN cardinality(wanted) > 100 OR wanted IS NULL THEN true ELSE p.portfolio = ANY (wanted) END
		GROUP BY p.portfolio, p.symbol
	) v
	GROUP BY v.portfolio
	$$;
COMMENT ON FUNCTION pulse.open_risk(text[]) IS
	'Exposure and concentration of open positions, as pulse_leverage() and pulse_concentration() have them, in one pass: of some portfolios, or of all when they are NULL or more than a hundred.';

CREATE FUNCTION pulse.open_correlation(at timestamptz)
	RETURNS TABLE (portfolio text, value double precision, note text)
	LANGUAGE sql STABLE
	AS $$
	WITH held AS MATERIALIZED (
		SELECT p.portfolio, array_agg(p.source_id) AS sources, array_agg(DISTINCT p.symbol) AS symbols FROM pulse.position p
		JOIN pulse.source s ON s.source_id = p.source_id AND s.state = 'active'
		WHERE p.quantity <> 0 GROUP BY p.portfolio HAVING count(DISTINCT p.symbol) > 1
	), closes AS (
		SELECT h.portfolio, f.symbol, (f.executed_at AT TIME ZONE 'UTC')::date AS day,
			(array_agg(f.price ORDER BY f.executed_at DESC, f.ordinal DESC))[1]::double precision AS price
		FROM held h JOIN pulse.fill f ON f.source_id = ANY (h.sources) AND f.portfolio = h.portfolio AND f.symbol = ANY (h.symbols)
		WHERE f.executed_at > at - interval '90 days' AND f.executed_at <= at AND f.price > 0
		GROUP BY 1, 2, 3
	), returns AS (
		SELECT c.portfolio, c.symbol, c.day, c.price / lag(c.price) OVER w - 1 AS r, c.day - lag(c.day) OVER w AS span
		FROM closes c WINDOW w AS (PARTITION BY c.portfolio, c.symbol ORDER BY c.day)
	), pairs AS (
		SELECT a.portfolio, a.symbol AS one, b.symbol AS other, corr(a.r, b.r) AS correlation
		FROM returns a JOIN returns b ON b.portfolio = a.portfolio AND b.day = a.day AND b.span = a.span AND b.symbol > a.symbol
		GROUP BY 1, 2, 3 HAVING count(*) >= 10
	)
	SELECT DISTINCT ON (p.portfolio) p.portfolio, p.correlation, concat(p.one, ' and ', p.other)
	FROM pairs p WHERE p.correlation IS NOT NULL ORDER BY p.portfolio, p.correlation DESC, p.one
	$$;
COMMENT ON FUNCTION pulse.open_correlation(timestamptz) IS
	'The largest correlation of two symbols with open positions, for each portfolio: daily returns of the last fills of the days, over 90 days, on at least ten days that both have.';

CREATE FUNCTION pulse.observe_metrics(rules text[], since bigint, marked_since timestamptz) RETURNS pulse.observation[]
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

CREATE FUNCTION pulse.alert_thresholds(at timestamptz, observed pulse.observation[]) RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	SELECT array_agg(ROW(o.rule, o.portfolio, o.symbol, o.component, o.value,
		CASE WHEN a.alert_id IS NOT NULL THEN a.warning WHEN b.samples IS NOT NULL THEN l.warning ELSE o.warning * coalesce(g.factor, 1) END,
		CASE WHEN a.alert_id IS NOT NULL THEN a.critical WHEN b.samples IS NOT NULL THEN l.critical ELSE o.critical * coalesce(g.factor, 1) END,
		o.note, o.gone)::pulse.observation)
	FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule
	-- frozen while it fires
	LEFT JOIN pulse.alert a ON a.rule = o.rule AND a.portfolio = o.portfolio AND a.symbol = o.symbol AND a.component = o.component
		AND a.state IN ('firing', 'acknowledged') AND (r.adaptive IS NOT NULL OR r.regime)
	LEFT JOIN pulse.alert_regime g ON r.regime AND g.portfolio = o.portfolio
	LEFT JOIN LATERAL (
		SELECT h.* FROM pulse.alert_band h
		WHERE r.adaptive IS NOT NULL AND a.alert_id IS NULL AND h.rule = o.rule AND h.portfolio = o.portfolio AND h.symbol = o.symbol AND h.component = o.component
			AND h.hour = CASE WHEN r.seasonal THEN extract(hour FROM at AT TIME ZONE r.timezone)::integer ELSE -1 END
			AND h.samples >= CASE WHEN r.seasonal THEN greatest(5, r.adaptive_samples / 24) ELSE r.adaptive_samples END) b ON true
	LEFT JOIN LATERAL pulse.band_levels(b.samples, b.mean, b.variance, b.newest, r.adaptive, r.comparator, r.adaptive_warning, r.adaptive_critical,
		r.adaptive_min_width, coalesce(g.factor, 1)) l ON b.samples IS NOT NULL
	$$;
COMMENT ON FUNCTION pulse.alert_thresholds(timestamptz, pulse.observation[]) IS
	'Observations with the thresholds that apply to each: those of an alert that fires, learnt ones (of the hour where the rule is seasonal), or fixed ones, scaled by the volatility regime where the rule asks for it.';

CREATE FUNCTION pulse.step_alerts(at timestamptz, observed pulse.observation[]) RETURNS bigint
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

CREATE FUNCTION pulse.learn_thresholds(at timestamptz, observed pulse.observation[]) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	WITH due AS MATERIALIZED (
		SELECT o.rule, o.portfolio, o.symbol, o.component, o.value, h.hour,
			r.adaptive, r.comparator, r.adaptive_warning, r.adaptive_critical, r.adaptive_min_width, r.adaptive_samples, r.adaptive_half_life, r.adaptive_window, b
		FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule AND r.adaptive IS NOT NULL
		CROSS JOIN LATERAL (SELECT CASE WHEN r.seasonal THEN extract(hour FROM at AT TIME ZONE r.timezone)::integer ELSE -1 END AS hour) h
		LEFT JOIN pulse.alert_band b ON b.rule = o.rule AND b.portfolio = o.portfolio AND b.symbol = o.symbol AND b.component = o.component AND b.hour = h.hour
		WHERE o.value > '-Infinity' AND o.value < 'Infinity' AND (b.sampled_at IS NULL OR at >= b.sampled_at + r.adaptive_every OR at < b.sampled_at - r.adaptive_every)
			-- what is bad, or may be, does not become the usual
			AND NOT EXISTS (SELECT FROM pulse.alert a WHERE a.rule = o.rule AND a.portfolio = o.portfolio AND a.symbol = o.symbol
							AND a.component = o.component AND a.state <> 'resolved')
		-- a crowd is learnt from in turns, so that no evaluation becomes slow
		ORDER BY b.sampled_at NULLS FIRST LIMIT 5000
	), learnt AS MATERIALIZED (
		SELECT d.*, n.samples, n.mean, n.variance, n.newest, l.warning, l.critical,
			n.samples >= CASE d.hour WHEN -1 THEN d.adaptive_samples ELSE greatest(5, d.adaptive_samples / 24) END
			AND ((d.b).warning IS NULL AND (d.b).critical IS NULL
				OR abs(l.warning - (d.b).warning) > 0.01 * abs((d.b).warning - n.mean) OR abs(l.critical - (d.b).critical) > 0.01 * abs((d.b).critical - n.mean)) AS news
		FROM due d
		CROSS JOIN LATERAL pulse.band_add((d.b).samples, (d.b).mean, (d.b).variance, (d.b).newest,
			CASE WHEN d.adaptive = 'quantile' THEN d.adaptive_window ELSE 0 END, d.adaptive_half_life, d.value) n
		CROSS JOIN LATERAL pulse.band_levels(n.samples, n.mean, n.variance, n.newest, d.adaptive, d.comparator, d.adaptive_warning, d.adaptive_critical,
			d.adaptive_min_width, 1) l
	), journal AS (
		INSERT INTO pulse.threshold_history (at, rule, portfolio, symbol, component, hour, warning, critical, reason, samples, mean, deviation)
			SELECT $1, l.rule, l.portfolio, l.symbol, l.component, l.hour, l.warning, l.critical, 'adaptive', l.samples, l.mean, sqrt(l.variance)
			FROM learnt l WHERE l.news
	)
	INSERT INTO pulse.alert_band AS b (rule, portfolio, symbol, component, hour, samples, mean, variance, newest, sampled_at, warning, critical)
		SELECT l.rule, l.portfolio, l.symbol, l.component, l.hour, l.samples, l.mean, l.variance, l.newest, $1,
			CASE WHEN l.news THEN l.warning ELSE (l.b).warning END, CASE WHEN l.news THEN l.critical ELSE (l.b).critical END
		FROM learnt l
	ON CONFLICT (rule, portfolio, symbol, component, hour) DO UPDATE SET samples = excluded.samples, mean = excluded.mean, variance = excluded.variance,
		newest = excluded.newest, sampled_at = excluded.sampled_at, warning = excluded.warning, critical = excluded.critical
	$$;
COMMENT ON FUNCTION pulse.learn_thresholds(timestamptz, pulse.observation[]) IS
	'Takes values that have been judged, and have no alert, into the history of the adaptive thresholds of their rules, as often as the rule says.';

CREATE FUNCTION pulse.follow_regime(since bigint) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	WITH fresh AS MATERIALIZED (
		SELECT s.portfolio, (s.ts AT TIME ZONE 'UTC')::date AS day, s.daily_return, g AS old
		FROM pulse.performance_state s LEFT JOIN pulse.alert_regime g ON g.portfolio = s.portfolio
		WHERE s.version > since AND s.ts IS NOT NULL
	), stepped AS MATERIALIZED (
		SELECT f.portfolio, f.day, f.daily_return, n.over, (f.old).factor AS old_factor,
			CASE WHEN n.over THEN coalesce((f.old).samples, 0) + 1 ELSE coalesce((f.old).samples, 0) END AS samples,
			-- the first days count alike
			CASE WHEN n.over THEN (f.old).fast + greatest(0.06, 1.0 / ((f.old).samples + 1)) * (n.square - (f.old).fast) ELSE coalesce((f.old).fast, 0) END AS fast,
			CASE WHEN n.over THEN (f.old).slow + greatest(0.01, 1.0 / ((f.old).samples + 1)) * (n.square - (f.old).slow) ELSE coalesce((f.old).slow, 0) END AS slow
		FROM fresh f CROSS JOIN LATERAL (SELECT coalesce(f.day > (f.old).day AND (f.old).daily_return IS NOT NULL, false) AS over,
			(f.old).daily_return * (f.old).daily_return AS square) n
		WHERE (f.old).day IS NULL OR f.day >= (f.old).day
	)
	INSERT INTO pulse.alert_regime AS g (portfolio, day, daily_return, fast, slow, samples, factor)
		SELECT s.portfolio, s.day, s.daily_return, s.fast, s.slow, s.samples,
			CASE WHEN s.samples >= 20 AND s.slow > 0 THEN least(2, greatest(0.5, sqrt(s.fast / s.slow))) ELSE 1 END
		FROM stepped s
	ON CONFLICT (portfolio) DO UPDATE SET day = excluded.day, daily_return = excluded.daily_return, fast = excluded.fast, slow = excluded.slow,
		samples = excluded.samples, factor = excluded.factor
	$$;
COMMENT ON FUNCTION pulse.follow_regime(bigint) IS
	'Takes the returns of UTC days that are over into the volatility regime of portfolios that changed: what is judged today counts from tomorrow on.';

CREATE FUNCTION pulse.journal_regime(at timestamptz) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	INSERT INTO pulse.threshold_history (at, rule, portfolio, warning, critical, reason, samples, factor)
		SELECT $1, r.name, g.portfolio, pulse.rule_threshold(r.warning, r.warning_key) * g.factor, pulse.rule_threshold(r.critical, r.critical_key) * g.factor,
			'regime', g.samples, g.factor
		FROM pulse.alert_rule r JOIN pulse.alert_regime g ON r.portfolios IS NULL OR pulse.matches(r.portfolios, g.portfolio)
		WHERE r.regime AND r.enabled AND abs(g.factor - coalesce((SELECT h.factor FROM pulse.threshold_history h
			WHERE h.rule = r.name AND h.portfolio = g.portfolio AND h.reason = 'regime' ORDER BY h.at DESC LIMIT 1), 1)) > 0.02
	$$;
COMMENT ON FUNCTION pulse.journal_regime(timestamptz) IS 'Notes thresholds whose volatility-regime factor has moved by more than 0.02.';

CREATE FUNCTION pulse.observe_health(at timestamptz) RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	WITH h AS MATERIALIZED (SELECT DISTINCT ON (c.component) c.component, c.status, c.message FROM pulse.health_at(at) c),
	r AS MATERIALIZED (
		SELECT a.name, a.components FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name
		WHERE a.source = 'health' AND a.enabled AND s.awake
	)
	SELECT array_agg(ROW(r.name, '', '', h.component, pulse.severity(h.status), t.warning, t.critical, h.message, false)::pulse.observation)
		|| (SELECT array_agg(ROW(a.rule, '', '', a.component, NULL, NULL, NULL, NULL, true)::pulse.observation)
			FROM pulse.alert a JOIN r ON r.name = a.rule
			WHERE a.state <> 'resolved' AND NOT EXISTS (SELECT FROM h WHERE h.component = a.component AND pulse.matches(r.components, h.component)))
	FROM h JOIN r ON pulse.matches(r.components, h.component)
	JOIN LATERAL (SELECT pulse.rule_threshold(a.warning, a.warning_key) AS warning, pulse.rule_threshold(a.critical, a.critical_key) AS critical
		  FROM pulse.alert_rule a WHERE a.name = r.name) t ON true
	WHERE h.status <> 'HEALTHY' OR EXISTS (SELECT FROM pulse.alert a WHERE a.rule = r.name AND a.component = h.component AND a.state <> 'resolved')
	$$;
COMMENT ON FUNCTION pulse.observe_health(timestamptz) IS
	'Components that are not well or have an alert, for the rules that they fit; the value is 1 UNKNOWN, 2 WARNING, 3 CRITICAL.';

CREATE FUNCTION pulse.rule_done(at timestamptz, rule text) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	UPDATE pulse.alert_rule_state s SET last_error = NULL, failing = 0, evaluated_at = $1, next_at = $1 + r.every, fresh = false
		FROM pulse.alert_rule r WHERE s.rule = $2 AND r.name = s.rule
	$$;
COMMENT ON FUNCTION pulse.rule_done(timestamptz, text) IS 'Notes that a rule was evaluated, and when it is due again.';

CREATE FUNCTION pulse.query_value(item jsonb) RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT CASE jsonb_typeof(v.value) WHEN 'number' THEN (v.value #>> '{}')::double precision
		WHEN 'boolean' THEN (v.value #>> '{}')::boolean::integer
		WHEN 'string' THEN (v.value #>> '{}')::double precision END
	FROM (SELECT CASE WHEN jsonb_typeof(item) <> 'object' THEN item WHEN item OPERATOR(pg_catalog.?) 'value' THEN item -> 'value'
		ELSE (SELECT e.value FROM jsonb_each(item) e WHERE e.key NOT IN ('portfolio', 'symbol', 'message') LIMIT 1) END AS value) v
	$$;
COMMENT ON FUNCTION pulse.query_value(jsonb) IS
	'The value of a row of a rule''s query: its column value, or the only one that is not portfolio, symbol or message; true is 1. An error when it is neither a number nor a truth value.';

CREATE FUNCTION pulse.query_observations(r pulse.alert_rule, rows jsonb) RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	WITH found AS MATERIALIZED (
		SELECT DISTINCT ON (portfolio, symbol) left(coalesce(i.item ->> 'portfolio', ''), 200) AS portfolio, left(coalesce(i.item ->> 'symbol', ''), 200) AS symbol,
			pulse.query_value(i.item) AS value, left(i.item ->> 'message', 2000) AS note
		FROM jsonb_array_elements(rows) WITH ORDINALITY i (item, nr) ORDER BY portfolio, symbol, i.nr
	)
	SELECT coalesce(array_agg(ROW((r).name, f.portfolio, f.symbol, '', f.value, pulse.rule_threshold((r).warning, (r).warning_key),
			pulse.rule_threshold((r).critical, (r).critical_key), f.note, false)::pulse.observation)
			FILTER (WHERE pulse.matches((r).portfolios, f.portfolio) AND pulse.matches((r).symbols, f.symbol)), '{}')
		|| ARRAY(SELECT ROW(a.rule, a.portfolio, a.symbol, '', NULL, NULL, NULL, NULL, true)::pulse.observation FROM pulse.alert a
				 WHERE a.rule = (r).name AND a.state <> 'resolved'
					AND NOT EXISTS (SELECT FROM found g WHERE g.portfolio = a.portfolio AND g.symbol = a.symbol))
	FROM found f
	$$;
COMMENT ON FUNCTION pulse.query_observations(pulse.alert_rule, jsonb) IS
	'What a rule''s query has returned, as observations; an alert that it does not mention any more is gone.';

CREATE FUNCTION pulse.take_observations(at timestamptz, observed pulse.observation[]) RETURNS bigint
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	moving pulse.observation[];
	fixed pulse.observation[];
	changes bigint;
BEGIN
	IF observed IS NULL THEN
		RETURN 0;
	END IF;
	SELECT array_agg(o.*::pulse.observation) FILTER (WHERE r.adaptive IS NOT NULL OR r.regime),
			array_agg(o.*::pulse.observation) FILTER (WHERE r.adaptive IS NULL AND NOT r.regime)
		INTO moving, fixed FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule;
	changes := pulse.step_alerts(at, fixed);
	IF moving IS NOT NULL THEN
		changes := changes + pulse.step_alerts(at, pulse.alert_thresholds(at, moving));
		PERFORM pulse.learn_thresholds(at, moving);
	END IF;
	RETURN changes;
END
$$;
COMMENT ON FUNCTION pulse.take_observations(timestamptz, pulse.observation[]) IS
	'Judges observations: those of rules with moving thresholds by the ones that apply now, and only then learns from them.';

CREATE FUNCTION pulse.observe_clocked(at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	r pulse.alert_rule;
BEGIN
	FOR r IN SELECT a.* FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name
		WHERE a.source = 'metric' AND a.metric = ANY (pulse.costly_metric_names()) AND a.enabled AND s.awake
			AND (s.fresh OR s.next_at <= at OR s.evaluated_at > at) ORDER BY a.name
	LOOP
		PERFORM pulse.take_observations(at, (
			WITH c AS MATERIALIZED (SELECT * FROM pulse.open_correlation(at))
			SELECT array_agg(ROW(r.name, c.portfolio, '', '', c.value, pulse.rule_threshold(r.warning, r.warning_key), pulse.rule_threshold(r.critical, r.critical_key), c.note, false)::pulse.observation)
				|| ARRAY(SELECT ROW(a.rule, a.portfolio, '', '', NULL, NULL, NULL, NULL, true)::pulse.observation FROM pulse.alert a
						 WHERE a.rule = r.name AND a.state <> 'resolved' AND NOT EXISTS (SELECT FROM c WHERE c.portfolio = a.portfolio))
			FROM c WHERE r.portfolios IS NULL OR pulse.matches(r.portfolios, c.portfolio)));
		PERFORM pulse.rule_done(at, r.name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.observe_clocked(timestamptz) IS 'Evaluates the rules whose metric is computed by the clock, and that are due.';

CREATE FUNCTION pulse.observe_queries(at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	due record;
BEGIN
	FOR due IN SELECT a AS rule, g.result, g.result_at
		FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name
		JOIN pulse.registration_state g ON g.kind = CASE a.source WHEN 'query' THEN 'alert_rule' ELSE 'metric' END AND g.name = CASE a.source WHEN 'query' THEN a.name ELSE a.metric END
		WHERE (a.source = 'query' OR (a.source = 'metric' AND NOT a.metric = ANY (pulse.metric_names() || pulse.costly_metric_names())))
			AND a.enabled AND s.awake AND g.result IS NOT NULL AND (s.fresh OR s.evaluated_at IS DISTINCT FROM g.result_at)
		ORDER BY a.name
	LOOP
		BEGIN
			PERFORM pulse.take_observations(at, pulse.query_observations(due.rule, due.result));
			UPDATE pulse.alert_rule_state s SET last_error = NULL, failing = 0, evaluated_at = due.result_at, fresh = false WHERE s.rule = (due.rule).name;
		EXCEPTION WHEN OTHERS THEN
			UPDATE pulse.alert_rule_state s SET last_error = left(SQLERRM, 1000), last_error_at = at, errors = s.errors + 1, failing = s.failing + 1,
				evaluated_at = due.result_at, fresh = false WHERE s.rule = (due.rule).name;
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.observe_queries(timestamptz) IS
	'Takes what the queries of rules, and registered metrics that rules look at, have yielded since. They run elsewhere, as their owners; what cannot be taken harms only its rule.';

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

CREATE FUNCTION pulse.trade_value(metric text, data jsonb, equity double precision) RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT pulse.trade_property(metric, (data ->> 'value')::numeric, (data ->> 'realized_pnl')::numeric,
		(data ->> 'quantity')::numeric * CASE data ->> 'side' WHEN 'SELL' THEN -1 ELSE 1 END, (data ->> 'position')::numeric, equity)
	$$;
COMMENT ON FUNCTION pulse.trade_value(text, jsonb, double precision) IS
	'A property of a fill, as its TRADE_ALERT has it; equity is the value of its portfolio. Exact where it compares the position with zero.';

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

CREATE FUNCTION pulse.wake_rules(at timestamptz) RETURNS void
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

CREATE FUNCTION pulse.timed_observations(at timestamptz) RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	SELECT array_agg(ROW(a.rule, a.portfolio, a.symbol, a.component, a.value,
		CASE WHEN r.adaptive IS NULL AND NOT r.regime THEN coalesce(pulse.rule_threshold(r.warning, r.warning_key), a.warning) ELSE a.warning END,
		CASE WHEN r.adaptive IS NULL AND NOT r.regime THEN coalesce(pulse.rule_threshold(r.critical, r.critical_key), a.critical) ELSE a.critical END,
		NULL, false)::pulse.observation)
	FROM pulse.alert a JOIN pulse.alert_rule r ON r.name = a.rule JOIN pulse.alert_rule_state s ON s.rule = r.name
	WHERE a.state <> 'resolved' AND a.next_at <= $1 AND a.due_at <= $1 AND s.awake AND r.enabled
	$$;
COMMENT ON FUNCTION pulse.timed_observations(timestamptz) IS 'Alerts that time alone takes on: their newest values once more.';

CREATE FUNCTION pulse.orphaned_observations() RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	SELECT array_agg(ROW(a.rule, a.portfolio, a.symbol, a.component, NULL, a.warning, a.critical,
		CASE WHEN NOT r.enabled OR NOT pulse.matches(r.portfolios, a.portfolio) THEN 'rule' ELSE 'gone' END, true)::pulse.observation)
	FROM pulse.alert a JOIN pulse.alert_rule r ON r.name = a.rule
	WHERE a.state <> 'resolved' AND (NOT r.enabled OR (r.source IN ('metric', 'query') AND NOT pulse.matches(r.portfolios, a.portfolio))
		OR (r.source = 'metric' AND r.metric = ANY (pulse.metric_names()) AND NOT EXISTS (SELECT FROM pulse.performance_state s WHERE s.portfolio = a.portfolio)))
	$$;
COMMENT ON FUNCTION pulse.orphaned_observations() IS 'Alerts of what is no more: rules that were disabled or narrowed, portfolios that are gone.';

CREATE FUNCTION pulse.resolve_dropped(at timestamptz) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	WITH dropped AS (
		DELETE FROM pulse.alert a WHERE a.state = 'pending' AND NOT EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = a.rule)
	), over AS (
		UPDATE pulse.alert a SET state = 'resolved', resolved_at = $1, resolution = 'rule', updated_at = $1, due_at = NULL, remind_at = NULL, escalate_at = NULL,
				tell = a.told_level IS NOT NULL, recheck_at = NULL
			WHERE a.state IN ('firing', 'acknowledged') AND NOT EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = a.rule)
			RETURNING a.*
	), forgotten AS (
		DELETE FROM pulse.alert_band b WHERE NOT EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = b.rule AND r.adaptive IS NOT NULL)
	)
	INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count, note)
		SELECT o.alert_id, $1, 'resolved', 'resolved', o.rule, o.kind, o.severity, o.portfolio, o.symbol, o.component, o.title, o.message, o.value, o.threshold, o.since, o.count, 'rule'
		FROM over o
	$$;
COMMENT ON FUNCTION pulse.resolve_dropped(timestamptz) IS 'Ends the alerts of rules that were dropped, and forgets what was learnt for rules that do not adapt any more.';

CREATE FUNCTION pulse.bounded_observations(observed pulse.observation[]) RETURNS pulse.observation[]
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	most bigint := pulse.config_float('alerts.batch');
BEGIN
	IF coalesce(cardinality(observed), 0) <= most THEN
		RETURN observed;
	END IF;
	RETURN (
		SELECT array_agg(q.o) FROM (
			-- in no order, so that none waits for the same others each time
			SELECT b.o, b.begins AND row_number() OVER (PARTITION BY b.begins ORDER BY random()) > most AS waits FROM (
				SELECT o, r.adaptive IS NULL AND NOT r.regime AND a.alert_id IS NULL AS begins
				FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule
				LEFT JOIN pulse.alert a ON a.rule = o.rule AND a.portfolio = o.portfolio AND a.symbol = o.symbol AND a.component = o.component AND a.state <> 'resolved'
			) b
		) q WHERE NOT q.waits);
END
$$;
COMMENT ON FUNCTION pulse.bounded_observations(pulse.observation[]) IS
	'Observations of which at most alerts.batch may begin an alert, so that a storm of alerts is worked off in several evaluations, each within the time that a job has.';

CREATE FUNCTION pulse.evaluate_alerts(at timestamptz) RETURNS timestamptz
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
REVOKE ALL ON FUNCTION pulse.evaluate_alerts(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.evaluate_alerts(timestamptz) IS
	'Job: one evaluation of all alert rules at a time: what changed since the last one, what time alone changes, and then what people are told. Doing it again at the same time changes nothing.';

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

INSERT INTO pulse.job (name, command, every, condition) VALUES ('alerts', 'pulse.evaluate_alerts', '1 second', 'pulse.alerts_wait');
