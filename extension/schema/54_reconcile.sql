-- What a bot says of its own profit, beside what its fills give.

CREATE FUNCTION pulse.reconcile_freqtrade(source pulse.source)
	RETURNS TABLE (portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, note text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	fill record;
	held numeric := 0;
	basis numeric := 0;
	part numeric;
	missing bigint := 0;
	funding numeric := 0;
BEGIN
	-- average cost with the fees of the entry in it, as freqtrade counts; a trade of the bot at a time
	FOR fill IN EXECUTE format($q$
		SELECT t.id, t.pair::text AS pair, coalesce(t.is_short, false) AS is_short, f.portfolio COLLATE "default" AS portfolio, f.fill_key, f.side, f.quantity, f.price, f.fee,
			(CASE WHEN t.is_open THEN t.realized_profit ELSE t.close_profit_abs END)::numeric AS theirs,
			CASE WHEN t.is_open THEN 'realized_profit' ELSE 'close_profit_abs' END AS measure,
			coalesce((to_jsonb(t) ->> 'funding_fees')::numeric, 0) AS funding,
			row_number() OVER w = 1 AS begins, row_number() OVER w = count(*) OVER (PARTITION BY t.id) AS ends
		FROM %1$I.trades t JOIN %1$I.orders o ON o.ft_trade_id = t.id AND NOT o.ft_is_open AND o.filled > 0
			LEFT JOIN pulse.fill f ON f.source_id = $1 AND f.fill_key = o.id::text
		WHERE CASE WHEN t.is_open THEN t.realized_profit <> 0 ELSE t.close_profit_abs IS NOT NULL END
		WINDOW w AS (PARTITION BY t.id ORDER BY f.executed_at, f.ordinal)
		ORDER BY t.id, f.executed_at, f.ordinal$q$, source.schema_name) USING source.source_id
	LOOP
		IF fill.begins THEN
			held := 0;
			basis := 0;
			ours := 0;
			missing := 0;
			portfolio := NULL;
		END IF;
		portfolio := coalesce(fill.portfolio, portfolio);
		IF fill.fill_key IS NULL THEN
			missing := missing + 1;
		ELSIF (fill.side = 'SELL') = fill.is_short THEN
			held := held + fill.quantity;
			basis := basis + fill.quantity * fill.price + CASE WHEN fill.is_short THEN -fill.fee ELSE fill.fee END;
		ELSE
			part := CASE WHEN fill.quantity >= held THEN basis ELSE basis * fill.quantity / held END;
			ours := ours + CASE WHEN fill.is_short THEN part - fill.quantity * fill.price ELSE fill.quantity * fill.price - part END - fill.fee;
			basis := basis - part;
			held := greatest(held - fill.quantity, 0);
		END IF;
		IF fill.ends THEN
			item := 'trade ' || fill.id;
			symbol := fill.pair;
			measure := fill.measure;
			theirs := fill.theirs;
			funding := fill.funding;
			note := concat_ws('; ', CASE WHEN missing > 0 THEN format('%s orders of it are not booked, see pulse_data_quality()', missing) END,
				CASE WHEN funding <> 0 THEN format('the bot counts funding of %s, which no fill shows', trim_scale(funding)) END,
				CASE WHEN held > 0 AND measure = 'close_profit_abs' THEN format('%s are not sold by its orders', trim_scale(held)) END);
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.reconcile_freqtrade(pulse.source) IS
	'Net profit of each trade of freqtrade that is closed (close_profit_abs) or has partial exits (realized_profit), beside what its fills give by average cost.';

CREATE FUNCTION pulse.reconcile_hummingbot(source pulse.source)
	RETURNS TABLE (portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, note text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF to_regclass(format('%I."Executors"', source.schema_name)) IS NOT NULL THEN
		RETURN QUERY EXECUTE format($q$
			SELECT min(f.portfolio COLLATE "default"), 'executor ' || e.id, min(f.symbol COLLATE "default"), 'net_pnl_quote', e.net_pnl_quote::numeric,
				sum(CASE f.side WHEN 'SELL' THEN 1 ELSE -1 END * f.quantity * f.price - CASE WHEN f.fee_asset IS NULL THEN f.fee ELSE 0 END),
				CASE WHEN sum(CASE f.side WHEN 'BUY' THEN 1 ELSE -1 END * f.quantity) <> 0
					THEN format('its orders leave %%s open', trim_scale(sum(CASE f.side WHEN 'BUY' THEN 1 ELSE -1 END * f.quantity))) ELSE '' END
			FROM %1$I."Executors" e
			CROSS JOIN LATERAL json_array_elements_text(CASE WHEN json_typeof(e.custom_info::json -> 'order_ids') = 'array' THEN e.custom_info::json -> 'order_ids' ELSE '[]' END) AS o (order_id)
			JOIN pulse.fill f ON f.source_id = $1 AND f.order_id = o.order_id
			WHERE NOT e.is_active::text::boolean
			GROUP BY e.id, e.net_pnl_quote$q$, source.schema_name) USING source.source_id;
	END IF;
	-- a fee that the bot has in quote currency and as JSON
	RETURN QUERY EXECUTE format($q$
		SELECT coalesce($1, f.config_file_path::text), concat_ws('/', f.market, f.exchange_trade_id, f.order_id), f.symbol::text, 'trade_fee_in_quote', f.trade_fee_in_quote / 1000000.0,
			j.fee, 'worked out from trade_fee'
		FROM %1$I."TradeFill" f
		CROSS JOIN LATERAL (SELECT (f.trade_fee ->> 'percent')::numeric * (f.amount / 1000000.0) * (f.price / 1000000.0) AS fee) j
		WHERE f.trade_fee_in_quote <> 0 AND j.fee > 0
			AND json_array_length(CASE WHEN json_typeof(f.trade_fee -> 'flat_fees') = 'array' THEN f.trade_fee -> 'flat_fees' ELSE '[]' END) = 0$q$,
		source.schema_name) USING source.columns #>> '{portfolio,value}';
END
$$;
COMMENT ON FUNCTION pulse.reconcile_hummingbot(pulse.source) IS
	'Net profit of each executor of hummingbot that has ended, where its version keeps them, beside the fills of its orders; and fees that the bot has twice, in quote currency and as a part of the value.';

CREATE FUNCTION pulse.reconcile_crypto_pulse(source pulse.source)
	RETURNS TABLE (portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, note text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	newest jsonb;
	oldest jsonb;
	of_portfolio text := coalesce(source.columns #>> '{portfolio,value}', 'main');
	held record;
	metrics jsonb;
BEGIN
	EXECUTE format('SELECT to_jsonb(p) FROM %I.portfolio_snapshots p ORDER BY p.timestamp DESC LIMIT 1', source.schema_name) INTO newest;
	EXECUTE format('SELECT to_jsonb(p) FROM %I.portfolio_snapshots p ORDER BY p.timestamp LIMIT 1', source.schema_name) INTO oldest;
	IF newest IS NULL THEN
		RETURN;
	END IF;
	SELECT sum(p.quantity * p.mark_price) AS value, sum(p.realized_pnl + p.quantity * p.mark_price - p.cost - p.fees) AS result,
			(SELECT min(f.executed_at) FROM pulse.fill f WHERE f.source_id = source.source_id) AS first_fill
		INTO held FROM pulse.current_positions(of_portfolio, 'average') p WHERE p.source_id = source.source_id;
	metrics := (SELECT to_jsonb(x) FROM @extschema@.pulse_performance(of_portfolio) x);
	portfolio := of_portfolio;
	item := 'snapshot ' || (newest ->> 'timestamp');
	FOR measure, theirs, ours, note IN
		VALUES ('positions_value', (newest ->> 'positions_value')::numeric, coalesce(held.value, 0), 'at the newest known prices'),
			('total_value', CASE WHEN (oldest ->> 'timestamp')::timestamp AT TIME ZONE 'UTC' <= held.first_fill THEN (newest ->> 'total_value')::numeric - (oldest ->> 'total_value')::numeric END,
				held.result, 'change since the first snapshot; deposits are not known'),
			('max_drawdown', (newest ->> 'max_drawdown')::numeric, (metrics ->> 'max_drawdown')::numeric, 'computed anew from the snapshots'),
			('sharpe_ratio', (newest ->> 'sharpe_ratio')::numeric, (metrics ->> 'sharpe')::numeric, 'computed anew from the snapshots'),
			('daily_return', (newest ->> 'daily_return')::numeric, (metrics ->> 'daily_return')::numeric, 'computed anew from the snapshots'),
			('var_95', (newest ->> 'var_95')::numeric, (metrics ->> 'var_95')::numeric, 'computed anew from the snapshots')
	LOOP
		CONTINUE WHEN theirs IS NULL;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.reconcile_crypto_pulse(pulse.source) IS
	'What crypto-pulse-v3 wrote into its newest snapshot, beside what its fills and snapshots give: value of the positions, change of the total value, and its ratios.';

CREATE FUNCTION pulse.reconcile_all(tolerance numeric, everything boolean)
	RETURNS TABLE (bot text, source text, portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, difference numeric, note text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s pulse.source;
BEGIN
	IF tolerance IS NULL OR NOT (tolerance >= 0 AND tolerance < 'Infinity') THEN
		RAISE EXCEPTION 'the tolerance must be neither negative nor infinite' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR s IN SELECT x.* FROM pulse.source x WHERE x.state = 'active' AND x.kind = 'trades' AND x.columns ? 'preset'
			AND to_regclass(format('%I.%I', x.schema_name, x.table_name)) IS NOT NULL ORDER BY x.source_id LOOP
		RETURN QUERY EXECUTE format($q$
			SELECT $2, format('%%I.%%I', ($1).schema_name, ($1).table_name), r.portfolio, r.item, r.symbol, r.measure, r.theirs, trim_scale(r.ours), trim_scale(r.ours - r.theirs), nullif(r.note, '')
			FROM pulse.%I($1) r WHERE $4 OR r.ours IS NULL OR abs(r.ours - r.theirs) > $3 ORDER BY r.portfolio, length(r.item), r.item, r.measure$q$,
			CASE s.columns ->> 'preset' WHEN 'freqtrade trades' THEN 'reconcile_freqtrade' WHEN 'hummingbot trades' THEN 'reconcile_hummingbot' ELSE 'reconcile_crypto_pulse' END)
			USING s, replace(s.columns ->> 'preset', ' trades', ''), tolerance, everything;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.reconcile_all(numeric, boolean) IS 'Body of pulse_reconcile().';

CREATE FUNCTION pulse_reconcile(tolerance numeric DEFAULT 0.000001, everything boolean DEFAULT false)
	RETURNS TABLE (bot text, source text, portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, difference numeric, note text)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.reconcile_all($1, $2) $$;
COMMENT ON FUNCTION pulse_reconcile(numeric, boolean) IS
	'Compares what the bots followed by pulse_attach_preset() say of themselves with what their fills give, and lists every difference larger than the tolerance; everything lists what agrees, too. freqtrade: net profit of each closed trade and of partial exits, in the bot''s way (average cost, fees as ratios). hummingbot: net profit of each executor that has ended, and fees that it keeps twice. crypto-pulse-v3: value, change and ratios of its newest snapshot. difference is ours less theirs; note says what explains it. Fills processed so far. Needs the right to read the bot''s tables. Error 22023 for a negative tolerance.';
