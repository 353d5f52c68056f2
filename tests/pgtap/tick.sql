-- The tick: every committed trade becomes one event, numbered without gaps; what fails stays by itself.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(79);

SELECT pulse_setup();
CREATE PROCEDURE trade(side text, quantity numeric, price numeric, at timestamptz, portfolio text DEFAULT 'main', symbol text DEFAULT 'BTCUSDT')
	LANGUAGE sql AS $$ INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES (portfolio, symbol, side, quantity, price, at) $$;
CREATE FUNCTION gaps() RETURNS bigint LANGUAGE sql AS
	'SELECT count(*) FROM (SELECT seq - row_number() OVER (ORDER BY seq) AS d FROM pulse.event) e WHERE d <> (SELECT min(seq) - 1 FROM pulse.event)';
-- trades without exactly one event
CREATE FUNCTION unannounced() RETURNS bigint LANGUAGE sql AS
	$$ SELECT count(*) FROM trades t WHERE (SELECT count(*) FROM pulse.event e
		WHERE e.type = 'TRADE_ALERT' AND e.portfolio = t.portfolio AND e.data ->> 'id' = t.id::text) <> 1 $$;
CREATE FUNCTION alerts() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM pulse.event WHERE type = 'TRADE_ALERT' $$;

-- one trade, one event
SELECT is((pulse_tick() ->> 'marks')::int, 0, 'nothing has happened: nothing to do');
CALL trade('BUY', 2, 100, now() - interval '3 min');
INSERT INTO portfolio_snapshots (ts, total_value, cash_balance) VALUES (now() - interval '2 min', 1000.5, 800);
SELECT results_eq($$SELECT (r ->> 'marks')::int, (r ->> 'fills')::int, (r ->> 'failures')::int, (r ->> 'more')::bool FROM pulse_tick() r$$,
	$$VALUES (2, 1, 0, false)$$, 'the tick reports what it did');
SELECT is_empty('SELECT * FROM pulse.dirty', 'it removes the marks');
SELECT is(unannounced(), 0::bigint, 'the trade has its event');
SELECT results_eq($$SELECT type FROM pulse.event WHERE type <> 'HEALTH_UPDATE' ORDER BY seq$$,
	$$VALUES ('TRADE_ALERT'), ('PORTFOLIO_UPDATE'), ('PERFORMANCE_UPDATE')$$, 'the fill comes first, then the state of its portfolio');
SELECT is((SELECT min(seq) FROM pulse.event), 1::bigint, 'numbers start at 1');
SELECT is((SELECT max(seq) FROM pulse.event), (SELECT seq FROM pulse.sequencer), 'the sequencer knows the newest');
SELECT is((SELECT count(DISTINCT epoch)::int FROM (SELECT epoch FROM pulse.event UNION SELECT epoch FROM pulse.sequencer) e), 1, 'all in one epoch');
SELECT results_eq($$SELECT portfolio, key, data ->> 'quantity', data ->> 'value', data ->> 'position', data -> 'realized_pnl', data ->> 'executed_at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$'
		FROM pulse.event WHERE type = 'TRADE_ALERT'$$,
	$$VALUES ('main', 'BTCUSDT', '2', '200', '2', 'null'::jsonb, true)$$, 'a TRADE_ALERT has exact decimal strings and UTC times');
SELECT is((SELECT data ->> 'total_value' FROM pulse.event WHERE type = 'PORTFOLIO_UPDATE'), '1000.5', 'a PORTFOLIO_UPDATE shows the newest snapshot');
SELECT is((pulse_tick() ->> 'events')::int, 0, 'a second tick has nothing to say');

