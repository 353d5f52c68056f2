-- pulse_setup, pulse_attach, pulse_detach: the user's tables, their constraints, who may do what.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(89);

-- the two tables
SELECT lives_ok('SELECT pulse_setup()', 'pulse_setup creates the tables');
SELECT columns_are('public', 'portfolio_snapshots', ARRAY['portfolio', 'ts', 'total_value', 'cash_balance', 'positions_value',
	'unrealized_pnl', 'realized_pnl', 'net_flow', 'position_count', 'details']);
SELECT columns_are('public', 'trades', ARRAY['id', 'portfolio', 'symbol', 'side', 'quantity', 'price', 'fee', 'fee_asset', 'executed_at',
	'order_id', 'fill_id', 'order_type', 'strategy', 'confidence', 'details']);
SELECT col_is_pk('public', 'portfolio_snapshots', ARRAY['portfolio', 'ts'], 'a snapshot is known by portfolio and time');
SELECT col_is_pk('public', 'trades', ARRAY['portfolio', 'id'], 'a trade by portfolio and id');
SELECT col_is_unique('public', 'trades', ARRAY['portfolio', 'fill_id'], 'a fill counts once in a portfolio');
SELECT is((SELECT count(*)::int FROM pg_depend WHERE deptype = 'e' AND objid IN ('trades'::regclass, 'portfolio_snapshots'::regclass)), 0,
	'they are no members of the extension');
