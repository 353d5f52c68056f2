-- Data of the state messages, as the tick asks for them: for many portfolios by one statement, which is planned once in a
-- session. They run as the owner of the user's tables.

CREATE FUNCTION pulse.performance_updates(portfolios text[]) RETURNS TABLE (n bigint, data jsonb)
	LANGUAGE plpgsql STABLE ROWS 25
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH wanted AS MATERIALIZED (
		SELECT w.n, w.portfolio, r.source_id, r.series_portfolio
		FROM unnest(portfolios) WITH ORDINALITY AS w (portfolio, n) CROSS JOIN LATERAL pulse.series_of(w.portfolio) r
	), newest AS MATERIALIZED (
		SELECT w.n, max(s.ts) AS ts, sum(s.total_value) AS total_value, sum(s.cash_balance) AS cash_balance, sum(s.position_count) AS position_count,
			sum(s.unrealized_pnl) AS unrealized_pnl, sum(s.realized_pnl) AS realized_pnl
		FROM wanted w CROSS JOIN pulse.source o CROSS JOIN LATERAL pulse.newest_snapshot(o.source_id, w.portfolio) s
		WHERE o.kind = 'snapshots' AND o.state = 'active' AND s.ts IS NOT NULL
		GROUP BY w.n
	), held AS MATERIALIZED (
		SELECT w.n, count(*) AS symbols, count(*) FILTER (WHERE p.opened_at IS NOT NULL) AS open_positions, sum(p.realized_pnl) AS realized_pnl,
			sum(p.fees) AS fees, sum(p.quantity * (CASE WHEN m.ts >= p.mark_at THEN m.price ELSE p.mark_price END) - p.cost) AS unrealized_pnl
		FROM wanted w CROSS JOIN pulse.source o
		JOIN pulse.position p ON p.source_id = o.source_id AND p.portfolio = w.portfolio
		LEFT JOIN pulse.mark m ON m.symbol = p.symbol
		WHERE o.state = 'active'
		GROUP BY w.n
	), closed AS MATERIALIZED (
		SELECT w.n, sum(t.trades)::bigint AS trades, sum(t.wins)::bigint AS wins, sum(t.losses)::bigint AS losses, sum(t.won) AS won,
			sum(t.lost) AS lost, min(t.first_opened) AS first_opened, max(t.last_closed) AS last_closed
		FROM wanted w CROSS JOIN pulse.source o
		JOIN pulse.trade_state t ON t.source_id = o.source_id AND t.portfolio = w.portfolio AND t.day = '-infinity'
		WHERE o.kind = 'trades' AND o.state = 'active'
		GROUP BY w.n
	)
	SELECT w.n, CASE
		-- a portfolio of several tables
		WHEN w.source_id IS NULL AND s.ts IS NOT NULL THEN pulse.performance_data(w.portfolio)
		ELSE jsonb_build_object(
			'ts', pulse.json_time(s.ts), 'total_value', pulse.json_money(s.total_value), 'cash_balance', pulse.json_money(s.cash_balance),
			'position_count', coalesce(s.position_count, CASE WHEN h.symbols > 0 THEN h.open_positions END),
			'unrealized_pnl', pulse.json_money(p.unrealized_pnl), 'realized_pnl', pulse.json_money(p.realized_pnl),
			'total_pnl', pulse.json_money(p.realized_pnl + coalesce(p.unrealized_pnl, 0) - coalesce(h.fees, 0)),
			'daily_return', pulse.json_number((m.m).period_return), 'cumulative_return', pulse.json_number((m.m).total_return),
			'cagr', pulse.json_number((m.m).cagr), 'sharpe', pulse.json_number((m.m).sharpe), 'sortino', pulse.json_number((m.m).sortino),
			'calmar', pulse.json_number((m.m).calmar), 'volatility', pulse.json_number((m.m).volatility),
			'max_drawdown', pulse.json_number((m.m).max_drawdown), 'current_drawdown', pulse.json_number((m.m).current_drawdown),
			'var_95', pulse.json_number((m.m).var_95), 'cvar_95', pulse.json_number((m.m).cvar_95),
			'win_rate', pulse.json_number(c.wins::float8 / nullif(c.trades, 0)),
			'profit_factor', pulse.json_number(c.won::float8 / nullif(c.lost, 0)::float8),
			'average_win', pulse.json_number(c.won::float8 / nullif(c.wins, 0)),
			'average_loss', pulse.json_number(c.lost::float8 / nullif(c.losses, 0)),
			'total_trades', coalesce(c.trades, 0),
			'trades_per_day', pulse.json_number(CASE WHEN c.trades > 0 THEN
				(c.trades / greatest(1, extract(epoch FROM greatest(c.last_closed, s.ts) - c.first_opened) / 86400.0))::float8 END))
		END
	FROM wanted w
	LEFT JOIN newest s ON s.n = w.n
	LEFT JOIN held h ON h.n = w.n
	LEFT JOIN closed c ON c.n = w.n
	CROSS JOIN LATERAL (SELECT coalesce(s.unrealized_pnl, h.unrealized_pnl) AS unrealized_pnl, coalesce(h.realized_pnl, s.realized_pnl) AS realized_pnl) p
	CROSS JOIN LATERAL (SELECT CASE WHEN w.source_id IS NOT NULL
			THEN pulse.state_metrics(w.source_id, w.series_portfolio, NULL, NULL) END AS m OFFSET 0) m;