-- what is not news
UPDATE trades SET strategy = 'momentum';
SELECT pulse_tick();
SELECT is(alerts(), 1::bigint, 'a corrected trade is not announced again');
CALL trade('SELL', 1, 90, now() - interval '5 min');
SELECT pulse_tick();
SELECT is(alerts(), 2::bigint, 'a late trade is announced');
SELECT is((SELECT quantity FROM pulse.position WHERE symbol = 'BTCUSDT'), 1::numeric, 'and booked');
DELETE FROM trades WHERE side = 'SELL';
SELECT pulse_tick();
SELECT is(alerts(), 2::bigint, 'a deleted trade keeps its event');
SELECT is((SELECT quantity FROM pulse.position WHERE symbol = 'BTCUSDT'), 2::numeric, 'but is no longer booked');
BEGIN;
CALL trade('BUY', 1, 100, now());
ROLLBACK;
SELECT pulse_tick();
SELECT is(alerts(), 2::bigint, 'what was rolled back never happened');
SELECT is(gaps(), 0::bigint, 'no gap so far');

-- a tick that is rolled back takes its numbers back
CALL trade('BUY', 1, 100, now());
SELECT seq AS before FROM pulse.sequencer \gset
BEGIN;
SELECT pulse_tick();
ROLLBACK;
SELECT is((SELECT seq FROM pulse.sequencer), :before::bigint, 'an aborted tick has used no number');
SELECT pulse_tick();
SELECT is(unannounced(), 0::bigint, 'and lost no trade');
SELECT is(gaps(), 0::bigint, 'and left no gap');

-- batches
SET pulse.tick_batch = 7;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'batch' || i % 3, 'ETHUSDT', 'BUY', 1, 100 + i, timestamptz '2024-01-01' + (i * 7919 % 100) * interval '1 min' FROM generate_series(1, 100) i;
SELECT pulse_tick();
-- the mark that moves a row lies beyond the batch: it is taken all the same, or its absence would look like its end
CALL trade('BUY', 1, 50, now() - interval '50 min', 'moved');
SELECT pulse_tick();
SELECT is((SELECT count(*) FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio = 'moved'), 1::bigint, 'a trade is announced');
SET pulse.tick_batch = 2;
UPDATE trades SET fee = 0.5 WHERE portfolio = 'moved';
CALL trade('BUY', 1, 51, now() - interval '40 min', 'moved');
CALL trade('BUY', 1, 51, now() - interval '39 min', 'moved');
UPDATE trades SET executed_at = executed_at - interval '1 day' WHERE portfolio = 'moved' AND fee = 0.5;
SELECT pulse_tick();
SELECT is((SELECT count(*) FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio = 'moved'), 3::bigint, 'the moved trade is not announced again');
SELECT is((SELECT count(*) FROM pulse.fill WHERE portfolio = 'moved'), 3::bigint, 'and is there');
RESET pulse.tick_batch;
SELECT is(unannounced(), 0::bigint, 'small batches announce everything');
SELECT is(gaps(), 0::bigint, 'without a gap');
SELECT is_empty($$SELECT FROM (SELECT (data ->> 'executed_at')::timestamptz AS at, lag((data ->> 'executed_at')::timestamptz) OVER (ORDER BY seq) AS previous
	FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio LIKE 'batch%') e WHERE at < previous$$, 'fills of one change come in order of time');

-- many fills of one portfolio are stored with the numbers of their events, piece by piece
SELECT pulse_tick();
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'pieces', 'ETHUSDT', 'BUY', 1, 100 + i, timestamptz '2024-02-02' + (i * 7919 % 2500) * interval '1 s' FROM generate_series(1, 2500) i;
BEGIN;
SELECT pg_stat_get_xact_tuples_updated('pulse.fill'::regclass) AS before \gset
SELECT is((pulse_tick() ->> 'fills')::int, 2500, 'thousands of fills in one tick');
SELECT is(pg_stat_get_xact_tuples_updated('pulse.fill'::regclass), :before::bigint, 'each was written once');
COMMIT;
-- from the first one on that comes late for its symbol, they wait for the rest
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'pieces', CASE WHEN i % 2400 > 1200 AND i % 7 = 0 THEN 'ETHUSDT' ELSE 'SOLUSDT' END, 'BUY', 1, 100 + i, timestamptz '2024-01-01' + i * interval '1 s' FROM generate_series(1, 2200) i;
SELECT is((pulse_tick() ->> 'fills')::int, 2200, 'late ones among others');
SELECT is(unannounced(), 0::bigint, 'all of them are announced');
SELECT is_empty($$SELECT FROM (SELECT f.executed_at, lag(f.executed_at) OVER (PARTITION BY f.executed_at < '2024-02-01' ORDER BY f.event_seq) AS previous
	FROM pulse.fill f JOIN pulse.event e ON e.seq = f.event_seq AND e.data ->> 'id' = f.fill_key WHERE f.portfolio = 'pieces') x WHERE executed_at < previous$$,
	'in the order of their execution');

