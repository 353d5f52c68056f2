-- The stored ledger: whatever is inserted, corrected, moved or deleted, it equals a booking of all rows from the start.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(47);
SELECT setseed(0.42);
SELECT pulse_setup();
CREATE FUNCTION trades_source() RETURNS int LANGUAGE sql AS $$ SELECT source_id FROM pulse.source WHERE schema_name = 'public' AND table_name = 'trades' AND kind = 'trades' $$;

-- differences between what is stored and what the rows give
CREATE FUNCTION differences() RETURNS TABLE (what text, portfolio text, symbol text, key text) LANGUAGE sql AS $$
	SELECT 'fill', coalesce(f.portfolio, r.portfolio), coalesce(f.symbol, r.symbol), coalesce(f.fill_key, r.fill_key)
	FROM pulse.fill f FULL JOIN pulse.replay_fills(trades_source(), NULL, NULL, 'average') r
		ON r.portfolio = f.portfolio AND r.fill_key = f.fill_key
	WHERE (f.symbol, f.executed_at, f.realized_pnl, f.position, f.total_realized_pnl, f.total_fees)
		IS DISTINCT FROM (r.symbol, r.executed_at, r.realized_pnl, r.position, r.total_realized_pnl, r.total_fees)
	UNION ALL
	SELECT 'position', coalesce(p.portfolio, r.portfolio), coalesce(p.symbol, r.symbol), NULL
	FROM pulse.position p FULL JOIN pulse.replay_positions(trades_source(), NULL, NULL, 'average') r
		ON r.portfolio = p.portfolio AND r.symbol = p.symbol
	WHERE (p.quantity, p.cost, p.realized_pnl, p.fees, p.opened_at, p.mark_price, p.mark_at)
		IS DISTINCT FROM (r.quantity, r.cost, r.realized_pnl, r.fees, r.opened_at, r.mark_price, r.mark_at)
	UNION ALL
	SELECT 'trade', x.portfolio, x.symbol, x.closed_at::text FROM (
		(SELECT c.portfolio, c.symbol, c.side, c.quantity, c.gross_pnl, c.fees, c.opened_at, c.closed_at, c.strategy FROM pulse.closed_trade c
		 EXCEPT ALL
		 SELECT r.portfolio, r.symbol, r.side, r.quantity, r.gross_pnl, r.fees, r.opened_at, r.closed_at, r.strategy
		 FROM pulse.replay_trades(trades_source(), NULL, NULL, 'average') r)
		UNION ALL
		(SELECT r.portfolio, r.symbol, r.side, r.quantity, r.gross_pnl, r.fees, r.opened_at, r.closed_at, r.strategy
		 FROM pulse.replay_trades(trades_source(), NULL, NULL, 'average') r
		 EXCEPT ALL
		 SELECT c.portfolio, c.symbol, c.side, c.quantity, c.gross_pnl, c.fees, c.opened_at, c.closed_at, c.strategy FROM pulse.closed_trade c)
	) x
$$;
CREATE PROCEDURE random_trades(n int, since timestamptz, width interval) LANGUAGE sql AS $$
	INSERT INTO trades (portfolio, symbol, side, quantity, price, fee, fee_asset, executed_at, strategy)
	SELECT (ARRAY['main', 'second'])[1 + floor(random() * 2)::int], s.symbol, (ARRAY['BUY', 'sell'])[1 + floor(random() * 2)::int],
		ceil(random() * 5) / (ARRAY[1, 1, 10, 1000])[1 + floor(random() * 4)::int], round((50 + random() * 100)::numeric, 1 + floor(random() * 4)::int),
		round((random() * 0.2 - 0.02)::numeric, 4), (ARRAY[NULL, 'USDT', 'BNB', left(s.symbol, 3)])[1 + floor(random() * 4)::int],
		-- few distinct times, so that many fills share one
		since + floor(random() * 40) / 40 * width, (ARRAY[NULL, 'a', 'b'])[1 + floor(random() * 3)::int]
	FROM generate_series(1, n) i CROSS JOIN LATERAL (SELECT (ARRAY['BTCUSDT', 'ETHUSDT', 'BNBUSDT'])[1 + floor(random() * 3)::int] AS symbol WHERE i > 0) s
$$;

