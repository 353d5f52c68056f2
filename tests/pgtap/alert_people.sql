-- Silences, maintenance, inhibition; queries, health, trades as sources; who may do what.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(79);

SELECT pulse_setup();
UPDATE pulse.job SET enabled = false;
DELETE FROM pulse.alert_rule;
CREATE FUNCTION at(minutes double precision) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
	$$ SELECT '2030-03-04 00:00Z'::timestamptz + make_interval(secs => minutes * 60) $$;
CREATE FUNCTION pass(minutes double precision) RETURNS void LANGUAGE sql AS $$ SELECT pulse.evaluate_alerts(at(minutes)) $$;
CREATE FUNCTION put(drawdown double precision, name text DEFAULT 'main') RETURNS void LANGUAGE sql AS $$
	INSERT INTO pulse.performance_state AS s (portfolio, computed_at, version, reader, ts, total_value, current_drawdown, total_trades)
		VALUES (name, now(), nextval('pulse.performance_version'), 10, now(), 1000, drawdown, 0)
		ON CONFLICT (portfolio) DO UPDATE SET current_drawdown = excluded.current_drawdown, version = excluded.version $$;
CREATE TABLE heard (upto bigint);
INSERT INTO heard VALUES (0);
CREATE FUNCTION news() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	SELECT string_agg(d.priority || ' ' || d.title, '; ' ORDER BY d.delivery_id) INTO said FROM pulse.delivery d, heard h WHERE d.delivery_id > h.upto;
	UPDATE heard SET upto = (SELECT coalesce(max(delivery_id), 0) FROM pulse.delivery);
	RETURN coalesce(said, '');
END $$;
CREATE FUNCTION forget() RETURNS void LANGUAGE sql AS $$
	DELETE FROM pulse.alert; DELETE FROM pulse.alert_history; DELETE FROM pulse.delivery; DELETE FROM pulse.performance_state; DELETE FROM pulse.alert_rule;
	DELETE FROM pulse.silence; DELETE FROM pulse.maintenance;
	UPDATE pulse.alert_evaluation SET version = -1, evaluated_at = NULL, storm_at = NULL, swept_at = '-infinity', health_at = NULL; UPDATE heard SET upto = 0 $$;

-- silences -------------------------------------------------------------------------------------------------------
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10, critical => 0.20);
SELECT pulse_silence('{"rule": "d*", "portfolio": ["main", "x"]}', at(60), 'ann', 'known', at(0));
SELECT put(0.15), put(0.15, 'other');
SELECT pass(1);
SELECT is(news(), 'HIGH Dd: other', 'what is silenced is not told, the rest is');
SELECT is((SELECT silenced_by IS NOT NULL AND muted_by LIKE 'silence %' FROM pulse_alerts() WHERE portfolio = 'main'), true, 'but listed, with the reason');
SELECT pass(59);
SELECT is(news(), '', 'until its end');
SELECT pass(61);
SELECT is(news(), 'HIGH Dd: main', 'then what still fires is told');
SELECT is((SELECT count(*)::int FROM pulse_alerts() WHERE silenced_by IS NOT NULL), 0, 'and silenced no more');
SELECT isnt(pulse_silence('{}', now() + interval '20 years', 'ann', NULL, at(62)), NULL, 'everything');
SELECT put(0.01), put(0.01, 'other');
SELECT pass(63);
SELECT is(news(), '', 'not even that it is over is told');
SELECT put(0.3);
SELECT pass(64);
SELECT is(pulse_unsilence((SELECT max(silence_id) FROM pulse.silence), 'bob'), true, 'a silence can be ended');
SELECT is(pulse_unsilence((SELECT max(silence_id) FROM pulse.silence)), false, 'once');
SELECT is((SELECT ended_by FROM pulse.silence ORDER BY silence_id DESC LIMIT 1), 'bob', 'who did is kept');
SELECT pass(64.1);
SELECT is(news(), 'CRITICAL Dd: main', 'and what fires is told');
SELECT is((SELECT count(*)::int FROM pulse_silences(true)), 2, 'all silences are listed');
SELECT is((SELECT count(*)::int FROM pulse_silences()), 1, 'or those that last or are to come');
SELECT throws_ok($$SELECT pulse_silence('[]', now() + interval '1 h')$$, '22023', NULL, 'a matcher is an object');
SELECT throws_ok($$SELECT pulse_silence('{"rules": "x"}', now() + interval '1 h')$$, '22023', NULL, 'with known keys');
SELECT throws_ok($$SELECT pulse_silence('{"rule": 1}', now() + interval '1 h')$$, '22023', NULL, 'and texts');
SELECT throws_ok($$SELECT pulse_silence('{}', now() - interval '1 h')$$, '22023', NULL, 'not in the past');
SELECT throws_ok($$SELECT pulse_silence('{}', 'infinity')$$, '22023', NULL, 'nor for ever');
SELECT is(pulse.matches('{a*c,!abc}', 'axc') AND NOT pulse.matches('{a*c,!abc}', 'abc') AND pulse.matches('{!b}', 'a') AND NOT pulse.matches('{}', NULL) IS NOT TRUE
	AND pulse.matches('{*}', '') AND pulse.matches('{a**b*}', 'aXbY') AND NOT pulse.matches('{a}', 'ab') AND NOT pulse.matches('{*a}', 'ab'), true, 'patterns');

