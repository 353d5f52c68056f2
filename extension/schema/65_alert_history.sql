-- Rules and time: what thresholds are and were, and when a rule would have fired.

CREATE FUNCTION pulse.alert_simulate(times timestamptz[], "values" double precision[], factors double precision[], hours smallint[],
		comparator text, warning double precision, critical double precision, hysteresis double precision,
		hold interval, clear_hold interval, min_duration interval, flap_count integer, flap_window interval, missing text,
		adaptive text, adaptive_warning double precision, adaptive_critical double precision, adaptive_half_life double precision,
		adaptive_samples integer, adaptive_window integer, adaptive_every interval, adaptive_min_width double precision)
	RETURNS TABLE (at timestamptz, transition text, state text, level smallint, value double precision, threshold double precision)
	AS 'MODULE_PATHNAME', 'pulse_alert_simulate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.alert_simulate IS
	'What a rule would have made of a history, in order of time: each transition, those that time alone brings among them, and a last row without one that says how it ended. factors scale the thresholds at each time, hours (of the day) ask for thresholds of each hour.';

CREATE FUNCTION pulse.metric_history(metric text, for_portfolio text) RETURNS TABLE (at timestamptz, value double precision)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF metric IN ('total_value', 'current_drawdown', 'max_drawdown', 'cumulative_return') THEN
		RETURN QUERY
			WITH curve AS (
				SELECT g.ts, g.value, exp(coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0)) AS level FROM pulse.growth(for_portfolio) g
			), peaks AS (
				SELECT c.ts, c.value, c.level, 1 - c.level / max(c.level) OVER (ORDER BY c.ts) AS drawdown FROM curve c
			)
			SELECT p.ts, CASE metric WHEN 'total_value' THEN p.value WHEN 'cumulative_return' THEN p.level - 1 WHEN 'current_drawdown' THEN p.drawdown
				ELSE max(p.drawdown) OVER (ORDER BY p.ts) END
			FROM peaks p ORDER BY p.ts;
	ELSIF metric IN ('daily_return', 'sharpe', 'sortino', 'volatility', 'var_95', 'cvar_95', 'var_breach') THEN
		RETURN QUERY
			WITH curve AS (
				SELECT g.ts, coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0) AS level FROM pulse.growth(for_portfolio) g
			), closes AS (
				SELECT DISTINCT ON (date_trunc('day', c.ts, 'UTC')) date_trunc('day', c.ts, 'UTC') AS day, c.ts, c.level FROM curve c
				ORDER BY date_trunc('day', c.ts, 'UTC'), c.ts DESC
			), days AS (
				-- a day without a snapshot is a period without a return
				SELECT d.day, c.ts, c.level FROM generate_series((SELECT min(day) FROM closes), (SELECT max(day) FROM closes), interval '24 hours') AS d (day)
				LEFT JOIN closes c ON c.day = d.day
			), filled AS (
				SELECT d.day, d.ts, (array_agg(d.level) FILTER (WHERE d.level IS NOT NULL) OVER (ORDER BY d.day))[count(d.level) OVER (ORDER BY d.day)] AS level FROM days d
			), returns AS (
				SELECT f.day, f.ts, exp(f.level - lag(f.level) OVER (ORDER BY f.day)) - 1 AS r FROM filled f
			), figures AS (
				SELECT r.ts, r.r,
					CASE metric WHEN 'sharpe' THEN @extschema@.pulse_sharpe(r.r) OVER w WHEN 'sortino' THEN @extschema@.pulse_sortino(r.r) OVER w
						WHEN 'volatility' THEN @extschema@.pulse_volatility(r.r) OVER w WHEN 'cvar_95' THEN @extschema@.pulse_cvar(r.r) OVER w
						WHEN 'daily_return' THEN r.r ELSE @extschema@.pulse_var(r.r) OVER w END AS figure
				FROM returns r WINDOW w AS (ORDER BY r.day)
			)
			SELECT f.ts, CASE metric WHEN 'var_breach' THEN greatest(-f.r, 0) / nullif(f.figure, 0) ELSE f.figure END FROM figures f WHERE f.ts IS NOT NULL ORDER BY f.ts;
	ELSIF metric IN ('win_rate', 'profit_factor', 'average_win', 'average_loss', 'total_trades') THEN
		RETURN QUERY
			SELECT t.closed_at, CASE metric WHEN 'win_rate' THEN @extschema@.pulse_win_rate(t.net_pnl) OVER w WHEN 'profit_factor' THEN @extschema@.pulse_profit_factor(t.net_pnl) OVER w
				WHEN 'average_win' THEN @extschema@.pulse_average_win(t.net_pnl) OVER w WHEN 'average_loss' THEN @extschema@.pulse_average_loss(t.net_pnl) OVER w
				ELSE count(*) OVER w END
			FROM pulse.current_trades(for_portfolio, 'average') t WINDOW w AS (ORDER BY t.closed_at, t.opened_at, t.symbol ROWS UNBOUNDED PRECEDING)
			ORDER BY t.closed_at;
	ELSIF EXISTS (SELECT FROM pulse.registration g WHERE g.kind = 'metric' AND g.name = metric) THEN
		RETURN QUERY SELECT s.at, s.value FROM pulse.metric_sample s WHERE s.name = metric AND s.portfolio IS NOT DISTINCT FROM nullif(for_portfolio, '') ORDER BY s.at;
	ELSE
		RAISE EXCEPTION 'there is no history of metric "%"', metric USING ERRCODE = 'feature_not_supported',
			HINT = 'There is one of total_value, cumulative_return, drawdowns, daily_return, sharpe, sortino, volatility, var_95, cvar_95, var_breach, the statistics of closed trades, and registered metrics.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.metric_history(text, text) IS
	'A metric of a portfolio as it was: values and drawdowns at each snapshot, figures over daily returns at the last one of each UTC day, statistics of closed trades at each, registered metrics as they were sampled.';