-- worked out by hand
INSERT INTO trades (symbol, side, quantity, price, fee, executed_at, strategy) VALUES
	('BTCUSDT', 'BUY', 1, 100, 0.1, '2026-01-01 00:00Z', 'first'), ('BTCUSDT', 'BUY', 2, 110, 0.1, '2026-01-01 01:00Z', 'other'),
	('BTCUSDT', 'SELL', 1, 120, 0.1, '2026-01-01 02:00Z', NULL), ('BTCUSDT', 'SELL', 5, 120, 0.6, '2026-01-01 03:00Z', 'flip'),
	('BTCUSDT', 'BUY', 3, 100, 0.3, '2026-01-01 04:00Z', NULL), ('ETHUSDT', 'BUY', 1, 10, 0.001, '2026-01-01 05:00Z', NULL);
SELECT pulse_tick();
SELECT results_eq('SELECT fill_key COLLATE "default", realized_pnl, position, total_realized_pnl, total_fees FROM pulse.fill ORDER BY executed_at', $$VALUES
	('1', NULL, 1::numeric, 0::numeric, 0.1::numeric), ('2', NULL, 3, 0, 0.2), ('3', 13.333333333333333333, 2, 13.333333333333333333, 0.3),
	('4', 26.666666666666666667, -3, 40, 0.9), ('5', 60, 0, 100, 1.2), ('6', NULL, 1, 0, 0.001)$$, 'every fill knows what it realised');
SELECT results_eq('SELECT symbol, side, quantity, entry_price, exit_price, gross_pnl, fees, net_pnl, opened_at, closed_at, holding, strategy FROM pulse_closed_trades()', $$VALUES
	('BTCUSDT', 'LONG', 3::numeric, 106.6666666666666667, 120::numeric, 40::numeric, 0.54, 39.46, '2026-01-01 00:00Z'::timestamptz, '2026-01-01 03:00Z'::timestamptz, interval '3 hours', 'first'),
	('BTCUSDT', 'SHORT', 3, 120, 100, 60, 0.66, 59.34, '2026-01-01 03:00Z', '2026-01-01 04:00Z', interval '1 hour', 'flip')$$,
	'a fill through zero closes one round trip and opens the next');
SELECT results_eq('SELECT round(trade_return::numeric, 10) FROM pulse_closed_trades()', 'VALUES (0.1233125), (0.1648333333)', 'returns are over the entry value, after fees');
SELECT results_eq('SELECT symbol, quantity, average_price, mark_price, market_value, unrealized_pnl, realized_pnl, fees, opened_at FROM pulse_positions()', $$VALUES
	('BTCUSDT', 0::numeric, NULL::numeric, 100::numeric, 0::numeric, 0::numeric, 100::numeric, 1.2, NULL::timestamptz),
	('ETHUSDT', 1, 10, 10, 10, 0, 0, 0.001, '2026-01-01 05:00Z')$$, 'positions');
SELECT is_empty('SELECT * FROM differences()', 'stored state equals a replay');

