-- Targets, and performance over several time frames.

CREATE VIEW pulse.target AS
	SELECT regexp_replace(k.key, '^performance\.target_', '') AS metric, pulse.config_float(k.key) AS goal
	FROM pulse.config_key k
	WHERE k.key LIKE 'performance.target\_%' AND pulse.config_float(k.key) IS NOT NULL;
COMMENT ON VIEW pulse.target IS 'goals that pulse_targets() compares with: the settings performance.target_*; INSERT, UPDATE and DELETE set those';
COMMENT ON COLUMN pulse.target.metric IS 'column of pulse_performance(), or annual_return';
COMMENT ON COLUMN pulse.target.goal IS 'what is to be reached; for max_drawdown and volatility the limit';

CREATE FUNCTION pulse.change_target() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND NEW.metric <> OLD.metric OR TG_OP = 'DELETE' THEN
		PERFORM @extschema@.pulse_config_set('performance.target_' || OLD.metric, 'none');
	END IF;
	IF TG_OP <> 'DELETE' THEN
		PERFORM @extschema@.pulse_config_set('performance.target_' || NEW.metric, coalesce(NEW.goal::text, 'none'));
		RETURN NEW;
	END IF;
	RETURN OLD;
END
$$;
COMMENT ON FUNCTION pulse.change_target() IS 'Trigger on the view pulse.target: turns changes into pulse_config_set().';
CREATE TRIGGER change_target INSTEAD OF INSERT OR UPDATE OR DELETE ON pulse.target
	FOR EACH ROW EXECUTE FUNCTION pulse.change_target();
GRANT SELECT ON pulse.target, pulse.config, pulse.config_key TO PUBLIC;
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('admin', 'table', 'target', 'INSERT'), ('admin', 'table', 'target', 'UPDATE'), ('admin', 'table', 'target', 'DELETE');

CREATE FUNCTION pulse_targets(portfolio text DEFAULT NULL)
	RETURNS TABLE (target text, goal double precision, actual double precision, progress double precision, on_track boolean,
				   required_pace double precision)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	whole record;
	year record;
	year_end timestamptz := (date_trunc('year', now() AT TIME ZONE 'UTC') + interval '1 year') AT TIME ZONE 'UTC';
	year_begin timestamptz := date_trunc('year', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
	years_left double precision := extract(epoch FROM year_end - now()) / 31536000.0;
	years_counted double precision;
BEGIN
	SELECT * INTO whole FROM pulse.performance(portfolio, NULL, NULL);
	SELECT * INTO year FROM pulse.performance(portfolio, year_begin, NULL);
	years_counted := extract(epoch FROM year_end - greatest((year.metrics).first_ts, year_begin)) / 31536000.0;
	FOR target, goal IN SELECT t.metric, t.goal FROM pulse.target t ORDER BY t.metric LOOP
		actual := CASE target WHEN 'annual_return' THEN (whole.metrics).cagr WHEN 'sharpe' THEN (whole.metrics).sharpe
			WHEN 'sortino' THEN (whole.metrics).sortino WHEN 'calmar' THEN (whole.metrics).calmar
			WHEN 'volatility' THEN (whole.metrics).volatility WHEN 'max_drawdown' THEN (whole.metrics).max_drawdown
			WHEN 'win_rate' THEN whole.win_rate WHEN 'profit_factor' THEN whole.profit_factor
			WHEN 'trades_per_day' THEN whole.trades_per_day END;
		progress := actual / nullif(goal, 0);
		on_track := CASE WHEN target IN ('max_drawdown', 'volatility') THEN actual <= goal ELSE actual >= goal END;
		required_pace := NULL;
		IF target = 'annual_return' AND goal > -1 AND years_left > 0 AND (year.metrics).total_return > -1 THEN
			-- the exponent is bounded: in the last minutes of a year no pace makes up for a lost one
			required_pace := CASE WHEN (ln(1 + goal) * years_counted - ln(1 + (year.metrics).total_return)) / years_left < 700 THEN
				exp((ln(1 + goal) * years_counted - ln(1 + (year.metrics).total_return)) / years_left) - 1 END;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse_targets(text) IS
	'Goals of pulse.target (28 % annual return, Sharpe 1.8, win rate 65 %, maximum drawdown 15 %) against what pulse_performance() says: progress is actual over goal; on_track is whether the goal is met, for max_drawdown and volatility whether the limit is kept; required_pace, for annual_return only, is the annual return from now to the end of the UTC year that brings this year, or its part since the first snapshot, to the goal. Undefined is NULL. Portfolio NULL: all visible ones together.';

CREATE FUNCTION pulse_performance_breakdown(portfolio text DEFAULT NULL)
	RETURNS TABLE (timeframe text, since timestamptz, total_return double precision, pnl double precision, volatility double precision,
				   sharpe double precision, max_drawdown double precision, trades bigint, win_rate double precision, net_pnl numeric)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_variable
DECLARE
	frame record;
	p record;
BEGIN
	FOR frame IN SELECT * FROM (VALUES ('1h', interval '1 hour'), ('4h', '4 hours'), ('24h', '24 hours'), ('7d', '168 hours'),
			('30d', '720 hours'), ('90d', '2160 hours'), ('1y', '8760 hours'), ('all', NULL)) AS f (name, width) LOOP
		timeframe := frame.name;
		since := now() - frame.width;
		SELECT * INTO p FROM pulse.performance(portfolio, since, CASE WHEN since IS NOT NULL THEN now() END);
		total_return := (p.metrics).total_return;
		pnl := (p.metrics).last_value - (p.metrics).first_value - (p.metrics).net_flow;
		volatility := (p.metrics).volatility;
		sharpe := (p.metrics).sharpe;
		max_drawdown := (p.metrics).max_drawdown;
		trades := p.total_trades;
		win_rate := p.win_rate;
		net_pnl := p.trade_pnl - p.trade_fees;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse_performance_breakdown(text) IS
	'Performance over the last 1h, 4h, 24h, 7d, 30d, 90d, 1y and all: total_return (deposits and withdrawals removed), pnl (change of value less flows), volatility and sharpe over daily returns, annualised, max_drawdown over all snapshots of the frame, and the trades closed in it with win rate and profit net of fees. Undefined is NULL. Portfolio NULL: all visible ones together.';