SELECT is((SELECT array_agg(tgenabled::text ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'trades'::regclass AND NOT tgisinternal), '{A,A}',
	'capture triggers fire always');
SELECT results_eq('SELECT kind, schema_name, table_name, columns, capture, state FROM pulse.source ORDER BY kind',
	$$VALUES ('snapshots', 'public', 'portfolio_snapshots', '{}'::jsonb, 'trigger', 'active'), ('trades', 'public', 'trades', '{}', 'trigger', 'active')$$,
	'both are registered');
SELECT is_empty('SELECT * FROM pulse.dirty', 'new tables have nothing to look at');

SELECT throws_ok('SELECT pulse_setup()', '42P07', NULL, 'an existing table is refused');
DO $$
DECLARE
	hint text;
BEGIN
	PERFORM pulse_setup();
EXCEPTION WHEN duplicate_table THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	PERFORM set_config('test.hint', hint, false);
END $$;
SELECT matches(current_setting('test.hint'), 'pulse_attach', 'with a hint at pulse_attach');
SELECT lives_ok($$SELECT pulse_setup(schema => 'trading')$$, 'another schema is possible, and made when missing');
SELECT has_table('trading', 'trades', 'with the tables in it');
CREATE SCHEMA half;
CREATE TABLE half.trades (x int);
SELECT throws_ok($$SELECT pulse_setup('half')$$, '42P07', 'relation already exists: half.trades', 'one of the two is enough to refuse');
SELECT hasnt_table('half', 'portfolio_snapshots', 'and nothing is left behind');
SELECT throws_ok($$SELECT pulse_setup('pulse')$$, '3F000', NULL, 'not in the schema of the extension');
SELECT throws_ok($$SET LOCAL search_path = ''; SELECT public.pulse_setup()$$, '3F000', NULL, 'no schema to create in is told');

-- bad fills
CREATE FUNCTION try_fill(quantity text, price text, side text DEFAULT 'buy', fee text DEFAULT '0', at text DEFAULT '2026-01-01') RETURNS text
	LANGUAGE sql AS $$ SELECT format('INSERT INTO trades (symbol, side, quantity, price, fee, executed_at) VALUES (''X'', %L, %L, %L, %L, %L)', side, quantity, price, fee, at) $$;
SELECT lives_ok(try_fill('0.00000001', '0', 'Sell', '-0.1'), 'a price of nothing, a rebate and mixed case are fine');
SELECT throws_ok(try_fill('0', '1'), '23514', NULL, 'no quantity');
SELECT throws_ok(try_fill('-1', '1'), '23514', NULL, 'negative quantity');
SELECT throws_ok(try_fill('NaN', '1'), '23514', NULL, 'quantity NaN');
SELECT throws_ok(try_fill('Infinity', '1'), '23514', NULL, 'infinite quantity');
SELECT throws_ok(try_fill('1', '-1'), '23514', NULL, 'negative price');
SELECT throws_ok(try_fill('1', 'NaN'), '23514', NULL, 'price NaN');
SELECT throws_ok(try_fill('1', 'Infinity'), '23514', NULL, 'infinite price');
SELECT throws_ok(try_fill('1', '1', 'hold'), '23514', NULL, 'unknown side');
SELECT throws_ok(try_fill('1', '1', 'buy', 'NaN'), '23514', NULL, 'fee NaN');
SELECT throws_ok(try_fill('1', '1', 'buy', '0', 'infinity'), '23514', NULL, 'a time beyond all time');
SELECT throws_ok($$INSERT INTO portfolio_snapshots (total_value) VALUES ('NaN')$$, '23514', NULL, 'a value NaN');
SELECT throws_ok($$INSERT INTO portfolio_snapshots (total_value, net_flow) VALUES (1, 'Infinity')$$, '23514', NULL, 'an infinite flow');
SELECT throws_ok($$INSERT INTO portfolio_snapshots (total_value, cash_balance) VALUES (1, 'NaN')$$, '23514', NULL, 'cash that is no number, though other amounts are unknown');
SELECT throws_ok($$INSERT INTO portfolio_snapshots (total_value, position_count) VALUES (1, -1)$$, '23514', NULL, 'a negative number of positions');
SELECT throws_ok($$INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('', 1)$$, '23514', NULL, 'no portfolio');
SELECT lives_ok($$INSERT INTO portfolio_snapshots (ts, total_value) VALUES ('2020-01-01', -1)$$, 'a value below nothing, and nothing else, is fine');
SELECT throws_ok($$INSERT INTO trades (symbol, side, quantity, price) VALUES ('', 'BUY', 1, 1)$$, '23514', NULL, 'no symbol, with no fee asset either');
SELECT throws_ok($$INSERT INTO trades (symbol, side, quantity, price, fee_asset) VALUES ('X', 'BUY', 1, 1, '')$$, '23514', NULL, 'an empty fee asset');
SELECT throws_ok($$INSERT INTO trades (symbol, side, quantity, price, fee) VALUES ('X', 'BUY', 1, 1, '-Infinity')$$, '23514',
	'new row for relation "trades" violates check constraint "quantity_positive_price_not_negative_all_finite"', 'the constraint says what is wrong');

-- somebody without any rights
CREATE ROLE setup_bot;
GRANT CREATE, USAGE ON SCHEMA public TO setup_bot;
CREATE SCHEMA bot AUTHORIZATION setup_bot;
GRANT USAGE ON SCHEMA tap TO setup_bot;
SET ROLE setup_bot;
SELECT lives_ok($$SELECT pulse_setup('bot')$$, 'an ordinary role sets up its own tables');
SELECT table_owner_is('bot', 'trades', 'setup_bot', 'and owns them');
SELECT lives_ok($$INSERT INTO bot.trades (symbol, side, quantity, price) VALUES ('BTCUSDT', 'BUY', 1, 1)$$, 'and its inserts are captured');
SELECT throws_ok($$SELECT pulse_detach('public.trades')$$, '42501', NULL, 'but not the tables of others');
SELECT throws_ok($$SELECT pulse_attach('public.trades', 'trades')$$, '42501', NULL, 'nor may it follow them');
SELECT throws_ok($$INSERT INTO pulse.source (kind, schema_name, table_name) VALUES ('trades', 'public', 'trades')$$, '42501', NULL, 'the registry is closed');

-- following a table of another shape
CREATE TABLE bot.orders (uid uuid PRIMARY KEY DEFAULT gen_random_uuid(), "When" timestamp, pair varchar(20), amount numeric(20,8), rate float8, note text, paid numeric);
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'fills')$$, '22023', NULL, 'unknown kind');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades')$$, '42703', 'table "bot.orders" has no column for "executed_at"', 'what is missing is named');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades', '{"time": "When"}')$$, '22023', 'unknown column "time" in the mapping', 'unknown logical column');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades', '{"executed_at": "when"}')$$, '42703', 'column "when" of table "bot.orders" does not exist', 'unknown actual column');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades', '{"executed_at": "When", "symbol": "pair", "quantity": "amount", "price": "rate"}')$$,
	'22023', NULL, 'a time without zone needs one');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades', '{"executed_at": "When", "symbol": "pair", "quantity": "amount", "price": "rate"}', 'Mars/Olympus')$$,
	'22023', 'unknown time zone "Mars/Olympus"', 'a zone that exists');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades', '{"executed_at": "When", "symbol": "pair", "quantity": "amount", "price": "note"}', 'UTC')$$,
	'42804', NULL, 'a price is a number');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades', '{"executed_at": "pair", "symbol": "pair", "quantity": "amount", "price": "rate"}', 'UTC')$$,
	'42804', NULL, 'a time is a time');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades', '[]')$$, '22023', NULL, 'a mapping is an object');
