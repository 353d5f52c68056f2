-- pulse_doctor: nothing is wrong, then one thing after the other, each with the command that mends it.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET search_path = public, tap;
SELECT plan(39);

CREATE FUNCTION found(topic text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT d.status || ': ' || d.message FROM pulse_doctor() d WHERE d."check" = $1 AND d.status <> 'ok' ORDER BY 1 $$;
CREATE FUNCTION mends(topic text) RETURNS text LANGUAGE sql AS $$ SELECT d.mend FROM pulse_doctor() d WHERE d."check" = $1 ORDER BY d.message LIMIT 1 $$;
-- Does what the doctor says.
CREATE PROCEDURE obey(topic text) LANGUAGE plpgsql AS $$ BEGIN EXECUTE mends(topic); END $$;

-- an empty installation
SELECT set_eq('SELECT DISTINCT "check" FROM pulse_doctor()', ARRAY['versions', 'background worker', 'capture', 'sources', 'indexes', 'time zones', 'snapshots', 'rows', 'retention', 'jobs', 'daemon', 'deliveries', 'roles', 'settings'],
	'every check has a row');
SELECT is_empty($$SELECT * FROM pulse_doctor() WHERE status NOT IN ('ok', 'warning', 'problem') OR message = '' OR (status = 'ok') <> (mend IS NULL)$$, 'what is not ok has a command that mends it');
SELECT is((SELECT status FROM pulse_doctor() LIMIT 1), 'problem', 'problems stand first');
SELECT results_eq($$SELECT found('sources')$$, ARRAY['problem: no table is followed'], 'nothing is followed');
CALL obey('sources');
SELECT is_empty($$SELECT found('sources')$$, 'the command mends it');
SELECT results_eq($$SELECT found('snapshots')$$, ARRAY['warning: there is no snapshot yet, and without one there are no returns'], 'no snapshot yet');
SELECT matches(mends('snapshots'), '^INSERT INTO portfolio_snapshots', 'and what to do about it');
INSERT INTO portfolio_snapshots (total_value) VALUES (1);
SELECT pulse_tick();
SELECT is_empty($$SELECT found('snapshots')$$, 'one is enough');

-- the background worker; the suite preloads the library, and pulse.databases names no database
SELECT set_eq($$SELECT found('background worker')$$, format($q$VALUES ('problem: pulse.databases does not name %s'), ('problem: the background worker is absent; the server''s log says why')$q$, current_database()),
	'no worker runs here');
SELECT set_eq($$SELECT mend FROM pulse_doctor() WHERE "check" = 'background worker'$$,
	ARRAY[format('ALTER SYSTEM SET pulse.databases = %L; SELECT pg_reload_conf();', current_database()), 'SELECT pulse_worker_start();'], 'with what starts one, now and always');
SELECT pulse_worker_stop();
SELECT matches(string_agg(f, ' '), 'was stopped by pulse_worker_stop') FROM found('background worker') f;
INSERT INTO pulse.dirty VALUES (1, 'main', now(), now(), now() - interval '2 minutes');
SELECT matches(string_agg(f, ' '), 'warning: 1 changes wait to be read, the oldest for 00:02') FROM found('background worker') f;
SELECT pulse_tick();

-- versions
SELECT is_empty($$SELECT found('versions')$$, 'the versions are one');
UPDATE pg_extension SET extversion = '99.0' WHERE extname = 'pulse';
SELECT ok((SELECT bool_or(f ~ '^problem: library: version .* is behind$') FROM found('versions') f), 'the server runs an older library');
UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'pulse';
SELECT is(mends('versions'), 'ALTER EXTENSION pulse UPDATE;', 'the objects are older');
UPDATE pg_extension SET extversion = pulse_version() WHERE extname = 'pulse';

-- sources
ALTER TABLE trades DISABLE TRIGGER pulse_capture;
SELECT results_eq($$SELECT found('sources')$$, ARRAY['problem: the trigger pulse_capture of public.trades is disabled: changes are not noticed'], 'a disabled trigger');
CALL obey('sources');
SELECT is_empty($$SELECT found('sources')$$, 'is enabled again');
DROP TRIGGER pulse_capture ON trades;
SELECT results_eq($$SELECT found('sources')$$, ARRAY['problem: public.trades has lost its trigger pulse_capture: changes are not noticed'], 'a lost trigger');
CALL obey('sources');
SELECT is_empty($$SELECT found('sources')$$, 'is made again');
SELECT pulse_detach('trades');
SELECT results_eq($$SELECT found('sources')$$, ARRAY['warning: public.trades is no longer followed, and no other table of trades is'], 'a table that was let go of');
CALL obey('sources');
ALTER TABLE trades RENAME TO fills;
SELECT results_eq($$SELECT found('sources')$$, ARRAY['problem: public.trades is followed, but there is no such table now; what was computed from it stands'], 'a table that is gone');
ALTER TABLE fills RENAME TO trades;
SELECT is_empty($$SELECT found('sources')$$, 'and comes back');
SET pulse.capture = off;
SELECT results_eq($$SELECT found('capture')$$, ARRAY['problem: pulse.capture is off: changes of followed tables are not noticed'], 'capture is off');
RESET pulse.capture;

-- tables
CREATE TABLE local (id bigserial PRIMARY KEY, at timestamp DEFAULT now(), symbol text, side text, quantity numeric, price numeric);
SELECT pulse_attach('local', 'trades', columns => '{"executed_at": "at", "portfolio": {"value": "local"}}', timezone => 'Asia/Tokyo');
SELECT matches((SELECT f FROM found('time zones') f), 'at of public\.local has no time zone and is filled with the server''s local time .* but is read as Asia/Tokyo', 'a clock that is read in another zone than it is written');
CALL obey('time zones');
SELECT is_empty($$SELECT found('time zones')$$, 'is read in the right one');
UPDATE pg_class SET reltuples = 200000 WHERE oid = 'local'::regclass;
SELECT is(mends('indexes'), 'CREATE INDEX CONCURRENTLY ON public.local (at);', 'a large table without an index');
CREATE INDEX ON local (at);
UPDATE pg_class SET reltuples = 200000 WHERE oid = 'local'::regclass;
SELECT is_empty($$SELECT found('indexes')$$, 'and with one');
UPDATE pg_class SET reltuples = 20000000 WHERE oid = 'portfolio_snapshots'::regclass;
SELECT results_eq($$SELECT found('retention')$$, ARRAY['warning: public.portfolio_snapshots has about 20000000 rows and is kept whole for ever; thinned, every figure stays'], 'a huge table');
CALL obey('retention');
SELECT is_empty($$SELECT found('retention')$$, 'may be thinned');

-- rows, jobs, messages, the daemon, settings
INSERT INTO local (symbol, side, quantity, price) VALUES ('X', 'HODL', 1, 1);
SELECT pulse_tick();
SELECT results_eq($$SELECT found('rows')$$, ARRAY['warning: 1 rows of trades cannot be booked'], 'a row that cannot be booked');
UPDATE pulse.job SET failing = 3, last_error = 'broken' WHERE name = 'retention';
SELECT results_eq($$SELECT found('jobs')$$, ARRAY['problem: the job retention has failed 3 times in a row: broken'], 'a job that fails');
SELECT results_eq($$SELECT found('daemon')$$, ARRAY['warning: pulse-worker has never reported here: no page, no stream, no messages'], 'no daemon');
INSERT INTO pulse.heartbeat VALUES ('worker', 'HEALTHY', '{}', now() - interval '1 hour', '10 seconds');
SELECT results_eq($$SELECT found('daemon')$$, ARRAY['problem: pulse-worker was last seen 01:00:00 ago'], 'a silent one');
UPDATE pulse.heartbeat SET seen_at = now();
SELECT is_empty($$SELECT found('daemon')$$, 'one that reports');
INSERT INTO pulse.delivery (type, title, message, status, last_error) VALUES ('SYSTEM_ALERT', 'a', 'b', 'dead', 'chat not found');
INSERT INTO pulse.delivery (type, title, message, not_before) VALUES ('SYSTEM_ALERT', 'a', 'b', now() - interval '1 hour');
SELECT is((SELECT count(*)::int FROM found('deliveries')), 2, 'a dead message and one that waits');
CALL obey('deliveries');
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE status = 'dead'), 0, 'the dead one is sent again');
SELECT pulse_config_set('health.data_age_critical', interval '1 minute');
SELECT isnt_empty($$SELECT found('settings')$$, 'settings that contradict each other');

-- roles
CREATE ROLE doctor_reader;
GRANT USAGE ON SCHEMA tap TO doctor_reader;
SELECT pulse_grant('doctor_reader');
REVOKE EXECUTE ON FUNCTION pulse_worker_status() FROM doctor_reader;
CREATE TABLE other (LIKE trades INCLUDING ALL);
SELECT pulse_attach('other', 'trades');
SELECT results_eq($$SELECT found('roles')$$, ARRAY['warning: the role doctor_reader lacks what the level reader has by now: public.other, pulse_worker_status()'], 'a role that lacks what its level has');
CALL obey('roles');
SET ROLE doctor_reader;
SELECT is_empty($$SELECT found('roles')$$, 'is given it, and may ask for itself');
RESET ROLE;
SELECT * FROM finish();
