-- Performance: values worked out by hand, deposits, several portfolios, missing data, reports.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(61);
CREATE FUNCTION near(a float8, b float8, title text) RETURNS text LANGUAGE sql AS $$
	SELECT ok(abs(a - b) <= 1e-12 * greatest(1, abs(b)), format('%s: %s', title, a)) $$;

-- nothing at all
SELECT results_eq('SELECT ts, total_value, sharpe, win_rate, total_trades, trades_per_day FROM pulse_performance()',
	'VALUES (NULL::timestamptz, NULL::numeric, NULL::float8, NULL::float8, 0::bigint, NULL::float8)', 'without tables there is one row of nothing');
SELECT lives_ok('SELECT pulse_portfolio(), pulse_portfolio_chart(), pulse_performance_report(), pulse_snapshot()', 'nor an error anywhere');
SELECT is((SELECT count(*)::int FROM pulse_targets() WHERE actual IS NULL AND progress IS NULL AND on_track IS NULL), 4, 'targets without an actual value');
SELECT pulse_setup();
SELECT is((SELECT count(*)::int FROM pulse_performance()), 1, 'empty tables: one row');
SELECT is((SELECT total_trades FROM pulse_performance('main')), 0::bigint, 'and no trades');
SELECT is(pulse_portfolio() -> 'positions', '[]', 'no positions');
SELECT is(pulse_portfolio_chart() -> 'ts', '[]', 'no points');

-- one snapshot: no return can be known
INSERT INTO portfolio_snapshots (ts, total_value, cash_balance) VALUES ('2026-01-01 00:00Z', 1000, 1000);
SELECT results_eq('SELECT total_value, cash_balance, cumulative_return, daily_return, sharpe, volatility, max_drawdown FROM pulse_performance()',
	'VALUES (1000::numeric, 1000::numeric, 0::float8, NULL::float8, NULL::float8, NULL::float8, 0::float8)', 'one snapshot: nothing gained, nothing lost, no returns');

-- 1000 -> 1100 -> (deposit 500) 1550 -> 1519: returns 0.1, -1/22, -0.02
INSERT INTO portfolio_snapshots (ts, total_value, cash_balance, positions_value, unrealized_pnl, net_flow, position_count) VALUES
	('2026-01-02 00:00Z', 1100, 500, 600, 20, 0, 2), ('2026-01-03 00:00Z', 1550, 900, 650, 30, 500, 2), ('2026-01-04 00:00Z', 1519, 919, 600, -1, 0, 1);
CREATE TEMP TABLE r AS SELECT unnest(ARRAY[0.1, -50 / 1100.0, -0.02])::float8 AS r;
SELECT results_eq('SELECT ts, total_value, cash_balance, position_count, unrealized_pnl FROM pulse_performance()',
	$$VALUES ('2026-01-04 00:00Z'::timestamptz, 1519::numeric, 919::numeric, 1, -1::numeric)$$, 'the newest snapshot');
SELECT near(cumulative_return, 1.1 * (1 - 50 / 1100.0) * 0.98 - 1, 'cumulative return without the deposit') FROM pulse_performance();
SELECT near(daily_return, -0.02, 'return of the last day') FROM pulse_performance();
SELECT near(cagr, power(1.1 * (1 - 50 / 1100.0) * 0.98, 365 / 3.0) - 1, 'annual growth over three days') FROM pulse_performance();
SELECT near(volatility, (SELECT stddev_samp(r.r) * sqrt(365) FROM r), 'volatility') FROM pulse_performance();
SELECT near(sharpe, (SELECT avg(r.r) / stddev_samp(r.r) * sqrt(365) FROM r), 'Sharpe ratio') FROM pulse_performance();
SELECT near(sortino, (SELECT avg(r.r) / sqrt(avg(least(r.r, 0) ^ 2)) * sqrt(365) FROM r), 'Sortino ratio') FROM pulse_performance();
SELECT near(max_drawdown, 1 - (1 - 50 / 1100.0) * 0.98, 'maximum drawdown') FROM pulse_performance();
SELECT near(current_drawdown, 1 - (1 - 50 / 1100.0) * 0.98, 'current drawdown') FROM pulse_performance();
SELECT near(calmar, cagr / max_drawdown, 'Calmar ratio') FROM pulse_performance();
SELECT near(var_95, -(SELECT percentile_cont(0.05) WITHIN GROUP (ORDER BY r.r) FROM r), 'value at risk') FROM pulse_performance();
SELECT near(cvar_95, 50 / 1100.0, 'expected shortfall') FROM pulse_performance();

