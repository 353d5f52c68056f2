-- What is wrong with an installation, and what mends it.

-- Every finding of one topic is made by one function below; each reads catalogues and stored state only, so that the
-- doctor is quick and works where the tables themselves cannot be read.

CREATE FUNCTION pulse.doctor_versions() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE sql STABLE
	AS $$
	SELECT CASE WHEN v.component = 'library' THEN 'problem' ELSE 'warning' END,
		format('%s: version %s %s', v.component, coalesce(v.version, 'unknown'), CASE v.status WHEN 'behind' THEN 'is behind' WHEN 'ahead' THEN 'is ahead of the extension'
			WHEN 'waiting' THEN 'is installed, the server has not been restarted since' ELSE 'does not tell what it is' END),
		CASE v.component WHEN 'extension' THEN 'ALTER EXTENSION pulse UPDATE;' WHEN 'background worker' THEN 'SELECT pulse_worker_stop(), pulse_worker_start();'
			WHEN 'pulse-worker' THEN '-- ' || coalesce(v.remedy, 'Install the pulse-worker of the same version.') ELSE '\! sudo systemctl restart postgresql' END
	FROM @extschema@.pulse_versions() v WHERE v.status <> 'fits'
	$$;
COMMENT ON FUNCTION pulse.doctor_versions() IS 'What pulse_versions() finds unfit; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_background_worker() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	w record;
	databases text := coalesce(current_setting('pulse.databases', true), '');
	listed boolean := current_database() = ANY (regexp_split_to_array(trim(translate(databases, '"', '')), '\s*,\s*'));
	preloaded text := concat_ws(',', nullif(current_setting('shared_preload_libraries', true), ''), 'pulse');
BEGIN
	SELECT * INTO w FROM @extschema@.pulse_worker_status() s;
	status := CASE w.state WHEN 'running' THEN 'warning' ELSE 'problem' END;
	IF NOT w.preloaded THEN
		message := CASE w.state WHEN 'running' THEN 'the background worker runs until the next restart of the server: pulse is not in shared_preload_libraries'
			ELSE 'no background worker runs, and pulse is not in shared_preload_libraries' END;
		mend := format('ALTER SYSTEM SET shared_preload_libraries = %s; ALTER SYSTEM SET pulse.databases = %L; \! sudo systemctl restart postgresql',
			(SELECT string_agg(quote_literal(trim(BOTH ' "' FROM l)), ', ') FROM regexp_split_to_table(preloaded, ',') l),
			concat_ws(', ', nullif(databases, ''), CASE WHEN NOT listed THEN current_database() END));
		RETURN NEXT;
	ELSIF NOT listed THEN
		message := format('pulse.databases does not name %s%s', current_database(), CASE w.state WHEN 'running' THEN '; its background worker runs until the next restart of the server' ELSE '' END);
		mend := format('ALTER SYSTEM SET pulse.databases = %L; SELECT pg_reload_conf();', concat_ws(', ', nullif(databases, ''), current_database()));
		RETURN NEXT;
	END IF;
	status := 'problem';
	IF w.state <> 'running' THEN
		message := CASE w.state WHEN 'stopped' THEN 'the background worker was stopped by pulse_worker_stop()' ELSE 'the background worker is absent; the server''s log says why' END;
		mend := 'SELECT pulse_worker_start();';
		RETURN NEXT;
	ELSIF w.last_error_at > now() - interval '10 minutes' AND (w.last_tick_at IS NULL OR w.last_error_at >= w.last_tick_at) THEN
		message := format('the newest cycle of the background worker failed: %s', w.last_error);
		mend := 'SELECT pulse_tick();  -- shows the error with its context';
		RETURN NEXT;
	END IF;
	IF w.lag > interval '1 minute' THEN
		status := CASE WHEN w.lag > interval '10 minutes' THEN 'problem' ELSE 'warning' END;
		message := format('%s changes wait to be read, the oldest for %s', w.pending, date_trunc('second', w.lag));
		mend := 'SELECT pulse_tick();';
		RETURN NEXT;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.doctor_background_worker() IS 'Whether the background worker runs, will do so after a restart, and keeps up; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_sources() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s pulse.source;
	relation regclass;
	again text;
	wanting record;
