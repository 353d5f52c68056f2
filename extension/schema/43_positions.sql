-- Positions and closed trades, right at every moment: what no tick has processed yet is booked on the fly.

-- What a snapshot of the state is numbered with.
GRANT SELECT (seq, epoch) ON pulse.sequencer TO PUBLIC;

CREATE FUNCTION pulse.replay_positions(source_id integer, portfolio text, symbols text[], method text, since timestamptz DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, quantity numeric, cost numeric, realized_pnl numeric, fees numeric,
				   opened_at timestamptz, mark_price numeric, mark_at timestamptz)
	AS 'MODULE_PATHNAME', 'pulse_replay_positions' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.replay_positions(integer, text, text[], text, timestamptz) IS
	'Positions computed from the rows of a followed table that the current user sees; portfolio and symbols NULL mean all, method is average, fifo, lifo or hifo. since, with a portfolio and symbols: rows have changed from then on only, so each symbol starts from what is stored of the time before and no earlier row is read.';

CREATE FUNCTION pulse.replay_trades(source_id integer, portfolio text, symbols text[], method text, since timestamptz DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, side text, quantity numeric, entry_value numeric, exit_value numeric,
				   gross_pnl numeric, fees numeric, opened_at timestamptz, closed_at timestamptz, strategy text)
	AS 'MODULE_PATHNAME', 'pulse_replay_trades' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.replay_trades(integer, text, text[], text, timestamptz) IS
	'Closed trades computed from the rows of a followed table that the current user sees: round trips for average, one row for each lot that a fill closed, or a part of it, for fifo, lifo and hifo. since, with a portfolio and symbols, for average: only those closed since then, booked from what is stored of the time before.';

CREATE FUNCTION pulse.replay_fills(source_id integer, portfolio text, symbols text[], method text)
	RETURNS TABLE (portfolio text, symbol text, fill_key text, executed_at timestamptz, realized_pnl numeric,
				   "position" numeric, total_realized_pnl numeric, total_fees numeric)
	AS 'MODULE_PATHNAME', 'pulse_replay_fills' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.replay_fills(integer, text, text[], text) IS
	'What booking each fill of a followed table gives, from the rows that the current user sees.';

