-- Who may do what: nobody by default, readers read, the daemon's role does its work.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(31);

CREATE ROLE pulse_bot;
CREATE ROLE pulse_stranger;
CREATE ROLE pulse_reader;
CREATE ROLE pulse_daemon;
CREATE SCHEMA bot AUTHORIZATION pulse_bot;
GRANT USAGE ON SCHEMA tap TO PUBLIC;

SET ROLE pulse_bot;
SELECT pulse_setup(schema => 'bot');
INSERT INTO bot.trades (symbol, side, quantity, price) VALUES ('BTCUSDT', 'BUY', 1, 100);
RESET ROLE;
SELECT is((pulse_tick() ->> 'failures')::int, 0, 'the tables of an ordinary role are processed');
SELECT ok(EXISTS (SELECT FROM pulse.event WHERE type = 'PORTFOLIO_UPDATE'), 'its state messages are computed as that role');

SET ROLE pulse_bot;
SELECT throws_ok('SELECT pulse_tick()', '42501', NULL, 'the owner of a followed table may not tick');
SELECT throws_ok('SELECT * FROM pulse.event', '42501', NULL, 'nor read all events');
SELECT throws_ok('INSERT INTO pulse.dirty (source_id, marked_at) VALUES (1, now())', '42501', NULL, 'nor mark by hand');
SELECT throws_ok('DELETE FROM pulse.dirty', '42501', NULL, 'nor remove marks');
SELECT throws_ok('UPDATE pulse.sequencer SET seq = 0', '42501', NULL, 'nor touch the sequencer');
SELECT throws_ok('SELECT pulse_worker_stop()', '42501', NULL, 'nor stop the worker');
SELECT throws_ok('SELECT pulse_grant(''pulse_bot'')', '42501', NULL, 'nor grant');

-- code of the table's owner never runs with our rights
CREATE TABLE bot.stolen (who text);
CREATE FUNCTION bot.spy() RETURNS boolean LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO bot.stolen VALUES (current_user); RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END $$;
ALTER TABLE bot.trades ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY spy ON bot.trades USING (bot.spy());
INSERT INTO bot.trades (symbol, side, quantity, price) VALUES ('BTCUSDT', 'SELL', 1, 110);
TRUNCATE bot.stolen;
RESET ROLE;
SELECT lives_ok('SELECT pulse_tick()', 'a policy of the owner does not stop the tick');
SELECT is_empty($$SELECT FROM bot.stolen WHERE who <> 'pulse_bot'$$, 'and runs as nobody else');

SET ROLE pulse_stranger;
SELECT throws_ok('SELECT * FROM pulse.event', '42501', NULL, 'a stranger reads no events');
SELECT throws_ok('SELECT * FROM pulse.delivery', '42501', NULL, 'nor deliveries');
SELECT throws_ok('SELECT * FROM pulse_worker_status()', '42501', NULL, 'nor the state of the worker');
SELECT throws_ok('CREATE TABLE pulse.mine ()', '42501', NULL, 'nor creates anything in schema pulse');
RESET ROLE;

SELECT throws_ok($$SELECT pulse_grant('pulse_reader', 'king')$$, '22023', NULL, 'pulse_grant knows its levels');
SELECT lives_ok($$SELECT pulse_grant('pulse_reader')$$, 'pulse_grant: reader');
SELECT lives_ok($$SELECT pulse_grant('pulse_daemon', 'worker')$$, 'pulse_grant: worker');

SET ROLE pulse_reader;
SELECT lives_ok('SELECT * FROM pulse.event, pulse.delivery, pulse.sequencer', 'a reader reads events');
SELECT lives_ok('SELECT * FROM pulse_worker_status(), pulse_snapshot()', 'a reader sees the worker and the snapshot');
SELECT throws_ok('SELECT pulse_tick()', '42501', NULL, 'a reader may not tick');
SELECT throws_ok('UPDATE pulse.delivery SET status = ''sent''', '42501', NULL, 'nor change deliveries');
SELECT throws_ok('SELECT pulse.follow_events()', '42501', NULL, 'nor learn the channel that events come over');
RESET ROLE;

SET ROLE pulse_daemon;
SELECT lives_ok('SELECT pulse_tick()', 'the daemon may tick');
SELECT lives_ok('UPDATE pulse.delivery SET status = ''sent'' WHERE status = ''pending''', 'the daemon reports deliveries');
SELECT lives_ok('SELECT pulse_heartbeat(''worker''), pulse_record_health(''exchange'', ''HEALTHY'')', 'the daemon reports health');
SELECT throws_ok('DELETE FROM pulse.event', '42501', NULL, 'the daemon removes no events');
SELECT lives_ok('SELECT pulse.follow_events()', 'it may listen to the channel that events come over');
SELECT matches((SELECT string_agg(c, ',') FROM pg_listening_channels() c), '^pulse_[0-9a-f]{32}$', 'whose name cannot be guessed');
SELECT throws_ok('SELECT * FROM pulse.event_channel', '42501', NULL, 'and stands in no table that it may read');
SELECT throws_ok('DELETE FROM bot.trades', '42501', NULL, 'and changes no trades');
RESET ROLE;

SELECT * FROM finish();