-- maintenance ----------------------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10);
SELECT pulse_maintenance_set('backup', '{"rule": "dd"}', local_time => '02:30', duration => '1 hour', days => '{7}', timezone => 'Europe/Berlin');
-- 2030-03-31 is the Sunday on which Berlin skips 02:00 to 03:00; 2030-10-27 shows 02:00 to 03:00 twice
SELECT results_eq($$SELECT t::text FROM generate_series('2030-03-31 00:00Z'::timestamptz, '2030-03-31 04:00Z', '30 minutes') t WHERE EXISTS (SELECT FROM pulse.maintenance_now(t))$$,
	$$VALUES ('2030-03-31 01:30:00+00'), ('2030-03-31 02:00:00+00')$$, 'a time that the clocks skip is taken an hour later');
SELECT results_eq($$SELECT t::text FROM generate_series('2030-10-26 23:00Z'::timestamptz, '2030-10-27 04:00Z', '30 minutes') t WHERE EXISTS (SELECT FROM pulse.maintenance_now(t))$$,
	$$VALUES ('2030-10-27 00:30:00+00'), ('2030-10-27 01:00:00+00')$$, 'one that they show twice the first time, once');
SELECT is_empty($$SELECT * FROM pulse.maintenance_now('2030-10-26 00:45Z')$$, 'not on other days');
SELECT put(0.5);
SELECT pulse.evaluate_alerts('2030-10-27 00:40Z');
SELECT is((SELECT muted_by FROM pulse_alerts()) || news(), 'maintenance backup', 'nobody is told');
SELECT pulse.evaluate_alerts('2030-10-27 01:40Z');
SELECT is(news(), 'HIGH Dd: main', 'until it is over');
SELECT pulse_maintenance_set('backup', enabled => false);
SELECT is_empty($$SELECT * FROM pulse.maintenance_now('2030-10-27 00:45Z')$$, 'it can be switched off');
SELECT pulse_maintenance_set('once', starts_at => at(0), ends_at => at(10));
SELECT is((SELECT count(*)::int FROM pulse.maintenance_now(at(5))), 1, 'or take place once');
SELECT is((SELECT count(*)::int FROM pulse.maintenance_now(at(10))), 0, 'to its end');
SELECT is((SELECT count(*)::int FROM pulse_maintenance()), 2, 'and is listed');
SELECT is(pulse_maintenance_drop('once') AND NOT pulse_maintenance_drop('once'), true, 'and removed');
SELECT throws_ok($$SELECT pulse_maintenance_set('x')$$, '22023', NULL, 'without times it is none');
SELECT throws_ok($$SELECT pulse_maintenance_set('x', local_time => '02:00', duration => '1 hour', timezone => 'Mars/Base')$$, '22023', NULL, 'without a zone that there is neither');

