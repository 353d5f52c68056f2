-- Statistics of closed trades and fills: groupings, distributions, volume, turnover, holding times, excursions, fees.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(42);
SELECT is_empty('SELECT * FROM pulse_trade_statistics()', 'no trades');
SELECT is_empty('SELECT * FROM pulse_pnl_distribution()', 'nothing to distribute');
SELECT is_empty('SELECT * FROM pulse_holding_times()', 'nothing held');
SELECT is_empty('SELECT * FROM pulse_volume()', 'no volume');
SELECT is_empty('SELECT * FROM pulse_turnover()', 'no turnover');
SELECT is_empty('SELECT * FROM pulse_trade_excursions()', 'no excursions');
SELECT pulse_setup();
CREATE FUNCTION near(a float8, b float8, title text) RETURNS text LANGUAGE sql AS $$
	SELECT ok(abs(a - b) <= 1e-12 * greatest(1, abs(b)), format('%s: %s', title, a)) $$;

-- a Monday: three long trades of A by one strategy, +18, -12, +8 after fees of 2 each, and a short one of B, -22
INSERT INTO trades (symbol, side, quantity, price, fee, executed_at, strategy) SELECT v.symbol, v.side, v.quantity, v.price, 1, m.monday + v.at, v.strategy
	FROM (SELECT date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '7 days' AS monday) m
	CROSS JOIN (VALUES ('A', 'BUY', 2, 10, interval '9 hours', 'trend'), ('A', 'SELL', 2, 20, '10 hours', NULL),
		('A', 'BUY', 2, 20, '11 hours', 'trend'), ('A', 'SELL', 2, 15, '13 hours', NULL), ('A', 'BUY', 1, 10, '14 hours', 'trend'), ('A', 'SELL', 1, 20, '14 hours 30 min', NULL),
		('B', 'SELL', 1, 100, '33 hours', 'fade'), ('B', 'BUY', 1, 120, '37 hours', NULL)) v (symbol, side, quantity, price, at, strategy);
SELECT results_eq('SELECT item, trades, wins, losses, gross_pnl, fees, net_pnl, win_rate, profit_factor, average_win, average_loss, expectancy, max_consecutive_losses, best_trade, worst_trade, volume, average_holding, median_holding
	FROM pulse_trade_statistics()', $$VALUES ('all', 4::bigint, 2::bigint, 2::bigint, 0::numeric, 8::numeric, -8::numeric, 0.5::float8, 26 / 34::float8, 13::float8, 17::float8, -2::float8, 1::bigint, 18::numeric, -22::numeric,
	380::numeric, interval '1:52:30', interval '1:30:00')$$, 'all of them');
SELECT pulse_tick();
SELECT results_eq($$SELECT item, trades, net_pnl FROM pulse_trade_statistics('symbol')$$, $$VALUES ('A', 3::bigint, 14::numeric), ('B', 1, -22)$$, 'by symbol');
SELECT results_eq($$SELECT item, trades, net_pnl FROM pulse_trade_statistics('strategy')$$, $$VALUES ('fade', 1::bigint, -22::numeric), ('trend', 3, 14)$$, 'by strategy');
SELECT results_eq($$SELECT item, trades, net_pnl FROM pulse_trade_statistics('side')$$, $$VALUES ('LONG', 3::bigint, 14::numeric), ('SHORT', 1, -22)$$, 'by side');
SELECT results_eq($$SELECT item, trades, net_pnl FROM pulse_trade_statistics('Portfolio')$$, $$VALUES ('main', 4::bigint, -8::numeric)$$, 'by portfolio');
SELECT results_eq($$SELECT item, trades, net_pnl FROM pulse_trade_statistics('weekday')$$, $$VALUES ('1', 3::bigint, 14::numeric), ('2', 1, -22)$$, 'by weekday');
SELECT results_eq($$SELECT item, net_pnl FROM pulse_trade_statistics('hour')$$, $$VALUES ('10', 18::numeric), ('13', -34), ('14', 8)$$, 'by hour of the closing time');
SELECT results_eq($$SELECT item FROM pulse_trade_statistics('hour', timezone => 'Asia/Tokyo')$$, $$VALUES ('19'), ('22'), ('23')$$, 'of a time zone');
SELECT is((SELECT count(*)::int FROM pulse_trade_statistics('day')), 2, 'by day');
SELECT is_empty('SELECT * FROM pulse_trade_statistics(days => 1)', 'of the last day');
SELECT results_eq($$SELECT trades, net_pnl FROM pulse_trade_statistics(method => 'lifo')$$, 'VALUES (4::bigint, -8::numeric)', 'by another method');
SELECT throws_ok($$SELECT * FROM pulse_trade_statistics('moon')$$, '22023', NULL, 'by the moon');
SELECT throws_ok($$SELECT * FROM pulse_trade_statistics(timezone => 'Nowhere')$$, '22023', NULL, 'nowhere');
SELECT throws_ok($$SELECT * FROM pulse_trade_statistics(method => 'random')$$, '22023', NULL, 'by no method');

