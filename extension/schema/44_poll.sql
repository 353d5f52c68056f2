-- Tables that a bot migrates itself: no triggers on them, no views over them, but a look from time to time.

CREATE FUNCTION pulse.newest_row(source_id integer) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'pulse_newest_row' LANGUAGE C STABLE STRICT;
REVOKE ALL ON FUNCTION pulse.newest_row(integer) FROM PUBLIC;
COMMENT ON FUNCTION pulse.newest_row(integer) IS
	'Time of the newest snapshot in a followed table, read as its owner; NULL when there is none.';

CREATE FUNCTION pulse.mark_polled(at_once boolean) RETURNS boolean
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	s pulse.source;
	newest timestamptz;
	marked boolean := false;
	whole boolean;
BEGIN
	FOR s IN SELECT * FROM pulse.source x
			WHERE x.state = 'active' AND x.capture = 'poll'
				AND (at_once OR x.polled_at IS NULL OR x.polled_at <= clock_timestamp() - x.poll_every)
			ORDER BY x.source_id FOR NO KEY UPDATE SKIP LOCKED LOOP
		whole := s.compared_at IS NULL OR s.compared_at < clock_timestamp() - interval '1 hour';
		IF s.kind = 'trades' THEN
			newest := (SELECT max(p.last_executed_at) FROM pulse.position p WHERE p.source_id = s.source_id);
			whole := whole OR newest IS NULL;
			-- rows mutate: what is a day old is looked at every time, everything once an hour
			INSERT INTO pulse.dirty (source_id, min_ts, max_ts, marked_at)
				VALUES (s.source_id, CASE WHEN NOT whole THEN newest - interval '1 day' END,
						CASE WHEN NOT whole THEN 'infinity'::timestamptz END, clock_timestamp());
			marked := true;
		ELSE
			BEGIN
				newest := pulse.newest_row(s.source_id);
			EXCEPTION WHEN OTHERS THEN
				-- the tick reads the table as well, and reports what is wrong with it
				newest := NULL;
				whole := true;
			END;
			IF whole OR newest > s.polled_ts OR s.polled_ts IS NULL AND newest IS NOT NULL THEN
				INSERT INTO pulse.dirty (source_id, min_ts, max_ts, marked_at)
					VALUES (s.source_id, CASE WHEN NOT whole THEN s.polled_ts END, CASE WHEN NOT whole THEN newest END, clock_timestamp());
				marked := true;
			END IF;
		END IF;
		UPDATE pulse.source x SET polled_at = clock_timestamp(), polled_ts = newest,
				compared_at = CASE WHEN whole THEN clock_timestamp() ELSE x.compared_at END
			WHERE x.source_id = s.source_id;
	END LOOP;
	RETURN marked;
END
$$;
REVOKE ALL ON FUNCTION pulse.mark_polled(boolean) FROM PUBLIC;
COMMENT ON FUNCTION pulse.mark_polled(boolean) IS
	'Marks the polled tables that are due, or all of them at once, for the next tick: trades since a day before the newest fill, snapshots when there are newer ones, and once an hour the whole table. Returns whether there were any.';