CREATE FUNCTION pulse.regime_history(for_portfolio text) RETURNS TABLE (day date, factor double precision)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	d record;
	fast double precision := 0;
	slow double precision := 0;
	samples bigint := 0;
BEGIN
	FOR d IN SELECT (h.at AT TIME ZONE 'UTC')::date AS day, h.value FROM pulse.metric_history('daily_return', for_portfolio) h ORDER BY h.at LOOP
		day := d.day;
		factor := CASE WHEN samples >= 20 AND slow > 0 THEN least(2, greatest(0.5, sqrt(fast / slow))) ELSE 1 END;
		RETURN NEXT;
		IF d.value IS NOT NULL THEN
			fast := fast + greatest(0.06, 1.0 / (samples + 1)) * (d.value * d.value - fast);
			slow := slow + greatest(0.01, 1.0 / (samples + 1)) * (d.value * d.value - slow);
			samples := samples + 1;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.regime_history(text) IS 'The volatility-regime factor of a portfolio on each day, from the days before it.';

CREATE FUNCTION pulse.observed_history(r pulse.alert_rule, for_portfolio text)
	RETURNS TABLE (portfolio text, symbol text, component text, times timestamptz[], "values" double precision[], factors double precision[], hours smallint[])
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	zone text := CASE WHEN (r).seasonal THEN (r).timezone END;
	registered boolean := (r).source = 'metric' AND EXISTS (SELECT FROM pulse.registration g WHERE g.kind = 'metric' AND g.name = (r).metric)
		AND NOT (r).metric = ANY (pulse.metric_names());
