-- Retention of the user's snapshots: off until the owner of the table asks for it. Trades are never removed: positions
-- and P&L are made of all of them.

CREATE TABLE pulse.retention (
	source_id	integer PRIMARY KEY REFERENCES pulse.source ON DELETE CASCADE,
	keep		interval CHECK (keep > '0'),
	thin_after	interval CHECK (thin_after > '0'),
	thin_to		interval NOT NULL DEFAULT '1 minute' CHECK (thin_to BETWEEN '1 second' AND '1 day'),
	thinned_until	timestamptz,
	removed		bigint NOT NULL DEFAULT 0,
	last_error	text
);
COMMENT ON TABLE pulse.retention IS 'how long snapshots of followed tables are kept, and at which resolution; set by pulse_retention_set()';
COMMENT ON COLUMN pulse.retention.thinned_until IS 'up to where snapshots have been thinned out';
COMMENT ON COLUMN pulse.retention.last_error IS 'why the last batch could not be removed, NULL when it could';
REVOKE ALL ON pulse.retention FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.retention', '');

CREATE FUNCTION pulse.store_retention(relation regclass, keep interval, thin_after interval, thin_to interval) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_store_retention' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION pulse.store_retention(regclass, interval, interval, interval) IS
	'Body of pulse_retention_set(): stores, or with two NULLs removes, the policy of a followed table of snapshots; false when it is none. The caller must own the table; errors: 42501 otherwise.';

CREATE FUNCTION pulse_retention_set(relation regclass, keep interval DEFAULT NULL, thin_after interval DEFAULT NULL,
									thin_to interval DEFAULT '1 minute') RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'name the table of snapshots' USING ERRCODE = 'null_value_not_allowed';
	ELSIF keep < interval '2 days' OR thin_after < interval '2 days' THEN
		RAISE EXCEPTION 'snapshots of the last two days are always kept'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'keep and thin_after must be at least 2 days.';
	ELSIF keep <= thin_after THEN
		RAISE EXCEPTION 'snapshots would be removed before they are thinned out'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'keep must be longer than thin_after.';
	ELSIF thin_after IS NOT NULL AND (thin_to IS NULL OR thin_to < interval '1 second' OR thin_to > interval '1 day') THEN
		RAISE EXCEPTION 'thin_to must be between 1 second and 1 day' USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT pulse.store_retention(relation, keep, thin_after, coalesce(thin_to, '1 minute')) THEN
		RAISE EXCEPTION '% is not followed as a table of snapshots', relation
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Follow it with pulse_attach() first. Trades cannot be removed: positions and P&L are made of all of them.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse_retention_set(regclass, interval, interval, interval) IS
	'Lets Pulse remove old snapshots from a followed table of yours: those older than keep, and of those older than thin_after all but the last one of each thin_to (and those with a deposit or withdrawal). NULL means never; both NULL, the default, ends the policy. Before anything is removed the summaries of those days are sealed: metrics keep their values, by whole hours, and later changes before that time no longer count. Removal goes on in the background, as the owner of the table, in small batches that lock nothing but the rows they remove. Errors: 42501 unless the caller owns the table, 22023 for a table of trades and for periods that make no sense.';