-- inhibition -----------------------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('outage', components => '{api.*}', hold => '1 minute');
SELECT pulse_alert_rule_set('stale', components => '{feed.*}', inhibited_by => '{out*}', hold => '1 minute');
SELECT pulse_record_health('api.x', 'CRITICAL', 'no answer'), pulse_record_health('feed.x', 'WARNING', 'late');
SELECT pulse.evaluate_alerts(now()), pulse.evaluate_alerts(now() + interval '61 s');
SELECT is(news(), 'CRITICAL Outage: api.x', 'an outage silences its consequences');
SELECT is((SELECT row(state, muted_by, message, severity)::text FROM pulse_alerts() WHERE rule = 'stale'), '(firing,"inhibited by outage","WARNING: late",HIGH)', 'which are listed');
SELECT pulse_record_health('api.x', 'HEALTHY');
SELECT pulse.evaluate_alerts(now() + interval '75 s'), pulse.evaluate_alerts(now() + interval '90 s');
SELECT is(news(), 'HIGH Stale: feed.x; LOW Resolved: Outage: api.x', 'when it is over, what is left is told');
SELECT throws_ok($$SELECT pulse_alert_rule_set('outage', inhibited_by => '{stale}')$$, '22023', NULL, 'rules that inhibit each other would both be silent');
SELECT pulse_alert_rule_set('third', components => '{feed.*}', inhibited_by => '{*}');
SELECT pass(0);
SELECT is((SELECT count(*)::int FROM pulse.alert_rule), 3, 'but a rule may be inhibited by all others');

-- queries --------------------------------------------------------------------------------------------------------
SELECT forget();
CREATE TABLE measure (portfolio text, value numeric);
INSERT INTO measure VALUES ('main', 5), ('x', 50), (NULL, 500);
SELECT pulse_alert_rule_set('q', query => 'SELECT portfolio, value, ''says '' || value AS message FROM public.measure', warning => 10, critical => 100, every => '1 minute');
SELECT pulse.run_registrations(at(0)), pass(0);
SELECT is((SELECT string_agg(concat_ws(' ', portfolio, severity, message), '; ' ORDER BY value) FROM pulse_alerts()),
	E'x HIGH says 50\nvalue is 50; threshold >= 10; CRITICAL says 500\nvalue is 500; threshold >= 100', 'the rows of a query are judged');
DELETE FROM measure WHERE value = 500;
UPDATE measure SET value = 1 WHERE portfolio = 'x';
SELECT pulse.run_registrations(at(1)), pass(1);
SELECT is((SELECT string_agg(resolution, ' ' ORDER BY value) FROM pulse.alert), 'cleared gone', 'what is good, and what it does not speak of any more, is resolved');
SELECT throws_ok($$SELECT pulse_alert_rule_set('bad', query => 'DELETE FROM measure', warning => 1)$$, '22023', NULL, 'only a SELECT');
SELECT throws_ok($$SELECT pulse_alert_rule_set('bad', query => 'SELECT nothing', warning => 1)$$, '42703', NULL, 'that runs');
CREATE SEQUENCE touched;
SELECT pulse_alert_rule_set('writes', query => 'SELECT nextval(''public.touched'') AS value', warning => 0);
SELECT pulse_alert_rule_set('loops', query => 'SELECT count(*) AS value FROM generate_series(1, 10000000000)', warning => 0);
SELECT pulse_alert_rule_set('fails', query => 'SELECT 1 / (count(*) - count(*)) AS value FROM public.measure', warning => 0);
SELECT pulse_alert_rule_set('words', query => 'SELECT ''many'' AS value', warning => 0);
SELECT pulse_config_set('extensions.time_limit', '50 ms');
UPDATE measure SET value = 60 WHERE portfolio = 'x';
SELECT pulse.run_registrations(at(2)), pass(2);
SELECT is((SELECT string_agg(rule, ' ') FROM pulse_alerts()), 'q', 'rules that write, loop, fail or speak nonsense harm only themselves');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM pulse_alert_rules() WHERE last_error IS NOT NULL), 'fails loops words writes', 'and say why');
SELECT is((SELECT count(*)::int FROM pulse_worker_status() s, unnest(s.failing_jobs) f WHERE f ~ '^alert rule (fails|loops|words|writes): '), 4, 'there and in pulse_worker_status()');
SELECT is((SELECT is_called FROM touched), false, 'nothing was written');
SELECT pulse_register_metric('temperature', 'SELECT portfolio, value FROM public.measure');
SELECT pulse_alert_rule_set('hot', metric => 'temperature', warning => 55);
SELECT pulse.run_registrations(at(10)), pass(10);
SELECT is((SELECT value FROM pulse_alerts() WHERE rule = 'hot' AND portfolio = 'x'), 60::double precision, 'registered metrics are metrics');
SELECT throws_ok($$SELECT pulse_alert_rule_set('cold', metric => 'humidity', warning => 55)$$, '22023', NULL, 'others are not');
SELECT pulse_alert_rule_drop('q');
SELECT is((SELECT count(*)::int FROM pulse.registration WHERE name = 'q'), 0, 'a rule that is dropped does not run any more');

