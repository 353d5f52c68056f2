-- Aggregates over returns whose result depends on the order: no combine function.

CREATE FUNCTION pulse.ordered_accum(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, float8) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, float8, float8) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, float8, float8, float8) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, numeric) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, numeric, float8) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, numeric, float8, float8) IS
	'Internal: transition of aggregates over ordered returns.';

-- stability
CREATE FUNCTION pulse.ordered_stability(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_ordered_stability' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_stability(internal) IS
	'Internal: final function of pulse_stability().';
CREATE AGGREGATE pulse_stability(r float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_stability,
	MSFUNC = pulse.push_stability,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_stability,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_stability(float8) IS
	'Stability of per-period simple returns in input order: R squared of the cumulative log return regressed on its number, 1 for growth at a constant rate. Write pulse_stability(r ORDER BY t) unless rows come in order. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, a return of -1 or less, or no growth at all give NULL. Source: as in empyrical.';
CREATE AGGREGATE pulse_stability(r numeric) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_stability,
	MSFUNC = pulse.push_stability,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_stability,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_stability(numeric) IS
	'Stability of per-period simple returns in input order: R squared of the cumulative log return regressed on its number, 1 for growth at a constant rate. Write pulse_stability(r ORDER BY t) unless rows come in order. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, a return of -1 or less, or no growth at all give NULL. Source: as in empyrical.';
CREATE FUNCTION pulse_stability(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_stability' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_stability(float8[]) IS
	'The same over an array. Stability of per-period simple returns in input order: R squared of the cumulative log return regressed on its number, 1 for growth at a constant rate. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, a return of -1 or less, or no growth at all give NULL. Source: as in empyrical.';

-- ewma_volatility
CREATE FUNCTION pulse.ordered_ewma_volatility(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_ordered_ewma_volatility' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_ewma_volatility(internal) IS
	'Internal: final function of pulse_ewma_volatility().';
CREATE AGGREGATE pulse_ewma_volatility(r float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r float8, lambda float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(float8, float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r float8, lambda float8, periods float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(float8, float8, float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r numeric) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(numeric) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r numeric, lambda float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(numeric, float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r numeric, lambda float8, periods float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(numeric, float8, float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE FUNCTION pulse_ewma_volatility(returns float8[], lambda float8 DEFAULT 0.94, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_ewma_volatility' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_ewma_volatility(float8[], float8, float8) IS
	'The same over an array. Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). lambda defaults to 0.94, periods per year to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
