-- Readers that come before the tick, and dust: whatever has changed since, they see what booking all rows would give.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(27);
SELECT setseed(0.17);
SELECT pulse_setup();
CREATE FUNCTION source() RETURNS int LANGUAGE sql AS $$ SELECT source_id FROM pulse.source WHERE kind = 'trades' $$;
CREATE FUNCTION pick(VARIADIC text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT $1[1 + floor(random() * cardinality($1))::int] $$;
CREATE FUNCTION pick_number(VARIADIC numeric[]) RETURNS numeric LANGUAGE sql VOLATILE AS $$ SELECT $1[1 + floor(random() * cardinality($1))::int] $$;

-- what pulse_positions() and pulse_closed_trades() say, against everything booked from the rows
CREATE FUNCTION wrong(method text) RETURNS TABLE (what text, portfolio text, symbol text, sees text, truth text) LANGUAGE sql AS $$
	SELECT 'position', coalesce(p.portfolio, r.portfolio), coalesce(p.symbol, r.symbol), p::text, r::text
	FROM pulse.current_positions(NULL, method) p FULL JOIN pulse.replay_positions(source(), NULL, NULL, method) r
		ON r.portfolio = p.portfolio AND r.symbol = p.symbol
	WHERE (p.quantity, p.cost, p.realized_pnl, p.fees, p.opened_at, p.mark_price, p.mark_at)
		IS DISTINCT FROM (r.quantity, r.cost, r.realized_pnl, r.fees, r.opened_at, r.mark_price, r.mark_at)
	UNION ALL
	SELECT 'trade', x.portfolio, x.symbol, x.closed_at::text, NULL FROM (
		(SELECT c.portfolio, c.symbol, c.side, c.quantity, c.gross_pnl, c.fees, c.opened_at, c.closed_at, c.strategy FROM pulse.current_trades(NULL, method) c
		 EXCEPT ALL
		 SELECT r.portfolio, r.symbol, r.side, r.quantity, r.gross_pnl, r.fees, r.opened_at, r.closed_at, r.strategy FROM pulse.replay_trades(source(), NULL, NULL, method) r)
		UNION ALL
		(SELECT r.portfolio, r.symbol, r.side, r.quantity, r.gross_pnl, r.fees, r.opened_at, r.closed_at, r.strategy FROM pulse.replay_trades(source(), NULL, NULL, method) r
		 EXCEPT ALL
		 SELECT c.portfolio, c.symbol, c.side, c.quantity, c.gross_pnl, c.fees, c.opened_at, c.closed_at, c.strategy FROM pulse.current_trades(NULL, method) c)) x
$$;
CREATE FUNCTION change(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	base timestamptz := '2026-01-01';
BEGIN
	CASE pick_number(1, 1, 1, 1, 2, 3, 4, 5, 6)
		WHEN 1 THEN
			INSERT INTO trades (portfolio, symbol, side, quantity, price, fee, fee_asset, executed_at, strategy)
			SELECT pick('main', 'second'), s, pick('BUY', 'SELL'), pick_number(1, 1, 2, 0.1, 0.0004), 50 + round((random() * 100)::numeric, 2), round((random() * 0.002)::numeric, 4),
				pick(NULL, 'USDT', 'BNB', left(s, 3)), base + (n + random()) * interval '1 hour', pick(NULL, 'a', 'b')
			FROM (SELECT pick('BTCUSDT', 'ETHUSDT', 'BNBUSDT') AS s FROM generate_series(1, pick_number(1, 2, 9)::int)) x;
		WHEN 2 THEN
			-- flat, but for what fees have taken
			INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
			SELECT p.portfolio, p.symbol, CASE WHEN p.quantity > 0 THEN 'SELL' ELSE 'BUY' END, ceil(abs(p.quantity) * 1000) / 1000, 100, base + (n + 1) * interval '1 hour'
			FROM pulse_positions() p WHERE p.quantity <> 0;
		WHEN 3 THEN UPDATE trades SET price = price + 1 WHERE id % 17 = pick_number(0, 1, 2, 3);
		WHEN 4 THEN DELETE FROM trades WHERE id % 23 = pick_number(0, 1, 2, 3);
		WHEN 5 THEN UPDATE trades SET executed_at = base + random() * n * interval '1 hour', symbol = pick('BTCUSDT', 'ETHUSDT') WHERE id % 29 = pick_number(0, 1, 2, 3);
		ELSE UPDATE trades SET portfolio = pick('main', 'second') WHERE id % 31 = pick_number(0, 1, 2, 3);
	END CASE;
END
$$;
CREATE TABLE failures (round int, method text, difference text);
-- each change is a transaction, so that its mark is there when the readers look
CREATE FUNCTION rounds(first int, last int) RETURNS TABLE (statement text) LANGUAGE sql AS $$
	SELECT s FROM generate_series(first, last) n CROSS JOIN LATERAL (VALUES
		(format('SELECT change(%s)', n)),
		(format('INSERT INTO failures SELECT %s, m, w::text FROM unnest(ARRAY[''average'', ''fifo'', ''lifo'', ''hifo'']) m CROSS JOIN LATERAL wrong(m) w LIMIT 3', n)),
		(CASE WHEN n % 3 = 0 THEN 'SELECT pulse_tick()' ELSE 'SELECT 1' END)) x (s) $$;
\o /dev/null
SELECT * FROM rounds(1, 60) \gexec
\o
SELECT is_empty('SELECT * FROM failures', 'after each of many changes readers see the truth, by every method');
SELECT ok((SELECT count(*) > 30 FROM pulse_closed_trades()), 'of many round trips');

-- how much they read
SELECT pulse_tick();
SELECT is((SELECT count(*) FROM pulse.stale_symbols(NULL)), 0::bigint, 'nothing is stale after a tick');
INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES ('BTCUSDT', 'BUY', 1, 100, '2026-06-01');
SELECT results_eq('SELECT portfolio, symbols, since FROM pulse.stale_groups(NULL)', $$VALUES ('main', ARRAY['BTCUSDT'], '2026-06-01'::timestamptz)$$, 'an appended fill: from itself on');
CREATE FUNCTION row_filter() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('test.rows', (coalesce(nullif(current_setting('test.rows', true), ''), '0')::int + 1)::text, false); RETURN true; END $$;
CREATE ROLE counted;
GRANT USAGE ON SCHEMA tap TO counted;
GRANT SELECT ON trades TO counted;
ALTER TABLE trades ENABLE ROW LEVEL SECURITY;
CREATE POLICY counting ON trades USING (row_filter());
SELECT set_config('test.rows', '0', false);
SET ROLE counted;
SELECT is((SELECT count(*) FROM pulse.replay_positions(source(), 'main', ARRAY['BTCUSDT'], 'average', '2026-06-01') ), 1::bigint, 'a reader');
SELECT ok(current_setting('test.rows')::int <= 10, 'reads the new rows, not the history: ' || current_setting('test.rows'));
RESET ROLE;
ALTER TABLE trades DISABLE ROW LEVEL SECURITY;

-- dust
TRUNCATE trades;
INSERT INTO trades (symbol, side, quantity, price, fee, fee_asset, executed_at, strategy) VALUES
	('BTCUSDT', 'BUY', 1, 100, 0.001, 'BTC', '2026-01-01', 'first'), ('BTCUSDT', 'SELL', 0.9985, 110, 0, NULL, '2026-01-02', NULL),
	('BTCUSDT', 'BUY', 1, 200, 0, NULL, '2026-01-03', 'second'), ('BTCUSDT', 'SELL', 1.0005, 210, 0, NULL, '2026-01-04', NULL),
	('SHIBUSDT', 'BUY', 1000000, 0.00001, 0, NULL, '2026-01-01', NULL), ('SHIBUSDT', 'SELL', 999000, 0.00002, 0, NULL, '2026-01-02', NULL);
SELECT pulse_tick();
SELECT is((SELECT count(*)::int FROM pulse_closed_trades()), 1, 'without a tolerance what a fee takes keeps a round trip open');
SELECT lives_ok($$SELECT pulse_dust_set('BTCUSD*', quantity => 0.0005)$$, 'a tolerance by quantity');
SELECT lives_ok($$SELECT pulse_dust_set('*USDT', value => 0.05)$$, 'and one by value for all others');
SELECT results_eq('SELECT symbol, quantity, entry_price, gross_pnl, fees, closed_at, strategy FROM pulse_closed_trades() ORDER BY closed_at, symbol', $$VALUES
	('BTCUSDT', 0.9985, 100::numeric, 9.985, 0.1, '2026-01-02'::timestamptz, 'first'), ('SHIBUSDT', 999000, 0.00001, 9.99, 0, '2026-01-02', NULL),
	('BTCUSDT', 1.0005, 199.9500249875062469, 10.055, 0, '2026-01-04', 'second')$$, 'counts at once');
SELECT is_empty($$SELECT w.* FROM wrong('average') w$$, 'for readers');
SELECT pulse_tick();
SELECT is((SELECT count(*)::int FROM pulse.closed_trade), 3, 'the tick books everything again');
SELECT is_empty('SELECT * FROM pulse_verify()', 'rightly');
SELECT is((SELECT bool_or(rebook) FROM pulse.source), false, 'once');
SELECT results_eq('SELECT symbol, quantity, opened_at FROM pulse_positions()', $$VALUES ('BTCUSDT', 0::numeric, NULL::timestamptz), ('SHIBUSDT', 1000, NULL)$$,
	'what is left stays, without an open round trip');
SELECT is_empty('SELECT * FROM pulse_exposure()', 'nor is it a position');
SELECT is((pulse_portfolio() -> 'position_count')::text, '0', 'that counts');
SELECT is((SELECT sum(realized_pnl + unrealized_pnl - fees) FROM pulse_positions()), (SELECT sum(CASE WHEN t.side = 'BUY' THEN -1 ELSE 1 END * t.quantity * t.price)
	+ (SELECT sum(p.quantity * p.mark_price) FROM pulse_positions() p) FROM trades t), 'and the invariant holds');
SELECT results_eq($$SELECT symbol, quantity, realized_pnl FROM pulse_positions(method => 'fifo')$$, $$VALUES ('BTCUSDT', 0::numeric, 20.04::numeric), ('SHIBUSDT', 1000, 9.99)$$, 'by other methods too');
SELECT throws_ok($$SELECT pulse_dust_set('X', -1)$$, '22023', NULL, 'a negative tolerance');
SELECT throws_ok($$SELECT pulse_dust_set('X', value => 'NaN')$$, '22023', NULL, 'none at all');
SELECT throws_ok($$SELECT pulse_dust_set('')$$, '22023', NULL, 'of no symbol');
-- the most specific pattern
SELECT pulse_dust_set('SHIBUSDT', quantity => 1);
SELECT pulse_tick();
SELECT isnt((SELECT opened_at FROM pulse_positions() WHERE symbol = 'SHIBUSDT'), NULL, 'a symbol of its own beats a pattern');

-- the random stream again, with dust
TRUNCATE trades;
SELECT pulse_dust_set('*', quantity => 0.003, value => 0.1);
\o /dev/null
SELECT * FROM rounds(100, 150) \gexec
\o
SELECT is_empty('SELECT * FROM failures', 'with dust, too, readers see the truth after each change');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM pulse_verify()', 'and what is stored equals a replay');
SELECT ok((SELECT count(*) > 0 FROM pulse.position WHERE dust_since IS NOT NULL) OR (SELECT count(*) > 20 FROM pulse.closed_trade), 'dust was there');
SELECT pulse_dust_set('SHIBUSDT');
SELECT pulse_dust_set('*');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM pulse_verify()', 'a removed tolerance is forgotten');
SELECT * FROM finish();
