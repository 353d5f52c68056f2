-- What users register: it runs as them, read-only, for a limited time, and harms nobody but itself.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(64);
CREATE ROLE quant;
CREATE ROLE other_quant;
CREATE ROLE onlooker;
GRANT USAGE ON SCHEMA public, tap TO PUBLIC;
SELECT pulse_setup();
SELECT pulse_grant('quant', 'admin'), pulse_grant('other_quant', 'admin'), pulse_grant('onlooker', 'reader');
INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('a', 'X', 'BUY', 1, 100), ('b', 'X', 'BUY', 2, 100);
INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('a', 100), ('b', 200);
CREATE TABLE log (who text, at timestamptz DEFAULT now());
GRANT ALL ON log TO PUBLIC;
CREATE SEQUENCE counter;
GRANT ALL ON SEQUENCE counter TO PUBLIC;
CREATE FUNCTION ok_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE statement; RETURN 'done'; EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END $$;
GRANT EXECUTE ON FUNCTION ok_of(text) TO PUBLIC;
CREATE FUNCTION run(at timestamptz DEFAULT now()) RETURNS integer LANGUAGE sql AS $$
	UPDATE pulse.registration_state SET next_at = '-infinity'; SELECT pulse.touch_job('registrations');
	SELECT (pulse_tick($1) ->> 'failures')::integer $$;

-- metrics
SET ROLE quant;
SELECT is(pulse_register_metric('volume', 'SELECT portfolio, sum(quantity * price) AS value FROM trades GROUP BY portfolio'),
	'[{"value": 100, "portfolio": "a"}, {"value": 200, "portfolio": "b"}]', 'a metric for each portfolio, tried at once');
SELECT is(pulse_register_metric('answer', 'SELECT 42'), '[{"value": 42, "portfolio": null}]', 'one that belongs to none');
SELECT is(pulse_register_metric('whoami', $$SELECT CASE WHEN current_user = 'quant' AND session_user <> 'quant' THEN 1 ELSE 0 END AS value -- a comment$$) #>> '{0,value}', '1', 'it runs as its owner');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT 1 AS a, 2 AS b')$$, '22023', NULL, 'columns that do not fit');
SELECT throws_ok($$SELECT pulse_register_metric('X y', 'SELECT 1')$$, '42602', NULL, 'an unfit name');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT 1', '10 ms')$$, '22023', NULL, 'too often');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT 1', time_limit => '5 minutes')$$, '22023', NULL, 'too long');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT nothing')$$, '42703', NULL, 'an error is told at once');
SELECT throws_ok($$SELECT pulse_register_metric('x', '')$$, '22023', NULL, 'nothing to run');

-- writing
SELECT throws_ok($$SELECT pulse_register_metric('x', 'INSERT INTO log VALUES (1) RETURNING 1')$$, '22023', NULL, 'INSERT');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT 1; DELETE FROM log')$$, '22023', NULL, 'two statements');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT 1) AS r; DELETE FROM log; SELECT (1')$$, '42601', NULL, 'breaking out of the frame around it');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'WITH w AS (INSERT INTO log VALUES (1) RETURNING 1) SELECT * FROM w')$$, NULL, NULL, 'INSERT in a WITH');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT 1 INTO stolen')$$, '22023', NULL, 'SELECT INTO');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT 1 FROM log FOR UPDATE')$$, '22023', NULL, 'FOR UPDATE');
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT nextval(''counter'')')$$, '25006', NULL, 'nextval');
RESET ROLE;
CREATE SCHEMA work AUTHORIZATION quant;
SET ROLE quant;
CREATE FUNCTION work.writes() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES ('quant'); RETURN 1; END $$;
CREATE FUNCTION work.tries_hard() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	BEGIN SET LOCAL transaction_read_only = off; EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN PERFORM set_config('role', 'none', true); EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN EXECUTE 'SET SESSION AUTHORIZATION DEFAULT'; EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN CREATE TEMP TABLE t (); EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN INSERT INTO public.log VALUES (current_user); EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN PERFORM pg_notify('pulse', 'from ' || current_user); EXCEPTION WHEN OTHERS THEN NULL; END;
	PERFORM set_config('work_mem', '1MB', false), set_config('search_path', 'work', false);
	RETURN CASE WHEN current_user = 'quant' THEN 1 ELSE 666 END;
