-- Self-check.

CREATE FUNCTION pulse_verify(portfolio text DEFAULT NULL)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE sql STABLE
	AS $$
	WITH sources AS MATERIALIZED (
		SELECT s.source_id FROM pulse.source s WHERE s.kind = 'trades' AND s.state = 'active'
	), stale AS MATERIALIZED (
		-- what a tick is still to do is no difference
		SELECT DISTINCT x.source_id, x.portfolio, x.symbol FROM pulse.stale_symbols($1) x
	), fills AS (
		SELECT 'fill' AS "check", coalesce(f.source_id, r.source_id) AS source_id, coalesce(f.portfolio, r.portfolio) AS portfolio,
			coalesce(f.symbol, r.symbol) AS symbol, coalesce(f.fill_key, r.fill_key) AS key,
			CASE WHEN f.fill_key IS NOT NULL THEN concat_ws(' ', f.executed_at, coalesce(f.realized_pnl::text, '-'), coalesce(f.position::text, '-')) END AS stored,
			CASE WHEN r.fill_key IS NOT NULL THEN concat_ws(' ', r.executed_at, coalesce(r.realized_pnl::text, '-'), coalesce(r.position::text, '-')) END AS computed
		FROM (SELECT f.* FROM pulse.fill f JOIN sources s ON s.source_id = f.source_id WHERE $1 IS NULL OR f.portfolio = $1) f
		FULL JOIN (SELECT s.source_id, r.* FROM sources s CROSS JOIN LATERAL pulse.replay_fills(s.source_id, $1, NULL, 'average') r
				   WHERE $1 IS NULL OR r.portfolio = $1) r
			ON r.source_id = f.source_id AND r.portfolio = f.portfolio AND r.fill_key = f.fill_key
		WHERE (f.symbol, f.executed_at, f.realized_pnl, f.position, f.total_realized_pnl, f.total_fees)
			IS DISTINCT FROM (r.symbol COLLATE "C", r.executed_at, r.realized_pnl, r.position, r.total_realized_pnl, r.total_fees)
	), positions AS (
		SELECT 'position', coalesce(p.source_id, r.source_id), coalesce(p.portfolio, r.portfolio), coalesce(p.symbol, r.symbol), NULL::text,
			CASE WHEN p.symbol IS NOT NULL THEN concat_ws(' ', p.quantity, p.cost, p.realized_pnl, p.fees) END,
			CASE WHEN r.symbol IS NOT NULL THEN concat_ws(' ', r.quantity, r.cost, r.realized_pnl, r.fees) END
		FROM (SELECT p.* FROM pulse.position p JOIN sources s ON s.source_id = p.source_id WHERE $1 IS NULL OR p.portfolio = $1) p
		FULL JOIN (SELECT s.source_id, r.* FROM sources s CROSS JOIN LATERAL pulse.replay_positions(s.source_id, $1, NULL, 'average') r
				   WHERE $1 IS NULL OR r.portfolio = $1) r
			ON r.source_id = p.source_id AND r.portfolio = p.portfolio AND r.symbol = p.symbol
		WHERE (p.quantity, p.cost, p.realized_pnl, p.fees, p.opened_at) IS DISTINCT FROM (r.quantity, r.cost, r.realized_pnl, r.fees, r.opened_at)
	), booked AS (
		SELECT c.source_id, c.portfolio::text COLLATE "default" AS portfolio, c.symbol::text COLLATE "default" AS symbol, c.side, c.quantity, c.gross_pnl, c.fees, c.opened_at, c.closed_at
		FROM pulse.closed_trade c JOIN sources s ON s.source_id = c.source_id WHERE $1 IS NULL OR c.portfolio = $1
	), replayed AS (
		SELECT s.source_id, r.portfolio, r.symbol, r.side, r.quantity, r.gross_pnl, r.fees, r.opened_at, r.closed_at
		FROM sources s CROSS JOIN LATERAL pulse.replay_trades(s.source_id, $1, NULL, 'average') r WHERE $1 IS NULL OR r.portfolio = $1
	), trades AS (
		SELECT 'closed trade', x.source_id, x.portfolio, x.symbol, x.closed_at::text, concat_ws(' ', x.side, x.quantity, x.gross_pnl, x.fees), NULL::text
		FROM (SELECT * FROM booked EXCEPT ALL SELECT * FROM replayed) x
		UNION ALL
		SELECT 'closed trade', x.source_id, x.portfolio, x.symbol, x.closed_at::text, NULL, concat_ws(' ', x.side, x.quantity, x.gross_pnl, x.fees)
		FROM (SELECT * FROM replayed EXCEPT ALL SELECT * FROM booked) x
	)
	SELECT d.* FROM (SELECT * FROM fills UNION ALL SELECT * FROM positions UNION ALL SELECT * FROM trades) d
	WHERE NOT EXISTS (SELECT FROM stale x WHERE x.source_id = d.source_id AND x.portfolio = d.portfolio AND x.symbol = d.symbol)
	UNION ALL SELECT * FROM pulse.verify_buckets($1)
	UNION ALL SELECT * FROM pulse.verify_performance($1)
	UNION ALL SELECT * FROM pulse.verify_trade_sums($1)
	ORDER BY 1, 2, 3, 4, 5
	$$;
COMMENT ON FUNCTION pulse_verify(text) IS
	'Books all fills and summarises all snapshots of the followed tables anew and reports every difference from what is stored: fills, positions, closed trades, summaries, and figures in pulse.performance_state for who may read that, with both versions (NULL where one is missing). No row means that all is right; what the next tick is still to process is left out. Reads everything: minutes for tens of millions of fills. Portfolio NULL means all visible ones.';