BEGIN
	IF (r).source = 'health' THEN
		RETURN QUERY SELECT '', '', s.component, array_agg(s.checked_at ORDER BY s.checked_at, s.sample_id), array_agg(pulse.severity(s.status)::double precision ORDER BY s.checked_at, s.sample_id),
				NULL::double precision[], NULL::smallint[]
			FROM pulse.health_sample s WHERE pulse.matches((r).components, s.component) AND ((r).active_hours IS NULL OR pulse.rule_is_awake((r).active_hours, s.checked_at))
			GROUP BY s.component;
	ELSIF (r).source = 'metric' THEN
		RETURN QUERY
			SELECT p.portfolio, '', '', h.times, h.vals, CASE WHEN (r).regime AND NOT registered THEN h.factors END, h.hours
			FROM (SELECT n.portfolio FROM @extschema@.pulse_portfolios() n WHERE NOT registered
				  UNION ALL SELECT DISTINCT coalesce(m.portfolio, '') FROM pulse.metric_sample m WHERE registered AND m.name = (r).metric) p
			CROSS JOIN LATERAL (
				SELECT array_agg(m.at ORDER BY m.at) AS times, array_agg(m.value ORDER BY m.at) AS vals, array_agg(coalesce(g.factor, 1) ORDER BY m.at) AS factors,
					CASE WHEN zone IS NOT NULL THEN array_agg(extract(hour FROM m.at AT TIME ZONE zone)::smallint ORDER BY m.at) END AS hours
				FROM pulse.metric_history((r).metric, p.portfolio) m
				LEFT JOIN (SELECT * FROM pulse.regime_history(p.portfolio) WHERE (r).regime) g ON g.day = (m.at AT TIME ZONE 'UTC')::date
				WHERE (r).active_hours IS NULL OR pulse.rule_is_awake((r).active_hours, m.at)
			) h
			WHERE (for_portfolio IS NULL OR p.portfolio = for_portfolio) AND pulse.matches((r).portfolios, p.portfolio) AND h.times IS NOT NULL;
	ELSE
		RAISE EXCEPTION 'there is no history of the query of rule "%"', (r).name USING ERRCODE = 'feature_not_supported',
			HINT = 'Register it as a metric (pulse_register_metric) and make the rule look at that: past values of registered metrics are kept.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.observed_history(pulse.alert_rule, text) IS 'The past values that a rule would have looked at, one row for each thing that it judges.';

CREATE FUNCTION pulse.trade_is_beyond(r pulse.alert_rule, value double precision, threshold double precision) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT coalesce(CASE (r).comparator WHEN '>' THEN value > threshold WHEN '>=' THEN value >= threshold WHEN '<' THEN value < threshold ELSE value <= threshold END, false)
	$$;
COMMENT ON FUNCTION pulse.trade_is_beyond(pulse.alert_rule, double precision, double precision) IS 'Whether a property of a fill is beyond a threshold; false for NULL.';

CREATE FUNCTION pulse.backtest(rule_name text, since timestamptz, for_portfolio text)
	RETURNS TABLE (portfolio text, symbol text, component text, fired_at timestamptz, severity text, value double precision, threshold double precision,
				   raised_at timestamptz, resolved_at timestamptz, duration interval, flaps bigint)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	r pulse.alert_rule;
