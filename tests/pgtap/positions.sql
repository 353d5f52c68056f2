-- Positions and closed trades: right before and after every tick, by every method, and only for who may read the trades.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(34);

SELECT is_empty('SELECT * FROM pulse_positions()', 'no table, no positions');
SELECT throws_ok($$SELECT * FROM pulse_positions('main', 'best')$$, '22023', $$unknown cost basis method: 'best'$$, 'an unknown method is refused even so');
SELECT throws_ok($$SELECT * FROM pulse_closed_trades(method => NULL)$$, '22023', NULL, 'NULL too');
SELECT pulse_setup();

-- the same before and after the tick
CREATE TABLE steps (n int PRIMARY KEY, statement text);
INSERT INTO steps VALUES
	(1, $$INSERT INTO trades (symbol, side, quantity, price, fee, executed_at) VALUES ('A', 'BUY', 2, 10, 0.2, '2026-01-01 00:00Z'), ('B', 'SELL', 3, 20, 0.3, '2026-01-01 00:00Z')$$),
	(2, $$INSERT INTO trades (symbol, side, quantity, price, fee, executed_at) VALUES ('A', 'SELL', 1, 12, 0.1, '2026-01-01 01:00Z')$$),
	(3, $$INSERT INTO trades (symbol, side, quantity, price, fee, executed_at) VALUES ('A', 'BUY', 1, 9, 0.1, '2026-01-01 00:30Z')$$),
	(4, $$UPDATE trades SET price = 21 WHERE symbol = 'B'$$),
	(5, $$INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('other', 'A', 'BUY', 1, 1, '2026-01-01 02:00Z')$$),
	(6, $$UPDATE trades SET symbol = 'C' WHERE price = 9$$),
	(7, $$INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES ('B', 'BUY', 5, 19, '2026-01-01 03:00Z')$$),
	(8, $$DELETE FROM trades WHERE symbol = 'C'$$),
	(9, $$TRUNCATE trades$$);
CREATE TABLE disagreements (n int, what text);
DO $$
DECLARE
	step record;
	before_positions text;
	before_trades text;
BEGIN
	FOR step IN SELECT * FROM steps ORDER BY n LOOP
		EXECUTE step.statement;
		-- the mark is written at the end of a transaction; this one stands for it
		INSERT INTO pulse.dirty (source_id, portfolio, min_ts, max_ts, marked_at)
			SELECT source_id, NULL, CASE WHEN step.n < 9 THEN '2026-01-01 00:00Z'::timestamptz END, CASE WHEN step.n < 9 THEN '2026-01-01 03:00Z'::timestamptz END, now()
			FROM pulse.source WHERE kind = 'trades';
		SELECT string_agg(p::text, E'\n' ORDER BY p::text) INTO before_positions FROM pulse_positions() p;
		SELECT string_agg(c::text, E'\n' ORDER BY c::text) INTO before_trades FROM pulse_closed_trades() c;
		PERFORM pulse.ledger_apply(s.source_id) FROM pulse.source s WHERE s.kind = 'trades';
		DELETE FROM pulse.dirty;
		INSERT INTO disagreements SELECT step.n, 'positions' WHERE before_positions IS DISTINCT FROM (SELECT string_agg(p::text, E'\n' ORDER BY p::text) FROM pulse_positions() p);
		INSERT INTO disagreements SELECT step.n, 'trades' WHERE before_trades IS DISTINCT FROM (SELECT string_agg(c::text, E'\n' ORDER BY c::text) FROM pulse_closed_trades() c);
	END LOOP;
END $$;
SELECT is_empty('SELECT * FROM disagreements', 'positions and closed trades are right before the tick as after it');

