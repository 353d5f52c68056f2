-- Performance of a portfolio, now and over a period.

CREATE FUNCTION pulse.performance(for_portfolio text, since timestamptz, until timestamptz,
		OUT ts timestamptz, OUT total_value numeric, OUT cash_balance numeric, OUT positions_value numeric,
		OUT position_count integer, OUT unrealized_pnl numeric, OUT realized_pnl numeric, OUT fees numeric, OUT total_pnl numeric,
		OUT net_flow numeric, OUT metrics pulse_metrics_row,
		OUT win_rate double precision, OUT profit_factor double precision, OUT average_win double precision,
		OUT average_loss double precision, OUT total_trades bigint, OUT trades_per_day double precision,
		OUT trade_pnl numeric, OUT trade_fees numeric, OUT best_trade numeric, OUT worst_trade numeric,
		OUT expectancy double precision, OUT payoff_ratio double precision, OUT average_holding interval)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	ledger record;
	series record := pulse.series_of(for_portfolio);
	closed record;
	first_trade timestamptz;
	last_trade timestamptz;
BEGIN
	SELECT max(s.ts), sum(s.total_value), sum(s.cash_balance), sum(s.positions_value), sum(s.position_count),
			sum(s.unrealized_pnl), sum(s.realized_pnl), sum(s.net_flow)
		INTO ts, total_value, cash_balance, positions_value, position_count, unrealized_pnl, realized_pnl, net_flow
		FROM pulse.latest_snapshots(for_portfolio) s;
	SELECT count(*) AS symbols, count(*) FILTER (WHERE p.opened_at IS NOT NULL) AS open_positions,
			sum(p.realized_pnl) AS realized_pnl, sum(p.fees) AS fees,
			sum(p.quantity * p.mark_price - p.cost) AS unrealized_pnl, max(p.mark_at) AS last_fill
		INTO ledger
		FROM pulse.current_positions(for_portfolio, 'average') p;
	-- The bot knows the market better than the prices of its own last fills; of what it has realised the ledger does.
	unrealized_pnl := trim_scale(coalesce(unrealized_pnl, ledger.unrealized_pnl));
	realized_pnl := coalesce(ledger.realized_pnl, realized_pnl);
	fees := ledger.fees;
	total_pnl := trim_scale(realized_pnl + coalesce(unrealized_pnl, 0) - coalesce(fees, 0));
	IF position_count IS NULL AND ledger.symbols > 0 THEN
		position_count := ledger.open_positions;
	END IF;

	IF series.source_id IS NOT NULL THEN
		metrics := pulse.state_metrics(series.source_id, series.series_portfolio, since, until);
	ELSE
		metrics := pulse.combined_performance(for_portfolio, since, until);
	END IF;

	SELECT * INTO closed FROM pulse.trade_sums(for_portfolio, since, until);
	total_trades := closed.trades;
	win_rate := closed.wins::float8 / nullif(closed.trades, 0);
	profit_factor := closed.won::float8 / nullif(closed.lost, 0)::float8;
	average_win := closed.won::float8 / nullif(closed.wins, 0);
	average_loss := closed.lost::float8 / nullif(closed.losses, 0);
	payoff_ratio := average_win / nullif(average_loss, 0);
	expectancy := (closed.won - closed.lost)::float8 / nullif(closed.trades, 0);
	trade_pnl := closed.gross_pnl;
	trade_fees := closed.fees;
	best_trade := closed.best;
	worst_trade := closed.worst;
	average_holding := closed.holding / nullif(closed.trades, 0);
	first_trade := closed.first_opened;
	last_trade := closed.last_closed;
	IF total_trades > 0 THEN
		trades_per_day := total_trades / greatest(1, extract(epoch FROM
			coalesce(until, greatest(last_trade, ts)) - coalesce(since, first_trade)) / 86400.0);
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.performance(text, timestamptz, timestamptz) IS
	'State of a portfolio now, the metrics of its equity and the statistics of its closed trades in a period with open ends (NULL). Portfolio NULL: all visible ones together, money summed up, returns weighted with the values at the beginning.';

