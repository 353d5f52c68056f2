-- The cycle by hand.

CREATE FUNCTION pulse_tick("now" timestamptz DEFAULT NULL) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pulse_tick' LANGUAGE C VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION pulse_tick(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse_tick(timestamptz) IS
	'One cycle of the engine in the current transaction: processes what changed, writes events and notifies on commit, then runs the jobs of pulse.job that are due, each in a subtransaction. The background worker does this by itself; call it where none can run. Returns jsonb: seq (newest event), marks, fills and events processed, jobs run, failures, more (true when something was left for the next call). A source that cannot be read is reported by a warning and tried again next time. now is the time that the jobs are given, the clock by default; only the extension''s owner may give another one (error 42501), to see weeks pass in seconds.';