-- trades: two wins, one loss
INSERT INTO trades (symbol, side, quantity, price, fee, executed_at) VALUES
	('A', 'BUY', 1, 100, 1, '2026-01-01 00:00Z'), ('A', 'SELL', 1, 111, 1, '2026-01-01 12:00Z'),
	('A', 'BUY', 1, 100, 1, '2026-01-02 00:00Z'), ('A', 'SELL', 1, 92, 1, '2026-01-02 12:00Z'),
	('B', 'SELL', 1, 100, 1, '2026-01-03 00:00Z'), ('B', 'BUY', 1, 93, 1, '2026-01-03 12:00Z'),
	('C', 'BUY', 10, 5, 0.5, '2026-01-03 18:00Z');
SELECT results_eq('SELECT total_trades, win_rate, profit_factor, average_win, average_loss, trades_per_day FROM pulse_performance()',
	'VALUES (3::bigint, 2 / 3::float8, 1.4::float8, 7::float8, 10::float8, 1::float8)', 'win statistics after fees, trades a day');
SELECT results_eq('SELECT realized_pnl, unrealized_pnl, total_pnl FROM pulse_performance()', 'VALUES (10::numeric, -1::numeric, 2.5)',
	'realised by the ledger, unrealised by the snapshot, total after fees');
SELECT pulse_tick();
SELECT results_eq('SELECT total_trades, win_rate, profit_factor, average_win, average_loss, trades_per_day, realized_pnl, total_pnl FROM pulse_performance()',
	'VALUES (3::bigint, 2 / 3::float8, 1.4::float8, 7::float8, 10::float8, 1::float8, 10::numeric, 2.5)', 'the same after the tick');

-- where snapshots say nothing the ledger does
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('ledger', '2026-01-01', 1000);
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('ledger', 'A', 'BUY', 2, 10, '2026-01-01'), ('ledger', 'A', 'SELL', 1, 13, '2026-01-02');
SELECT results_eq($$SELECT position_count, unrealized_pnl, realized_pnl, total_pnl FROM pulse_performance('ledger')$$,
	'VALUES (1, 3::numeric, 3::numeric, 6::numeric)', 'positions and both kinds of profit at the price of the last fill');
INSERT INTO portfolio_snapshots (portfolio, ts, total_value, realized_pnl, unrealized_pnl) VALUES ('untraded', '2026-01-01', 1, 5, 6);
SELECT results_eq($$SELECT realized_pnl, unrealized_pnl, total_pnl, position_count FROM pulse_performance('untraded')$$,
	'VALUES (5::numeric, 6::numeric, 11::numeric, NULL::int)', 'without trades the snapshot is believed');
DELETE FROM portfolio_snapshots WHERE portfolio IN ('ledger', 'untraded');
DELETE FROM trades WHERE portfolio = 'ledger';

-- a second portfolio that joins on the second day: each step weighted with the values at its beginning
INSERT INTO portfolio_snapshots (portfolio, ts, total_value, cash_balance) VALUES
	('second', '2026-01-02 00:00Z', 900, 900), ('second', '2026-01-03 00:00Z', 990, 990), ('second', '2026-01-04 00:00Z', 891, 891);