CREATE FUNCTION pulse.check_method(method text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF lower(method) IN ('average', 'fifo', 'lifo', 'hifo') THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'unknown cost basis method: %', coalesce(quote_literal(method), 'NULL')
		USING ERRCODE = 'invalid_parameter_value', HINT = 'Use average, fifo, lifo or hifo.';
END
$$;
COMMENT ON FUNCTION pulse.check_method(text) IS 'Refuses what is not a cost basis method, with error 22023.';

CREATE FUNCTION pulse.stale_symbols(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, since timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	mark record;
	query text;
BEGIN
	FOR mark IN
		SELECT d.source_id, q.has_portfolios,
			CASE WHEN q.has_portfolios THEN coalesce(for_portfolio, d.portfolio) END AS portfolio,
			bool_or(d.min_ts IS NULL) AS everything, min(d.min_ts) AS min_ts, max(d.max_ts) AS max_ts
		FROM pulse.dirty d
		-- once for each table, not for each mark
		JOIN (SELECT s.source_id, r.has_portfolios FROM pulse.source s CROSS JOIN LATERAL pulse.source_relation(s) AS r
			  WHERE s.kind = 'trades' AND s.state = 'active' OFFSET 0) q ON q.source_id = d.source_id
		WHERE for_portfolio IS NULL OR NOT q.has_portfolios OR d.portfolio IS NULL OR d.portfolio = for_portfolio
		GROUP BY 1, 2, 3
	LOOP
		query := pulse.source_query(mark.source_id, mark.portfolio IS NOT NULL, NOT mark.everything);
		IF query IS NULL THEN
			CONTINUE;
		END IF;
		RETURN QUERY EXECUTE format('SELECT DISTINCT $4, r.portfolio, r.symbol, $5 FROM (%s) r', query)
			USING mark.portfolio, mark.min_ts, mark.max_ts, mark.source_id,
				CASE WHEN mark.everything THEN '-infinity' ELSE mark.min_ts END;
		RETURN QUERY SELECT DISTINCT f.source_id, f.portfolio, f.symbol, CASE WHEN mark.everything THEN '-infinity' ELSE mark.min_ts END
			FROM pulse.fill f
			WHERE f.source_id = mark.source_id AND (mark.portfolio IS NULL OR f.portfolio = mark.portfolio)
				AND (mark.everything OR f.executed_at BETWEEN mark.min_ts AND mark.max_ts);
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.stale_symbols(text) IS
	'Symbols whose stored state is older than the user''s rows, because a tick is still to come, and since when at the earliest; a symbol may come more than once. Without such rows it costs one look at pulse.dirty.';

CREATE FUNCTION pulse.stale_groups(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, symbols text[], since timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT x.source_id, x.portfolio, array_agg(x.symbol), x.since
	FROM (SELECT s.source_id, s.portfolio, s.symbol, min(s.since) AS since FROM pulse.stale_symbols($1) s
		  WHERE $1 IS NULL OR s.portfolio = $1 GROUP BY 1, 2, 3) x
	GROUP BY x.source_id, x.portfolio, x.since
	$$;
COMMENT ON FUNCTION pulse.stale_groups(text) IS
	'What pulse.stale_symbols() finds, each symbol once, grouped by portfolio and by since when its rows have changed.';

CREATE FUNCTION pulse.booked_positions(for_portfolio text, method text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, quantity numeric, cost numeric, realized_pnl numeric,
				   fees numeric, opened_at timestamptz, mark_price numeric, mark_at timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	PERFORM pulse.check_method(method);
	IF lower(method) <> 'average' THEN
		-- from the last time flat on, when all methods agreed; what is flat needs nothing more
		RETURN QUERY
		WITH stale AS MATERIALIZED (SELECT * FROM pulse.stale_groups(for_portfolio)),
		stored AS (
			SELECT p.* FROM pulse.position p JOIN pulse.source s ON s.source_id = p.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR p.portfolio = for_portfolio)
				AND NOT EXISTS (SELECT FROM stale x WHERE x.source_id = p.source_id AND x.portfolio = p.portfolio AND p.symbol = ANY (x.symbols))
		)
		SELECT p.source_id, p.portfolio, p.symbol, p.quantity, p.cost, p.realized_pnl, p.fees, p.opened_at, p.mark_price, p.mark_at
			FROM stored p WHERE p.quantity = 0
		UNION ALL
		SELECT g.source_id, r.portfolio, r.symbol, r.quantity, r.cost, r.realized_pnl, r.fees, r.opened_at, r.mark_price, r.mark_at
			FROM (SELECT x.* FROM stale x
				  UNION ALL
				  SELECT p.source_id, p.portfolio, array_agg(p.symbol), 'infinity' FROM stored p WHERE p.quantity <> 0 GROUP BY 1, 2) g
			CROSS JOIN LATERAL pulse.replay_positions(g.source_id, g.portfolio, g.symbols, method, g.since) r
			WHERE r.portfolio = g.portfolio;
	ELSIF NOT EXISTS (SELECT FROM pulse.dirty d JOIN pulse.source s ON s.source_id = d.source_id WHERE s.kind = 'trades') THEN
		RETURN QUERY SELECT p.source_id, p.portfolio, p.symbol, p.quantity, p.cost, p.realized_pnl, p.fees,
				p.opened_at, p.mark_price, p.mark_at
			FROM pulse.position p JOIN pulse.source s ON s.source_id = p.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR p.portfolio = for_portfolio);
	ELSE
		RETURN QUERY
		WITH stale AS MATERIALIZED (SELECT * FROM pulse.stale_groups(for_portfolio))
		SELECT p.source_id, p.portfolio, p.symbol, p.quantity, p.cost, p.realized_pnl, p.fees,
				p.opened_at, p.mark_price, p.mark_at
			FROM pulse.position p JOIN pulse.source s ON s.source_id = p.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR p.portfolio = for_portfolio)
				AND NOT EXISTS (SELECT FROM stale x WHERE x.source_id = p.source_id AND x.portfolio = p.portfolio AND p.symbol = ANY (x.symbols))
		UNION ALL
		SELECT g.source_id, r.portfolio, r.symbol, r.quantity, r.cost, r.realized_pnl, r.fees, r.opened_at, r.mark_price, r.mark_at
			FROM stale g
			CROSS JOIN LATERAL pulse.replay_positions(g.source_id, g.portfolio, g.symbols, 'average', g.since) r
			WHERE r.portfolio = g.portfolio;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.booked_positions(text, text) IS
	'Positions of each source, symbol by symbol: stored ones, and where rows have not been processed yet, or for another method than average, computed from the rows since the stored state or the last time flat; marked with the price of the last fill. Portfolio NULL means all.';

CREATE FUNCTION pulse.current_positions(for_portfolio text, method text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, quantity numeric, cost numeric, realized_pnl numeric,
				   fees numeric, opened_at timestamptz, mark_price numeric, mark_at timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT p.source_id, p.portfolio, p.symbol, p.quantity, p.cost, p.realized_pnl, p.fees, p.opened_at,
		CASE WHEN m.ts >= p.mark_at THEN m.price ELSE p.mark_price END, greatest(m.ts, p.mark_at)
	FROM pulse.booked_positions($1, $2) p LEFT JOIN pulse.mark m ON m.symbol = p.symbol
	$$;
COMMENT ON FUNCTION pulse.current_positions(text, text) IS
	'Positions of each source, symbol by symbol, at the newest known price: that of the last fill, or of pulse_mark(). Portfolio NULL means all.';

CREATE FUNCTION pulse.current_trades(for_portfolio text, method text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, side text, quantity numeric, entry_price numeric,
				   exit_price numeric, gross_pnl numeric, fees numeric, net_pnl numeric, trade_return double precision,
				   opened_at timestamptz, closed_at timestamptz, strategy text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	PERFORM pulse.check_method(method);
	IF lower(method) <> 'average' THEN
		RETURN QUERY SELECT s.source_id, r.portfolio, r.symbol, r.side, r.quantity, pulse.unit_price(r.entry_value, r.quantity),
				pulse.unit_price(r.exit_value, r.quantity), r.gross_pnl, r.fees, r.gross_pnl - r.fees,
				pulse.trade_return(r.gross_pnl - r.fees, r.entry_value), r.opened_at, r.closed_at, r.strategy
			FROM pulse.source s
			CROSS JOIN LATERAL pulse.replay_trades(s.source_id, for_portfolio, NULL, method) r
			WHERE s.kind = 'trades' AND s.state = 'active' AND (for_portfolio IS NULL OR r.portfolio = for_portfolio);
	ELSIF NOT EXISTS (SELECT FROM pulse.dirty d JOIN pulse.source s ON s.source_id = d.source_id WHERE s.kind = 'trades') THEN
		RETURN QUERY SELECT c.source_id, c.portfolio, c.symbol, c.side, c.quantity, c.entry_price, c.exit_price, c.gross_pnl,
				c.fees, c.net_pnl, c.trade_return, c.opened_at, c.closed_at, c.strategy
			FROM pulse.closed_trade c JOIN pulse.source s ON s.source_id = c.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR c.portfolio = for_portfolio);
	ELSE
		RETURN QUERY
		WITH stale AS MATERIALIZED (SELECT * FROM pulse.stale_groups(for_portfolio))
		SELECT c.source_id, c.portfolio, c.symbol, c.side, c.quantity, c.entry_price, c.exit_price, c.gross_pnl,
				c.fees, c.net_pnl, c.trade_return, c.opened_at, c.closed_at, c.strategy
			FROM pulse.closed_trade c JOIN pulse.source s ON s.source_id = c.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR c.portfolio = for_portfolio)
				AND NOT EXISTS (SELECT FROM stale x WHERE x.source_id = c.source_id AND x.portfolio = c.portfolio
					AND c.symbol = ANY (x.symbols) AND c.closed_at >= x.since)
		UNION ALL
		SELECT g.source_id, r.portfolio, r.symbol, r.side, r.quantity, pulse.unit_price(r.entry_value, r.quantity),
				pulse.unit_price(r.exit_value, r.quantity), r.gross_pnl, r.fees, r.gross_pnl - r.fees,
				pulse.trade_return(r.gross_pnl - r.fees, r.entry_value), r.opened_at, r.closed_at, r.strategy
			FROM stale g
			CROSS JOIN LATERAL pulse.replay_trades(g.source_id, g.portfolio, g.symbols, 'average', g.since) r
			WHERE r.portfolio = g.portfolio;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.current_trades(text, text) IS
	'Closed trades of each source: stored ones, and where rows have not been processed yet, computed from the rows. Portfolio NULL means all.';

CREATE FUNCTION pulse_positions(portfolio text DEFAULT NULL, method text DEFAULT 'average')
	RETURNS TABLE (portfolio text, symbol text, quantity numeric, average_price numeric, mark_price numeric,
				   market_value numeric, unrealized_pnl numeric, realized_pnl numeric, fees numeric, opened_at timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT c.portfolio, c.symbol, c.quantity, abs(pulse.unit_price(c.cost, c.quantity)), c.mark_price,
		trim_scale(c.quantity * c.mark_price), trim_scale(c.quantity * c.mark_price - c.cost), c.realized_pnl, c.fees, c.opened_at
	FROM (
		SELECT p.portfolio, p.symbol, sum(p.quantity) AS quantity, sum(p.cost) AS cost, sum(p.realized_pnl) AS realized_pnl,
			sum(p.fees) AS fees, min(p.opened_at) AS opened_at,
			(array_agg(p.mark_price ORDER BY p.mark_at DESC))[1] AS mark_price
		FROM pulse.current_positions($1, $2) p
		GROUP BY p.portfolio, p.symbol
	) c
	ORDER BY c.portfolio, c.symbol
	$$;
COMMENT ON FUNCTION pulse_positions(text, text) IS
	'One row for each symbol ever traded; a closed one has quantity 0, or what pulse_dust_set() lets count as nothing, and no opened_at. Quantity is signed (short is negative), average_price is the cost basis by method (average, fifo, lifo, hifo), mark_price the newest known price (last fill or pulse_mark()), market_value quantity times mark, unrealized_pnl market_value less cost, realized_pnl before fees, fees in quote currency as paid so far (third assets left out). realized_pnl + unrealized_pnl - fees is the whole result. Exact. Portfolio NULL means all visible ones. Error 22023 for an unknown method.';

CREATE FUNCTION pulse_closed_trades(since timestamptz DEFAULT NULL, method text DEFAULT 'average', portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, side text, quantity numeric, entry_price numeric, exit_price numeric,
				   gross_pnl numeric, fees numeric, net_pnl numeric, trade_return double precision,
				   opened_at timestamptz, closed_at timestamptz, holding interval, strategy text)
	LANGUAGE sql STABLE
	AS $$
	SELECT t.portfolio, t.symbol, t.side, t.quantity, t.entry_price, t.exit_price, t.gross_pnl, t.fees, t.net_pnl,
		t.trade_return, t.opened_at, t.closed_at, t.closed_at - t.opened_at, t.strategy
	FROM pulse.current_trades($3, $2) t
	WHERE $1 IS NULL OR t.closed_at >= $1
	ORDER BY t.closed_at, t.opened_at, t.portfolio, t.symbol
	$$;
COMMENT ON FUNCTION pulse_closed_trades(timestamptz, text, text) IS
	'Closed trades since a time, by closing time. Method average: round trips, a position from flat to flat or to the fill that turned it over, with average entry and exit prices; fifo, lifo, hifo: one row for each lot that a fill closed, or a part of it. Side is LONG or SHORT; gross_pnl before and net_pnl after fees in quote currency (entry and exit, pro rata); trade_return is net_pnl over the entry value, a fraction; holding runs from the first fill to the last; strategy is that of the opening fill. Exact. Portfolio NULL means all visible ones. Error 22023 for an unknown method.';
