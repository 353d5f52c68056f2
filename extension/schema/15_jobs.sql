-- What is due by the clock. A piece of the schema adds its job with a plain INSERT; the tick runs it.

CREATE TABLE pulse.job (
	name		text PRIMARY KEY CHECK (name <> ''),
	command		text NOT NULL,
	every		interval NOT NULL CHECK (every > '0'),
	next_at		timestamptz NOT NULL DEFAULT '-infinity',
	enabled		boolean NOT NULL DEFAULT true,
	last_started_at	timestamptz,
	last_finished_at	timestamptz,
	last_duration	interval,
	runs		bigint NOT NULL DEFAULT 0,
	failures	bigint NOT NULL DEFAULT 0,
	failing		integer NOT NULL DEFAULT 0,
	last_error	text,
	last_error_at	timestamptz,
	condition	text,
	at_least	interval NOT NULL DEFAULT '1 minute' CHECK (at_least > '0')
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.job IS 'what the tick runs by the clock, each in a transaction of its own';
COMMENT ON COLUMN pulse.job.command IS 'name of a function (at timestamptz) RETURNS timestamptz: it takes the time for which it is run, never now(), and returns when it wants to run next, NULL for at + every; at itself means again at once';
COMMENT ON COLUMN pulse.job.condition IS 'name of a function (at timestamptz) RETURNS boolean, cheap: the background worker passes the job over while it says that there is nothing to do; NULL: there always is';
COMMENT ON COLUMN pulse.job.at_least IS 'after so long it runs whatever the condition says';
COMMENT ON COLUMN pulse.job.failing IS 'failures in a row; each one doubles the pause, from one second to five minutes';

-- Apart from pulse.job, so that making a job due never waits for the transaction that runs it.
CREATE TABLE pulse.job_touch (
	name		text NOT NULL
) WITH (autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE pulse.job_touch IS 'jobs that are to run at once';

CREATE TRIGGER wake AFTER INSERT ON pulse.job_touch
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.wake();
CREATE TRIGGER wake AFTER INSERT ON pulse.job
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.wake();

REVOKE ALL ON pulse.job, pulse.job_touch FROM PUBLIC;

CREATE FUNCTION pulse.touch_job(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pulse.job j WHERE j.name = touch_job.name) THEN
		RAISE EXCEPTION 'unknown job: %', quote_literal(name) USING ERRCODE = 'undefined_object';
	END IF;
	IF NOT EXISTS (SELECT FROM pulse.job_touch t WHERE t.name = touch_job.name) THEN
		INSERT INTO pulse.job_touch VALUES (touch_job.name);
	END IF;
END
$$;
REVOKE ALL ON FUNCTION pulse.touch_job(text) FROM PUBLIC;
COMMENT ON FUNCTION pulse.touch_job(text) IS
	'Makes a job due at once; it runs after the commit, or later in the same tick when a job calls it. A job that keeps failing waits for its next attempt all the same. Error 42704 for a job that there is not.';

CREATE FUNCTION pulse.apply_retention(at timestamptz) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'pulse_retention_job' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION pulse.apply_retention(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.apply_retention(timestamptz) IS
	'Job: removes a batch of what is older than its retention; returns its argument when more is left, to run again at once.';

INSERT INTO pulse.job (name, command, every) VALUES ('retention', 'pulse.apply_retention', '10 seconds');
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES ('reader', 'table', 'job', 'SELECT');
