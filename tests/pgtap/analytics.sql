-- Exposure, leverage, concentration, correlation, heatmap, symbols, months, drawdowns, marks, self-check.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(42);
SELECT is_empty('SELECT * FROM pulse_exposure()', 'nothing exposed without tables');
SELECT is_empty('SELECT * FROM pulse_drawdowns()', 'no drawdowns');
SELECT is_empty('SELECT * FROM pulse_verify()', 'nothing to verify');
SELECT is((SELECT count(*)::int FROM pulse_trading_heatmap()), 168, 'every cell of the heatmap');
SELECT pulse_setup();
CREATE FUNCTION near(a float8, b float8, title text) RETURNS text LANGUAGE sql AS $$
	SELECT ok(abs(a - b) <= 1e-12 * greatest(1, abs(b)), format('%s: %s', title, a)) $$;

INSERT INTO portfolio_snapshots (ts, total_value) VALUES (now() - interval '1 day', 900), (now(), 1000);
INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES
	('A', 'BUY', 3, 100, now() - interval '3 hours'), ('B', 'SELL', 2, 50, now() - interval '2 hours'), ('C', 'BUY', 1, 100, now() - interval '1 hour'),
	('D', 'BUY', 1, 1, now() - interval '1 hour'), ('D', 'SELL', 1, 2, now() - interval '1 hour');
SELECT results_eq('SELECT symbol, side, quantity, market_value, weight FROM pulse_exposure()', $$VALUES
	('A', 'LONG', 3::numeric, 300::numeric, 0.3::float8), ('B', 'SHORT', -2, -100, -0.1), ('C', 'LONG', 1, 100, 0.1)$$, 'exposure by size, shorts negative, closed ones not');
SELECT results_eq('SELECT equity, long_value, short_value, gross_exposure, net_exposure, gross_leverage, net_leverage FROM pulse_leverage()',
	'VALUES (1000::numeric, 400::numeric, 100::numeric, 500::numeric, 300::numeric, 0.5::float8, 0.3::float8)', 'leverage');
SELECT results_eq('SELECT position_count, largest_symbol, largest_share, round(herfindahl::numeric, 12), round(effective_positions::numeric, 12) FROM pulse_concentration()',
	$$VALUES (3::bigint, 'A', 0.6::float8, 0.44, round(1 / 0.44, 12))$$, 'concentration');
DELETE FROM portfolio_snapshots;
SELECT results_eq('SELECT equity, gross_exposure, gross_leverage FROM pulse_leverage()', 'VALUES (NULL::numeric, 500::numeric, NULL::float8)', 'without a snapshot no ratio');

-- marks
SELECT lives_ok($$SELECT pulse_mark('A', 110)$$, 'a mark');
SELECT results_eq($$SELECT mark_price, market_value, unrealized_pnl FROM pulse_positions() WHERE symbol = 'A'$$, 'VALUES (110::numeric, 330::numeric, 30::numeric)', 'values the position');
SELECT pulse_mark('A', 90, now() - interval '1 minute');
SELECT is((SELECT mark_price FROM pulse_positions() WHERE symbol = 'A'), 110::numeric, 'an older one is ignored');
SELECT pulse_mark('C', 1, now() - interval '1 day');
SELECT is((SELECT mark_price FROM pulse_positions() WHERE symbol = 'C'), 100::numeric, 'the last fill is newer than this one');
SELECT is((SELECT mark_price FROM pulse_positions(NULL, 'fifo') WHERE symbol = 'A'), 110::numeric, 'by every method');
SELECT throws_ok($$SELECT pulse_mark('A', -1)$$, '22023', NULL, 'a negative price');
SELECT throws_ok($$SELECT pulse_mark('A', 'NaN')$$, '22023', NULL, 'no price');
SELECT throws_ok($$SELECT pulse_mark('A', 1, 'infinity')$$, '22023', NULL, 'no time');
SELECT throws_ok($$SELECT pulse_mark(NULL, 1)$$, '22023', NULL, 'no symbol');

