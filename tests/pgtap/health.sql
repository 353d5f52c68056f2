-- Health: what is checked when asked, what others report, and what is wrong.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(34);
CREATE FUNCTION status_of(component text) RETURNS text LANGUAGE sql AS $$ SELECT h.status FROM pulse_health() h WHERE h.component = $1 $$;

SELECT results_eq('SELECT component, status FROM pulse_health() ORDER BY 1',
	$$VALUES ('background_worker', 'WARNING'), ('data', 'UNKNOWN'), ('database', 'HEALTHY'), ('outbox', 'UNKNOWN'), ('worker', 'UNKNOWN')$$, 'a new database');
SELECT ok((SELECT latency_ms >= 0 AND checked_at = now() AND details ? 'connections' AND message ~ 'connections' FROM pulse_health_check('database')), 'facts about the database');
SELECT throws_ok($$SELECT * FROM pulse_health_check('nope')$$, '42704', $$unknown component: 'nope'$$, 'an unknown component');
SELECT results_eq('SELECT component, status FROM pulse_overall_health()', $$VALUES ('overall', 'WARNING')$$, 'the worst counts');
SELECT is(pulse.health_data() ->> 'status', 'WARNING', 'in JSON too');
SELECT is((SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(pulse.health_data() #> '{components,0}') k),
	'checked_at component details latency_ms message status', 'with the columns of pulse_health()');

-- data
SELECT matches((SELECT message FROM pulse_health_check('data')), 'pulse_setup', 'what to do first');
SELECT pulse_setup();
SELECT is(status_of('data'), 'UNKNOWN', 'no snapshot yet');
INSERT INTO portfolio_snapshots (ts, total_value) VALUES (now() - interval '1 hour', 1);
SELECT is(status_of('data'), 'CRITICAL', 'an hour old');
INSERT INTO portfolio_snapshots (ts, total_value) VALUES (now() - interval '6 minutes', 1);
SELECT is(status_of('data'), 'WARNING', 'six minutes');
INSERT INTO portfolio_snapshots (ts, total_value) VALUES (now(), 1);
SELECT is(status_of('data'), 'HEALTHY', 'now');
UPDATE pulse.source SET last_error = 'no such column' WHERE kind = 'trades';
SELECT is(status_of('data'), 'CRITICAL', 'a table that cannot be read');
SELECT matches((SELECT message FROM pulse_health_check('data')), 'public.trades: no such column', 'is named with the reason');
UPDATE pulse.source SET last_error = NULL;

-- the engine
SELECT pulse_tick();
DELETE FROM pulse.dirty;
INSERT INTO pulse.dirty (source_id, marked_at) VALUES (1, now() - interval '20 seconds');
SELECT is(status_of('background_worker'), 'WARNING', 'changes wait');
UPDATE pulse.dirty SET marked_at = now() - interval '2 minutes';
SELECT is(status_of('background_worker'), 'CRITICAL', 'too long');
SELECT ok((SELECT latency_ms >= 120000 FROM pulse_health_check('background_worker')), 'its latency is that wait');
DELETE FROM pulse.dirty;

-- what others report
SELECT lives_ok($$SELECT pulse_record_health('binance', 'warning', 'slow', 2500, '{"host": "api"}')$$, 'a result from outside, in any case');
SELECT results_eq($$SELECT status, message, latency_ms, details FROM pulse_health_check('binance')$$, $$VALUES ('WARNING', 'slow', 2500::float8, '{"host": "api"}'::jsonb)$$, 'is shown');
SELECT pulse_record_health('binance', 'HEALTHY');
SELECT is(status_of('binance'), 'HEALTHY', 'the newest counts');
SELECT is((SELECT count(*)::int FROM pulse_health() WHERE component = 'binance'), 1, 'once');
SELECT throws_ok($$SELECT pulse_record_health('binance', 'GREAT')$$, '22023', NULL, 'unknown status');
SELECT throws_ok($$SELECT pulse_record_health('', 'HEALTHY')$$, '22023', NULL, 'no name');

-- heartbeats
SELECT lives_ok($$SELECT pulse_heartbeat('strategy', expect_every => '1 minute')$$, 'a heartbeat');
SELECT is(status_of('strategy'), 'HEALTHY', 'is a sign of life');
UPDATE pulse.heartbeat SET seen_at = now() - interval '90 seconds' WHERE component = 'strategy';
SELECT is(status_of('strategy'), 'WARNING', 'silence');
UPDATE pulse.heartbeat SET seen_at = now() - interval '200 seconds' WHERE component = 'strategy';
SELECT is(status_of('strategy'), 'CRITICAL', 'long silence');
SELECT pulse_heartbeat('strategy', 'WARNING');
SELECT is((SELECT expect_every FROM pulse.heartbeat WHERE component = 'strategy'), interval '1 minute', 'what is expected is kept');
SELECT is(status_of('strategy'), 'WARNING', 'it may say how it feels');
SELECT throws_ok($$SELECT pulse_heartbeat('x', expect_every => '0')$$, '22023', NULL, 'expecting the impossible');
SELECT pulse_heartbeat('worker', 'HEALTHY', '{"version": "1.0.0"}', '90 seconds');
SELECT is(status_of('worker'), 'HEALTHY', 'the daemon reports this way');
UPDATE pulse.heartbeat SET seen_at = now() - interval '10 minutes' WHERE component = 'worker';
SELECT is(status_of('worker'), 'CRITICAL', 'and is missed');
SELECT matches((SELECT message FROM pulse_overall_health()), 'worker: silent', 'the summary says what is wrong');

CREATE ROLE health_nobody;
GRANT USAGE ON SCHEMA public, tap TO health_nobody;
SET ROLE health_nobody;
SELECT throws_ok($$SELECT pulse_record_health('x', 'HEALTHY')$$, '42501', NULL, 'reporting is a privilege');
SELECT throws_ok($$SELECT pulse_heartbeat('x')$$, '42501', NULL, 'heartbeats too');
RESET ROLE;
SELECT * FROM finish();
