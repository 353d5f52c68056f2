-- pulse_data_quality: what is refused, and what is booked but odd.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(15);
SELECT is_empty('SELECT * FROM pulse_data_quality()', 'nothing is wrong with nothing');
SELECT is_empty('SELECT * FROM pulse_reconcile()', 'nor is there a bot to differ from');
SELECT pulse_setup();
CREATE TABLE loose (id int PRIMARY KEY, at timestamptz, symbol text, side text, quantity float8, price numeric, fee numeric, asset text);
SELECT pulse_attach('loose', 'trades', '{"executed_at": "at", "portfolio": {"value": "loose"}, "fee_asset": "asset"}');
INSERT INTO loose (id, at, symbol, side, quantity, price, fee) VALUES (1, now(), 'X', 'BUY', 1, 10, 0), (2, now(), 'X', 'BUY', 0, 10, 0), (3, now(), 'X', 'BUY', 'NaN', 10, 0), (4, now(), 'X', 'HODL', 1, 10, 0),
	(5, now(), 'X', 'BUY', -1, 10, 0), (6, now(), 'X', 'BUY', 1, -10, 0), (7, NULL, 'X', 'BUY', 1, 10, 0), (8, now(), 'X', 'BUY', 1, 1e80, 0);
SELECT pulse_tick();
SELECT results_eq('SELECT source, portfolio, kind, key, problem FROM pulse_data_quality() ORDER BY key', $$VALUES
	('public.loose', 'loose', 'refused', '2', 'quantity is not positive'), ('public.loose', 'loose', 'refused', '3', 'quantity is null, not finite, or too long'),
	('public.loose', 'loose', 'refused', '4', 'side is neither BUY nor SELL'), ('public.loose', 'loose', 'refused', '5', 'quantity is not positive'),
	('public.loose', 'loose', 'refused', '6', 'price is negative'), ('public.loose', 'loose', 'refused', '7', 'no time of execution'), ('public.loose', 'loose', 'refused', '8', 'price is null, not finite, or too long')$$,
	'rows that are refused, with the reason');
SELECT is((SELECT quantity FROM pulse_positions('loose')), 1::numeric, 'corrupt no position');
UPDATE loose SET quantity = 1, price = 10, side = 'BUY', at = now() WHERE id > 1;
SELECT pulse_tick();
SELECT is((SELECT count(*)::int FROM pulse_data_quality() WHERE kind = 'refused'), 0, 'mended ones leave');

-- booked, but odd
DELETE FROM loose;
INSERT INTO loose VALUES (1, now() - interval '1 hour', 'BTCUSDT', 'BUY', 1, 0, 0, NULL), (2, now() - interval '1 day', 'BTCUSDT', 'BUY', 1, 10, 2, 'KCS'), (3, now() - interval '2 days', 'BTCUSDT', 'BUY', 1, 10, 3, 'KCS'),
	(4, now() + interval '3 hours', 'BTCUSDT', 'BUY', 1, 10, 0, NULL), (5, now() - interval '3 days', 'ETHUSDT', 'BUY', 1, 10, 0, NULL), (6, now() - interval '3 days', 'ETHUSDT', 'BUY', 1, 10, 0, NULL);
INSERT INTO trades (symbol, side, quantity, price, fill_id, executed_at) VALUES ('BTCUSDT', 'BUY', 1, 10, 'a', '2026-01-01'), ('BTCUSDT', 'BUY', 1, 10, 'b', '2026-01-01');
SELECT pulse_tick();
SELECT results_eq('SELECT kind, symbol, key, fills FROM pulse_data_quality() ORDER BY kind, key', $$VALUES
	('fee without a rate', 'BTCUSDT', NULL::text, 2::bigint), ('in the future', 'BTCUSDT', '4', 1), ('no price', 'BTCUSDT', '1', 1), ('twins', 'ETHUSDT', '6', 2)$$,
	'odd fills; ids of the exchange tell twins apart');
SELECT matches((SELECT problem FROM pulse_data_quality() WHERE kind = 'fee without a rate'), 'fees of 5 KCS are in no profit', 'a fee in an unknown asset');
SELECT pulse_mark('KCSUSDT', 1, now() - interval '36 hours'), pulse_mark('KCSUSDT', 1, now() - interval '60 hours');
SELECT is((SELECT count(*)::int FROM pulse_data_quality() WHERE kind = 'fee without a rate'), 0, 'is fine once its price is known');
SELECT is((SELECT count(*)::int FROM pulse_data_quality(2) WHERE kind = 'twins'), 0, 'of the last days only');
SELECT is((SELECT count(*)::int FROM pulse_data_quality(portfolio => 'main')), 0, 'of a portfolio');
SELECT throws_ok('SELECT * FROM pulse_data_quality(0)', '22023', NULL, 'no days');

-- tables that are gone
DROP TABLE loose;
SELECT pulse_tick();
SELECT results_eq('SELECT source, kind FROM pulse_data_quality() WHERE key IS NULL AND symbol IS NULL', $$VALUES ('public.loose', 'missing table')$$, 'a table that is gone');
ALTER TABLE trades DROP COLUMN price;
SELECT pulse_tick();
SELECT lives_ok('SELECT * FROM pulse_data_quality()', 'a table that has lost a column');

-- who may see it
CREATE ROLE quality_reader;
GRANT USAGE ON SCHEMA tap TO quality_reader;
SET ROLE quality_reader;
SELECT is_empty($$SELECT * FROM pulse_data_quality() WHERE kind <> 'missing table'$$, 'who may not read the table learns nothing of its rows');
SELECT is_empty('SELECT * FROM pulse_reconcile()', 'nor of the bot');
RESET ROLE;
SELECT * FROM finish();
