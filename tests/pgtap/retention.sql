-- Retention: what is old goes, in batches and whole partitions; the user's snapshots only when their owner says so.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(41);
SELECT pulse_setup();
GRANT USAGE ON SCHEMA tap TO PUBLIC;

-- partitions of events
CREATE FUNCTION parts(parent text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(name, ' ' ORDER BY lower) FROM pulse.partitions(parent) $$;
CREATE PROCEDURE trade(n integer) LANGUAGE sql AS
	$$ INSERT INTO trades (symbol, side, quantity, price, executed_at) SELECT 'BTCUSDT', 'BUY', 1, 100, now() - interval '1 day' FROM generate_series(1, n) $$;
SELECT is(parts('event'), 'event_1', 'there is one partition of events');
UPDATE pulse.sequencer SET seq = 90000;
CALL trade(1);
SELECT pulse_tick();
SELECT is(parts('event'), 'event_1', 'it is enough while there is room');
UPDATE pulse.sequencer SET seq = 131070;
CALL trade(5);
SELECT pulse_tick();
SELECT is(parts('event'), 'event_1 event_131073', 'the next one is made ahead of the need');
SELECT is((SELECT count(DISTINCT tableoid)::int FROM pulse.event WHERE seq > 131070), 2, 'and numbers go on from one to the other');
SELECT is((SELECT event_limit FROM pulse.sequencer), (SELECT max(upper) FROM pulse.partitions('event')), 'the sequencer knows how far they reach');
SELECT is((SELECT count(*)::int FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND objid = 'pulse.event_131073'::regclass AND deptype = 'e'), 1,
	'a partition made at run time belongs to the extension');
SELECT is((SELECT count(*)::int FROM pg_constraint WHERE conrelid = 'pulse.event_131073'::regclass AND contype = 'p'), 1, 'with its primary key');
UPDATE pulse.event SET ts = ts - interval '8 days' WHERE seq < 131073;
SELECT pulse_tick(now() + interval '1 minute');
SELECT is(parts('event'), 'event_131073', 'a complete partition that is old goes as a whole');
SELECT is((SELECT min(seq) FROM pulse.event), 131073::bigint, 'with its events');
UPDATE pulse.event SET ts = ts - interval '8 days' WHERE seq < 131076;
SELECT pulse_tick(now() + interval '2 minutes');
SELECT is((SELECT min(seq) FROM pulse.event), 131076::bigint, 'from the one in use rows go one by one');
SELECT is(pulse.partition_size(1000, '1 day', '7 days', 131072), 131072::bigint, 'small numbers make partitions of the least size');
SELECT is(pulse.partition_size(8640000, '1 day', '16 days', 1000000), 8000000::bigint, 'a burst makes the next one at most eight times as large');
SELECT is(pulse.partition_size(8640000, '1 day', '16 days', 10000000), 8640000::bigint, 'and a steady stream sixteen of them');
SELECT is(pulse.partition_size(NULL, NULL, NULL, 131072), 131072::bigint, 'whatever is not known yet');

-- partitions of health samples
SELECT is(parts('health_sample'), 'health_sample_1', 'there is one partition of samples');
SELECT setval('pulse.health_sample_sample_id_seq', 131071) AS before;
INSERT INTO pulse.health_sample (component, status) SELECT 'many', 'HEALTHY' FROM generate_series(1, 3);
SELECT is((SELECT count(*)::int FROM pulse.health_sample_rest), 2, 'where no tick has come by for long the rest goes elsewhere');
SELECT pulse_tick(now() + interval '3 minutes');
SELECT is((SELECT count(*)::int FROM pulse.health_sample_rest), 0, 'until there is a partition for it');
SELECT is((SELECT count(*)::int FROM pulse.health_sample WHERE component = 'many'), 3, 'and nothing is lost');
UPDATE pulse.health_sample SET checked_at = checked_at - interval '40 days' WHERE sample_id <= 131072;
SELECT pulse_tick(now() + interval '4 minutes');
SELECT ok(parts('health_sample') NOT LIKE '%health_sample_1 %', 'an old partition of samples goes');

-- the user's snapshots
CREATE PROCEDURE fill_up() LANGUAGE sql AS $$
	INSERT INTO portfolio_snapshots (portfolio, ts, total_value, net_flow)
		SELECT p, at, 1000 + extract(epoch FROM at)::bigint % 977, CASE WHEN at = '2024-01-02 10:30:10' THEN 5 ELSE 0 END
		FROM unnest(ARRAY['a', 'b']) p, generate_series(timestamptz '2024-01-02 10:00', '2024-01-02 12:00', '10 seconds') at
		UNION ALL SELECT p, at, 2000, 0 FROM unnest(ARRAY['a', 'b']) p, generate_series(timestamptz '2024-02-01 10:00', '2024-02-01 11:00', '10 seconds') at $$;
CALL fill_up();
SELECT pulse_tick('2024-02-01 12:00');
CREATE TABLE before AS SELECT (x).* FROM pulse_performance('a') x;
CREATE FUNCTION left_of(day date) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM portfolio_snapshots WHERE ts >= day AND ts < day + 1 $$;
SELECT is(left_of('2024-01-02'), 1442::bigint, 'by default every snapshot stays');
SELECT throws_ok($$SELECT pulse_retention_set('portfolio_snapshots', keep => '1 day')$$, '22023', NULL, 'young ones cannot be removed');
SELECT throws_ok($$SELECT pulse_retention_set('portfolio_snapshots', keep => '10 days', thin_after => '20 days')$$, '22023', NULL, 'thinning comes before removal');
SELECT throws_ok($$SELECT pulse_retention_set('portfolio_snapshots', thin_after => '20 days', thin_to => '1 month')$$, '22023', NULL, 'to at most a day');
SELECT throws_ok($$SELECT pulse_retention_set('trades', keep => '1 year')$$, '22023', NULL, 'trades are not removed');
CREATE ROLE stranger;
SET ROLE stranger;
SELECT throws_ok($$SELECT pulse_retention_set('portfolio_snapshots', keep => '1 year')$$, '42501', NULL, 'nor is anything of somebody else');
RESET ROLE;

SELECT pulse_retention_set('portfolio_snapshots', keep => '60 days', thin_after => '20 days');
CREATE TABLE ids AS SELECT max(ts) AS newest FROM portfolio_snapshots;
SELECT pulse_tick('2024-02-01 12:00:01');
SELECT is(left_of('2024-01-02'), 244::bigint, 'one of each minute is left, and the deposit');
SELECT is((SELECT count(*)::int FROM portfolio_snapshots WHERE net_flow <> 0), 2, 'which stays');
SELECT is_empty($$SELECT FROM portfolio_snapshots WHERE ts < '2024-01-02 12:00' AND net_flow = 0 AND extract(second FROM ts) <> 50$$, 'the last one of each');
SELECT is(left_of('2024-02-01'), 722::bigint, 'young ones stay');
SELECT is_empty('SELECT FROM pulse.dirty', 'nothing is marked');
SELECT results_eq($$SELECT what, keep, thin_after, thin_to, removed, last_error FROM pulse_retention() WHERE what LIKE 'public.%'$$,
	$$VALUES ('public.portfolio_snapshots', interval '60 days', interval '20 days', interval '1 minute', 1198::bigint, NULL)$$, 'what was removed is counted');
SELECT bag_eq($$SELECT sharpe, volatility, max_drawdown, cumulative_return, total_value FROM pulse_performance('a')$$,
	'SELECT sharpe, volatility, max_drawdown, cumulative_return, total_value FROM before', 'metrics keep their values');
SELECT pulse_tick('2024-03-10 12:00');
SELECT is(left_of('2024-01-02'), 0::bigint, 'later they go altogether');
SELECT bag_eq($$SELECT volatility, max_drawdown, cumulative_return FROM pulse_performance('a')$$,
	'SELECT volatility, max_drawdown, cumulative_return FROM before', 'and metrics still keep their values');
SELECT is_empty('SELECT * FROM pulse_verify()', 'the self-check agrees');

-- a policy that fails
ALTER TABLE portfolio_snapshots ADD COLUMN reference integer UNIQUE;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not mine to lose'; END $$;
CREATE TRIGGER refuse BEFORE DELETE ON portfolio_snapshots FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT is((pulse_tick('2024-06-01') ->> 'failures')::int, 0, 'a table that refuses fails by itself');
SELECT is((SELECT last_error FROM pulse_retention() WHERE what LIKE 'public.%'), 'not mine to lose', 'and says why');
SELECT is(left_of('2024-02-01') > 0, true, 'nothing is lost');
DROP TRIGGER refuse ON portfolio_snapshots;
SELECT pulse.touch_job('snapshot retention');
SELECT pulse_tick('2024-06-02');
SELECT is((SELECT last_error FROM pulse_retention() WHERE what LIKE 'public.%'), NULL, 'it recovers');
SELECT pulse_retention_set('portfolio_snapshots');
SELECT is_empty('SELECT FROM pulse.retention', 'a policy can be ended');

-- a table of another shape: no portfolio, time without zone
CREATE TABLE equity (at timestamp PRIMARY KEY, value numeric);
INSERT INTO equity SELECT at, 100 FROM generate_series(timestamp '2024-01-02 00:00', '2024-01-02 02:00', '5 seconds') at;
INSERT INTO equity VALUES ('2024-01-10 00:00', 100);
SELECT pulse_attach('equity', 'snapshots', columns => '{"ts": "at", "total_value": "value", "portfolio": {"value": "other"}}', timezone => 'Asia/Tokyo');
SELECT pulse_tick('2024-01-10');
SELECT pulse_retention_set('equity', thin_after => '3 days', thin_to => '15 minutes');
SELECT pulse_tick('2024-01-10 00:00:01');
SELECT is((SELECT count(*)::int FROM equity WHERE at < '2024-01-03'), 9, 'a table without portfolios and with local times is thinned out too');

SELECT * FROM finish();
