-- Answers as if there were some portfolios only: they narrow what a role sees, and nothing widens it again.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(21);

CREATE ROLE narrowed_daemon;
CREATE ROLE narrowed_desk;
GRANT USAGE ON SCHEMA tap TO PUBLIC;
SELECT pulse_setup();
INSERT INTO portfolio_snapshots (portfolio, ts, total_value)
	SELECT p, now() - i * interval '7 hours', v * (10 + i % 5) FROM (VALUES ('a', 1), ('b', 10), ('c', 100)) AS x (p, v), generate_series(0, 60) i;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT p, 'S' || p, CASE i % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, v, 10 + i % 3, now() - (40 - i) * interval '9 hours'
	FROM (VALUES ('a', 1), ('b', 10), ('c', 100)) AS x (p, v), generate_series(0, 40) i;
SELECT pulse_tick();
SELECT pulse_grant('narrowed_daemon', 'worker');
SELECT pulse_grant('narrowed_desk', 'reader');

SET ROLE narrowed_daemon;
CREATE FUNCTION pg_temp.within(portfolios text[], query text, VARIADIC parameters text[] DEFAULT '{}') RETURNS text
	LANGUAGE sql AS $$ SELECT (pulse.answer_within($1, $2, $3)).body $$;

SELECT is(pg_temp.within('{a,b}', 'SELECT total_value::text FROM pulse_performance()'), '110', 'the value of two portfolios');
SELECT is((SELECT total_value FROM pulse_performance()), 1110::numeric, 'afterwards all are visible again, and nothing remembers that they were not');
SELECT is(pg_temp.within('{a,b}', 'SELECT total_value::text FROM pulse_performance()'), '110', 'nor the other way round');
SELECT is(pg_temp.within('{b}', 'SELECT total_value::text FROM pulse_performance($1)', 'b'), '100', 'parameters are passed');
SELECT is(pg_temp.within('{b}', 'SELECT total_value::text FROM pulse_performance($1)', 'c'), NULL, 'one that is hidden has no value, also when it is named');
SELECT is(pg_temp.within('{b}', 'SELECT (total_trades, cumulative_return)::text FROM pulse_performance($1)', 'c'), '(0,)', 'no trades and no returns');
SELECT is(pg_temp.within('{b}', 'SELECT string_agg(portfolio, '','') FROM pulse_portfolios()'), 'b', 'nor is it listed');
SELECT is(pg_temp.within('{nothing}', 'SELECT count(*)::text FROM pulse_trades()'), '0', 'where there is no such portfolio there is nothing');
SELECT is(pg_temp.within('{}', 'SELECT count(*)::text FROM pulse_trades()'), '0', 'nor where there is none');
SELECT is(pg_temp.within('{a,b}', 'SELECT count(DISTINCT portfolio)::text FROM pulse.closed_trade'), '2', 'stored rows are hidden too');
SELECT is(pg_temp.within('{a,b}', 'SELECT (SELECT count(DISTINCT portfolio) FROM pulse_closed_trades(method => ''fifo''))::text'), '2', 'and what is computed from rows');
SELECT is(pg_temp.within('{a}', $$SELECT (pulse.answer_within('{a,b,c}', 'SELECT total_value::text FROM pulse_performance()')).body$$), '10', 'one inside another does not widen it');
SELECT is(pg_temp.within('{a,b}', $$SELECT (pulse.answer_within('{b,c}', 'SELECT total_value::text FROM pulse_performance()')).body || ' ' || (SELECT total_value FROM pulse_performance())$$),
	'100 110', 'it narrows further, and ends with itself');
SELECT throws_ok($$SELECT pulse.answer_within('{a}', 'SELECT 1 / 0')$$, '22012', NULL, 'an error of the query is passed on');
SELECT is((SELECT total_value FROM pulse_performance()), 1110::numeric, 'and ends it as well');
SELECT throws_ok($$SELECT pulse.answer_within('{a}', 'SELECT pulse_tick()')$$, '25006', NULL, 'the engine does not take what it cannot see for gone');
SELECT throws_ok($$SELECT pulse.answer_within('{a}', 'DELETE FROM pulse.delivery')$$, NULL, NULL, 'nothing is written');
SELECT throws_ok($$SELECT pulse.answer_within(NULL, 'SELECT 1')$$, '22004', NULL, 'all portfolios is not some of them');
RESET ROLE;
SELECT throws_ok($$SELECT pulse.answer_within('{a}', 'SELECT 1')$$, '42501', NULL, 'who is not bound by policies is refused');

-- rights that a role does not have it does not get by naming portfolios
CREATE POLICY only_a ON portfolio_snapshots FOR SELECT TO narrowed_desk USING (portfolio = 'a');
ALTER TABLE portfolio_snapshots ENABLE ROW LEVEL SECURITY;
SET ROLE narrowed_desk;
SELECT is((SELECT total_value FROM pulse_performance()), 10::numeric, 'a role that sees one portfolio');
SELECT is((pulse.answer_within('{a,b}', 'SELECT total_value::text FROM pulse_performance()')).body, '10', 'sees no other by naming it');
RESET ROLE;
SELECT * FROM finish();
