-- Figures from stored summaries, right at every moment.

CREATE FUNCTION pulse.state_metrics(source_id integer, portfolio text, since timestamptz, until timestamptz) RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_state_metrics' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION pulse.state_metrics(integer, text, timestamptz, timestamptz) IS
	'What pulse_metrics() says of the snapshots of a portfolio in a source, from the last one up to since, which stands at since, to until (NULL: open), computed from pulse.metric_state and, where that is not up to date, from snapshots; changes of the current transaction count. Equal to the bit, except that with flows products are rounded in another order, and that drawdown_duration dates a recovery at the highest snapshot of its day or hour. NULL without a snapshot, or where the current user may not see any.';

CREATE FUNCTION pulse.state_summary(source_id integer, portfolio text, since timestamptz, until timestamptz, period interval DEFAULT '1 day') RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_state_summary' LANGUAGE C STABLE COST 1000;
COMMENT ON FUNCTION pulse.state_summary(integer, text, timestamptz, timestamptz, interval) IS
	'The same as a summary by buckets of a whole number of hours. Error 22023 for another period.';

CREATE FUNCTION pulse.state_segments(source_id integer, portfolio text, cuts timestamptz[], by_days boolean)
	RETURNS TABLE (part integer, first_ts timestamptz, last_ts timestamptz, observations bigint, first double precision, last double precision,
				   high double precision, high_ts timestamptz, low double precision, deepest double precision, flow double precision,
				   link double precision, entry_link double precision)
	AS 'MODULE_PATHNAME', 'pulse_state_segments' LANGUAGE C STABLE COST 1000 ROWS 1000;
COMMENT ON FUNCTION pulse.state_segments(integer, text, timestamptz[], boolean) IS
	'The curve of a portfolio in a source in pieces of at most a day, or an hour, none of which reaches over one of the cuts; part counts the ranges between these. high and low are in units of after the last flow inside, deepest is the largest drawdown inside; entry_link is (value - flow) / value of the first snapshot, link the product of the same over the others, both NULL where equity was not positive.';

CREATE FUNCTION pulse.series_of(portfolio text, OUT source_id integer, OUT series_portfolio text)
	AS 'MODULE_PATHNAME', 'pulse_series_of' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.series_of(text) IS
	'The one equity curve that a portfolio stands for, or all that the current user sees (NULL): its source and portfolio. NULL when there is none, or when it takes several together.';

CREATE FUNCTION pulse.summary_segments(summary pulse_summary)
	RETURNS TABLE (part integer, first_ts timestamptz, last_ts timestamptz, observations bigint, first double precision, last double precision,
				   high double precision, high_ts timestamptz, low double precision, deepest double precision, flow double precision,
				   link double precision, entry_link double precision)
	AS 'MODULE_PATHNAME', 'pulse_summary_segment_rows' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_segments(pulse_summary) IS 'The buckets of a summary as rows, like pulse.state_segments().';
