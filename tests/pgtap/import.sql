-- pulse_import_csv: the exports of exchanges as a text. What the rows mean is tested in tests/worker/import.test.js, on the same code.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(36);
\set binance 'Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n2024-03-01 10:20:30,BTCUSDT,BUY,"45,000.50",0.2BTC,"9,000.10USDT",9.0001USDT\n2024-03-02 11:00:00,BTCUSDT,SELL,"46,000.50",0.1BTC,"4,600.05USDT",0.001BNB\n2024-03-02 11:00:01,1INCHUSDT,BUY,0.5,52.31INCH,26.15USDT,0.051INCH\n'
CREATE FUNCTION lines(text) RETURNS text LANGUAGE sql AS $$ SELECT replace($1, '\n', E'\n') $$;
SELECT throws_ok(format('SELECT pulse_import_csv(%L)', lines(:'binance')), '42P01', NULL, 'without a table to import into');
SELECT pulse_setup();

SELECT lives_ok(format('CREATE TABLE report AS SELECT pulse_import_csv(%L, dry_run => true) AS r', lines(:'binance')), 'a dry run');
SELECT results_eq($$SELECT r ->> 'format', r ->> 'rows', r ->> 'fills', r ->> 'first', r ->> 'last', r ->> 'fresh', r ->> 'imported', r ->> 'rejected', r -> 'symbols' FROM report$$,
	$$VALUES ('binance', '3', '3', '2024-03-01T10:20:30Z', '2024-03-02T11:00:01Z', '3', '0', '0', '{"BTCUSDT": 2, "1INCHUSDT": 1}'::jsonb)$$, 'says what would happen');
SELECT is_empty('SELECT FROM trades', 'and changes nothing');
SELECT is((pulse_import_csv(lines(:'binance')) ->> 'imported')::int, 3, 'the import');
SELECT results_eq('SELECT symbol, side, quantity, price, fee, fee_asset, executed_at FROM trades ORDER BY id', $$VALUES
	('BTCUSDT', 'BUY', 0.2, 45000.50, 9.0001, 'USDT', '2024-03-01 10:20:30Z'::timestamptz), ('BTCUSDT', 'SELL', 0.1, 46000.50, 0.001, 'BNB', '2024-03-02 11:00:00Z'),
	('1INCHUSDT', 'BUY', 52.3, 0.5, 0.05, '1INCH', '2024-03-02 11:00:01Z')$$, 'with every digit');
SELECT is((SELECT array_agg(scale(price) ORDER BY id) FROM trades), '{2,2,1}', 'as they were written');
SELECT results_eq($$SELECT symbol, quantity FROM pulse_positions()$$, $$VALUES ('1INCHUSDT', 52.25), ('BTCUSDT', 0.1)$$, 'and the ledger has them');
SELECT results_eq(format($$SELECT r ->> 'existing', r ->> 'imported' FROM pulse_import_csv(%L) r$$, lines(:'binance')), $$VALUES ('3', '0')$$, 'again: nothing twice');
SELECT results_eq(format($$SELECT r ->> 'existing', r ->> 'imported', r ->> 'repeated' FROM pulse_import_csv(%L, 'other') r$$,
	lines(:'binance') || E'2024-03-05 11:00:00,BTCUSDT,SELL,1,1BTC,1USDT,0BNB\n2024-03-05 11:00:00,BTCUSDT,SELL,1,1BTC,1USDT,0BNB\n'), $$VALUES ('0', '5', '0')$$, 'another portfolio; equal rows are fills of their own');
SELECT is((SELECT count(*)::int FROM trades WHERE portfolio = 'other'), 5, 'all of them');

