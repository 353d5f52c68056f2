-- Feeds: age, gaps in open time, duplicates, values out of range or standing still; read through an index, each row once.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(46);
CREATE ROLE feeder;
GRANT USAGE ON SCHEMA public, tap TO PUBLIC;
GRANT CREATE ON SCHEMA public TO feeder;
SELECT pulse_grant('feeder', 'admin');
CREATE FUNCTION look(feed text, at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pulse.run_registration('feed', feed, at);
	RETURN (SELECT coalesce(last_error, 'fine') FROM pulse.registration_state WHERE name = feed);
END $$;
CREATE FUNCTION status_at(wanted text, at timestamptz) RETURNS text LANGUAGE sql AS $$ SELECT h.status || ': ' || h.message FROM pulse.health_at(at, 'feed.' || wanted) h $$;

-- calendars
SELECT is(pulse.open_seconds('2026-06-05 00:00Z', '2026-06-08 00:00Z', '24/7', 'UTC', NULL, NULL, '{}'), 259200::float8, 'round the clock');
SELECT is(pulse.open_seconds('2026-06-05 12:00Z', '2026-06-08 12:00Z', 'weekdays', 'UTC', NULL, NULL, '{}'), 86400::float8, 'not on a weekend');
SELECT is(pulse.open_seconds('2026-06-05 12:00Z', '2026-06-08 12:00Z', 'weekdays', 'UTC', NULL, NULL, '{2026-06-08}'), 43200::float8, 'nor on a holiday');
SELECT is(pulse.open_seconds('2026-06-05 00:00Z', '2026-06-09 00:00Z', 'sessions', 'America/New_York', '09:30', '16:00', '{}'), 2 * 23400::float8, 'two sessions of New York');
SELECT is(pulse.open_seconds('2026-06-07 00:00Z', '2026-06-09 00:00Z', 'sessions', 'UTC', '22:00', '05:00', '{}'), 2 * 3600::float8, 'a session that goes over midnight belongs to the day it begins on');
SELECT is(pulse.open_seconds('2026-03-27 12:00Z', '2026-03-30 12:00Z', 'weekdays', 'Europe/Berlin', NULL, NULL, '{}'), (11 + 14) * 3600::float8, 'with the clock changed in between');

-- a table of prices by time
SET ROLE feeder;
CREATE TABLE tick (symbol text, ts timestamptz, price numeric);
CREATE INDEX ON tick (ts);
INSERT INTO tick SELECT s, '2026-06-02 00:00Z'::timestamptz + i * interval '1 minute', 100 + i % 7 FROM unnest('{A,B}'::text[]) s, generate_series(0, 600) i;
SELECT lives_ok($$SELECT pulse_register_feed('tick', 'tick', 'ts', 'symbol', '1 minute', 'price', minimum => 1, maximum => 1000, max_change => 0.5)$$, 'a feed');
SELECT throws_ok($$SELECT pulse_register_feed('x', 'tick', 'nope')$$, '42703', NULL, 'a column that there is not');
SELECT throws_ok($$SELECT pulse_register_feed('x', 'tick', expected_interval => '0')$$, '22023', NULL, 'expecting the impossible');
RESET ROLE;
CREATE TABLE secret (ts timestamptz);
SET ROLE feeder;
SELECT throws_ok($$SELECT pulse_register_feed('x', 'secret')$$, '42501', NULL, 'a table that is not for him');
RESET ROLE;
SELECT is(look('tick', '2026-06-02 10:00:20Z'), 'fine', 'a look at it');
SELECT is(status_at('tick', '2026-06-02 10:00:20Z'), 'HEALTHY: newest row 20 s old', 'all is well');
SELECT results_eq($$SELECT key, rows, gaps FROM pulse.feed_state ORDER BY 1$$, $$VALUES ('A', 599::bigint, 0::bigint), ('B', 599, 0)$$, 'the last two minutes may still change');
SELECT is(look('tick', '2026-06-02 10:04Z'), 'fine', 'again');
SELECT results_eq($$SELECT key, rows FROM pulse.feed_state ORDER BY 1$$, $$VALUES ('A', 601::bigint), ('B', 601)$$, 'each row is examined once');

INSERT INTO tick VALUES ('A', '2026-06-02 10:01Z', 101), ('A', '2026-06-02 10:11Z', 101), ('A', '2026-06-02 10:11Z', 101),
	('A', '2026-06-02 10:12Z', -5), ('A', '2026-06-02 10:13Z', 'NaN'), ('A', '2026-06-02 10:14Z', 100), ('A', '2026-06-02 10:15Z', 100);
INSERT INTO tick SELECT 'B', '2026-06-02 10:00Z'::timestamptz + i * interval '1 minute', 60 FROM generate_series(1, 20) i;
SELECT look('tick', '2026-06-02 10:20Z');
SELECT results_eq($$SELECT key, kind, count, from_ts, to_ts FROM pulse.feed_finding WHERE key = 'A' ORDER BY kind$$,
	$$VALUES ('A', 'duplicate', 1::bigint, '2026-06-02 10:11Z'::timestamptz, '2026-06-02 10:11Z'::timestamptz), ('A', 'gap', 9, '2026-06-02 10:01Z', '2026-06-02 10:11Z'),
		('A', 'out_of_range', 2, '2026-06-02 10:12Z', '2026-06-02 10:13Z')$$, 'a gap, a duplicate, values out of range');
SELECT results_eq($$SELECT key, kind FROM pulse.feed_finding WHERE key = 'B'$$, $$SELECT ''::text, ''::text WHERE false$$, 'nothing of B: a fall by half is not more than half');
SELECT matches(status_at('tick', '2026-06-02 10:20Z'), '^WARNING: .*9 rows are missing; 1 duplicates; 2 values out of range', 'said in words');
SELECT is((SELECT details #>> '{worst,0,key}' FROM pulse.health_at('2026-06-02 10:20Z', 'feed.tick')), 'A', 'naming the worst');
INSERT INTO tick SELECT 'A', '2026-06-02 10:01Z'::timestamptz + i * interval '1 minute', 101 FROM generate_series(1, 9) i;
SELECT look('tick', '2026-06-02 10:21Z');
SELECT ok((SELECT filled_at IS NOT NULL FROM pulse.feed_finding WHERE kind = 'gap'), 'a gap that is filled later is one no more');
SELECT is((SELECT count(*)::int FROM pulse.feed_finding), 3, 'nothing is found twice');
SELECT look('tick', '2026-06-02 10:40Z');
SELECT matches(status_at('tick', '2026-06-02 10:40Z'), '^CRITICAL: 2 of 2 keys are late, the worst by 1500 s', 'silence');
INSERT INTO tick SELECT 'B', '2026-06-02 10:20Z'::timestamptz + i * interval '1 minute', 60 FROM generate_series(1, 70) i;
INSERT INTO tick SELECT 'A', '2026-06-02 10:15Z'::timestamptz + i * interval '1 minute', 100 + i % 2 FROM generate_series(1, 75) i;
SELECT look('tick', '2026-06-02 11:30:10Z');
SELECT results_eq($$SELECT key, value, from_ts FROM pulse.feed_finding WHERE kind = 'stuck'$$, $$VALUES ('B', 60::float8, '2026-06-02 10:01Z'::timestamptz)$$, 'a price that stands still for an hour');
SELECT matches(status_at('tick', '2026-06-02 11:30:10Z'), 'values stand still', 'is said');
SELECT look('tick', '2026-06-02 11:31Z');
SELECT is((SELECT count(*)::int FROM pulse.feed_finding WHERE kind = 'stuck'), 1, 'once');

-- one that is keyed first, with sessions: a night is no gap
SET ROLE feeder;
CREATE TABLE bar (symbol text, ts timestamptz, close numeric, PRIMARY KEY (symbol, ts));
INSERT INTO bar SELECT s, d + i * interval '1 minute', 10 FROM unnest('{X,Y,Z}'::text[]) s, unnest('{2026-06-04 13:30Z,2026-06-05 13:30Z,2026-06-08 13:30Z}'::timestamptz[]) d, generate_series(0, 389) i
	WHERE NOT (s = 'Y' AND d = '2026-06-05 13:30Z' AND i BETWEEN 100 AND 149);
SELECT pulse_register_feed('bar', 'bar', 'ts', 'symbol', '1 minute', 'close', 'sessions', 'America/New_York', '09:30', '16:00', stuck_after => '10 days');
RESET ROLE;
SELECT ok((SELECT by_key FROM pulse.feed WHERE name = 'bar'), 'its index begins with the key');
SELECT pulse.run_registration('feed', 'bar', '2026-06-05 12:00Z'::timestamptz + n * interval '10 minutes') FROM generate_series(0, 460) n WHERE n % 20 = 0;
SELECT look('bar', '2026-06-08 20:10Z');
SELECT results_eq($$SELECT key, kind, count, from_ts FROM pulse.feed_finding WHERE name = 'bar'$$, $$VALUES ('Y', 'gap', 50::bigint, '2026-06-05 15:09Z'::timestamptz)$$, 'only the hole within a session is a gap');
SELECT is(status_at('bar', '2026-06-08 20:10Z'), 'HEALTHY: newest row 60 s old', 'after the close nothing is late');
SELECT look('bar', '2026-06-09 13:29Z');
SELECT is((SELECT h.status FROM pulse.health_at('2026-06-09 13:29Z', 'feed.bar') h), 'HEALTHY', 'nor before the bell');
SELECT look('bar', '2026-06-09 13:45Z');
SELECT matches(status_at('bar', '2026-06-09 13:45Z'), '^CRITICAL: 3 of 3 keys are late', 'but a quarter of an hour after it');
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$;
ANALYZE tick, bar;
SELECT is_empty($$SELECT * FROM plan_of(pulse.feed_query('tick', '2026-06-02 11:31Z')) p WHERE p ~ 'Seq Scan on (tick|bar)'$$, 'a look reads through the index');
SELECT is_empty($$SELECT * FROM plan_of(pulse.feed_query('bar', '2026-06-09 13:45Z')) p WHERE p ~ 'Seq Scan on (tick|bar)'$$, 'whichever it is');

-- what is registered survives odd names, and goes with the feed
SET ROLE feeder;
CREATE TABLE "Odd ""Name" ("Time" timestamptz, "Key'" text);
CREATE INDEX ON "Odd ""Name" ("Time");
INSERT INTO "Odd ""Name" VALUES ('2026-06-02 10:00Z', 'a''b');
SELECT pulse_register_feed('odd', '"Odd ""Name"', 'Time', 'Key''');
RESET ROLE;
SELECT is(look('odd', '2026-06-02 10:01Z'), 'fine', 'names of any kind');
SELECT is((SELECT key FROM pulse_feeds('odd')), 'a''b', 'keys of any kind');
SELECT is(look('odd', '2026-06-02 10:02Z'), 'fine', 'also as something known');
SET ROLE feeder;
DROP TABLE "Odd ""Name";
RESET ROLE;
SELECT matches(look('odd', '2026-06-02 10:05Z'), 'does not exist', 'a table that is gone is an error of the feed');
SELECT ok(pulse_unregister_feed('odd'), 'unregistered');
SELECT is_empty($$SELECT FROM pulse.feed_state WHERE name = 'odd'$$, 'and forgotten');
SELECT ok((SELECT count(*) > 0 FROM pulse_feeds()), 'the others stay');

-- models
SELECT pulse_model_report('lstm', '7', '{"accuracy": 0.62, "loss": 0.4, "can_predict": true}');
SELECT pulse_model_report('lstm', '7', '{"accuracy": 0.58, "loss": 0.41, "can_predict": true}');
SELECT matches((SELECT status || message FROM pulse_health_check('model.lstm')), '^WARNING.*accuracy 0.58, baseline 0.62', 'a model that has become worse');
SELECT pulse_model_report('lstm', '7', '{"accuracy": 0.63, "loss": 0.50, "can_predict": true}');
SELECT matches((SELECT status || message FROM pulse_health_check('model.lstm')), '^CRITICAL.*loss 0.50?, baseline 0.4', 'a loss is worse when it is larger');
SELECT pulse_model_report('lstm', '8', '{"accuracy": 0.5, "trained_at": "2020-01-01"}', '1 hour');
SELECT matches((SELECT status || message FROM pulse_health_check('model.lstm')), '^WARNINGit was trained \d+ days ago', 'a new version has a baseline of its own');
SELECT is((SELECT status FROM pulse.health_at(now() + interval '4 hours', 'model.lstm')), 'CRITICAL', 'and must go on reporting');
SELECT pulse_model_report('lstm', '8', '{"can_predict": false}');
SELECT is((SELECT status FROM pulse_health_check('model.lstm')), 'CRITICAL', 'one that cannot predict');
SELECT throws_ok($$SELECT pulse_model_report('no name', '1')$$, '22023', NULL, 'an unfit name');
SELECT throws_ok($$SELECT pulse_model_report('m', '1', '[]')$$, '22023', NULL, 'metrics that are no object');
SELECT * FROM finish();
