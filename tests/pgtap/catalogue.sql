-- What must hold for every table and function of the extension, whoever adds one.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(18);
CREATE VIEW member AS SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pulse';
CREATE VIEW function AS SELECT p.* FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;
CREATE VIEW relation AS SELECT c.* FROM pg_class c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition;

-- described
SELECT is_empty($$SELECT relname FROM relation WHERE coalesce(obj_description(oid, 'pg_class'), '') = ''$$, 'every table says what it is');
SELECT is_empty($$SELECT r.relname || '.' || a.attname FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
	WHERE a.attnum > 0 AND NOT a.attisdropped AND coalesce(col_description(a.attrelid, a.attnum), '') = ''$$, 'every column says what it is');
SELECT is_empty($$SELECT c.relname || '.' || a.attname FROM pg_class c JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = c.reltype JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(col_description(c.oid, a.attnum), '') = ''$$, 'and every column of a row type');
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE coalesce(obj_description(oid, 'pg_proc'), '') = ''$$, 'every function says what it does');

SELECT is_empty($$SELECT DISTINCT proname FROM function WHERE proretset AND prorows = 1000 AND pronamespace <> 'pulse'::regnamespace AND proname NOT IN ('pulse_closed_trades', 'pulse_returns',
	'pulse_health_history', 'pulse_alert_history', 'pulse_alert_backtest', 'pulse_config_history', 'pulse_trade_excursions')$$, 'every function that returns rows says how many, but for histories');
SELECT is_empty($$SELECT f.oid::regprocedure FROM function f JOIN pg_language l ON l.oid = f.prolang WHERE f.prokind = 'f' AND f.pronamespace <> 'pulse'::regnamespace AND l.lanname = 'c'
	AND 'pulse_summary'::regtype = ANY (f.proargtypes) AND f.procost < 100$$, 'what reads a summary is known to cost more than an addition');
CREATE FUNCTION planned_rows(query text) RETURNS numeric LANGUAGE plpgsql AS $$ DECLARE plan json; BEGIN EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan; RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows'; END $$;
SELECT is_empty($$SELECT q FROM unnest(ARRAY['SELECT * FROM pulse_performance()', 'SELECT * FROM pulse_positions()', 'SELECT * FROM pulse_health()', 'SELECT * FROM pulse_benchmark()', 'SELECT * FROM pulse_data_quality()', 'SELECT * FROM pulse_alerts()',
	'SELECT * FROM pulse_monthly_returns()', 'SELECT * FROM pulse_drawdowns()']) q WHERE planned_rows(q) NOT BETWEEN 1 AND 200$$, 'EXPLAIN expects few rows of functions that have few');

-- privileged functions
SELECT is_empty($$SELECT oid::regprocedure FROM function p WHERE prosecdef
	AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c ~ '^search_path="?pg_catalog"?, "?pg_temp"?$')$$,
	'every SECURITY DEFINER function looks names up in pg_catalog alone, pg_temp last');
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE prosecdef AND provolatile = 'v' AND has_function_privilege('public', oid, 'EXECUTE')
	AND proname <> 'add_default_rules_once'$$,
	'one that writes is not for everybody (but that of pulse_setup(), which takes no argument and acts once)');
SELECT is_empty($$SELECT relname FROM relation WHERE has_table_privilege('public', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')$$, 'nobody writes to a table directly');
SELECT ok(NOT has_schema_privilege('public', 'pulse', 'CREATE'), 'nor creates anything beside them');
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE prosecdef AND proowner <> (SELECT nspowner FROM pg_namespace WHERE nspname = 'pulse')$$, 'they all belong to one owner');

-- names that are looked up in a path that others can write to: somebody shadows what privileged functions use
CREATE SCHEMA trap;
CREATE FUNCTION trap.shadow() RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
CREATE ROLE mallory;
GRANT ALL ON SCHEMA trap TO mallory;
GRANT USAGE ON SCHEMA public, tap TO PUBLIC;
SELECT pulse_grant('mallory', 'operator');
SET ROLE mallory;
CREATE TABLE trap.caught (by text);
GRANT ALL ON trap.caught TO PUBLIC;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trap.caught VALUES (current_user); RETURN pg_catalog.now(); END $$;
CREATE FUNCTION trap.upper(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trap.caught VALUES (current_user); RETURN pg_catalog.upper($1); END $$;
CREATE FUNCTION trap.length(text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trap.caught VALUES (current_user); RETURN pg_catalog.length($1); END $$;
CREATE FUNCTION trap.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trap.caught VALUES (current_user); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equal);
SET search_path = trap, pg_catalog, public, tap;
SELECT pulse_notify('A', 'LOW', 'title', 'text'), pulse_heartbeat('x', 'healthy'), pulse_record_health('y', 'warning'), pulse_model_report('m', '1');
SELECT public.pulse_send_system_alert('z', 'critical', 'text');
CREATE TEMP TABLE delivery (LIKE pulse.delivery);
CREATE TEMP TABLE heartbeat (component text, status text, details jsonb, seen_at timestamptz, expect_every interval);
SELECT pulse_heartbeat('x', 'warning');
RESET search_path;
RESET ROLE;
SET search_path = public, tap;
SELECT is_empty($$SELECT by FROM trap.caught WHERE by <> 'mallory'$$, 'functions and operators that shadow the server''s own never run with our rights');
SELECT is((SELECT status FROM pulse.heartbeat WHERE component = 'x'), 'WARNING', 'nor do temporary tables take the place of ours');

-- levels
SELECT is_empty($$SELECT name FROM pulse.privilege p WHERE (kind = 'table' AND NOT EXISTS (SELECT FROM relation r WHERE r.relname = p.name))
	OR (kind = 'function' AND NOT EXISTS (SELECT FROM function f WHERE f.proname = p.name))$$, 'what the levels grant exists');
SELECT is_empty($$SELECT name FROM pulse.privilege WHERE level = 'reader' AND privilege NOT IN ('SELECT', 'EXECUTE')$$, 'readers only read');
SELECT is_empty($$SELECT f.proname FROM pulse.privilege p JOIN function f ON f.proname = p.name WHERE p.level = 'reader' AND p.kind = 'function' AND f.provolatile = 'v'
	AND f.prosecdef AND f.proname <> 'pulse_worker_status'$$, 'with functions that do not write');
SELECT is_empty($$SELECT name FROM pulse.privilege WHERE level = 'reader' AND name = 'token'$$, 'and see no tokens');
SELECT * FROM finish();