-- a late fill, a correction, a deletion, a change of symbol, of portfolio and of time
INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES ('BTCUSDT', 'BUY', 1, 90, '2026-01-01 00:30Z');
SELECT pulse_tick();
SELECT results_eq($$SELECT realized_pnl FROM pulse.position WHERE symbol = 'BTCUSDT'$$, 'VALUES (110::numeric)', 'a late fill books its symbol again');
SELECT is_empty('SELECT * FROM differences()', 'rightly');
SELECT is((SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT'), 7, 'and announces only itself');
UPDATE trades SET price = 95 WHERE id = 7;
SELECT pulse_tick();
SELECT is((SELECT price FROM pulse.fill WHERE fill_key = '7'), 95::numeric, 'a corrected price arrives');
SELECT is_empty('SELECT * FROM differences()', 'and is booked');
UPDATE trades SET symbol = 'ETHUSDT' WHERE id = 7;
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM differences()', 'a fill that changes its symbol leaves the one and joins the other');
UPDATE trades SET portfolio = 'second' WHERE id = 7;
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM differences()', 'so with portfolios');
UPDATE trades SET executed_at = '2026-01-02 00:00Z' WHERE id = 1;
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM differences()', 'and with times');
DELETE FROM trades WHERE id IN (2, 4);
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM differences()', 'deleted fills are taken back');
UPDATE trades SET strategy = 'renamed' WHERE id = 3;
SELECT pulse_tick();
SELECT is((SELECT strategy FROM pulse.fill WHERE fill_key = '3'), 'renamed', 'what is no number is kept up to date too');
TRUNCATE trades;
SELECT pulse_tick();
SELECT is((SELECT count(*) FROM pulse.fill) + (SELECT count(*) FROM pulse.position) + (SELECT count(*) FROM pulse.closed_trade), 0::bigint, 'TRUNCATE leaves nothing');

-- any sequence of changes; a tick now and then
CREATE TABLE failures (round int, difference text);
DO $$
DECLARE
	base timestamptz := '2026-02-01';
BEGIN
	FOR i IN 1..120 LOOP
		CASE floor(random() * 7)::int
			WHEN 0, 1 THEN CALL random_trades(1 + floor(random() * 15)::int, base + i * interval '1 hour', interval '1 hour');
			WHEN 2 THEN CALL random_trades(1 + floor(random() * 3)::int, base, i * interval '1 hour');
			WHEN 3 THEN UPDATE trades SET price = price + 1, quantity = quantity * 2 WHERE id % 17 = floor(random() * 17)::int;
			WHEN 4 THEN DELETE FROM trades WHERE id % 23 = floor(random() * 23)::int;
			WHEN 5 THEN UPDATE trades SET executed_at = base + random() * i * interval '1 hour' WHERE id % 29 = floor(random() * 29)::int;
			ELSE UPDATE trades SET symbol = (ARRAY['BTCUSDT', 'ETHUSDT'])[1 + floor(random() * 2)::int], side = CASE upper(side) WHEN 'BUY' THEN 'SELL' ELSE 'BUY' END,
				portfolio = CASE WHEN random() < 0.2 THEN 'second' ELSE portfolio END WHERE id % 31 = floor(random() * 31)::int;
		END CASE;
		IF random() < 0.7 THEN
			PERFORM pulse.ledger_apply(trades_source(), d.portfolio, d.min_ts, d.max_ts)
				FROM (SELECT portfolio, min(executed_at) AS min_ts, max(executed_at) AS max_ts FROM (
					SELECT portfolio, executed_at FROM trades UNION ALL SELECT portfolio, executed_at FROM pulse.fill) x GROUP BY portfolio) d;
			INSERT INTO failures SELECT i, d::text FROM differences() d LIMIT 3;
		END IF;
	END LOOP;
END $$;
SELECT is_empty('SELECT * FROM failures', 'after every one of many random changes the stored ledger equals a replay');
SELECT ok((SELECT count(*) > 100 AND bool_or(position < 0) AND bool_or(realized_pnl < 0) FROM pulse.fill), 'of many fills, long and short');
SELECT ok((SELECT count(*) > 10 FROM pulse.closed_trade), 'with many round trips');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM differences()', 'the tick finds nothing wrong either');
SELECT ok(NOT EXISTS (SELECT FROM pulse.fill WHERE event_seq IS NULL), 'and has announced every fill');

-- the invariant, in numeric, at the end of every symbol and for every method
CREATE VIEW cash AS
	SELECT portfolio, symbol,
		sum(CASE WHEN upper(side) = 'BUY' THEN -1 ELSE 1 END * quantity * price - CASE WHEN fee_asset IS NULL OR fee_asset = 'USDT' THEN fee ELSE 0 END) AS cash,
		sum(CASE WHEN upper(side) = 'BUY' THEN 1 ELSE -1 END * quantity - CASE WHEN fee_asset = left(symbol, 3) THEN fee ELSE 0 END) AS quantity
	FROM trades GROUP BY portfolio, symbol;
CREATE FUNCTION broken_invariants(method text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM pulse_positions(NULL, method) p FULL JOIN cash c USING (portfolio, symbol)
	WHERE (p.realized_pnl + p.unrealized_pnl - p.fees = c.cash + c.quantity * p.mark_price AND p.quantity = c.quantity) IS NOT TRUE $$;
SELECT is(broken_invariants('average'), 0::bigint, 'realised + unrealised - fees = cash + quantity * mark: average cost');
SELECT is(broken_invariants('fifo'), 0::bigint, 'FIFO');
SELECT is(broken_invariants('lifo'), 0::bigint, 'LIFO');
SELECT is(broken_invariants('HIFO'), 0::bigint, 'HIFO, in any case');
TRUNCATE trades;
CALL random_trades(10000, '2026-03-01', interval '40 seconds');
SELECT pulse_tick();
SELECT is(broken_invariants('average'), 0::bigint, 'on 10,000 fills, stored');
SELECT is((SELECT count(*) FROM trades t LEFT JOIN pulse.fill f ON f.portfolio = t.portfolio AND f.fill_key = t.id::text
	WHERE (f.quantity = t.quantity AND f.price = t.price AND f.fee = t.fee AND f.executed_at = t.executed_at AND f.side = upper(t.side)) IS NOT TRUE), 0::bigint,
	'every number of every fill as it was inserted');
SELECT is((SELECT count(*) FROM (SELECT realized_pnl, total_realized_pnl - lag(total_realized_pnl, 1, 0::numeric)
	OVER (PARTITION BY portfolio, symbol ORDER BY executed_at, ordinal) AS step FROM pulse.fill) f WHERE coalesce(realized_pnl, 0) <> step), 0::bigint,
	'totals are sums');
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT portfolio, symbol, CASE WHEN quantity > 0 THEN 'SELL' ELSE 'BUY' END, abs(quantity), 77.7, now() FROM pulse_positions() WHERE quantity <> 0;
SELECT is((SELECT count(DISTINCT (realized_pnl, fees)) FROM (
	SELECT 'average' AS method, sum(realized_pnl) AS realized_pnl, sum(fees) AS fees FROM pulse_positions(NULL, 'average')
	UNION ALL SELECT 'fifo', sum(realized_pnl), sum(fees) FROM pulse_positions(NULL, 'fifo')
	UNION ALL SELECT 'lifo', sum(realized_pnl), sum(fees) FROM pulse_positions(NULL, 'lifo')
	UNION ALL SELECT 'hifo', sum(realized_pnl), sum(fees) FROM pulse_positions(NULL, 'hifo')) x), 1::bigint, 'once flat all methods agree to the last digit');
SELECT is((SELECT count(DISTINCT (gross_pnl, trim_scale(net_pnl + fees))) FROM (
	SELECT sum(gross_pnl) AS gross_pnl, sum(net_pnl) AS net_pnl, sum(fees) AS fees FROM pulse_closed_trades()
	UNION ALL SELECT sum(gross_pnl), sum(net_pnl), sum(fees) FROM pulse_closed_trades(method => 'fifo')
	UNION ALL SELECT sum(gross_pnl), sum(net_pnl), sum(fees) FROM pulse_closed_trades(method => 'lifo')
	UNION ALL SELECT sum(gross_pnl), sum(net_pnl), sum(fees) FROM pulse_closed_trades(method => 'hifo')) x), 1::bigint, 'so do the closed trades');

-- numbers at the limits
TRUNCATE trades;
INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES
	('SHIB', 'BUY', 123456789012345678.12345678, 0.00000812, '2026-01-01'), ('SHIB', 'SELL', 123456789012345678.12345678, 0.00000813, '2026-01-02'),
	('WEI', 'BUY', 0.000000000000000001, 0.000000000000000001, '2026-01-01'),
	('BIG', 'BUY', 1e30, 1e30, '2026-01-01'), ('BIG', 'SELL', 3e29, 2e30, '2026-01-02'),
	('ZEROES', 'BUY', 1.500000000000000000000000000000, 2.00, '2026-01-01');
SELECT results_eq($$SELECT symbol, quantity, realized_pnl FROM pulse_positions() ORDER BY symbol$$, $$VALUES
	('BIG', 7e29::numeric, 3e59::numeric), ('SHIB', 0, 1234567890.1234567812345678), ('WEI', 0.000000000000000001, 0), ('ZEROES', 1.5, 0)$$, 'large, small and padded numbers');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM differences()', 'stored as well');
INSERT INTO trades (symbol, side, quantity, price) VALUES ('HUGE', 'BUY', 1e100, 1), ('LONG', 'BUY', 1e-50, 1e-50), ('GOOD', 'BUY', 1, 1);
SELECT is((pulse_tick() ->> 'failures')::int, 0, 'what cannot be booked exactly stops nothing');
SELECT results_eq('SELECT fill_key COLLATE "default", problem FROM pulse.finding ORDER BY fill_key::int', $$
	SELECT id::text, CASE symbol WHEN 'HUGE' THEN 'quantity is null, not finite, or too long' ELSE 'numbers have too many digits to book them exactly' END
	FROM trades WHERE symbol IN ('HUGE', 'LONG') ORDER BY id$$, 'but is reported');
SELECT is((SELECT quantity FROM pulse_positions() WHERE symbol = 'GOOD'), 1::numeric, 'beside what can');
DELETE FROM trades WHERE symbol IN ('HUGE', 'LONG');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM pulse.finding', 'a finding goes with its row');

-- bad rows in a table that has no constraints
CREATE TABLE loose (id int PRIMARY KEY, at timestamptz, symbol text, side text, quantity float8, price numeric, fee numeric);
SELECT pulse_attach('loose', 'trades', '{"executed_at": "at", "portfolio": {"value": "loose"}}');
INSERT INTO loose VALUES (1, '2026-01-01', 'X', 'BUY', 1, 10, 0), (2, '2026-01-01', 'X', 'BUY', 0, 10, 0), (3, '2026-01-01', 'X', 'BUY', 'NaN', 10, 0),
	(4, '2026-01-01', 'X', 'HODL', 1, 10, 0), (5, NULL, 'X', 'BUY', 1, 10, 0), (6, 'infinity', 'X', 'BUY', 1, 10, 0), (7, '2026-01-01', '', 'BUY', 1, 10, 0),
	(8, '2026-01-01', 'X', 'BUY', 1, -1, 0), (9, '2026-01-01', 'X', 'BUY', 1, NULL, 0), (10, '2026-01-01', 'X', 'BUY', 1, 10, 'NaN'), (11, '2026-01-01', 'X', 'SELL', 1, 11, NULL);
SELECT is((pulse_tick() ->> 'failures')::int, 0, 'bad rows of an attached table stop nothing');
SELECT results_eq($$SELECT fill_key::int FROM pulse.finding ORDER BY 1$$, 'VALUES (2), (3), (4), (5), (6), (7), (8), (9), (10)', 'each is a finding');
SELECT results_eq($$SELECT quantity, realized_pnl FROM pulse_positions('loose')$$, 'VALUES (0::numeric, 1::numeric)', 'and corrupts no position');
SELECT matches((SELECT message FROM pulse_health_check('data')), '9 rows cannot be booked', 'health tells');
UPDATE loose SET quantity = 1 WHERE id = 3;
SELECT pulse_tick();
SELECT results_eq($$SELECT count(*)::int FROM pulse.finding$$, 'VALUES (8)', 'a mended row is booked');
ALTER TABLE loose RENAME COLUMN price TO prize;
INSERT INTO loose VALUES (12, '2026-01-01', 'X', 'BUY', 1, 10, 0);
INSERT INTO trades (symbol, side, quantity, price) VALUES ('GOOD', 'BUY', 1, 1);
SELECT pulse_tick();
SELECT is((SELECT quantity FROM pulse.position WHERE symbol = 'GOOD'), 2::numeric, 'a table that lost a column holds up no other');
ALTER TABLE loose RENAME COLUMN prize TO price;
SELECT pulse_tick();
UPDATE loose SET fee = 0.5 WHERE id = 12;
SELECT pulse_tick();
SELECT results_eq($$SELECT quantity, fees FROM pulse_positions('loose')$$, 'VALUES (2::numeric, 0.5::numeric)', 'and comes back with it');

-- history that was there before is not news, what came after is
CREATE TABLE old_trades (id int PRIMARY KEY, executed_at timestamptz, symbol text, side text, quantity numeric, price numeric);
INSERT INTO old_trades SELECT i, now() - i * interval '1 day', 'OLD', 'BUY', 1, 1 FROM generate_series(1, 10) i;
SELECT pulse_attach('old_trades', 'trades', '{"portfolio": {"value": "old"}}');
INSERT INTO old_trades VALUES (11, clock_timestamp() + interval '1 minute', 'OLD', 'SELL', 1, 2);
SELECT pulse_tick();
SELECT is((SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio = 'old'), 1, 'only the new trade is announced');
SELECT is((SELECT quantity FROM pulse_positions('old')), 9::numeric, 'all are booked');
UPDATE pulse.source SET epoch = 'restored' WHERE table_name = 'trades' AND schema_name = 'public';
DELETE FROM pulse.fill WHERE source_id = trades_source();
DELETE FROM pulse.position WHERE source_id = trades_source();
SELECT pulse.ledger_apply(trades_source());
SELECT is_empty('SELECT * FROM differences() WHERE portfolio NOT IN (''old'', ''loose'')', 'after a restore everything is rebuilt');
SELECT ok(NOT EXISTS (SELECT FROM pulse.fill WHERE source_id = trades_source() AND event_seq IS DISTINCT FROM 0), 'and nothing announced');
SELECT * FROM finish();