SELECT results_eq('SELECT total_value, cash_balance FROM pulse_performance()', 'VALUES (2410::numeric, 1810::numeric)', 'money is summed up');
SELECT near(cumulative_return, 1.1 * (1 + (1100 * (-50 / 1100.0) + 900 * 0.1) / 2000) * (1 + (1550 * -0.02 + 990 * -0.1) / 2540) - 1,
	'returns are weighted with the values at the beginning') FROM pulse_performance(NULL);
SELECT near(cumulative_return, 1.1 * 0.9 - 1, 'one portfolio alone') FROM pulse_performance('second');
SELECT near(daily_return, (1550 * -0.02 + 990 * -0.1) / 2540, 'the last day of both') FROM pulse_performance();
SELECT results_eq('SELECT portfolio FROM pulse_portfolios()', $$VALUES ('main'), ('second')$$, 'which portfolios there are');
SELECT is((SELECT count(*)::int FROM pulse_performance('nobody')), 1, 'an unknown portfolio has a row');
SELECT is((SELECT total_value FROM pulse_performance('nobody')), NULL, 'of nothing');

-- snapshots at different times: the newest value of each counts
DELETE FROM portfolio_snapshots WHERE portfolio = 'second';
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('second', '2026-01-01 12:00Z', 500), ('second', '2026-01-03 12:00Z', 550);
SELECT near(cumulative_return, (1600 / 1500.0) * ((2050 - 500) / 1600.0) * (2100 / 2050.0) * (2069 / 2100.0) - 1,
	'values are carried forward, a newcomer is a deposit') FROM pulse_performance();
DELETE FROM portfolio_snapshots WHERE portfolio = 'second';

-- JSON
SELECT is(pulse.performance_data('main') -> 'total_value', '"1519"', 'money is a string');
SELECT is(jsonb_typeof(pulse.performance_data('main') -> 'sharpe'), 'number', 'a statistic a number');
SELECT is(pulse.performance_data('main') ->> 'ts', '2026-01-04T00:00:00.000000Z', 'a time is ISO 8601');
SELECT is(pulse.performance_data('nobody') -> 'sharpe', 'null', 'undefined is null');
SELECT is((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(pulse.performance_data('main')) k),
	(SELECT array_agg(attname::text ORDER BY attname::text) FROM (SELECT unnest(proargnames[2:]) AS attname FROM pg_proc WHERE proname = 'pulse_performance') x),
	'and all columns are there');
SELECT is((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(pulse_portfolio('main')) k),
	ARRAY['cash_balance', 'net_flow', 'position_count', 'positions', 'positions_value', 'realized_pnl', 'total_value', 'ts', 'unrealized_pnl'], 'PORTFOLIO_UPDATE as the contract has it');
