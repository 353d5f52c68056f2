-- What is odd about the data: rows that could not be booked, and such as were but deserve a look.

CREATE FUNCTION pulse.preset_oddities(source pulse.source)
	RETURNS TABLE (portfolio text, kind text, symbol text, key text, problem text, executed_at timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF source.columns ->> 'preset' = 'hummingbot trades' THEN
		RETURN QUERY
			SELECT p.portfolio::text, 'coarse price', p.symbol::text, NULL::text,
				format('hummingbot keeps prices to six decimals: one of %s has lost digits, and its profit is not exact', trim_scale(p.mark_price)), p.mark_at
			FROM pulse.position p WHERE p.source_id = source.source_id AND p.mark_price < 0.001;
	ELSIF source.columns ->> 'preset' = 'crypto-pulse-v3 trades' THEN
		RETURN QUERY EXECUTE format($q$
			SELECT $1, 'stale order', o.symbol::text, o.id::text, format('PENDING since %%s', o.created_at), o.created_at AT TIME ZONE 'UTC'
			FROM %I.trades o WHERE concat(o.status) = 'PENDING' AND o.created_at < now() AT TIME ZONE 'UTC' - interval '300 seconds'
			ORDER BY o.created_at DESC LIMIT 1000$q$, source.schema_name) USING coalesce(source.columns #>> '{portfolio,value}', 'main');
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.preset_oddities(pulse.source) IS
	'What is odd in the tables of a known bot: prices that hummingbot has cut to too few digits, orders of crypto-pulse-v3 that have been PENDING for more than 300 seconds.';

CREATE FUNCTION pulse.ambiguous_keys(source pulse.source, since timestamptz, for_portfolio text)
	RETURNS TABLE (portfolio text, symbol text, key text, executed_at timestamptz, fills bigint)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	relation regclass := to_regclass(format('%I.%I', source.schema_name, source.table_name));
BEGIN
	-- elsewhere a unique index rules it out
	IF pulse.spread_by(relation) IS NULL OR NOT has_table_privilege(relation, 'SELECT') THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format('SELECT q.portfolio, min(q.symbol), q.fill_key, max(q.executed_at), count(*) FROM (%s) AS q
			WHERE $2 IS NULL OR q.portfolio OPERATOR(pg_catalog.=) $2
			GROUP BY q.portfolio, q.fill_key HAVING count(*) OPERATOR(pg_catalog.>) 1 ORDER BY 4 DESC LIMIT 1000',
		pulse.build_source_query(source.source_id, NULL, '$1', '''infinity''::pg_catalog.timestamptz')) USING since, for_portfolio;
END
$$;
COMMENT ON FUNCTION pulse.ambiguous_keys(pulse.source, timestamptz, text) IS
	'Keys that several rows of a table of partitions, chunks or shards share since a time: only one of them is booked.';

CREATE FUNCTION pulse.data_quality(since timestamptz, for_portfolio text)
	RETURNS TABLE (source text, portfolio text, kind text, symbol text, key text, problem text, executed_at timestamptz, fills bigint)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s pulse.source;
	o record;
BEGIN
	FOR s IN SELECT x.* FROM pulse.source x WHERE x.state = 'active' ORDER BY x.source_id LOOP
		source := format('%I.%I', s.schema_name, s.table_name);
		portfolio := NULL;
		symbol := NULL;
		key := NULL;
		executed_at := NULL;
		fills := NULL;
		IF to_regclass(source) IS NULL THEN
			kind := 'missing table';
			problem := 'there is no such table now; what was computed from it stands';
			RETURN NEXT;
			CONTINUE;
		ELSIF s.last_error IS NOT NULL THEN
			kind := 'unreadable table';
			problem := s.last_error;
			RETURN NEXT;
		END IF;
		CONTINUE WHEN s.kind <> 'trades';
		RETURN QUERY SELECT source, nullif(f.portfolio::text, ''), 'refused', NULL::text, nullif(f.fill_key::text, ''), f.problem, f.executed_at, 1::bigint
			FROM pulse.finding f WHERE f.source_id = s.source_id AND (for_portfolio IS NULL OR f.portfolio = for_portfolio);
		IF s.columns ? 'preset' AND has_table_privilege(to_regclass(source), 'SELECT') THEN
			RETURN QUERY SELECT source, q.portfolio, q.kind, q.symbol, q.key, q.problem, q.executed_at, NULL::bigint FROM pulse.preset_oddities(s) q
				WHERE for_portfolio IS NULL OR q.portfolio = for_portfolio;
		END IF;
		RETURN QUERY SELECT source, a.portfolio, 'same key', a.symbol, a.key, format('%s rows have this key, one of them is booked', a.fills), a.executed_at, a.fills
			FROM pulse.ambiguous_keys(s, since, for_portfolio) a;
		FOR o IN SELECT p.portfolio FROM pulse.portfolios_of('trades') p WHERE p.source_id = s.source_id AND (for_portfolio IS NULL OR p.portfolio = for_portfolio) LOOP
			RETURN QUERY SELECT source, o.portfolio, 'in the future', f.symbol::text, f.fill_key::text, 'executed later than now', f.executed_at, 1::bigint
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at > now() + interval '5 minutes'
				ORDER BY f.executed_at LIMIT 1000;
			RETURN QUERY SELECT source, o.portfolio, 'no price', f.symbol::text, max(f.fill_key::text), 'booked at a price of 0', max(f.executed_at), count(*)
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at >= since AND f.price = 0 GROUP BY f.symbol;
			-- with an id of the exchange two fills may well be alike
			RETURN QUERY SELECT source, o.portfolio, 'twins', f.symbol::text, max(f.fill_key::text),
					format('%s fills alike in time, side, quantity and price, without ids that tell them apart', count(*)), f.executed_at, count(*)
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at >= since AND f.fill_id IS NULL AND f.order_id IS NULL
				GROUP BY f.symbol, f.executed_at, f.side, f.quantity, f.price HAVING count(*) > 1 ORDER BY f.executed_at DESC LIMIT 1000;
		END LOOP;
	END LOOP;
	RETURN QUERY SELECT NULL::text, x.portfolio, 'fee without a rate', x.symbol, NULL::text,
			format('fees of %s %s are in no profit: neither currency of the pair, and no price of it in %s is known of the time', trim_scale(sum(x.amount)), x.fee_asset, coalesce(x.quote_asset, 'the quote currency')),
			max(x.executed_at), count(*)
		FROM pulse.other_fees(since, for_portfolio) x WHERE x.rate IS NULL GROUP BY x.portfolio, x.symbol, x.fee_asset, x.quote_asset;
END
$$;
COMMENT ON FUNCTION pulse.data_quality(timestamptz, text) IS 'Body of pulse_data_quality().';

CREATE FUNCTION pulse_data_quality(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (source text, portfolio text, kind text, symbol text, key text, problem text, executed_at timestamptz, fills bigint)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.data_quality(pulse.check_days($1), $2) $$;
COMMENT ON FUNCTION pulse_data_quality(integer, text) IS
	'What is wrong or odd with the followed tables. kind: refused, a row that cannot be booked, with the reason (no, zero or negative quantity, negative price, neither BUY nor SELL, NaN, no time, too many digits; at most 1000 a table, gone when it is mended); fee without a rate, fees in a third asset that nothing can value (see pulse_fees); no price, booked at 0; in the future; twins, fills alike in everything without ids that tell them apart; same key, several rows of a table of partitions, chunks or shards of which one only is booked; coarse price, symbols that hummingbot keeps too few digits of; stale order, one of crypto-pulse-v3 that has been PENDING for more than 300 seconds; missing table and unreadable table. Booked fills are looked through for the last days, all else whenever it was. Fills processed so far; portfolio NULL means all visible ones. Error 22023 for days out of range.';
