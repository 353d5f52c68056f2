-- Each level of pulse_grant() does its part and nothing else; policies of the followed tables hold in every function.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(36);
GRANT USAGE ON SCHEMA public, tap TO PUBLIC;
CREATE ROLE a_reader; CREATE ROLE an_operator; CREATE ROLE an_admin; CREATE ROLE a_daemon;
SELECT pulse_setup();
SELECT pulse_grant('a_reader'), pulse_grant('an_operator', 'operator'), pulse_grant('an_admin', 'admin'), pulse_grant('a_daemon', 'worker');
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) SELECT p, now() - i * interval '1 day', 1000 + i FROM unnest('{mine,theirs}'::text[]) p, generate_series(0, 20) i;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at, fill_id) SELECT p, upper(p), s, 1, 100, now() - i * interval '1 hour', p || i || s
	FROM unnest('{mine,theirs}'::text[]) p, generate_series(1, 10) i, unnest('{BUY,SELL}'::text[]) s;
SELECT pulse_tick();

-- what everybody of a level may call, from the table of levels: and nobody below
CREATE FUNCTION may(role text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(DISTINCT f.proname, ' ' ORDER BY f.proname) FROM pg_proc f
	WHERE f.proname IN ('pulse_silence', 'pulse_mark', 'pulse_heartbeat', 'pulse_notify', 'pulse_config_set', 'pulse_register_metric',
		'pulse_schedule_report', 'pulse_tick', 'pulse_worker_stop', 'pulse_worker_status', 'pulse_grant') AND has_function_privilege(role, f.oid, 'EXECUTE') $$;
SELECT is(may('a_reader'), 'pulse_worker_status', 'a reader calls nothing that changes anything');
SELECT is(may('an_operator'), 'pulse_heartbeat pulse_mark pulse_notify pulse_silence pulse_worker_status', 'an operator does what a bot and a person on duty do');
SELECT is(may('an_admin'), 'pulse_config_set pulse_heartbeat pulse_mark pulse_notify pulse_register_metric pulse_schedule_report pulse_silence pulse_tick pulse_worker_status pulse_worker_stop', 'an admin everything but granting');
SELECT is(has_function_privilege('a_daemon', 'pulse_config_set(text, text, text)', 'EXECUTE'), false, 'the daemon sets nothing');

SET ROLE a_reader;
SELECT lives_ok('SELECT pulse_snapshot(), pulse_daily_report()', 'a reader reads');
SELECT lives_ok('SELECT * FROM pulse_config(), pulse_config_history(), pulse_custom_metrics(), pulse_report_schedules(), pulse_feeds(), pulse_health_history(), pulse_uptime()', 'everything');
SELECT throws_ok($$SELECT pulse_notify('A', 'LOW', 'a', 'b')$$, '42501', NULL, 'but sends nothing');
SELECT throws_ok($$SELECT pulse_config_set('performance.target_sharpe', 2)$$, '42501', NULL, 'nor sets anything');
SELECT throws_ok($$UPDATE pulse.target SET goal = 1$$, '42501', NULL, 'also not through the view');
SELECT throws_ok($$SELECT pulse.enqueue('A', 'LOW', NULL, 'a', 'b')$$, '42501', NULL, 'nor reaches what is behind');
RESET ROLE;
SET ROLE an_operator;
SELECT lives_ok($$SELECT pulse_notify('A', 'LOW', 'a', 'b'), pulse_heartbeat('bot'), pulse_model_report('m', '1'), pulse_send_risk_alert('x', 'y', 1, 2, 'z'), pulse_mark('S', 1)$$, 'an operator sends and reports');
SELECT throws_ok($$SELECT pulse_config_set('performance.target_sharpe', 2)$$, '42501', NULL, 'but sets nothing');
SELECT throws_ok($$SELECT pulse_register_section('x', 'SELECT 1')$$, '42501', NULL, 'nor registers anything');
SELECT throws_ok($$SELECT pulse_tick()$$, '42501', NULL, 'nor ticks');
RESET ROLE;
SET ROLE an_admin;
SELECT lives_ok($$SELECT pulse_config_set('performance.target_sharpe', 2), pulse_register_section('x', 'SELECT 1 AS a')$$, 'an admin sets and registers');
SELECT lives_ok($$UPDATE pulse.target SET goal = 0.2 WHERE metric = 'max_drawdown'$$, 'also through the view');
SELECT is((SELECT changed_by FROM pulse_config_history('performance.target_sharpe')), session_user::text, 'under the name of who is logged in');
SELECT throws_ok($$SELECT pulse_grant('an_admin', 'worker')$$, '42501', NULL, 'but grants nothing');
SELECT throws_ok($$DELETE FROM pulse.config_history$$, '42501', NULL, 'and leaves the history alone');
SELECT throws_ok($$INSERT INTO pulse.registration (kind, name, owner, query, search_path, every) VALUES ('metric', 'x', 'postgres', 'SELECT 1', '', '1 min')$$, '42501', NULL, 'nor registers in the name of others');
RESET ROLE;

-- taking it back
SELECT pulse_revoke('an_admin', 'admin');
SELECT is(may('an_admin'), may('an_operator'), 'what is taken back from an admin leaves an operator');
SELECT pulse_revoke('an_admin', 'operator');
SELECT is(may('an_admin'), may('a_reader'), 'and then a reader');
SELECT pulse_revoke('an_admin');
SELECT is(may('an_admin'), NULL, 'and nothing');
SET ROLE an_admin;
SELECT throws_ok('SELECT * FROM trades', '42501', NULL, 'not even the tables');
RESET ROLE;
SELECT throws_ok($$SELECT pulse_revoke('an_admin', 'king')$$, '22023', NULL, 'an unknown level');

SELECT is(has_table_privilege('a_reader', 'pulse.acknowledgement', 'INSERT'), false, 'a reader acknowledges nothing');
SELECT is(has_table_privilege('an_operator', 'pulse.acknowledgement', 'INSERT') OR has_any_column_privilege('an_operator', 'pulse.acknowledgement', 'INSERT'), true, 'an operator does');

-- a policy: who sees one portfolio sees it alone, whatever he calls
CREATE ROLE customer;
GRANT SELECT ON trades, portfolio_snapshots TO customer;
ALTER TABLE trades ENABLE ROW LEVEL SECURITY;
ALTER TABLE portfolio_snapshots ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON trades TO customer USING (portfolio = 'mine');
CREATE POLICY own ON portfolio_snapshots TO customer USING (portfolio = 'mine');
SET ROLE customer;
SELECT results_eq('SELECT * FROM pulse_portfolios()', $$VALUES ('mine')$$, 'one portfolio');
CREATE TEMP TABLE answer (call text, said text);
DO $$
DECLARE f record; said text;
BEGIN
	-- every function for everybody that takes a portfolio: asked for another's, and for all
	FOR f IN SELECT p.oid::regproc AS name, p.proretset, p.prokind, w.wanted
			FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
				JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pulse' CROSS JOIN (VALUES (NULL), ('theirs')) w (wanted)
			WHERE p.prokind = 'f' AND p.proname LIKE 'pulse\_%' AND p.provolatile <> 'v' AND 'portfolio' = ANY (p.proargnames[1:p.pronargs])
				AND p.pronargdefaults = p.pronargs AND has_function_privilege(p.oid, 'EXECUTE') LOOP
		BEGIN
			EXECUTE format('SELECT string_agg(x::text, '' '') FROM %s(portfolio => %L) x', f.name, f.wanted) INTO said;
			INSERT INTO answer VALUES (format('%s(%s)', f.name, f.wanted), said);
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO answer VALUES (format('%s(%s)', f.name, f.wanted), 'error: ' || SQLERRM);
		END;
	END LOOP;
END $$;
SELECT ok((SELECT count(*) > 20 FROM answer), 'many functions take a portfolio');
SELECT is_empty($$SELECT call FROM answer WHERE call NOT LIKE '%(theirs)' AND said LIKE '%THEIRS%'$$, 'none tells of symbols that are not his');
SELECT is_empty($$SELECT call, left(said, 100) FROM answer WHERE call LIKE '%(theirs)' AND said ~ 'THEIRS|1000|1020'$$, 'nor of another''s portfolio when asked for it');
SELECT is_empty($$SELECT call, said FROM answer WHERE said LIKE 'error:%' AND said !~ 'permission denied|no benchmark is named'$$, 'and all of them answer');
SELECT is((SELECT pulse_daily_report() #> '{alerts}'), 'null'::jsonb, 'reports leave out what others were told');
SELECT is(pulse_snapshot() -> 'sections', '{}'::jsonb, 'snapshots leave out what others registered');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND c.relname IN ('delivery', 'event', 'registration_state', 'metric_sample', 'report_run', 'performance_state')
	AND has_table_privilege(c.oid, 'SELECT')$$, 'and the tables that tell of everybody are closed to him');
SELECT is_empty($$SELECT portfolio FROM pulse.fill WHERE portfolio <> 'mine' UNION ALL SELECT portfolio FROM pulse.position WHERE portfolio <> 'mine' UNION ALL SELECT portfolio FROM pulse.closed_trade WHERE portfolio <> 'mine'$$, 'those of the ledger show him his part');
RESET ROLE;
SELECT * FROM finish();
