\echo Use "CREATE EXTENSION pulse" to load this file. \quit

-- The extension may be created WITH SCHEMA pulse; PostgreSQL has then made the schema already.
DO $$
BEGIN
	IF '@extschema@' OPERATOR(pg_catalog.<>) 'pulse' THEN
		CREATE SCHEMA pulse;
	END IF;
END
$$;

COMMENT ON SCHEMA pulse IS 'state of the Pulse extension: sources, events, deliveries, ledger, health';

CREATE FUNCTION pulse_version() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_version() IS
	'Version of the loaded Pulse library, for example 1.0.0. Compare with pg_extension.extversion, the version of the SQL objects.';