-- correlation: B moves with A, C against it
TRUNCATE trades;
INSERT INTO trades (symbol, side, quantity, price, executed_at)
	SELECT s.symbol, 'BUY', 1, CASE s.symbol WHEN 'A' THEN p WHEN 'B' THEN 2 * p ELSE 1e6 / p END, (current_date - 10 + n::int)::timestamp AT TIME ZONE 'UTC' + interval '12 hours'
	FROM unnest(ARRAY[100, 101, 99, 100, 103, 102]) WITH ORDINALITY x (p, n) CROSS JOIN unnest(ARRAY['A', 'B', 'C']) s (symbol);
SELECT pulse_tick();
SELECT near(correlation, 1, 'the same movement') FROM pulse_correlation_matrix() WHERE symbol_a = 'A' AND symbol_b = 'B';
SELECT ok((SELECT correlation < -0.999 FROM pulse_correlation_matrix() WHERE symbol_a = 'A' AND symbol_b = 'C'), 'the opposite movement');
SELECT is((SELECT count(*)::int FROM pulse_correlation_matrix()), 9, 'every pair');
SELECT is((SELECT min(observations)::int FROM pulse_correlation_matrix()), 5, 'over five days');

-- heatmap and symbols: a Monday, a week of fills
TRUNCATE trades;
INSERT INTO trades (symbol, side, quantity, price, fee, executed_at) SELECT v.symbol, v.side, v.quantity, v.price, 1, m.monday + v.at
	FROM (SELECT date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '7 days' AS monday) m
	CROSS JOIN (VALUES ('A', 'BUY', 2, 10, interval '9 hours 5 min'), ('A', 'SELL', 2, 15, '9 hours 50 min'), ('B', 'SELL', 1, 100, '33 hours'), ('B', 'BUY', 1, 120, '34 hours')) v (symbol, side, quantity, price, at);
SELECT pulse_tick();
SELECT results_eq('SELECT weekday, hour, trades, volume, pnl FROM pulse_trading_heatmap() WHERE trades > 0', $$VALUES
	(1, 9, 2::bigint, 50::numeric, 8::numeric), (2, 9, 1, 100, 0), (2, 10, 1, 120, -22)$$, 'fills, volume and net profit by weekday and hour');
SELECT results_eq($$SELECT weekday, hour FROM pulse_trading_heatmap(timezone => 'Asia/Tokyo') WHERE trades > 0$$, 'VALUES (1, 18), (2, 18), (2, 19)', 'of a time zone');
SELECT is((SELECT sum(trades)::int FROM pulse_trading_heatmap(1)), 0, 'none in the last day');
SELECT throws_ok('SELECT * FROM pulse_trading_heatmap(0)', '22023', NULL, 'no days');
SELECT throws_ok($$SELECT * FROM pulse_trading_heatmap(timezone => 'Nowhere')$$, '22023', NULL, 'no such zone');
SELECT results_eq('SELECT symbol, fills, volume, trades, gross_pnl, fees, net_pnl, win_rate, profit_factor, best_trade, worst_trade, average_holding FROM pulse_symbol_performance()', $$VALUES
	('A', 2::bigint, 50::numeric, 1::bigint, 10::numeric, 2::numeric, 8::numeric, 1::float8, NULL::float8, 8::numeric, 8::numeric, interval '45 minutes'),
	('B', 2, 220, 1, -20, 2, -22, 0, 0, -22, -22, interval '1 hour')$$, 'symbols, best first');
SELECT throws_ok('SELECT * FROM pulse_symbol_performance(NULL)', '22023', NULL, 'NULL days');

-- months and drawdowns: a deposit in between
INSERT INTO portfolio_snapshots (ts, total_value, net_flow) VALUES ('2026-01-15Z', 100, 0), ('2026-01-31Z', 110, 0), ('2026-02-10Z', 99, 0), ('2026-02-20Z', 198, 99),
	('2026-03-01Z', 220, 0), ('2026-03-15Z', 275, 0), ('2026-04-01Z', 264, 0);
