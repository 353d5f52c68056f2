-- Aggregates over per-period returns. All without parameters have the same transition, so any number
-- of them costs one pass; so have all with the same parameters.

CREATE FUNCTION pulse.returns_accum(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum(internal, float8) IS
	'Internal: transition of aggregates over returns.';
CREATE FUNCTION pulse.returns_accum_rate(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_rate(internal, float8, float8) IS
	'Internal: transition of aggregates over returns with an annual rate.';
CREATE FUNCTION pulse.returns_accum_rate(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_rate(internal, float8, float8, float8) IS
	'Internal: transition of aggregates over returns with an annual rate and periods per year.';
CREATE FUNCTION pulse.returns_accum_plain(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_plain' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_plain(internal, float8, float8) IS
	'Internal: transition of aggregates over returns with one parameter.';
CREATE FUNCTION pulse.returns_accum(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum(internal, numeric) IS
	'Internal: transition of aggregates over returns.';
CREATE FUNCTION pulse.returns_accum_rate(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_rate(internal, numeric, float8) IS
	'Internal: transition of aggregates over returns with an annual rate.';
CREATE FUNCTION pulse.returns_accum_rate(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_rate(internal, numeric, float8, float8) IS
	'Internal: transition of aggregates over returns with an annual rate and periods per year.';
CREATE FUNCTION pulse.returns_accum_plain(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_plain_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_plain(internal, numeric, float8) IS
	'Internal: transition of aggregates over returns with one parameter.';
CREATE FUNCTION pulse.returns_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_combine(internal, internal) IS 'Internal: merges the states of two parallel workers over returns.';
CREATE FUNCTION pulse.returns_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_returns_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_serialize(internal) IS 'Internal: writes a state over returns for another process.';
CREATE FUNCTION pulse.returns_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_deserialize(bytea, internal) IS 'Internal: reads a state over returns of another process.';
CREATE FUNCTION pulse.numeric_decode(numeric) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_numeric_decode' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.numeric_decode(numeric) IS
	'Internal: the cast of numeric to double precision as the metrics do it, correctly rounded.';

-- total_return
CREATE FUNCTION pulse.returns_total_return(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_total_return' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_total_return(internal) IS
	'Internal: final function of pulse_total_return().';
CREATE AGGREGATE pulse_total_return(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_total_return,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_growth,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_total_return,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_total_return(float8) IS
	'Compounded return of per-period simple returns: prod(1 + r) - 1, summed as compensated log(1 + r). 0.1 is 10 %. NULL rows are skipped; NaN or infinity in gives NaN; no row, or a return below -1, gives NULL.';
CREATE AGGREGATE pulse_total_return(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_total_return,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_growth,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_total_return,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_total_return(numeric) IS
	'Compounded return of per-period simple returns: prod(1 + r) - 1, summed as compensated log(1 + r). 0.1 is 10 %. NULL rows are skipped; NaN or infinity in gives NaN; no row, or a return below -1, gives NULL.';
CREATE FUNCTION pulse_total_return(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_total_return' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_total_return(float8[]) IS
	'The same over an array. Compounded return of per-period simple returns: prod(1 + r) - 1, summed as compensated log(1 + r). 0.1 is 10 %. NULL elements are skipped; NaN or infinity in gives NaN; no element, or a return below -1, gives NULL.';

-- volatility
CREATE FUNCTION pulse.returns_volatility(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_volatility' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_volatility(internal) IS
	'Internal: final function of pulse_volatility().';
CREATE AGGREGATE pulse_volatility(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_volatility,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_volatility(float8) IS
	'Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_volatility(r float8, periods float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_volatility,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_volatility(float8, float8) IS
	'Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_volatility(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_volatility,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_volatility(numeric) IS
	'Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_volatility(r numeric, periods float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_volatility,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_volatility(numeric, float8) IS
	'Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Periods that are not positive and finite raise 22023.';
CREATE FUNCTION pulse_volatility(returns float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_volatility' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_volatility(float8[], float8) IS
	'The same over an array. Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. Periods that are not positive and finite raise 22023.';

-- downside_deviation
CREATE FUNCTION pulse.returns_downside_deviation(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_downside_deviation' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_downside_deviation(internal) IS
	'Internal: final function of pulse_downside_deviation().';
CREATE AGGREGATE pulse_downside_deviation(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r float8, mar float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(float8, float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r float8, mar float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(float8, float8, float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(numeric) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r numeric, mar float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(numeric, float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r numeric, mar float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(numeric, float8, float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE FUNCTION pulse_downside_deviation(returns float8[], mar float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_downside_deviation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_downside_deviation(float8[], float8, float8) IS
	'The same over an array. Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all elements, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';

-- sharpe
CREATE FUNCTION pulse.returns_sharpe(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_sharpe' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_sharpe(internal) IS
	'Internal: final function of pulse_sharpe().';
CREATE AGGREGATE pulse_sharpe(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r float8, risk_free float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(float8, float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r float8, risk_free float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(float8, float8, float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(numeric) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r numeric, risk_free float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(numeric, float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r numeric, risk_free float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(numeric, float8, float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE FUNCTION pulse_sharpe(returns float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_sharpe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe(float8[], float8, float8) IS
	'The same over an array. Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';

-- sortino
CREATE FUNCTION pulse.returns_sortino(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_sortino' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_sortino(internal) IS
	'Internal: final function of pulse_sortino().';
CREATE AGGREGATE pulse_sortino(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r float8, mar float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(float8, float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r float8, mar float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(float8, float8, float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(numeric) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r numeric, mar float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(numeric, float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r numeric, mar float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(numeric, float8, float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE FUNCTION pulse_sortino(returns float8[], mar float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_sortino' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sortino(float8[], float8, float8) IS
	'The same over an array. Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all elements in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';

-- omega
CREATE FUNCTION pulse.returns_omega(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_omega' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_omega(internal) IS
	'Internal: final function of pulse_omega().';
CREATE AGGREGATE pulse_omega(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_omega,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_threshold,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_omega,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_omega(float8) IS
	'Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';
CREATE AGGREGATE pulse_omega(r float8, threshold float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_omega,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_threshold,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_omega,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_omega(float8, float8) IS
	'Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';
CREATE AGGREGATE pulse_omega(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_omega,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_threshold,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_omega,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_omega(numeric) IS
	'Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';
CREATE AGGREGATE pulse_omega(r numeric, threshold float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_omega,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_threshold,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_omega,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_omega(numeric, float8) IS
	'Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';
CREATE FUNCTION pulse_omega(returns float8[], threshold float8 DEFAULT 0) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_omega' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_omega(float8[], float8) IS
	'The same over an array. Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';

-- gain_to_pain
CREATE FUNCTION pulse.returns_gain_to_pain(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_gain_to_pain' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_gain_to_pain(internal) IS
	'Internal: final function of pulse_gain_to_pain().';
CREATE AGGREGATE pulse_gain_to_pain(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_gain_to_pain,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_gain_to_pain,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_gain_to_pain(float8) IS
	'Gain-to-pain ratio of per-period returns: sum of returns over the sum of the losses, positive. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. Source: Schwager 2012.';
CREATE AGGREGATE pulse_gain_to_pain(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_gain_to_pain,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_gain_to_pain,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_gain_to_pain(numeric) IS
	'Gain-to-pain ratio of per-period returns: sum of returns over the sum of the losses, positive. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. Source: Schwager 2012.';
CREATE FUNCTION pulse_gain_to_pain(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_gain_to_pain' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_gain_to_pain(float8[]) IS
	'The same over an array. Gain-to-pain ratio of per-period returns: sum of returns over the sum of the losses, positive. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or no loss, give NULL. Source: Schwager 2012.';

-- psr
CREATE FUNCTION pulse.returns_psr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_psr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_psr(internal) IS
	'Internal: final function of pulse_psr().';
CREATE AGGREGATE pulse_psr(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_psr,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_psr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_psr(float8) IS
	'Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';
CREATE AGGREGATE pulse_psr(r float8, benchmark_sharpe float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_psr,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_psr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_psr(float8, float8) IS
	'Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';
CREATE AGGREGATE pulse_psr(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_psr,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_psr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_psr(numeric) IS
	'Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';
CREATE AGGREGATE pulse_psr(r numeric, benchmark_sharpe float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_psr,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_psr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_psr(numeric, float8) IS
	'Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';
CREATE FUNCTION pulse_psr(returns float8[], benchmark_sharpe float8 DEFAULT 0) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_psr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_psr(float8[], float8) IS
	'The same over an array. Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';

-- kelly
CREATE FUNCTION pulse.returns_kelly(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_kelly' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_kelly(internal) IS
	'Internal: final function of pulse_kelly().';
CREATE AGGREGATE pulse_kelly(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_kelly,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_kelly,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kelly(float8) IS
	'Kelly fraction for continuous returns: mean over sample variance, per period. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. Source: Thorp 2006.';
CREATE AGGREGATE pulse_kelly(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_kelly,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_kelly,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kelly(numeric) IS
	'Kelly fraction for continuous returns: mean over sample variance, per period. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. Source: Thorp 2006.';
CREATE FUNCTION pulse_kelly(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_kelly' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_kelly(float8[]) IS
	'The same over an array. Kelly fraction for continuous returns: mean over sample variance, per period. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. Source: Thorp 2006.';
