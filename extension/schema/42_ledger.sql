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