-- by portfolio and by method: 1 @ 10, 1 @ 30, 1 @ 20, then 1.5 sold @ 40
INSERT INTO trades (portfolio, symbol, side, quantity, price, fee, executed_at, strategy) VALUES
	('lots', 'X', 'BUY', 1, 10, 0.3, '2026-01-01', 'one'), ('lots', 'X', 'BUY', 1, 30, 0.3, '2026-01-02', 'two'),
	('lots', 'X', 'BUY', 1, 20, 0.3, '2026-01-03', 'three'), ('lots', 'X', 'SELL', 1.5, 40, 0.3, '2026-01-04', 'out'),
	('empty', 'X', 'BUY', 1, 1, 0, '2026-01-01', NULL);
SELECT results_eq($$SELECT average_price, realized_pnl, unrealized_pnl, fees FROM pulse_positions('lots')$$, 'VALUES (20::numeric, 30::numeric, 30::numeric, 1.2)', 'average cost');
SELECT results_eq($$SELECT average_price, realized_pnl, unrealized_pnl, fees FROM pulse_positions('lots', 'fifo')$$,
	'VALUES (23.3333333333333333::numeric, 35::numeric, 25::numeric, 1.2)', 'FIFO');
SELECT results_eq($$SELECT average_price, realized_pnl, unrealized_pnl, fees FROM pulse_positions('lots', 'LIFO')$$,
	'VALUES (16.6666666666666667::numeric, 25::numeric, 35::numeric, 1.2)', 'LIFO');
SELECT results_eq($$SELECT average_price, realized_pnl, unrealized_pnl, fees FROM pulse_positions('lots', 'hifo')$$,
	'VALUES (13.3333333333333333::numeric, 20::numeric, 40::numeric, 1.2)', 'HIFO');
SELECT is_empty($$SELECT * FROM pulse_closed_trades(portfolio => 'lots')$$, 'no round trip is complete');
SELECT results_eq($$SELECT side, quantity, entry_price, exit_price, gross_pnl, fees, net_pnl, opened_at::date, closed_at::date, strategy FROM pulse_closed_trades(method => 'fifo', portfolio => 'lots')$$, $$VALUES
	('LONG', 1::numeric, 10::numeric, 40::numeric, 30::numeric, 0.5, 29.5, '2026-01-01'::date, '2026-01-04'::date, 'one'),
	('LONG', 0.5, 30, 40, 5, 0.25, 4.75, '2026-01-02', '2026-01-04', 'two')$$, 'FIFO closes the oldest lots, entry and exit fees pro rata');
SELECT is((SELECT sum(gross_pnl) FROM pulse_closed_trades(method => 'hifo', portfolio => 'lots')), 20::numeric, 'HIFO the dearest');
SELECT is_empty($$SELECT * FROM pulse_closed_trades(since => '2026-01-05', method => 'fifo')$$, 'none since');
SELECT results_eq($$SELECT DISTINCT portfolio FROM pulse_positions() ORDER BY 1$$, $$VALUES ('empty'), ('lots')$$, 'NULL means all portfolios');
SELECT is_empty($$SELECT * FROM pulse_positions('nobody')$$, 'an unknown portfolio has none');
TRUNCATE trades;

-- fees in three kinds of asset
INSERT INTO trades (symbol, side, quantity, price, fee, fee_asset, executed_at) VALUES
	('BTCUSDT', 'BUY', 1, 100, 0.001, 'BTC', '2026-01-01'), ('BTCUSDT', 'SELL', 0.999, 110, 0.1, 'usdt', '2026-01-02'),
	('ETH/USDT', 'BUY', 1, 10, 0.5, 'BNB', '2026-01-01'), ('ETH/USDT', 'SELL', 1, 11, -0.01, NULL, '2026-01-02');
SELECT results_eq('SELECT symbol, quantity, realized_pnl, fees FROM pulse_positions()', $$VALUES
	('BTCUSDT', 0::numeric, 9.99, 0.2), ('ETH/USDT', 0, 1, -0.01)$$, 'base fees lessen the quantity, third assets stay apart, rebates count');
