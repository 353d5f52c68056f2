-- A publication FOR ALL TABLES refuses every UPDATE and DELETE of a table without a replica identity.
DO $$
DECLARE
	name regclass;
BEGIN
	FOR name IN
		SELECT c.oid FROM pg_catalog.pg_class c
		WHERE c.relnamespace = 'pulse'::pg_catalog.regnamespace AND c.relkind = 'r' AND c.relreplident = 'd'
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY FULL', name);
	END LOOP;
END
$$;
