-- The portfolio against a benchmark: prices that Pulse knows, or those of a table of the user's.

CREATE TABLE pulse.benchmark (
	symbol		text PRIMARY KEY CHECK (symbol <> ''),
	schema_name	text NOT NULL,
	table_name	text NOT NULL,
	ts_column	text NOT NULL,
	price_column	text NOT NULL,
	key_column	text,
	key			text,
	CHECK ((key_column IS NULL) = (key IS NULL))
);
COMMENT ON TABLE pulse.benchmark IS 'where the prices of benchmarks stand that pulse_mark() does not tell';
COMMENT ON COLUMN pulse.benchmark.symbol IS 'name of the benchmark';
COMMENT ON COLUMN pulse.benchmark.schema_name IS 'schema of the table';
COMMENT ON COLUMN pulse.benchmark.table_name IS 'table or view with its prices';
COMMENT ON COLUMN pulse.benchmark.ts_column IS 'time of a price';
COMMENT ON COLUMN pulse.benchmark.price_column IS 'the price';
COMMENT ON COLUMN pulse.benchmark.key_column IS 'column that says what the price is of; NULL: the table has no other';
COMMENT ON COLUMN pulse.benchmark.key IS 'its value for this benchmark';
REVOKE ALL ON pulse.benchmark FROM PUBLIC;
GRANT SELECT ON pulse.benchmark TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.benchmark', '');

INSERT INTO pulse.config_key (key, kind, unit, optional, default_value, description) VALUES
	('reports.benchmark', 'text', NULL, true, 'null', 'Symbol with which reports compare, for example BTCUSDT: one that pulse_mark() tells prices of, that is traded, or that pulse_benchmark_define() names.');

CREATE FUNCTION pulse_benchmark_define(symbol text, relation regclass, ts_column text DEFAULT 'ts', price_column text DEFAULT 'price',
									   key_column text DEFAULT NULL, key text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	wanted text;
BEGIN
	IF coalesce(symbol, '') = '' OR (key_column IS NULL) <> (key IS NULL) THEN
		RAISE EXCEPTION 'a benchmark needs a symbol, and a key column together with a key' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF relation IS NULL THEN
		DELETE FROM pulse.benchmark b WHERE b.symbol = pulse_benchmark_define.symbol;
		RETURN;
	END IF;
	FOREACH wanted IN ARRAY array_remove(ARRAY[ts_column, price_column, key_column], NULL) LOOP
		IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = wanted AND a.attnum > 0 AND NOT a.attisdropped) THEN
			RAISE EXCEPTION 'column "%" of relation "%" does not exist', wanted, relation USING ERRCODE = 'undefined_column';
		END IF;
	END LOOP;
	INSERT INTO pulse.benchmark AS b (symbol, schema_name, table_name, ts_column, price_column, key_column, key)
		SELECT symbol, n.nspname, c.relname, ts_column, price_column, key_column, key FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
		ON CONFLICT ON CONSTRAINT benchmark_pkey DO UPDATE SET schema_name = excluded.schema_name, table_name = excluded.table_name, ts_column = excluded.ts_column,
			price_column = excluded.price_column, key_column = excluded.key_column, key = excluded.key;