BEGIN
	SELECT a.* INTO r FROM pulse.alert_rule a WHERE a.name = rule_name;
	IF r.name IS NULL THEN
		RAISE EXCEPTION 'unknown alert rule: %', coalesce(quote_literal(rule_name), 'NULL') USING ERRCODE = 'undefined_object',
			HINT = 'SELECT name FROM pulse_alert_rules() lists all of them.';
	ELSIF r.source = 'trade' THEN
		RETURN QUERY
			SELECT f.portfolio, f.symbol, NULL::text, f.executed_at, CASE WHEN pulse.trade_is_beyond(r, v.value, pulse.rule_threshold(r.critical, r.critical_key)) THEN r.critical_severity ELSE r.warning_severity END,
				v.value, CASE WHEN pulse.trade_is_beyond(r, v.value, pulse.rule_threshold(r.critical, r.critical_key)) THEN pulse.rule_threshold(r.critical, r.critical_key) ELSE pulse.rule_threshold(r.warning, r.warning_key) END,
				NULL::timestamptz, f.executed_at, interval '0', 0::bigint
			FROM pulse.fill f JOIN pulse.source s ON s.source_id = f.source_id AND s.state = 'active'
			LEFT JOIN LATERAL (SELECT e.value FROM pulse.metric_history('total_value', f.portfolio) e WHERE r.metric = 'share' AND e.at <= f.executed_at ORDER BY e.at DESC LIMIT 1) e ON true
			CROSS JOIN LATERAL pulse.trade_value(r.metric, pulse.trade_alert(f), e.value) AS v (value)
			WHERE (since IS NULL OR f.executed_at >= since) AND (for_portfolio IS NULL OR f.portfolio = for_portfolio)
				AND pulse.matches(r.portfolios, f.portfolio) AND pulse.matches(r.symbols, f.symbol) AND pulse.rule_is_awake(r.active_hours, f.executed_at)
				AND (pulse.trade_is_beyond(r, v.value, pulse.rule_threshold(r.warning, r.warning_key)) OR pulse.trade_is_beyond(r, v.value, pulse.rule_threshold(r.critical, r.critical_key)))
			ORDER BY f.executed_at, f.portfolio, f.ordinal;
		RETURN;
	END IF;
	RETURN QUERY
		WITH steps AS MATERIALIZED (
			SELECT o.portfolio, o.symbol, o.component, x.*, row_number() OVER (PARTITION BY o.portfolio, o.symbol, o.component ORDER BY x.n) AS nr,
				count(*) FILTER (WHERE x.transition = 'fired') OVER (PARTITION BY o.portfolio, o.symbol, o.component ORDER BY x.n) AS episode
			FROM pulse.observed_history(r, for_portfolio) o
			CROSS JOIN LATERAL ROWS FROM (pulse.alert_simulate(o.times, o.values, o.factors, o.hours, r.comparator,
				pulse.rule_threshold(r.warning, r.warning_key), pulse.rule_threshold(r.critical, r.critical_key), r.hysteresis, r.hold, r.clear_hold, r.min_duration,
				r.flap_count, r.flap_window, r.missing, r.adaptive, r.adaptive_warning, r.adaptive_critical, r.adaptive_half_life, r.adaptive_samples, r.adaptive_window,
				r.adaptive_every, r.adaptive_min_width)) WITH ORDINALITY AS x (at, transition, state, level, value, threshold, n)
		)
		SELECT nullif(s.portfolio, ''), nullif(s.symbol, ''), nullif(s.component, ''), min(s.at) FILTER (WHERE s.transition = 'fired'),
			CASE max(s.level) FILTER (WHERE s.transition IN ('fired', 'raised', 'lowered', 'repeated')) WHEN 2 THEN r.critical_severity ELSE r.warning_severity END,
			max(s.value) FILTER (WHERE s.transition = 'fired'), max(s.threshold) FILTER (WHERE s.transition = 'fired'),
			min(s.at) FILTER (WHERE s.transition = 'raised'), min(s.at) FILTER (WHERE s.transition = 'resolved'),
			coalesce(min(s.at) FILTER (WHERE s.transition = 'resolved'), max(s.at)) - min(s.at) FILTER (WHERE s.transition = 'fired'),
			count(*) FILTER (WHERE s.transition = 'repeated')
		FROM steps s WHERE s.episode > 0
		GROUP BY s.portfolio, s.symbol, s.component, s.episode
		HAVING since IS NULL OR min(s.at) FILTER (WHERE s.transition = 'fired') >= since
		ORDER BY 4, 1, 3;
END
$$;
COMMENT ON FUNCTION pulse.backtest(text, timestamptz, text) IS 'Body of pulse_alert_backtest().';

CREATE FUNCTION pulse_alert_backtest(rule text, since timestamptz DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, component text, fired_at timestamptz, severity text, value double precision, threshold double precision,
				   raised_at timestamptz, resolved_at timestamptz, duration interval, flaps bigint)
	LANGUAGE sql STABLE AS $$ SELECT * FROM pulse.backtest($1, $2, $3) $$;
