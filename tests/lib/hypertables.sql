-- For PULSE_HYPERTABLES=1: wherever a table portfolio_snapshots or trades is created, it becomes a hypertable at once.
CREATE EXTENSION timescaledb;
CREATE SCHEMA hypertables;
CREATE FUNCTION hypertables.convert() RETURNS event_trigger
	LANGUAGE plpgsql
	SET client_min_messages = error
	AS $$
DECLARE
	made record;
	key record;
	time_column name;
BEGIN
	FOR made IN SELECT c.oid, c.relname FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
			WHERE d.classid = 'pg_class'::regclass AND c.relkind = 'r' AND c.relpersistence = 'p' AND NOT c.relispartition
				AND c.relname IN ('portfolio_snapshots', 'trades') AND d.schema_name <> 'pulse' LOOP
		time_column := CASE made.relname WHEN 'trades' THEN 'executed_at' ELSE 'ts' END;
		CONTINUE WHEN NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = made.oid AND attname = time_column AND atttypid = 'timestamptz'::regtype);
		-- every key of a hypertable holds its time
		FOR key IN SELECT conname, contype, string_agg(quote_ident(attname), ', ' ORDER BY n) AS columns
				FROM pg_constraint, unnest(conkey) WITH ORDINALITY AS k (attnum, n) JOIN pg_attribute a USING (attnum)
				WHERE conrelid = made.oid AND attrelid = made.oid AND contype IN ('p', 'u') GROUP BY 1, 2
				HAVING NOT bool_or(attname = time_column) LOOP
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s (%s, %I)', made.oid::regclass, key.conname,
				CASE key.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, key.columns, time_column);
		END LOOP;
		PERFORM public.create_hypertable(made.oid::regclass, time_column);
	END LOOP;
END
$$;
CREATE EVENT TRIGGER hypertables ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION hypertables.convert();
