-- Rules of alerts: what they may say, setting them, and those that Pulse brings along.

CREATE FUNCTION pulse.matches(patterns text[], name text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_matches' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.matches(text[], text) IS
	'Whether a name fits one of the patterns, in which * stands for any characters, and none of those that begin with !, which take names out again. Patterns NULL, or only excluding ones, fit everything else.';

CREATE FUNCTION pulse.alert_step(at timestamptz, value double precision,
		comparator text, warning double precision, critical double precision, hysteresis double precision,
		hold interval, clear_hold interval, min_duration interval, flap_count integer, flap_window interval, missing text,
		INOUT state text, INOUT level smallint, INOUT condition smallint, INOUT flapping boolean,
		INOUT breached_at timestamptz, INOUT critical_at timestamptz, INOUT eased_at timestamptz, INOUT cleared_at timestamptz,
		INOUT fired_at timestamptz, INOUT firings timestamptz[], OUT transition text, OUT due_at timestamptz)
	AS 'MODULE_PATHNAME', 'pulse_alert_step_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.alert_step IS
	'One step of the state machine of an alert: what becomes of its record (state NULL: there is none) at a time with a value (NULL: undefined), the transition that this was, and when time alone will change it next.';

CREATE FUNCTION pulse.band_add(INOUT samples bigint, INOUT mean double precision, INOUT variance double precision,
							   INOUT newest double precision[], keep integer, half_life double precision, value double precision)
	AS 'MODULE_PATHNAME', 'pulse_band_add_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.band_add(bigint, double precision, double precision, double precision[], integer, double precision, double precision) IS
	'Takes a value into the history of an adaptive threshold: exponentially weighted mean and variance (the first values count alike), and the newest ones, as many as are to be kept.';

CREATE FUNCTION pulse.band_levels(samples bigint, mean double precision, variance double precision, newest double precision[],
								  method text, comparator text, at_warning double precision, at_critical double precision,
								  min_width double precision, factor double precision,
								  OUT warning double precision, OUT critical double precision)
	AS 'MODULE_PATHNAME', 'pulse_band_levels_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.band_levels(bigint, double precision, double precision, double precision[], text, text, double precision, double precision, double precision, double precision) IS
	'Thresholds from a history: mean and so many standard deviations (ewma), or quantiles of the newest values (quantile, on the bad side of the median), at least min_width from the centre, that distance times factor.';

CREATE FUNCTION pulse.metric_names() RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ARRAY['total_value', 'cash_balance', 'position_count', 'unrealized_pnl', 'realized_pnl', 'total_pnl', 'daily_return',
		'cumulative_return', 'cagr', 'sharpe', 'sortino', 'calmar', 'volatility', 'max_drawdown', 'current_drawdown', 'var_95',
		'cvar_95', 'win_rate', 'profit_factor', 'average_win', 'average_loss', 'total_trades', 'trades_per_day',
		'var_breach', 'largest_share', 'herfindahl', 'gross_leverage', 'net_leverage'];
COMMENT ON FUNCTION pulse.metric_names() IS
	'Metrics of a portfolio that rules of source metric know: the columns of pulse_performance(), then var_breach (loss of the day over var_95), largest_share and herfindahl (pulse_concentration), gross_leverage and net_leverage (pulse_leverage). The order is the one in which the evaluation has their values.';

CREATE FUNCTION pulse.costly_metric_names() RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ARRAY['max_correlation'];
COMMENT ON FUNCTION pulse.costly_metric_names() IS
	'Metrics that are computed by the clock, as often as the rule says, not with every change: max_correlation, the largest correlation of two symbols with open positions.';

CREATE FUNCTION pulse.trade_properties() RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ARRAY['value', 'quantity', 'profit', 'loss', 'share', 'opened', 'closed', 'flipped'];
COMMENT ON FUNCTION pulse.trade_properties() IS
	'What rules of source trade look at: value (quantity times price), quantity, profit and loss (realised by the fill, before fees), share (value over the value of the portfolio), opened, closed and flipped (1 when the fill did that to the position, else 0).';

CREATE FUNCTION pulse.rule_threshold(value double precision, key text) RETURNS double precision
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN CASE WHEN value IS NOT NULL THEN value WHEN key IS NOT NULL THEN pulse.config_float(key) END;
COMMENT ON FUNCTION pulse.rule_threshold(double precision, text) IS
	'Threshold of a rule: its own, else that of a setting, else NULL.';

CREATE FUNCTION pulse.check_patterns(what text, patterns text[]) RETURNS void
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF cardinality(patterns) > 100 OR EXISTS (SELECT FROM unnest(patterns) p WHERE p IS NULL OR length(p) > 200) THEN
		RAISE EXCEPTION 'too many or too long patterns in %', what
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'There may be 100, of at most 200 characters each.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.check_patterns(text, text[]) IS 'Refuses unreasonable lists of patterns, with error 22023.';

CREATE FUNCTION pulse.check_timezone(timezone text) RETURNS void
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	-- the view reads a file for each zone that there is
	IF timezone IS NULL OR timezone <> 'UTC' AND NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names n WHERE n.name = timezone) THEN
		RAISE EXCEPTION 'unknown time zone: %', coalesce(quote_literal(timezone), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name of the IANA database, for example Europe/Berlin.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.check_timezone(text) IS 'Refuses what is not a time zone of the IANA database, with error 22023.';

CREATE FUNCTION pulse.check_active_hours(hours jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	stray text;
BEGIN
	IF hours IS NULL THEN
		RETURN;
	ELSIF jsonb_typeof(hours) <> 'object' THEN
		RAISE EXCEPTION 'active_hours must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT k INTO stray FROM jsonb_object_keys(hours) k WHERE k NOT IN ('timezone', 'days', 'from', 'to') LIMIT 1;
	IF stray IS NOT NULL THEN
		RAISE EXCEPTION 'unknown key in active_hours: %', quote_literal(stray)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'There are timezone, days, from and to.';
	END IF;
	PERFORM pulse.check_timezone(coalesce(hours ->> 'timezone', 'UTC'));
	PERFORM (hours ->> 'from')::time, (hours ->> 'to')::time;
	IF hours -> 'days' IS NOT NULL AND (jsonb_typeof(hours -> 'days') <> 'array' OR NOT hours -> 'days' <@ '[1, 2, 3, 4, 5, 6, 7]') THEN
		RAISE EXCEPTION 'days of active_hours must be an array of numbers from 1 (Monday) to 7'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.check_active_hours(jsonb) IS
	'Refuses active hours that are not {"timezone": "Europe/Berlin", "days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:30"}, where everything may be left out; error 22023 or 22007.';

CREATE FUNCTION pulse.rule_is_awake(hours jsonb, at timestamptz) RETURNS boolean
	LANGUAGE sql STABLE
	AS $$
	SELECT hours IS NULL OR (
		SELECT CASE WHEN h.opens <= h.closes THEN h.clock >= h.opens AND h.clock < h.closes AND h.days @> to_jsonb(h.day)
				-- over midnight: the part after it belongs to the day before
				ELSE (h.clock >= h.opens AND h.days @> to_jsonb(h.day)) OR (h.clock < h.closes AND h.days @> to_jsonb((h.day + 5) % 7 + 1)) END
		FROM (SELECT coalesce((hours ->> 'from')::time, '00:00') AS opens, coalesce((hours ->> 'to')::time, '24:00') AS closes,
				coalesce(hours -> 'days', '[1, 2, 3, 4, 5, 6, 7]') AS days, l.local::time AS clock, extract(isodow FROM l.local)::integer AS day
			FROM (SELECT at AT TIME ZONE coalesce(hours ->> 'timezone', 'UTC') AS local) l) h)
	$$;
COMMENT ON FUNCTION pulse.rule_is_awake(jsonb, timestamptz) IS
	'Whether a time lies in the active hours of a rule, by the clocks of their zone; NULL hours: always.';

CREATE FUNCTION pulse.inhibition_circle() RETURNS text
	LANGUAGE sql STABLE
	AS $$
	WITH RECURSIVE edges AS MATERIALIZED (
		SELECT r.name AS rule, i.name AS inhibitor FROM pulse.alert_rule r JOIN pulse.alert_rule i ON i.name <> r.name AND pulse.matches(r.inhibited_by, i.name)
		WHERE r.inhibited_by IS NOT NULL
	), reach AS (
		SELECT e.rule, e.inhibitor FROM edges e
		UNION
		SELECT r.rule, e.inhibitor FROM reach r JOIN edges e ON e.rule = r.inhibitor
	)
	SELECT min(r.rule) FROM reach r WHERE r.rule = r.inhibitor
	$$;
COMMENT ON FUNCTION pulse.inhibition_circle() IS 'A rule that would inhibit itself through others; NULL when there is none.';

CREATE FUNCTION pulse.alert_rule_guard() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NEW.owner IS NULL THEN
		NEW.owner := current_user;
	ELSIF TG_OP = 'UPDATE' AND NEW.query IS DISTINCT FROM OLD.query AND NEW.owner = OLD.owner
		AND NOT (EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.rolname = NEW.owner) AND pg_has_role(current_user, NEW.owner, 'MEMBER')) THEN
		-- whoever rewrites a query answers for it
		NEW.owner := current_user;
	ELSIF (TG_OP = 'INSERT' OR NEW.owner <> OLD.owner) AND NEW.query IS NOT NULL
		-- a dump may bring a rule whose role is still to come
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles u WHERE u.rolname = current_user AND u.rolsuper)
		AND NOT (EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.rolname = NEW.owner) AND pg_has_role(current_user, NEW.owner, 'MEMBER')) THEN
		RAISE EXCEPTION 'you may not make rules whose query runs as %', quote_ident(NEW.owner) USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF TG_OP = 'UPDATE' THEN
		NEW.name := OLD.name;
		NEW.created_at := OLD.created_at;
		NEW.updated_at := now();
		NEW.updated_by := session_user;
	END IF;
	IF NEW.source = 'metric' AND NOT NEW.metric = ANY (pulse.metric_names() || pulse.costly_metric_names() || pulse.registered_metric_names()) THEN
		RAISE EXCEPTION 'unknown metric: %', quote_literal(NEW.metric) USING ERRCODE = 'invalid_parameter_value',
			HINT = format('There are %s.', array_to_string(pulse.metric_names() || pulse.costly_metric_names() || pulse.registered_metric_names(), ', '));
	ELSIF NEW.source = 'trade' AND NOT NEW.metric = ANY (pulse.trade_properties()) THEN
		RAISE EXCEPTION 'unknown property of a fill: %', quote_literal(NEW.metric) USING ERRCODE = 'invalid_parameter_value',
			HINT = format('There are %s.', array_to_string(pulse.trade_properties(), ', '));
	ELSIF NEW.source IN ('health', 'trade') AND (NEW.adaptive IS NOT NULL OR NEW.regime) THEN
		RAISE EXCEPTION 'thresholds of source % cannot adapt', NEW.source USING ERRCODE = 'invalid_parameter_value';
	ELSIF coalesce(NEW.warning, NEW.critical, NEW.adaptive_warning, NEW.adaptive_critical) IS NULL
		AND NEW.warning_key IS NULL AND NEW.critical_key IS NULL THEN
		RAISE EXCEPTION 'rule % has no threshold', quote_literal(NEW.name)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give warning, critical, or both.';
	ELSIF (NEW.comparator IN ('>', '>=') AND NEW.critical < NEW.warning) OR (NEW.comparator IN ('<', '<=') AND NEW.critical > NEW.warning)
		OR NEW.adaptive_critical < NEW.adaptive_warning THEN
		RAISE EXCEPTION 'the critical threshold must be beyond the warning' USING ERRCODE = 'invalid_parameter_value';
	ELSIF length(NEW.title) > 200 OR length(NEW.description) > 5000 OR length(NEW.query) > 100000 THEN
		RAISE EXCEPTION 'title, description or query is too long' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM pulse.config_value(NEW.warning_key) WHERE NEW.warning_key IS NOT NULL;
	PERFORM pulse.config_value(NEW.critical_key) WHERE NEW.critical_key IS NOT NULL;
	PERFORM pulse.check_patterns('portfolios', NEW.portfolios), pulse.check_patterns('symbols', NEW.symbols),
		pulse.check_patterns('components', NEW.components), pulse.check_patterns('inhibited_by', NEW.inhibited_by),
		pulse.check_patterns('route', NEW.route);
	PERFORM pulse.check_active_hours(NEW.active_hours);
	PERFORM pulse.check_timezone(NEW.timezone);
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION pulse.alert_rule_guard() IS
	'Checks a rule, whoever writes it in whatever way; nobody makes a query run as somebody whose rights he has not.';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON pulse.alert_rule FOR EACH ROW EXECUTE FUNCTION pulse.alert_rule_guard();

