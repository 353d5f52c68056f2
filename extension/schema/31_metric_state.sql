-- Summaries of every equity curve by hours and days, kept up to date by the tick: what figures over years are read from.

CREATE TABLE pulse.metric_state (
	source_id	integer NOT NULL,
	portfolio	text COLLATE "C" NOT NULL,
	hours		smallint NOT NULL CHECK (hours IN (1, 24, 672)),
	bucket		timestamptz NOT NULL,
	summary		pulse_summary NOT NULL,
	sealed		boolean NOT NULL DEFAULT false,
	PRIMARY KEY (source_id, portfolio, hours, bucket)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- Four weeks of days are 3.4 kB: compressing them would cost more time than reading them.
ALTER TABLE pulse.metric_state ALTER summary SET STORAGE plain;
COMMENT ON TABLE pulse.metric_state IS
	'summaries of the followed equity curves by UTC buckets. With the rows of pulse.dirty and pulse.metric_dirty that are visible in the same MVCC snapshot it is the truth: a tick takes those away and rewrites the buckets in one transaction, so that outside of the ranges they name every bucket is complete';
COMMENT ON COLUMN pulse.metric_state.hours IS
	'width of the bucket: 1, 24, or 672, four weeks, counted from Monday, 3 January 2000. A row of four weeks holds the summaries of its days; there is one for every such period but the newest';
COMMENT ON COLUMN pulse.metric_state.bucket IS 'when the bucket begins; a bucket without a snapshot has no row';
COMMENT ON COLUMN pulse.metric_state.sealed IS
	'archived by pulse.archive_buckets(): the snapshots it was computed from may have been deleted, and no change of them is looked at any more. A dump carries these rows';

-- No index on purpose: it is empty but for the moments between two transactions of a tick, and while a build is going on.
CREATE TABLE pulse.metric_dirty (
	source_id	integer NOT NULL,
	portfolio	text COLLATE "C",
	min_ts		timestamptz NOT NULL,
	max_ts		timestamptz NOT NULL,
	marked_at	timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 1000000000);
COMMENT ON TABLE pulse.metric_dirty IS
	'time ranges that a tick has taken from pulse.dirty and whose buckets in pulse.metric_state are still to be rewritten; a large one is worked off in pieces from its beginning';
COMMENT ON COLUMN pulse.metric_dirty.portfolio IS 'NULL: every portfolio of the source';
REVOKE ALL ON pulse.metric_state, pulse.metric_dirty FROM PUBLIC;

-- Sealed buckets may be all that is left of their time.
SELECT pg_catalog.pg_extension_config_dump('pulse.metric_state', 'WHERE sealed');

CREATE AGGREGATE pulse.raw_summary(ts timestamptz, value numeric, flow numeric, period interval) (
	SFUNC = pulse.equity_accum_period,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse.raw_summary(timestamptz, numeric, numeric, interval) IS
	'pulse_summary() under a name that does not depend on where the extension''s functions are.';

CREATE FUNCTION pulse.summary_of_bytes(bytea) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_summary_of_bytes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_of_bytes(bytea) IS 'A summary from its bytes, which every use checks.';

CREATE FUNCTION pulse.seal_buckets(source_id integer, before timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE
	AS $$
#variable_conflict use_column
DECLARE
	complete timestamptz;
BEGIN
	-- what is still to be rewritten is not complete
	SELECT least(seal_buckets.before, date_trunc('day', min(coalesce(d.min_ts, '-infinity')), 'UTC')) INTO complete
		FROM (SELECT d.min_ts FROM pulse.dirty d WHERE d.source_id = seal_buckets.source_id
			UNION ALL SELECT m.min_ts FROM pulse.metric_dirty m WHERE m.source_id = seal_buckets.source_id) d;
	UPDATE pulse.source s SET archived_before = greatest(s.archived_before, complete)
		FROM pulse.sequencer q
		WHERE s.source_id = seal_buckets.source_id AND s.kind = 'snapshots' AND s.state = 'active' AND s.epoch = q.epoch
			AND isfinite(complete) AND complete <= now() AND (s.archived_before IS NULL OR s.archived_before < complete);
	IF FOUND THEN
		UPDATE pulse.metric_state m SET sealed = true
			WHERE m.source_id = seal_buckets.source_id AND NOT m.sealed AND m.bucket + make_interval(hours => m.hours) <= complete;
	END IF;
	RETURN (SELECT s.archived_before FROM pulse.source s WHERE s.source_id = seal_buckets.source_id);
END
$$;
REVOKE ALL ON FUNCTION pulse.seal_buckets(integer, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.seal_buckets(integer, timestamptz) IS 'Body of pulse.archive_buckets(), called under the lock of those who rewrite buckets.';

CREATE FUNCTION pulse.archive_buckets(source_id integer, before timestamptz) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'pulse_archive_buckets' LANGUAGE C VOLATILE STRICT;
REVOKE ALL ON FUNCTION pulse.archive_buckets(integer, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.archive_buckets(integer, timestamptz) IS
	'To be called before snapshots of a source are deleted or thinned out on purpose: seals the summaries of the UTC days before a time and returns the time before which they are sealed now, which is earlier when later buckets are still to be rewritten, and NULL when nothing is sealed. Only snapshots before the returned time may be removed; from then on summaries alone stand for them, by whole hours, and no change before that time counts.';
