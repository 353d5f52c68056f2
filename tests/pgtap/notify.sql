-- Notifications: into the outbox, announced by the tick, duplicates counted.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(42);

SELECT is(pulse_send_trade_notification(symbol => 'BTCUSDT', side => 'BUY', quantity => 0.1, price => 45000, confidence => 0.85),
	1::bigint, 'a trade notification returns its id');
SELECT results_eq('SELECT type, priority, title, message, status FROM pulse.delivery',
	$$VALUES ('TRADE', 'MEDIUM', 'BUY BTCUSDT', E'0.1 @ 45000 = 4500\nConfidence: 85.0 %', 'pending')$$, 'and waits in the outbox');
SELECT isnt(pulse_send_trade_notification('BTCUSDT', 'BUY', 0.1, 45000), 1::bigint, 'the same trade again is another one');
SELECT throws_ok($$SELECT pulse_send_trade_notification('BTCUSDT', 'HOLD', 1, 1)$$, '22023', NULL, 'unknown side');
SELECT throws_ok($$SELECT pulse_send_trade_notification('BTCUSDT', 'BUY', 'NaN', 1)$$, '22023', NULL, 'quantity NaN');
SELECT throws_ok($$SELECT pulse_send_trade_notification('BTCUSDT', 'BUY', 1, 1, 85)$$, '22023', NULL, 'a confidence of 85 is no fraction');

SELECT ok(pulse_send_performance_alert('High Drawdown', 0.15, 0.10, 'Drawdown exceeded threshold') > 0, 'a performance alert');
SELECT results_eq($$SELECT priority, title, message, data FROM pulse.delivery WHERE type = 'PERFORMANCE'$$,
	$$VALUES ('HIGH', 'High Drawdown', 'Drawdown exceeded threshold', '{"rule": "High Drawdown", "value": 0.15, "threshold": 0.1}'::jsonb)$$, 'with its numbers');
SELECT is(pulse_send_performance_alert('High Drawdown', 0.16, 0.10, 'Drawdown exceeded threshold'),
	(SELECT delivery_id FROM pulse.delivery WHERE type = 'PERFORMANCE'), 'the same message within 15 minutes is the same notification');
SELECT is((SELECT duplicates FROM pulse.delivery WHERE type = 'PERFORMANCE'), 1, 'counted');
UPDATE pulse.delivery SET created_at = now() - interval '16 minutes' WHERE type = 'PERFORMANCE';
SELECT pulse_send_performance_alert('High Drawdown', 0.16, 0.10, 'Drawdown exceeded threshold');
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE type = 'PERFORMANCE'), 2, 'later it is news');
SELECT ok(pulse_send_risk_alert('Concentration', 'BTCUSDT', 0.5, 0.3, 'Too much in one place') > 0, 'a risk alert');
SELECT is((SELECT title FROM pulse.delivery WHERE type = 'RISK'), 'Concentration: BTCUSDT', 'names its symbol');
SELECT ok(pulse_send_system_alert('database', 'CRITICAL', 'Connection lost') > 0, 'a system alert');
SELECT is((SELECT priority FROM pulse.delivery WHERE type = 'SYSTEM'), 'CRITICAL', 'as grave as its status');
SELECT throws_ok($$SELECT pulse_send_system_alert('database', 'BROKEN', 'x')$$, '22023', NULL, 'unknown status');

SELECT ok(pulse_notify('CUSTOM', 'low', 'Title', 'Text', '{"portfolio": "main", "value": 1}') > 0, 'anything else');
SELECT is((SELECT portfolio FROM pulse.delivery WHERE type = 'CUSTOM'), 'main', 'about a portfolio');
SELECT throws_ok($$SELECT pulse_notify('CUSTOM', 'URGENT', 'x', 'y')$$, '22023', NULL, 'unknown priority');
SELECT throws_ok($$SELECT pulse_notify('', 'LOW', 'x', 'y')$$, '22023', NULL, 'no type');
SELECT throws_ok($$SELECT pulse_notify('CUSTOM', 'LOW', '', NULL)$$, '22023', NULL, 'nothing to say');
SELECT throws_ok($$SELECT pulse_notify('CUSTOM', 'LOW', 'x', repeat('y', 20001))$$, '22023', NULL, 'too much to say');
SELECT throws_ok($$SELECT pulse_notify('CUSTOM', 'LOW', 'x', 'y', '[]')$$, '22023', NULL, 'data is an object');

SELECT pulse_tick();
SELECT is((SELECT count(*)::int FROM pulse.event WHERE type = 'SYSTEM_ALERT'), (SELECT count(*)::int FROM pulse.delivery), 'each is announced');
BEGIN;
SELECT pulse_notify('CUSTOM', 'LOW', 'never', 'sent');
ROLLBACK;
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE title = 'never'), 0, 'what is rolled back was never sent');

