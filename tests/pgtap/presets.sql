-- Bots that keep their own tables: freqtrade, hummingbot, crypto-pulse-v3, followed by polling.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(42);

-- alerts about these trades would be counted among their events
UPDATE pulse.job SET enabled = false WHERE name = 'alerts';
SELECT throws_ok($$SELECT pulse_attach_preset('zenbot')$$, '22023', NULL, 'an unknown bot');
SELECT throws_ok($$SELECT pulse_attach_preset('freqtrade')$$, '42P01', 'there is no table public.orders', 'no tables of that bot');

-- freqtrade
CREATE SCHEMA ft;
CREATE TYPE ft.tradingmode AS ENUM ('SPOT', 'MARGIN', 'FUTURES');
CREATE TABLE ft.trades (id serial PRIMARY KEY, exchange varchar(25) NOT NULL, pair varchar(25) NOT NULL, base_currency varchar(25), stake_currency varchar(25),
	is_open boolean NOT NULL DEFAULT true, fee_open double precision NOT NULL, fee_open_cost double precision, fee_open_currency varchar(25),
	fee_close double precision NOT NULL, fee_close_cost double precision, fee_close_currency varchar(25), open_rate double precision, open_rate_requested double precision,
	open_trade_value double precision, close_rate double precision, close_rate_requested double precision, realized_profit double precision DEFAULT 0,
	close_profit double precision, close_profit_abs double precision, stake_amount double precision, max_stake_amount double precision, amount double precision,
	amount_requested double precision, open_date timestamp NOT NULL, close_date timestamp, stop_loss double precision, stop_loss_pct double precision,
	initial_stop_loss double precision, initial_stop_loss_pct double precision, is_stop_loss_trailing boolean DEFAULT false, max_rate double precision,
	min_rate double precision, exit_reason varchar(255), exit_order_status varchar(100), strategy varchar(100), enter_tag varchar(255), timeframe integer,
	trading_mode ft.tradingmode, amount_precision double precision, price_precision double precision, precision_mode integer, precision_mode_price integer,
	contract_size double precision, leverage double precision DEFAULT 1, is_short boolean NOT NULL DEFAULT false, liquidation_price double precision,
	interest_rate double precision NOT NULL DEFAULT 0, funding_fees double precision, funding_fee_running double precision, record_version integer DEFAULT 2);
CREATE INDEX ix_trades_pair ON ft.trades (pair);
CREATE INDEX ix_trades_is_open ON ft.trades (is_open);
CREATE TABLE ft.orders (id int PRIMARY KEY, ft_trade_id int REFERENCES ft.trades, ft_order_side varchar(25) NOT NULL, ft_pair varchar(25) NOT NULL,
	ft_is_open boolean NOT NULL DEFAULT true, ft_amount double precision NOT NULL, ft_price double precision NOT NULL, ft_cancel_reason varchar(255),
	order_id varchar(255) NOT NULL, status varchar(255), symbol varchar(25), order_type varchar(50), side varchar(25), price double precision,
	average double precision, amount double precision, filled double precision, remaining double precision, cost double precision, stop_price double precision,
	order_date timestamp, order_filled_date timestamp, order_update_date timestamp, funding_fee double precision, ft_fee_base double precision,
	CONSTRAINT _order_pair_order_id UNIQUE (ft_pair, order_id));
INSERT INTO ft.trades (id, exchange, pair, fee_open, fee_close, open_date, strategy, is_short, close_profit_abs) VALUES
	(1, 'binance', 'BTC/USDT', 0.001, 0.001, '2026-01-01', 'Trend', false, 19.78), (2, 'binance', 'ETH/USDT:USDT', 0.001, 0.002, '2026-01-01', 'Fade', true, NULL);