SELECT throws_ok($$SELECT pulse_attach('bot.orders', 'trades', '{}', 'UTC', 'guess')$$, '22023', NULL, 'unknown capture');
CREATE TABLE bot.keyless (executed_at timestamptz, symbol text, quantity numeric, price numeric);
SELECT throws_ok($$SELECT pulse_attach('bot.keyless', 'trades')$$, '42P16', NULL, 'fills need a key');
ALTER TABLE bot.keyless ADD id int;
SELECT throws_ok($$SELECT pulse_attach('bot.keyless', 'trades')$$, '42P16', NULL, 'that is unique');
CREATE VIEW bot.view AS SELECT * FROM bot.orders;
SELECT throws_ok($$SELECT pulse_attach('bot.view', 'trades')$$, '42809', NULL, 'a view cannot be followed');
SELECT lives_ok($$SELECT pulse_attach('bot.orders', 'trades',
	'{"executed_at": "When", "symbol": "pair", "quantity": "amount", "price": "rate", "fee": "paid", "portfolio": {"value": "desk"}}', 'Europe/Berlin')$$,
	'a mapping that fits');
INSERT INTO bot.orders ("When", pair, amount, rate, paid) VALUES ('2026-07-01 12:00', 'BTC/EUR', 2, 50, 0.5), ('2026-07-01 13:00', 'BTC/EUR', -1, 60, NULL);
RESET ROLE;

SELECT results_eq($$SELECT portfolio, symbol, quantity, average_price, realized_pnl, fees, opened_at FROM pulse_positions('desk')$$,
	$$VALUES ('desk', 'BTC/EUR', 1::numeric, 50::numeric, 10::numeric, 0.5::numeric, '2026-07-01 10:00Z'::timestamptz)$$,
	'signed quantities, constant portfolio, summer time in Berlin');
SELECT is((pulse_tick() ->> 'failures')::int, 0, 'the tick reads them all');
SELECT results_eq($$SELECT quantity, fees FROM pulse.position WHERE portfolio = 'desk'$$, $$VALUES (1::numeric, 0.5::numeric)$$, 'with the same result');

-- amounts in millionths, orders that are filled in place, times as numbers
CREATE TABLE whole (order_uid uuid PRIMARY KEY, placed timestamp, pair text, way text, done bigint, rate bigint, cost bigint, ms bigint);
SELECT throws_ok(format($$SELECT pulse_attach('whole', 'trades', '{"id": "order_uid", "executed_at": "placed", "symbol": "pair", "side": "way", "quantity": "done", "price": %s}', 'UTC')$$, m), state, NULL, m)
	FROM (VALUES ('{"column": "rate", "scale": 99}', '22023'), ('{"column": "rate", "scale": 6, "skip_zero": true}', '22023'), ('{"column": "nowhere"}', '42703'), ('{"column": "pair", "scale": 1}', '42804')) x (m, state);