-- sessions that commit a little out of order: only what overlaps is looked at twice
SELECT pulse_tick();
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'overlap', 'ETHUSDT', CASE WHEN i % 3 = 0 THEN 'SELL' ELSE 'BUY' END, 1, 100 + i, timestamptz '2024-02-03' + i * interval '1 s' FROM generate_series(1, 50) i;
SELECT pulse_tick();
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'overlap', CASE WHEN i % 2 = 0 THEN 'ETHUSDT' ELSE 'SOLUSDT' END, CASE WHEN i % 5 = 0 THEN 'SELL' ELSE 'BUY' END, 1, 100 + i, timestamptz '2024-02-03' + interval '45.5 s' + i * interval '2 s'
	FROM generate_series(0, 1500) i;
DELETE FROM trades WHERE portfolio = 'overlap' AND price = 149 AND symbol = 'ETHUSDT' AND executed_at < '2024-02-03 00:01Z';
BEGIN;
SELECT pg_stat_get_xact_tuples_updated('pulse.fill'::regclass) AS before \gset
SELECT is((pulse_tick() ->> 'fills')::int, 1501, 'fills that begin before the newest one');
SELECT ok(pg_stat_get_xact_tuples_updated('pulse.fill'::regclass) - :before BETWEEN 1 AND 20, 'the few in question were written twice');
COMMIT;
SELECT is_empty($$SELECT FROM (SELECT f.executed_at, lag(f.executed_at) OVER (ORDER BY f.event_seq) AS previous
	FROM pulse.fill f JOIN pulse.event e ON e.seq = f.event_seq AND e.data ->> 'id' = f.fill_key WHERE f.portfolio = 'overlap' AND f.event_seq > (SELECT max(event_seq) - 1501 FROM pulse.fill WHERE portfolio = 'overlap')) x
	WHERE executed_at < previous$$, 'they are announced in the order of their execution');
SELECT is((SELECT count(*)::int FROM pulse.fill f JOIN pulse.event e ON e.seq = f.event_seq AND e.data = pulse.trade_alert(f) WHERE f.portfolio = 'overlap'
	AND f.ordinal > (SELECT ordinal FROM pulse.fill WHERE portfolio = 'overlap' AND price = 150 AND executed_at < '2024-02-03 00:01Z' AND symbol = 'ETHUSDT')), 1501, 'with what booking has given');
SELECT results_eq($$SELECT symbol, quantity FROM pulse.position WHERE portfolio = 'overlap' ORDER BY 1$$,
	$$SELECT symbol COLLATE "C", sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) FROM trades WHERE portfolio = 'overlap' GROUP BY 1 ORDER BY 1$$, 'and their positions are right');
SELECT is_empty($$SELECT symbol, executed_at FROM (SELECT f.*, sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) OVER (PARTITION BY symbol ORDER BY executed_at, ordinal) AS held
	FROM pulse.fill f WHERE portfolio = 'overlap') x WHERE held IS DISTINCT FROM position$$, 'after each fill');

-- fills of several portfolios and sources are stored with their numbers, too, in the order of their execution
CREATE FUNCTION disorder(portfolios text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT f.executed_at, lag(f.executed_at) OVER (ORDER BY f.event_seq) AS previous
		FROM pulse.fill f JOIN pulse.event e ON e.seq = f.event_seq AND e.data ->> 'id' = f.fill_key AND e.portfolio = f.portfolio WHERE f.portfolio LIKE portfolios) x WHERE executed_at < previous $$;
