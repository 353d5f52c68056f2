-- The ledger's own tables and doors. What a user may read of a followed table he may read of what was computed from
-- it: the policies below ask pulse.readable(), so that the functions over these tables need no privileges of their own.

CREATE TABLE pulse.finding (
	source_id	integer NOT NULL REFERENCES pulse.source ON DELETE CASCADE,
	portfolio	text COLLATE "C" NOT NULL,
	fill_key	text COLLATE "C" NOT NULL,
	problem		text NOT NULL,
	executed_at	timestamptz,
	first_seen	timestamptz NOT NULL DEFAULT now(),
	last_seen	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source_id, portfolio, fill_key)
);
COMMENT ON TABLE pulse.finding IS 'rows of followed tables that cannot be booked, and why; at most 1000 for each source. A row leaves when it is mended or deleted';

CREATE TABLE pulse.dust (
	symbol		text COLLATE "C" PRIMARY KEY CHECK (symbol <> ''),
	quantity	numeric NOT NULL DEFAULT 0 CHECK (quantity >= 0 AND quantity < 'Infinity'),
	value		numeric NOT NULL DEFAULT 0 CHECK (value >= 0 AND value < 'Infinity')
);
GRANT SELECT ON pulse.dust TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.dust', '');
COMMENT ON TABLE pulse.dust IS 'up to where a position counts as flat, by symbol; set by pulse_dust_set()';
COMMENT ON COLUMN pulse.dust.symbol IS 'a symbol, or a pattern in which * stands for any characters; the longest that fits counts';

CREATE FUNCTION pulse_dust_set(symbol text DEFAULT '*', quantity numeric DEFAULT NULL, value numeric DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	IF coalesce(pulse_dust_set.symbol, '') = '' THEN
		RAISE EXCEPTION 'a dust tolerance needs a symbol'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example ''BTCUSDT'', ''*USDT'' or ''*'' for all.';
	ELSIF NOT coalesce(pulse_dust_set.quantity >= 0 AND pulse_dust_set.quantity < 'Infinity', true)
			OR NOT coalesce(pulse_dust_set.value >= 0 AND pulse_dust_set.value < 'Infinity', true) THEN
		RAISE EXCEPTION 'a dust tolerance must be neither negative nor infinite' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF coalesce(pulse_dust_set.quantity, 0) = 0 AND coalesce(pulse_dust_set.value, 0) = 0 THEN
		DELETE FROM pulse.dust d WHERE d.symbol = pulse_dust_set.symbol;
	ELSE
		INSERT INTO pulse.dust (symbol, quantity, value)
			VALUES (pulse_dust_set.symbol, coalesce(pulse_dust_set.quantity, 0), coalesce(pulse_dust_set.value, 0))
			ON CONFLICT (symbol) DO UPDATE SET quantity = excluded.quantity, value = excluded.value;
	END IF;
	UPDATE pulse.source s SET rebook = true WHERE s.kind = 'trades' AND s.state = 'active';
	INSERT INTO pulse.dirty (source_id, marked_at)
		SELECT s.source_id, clock_timestamp() FROM pulse.source s WHERE s.kind = 'trades' AND s.state = 'active';
END
$$;
REVOKE ALL ON FUNCTION pulse_dust_set(text, numeric, numeric) FROM PUBLIC;
COMMENT ON FUNCTION pulse_dust_set(text, numeric, numeric) IS
	'Sets up to where a position counts as flat: no larger than a quantity, or worth no more than a value in quote currency at the price of the fill that leaves it. symbol may be a pattern in which * stands for any characters; the longest that fits a symbol counts. A round trip then ends without what is left, for example after a fee in the base asset; what is left stays in the position with its cost, so that the whole result stays exact to the last digit, and goes into the next round trip. Both NULL or 0 removes the setting; nothing is set at first. All fills are booked again by the next tick. Error 22023 for a negative or infinite tolerance.';

CREATE FUNCTION pulse.unit_price(value numeric, quantity numeric) RETURNS numeric
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN trim_scale(value / nullif(quantity, 0));
COMMENT ON FUNCTION pulse.unit_price(numeric, numeric) IS
	'Average price of a quantity that a value was paid for, to at least 16 significant digits; NULL for no quantity.';

CREATE FUNCTION pulse.trade_return(net_pnl numeric, entry_value numeric) RETURNS double precision
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (net_pnl / nullif(entry_value, 0))::double precision;
COMMENT ON FUNCTION pulse.trade_return(numeric, numeric) IS
	'Net profit over the value of the entry, as a fraction; NULL when the entry cost nothing.';

CREATE FUNCTION pulse.readable(source_id integer, portfolio text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_readable' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION pulse.readable(integer, text) IS
	'Whether the current user may read the followed table and, where row-level security applies to him, sees at least one row of that portfolio in it (any row when portfolio is NULL).';

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['fill', 'position', 'closed_trade', 'finding', 'dirty', 'source'] LOOP
		EXECUTE format('ALTER TABLE pulse.%I ENABLE ROW LEVEL SECURITY', name);
		EXECUTE format('CREATE POLICY readable ON pulse.%I FOR SELECT USING (pulse.readable(source_id, %s))',
					   name, CASE name WHEN 'source' THEN 'NULL' ELSE 'portfolio' END);
		EXECUTE format('GRANT SELECT ON pulse.%I TO PUBLIC', name);
	END LOOP;
END
$$;

CREATE FUNCTION pulse.ledger_apply(source_id integer, portfolio text DEFAULT NULL, min_ts timestamptz DEFAULT NULL, max_ts timestamptz DEFAULT NULL)
	RETURNS void
	AS 'MODULE_PATHNAME', 'pulse_ledger_apply_sql' LANGUAGE C VOLATILE;
REVOKE ALL ON FUNCTION pulse.ledger_apply(integer, text, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.ledger_apply(integer, text, timestamptz, timestamptz) IS
	'Brings fills, positions and closed trades of a source up to date for a time range: NULL ends are open, NULL portfolio means all. The tick does this for every mark in pulse.dirty; doing it again changes nothing.';