SELECT results_eq('SELECT bin, lower, upper, trades, share, net_pnl FROM pulse_pnl_distribution(4)', $$VALUES
	(1, -22::float8, -12::float8, 1::bigint, 0.25::float8, -22::numeric), (2, -12, -2, 1, 0.25, -12), (3, -2, 8, 0, 0, 0), (4, 8, 18, 2, 0.5, 26)$$, 'distribution of profits');
SELECT is((SELECT sum(trades)::int FROM pulse_pnl_distribution(measure => 'return')), 4, 'of returns');
SELECT is((SELECT sum(trades)::int FROM pulse_pnl_distribution(1000)), 4, 'in many bins');
SELECT throws_ok('SELECT * FROM pulse_pnl_distribution(0)', '22023', NULL, 'no bins');
SELECT throws_ok($$SELECT * FROM pulse_pnl_distribution(measure => 'x')$$, '22023', NULL, 'no such measure');
SELECT results_eq('SELECT outcome, trades, shortest, median, longest FROM pulse_holding_times()', $$VALUES
	('all', 4::bigint, interval '30 min', interval '1:30', interval '4 hours'), ('loss', 2, '2 hours', '3 hours', '4 hours'), ('win', 2, '30 min', '45 min', '1 hour')$$, 'holding times');
SELECT results_eq('SELECT fills, buys, sells, volume, buy_volume, sell_volume, average_fill, largest_fill FROM pulse_volume()', $$VALUES
	(6::bigint, 3::bigint, 3::bigint, 160::numeric, 70::numeric, 90::numeric, 26.6666666666666667, 40::numeric), (2, 1, 1, 220, 120, 100, 110, 120)$$, 'volume by day');
SELECT results_eq($$SELECT fills FROM pulse_volume('7 days', symbol => 'B')$$, 'VALUES (2::bigint)', 'by week, of a symbol');
SELECT throws_ok($$SELECT * FROM pulse_volume('1 month')$$, '22023', NULL, 'months are no buckets');
SELECT throws_ok($$SELECT * FROM pulse_volume('1 second')$$, '22023', NULL, 'nor are millions of them');
INSERT INTO portfolio_snapshots (ts, total_value) SELECT now() - n * interval '1 day', CASE WHEN n % 2 = 0 THEN 100 ELSE 280 END FROM generate_series(0, 9) n;
SELECT results_eq('SELECT fills, volume, average_equity, turnover, round(annual_turnover::numeric, 4) FROM pulse_turnover()',
	'VALUES (8::bigint, 380::numeric, 190::numeric, 2::float8, round(2 * 365 / 9.0, 4))', 'turnover of the capital, and of a year');

-- excursions: the first trade ran from 10 down to 8 and up to 25, and was sold at 20
SELECT pulse_mark('A', p, m.monday + at) FROM (SELECT date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '7 days' AS monday) m
	CROSS JOIN (VALUES (1, interval '8:59'), (8, '9:10'), (25, '9:50'), (99, '10:01'), (17, '11:30')) x (p, at);
SELECT results_eq('SELECT symbol, marks, mae, mfe, mae_amount, mfe_amount, round(captured::numeric, 12) FROM pulse_trade_excursions()', $$VALUES
	('A', 2::bigint, 0.2::float8, 1.5::float8, 4::numeric, 30::numeric, round(10 / 15.0, 12)), ('A', 1, 0.25, 0, 10, 0, NULL), ('A', 0, NULL, NULL, NULL, NULL, NULL), ('B', 0, NULL, NULL, NULL, NULL, NULL)$$,
	'what the price did while a trade was open, where it was told');