BEGIN
	IF NOT EXISTS (SELECT FROM pulse.source x WHERE x.state = 'active') THEN
		RETURN QUERY SELECT 'problem', 'no table is followed', 'SELECT pulse_setup();  -- or pulse_attach(''your.table'', ''trades'', …)';
	END IF;
	FOR s IN SELECT x.* FROM pulse.source x ORDER BY x.source_id LOOP
		relation := to_regclass(format('%I.%I', s.schema_name, s.table_name));
		again := format('SELECT pulse_attach(%L, %L, columns => %L, timezone => %L, capture => %L);', format('%I.%I', s.schema_name, s.table_name), s.kind, s.columns, s.timezone, s.capture);
		status := 'problem';
		IF s.state = 'detached' THEN
			-- somebody let go of it; that is only odd where nothing else of its kind is followed
			CONTINUE WHEN relation IS NULL OR EXISTS (SELECT FROM pulse.source x WHERE x.kind = s.kind AND x.state = 'active');
			RETURN QUERY SELECT 'warning', format('%I.%I is no longer followed, and no other table of %s is', s.schema_name, s.table_name, s.kind), again;
			CONTINUE;
		ELSIF relation IS NULL THEN
			RETURN QUERY SELECT 'problem', format('%I.%I is followed, but there is no such table now; what was computed from it stands', s.schema_name, s.table_name),
				format('-- create it again, or forget it: DELETE FROM pulse.source WHERE source_id = %s;', s.source_id);
			CONTINUE;
		ELSIF s.last_error IS NOT NULL THEN
			RETURN QUERY SELECT 'problem', format('%s cannot be read: %s', relation, s.last_error), again;
		END IF;
		CONTINUE WHEN s.capture <> 'trigger';
		FOR wanting IN
			SELECT n.name, t.tgenabled FROM (VALUES ('capture', 'pulse_capture'), ('capture_truncate', 'pulse_capture_truncate')) AS n (function, name)
				LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = relation AND NOT t.tgisinternal
					AND t.tgfoid = (SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pulse'::regnamespace AND p.proname = n.function)
			WHERE t.tgenabled IS DISTINCT FROM 'A'
		LOOP
			RETURN QUERY SELECT CASE WHEN wanting.tgenabled IN ('O', 'R') THEN 'warning' ELSE 'problem' END,
				CASE WHEN wanting.tgenabled IS NULL THEN format('%s has lost its trigger %s: changes are not noticed', relation, wanting.name)
					WHEN wanting.tgenabled = 'D' THEN format('the trigger %s of %s is disabled: changes are not noticed', wanting.name, relation)
					ELSE format('the trigger %s of %s does not fire for every kind of session, as replication needs', wanting.name, relation) END,
				CASE WHEN wanting.tgenabled IS NULL THEN again ELSE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I;', relation, wanting.name) END;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.doctor_sources() IS 'Whether the followed tables are there, can be read, and have working triggers; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_tables() RETURNS TABLE ("check" text, status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s record;
	zone text := (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone');
	large CONSTANT real := 100000;
	huge CONSTANT real := 10000000;
BEGIN
	status := 'warning';
	FOR s IN
		SELECT x.source_id, x.kind, x.timezone, x.columns, c.relation, x.capture = 'poll' AS polled, pulse.spread_by(c.relation) AS spread, a.attnum, a.attname, a.atttypid, p.reltuples,
			(SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) AS filled
		FROM pulse.source x CROSS JOIN LATERAL (SELECT to_regclass(format('%I.%I', x.schema_name, x.table_name)) AS relation,
				CASE x.kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END AS logical) c
			JOIN pg_catalog.pg_class p ON p.oid = c.relation
			JOIN pg_catalog.pg_attribute a ON a.attrelid = c.relation AND NOT a.attisdropped AND a.attname
				= CASE jsonb_typeof(x.columns -> c.logical) WHEN 'object' THEN x.columns -> c.logical ->> 'column' WHEN 'string' THEN x.columns ->> c.logical ELSE c.logical END
		WHERE x.state = 'active' ORDER BY x.source_id
	LOOP
		-- the rows of a distributed table are counted elsewhere; a look at what is new asks for no portfolio
		IF (s.reltuples > large OR s.spread = 'citus') AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = s.relation AND i.indisvalid AND i.indpred IS NULL
				AND (i.indkey[0] = s.attnum OR (NOT s.polled AND i.indnkeyatts > 1 AND i.indkey[1] = s.attnum))) THEN
			"check" := 'indexes';
			message := CASE WHEN s.polled THEN format('%s is polled and has no index that begins with %I: every look at what is new reads all of it', s.relation, s.attname)
				ELSE format('%s has about %s rows and no index that begins with %I, or with the portfolio and %I: every change reads all of it', s.relation, s.reltuples::bigint, s.attname, s.attname) END;
			mend := format('CREATE INDEX CONCURRENTLY ON %s (%I);', s.relation, s.attname);
			RETURN NEXT;
		END IF;
		IF s.atttypid = 'timestamp'::regtype AND s.filled ~* '\m(now|clock_timestamp|statement_timestamp|transaction_timestamp)\(|current_timestamp|localtimestamp'
				AND s.filled !~* 'timezone\(|at time zone' AND s.timezone IS DISTINCT FROM zone AND NOT (upper(s.timezone) IN ('UTC', 'GMT', 'ETC/UTC') AND upper(zone) IN ('UTC', 'GMT', 'ETC/UTC')) THEN
			"check" := 'time zones';
			message := format('%I of %s has no time zone and is filled with the server''s local time (%s), but is read as %s', s.attname, s.relation, zone, s.timezone);
			mend := format('SELECT pulse_attach(%L, %L, columns => %L, timezone => %L);', s.relation::text, s.kind, s.columns, zone);
			RETURN NEXT;
		END IF;
		IF s.kind = 'snapshots' AND s.reltuples > huge AND NOT EXISTS (SELECT FROM pulse.retention r WHERE r.source_id = s.source_id) THEN
			"check" := 'retention';
			message := format('%s has about %s rows and is kept whole for ever; thinned, every figure stays', s.relation, s.reltuples::bigint);
			mend := format('SELECT pulse_retention_set(%L, thin_after => ''30 days'');', s.relation::text);
			RETURN NEXT;
		END IF;
	END LOOP;
	FOR s IN SELECT t.portfolio, t.ts FROM pulse.performance_state t WHERE t.ts > now() + interval '5 minutes' ORDER BY t.ts DESC LIMIT 3 LOOP
		"check" := 'time zones';
		message := format('the newest snapshot of %L is of %s, which is still to come: is it written in another zone than it is read in?', s.portfolio, s.ts);
		mend := 'SELECT schema_name, table_name, timezone FROM pulse.source;  -- then pulse_attach() with the right timezone';
		RETURN NEXT;
	END LOOP;
	"check" := 'retention';
	FOR s IN SELECT r.what, r.last_error FROM @extschema@.pulse_retention() r WHERE r.last_error IS NOT NULL LOOP
		message := format('%s is not thinned: %s', s.what, s.last_error);
		mend := 'SELECT * FROM pulse_retention();';
		RETURN NEXT;
	END LOOP;
	FOR s IN SELECT r.what, r.setting FROM (VALUES ('pulse.event', 'pulse.event_retention'), ('pulse.delivery', 'pulse.delivery_retention'), ('pulse.health_sample', 'pulse.health_retention')) AS r (what, setting)
		WHERE current_setting(r.setting, true)::interval = '0'
			AND (SELECT sum(greatest(c.reltuples, 0)) FROM pg_catalog.pg_partition_tree(r.what) p JOIN pg_catalog.pg_class c ON c.oid = p.relid WHERE p.isleaf) > huge
	LOOP
		message := format('%s is kept for ever, and large', s.what);
		mend := format('ALTER SYSTEM RESET %s; SELECT pg_reload_conf();', s.setting);
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.doctor_tables() IS 'Missing indexes, doubtful time zones and unbounded growth of tables, as far as the catalogues tell; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_jobs() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'problem', format('the job %s has failed %s times in a row: %s', j.name, j.failing, j.last_error), format('SELECT * FROM pulse.job WHERE name = %L;', j.name)
		FROM pulse.job j WHERE j.enabled AND j.failing > 0
	UNION ALL
	SELECT 'problem', format('the %s %s fails: %s', replace(r.kind, '_', ' '), r.name, left(r.last_error, 300)),
		CASE r.kind WHEN 'alert_rule' THEN format('SELECT * FROM pulse_alert_rules() WHERE name = %L;', r.name)
			ELSE format('SELECT pulse_unregister_%s(%L);  -- or register it again, mended', r.kind, r.name) END
		FROM (SELECT * FROM pulse.registration_state x WHERE x.failing > 0 ORDER BY x.kind, x.name LIMIT 20) r
	UNION ALL
	SELECT 'problem', format('the alert rule %s fails: %s', s.rule, left(s.last_error, 300)), format('SELECT pulse_alert_rule_drop(%L);  -- or set it again, mended', s.rule)
		FROM (SELECT * FROM pulse.alert_rule_state x WHERE x.failing > 0 ORDER BY x.rule LIMIT 20) s
	$$;
COMMENT ON FUNCTION pulse.doctor_jobs() IS 'Jobs, registered queries and alert rules that fail; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_deliveries() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT 'problem', format('%s messages could not be delivered within the last day, the newest because: %s', count(*), (array_agg(d.last_error ORDER BY d.delivery_id DESC))[1]),
		'UPDATE pulse.delivery SET status = ''pending'', attempts = 0, not_before = now() WHERE status = ''dead'' AND created_at > now() - interval ''1 day'';'
		FROM pulse.delivery d WHERE d.status = 'dead' AND d.created_at > now() - interval '1 day' HAVING count(*) > 0
	UNION ALL
	SELECT 'problem', format('%s messages for %s could not be delivered within the last day, the newest because: %s', count(*), k.sink, (array_agg(k.last_error ORDER BY k.delivery_id DESC))[1]),
		format('UPDATE pulse.delivery_sink SET status = ''pending'', attempts = 0, not_before = now() WHERE sink = %L AND status = ''dead'';', k.sink)
		FROM pulse.delivery_sink k JOIN pulse.delivery d USING (delivery_id) WHERE k.status = 'dead' AND d.created_at > now() - interval '1 day' GROUP BY k.sink
	UNION ALL
	SELECT 'warning', format('%s messages wait, the oldest since %s%s', count(*), date_trunc('second', min(d.not_before)), coalesce(': ' || (array_agg(d.last_error ORDER BY d.delivery_id))[1], '')),
		'\! pulse-worker doctor --config /etc/pulse/pulse.ini'
		FROM pulse.delivery d WHERE d.status IN ('pending', 'leased') AND d.not_before < now() - interval '15 minutes' HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION pulse.doctor_deliveries() IS 'Messages that died or wait for longer than a quarter of an hour; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_roles() RETURNS TABLE (status text, message text, mend text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH granted AS (
		-- whoever may read the list of the sources was given a level
		SELECT r.oid, r.rolname, CASE WHEN has_table_privilege(r.oid, 'pulse.worker_state', 'INSERT') THEN 'worker'
			WHEN l.admin THEN 'admin' WHEN l.operator THEN 'operator' ELSE 'reader' END AS level
		FROM pg_catalog.pg_class c, LATERAL aclexplode(c.relacl) g JOIN pg_catalog.pg_roles r ON r.oid = g.grantee AND NOT r.rolsuper,
			LATERAL (SELECT coalesce(bool_or(has_function_privilege(r.oid, f.oid, 'EXECUTE')) FILTER (WHERE f.proname = 'pulse_apply_environment'), false) AS admin,
				coalesce(bool_or(has_function_privilege(r.oid, f.oid, 'EXECUTE')) FILTER (WHERE f.proname = 'pulse_notify'), false) AS operator
				FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_extension e ON e.extname = 'pulse' AND f.pronamespace = e.extnamespace WHERE f.proname IN ('pulse_apply_environment', 'pulse_notify')) l
		WHERE c.oid = 'pulse.source'::regclass AND g.privilege_type = 'SELECT' AND r.oid <> c.relowner
	)
	SELECT 'warning', format('the role %I lacks what the level %s has by now: %s', g.rolname, g.level, string_agg(DISTINCT m.object, ', ')), format('SELECT pulse_grant(%L, %L);', quote_ident(g.rolname), g.level)
	FROM granted g, LATERAL (
		SELECT 'pulse.' || c.relname AS object FROM pulse.privilege p JOIN pg_catalog.pg_class c ON c.relname = p.name AND c.relnamespace = 'pulse'::regnamespace
			WHERE p.kind = 'table' AND p.level = ANY (pulse.levels_of(g.level)) AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(g.oid, c.oid, p.privilege)
				ELSE has_table_privilege(g.oid, c.oid, p.privilege) END
		UNION ALL
		SELECT f.proname || '()' FROM pulse.privilege p JOIN pg_catalog.pg_proc f ON f.proname = p.name
				JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
				JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'pulse'
			WHERE p.kind = 'function' AND p.level = ANY (pulse.levels_of(g.level)) AND NOT has_function_privilege(g.oid, f.oid, 'EXECUTE')
		UNION ALL
		SELECT t.relation::text FROM pulse.source s, LATERAL (SELECT to_regclass(format('%I.%I', s.schema_name, s.table_name)) AS relation) t
			WHERE s.state = 'active' AND t.relation IS NOT NULL AND NOT has_table_privilege(g.oid, t.relation, 'SELECT')
	) m GROUP BY g.rolname, g.level;
END
$$;
COMMENT ON FUNCTION pulse.doctor_roles() IS 'Roles that were given a level by pulse_grant() and lack what has been added since, as by an update or by following another table; for pulse_doctor().';

CREATE FUNCTION pulse.doctor_data() RETURNS TABLE ("check" text, status text, message text, mend text)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'snapshots', CASE WHEN n.newest IS NULL THEN 'warning' ELSE h.level END,
		CASE WHEN n.newest IS NULL THEN 'there is no snapshot yet, and without one there are no returns' ELSE format('the newest snapshot is %s old', date_trunc('second', now() - n.newest)) END,
		'INSERT INTO portfolio_snapshots (total_value, cash_balance) VALUES (…);  -- the bot should do so every minute or so'
	FROM (SELECT max(t.ts) AS newest FROM pulse.performance_state t) n,
		LATERAL (SELECT CASE pulse.health_level(extract(epoch FROM now() - n.newest)::float8, pulse.config_seconds('health.data_age_warning'), pulse.config_seconds('health.data_age_critical'))
			WHEN 'CRITICAL' THEN 'problem' WHEN 'WARNING' THEN 'warning' END AS level) h
	WHERE EXISTS (SELECT FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active') AND (n.newest IS NULL OR h.level IS NOT NULL)
	UNION ALL
	SELECT 'rows', 'warning', format('%s rows of trades cannot be booked', count(*)), 'SELECT * FROM pulse_data_quality();' FROM pulse.finding HAVING count(*) > 0
	UNION ALL
	SELECT 'daemon', CASE WHEN b.component IS NULL THEN 'warning' ELSE 'problem' END,
		CASE WHEN b.component IS NULL THEN 'pulse-worker has never reported here: no page, no stream, no messages' ELSE format('pulse-worker was last seen %s ago', date_trunc('second', now() - b.seen_at)) END,
		'\! sudo systemctl restart pulse-worker && pulse-worker doctor --config /etc/pulse/pulse.ini'
	FROM (VALUES ('worker')) AS w (component) LEFT JOIN pulse.heartbeat b USING (component)
	WHERE b.component IS NULL OR b.seen_at < now() - greatest(3 * b.expect_every, interval '1 minute')
	UNION ALL
	SELECT 'settings', 'warning', format('%s = %s: %s', v.key, v.value, v.problem), coalesce('-- ' || v.hint, 'SELECT * FROM pulse_validate_config();') FROM @extschema@.pulse_validate_config() v
	UNION ALL
	SELECT 'capture', 'problem', 'pulse.capture is off: changes of followed tables are not noticed', 'ALTER SYSTEM RESET pulse.capture; SELECT pg_reload_conf();  -- then, for what was missed: SELECT pulse_verify();'
	WHERE current_setting('pulse.capture', true) = 'off'
	$$;
COMMENT ON FUNCTION pulse.doctor_data() IS 'Old snapshots, rows that cannot be booked, a silent daemon, settings that do not fit, capture switched off; for pulse_doctor().';

CREATE FUNCTION pulse_doctor() RETURNS TABLE ("check" text, status text, message text, mend text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	ROWS 15 COST 10000
	AS $$
	WITH finding AS MATERIALIZED (
		SELECT 'versions' AS "check", f.* FROM pulse.doctor_versions() f
		UNION ALL SELECT 'background worker', f.* FROM pulse.doctor_background_worker() f
		UNION ALL SELECT 'sources', f.* FROM pulse.doctor_sources() f
		UNION ALL SELECT * FROM pulse.doctor_tables() f
		UNION ALL SELECT 'jobs', f.* FROM pulse.doctor_jobs() f
		UNION ALL SELECT 'deliveries', f.* FROM pulse.doctor_deliveries() f
		UNION ALL SELECT 'roles', f.* FROM pulse.doctor_roles() f
		UNION ALL SELECT * FROM pulse.doctor_data() f
	), topic AS (
		SELECT * FROM (VALUES ('versions', 'objects and library are of one version'), ('background worker', 'runs, survives a restart, and keeps up'), ('capture', 'changes are noticed'),
			('sources', 'followed tables are there and have their triggers'), ('indexes', 'large tables are read through an index'), ('time zones', 'nothing points at a wrong one'),
			('snapshots', 'none is late'), ('rows', 'all can be booked'), ('retention', 'nothing grows without bound'), ('jobs', 'jobs, registered queries and alert rules work'),
			('daemon', 'pulse-worker reports'), ('deliveries', 'messages leave'), ('roles', 'have what their levels need'), ('settings', 'fit together')) AS t (name, fine)
	)
	SELECT x.* FROM (
		SELECT * FROM finding
		UNION ALL SELECT t.name, 'ok', t.fine, NULL FROM topic t WHERE NOT EXISTS (SELECT FROM finding f WHERE f."check" = t.name)
	) x ORDER BY array_position(ARRAY['problem', 'warning', 'ok'], x.status), x."check", x.message
	$$;
REVOKE ALL ON FUNCTION pulse_doctor() FROM PUBLIC;
COMMENT ON FUNCTION pulse_doctor() IS
	'What is wrong with this installation, and what mends it: a row for each finding, problems first, and one with status ok for each check that found nothing. check: versions, background worker, capture, sources, indexes, time zones, snapshots, rows, retention, jobs, daemon, deliveries, roles, settings. status: problem (something does not work), warning (works, but not as it could) or ok. mend: the command that mends it, to be pasted into psql; what begins with \! is for the shell of the database''s machine. Looks at catalogues and stored state, not at the rows of tables, and changes nothing. For readers (pulse_grant). pulse-worker doctor looks at what lies outside the database.';
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES ('reader', 'function', 'pulse_doctor', 'EXECUTE');
