CREATE EXTENSION pulse;
-- the library and the SQL objects belong to the same version
SELECT pulse_version() = extversion AS same_version FROM pg_extension WHERE extname = 'pulse';
DROP EXTENSION pulse;
-- a schema of the user's choice holds the functions, schema pulse the state
CREATE SCHEMA monitoring;
CREATE EXTENSION pulse WITH SCHEMA monitoring;
SELECT monitoring.pulse_version() = extversion AS same_version FROM pg_extension WHERE extname = 'pulse';
DROP EXTENSION pulse;
DROP SCHEMA monitoring;
