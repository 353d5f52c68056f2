-- How sure performance figures are.

CREATE FUNCTION pulse_normal_probability(z float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_normal_probability_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_normal_probability(float8) IS
	'Probability of a standard normal value at or below z, accurate in relative terms to the ends of double precision. NaN gives NaN, NULL gives NULL.';

CREATE FUNCTION pulse_normal_quantile(p float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_normal_quantile_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_normal_quantile(float8) IS
	'Standard normal quantile: z with probability p at or below it, to a few units in the last place. NULL gives NULL; p outside of (0, 1) raises 22023. Source: Acklam 2003, refined by Halley steps.';

CREATE FUNCTION pulse_student_probability(t float8, degrees float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_student_probability_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_student_probability(float8, float8) IS
	'Probability of a value of Student''s t distribution at or below t; with t = information ratio per period * sqrt(n) and n - 1 degrees of freedom, the probability of outperforming. NaN gives NaN, NULL gives NULL; degrees of freedom that are not positive and finite raise 22023. Source: Student 1908, by the continued fraction of the incomplete beta function.';

CREATE FUNCTION pulse_psr(sharpe float8, benchmark_sharpe float8, n bigint, skewness float8 DEFAULT 0, kurtosis float8 DEFAULT 3) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_psr_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_psr(float8, float8, bigint, float8, float8) IS
	'Probabilistic Sharpe ratio from moments: the probability that the true Sharpe ratio exceeds benchmark_sharpe, both per period, given n returns of that skewness and kurtosis (3 for a normal distribution). n below 2, or a variance of the estimate that is not positive, gives NULL. Source: Bailey and Lopez de Prado 2012.';

CREATE FUNCTION pulse_min_track_record_length(
	sharpe float8,
	benchmark_sharpe float8 DEFAULT 0,
	skewness float8 DEFAULT 0,
	kurtosis float8 DEFAULT 3,
	confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_min_track_record_length' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_min_track_record_length(float8, float8, float8, float8, float8) IS
	'Number of periods after which a Sharpe ratio (per period) exceeds benchmark_sharpe with the given confidence. NULL unless it is above the benchmark. A confidence outside of (0, 1) raises 22023. Source: Bailey and Lopez de Prado 2012.';

CREATE FUNCTION pulse_sharpe_standard_error(sharpe float8, n bigint) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_sharpe_standard_error_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe_standard_error(float8, bigint) IS
	'Standard error of a Sharpe ratio per period measured on n independent returns: sqrt((1 + sharpe^2 / 2) / n). n below 2 gives NULL. Source: Lo 2002.';

CREATE FUNCTION pulse_sharpe_annualisation(periods float8, autocorrelation float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_sharpe_annualisation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe_annualisation(float8, float8) IS
	'Factor from a Sharpe ratio per period to a year of periods when returns follow a first-order autoregression with that autocorrelation; sqrt(periods) for 0. Autocorrelation outside of (-1, 1), or periods that are not positive and finite, raise 22023. Source: Lo 2002, equation 22.';

CREATE FUNCTION pulse_autocorrelation(returns float8[], lag integer DEFAULT 1) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_autocorrelation_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_autocorrelation(float8[], integer) IS
	'Autocorrelation of per-period returns at a lag: Pearson''s correlation of the series with itself, over the overlapping parts. NULL elements are skipped; NaN or infinity in gives NaN; fewer than lag + 2 elements or no variance give NULL. A lag below 1 or above 10000 raises 22023.';

CREATE FUNCTION pulse_sharpe_lo(returns float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365, lags integer DEFAULT 5) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_sharpe_lo_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe_lo(float8[], float8, float8, integer) IS
	'Annualised Sharpe ratio of per-period simple returns, in order, corrected for their autocorrelations up to lags: the ratio per period times periods / sqrt(periods + 2 sum((periods - k) rho_k)). risk_free is annual. NULL elements are skipped; NaN or infinity in gives NaN; fewer than lags + 2 elements or no variance give NULL. Parameters out of range raise 22023. Source: Lo 2002, equation 20.';

CREATE FUNCTION pulse_deflated_sharpe(returns float8[], trials bigint, variance float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_deflated_sharpe_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_deflated_sharpe(float8[], bigint, float8) IS
	'Deflated Sharpe ratio: the probability that the best of a number of trials has skill, that is, that its Sharpe ratio exceeds what the best of as many trials without skill would show; variance is that of the trials'' Sharpe ratios per period. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. Parameters out of range raise 22023. Source: Bailey and Lopez de Prado 2014.';

CREATE FUNCTION pulse_var_backtest(
	returns float8[],
	var float8[],
	confidence float8 DEFAULT 0.95,
	OUT n bigint,
	OUT exceptions bigint,
	OUT expected float8,
	OUT kupiec float8,
	OUT kupiec_p float8,
	OUT christoffersen float8,
	OUT christoffersen_p float8,
	OUT conditional float8,
	OUT conditional_p float8)
	AS 'MODULE_PATHNAME', 'pulse_var_backtest' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_backtest(float8[], float8[], float8) IS
	'Back-tests of value at risk forecasts (positive losses) against the returns that followed, in order: exceptions are returns below -var. kupiec: likelihood ratio of unconditional coverage; christoffersen: of independence; conditional: their sum; the p values come from chi-square with 1, 1 and 2 degrees of freedom. Pairs with a NULL are skipped; too few give NULL. Arrays of different length raise 2202E, values that are not finite or a confidence outside of (0, 1) 22023. Source: Kupiec 1995, Christoffersen 1998.';