END $$;
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT work.writes()')$$, '25006', NULL, 'a function that writes');
SELECT is(pulse_register_metric('hard', 'SELECT work.tries_hard()') #>> '{0,value}', '1', 'one that would become somebody else stays who it is');
SELECT is_empty('SELECT FROM log', 'and has written nothing');
SELECT isnt(current_setting('work_mem'), '1MB', 'nor left a setting behind');

-- limits
SELECT throws_ok($$SELECT pulse_register_metric('x', 'SELECT pg_sleep(60)::text', time_limit => '50 ms')$$, '54000', NULL, 'time');
SELECT throws_ok($$SELECT pulse_register_section('x', 'SELECT * FROM generate_series(1, 100000)')$$, '54000', NULL, 'rows');
SELECT throws_ok($$SELECT pulse_register_section('x', 'SELECT repeat(''x'', 1000000)')$$, '54000', NULL, 'bytes');

-- checks
SELECT is(pulse_register_health_check('fine', 'SELECT count(*) > 0 AS there_are_trades FROM trades') - 'latency_ms', '{"status": "HEALTHY", "message": "there_are_trades"}', 'true is HEALTHY');
SELECT is(pulse_register_health_check('words', $$SELECT 'warning' AS status, 'hm' AS message, 7 AS latency_ms, 3 AS number$$),
	'{"status": "WARNING", "message": "hm", "details": {"number": 3}, "latency_ms": 7}', 'or in words, with numbers');
SELECT throws_ok($$SELECT pulse_register_health_check('x', 'SELECT 1 AS number')$$, '22023', NULL, 'a check without a status');
SELECT throws_ok($$SELECT pulse_register_health_check('x', 'SELECT ''GREAT'' AS status')$$, '22023', NULL, 'an unknown status');
SELECT throws_ok($$SELECT pulse_register_health_check('x', 'SELECT true FROM trades')$$, '21000', NULL, 'two rows');

-- sections
SELECT is(pulse_register_section('symbols', 'SELECT symbol, count(*) AS trades FROM trades GROUP BY symbol'), '[{"symbol": "X", "trades": 2}]', 'a section of rows');
SELECT is(pulse_register_section('free', $$SELECT '{"anything": [1, 2]}'::jsonb$$), '{"anything": [1, 2]}', 'or of one JSON value');

-- names
SELECT pulse.register('metric', 'x', '{"query": "SELECT 1", "every": "1 min", "search_path": "pg_catalog", "owner": "postgres"}');
SELECT is((SELECT owner FROM pulse.registration WHERE name = 'x'), 'quant', 'whatever is said, the owner is who calls');
SELECT ok(pulse_unregister_metric('x'), 'removed');
SELECT is(pulse_unregister_metric('x'), false, 'once');
RESET ROLE;
SET ROLE other_quant;
SELECT throws_ok($$SELECT pulse_register_metric('answer', 'SELECT 43')$$, '42501', NULL, 'the name of another''s metric');
SELECT throws_ok($$SELECT pulse_unregister_metric('answer')$$, '42501', NULL, 'which cannot be removed either');
RESET ROLE;
SET ROLE onlooker;
SELECT throws_ok($$SELECT pulse_register_metric('mine', 'SELECT 1')$$, '42501', NULL, 'registering is for admins');
SELECT throws_ok($$SELECT pulse.run_as(10, 'SELECT 1', '', 1, 1, 1)$$, '42501', NULL, 'running as somebody is for nobody');
SELECT throws_ok($$SELECT pulse.store_registration('metric', 'x', 'postgres', '{}')$$, '42501', NULL, 'nor registering for somebody');
RESET ROLE;
SET ROLE quant;
SELECT throws_ok($$SELECT pulse.store_registration('metric', 'x', 'postgres', '{}')$$, '42501', NULL, 'not for an admin either');
RESET ROLE;

-- schemas where anybody may create are not looked into
CREATE SCHEMA bazaar;
GRANT ALL ON SCHEMA bazaar TO PUBLIC;
SET search_path = bazaar, public, tap;
SELECT throws_ok($$CREATE TABLE bazaar.trap AS SELECT 1 AS value; SELECT pulse_register_metric('trap', 'SELECT value FROM trap')$$, '42P01', NULL, 'a schema that is open to all');
SET search_path = public, tap;

-- running
SELECT is(run(), 0, 'a tick runs what is due');
SELECT results_eq('SELECT name, portfolio, value FROM pulse_custom_metrics() ORDER BY 1, 2', $$VALUES ('answer', NULL, 42::float8), ('hard', NULL, 1), ('volume', 'a', 100), ('volume', 'b', 200), ('whoami', NULL, 1)$$, 'metrics have their values');
SELECT is(pulse_snapshot('a') #> '{performance,custom}', '{"hard": 1, "answer": 42, "volume": 100, "whoami": 1}', 'in the snapshot of a portfolio');
SELECT is(pulse_snapshot('a') -> 'sections', '{"free": {"anything": [1, 2]}, "symbols": [{"symbol": "X", "trades": 2}]}', 'with the sections');
SELECT results_eq($$SELECT component, status FROM pulse_health() WHERE component LIKE 'check.%'$$, $$VALUES ('check.fine', 'HEALTHY'), ('check.words', 'WARNING')$$, 'checks are components');
SELECT is((SELECT value FROM pulse.metric_sample WHERE name = 'volume' AND portfolio = 'b'), 200::float8, 'metrics have a history');
INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('a', 'X', 'BUY', 1, 100);
SELECT pulse_tick();
SELECT is((SELECT data #> '{custom,volume}' FROM pulse.event WHERE type = 'PERFORMANCE_UPDATE' AND portfolio = 'a' ORDER BY seq DESC LIMIT 1), '100', 'and are in the stream');

-- failing alone
DROP FUNCTION work.tries_hard();
UPDATE pulse.registration SET query = 'SELECT pg_sleep(60)::text', time_limit = '50 ms' WHERE name = 'answer';
UPDATE pulse.registration SET query = $$SELECT 1 / 0 > 0$$ WHERE name = 'fine';
UPDATE pulse.registration SET query = 'SELECT work.writes()' WHERE name = 'free';
SELECT is(run(), 0, 'what fails does not fail the tick');
SELECT results_eq('SELECT name, last_error FROM pulse.registration_state WHERE failing > 0 ORDER BY 1',
	$$VALUES ('answer', 'not done within 50 ms'), ('fine', 'division by zero'), ('free', 'cannot execute INSERT in a read-only transaction'), ('hard', 'function work.tries_hard() does not exist')$$,
	'each with its reason');
SELECT is((SELECT value FROM pulse_custom_metrics() WHERE name = 'answer'), 42::float8, 'the last good value stays');
SELECT matches((SELECT error FROM pulse_custom_metrics() WHERE name = 'answer'), 'not done', 'marked as old');
SELECT results_eq($$SELECT status, message FROM pulse_health_check('check.fine')$$, $$VALUES ('UNKNOWN', 'the check itself failed: division by zero')$$, 'a check that fails is UNKNOWN');
SELECT matches((SELECT message FROM pulse_health_check('registrations')), 'metric answer fails: not done within 50 ms', 'and all of them are in the health');
SELECT matches((SELECT array_to_string(failing_jobs, '; ') FROM pulse_worker_status()), 'metric answer: not done within 50 ms', 'and in pulse_worker_status()');
SELECT ok((SELECT count(*) FROM pulse.registration_state WHERE failing = 0) >= 4, 'the others go on');
SELECT ok((SELECT next_at > last_run_at + interval '1 minute' FROM pulse.registration_state WHERE name = 'answer'), 'after a failure the pause is longer');
SELECT is_empty('SELECT FROM log', 'still nothing written');

-- one that goes down with its process
UPDATE pulse.registration_state SET started_at = now(), killed = 2 WHERE name = 'words';
SELECT pulse.claim_registration(now());
SELECT is((SELECT enabled FROM pulse.registration WHERE name = 'words'), false, 'what had to be ended by force three times is switched off');
SELECT matches((SELECT message FROM pulse_health_check('registrations')), 'health check words is switched off', 'and said to be');
DROP ROLE IF EXISTS nobody_left;
UPDATE pulse.registration SET owner = 'nobody_left' WHERE name = 'whoami';
SELECT run();
SELECT is((SELECT last_error FROM pulse.registration_state WHERE name = 'whoami'), 'role "nobody_left" does not exist', 'an owner who has gone');

-- notification types
SET ROLE quant;
SELECT lives_ok($$SELECT pulse_register_notification_type('REGIME', 'high', 'Regime: {title}', E'{message}\nvolatility {volatility:percent} since {since:time}', max_per_hour => 2)$$, 'a type of message');
SELECT pulse_notify('REGIME', NULL, 'storm {priority}', 'be careful', '{"volatility": 0.453, "since": "2026-01-02T03:04:05.000000Z"}');
SELECT results_eq($$SELECT priority, title, message FROM pulse.delivery WHERE type = 'REGIME'$$,
	$$VALUES ('HIGH', 'Regime: storm {priority}', E'be careful\nvolatility 45.3 % since 2026-01-02 03:04 UTC')$$, 'with its template, whatever the text says');
SELECT throws_ok($$SELECT pulse_register_notification_type('regime')$$, '22023', NULL, 'an unfit name');
SELECT throws_ok($$SELECT pulse_register_notification_type('REGIME', 'urgent')$$, '22023', NULL, 'an unknown priority');
RESET ROLE;
SELECT * FROM finish();
