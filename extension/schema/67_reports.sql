-- Reports: a period, the one before it, the benchmark, what went well and what did not, and what follows from that.

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('reports.concentration_limit', 'number', 'fraction', '0.4', 0, 1, 'Share of the largest position from which reports recommend to spread.'),
	('reports.leverage_limit', 'number', NULL, '2', 0, 1000, 'Gross leverage from which reports recommend to reduce it.'),
	('reports.fee_share_limit', 'number', 'fraction', '0.3', 0, 1, 'Fees, as a fraction of the gross profit, from which reports recommend to trade less or cheaper.'),
	('reports.min_trades', 'integer', 'trades', '5', 1, 100000, 'Closed trades below which reports recommend nothing from trade statistics.'),
	('reports.performers', 'integer', 'symbols', '5', 1, 100, 'How many of the best and of the worst symbols a report lists.');

CREATE FUNCTION pulse.report_figures(for_portfolio text, since timestamptz, until timestamptz) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	p record;
	m @extschema@.pulse_metrics_row;
BEGIN
	SELECT * INTO p FROM pulse.performance(for_portfolio, since, until);
	m := p.metrics;
	RETURN jsonb_build_object(
		'snapshots', coalesce(m.n_snapshots, 0), 'first_snapshot', pulse.json_time(m.first_ts), 'last_snapshot', pulse.json_time(m.last_ts),
		'returns', jsonb_build_object('start_value', pulse.json_number(m.first_value), 'end_value', pulse.json_number(m.last_value),
			'net_flow', pulse.json_number(m.net_flow), 'pnl', pulse.json_number(m.last_value - m.first_value - m.net_flow),
			'total_return', pulse.json_number(m.total_return), 'cagr', pulse.json_number(m.cagr),
			'daily_return', pulse.json_number(m.period_return), 'realized_pnl', pulse.json_money(p.trade_pnl), 'fees', pulse.json_money(p.trade_fees),
			'net_pnl', pulse.json_money(p.trade_pnl - p.trade_fees)),
		'risk', jsonb_build_object('volatility', pulse.json_number(m.volatility), 'downside_deviation', pulse.json_number(m.downside_deviation),
			'sharpe', pulse.json_number(m.sharpe), 'sortino', pulse.json_number(m.sortino), 'calmar', pulse.json_number(m.calmar),
			'max_drawdown', pulse.json_number(m.max_drawdown), 'current_drawdown', pulse.json_number(m.current_drawdown),
			'average_drawdown', pulse.json_number(m.average_drawdown), 'ulcer_index', pulse.json_number(m.ulcer_index),
			'var_95', pulse.json_number(m.var_95), 'cvar_95', pulse.json_number(m.cvar_95), 'skewness', pulse.json_number(m.skewness),
			'kurtosis', pulse.json_number(m.kurtosis), 'omega', pulse.json_number(m.omega), 'tail_ratio', pulse.json_number(m.tail_ratio)),
		'trading', jsonb_build_object('total_trades', p.total_trades, 'trades_per_day', pulse.json_number(p.trades_per_day),
			'win_rate', pulse.json_number(p.win_rate), 'profit_factor', pulse.json_number(p.profit_factor),
			'average_win', pulse.json_number(p.average_win), 'average_loss', pulse.json_number(p.average_loss),
			'payoff_ratio', pulse.json_number(p.payoff_ratio), 'expectancy', pulse.json_number(p.expectancy),
			'best_trade', pulse.json_money(p.best_trade), 'worst_trade', pulse.json_money(p.worst_trade),
			'average_holding_seconds', pulse.json_number(extract(epoch FROM p.average_holding)::float8)));
END
$$;
COMMENT ON FUNCTION pulse.report_figures(text, timestamptz, timestamptz) IS
	'Returns, risk and trading of a period as JSON: returns from the last snapshot before it, trades closed in it.';