CREATE FUNCTION pulse.alert_rule_changed() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	circle text;
BEGIN
	IF NEW.inhibited_by IS NOT NULL OR TG_OP = 'INSERT' THEN
		circle := pulse.inhibition_circle();
		IF circle IS NOT NULL THEN
			RAISE EXCEPTION 'rule % would inhibit itself', quote_literal(circle)
				USING ERRCODE = 'invalid_parameter_value', DETAIL = 'inhibited_by leads back to it, so that it would never be told.';
		END IF;
	END IF;
	INSERT INTO pulse.alert_rule_state AS s (rule) VALUES (NEW.name)
		ON CONFLICT (rule) DO UPDATE SET fresh = true, next_at = '-infinity', failing = 0, last_error = NULL;
	IF NEW.source = 'query' AND NEW.enabled THEN
		INSERT INTO pulse.registration AS g (kind, name, owner, query, search_path, every, description)
			VALUES ('alert_rule', NEW.name, NEW.owner, NEW.query, NEW.search_path, NEW.every, NEW.title)
			ON CONFLICT (kind, name) DO UPDATE SET owner = excluded.owner, query = excluded.query, search_path = excluded.search_path, every = excluded.every,
				description = excluded.description, enabled = true;
		UPDATE pulse.registration_state s SET next_at = '-infinity', failing = 0, killed = 0, last_error = NULL, result = NULL, result_at = NULL
			WHERE s.kind = 'alert_rule' AND s.name = NEW.name;
		PERFORM pulse.touch_job('registrations');
	ELSE
		DELETE FROM pulse.registration g WHERE g.kind = 'alert_rule' AND g.name = NEW.name;
	END IF;
	INSERT INTO pulse.threshold_history (at, rule, warning, critical, reason)
		SELECT now(), NEW.name, pulse.rule_threshold(NEW.warning, NEW.warning_key), pulse.rule_threshold(NEW.critical, NEW.critical_key), 'fixed'
		WHERE TG_OP = 'INSERT' OR (NEW.warning, NEW.critical, NEW.warning_key, NEW.critical_key, NEW.comparator)
			IS DISTINCT FROM (OLD.warning, OLD.critical, OLD.warning_key, OLD.critical_key, OLD.comparator);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.alert_rule_changed() IS 'Makes the next evaluation look at everything that a changed rule is for, and notes its thresholds.';