SELECT results_eq('SELECT symbol, net_pnl FROM pulse_closed_trades()', $$VALUES ('BTCUSDT', 9.79), ('ETH/USDT', 1.01)$$, 'net of what is known in quote currency');

-- equal times are ordered by id, as numbers
TRUNCATE trades;
INSERT INTO trades (id, symbol, side, quantity, price, executed_at) VALUES (10, 'X', 'SELL', 1, 12, '2026-01-01'), (9, 'X', 'BUY', 1, 10, '2026-01-01');
SELECT results_eq('SELECT side, gross_pnl FROM pulse_closed_trades()', $$VALUES ('LONG', 2::numeric)$$, 'nine comes before ten');
SELECT pulse_tick();
SELECT results_eq('SELECT side, gross_pnl FROM pulse_closed_trades()', $$VALUES ('LONG', 2::numeric)$$, 'stored as well');
SELECT results_eq('SELECT id FROM pulse_trades()', $$VALUES ('10'), ('9')$$, 'and listed newest first');

-- two tables with the same portfolio
CREATE TABLE more (id bigint PRIMARY KEY, executed_at timestamptz, symbol text, side text, quantity numeric, price numeric);
INSERT INTO more VALUES (1, '2026-01-02', 'X', 'BUY', 2, 5);
SELECT pulse_attach('more', 'trades');
SELECT results_eq('SELECT quantity, average_price, realized_pnl FROM pulse_positions()', 'VALUES (2::numeric, 5::numeric, 2::numeric)', 'sources add up');
SELECT pulse_detach('more');
SELECT results_eq('SELECT quantity, realized_pnl FROM pulse_positions()', 'VALUES (0::numeric, 2::numeric)', 'until one is let go');

-- who may read
CREATE ROLE positions_reader;
GRANT USAGE ON SCHEMA tap, public TO positions_reader;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('secret', 'Y', 'BUY', 1, 1, '2026-01-01');
SELECT pulse_tick();
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('secret', 'Z', 'BUY', 1, 1, '2026-01-01');
SET ROLE positions_reader;
SELECT is_empty('SELECT * FROM pulse_positions()', 'who may not read the trades sees no positions');
SELECT is_empty('SELECT * FROM pulse_closed_trades()', 'no closed trades');
SELECT is_empty('SELECT * FROM pulse_trades()', 'no fills');
SELECT is_empty('SELECT * FROM pulse.fill', 'not in the tables either');
SELECT is_empty($$SELECT * FROM pulse_closed_trades(method => 'fifo')$$, 'nor by another method');
SELECT throws_ok('DELETE FROM pulse.fill', '42501', NULL, 'and changes nothing');
SELECT throws_ok('SELECT pulse.ledger_apply(1)', '42501', NULL, 'nor has it changed');
RESET ROLE;
GRANT SELECT ON trades TO positions_reader;
SET ROLE positions_reader;
SELECT results_eq('SELECT DISTINCT portfolio FROM pulse_positions() ORDER BY 1', $$VALUES ('main'), ('secret')$$, 'who may, sees them');
RESET ROLE;
ALTER TABLE trades ENABLE ROW LEVEL SECURITY;
CREATE POLICY main_only ON trades FOR SELECT USING (portfolio = 'main');
SET ROLE positions_reader;
SELECT results_eq('SELECT DISTINCT portfolio FROM pulse_positions()', $$VALUES ('main')$$, 'row-level security hides a portfolio, processed and not');
SELECT results_eq('SELECT DISTINCT portfolio FROM pulse_trades()', $$VALUES ('main')$$, 'and its fills');
SELECT is_empty($$SELECT * FROM pulse.fill WHERE portfolio = 'secret'$$, 'in the tables as well');
SELECT is_empty($$SELECT * FROM pulse_positions('secret', 'lifo')$$, 'by every method');
SELECT is((pulse_snapshot() -> 'portfolios')::text, '["main"]', 'and in the snapshot');
RESET ROLE;
SELECT * FROM finish();