-- trades ---------------------------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_defaults();
DELETE FROM pulse.alert_rule WHERE kind <> 'TRADE';
SELECT pulse_config_set('alerts.large_execution_value', '1000');
INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('t', 10000);
UPDATE pulse.job SET enabled = false;
SELECT pulse_tick(), pulse.evaluate_alerts(now());
INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('t', 'BTC', 'BUY', 1, 900);
SELECT pulse_tick(), pulse.evaluate_alerts(now());
SELECT is((SELECT string_agg(rule, ' ' ORDER BY rule) FROM pulse_alerts('all')), 'position_opened', 'a fill opens a position');
INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('t', 'BTC', 'SELL', 4, 1000);
SELECT pulse_tick(), pulse.evaluate_alerts(now());
SELECT is((SELECT string_agg(rule, ' ' ORDER BY rule) FROM pulse_alerts('resolved') WHERE rule <> 'position_opened'), 'large_execution position_flipped significant_trade', 'turns it over, is large, and significant');
INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('t', 'BTC', 'BUY', 3, 10);
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('t', 'OLD', 'BUY', 1, 5000, now() - interval '1 day');
SELECT pulse_tick(), pulse.evaluate_alerts(now());
SELECT is((SELECT string_agg(rule || ' ' || symbol, ' ' ORDER BY rule) FROM pulse_alerts('resolved') WHERE rule = 'position_closed' OR symbol = 'OLD'), 'position_closed BTC', 'closes it; what is old is no news');
SELECT is((SELECT count(*)::int FROM pulse_alerts()), 0, 'all of that is over at once');
SELECT is((SELECT string_agg(priority || ' ' || title, '; ' ORDER BY title) FROM pulse.delivery WHERE type = 'TRADE'), 'MEDIUM Large execution: t BTC; MEDIUM Position flipped: t BTC; HIGH Significant trade: t BTC', 'what is worth a message has one');
SELECT is((SELECT message FROM pulse.alert WHERE rule = 'significant_trade'), 'SELL 4 BTC @ 1000 = 4000 (40 % of the portfolio); position -3', 'that says what happened');
SELECT pulse.evaluate_alerts(now());
SELECT is((SELECT count(*)::int FROM pulse.alert), 5, 'once');

