-- Aggregates over the distribution of per-period returns, of the transition that all over returns share.

-- var
CREATE FUNCTION pulse.returns_var(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_var' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_var(internal) IS
	'Internal: final function of pulse_var().';
CREATE AGGREGATE pulse_var(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var(float8) IS
	'Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';
CREATE AGGREGATE pulse_var(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var(float8, float8) IS
	'Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';
CREATE AGGREGATE pulse_var(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var(numeric) IS
	'Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';
CREATE AGGREGATE pulse_var(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var(numeric, float8) IS
	'Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';
CREATE FUNCTION pulse_var(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_var' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var(float8[], float8) IS
	'The same over an array. Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL elements are skipped; NaN or infinity in gives NaN; no element gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';

-- cvar
CREATE FUNCTION pulse.returns_cvar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_cvar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_cvar(internal) IS
	'Internal: final function of pulse_cvar().';
CREATE AGGREGATE pulse_cvar(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar(float8) IS
	'Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';
CREATE AGGREGATE pulse_cvar(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar(float8, float8) IS
	'Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';
CREATE AGGREGATE pulse_cvar(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar(numeric) IS
	'Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';
CREATE AGGREGATE pulse_cvar(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar(numeric, float8) IS
	'Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';
CREATE FUNCTION pulse_cvar(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_cvar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar(float8[], float8) IS
	'The same over an array. Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL elements are skipped; NaN or infinity in gives NaN; no element gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';

-- var_gaussian
CREATE FUNCTION pulse.returns_var_gaussian(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_var_gaussian' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_var_gaussian(internal) IS
	'Internal: final function of pulse_var_gaussian().';
CREATE AGGREGATE pulse_var_gaussian(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_gaussian(float8) IS
	'Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_var_gaussian(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_gaussian(float8, float8) IS
	'Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_var_gaussian(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_gaussian(numeric) IS
	'Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_var_gaussian(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_gaussian(numeric, float8) IS
	'Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';
CREATE FUNCTION pulse_var_gaussian(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_var_gaussian' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_gaussian(float8[], float8) IS
	'The same over an array. Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';

-- cvar_gaussian
CREATE FUNCTION pulse.returns_cvar_gaussian(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_cvar_gaussian' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_cvar_gaussian(internal) IS
	'Internal: final function of pulse_cvar_gaussian().';
CREATE AGGREGATE pulse_cvar_gaussian(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_gaussian(float8) IS
	'Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023.';
CREATE AGGREGATE pulse_cvar_gaussian(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_gaussian(float8, float8) IS
	'Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023.';
CREATE AGGREGATE pulse_cvar_gaussian(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_gaussian(numeric) IS
	'Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023.';
CREATE AGGREGATE pulse_cvar_gaussian(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_gaussian(numeric, float8) IS
	'Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023.';
CREATE FUNCTION pulse_cvar_gaussian(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_cvar_gaussian' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar_gaussian(float8[], float8) IS
	'The same over an array. Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. A confidence outside of (0, 1) raises 22023.';

-- var_cornish_fisher
CREATE FUNCTION pulse.returns_var_cornish_fisher(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_var_cornish_fisher' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_var_cornish_fisher(internal) IS
	'Internal: final function of pulse_var_cornish_fisher().';
CREATE AGGREGATE pulse_var_cornish_fisher(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_cornish_fisher(float8) IS
	'Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';
CREATE AGGREGATE pulse_var_cornish_fisher(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_cornish_fisher(float8, float8) IS
	'Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';
CREATE AGGREGATE pulse_var_cornish_fisher(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_cornish_fisher(numeric) IS
	'Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';
CREATE AGGREGATE pulse_var_cornish_fisher(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_cornish_fisher(numeric, float8) IS
	'Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';
CREATE FUNCTION pulse_var_cornish_fisher(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_var_cornish_fisher' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_cornish_fisher(float8[], float8) IS
	'The same over an array. Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';

-- cvar_cornish_fisher
CREATE FUNCTION pulse.returns_cvar_cornish_fisher(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_cvar_cornish_fisher' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_cvar_cornish_fisher(internal) IS
	'Internal: final function of pulse_cvar_cornish_fisher().';
CREATE AGGREGATE pulse_cvar_cornish_fisher(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_cornish_fisher(float8) IS
	'Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';
CREATE AGGREGATE pulse_cvar_cornish_fisher(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_cornish_fisher(float8, float8) IS
	'Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';
CREATE AGGREGATE pulse_cvar_cornish_fisher(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_cornish_fisher(numeric) IS
	'Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';
CREATE AGGREGATE pulse_cvar_cornish_fisher(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_cornish_fisher(numeric, float8) IS
	'Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';
CREATE FUNCTION pulse_cvar_cornish_fisher(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_cvar_cornish_fisher' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar_cornish_fisher(float8[], float8) IS
	'The same over an array. Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';

-- skewness
CREATE FUNCTION pulse.returns_skewness(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_skewness' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_skewness(internal) IS
	'Internal: final function of pulse_skewness().';
CREATE AGGREGATE pulse_skewness(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_skewness,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_skewness,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_skewness(float8) IS
	'Sample-adjusted skewness (G1) of per-period returns. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 3 rows or no variance give NULL. Source: Joanes and Gill 1998.';
CREATE AGGREGATE pulse_skewness(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_skewness,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_skewness,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_skewness(numeric) IS
	'Sample-adjusted skewness (G1) of per-period returns. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 3 rows or no variance give NULL. Source: Joanes and Gill 1998.';
CREATE FUNCTION pulse_skewness(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_skewness' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_skewness(float8[]) IS
	'The same over an array. Sample-adjusted skewness (G1) of per-period returns. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 3 elements or no variance give NULL. Source: Joanes and Gill 1998.';

-- kurtosis
CREATE FUNCTION pulse.returns_kurtosis(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_kurtosis' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_kurtosis(internal) IS
	'Internal: final function of pulse_kurtosis().';
CREATE AGGREGATE pulse_kurtosis(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_kurtosis,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_kurtosis,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kurtosis(float8) IS
	'Sample-adjusted excess kurtosis (G2) of per-period returns; 0 for a normal distribution. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 4 rows or no variance give NULL. Source: Joanes and Gill 1998.';
CREATE AGGREGATE pulse_kurtosis(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_kurtosis,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_kurtosis,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kurtosis(numeric) IS
	'Sample-adjusted excess kurtosis (G2) of per-period returns; 0 for a normal distribution. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 4 rows or no variance give NULL. Source: Joanes and Gill 1998.';
CREATE FUNCTION pulse_kurtosis(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_kurtosis' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_kurtosis(float8[]) IS
	'The same over an array. Sample-adjusted excess kurtosis (G2) of per-period returns; 0 for a normal distribution. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 4 elements or no variance give NULL. Source: Joanes and Gill 1998.';

-- tail_ratio
CREATE FUNCTION pulse.returns_tail_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_tail_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_tail_ratio(internal) IS
	'Internal: final function of pulse_tail_ratio().';
CREATE AGGREGATE pulse_tail_ratio(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_tail_ratio,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_tail_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tail_ratio(float8) IS
	'Tail ratio of per-period returns: |95 % quantile| over |5 % quantile|, type 7. NULL rows are skipped; NaN or infinity in gives NaN; no row, or a 5 % quantile of 0, gives NULL.';
CREATE AGGREGATE pulse_tail_ratio(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_tail_ratio,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_tail_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tail_ratio(numeric) IS
	'Tail ratio of per-period returns: |95 % quantile| over |5 % quantile|, type 7. NULL rows are skipped; NaN or infinity in gives NaN; no row, or a 5 % quantile of 0, gives NULL.';
CREATE FUNCTION pulse_tail_ratio(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_tail_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_tail_ratio(float8[]) IS
	'The same over an array. Tail ratio of per-period returns: |95 % quantile| over |5 % quantile|, type 7. NULL elements are skipped; NaN or infinity in gives NaN; no element, or a 5 % quantile of 0, gives NULL.';

-- cornish_fisher_valid
CREATE FUNCTION pulse.returns_cornish_fisher_valid(internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_returns_cornish_fisher_valid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_cornish_fisher_valid(internal) IS
	'Internal: final function of pulse_cornish_fisher_valid().';
CREATE AGGREGATE pulse_cornish_fisher_valid(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cornish_fisher_valid,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cornish_fisher_valid,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cornish_fisher_valid(float8) IS
	'Whether the Cornish-Fisher expansion is valid at the skewness and kurtosis of the returns: whether its quantile rises with the probability everywhere. Where it does not, pulse_var_cornish_fisher() means little. NULL rows are skipped; NaN or infinity in, fewer than 2 rows or no variance give NULL. Source: Maillard 2012.';
CREATE AGGREGATE pulse_cornish_fisher_valid(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cornish_fisher_valid,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cornish_fisher_valid,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cornish_fisher_valid(numeric) IS
	'Whether the Cornish-Fisher expansion is valid at the skewness and kurtosis of the returns: whether its quantile rises with the probability everywhere. Where it does not, pulse_var_cornish_fisher() means little. NULL rows are skipped; NaN or infinity in, fewer than 2 rows or no variance give NULL. Source: Maillard 2012.';
CREATE FUNCTION pulse_cornish_fisher_valid(returns float8[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_array_cornish_fisher_valid' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cornish_fisher_valid(float8[]) IS
	'The same over an array. Whether the Cornish-Fisher expansion is valid at the skewness and kurtosis of the returns: whether its quantile rises with the probability everywhere. Where it does not, pulse_var_cornish_fisher() means little. NULL rows are skipped; NaN or infinity in, fewer than 2 rows or no variance give NULL. Source: Maillard 2012.';

-- adjusted_sharpe
CREATE FUNCTION pulse.returns_adjusted_sharpe(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_adjusted_sharpe' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_adjusted_sharpe(internal) IS
	'Internal: final function of pulse_adjusted_sharpe().';
CREATE AGGREGATE pulse_adjusted_sharpe(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r float8, risk_free float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(float8, float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r float8, risk_free float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(float8, float8, float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(numeric) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r numeric, risk_free float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(numeric, float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r numeric, risk_free float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(numeric, float8, float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE FUNCTION pulse_adjusted_sharpe(returns float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_adjusted_sharpe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_adjusted_sharpe(float8[], float8, float8) IS
	'The same over an array. Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
