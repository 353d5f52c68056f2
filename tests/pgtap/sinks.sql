-- Sinks: what claim_for_sink() hands out and to whom, leases and fencing, dead letters, rights; and messages that are too old to be told.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(39);

CREATE FUNCTION message(title text, priority text DEFAULT 'MEDIUM', sinks text[] DEFAULT NULL, age interval DEFAULT '0') RETURNS bigint LANGUAGE sql AS
	$$ INSERT INTO pulse.delivery (type, priority, title, message, event_seq, sinks, created_at) VALUES ('TEST', priority, title, '', 0, sinks, now() - age) RETURNING delivery_id $$;
CREATE FUNCTION claim(sink text, owner text DEFAULT 'me', epoch bigint DEFAULT 1, most integer DEFAULT 1, lowest text DEFAULT 'LOW') RETURNS text LANGUAGE sql AS
	$$ SELECT coalesce(string_agg(c.title || CASE WHEN c.attempts > 1 THEN '/' || c.attempts ELSE '' END, ' ' ORDER BY c.delivery_id), '-')
	FROM pulse.claim_for_sink(sink, 'webhook', lowest, owner, epoch, most) c $$;
-- the report of the worker, word for word what it sends
CREATE FUNCTION report(sink text, title text, status text, owner text DEFAULT 'me', epoch bigint DEFAULT 1, wait float8 DEFAULT 0) RETURNS bigint LANGUAGE sql AS
	$$ WITH done AS (UPDATE pulse.delivery_sink x SET status = report.status, lease_owner = NULL, lease_epoch = NULL, lease_until = NULL,
		sent_at = CASE WHEN report.status = 'sent' THEN now() END, not_before = now() + make_interval(secs => wait)
		FROM pulse.delivery d WHERE d.delivery_id = x.delivery_id AND d.title = report.title AND x.sink = report.sink
			AND x.status = 'leased' AND x.lease_owner = owner AND x.lease_epoch = epoch RETURNING 1) SELECT count(*) FROM done $$;
CREATE FUNCTION state(sink text) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(d.title || ':' || x.status, ' ' ORDER BY d.delivery_id) FROM pulse.delivery_sink x JOIN pulse.delivery d USING (delivery_id) WHERE x.sink = state.sink $$;

-- a new sink
SELECT message('before', 'CRITICAL');
SELECT is(claim('hook'), '-', 'a new sink gets no messages that are older than it');
SELECT is((SELECT count(*)::int FROM pulse.delivery_sink), 0, 'and no rows for them');
SELECT is((SELECT kind || ' ' || since_delivery_id FROM pulse.sink), 'webhook 1', 'it is known from now on');
SELECT message('one');
SELECT is(claim('hook'), 'one', 'what comes later is claimed');
SELECT is((SELECT status || ' ' || lease_owner || ' ' || lease_epoch || ' ' || attempts FROM pulse.delivery_sink), 'leased me 1 1', 'and leased');
SELECT ok((SELECT lease_until BETWEEN now() + interval '59 s' AND now() + interval '61 s' FROM pulse.delivery_sink), 'for a minute');
SELECT is((SELECT status FROM pulse.delivery WHERE title = 'one'), 'pending', 'Telegram''s own queue does not notice');

-- leases and fencing
SELECT is(claim('hook'), '-', 'what is leased is not claimed again');
SELECT is(claim('hook', 'other', 2), '-', 'by nobody');
UPDATE pulse.delivery_sink SET lease_until = now() - interval '1 s';
SELECT is(claim('hook', 'other', 2), 'one/2', 'until the lease has run out');
SELECT is(report('hook', 'one', 'sent'), 0::bigint, 'the one that lost it cannot report');
SELECT is(report('hook', 'one', 'sent', 'other', 1), 0::bigint, 'nor can its holder with the number of another term');
SELECT is(report('hook', 'one', 'sent', 'other', 2), 1::bigint, 'its holder can');
SELECT is(state('hook'), 'one:sent', 'then it is done');
SELECT is(report('hook', 'one', 'dead', 'other', 2), 0::bigint, 'once');

-- retries and dead letters
SELECT message('two'), message('three');
SELECT is(claim('hook'), 'two', 'the older one first');
SELECT is(report('hook', 'two', 'pending', wait => 60), 1::bigint, 'a failure gives it back for later');
SELECT is(claim('hook'), 'three', 'meanwhile the next one goes');
SELECT is(report('hook', 'three', 'dead'), 1::bigint, 'what is refused for good is a dead letter');
SELECT is(claim('hook'), '-', 'and not claimed again');
UPDATE pulse.delivery_sink SET not_before = now() WHERE status = 'pending';
SELECT is(claim('hook'), 'two/2', 'the other one is, when its time has come');
SELECT is(state('hook'), 'one:sent two:leased three:dead', 'each row tells what became of it');