CREATE FUNCTION pulse.preset_query(preset text, in_schema text, portfolio text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	RETURN CASE preset
		WHEN 'freqtrade trades' THEN format($q$
			SELECT %2$s::text AS portfolio, o.id::int8 AS ordinal, o.id::text AS fill_key,
				coalesce(o.order_filled_date, o.order_update_date, o.order_date) AT TIME ZONE 'UTC' AS executed_at, t.pair::text AS symbol,
				CASE lower(o.ft_order_side) WHEN 'stoploss' THEN CASE WHEN t.is_short THEN 'BUY' ELSE 'SELL' END ELSE upper(o.ft_order_side) END AS side,
				o.filled::numeric - coalesce(o.ft_fee_base, 0)::numeric AS quantity,
				coalesce(o.average, o.price, o.stop_price, o.ft_price)::numeric AS price,
				(o.filled::numeric - coalesce(o.ft_fee_base, 0)::numeric) * coalesce(o.average, o.price, o.stop_price, o.ft_price)::numeric
					* coalesce(CASE WHEN (lower(o.ft_order_side) = 'sell') = coalesce(t.is_short, false) AND lower(o.ft_order_side) <> 'stoploss'
						THEN t.fee_open ELSE t.fee_close END, 0)::numeric AS fee,
				NULL::text AS fee_asset, o.order_id::text AS order_id, NULL::text AS fill_id, t.strategy::text AS strategy,
				NULL::float8 AS confidence, o.order_type::text AS order_type
			FROM %1$I.orders o JOIN %1$I.trades t ON t.id = o.ft_trade_id
			WHERE NOT o.ft_is_open AND o.filled > 0$q$, in_schema, quote_literal(coalesce(portfolio, 'main')))
		WHEN 'hummingbot trades' THEN format($q$
			SELECT %2$s AS portfolio, 0::int8 AS ordinal, concat_ws('/', f.market, f.exchange_trade_id, f.order_id) AS fill_key,
				to_timestamp(f.timestamp / 1000.0) AS executed_at, f.symbol::text AS symbol, upper(concat(f.trade_type)) AS side,
				f.amount / 1000000.0 AS quantity, f.price / 1000000.0 AS price,
				CASE WHEN f.trade_fee_in_quote <> 0 THEN f.trade_fee_in_quote / 1000000.0 WHEN j.known = 0 AND j.assets = 1 THEN j.other ELSE j.known END AS fee,
				CASE WHEN coalesce(f.trade_fee_in_quote, 0) = 0 AND j.known = 0 AND j.assets = 1 THEN j.asset END AS fee_asset,
				f.order_id::text AS order_id, f.exchange_trade_id::text AS fill_id, f.strategy::text AS strategy,
				NULL::float8 AS confidence, concat(f.order_type) AS order_type
			FROM %1$I."TradeFill" f
			CROSS JOIN LATERAL (
				-- a part of the value, and flat fees; one in a third asset alone stays in it
				SELECT coalesce((f.trade_fee ->> 'percent')::numeric * (f.amount / 1000000.0) * (f.price / 1000000.0), 0)
						+ coalesce(sum(CASE x ->> 'token' WHEN f.quote_asset THEN (x ->> 'amount')::numeric WHEN f.base_asset THEN (x ->> 'amount')::numeric * f.price / 1000000.0 END), 0) AS known,
					count(DISTINCT x ->> 'token') FILTER (WHERE x ->> 'token' NOT IN (f.quote_asset, f.base_asset)) AS assets,
					min(x ->> 'token') FILTER (WHERE x ->> 'token' NOT IN (f.quote_asset, f.base_asset)) AS asset,
					sum((x ->> 'amount')::numeric) FILTER (WHERE x ->> 'token' NOT IN (f.quote_asset, f.base_asset)) AS other
				FROM json_array_elements(CASE WHEN json_typeof(f.trade_fee -> 'flat_fees') = 'array' THEN f.trade_fee -> 'flat_fees' ELSE '[]' END) x
			) j$q$, in_schema, coalesce(quote_literal(portfolio) || '::text', 'f.config_file_path::text'))
		WHEN 'crypto-pulse-v3 trades' THEN format($q$
			SELECT %2$s::text AS portfolio, 0::int8 AS ordinal, o.id::text AS fill_key, coalesce(o.executed_at, o.updated_at) AT TIME ZONE 'UTC' AS executed_at,
				o.symbol::text AS symbol, upper(concat(o.side)) AS side, o.filled_quantity::numeric AS quantity, o.average_fill_price::numeric AS price,
				coalesce(o.commission, 0)::numeric AS fee, o.commission_asset::text AS fee_asset, o.exchange_order_id::text AS order_id,
				NULL::text AS fill_id, NULL::text AS strategy, NULL::float8 AS confidence, concat(o.order_type) AS order_type
			FROM %1$I.trades o WHERE o.filled_quantity > 0$q$, in_schema, quote_literal(coalesce(portfolio, 'main')))
		WHEN 'crypto-pulse-v3 snapshots' THEN format($q$
			SELECT %2$s::text AS portfolio, p.timestamp AT TIME ZONE 'UTC' AS ts, p.total_value::numeric AS total_value,
				p.cash_balance::numeric AS cash_balance, p.positions_value::numeric AS positions_value, NULL::numeric AS unrealized_pnl,
				NULL::numeric AS realized_pnl, 0::numeric AS net_flow, NULL::int4 AS position_count
			FROM %1$I.portfolio_snapshots p$q$, in_schema, quote_literal(coalesce(portfolio, 'main')))
	END;
END
$$;
COMMENT ON FUNCTION pulse.preset_query(text, text, text) IS
	'SELECT that reads the tables of a known bot under the logical column names. freqtrade: orders that are filled, with trades; fees are ratios of the value there. hummingbot: "TradeFill", whose amounts and prices are whole millionths and whose fee, where not given in quote currency, is worked out from its JSON. crypto-pulse-v3: orders with a filled quantity, updated in place. NULL for an unknown one.';

CREATE FUNCTION pulse.attach_preset_table(preset text, kind text, in_schema text, table_name text, portfolio text) RETURNS integer
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	relation regclass := to_regclass(format('%I.%I', in_schema, table_name));
	query text := pulse.preset_query(preset || ' ' || kind, in_schema, portfolio);
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'there is no table %', format('%I.%I', in_schema, table_name)
			USING ERRCODE = 'undefined_table', HINT = format('Name the schema that %s keeps its tables in.', preset);
	END IF;
	BEGIN
		EXECUTE format('SELECT FROM (%s) q LIMIT 0', query);
	EXCEPTION WHEN undefined_column OR undefined_table OR undefined_function OR datatype_mismatch OR cannot_coerce THEN
		RAISE EXCEPTION 'the tables in schema "%" are not those of %', in_schema, preset
			USING ERRCODE = 'invalid_table_definition', DETAIL = SQLERRM,
				  HINT = 'Another version of it may have named its columns differently; pulse_attach() follows a table of any shape.';
	END;
	RETURN pulse.register_source(relation, kind, jsonb_build_object('preset', preset || ' ' || kind, 'portfolio', jsonb_build_object('value', portfolio)),
								 'UTC', 'poll', false);
END
$$;
COMMENT ON FUNCTION pulse.attach_preset_table(text, text, text, text, text) IS
	'Follows one table of a known bot by polling; refuses tables of another shape with error 42P16.';

CREATE FUNCTION pulse_attach_preset(preset text, schema text DEFAULT 'public', portfolio text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
BEGIN
	CASE lower(preset)
		WHEN 'freqtrade' THEN
			PERFORM pulse.attach_preset_table('freqtrade', 'trades', schema, 'orders', portfolio);
		WHEN 'hummingbot' THEN
			PERFORM pulse.attach_preset_table('hummingbot', 'trades', schema, 'TradeFill', portfolio);
		WHEN 'crypto-pulse-v3' THEN
			PERFORM pulse.attach_preset_table('crypto-pulse-v3', 'trades', schema, 'trades', portfolio);
			PERFORM pulse.attach_preset_table('crypto-pulse-v3', 'snapshots', schema, 'portfolio_snapshots', portfolio);
		ELSE
			RAISE EXCEPTION 'unknown preset: %', coalesce(quote_literal(preset), 'NULL')
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Use freqtrade, hummingbot or crypto-pulse-v3; pulse_attach() follows a table of any shape.';
	END CASE;
END
$$;
COMMENT ON FUNCTION pulse_attach_preset(text, text, text) IS
	'Follows the tables of a known bot (freqtrade, hummingbot, crypto-pulse-v3) in a schema, without triggers or views on them: they are read every five seconds by name, so that the bot''s own migrations go on undisturbed. Fills take the portfolio given, by default main, for hummingbot the name of its configuration file. The caller must own the tables. Errors: 22023 unknown preset, 42P01 no such table, 42P16 tables of another shape.';
