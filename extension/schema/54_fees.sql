-- Fees by what they were paid in. Those in a third asset are in no profit; where a price of the time is known, they are
-- valued with it here.

CREATE FUNCTION pulse.fee_kind(symbol text, fee_asset text) RETURNS text
	AS 'MODULE_PATHNAME', 'pulse_fee_kind' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.fee_kind(text, text) IS
	'What a fee in an asset is to a symbol: quote (also for NULL), base, or other, a third asset.';

CREATE FUNCTION pulse.other_fees(since timestamptz, for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, fill_key text, executed_at timestamptz, fee_asset text, quote_asset text,
				   amount numeric, rate numeric, rate_at timestamptz)
	LANGUAGE sql STABLE
	AS $$
	WITH setting AS MATERIALIZED (
		SELECT pulse.config_interval('ledger.fee_rate_max_age') AS max_age
	), charged AS MATERIALIZED (
		SELECT f.source_id, f.portfolio COLLATE "default" AS portfolio, f.symbol COLLATE "default" AS symbol, f.fill_key COLLATE "default" AS fill_key,
			f.executed_at, upper(f.fee_asset) AS asset, (pulse.symbol_assets(f.symbol)).quote AS quote, f.fee AS amount
		FROM pulse.recent_fills($1, $2) f WHERE f.fee <> 0 AND f.fee_asset IS NOT NULL
			AND pulse.fee_kind(f.symbol, f.fee_asset) = 'other'
	), wanted AS MATERIALIZED (
		SELECT c.asset, c.quote, min(c.executed_at) - min(s.max_age) AS first, max(c.executed_at) AS last
		FROM charged c CROSS JOIN setting s WHERE c.quote IS NOT NULL GROUP BY 1, 2
	), pairs AS MATERIALIZED (
		-- a price of the asset in the quote currency, or of the quote currency in the asset
		SELECT w.*, s.symbol, a.base <> w.asset AS inverse
		FROM (SELECT m.symbol FROM pulse.mark m UNION SELECT p.symbol FROM pulse.position p) s
		CROSS JOIN LATERAL pulse.symbol_assets(s.symbol) a
		JOIN wanted w ON (a.base, a.quote) = (w.asset, w.quote) OR (a.base, a.quote) = (w.quote, w.asset)
	), points AS (
		SELECT p.asset, p.quote, h.ts, CASE WHEN p.inverse THEN 1 / h.price ELSE h.price END AS rate
		FROM pairs p JOIN pulse.mark_history h ON h.symbol = p.symbol AND h.ts BETWEEN p.first AND p.last AND h.price > 0
		UNION ALL
		SELECT p.asset, p.quote, f.executed_at, CASE WHEN p.inverse THEN 1 / f.price ELSE f.price END
		FROM pairs p JOIN pulse.fill f ON f.symbol = p.symbol AND f.executed_at BETWEEN p.first AND p.last AND f.price > 0
			JOIN pulse.portfolios_of('trades') o ON o.source_id = f.source_id AND o.portfolio = f.portfolio
	), merged AS (
		SELECT x.*, count(x.rate) OVER (PARTITION BY x.asset, x.quote ORDER BY x.ts, x.rate IS NULL) AS point
		FROM (SELECT p.asset, p.quote, p.ts, p.rate, NULL::integer AS source_id, NULL::text AS portfolio, NULL::text AS symbol, NULL::text AS fill_key, NULL::numeric AS amount
			  FROM points p
			  UNION ALL
			  SELECT c.asset, c.quote, c.executed_at, NULL, c.source_id, c.portfolio, c.symbol, c.fill_key, c.amount FROM charged c) x
	), rated AS (
		SELECT m.*, max(m.rate) FILTER (WHERE m.rate IS NOT NULL) OVER w AS last_rate, min(m.ts) FILTER (WHERE m.rate IS NOT NULL) OVER w AS last_ts
		FROM merged m WINDOW w AS (PARTITION BY m.asset, m.quote, m.point)
	)
	SELECT r.source_id, r.portfolio, r.symbol, r.fill_key, r.ts, r.asset, r.quote, r.amount,
		CASE WHEN r.last_ts >= r.ts - s.max_age THEN r.last_rate END, CASE WHEN r.last_ts >= r.ts - s.max_age THEN r.last_ts END
	FROM rated r CROSS JOIN setting s WHERE r.amount IS NOT NULL
	$$;
COMMENT ON FUNCTION pulse.other_fees(timestamptz, text) IS
	'Fees in a third asset, with the newest price of that asset in the quote currency that was known at the time of the fill (from pulse_mark() or a fill of that pair) and is not older than ledger.fee_rate_max_age; NULL where none is known.';

CREATE FUNCTION pulse_fees(since timestamptz DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, fee_asset text, kind text, fills bigint, amount numeric, quote_amount numeric, unconverted numeric, quote_asset text)
	LANGUAGE sql STABLE
	AS $$
	SELECT f.portfolio COLLATE "default", upper(f.fee_asset), k.kind, count(*), trim_scale(sum(f.fee)),
		CASE k.kind WHEN 'quote' THEN trim_scale(sum(f.fee)) ELSE trim_scale(sum(f.fee * f.price)) END, 0::numeric, a.quote
	FROM pulse.recent_fills($1, $2) f
	CROSS JOIN LATERAL pulse.fee_kind(f.symbol, f.fee_asset) AS k (kind)
	CROSS JOIN LATERAL pulse.symbol_assets(f.symbol) AS a
	WHERE f.fee <> 0 AND k.kind <> 'other'
	GROUP BY f.portfolio, 2, k.kind, a.quote
	UNION ALL
	SELECT x.portfolio, x.fee_asset, 'other', count(*), trim_scale(sum(x.amount)), trim_scale(round(sum(x.amount * x.rate), 18)),
		trim_scale(coalesce(sum(x.amount) FILTER (WHERE x.rate IS NULL), 0)), x.quote_asset
	FROM pulse.other_fees($1, $2) x
	GROUP BY x.portfolio, x.fee_asset, x.quote_asset
	ORDER BY 1, 2 NULLS FIRST, 3, 8 NULLS FIRST
	$$;
COMMENT ON FUNCTION pulse_fees(timestamptz, text) IS
	'Fees paid (rebates negative) by the asset they were paid in and the currency of the prices (quote_asset, NULL where the symbol does not say). Quote fees, and base ones valued at the price of their fills, are part of every profit after fees. Those in a third asset (kind other) are not: a price of another market decides what they were worth. quote_amount values them with the price of that asset in the quote currency at the time of each fill, from pulse_mark() or a fill of that pair, no older than ledger.fee_rate_max_age; unconverted is the amount, in the asset, of those for which none is known. Fills processed so far; portfolio NULL means all visible ones.';