CREATE FUNCTION pulse.report_change(now jsonb, before jsonb) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT jsonb_object_agg(f.name, CASE WHEN (now #>> f.path) IS NOT NULL AND (before #>> f.path) IS NOT NULL
		THEN to_jsonb(trim_scale(round((now #>> f.path)::numeric - (before #>> f.path)::numeric, 10))) ELSE 'null' END)
	FROM (VALUES ('total_return', '{returns,total_return}'::text[]), ('net_pnl', '{returns,net_pnl}'), ('fees', '{returns,fees}'),
		('volatility', '{risk,volatility}'), ('sharpe', '{risk,sharpe}'), ('max_drawdown', '{risk,max_drawdown}'), ('var_95', '{risk,var_95}'),
		('total_trades', '{trading,total_trades}'), ('win_rate', '{trading,win_rate}'), ('profit_factor', '{trading,profit_factor}')) f (name, path)
	$$;
COMMENT ON FUNCTION pulse.report_change(jsonb, jsonb) IS 'Differences of the figures of two periods, null where one is unknown.';

CREATE FUNCTION pulse.report_symbols(for_portfolio text, since timestamptz, until timestamptz) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('symbol', s.symbol, 'trades', s.trades, 'net_pnl', pulse.json_money(s.net_pnl), 'fees', pulse.json_money(s.fees),
			'win_rate', pulse.json_number(s.win_rate)) ORDER BY s.net_pnl DESC, s.symbol), '[]')
	FROM (SELECT t.symbol, count(*) AS trades, sum(t.net_pnl) AS net_pnl, sum(t.fees) AS fees, @extschema@.pulse_win_rate(t.net_pnl) AS win_rate
		  FROM pulse.current_trades($1, 'average') t WHERE t.closed_at BETWEEN $2 AND $3 GROUP BY t.symbol) s
	$$;
COMMENT ON FUNCTION pulse.report_symbols(text, timestamptz, timestamptz) IS 'The symbols of the trades closed in a period, best first.';

CREATE FUNCTION pulse.report_body(for_portfolio text, since timestamptz, until timestamptz, risk_since timestamptz) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	figures jsonb := pulse.report_figures(for_portfolio, since, until);
	before jsonb := pulse.report_figures(for_portfolio, since - (until + interval '1 microsecond' - since), since - interval '1 microsecond');
	symbols jsonb := pulse.report_symbols(for_portfolio, since, until);
	listed integer := pulse.config_integer('reports.performers');
	benchmark text := pulse.config_text('reports.benchmark');
	result jsonb;
BEGIN
	IF risk_since < since THEN
		figures := figures || jsonb_build_object('risk', pulse.report_figures(for_portfolio, risk_since, until) -> 'risk'
			|| jsonb_build_object('max_drawdown_of_period', figures #> '{risk,max_drawdown}'));
	END IF;
	result := figures - ARRAY['snapshots', 'first_snapshot', 'last_snapshot'] || jsonb_build_object(
		'period', jsonb_build_object('days', round(extract(epoch FROM until - since) / 86400)::integer, 'from', pulse.json_time(since), 'to', pulse.json_time(until), 'portfolio', for_portfolio,
			'risk_from', pulse.json_time(risk_since), 'snapshots', figures -> 'snapshots', 'first_snapshot', figures -> 'first_snapshot', 'last_snapshot', figures -> 'last_snapshot'),
		'trading', (figures -> 'trading') || jsonb_build_object('symbols', symbols),
		'previous', jsonb_build_object('from', pulse.json_time(since - (until + interval '1 microsecond' - since)), 'to', pulse.json_time(since), 'returns', before -> 'returns', 'trading', before -> 'trading',
			'change', pulse.report_change(figures, before)),
		'performers', jsonb_build_object(
			'top', (SELECT coalesce(jsonb_agg(s.value ORDER BY s.nr), '[]') FROM jsonb_array_elements(symbols) WITH ORDINALITY s (value, nr)
				WHERE (s.value ->> 'net_pnl')::numeric > 0 AND s.nr <= listed),
			'worst', (SELECT coalesce(jsonb_agg(s.value ORDER BY s.nr DESC), '[]') FROM jsonb_array_elements(symbols) WITH ORDINALITY s (value, nr)
				WHERE (s.value ->> 'net_pnl')::numeric < 0 AND s.nr > jsonb_array_length(symbols) - listed)),
		'positions', (SELECT coalesce(jsonb_agg(jsonb_build_object('portfolio', x.portfolio, 'symbol', x.symbol, 'side', x.side, 'market_value', pulse.json_money(x.market_value),
				'weight', pulse.json_number(x.weight)) ORDER BY abs(x.market_value) DESC NULLS LAST, x.symbol), '[]')
			FROM (SELECT * FROM @extschema@.pulse_exposure(for_portfolio) e ORDER BY abs(e.market_value) DESC NULLS LAST LIMIT 20) x),
		'benchmark', CASE WHEN benchmark IS NOT NULL THEN (SELECT jsonb_build_object('symbol', benchmark, 'days', b.days,
				'portfolio_return', pulse.json_number(b.portfolio_return), 'benchmark_return', pulse.json_number(b.benchmark_return), 'excess_return', pulse.json_number(b.excess_return),
				'correlation', pulse.json_number(b.correlation), 'beta', pulse.json_number(b.beta), 'alpha', pulse.json_number(b.alpha),
				'tracking_error', pulse.json_number(b.tracking_error), 'information_ratio', pulse.json_number(b.information_ratio))
			FROM pulse.benchmark_row(benchmark, since, until, for_portfolio) b) END,
		'targets', (SELECT coalesce(jsonb_agg(jsonb_build_object('target', t.target, 'goal', pulse.json_number(t.goal), 'actual', pulse.json_number(t.actual),
				'progress', pulse.json_number(t.progress), 'on_track', t.on_track, 'required_pace', pulse.json_number(t.required_pace)) ORDER BY t.target), '[]')
			FROM @extschema@.pulse_targets(for_portfolio) t));
	RETURN result || jsonb_build_object('recommendations', pulse.recommendations(result, for_portfolio));
END
$$;
COMMENT ON FUNCTION pulse.report_body(text, timestamptz, timestamptz, timestamptz) IS
	'What every report has: period, returns, risk (over a longer time where one day would say nothing), trading, the period of the same length before, performers, positions, benchmark, targets and recommendations.';

CREATE FUNCTION pulse.percent(value double precision) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN abs(value) < 1e13 THEN trim_scale(round((value * 100)::numeric, 1))::text ELSE value::text END;
COMMENT ON FUNCTION pulse.percent(double precision) IS 'A fraction in percent, with at most one digit after the point.';

CREATE FUNCTION pulse.recommendations(report jsonb, for_portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH c AS MATERIALIZED (
		SELECT pulse.config_float('reports.concentration_limit') AS concentration, pulse.config_float('reports.leverage_limit') AS leverage,
			pulse.config_float('reports.fee_share_limit') AS fee_share, pulse.config_integer('reports.min_trades') AS min_trades,
			(report #>> '{risk,current_drawdown}')::float8 AS drawdown, (report #>> '{risk,volatility}')::float8 AS volatility, (report #>> '{risk,sharpe}')::float8 AS sharpe,
			(report #>> '{trading,total_trades}')::float8 AS trades, (report #>> '{trading,win_rate}')::float8 AS win_rate,
			(report #>> '{trading,payoff_ratio}')::float8 AS payoff, (report #>> '{trading,profit_factor}')::float8 AS profit_factor,
			(report #>> '{returns,realized_pnl}')::float8 AS gross, (report #>> '{returns,fees}')::float8 AS fees,
			(report #>> '{previous,trading,total_trades}')::float8 AS trades_before
	), goal AS MATERIALIZED (
		SELECT max(t.goal) FILTER (WHERE t.target = 'max_drawdown') AS drawdown, max(t.goal) FILTER (WHERE t.target = 'volatility') AS volatility,
			max(t.goal) FILTER (WHERE t.target = 'sharpe') AS sharpe, max(t.goal) FILTER (WHERE t.target = 'win_rate') AS win_rate,
			max(t.goal) FILTER (WHERE t.target = 'annual_return') AS annual, max(t.required_pace) FILTER (WHERE t.target = 'annual_return') AS pace
		FROM jsonb_to_recordset(report -> 'targets') AS t (target text, goal float8, required_pace float8)
	), found AS (
		SELECT 'drawdown' AS rule, CASE WHEN c.drawdown >= g.drawdown THEN 'HIGH' ELSE 'MEDIUM' END AS priority,
			CASE WHEN c.drawdown >= g.drawdown THEN format('The drawdown of %s %% is beyond the limit of %s %%: reduce risk until it has recovered.', pulse.percent(c.drawdown), pulse.percent(g.drawdown))
				ELSE format('The drawdown of %s %% is close to the limit of %s %%: smaller positions keep it from being reached.', pulse.percent(c.drawdown), pulse.percent(g.drawdown)) END AS text,
			jsonb_build_object('current_drawdown', c.drawdown, 'limit', g.drawdown) AS numbers
		FROM c, goal g WHERE c.drawdown >= 0.8 * g.drawdown AND g.drawdown > 0
		UNION ALL
		SELECT 'concentration', 'HIGH', format('%s is %s %% of what portfolio %s holds (limit %s %%): spread it.', k.largest_symbol, pulse.percent(k.largest_share), k.portfolio, pulse.percent(c.concentration)),
			jsonb_build_object('portfolio', k.portfolio, 'symbol', k.largest_symbol, 'share', k.largest_share, 'limit', c.concentration)
		FROM c, (SELECT * FROM @extschema@.pulse_concentration(for_portfolio) x ORDER BY x.largest_share DESC NULLS LAST LIMIT 3) k
		WHERE k.largest_share > c.concentration AND k.position_count > 1
		UNION ALL
		SELECT 'leverage', 'HIGH', format('Portfolio %s is leveraged %s times (limit %s): reduce positions or add equity.', l.portfolio, round(l.gross_leverage::numeric, 2), c.leverage),
			jsonb_build_object('portfolio', l.portfolio, 'gross_leverage', l.gross_leverage, 'limit', c.leverage)
		FROM c, (SELECT * FROM @extschema@.pulse_leverage(for_portfolio) x ORDER BY x.gross_leverage DESC NULLS LAST LIMIT 3) l WHERE l.gross_leverage > c.leverage
		UNION ALL
		SELECT 'volatility', 'MEDIUM', format('Volatility is %s %% a year, the limit %s %%: positions of %s %% of their size would keep it.', pulse.percent(c.volatility), pulse.percent(g.volatility), pulse.percent(g.volatility / c.volatility)),
			jsonb_build_object('volatility', c.volatility, 'limit', g.volatility)
		FROM c, goal g WHERE c.volatility > g.volatility
		UNION ALL
		SELECT 'sharpe', 'MEDIUM', format('The Sharpe ratio is %s, the goal %s: the risk taken is not being paid for.', round(c.sharpe::numeric, 2), g.sharpe),
			jsonb_build_object('sharpe', c.sharpe, 'goal', g.sharpe)
		FROM c, goal g WHERE c.sharpe < g.sharpe * 0.5
		UNION ALL
		SELECT 'expectancy', 'HIGH', format('Trades lose money: %s %% of %s win, and a win is %s times a loss; to break even it must be %s times.', pulse.percent(c.win_rate), c.trades, round(c.payoff::numeric, 2), round(((1 - c.win_rate) / c.win_rate)::numeric, 2)),
			jsonb_build_object('win_rate', c.win_rate, 'payoff_ratio', c.payoff, 'profit_factor', c.profit_factor, 'trades', c.trades)
		FROM c WHERE c.trades >= c.min_trades AND c.profit_factor < 1 AND c.win_rate > 0 AND c.payoff IS NOT NULL
		UNION ALL
		SELECT 'win_rate', 'LOW', format('%s %% of %s trades won, the goal is %s %%.', pulse.percent(c.win_rate), c.trades, pulse.percent(g.win_rate)),
			jsonb_build_object('win_rate', c.win_rate, 'goal', g.win_rate, 'trades', c.trades)
		FROM c, goal g WHERE c.trades >= c.min_trades AND c.win_rate < g.win_rate AND coalesce(c.profit_factor, 0) >= 1
		UNION ALL
		SELECT 'fees', 'MEDIUM', format('Fees took %s %% of the gross profit (limit %s %%): trade less often, or as maker.', pulse.percent(c.fees / c.gross), pulse.percent(c.fee_share)),
			jsonb_build_object('fees', c.fees, 'gross_pnl', c.gross, 'limit', c.fee_share)
		FROM c WHERE c.gross > 0 AND c.fees > c.fee_share * c.gross AND c.trades >= c.min_trades
		UNION ALL
		SELECT 'symbol', 'MEDIUM', format('%s lost %s in %s trades: review or pause it.', s.symbol, round(-s.net_pnl, 2), s.trades), jsonb_build_object('symbol', s.symbol, 'net_pnl', s.net_pnl, 'trades', s.trades)
		FROM c, (SELECT w.symbol, w.net_pnl, w.trades FROM jsonb_to_recordset(report #> '{performers,worst}') AS w (symbol text, net_pnl numeric, trades bigint) ORDER BY w.net_pnl LIMIT 3) s
		WHERE s.trades >= c.min_trades
		UNION ALL
		SELECT 'turnover', 'LOW', format('%s trades were closed, %s in the period before: check whether that is meant.', c.trades, c.trades_before), jsonb_build_object('trades', c.trades, 'before', c.trades_before)
		FROM c WHERE c.trades >= 10 AND c.trades_before >= c.min_trades AND c.trades > 2 * c.trades_before
		UNION ALL
		SELECT 'pace', CASE WHEN g.pace > 3 * greatest(g.annual, 0.01) THEN 'HIGH' ELSE 'MEDIUM' END,
			format('To reach %s %% this year, %s %% a year is needed from now on.', pulse.percent(g.annual), pulse.percent(g.pace)), jsonb_build_object('goal', g.annual, 'required_pace', g.pace)
		FROM goal g WHERE g.pace > 1.25 * greatest(g.annual, 0.01)
	)
	SELECT coalesce(jsonb_agg(jsonb_build_object('rule', f.rule, 'priority', f.priority, 'text', f.text, 'numbers', f.numbers)
		ORDER BY array_position('{HIGH,MEDIUM,LOW}', f.priority), f.rule, f.text), '[]') FROM found f
	$$;
COMMENT ON FUNCTION pulse.recommendations(jsonb, text) IS
	'What follows from a report, most urgent first, each with the rule it comes from and the numbers behind it: drawdown close to its limit, concentration, leverage, volatility, Sharpe ratio, losing trades, win rate, fees, symbols that lose, turnover, and the pace that the goal of the year needs.';

CREATE FUNCTION pulse.report_system(since timestamptz, until timestamptz, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	open_alerts bigint;
BEGIN
	IF NOT has_table_privilege('pulse.delivery', 'SELECT') THEN
		RETURN '{"alerts": null, "health": null}';
	END IF;
	IF to_regclass('pulse.alert') IS NOT NULL AND has_table_privilege('pulse.alert', 'SELECT') THEN
		EXECUTE 'SELECT count(*) FROM pulse.alert a WHERE a.state IN (''firing'', ''acknowledged'') AND ($1 IS NULL OR a.portfolio IN ('''', $1))'
			INTO open_alerts USING for_portfolio;
	END IF;
	RETURN jsonb_build_object(
		'alerts', (SELECT jsonb_build_object('total', count(*), 'open', open_alerts,
				'by_severity', jsonb_build_object('CRITICAL', count(*) FILTER (WHERE d.priority = 'CRITICAL'), 'HIGH', count(*) FILTER (WHERE d.priority = 'HIGH'),
					'MEDIUM', count(*) FILTER (WHERE d.priority = 'MEDIUM'), 'LOW', count(*) FILTER (WHERE d.priority = 'LOW')),
				'recent', coalesce((array_agg(jsonb_build_object('at', pulse.json_time(d.created_at), 'severity', d.priority, 'title', d.title, 'message', left(d.message, 300),
					'portfolio', d.portfolio, 'state', d.data ->> 'state', 'duplicates', d.duplicates) ORDER BY array_position('{CRITICAL,HIGH,MEDIUM,LOW}', d.priority), d.created_at DESC))[1:10], '{}'))
			FROM pulse.delivery d WHERE d.created_at >= since AND d.created_at <= until AND d.type NOT IN ('TRADE', 'TRADE_ALERT', 'DAILY_REPORT', 'WEEKLY_REPORT')
				AND (for_portfolio IS NULL OR d.portfolio IS NULL OR d.portfolio = for_portfolio) AND pulse.is_within(d.portfolio)),
		'health', (SELECT jsonb_build_object('status', pulse.overall_status(array_agg(h.status)),
				'problems', coalesce(jsonb_agg(jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message) ORDER BY pulse.severity(h.status) DESC, h.component)
					FILTER (WHERE h.status IN ('WARNING', 'CRITICAL')), '[]'),
				'uptime', (SELECT coalesce(jsonb_object_agg(u.component, round(u.healthy::numeric, 4)), '{}') FROM @extschema@.pulse_uptime(since, until) u))
			FROM pulse.health_at(least(now(), until)) h));
END
$$;
COMMENT ON FUNCTION pulse.report_system(timestamptz, timestamptz, text) IS
	'Alerts of a period and the health at its end, with the share of the time that each component was healthy; null for who may not read messages.';

CREATE FUNCTION pulse_performance_report(days integer DEFAULT 30, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	until timestamptz := now();
	since timestamptz;
BEGIN
	IF days IS NULL OR days < 1 OR days > 36500 THEN
		RAISE EXCEPTION 'days must lie between 1 and 36500'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 30.';
	END IF;
	since := until - make_interval(hours => 24 * days);
	RETURN jsonb_build_object('kind', 'performance') || pulse.report_body(portfolio, since, until, since) || pulse.report_system(since, until, portfolio);
END
$$;
COMMENT ON FUNCTION pulse_performance_report(integer, text) IS
	'Report over the last days (24 hours each) as JSON: period, returns, risk, trading (with all symbols, best first), previous (the period of the same length before, and the change), performers (top and worst symbols), positions, benchmark (setting reports.benchmark), targets, recommendations with the numbers behind them; alerts and health for who may read messages. Returns start from the last snapshot before the period; trades are those closed in it, net of fees; targets are over the whole history. Money is a decimal string, start and end value and statistics are numbers, undefined is null. Portfolio NULL: all visible ones together. Error 22023 for days out of range.';

CREATE FUNCTION pulse.report_span(kind text, day date, zone text, OUT first date, OUT last date, OUT since timestamptz, OUT until timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF kind = 'weekly' THEN
		first := day - (extract(isodow FROM day)::integer - 1);
		last := first + 6;
	ELSE
		first := day;
		last := day;
	END IF;
	since := pulse.local_instant(first, time '00:00', zone);
	until := pulse.local_instant(last + 1, time '00:00', zone) - interval '1 microsecond';
END
$$;
COMMENT ON FUNCTION pulse.report_span(text, date, text) IS 'The local day, or the week from Monday to Sunday, that a report is about, as instants of a zone.';

CREATE FUNCTION pulse.local_instant(day date, clock time, zone text) RETURNS timestamptz
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	AS $$
DECLARE
	wanted timestamp := day + clock;
	instant timestamptz := wanted AT TIME ZONE zone;
	low timestamptz;
	middle timestamptz;
	shift interval;
BEGIN
	IF instant AT TIME ZONE zone <> wanted THEN
		-- the clock skips it: look for the moment of the jump, the first instant whose local time is not before
		low := instant - interval '1 day';
		WHILE instant - low > interval '1 microsecond' LOOP
			middle := low + (instant - low) / 2;
			IF middle AT TIME ZONE zone < wanted THEN
				low := middle;
			ELSE
				instant := middle;
			END IF;
		END LOOP;
		RETURN date_trunc('second', instant + interval '0.5 second');
	END IF;
	-- the clock shows it twice: the first time counts
	FOREACH shift IN ARRAY '{00:20,00:30,01:00,02:00,03:00}'::interval[] LOOP
		IF (instant - shift) AT TIME ZONE zone = wanted THEN
			RETURN instant - shift;
		END IF;
	END LOOP;
	RETURN instant;
END
$$;
COMMENT ON FUNCTION pulse.local_instant(date, time, text) IS
	'When a clock in a zone shows a time on a day: where it is skipped, the moment of the jump; where it comes twice, the first.';

CREATE FUNCTION pulse.report_of(kind text, day date, portfolio text, zone text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	span record := pulse.report_span(kind, day, zone);
BEGIN
	RETURN jsonb_build_object('kind', kind, 'date', span.first, 'last_date', span.last, 'timezone', zone)
		|| pulse.report_body(portfolio, span.since, span.until, CASE kind WHEN 'daily' THEN span.until - interval '30 days' ELSE span.until - interval '90 days' END);
END
$$;
COMMENT ON FUNCTION pulse.report_of(text, date, text, text) IS 'The part of a daily or weekly report that is computed from the followed tables.';

CREATE FUNCTION pulse.report_now(kind text, day date, portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	zone text := pulse.config_text('reports.timezone');
	today date := (now() AT TIME ZONE zone)::date;
	span record;
BEGIN
	day := coalesce(day, CASE kind WHEN 'weekly' THEN today - 7 ELSE today - 1 END);
	IF day > today OR day < date '1970-01-02' THEN
		RAISE EXCEPTION 'there is no report for %', day USING ERRCODE = 'invalid_parameter_value', HINT = 'Name a day that has begun.';
	END IF;
	span := pulse.report_span(kind, day, zone);
	RETURN pulse.report_of(kind, day, portfolio, zone) || pulse.report_system(span.since, span.until, portfolio);
END
$$;
COMMENT ON FUNCTION pulse.report_now(text, date, text) IS 'Body of pulse_daily_report() and pulse_weekly_report().';

CREATE FUNCTION pulse_daily_report(date date DEFAULT NULL, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql STABLE AS $$ SELECT pulse.report_now('daily', $1, $2) $$;
COMMENT ON FUNCTION pulse_daily_report(date, text) IS
	'Report on a day of the zone reports.timezone, yesterday by default, as pulse_performance_report() has it; risk is over the 30 days up to its end, because one day has none, with max_drawdown_of_period beside it. Error 22023 for a day that has not begun.';
CREATE FUNCTION pulse_weekly_report(week date DEFAULT NULL, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql STABLE AS $$ SELECT pulse.report_now('weekly', $1, $2) $$;
COMMENT ON FUNCTION pulse_weekly_report(date, text) IS
	'Report on the week from Monday to Sunday, in the zone reports.timezone, that contains a day; last week by default; as pulse_performance_report() has it, with risk over the 90 days up to its end. Error 22023 for a week that has not begun.';