-- roles ----------------------------------------------------------------------------------------------------------
SELECT forget();
CREATE ROLE alert_reader;
CREATE ROLE alert_operator;
CREATE ROLE alert_admin;
CREATE ROLE alert_stranger;
GRANT USAGE ON SCHEMA tap TO PUBLIC;
SELECT pulse_grant('alert_reader', 'reader'), pulse_grant('alert_operator', 'operator'), pulse_grant('alert_admin', 'admin');
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10);
INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('main', 1), ('hers', 1);
SELECT put(0.5), put(0.5, 'hers'), pass(0);
ALTER TABLE portfolio_snapshots ENABLE ROW LEVEL SECURITY;
CREATE POLICY hers ON portfolio_snapshots USING (portfolio = 'hers');
ALTER TABLE trades ENABLE ROW LEVEL SECURITY;
SET ROLE alert_operator;
SELECT is((SELECT string_agg(portfolio, ' ') FROM pulse_alerts()), 'hers', 'alerts of portfolios that one does not see are not seen');
SELECT is((SELECT string_agg(DISTINCT portfolio, ' ') FROM pulse_alert_history()), 'hers', 'nor their history');
SELECT throws_ok($$INSERT INTO pulse.acknowledgement (alert_id, actor, role) SELECT alert_id, 'x', 'postgres2' FROM pulse_alerts()$$, '42501', NULL, 'nobody acknowledges in the name of another role');
SELECT is(pulse_ack((SELECT alert_id FROM pulse_alerts())), true, 'an operator acknowledges what he sees');
RESET ROLE;
SELECT alert_id AS hidden FROM pulse_alerts() WHERE portfolio = 'main' \gset
SET ROLE alert_operator;
SELECT is(pulse_ack(:hidden), false, 'not what he does not see');
SELECT throws_ok(format('INSERT INTO pulse.acknowledgement (alert_id, actor) VALUES (%s, ''x'')', :hidden), '42501', NULL, 'nor by writing the row himself');
SELECT throws_ok('UPDATE pulse.alert SET state = ''resolved''', '42501', NULL, 'nor changes alerts');
SELECT lives_ok($$SELECT pulse_unsilence(pulse_silence('{"rule": "dd"}', now() + interval '1 hour'))$$, 'an operator silences');
SELECT throws_ok($$SELECT pulse_alert_rule_set('mine', metric => 'sharpe', warning => 1)$$, '42501', NULL, 'but makes no rules');
SELECT throws_ok('SELECT pulse_alert_rule_drop(''dd'')', '42501', NULL, 'nor drops them');
SELECT throws_ok('SELECT pulse.evaluate_alerts(now())', '42501', NULL, 'nor evaluates');
SET ROLE alert_reader;
SELECT lives_ok('SELECT * FROM pulse_alert_rules(), pulse_alerts(), pulse_silences(), pulse_maintenance()', 'a reader reads');
SELECT throws_ok($$SELECT pulse_silence('{}', now() + interval '1 hour')$$, '42501', NULL, 'and does not silence');
SELECT throws_ok($$INSERT INTO pulse.acknowledgement (alert_id, actor) SELECT alert_id, 'x' FROM pulse.alert$$, '42501', NULL, 'nor acknowledge');
SET ROLE alert_stranger;
SELECT is((SELECT count(*)::int FROM pulse_alerts('all')), 0, 'a stranger sees nothing');
SELECT throws_ok('SELECT * FROM pulse_alert_rules()', '42501', NULL, 'no rules');
SELECT throws_ok('SELECT * FROM pulse.silence', '42501', NULL, 'no silences');
SET ROLE alert_admin;
SELECT lives_ok($$SELECT pulse_alert_rule_set('mine', query => 'SELECT 1 AS value', warning => 1)$$, 'an admin makes rules');
SELECT is((SELECT owner::text FROM pulse.alert_rule WHERE name = 'mine'), 'alert_admin', 'that run as himself');
SELECT throws_ok($$UPDATE pulse.alert_rule SET owner = 'postgres' WHERE name = 'mine'$$, '42501', NULL, 'not as somebody else');
SELECT throws_ok($$INSERT INTO pulse.alert_rule (name, source, query, title, warning, owner) VALUES ('theirs', 'query', 'SELECT 1', 'x', 1, 'postgres')$$, '42501', NULL, 'whatever way he takes');
RESET ROLE;
SELECT pulse_alert_rule_set('ours', query => 'SELECT 1 AS value', warning => 1);
SET ROLE alert_admin;
UPDATE pulse.alert_rule SET query = 'SELECT 2 AS value' WHERE name = 'ours';
SELECT is((SELECT owner::text FROM pulse.alert_rule WHERE name = 'ours'), 'alert_admin', 'whoever rewrites a query answers for it');
SELECT throws_ok('UPDATE pulse.alert_rule_state SET fresh = true', '42501', NULL, 'the state is nobody''s');
SELECT throws_ok('SELECT pulse.enqueue(''X'', ''LOW'', NULL, ''t'', ''m'')', '42501', NULL, 'nor is the outbox');
-- names of their own in front of ours
RESET ROLE;
CREATE SCHEMA evil AUTHORIZATION alert_admin;
SET ROLE alert_admin;
CREATE TABLE evil.caught (who text);
CREATE FUNCTION evil.length(text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.caught VALUES (current_user); RETURN 1; END $$;
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN INSERT INTO evil.caught VALUES (current_user); RETURN clock_timestamp(); END $$;
CREATE FUNCTION evil.coalesce_(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
SET search_path = evil, pg_catalog, public, tap;
SELECT pulse_unsilence(pulse_silence('{"rule": "dd"}', pg_catalog.now() + interval '1 hour', 'me', 'x'));
SELECT pulse_maintenance_set('m', '{}', pg_catalog.now(), pg_catalog.now() + interval '1 hour');
SELECT pulse_alert_rule_set('mine', warning => 2);
RESET search_path;
SELECT is((SELECT count(*)::int FROM evil.caught WHERE who <> 'alert_admin'), 0, 'functions of others never run with our rights');
RESET ROLE;

SELECT * FROM finish();