CREATE FUNCTION pulse_performance(portfolio text DEFAULT NULL)
	RETURNS TABLE (ts timestamptz, total_value numeric, cash_balance numeric, position_count integer, unrealized_pnl numeric,
				   realized_pnl numeric, total_pnl numeric, daily_return double precision, cumulative_return double precision,
				   cagr double precision, sharpe double precision, sortino double precision, calmar double precision,
				   volatility double precision, max_drawdown double precision, current_drawdown double precision,
				   var_95 double precision, cvar_95 double precision, win_rate double precision, profit_factor double precision,
				   average_win double precision, average_loss double precision, total_trades bigint, trades_per_day double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT p.ts, p.total_value, p.cash_balance, p.position_count, p.unrealized_pnl, p.realized_pnl, p.total_pnl,
		(p.metrics).period_return, (p.metrics).total_return, (p.metrics).cagr, (p.metrics).sharpe, (p.metrics).sortino,
		(p.metrics).calmar, (p.metrics).volatility, (p.metrics).max_drawdown, (p.metrics).current_drawdown,
		(p.metrics).var_95, (p.metrics).cvar_95, p.win_rate, p.profit_factor, p.average_win, p.average_loss,
		p.total_trades, p.trades_per_day
	FROM pulse.performance($1, NULL, NULL) p
	$$;
COMMENT ON FUNCTION pulse_performance(text) IS
	'One row on how a portfolio stands, NULL meaning all visible ones together (money summed up; returns of the portfolios weighted with their values at the beginning of each step). ts, total_value, cash_balance, position_count: newest snapshot. realized_pnl: ledger, average cost, before fees; unrealized_pnl: newest snapshot, or where it has none the ledger at the prices of the last fills; total_pnl: realised + unrealised - fees in quote currency. daily_return: of the last UTC day, which may be unfinished; cumulative_return, cagr: from the first snapshot to the last, deposits and withdrawals removed; sharpe, sortino, volatility, var_95, cvar_95: over daily returns, annualised with 365 days, risk-free rate and minimum acceptable return 0; calmar: cagr over max_drawdown; drawdowns over all snapshots, positive. win_rate to average_loss: over closed trades net of fees (pulse_closed_trades), the averages in money, losses positive; total_trades: closed trades; trades_per_day: those per day since the first opened, at least one day. Undefined is NULL; without any rows everything is but total_trades, 0.';

CREATE FUNCTION pulse.performance_data(portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT jsonb_build_object(
		'ts', pulse.json_time(p.ts), 'total_value', pulse.json_money(p.total_value), 'cash_balance', pulse.json_money(p.cash_balance),
		'position_count', p.position_count, 'unrealized_pnl', pulse.json_money(p.unrealized_pnl),
		'realized_pnl', pulse.json_money(p.realized_pnl), 'total_pnl', pulse.json_money(p.total_pnl),
		'daily_return', pulse.json_number(p.daily_return), 'cumulative_return', pulse.json_number(p.cumulative_return),
		'cagr', pulse.json_number(p.cagr), 'sharpe', pulse.json_number(p.sharpe), 'sortino', pulse.json_number(p.sortino),
		'calmar', pulse.json_number(p.calmar), 'volatility', pulse.json_number(p.volatility),
		'max_drawdown', pulse.json_number(p.max_drawdown), 'current_drawdown', pulse.json_number(p.current_drawdown),
		'var_95', pulse.json_number(p.var_95), 'cvar_95', pulse.json_number(p.cvar_95), 'win_rate', pulse.json_number(p.win_rate),
		'profit_factor', pulse.json_number(p.profit_factor), 'average_win', pulse.json_number(p.average_win),
		'average_loss', pulse.json_number(p.average_loss), 'total_trades', p.total_trades,
		'trades_per_day', pulse.json_number(p.trades_per_day))
	FROM @extschema@.pulse_performance($1) p
	$$;
COMMENT ON FUNCTION pulse.performance_data(text) IS
	'The columns of pulse_performance() as JSON: money as decimal strings, statistics as numbers, undefined as null.';

CREATE FUNCTION pulse_portfolio(portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH newest AS (
		SELECT max(s.ts) AS ts, sum(s.total_value) AS total_value, sum(s.cash_balance) AS cash_balance,
			sum(s.positions_value) AS positions_value, sum(s.unrealized_pnl) AS unrealized_pnl,
			sum(s.realized_pnl) AS realized_pnl, sum(s.net_flow) AS net_flow, sum(s.position_count) AS position_count
		FROM pulse.latest_snapshots($1) s
	), held AS (
		SELECT count(*) AS symbols, count(*) FILTER (WHERE p.opened_at IS NOT NULL) AS open_positions,
			sum(p.market_value) AS market_value, sum(p.unrealized_pnl) AS unrealized_pnl, sum(p.realized_pnl) AS realized_pnl,
			coalesce(jsonb_agg(jsonb_build_object(
				'portfolio', p.portfolio, 'symbol', p.symbol, 'quantity', pulse.json_money(p.quantity),
				'average_price', pulse.json_money(p.average_price), 'mark_price', pulse.json_money(p.mark_price),
				'market_value', pulse.json_money(p.market_value), 'unrealized_pnl', pulse.json_money(p.unrealized_pnl),
				'realized_pnl', pulse.json_money(p.realized_pnl), 'fees', pulse.json_money(p.fees),
				'opened_at', pulse.json_time(p.opened_at)) ORDER BY abs(p.market_value) DESC NULLS LAST, p.portfolio, p.symbol)
				FILTER (WHERE p.opened_at IS NOT NULL), '[]') AS positions
		FROM @extschema@.pulse_positions($1) p
	)
	SELECT jsonb_build_object(
		'ts', pulse.json_time(n.ts), 'total_value', pulse.json_money(n.total_value), 'cash_balance', pulse.json_money(n.cash_balance),
		'positions_value', pulse.json_money(coalesce(n.positions_value, h.market_value)),
		'unrealized_pnl', pulse.json_money(coalesce(n.unrealized_pnl, h.unrealized_pnl)),
		'realized_pnl', pulse.json_money(coalesce(h.realized_pnl, n.realized_pnl)),
		'position_count', coalesce(n.position_count, CASE WHEN h.symbols > 0 THEN h.open_positions END),
		'net_flow', pulse.json_money(n.net_flow), 'positions', h.positions)
	FROM newest n CROSS JOIN held h
	$$;
COMMENT ON FUNCTION pulse_portfolio(text) IS
	'What a portfolio holds, as JSON (data of PORTFOLIO_UPDATE): the newest snapshot, completed from the ledger where it has no figure, and the open positions, largest first. NULL: all visible portfolios together. Money and quantities are decimal strings, unknown is null.';

CREATE FUNCTION pulse.verify_performance(for_portfolio text)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF NOT has_table_privilege('pulse.performance_state', 'SELECT') OR NOT has_table_privilege('pulse.performance_due', 'SELECT') THEN
		RETURN;
	END IF;
	RETURN QUERY
	SELECT 'figure'::text, NULL::integer, s.portfolio::text COLLATE "default", NULL::text, k.key, k.stored, k.computed
	FROM pulse.performance_state s
	CROSS JOIN LATERAL (
		SELECT a.key, a.value #>> '{}' AS stored, b.data ->> a.key AS computed
		FROM (SELECT pulse.performance_data(s.portfolio) AS data OFFSET 0) b
		CROSS JOIN LATERAL jsonb_each(to_jsonb(s) - '{portfolio,computed_at,version,reader,ts}'::text[]) a
	) k
	WHERE (for_portfolio IS NULL OR s.portfolio = for_portfolio)
		AND NOT pulse.close_to(k.stored::float8, k.computed::float8)
		AND NOT EXISTS (SELECT FROM pulse.performance_due d WHERE d.portfolio = s.portfolio)
		AND NOT EXISTS (SELECT FROM pulse.dirty d WHERE d.portfolio IS NULL OR d.portfolio = s.portfolio)
		-- a price that was told later changes what positions are worth, but is no change of a portfolio
		AND NOT (k.key IN ('unrealized_pnl', 'total_pnl') AND EXISTS (SELECT FROM pulse.mark));
END
$$;
COMMENT ON FUNCTION pulse.verify_performance(text) IS
	'Compares pulse.performance_state with pulse_performance(), but for portfolios that a tick is still to compute; only for who may read both of its tables.';

CREATE FUNCTION pulse_equity_summary(portfolio text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
		period interval DEFAULT '1 day')
	RETURNS pulse_summary
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(portfolio);
	parts record;
	result @extschema@.pulse_summary;
BEGIN
	IF series.source_id IS NOT NULL AND extract(epoch FROM period) % 3600 = 0 THEN
		RETURN pulse.state_summary(series.source_id, series.series_portfolio, since, until, period);
	END IF;
	parts := pulse.equity_parts(portfolio, since, until);
	IF NOT parts.single THEN
		RETURN pulse.combined_summary(parts.sources, parts.queries, portfolio, since, until, period);
	END IF;
	EXECUTE format('SELECT @extschema@.pulse_summary(e.ts, e.value, e.flow, $4) FROM (%s) e', pulse.equity_query(portfolio, since, until))
		INTO result USING portfolio, since, until, period;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse_equity_summary(text, timestamptz, timestamptz, interval) IS
	'Summary of the equity of a portfolio by buckets of a period, from the last snapshot up to since, which stands at since, to until (NULL: open), for any metric of a summary and for pulse_rolling(). Periods of whole hours are read from stored summaries, others from the snapshots. Portfolio NULL: all visible ones together. NULL without a snapshot. Error 22023 for a period out of range.';
