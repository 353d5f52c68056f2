-- Jobs: what is due by the clock runs once, apart from everything else, and what fails stays by itself.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(34);

CREATE TABLE ran (job text, at timestamptz);
CREATE FUNCTION note(at timestamptz) RETURNS timestamptz LANGUAGE sql AS $$ INSERT INTO public.ran VALUES ('note', at); SELECT NULL::timestamptz $$;
CREATE FUNCTION weekly(at timestamptz) RETURNS timestamptz LANGUAGE sql AS
	$$ INSERT INTO public.ran VALUES ('weekly', at); SELECT date_trunc('week', at) + interval '7 days 9 hours' $$;
CREATE FUNCTION fails(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
	BEGIN INSERT INTO public.ran VALUES ('fails', at); RAISE EXCEPTION 'no luck'; END $$;
CREATE FUNCTION sleeps(at timestamptz) RETURNS timestamptz LANGUAGE sql AS $$ SELECT pg_catalog.pg_sleep(60); SELECT NULL::timestamptz $$;
CREATE FUNCTION tells(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
	BEGIN PERFORM public.pulse_notify('TOLD', 'HIGH', 'told at ' || at, 'by a job'); RETURN NULL; END $$;
CREATE FUNCTION again(at timestamptz) RETURNS timestamptz LANGUAGE sql AS
	$$ INSERT INTO public.ran VALUES ('again', at); SELECT CASE WHEN (SELECT count(*) FROM public.ran WHERE job = 'again') < 5 THEN $1 END $$;
CREATE FUNCTION touches(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS
	$$ BEGIN PERFORM pulse.touch_job('note'); RETURN NULL; END $$;
CREATE FUNCTION runs(name text) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM ran WHERE job = name';
SELECT pulse_tick('2030-01-01');

-- by the clock
INSERT INTO pulse.job (name, command, every) VALUES ('note', 'public.note', '1 hour');
SELECT is((pulse_tick('2030-01-01 00:00') ->> 'jobs')::int, 1, 'a new job runs at once');
SELECT is((SELECT at FROM ran), '2030-01-01 00:00', 'and is told the time');
SELECT results_eq($$SELECT runs, failures, failing, next_at, last_started_at FROM pulse.job WHERE name = 'note'$$,
	$$VALUES (1::bigint, 0::bigint, 0, timestamptz '2030-01-01 01:00', timestamptz '2030-01-01 00:00')$$, 'the next run is due after its interval');
SELECT pulse_tick('2030-01-01 00:59:59');
SELECT is(runs('note'), 1::bigint, 'not before');
SELECT pulse_tick('2030-01-01 01:00');
SELECT is(runs('note'), 2::bigint, 'but then');
SELECT pulse_tick('2030-01-01 12:00');
SELECT is(runs('note'), 3::bigint, 'what was missed is not made up for');
SELECT pulse_tick('2029-06-01');
SELECT is(runs('note'), 4::bigint, 'a clock that was set back does not stop it');
UPDATE pulse.job SET enabled = false WHERE name = 'note';
SELECT pulse_tick('2031-01-01');
SELECT is(runs('note'), 4::bigint, 'a job that is switched off does not run');
UPDATE pulse.job SET enabled = true WHERE name = 'note';

-- its own wish
INSERT INTO pulse.job (name, command, every) VALUES ('weekly', 'weekly', '1 day');
SELECT throws_like('SELECT pulse_tick(''infinity'')', '%must be finite', 'there is no tick at the end of time');
SELECT pulse_tick('2031-01-01 12:00');
SELECT is(runs('weekly'), 0::bigint, 'a command is looked up in pg_catalog, not where a user could put one');
SELECT alike((SELECT last_error FROM pulse.job WHERE name = 'weekly'), '%weekly%does not exist%', 'one that does not exist has failed');
UPDATE pulse.job SET command = 'public.weekly', next_at = '-infinity' WHERE name = 'weekly';
SELECT pulse_tick('2031-01-01 12:01');
SELECT is((SELECT next_at FROM pulse.job WHERE name = 'weekly'), '2031-01-06 09:00', 'a job says when it wants to run next');
SELECT pulse_tick(at) FROM generate_series(timestamptz '2031-01-01 13:00', '2031-01-31 13:00', '4 hours') at;
SELECT is((SELECT array_agg(at ORDER BY at) FROM ran WHERE job = 'weekly' AND at > '2031-01-02'),
	'{2031-01-06 09:00+00,2031-01-13 09:00+00,2031-01-20 09:00+00,2031-01-27 09:00+00}', 'a month of ticks runs it once a week');
SELECT ok((SELECT failing = 0 AND failures = 1 FROM pulse.job WHERE name = 'weekly'), 'after a success it no longer counts as failing');
INSERT INTO pulse.job (name, command, every) VALUES ('again', 'public.again', '1 day');
SELECT pulse_tick('2031-02-01');
SELECT is(runs('again'), 5::bigint, 'a job with more to do runs again at once');

-- failing
INSERT INTO pulse.job (name, command, every) VALUES ('aa fails', 'public.fails', '1 day');
UPDATE pulse.job SET next_at = '-infinity' WHERE name = 'note';
DELETE FROM ran;
SELECT is((pulse_tick('2031-02-01 12:00') ->> 'failures')::int, 1, 'a failure is reported');
SELECT is(runs('fails'), 0::bigint, 'nothing of it stays');
SELECT is(runs('note'), 1::bigint, 'the others run all the same');
SELECT results_eq($$SELECT failures, failing, last_error, next_at FROM pulse.job WHERE name = 'aa fails'$$,
	$$VALUES (1::bigint, 1, 'no luck', timestamptz '2031-02-01 12:00:01')$$, 'it is tried again soon');
SELECT is((SELECT failing_jobs FROM pulse_worker_status()), '{aa fails}', 'the status shows it');
SELECT pulse_tick('2031-02-01 12:00:01');
SELECT pulse_tick('2031-02-01 12:00:02');
SELECT is((SELECT next_at FROM pulse.job WHERE name = 'aa fails'), '2031-02-01 12:00:03', 'after a pause that doubles');
SELECT pulse_tick(at) FROM generate_series(timestamptz '2031-02-01 12:00:03', '2031-02-01 13:00', '20 seconds') at;
SELECT ok((SELECT failures BETWEEN 12 AND 22 AND next_at - last_started_at = '5 min' FROM pulse.job WHERE name = 'aa fails'),
	'to five minutes at most');
DELETE FROM pulse.job WHERE name = 'aa fails';
SET pulse.job_timeout = '100ms';
INSERT INTO pulse.job (name, command, every) VALUES ('sleeps', 'public.sleeps', '1 day');
SELECT pulse_tick('2031-02-02');
SELECT is((SELECT last_error FROM pulse.job WHERE name = 'sleeps'), 'not done within 100 ms', 'what takes too long is cancelled');
SELECT pg_sleep(0.2);
SELECT pass('and nothing else is');
RESET pulse.job_timeout;
DELETE FROM pulse.job WHERE name = 'sleeps';

-- announcing
INSERT INTO pulse.job (name, command, every) VALUES ('tells', 'public.tells', '1 day');
SELECT pulse_tick('2031-03-01');
SELECT is((SELECT data ->> 'title' FROM pulse.event WHERE type = 'SYSTEM_ALERT'), 'told at 2031-03-01 00:00:00+00',
	'what a job has to say is an event in the same tick');

-- touching
DELETE FROM ran;
SELECT pulse.touch_job('note');
SELECT pulse.touch_job('note');
SELECT is((SELECT count(*) FROM pulse.job_touch), 1::bigint, 'a job is touched once');
SELECT pulse_tick('2031-03-01 00:00:01');
SELECT is(runs('note'), 1::bigint, 'a touched job runs at once');
SELECT is_empty('SELECT FROM pulse.job_touch', 'and is no longer touched');
SELECT pulse_tick('2031-03-01 00:00:02');
SELECT is(runs('note'), 1::bigint, 'once');
INSERT INTO pulse.job (name, command, every) VALUES ('touches', 'public.touches', '1 day');
SELECT pulse_tick('2031-03-01 00:00:03');
SELECT is(runs('note'), 2::bigint, 'a job may touch another one');
SELECT throws_ok($$SELECT pulse.touch_job('nobody')$$, '42704', NULL, 'an unknown job cannot be touched');

-- who
CREATE ROLE ticker;
GRANT USAGE ON SCHEMA tap TO PUBLIC;
SELECT pulse_grant('ticker', 'worker');
SET ROLE ticker;
SELECT throws_ok($$SELECT pulse_tick('2040-01-01')$$, '42501', NULL, 'the daemon''s role cannot tick in the future');
SELECT lives_ok('SELECT pulse_tick()', 'it ticks now');
SELECT throws_ok($$SELECT pulse.touch_job('note')$$, '42501', NULL, 'and touches nothing');
RESET ROLE;

SELECT * FROM finish();
