-- pulse.performance_state: the figures of each portfolio, as alert rules read them.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(17);

SELECT pulse_setup();
INSERT INTO portfolio_snapshots (portfolio, ts, total_value, cash_balance)
	SELECT p, timestamptz '2026-01-01 00:00Z' + i * interval '7 hours', 1000 + i * 3 - (i % 7) * 10, 10 FROM generate_series(1, 100) i, unnest('{a,b}'::text[]) p;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES
	('a', 'X', 'BUY', 1, 10, '2026-01-02 00:00Z'), ('a', 'X', 'SELL', 1, 12.5, '2026-01-03 00:00Z'), ('c', 'Y', 'BUY', 1, 10, '2026-01-03 00:00Z');
-- as numbers: JSON has neither NaN nor a difference between 1.0 and 1
CREATE VIEW different AS SELECT s.portfolio FROM pulse.performance_state s CROSS JOIN LATERAL pulse_performance(s.portfolio) p
	WHERE to_jsonb(s) - '{portfolio,computed_at,version,reader}'::text[] IS DISTINCT FROM to_jsonb(p);
SELECT is_empty('SELECT * FROM pulse.performance_state', 'no tick, no figures');
SELECT pulse_tick();
SELECT set_eq('SELECT portfolio FROM pulse.performance_state', '{a,b,c}'::text[], 'every portfolio has a row');
SELECT is_empty('SELECT * FROM different', 'the figures are those of pulse_performance()');
SELECT is_empty('SELECT * FROM pulse.performance_due', 'none is left to do');
SELECT is((SELECT count(DISTINCT version) FROM pulse.performance_state), 3::bigint, 'each rewrite has its version');
SELECT max(version) AS seen FROM pulse.performance_state \gset
SELECT pulse_tick();
SELECT is((SELECT max(version) FROM pulse.performance_state), :seen::bigint, 'no change, no rewrite');
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('b', '2026-03-01 00:00Z', 900);
SELECT pulse_tick();
SELECT results_eq(format('SELECT portfolio, total_value FROM pulse.performance_state WHERE version > %s', :seen), $$VALUES ('b' COLLATE "C", 900::numeric)$$, 'only what changed is rewritten');
SELECT is_empty('SELECT * FROM different', 'and is right');
-- what another process has left, as after a crash
INSERT INTO pulse.performance_due SELECT 'a', relowner, 1 FROM pg_class WHERE oid = 'trades'::regclass;
UPDATE pulse.performance_state SET total_value = 0 WHERE portfolio = 'a';
\setenv PGDATABASE :DBNAME
\! psql -Xqtc 'SELECT pulse_tick()' >/dev/null
-- by a process that knows of nothing
SELECT is_empty('SELECT * FROM different', 'what a crash has interrupted is taken up again');
SELECT is_empty('SELECT * FROM pulse.performance_due', 'once');
DELETE FROM trades WHERE portfolio = 'c';
SELECT pulse_tick();
SELECT set_eq('SELECT portfolio FROM pulse.performance_state', '{a,b}'::text[], 'a portfolio without rows has no figures');
TRUNCATE portfolio_snapshots;
SELECT pulse_tick();
SELECT set_eq('SELECT portfolio FROM pulse.performance_state', '{a}'::text[], 'also after TRUNCATE');
SELECT is_empty('SELECT * FROM different', 'what is left is right');
-- a table that is followed no more
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) SELECT p, timestamptz '2026-03-01 00:00Z' + i * interval '1 day', 900 + i FROM unnest('{a,b}'::text[]) p, generate_series(1, 5) i;
SELECT pulse_tick();
SELECT set_eq('SELECT portfolio FROM pulse.performance_state', '{a,b}'::text[], 'both tables have figures');
SELECT pulse_detach('portfolio_snapshots');
SELECT pulse_tick();
SELECT set_eq('SELECT portfolio FROM pulse.performance_state', '{a}'::text[], 'who has rows only in a detached table has no figures');
SELECT is_empty('SELECT * FROM different', 'the others have those of what is still followed');
SELECT pulse_detach('trades');
SELECT is_empty('SELECT * FROM pulse.performance_state', 'without any table there are none');
SELECT * FROM finish();