UPDATE ft.trades SET is_open = close_profit_abs IS NULL, trading_mode = CASE WHEN is_short THEN 'FUTURES' ELSE 'SPOT' END::ft.tradingmode;
INSERT INTO ft.orders (id, ft_trade_id, ft_order_side, ft_pair, ft_is_open, ft_amount, ft_price, order_id, status, order_type, price, average, filled, order_date, order_filled_date, ft_fee_base) VALUES
	(1, 1, 'buy', 'BTC/USDT', false, 1, 100, 'x1', 'closed', 'limit', 100, 100, 1, '2026-01-01 00:00', '2026-01-01 00:01', NULL),
	(2, 1, 'sell', 'BTC/USDT', false, 1, 120, 'x2', 'closed', 'market', NULL, 120, 1, '2026-01-01 02:00', '2026-01-01 02:00', NULL),
	(3, 1, 'buy', 'BTC/USDT', false, 1, 90, 'x3', 'canceled', 'limit', 90, NULL, 0, '2026-01-01 03:00', NULL, NULL),
	(4, 2, 'sell', 'ETH/USDT:USDT', false, 2, 10, 'x4', 'closed', 'limit', 10, 10, 2, '2026-01-01 00:00', '2026-01-01 00:00', NULL),
	(5, 2, 'stoploss', 'ETH/USDT:USDT', true, 2, 12, 'x5', 'open', 'stop', NULL, NULL, NULL, '2026-01-01 00:00', NULL, NULL);
SELECT lives_ok($$SELECT pulse_attach_preset('freqtrade', 'ft')$$, 'freqtrade is followed');
SELECT is((SELECT count(*)::int FROM pg_trigger WHERE tgrelid IN ('ft.orders'::regclass, 'ft.trades'::regclass) AND tgname LIKE 'pulse%'), 0, 'without triggers');
SELECT pulse_tick();
SELECT results_eq('SELECT symbol, side, net_pnl, strategy, opened_at FROM pulse_closed_trades()',
	$$VALUES ('BTC/USDT', 'LONG', 19.78, 'Trend', '2026-01-01 00:01Z'::timestamptz)$$, 'fees are ratios, times are UTC, the result is the bot''s own');