REVOKE ALL ON FUNCTION pulse.alert_rule_changed() FROM PUBLIC;
CREATE TRIGGER changed AFTER INSERT OR UPDATE ON pulse.alert_rule FOR EACH ROW EXECUTE FUNCTION pulse.alert_rule_changed();

CREATE FUNCTION pulse.alert_rule_dropped() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.registration g WHERE g.kind = 'alert_rule' AND g.name = OLD.name;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.alert_rule_dropped() IS 'The query of a rule that is no more does not run any more.';
REVOKE ALL ON FUNCTION pulse.alert_rule_dropped() FROM PUBLIC;
CREATE TRIGGER dropped AFTER DELETE ON pulse.alert_rule FOR EACH ROW EXECUTE FUNCTION pulse.alert_rule_dropped();

CREATE FUNCTION pulse.no_duration(span interval) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN nullif(span, '0'::interval);
COMMENT ON FUNCTION pulse.no_duration(interval) IS 'NULL for a duration of 0, which takes a time of a rule away.';

CREATE FUNCTION pulse.no_threshold(value double precision) RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN nullif(value, 'NaN'::double precision);
COMMENT ON FUNCTION pulse.no_threshold(double precision) IS 'NULL for NaN, which takes a threshold of a rule away.';

CREATE FUNCTION pulse_alert_rule_set(name text,
		metric text DEFAULT NULL, query text DEFAULT NULL, components text[] DEFAULT NULL, trade text DEFAULT NULL,
		comparator text DEFAULT NULL, warning double precision DEFAULT NULL, critical double precision DEFAULT NULL,
		hysteresis double precision DEFAULT NULL, hold interval DEFAULT NULL, clear_hold interval DEFAULT NULL,
		min_duration interval DEFAULT NULL, missing text DEFAULT NULL, kind text DEFAULT NULL, title text DEFAULT NULL,
		description text DEFAULT NULL, unit text DEFAULT NULL, warning_severity text DEFAULT NULL, critical_severity text DEFAULT NULL,
		portfolios text[] DEFAULT NULL, symbols text[] DEFAULT NULL, active_hours jsonb DEFAULT NULL, inhibited_by text[] DEFAULT NULL,
		notify boolean DEFAULT NULL, notify_resolved boolean DEFAULT NULL, route text[] DEFAULT NULL, group_by text[] DEFAULT NULL,
		remind_every interval DEFAULT NULL, escalate_after interval DEFAULT NULL, every interval DEFAULT NULL,
		flap_count integer DEFAULT NULL, flap_window interval DEFAULT NULL, adaptive text DEFAULT NULL,
		adaptive_warning double precision DEFAULT NULL, adaptive_critical double precision DEFAULT NULL,
		adaptive_half_life double precision DEFAULT NULL, adaptive_samples integer DEFAULT NULL, adaptive_window integer DEFAULT NULL,
		adaptive_every interval DEFAULT NULL, adaptive_min_width double precision DEFAULT NULL, seasonal boolean DEFAULT NULL,
		timezone text DEFAULT NULL, regime boolean DEFAULT NULL, min_trades bigint DEFAULT NULL, enabled boolean DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
#variable_conflict use_variable
DECLARE
	old pulse.alert_rule;
	r pulse.alert_rule;
BEGIN
	IF num_nonnulls(metric, query, components, trade) > 1 THEN
		RAISE EXCEPTION 'a rule has one source' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one of metric, query, components and trade.';
	ELSIF name IS NULL OR name !~ '^[a-z][a-z0-9_.-]{0,99}$' THEN
		RAISE EXCEPTION 'not a name for a rule: %', coalesce(quote_literal(left(name, 200)), 'NULL') USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It begins with a lower-case letter and consists of at most 100 lower-case letters, digits, _, . and -.';
	END IF;
	SELECT a.* INTO old FROM pulse.alert_rule a WHERE a.name = name FOR UPDATE;
	IF old.name IS NULL AND num_nonnulls(metric, query, components, trade) = 0 THEN
		RAISE EXCEPTION 'a new rule needs a source' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one of metric, query, components and trade.';
	END IF;
	r := old;
	r.name := name;
	IF num_nonnulls(metric, query, components, trade) = 1 THEN
		r.source := CASE WHEN metric IS NOT NULL THEN 'metric' WHEN query IS NOT NULL THEN 'query' WHEN components IS NOT NULL THEN 'health' ELSE 'trade' END;
		r.metric := coalesce(metric, trade);
		r.query := query;
		r.components := components;
		IF query IS NOT NULL THEN
			r.owner := current_user;
			r.search_path := pulse.safe_path(current_schemas(false));
			PERFORM pulse.check_query(query);
			-- what it lacks is better known now than later
			EXECUTE format(E'SELECT FROM (\n%s\n) AS r LIMIT 0', query);
		END IF;
	END IF;
	r.owner := coalesce(r.owner, current_user);
	r.search_path := coalesce(r.search_path, 'pg_catalog, pg_temp');
	r.kind := upper(coalesce(kind, r.kind, CASE r.source WHEN 'health' THEN 'SYSTEM' WHEN 'trade' THEN 'TRADE' WHEN 'metric' THEN 'PERFORMANCE' ELSE 'CUSTOM' END));
	r.title := coalesce(title, r.title, upper(left(name, 1)) || replace(substr(name, 2), '_', ' '));
	r.description := coalesce(description, r.description);
	r.unit := coalesce(unit, r.unit, CASE r.source WHEN 'health' THEN 'status' ELSE 'number' END);
	r.enabled := coalesce(enabled, r.enabled, true);
	r.comparator := coalesce(comparator, r.comparator, '>=');
	r.warning := pulse.no_threshold(coalesce(warning, r.warning));
	r.critical := pulse.no_threshold(coalesce(critical, r.critical));
	-- a threshold that is named here is not that of a setting any more
	r.warning_key := CASE WHEN warning IS NULL THEN r.warning_key END;
	r.critical_key := CASE WHEN critical IS NULL THEN r.critical_key END;
	IF r.source = 'health' AND coalesce(r.warning, r.critical) IS NULL THEN
		r.warning := 2;
		r.critical := 3;
	ELSIF r.source = 'trade' AND r.metric IN ('opened', 'closed', 'flipped') AND coalesce(r.warning, r.critical) IS NULL THEN
		r.warning := 1;
	END IF;
	r.hysteresis := coalesce(hysteresis, r.hysteresis, 0);
	r.hold := coalesce(hold, r.hold, '0');
	r.clear_hold := coalesce(clear_hold, r.clear_hold, '0');
	r.min_duration := coalesce(min_duration, r.min_duration, '0');
	r.missing := coalesce(missing, r.missing, 'keep');
	r.min_trades := coalesce(min_trades, r.min_trades, 0);
	r.flap_count := coalesce(flap_count, r.flap_count, 4);
	r.flap_window := coalesce(flap_window, r.flap_window, '30 minutes');
	r.warning_severity := upper(coalesce(warning_severity, r.warning_severity, 'HIGH'));
	r.critical_severity := upper(coalesce(critical_severity, r.critical_severity, 'CRITICAL'));
	r.portfolios := nullif(coalesce(portfolios, r.portfolios), '{}');
	r.symbols := nullif(coalesce(symbols, r.symbols), '{}');
	r.active_hours := nullif(coalesce(active_hours, r.active_hours), '{}');
	r.inhibited_by := nullif(coalesce(inhibited_by, r.inhibited_by), '{}');
	r.notify := coalesce(notify, r.notify, true);
	r.notify_resolved := coalesce(notify_resolved, r.notify_resolved, true);
	r.route := nullif(coalesce(route, r.route), '{}');
	r.group_by := coalesce(group_by, r.group_by, '{rule}');
	r.remind_every := pulse.no_duration(coalesce(remind_every, r.remind_every));
	r.escalate_after := pulse.no_duration(coalesce(escalate_after, r.escalate_after));
	r.every := coalesce(every, r.every, '1 minute');
	r.adaptive := nullif(lower(coalesce(adaptive, r.adaptive)), 'none');
	r.adaptive_warning := pulse.no_threshold(coalesce(adaptive_warning, r.adaptive_warning));
	r.adaptive_critical := pulse.no_threshold(coalesce(adaptive_critical, r.adaptive_critical));
	r.adaptive_half_life := coalesce(adaptive_half_life, r.adaptive_half_life, 100);
	r.adaptive_samples := coalesce(adaptive_samples, r.adaptive_samples, 30);
	r.adaptive_window := coalesce(adaptive_window, r.adaptive_window, 500);
	r.adaptive_every := coalesce(adaptive_every, r.adaptive_every, '1 hour');
	r.adaptive_min_width := coalesce(adaptive_min_width, r.adaptive_min_width, 0);
	r.seasonal := coalesce(seasonal, r.seasonal, false);
	r.timezone := coalesce(timezone, r.timezone, 'UTC');
	r.regime := coalesce(regime, r.regime, false);
	r.created_at := coalesce(r.created_at, now());
	r.updated_at := now();
	r.updated_by := session_user;
	IF old.name IS NULL THEN
		INSERT INTO pulse.alert_rule VALUES (r.*);
	ELSIF r IS DISTINCT FROM old THEN
		UPDATE pulse.alert_rule a SET kind = r.kind, source = r.source, metric = r.metric, query = r.query, search_path = r.search_path, components = r.components,
			title = r.title, description = r.description, unit = r.unit, enabled = r.enabled, comparator = r.comparator,
			warning = r.warning, critical = r.critical, warning_key = r.warning_key, critical_key = r.critical_key,
			hysteresis = r.hysteresis, hold = r.hold, clear_hold = r.clear_hold, min_duration = r.min_duration, missing = r.missing,
			min_trades = r.min_trades, flap_count = r.flap_count, flap_window = r.flap_window, warning_severity = r.warning_severity,
			critical_severity = r.critical_severity, portfolios = r.portfolios, symbols = r.symbols, active_hours = r.active_hours,
			inhibited_by = r.inhibited_by, notify = r.notify, notify_resolved = r.notify_resolved, route = r.route, group_by = r.group_by,
			remind_every = r.remind_every, escalate_after = r.escalate_after, every = r.every, adaptive = r.adaptive,
			adaptive_warning = r.adaptive_warning, adaptive_critical = r.adaptive_critical, adaptive_half_life = r.adaptive_half_life,
			adaptive_samples = r.adaptive_samples, adaptive_window = r.adaptive_window, adaptive_every = r.adaptive_every,
			adaptive_min_width = r.adaptive_min_width, seasonal = r.seasonal, timezone = r.timezone, regime = r.regime, owner = r.owner
			WHERE a.name = r.name;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse_alert_rule_set IS
	'Makes a rule or changes one: what is left out stays as it is, or gets its default; NaN takes a threshold away, 0 a time, an empty array or object a list. The source is one of metric (of each portfolio: a column of pulse_performance(), a risk figure, a registered metric), query (SELECT with a column value and, where it likes, portfolio, symbol, message; it runs every so often as you, read-only, within extensions.time_limit, in a process of its own), components (patterns of health components; the value is 1 UNKNOWN, 2 WARNING, 3 CRITICAL) and trade (value, quantity, profit, loss, share, opened, closed, flipped of each fill). comparator >= by default; warning and critical are thresholds in the unit of the value; extension/doc/alerts.md says what everything does. Error 22023 for what makes no sense, 42501 without the rights (pulse_grant: admin).';

CREATE FUNCTION pulse.drop_alert_rule(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.alert_rule r WHERE r.name = drop_alert_rule.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pulse.drop_alert_rule(text) IS 'Body of pulse_alert_rule_drop().';
CREATE FUNCTION pulse_alert_rule_drop(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.drop_alert_rule($1) $$;
COMMENT ON FUNCTION pulse_alert_rule_drop(text) IS
	'Removes a rule; its alerts are resolved by the next evaluation, their history stays. False when there is none of that name.';

CREATE FUNCTION pulse_alert_rules()
	RETURNS TABLE (name text, kind text, source text, subject text, comparator text, warning double precision, critical double precision,
				   hysteresis double precision, hold interval, unit text, warning_severity text, critical_severity text, enabled boolean,
				   awake boolean, firing bigint, pending bigint, last_fired_at timestamptz, last_error text, last_error_at timestamptz, title text,
				   description text, settings jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT r.name, r.kind, r.source, coalesce(r.metric, array_to_string(r.components, ', '), r.query), r.comparator,
		pulse.rule_threshold(r.warning, r.warning_key), pulse.rule_threshold(r.critical, r.critical_key),
		r.hysteresis, r.hold, r.unit, r.warning_severity, r.critical_severity, r.enabled, s.awake,
		coalesce(a.firing, 0), coalesce(a.pending, 0), h.at, coalesce(s.last_error, CASE WHEN g.failing > 0 THEN g.last_error END),
		CASE WHEN s.last_error IS NOT NULL THEN s.last_error_at WHEN g.failing > 0 THEN g.last_error_at END, r.title, r.description,
		to_jsonb(r) - '{name,kind,source,metric,query,components,comparator,warning,critical,hysteresis,hold,unit,warning_severity,critical_severity,enabled,title,description}'::text[]
	FROM pulse.alert_rule r JOIN pulse.alert_rule_state s ON s.rule = r.name
	LEFT JOIN pulse.registration_state g ON g.kind = CASE r.source WHEN 'query' THEN 'alert_rule' ELSE 'metric' END AND g.name = coalesce(r.metric, r.name)
	LEFT JOIN (SELECT l.rule, count(*) FILTER (WHERE l.state <> 'pending') AS firing, count(*) FILTER (WHERE l.state = 'pending') AS pending
			   FROM pulse.alert l WHERE l.state <> 'resolved' GROUP BY l.rule) a ON a.rule = r.name
	LEFT JOIN (SELECT f.rule, max(f.fired_at) AS at FROM pulse.alert f GROUP BY f.rule) h ON h.rule = r.name
	ORDER BY r.kind, r.name
	$$;
COMMENT ON FUNCTION pulse_alert_rules() IS
	'All rules: what they look at (subject), the thresholds that hold now, whether the rule is in its active hours (awake), alerts of it that you may see (firing, acknowledged ones with them, and pending), when it last fired, and why it could not be evaluated (last_error; NULL: it could). settings has everything else. Readers and up.';

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('alerts.high_drawdown_warning', 'number', 'fraction', '0.10', 0, 10, 'Drawdown from the peak at which the rule high_drawdown warns.'),
	('alerts.high_drawdown_critical', 'number', 'fraction', '0.20', 0, 10, 'Drawdown from the peak at which the rule high_drawdown is critical.'),
	('alerts.low_sharpe_warning', 'number', NULL, '1.0', -100, 100, 'Sharpe ratio below which the rule low_sharpe warns.'),
	('alerts.low_sharpe_critical', 'number', NULL, '0.5', -100, 100, 'Sharpe ratio below which the rule low_sharpe is critical.'),
	('alerts.high_volatility_warning', 'number', 'fraction', '0.30', 0, 100, 'Annual volatility at which the rule high_volatility warns.'),
	('alerts.high_volatility_critical', 'number', 'fraction', '0.50', 0, 100, 'Annual volatility at which the rule high_volatility is critical.'),
	('alerts.poor_win_rate_warning', 'number', 'fraction', '0.50', 0, 1, 'Win rate below which the rule poor_win_rate warns.'),
	('alerts.poor_win_rate_critical', 'number', 'fraction', '0.30', 0, 1, 'Win rate below which the rule poor_win_rate is critical.'),
	('alerts.concentration_warning', 'number', 'fraction', '0.50', 0, 1, 'Share of the largest position at which the rule position_concentration warns.'),
	('alerts.concentration_critical', 'number', 'fraction', '0.80', 0, 1, 'Share of the largest position at which the rule position_concentration is critical.'),
	('alerts.correlation_warning', 'number', NULL, '0.80', -1, 1, 'Correlation of two open positions at which the rule correlation_limit warns.'),
	('alerts.correlation_critical', 'number', NULL, '0.95', -1, 1, 'Correlation of two open positions at which the rule correlation_limit is critical.'),
	('alerts.var_breach_warning', 'number', NULL, '1.0', 0, 1000, 'Loss of the day, in multiples of the 95 % value at risk, at which the rule var_breach warns.'),
	('alerts.var_breach_critical', 'number', NULL, '2.0', 0, 1000, 'Loss of the day, in multiples of the 95 % value at risk, at which the rule var_breach is critical.'),
	('alerts.leverage_warning', 'number', NULL, '2.0', 0, 1000, 'Gross leverage at which the rule high_leverage warns.'),
	('alerts.leverage_critical', 'number', NULL, '3.0', 0, 1000, 'Gross leverage at which the rule high_leverage is critical.'),
	('alerts.large_execution_value', 'number', 'money', '10000', 0, NULL, 'Value of a fill, in quote currency, from which the rule large_execution tells of it.'),
	('alerts.significant_trade_share', 'number', 'fraction', '0.25', 0, 1000, 'Value of a fill over that of its portfolio from which the rule significant_trade tells of it.');
INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('alerts.group_size', 'integer', 'alerts', '3', 2, 1000, 'So many alerts at once are told in one message.'),
	('alerts.storm_count', 'integer', 'alerts', '25', 2, 100000, 'So many alerts that begin within alerts.storm_window are a storm, which is escalated.'),
	('alerts.batch', 'integer', 'alerts', '20000', 1, 1000000, 'So many alerts of fixed thresholds begin in one evaluation at most, the others in those that follow at once.'),
	('alerts.storm_window', 'duration', NULL, '"00:05:00"', 10, 86400, 'Time in which the alerts of a storm begin; it is over when they are half as many.'),
	('alerts.retention', 'duration', NULL, '"90 days"', 86400, NULL, 'How long resolved alerts and their history are kept.'),
	('alerts.threshold_retention', 'duration', NULL, '"90 days"', 86400, NULL, 'How long pulse.threshold_history is kept.');

CREATE FUNCTION pulse.add_default_rules() RETURNS bigint
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
	WITH shipped (name, kind, source, metric, components, title, unit, comparator, warning, critical, warning_key, critical_key, hysteresis,
				  hold, clear_hold, missing, warning_severity, critical_severity, inhibited_by, notify, group_by, remind_every, escalate_after, every, description, min_trades) AS (VALUES
		('high_drawdown', 'PERFORMANCE', 'metric', 'current_drawdown', NULL::text[], 'High drawdown', 'fraction', '>=', NULL::float8, NULL::float8,
			'alerts.high_drawdown_warning', 'alerts.high_drawdown_critical', 0.01, interval '0', interval '0', 'keep', 'HIGH', 'CRITICAL',
			NULL::text[], true, '{rule}'::text[], interval '4 hours', interval '15 minutes', interval '1 minute',
			'The portfolio has fallen that far from its peak, deposits and withdrawals removed. Look at what lost, and whether positions should be smaller.', 0),
		('low_sharpe', 'PERFORMANCE', 'metric', 'sharpe', NULL, 'Low Sharpe ratio', 'number', '<', NULL, NULL, 'alerts.low_sharpe_warning', 'alerts.low_sharpe_critical',
			0.05, '1 day', '1 day', 'keep', 'MEDIUM', 'HIGH', NULL, true, '{rule}', '7 days', NULL, '1 minute',
			'The return hardly pays for its risk any more. Compare with the back-test of the strategy.', 0),
		('high_volatility', 'PERFORMANCE', 'metric', 'volatility', NULL, 'Excessive volatility', 'fraction', '>=', NULL, NULL, 'alerts.high_volatility_warning', 'alerts.high_volatility_critical',
			0.02, '15 minutes', '15 minutes', 'keep', 'MEDIUM', 'HIGH', NULL, true, '{rule}', '1 day', NULL, '1 minute',
			'Annual volatility of the daily returns. Smaller positions bring it down.', 0),
		('poor_win_rate', 'PERFORMANCE', 'metric', 'win_rate', NULL, 'Poor win rate', 'fraction', '<', NULL, NULL, 'alerts.poor_win_rate_warning', 'alerts.poor_win_rate_critical',
			0.01, '1 hour', '1 hour', 'keep', 'MEDIUM', 'HIGH', NULL, true, '{rule}', '7 days', NULL, '1 minute',
			'Few closed trades win. A high payoff ratio can make up for it.', 20),
		('position_concentration', 'RISK', 'metric', 'largest_share', NULL, 'Position concentration', 'fraction', '>=', NULL, NULL, 'alerts.concentration_warning', 'alerts.concentration_critical',
			0.02, '15 minutes', '5 minutes', 'clear', 'LOW', 'HIGH', NULL, true, '{rule}', '1 day', NULL, '1 minute',
			'One position is that share of all open ones. A portfolio with a single position has a share of 100 %.', 0),
		('correlation_limit', 'RISK', 'metric', 'max_correlation', NULL, 'Correlated positions', 'number', '>=', NULL, NULL, 'alerts.correlation_warning', 'alerts.correlation_critical',
			0.02, '0', '0', 'clear', 'MEDIUM', 'HIGH', NULL, true, '{rule}', '7 days', NULL, '1 hour',
			'Two open positions move together; they are one risk, not two.', 0),
		('var_breach', 'RISK', 'metric', 'var_breach', NULL, 'Value at risk exceeded', 'number', '>=', NULL, NULL, 'alerts.var_breach_warning', 'alerts.var_breach_critical',
			0.1, '0', '0', 'clear', 'HIGH', 'CRITICAL', NULL, true, '{rule}', '6 hours', '15 minutes', '1 minute',
			'The loss of this UTC day, in multiples of the 95 % value at risk of a day. One day in twenty does that; it is worth a look when it happens more often.', 0),
		('high_leverage', 'RISK', 'metric', 'gross_leverage', NULL, 'High leverage', 'number', '>=', NULL, NULL, 'alerts.leverage_warning', 'alerts.leverage_critical',
			0.1, '1 minute', '1 minute', 'clear', 'HIGH', 'CRITICAL', NULL, true, '{rule}', '4 hours', '15 minutes', '1 minute',
			'Long and short positions together, over the value of the portfolio.', 0),
		('database', 'SYSTEM', 'health', NULL, '{database}', 'Database', 'status', '>=', 2, 3, NULL, NULL, 0, '30 seconds', '30 seconds', 'keep', 'HIGH', 'CRITICAL',
			NULL, true, '{rule}', '1 hour', '10 minutes', '1 minute', 'Connections, latency, locks, long transactions, replication, disk: pulse_health_check(''database'') says which.', 0),
		('engine', 'SYSTEM', 'health', NULL, '{background_worker,worker,outbox,registrations}', 'Monitoring itself', 'status', '>=', 2, 3, NULL, NULL, 0, '1 minute', '30 seconds', 'keep', 'HIGH', 'CRITICAL',
			'{database}', true, '{rule}', '1 hour', '10 minutes', '1 minute', 'The background worker, the pulse-worker program or the outbox is late or gone.', 0),
		('api_outage', 'SYSTEM', 'health', NULL, '{api.*}', 'API outage', 'status', '>=', 2, 3, NULL, NULL, 0, '1 minute', '1 minute', 'keep', 'MEDIUM', 'CRITICAL',
			NULL, true, '{rule}', '1 hour', '10 minutes', '1 minute', 'An exchange or another interface is slow or does not answer.', 0),
		('resources', 'SYSTEM', 'health', NULL, '{resources,resources.*}', 'Resources', 'status', '>=', 2, 3, NULL, NULL, 0, '3 minutes', '2 minutes', 'keep', 'MEDIUM', 'CRITICAL',
			NULL, true, '{rule}', '2 hours', '15 minutes', '1 minute', 'Processor, memory or disk of the machine is running out.', 0),
		('stale_data', 'SYSTEM', 'health', NULL, '{data,feed.*,feeds,feeds.*}', 'Stale or missing data', 'status', '>=', 2, 3, NULL, NULL, 0, '1 minute', '0', 'keep', 'MEDIUM', 'HIGH',
			'{database,api_outage,engine}', true, '{rule}', '2 hours', NULL, '1 minute', 'Snapshots or feeds are late, have gaps, or cannot be read.', 0),
		('model_stale', 'SYSTEM', 'health', NULL, '{model,model.*,models,models.*}', 'Model', 'status', '>=', 2, 3, NULL, NULL, 0, '1 minute', '0', 'keep', 'MEDIUM', 'HIGH',
			'{database,stale_data}', true, '{rule}', '6 hours', NULL, '1 minute', 'A model was not updated, does not predict, or has become less accurate.', 0),
		('heartbeat_missing', 'SYSTEM', 'health', NULL, '{!database,!background_worker,!worker,!outbox,!registrations,!api.*,!resources,!resources.*,!data,!feed.*,!feeds,!feeds.*,!model,!model.*,!models,!models.*}',
			'Heartbeat missing or component unwell', 'status', '>=', 2, 3, NULL, NULL, 0, '0', '0', 'keep', 'HIGH', 'CRITICAL',
			'{database}', true, '{rule}', '1 hour', '10 minutes', '1 minute', 'A component that promised signs of life is silent, or reports trouble: the bot, a check of your own.', 0),
		('large_execution', 'TRADE', 'trade', 'value', NULL, 'Large execution', 'money', '>=', NULL, NULL, 'alerts.large_execution_value', NULL,
			0, '0', '0', 'clear', 'MEDIUM', 'MEDIUM', NULL, true, '{rule,portfolio}', NULL, NULL, '1 minute', 'A fill of at least that value.', 0),
		('significant_trade', 'TRADE', 'trade', 'share', NULL, 'Significant trade', 'fraction', '>=', NULL, NULL, 'alerts.significant_trade_share', NULL,
			0, '0', '0', 'clear', 'HIGH', 'HIGH', NULL, true, '{rule,portfolio}', NULL, NULL, '1 minute', 'A fill that is large for its portfolio.', 0),
		('position_opened', 'TRADE', 'trade', 'opened', NULL, 'Position opened', 'number', '>=', 1, NULL, NULL, NULL,
			0, '0', '0', 'clear', 'LOW', 'LOW', NULL, false, '{rule,portfolio}', NULL, NULL, '1 minute', 'Listed and streamed; every fill has a message of its own already.', 0),
		('position_closed', 'TRADE', 'trade', 'closed', NULL, 'Position closed', 'number', '>=', 1, NULL, NULL, NULL,
			0, '0', '0', 'clear', 'LOW', 'LOW', NULL, false, '{rule,portfolio}', NULL, NULL, '1 minute', 'Listed and streamed; every fill has a message of its own already.', 0),
		('position_flipped', 'TRADE', 'trade', 'flipped', NULL, 'Position flipped', 'number', '>=', 1, NULL, NULL, NULL,
			0, '0', '0', 'clear', 'MEDIUM', 'MEDIUM', NULL, true, '{rule,portfolio}', NULL, NULL, '1 minute', 'A fill turned a long position into a short one, or the other way.', 0)
	), added AS (
		INSERT INTO pulse.alert_rule (name, kind, source, metric, components, title, unit, comparator, warning, critical, warning_key, critical_key, hysteresis,
				hold, clear_hold, missing, warning_severity, critical_severity, inhibited_by, notify, group_by, remind_every, escalate_after, every, description, min_trades, owner)
			SELECT s.*, current_user FROM shipped s ORDER BY s.inhibited_by IS NOT NULL
			ON CONFLICT DO NOTHING RETURNING 1)
	SELECT count(*) FROM added
	$$;
COMMENT ON FUNCTION pulse.add_default_rules() IS 'Adds those of the shipped rules that are missing, and returns how many.';

CREATE FUNCTION pulse_alert_defaults() RETURNS bigint
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	UPDATE pulse.alert_evaluation SET defaults_at = now();
	SELECT pulse.add_default_rules();
	$$;
REVOKE ALL ON FUNCTION pulse_alert_defaults(), pulse.add_default_rules() FROM PUBLIC;
COMMENT ON FUNCTION pulse_alert_defaults() IS
	'Adds the rules that Pulse brings along where they are missing, and returns how many; those that there are stay as they are. pulse_setup() and the first pulse_attach() do this once. Their thresholds are settings: alerts.*.';

CREATE FUNCTION pulse.add_default_rules_once() RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	UPDATE pulse.alert_evaluation SET defaults_at = now() WHERE defaults_at IS NULL;
	IF FOUND THEN
		PERFORM pulse.add_default_rules();
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.add_default_rules_once() IS
	'Adds the shipped rules unless that was done before: what somebody has dropped does not come back because another table is followed.';
