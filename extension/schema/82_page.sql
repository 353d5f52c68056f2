-- Figures that the dashboard shows and that are made of several others.

CREATE FUNCTION pulse.exposure_data(for_portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH whole AS (
		SELECT sum(l.equity) AS equity, coalesce(sum(l.long_value), 0) AS long_value, coalesce(sum(l.short_value), 0) AS short_value
		FROM @extschema@.pulse_leverage($1) l
	), position AS (
		SELECT e.symbol, sum(e.market_value) AS market_value FROM @extschema@.pulse_exposure($1) e GROUP BY e.symbol
	)
	SELECT jsonb_build_object('equity', w.equity::text, 'long_value', trim_scale(w.long_value)::text, 'short_value', trim_scale(w.short_value)::text,
		'gross_leverage', pulse.json_number(((w.long_value + w.short_value) / nullif(w.equity, 0))::double precision),
		'net_leverage', pulse.json_number(((w.long_value - w.short_value) / nullif(w.equity, 0))::double precision),
		'positions', coalesce((SELECT jsonb_agg(jsonb_build_object('symbol', p.symbol, 'market_value', trim_scale(p.market_value)::text,
			'weight', pulse.json_number((p.market_value / nullif(w.equity, 0))::double precision)) ORDER BY abs(p.market_value) DESC, p.symbol)
			FROM position p), '[]'))
	FROM whole w
	$$;
COMMENT ON FUNCTION pulse.exposure_data(text) IS
	'What the open positions stand for, as JSON: equity, long_value, short_value (decimal strings; a short position''s size is positive), gross_leverage and net_leverage (of equity; null without any), positions by size with symbol, market_value (negative for shorts) and weight (fraction of equity). Portfolio NULL: all visible ones together.';

CREATE FUNCTION pulse.health_history(hours integer DEFAULT 24, buckets integer DEFAULT 48, until timestamptz DEFAULT now()) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	since timestamptz := until - make_interval(hours => hours);
BEGIN
	IF hours IS NULL OR hours < 1 OR hours > 24 * 366 OR buckets IS NULL OR buckets < 1 OR buckets > 1000 THEN
		RAISE EXCEPTION 'hours must lie between 1 and 8784 and buckets between 1 and 1000' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN (
		WITH sample AS (
			SELECT h.component, least(buckets, 1 + floor(extract(epoch FROM h.checked_at - since) / (hours * 3600.0) * buckets)::integer) AS bucket,
				max(array_position(ARRAY['HEALTHY', 'UNKNOWN', 'WARNING', 'CRITICAL'], h.status)) AS worst, avg(h.latency_ms) AS latency
			FROM pulse.health_sample h WHERE h.checked_at > since AND h.checked_at <= until GROUP BY 1, 2
		)
		SELECT coalesce(jsonb_agg(c.history ORDER BY c.component), '[]') FROM (
			SELECT k.component, jsonb_build_object('component', k.component,
				'status', jsonb_agg((ARRAY['HEALTHY', 'UNKNOWN', 'WARNING', 'CRITICAL'])[s.worst] ORDER BY b),
				'latency_ms', jsonb_agg(pulse.json_number(s.latency) ORDER BY b)) AS history
			FROM (SELECT DISTINCT component FROM sample) k CROSS JOIN generate_series(1, buckets) b
				LEFT JOIN sample s ON s.component = k.component AND s.bucket = b
			GROUP BY k.component) c);
END
$$;
COMMENT ON FUNCTION pulse.health_history(integer, integer, timestamptz) IS
	'How the components did over the last hours, as a JSON array: for each component its name and two arrays, one entry for each stretch of time, oldest first: status (the worst one) and latency_ms (mean); null where nothing was recorded. Error 22023 for hours or buckets out of range.';

CREATE FUNCTION pulse.benchmark_data(since timestamptz, until timestamptz DEFAULT now()) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH named AS MATERIALIZED (SELECT pulse.config_text('reports.benchmark') AS symbol)
	SELECT jsonb_build_object('symbol', n.symbol, 'ts', coalesce(jsonb_agg(extract(epoch FROM c.ts)::float8 ORDER BY c.ts) FILTER (WHERE c.ts IS NOT NULL), '[]'),
		'price', coalesce(jsonb_agg(c.price ORDER BY c.ts) FILTER (WHERE c.ts IS NOT NULL), '[]'))
	FROM named n LEFT JOIN LATERAL (
		-- a close is known when its day is over
		SELECT least((b.day + 1)::timestamp AT TIME ZONE 'UTC', $2) AS ts, b.price FROM pulse.benchmark_closes(n.symbol, $1, $2) b WHERE n.symbol IS NOT NULL
	) c ON true
	GROUP BY n.symbol
	$$;
COMMENT ON FUNCTION pulse.benchmark_data(timestamptz, timestamptz) IS
	'Daily closes of the benchmark that the setting reports.benchmark names, as JSON columns: symbol (null where none is named), ts (seconds since 1970, the end of the day), price; those of the week before the period too.';
