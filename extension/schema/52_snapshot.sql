-- What a dashboard shows: the equity chart, the newest fills, and everything in one cut.

CREATE FUNCTION pulse.chart_accum(internal, timestamptz, double precision, double precision, timestamptz, integer) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_chart_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.chart_accum(internal, timestamptz, double precision, double precision, timestamptz, integer) IS
	'Transition of pulse.chart().';
CREATE FUNCTION pulse.chart_final(internal) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pulse_chart_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.chart_final(internal) IS
	'Final function of pulse.chart().';
CREATE AGGREGATE pulse.chart(ts timestamptz, value double precision, flow double precision, until timestamptz, points integer) (
	SFUNC = pulse.chart_accum,
	STYPE = internal,
	SSPACE = 65536,
	FINALFUNC = pulse.chart_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse.chart(timestamptz, double precision, double precision, timestamptz, integer) IS
	'Thins an equity curve, whose rows must come in order of time, out to a number of points: float8[][4] of seconds since 1970, value, drawdown from the peak so far without flows (NULL where equity was not positive), flow since the point before. Where there are more rows than points, each of points / 4 slots of time keeps its first, last, lowest and highest.';

CREATE FUNCTION pulse.chart_data(since timestamptz, until timestamptz, points integer, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(for_portfolio);
	parts record;
	chart double precision[];
	result jsonb;
BEGIN
	IF points IS NULL OR points < 4 OR points > 100000 THEN
		RAISE EXCEPTION 'points must lie between 4 and 100000'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 500.';
	END IF;
	-- where a slot of the chart is longer than an hour and snapshots are many, hours tell its extremes too
	IF series.source_id IS NOT NULL AND extract(epoch FROM until - since) * 4 >= 3600.0 * points
			AND (pulse.state_metrics(series.source_id, series.series_portfolio, since, until)).n_snapshots > 20000 THEN
		chart := pulse.state_chart(series.source_id, series.series_portfolio, since, until, points);
	ELSE
		parts := pulse.equity_parts(for_portfolio, since, until);
		IF parts.single THEN
			EXECUTE format($q$
				SELECT pulse.chart(e.ts, e.value::float8, e.flow::float8, $3, $4)
				FROM (SELECT c.* FROM (%s) c WHERE c.ts >= $2 AND c.value > '-Infinity' AND c.value < 'Infinity' ORDER BY c.ts) e$q$,
				pulse.equity_query(for_portfolio, since, until))
				INTO chart USING for_portfolio, since, until, points;
		ELSE
			chart := pulse.combined_chart(parts.sources, parts.queries, for_portfolio, since, until, points);
		END IF;
	END IF;
	SELECT jsonb_build_object('points', count(*),
			'ts', coalesce(jsonb_agg(chart[i][1] ORDER BY i), '[]'), 'value', coalesce(jsonb_agg(chart[i][2] ORDER BY i), '[]'),
			'drawdown', coalesce(jsonb_agg(chart[i][3] ORDER BY i), '[]'), 'flow', coalesce(jsonb_agg(chart[i][4] ORDER BY i), '[]'))
		INTO result FROM generate_subscripts(chart, 1) i;
	RETURN jsonb_build_object('from', pulse.json_time(since), 'to', pulse.json_time(until)) || result;
END
$$;
COMMENT ON FUNCTION pulse.chart_data(timestamptz, timestamptz, integer, text) IS 'Body of pulse_portfolio_chart().';

CREATE FUNCTION pulse.state_chart(source_id integer, portfolio text, since timestamptz, until timestamptz, points integer) RETURNS double precision[]
	LANGUAGE sql STABLE
	AS $$
	SELECT pulse.chart(e.ts, e.value, e.flow, $4, $5)
	FROM (
		SELECT p.ts, p.value, p.flow
		FROM (
			SELECT $3 AS ts, (pulse.state_metrics($1, $2, $3, $3)).first_value AS value, 0::float8 AS flow, 0 AS n
			UNION ALL
			SELECT p.ts, p.value, p.flow, p.n
			FROM (SELECT s.*, CASE WHEN s.first > 0 THEN s.first * (1 - s.entry_link) ELSE 0 END AS entry_flow
				  FROM pulse.state_segments($1, $2, ARRAY[$3 + interval '1 microsecond', $4 + interval '1 microsecond'],
				  							extract(epoch FROM $4 - $3) / greatest($5 / 4, 1) >= 86400) s) s
			CROSS JOIN LATERAL (VALUES
				(s.first_ts, s.first, coalesce(s.entry_flow, 0), 1),
				-- after a flow inside, extremes are not in the units of before
				(CASE WHEN s.link = 1 AND s.high > greatest(s.first, s.last) THEN s.high_ts END, s.high, 0, 2),
				-- when the lowest was is not stored: after the peak if that makes the deepest fall, else before
				(CASE WHEN s.link = 1 AND s.low < least(s.first, s.last) THEN
					CASE WHEN pulse.close_to(s.deepest, 1 - s.low / nullif(s.high, 0)) THEN s.high_ts + (s.last_ts - s.high_ts) / 2
						ELSE s.first_ts + (s.high_ts - s.first_ts) / 2 END END, s.low, 0, 3),
				(CASE WHEN s.observations > 1 THEN s.last_ts END, s.last, s.flow - coalesce(s.entry_flow, 0), 4)) AS p (ts, value, flow, n)
		) p
		WHERE p.ts IS NOT NULL AND p.value > '-Infinity' AND p.value < 'Infinity'
		ORDER BY p.ts, p.n
	) e
	$$;
COMMENT ON FUNCTION pulse.state_chart(integer, text, timestamptz, timestamptz, integer) IS
	'pulse.chart() of a curve from the first, last, highest and lowest value of each hour, or day for charts that long; the time of the lowest is known to the hour, and where money flowed in or out inside it only the first and last value are.';

CREATE FUNCTION pulse_portfolio_chart(hours integer DEFAULT 24, points integer DEFAULT 500, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF hours IS NULL OR hours <= 0 OR hours > 1000000 THEN
		RAISE EXCEPTION 'hours must lie between 1 and 1000000'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 24.';
	END IF;
	RETURN pulse.chart_data(now() - make_interval(hours => hours), now(), points, portfolio);
END
$$;
COMMENT ON FUNCTION pulse_portfolio_chart(integer, integer, text) IS
	'The equity curve of the last hours as JSON columns for a chart: from, to, points, ts (seconds since 1970), value, drawdown (from the peak within the chart, deposits and withdrawals removed, a positive fraction) and flow (deposits less withdrawals since the point before). Where there are more snapshots than points, each stretch of time keeps its first, last, lowest and highest; in charts of weeks over ten thousands of snapshots, the lowest of an hour stands somewhere in that hour. The first point is the last value before the range, if there is one. Portfolio NULL: all visible ones together. Error 22023 for hours or points out of range.';

CREATE FUNCTION pulse_portfolio_chart("from" timestamptz, "to" timestamptz, points integer DEFAULT 500, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF "from" IS NULL OR "to" IS NULL OR NOT (isfinite("from") AND isfinite("to") AND "from" < "to") THEN
		RAISE EXCEPTION '"from" must lie before "to"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN pulse.chart_data("from", "to", points, portfolio);
END
$$;
COMMENT ON FUNCTION pulse_portfolio_chart(timestamptz, timestamptz, integer, text) IS
	'The equity curve between two times as JSON columns for a chart, as the other function of this name gives it. Error 22023 where from does not lie before to, or for points out of range.';

CREATE FUNCTION pulse.newest_fills(max_rows integer, before text, for_portfolio text)
	RETURNS TABLE (portfolio text, id text, symbol text, side text, quantity numeric, price numeric, value numeric, fee numeric,
				   fee_asset text, executed_at timestamptz, order_id text, fill_id text, strategy text,
				   confidence double precision, realized_pnl numeric, "position" numeric, cursor text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	mark text[] := string_to_array(newest_fills.before, '/');
	mark_time timestamptz;
	mark_ordinal bigint;
	mark_key text;
BEGIN
	IF max_rows IS NULL OR max_rows < 1 OR max_rows > 10000 THEN
		RAISE EXCEPTION 'max_rows must lie between 1 and 10000'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For more, continue with before => the cursor of the last row.';
	END IF;
	IF newest_fills.before IS NOT NULL THEN
		IF mark[1] !~ '^-?\d{1,18}$' OR mark[2] !~ '^-?\d{1,19}$' OR cardinality(mark) < 3 THEN
			RAISE EXCEPTION 'not a cursor: %', quote_literal(newest_fills.before)
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the cursor of the last row of the page before.';
		END IF;
		mark_time := 'epoch'::timestamptz + mark[1]::bigint * interval '1 microsecond';
		mark_ordinal := mark[2]::bigint;
		mark_key := array_to_string(mark[3:], '/');
	END IF;
	RETURN QUERY
		SELECT f.portfolio, f.fill_key, f.symbol, f.side, f.quantity, f.price, f.quantity * f.price, f.fee, f.fee_asset,
			f.executed_at, f.order_id, f.fill_id, f.strategy, f.confidence, f.realized_pnl, f.position,
			concat((extract(epoch FROM f.executed_at) * 1000000)::bigint, '/', f.ordinal, '/', f.fill_key)
		FROM pulse.source s CROSS JOIN LATERAL (
			SELECT p.portfolio FROM (VALUES (for_portfolio)) AS p (portfolio) WHERE p.portfolio IS NOT NULL
			UNION ALL
			SELECT o.portfolio FROM pulse.portfolios_of('trades') o WHERE for_portfolio IS NULL AND o.source_id = s.source_id
		) p CROSS JOIN LATERAL (
			SELECT f.* FROM pulse.fill f
			WHERE f.source_id = s.source_id AND f.portfolio = p.portfolio
				AND (mark_time IS NULL OR f.executed_at <= mark_time)
				AND (mark_time IS NULL OR (f.executed_at, f.ordinal, f.fill_key COLLATE "C") < (mark_time, mark_ordinal, mark_key))
			ORDER BY f.executed_at DESC, f.ordinal DESC, f.fill_key COLLATE "C" DESC
			LIMIT max_rows
		) f
		WHERE s.kind = 'trades' AND s.state = 'active'
		ORDER BY f.executed_at DESC, f.ordinal DESC, f.fill_key COLLATE "C" DESC
		LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION pulse.newest_fills(integer, text, text) IS 'Body of pulse_trades().';

CREATE FUNCTION pulse_trades(max_rows integer DEFAULT 100, before text DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, id text, symbol text, side text, quantity numeric, price numeric, value numeric, fee numeric,
				   fee_asset text, executed_at timestamptz, order_id text, fill_id text, strategy text,
				   confidence double precision, realized_pnl numeric, "position" numeric, cursor text)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.newest_fills($1, $2, $3) $$;
COMMENT ON FUNCTION pulse_trades(integer, text, text) IS
	'Fills that have been processed, newest first, with what each realised (before fees, NULL when it closed nothing) and the position after it. before: the cursor of the last row of the page before. Portfolio NULL: all visible ones. Error 22023 for a number of rows or cursor out of range.';

CREATE FUNCTION pulse.activity(for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	trades jsonb;
	alerts jsonb := '[]';
BEGIN
	-- as the events have them
	SELECT coalesce(jsonb_agg(jsonb_build_object(
			'portfolio', t.portfolio, 'id', t.id, 'symbol', t.symbol, 'side', t.side, 'quantity', t.quantity::text,
			'price', t.price::text, 'value', t.value::text, 'fee', t.fee::text,
			'fee_asset', t.fee_asset, 'executed_at', pulse.json_time(t.executed_at), 'order_id', t.order_id, 'fill_id', t.fill_id,
			'strategy', t.strategy, 'confidence', pulse.json_number(t.confidence), 'realized_pnl', t.realized_pnl::text,
			'position', t.position::text) ORDER BY t.n), '[]') INTO trades
		FROM @extschema@.pulse_trades(50, NULL, for_portfolio) WITH ORDINALITY
			AS t (portfolio, id, symbol, side, quantity, price, value, fee, fee_asset, executed_at, order_id, fill_id, strategy,
				  confidence, realized_pnl, "position", cursor, n);
	-- notifications may be about anything: only who may read them all sees them here
	IF has_table_privilege('pulse.event', 'SELECT') THEN
		SELECT coalesce(jsonb_agg(e.data ORDER BY e.seq DESC), '[]') INTO alerts
			FROM (SELECT v.seq, v.data FROM pulse.event v
				  WHERE v.type = 'SYSTEM_ALERT' AND (for_portfolio IS NULL OR v.portfolio IS NULL OR v.portfolio = for_portfolio)
					  AND pulse.is_within(v.portfolio)
				  ORDER BY v.seq DESC LIMIT 20) e;
	END IF;
	RETURN jsonb_build_object('trades', trades, 'alerts', alerts);
END
$$;
COMMENT ON FUNCTION pulse.activity(text) IS
	'The newest 50 fills and, for who may read pulse.event, the newest 20 system alerts, as JSON.';

CREATE FUNCTION pulse_snapshot(portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH p AS MATERIALIZED (SELECT pulse.performance_data($1) AS performance),
	held AS MATERIALIZED (SELECT sum(c.realized_pnl) AS realized_pnl, sum(c.fees) AS fees FROM pulse.current_positions($1, 'average') c)
	SELECT jsonb_build_object(
		'seq', s.seq, 'epoch', s.epoch, 'generated_at', pulse.json_time(now()),
		'portfolios', (SELECT coalesce(jsonb_agg(n.portfolio ORDER BY n.portfolio), '[]') FROM @extschema@.pulse_portfolios() n),
		'portfolio', @extschema@.pulse_portfolio($1),
		'performance', pulse.with_custom(p.performance, $1),
		'risk', jsonb_build_object(
			'volatility', p.performance -> 'volatility', 'max_drawdown', p.performance -> 'max_drawdown',
			'current_drawdown', p.performance -> 'current_drawdown', 'var_95', p.performance -> 'var_95',
			'cvar_95', p.performance -> 'cvar_95', 'sharpe', p.performance -> 'sharpe', 'sortino', p.performance -> 'sortino',
			'calmar', p.performance -> 'calmar'),
		'trading', jsonb_build_object(
			'win_rate', p.performance -> 'win_rate', 'profit_factor', p.performance -> 'profit_factor',
			'average_win', p.performance -> 'average_win', 'average_loss', p.performance -> 'average_loss',
			'total_trades', p.performance -> 'total_trades', 'trades_per_day', p.performance -> 'trades_per_day',
			'realized_pnl', pulse.json_money(held.realized_pnl), 'fees', pulse.json_money(held.fees)),
		'system', pulse.health_data(),
		'activity', pulse.activity($1),
		'sections', pulse.sections_data())
	FROM p CROSS JOIN held LEFT JOIN (SELECT q.seq, q.epoch FROM pulse.sequencer q) s ON true
	$$;
COMMENT ON FUNCTION pulse_snapshot(text) IS
	'Everything a dashboard shows, in one MVCC snapshot, as JSON: seq and epoch (events up to this one are contained), generated_at, portfolios, portfolio (as pulse_portfolio), performance (as pulse_performance), risk, trading, system (health), activity (newest fills and alerts), sections (pulse_register_section, for readers). performance.custom has the registered metrics, where there are any. Portfolio NULL: all visible ones together. Money and quantities are decimal strings, statistics numbers, undefined is null.';