-- limits: what is too many is held back and told of in one message
SELECT pulse_register_notification_type('CHATTY', 'MEDIUM', max_per_hour => 3);
SELECT pulse_notify('CHATTY', 'MEDIUM', 'message ' || n, 'text', '{"portfolio": "main"}') FROM generate_series(1, 20) n;
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE type = 'CHATTY' AND status = 'pending' AND event_seq IS NULL), 3, 'three of a type leave');
SELECT results_eq($$SELECT title, data ->> 'count', not_before > now() + interval '9 minutes' FROM pulse.delivery WHERE type = 'CHATTY' AND dedup_key LIKE 'held back%'$$,
	$$VALUES ('CHATTY: 17 more messages', '17', true)$$, 'one tells of the others');
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE type = 'CHATTY' AND status = 'suppressed' AND last_error = 'more than 3 within an hour'), 17, 'which are kept, with the reason');
SELECT ok(length((SELECT message FROM pulse.delivery WHERE dedup_key LIKE 'held back%')) < 1000, 'its length has an end');
SELECT pulse_notify('CHATTY', 'CRITICAL', 'fire', 'text', '{"portfolio": "main"}');
SELECT is((SELECT status FROM pulse.delivery WHERE title = 'fire'), 'pending', 'what is CRITICAL always leaves');
SELECT pulse_notify('CHATTY', 'MEDIUM', 'elsewhere', 'text', '{"portfolio": "other"}');
SELECT is((SELECT status FROM pulse.delivery WHERE title = 'elsewhere'), 'pending', 'each portfolio for itself');

-- where to
SELECT pulse_register_notification_type('ROUTED', sinks => '{ops}');
SELECT pulse_notify('ROUTED', NULL, 'to ops', 'text');
SELECT results_eq($$SELECT channel, status, sinks FROM pulse.delivery WHERE title = 'to ops'$$, $$VALUES ('sinks', 'suppressed', '{ops}'::text[])$$, 'a type that goes elsewhere');
SELECT pulse_notify('ROUTED', NULL, 'to telegram', 'text', '{"sinks": ["telegram", "ops"]}');
SELECT results_eq($$SELECT channel, status, sinks FROM pulse.delivery WHERE title = 'to telegram'$$, $$VALUES ('telegram', 'pending', '{telegram,ops}'::text[])$$, 'a message that says itself where it goes');
SELECT ok(pulse.delivery_wanted(NULL, 'x') AND pulse.delivery_wanted('{x}', 'x') AND NOT pulse.delivery_wanted('{}', 'x'), 'everywhere, there, nowhere');

-- switched off
SELECT pulse_config_set('notifications.min_priority', 'HIGH');
SELECT pulse_notify('PLAIN', 'MEDIUM', 'too low', 'text');
SELECT results_eq($$SELECT status, last_error FROM pulse.delivery WHERE title = 'too low'$$, $$VALUES ('suppressed', 'its priority is below notifications.min_priority')$$, 'less than the least priority');
SELECT pulse_notify('PLAIN', 'HIGH', 'high enough', 'text');
SELECT is((SELECT status FROM pulse.delivery WHERE title = 'high enough'), 'pending', 'enough');
SELECT pulse_apply_environment('testing');
SELECT pulse_notify('PLAIN', 'CRITICAL', 'in testing', 'text');
SELECT results_eq($$SELECT title, status, sinks FROM pulse.delivery WHERE title LIKE '%in testing'$$, $$VALUES ('[test] in testing', 'suppressed', '{}'::text[])$$, 'nothing leaves a system under test');
SELECT pulse_setup();
INSERT INTO trades (symbol, side, quantity, price) VALUES ('X', 'BUY', 1, 1);
SELECT pulse_tick();
SELECT results_eq($$SELECT status, sinks FROM pulse.delivery WHERE type = 'TRADE_ALERT'$$, $$VALUES ('suppressed', '{}'::text[])$$, 'no fill either');
SELECT is((SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT'), 1, 'though the stream has it');
SELECT ok((SELECT count(*) > 0 FROM pulse.event WHERE type = 'SYSTEM_ALERT' AND data ->> 'title' = '[test] in testing'), 'and the message');
SELECT pulse_apply_environment('production');
INSERT INTO trades (symbol, side, quantity, price) VALUES ('X', 'SELL', 1, 1);
SELECT pulse_config_reset('notifications.min_priority');
SELECT pulse_tick();
SELECT is((SELECT status FROM pulse.delivery WHERE type = 'TRADE_ALERT' ORDER BY delivery_id DESC LIMIT 1), 'pending', 'in production it leaves');

CREATE ROLE notify_nobody;
GRANT USAGE ON SCHEMA public, tap TO notify_nobody;
SET ROLE notify_nobody;
SELECT throws_ok($$SELECT pulse_notify('X', 'LOW', 'x', 'y')$$, '42501', NULL, 'sending is a privilege');
RESET ROLE;
SELECT * FROM finish();