COMMENT ON FUNCTION pulse_alert_backtest(text, timestamptz, text) IS
	'When a rule, with its present settings, would have fired: the same state machine and thresholds over the history of the portfolios that you see, adaptive thresholds learning from its beginning. One row for each alert: when it would have fired, its gravest severity, value and threshold then, when it would have become graver and been resolved (NULL: it would still fire), how long it lasted to the end of the history, and how often it flapped. since: only those that fire from then on. Values and drawdowns are looked at in every snapshot, figures over daily returns once a day, closed trades and fills one by one, health as it was recorded. Error 42704 for an unknown rule, 0A000 for a rule whose values have no history (queries, leverage, concentration). Readers and up.';

CREATE FUNCTION pulse.explain_threshold(rule_name text, for_portfolio text, at timestamptz)
	RETURNS TABLE (warning double precision, critical double precision, method text, reason text, samples bigint, mean double precision, deviation double precision,
				   factor double precision, "hour" integer, since timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	r pulse.alert_rule;
	o pulse.observation;
	a pulse.alert;
	b pulse.alert_band;
	g pulse.alert_regime;
BEGIN
	SELECT x.* INTO r FROM pulse.alert_rule x WHERE x.name = rule_name;
	IF r.name IS NULL THEN
		RAISE EXCEPTION 'unknown alert rule: %', coalesce(quote_literal(rule_name), 'NULL') USING ERRCODE = 'undefined_object',
			HINT = 'SELECT name FROM pulse_alert_rules() lists all of them.';
	END IF;
	for_portfolio := coalesce(for_portfolio, '');
	o := (pulse.alert_thresholds(at, ARRAY[ROW(rule_name, for_portfolio, '', '', NULL, pulse.rule_threshold(r.warning, r.warning_key),
		pulse.rule_threshold(r.critical, r.critical_key), NULL, false)::pulse.observation]))[1];
	SELECT x.* INTO a FROM pulse.alert x WHERE x.rule = rule_name AND x.portfolio = for_portfolio AND x.symbol = '' AND x.component = '' AND x.state IN ('firing', 'acknowledged');
	SELECT x.* INTO b FROM pulse.alert_band x WHERE x.rule = rule_name AND x.portfolio = for_portfolio AND x.symbol = '' AND x.component = ''
		AND x.hour = CASE WHEN r.seasonal THEN extract(hour FROM at AT TIME ZONE r.timezone)::integer ELSE -1 END
		AND x.samples >= CASE WHEN r.seasonal THEN greatest(5, r.adaptive_samples / 24) ELSE r.adaptive_samples END;
	SELECT x.* INTO g FROM pulse.alert_regime x WHERE r.regime AND x.portfolio = for_portfolio;
	warning := o.warning;
	critical := o.critical;
	method := CASE WHEN r.adaptive IS NOT NULL AND b.rule IS NOT NULL THEN r.adaptive WHEN r.adaptive IS NOT NULL THEN 'fixed, until there are enough samples' ELSE 'fixed' END;
	samples := CASE WHEN r.adaptive IS NOT NULL THEN coalesce(b.samples, (SELECT x.samples FROM pulse.alert_band x
		WHERE x.rule = rule_name AND x.portfolio = for_portfolio AND x.symbol = '' AND x.component = ''
			AND x.hour = CASE WHEN r.seasonal THEN extract(hour FROM at AT TIME ZONE r.timezone)::integer ELSE -1 END), 0) END;
	mean := CASE WHEN r.adaptive IS NOT NULL THEN b.mean END;
	deviation := CASE WHEN r.adaptive IS NOT NULL THEN sqrt(b.variance) END;
	factor := CASE WHEN r.regime THEN coalesce(g.factor, 1) END;
	"hour" := nullif(b.hour, -1);
	since := a.fired_at;
	reason := CASE WHEN a.alert_id IS NOT NULL AND (r.adaptive IS NOT NULL OR r.regime) THEN 'frozen: alert ' || a.alert_id || ' fires'
		WHEN b.rule IS NOT NULL AND r.adaptive IS NOT NULL THEN format('learnt from %s values%s', b.samples, CASE WHEN b.hour >= 0 THEN ' of this hour of the day' ELSE '' END)
		WHEN r.adaptive IS NOT NULL THEN format('%s of %s samples so far', samples, CASE WHEN r.seasonal THEN greatest(5, r.adaptive_samples / 24) ELSE r.adaptive_samples END)
		WHEN r.warning IS NULL AND r.warning_key IS NOT NULL THEN format('setting %s', r.warning_key) ELSE 'as the rule says' END
		|| CASE WHEN r.regime AND a.alert_id IS NULL THEN format('; times %s, volatility of now against the long run', round(coalesce(g.factor, 1)::numeric, 3)) ELSE '' END;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pulse.explain_threshold(text, text, timestamptz) IS 'Body of pulse_alert_threshold().';

CREATE FUNCTION pulse_alert_threshold(rule text, portfolio text DEFAULT NULL, at timestamptz DEFAULT now())
	RETURNS TABLE (warning double precision, critical double precision, method text, reason text, samples bigint, mean double precision, deviation double precision,
				   factor double precision, "hour" integer, frozen_since timestamptz)
	LANGUAGE sql STABLE AS $$ SELECT * FROM pulse.explain_threshold($1, $2, $3) $$;
COMMENT ON FUNCTION pulse_alert_threshold(text, text, timestamptz) IS
	'The thresholds of a rule for a portfolio (NULL: none), as they apply now, and why: fixed, learnt (from how many samples, with which mean and deviation, for this hour of the day), scaled by the volatility regime (factor), or frozen because an alert fires. pulse.threshold_history has the past ones. at is for the hour of seasonal rules. Error 42704 for an unknown rule. Readers and up.';

CREATE FUNCTION pulse_alert_relearn(rule text, portfolio text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	forgotten bigint;
BEGIN
	DELETE FROM pulse.alert_band b WHERE b.rule = pulse_alert_relearn.rule AND (pulse_alert_relearn.portfolio IS NULL OR b.portfolio = pulse_alert_relearn.portfolio);
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	IF forgotten > 0 THEN
		INSERT INTO pulse.threshold_history (at, rule, portfolio, warning, critical, reason)
			SELECT now(), r.name, coalesce(pulse_alert_relearn.portfolio, ''), pulse.rule_threshold(r.warning, r.warning_key), pulse.rule_threshold(r.critical, r.critical_key), 'relearn'
			FROM pulse.alert_rule r WHERE r.name = pulse_alert_relearn.rule;
	END IF;
	-- what fires now was judged by what is forgotten
	UPDATE pulse.alert_rule_state s SET fresh = true WHERE s.rule = pulse_alert_relearn.rule;
	UPDATE pulse.alert a SET warning = pulse.rule_threshold(r.warning, r.warning_key), critical = pulse.rule_threshold(r.critical, r.critical_key)
		FROM pulse.alert_rule r WHERE r.name = a.rule AND a.rule = pulse_alert_relearn.rule AND a.state <> 'resolved' AND r.adaptive IS NOT NULL
			AND (pulse_alert_relearn.portfolio IS NULL OR a.portfolio = pulse_alert_relearn.portfolio);
	RETURN forgotten;
END
$$;
REVOKE ALL ON FUNCTION pulse_alert_relearn(text, text) FROM PUBLIC;
COMMENT ON FUNCTION pulse_alert_relearn(text, text) IS
	'Makes an adaptive rule forget what it has learnt, of one portfolio or (NULL) of all: what is unusual now may be the new usual. The fixed thresholds hold until there are enough samples again. Returns how many histories were forgotten. Operators and up.';
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES ('operator', 'function', 'pulse_alert_relearn', 'EXECUTE');