SELECT results_eq('SELECT year, month, round(monthly_return::numeric, 12), end_value FROM pulse_monthly_returns()', $$VALUES
	(2026, 1, 0.1, 110::float8), (2026, 2, -0.1, 198), (2026, 3, round(275 / 198.0 - 1, 12), 275), (2026, 4, -0.04, 264)$$, 'months, without the deposit');
SELECT results_eq('SELECT rank, round(depth::numeric, 12), peak_at, trough_at, recovered_at, duration, time_to_trough, time_to_recover FROM pulse_drawdowns()', $$VALUES
	(1::bigint, 0.1, '2026-01-31Z'::timestamptz, '2026-02-10Z'::timestamptz, '2026-03-01Z'::timestamptz, interval '29 days', interval '10 days', interval '19 days'),
	(2, 0.04, '2026-03-15Z', '2026-04-01Z', NULL, interval '17 days', interval '17 days', NULL)$$, 'drawdowns, deepest first, one that lasts');
SELECT is((SELECT count(*)::int FROM pulse_drawdowns(1)), 1, 'no more than asked for');
SELECT near(depth, (SELECT max_drawdown FROM pulse_performance()), 'the deepest is the maximum drawdown') FROM pulse_drawdowns(1);

-- self-check
SELECT is_empty('SELECT * FROM pulse_verify()', 'all is right');
INSERT INTO trades (symbol, side, quantity, price) VALUES ('A', 'BUY', 1, 10);
SELECT is_empty('SELECT * FROM pulse_verify()', 'what the tick has not seen yet is no difference');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM pulse_verify()', 'and neither afterwards');
UPDATE pulse.position SET cost = cost + 1 WHERE symbol = 'A';
SELECT results_eq('SELECT "check", symbol FROM pulse_verify()', $$VALUES ('position', 'A')$$, 'a wrong position is found');
UPDATE pulse.position SET cost = cost - 1 WHERE symbol = 'A';
UPDATE pulse.closed_trade SET gross_pnl = gross_pnl + 0.01 WHERE symbol = 'B';
SELECT is((SELECT count(*)::int FROM pulse_verify() WHERE "check" = 'closed trade' AND symbol = 'B'), 2, 'a wrong trade: what is stored and what is right');
UPDATE pulse.closed_trade SET gross_pnl = gross_pnl - 0.01 WHERE symbol = 'B';
DELETE FROM pulse.fill WHERE symbol = 'B' AND side = 'BUY';
SELECT results_eq('SELECT "check", symbol, stored FROM pulse_verify()', $$VALUES ('fill', 'B', NULL::text)$$, 'a missing fill');
ALTER TABLE trades DISABLE TRIGGER ALL;
DELETE FROM trades WHERE symbol = 'A' AND side = 'SELL';
SELECT ok((SELECT bool_or(computed IS NULL) FROM pulse_verify() WHERE symbol = 'A'), 'a change behind the triggers'' back');
ALTER TABLE trades ENABLE ALWAYS TRIGGER pulse_capture;
INSERT INTO pulse.dirty (source_id, marked_at) SELECT source_id, now() FROM pulse.source WHERE kind = 'trades';
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM pulse_verify()', 'and the way to mend it');
UPDATE pulse.trade_state SET wins = wins + 1 WHERE day = '-infinity';
SELECT results_eq('SELECT DISTINCT "check" FROM pulse_verify() ORDER BY 1', $$VALUES ('figure'), ('sums of trades')$$, 'wrong sums of trades, and the figure that they make wrong');
UPDATE pulse.trade_state SET wins = wins - 1 WHERE day = '-infinity';
SELECT is_empty($$SELECT * FROM pulse_verify('nobody')$$, 'of one portfolio');
SELECT * FROM finish();