-- what is old is thinned out: lowest, highest and last of a minute stay
SELECT pulse_mark('T', p, date_trunc('hour', now(), 'UTC') - interval '3 days' + p * interval '5 seconds') FROM generate_series(1, 60) p;
SELECT pulse.thin_marks(now()), pulse.thin_marks(now()), pulse.thin_marks(now());
DO $$ BEGIN WHILE pulse.thin_marks(now()) IS NOT NULL LOOP END LOOP; END $$;
SELECT is((SELECT count(*)::int FROM pulse.mark_history WHERE symbol = 'T'), 11, 'prices of long ago are thinned out');
SELECT is((SELECT count(*)::int FROM pulse.mark_history WHERE symbol = 'A'), 5, 'but not what says something');
SELECT pulse_config_set('ledger.mark_retention', '2 days');
SELECT pulse.thin_marks(now());
SELECT is((SELECT count(*)::int FROM pulse.mark_history), 0, 'and removed in the end');

-- fees by asset
TRUNCATE trades;
INSERT INTO trades (symbol, side, quantity, price, fee, fee_asset, executed_at) VALUES ('BTCUSDT', 'BUY', 1, 100, 0.001, 'BTC', '2026-01-01'), ('BTCUSDT', 'BUY', 1, 200, 0.002, 'btc', '2026-01-01'),
	('BTCUSDT', 'BUY', 1, 200, 0.5, 'BNB', '2026-01-02'), ('BTCUSDT', 'BUY', 1, 200, 0, 'BNB', '2026-01-02'), ('BTCUSDT', 'BUY', 1, 200, -0.25, 'USDT', '2026-01-02'), ('BTCUSDT', 'BUY', 1, 100, 4, NULL, '2026-01-02');
SELECT pulse_tick();
SELECT results_eq('SELECT fee_asset, kind, fills, amount, quote_amount, unconverted, quote_asset FROM pulse_fees()', $$VALUES
	(NULL::text, 'quote', 1::bigint, 4::numeric, 4::numeric, 0::numeric, 'USDT'), ('BNB', 'other', 1, 0.5, NULL, 0.5, 'USDT'), ('BTC', 'base', 2, 0.003, 0.5, 0, 'USDT'), ('USDT', 'quote', 1, -0.25, -0.25, 0, 'USDT')$$,
	'fees by asset, third assets apart');
SELECT is((SELECT fees FROM pulse_positions() WHERE symbol = 'BTCUSDT'), 4.25, 'as the positions have them');
SELECT pulse_mark('BNB/USDT', 300, '2026-01-01 12:00'), pulse_mark('BNB/USDT', 999, '2026-01-02 00:01');
SELECT results_eq($$SELECT amount, quote_amount, unconverted FROM pulse_fees() WHERE kind = 'other'$$, 'VALUES (0.5, 150::numeric, 0::numeric)', 'a price of the time of the fill, not a later one, says what they were worth');
INSERT INTO trades (symbol, side, quantity, price, fee, fee_asset, executed_at) VALUES ('BTCUSDT', 'BUY', 1, 200, 1, 'BNB', '2026-02-01'), ('BNBUSDT', 'BUY', 1, 310, 0, NULL, '2026-02-02'), ('BTCUSDT', 'BUY', 1, 200, 1, 'BNB', '2026-02-02 01:00'),
	('ETHBTC', 'BUY', 1, 0.05, 10, 'USDT', '2026-02-02 02:00');
SELECT pulse_tick();
SELECT results_eq($$SELECT fee_asset, fills, amount, quote_amount, unconverted, quote_asset FROM pulse_fees() WHERE kind = 'other'$$, $$VALUES
	('BNB', 3::bigint, 2.5, 460::numeric, 1::numeric, 'USDT'), ('USDT', 1, 10, 0.05, 0, 'BTC')$$, 'a fill of that pair does as well, also the other way round; a price of long before does not');
SELECT is((SELECT sum(fills)::int FROM pulse_fees('2026-02-02')), 2, 'since a time');
SELECT is_empty($$SELECT * FROM pulse_fees(NULL, 'nobody')$$, 'of a portfolio');
SELECT results_eq($$SELECT (pulse.symbol_assets(s)).* FROM unnest(ARRAY['btcusdt', 'BTC/USDT:USDT', 'BTC-USD-PERP', 'ETHBTC', 'AAPL', 'USDT', 'BTCFDUSD', 'steth']) s$$, $$VALUES
	('BTC', 'USDT'), ('BTC', 'USDT'), ('BTC', 'USD'), ('ETH', 'BTC'), ('AAPL', NULL), ('USDT', NULL), ('BTC', 'FDUSD'), ('STETH', NULL)$$, 'the assets of a symbol');
SELECT * FROM finish();