CREATE SCHEMA other;
SELECT pulse_setup(schema => 'other');
SELECT pulse_tick();
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at, strategy)
	SELECT 'several' || i % 3, 'ETHUSDT', 'BUY', 1, 100 + i, timestamptz '2024-03-01' + (i * 7919 % 2600) * interval '1 s', CASE WHEN i % 5 = 0 THEN 'x' END FROM generate_series(1, 2600) i;
INSERT INTO other.trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'several3', 'ETHUSDT', 'BUY', 1, 100 + i, timestamptz '2024-03-01' + i * interval '3 s' FROM generate_series(1, 500) i;
BEGIN;
SELECT pg_stat_get_xact_tuples_updated('pulse.fill'::regclass) AS before \gset
SELECT is((pulse_tick() ->> 'fills')::int, 3100, 'fills of several portfolios in one tick');
SELECT is(pg_stat_get_xact_tuples_updated('pulse.fill'::regclass), :before::bigint, 'each was written once');
COMMIT;
SELECT is(disorder('several%'), 0::bigint, 'in the order of their execution');
SELECT is(unannounced(), 0::bigint, 'each has its event');
SELECT is((SELECT count(*) FROM pulse.fill f JOIN other.trades t ON t.id::text = f.fill_key AND t.price = f.price JOIN pulse.event e ON e.seq = f.event_seq
	WHERE f.portfolio = 'several3'), 500::bigint, 'also of the other source');
-- one of them has fills that come late for their symbol
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'late' || i % 3, CASE WHEN i < 100 THEN 'ETHUSDT' ELSE 'SOLUSDT' END, 'BUY', 1, 100 + i, timestamptz '2024-04-01' + i * interval '1 s' FROM generate_series(1, 300) i;
SELECT pulse_tick();
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'late' || i % 3, CASE WHEN i % 3 = 1 AND i > 100 THEN 'ETHUSDT' ELSE 'ADAUSDT' END, 'BUY', 1, 100 + i, timestamptz '2024-03-31' + i * interval '1 s' FROM generate_series(1, 300) i;
SELECT is((pulse_tick() ->> 'fills')::int, 300, 'late ones among those of several portfolios');
SELECT is((SELECT count(*) FROM pulse.fill WHERE portfolio LIKE 'late%' AND position IS NULL), 0::bigint, 'are booked');
-- a fill that was moved without a mark is taken for a new one, and is not
CREATE FUNCTION move(portfolios text, span interval) RETURNS void LANGUAGE sql AS $$
	ALTER TABLE trades DISABLE TRIGGER ALL;
	UPDATE trades SET executed_at = executed_at + span WHERE portfolio LIKE portfolios AND executed_at = '2024-05-01';
	ALTER TABLE trades ENABLE TRIGGER ALL $$;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'moving' || i % 3, 'ETHUSDT', CASE WHEN i % 2 = 0 THEN 'SELL' ELSE 'BUY' END, i + 1, 100 + i, timestamptz '2024-05-01' + i / 6 * interval '1 s' FROM generate_series(0, 60) i;
