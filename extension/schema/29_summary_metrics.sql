-- Metrics of a summary: scalar functions of the same names as the aggregates.

CREATE FUNCTION pulse_total_return(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_total_return' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_total_return(pulse_summary, interval) IS
	'Of a summary. Compounded return of per-period simple returns: prod(1 + r) - 1, summed as compensated log(1 + r). 0.1 is 10 %. NaN or infinity in gives NaN; no return, or a return below -1, gives NULL. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_volatility(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_volatility' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_volatility(pulse_summary, interval) IS
	'Of a summary. Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns give NULL. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_downside_deviation(summary pulse_summary, mar float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_downside_deviation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_downside_deviation(pulse_summary, float8, interval) IS
	'Of a summary. Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all returns, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_sharpe(summary pulse_summary, risk_free float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_sharpe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe(pulse_summary, float8, interval) IS
	'Of a summary. Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_adjusted_sharpe(summary pulse_summary, risk_free float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_adjusted_sharpe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_adjusted_sharpe(pulse_summary, float8, interval) IS
	'Of a summary. Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_sortino(summary pulse_summary, mar float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_sortino' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sortino(pulse_summary, float8, interval) IS
	'Of a summary. Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all returns in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_var(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_var' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var(pulse_summary, float8, interval) IS
	'Of a summary. Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NaN or infinity in gives NaN; no return gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_cvar(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cvar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar(pulse_summary, float8, interval) IS
	'Of a summary. Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NaN or infinity in gives NaN; no return gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_var_gaussian(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_var_gaussian' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_gaussian(pulse_summary, float8, interval) IS
	'Of a summary. Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NaN or infinity in gives NaN; fewer than 2 returns give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_cvar_gaussian(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cvar_gaussian' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar_gaussian(pulse_summary, float8, interval) IS
	'Of a summary. Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NaN or infinity in gives NaN; fewer than 2 returns give NULL. A confidence outside of (0, 1) raises 22023. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_var_cornish_fisher(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_var_cornish_fisher' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_cornish_fisher(pulse_summary, float8, interval) IS
	'Of a summary. Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NaN or infinity in gives NaN; fewer than 2 returns or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_cvar_cornish_fisher(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cvar_cornish_fisher' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar_cornish_fisher(pulse_summary, float8, interval) IS
	'Of a summary. Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NaN or infinity in gives NaN; fewer than 2 returns or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_omega(summary pulse_summary, threshold float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_omega' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_omega(pulse_summary, float8, interval) IS
	'Of a summary. Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NaN or infinity in gives NaN; fewer than 2 returns, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_skewness(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_skewness' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_skewness(pulse_summary, interval) IS
	'Of a summary. Sample-adjusted skewness (G1) of per-period returns. NaN or infinity in gives NaN; fewer than 3 returns or no variance give NULL. Source: Joanes and Gill 1998. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_kurtosis(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_kurtosis' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_kurtosis(pulse_summary, interval) IS
	'Of a summary. Sample-adjusted excess kurtosis (G2) of per-period returns; 0 for a normal distribution. NaN or infinity in gives NaN; fewer than 4 returns or no variance give NULL. Source: Joanes and Gill 1998. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_tail_ratio(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_tail_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_tail_ratio(pulse_summary, interval) IS
	'Of a summary. Tail ratio of per-period returns: |95 % quantile| over |5 % quantile|, type 7. NaN or infinity in gives NaN; no return, or a 5 % quantile of 0, gives NULL. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_gain_to_pain(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_gain_to_pain' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_gain_to_pain(pulse_summary, interval) IS
	'Of a summary. Gain-to-pain ratio of per-period returns: sum of returns over the sum of the losses, positive. NaN or infinity in gives NaN; fewer than 2 returns, or no loss, give NULL. Source: Schwager 2012. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_psr(summary pulse_summary, benchmark_sharpe float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_psr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_psr(pulse_summary, float8, interval) IS
	'Of a summary. Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NaN or infinity in gives NaN; fewer than 2 returns or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_kelly(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_kelly' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_kelly(pulse_summary, interval) IS
	'Of a summary. Kelly fraction for continuous returns: mean over sample variance, per period. NaN or infinity in gives NaN; fewer than 2 returns or no variance give NULL. Source: Thorp 2006. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_stability(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_stability' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_stability(pulse_summary, interval) IS
	'Of a summary. R squared of the cumulative log return regressed on its number. Fewer than 2 returns, or no growth at all, give NULL. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_twr(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_twr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_twr(pulse_summary) IS
	'Time-weighted return from the first row to the last, not annualised, of a summary, over all its rows; NaN if one was not finite. NULL if equity was not positive.';

CREATE FUNCTION pulse_cagr(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cagr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cagr(pulse_summary) IS
	'Compound annual growth rate over calendar time, time-weighted, of a summary, over all its rows; NaN if one was not finite. NULL if equity was not positive or no time passed.';

CREATE FUNCTION pulse_calmar(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_calmar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_calmar(pulse_summary) IS
	'CAGR over maximum drawdown of a summary, over all its rows; NaN if one was not finite. NULL without a drawdown or if equity was not positive.';

CREATE FUNCTION pulse_max_drawdown(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_max_drawdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_max_drawdown(pulse_summary) IS
	'Maximum drawdown, flows removed, of a summary, over all its rows; NaN if one was not finite. Exact unless summaries that overlap in time were rolled up. Where equity was below 0 in a bucket that also made a new high, it is an upper limit.';

CREATE FUNCTION pulse_current_drawdown(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_current_drawdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_current_drawdown(pulse_summary) IS
	'Drawdown at the last row, flows removed, of a summary, over all its rows; NaN if one was not finite.';

CREATE FUNCTION pulse_drawdown_duration(summary pulse_summary) RETURNS interval
	AS 'MODULE_PATHNAME', 'pulse_summary_drawdown_duration' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_drawdown_duration(pulse_summary) IS
	'Longest time under water of a summary; by buckets: a recovery is dated at the highest value of its bucket. NULL if a value was not finite.';

CREATE FUNCTION pulse_average_drawdown(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_average_drawdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_average_drawdown(pulse_summary, interval) IS
	'Mean drawdown of a summary, over the ends of buckets of the period after the first (default 1 day, a multiple of the summary''s own, otherwise 22023), gaps carried forward. NaN if a value was not finite; NULL below two buckets or if equity was not positive.';

CREATE FUNCTION pulse_pain_index(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_average_drawdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_pain_index(pulse_summary, interval) IS
	'Pain index, the mean drawdown, of a summary, over the ends of buckets of the period after the first (default 1 day, a multiple of the summary''s own, otherwise 22023), gaps carried forward. NaN if a value was not finite; NULL below two buckets or if equity was not positive.';

CREATE FUNCTION pulse_ulcer_index(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_ulcer_index' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_ulcer_index(pulse_summary, interval) IS
	'Ulcer index, the root of the mean squared drawdown, of a summary, over the ends of buckets of the period after the first (default 1 day, a multiple of the summary''s own, otherwise 22023), gaps carried forward. NaN if a value was not finite; NULL below two buckets or if equity was not positive.';

CREATE FUNCTION pulse_cdar(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cdar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cdar(pulse_summary, float8, interval) IS
	'Conditional drawdown at risk, the mean of the drawdowns at or beyond their confidence quantile, of a summary, over the ends of buckets of the period after the first (default 1 day, a multiple of the summary''s own, otherwise 22023), gaps carried forward. NaN if a value was not finite; NULL below two buckets or if equity was not positive. A confidence outside of (0, 1) raises 22023.';

CREATE FUNCTION pulse_metrics(summary pulse_summary, risk_free float8 DEFAULT 0, mar float8 DEFAULT 0, period interval DEFAULT '1 day', confidence float8 DEFAULT 0.95) RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_summary_metrics' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_metrics(pulse_summary, float8, float8, interval, float8) IS
	'All metrics of a summary at once, as pulse_metrics(ts, value, flow) gives them for the rows behind it; drawdown_duration dates a recovery at its bucket''s high. Parameters out of range, or a period that is not a multiple of the summary''s own, raise 22023.';

CREATE FUNCTION pulse_to_jsonb(summary pulse_summary) RETURNS jsonb
	LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.to_jsonb(@extschema@.pulse_metrics(summary));
COMMENT ON FUNCTION pulse_to_jsonb(pulse_summary) IS
	'What a summary says, for people: all metrics over days as jsonb. The cast from pulse_summary to jsonb.';

CREATE CAST (pulse_summary AS jsonb) WITH FUNCTION pulse_to_jsonb(pulse_summary);
