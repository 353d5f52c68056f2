-- Who may do what.

CREATE FUNCTION pulse_grant(role regrole, level text DEFAULT 'reader') RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	reads CONSTANT text[] := ARRAY['source', 'target', 'config', 'event', 'delivery', 'health_sample', 'heartbeat', 'fill',
		'position', 'closed_trade', 'finding', 'dirty', 'sequencer', 'worker', 'performance_state'];
	-- what the daemon calls and changes, and nothing more
	worker_functions CONSTANT text[] := ARRAY['pulse_tick', 'pulse_worker_start', 'pulse_record_health', 'pulse_heartbeat',
		'pulse_notify', 'pulse_ack', 'pulse_silence', 'pulse_unsilence'];
	item record;
BEGIN
	IF level NOT IN ('reader', 'worker') THEN
		RAISE EXCEPTION 'unknown level %', quote_literal(level)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''reader'' or ''worker''.';
	END IF;

	EXECUTE format('GRANT USAGE ON SCHEMA pulse, %I TO %s', '@extschema@', role);
	FOR item IN
		SELECT c.oid::regclass AS name FROM pg_class c
		WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND c.relname = ANY (reads)
	LOOP
		EXECUTE format('GRANT SELECT ON %s TO %s', item.name, role);
	END LOOP;
	FOR item IN
		SELECT p.oid::regprocedure AS name
		FROM pg_extension e
			JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
			JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		WHERE e.extname = 'pulse' AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
			AND (p.proname = 'pulse_worker_status' OR (level = 'worker' AND p.proname = ANY (worker_functions)))
	LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', item.name, role);
	END LOOP;
	IF level = 'worker' THEN
		EXECUTE format('GRANT UPDATE ON pulse.delivery TO %s', role);
		EXECUTE format('GRANT INSERT, UPDATE ON pulse.config TO %s', role);
	END IF;

	-- what was computed from a followed table may be read by those who may read the table
	FOR item IN
		SELECT format('%I.%I', s.schema_name, s.table_name) AS name, quote_ident(s.schema_name) AS schema
		FROM pulse.source s
		WHERE s.state = 'active' AND to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NOT NULL
	LOOP
		EXECUTE format('GRANT USAGE ON SCHEMA %s TO %s', item.schema, role);
		EXECUTE format('GRANT SELECT ON %s TO %s', item.name, role);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION pulse_grant(regrole, text) FROM PUBLIC;
COMMENT ON FUNCTION pulse_grant(regrole, text) IS
	'Grants a role what it needs: reader, to read everything that Pulse knows and the followed tables; worker, what the pulse-worker daemon needs on top: ticks, health, heartbeats and the outcome of deliveries. Needs the rights to grant; call it again when more tables are followed. Row-level policies of followed tables still apply. Error 22023 for another level.';
