-- What the capture triggers write into pulse.dirty, and that they never stand in a bot's way.
\set ON_ERROR_STOP on
SELECT plan(39);

SELECT pulse_setup();
CREATE FUNCTION marks() RETURNS TABLE (portfolio text, min_ts timestamptz, max_ts timestamptz)
	LANGUAGE sql AS 'SELECT portfolio, min_ts, max_ts FROM pulse.dirty ORDER BY portfolio, min_ts';
CREATE PROCEDURE forget() LANGUAGE sql AS 'DELETE FROM pulse.dirty';
CREATE PROCEDURE buy(portfolio text, at timestamptz) LANGUAGE sql AS
	$$ INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES (portfolio, 'BTCUSDT', 'BUY', 1, 100, at) $$;

-- insert
CALL buy('main', '2024-01-02 03:04:05.678901+00');
SELECT results_eq('SELECT * FROM marks()',
	$$VALUES ('main', timestamptz '2024-01-02 03:04:05.678901+00', timestamptz '2024-01-02 03:04:05.678901+00')$$,
	'an insert marks its portfolio and its time');
CALL forget();

INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END, 'BTCUSDT', 'BUY', 1, 100, timestamptz '2024-01-01' + i * interval '1 min'
	FROM generate_series(1, 1000) i;
SELECT results_eq('SELECT * FROM marks()',
	$$VALUES ('even', timestamptz '2024-01-01 00:02', timestamptz '2024-01-01 16:40'), ('odd', '2024-01-01 00:01', '2024-01-01 16:39')$$,
	'many rows make one mark for each portfolio');
CALL forget();

INSERT INTO portfolio_snapshots (ts, total_value) VALUES ('2024-01-01', 1000);
SELECT is((SELECT kind FROM pulse.dirty JOIN pulse.source USING (source_id)), 'snapshots', 'snapshots are captured too');
CALL forget();

COPY trades (portfolio, symbol, side, quantity, price, executed_at) FROM stdin;
main	BTCUSDT	BUY	1	100	2024-02-01 00:00:00+00
main	BTCUSDT	SELL	1	110	2024-01-31 00:00:00+00
\.
SELECT results_eq('SELECT * FROM marks()', $$VALUES ('main', timestamptz '2024-01-31', timestamptz '2024-02-01')$$, 'COPY marks');
CALL forget();

-- transactions
BEGIN;
CALL buy('main', now());
SELECT is_empty('SELECT * FROM marks()', 'nothing is written before the commit');
ROLLBACK;
SELECT is_empty('SELECT * FROM marks()', 'a rollback leaves nothing');

BEGIN;
CALL buy('kept', '2024-01-01');
SAVEPOINT s;
CALL buy('undone', '2024-01-01');
ROLLBACK TO s;
COMMIT;
SELECT ok(EXISTS (SELECT FROM marks() WHERE portfolio = 'kept'), 'what is before a savepoint is marked');
CALL forget();

BEGIN;
SAVEPOINT s;
CALL buy('main', '2024-01-01');
RELEASE s;
COMMIT;
SELECT results_eq('SELECT portfolio FROM marks()', $$VALUES ('main')$$, 'a released savepoint is marked');
CALL forget();

DO $$ BEGIN CALL buy('main', '2024-01-01'); COMMIT; CALL buy('main', '2024-01-05'); END $$;
SELECT results_eq('SELECT max_ts FROM marks()', $$VALUES (timestamptz '2024-01-01'), ('2024-01-05')$$,
	'each transaction of a procedure writes its own marks');
CALL forget();

BEGIN ISOLATION LEVEL SERIALIZABLE;
CALL buy('main', '2024-01-01');
COMMIT;
BEGIN;
CALL buy('main', '2024-01-02');
SET TRANSACTION READ ONLY;
COMMIT;
SELECT is((SELECT count(*)::int FROM marks()), 2, 'serializable transactions and those that became read-only mark as well');
CALL forget();

BEGIN;
CALL buy('main', '2024-01-01');
PREPARE TRANSACTION 'two phases';
SELECT is_empty('SELECT * FROM marks()', 'a prepared transaction has not marked yet');
BEGIN;
CALL buy('other', '2024-01-01');
COMMIT;
SELECT results_eq('SELECT portfolio FROM marks()', $$VALUES ('other')$$, 'its marks do not leak into the next transaction');
CALL forget();
COMMIT PREPARED 'two phases';
SELECT results_eq('SELECT portfolio FROM marks()', $$VALUES ('main')$$, 'COMMIT PREPARED publishes them');
CALL forget();
BEGIN;
CALL buy('main', '2024-01-01');
PREPARE TRANSACTION 'two phases';
ROLLBACK PREPARED 'two phases';
SELECT is_empty('SELECT * FROM marks()', 'ROLLBACK PREPARED leaves nothing');