SELECT pulse_tick();
SELECT move('moving1', '1 day 1 s');
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'moving' || i % 3, 'ETHUSDT', 'BUY', 1, 100 + i, timestamptz '2024-05-02' + i * interval '1 s' FROM generate_series(0, 60) i;
SELECT is((SELECT r ->> 'fills' || ' ' || (r ->> 'failures') FROM pulse_tick() r), '61 0', 'the others are announced');
SELECT move('moving2', '2 days 2 s');
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'moving' || i % 3, 'ETHUSDT', 'BUY', 1, 100 + i, timestamptz '2024-05-03' + i * interval '1 s' FROM generate_series(0, 60) i;
INSERT INTO other.trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('moving4', 'ETHUSDT', 'BUY', 1, 100, timestamptz '2024-05-03');
DELETE FROM other.trades WHERE portfolio = 'several3' AND price = 101;
SELECT is((SELECT r ->> 'fills' || ' ' || (r ->> 'failures') FROM pulse_tick() r), '62 0', 'also where another source has changed');
SELECT is(unannounced(), 0::bigint, 'each once');
SELECT is((SELECT count(*) FROM trades t JOIN pulse.fill f ON f.portfolio = t.portfolio AND f.fill_key = t.id::text AND f.executed_at = t.executed_at WHERE t.portfolio LIKE 'moving%'), 183::bigint,
	'all of them are stored with their time');
SELECT is_empty($$SELECT portfolio, executed_at FROM (SELECT f.*, sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) OVER (PARTITION BY portfolio ORDER BY executed_at, ordinal) AS held
	FROM pulse.fill f WHERE portfolio LIKE 'moving%') x WHERE held IS DISTINCT FROM position$$, 'and booked in the order of their times');
SELECT is_empty('SELECT * FROM pulse_verify()', 'nothing differs');
-- one change is about all portfolios
TRUNCATE trades;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) SELECT 'all' || i % 3, 'ETHUSDT', 'BUY', 1, 100, timestamptz '2024-04-01' + i * interval '1 s' FROM generate_series(1, 30) i;
INSERT INTO other.trades (portfolio, symbol, side, quantity, price, executed_at) SELECT 'all3', 'ETHUSDT', 'BUY', 1, 100, timestamptz '2024-04-01' + i * interval '1 s' FROM generate_series(1, 30) i;
SELECT is((pulse_tick() ->> 'fills')::int, 60, 'beside a change of everything');
SELECT is(disorder('all%'), 0::bigint, 'order is kept');
SELECT is_empty('SELECT * FROM pulse.position WHERE portfolio LIKE ''all%'' AND quantity <> CASE portfolio WHEN ''all3'' THEN 30 ELSE 10 END', 'and nothing is booked twice');
DROP SCHEMA other CASCADE;
SELECT pulse_tick();

-- messages to people
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE type = 'TRADE_ALERT'), 3, 'fresh fills get a message, old ones do not');
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE event_seq IS NULL), 0, 'which needs no further event');
INSERT INTO trades (portfolio, symbol, side, quantity, price) SELECT 'burst', 'BTCUSDT', 'BUY', 0.5, 100 FROM generate_series(1, 8);
INSERT INTO trades (portfolio, symbol, side, quantity, price) SELECT 'burst', 'ETHUSDT', 'SELL', 1, 10 FROM generate_series(1, 4);
SELECT pulse_tick();
SELECT results_eq($$SELECT title, message FROM pulse.delivery WHERE portfolio = 'burst'$$,
	$$VALUES ('12 fills', E'BUY BTCUSDT: 8 fills, 4 = 400\nSELL ETHUSDT: 4 fills, 4 = 40')$$, 'a burst of fills shares one message');
INSERT INTO trades (portfolio, symbol, side, quantity, price) SELECT 'crowd', 'C' || lpad((i % 12)::text, 2, '0'), CASE WHEN i % 2 = 0 THEN 'BUY' ELSE 'SELL' END, 0.10 * i, 3
	FROM generate_series(1, 2500) i;