-- lines that cannot be read
\set bad 'Date(UTC),Pair,Side,Price,Executed,Amount,Fee\n2024-04-01 10:00:00,BTCUSDT,HODL,1,1BTC,1USDT,0USDT\n2024-04-01,BTCUSDT,BUY,1,1BTC,1USDT,0USDT\n2024-04-01 10:00:00,BTCUSDT,BUY,1,1BTC,1USDT,0USDT\n2024-04-01 10:00:01,BTCUSDT,BUY,1,0BTC,0USDT,0USDT\n2024-04-01 10:00:02,BTCUSDT,BUY,äää1,1BTC,1USDT,0USDT\n'
SELECT results_eq(format($$SELECT r ->> 'rejected', r ->> 'imported' FROM pulse_import_csv(%L, strict => true) r$$, lines(:'bad')), $$VALUES ('4', '0')$$, 'strict: none for one bad line');
SELECT results_eq(format($$SELECT x ->> 'line' FROM pulse_import_csv(%L, dry_run => true) r CROSS JOIN LATERAL jsonb_array_elements(r -> 'rejects') x$$, lines(:'bad')), $$VALUES ('2'), ('3'), ('5'), ('6')$$, 'each with its line');
SELECT matches((SELECT r #>> '{rejects,0,reason}' FROM pulse_import_csv(lines(:'bad'), dry_run => true) r), 'HODL.*neither BUY nor SELL', 'and its reason');
SELECT is((SELECT (r ->> 'imported')::int FROM pulse_import_csv(lines(:'bad')) r), 1, 'the good ones come in');

-- the other formats
SELECT is((SELECT r ->> 'format' || ' ' || (r ->> 'imported') FROM pulse_import_csv(lines('Date(UTC),Market,Type,Price,Amount,Total,Fee,Fee Coin\n2024-03-02 11:00:00,BTCUSDT,SELL,46000.5,0.10,4600.05,0.0010,BNB\n')) r),
	'binance-old 0', 'Binance''s older layout gives the same ids');
SELECT results_eq($$SELECT r ->> 'format', r ->> 'imported', r -> 'skipped' FROM pulse_import_csv(lines(
	'You can use this transaction report\nID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes\n'
	'a1,2024-01-02 03:04:05 UTC,Buy,ETH,0.5,USD,$2000.00,$1000.00,$1010.00,$10.00,x\na2,2024-01-03 03:04:05 UTC,Deposit,USD,100,USD,1,100,100,0,x\n'), 'coinbase') r$$,
	$$VALUES ('coinbase', '1', '{"Deposit": 1}'::jsonb)$$, 'Coinbase, behind its preamble');
SELECT results_eq($$SELECT symbol, quantity, price, fee, fee_asset, fill_id FROM trades WHERE portfolio = 'coinbase'$$, $$VALUES ('ETH-USD', 0.5, 2000.00, 10.00, 'USD', 'coinbase:a1')$$, 'with its own id');
SELECT results_eq($$SELECT r ->> 'format', r ->> 'imported' FROM pulse_import_csv(lines(
	'portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit\ndefault,1,BTC-USD,BUY,2021-01-02T03:04:05.123Z,0.1,BTC,30000,15,-3015,USD\n'), 'pro') r$$, $$VALUES ('coinbase-pro', '1')$$, 'Coinbase Pro');
SELECT results_eq($$SELECT r ->> 'format', r ->> 'imported' FROM pulse_import_csv(lines(
	'txid,ordertxid,pair,time,type,ordertype,price,cost,fee,vol,margin,misc,ledgers\nT1,O1,XXBTZUSD,2024-01-02 03:04:05.1234,buy,limit,40000,400,0.64,0.01,0,,"L1,L2"\n'), 'kraken') r$$, $$VALUES ('kraken', '1')$$, 'Kraken''s trades');
SELECT results_eq($$SELECT r ->> 'format', r ->> 'existing', r ->> 'imported' FROM pulse_import_csv(lines(
	'txid,refid,time,type,subtype,aclass,asset,amount,fee,balance\nL1,T1,2024-01-02 03:04:05,trade,,currency,ZUSD,-400,0.64,1\nL2,T1,2024-01-02 03:04:05,trade,,currency,XXBT,0.01,0,1\n'), 'kraken') r$$,
	$$VALUES ('kraken-ledgers', '1', '0')$$, 'its ledger has the same trades');
SELECT results_eq($$SELECT symbol, executed_at FROM trades WHERE portfolio = 'kraken'$$, $$VALUES ('BTC/USD', '2024-01-02 03:04:05.1234Z'::timestamptz)$$, 'under plain names');
SELECT is((SELECT (pulse_import_csv(lines('Time,Pair,Side,Price,Executed,Amount,Fee\n25-07-11 06:43:23,BTCUSDT,BUY,100,1BTC,100USDT,0BNB\n'), 'zone', timezone => 'Europe/Berlin')) ->> 'imported'), '1', 'a zone for times without');
SELECT is((SELECT executed_at FROM trades WHERE portfolio = 'zone'), '2025-07-11 04:43:23Z'::timestamptz, 'counts');

-- what it refuses
SELECT throws_ok($$SELECT pulse_import_csv('a,b,c')$$, '22P04', NULL, 'no header of an export');
SELECT throws_ok($$SELECT pulse_import_csv('')$$, '22P04', NULL, 'nothing at all');
SELECT throws_ok($$SELECT pulse_import_csv(NULL)$$, '22004', NULL, 'NULL');
SELECT throws_ok(format($$SELECT pulse_import_csv(%L, '')$$, lines(:'binance')), '22004', NULL, 'no portfolio');
SELECT throws_ok(format($$SELECT pulse_import_csv(%L, format => 'mtgox')$$, lines(:'binance')), '22023', NULL, 'an unknown format');
SELECT throws_ok(format($$SELECT pulse_import_csv(%L, format => 'kraken')$$, lines(:'binance')), '22P04', NULL, 'another format than that of the text');
SELECT throws_ok(format($$SELECT pulse_import_csv(%L, timezone => 'Nowhere')$$, lines(:'binance')), '22023', NULL, 'an unknown zone');
CREATE TABLE narrow (id int PRIMARY KEY, symbol text);
SELECT throws_ok(format($$SELECT pulse_import_csv(%L, relation => 'narrow')$$, lines(:'binance')), '42P16', NULL, 'a table without the columns');
CREATE TABLE keyless (LIKE trades INCLUDING DEFAULTS INCLUDING IDENTITY);
SELECT throws_ok(format($$SELECT pulse_import_csv(%L, relation => 'keyless')$$, lines(:'binance')), '42P16', NULL, 'a table where it could book twice');

-- somebody who may insert and nothing else
CREATE ROLE importer;
GRANT USAGE ON SCHEMA tap TO importer;
GRANT SELECT, INSERT ON trades TO importer;
SET ROLE importer;
SELECT is((SELECT (r ->> 'imported')::int FROM pulse_import_csv(lines(:'binance'), 'theirs') r), 3, 'who may insert may import');
SELECT is((SELECT (r ->> 'imported')::int + (s ->> 'imported')::int FROM pulse_import_csv(lines(:'binance'), 'once') r, pulse_import_csv(lines(:'binance'), 'once') s), 3, 'twice in one statement');
RESET ROLE;
REVOKE INSERT ON trades FROM importer;
SET ROLE importer;
SELECT throws_ok(format($$SELECT pulse_import_csv(%L, 'more')$$, lines(:'binance')), '42501', NULL, 'who may not, may not');
RESET ROLE;
SELECT * FROM finish();