SELECT results_eq('SELECT symbol, quantity, fees FROM pulse_positions() WHERE quantity <> 0', $$VALUES ('ETH/USDT:USDT', -2::numeric, 0.02)$$, 'a short position with the fee of its entry');
SELECT is((SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT'), 0, 'history is not announced');
SELECT is_empty('SELECT * FROM pulse_reconcile()', 'nothing differs from the bot''s own profit');
SELECT is((SELECT count(*)::int FROM pulse_reconcile(everything => true)), 1, 'of the one trade that has any');
-- the stop is hit: the order changes in place
UPDATE ft.orders SET ft_is_open = false, average = 12, filled = 2, order_filled_date = '2026-01-02', status = 'closed' WHERE id = 5;
SELECT pulse_tick();
SELECT results_eq($$SELECT gross_pnl, fees FROM pulse_closed_trades() WHERE symbol LIKE 'ETH%'$$, 'VALUES (-4::numeric, 0.068)', 'a stop loss is the exit side');
SELECT is((SELECT data ->> 'side' FROM pulse.event WHERE type = 'TRADE_ALERT'), 'BUY', 'and news, unlike what was filled before the bot was followed');
INSERT INTO ft.orders (id, ft_trade_id, ft_order_side, ft_pair, ft_is_open, ft_amount, ft_price, order_id, order_type, average, filled, order_date, order_filled_date, ft_fee_base)
	SELECT 6, 1, 'buy', 'BTC/USDT', false, 1, 100, 'x6', 'limit', 100, 1, t, t, 0.001 FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS t) x;
SELECT pulse_tick();
SELECT is((SELECT data ->> 'quantity' FROM pulse.event WHERE type = 'TRADE_ALERT' ORDER BY seq DESC LIMIT 1), '0.999', 'a new one is, less its fee in base currency');
SELECT is((pulse_tick() ->> 'events')::int, 0, 'what has not changed is no event');
-- a partly filled order grows
UPDATE ft.orders SET filled = 2 WHERE order_id = 'x6';
SELECT pulse_tick();
SELECT is((SELECT quantity FROM pulse_positions() WHERE symbol = 'BTC/USDT'), 1.999, 'partial fills are cumulative');
SELECT is((SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT'), 2, 'and one fill');
-- what the bot says of its profit
INSERT INTO ft.trades (id, exchange, pair, is_open, fee_open, fee_close, open_date, strategy, realized_profit, close_profit_abs, funding_fees, is_short) VALUES
	(10, 'binance', 'SOL/USDT', true, 0.001, 0.001, '2026-01-03', 'Trend', 9.78, NULL, NULL, false), (11, 'binance', 'XRP/USDT:USDT', false, 0, 0, '2026-01-03', 'Fade', 0, 1.5, 0.5, true),
	(12, 'binance', 'ADA/USDT', false, 0, 0, '2026-01-03', 'Trend', 0, 7, NULL, false);
INSERT INTO ft.orders (id, ft_trade_id, ft_order_side, ft_pair, ft_is_open, ft_amount, ft_price, order_id, order_type, average, filled, order_date, order_filled_date)
	SELECT x.id, x.trade, x.side, 'p', false, x.q, x.p, 'r' || x.id, 'limit', x.p, x.q, t, t + x.id * interval '1 second' FROM (SELECT timestamp '2026-01-03' AS t) y CROSS JOIN
	(VALUES (30, 10, 'buy', 1, 100), (31, 10, 'buy', 1, 110), (32, 10, 'sell', 1, 115), (33, 11, 'sell', 1, 10), (34, 11, 'buy', 1, 9), (35, 12, 'buy', 1, 5), (36, 12, 'sell', 1, 11)) x (id, trade, side, q, p);
UPDATE pulse.source SET compared_at = now() - interval '2 hours';
SELECT pulse_tick();
SELECT results_eq('SELECT bot, source, portfolio, item, symbol, measure, theirs, ours, difference, note FROM pulse_reconcile()', $$VALUES
	('freqtrade', 'ft.orders', 'main', 'trade 11', 'XRP/USDT:USDT', 'close_profit_abs', 1.5, 1::numeric, -0.5, 'the bot counts funding of 0.5, which no fill shows'),
	('freqtrade', 'ft.orders', 'main', 'trade 12', 'ADA/USDT', 'close_profit_abs', 7, 6, -1, NULL)$$, 'differences are listed, with what explains them; partial exits agree');
SELECT is((SELECT count(*)::int FROM pulse_reconcile(tolerance => 0.7)), 1, 'only what is larger than the tolerance');
SELECT throws_ok('SELECT * FROM pulse_reconcile(-1)', '22023', NULL, 'a negative tolerance');
DELETE FROM ft.orders WHERE id >= 30;
UPDATE pulse.source SET compared_at = now() - interval '2 hours';
SELECT pulse_tick();
-- a migration of the bot
ALTER TABLE ft.orders RENAME TO orders_bak;
SELECT is((pulse_tick() ->> 'failures')::int, 0, 'a table that is renamed is no error');
SELECT is((SELECT quantity FROM pulse_positions() WHERE symbol = 'BTC/USDT'), 1.999, 'nothing is forgotten');
CREATE TABLE ft.orders (LIKE ft.orders_bak INCLUDING ALL);
ALTER TABLE ft.orders ADD ft_order_tag varchar(255);
INSERT INTO ft.orders SELECT * FROM ft.orders_bak;
DROP TABLE ft.orders_bak;
INSERT INTO ft.orders (id, ft_trade_id, ft_order_side, ft_pair, ft_is_open, ft_amount, ft_price, order_id, order_type, average, filled, order_date, order_filled_date)
	SELECT 100, 1, 'sell', 'BTC/USDT', false, 1, 100, 'x7', 'limit', 110, 1.999, t, t FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS t) x;
SELECT pulse_tick();
SELECT is((SELECT quantity FROM pulse_positions() WHERE symbol = 'BTC/USDT'), 0::numeric, 'the new table is read by its name');
SELECT is((SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT' AND data ->> 'order_id' = 'x7'), 1, 'and its new order is news');
-- something old is deleted; the hourly comparison finds it
DELETE FROM ft.orders WHERE id IN (1, 2);
UPDATE pulse.source SET compared_at = now() - interval '2 hours';
SELECT pulse_tick();
SELECT is((SELECT count(*)::int FROM pulse_closed_trades() WHERE closed_at < '2026-01-02'), 0, 'what is deleted is found within the hour');
ALTER TABLE ft.orders DROP COLUMN average;
SELECT ok((pulse_tick() ->> 'failures')::int > 0, 'a table of another shape is an error');
SELECT matches((SELECT message FROM pulse_health_check('data')), 'average', 'that health shows');
SELECT pulse_detach('ft.orders');

-- hummingbot
CREATE SCHEMA hb;
CREATE TABLE hb."Order" (id text PRIMARY KEY);
INSERT INTO hb."Order" SELECT 'o' || n FROM generate_series(1, 9) n;
CREATE TABLE hb."TradeFill" (config_file_path text NOT NULL, strategy text NOT NULL, market text NOT NULL, symbol text NOT NULL, base_asset text NOT NULL,
	quote_asset text NOT NULL, timestamp bigint NOT NULL, order_id text NOT NULL REFERENCES hb."Order", trade_type text NOT NULL, order_type text NOT NULL, price bigint NOT NULL,
	amount bigint NOT NULL, leverage int NOT NULL DEFAULT 1, trade_fee json NOT NULL, trade_fee_in_quote bigint, exchange_trade_id text NOT NULL, position text DEFAULT 'NIL',
	PRIMARY KEY (market, order_id, exchange_trade_id));
INSERT INTO hb."TradeFill" (config_file_path, strategy, market, symbol, base_asset, quote_asset, timestamp, order_id, trade_type, order_type, price, amount, trade_fee, trade_fee_in_quote, exchange_trade_id) VALUES
	('pmm.yml', 'pure_market_making', 'binance', 'SOL-USDT', 'SOL', 'USDT', 1767225600123, 'o1', 'BUY', 'LIMIT', 150500000, 2000000, '{"fee_type": "AddedToCost", "percent": "0.001", "flat_fees": []}', 301000, 't1'),
	('pmm.yml', 'pure_market_making', 'binance', 'SOL-USDT', 'SOL', 'USDT', 1767229200000, 'o2', 'SELL', 'LIMIT', 151500000, 2000000, '{"fee_type": "DeductedFromReturns", "percent": "0.001", "flat_fees": [{"token": "USDT", "amount": "0.1"}, {"token": "BNB", "amount": "7"}]}', 0, 't2');
SELECT lives_ok($$SELECT pulse_attach_preset('hummingbot', 'hb')$$, 'hummingbot is followed');
SELECT pulse_tick();
SELECT results_eq($$SELECT symbol, quantity, entry_price, exit_price, gross_pnl, fees, opened_at, strategy FROM pulse_closed_trades(portfolio => 'pmm.yml')$$,
	$$VALUES ('SOL-USDT', 2::numeric, 150.5, 151.5, 2::numeric, 0.301 + 0.303 + 0.1, '2026-01-01 00:00:00.123Z'::timestamptz, 'pure_market_making')$$,
	'millionths, milliseconds, a fee from its JSON where none is given, the configuration as portfolio');
SELECT is_empty('SELECT * FROM pulse_reconcile()', 'the fees that the bot keeps twice agree');
INSERT INTO hb."TradeFill" (config_file_path, strategy, market, symbol, base_asset, quote_asset, timestamp, order_id, trade_type, order_type, price, amount, trade_fee, trade_fee_in_quote, exchange_trade_id) VALUES
	('pmm.yml', 'pure_market_making', 'binance', 'SHIB-USDT', 'SHIB', 'USDT', 1767225600123, 'o3', 'BUY', 'LIMIT', 8, 1000000000000, '{"percent": "0"}', 0, 't3'),
	('pmm.yml', 'pure_market_making', 'binance', 'SOL-USDT', 'SOL', 'USDT', 1767225600124, 'o4', 'BUY', 'LIMIT', 100000000, 1000000, '{"percent": "0", "flat_fees": [{"token": "BNB", "amount": "0.01"}]}', 0, 't4'),
	('pmm.yml', 'pure_market_making', 'binance', 'SOL-USDT', 'SOL', 'USDT', 1767225600125, 'o5', 'SELL', 'LIMIT', 110000000, 1000000, '{"percent": "0", "flat_fees": [{"token": "SOL", "amount": "0.01"}]}', 0, 't5'),
	('pmm.yml', 'pure_market_making', 'binance', 'ETH-USDT', 'ETH', 'USDT', 1767225600126, 'o6', 'BUY', 'LIMIT', 100000000, 1000000, '{"percent": "0.001"}', 500000, 't6');
CREATE TABLE hb."Executors" (id text PRIMARY KEY, timestamp double precision NOT NULL, type text NOT NULL, close_type integer, close_timestamp bigint, status integer NOT NULL,
	config json NOT NULL, net_pnl_pct double precision NOT NULL, net_pnl_quote double precision NOT NULL, cum_fees_quote double precision NOT NULL,
	filled_amount_quote double precision NOT NULL, is_active boolean NOT NULL, is_trading boolean NOT NULL, custom_info json NOT NULL, controller_id text);
INSERT INTO hb."Executors" VALUES ('e1', 1, 'position_executor', 1, 2, 4, '{}', 0, 1.296, 0.704, 604, false, false, '{"order_ids": ["o1", "o2"]}'), ('e2', 1, 'position_executor', 1, 2, 4, '{}', 0, 10, 0, 0, false, false, '{"order_ids": ["o4", "o5"]}'),
	('e3', 1, 'position_executor', NULL, NULL, 2, '{}', 0, 77, 0, 0, true, true, '{"order_ids": ["o6"]}'), ('e4', 1, 'position_executor', 1, 2, 4, '{}', 0, 0, 0, 0, false, false, '{}');
UPDATE pulse.source SET compared_at = now() - interval '2 hours';
SELECT pulse_tick();
SELECT results_eq('SELECT item, measure, theirs, ours, difference FROM pulse_reconcile()', $$VALUES
	('executor e2', 'net_pnl_quote', 10::numeric, 8.9, -1.1), ('binance/t6/o6', 'trade_fee_in_quote', 0.5, 0.1, -0.4)$$, 'executors and fees that differ');
SELECT results_eq($$SELECT fee, fee_asset FROM pulse.fill WHERE order_id IN ('o4', 'o5') ORDER BY order_id$$, $$VALUES (0.01, 'BNB'), (1.1, NULL)$$, 'flat fees in a third asset stay in it, in the base asset count at the price');
SELECT results_eq($$SELECT portfolio, kind, symbol FROM pulse_data_quality(36500) WHERE source = 'hb."TradeFill"'$$, $$VALUES ('pmm.yml', 'coarse price', 'SHIB-USDT')$$, 'a price that the bot has cut short');
SELECT throws_ok($$SELECT pulse_attach_preset('hummingbot', 'ft')$$, '42P01', NULL, 'not in a schema without its table');

-- crypto-pulse-v3
CREATE SCHEMA cp;
CREATE TABLE cp.trades (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), symbol varchar(20) NOT NULL, exchange_order_id varchar(100) UNIQUE, side varchar(10) NOT NULL,
	order_type varchar(20), status varchar(20), quantity numeric(20,8), price numeric(20,8), filled_quantity numeric(20,8) DEFAULT 0, average_fill_price numeric(20,8),
	created_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'), executed_at timestamp, updated_at timestamp, commission numeric(20,8) DEFAULT 0, commission_asset varchar(10), stop_loss_price numeric(20,8), take_profit_price numeric(20,8));
CREATE TABLE cp.portfolio_snapshots (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), timestamp timestamp NOT NULL, total_value numeric(20,8), cash_balance numeric(20,8),
	positions_value numeric(20,8), daily_return numeric(10,6), sharpe_ratio numeric(10,4), max_drawdown numeric(10,6), var_95 numeric(20,8));
INSERT INTO cp.trades (symbol, exchange_order_id, side, status, quantity, filled_quantity, average_fill_price, executed_at, commission, commission_asset) VALUES
	('BTCUSDT', 'a', 'BUY', 'FILLED', 1, 1, 100, '2026-01-01', 0.1, 'USDT'), ('BTCUSDT', 'b', 'BUY', 'PENDING', 1, 0, NULL, NULL, 0, NULL);
INSERT INTO cp.portfolio_snapshots (timestamp, total_value, cash_balance, positions_value, sharpe_ratio) VALUES ('2026-01-01', 1000, 900, 100, 99), ('2026-01-02', 1100, 900, 200, 99);
UPDATE cp.trades SET created_at = created_at - interval '10 minutes' WHERE exchange_order_id = 'b';
UPDATE cp.portfolio_snapshots SET max_drawdown = 0 WHERE timestamp = '2026-01-02';
SELECT lives_ok($$SELECT pulse_attach_preset('crypto-pulse-v3', 'cp', 'v3')$$, 'crypto-pulse-v3 is followed');
SELECT pulse_tick();
SELECT results_eq($$SELECT total_value, cash_balance, round(cumulative_return::numeric, 10), sharpe FROM pulse_performance('v3')$$,
	'VALUES (1100::numeric, 900::numeric, 0.1, NULL::float8)', 'snapshots, its ratios computed anew');
SELECT results_eq($$SELECT portfolio, kind, symbol, key = (SELECT id::text FROM cp.trades WHERE status = 'PENDING') FROM pulse_data_quality(portfolio => 'v3')$$, $$VALUES ('v3', 'stale order', 'BTCUSDT', true)$$, 'an order that is pending for too long');
SELECT results_eq($$SELECT bot, portfolio, measure, theirs, ours FROM pulse_reconcile() WHERE bot = 'crypto-pulse-v3'$$, $$VALUES
	('crypto-pulse-v3', 'v3', 'positions_value', 200::numeric, 100::numeric), ('crypto-pulse-v3', 'v3', 'sharpe_ratio', 99, NULL), ('crypto-pulse-v3', 'v3', 'total_value', 100, -0.1)$$, 'what it says of itself that its rows do not bear out');
SELECT results_eq($$SELECT quantity, average_price, fees FROM pulse_positions('v3')$$, 'VALUES (1::numeric, 100::numeric, 0.1)', 'filled orders only');
UPDATE cp.trades SET status = 'FILLED', filled_quantity = 0.4, average_fill_price = 110, updated_at = clock_timestamp() AT TIME ZONE 'UTC', commission = 0.04, commission_asset = 'USDT' WHERE exchange_order_id = 'b';
SELECT pulse_tick();
SELECT is((SELECT quantity FROM pulse_positions('v3')), 1.4, 'an order that is filled in part');
UPDATE cp.trades SET filled_quantity = 1 WHERE exchange_order_id = 'b';
SELECT pulse_tick();
SELECT is((SELECT quantity FROM pulse_positions('v3')), 2::numeric, 'and then wholly');
INSERT INTO cp.portfolio_snapshots (timestamp, total_value) VALUES (clock_timestamp() AT TIME ZONE 'UTC', 1210);
SELECT pulse_tick();
-- updates of one portfolio are spaced
SELECT pg_sleep(0.15);
SELECT pulse_tick();
SELECT is((SELECT data ->> 'total_value' FROM pulse.event WHERE type = 'PORTFOLIO_UPDATE' AND portfolio = 'v3' ORDER BY seq DESC LIMIT 1), '1210', 'a new snapshot is an event');
SELECT is((SELECT count(*)::int FROM pulse.finding), 0, 'nothing is wrong with any of it');

-- polling of any table
CREATE TABLE polled (id int PRIMARY KEY, executed_at timestamptz, symbol text, side text, quantity numeric, price numeric);
SELECT pulse_attach('polled', 'trades', '{"portfolio": {"value": "polled"}}', capture => 'poll');
INSERT INTO polled VALUES (1, clock_timestamp(), 'X', 'BUY', 1, 1);
SELECT pulse_tick();
SELECT is((SELECT quantity FROM pulse_positions('polled')), 1::numeric, 'pulse_attach polls as well');
SELECT * FROM finish();