CREATE FUNCTION pulse_retention()
	RETURNS TABLE (what text, keep interval, thin_after interval, thin_to interval, thinned_until timestamptz, removed bigint, last_error text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT r.what, nullif(current_setting(r.setting)::interval, '0'), NULL::interval, NULL::interval, NULL::timestamptz, NULL::bigint, NULL::text
	FROM (VALUES ('pulse.event', 'pulse.event_retention'), ('pulse.health_sample', 'pulse.health_retention'),
				 ('pulse.delivery', 'pulse.delivery_retention')) AS r (what, setting)
	-- loads the library, which knows the settings
	WHERE @extschema@.pulse_version() IS NOT NULL
	UNION ALL
	SELECT format('%I.%I', s.schema_name, s.table_name), r.keep, r.thin_after, CASE WHEN r.thin_after IS NOT NULL THEN r.thin_to END,
		r.thinned_until, r.removed, r.last_error
	FROM pulse.retention r JOIN pulse.source s ON s.source_id = r.source_id
	$$;
REVOKE ALL ON FUNCTION pulse_retention() FROM PUBLIC;
COMMENT ON FUNCTION pulse_retention() IS
	'How long what is kept: events, health samples and finished deliveries by the settings pulse.*_retention, snapshots of followed tables by pulse_retention_set(), with how far thinning has come, how many rows have been removed, and the last error. NULL: for ever.';

CREATE FUNCTION pulse.retention_work(at timestamptz,
	OUT source_id integer, OUT owner oid, OUT cutoff timestamptz, OUT thin_from timestamptz, OUT thin_until timestamptz,
	OUT thin_to interval, OUT first_query text, OUT thin_query text, OUT keep_query text)
	RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
	sealed timestamptz;
	table_name text;
	ts text;					-- its column
	converted text;				-- a timestamptz %s as a value of that column
	instant text;				-- the column as a timestamptz
	portfolio text;
	flow text;
	each text;					-- joins every portfolio
	mine text;
BEGIN
	FOR item IN
		SELECT r.*, s.schema_name, s.table_name, s.timezone, s.columns, c.oid AS relation, c.relowner
		FROM pulse.retention r JOIN pulse.source s ON s.source_id = r.source_id
			JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', s.schema_name, s.table_name))
		WHERE s.state = 'active' AND s.kind = 'snapshots' ORDER BY r.source_id
	LOOP
		sealed := pulse.archive_buckets(item.source_id, at - least(item.keep, item.thin_after));
		CONTINUE WHEN sealed IS NULL;

		table_name := format('%I.%I', item.schema_name, item.table_name);
		ts := coalesce(item.columns ->> 'ts', 'ts');
		converted := CASE pulse.column_type(item.relation, ts)
			WHEN 'timestamptz'::regtype THEN '%s' WHEN 'timestamp'::regtype THEN format('(%%s AT TIME ZONE %L)', item.timezone) END;
		instant := CASE pulse.column_type(item.relation, ts)
			WHEN 'timestamptz'::regtype THEN format('r.%I', ts) WHEN 'timestamp'::regtype THEN format('(r.%I AT TIME ZONE %L)', ts, item.timezone) END;
		-- a column that holds no more than days, or that is gone
		CONTINUE WHEN converted IS NULL;
		portfolio := CASE WHEN jsonb_typeof(coalesce(item.columns -> 'portfolio', '""')) = 'string' THEN coalesce(item.columns ->> 'portfolio', 'portfolio') END;
		IF pulse.column_type(item.relation, portfolio) IS NULL THEN
			portfolio := NULL;
		END IF;
		flow := CASE WHEN jsonb_typeof(coalesce(item.columns -> 'net_flow', '""')) = 'string' THEN coalesce(item.columns ->> 'net_flow', 'net_flow') END;
		IF pulse.column_type(item.relation, flow) IS NULL THEN
			flow := NULL;
		END IF;
		-- from each portfolio to the next one, and within it from its oldest row: all through the index on both
		each := CASE WHEN portfolio IS NULL THEN 'FROM (SELECT) f' ELSE format('FROM (WITH RECURSIVE f AS ('
			'(SELECT r.%1$I AS p FROM %2$s r ORDER BY r.%1$I LIMIT 1) UNION ALL '
			'SELECT (SELECT r.%1$I FROM %2$s r WHERE r.%1$I > f.p ORDER BY r.%1$I LIMIT 1) FROM f WHERE f.p IS NOT NULL) '
			'SELECT f.p FROM f WHERE f.p IS NOT NULL) f', portfolio, table_name) END;
		mine := CASE WHEN portfolio IS NULL THEN '' ELSE format('r.%I = f.p AND ', portfolio) END;

		source_id := item.source_id;
		owner := item.relowner;
		cutoff := least(at - item.keep, sealed);
		thin_to := item.thin_to;
		thin_from := coalesce(item.thinned_until, '-infinity');
		thin_until := CASE WHEN item.thin_after IS NOT NULL THEN least(date_bin(item.thin_to, at - item.thin_after, '2000-01-01 00:00+00'), sealed) END;
		keep_query := CASE WHEN item.keep IS NOT NULL THEN format(
			'DELETE FROM %1$s d USING (SELECT x.t, x.c %2$s CROSS JOIN LATERAL (SELECT r.tableoid AS t, r.ctid AS c FROM %1$s r '
			'WHERE %3$sr.%4$I < %5$s ORDER BY r.%4$I LIMIT $2) x LIMIT $2) o WHERE d.ctid = o.c AND d.tableoid = o.t',
			table_name, each, mine, ts, format(converted, '$1')) END;
		first_query := format('SELECT min(x.ts) %2$s CROSS JOIN LATERAL (SELECT %6$s AS ts FROM %1$s r WHERE %3$sr.%4$I >= %5$s ORDER BY r.%4$I LIMIT 1) x',
			table_name, each, mine, ts, format(converted, '$1'), instant);
		thin_query := format(
			'DELETE FROM %1$s d USING (SELECT x.t, x.c %2$s CROSS JOIN LATERAL ('
			'SELECT r.tableoid AS t, r.ctid AS c, %7$s AS spare, pg_catalog.date_bin($4, %6$s, ''2000-01-01 00:00+00'')'
			' = pg_catalog.date_bin($4, lead(%6$s) OVER (ORDER BY r.%4$I), ''2000-01-01 00:00+00'') AS again'
			' FROM %1$s r WHERE %3$sr.%4$I >= %5$s AND r.%4$I < %8$s) x WHERE x.spare AND x.again LIMIT $3) o WHERE d.ctid = o.c AND d.tableoid = o.t',
			table_name, each, mine, ts, format(converted, '$1'), instant,
			CASE WHEN flow IS NULL THEN 'true' ELSE format('coalesce(r.%I = 0, true)', flow) END, format(converted, '$2'));
		IF portfolio IS NOT NULL AND pulse.distributed(source_id) THEN
			-- what Citus sends to the shards: no limit there, so up to the time of the last row of a batch, or all of a chunk;
			-- a place of a row is known within its shard, which the portfolio tells
			keep_query := CASE WHEN item.keep IS NOT NULL THEN format('DELETE FROM %1$s d WHERE d.%2$I <= '
				'(SELECT max(x.ts) FROM (SELECT r.%2$I AS ts FROM %1$s r WHERE r.%2$I < %3$s ORDER BY r.%2$I LIMIT $2) x)',
				table_name, ts, format(converted, '$1')) END;
			first_query := format('SELECT min(%1$s) FROM %2$s r WHERE r.%3$I >= %4$s', instant, table_name, ts, format(converted, '$1'));
			thin_query := format('DELETE FROM %1$s d USING (SELECT r.%2$I AS p, r.tableoid AS t, r.ctid AS c, %7$s AS spare,'
				' pg_catalog.date_bin($4, %6$s, ''2000-01-01 00:00+00'')'
				' = pg_catalog.date_bin($4, lead(%6$s) OVER (PARTITION BY r.%2$I ORDER BY r.%3$I), ''2000-01-01 00:00+00'') AS again'
				' FROM %1$s r WHERE r.%3$I >= %4$s AND r.%3$I < %5$s) x'
				' WHERE d.%2$I = x.p AND d.ctid = x.c AND d.tableoid = x.t AND x.spare AND x.again AND $3 > 0',
				table_name, portfolio, ts, format(converted, '$1'), format(converted, '$2'), instant,
				CASE WHEN flow IS NULL THEN 'true' ELSE format('coalesce(r.%I = 0, true)', flow) END);
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION pulse.retention_work(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.retention_work(timestamptz) IS
	'What the policies of pulse.retention ask for at a time, once the summaries of the days in question are sealed: statements to be run as the owner of each table. keep_query removes rows before $1, at most $2 (of a distributed table so many, and those of the same instant as the last); first_query finds the first row from $1 on; thin_query thins out rows from $1 up to $2, at most $3, to one in each $4.';

CREATE FUNCTION pulse.thin_snapshots(at timestamptz) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'pulse_thin_snapshots' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION pulse.thin_snapshots(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.thin_snapshots(timestamptz) IS
	'Job: removes one batch of snapshots for each policy of pulse.retention; returns its argument when more is left, to run again at once. What fails is stored with its policy and does not keep the others.';

INSERT INTO pulse.job (name, command, every) VALUES ('snapshot retention', 'pulse.thin_snapshots', '1 hour');
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('reader', 'table', 'retention', 'SELECT'), ('reader', 'function', 'pulse_retention', 'EXECUTE');
