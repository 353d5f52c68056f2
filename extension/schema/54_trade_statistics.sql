-- What closed trades and fills say: statistics by this and that, distributions, volume, turnover, holding times, excursions.

CREATE FUNCTION pulse.recent_trades(days integer, portfolio text, method text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, side text, quantity numeric, entry_price numeric,
				   exit_price numeric, gross_pnl numeric, fees numeric, net_pnl numeric, trade_return double precision,
				   opened_at timestamptz, closed_at timestamptz, strategy text)
	LANGUAGE sql STABLE
	AS $$
	WITH since AS MATERIALIZED (SELECT CASE WHEN $1 IS NULL THEN '-infinity' ELSE pulse.check_days($1) END AS ts)
	SELECT t.* FROM pulse.current_trades($2, $3) t CROSS JOIN since WHERE t.closed_at >= since.ts
	$$;
COMMENT ON FUNCTION pulse.recent_trades(integer, text, text) IS
	'Trades closed in the last days, or all for NULL. Error 22023 for days out of range or an unknown method.';

CREATE FUNCTION pulse_trade_statistics("by" text DEFAULT 'all', days integer DEFAULT NULL, portfolio text DEFAULT NULL,
		timezone text DEFAULT 'UTC', method text DEFAULT 'average')
	RETURNS TABLE (item text, trades bigint, wins bigint, losses bigint, gross_pnl numeric, fees numeric, net_pnl numeric,
				   win_rate double precision, profit_factor double precision, average_win double precision, average_loss double precision,
				   payoff_ratio double precision, expectancy double precision, sqn double precision, kelly double precision,
				   max_consecutive_losses bigint, best_trade numeric, worst_trade numeric, average_return double precision,
				   volume numeric, average_holding interval, median_holding interval)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	key text := CASE lower("by") WHEN 'all' THEN '''all''::text' WHEN 'portfolio' THEN 't.portfolio' WHEN 'symbol' THEN 't.symbol'
		WHEN 'strategy' THEN 't.strategy' WHEN 'side' THEN 't.side'
		WHEN 'weekday' THEN 'extract(isodow FROM t.closed_at AT TIME ZONE $4)::text'
		WHEN 'hour' THEN 'to_char(t.closed_at AT TIME ZONE $4, ''HH24'')'
		WHEN 'day' THEN 'to_char(t.closed_at AT TIME ZONE $4, ''YYYY-MM-DD'')'
		WHEN 'month' THEN 'to_char(t.closed_at AT TIME ZONE $4, ''YYYY-MM'')' END;
BEGIN
	IF key IS NULL THEN
		RAISE EXCEPTION 'trades cannot be grouped by %', coalesce(quote_literal("by"), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use all, portfolio, symbol, strategy, side, weekday, hour, day or month.';
	END IF;
	PERFORM pulse.check_zone(timezone);
	RETURN QUERY EXECUTE format($q$
		SELECT %s, count(*), count(*) FILTER (WHERE t.net_pnl > 0), count(*) FILTER (WHERE t.net_pnl < 0),
			trim_scale(sum(t.gross_pnl)), trim_scale(sum(t.fees)), trim_scale(sum(t.net_pnl)),
			@extschema@.pulse_win_rate(t.net_pnl), @extschema@.pulse_profit_factor(t.net_pnl),
			@extschema@.pulse_average_win(t.net_pnl), @extschema@.pulse_average_loss(t.net_pnl), @extschema@.pulse_payoff_ratio(t.net_pnl),
			@extschema@.pulse_expectancy(t.net_pnl), @extschema@.pulse_sqn(t.net_pnl), @extschema@.pulse_kelly_discrete(t.net_pnl),
			@extschema@.pulse_max_consecutive_losses(t.net_pnl ORDER BY t.closed_at, t.opened_at), max(t.net_pnl), min(t.net_pnl), avg(t.trade_return),
			trim_scale(sum(round(t.quantity * (t.entry_price + t.exit_price), 12))), avg(t.closed_at - t.opened_at),
			percentile_cont(0.5) WITHIN GROUP (ORDER BY t.closed_at - t.opened_at)
		FROM pulse.recent_trades($1, $2, $3) t
		GROUP BY 1 ORDER BY 1$q$, key) USING days, portfolio, method, timezone;
END
$$;
COMMENT ON FUNCTION pulse_trade_statistics(text, integer, text, text, text) IS
	'Statistics of the trades closed in the last days (NULL: ever), one row for each value of what they are grouped by: all, portfolio, symbol, strategy (NULL: none named), side (LONG, SHORT), weekday (1 Monday to 7 Sunday), hour (00 to 23), day or month of the closing time in a time zone. All are net of fees in quote currency, each as the aggregate of that name defines it (pulse_win_rate, pulse_profit_factor, …; losses positive); volume is what was bought and sold, average_return the mean of the returns on the entry value. By fifo, lifo and hifo a trade is a lot that was closed. Undefined is NULL. Portfolio NULL means all visible ones. Error 22023 for another grouping, days out of range, an unknown zone or method.';

CREATE FUNCTION pulse_pnl_distribution(bins integer DEFAULT 20, days integer DEFAULT NULL, portfolio text DEFAULT NULL, measure text DEFAULT 'pnl')
	RETURNS TABLE (bin integer, lower double precision, upper double precision, trades bigint, share double precision, net_pnl numeric)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF bins IS NULL OR bins < 1 OR bins > 1000 THEN
		RAISE EXCEPTION 'bins must lie between 1 and 1000' USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 20.';
	ELSIF coalesce(pg_catalog.lower(measure), '') NOT IN ('pnl', 'return') THEN
		RAISE EXCEPTION 'unknown measure %', coalesce(quote_literal(measure), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use pnl or return.';
	END IF;
	RETURN QUERY
	WITH measured AS MATERIALIZED (
		SELECT CASE pg_catalog.lower(measure) WHEN 'pnl' THEN t.net_pnl::double precision ELSE t.trade_return END AS v, t.net_pnl
		FROM pulse.recent_trades(days, portfolio, 'average') t
	), bounds AS (
		SELECT min(v) AS low, max(v) AS high, CASE WHEN min(v) = max(v) THEN 1 ELSE bins END AS n, count(v) AS total FROM measured
	), counted AS (
		-- the largest value belongs to the last bin
		SELECT CASE WHEN b.n = 1 THEN 1 ELSE least(width_bucket(x.v, b.low, b.high, b.n), b.n) END AS bin, count(*) AS trades, sum(x.net_pnl) AS net_pnl
		FROM measured x CROSS JOIN bounds b WHERE x.v IS NOT NULL GROUP BY 1
	)
	SELECT g, b.low + (b.high - b.low) * (g - 1) / b.n, b.low + (b.high - b.low) * g / b.n, coalesce(c.trades, 0),
		coalesce(c.trades, 0)::double precision / b.total, trim_scale(coalesce(c.net_pnl, 0))
	FROM bounds b CROSS JOIN LATERAL generate_series(1, CASE WHEN b.total > 0 THEN b.n ELSE 0 END) g LEFT JOIN counted c ON c.bin = g
	ORDER BY g;
END
$$;
COMMENT ON FUNCTION pulse_pnl_distribution(integer, integer, text, text) IS
	'Histogram of the trades closed in the last days (NULL: ever) by their net profit, or by their return (measure return): bins of equal width from the smallest to the largest; each one holds its lower bound, the last one its upper bound too; share is that of all trades. One bin where all are the same, no row without trades. Portfolio NULL means all visible ones. Error 22023 for a number of bins or days out of range, or another measure.';

CREATE FUNCTION pulse_holding_times(days integer DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (outcome text, trades bigint, shortest interval, lower_quartile interval, median interval, upper_quartile interval,
				   longest interval, average interval)
	LANGUAGE sql STABLE
	AS $$
	SELECT coalesce(x.outcome, 'all'), count(*), min(x.held), (percentile_cont(0.25) WITHIN GROUP (ORDER BY x.held)),
		percentile_cont(0.5) WITHIN GROUP (ORDER BY x.held), percentile_cont(0.75) WITHIN GROUP (ORDER BY x.held), max(x.held), avg(x.held)
	FROM (SELECT t.closed_at - t.opened_at AS held, CASE WHEN t.net_pnl > 0 THEN 'win' WHEN t.net_pnl < 0 THEN 'loss' ELSE 'even' END AS outcome
		  FROM pulse.recent_trades($1, $2, 'average') t) x
	GROUP BY GROUPING SETS ((), (x.outcome))
	HAVING count(*) > 0
	ORDER BY 1
	$$;
COMMENT ON FUNCTION pulse_holding_times(integer, text) IS
	'How long the trades closed in the last days (NULL: ever) were held, from the first fill to the last: quartiles, extremes and mean, of all of them, and by outcome after fees (even, loss, win). Portfolio NULL means all visible ones. Error 22023 for days out of range.';

CREATE FUNCTION pulse_volume(bucket interval DEFAULT '1 day', days integer DEFAULT 30, portfolio text DEFAULT NULL, symbol text DEFAULT NULL,
		timezone text DEFAULT 'UTC')
	RETURNS TABLE (ts timestamptz, fills bigint, buys bigint, sells bigint, volume numeric, buy_volume numeric, sell_volume numeric,
				   average_fill numeric, largest_fill numeric)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	since timestamptz := pulse.check_days(days);
	seconds double precision := extract(epoch FROM bucket);
BEGIN
	PERFORM pulse.check_zone(timezone);
	IF seconds IS NULL OR seconds < 1 OR seconds * 100000 < days * 86400.0 OR extract(month FROM bucket) <> 0 OR extract(year FROM bucket) <> 0 THEN
		RAISE EXCEPTION 'the bucket must be at least a second, no months, and make no more than 100000 of the days'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example ''1 hour'', ''1 day'' or ''7 days''.';
	END IF;
	RETURN QUERY
	-- weeks begin on Monday
	SELECT date_bin(bucket, f.executed_at AT TIME ZONE timezone, '2001-01-01') AT TIME ZONE timezone, count(*),
		count(*) FILTER (WHERE f.side = 'BUY'), count(*) FILTER (WHERE f.side = 'SELL'), trim_scale(sum(f.quantity * f.price)),
		trim_scale(coalesce(sum(f.quantity * f.price) FILTER (WHERE f.side = 'BUY'), 0)),
		trim_scale(coalesce(sum(f.quantity * f.price) FILTER (WHERE f.side = 'SELL'), 0)),
		trim_scale(avg(f.quantity * f.price)), trim_scale(max(f.quantity * f.price))
	FROM pulse.recent_fills(since, pulse_volume.portfolio) f
	WHERE pulse_volume.symbol IS NULL OR f.symbol = pulse_volume.symbol
	GROUP BY 1 ORDER BY 1;
END
$$;
COMMENT ON FUNCTION pulse_volume(interval, integer, text, text, text) IS
	'What was traded in the last days, by buckets of time in a time zone (weeks begin on Monday): fills, purchases and sales, their volume in quote currency, the mean and the largest fill; a bucket without fills has no row. Fills processed so far. Portfolio and symbol NULL mean all visible ones. Error 22023 for a bucket or days out of range or an unknown zone.';

CREATE FUNCTION pulse.turnover(since timestamptz, for_portfolio text)
	RETURNS TABLE (portfolio text, fills bigint, volume numeric, average_equity numeric, turnover double precision, annual_turnover double precision)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	covered double precision;
BEGIN
	FOR portfolio, fills, volume IN
		SELECT o.portfolio, coalesce(x.fills, 0), trim_scale(coalesce(x.volume, 0))
		FROM (SELECT DISTINCT p.portfolio FROM pulse.portfolios_of('trades') p WHERE for_portfolio IS NULL OR p.portfolio = for_portfolio) o
			LEFT JOIN (SELECT f.portfolio, count(*) AS fills, sum(f.quantity * f.price) AS volume FROM pulse.recent_fills(since, for_portfolio) f GROUP BY 1) x
			ON x.portfolio = o.portfolio
		ORDER BY 1
	LOOP
		-- the value that stood on each day, not at each snapshot: they may come more often at one time than at another
		EXECUTE format($q$SELECT trim_scale(round(avg(d.value), 8)), extract(epoch FROM now() - greatest(min(d.first_ts), $2)) / 86400 FROM (
			SELECT (array_agg(e.value ORDER BY e.ts DESC))[1] AS value, min(e.ts) AS first_ts FROM (%s) e GROUP BY date_trunc('day', e.ts, 'UTC')) d$q$,
			pulse.equity_query(portfolio, since, NULL)) INTO average_equity, covered USING portfolio, since, NULL::timestamptz;
		turnover := (volume / nullif(average_equity, 0))::double precision;
		annual_turnover := turnover * 365 / greatest(covered, 1);
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.turnover(timestamptz, text) IS 'Body of pulse_turnover().';

CREATE FUNCTION pulse_turnover(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, fills bigint, volume numeric, average_equity numeric, turnover double precision, annual_turnover double precision)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.turnover(pulse.check_days($1), $2) $$;
COMMENT ON FUNCTION pulse_turnover(integer, text) IS
	'How often each portfolio turned its capital over in the last days: volume of all fills, purchases and sales, in quote currency, over the mean of its value on each day; annual_turnover is that for a year of 365 days, from the time that snapshots cover, at least a day. NULL without snapshots. Fills processed so far. Portfolio NULL means all visible ones. Error 22023 for days out of range.';

CREATE FUNCTION pulse_trade_excursions(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, side text, quantity numeric, entry_price numeric, exit_price numeric, net_pnl numeric,
				   opened_at timestamptz, closed_at timestamptz, marks bigint, mae double precision, mfe double precision,
				   mae_amount numeric, mfe_amount numeric, captured double precision, strategy text)
	LANGUAGE sql STABLE
	AS $$
	SELECT t.portfolio, t.symbol, t.side, t.quantity, t.entry_price, t.exit_price, t.net_pnl, t.opened_at, t.closed_at, m.marks,
		(x.against / nullif(t.entry_price, 0))::double precision, (x.favour / nullif(t.entry_price, 0))::double precision,
		trim_scale(x.against * t.quantity), trim_scale(x.favour * t.quantity),
		(CASE t.side WHEN 'LONG' THEN t.exit_price - t.entry_price ELSE t.entry_price - t.exit_price END / nullif(x.favour, 0))::double precision, t.strategy
	FROM pulse.recent_trades($1, $2, 'average') t
	CROSS JOIN LATERAL (
		SELECT count(*) AS marks, min(h.price) AS low, max(h.price) AS high FROM pulse.mark_history h
		WHERE h.symbol = t.symbol AND h.ts BETWEEN t.opened_at AND t.closed_at
	) m
	CROSS JOIN LATERAL (
		SELECT least(m.low, min(f.price)) AS low, greatest(m.high, max(f.price)) AS high FROM pulse.fill f
		WHERE f.source_id = t.source_id AND f.portfolio = t.portfolio AND f.symbol = t.symbol AND f.executed_at BETWEEN t.opened_at AND t.closed_at
	) p
	CROSS JOIN LATERAL (
		SELECT CASE WHEN m.marks > 0 THEN greatest(CASE t.side WHEN 'LONG' THEN t.entry_price - p.low ELSE p.high - t.entry_price END, 0) END AS against,
			CASE WHEN m.marks > 0 THEN greatest(CASE t.side WHEN 'LONG' THEN p.high - t.entry_price ELSE t.entry_price - p.low END, 0) END AS favour
	) x
	ORDER BY t.closed_at, t.opened_at, t.portfolio, t.symbol
	$$;
COMMENT ON FUNCTION pulse_trade_excursions(integer, text) IS
	'How far the price went against and for each round trip closed in the last days (NULL: ever) while it was open: maximum adverse and favourable excursion from its average entry price, as positive fractions of that price (mae, mfe) and in quote currency for its whole quantity (mae_amount, mfe_amount); captured is the part of mfe that the average exit price kept. From the prices told by pulse_mark() while it was open (marks says how many) and its own fills; NULL where none was told. Source: Sweeney 1996. Portfolio NULL means all visible ones. Error 22023 for days out of range.';
