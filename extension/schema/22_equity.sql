-- Aggregates over an equity curve (ts, value) in any input order, all of one transition. They have no
-- combine function: a parallel worker sees only some of the rows between any two, and would have to keep
-- and send all of them. Summaries of days, each computed anywhere, roll up in parallel instead.

CREATE FUNCTION pulse.equity_accum(internal, timestamptz, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, float8) IS
	'Internal: transition of aggregates over an equity curve.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, float8, float8) IS
	'Internal: transition of aggregates over an equity curve with flows.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, float8, float8, float8, float8, interval, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, float8, float8, float8, float8, interval, float8) IS
	'Internal: transition of aggregates over an equity curve with flows and parameters.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, numeric) IS
	'Internal: transition of aggregates over an equity curve.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, numeric, numeric) IS
	'Internal: transition of aggregates over an equity curve with flows.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, numeric, numeric, float8, float8, interval, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, numeric, numeric, float8, float8, interval, float8) IS
	'Internal: transition of aggregates over an equity curve with flows and parameters.';

-- max_drawdown
CREATE FUNCTION pulse.equity_max_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_max_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_max_drawdown(internal) IS
	'Internal: final function of pulse_max_drawdown().';
CREATE AGGREGATE pulse_max_drawdown(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_max_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown(timestamptz, float8) IS
	'Maximum drawdown of an equity curve: the largest (peak - value) / peak, positive; 0.15 is 15 %; more than 1 where equity falls below 0. The peak starts at the first value. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_max_drawdown(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_max_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown(timestamptz, numeric) IS
	'Maximum drawdown of an equity curve: the largest (peak - value) / peak, positive; 0.15 is 15 %; more than 1 where equity falls below 0. The peak starts at the first value. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- max_drawdown_amount
CREATE FUNCTION pulse.equity_max_drawdown_amount(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_max_drawdown_amount' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_max_drawdown_amount(internal) IS
	'Internal: final function of pulse_max_drawdown_amount().';
CREATE AGGREGATE pulse_max_drawdown_amount(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_max_drawdown_amount,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown_amount,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown_amount(timestamptz, float8) IS
	'Maximum drawdown in money: the largest peak - value of a curve, positive, in the unit of the values; of equity or of cumulative profit and loss, which may be negative. Deposits and withdrawals are not removed. The peak starts at the first value. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_max_drawdown_amount(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_max_drawdown_amount,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown_amount,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown_amount(timestamptz, numeric) IS
	'Maximum drawdown in money: the largest peak - value of a curve, positive, in the unit of the values; of equity or of cumulative profit and loss, which may be negative. Deposits and withdrawals are not removed. The peak starts at the first value. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row gives NULL. An infinite time raises 22008.';

-- current_drawdown
CREATE FUNCTION pulse.equity_current_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_current_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_current_drawdown(internal) IS
	'Internal: final function of pulse_current_drawdown().';
CREATE AGGREGATE pulse_current_drawdown(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_current_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_current_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_current_drawdown(timestamptz, float8) IS
	'Current drawdown of an equity curve: (peak - last value) / peak, positive. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_current_drawdown(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_current_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_current_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_current_drawdown(timestamptz, numeric) IS
	'Current drawdown of an equity curve: (peak - last value) / peak, positive. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- drawdown_duration
CREATE FUNCTION pulse.equity_drawdown_duration(internal) RETURNS interval
	AS 'MODULE_PATHNAME', 'pulse_equity_drawdown_duration' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_drawdown_duration(internal) IS
	'Internal: final function of pulse_drawdown_duration().';
CREATE AGGREGATE pulse_drawdown_duration(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_drawdown_duration,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_drawdown_duration,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_drawdown_duration(timestamptz, float8) IS
	'Longest time an equity curve was under water: from a peak to its recovery, or to the last row. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NULL; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_drawdown_duration(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_drawdown_duration,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_drawdown_duration,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_drawdown_duration(timestamptz, numeric) IS
	'Longest time an equity curve was under water: from a peak to its recovery, or to the last row. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NULL; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- cagr
CREATE FUNCTION pulse.equity_cagr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_cagr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_cagr(internal) IS
	'Internal: final function of pulse_cagr().';
CREATE AGGREGATE pulse_cagr(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cagr,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_cagr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cagr(timestamptz, float8) IS
	'Compound annual growth rate of an equity curve over calendar time: (last / first)^(year / time between) - 1, a year being 365 days. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_cagr(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cagr,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_cagr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cagr(timestamptz, numeric) IS
	'Compound annual growth rate of an equity curve over calendar time: (last / first)^(year / time between) - 1, a year being 365 days. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008.';

-- calmar
CREATE FUNCTION pulse.equity_calmar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_calmar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_calmar(internal) IS
	'Internal: final function of pulse_calmar().';
CREATE AGGREGATE pulse_calmar(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_calmar,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_calmar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_calmar(timestamptz, float8) IS
	'Calmar ratio of an equity curve: CAGR over maximum drawdown. NULL without a drawdown. Source: Young 1991. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_calmar(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_calmar,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_calmar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_calmar(timestamptz, numeric) IS
	'Calmar ratio of an equity curve: CAGR over maximum drawdown. NULL without a drawdown. Source: Young 1991. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008.';

-- average_drawdown
CREATE FUNCTION pulse.equity_average_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_average_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_average_drawdown(internal) IS
	'Internal: final function of pulse_average_drawdown().';
CREATE AGGREGATE pulse_average_drawdown(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_average_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_drawdown(timestamptz, float8) IS
	'Average drawdown of an equity curve: mean of (peak - value) / peak over all observations after the first, those at a peak counting 0. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_average_drawdown(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_average_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_drawdown(timestamptz, numeric) IS
	'Average drawdown of an equity curve: mean of (peak - value) / peak over all observations after the first, those at a peak counting 0. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- pain_index
CREATE AGGREGATE pulse_pain_index(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_average_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_pain_index(timestamptz, float8) IS
	'Pain index of an equity curve: mean of (peak - value) / peak over all observations after the first, those at a peak counting 0. Source: Becker 2006. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_pain_index(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_average_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_pain_index(timestamptz, numeric) IS
	'Pain index of an equity curve: mean of (peak - value) / peak over all observations after the first, those at a peak counting 0. Source: Becker 2006. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- ulcer_index
CREATE FUNCTION pulse.equity_ulcer_index(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_ulcer_index' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_ulcer_index(internal) IS
	'Internal: final function of pulse_ulcer_index().';
CREATE AGGREGATE pulse_ulcer_index(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_ulcer_index,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ulcer_index,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ulcer_index(timestamptz, float8) IS
	'Ulcer index of an equity curve: root of the mean squared drawdown over all observations after the first, a fraction, not a percentage. Source: Martin 1987. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_ulcer_index(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_ulcer_index,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ulcer_index,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ulcer_index(timestamptz, numeric) IS
	'Ulcer index of an equity curve: root of the mean squared drawdown over all observations after the first, a fraction, not a percentage. Source: Martin 1987. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- cdar
CREATE FUNCTION pulse.equity_cdar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_cdar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_cdar(internal) IS
	'Internal: final function of pulse_cdar().';
CREATE FUNCTION pulse.equity_accum_confidence(internal, timestamptz, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_confidence' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum_confidence(internal, timestamptz, float8, float8) IS
	'Internal: transition of aggregates over an equity curve with a confidence.';
CREATE FUNCTION pulse.equity_accum_confidence(internal, timestamptz, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_confidence_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum_confidence(internal, timestamptz, numeric, float8) IS
	'Internal: transition of aggregates over an equity curve with a confidence.';
CREATE AGGREGATE pulse_cdar(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cdar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cdar(timestamptz, float8) IS
	'Conditional drawdown at risk of an equity curve: mean of the drawdowns at or beyond their confidence quantile (type 7) over all observations after the first; confidence defaults to 0.95. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008. A confidence outside of (0, 1) raises 22023. Source: Chekhlov, Uryasev and Zabarankin 2005. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_cdar(ts timestamptz, value float8, confidence float8) (
	SFUNC = pulse.equity_accum_confidence,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cdar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cdar(timestamptz, float8, float8) IS
	'Conditional drawdown at risk of an equity curve: mean of the drawdowns at or beyond their confidence quantile (type 7) over all observations after the first; confidence defaults to 0.95. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008. A confidence outside of (0, 1) raises 22023. Source: Chekhlov, Uryasev and Zabarankin 2005. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_cdar(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cdar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cdar(timestamptz, numeric) IS
	'Conditional drawdown at risk of an equity curve: mean of the drawdowns at or beyond their confidence quantile (type 7) over all observations after the first; confidence defaults to 0.95. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008. A confidence outside of (0, 1) raises 22023. Source: Chekhlov, Uryasev and Zabarankin 2005. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_cdar(ts timestamptz, value numeric, confidence float8) (
	SFUNC = pulse.equity_accum_confidence,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cdar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cdar(timestamptz, numeric, float8) IS
	'Conditional drawdown at risk of an equity curve: mean of the drawdowns at or beyond their confidence quantile (type 7) over all observations after the first; confidence defaults to 0.95. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008. A confidence outside of (0, 1) raises 22023. Source: Chekhlov, Uryasev and Zabarankin 2005. Over the frame of a window it is computed from all of the frame''s rows each time.';

-- twr
CREATE FUNCTION pulse.equity_twr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_twr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_twr(internal) IS
	'Internal: final function of pulse_twr().';
CREATE AGGREGATE pulse_twr(ts timestamptz, value float8, flow float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_twr,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_twr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_twr(timestamptz, float8, float8) IS
	'Time-weighted return of an equity curve with external flows: chain-linked growth (value - flow) / value before; flow is the net deposit (+) or withdrawal (-) since the previous row, already contained in value, and ignored in the first row. Not annualised. A NULL flow is 0. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008. Source: GIPS 2020.';
CREATE AGGREGATE pulse_twr(ts timestamptz, value numeric, flow numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_twr,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_twr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_twr(timestamptz, numeric, numeric) IS
	'Time-weighted return of an equity curve with external flows: chain-linked growth (value - flow) / value before; flow is the net deposit (+) or withdrawal (-) since the previous row, already contained in value, and ignored in the first row. Not annualised. A NULL flow is 0. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008. Source: GIPS 2020.';

-- xirr
CREATE FUNCTION pulse.equity_xirr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_xirr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_xirr(internal) IS
	'Internal: final function of pulse_xirr().';
CREATE AGGREGATE pulse_xirr(ts timestamptz, amount float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_xirr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_xirr(timestamptz, float8) IS
	'Money-weighted annual rate of return (XIRR): the rate at which payments discount to 0, a year being 365 days; payments in (deposits) are negative and payments out (withdrawals, the final value) positive, or all the other way round. Rows may come in any order; rows without time or amount are skipped; a NaN or infinite amount gives NaN; without payments of both signs at different times, or without such a rate, NULL; of several rates the one nearest to 0. An infinite time raises 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_xirr(ts timestamptz, amount numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_xirr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_xirr(timestamptz, numeric) IS
	'Money-weighted annual rate of return (XIRR): the rate at which payments discount to 0, a year being 365 days; payments in (deposits) are negative and payments out (withdrawals, the final value) positive, or all the other way round. Rows may come in any order; rows without time or amount are skipped; a NaN or infinite amount gives NaN; without payments of both signs at different times, or without such a rate, NULL; of several rates the one nearest to 0. An infinite time raises 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';

-- drawdown over values that the query brings in order
CREATE FUNCTION pulse.drawdown_accum(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_drawdown_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_accum(internal, float8) IS
	'Internal: transition of drawdown over ordered values.';
CREATE FUNCTION pulse.drawdown_accum(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_drawdown_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_accum(internal, numeric) IS
	'Internal: transition of drawdown over ordered values.';
CREATE FUNCTION pulse.drawdown_max(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_drawdown_max' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_max(internal) IS
	'Internal: final function of pulse_max_drawdown(value).';
CREATE AGGREGATE pulse_max_drawdown(value float8) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_max,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown(float8) IS
	'Maximum drawdown of values in input order: write pulse_max_drawdown(value ORDER BY ts). The largest (peak - value) / peak, positive. The peak starts at the first value. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no positive peak, gives NULL.';
CREATE AGGREGATE pulse_max_drawdown(value numeric) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_max,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown(numeric) IS
	'Maximum drawdown of values in input order: write pulse_max_drawdown(value ORDER BY ts). The largest (peak - value) / peak, positive. The peak starts at the first value. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no positive peak, gives NULL.';
CREATE FUNCTION pulse.drawdown_now(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_drawdown_now' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_now(internal) IS
	'Internal: final function of pulse_current_drawdown(value).';
CREATE AGGREGATE pulse_current_drawdown(value float8) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_now,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_current_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_current_drawdown(float8) IS
	'Current drawdown of values in input order: write pulse_current_drawdown(value ORDER BY ts). (peak - last value) / peak, positive. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no positive peak, gives NULL.';
CREATE AGGREGATE pulse_current_drawdown(value numeric) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_now,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_current_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_current_drawdown(numeric) IS
	'Current drawdown of values in input order: write pulse_current_drawdown(value ORDER BY ts). (peak - last value) / peak, positive. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no positive peak, gives NULL.';
CREATE FUNCTION pulse.drawdown_money(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_drawdown_money' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_money(internal) IS
	'Internal: final function of pulse_max_drawdown_amount(value).';
CREATE AGGREGATE pulse_max_drawdown_amount(value float8) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_money,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown_amount,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown_amount(float8) IS
	'Maximum drawdown in money of values in input order: write pulse_max_drawdown_amount(value ORDER BY ts). The largest peak - value, positive, in the unit of the values; of equity or of cumulative profit and loss, which may be negative. The peak starts at the first value. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';
CREATE AGGREGATE pulse_max_drawdown_amount(value numeric) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_money,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown_amount,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown_amount(numeric) IS
	'Maximum drawdown in money of values in input order: write pulse_max_drawdown_amount(value ORDER BY ts). The largest peak - value, positive, in the unit of the values; of equity or of cumulative profit and loss, which may be negative. The peak starts at the first value. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';