-- update, delete, truncate
TRUNCATE trades;
SELECT results_eq('SELECT * FROM marks()', $$VALUES (NULL::text, NULL::timestamptz, NULL::timestamptz)$$, 'TRUNCATE marks everything');
CALL forget();
CALL buy('main', '2024-01-10');
CALL forget();
UPDATE trades SET executed_at = '2024-03-10';
SELECT results_eq('SELECT * FROM marks()', $$VALUES ('main', timestamptz '2024-01-10', timestamptz '2024-03-10')$$,
	'an update of the time marks from old to new');
CALL forget();
UPDATE trades SET portfolio = 'moved';
SELECT results_eq('SELECT portfolio FROM marks()', $$VALUES ('main'), ('moved')$$, 'an update of the portfolio marks both');
CALL forget();
DELETE FROM trades;
SELECT results_eq('SELECT * FROM marks()', $$VALUES ('moved', timestamptz '2024-03-10', timestamptz '2024-03-10')$$, 'a delete marks');
CALL forget();

-- bounded memory
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'p' || i, 'BTCUSDT', 'BUY', 1, 100, timestamptz '2024-01-01' + i * interval '1 min' FROM generate_series(1, 5000) i;
SELECT cmp_ok((SELECT count(*) FROM pulse.dirty), '<', 2000::bigint, 'very many portfolios share a mark');
SELECT is((SELECT count(*)::int FROM trades t WHERE NOT EXISTS (SELECT FROM pulse.dirty d
		WHERE (d.portfolio = t.portfolio OR d.portfolio IS NULL) AND t.executed_at BETWEEN d.min_ts AND d.max_ts)),
	0, 'and every one of them is covered');
TRUNCATE trades;
CALL buy(repeat('x', 600), '2024-01-01');
SELECT ok(EXISTS (SELECT FROM pulse.dirty WHERE portfolio IS NULL AND min_ts = '2024-01-01'), 'a very long name marks its whole source');
TRUNCATE trades;
CALL forget();

-- whoever writes
SET session_replication_role = replica;
CALL buy('main', '2024-01-01');
RESET session_replication_role;
SELECT is((SELECT count(*)::int FROM marks()), 1, 'replicated rows are captured');
CALL forget();
SET pulse.capture = off;
CALL buy('main', '2024-01-01');
RESET pulse.capture;
SELECT is_empty('SELECT * FROM marks()', 'pulse.capture = off captures nothing');

CREATE ROLE capture_bot;
GRANT INSERT, UPDATE, DELETE, SELECT, TRUNCATE ON trades TO capture_bot;
REVOKE ALL ON SCHEMA pulse FROM PUBLIC;
SET ROLE capture_bot;
CALL buy('main', '2024-01-01');
RESET ROLE;
GRANT USAGE ON SCHEMA pulse TO PUBLIC;
SELECT is((SELECT count(*)::int FROM marks()), 1, 'the writing role needs no privilege on schema pulse');
CALL forget();

-- tables of other shapes
CREATE TABLE orders (
	nr integer PRIMARY KEY, acct integer NOT NULL, pair varchar(20) NOT NULL, amount numeric NOT NULL, price float8 NOT NULL,
	filled timestamp);
SELECT pulse_attach('orders', 'trades', '{"id": "nr", "portfolio": "acct", "symbol": "pair", "quantity": "amount", "executed_at": "filled", "side": null, "price": "price"}',
	timezone => 'America/New_York') > 0 AS attached;
CALL forget();
INSERT INTO orders VALUES (1, 7, 'ETHUSDT', 1, 10, '2024-07-01 12:00');
SELECT results_eq('SELECT * FROM marks()', $$VALUES ('7', timestamptz '2024-07-01 16:00+00', timestamptz '2024-07-01 16:00+00')$$,
	'naive times are read in the zone of the source, portfolios of other types by their text');
