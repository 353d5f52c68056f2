-- Past trades from the exports (CSV) of exchanges. What a row means is decided in one place, extension/core/import_*.c; the
-- worker's command "import" is made of the same code and calls the functions below for everything behind it.

CREATE FUNCTION pulse.parse_export(content text, format text, timezone text)
	RETURNS TABLE (format text, line bigint, outcome text, detail text, prefix text, executed_at text, symbol text, side text,
				   quantity text, price text, value text, fee text, fee_asset text, base_fee text, order_id text, order_type text, id text)
	AS 'MODULE_PATHNAME', 'pulse_parse_export' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.parse_export(text, text, text) IS
	'The rows of an exchange''s export, each with what it became: a fill, one that was skipped (detail: what it is) or rejected (detail: why). format auto (or NULL) lets the header tell; timezone is that of times that do not state theirs, UTC for NULL. Error 22023 for an unknown format, 22P04 for a text that is no such export.';

CREATE FUNCTION pulse.import_table() RETURNS regclass
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	fitting regclass[];
	another text;
BEGIN
	SELECT array_agg(to_regclass(format('%I.%I', s.schema_name, s.table_name)) ORDER BY s.source_id) FILTER (WHERE s.columns = '{}'),
			min(format('%I.%I', s.schema_name, s.table_name)) FILTER (WHERE s.columns <> '{}')
		INTO fitting, another
		FROM pulse.source s WHERE s.kind = 'trades' AND s.state = 'active' AND to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NOT NULL;
	IF cardinality(fitting) = 1 THEN
		RETURN fitting[1];
	ELSIF cardinality(fitting) > 1 THEN
		RAISE EXCEPTION 'several tables are followed as trades; choose one with --table, or relation => in SQL'
			USING ERRCODE = 'ambiguous_parameter', DETAIL = format('They are: %s.', array_to_string(fitting, ', '));
	ELSIF another IS NOT NULL THEN
		RAISE EXCEPTION '% has column names of its own; SELECT pulse_setup(schema => ''trading'') makes a table to import into', another
			USING ERRCODE = 'invalid_table_definition';
	END IF;
	RAISE EXCEPTION 'no table is followed as trades: SELECT pulse_setup(), or name one with --table, relation => in SQL'
		USING ERRCODE = 'undefined_table';
END
$$;
COMMENT ON FUNCTION pulse.import_table() IS
	'The one followed table of trades that has the columns of pulse_setup(); an error that says what to do where there is none, or several.';

CREATE FUNCTION pulse.import_check_table(relation regclass) RETURNS void
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	missing text;
BEGIN
	SELECT string_agg(w.name, ', ' ORDER BY w.place) INTO missing
		FROM unnest(ARRAY['portfolio', 'symbol', 'side', 'quantity', 'price', 'fee', 'fee_asset', 'executed_at', 'order_id', 'fill_id', 'order_type'])
			WITH ORDINALITY AS w (name, place)
		WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped);
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'lacks columns of the table that pulse_setup() makes: %', missing USING ERRCODE = 'invalid_table_definition';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid
			AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 2
			AND (SELECT count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation
				AND a.attname IN ('portfolio', 'fill_id') AND a.attnum IN (i.indkey[0], i.indkey[1])) = 2) THEN
		RAISE EXCEPTION 'has no unique key (portfolio, fill_id), so importing twice would book twice' USING ERRCODE = 'invalid_table_definition';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.import_check_table(regclass) IS
	'Refuses, with error 42P16, a table that lacks a column that an import fills, or the key that makes a second import harmless.';

CREATE FUNCTION pulse.import_begin() RETURNS void
	LANGUAGE plpgsql VOLATILE SET client_min_messages = warning
	AS $$
BEGIN
	DROP TABLE IF EXISTS pg_temp.pulse_import_row, pg_temp.pulse_import_fill;
	CREATE TEMPORARY TABLE pulse_import_row (file integer NOT NULL, line bigint NOT NULL, prefix text NOT NULL,
		executed_at timestamptz NOT NULL, symbol text NOT NULL, side text NOT NULL, quantity numeric NOT NULL,
		price numeric, value numeric, fee numeric, fee_asset text, base_fee numeric, order_id text, order_type text, id text) ON COMMIT DROP;
END
$$;
COMMENT ON FUNCTION pulse.import_begin() IS 'Makes the temporary table pulse_import_row, which takes the rows of an import.';

CREATE FUNCTION pulse.import_stage(relation regclass, portfolio text)
	RETURNS TABLE (fills bigint, repeated bigint, existing bigint, fresh bigint, alike bigint, "similar" bigint, symbols bigint, first_at text, last_at text)
	LANGUAGE plpgsql VOLATILE SET client_min_messages = warning
	AS $$
