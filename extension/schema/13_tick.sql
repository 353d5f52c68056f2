-- The cycle by hand.

CREATE FUNCTION pulse_tick() RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pulse_tick' LANGUAGE C VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION pulse_tick() FROM PUBLIC;
COMMENT ON FUNCTION pulse_tick() IS
	'One cycle of the engine in the current transaction: processes what changed, writes events and notifies on commit, then applies retention. The background worker does this by itself; call it where none can run. Returns jsonb: seq (newest event), marks, fills and events processed, failures, more (true when something was left for the next call). A source that cannot be read is reported by a warning and tried again next time.';