-- order, priorities, routes
SELECT claim('phone', lowest => 'HIGH'), claim('slack');
SELECT message('late', 'LOW', age => '1 hour'), message('low', 'LOW'), message('medium'), message('high', 'HIGH'), message('alarm', 'CRITICAL');
SELECT is(claim('phone', most => 10, lowest => 'HIGH'), 'high alarm', 'a sink gets what is grave enough for it');
SELECT is((SELECT string_agg(claim('slack'), ' ') FROM generate_series(1, 5)), 'alarm late high medium low', 'CRITICAL first, then by priority and age');
SELECT message('only slack', 'HIGH', '{slack}'), message('only telegram', 'HIGH', '{telegram}'), message('nowhere', 'HIGH', '{}');
SELECT is(claim('slack', most => 10), 'only slack', 'a message goes where it is routed to');
SELECT is(claim('phone', most => 10, lowest => 'HIGH'), '-', 'and nowhere else');

-- a number that was given out earlier and is committed later
INSERT INTO pulse.delivery (delivery_id, type, priority, title, message, event_seq) OVERRIDING SYSTEM VALUE
	SELECT max(delivery_id) + 10, 'TEST', 'MEDIUM', 'number 10', '', 0 FROM pulse.delivery;
SELECT is(claim('slack'), 'number 10', 'a gap in the numbers');
INSERT INTO pulse.delivery (delivery_id, type, priority, title, message, event_seq) OVERRIDING SYSTEM VALUE
	SELECT max(delivery_id) - 5, 'TEST', 'MEDIUM', 'number 5', '', 0 FROM pulse.delivery;
SELECT is(claim('slack'), 'number 5', 'may be filled later without a loss');

-- rows go with their messages
DELETE FROM pulse.delivery WHERE title IN ('one', 'before');
SELECT claim('hook', most => 100);
SELECT is((SELECT count(*)::int FROM pulse.delivery_sink x WHERE NOT EXISTS (SELECT FROM pulse.delivery d WHERE d.delivery_id = x.delivery_id) AND x.sink = 'hook'), 0,
	'what became of a message is forgotten with it');

-- rights
CREATE ROLE sink_worker;
CREATE ROLE sink_reader;
SELECT pulse_grant('sink_worker', 'worker'), pulse_grant('sink_reader', 'reader');
GRANT USAGE ON SCHEMA tap TO PUBLIC;
SET ROLE sink_reader;
SELECT throws_ok($$SELECT * FROM pulse.claim_for_sink('hook', 'webhook', 'LOW', 'x', 1, 1)$$, '42501', NULL, 'a reader cannot claim');
SELECT throws_ok($$SELECT pulse.give_up_stale('1 day', now(), 1)$$, '42501', NULL, 'nor give up');
SELECT lives_ok($$SELECT * FROM pulse.delivery_sink, pulse.sink$$, 'but see what became of the messages');
SET ROLE sink_worker;
SELECT lives_ok($$SELECT * FROM pulse.claim_for_sink('hook', 'webhook', 'LOW', 'x', 1, 1)$$, 'a worker can claim');
RESET ROLE;

-- messages about fills that nobody could be told of in time
TRUNCATE pulse.delivery, pulse.delivery_sink;
INSERT INTO pulse.delivery (type, priority, title, message, data, event_seq, created_at, not_before)
	SELECT 'TRADE_ALERT', 'LOW', 'BUY BTC', '', CASE n WHEN 1 THEN '{"fills": 7}' ELSE '{}' END::jsonb, 0, now() - interval '30 hours', now() - interval '30 hours' FROM generate_series(1, 3) n;
SELECT is(pulse.give_up_stale('1 day', now(), 2), 2::bigint, 'old messages about fills are given up, some at a time');
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE type = 'SYSTEM'), 0, 'where nothing ever was sent nobody misses them');
UPDATE pulse.delivery SET status = 'pending';
INSERT INTO pulse.delivery (type, priority, title, message, event_seq, status) VALUES ('TEST', 'LOW', 'x', '', 0, 'sent');
SELECT pulse.give_up_stale('1 day', now(), 2), pulse.give_up_stale('1 day', now(), 2);
SELECT results_eq($$SELECT title, priority, status, sinks FROM pulse.delivery WHERE type = 'SYSTEM'$$,
	$$VALUES ('9 trades were not told', 'MEDIUM', 'pending', '{telegram}'::text[])$$, 'else one message tells how many there were');
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE type = 'TRADE_ALERT' AND status = 'dead' AND last_error IS NOT NULL), 3, 'they are kept, with the reason');
UPDATE pulse.delivery SET status = 'sent' WHERE type = 'SYSTEM';
UPDATE pulse.delivery SET status = 'pending', not_before = now() - interval '2 days' WHERE type = 'TRADE_ALERT' AND data = '{}';
SELECT pulse.apply_retention(now());
SELECT is((SELECT string_agg(title, ', ' ORDER BY delivery_id) FROM pulse.delivery WHERE type = 'SYSTEM'), '9 trades were not told, 2 trades were not told',
	'what comes after it was sent is another message; the job of retention sees to it');
SELECT is(pulse.give_up_stale('1 day', now(), 10), 0::bigint, 'then nothing is left');
SELECT * FROM finish();