#variable_conflict use_column
BEGIN
	ANALYZE pg_temp.pulse_import_row;
	-- The price is the value over the quantity where there is no price, or where it was rounded so far that the value is more
	-- than half a cent away; 28 decimals, so that the value comes out again. The key of a row without an id is a digest of
	-- what it says, in plain numbers, so that other quoting or another export format of the exchange gives the same; equal
	-- rows of a file are numbered.
	EXECUTE format($q$
		CREATE TEMPORARY TABLE pulse_import_fill ON COMMIT DROP AS
		WITH priced AS (
			SELECT r.file, r.line, r.prefix, r.executed_at, r.symbol, r.side, r.quantity, r.fee, r.fee_asset, r.base_fee, r.order_id, r.order_type, r.id,
				CASE WHEN r.value IS NULL OR (r.price > 0 AND abs(r.price * r.quantity - r.value) <= 0.005) THEN r.price
					ELSE trim_scale(round(r.value, 28) / r.quantity) END AS price
			FROM pg_temp.pulse_import_row r
		), charged AS (
			SELECT p.*, coalesce(p.fee, 0) + coalesce(p.base_fee * p.price, 0) AS charge FROM priced p
		), keyed AS (
			SELECT c.*, coalesce(c.id, c.prefix || ':' || left(encode(sha256(convert_to(concat_ws('|',
				extract(epoch FROM c.executed_at), c.symbol, c.side, trim_scale(c.quantity), trim_scale(c.price), trim_scale(c.charge),
				CASE WHEN c.charge <> 0 THEN c.fee_asset END), 'UTF8')), 'hex'), 32)) AS key
			FROM charged c
		), counted AS (
			SELECT k.*, row_number() OVER (PARTITION BY k.file, k.key ORDER BY k.line) AS occurrence FROM keyed k
		), named AS (
			SELECT c.*, CASE WHEN c.id IS NULL THEN c.key || ':' || c.occurrence ELSE c.id END AS fill_id FROM counted c
		)
		SELECT n.*, row_number() OVER (PARTITION BY n.fill_id ORDER BY n.file, n.line) AS copy,
			EXISTS (SELECT FROM %s t WHERE t.portfolio = %L AND t.fill_id = n.fill_id) AS existing
		FROM named n$q$, relation, portfolio);
	ANALYZE pg_temp.pulse_import_fill;
	SELECT count(*), count(*) FILTER (WHERE f.copy > 1), count(*) FILTER (WHERE f.copy = 1 AND f.existing),
			count(*) FILTER (WHERE f.copy = 1 AND NOT f.existing), count(*) FILTER (WHERE f.copy = 1 AND f.id IS NULL AND f.occurrence > 1),
			count(DISTINCT f.symbol), to_char(min(f.executed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
			to_char(max(f.executed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
		INTO fills, repeated, existing, fresh, alike, symbols, first_at, last_at FROM pg_temp.pulse_import_fill f;
	EXECUTE format($q$
		SELECT count(*) FROM pg_temp.pulse_import_fill f WHERE f.copy = 1 AND NOT f.existing AND EXISTS (SELECT FROM %s t
			WHERE t.portfolio = %L AND t.executed_at = f.executed_at AND t.symbol = f.symbol AND upper(t.side) = f.side
				AND t.quantity = f.quantity AND t.price = f.price
				AND NOT EXISTS (SELECT FROM pg_temp.pulse_import_fill g WHERE g.fill_id = t.fill_id))$q$, relation, portfolio) INTO "similar";
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pulse.import_stage(regclass, text) IS
	'Turns what pulse_import_row holds into fills with their keys and counts them against a table: all, repeated in the files, existing in the table, fresh, alike (equal rows without an id of the exchange, taken as fills of their own), similar (fresh, but like one that the table has under another fill_id), symbols, first and last time.';

CREATE FUNCTION pulse.import_symbols() RETURNS TABLE (symbol text, fills bigint)
	LANGUAGE plpgsql VOLATILE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT f.symbol, count(*) FROM pg_temp.pulse_import_fill f WHERE f.copy = 1 GROUP BY f.symbol ORDER BY count(*) DESC, f.symbol LIMIT 20;
END
$$;
COMMENT ON FUNCTION pulse.import_symbols() IS 'The twenty symbols with most fills in the import that has been staged.';

CREATE FUNCTION pulse.import_insert(relation regclass, portfolio text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	inserted bigint;
BEGIN
	-- Ids break ties of time, and many exports have the newest row first: those are turned around.
	EXECUTE format($q$
		WITH direction AS (
			SELECT file, (array_agg(executed_at ORDER BY line))[1] > (array_agg(executed_at ORDER BY line DESC))[1] AS newest_first
			FROM pg_temp.pulse_import_fill GROUP BY file
		)
		INSERT INTO %s (portfolio, symbol, side, quantity, price, fee, fee_asset, executed_at, order_id, fill_id, order_type)
		SELECT %L, f.symbol, f.side, f.quantity, f.price, f.charge, f.fee_asset, f.executed_at, f.order_id, f.fill_id, f.order_type
		FROM pg_temp.pulse_import_fill f JOIN direction d USING (file) WHERE f.copy = 1 AND NOT f.existing
		ORDER BY f.executed_at, f.file, CASE WHEN d.newest_first THEN -f.line ELSE f.line END
		ON CONFLICT (portfolio, fill_id) DO NOTHING$q$, relation, portfolio);
	GET DIAGNOSTICS inserted = ROW_COUNT;
	RETURN inserted;
END
$$;
COMMENT ON FUNCTION pulse.import_insert(regclass, text) IS
	'Inserts what is fresh in the import that has been staged, oldest first, and returns how many fills that were.';

CREATE FUNCTION pulse_import_csv(content text, portfolio text DEFAULT 'main', relation regclass DEFAULT NULL, format text DEFAULT 'auto',
		timezone text DEFAULT NULL, dry_run boolean DEFAULT false, strict boolean DEFAULT false)
	RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET client_min_messages = warning SET "DateStyle" = 'ISO, YMD'
	AS $$
#variable_conflict use_column
DECLARE
	target regclass := coalesce(relation, pulse.import_table());
	report jsonb;
	rejected bigint;
	inserted bigint := 0;
BEGIN
	IF content IS NULL OR coalesce(pulse_import_csv.portfolio, '') = '' THEN
		RAISE EXCEPTION 'content and portfolio must not be null or empty' USING ERRCODE = 'null_value_not_allowed';
	ELSIF timezone IS NOT NULL THEN
		PERFORM pulse.check_zone(timezone);
	END IF;
	PERFORM pulse.import_check_table(target), pulse.import_begin();
	CREATE TEMPORARY TABLE pulse_import_outcome ON COMMIT DROP AS SELECT * FROM pulse.parse_export(content, pulse_import_csv.format, timezone);
	INSERT INTO pg_temp.pulse_import_row
		SELECT 1, o.line, o.prefix, o.executed_at::timestamptz, o.symbol, o.side, o.quantity::numeric, o.price::numeric, o.value::numeric, o.fee::numeric,
			o.fee_asset, o.base_fee::numeric, o.order_id, o.order_type, o.id
		FROM pg_temp.pulse_import_outcome o WHERE o.outcome = 'fill';
	SELECT count(*) FILTER (WHERE o.outcome = 'reject'), jsonb_build_object('format', min(o.format), 'rows', count(*),
			'skipped', (SELECT coalesce(jsonb_object_agg(s.detail, s.n), '{}') FROM (
				SELECT k.detail, count(*) AS n FROM pg_temp.pulse_import_outcome k WHERE k.outcome = 'skip' GROUP BY 1) s),
			'rejected', count(*) FILTER (WHERE o.outcome = 'reject'),
			'rejects', (SELECT coalesce(jsonb_agg(jsonb_build_object('line', r.line, 'reason', r.detail) ORDER BY r.line), '[]') FROM (
				SELECT k.line, k.detail FROM pg_temp.pulse_import_outcome k WHERE k.outcome = 'reject' ORDER BY k.line LIMIT 1000) r))
		INTO rejected, report FROM pg_temp.pulse_import_outcome o;
	SELECT report || jsonb_build_object('fills', s.fills, 'first', s.first_at, 'last', s.last_at, 'repeated', s.repeated, 'existing', s.existing,
			'alike', s.alike, 'similar', s."similar", 'fresh', s.fresh,
			'symbols', (SELECT coalesce(jsonb_object_agg(y.symbol, y.fills), '{}') FROM pulse.import_symbols() y))
		INTO report FROM pulse.import_stage(target, pulse_import_csv.portfolio) s;
	IF NOT dry_run AND NOT (strict AND rejected > 0) THEN
		inserted := pulse.import_insert(target, pulse_import_csv.portfolio);
	END IF;
	DROP TABLE pg_temp.pulse_import_row, pg_temp.pulse_import_fill, pg_temp.pulse_import_outcome;
	RETURN report || jsonb_build_object('imported', inserted, 'dry_run', dry_run, 'table', target::text, 'portfolio', pulse_import_csv.portfolio);
END
$$;
COMMENT ON FUNCTION pulse_import_csv(text, text, regclass, text, text, boolean, boolean) IS
	'Imports past trades from the text of an exchange''s CSV export: Binance (both layouts), Coinbase, Coinbase Pro, Kraken (trades or ledgers); the header tells which, or format: binance, binance-old, coinbase, coinbase-pro, kraken, kraken-ledgers. In psql: \set csv `cat trades.csv`, then SELECT pulse_import_csv(:''csv''); who may read files of the server passes pg_read_file(). Goes into the followed table that pulse_setup() made, or another one with its columns and a unique key (portfolio, fill_id). Returns what happened: format, rows, fills, first and last time, symbols, repeated in the text, existing in the table, fresh, imported, similar to fills that the table has under other ids, skipped rows by what they are, rejected ones with line and reason (at most 1000). A fill_id is made of the exchange''s own trade id or of a digest of the row, so the same or an overlapping export again imports nothing twice. dry_run changes nothing, strict imports nothing when a line is rejected; timezone is that of times that do not state theirs, UTC by default. Numbers keep every digit. The same as pulse-worker import, which also takes files that are too large for a text. Errors: 22P04 no such export, 22023 unknown format or zone, 42P16 a table that does not fit.';
