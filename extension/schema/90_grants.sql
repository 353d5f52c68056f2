-- Who may do what.

CREATE FUNCTION pulse.levels_of(level text) RETURNS text[]
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	CASE level
		WHEN 'reader' THEN RETURN '{reader}';
		WHEN 'operator' THEN RETURN '{reader,operator}';
		WHEN 'admin' THEN RETURN '{reader,operator,admin}';
		WHEN 'worker' THEN RETURN '{reader,worker}';
		ELSE RAISE EXCEPTION 'unknown level %', coalesce(quote_literal(level), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''reader'', ''operator'', ''admin'' or ''worker''.';
	END CASE;
END
$$;
COMMENT ON FUNCTION pulse.levels_of(text) IS 'The levels that a level of pulse_grant() includes; error 22023 for another one.';

CREATE FUNCTION pulse.privileges_of(levels text[]) RETURNS TABLE (privilege text, object text)
	LANGUAGE sql STABLE
	AS $$
	SELECT DISTINCT p.privilege, format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass)
	FROM pulse.privilege p JOIN pg_catalog.pg_class c ON c.relname = p.name AND c.relnamespace = 'pulse'::regnamespace
	WHERE p.kind = 'table' AND p.level = ANY ($1)
	UNION ALL
	SELECT DISTINCT p.privilege, format('FUNCTION %s', f.oid::regprocedure)
	FROM pulse.privilege p JOIN pg_catalog.pg_proc f ON f.proname = p.name
		JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'pulse'
	WHERE p.kind = 'function' AND p.level = ANY ($1) AND NOT has_function_privilege('public', f.oid, 'EXECUTE')
	$$;
COMMENT ON FUNCTION pulse.privileges_of(text[]) IS 'The privileges of some levels, as GRANT and REVOKE name them.';

CREATE FUNCTION pulse_grant(role regrole, level text DEFAULT 'reader') RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
BEGIN
	EXECUTE format('GRANT USAGE ON SCHEMA pulse, %I TO %s', '@extschema@', role);
	FOR item IN SELECT p.privilege, p.object FROM pulse.privileges_of(pulse.levels_of(level)) p LOOP
		EXECUTE format('GRANT %s ON %s TO %s', item.privilege, item.object, role);
	END LOOP;

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
COMMENT ON FUNCTION pulse_grant(regrole, text) IS
	'Grants a role what it needs: reader, to read everything that Pulse knows and the followed tables; operator, on top of that to acknowledge and silence alerts, set marks, send messages and heartbeats: what a bot and a person on duty do; admin, on top of that to change rules, settings, registrations and to control the worker; worker, what the pulse-worker daemon needs: reading, ticks, health, heartbeats and the outcome of deliveries. Needs the rights to grant; call it again when more tables are followed. Row-level policies of followed tables still apply. pulse.privilege lists what each level has. Error 22023 for another level.';

CREATE FUNCTION pulse_revoke(role regrole, level text DEFAULT 'reader') RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
	kept text[] := CASE level WHEN 'operator' THEN '{reader}'::text[] WHEN 'admin' THEN '{reader,operator}' WHEN 'worker' THEN '{reader}' ELSE '{}' END;
BEGIN
	PERFORM pulse.levels_of(level);
	FOR item IN
		SELECT p.privilege, p.object FROM pulse.privileges_of('{reader,operator,admin,worker}') p
		EXCEPT
		SELECT p.privilege, p.object FROM pulse.privileges_of(kept) p
	LOOP
		EXECUTE format('REVOKE %s ON %s FROM %s', item.privilege, item.object, role);
	END LOOP;
	IF level = 'reader' THEN
		EXECUTE format('REVOKE USAGE ON SCHEMA pulse FROM %s', role);
		FOR item IN
			SELECT format('%I.%I', s.schema_name, s.table_name) AS name FROM pulse.source s
			WHERE s.state = 'active' AND to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NOT NULL
		LOOP
			EXECUTE format('REVOKE SELECT ON %s FROM %s', item.name, role);
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse_revoke(regrole, text) IS
	'Takes back what pulse_grant() granted: this level and those that include it. reader takes everything, also SELECT on the followed tables (of which schemas a role may use the rest is left as it is); operator or worker leaves reader; admin leaves operator. What a role has through PUBLIC or another role remains. Error 22023 for another level.';

REVOKE ALL ON FUNCTION pulse_grant(regrole, text), pulse_revoke(regrole, text) FROM PUBLIC;
