-- Summaries of equity curves: aggregate once, ask many questions, roll up.

CREATE TYPE pulse_summary;

CREATE FUNCTION pulse.summary_in(cstring) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_summary_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_in(cstring) IS 'Internal: text form of pulse_summary to value.';
CREATE FUNCTION pulse.summary_out(pulse_summary) RETURNS cstring
	AS 'MODULE_PATHNAME', 'pulse_summary_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_out(pulse_summary) IS 'Internal: value of pulse_summary to text form.';
CREATE FUNCTION pulse.summary_recv(internal) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_summary_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_recv(internal) IS 'Internal: binary form of pulse_summary to value.';
CREATE FUNCTION pulse.summary_send(pulse_summary) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_summary_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_send(pulse_summary) IS 'Internal: value of pulse_summary to binary form.';

CREATE TYPE pulse_summary (
	INPUT = pulse.summary_in,
	OUTPUT = pulse.summary_out,
	RECEIVE = pulse.summary_recv,
	SEND = pulse.summary_send,
	INTERNALLENGTH = variable,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE pulse_summary IS
	'Summary of an equity curve by buckets of time: 120 bytes a bucket, in a versioned, portable form that is the same stored, sent and dumped. Made by pulse_summary(), merged by pulse_rollup(), read by the metrics of the same names as the aggregates. Text form: \x and hexadecimal digits.';

CREATE FUNCTION pulse.equity_accum_period(internal, timestamptz, float8, float8, interval) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_period' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum_period(internal, timestamptz, float8, float8, interval) IS
	'Internal: transition of aggregates over an equity curve with flows and a period.';
CREATE FUNCTION pulse.equity_accum_period(internal, timestamptz, numeric, numeric, interval) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_period_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum_period(internal, timestamptz, numeric, numeric, interval) IS
	'Internal: transition of aggregates over an equity curve with flows and a period.';

CREATE FUNCTION pulse.equity_summary(internal) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_equity_summary' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_summary(internal) IS
	'Internal: final function of pulse_summary().';
CREATE AGGREGATE pulse_summary(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, float8) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value float8, flow float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, float8, float8) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value float8, flow float8, period interval) (
	SFUNC = pulse.equity_accum_period,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, float8, float8, interval) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, numeric) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value numeric, flow numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, numeric, numeric) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value numeric, flow numeric, period interval) (
	SFUNC = pulse.equity_accum_period,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, numeric, numeric, interval) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';

CREATE TYPE pulse.rollup_state;

CREATE FUNCTION pulse.rollup_state_in(cstring) RETURNS pulse.rollup_state
	AS 'MODULE_PATHNAME', 'pulse_rollup_state_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_state_in(cstring) IS 'Internal: text form of pulse.rollup_state to value.';
CREATE FUNCTION pulse.rollup_state_out(pulse.rollup_state) RETURNS cstring
	AS 'MODULE_PATHNAME', 'pulse_rollup_state_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_state_out(pulse.rollup_state) IS 'Internal: value of pulse.rollup_state to text form.';

CREATE TYPE pulse.rollup_state (
	INPUT = pulse.rollup_state_in,
	OUTPUT = pulse.rollup_state_out,
	INTERNALLENGTH = variable,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE pulse.rollup_state IS
	'Internal: state of pulse_rollup(), a type of its own so that Citus merges on each node what is there.';

CREATE FUNCTION pulse.rollup_add(pulse.rollup_state, pulse_summary) RETURNS pulse.rollup_state
	AS 'MODULE_PATHNAME', 'pulse_rollup_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_add(pulse.rollup_state, pulse_summary) IS 'Internal: transition of pulse_rollup().';
CREATE FUNCTION pulse.rollup_merge(pulse.rollup_state, pulse.rollup_state) RETURNS pulse.rollup_state
	AS 'MODULE_PATHNAME', 'pulse_rollup_merge' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_merge(pulse.rollup_state, pulse.rollup_state) IS 'Internal: merges the states of two parallel workers, or nodes, over summaries.';
CREATE FUNCTION pulse.rollup_end(pulse.rollup_state) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_rollup_end' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_end(pulse.rollup_state) IS 'Internal: final function of pulse_rollup().';
CREATE AGGREGATE pulse_rollup(summary pulse_summary) (
	SFUNC = pulse.rollup_add,
	STYPE = pulse.rollup_state,
	SSPACE = 2048,
	FINALFUNC = pulse.rollup_end,
	COMBINEFUNC = pulse.rollup_merge,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_rollup(pulse_summary) IS
	'Merges summaries of one equity curve, in any order. The result equals the summary of all rows, to the bit where there are no flows, as long as the summaries do not overlap in time inside a bucket; where they do, drawdown is approximate. NULL is skipped; no summary gives NULL. Summaries of different periods raise 22023. Over the frame of a window it is computed from all of the frame''s rows each time.';
