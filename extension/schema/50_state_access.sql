-- Who may read summaries, and whether they are right.

-- What a user may read of a followed table he may read of what was computed from it, as with the ledger's tables.
ALTER TABLE pulse.metric_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON pulse.metric_state FOR SELECT USING (pulse.readable(source_id, portfolio));
ALTER TABLE pulse.metric_dirty ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON pulse.metric_dirty FOR SELECT USING (pulse.readable(source_id, portfolio));
ALTER TABLE pulse.trade_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON pulse.trade_state FOR SELECT USING (pulse.readable(source_id, portfolio));
GRANT SELECT ON pulse.metric_state, pulse.metric_dirty, pulse.trade_state TO PUBLIC;

CREATE FUNCTION pulse.trade_sums(for_portfolio text, since timestamptz, until timestamptz,
		OUT trades bigint, OUT wins bigint, OUT losses bigint, OUT won numeric, OUT lost numeric, OUT gross_pnl numeric, OUT fees numeric,
		OUT best numeric, OUT worst numeric, OUT first_opened timestamptz, OUT last_closed timestamptz, OUT holding interval)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	whole CONSTANT boolean := trade_sums.since IS NULL AND trade_sums.until IS NULL;
	first_time CONSTANT timestamptz := coalesce(trade_sums.since, '-infinity');
	last_time CONSTANT timestamptz := coalesce(trade_sums.until, 'infinity');
	-- the days that lie in the period as a whole
	days_from timestamptz := CASE WHEN isfinite(first_time) THEN date_trunc('day', first_time + interval '24 hours' - interval '1 microsecond', 'UTC') ELSE first_time END;
	days_to timestamptz := CASE WHEN isfinite(last_time) THEN date_trunc('day', last_time + interval '1 microsecond', 'UTC') ELSE last_time END;
	dirty CONSTANT boolean := EXISTS (SELECT FROM pulse.dirty d JOIN pulse.source s ON s.source_id = d.source_id WHERE s.kind = 'trades');
BEGIN
	IF whole AND NOT dirty AND for_portfolio IS NOT NULL THEN
		-- what is asked for with every change: a statement that need not be planned again
		SELECT coalesce(sum(t.trades), 0), coalesce(sum(t.wins), 0), coalesce(sum(t.losses), 0), sum(t.won), sum(t.lost), sum(t.gross_pnl),
				sum(t.fees), max(t.best), min(t.worst), min(t.first_opened), max(t.last_closed), sum(t.holding)
			INTO trades, wins, losses, won, lost, gross_pnl, fees, best, worst, first_opened, last_closed, holding
			FROM pulse.source s JOIN pulse.trade_state t ON t.source_id = s.source_id AND t.portfolio = for_portfolio AND t.day = '-infinity'
			WHERE s.kind = 'trades' AND s.state = 'active';
		RETURN;
	END IF;
	IF dirty AND EXISTS (
			SELECT FROM pulse.stale_groups(for_portfolio) x CROSS JOIN unnest(x.symbols) AS y (symbol)
			JOIN pulse.closed_trade c ON c.source_id = x.source_id AND c.portfolio = x.portfolio AND c.symbol = y.symbol AND c.closed_at >= x.since) THEN
		-- stored ones are no longer right: read them all
		SELECT count(*), count(*) FILTER (WHERE t.net_pnl > 0), count(*) FILTER (WHERE t.net_pnl < 0),
				coalesce(sum(t.net_pnl) FILTER (WHERE t.net_pnl > 0), 0), coalesce(-sum(t.net_pnl) FILTER (WHERE t.net_pnl < 0), 0),
				sum(t.gross_pnl), sum(t.fees), max(t.net_pnl), min(t.net_pnl), min(t.opened_at), max(t.closed_at), sum(t.closed_at - t.opened_at)
			INTO trades, wins, losses, won, lost, gross_pnl, fees, best, worst, first_opened, last_closed, holding
			FROM pulse.current_trades(for_portfolio, 'average') t
			WHERE t.closed_at BETWEEN first_time AND last_time;
		RETURN;
	END IF;
	IF NOT whole AND days_from > days_to THEN
		days_to := days_from;
	END IF;
	SELECT coalesce(sum(t.trades), 0), coalesce(sum(t.wins), 0), coalesce(sum(t.losses), 0), sum(t.won), sum(t.lost), sum(t.gross_pnl), sum(t.fees),
			max(t.best), min(t.worst), min(t.first_opened), max(t.last_closed), sum(t.holding)
		INTO trades, wins, losses, won, lost, gross_pnl, fees, best, worst, first_opened, last_closed, holding
		FROM (
			SELECT t.trades, t.wins, t.losses, t.won, t.lost, t.gross_pnl, t.fees, t.best, t.worst, t.first_opened, t.last_closed, t.holding
				FROM pulse.trade_state t JOIN pulse.source s ON s.source_id = t.source_id
				WHERE s.state = 'active' AND (for_portfolio IS NULL OR t.portfolio = for_portfolio)
					AND (whole AND t.day = '-infinity' OR NOT whole AND t.day >= days_from AND t.day < days_to AND t.day > '-infinity')
			UNION ALL
			SELECT 1, (t.net_pnl > 0)::integer, (t.net_pnl < 0)::integer, greatest(t.net_pnl, 0), greatest(-t.net_pnl, 0), t.gross_pnl, t.fees,
					t.net_pnl, t.net_pnl, t.opened_at, t.closed_at, t.closed_at - t.opened_at
				FROM (
					SELECT c.net_pnl, c.gross_pnl, c.fees, c.opened_at, c.closed_at
						FROM pulse.closed_trade c JOIN pulse.source s ON s.source_id = c.source_id
						WHERE s.state = 'active' AND NOT whole AND (for_portfolio IS NULL OR c.portfolio = for_portfolio)
							AND c.closed_at >= first_time AND c.closed_at <= last_time AND (c.closed_at < days_from)
					UNION ALL
					SELECT c.net_pnl, c.gross_pnl, c.fees, c.opened_at, c.closed_at
						FROM pulse.closed_trade c JOIN pulse.source s ON s.source_id = c.source_id
						WHERE s.state = 'active' AND NOT whole AND (for_portfolio IS NULL OR c.portfolio = for_portfolio)
							AND c.closed_at >= days_to AND c.closed_at >= first_time AND c.closed_at <= last_time
					UNION ALL
					SELECT r.gross_pnl - r.fees, r.gross_pnl, r.fees, r.opened_at, r.closed_at
						FROM pulse.stale_groups(for_portfolio) x CROSS JOIN LATERAL pulse.replay_trades(x.source_id, x.portfolio, x.symbols, 'average', x.since) r
						WHERE dirty AND r.portfolio = x.portfolio AND r.closed_at BETWEEN first_time AND last_time
				) t
		) t;
