-- The snapshot, the chart, the list of fills.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(41);
SELECT pulse_setup();
-- alerts have tests of their own, and would be counted here
UPDATE pulse.job SET enabled = false WHERE name = 'alerts';
CREATE FUNCTION keys(j jsonb) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(j) k $$;

-- chart: few points are all there
INSERT INTO portfolio_snapshots (ts, total_value, net_flow) VALUES
	(date_trunc('hour', now()) - interval '30 hours', 900, 0), (date_trunc('hour', now()) - interval '5 hours', 1000, 0),
	(date_trunc('hour', now()) - interval '4 hours', 1100, 0), (date_trunc('hour', now()) - interval '3 hours', 1590, 600),
	(date_trunc('hour', now()) - interval '2 hours', 1650, 0);
SELECT is(keys(pulse_portfolio_chart()), 'drawdown flow from points to ts value', 'columns of the chart');
SELECT is(pulse_portfolio_chart() -> 'value', '[900, 1000, 1100, 1590, 1650]', 'values, beginning with the last one before the range');
SELECT is(pulse_portfolio_chart() -> 'flow', '[0, 0, 0, 600, 0]', 'flows');
SELECT is(pulse_portfolio_chart() -> 'drawdown', '[0, 0, 0, 0.1, 0.066037735849]', 'drawdown from the peak, without the deposit');
SELECT is((pulse_portfolio_chart() #>> '{ts,1}')::float8, extract(epoch FROM date_trunc('hour', now()) - interval '5 hours')::float8, 'times are seconds');
SELECT is((pulse_portfolio_chart() #>> '{ts,0}')::numeric, round(extract(epoch FROM now() - interval '24 hours'), 3), 'the first value stands at the left edge');
SELECT is((pulse_portfolio_chart() ->> 'points')::int, 5, 'count');
SELECT is(pulse_portfolio_chart(3) -> 'value', '[1590, 1650]', 'of three hours');
SELECT is(pulse_portfolio_chart(date_trunc('hour', now()) - interval '4 hours', date_trunc('hour', now()) - interval '150 minutes') -> 'value', '[1100, 1590]',
	'between two times');
SELECT is(pulse_portfolio_chart("from" => '2001-01-01', "to" => '2002-01-01') -> 'ts', '[]', 'nothing before the first');
SELECT throws_ok($$SELECT pulse_portfolio_chart("from" => '2002-01-01', "to" => '2001-01-01')$$, '22023', NULL, 'from after to');
SELECT throws_ok($$SELECT pulse_portfolio_chart("from" => '2001-01-01', "to" => 'infinity')$$, '22023', NULL, 'for ever');
SELECT throws_ok('SELECT pulse_portfolio_chart(0)', '22023', NULL, 'no hours');
SELECT throws_ok('SELECT pulse_portfolio_chart(24, 1)', '22023', NULL, 'too few points');
SELECT throws_ok('SELECT pulse_portfolio_chart(24, 10000000)', '22023', NULL, 'too many');

-- chart: many snapshots keep their extremes
TRUNCATE portfolio_snapshots;
INSERT INTO portfolio_snapshots (ts, total_value, net_flow)
	SELECT now() - i * interval '10 seconds', CASE i WHEN 1234 THEN 5000 WHEN 4321 THEN 10 ELSE 1000 + 100 * sin(i / 50.0) END, CASE WHEN i % 1000 = 0 THEN 7 ELSE 0 END
	FROM generate_series(1, 8000) i;
SELECT ok((pulse_portfolio_chart(24, 200) ->> 'points')::int BETWEEN 150 AND 200, 'no more points than asked for, nor far fewer');
SELECT results_eq($$SELECT max(v::float8), min(v::float8) FROM jsonb_array_elements_text(pulse_portfolio_chart(24, 200) -> 'value') v$$,
	'VALUES (5000::float8, 10::float8)', 'the highest and the lowest are there');
SELECT is((SELECT sum(v::float8) FROM jsonb_array_elements_text(pulse_portfolio_chart(24, 200) -> 'flow') v), 49::float8, 'and all of the flows but that of the first, which came before');
SELECT ok((SELECT bool_and(t > before) FROM (SELECT t::float8 AS t, lag(t::float8) OVER (ORDER BY n) AS before
	FROM jsonb_array_elements_text(pulse_portfolio_chart(24, 200) -> 'ts') WITH ORDINALITY x (t, n)) y WHERE before IS NOT NULL), 'in order of time');
SELECT ok((SELECT count(*) = 4 FROM (SELECT jsonb_array_length(pulse_portfolio_chart(24, 200) -> c) AS n, (pulse_portfolio_chart(24, 200) ->> 'points')::int AS p
	FROM unnest(ARRAY['ts', 'value', 'drawdown', 'flow']) c) x WHERE n = p), 'columns of one length');
SELECT is((pulse_portfolio_chart(24, 200) #>> '{value,-1}')::float8, (SELECT total_value::float8 FROM portfolio_snapshots ORDER BY ts DESC LIMIT 1), 'up to the newest');

-- fills
INSERT INTO trades (symbol, side, quantity, price, fee, fee_asset, executed_at, order_id, fill_id, strategy, confidence)
	SELECT 'BTCUSDT', CASE WHEN i % 2 = 1 THEN 'BUY' ELSE 'SELL' END, 0.10, 100 + i, 0.01, 'USDT', '2026-01-01'::timestamptz + i / 3 * interval '1 minute',
		'o' || i, 'f' || i, 'trend', 0.5 FROM generate_series(1, 100) i;
SELECT is_empty('SELECT * FROM pulse_trades()', 'fills are listed once they are processed');
SELECT pulse_tick();
SELECT is((SELECT string_agg(id, ',') FROM pulse_trades(5)), '100,99,98,97,96', 'newest first');
CREATE TABLE pages (n int, id text, cursor text);
DO $$
DECLARE
	last text;
BEGIN
	FOR n IN 1..20 LOOP
		INSERT INTO pages SELECT n, t.id, t.cursor FROM pulse_trades(7, last) t;
		EXIT WHEN NOT FOUND;
		SELECT p.cursor INTO last FROM pages p ORDER BY p.id::int LIMIT 1;
	END LOOP;
END $$;
SELECT is((SELECT count(*) || '/' || count(DISTINCT id) FROM pages), '100/100', 'page by page each fill comes once');
SELECT throws_ok($$SELECT * FROM pulse_trades(5, 'x')$$, '22023', NULL, 'not a cursor');
SELECT throws_ok($$SELECT * FROM pulse_trades(5, '1/2')$$, '22023', NULL, 'nor this');
SELECT throws_ok($$SELECT * FROM pulse_trades(0)$$, '22023', NULL, 'no rows');
SELECT results_eq('SELECT symbol, side, quantity, price, value, fee, fee_asset, order_id, fill_id, strategy, confidence, realized_pnl, position FROM pulse_trades(1)',
	$$VALUES ('BTCUSDT', 'SELL', 0.1, 200::numeric, 20::numeric, 0.01, 'USDT', 'o100', 'f100', 'trend', 0.5::float8, 0.1, 0::numeric)$$, 'all there is to a fill');

-- everything in one
SELECT is(keys(pulse_snapshot()), 'activity epoch generated_at performance portfolio portfolios risk sections seq system trading', 'parts of the snapshot');
SELECT is((pulse_snapshot() ->> 'seq')::bigint, (SELECT max(seq) FROM pulse.event), 'it contains every event so far');
SELECT is(pulse_snapshot() ->> 'epoch', (SELECT epoch FROM pulse.sequencer), 'of this epoch');
SELECT is(keys(pulse_snapshot() -> 'risk'), 'calmar current_drawdown cvar_95 max_drawdown sharpe sortino var_95 volatility', 'risk');
SELECT is(keys(pulse_snapshot() -> 'trading'), 'average_loss average_win fees profit_factor realized_pnl total_trades trades_per_day win_rate', 'trading');
SELECT is(pulse_snapshot() #>> '{trading,fees}', '1', 'fees paid');
SELECT is(jsonb_array_length(pulse_snapshot() #> '{activity,trades}'), 50, 'the newest fifty fills');
SELECT is((pulse_snapshot() #> '{activity,trades,0}') - 'portfolio', (SELECT data FROM pulse.event WHERE type = 'TRADE_ALERT' ORDER BY seq DESC LIMIT 1), 'like their events');
SELECT is(pulse_snapshot() -> 'portfolio', pulse_portfolio(), 'the portfolio');
SELECT is(pulse_snapshot() -> 'performance', pulse.performance_data(NULL), 'the performance');
SELECT pulse_send_system_alert('database', 'WARNING', 'slow');
SELECT is(pulse_snapshot() #> '{activity,alerts}', '[]', 'an alert that has not been announced is not there yet');
SELECT pulse_tick();
SELECT is(pulse_snapshot() #> '{activity,alerts}', (SELECT jsonb_agg(data) FROM pulse.event WHERE type = 'SYSTEM_ALERT'), 'then it is');
SELECT is(pulse_snapshot('nobody') #> '{portfolio,positions}', '[]', 'an unknown portfolio is empty');
SELECT * FROM finish();