END
$$;
REVOKE ALL ON FUNCTION pulse_benchmark_define(text, regclass, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION pulse_benchmark_define(text, regclass, text, text, text, text) IS
	'Says in which table the prices of a benchmark stand (relation NULL: forget it). Who compares reads it with his own rights. Error 42703 for a column that there is not.';
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('admin', 'function', 'pulse_benchmark_define', 'EXECUTE'), ('reader', 'table', 'benchmark', 'SELECT');

CREATE FUNCTION pulse.benchmark_closes(symbol text, since timestamptz, until timestamptz)
	RETURNS TABLE (day date, price double precision)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_variable
DECLARE
	b pulse.benchmark;
	prices text;
BEGIN
	SELECT * INTO b FROM pulse.benchmark d WHERE d.symbol = benchmark_closes.symbol;
	IF FOUND THEN
		prices := format('SELECT t.%I::timestamptz AS ts, t.%I::double precision AS price FROM %I.%I t WHERE t.%I > $2 - interval ''7 days'' AND t.%I <= $3%s',
			b.ts_column, b.price_column, b.schema_name, b.table_name, b.ts_column, b.ts_column,
			CASE WHEN b.key_column IS NOT NULL THEN format(' AND t.%I = %L', b.key_column, b.key) ELSE '' END);
	ELSIF EXISTS (SELECT FROM pulse.mark_history h WHERE h.symbol = benchmark_closes.symbol COLLATE "C" AND h.ts BETWEEN since - interval '7 days' AND until) THEN
		prices := 'SELECT h.ts, h.price::double precision FROM pulse.mark_history h WHERE h.symbol = $1 COLLATE "C" AND h.ts > $2 - interval ''7 days'' AND h.ts <= $3';
	ELSE
		-- what was paid last
		prices := 'SELECT f.executed_at AS ts, f.price::double precision FROM pulse.fill f JOIN pulse.source s ON s.source_id = f.source_id AND s.state = ''active'''
			' JOIN pulse.portfolios_of(''trades'') p ON p.source_id = f.source_id AND p.portfolio = f.portfolio'
			' WHERE f.symbol = $1 COLLATE "C" AND f.executed_at > $2 - interval ''7 days'' AND f.executed_at <= $3';
	END IF;
	RETURN QUERY EXECUTE format('SELECT DISTINCT ON (1) (x.ts AT TIME ZONE ''UTC'')::date, x.price FROM (%s) AS x (ts, price) WHERE x.price > 0 AND x.price < ''Infinity'' ORDER BY 1, x.ts DESC', prices)
		USING symbol, since, until;
END
$$;
COMMENT ON FUNCTION pulse.benchmark_closes(text, timestamptz, timestamptz) IS
	'Last price of a benchmark on each UTC day of a period and of the week before it: from its table (pulse.benchmark), else as pulse_mark() told, else as it was traded.';

CREATE FUNCTION pulse.daily_growth(for_portfolio text, since timestamptz, until timestamptz)
	RETURNS TABLE (day date, r double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT (s.last_ts AT TIME ZONE 'UTC')::date, s.last * s.link * CASE WHEN s.before IS NULL THEN 1 ELSE s.entry_link END / nullif(coalesce(s.before, s.first), 0) - 1
	FROM (SELECT g.*, lag(g.last) OVER (ORDER BY g.first_ts) AS before
		  FROM pulse.summary_segments(@extschema@.pulse_equity_summary($1, $2, $3, interval '1 day')) g) s
	WHERE s.link IS NOT NULL AND s.entry_link IS NOT NULL AND (s.before IS NOT NULL OR s.observations > 1)
	ORDER BY s.first_ts
	$$;
COMMENT ON FUNCTION pulse.daily_growth(text, timestamptz, timestamptz) IS
	'Return of a portfolio on each UTC day of a period, flows removed, chain-linked at every snapshot.';

CREATE FUNCTION pulse.benchmark_row(symbol text, since timestamptz, until timestamptz, for_portfolio text,
		OUT days bigint, OUT portfolio_return double precision, OUT benchmark_return double precision, OUT excess_return double precision,
		OUT correlation double precision, OUT beta double precision, OUT alpha double precision, OUT tracking_error double precision,
		OUT information_ratio double precision, OUT treynor double precision, OUT up_capture double precision, OUT down_capture double precision)
	LANGUAGE sql STABLE
	AS $$
	WITH closes AS (
		SELECT c.day, c.price / nullif(lag(c.price) OVER (ORDER BY c.day), 0) - 1 AS b, lag(c.day) OVER (ORDER BY c.day) AS before
		FROM pulse.benchmark_closes($1, $2, $3) c
	), paired AS (
		-- a day of the portfolio belongs to the close of the benchmark that it ends with; days that have none wait for the next
		SELECT c.day, c.b, exp(sum(ln(1 + g.r))) - 1 AS r
		FROM closes c JOIN pulse.daily_growth($4, $2, $3) g ON g.day > c.before AND g.day <= c.day
		WHERE c.b IS NOT NULL AND g.r > -1 GROUP BY c.day, c.b
	)
	SELECT count(*), exp(sum(ln(1 + p.r))) - 1, exp(sum(ln(1 + p.b))) - 1, exp(sum(ln(1 + p.r))) - exp(sum(ln(1 + p.b))),
		corr(p.r, p.b), @extschema@.pulse_beta(p.r, p.b), @extschema@.pulse_alpha(p.r, p.b), @extschema@.pulse_tracking_error(p.r, p.b),
		@extschema@.pulse_information_ratio(p.r, p.b), @extschema@.pulse_treynor(p.r, p.b), @extschema@.pulse_up_capture(p.r, p.b), @extschema@.pulse_down_capture(p.r, p.b)
	FROM paired p
	$$;
COMMENT ON FUNCTION pulse.benchmark_row(text, timestamptz, timestamptz, text) IS 'pulse_benchmark() over any period.';

CREATE FUNCTION pulse.compare_benchmark(wanted text, max_days integer, for_portfolio text)
	RETURNS TABLE (symbol text, days bigint, portfolio_return double precision, benchmark_return double precision, excess_return double precision,
				   correlation double precision, beta double precision, alpha double precision, tracking_error double precision,
				   information_ratio double precision, treynor double precision, up_capture double precision, down_capture double precision)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	wanted := coalesce(wanted, pulse.config_text('reports.benchmark'));
	IF wanted IS NULL THEN
		RAISE EXCEPTION 'no benchmark is named' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Name one, for example pulse_benchmark(''BTCUSDT''), or set reports.benchmark.';
	ELSIF max_days IS NULL OR max_days < 1 OR max_days > 36500 THEN
		RAISE EXCEPTION 'days must lie between 1 and 36500' USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 90.';
	END IF;
	RETURN QUERY SELECT wanted, b.* FROM pulse.benchmark_row(wanted, now() - make_interval(hours => 24 * max_days), now(), for_portfolio) b;
END
$$;
COMMENT ON FUNCTION pulse.compare_benchmark(text, integer, text) IS 'Body of pulse_benchmark().';

CREATE FUNCTION pulse_benchmark(symbol text DEFAULT NULL, days integer DEFAULT 90, portfolio text DEFAULT NULL)
	RETURNS TABLE (symbol text, days bigint, portfolio_return double precision, benchmark_return double precision, excess_return double precision,
				   correlation double precision, beta double precision, alpha double precision, tracking_error double precision,
				   information_ratio double precision, treynor double precision, up_capture double precision, down_capture double precision)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.compare_benchmark($1, $2, $3) $$;
COMMENT ON FUNCTION pulse_benchmark(text, integer, text) IS
	'A portfolio, or (NULL) all visible ones together, against a benchmark over the last days; symbol NULL: the one of the setting reports.benchmark. Both by UTC days on which the benchmark has a price (see pulse_benchmark_define(), pulse_mark()), of which days says the number: total returns and their difference, correlation, and pulse_beta, pulse_alpha, pulse_tracking_error, pulse_information_ratio, pulse_treynor, pulse_up_capture, pulse_down_capture, annualised with 365 days, risk-free rate 0. Undefined is NULL. Error 22023 without a benchmark or for days out of range.';
