-- The versions that meet, and what is advised where they differ.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(14);
SELECT results_eq($$SELECT component, version = pulse_version(), status, remedy FROM pulse_versions()$$,
	$$VALUES ('extension', true, 'fits', NULL::text), ('library', true, 'fits', NULL), ('installed', true, 'fits', NULL)$$, 'right after CREATE EXTENSION all fit');

-- the library is newer than the objects
BEGIN;
UPDATE pg_extension SET extversion = '1.0.0' WHERE extname = 'pulse';
SELECT results_eq($$SELECT component, status, remedy FROM pulse_versions() WHERE component <> 'installed'$$,
	$$VALUES ('extension', 'behind', 'ALTER EXTENSION pulse UPDATE;'), ('library', 'fits', NULL)$$, 'objects that were not updated are behind');
ROLLBACK;

-- the objects are newer than the library
BEGIN;
UPDATE pg_extension SET extversion = '1.10.0' WHERE extname = 'pulse';
SELECT results_eq($$SELECT component, status, remedy FROM pulse_versions() WHERE component <> 'installed'$$,
	$$VALUES ('extension', 'fits', NULL::text), ('library', 'behind', 'Restart the server.')$$, 'a library that was not restarted is behind: 1.10 is more than 1.9');
ROLLBACK;

-- corrections do not count, and what is no number is unknown
BEGIN;
UPDATE pg_extension SET extversion = regexp_replace(extversion, '\d+$', '77') WHERE extname = 'pulse';
SELECT is_empty($$SELECT FROM pulse_versions() WHERE status <> 'fits'$$, 'corrections of one minor version fit each other');
UPDATE pg_extension SET extversion = 'devel' WHERE extname = 'pulse';
SELECT results_eq($$SELECT component, status FROM pulse_versions() WHERE status <> 'fits'$$, $$VALUES ('extension', 'unknown'), ('installed', 'unknown')$$, 'what is no number is unknown');
ROLLBACK;
SELECT results_eq($$SELECT v, pulse.version_number(v) FROM unnest(ARRAY['1.0.0', '2.11', '1', 'x1.2', '99999999999.1', NULL]) v$$,
	$$VALUES ('1.0.0', ARRAY[1, 0]), ('2.11', ARRAY[2, 11]), ('1', NULL::integer[]), ('x1.2', NULL), ('99999999999.1', NULL), (NULL, NULL)$$, 'a version begins with two numbers');

-- the daemon
SELECT pulse_heartbeat('worker', 'HEALTHY', '{"version": "1.0.0"}', '90 seconds');
SELECT results_eq($$SELECT component, version, status, remedy ~ 'Install the pulse-worker' FROM pulse_versions() WHERE component = 'pulse-worker'$$,
	$$VALUES ('pulse-worker', '1.0.0', 'behind', true)$$, 'an older daemon is behind');
SELECT pulse_heartbeat('worker', 'HEALTHY', '{"version": "1.999.0"}');
SELECT results_eq($$SELECT status, remedy ~ 'ALTER EXTENSION' FROM pulse_versions() WHERE component = 'pulse-worker'$$, $$VALUES ('ahead', true)$$, 'a newer one is ahead');
SELECT matches((SELECT message FROM pulse_health_check('worker')), '^reported \d+ s ago$', 'one that has no problem says when it reported');
SELECT pulse_heartbeat('worker', 'WARNING', '{"version": "1.999.0", "problem": "version mismatch: such and such"}');
SELECT results_eq($$SELECT status, message FROM pulse_health_check('worker')$$, $$VALUES ('WARNING', 'version mismatch: such and such')$$, 'one that has says what');
UPDATE pulse.heartbeat SET seen_at = seen_at - interval '1 hour' WHERE component = 'worker';
SELECT is_empty($$SELECT FROM pulse_versions() WHERE component = 'pulse-worker'$$, 'one that is silent is not listed');

-- the background worker
SELECT ok(pulse_worker_start() IS NOT NULL, 'a background worker starts');
DO $$ BEGIN FOR i IN 1..600 LOOP EXIT WHEN (SELECT library FROM pulse.worker) IS NOT NULL; PERFORM pg_sleep(0.1); COMMIT; END LOOP; END $$;
SELECT results_eq($$SELECT version = pulse_version(), status FROM pulse_versions() WHERE component = 'background worker'$$, $$VALUES (true, 'fits')$$, 'and tells which library it runs');
BEGIN;
UPDATE pulse.worker SET library = '1.0.0';
SELECT results_eq($$SELECT v.status, v.remedy ~ 'pulse_worker_stop', h.status, h.message ~ 'it runs the library of Pulse 1\.0\.0' FROM pulse_versions() v, pulse_health_check('background_worker') h
	WHERE v.component = 'background worker'$$, $$VALUES ('behind', true, 'WARNING', true)$$, 'one that runs an older library is behind, and not quite healthy');
ROLLBACK;
SELECT pulse_worker_stop();
SELECT * FROM finish();
