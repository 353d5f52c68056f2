-- Where the risk sits, and what trading is like: by symbol, by hour, by month, drawdown by drawdown.

CREATE FUNCTION pulse.equity_of(for_portfolio text)
	RETURNS TABLE (portfolio text, equity numeric)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.portfolio, sum(s.total_value) FROM pulse.latest_snapshots($1) s GROUP BY s.portfolio
	$$;
COMMENT ON FUNCTION pulse.equity_of(text) IS 'Value of each portfolio at its newest snapshot.';

CREATE FUNCTION pulse_exposure(portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, side text, quantity numeric, market_value numeric, weight double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT p.portfolio, p.symbol, CASE WHEN p.quantity > 0 THEN 'LONG' ELSE 'SHORT' END, p.quantity, p.market_value,
		(p.market_value / nullif(e.equity, 0))::double precision
	FROM @extschema@.pulse_positions($1) p LEFT JOIN pulse.equity_of($1) e ON e.portfolio = p.portfolio
	WHERE p.opened_at IS NOT NULL
	ORDER BY abs(p.market_value) DESC, p.portfolio, p.symbol
	$$;
COMMENT ON FUNCTION pulse_exposure(text) IS
	'Open positions by size: market value (negative for shorts) and weight, its fraction of the value of the portfolio at the newest snapshot, NULL without one. Portfolio NULL means all visible ones.';

CREATE FUNCTION pulse_leverage(portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, equity numeric, long_value numeric, short_value numeric, gross_exposure numeric, net_exposure numeric,
				   gross_leverage double precision, net_leverage double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT x.portfolio, e.equity, x.long_value, x.short_value, x.long_value + x.short_value, x.long_value - x.short_value,
		((x.long_value + x.short_value) / nullif(e.equity, 0))::double precision,
		((x.long_value - x.short_value) / nullif(e.equity, 0))::double precision
	FROM (
		SELECT p.portfolio, coalesce(sum(p.market_value) FILTER (WHERE p.market_value > 0), 0) AS long_value,
			coalesce(-sum(p.market_value) FILTER (WHERE p.market_value < 0), 0) AS short_value
		FROM @extschema@.pulse_positions($1) p
		GROUP BY p.portfolio
	) x LEFT JOIN pulse.equity_of($1) e ON e.portfolio = x.portfolio
	ORDER BY x.portfolio
	$$;
COMMENT ON FUNCTION pulse_leverage(text) IS
	'Exposure of each portfolio against its value at the newest snapshot: long and short market value (both positive), gross (long + short) and net (long - short), and their ratios to equity; NULL without a snapshot. Portfolio NULL means all visible ones.';

CREATE FUNCTION pulse_concentration(portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, position_count bigint, largest_symbol text, largest_share double precision, herfindahl double precision,
				   effective_positions double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.portfolio, count(*), (array_agg(s.symbol ORDER BY s.share DESC, s.symbol))[1], max(s.share)::double precision,
		sum(s.share * s.share)::double precision, (1 / sum(s.share * s.share))::double precision
	FROM (
		SELECT p.portfolio, p.symbol, abs(p.market_value) / nullif(sum(abs(p.market_value)) OVER (PARTITION BY p.portfolio), 0) AS share
		FROM @extschema@.pulse_positions($1) p WHERE p.opened_at IS NOT NULL
	) s
	WHERE s.share IS NOT NULL
	GROUP BY s.portfolio
	ORDER BY s.portfolio
	$$;
COMMENT ON FUNCTION pulse_concentration(text) IS
	'How concentrated the open positions of each portfolio are: the largest and its share of the sum of absolute market values, the Herfindahl index (sum of squared shares, from 1/n to 1) and its inverse, the effective number of positions. Source: Herfindahl 1950. Portfolio NULL means all visible ones; one without open positions has no row.';

CREATE FUNCTION pulse_correlation_matrix(portfolio text DEFAULT NULL, days integer DEFAULT 90)
	RETURNS TABLE (symbol_a text, symbol_b text, correlation double precision, observations bigint)
	LANGUAGE sql STABLE
	AS $$
	WITH traded AS MATERIALIZED (
		SELECT f.symbol, f.executed_at AS ts, f.ordinal, f.price FROM pulse.recent_fills(pulse.check_days($2), $1) f WHERE f.price > 0
	), closes AS (
		SELECT p.symbol, (p.ts AT TIME ZONE 'UTC')::date AS day, (array_agg(p.price ORDER BY p.ts DESC, p.ordinal DESC))[1]::double precision AS price
		FROM (SELECT * FROM traded
			  UNION ALL
			  SELECT h.symbol, h.ts, 0, h.price FROM pulse.mark_history h
			  WHERE h.ts >= pulse.check_days($2) AND h.price > 0 AND h.symbol IN (SELECT t.symbol FROM traded t)) p
		GROUP BY 1, 2
	), returns AS (
		SELECT c.symbol, c.day, c.price / lag(c.price) OVER w - 1 AS r, c.day - lag(c.day) OVER w AS span
		FROM closes c WINDOW w AS (PARTITION BY c.symbol ORDER BY c.day)
	)
	-- only returns over the same stretch of days compare
	SELECT a.symbol, b.symbol, corr(a.r, b.r), count(*)
	FROM returns a JOIN returns b ON b.day = a.day AND b.span = a.span
	WHERE a.r IS NOT NULL AND b.r IS NOT NULL
	GROUP BY a.symbol, b.symbol
	ORDER BY a.symbol, b.symbol
	$$;
COMMENT ON FUNCTION pulse_correlation_matrix(text, integer) IS
	'Pearson correlation of the daily price returns of each pair of symbols, from the last fill or price told by pulse_mark() of each UTC day in the last days, over the days on which both have one; NULL where a price does not vary or there is but one day. Symbols without a fill in those days are left out. Portfolio NULL means all visible ones. Error 22023 for days out of range.';

CREATE FUNCTION pulse_trading_heatmap(days integer DEFAULT 30, portfolio text DEFAULT NULL, timezone text DEFAULT 'UTC')
	RETURNS TABLE (weekday integer, hour integer, trades bigint, volume numeric, pnl numeric)
	LANGUAGE sql STABLE
	AS $$
	WITH since AS MATERIALIZED (SELECT pulse.check_days($1) AS ts),
	fills AS (
		SELECT extract(isodow FROM f.executed_at AT TIME ZONE $3)::integer AS weekday, extract(hour FROM f.executed_at AT TIME ZONE $3)::integer AS hour,
			count(*) AS trades, sum(f.quantity * f.price) AS volume
		FROM since CROSS JOIN LATERAL pulse.recent_fills(since.ts, $2) f
		GROUP BY 1, 2
	), closed AS (
		SELECT extract(isodow FROM t.closed_at AT TIME ZONE $3)::integer AS weekday, extract(hour FROM t.closed_at AT TIME ZONE $3)::integer AS hour,
			sum(t.net_pnl) AS pnl
		FROM pulse.current_trades($2, 'average') t CROSS JOIN since
		WHERE t.closed_at >= since.ts
		GROUP BY 1, 2
	)
	SELECT d, h, coalesce(f.trades, 0), coalesce(trim_scale(f.volume), 0), coalesce(trim_scale(c.pnl), 0)
	FROM generate_series(1, 7) d CROSS JOIN generate_series(0, 23) h
	LEFT JOIN fills f ON f.weekday = d AND f.hour = h LEFT JOIN closed c ON c.weekday = d AND c.hour = h
	ORDER BY d, h
	$$;
COMMENT ON FUNCTION pulse_trading_heatmap(integer, text, text) IS
	'When trading happens: for each weekday (1 Monday to 7 Sunday) and hour of a time zone, over the last days, the number of fills, their volume in quote currency and the net profit of the trades closed then; every cell has a row. Portfolio NULL means all visible ones. Error 22023 for days out of range or an unknown zone.';

CREATE FUNCTION pulse_symbol_performance(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (symbol text, fills bigint, volume numeric, trades bigint, gross_pnl numeric, fees numeric, net_pnl numeric,
				   win_rate double precision, profit_factor double precision, average_win double precision, average_loss double precision,
				   average_return double precision, best_trade numeric, worst_trade numeric, average_holding interval)
	LANGUAGE sql STABLE
	AS $$
	WITH since AS MATERIALIZED (SELECT pulse.check_days($1) AS ts),
	filled AS (
		SELECT f.symbol COLLATE "default" AS symbol, count(*) AS fills, sum(f.quantity * f.price) AS volume
		FROM since CROSS JOIN LATERAL pulse.recent_fills(since.ts, $2) f
		GROUP BY 1
	), closed AS (
		SELECT t.symbol, count(*) AS trades, sum(t.gross_pnl) AS gross_pnl, sum(t.fees) AS fees, sum(t.net_pnl) AS net_pnl,
			@extschema@.pulse_win_rate(t.net_pnl) AS win_rate, @extschema@.pulse_profit_factor(t.net_pnl) AS profit_factor,
			@extschema@.pulse_average_win(t.net_pnl) AS average_win, @extschema@.pulse_average_loss(t.net_pnl) AS average_loss,
			avg(t.trade_return) AS average_return, max(t.net_pnl) AS best_trade, min(t.net_pnl) AS worst_trade, avg(t.closed_at - t.opened_at) AS holding
		FROM pulse.current_trades($2, 'average') t CROSS JOIN since
		WHERE t.closed_at >= since.ts
		GROUP BY t.symbol
	)
	SELECT coalesce(f.symbol, c.symbol), coalesce(f.fills, 0), trim_scale(coalesce(f.volume, 0)), coalesce(c.trades, 0), c.gross_pnl, c.fees, c.net_pnl,
		c.win_rate, c.profit_factor, c.average_win, c.average_loss, c.average_return, c.best_trade, c.worst_trade, c.holding
	FROM filled f FULL JOIN closed c ON c.symbol = f.symbol
	ORDER BY c.net_pnl DESC NULLS LAST, 1
	$$;
COMMENT ON FUNCTION pulse_symbol_performance(integer, text) IS
	'Each symbol over the last days, best first: fills and their volume in quote currency, and the trades closed with gross and net profit, win statistics net of fees, mean return a trade and mean holding time. Undefined is NULL. Portfolio NULL means all visible ones. Error 22023 for days out of range.';

CREATE FUNCTION pulse.growth(for_portfolio text)
	RETURNS TABLE (ts timestamptz, value double precision, r double precision)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		SELECT e.ts, e.value, (e.value - e.flow - e.before) / nullif(e.before, 0)
		FROM (SELECT e.ts, e.value, e.flow, lag(e.value) OVER (ORDER BY e.ts) AS before
			  FROM (SELECT e.ts, e.value::float8, coalesce(e.flow, 0)::float8 AS flow FROM (%s) e) e) e ORDER BY e.ts$q$, pulse.equity_query(for_portfolio, NULL, NULL)) USING for_portfolio;
END
$$;
COMMENT ON FUNCTION pulse.growth(text) IS
	'Equity and the return from snapshot to snapshot, flows removed; NULL for the first.';

CREATE FUNCTION pulse.monthly_growth(for_portfolio text, timezone text)
	RETURNS TABLE (month timestamp, ts timestamptz, value double precision, r double precision)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(for_portfolio);
	sources integer[];
	queries text[];
	first_time timestamptz;
	last_time timestamptz;
	cuts timestamptz[];
BEGIN
	IF series.source_id IS NOT NULL THEN
		SELECT m.first_ts, m.last_ts INTO first_time, last_time FROM pulse.state_metrics(series.source_id, series.series_portfolio, NULL, NULL) m;
	ELSE
		SELECT min((p.m).first_ts), max((p.m).last_ts) INTO first_time, last_time
			FROM (SELECT pulse.state_metrics(o.source_id, o.portfolio, NULL, NULL) AS m FROM pulse.portfolios_of('snapshots') o
				  WHERE for_portfolio IS NULL OR o.portfolio = for_portfolio OFFSET 0) p;
	END IF;
	IF first_time IS NULL THEN
		RETURN;
	END IF;
	cuts := ARRAY(SELECT m AT TIME ZONE timezone FROM generate_series(date_trunc('month', first_time AT TIME ZONE timezone),
		date_trunc('month', last_time AT TIME ZONE timezone) + interval '1 month', interval '1 month') m ORDER BY m);
	IF series.source_id IS NULL THEN
		SELECT p.sources, p.queries INTO sources, queries FROM pulse.equity_parts(for_portfolio, NULL, NULL) p;
	END IF;
	RETURN QUERY
		SELECT date_trunc('month', s.first_ts AT TIME ZONE timezone), s.last_ts, s.last,
			-- the flow at the very first snapshot is where the curve begins, not a part of it
			CASE WHEN s.before IS NOT NULL THEN s.last * s.link * s.entry_link / nullif(s.before, 0) - 1
				WHEN s.observations > 1 THEN s.last * s.link / nullif(s.first, 0) - 1 END
		FROM (SELECT p.*, lag(p.last) OVER (ORDER BY p.first_ts) AS before
			  FROM (SELECT g.* FROM pulse.state_segments(series.source_id, series.series_portfolio, cuts, true) g WHERE series.source_id IS NOT NULL
					UNION ALL
					SELECT g.* FROM pulse.combined_segments(sources, queries, for_portfolio, NULL, NULL, cuts, true) g WHERE series.source_id IS NULL) p) s;
END
$$;
COMMENT ON FUNCTION pulse.monthly_growth(text, text) IS
	'Returns of stretches of a curve, none longer than a day or across the end of a month of a time zone; NULL for the first snapshot and where equity was not positive.';

CREATE FUNCTION pulse_monthly_returns(portfolio text DEFAULT NULL, timezone text DEFAULT 'UTC')
	RETURNS TABLE (year integer, month integer, monthly_return double precision, end_value double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT extract(year FROM g.month)::integer, extract(month FROM g.month)::integer,
		@extschema@.pulse_total_return(g.r), (array_agg(g.value ORDER BY g.ts DESC))[1]
	FROM pulse.monthly_growth($1, $2) g
	GROUP BY 1, 2
	ORDER BY 1, 2
	$$;
COMMENT ON FUNCTION pulse_monthly_returns(text, text) IS
	'Return of each month of a time zone, from the last snapshot before it to the last one in it, deposits and withdrawals removed; NULL for a month with only the first snapshot. Portfolio NULL: all visible ones together.';

CREATE FUNCTION pulse.hour_levels(source_id integer, portfolio text, hours timestamptz[], levels double precision[], before double precision[])
	RETURNS TABLE (ts timestamptz, level double precision)
	LANGUAGE plpgsql STABLE COST 10000 ROWS 10000
	SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
BEGIN
	IF hours = '{}' THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format($q$
		SELECT s.ts, s.level + sum(s.step) OVER (PARTITION BY s.i ORDER BY s.ts)
		FROM (
			SELECT x.i, x.level, r.ts, coalesce(ln(((r.total_value - coalesce(r.net_flow, 0))
				/ coalesce(lag(r.total_value) OVER (PARTITION BY x.i ORDER BY r.ts), x.before::numeric))::float8), 0) AS step
			FROM unnest($2, $3, $4, $5) WITH ORDINALITY AS x (since, until, level, before, i)
			CROSS JOIN LATERAL (%s) r
			WHERE r.portfolio = $1 AND r.total_value IS NOT NULL
		) s$q$, pulse.build_source_query(source_id, '$1', 'x.since', 'x.until'))
		USING portfolio, hours, ARRAY(SELECT h.hour + interval '1 hour' - interval '1 microsecond' FROM unnest(hours) WITH ORDINALITY AS h (hour, i) ORDER BY h.i), levels, before;
END
$$;
COMMENT ON FUNCTION pulse.hour_levels(integer, text, timestamptz[], double precision[], double precision[]) IS
	'Logarithms of growth at each snapshot of some hours of a curve, given how far it had come before each of them and its value then.';

CREATE FUNCTION pulse.drawdown_curve(for_portfolio text, top integer)
	RETURNS TABLE (ts timestamptz, level double precision)
	LANGUAGE plpgsql STABLE COST 100000 ROWS 10000
	SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	series record := pulse.series_of(for_portfolio);
	archived timestamptz;
	-- hours of which the snapshots are read
	raw_hours timestamptz[] := '{}';
	look record;
BEGIN
	IF series.source_id IS NOT NULL THEN
		SELECT bool_or(g.link IS NULL OR g.low <= 0) AS broken, count(*) AS n INTO look
			FROM pulse.state_segments(series.source_id, series.series_portfolio, '{-infinity,infinity}', true) g;
	ELSE
		RETURN QUERY SELECT l.ts, l.level FROM pulse.equity_parts(for_portfolio, NULL, NULL) p
			CROSS JOIN LATERAL pulse.combined_levels(p.sources, p.queries, for_portfolio, NULL, NULL) l;
		RETURN;
	END IF;
	IF look.broken OR look.n = 0 THEN
		RETURN QUERY SELECT g.ts, coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0) FROM pulse.growth(for_portfolio) g;
		RETURN;
	END IF;
	SELECT coalesce(s.archived_before, '-infinity') INTO archived FROM pulse.source s WHERE s.source_id = series.source_id;
	FOR round IN 1..10 LOOP
		WITH hours AS MATERIALIZED (
			SELECT h.*, date_bin('1 hour', h.first_ts, '2000-01-03Z') AS unit, sum(ln(h.growth)) OVER (ORDER BY h.first_ts) AS level
			FROM (SELECT g.*, coalesce(g.last * g.link * g.entry_link / lag(g.last) OVER (ORDER BY g.first_ts), g.last * g.link / g.first) AS growth
				  FROM pulse.state_segments(series.source_id, series.series_portfolio, '{-infinity,infinity}', false) g) h
		), known AS MATERIALIZED (
			SELECT h.unit, p.ts, p.level
			FROM hours h CROSS JOIN LATERAL (VALUES (CASE WHEN h.high > h.last AND h.high_ts < h.last_ts THEN h.high_ts END, h.level + ln(h.high / h.last)),
				(h.last_ts, h.level)) AS p (ts, level)
			WHERE h.unit <> ALL (raw_hours) AND p.ts IS NOT NULL
			UNION ALL
			SELECT date_bin('1 hour', r.ts, '2000-01-03Z'), r.ts, r.level
			FROM pulse.hour_levels(series.source_id, series.series_portfolio, raw_hours, ARRAY(SELECT h.level - ln(h.growth) FROM unnest(raw_hours) WITH ORDINALITY AS x (unit, i) JOIN hours h ON h.unit = x.unit ORDER BY x.i),
				ARRAY(SELECT h.before FROM unnest(raw_hours) WITH ORDINALITY AS x (unit, i) JOIN (SELECT h.unit, lag(h.last) OVER (ORDER BY h.first_ts) AS before FROM hours h) h ON h.unit = x.unit ORDER BY x.i)) r
		), peaks AS (
			SELECT k.*, max(k.level) OVER (ORDER BY k.ts) AS peak FROM known k
		), episodes AS (
			SELECT p.*, count(*) FILTER (WHERE p.level >= p.peak) OVER (ORDER BY p.ts) AS episode FROM peaks p
		), spans AS (
			SELECT e.episode, min(e.unit) AS first_unit, max(e.peak - e.level) AS depth, (array_agg(e.unit ORDER BY e.level, e.ts))[1] AS trough_unit
			FROM episodes e GROUP BY e.episode
		), ordered AS (
			SELECT s.*, lead(s.first_unit) OVER (ORDER BY s.episode) AS end_unit, row_number() OVER (ORDER BY s.depth DESC, s.episode) AS place FROM spans s
		), least_depth AS (
			SELECT coalesce((SELECT o.depth FROM ordered o WHERE o.place = greatest(top, 1)), 0) AS depth
		), bounds AS (
			SELECT h.unit, h.level + ln(h.high / h.last) AS high, h.level + ln(h.low / h.last) AS low, -ln(1 - h.deepest) AS inside,
				b.peak, b.depth, b.trough_unit
			FROM hours h
			LEFT JOIN (SELECT x.unit, lag(x.peak) OVER (ORDER BY x.unit) AS peak, lag(x.depth) OVER (ORDER BY x.unit) AS depth, lag(x.trough_unit) OVER (ORDER BY x.unit) AS trough_unit
				FROM (SELECT DISTINCT ON (e.unit) e.unit, e.peak, s.depth, s.trough_unit FROM episodes e JOIN spans s ON s.episode = e.episode
					  ORDER BY e.unit, e.ts DESC) x) b ON b.unit = h.unit
			WHERE h.unit <> ALL (raw_hours)
		)
		SELECT ARRAY(
			SELECT u.unit FROM (
				-- where a trough may be
				SELECT b.unit FROM bounds b CROSS JOIN least_depth d
					WHERE b.peak - b.low > d.depth - 1e-12 AND b.peak - b.low > 1e-12
						AND (b.peak - b.low > b.depth + 1e-12 OR (b.peak - b.low > b.depth - 1e-12 AND b.unit <= b.trough_unit))
				UNION
				SELECT b.unit FROM bounds b CROSS JOIN least_depth d WHERE (b.peak IS NULL OR b.high >= b.peak) AND b.inside > 1e-12 AND b.inside > d.depth - 1e-12
				UNION
				-- and when those that count begin and end
				SELECT x.unit FROM ordered o CROSS JOIN LATERAL (VALUES (o.first_unit), (o.trough_unit), (o.end_unit)) AS x (unit)
					WHERE o.place <= top AND o.depth > 1e-12 AND x.unit IS NOT NULL
			) u WHERE u.unit <> ALL (raw_hours) AND u.unit >= archived) AS more,
			(SELECT count(*) FROM hours) AS n
			INTO look;
		EXIT WHEN look.more = '{}' OR round = 10;
		raw_hours := raw_hours || look.more;
		EXIT WHEN cardinality(raw_hours) > look.n / 2 + 100;
	END LOOP;
	IF look.more <> '{}' THEN
		RETURN QUERY SELECT g.ts, coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0) FROM pulse.growth(for_portfolio) g;
		RETURN;
	END IF;
	RETURN QUERY
	WITH hours AS MATERIALIZED (
		SELECT h.*, date_bin('1 hour', h.first_ts, '2000-01-03Z') AS unit, sum(ln(h.growth)) OVER (ORDER BY h.first_ts) AS level
		FROM (SELECT g.*, lag(g.last) OVER (ORDER BY g.first_ts) AS before,
				coalesce(g.last * g.link * g.entry_link / lag(g.last) OVER (ORDER BY g.first_ts), g.last * g.link / g.first) AS growth
			  FROM pulse.state_segments(series.source_id, series.series_portfolio, '{-infinity,infinity}', false) g) h
	)
	SELECT p.ts, p.level
	FROM hours h CROSS JOIN LATERAL (VALUES (CASE WHEN h.high > h.last AND h.high_ts < h.last_ts THEN h.high_ts END, h.level + ln(h.high / h.last)),
		(h.last_ts, h.level)) AS p (ts, level)
	WHERE h.unit <> ALL (raw_hours) AND p.ts IS NOT NULL
	UNION ALL
	SELECT r.ts, r.level
	FROM pulse.hour_levels(series.source_id, series.series_portfolio, raw_hours,
		ARRAY(SELECT h.level - ln(h.growth) FROM unnest(raw_hours) WITH ORDINALITY AS x (unit, i) JOIN hours h ON h.unit = x.unit ORDER BY x.i),
		ARRAY(SELECT h.before FROM unnest(raw_hours) WITH ORDINALITY AS x (unit, i) JOIN hours h ON h.unit = x.unit ORDER BY x.i)) r;
END
$$;
COMMENT ON FUNCTION pulse.drawdown_curve(text, integer) IS
	'The logarithm of the growth of a curve, from summaries: of every hour its highest and last value, and each snapshot of the hours in which one of the deepest drawdowns (so many) begins, ends, has its lowest point, or may have. Of several portfolios together: at each snapshot where a drawdown begins, is lowest or ends; of a curve that was lost: at each.';

CREATE FUNCTION pulse_drawdowns(top integer DEFAULT 10, portfolio text DEFAULT NULL)
	RETURNS TABLE (rank bigint, depth double precision, peak_at timestamptz, trough_at timestamptz, recovered_at timestamptz,
				   duration interval, time_to_trough interval, time_to_recover interval)
	LANGUAGE sql STABLE
	AS $$
	WITH curve AS MATERIALIZED (
		SELECT c.ts, c.level FROM pulse.drawdown_curve($2, $1) c
	), peaks AS (
		SELECT c.ts, c.level, max(c.level) OVER (ORDER BY c.ts) AS peak FROM curve c
	), episodes AS (
		SELECT p.ts, p.level, p.peak, count(*) FILTER (WHERE p.level >= p.peak) OVER (ORDER BY p.ts) AS episode FROM peaks p
	), spans AS (
		SELECT e.episode, min(e.ts) AS peak_at, min(e.level - e.peak) AS fall,
			(array_agg(e.ts ORDER BY e.level, e.ts))[1] AS trough_at, max(e.ts) AS last_at
		FROM episodes e GROUP BY e.episode
	), bounded AS (
		SELECT s.*, lead(s.peak_at) OVER (ORDER BY s.episode) AS recovered_at FROM spans s
	)
	SELECT row_number() OVER (ORDER BY b.fall, b.peak_at), 1 - exp(b.fall), b.peak_at, b.trough_at, b.recovered_at,
		coalesce(b.recovered_at, b.last_at) - b.peak_at, b.trough_at - b.peak_at, b.recovered_at - b.trough_at
	FROM bounded b
	-- less than a rounding error is no drawdown
	WHERE b.fall < -1e-12
	ORDER BY b.fall, b.peak_at
	LIMIT greatest($1, 0)
	$$;
COMMENT ON FUNCTION pulse_drawdowns(integer, text) IS
	'The deepest drawdowns of the equity, deposits and withdrawals removed: depth (a positive fraction of the peak), when the peak was, the lowest point and the recovery (NULL while it lasts), and how long each part took; duration runs to the recovery or the last snapshot. Portfolio NULL: all visible ones together.';