END
$$;
COMMENT ON FUNCTION pulse.trade_sums(text, timestamptz, timestamptz) IS
	'Sums over the closed trades (average cost) of a portfolio, or of all visible ones (NULL), that closed in a period with open ends (NULL): from pulse.trade_state for whole days, from the trades for parts of a day, and from fills where a tick is still to come.';

CREATE FUNCTION pulse.close_to(a double precision, b double precision) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= 1e-9 * greatest(abs(a), abs(b)), false);
COMMENT ON FUNCTION pulse.close_to(double precision, double precision) IS
	'Whether two figures are the same but for rounding: both NULL, or within 1e-9 of the larger.';

CREATE FUNCTION pulse.verify_buckets(for_portfolio text)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE plpgsql STABLE
	SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	width record;
BEGIN
	FOR source IN
		SELECT s.source_id, coalesce(s.archived_before, '-infinity') AS archived_before, q.has_portfolios,
			pulse.source_query(s.source_id, false, false) AS query
		FROM pulse.source s CROSS JOIN LATERAL pulse.source_relation(s) AS q CROSS JOIN pulse.sequencer e
		WHERE s.kind = 'snapshots' AND s.state = 'active' AND s.epoch = e.epoch
	LOOP
		CONTINUE WHEN source.query IS NULL;
		FOR width IN SELECT * FROM (VALUES (1, '1 hour'::interval, '{1}'::smallint[]), (24, '1 day', '{24}'), (672, '1 day', '{672}')) AS w (hours, period, levels) LOOP
			RETURN QUERY EXECUTE format($q$
				WITH dirty AS MATERIALIZED (
					SELECT d.portfolio, coalesce(d.min_ts, '-infinity') AS min_ts, coalesce(d.max_ts, 'infinity') AS max_ts FROM pulse.dirty d WHERE d.source_id = $1
					UNION ALL SELECT m.portfolio, m.min_ts, m.max_ts FROM pulse.metric_dirty m WHERE m.source_id = $1
				), stored AS (
					SELECT m.portfolio, date_bin($3, g.first_ts, '2000-01-03Z') AS bucket, g.*
					FROM pulse.metric_state m CROSS JOIN LATERAL pulse.summary_segments(m.summary) g
					WHERE m.source_id = $1 AND m.hours = ANY ($4) AND ($2 IS NULL OR m.portfolio = $2)
				), computed AS MATERIALIZED (
					-- apart from our tables, so that Citus does it where the rows are
					SELECT r.portfolio, date_bin($3, g.first_ts, '2000-01-03Z') AS bucket, g.*
					FROM (SELECT r.portfolio, pulse.raw_summary(r.ts, r.total_value, r.net_flow, $3) AS summary FROM (%s) r
						  WHERE ($2 IS NULL OR r.portfolio = $2) AND r.portfolio IS NOT NULL AND r.total_value IS NOT NULL AND isfinite(r.ts) GROUP BY r.portfolio) r
					CROSS JOIN LATERAL pulse.summary_segments(r.summary) g
				)
				SELECT format('summary of %%s', CASE $4[1] WHEN 1 THEN 'an hour' WHEN 24 THEN 'a day' ELSE 'a day in four weeks' END), $1,
					coalesce(s.portfolio, c.portfolio), NULL::text, pulse.json_time(coalesce(s.bucket, c.bucket)),
					CASE WHEN s.bucket IS NOT NULL THEN concat_ws(' ', s.observations, s.first, s.last, s.high, s.low, s.deepest, s.flow, s.link) END,
					CASE WHEN c.bucket IS NOT NULL THEN concat_ws(' ', c.observations, c.first, c.last, c.high, c.low, c.deepest, c.flow, c.link) END
				FROM stored s FULL JOIN computed c ON c.portfolio = s.portfolio AND c.bucket = s.bucket
				WHERE coalesce(s.bucket, c.bucket) >= $5
					-- the newest four weeks have no row of their own
					AND ($4 <> '{672}' OR s.bucket IS NOT NULL OR EXISTS (SELECT FROM pulse.metric_state m WHERE m.source_id = $1 AND m.portfolio = c.portfolio
						AND m.hours = 672 AND m.bucket = date_bin('28 days', c.first_ts, '2000-01-03Z')))
					AND ((s.first_ts, s.last_ts, s.observations, s.first, s.last) IS DISTINCT FROM (c.first_ts, c.last_ts, c.observations, c.first, c.last)
						OR NOT (pulse.close_to(s.high, c.high) AND pulse.close_to(s.low, c.low) AND pulse.close_to(s.deepest, c.deepest)
								AND pulse.close_to(s.flow, c.flow) AND pulse.close_to(s.link, c.link) AND pulse.close_to(s.entry_link, c.entry_link)))
					-- what a tick is still to do is no difference
					AND NOT EXISTS (SELECT FROM dirty d WHERE (NOT $6 OR d.portfolio IS NULL OR d.portfolio = coalesce(s.portfolio, c.portfolio))
						AND d.min_ts < coalesce(s.bucket, c.bucket) + $3 AND d.max_ts >= coalesce(s.bucket, c.bucket))$q$, source.query)
				USING source.source_id, for_portfolio, width.period, width.levels, source.archived_before, source.has_portfolios;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.verify_buckets(text) IS
	'Summarises all snapshots of the followed tables anew and reports every bucket of pulse.metric_state that differs, is missing, or should not be there, but for what a tick is still to do and what is archived. Figures that products of flows go into may differ by 1e-9 of themselves.';