CALL forget();
INSERT INTO orders VALUES (2, 7, 'ETHUSDT', 1, 10, NULL);
SELECT is_empty('SELECT * FROM marks()', 'a row without a time belongs to no range');
UPDATE orders SET filled = '2024-01-01 12:00' WHERE nr = 2;
SELECT results_eq('SELECT min_ts FROM marks()', $$VALUES (timestamptz '2024-01-01 17:00+00')$$, 'until it gets one');
CALL forget();
INSERT INTO orders VALUES (3, 7, 'ETHUSDT', 1, 10, 'infinity');
SELECT is((SELECT min_ts FROM marks()), 'infinity', 'an infinite time does no harm');
CALL forget();
ALTER TABLE orders RENAME filled TO done;
INSERT INTO orders VALUES (4, 7, 'ETHUSDT', 1, 10, '2024-07-01 12:00');
SELECT results_eq('SELECT * FROM marks()', $$VALUES ('7', NULL::timestamptz, NULL::timestamptz)$$,
	'a renamed time column marks the whole time axis');
CALL forget();
ALTER TABLE orders RENAME done TO filled;
ALTER TABLE orders RENAME acct TO account;
INSERT INTO orders VALUES (5, 7, 'ETHUSDT', 1, 10, '2024-07-01 12:00');
SELECT results_eq('SELECT * FROM marks()', $$VALUES (NULL::text, timestamptz '2024-07-01 16:00+00', timestamptz '2024-07-01 16:00+00')$$,
	'a renamed portfolio column marks all portfolios');
CALL forget();
UPDATE pulse.source SET columns = columns || '{"portfolio": "account"}' WHERE table_name = 'orders';
INSERT INTO orders VALUES (6, 8, 'ETHUSDT', 1, 10, '2024-07-01 12:00');
SELECT is((SELECT portfolio FROM marks()), '8', 'a corrected mapping counts at once');
CALL forget();
DELETE FROM pulse.source WHERE table_name = 'orders';
SELECT lives_ok($$INSERT INTO orders VALUES (7, 8, 'ETHUSDT', 1, 10, '2024-07-01 12:00')$$, 'a source that is gone is no error');
CALL forget();

CREATE TABLE sliced (LIKE trades INCLUDING DEFAULTS INCLUDING IDENTITY, PRIMARY KEY (id, executed_at)) PARTITION BY RANGE (executed_at);
CREATE TABLE sliced_old PARTITION OF sliced FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE TABLE sliced_shuffled (filler integer, LIKE trades INCLUDING DEFAULTS);
ALTER TABLE sliced_shuffled DROP filler, DROP price, ADD price numeric NOT NULL;
SELECT pulse_attach('sliced', 'trades', '{"id": ["id", "executed_at"]}') > 0 AS attached;
ALTER TABLE sliced ATTACH PARTITION sliced_shuffled FOR VALUES FROM ('2024-01-01') TO (MAXVALUE);
CALL forget();
INSERT INTO sliced (symbol, side, quantity, price, executed_at) VALUES ('A', 'BUY', 1, 1, '2023-12-31'), ('A', 'BUY', 1, 1, '2024-01-02');
SELECT results_eq('SELECT * FROM marks()', $$VALUES ('main', timestamptz '2023-12-31', timestamptz '2024-01-02')$$,
	'partitions are captured, whatever the order of their columns');
CALL forget();
UPDATE sliced SET executed_at = '2024-05-01' WHERE executed_at = '2023-12-31';
SELECT results_eq('SELECT * FROM marks()', $$VALUES ('main', timestamptz '2023-12-31', timestamptz '2024-05-01')$$,
	'an update that moves a row to another partition is captured');
CALL forget();

-- a publication of all tables does not break the queue
CREATE PUBLICATION everything FOR ALL TABLES;
CALL buy('main', '2024-01-01');
SELECT lives_ok('SELECT pulse_tick()', 'the tick empties pulse.dirty although it is published');
DROP PUBLICATION everything;

-- misuse
CREATE TRIGGER wrong BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION pulse.capture('1');
SELECT throws_ok($$INSERT INTO orders VALUES (8, 8, 'ETHUSDT', 1, 10, '2024-07-01 12:00')$$, '39P01', NULL, 'capture() refuses to be a BEFORE trigger');
DROP TRIGGER wrong ON orders;

-- the end of the extension
SELECT throws_ok('DROP EXTENSION pulse', '2BP01', NULL, 'DROP EXTENSION asks for CASCADE while tables are followed');
BEGIN;
CALL buy('last', '2024-01-01');
DROP EXTENSION pulse CASCADE;
COMMIT;
SELECT ok(EXISTS (SELECT FROM trades WHERE portfolio = 'last'), 'DROP EXTENSION CASCADE keeps tables and trades, also those of its own transaction');
SELECT lives_ok($$CALL buy('after', '2024-01-01')$$, 'the bot writes on');

SELECT * FROM finish();
