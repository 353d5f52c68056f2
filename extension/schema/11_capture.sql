-- The triggers that see changes. They mark; the tick does the rest.

CREATE FUNCTION pulse.capture() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pulse_capture' LANGUAGE C;
COMMENT ON FUNCTION pulse.capture() IS
	'Row trigger of a followed table; its argument is the source_id. Remembers portfolio and time of the changed row in backend memory; just before the commit one row per portfolio goes to pulse.dirty. What it cannot resolve it marks as a change of the whole source; it raises no error for the data it sees.';

CREATE FUNCTION pulse.capture_truncate() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pulse_capture_truncate' LANGUAGE C;
COMMENT ON FUNCTION pulse.capture_truncate() IS
	'TRUNCATE trigger of a followed table; its argument is the source_id. Marks the whole source as changed.';

CREATE FUNCTION pulse.source_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pulse_source_changed' LANGUAGE C;
COMMENT ON FUNCTION pulse.source_changed() IS
	'Trigger on pulse.source: makes every session look the column mapping up again.';

CREATE FUNCTION pulse.wake() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pulse_wake_trigger' LANGUAGE C;
COMMENT ON FUNCTION pulse.wake() IS
	'Trigger on tables that the tick announces: wakes the background worker once the transaction has committed. It never notifies.';

REVOKE ALL ON FUNCTION pulse.capture(), pulse.capture_truncate(), pulse.source_changed(), pulse.wake() FROM PUBLIC;

CREATE TRIGGER source_changed AFTER INSERT OR UPDATE OF source_id, kind, columns, timezone OR DELETE ON pulse.source
	FOR EACH ROW EXECUTE FUNCTION pulse.source_changed();
CREATE TRIGGER wake AFTER INSERT ON pulse.delivery
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.wake();