CREATE FUNCTION pulse.verify_trade_sums(for_portfolio text)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'sums of trades', coalesce(t.source_id, c.source_id), coalesce(t.portfolio, c.portfolio) COLLATE "default", NULL::text,
		coalesce(t.day, c.day)::text,
		CASE WHEN t.day IS NOT NULL THEN concat_ws(' ', t.trades, t.wins, t.losses, t.won, t.lost, t.gross_pnl, t.fees, t.best, t.worst, t.holding) END,
		CASE WHEN c.day IS NOT NULL THEN concat_ws(' ', c.trades, c.wins, c.losses, c.won, c.lost, c.gross_pnl, c.fees, c.best, c.worst, c.holding) END
	FROM (SELECT t.* FROM pulse.trade_state t WHERE $1 IS NULL OR t.portfolio = $1) t
	FULL JOIN (
		SELECT c.source_id, c.portfolio, d.day, count(*) AS trades, count(*) FILTER (WHERE c.net_pnl > 0) AS wins,
			count(*) FILTER (WHERE c.net_pnl < 0) AS losses, coalesce(sum(c.net_pnl) FILTER (WHERE c.net_pnl > 0), 0) AS won,
			coalesce(-sum(c.net_pnl) FILTER (WHERE c.net_pnl < 0), 0) AS lost, sum(c.gross_pnl) AS gross_pnl, sum(c.fees) AS fees,
			max(c.net_pnl) AS best, min(c.net_pnl) AS worst, min(c.opened_at) AS first_opened, max(c.closed_at) AS last_closed,
			sum(c.closed_at - c.opened_at) AS holding
		FROM pulse.closed_trade c CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (date_trunc('day', c.closed_at, 'UTC'))) AS d (day)
		WHERE $1 IS NULL OR c.portfolio = $1
		GROUP BY c.source_id, c.portfolio, d.day
	) c ON c.source_id = t.source_id AND c.portfolio = t.portfolio AND c.day = t.day
	WHERE (t.trades, t.wins, t.losses, t.won, t.lost, t.gross_pnl, t.fees, t.best, t.worst, t.first_opened, t.last_closed)
			IS DISTINCT FROM (c.trades, c.wins, c.losses, c.won, c.lost, c.gross_pnl, c.fees, c.best, c.worst, c.first_opened, c.last_closed)
		OR extract(epoch FROM t.holding) <> extract(epoch FROM c.holding)
	$$;
COMMENT ON FUNCTION pulse.verify_trade_sums(text) IS 'Adds up pulse.closed_trade anew and reports every difference from pulse.trade_state.';