SELECT is(pulse_portfolio('main') #> '{positions,0}' ->> 'symbol', 'C', 'open positions only');
SELECT is(pulse_portfolio('main') #> '{positions,0}' ->> 'market_value', '50', 'with their value');

-- odd values
CREATE TABLE odd (at timestamp PRIMARY KEY, worth float8, label text);
INSERT INTO odd VALUES ('2026-01-01', 100), ('2026-01-02', NULL), ('2026-01-03', 110);
SELECT pulse_attach('odd', 'snapshots', '{"ts": "at", "total_value": "worth", "portfolio": {"value": "odd"}}', 'UTC');
SELECT near(cumulative_return, 0.1, 'a NULL value is skipped') FROM pulse_performance('odd');
INSERT INTO odd VALUES ('2026-01-04', 'NaN');
SELECT is((SELECT cumulative_return::text FROM pulse_performance('odd')), 'NaN', 'NaN is not hidden');
SELECT is(pulse.performance_data('odd') -> 'cumulative_return', 'null', 'in JSON it is null');
SELECT lives_ok($$SELECT pulse_snapshot('odd'), pulse_portfolio_chart(1000000, 500, 'odd'), pulse_performance_report(30, 'odd')$$, 'and breaks nothing');
SELECT pulse_detach('odd');
-- a name that looks like a parameter stays a name
SELECT pulse_attach('odd', 'snapshots', '{"ts": "at", "total_value": "worth", "portfolio": {"value": "$1''; $2"}}', 'UTC');
DELETE FROM odd WHERE worth = 'NaN';
SELECT near(cumulative_return, 0.1, 'a name like a parameter') FROM pulse_performance('$1''; $2');
SELECT ok((SELECT count(*) = 1 FROM pulse_portfolios() WHERE portfolio = '$1''; $2'), 'is a name in the list');
SELECT lives_ok('SELECT pulse_performance(), pulse_portfolio_chart(1000000), pulse_performance_report()', 'and harmless among others');
SELECT pulse_detach('odd');

-- periods
TRUNCATE portfolio_snapshots, trades;
INSERT INTO portfolio_snapshots (ts, total_value) SELECT now() - i * interval '1 hour', 1000 + i FROM generate_series(0, 24 * 60) i;
INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES ('A', 'BUY', 1, 10, now() - interval '50 days'), ('A', 'SELL', 1, 20, now() - interval '40 days'),
	('A', 'BUY', 1, 10, now() - interval '5 days'), ('A', 'SELL', 1, 13, now() - interval '4 days');
SELECT results_eq($$SELECT j -> 'total_trades', j -> 'best_trade', j #> '{symbols,0,net_pnl}' FROM (SELECT pulse_performance_report() -> 'trading' AS j) x$$,
	$$VALUES ('1'::jsonb, '"3"'::jsonb, '"3"'::jsonb)$$, 'a report counts the trades closed in its days');
SELECT near((pulse_performance_report(30) #>> '{returns,total_return}')::float8, 1000 / (1000 + 24 * 30)::float8 - 1, 'and starts from the last value before them');
SELECT is((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(pulse_performance_report()) k), ARRAY['alerts', 'benchmark', 'health', 'kind', 'performers', 'period', 'positions', 'previous', 'recommendations', 'returns', 'risk', 'targets', 'trading'], 'parts of a report');
SELECT throws_ok('SELECT pulse_performance_report(0)', '22023', NULL, 'no days');
SELECT throws_ok('SELECT pulse_performance_report(NULL)', '22023', NULL, 'nor NULL');
SELECT results_eq('SELECT timeframe, trades FROM pulse_performance_breakdown()', $$VALUES
	('1h', 0::bigint), ('4h', 0), ('24h', 0), ('7d', 1), ('30d', 1), ('90d', 2), ('1y', 2), ('all', 2)$$, 'the breakdown has every frame');
SELECT near(total_return, 1000 / 1024.0 - 1, 'of a day') FROM pulse_performance_breakdown() WHERE timeframe = '24h';
SELECT near(pnl, -24, 'in money') FROM pulse_performance_breakdown() WHERE timeframe = '24h';

-- targets
SELECT results_eq('SELECT target, goal FROM pulse_targets()', $$VALUES ('annual_return', 0.28::float8), ('max_drawdown', 0.15), ('sharpe', 1.8), ('win_rate', 0.65)$$, 'the goals');
SELECT results_eq($$SELECT actual, progress, on_track FROM pulse_targets() WHERE target = 'win_rate'$$, 'VALUES (1::float8, 1 / 0.65::float8, true)', 'a goal that is met');
SELECT results_eq($$SELECT on_track FROM pulse_targets() WHERE target IN ('annual_return', 'max_drawdown')$$, 'VALUES (false), (false)', 'one that is not, and a limit that is broken');
UPDATE pulse.target SET goal = 0.9 WHERE metric = 'max_drawdown';
SELECT ok((SELECT on_track FROM pulse_targets() WHERE target = 'max_drawdown'), 'a limit that is kept');
SELECT ok((SELECT required_pace > 0.28 FROM pulse_targets() WHERE target = 'annual_return'), 'what was lost has to be made up for');
SELECT * FROM finish();