END
$$;
COMMENT ON FUNCTION pulse.performance_updates(text[]) IS
	'What pulse.performance_data() says of each of the portfolios, by their numbers in the array, as far as the ledger has booked their fills: data of PERFORMANCE_UPDATE and of pulse.performance_state.';

CREATE FUNCTION pulse.portfolio_updates(portfolios text[]) RETURNS TABLE (n bigint, data jsonb)
	LANGUAGE plpgsql STABLE ROWS 25
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH wanted AS MATERIALIZED (
		SELECT w.n, w.portfolio FROM unnest(portfolios) WITH ORDINALITY AS w (portfolio, n)
	), newest AS MATERIALIZED (
		SELECT w.n, max(s.ts) AS ts, sum(s.total_value) AS total_value, sum(s.cash_balance) AS cash_balance,
			sum(s.positions_value) AS positions_value, sum(s.unrealized_pnl) AS unrealized_pnl,
			sum(s.realized_pnl) AS realized_pnl, sum(s.net_flow) AS net_flow, sum(s.position_count) AS position_count
		FROM wanted w CROSS JOIN pulse.source o CROSS JOIN LATERAL pulse.newest_snapshot(o.source_id, w.portfolio) s
		WHERE o.kind = 'snapshots' AND o.state = 'active' AND s.ts IS NOT NULL
		GROUP BY w.n
	), held AS MATERIALIZED (
		SELECT v.n, count(*) AS symbols, count(*) FILTER (WHERE v.opened_at IS NOT NULL) AS open_positions,
			sum(v.market_value) AS market_value, sum(v.unrealized_pnl) AS unrealized_pnl, sum(v.realized_pnl) AS realized_pnl,
			coalesce(jsonb_agg(jsonb_build_object(
				'portfolio', v.portfolio, 'symbol', v.symbol, 'quantity', pulse.json_money(v.quantity),
				'average_price', pulse.json_money(abs(pulse.unit_price(v.cost, v.quantity))), 'mark_price', pulse.json_money(v.mark_price),
				'market_value', pulse.json_money(v.market_value), 'unrealized_pnl', pulse.json_money(v.unrealized_pnl),
				'realized_pnl', pulse.json_money(v.realized_pnl), 'fees', pulse.json_money(v.fees),
				'opened_at', pulse.json_time(v.opened_at)) ORDER BY abs(v.market_value) DESC NULLS LAST, v.portfolio, v.symbol)
				FILTER (WHERE v.opened_at IS NOT NULL), '[]') AS positions
		FROM (
			SELECT c.*, trim_scale(c.quantity * c.mark_price) AS market_value, trim_scale(c.quantity * c.mark_price - c.cost) AS unrealized_pnl
			FROM (
				SELECT w.n, p.portfolio, p.symbol, sum(p.quantity) AS quantity, sum(p.cost) AS cost, sum(p.realized_pnl) AS realized_pnl,
					sum(p.fees) AS fees, min(p.opened_at) AS opened_at,
					(array_agg(CASE WHEN m.ts >= p.mark_at THEN m.price ELSE p.mark_price END ORDER BY greatest(m.ts, p.mark_at) DESC))[1] AS mark_price
				FROM wanted w CROSS JOIN pulse.source o
				JOIN pulse.position p ON p.source_id = o.source_id AND p.portfolio = w.portfolio
				LEFT JOIN pulse.mark m ON m.symbol = p.symbol
				WHERE o.state = 'active'
				GROUP BY w.n, p.portfolio, p.symbol
			) c
		) v
		GROUP BY v.n
	)
	SELECT w.n, jsonb_build_object(
			'ts', pulse.json_time(s.ts), 'total_value', pulse.json_money(s.total_value), 'cash_balance', pulse.json_money(s.cash_balance),
			'positions_value', pulse.json_money(coalesce(s.positions_value, h.market_value)),
			'unrealized_pnl', pulse.json_money(coalesce(s.unrealized_pnl, h.unrealized_pnl)),
			'realized_pnl', pulse.json_money(coalesce(h.realized_pnl, s.realized_pnl)),
			'position_count', coalesce(s.position_count, CASE WHEN h.symbols > 0 THEN h.open_positions END),
			'net_flow', pulse.json_money(s.net_flow), 'positions', coalesce(h.positions, '[]'))
	FROM wanted w LEFT JOIN newest s ON s.n = w.n LEFT JOIN held h ON h.n = w.n;
END
$$;
COMMENT ON FUNCTION pulse.portfolio_updates(text[]) IS
	'What pulse_portfolio() says of each of the portfolios, by their numbers in the array, as far as the ledger has booked their fills, which have been told by TRADE_ALERT: data of PORTFOLIO_UPDATE.';