INSERT INTO trades (portfolio, symbol, side, quantity, price) SELECT 'few', 'BTCUSDT', 'BUY', i, 100 FROM generate_series(1, 5) i;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) SELECT 'few', 'ETHUSDT', 'BUY', i, 100, now() - interval '1 day' FROM generate_series(1, 5) i;
INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('few', 'BTCUSDT', 'SELL', 1, 10), ('crowd', 'C04', 'BUY', 0.4, 3), ('crowd', 'C04', 'BUY', 0.4, 3);
DELETE FROM trades WHERE portfolio = 'few' AND quantity = 5 AND symbol = 'BTCUSDT';
SELECT seq AS before FROM pulse.sequencer \gset
SELECT pulse_tick();
SELECT is((SELECT message FROM pulse.delivery WHERE portfolio = 'crowd'), (SELECT string_agg(line, E'\n' ORDER BY fills DESC, symbol, side) FROM (
	SELECT fills, symbol, side, format('%s %s: %s fills, %s = %s', side, symbol, fills, trim_scale(quantity), trim_scale(value)) AS line FROM (
		SELECT symbol, side, count(*) AS fills, sum(quantity) AS quantity, sum(quantity * price) AS value FROM trades WHERE portfolio = 'crowd' GROUP BY 1, 2) g
	ORDER BY fills DESC, symbol, side LIMIT 10) l), 'the message about thousands of fills has the ten symbols with the most of them');
SELECT results_eq($$SELECT title, event_seq, data FROM pulse.delivery WHERE portfolio = 'crowd'$$,
	$$SELECT '2502 fills', max(seq), jsonb_build_object('fills', 2502, 'first_seq', min(seq), 'last_seq', max(seq)) FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio = 'crowd' AND seq > $$ || :before,
	'and says which ones it is about');
SELECT results_eq($$SELECT d.title, d.message, d.event_seq FROM pulse.delivery d WHERE d.portfolio = 'few' ORDER BY d.delivery_id$$,
	$$SELECT f.side || ' BTCUSDT', pulse.fill_message(f), f.event_seq FROM pulse.fill f WHERE f.portfolio = 'few' AND f.symbol = 'BTCUSDT' ORDER BY f.event_seq$$,
	'five of another portfolio have one each; old ones do not count');
SELECT seq AS before FROM pulse.sequencer \gset
INSERT INTO pulse.delivery (type, priority, title, message, data)
	VALUES ('RISK', 'CRITICAL', 'Drawdown', 'too deep', '{"rule": "max_drawdown", "value": 0.2, "threshold": 0.15}'), ('INFO', 'LOW', 'Hello', 'world', '{}');
INSERT INTO pulse.delivery (type, title, message, event_seq) VALUES ('REPORT', 'Daily', 'all well', 0);
SELECT pulse_tick();
SELECT results_eq($$SELECT key, priority, data ->> 'title', data ->> 'severity', data -> 'value', data ->> 'count' FROM pulse.event WHERE type = 'SYSTEM_ALERT' AND data ->> 'alert_id' IS NULL ORDER BY seq$$,
	$$VALUES ('max_drawdown', 'CRITICAL', 'Drawdown', 'CRITICAL', '0.2'::jsonb, '1'), ('INFO', 'LOW', 'Hello', 'LOW', 'null', '1')$$,
	'a notification becomes a SYSTEM_ALERT, once, unless it wants none');
SELECT results_eq($$SELECT event_seq FROM pulse.delivery WHERE data ->> 'alert_id' IS NULL AND event_seq > $$ || :before || ' ORDER BY delivery_id',
	'SELECT seq FROM pulse.event WHERE type = ''SYSTEM_ALERT'' AND data ->> ''alert_id'' IS NULL ORDER BY seq', 'and knows its event');