SELECT throws_ok($$SELECT pulse_attach('whole', 'trades', '{"id": "order_uid", "executed_at": {"column": "ms", "unit": "ms"}, "symbol": "pair", "side": "way", "quantity": "done", "price": "rate"}')$$, '0A000', NULL, 'a trigger reads no numbers as times');
SELECT lives_ok($$SELECT pulse_attach('whole', 'trades', '{"id": "order_uid", "executed_at": "placed", "symbol": "pair", "side": "way", "quantity": {"column": "done", "scale": 6, "skip_zero": true},
	"price": {"column": "rate", "scale": 6}, "fee": {"column": "cost", "scale": 8}, "portfolio": {"value": "whole"}}', 'UTC')$$, 'amounts in millionths');
INSERT INTO whole VALUES ('00000000-0000-0000-0000-000000000001', '2026-01-01', 'SOL-USDT', 'BUY', 1500000, 150500000, 30100000, 1767225600123), ('00000000-0000-0000-0000-000000000002', '2026-01-02', 'SOL-USDT', 'SELL', 0, 0, NULL, 1),
	('00000000-0000-0000-0000-000000000003', '2026-01-02', 'SOL-USDT', 'SELL', NULL, NULL, NULL, NULL);
SELECT pulse_tick();
SELECT results_eq($$SELECT quantity, average_price, fees FROM pulse_positions('whole')$$, 'VALUES (1.5, 150.5, 0.301)', 'are read as they are meant');
UPDATE whole SET done = 500000, rate = 160000000 WHERE pair = 'SOL-USDT' AND done = 0;
SELECT pulse_tick();
SELECT results_eq($$SELECT quantity, realized_pnl FROM pulse_positions('whole')$$, 'VALUES (1::numeric, 4.75)', 'an order that is filled in place');
UPDATE whole SET done = 1500000 WHERE rate = 160000000;
SELECT pulse_tick();
SELECT results_eq($$SELECT quantity, realized_pnl FROM pulse_positions('whole')$$, 'VALUES (0::numeric, 14.25)', 'and then wholly, is one fill');
SELECT is((SELECT count(*)::int FROM pulse.finding), 0, 'those that are not filled are no findings');
SELECT pulse_detach('whole');
SELECT lives_ok($$SELECT pulse_attach('whole', 'trades', '{"id": "order_uid", "executed_at": {"column": "ms", "unit": "ms"}, "symbol": "pair", "side": "way", "quantity": {"column": "done", "scale": 6, "skip_zero": true},
	"price": {"column": "rate", "scale": 6}, "portfolio": {"value": "whole"}}', capture => 'poll')$$, 'times as numbers, by polling');
SELECT pulse_tick();
SELECT is((SELECT min(executed_at) FROM pulse.fill WHERE portfolio = 'whole' AND price = 150.5), '2026-01-01 00:00:00.123Z'::timestamptz, 'to the millisecond');
SELECT pulse_detach('whole');

-- types of somebody's own making: their casts would run with the rights of the reader
SET ROLE setup_bot;
CREATE TYPE bot.side AS ENUM ('BUY', 'SELL');
CREATE FUNCTION bot.trap(bot.side) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE CAST (bot.side AS text) WITH FUNCTION bot.trap(bot.side);
CREATE TYPE bot.pair AS (a text);
CREATE DOMAIN bot.amount AS numeric CHECK (value > 0);
CREATE TABLE bot.typed (id int PRIMARY KEY, executed_at timestamptz, symbol text, side bot.side, quantity bot.amount, price numeric, odd bot.pair);
INSERT INTO bot.typed VALUES (1, '2026-01-01', 'T', 'BUY', 1, 1, NULL);
SELECT throws_ok($$SELECT pulse_attach('bot.typed', 'trades', '{"symbol": "odd"}')$$, '42804', NULL, 'a composite type is refused');
SELECT lives_ok($$SELECT pulse_attach('bot.typed', 'trades', '{"portfolio": {"value": "typed"}}')$$, 'enums and domains are fine');
RESET ROLE;
SELECT results_eq($$SELECT symbol, quantity FROM pulse_positions('typed')$$, $$VALUES ('T', 1::numeric)$$, 'and read without their casts');
ALTER TABLE bot.typed ALTER symbol TYPE bot.pair USING NULL;
SELECT is_empty($$SELECT * FROM pulse_positions('typed')$$, 'a column that became one later is not read');

-- a table in pieces has the time in its key
CREATE TABLE pieces (id bigint, symbol text, side text, quantity numeric, price numeric, executed_at timestamptz, PRIMARY KEY (id, executed_at))
	PARTITION BY RANGE (executed_at);
CREATE TABLE pieces_old PARTITION OF pieces FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
CREATE TABLE pieces_new PARTITION OF pieces FOR VALUES FROM ('2025-01-01') TO (MAXVALUE);
CREATE TABLE one_piece (LIKE pieces, PRIMARY KEY (id, executed_at));
SELECT throws_ok($$SELECT pulse_attach('one_piece', 'trades')$$, '42P16', NULL, 'in a table of one piece the id must be unique by itself');
SELECT lives_ok($$SELECT pulse_attach('pieces', 'trades')$$, 'in partitions it cannot be');
INSERT INTO pieces SELECT i, 'PIECE', 'BUY', 1, 10, timestamptz '2024-12-31 12:00+00' + i * interval '6 hours' FROM generate_series(1, 4) i;
SELECT lives_ok('SELECT pulse_tick()', 'its fills are booked');
SELECT is((SELECT quantity FROM pulse_positions() WHERE symbol = 'PIECE'), 4::numeric, 'all of them');
SELECT is_empty($$SELECT * FROM pulse_data_quality(3000) WHERE source = 'public.pieces' AND kind = 'same key'$$, 'whose keys are different');
INSERT INTO pieces VALUES (1, 'PIECE', 'BUY', 5, 10, '2025-02-01+00');
SELECT lives_ok('SELECT pulse_tick()', 'a key that comes again breaks nothing');
SELECT results_eq($$SELECT portfolio, symbol, key, fills FROM pulse_data_quality(3000) WHERE source = 'public.pieces' AND kind = 'same key'$$,
	$$VALUES ('main', 'PIECE', '1', 2::bigint)$$, 'and is told of');

-- letting go
SELECT lives_ok($$SELECT pulse_detach('bot.orders')$$, 'a table is let go');
SELECT is_empty($$SELECT * FROM pulse_positions('desk')$$, 'and what was computed from it');
SELECT is((SELECT count(*)::int FROM bot.orders), 2, 'but not its rows');
SELECT throws_ok($$SELECT pulse_detach('bot.orders')$$, '42704', NULL, 'twice is an error');
DROP EXTENSION pulse CASCADE;
SELECT is((SELECT count(*)::int FROM bot.trades), 1, 'dropping the extension loses no trade');
SELECT * FROM finish();
