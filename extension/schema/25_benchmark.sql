-- Aggregates over per-period returns and those of a benchmark, pairwise, all of one transition.

CREATE FUNCTION pulse.pair_accum(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum(internal, float8, float8) IS
	'Internal: transition of benchmark aggregates.';
CREATE FUNCTION pulse.pair_accum_rate(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_rate(internal, float8, float8, float8) IS
	'Internal: transition of benchmark aggregates with a risk-free rate.';
CREATE FUNCTION pulse.pair_accum_rate(internal, float8, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_rate(internal, float8, float8, float8, float8) IS
	'Internal: transition of benchmark aggregates with a risk-free rate and periods per year.';
CREATE FUNCTION pulse.pair_accum_periods(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_periods' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_periods(internal, float8, float8, float8) IS
	'Internal: transition of benchmark aggregates with periods per year.';
CREATE FUNCTION pulse.pair_accum(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum(internal, numeric, numeric) IS
	'Internal: transition of benchmark aggregates.';
CREATE FUNCTION pulse.pair_accum_rate(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_rate(internal, numeric, numeric, float8) IS
	'Internal: transition of benchmark aggregates with a risk-free rate.';
CREATE FUNCTION pulse.pair_accum_rate(internal, numeric, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_rate(internal, numeric, numeric, float8, float8) IS
	'Internal: transition of benchmark aggregates with a risk-free rate and periods per year.';
CREATE FUNCTION pulse.pair_accum_periods(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_periods_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_periods(internal, numeric, numeric, float8) IS
	'Internal: transition of benchmark aggregates with periods per year.';
CREATE FUNCTION pulse.pair_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_combine(internal, internal) IS 'Internal: merges the states of two parallel workers over pairs.';
CREATE FUNCTION pulse.pair_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_pair_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_serialize(internal) IS 'Internal: writes a state over pairs for another process.';
CREATE FUNCTION pulse.pair_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_deserialize(bytea, internal) IS 'Internal: reads a state over pairs of another process.';

-- beta
CREATE FUNCTION pulse.pair_beta(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_beta' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_beta(internal) IS
	'Internal: final function of pulse_beta().';
CREATE AGGREGATE pulse_beta(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_beta,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_beta,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_beta(float8, float8) IS
	'Beta of returns to a benchmark''s: covariance over the variance of the benchmark. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary (relative to its size), give NULL. Source: Sharpe 1964.';
CREATE AGGREGATE pulse_beta(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_beta,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_beta,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_beta(numeric, numeric) IS
	'Beta of returns to a benchmark''s: covariance over the variance of the benchmark. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary (relative to its size), give NULL. Source: Sharpe 1964.';
CREATE FUNCTION pulse_beta(returns float8[], benchmark float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_beta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_beta(float8[], float8[]) IS
	'The same over two arrays of equal length, 2202E if they are not. Beta of returns to a benchmark''s: covariance over the variance of the benchmark. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary (relative to its size), give NULL. Source: Sharpe 1964.';

-- alpha
CREATE FUNCTION pulse.pair_alpha(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_alpha' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_alpha(internal) IS
	'Internal: final function of pulse_alpha().';
CREATE AGGREGATE pulse_alpha(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(float8, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r float8, b float8, risk_free float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(float8, float8, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r float8, b float8, risk_free float8, periods float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(float8, float8, float8, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(numeric, numeric) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r numeric, b numeric, risk_free float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(numeric, numeric, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r numeric, b numeric, risk_free float8, periods float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(numeric, numeric, float8, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE FUNCTION pulse_alpha(returns float8[], benchmark float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_alpha' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_alpha(float8[], float8[], float8, float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';

-- tracking_error
CREATE FUNCTION pulse.pair_tracking_error(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_tracking_error' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_tracking_error(internal) IS
	'Internal: final function of pulse_tracking_error().';
CREATE AGGREGATE pulse_tracking_error(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_tracking_error,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_tracking_error,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tracking_error(float8, float8) IS
	'Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_tracking_error(r float8, b float8, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_tracking_error,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_tracking_error,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tracking_error(float8, float8, float8) IS
	'Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_tracking_error(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_tracking_error,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_tracking_error,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tracking_error(numeric, numeric) IS
	'Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_tracking_error(r numeric, b numeric, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_tracking_error,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_tracking_error,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tracking_error(numeric, numeric, float8) IS
	'Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';
CREATE FUNCTION pulse_tracking_error(returns float8[], benchmark float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_tracking_error' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_tracking_error(float8[], float8[], float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';

-- information_ratio
CREATE FUNCTION pulse.pair_information_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_information_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_information_ratio(internal) IS
	'Internal: final function of pulse_information_ratio().';
CREATE AGGREGATE pulse_information_ratio(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_information_ratio,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_information_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_information_ratio(float8, float8) IS
	'Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';
CREATE AGGREGATE pulse_information_ratio(r float8, b float8, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_information_ratio,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_information_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_information_ratio(float8, float8, float8) IS
	'Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';
CREATE AGGREGATE pulse_information_ratio(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_information_ratio,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_information_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_information_ratio(numeric, numeric) IS
	'Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';
CREATE AGGREGATE pulse_information_ratio(r numeric, b numeric, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_information_ratio,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_information_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_information_ratio(numeric, numeric, float8) IS
	'Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';
CREATE FUNCTION pulse_information_ratio(returns float8[], benchmark float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_information_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_information_ratio(float8[], float8[], float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';

-- treynor
CREATE FUNCTION pulse.pair_treynor(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_treynor' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_treynor(internal) IS
	'Internal: final function of pulse_treynor().';
CREATE AGGREGATE pulse_treynor(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(float8, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r float8, b float8, risk_free float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(float8, float8, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r float8, b float8, risk_free float8, periods float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(float8, float8, float8, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(numeric, numeric) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r numeric, b numeric, risk_free float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(numeric, numeric, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r numeric, b numeric, risk_free float8, periods float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(numeric, numeric, float8, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE FUNCTION pulse_treynor(returns float8[], benchmark float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_treynor' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_treynor(float8[], float8[], float8, float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';

-- up_capture
CREATE FUNCTION pulse.pair_up_capture(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_up_capture' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_up_capture(internal) IS
	'Internal: final function of pulse_up_capture().';
CREATE AGGREGATE pulse_up_capture(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_up_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_up_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_up_capture(float8, float8) IS
	'Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_up_capture(r float8, b float8, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_up_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_up_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_up_capture(float8, float8, float8) IS
	'Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_up_capture(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_up_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_up_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_up_capture(numeric, numeric) IS
	'Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_up_capture(r numeric, b numeric, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_up_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_up_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_up_capture(numeric, numeric, float8) IS
	'Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE FUNCTION pulse_up_capture(returns float8[], benchmark float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_up_capture' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_up_capture(float8[], float8[], float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';

-- down_capture
CREATE FUNCTION pulse.pair_down_capture(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_down_capture' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_down_capture(internal) IS
	'Internal: final function of pulse_down_capture().';
CREATE AGGREGATE pulse_down_capture(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_down_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_down_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_down_capture(float8, float8) IS
	'Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_down_capture(r float8, b float8, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_down_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_down_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_down_capture(float8, float8, float8) IS
	'Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_down_capture(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_down_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_down_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_down_capture(numeric, numeric) IS
	'Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_down_capture(r numeric, b numeric, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_down_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_down_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_down_capture(numeric, numeric, float8) IS
	'Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE FUNCTION pulse_down_capture(returns float8[], benchmark float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_down_capture' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_down_capture(float8[], float8[], float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