-- a source that cannot be read keeps its marks and disturbs nobody
ALTER TABLE trades ADD CONSTRAINT fit CHECK (true);
CREATE SCHEMA second;
SELECT pulse_setup(schema => 'second');
ALTER TABLE pulse.closed_trade ADD CONSTRAINT broken CHECK (symbol <> 'BROKEN');
CALL trade('BUY', 1, 100, now(), 'bad', 'BROKEN');
CALL trade('SELL', 1, 100, now(), 'bad', 'BROKEN');
CALL trade('BUY', 1, 100, now(), 'good');
INSERT INTO second.trades (portfolio, symbol, side, quantity, price) VALUES ('second', 'BTCUSDT', 'BUY', 1, 100);
SELECT ok((pulse_tick() ->> 'failures')::int > 0, 'a failure is reported');
SELECT results_eq($$SELECT DISTINCT portfolio FROM pulse.dirty$$, $$VALUES ('bad')$$, 'only what failed is left to do');
SELECT is((SELECT count(*)::int FROM pulse.dirty), 1, 'as one mark');
SELECT matches((SELECT last_error FROM pulse.source WHERE schema_name = 'public' AND kind = 'trades'), 'broken', 'the source says why');
SELECT is((SELECT count(*)::int FROM pulse.event WHERE portfolio IN ('good', 'second') AND type = 'TRADE_ALERT'), 2, 'the others go on');
ALTER TABLE pulse.closed_trade DROP CONSTRAINT broken;
SELECT pulse_tick();
SELECT is(unannounced(), 0::bigint, 'once mended, nothing is missing');
SELECT is((SELECT last_error FROM pulse.source WHERE schema_name = 'public' AND kind = 'trades'), NULL, 'and the source is well again');
DROP SCHEMA second CASCADE;
CALL trade('BUY', 1, 100, now(), 'good');
SELECT is((pulse_tick() ->> 'failures')::int, 0, 'a table that was dropped is no failure');

-- history of an attached table is no news
CREATE TABLE history (LIKE trades INCLUDING ALL);
INSERT INTO history (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'history', 'BTCUSDT', 'BUY', 1, 100, now() - i * interval '1 day' FROM generate_series(1, 10) i;
SELECT pulse_attach('history', 'trades') > 0 AS attached;
SELECT pulse_tick();
INSERT INTO history (portfolio, symbol, side, quantity, price) VALUES ('history', 'BTCUSDT', 'SELL', 10, 100);
SELECT pulse_tick();
SELECT results_eq($$SELECT data ->> 'side', data ->> 'position' FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio = 'history'$$,
	$$VALUES ('SELL', '0')$$, 'what an attached table held already is booked, not announced');

-- a copied or restored database
SELECT seq AS before, epoch FROM pulse.sequencer \gset
UPDATE pulse.sequencer SET system_identifier = system_identifier - 1;
UPDATE pulse.delivery SET created_at = created_at - interval '1 day' WHERE type = 'INFO';
CALL trade('SELL', 1, 100, now(), 'good');
SELECT pulse_tick();
SELECT isnt((SELECT epoch FROM pulse.sequencer), :'epoch', 'a copy of the database starts an epoch of its own');
SELECT is((SELECT count(*)::int FROM pulse.event WHERE seq > :before AND type = 'TRADE_ALERT'), 1, 'and announces nothing a second time');
SELECT is((SELECT count(*)::int FROM pulse.source s, pulse.sequencer q WHERE s.state = 'active' AND to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NOT NULL AND s.epoch <> q.epoch), 0, 'its sources need no rebuild');
SELECT results_eq($$SELECT DISTINCT status FROM pulse.delivery WHERE type = 'INFO'$$, $$VALUES ('dead')$$, 'old messages do not go out from the copy');

-- retention
UPDATE pulse.event SET ts = ts - interval '8 days' WHERE seq <= 100;
UPDATE pulse.delivery SET not_before = now() - interval '25 hours' WHERE portfolio = 'burst';
INSERT INTO pulse.health_sample (sample_id, component, status, checked_at) VALUES (-1, 'old', 'HEALTHY', now() - interval '40 days');
SELECT pulse.touch_job('retention');
SELECT pulse_tick();
SELECT is((SELECT min(seq) FROM pulse.event), 101::bigint, 'old events go');
SELECT is(gaps(), 0::bigint, 'what is left has no gap');
SELECT results_eq($$SELECT DISTINCT status, last_error FROM pulse.delivery WHERE portfolio = 'burst'$$,
	$$VALUES ('dead', 'too old to be news when it could have been sent')$$, 'messages about fills that nobody fetched in time are given up, with the reason');
SELECT is_empty($$SELECT FROM pulse.health_sample WHERE component = 'old'$$, 'old samples go');

SELECT * FROM finish();
