-- All figures of an equity curve at once.

CREATE TYPE pulse_metrics_row AS (
	n_snapshots bigint,
	n_periods bigint,
	gaps bigint,
	first_ts timestamptz,
	last_ts timestamptz,
	first_value float8,
	last_value float8,
	net_flow float8,
	period interval,
	periods_per_year float8,
	confidence float8,
	period_return float8,
	total_return float8,
	cagr float8,
	volatility float8,
	downside_deviation float8,
	sharpe float8,
	sortino float8,
	calmar float8,
	max_drawdown float8,
	current_drawdown float8,
	drawdown_duration interval,
	average_drawdown float8,
	ulcer_index float8,
	pain_index float8,
	cdar float8,
	stability float8,
	skewness float8,
	kurtosis float8,
	gain_to_pain float8,
	omega float8,
	psr float8,
	kelly float8,
	var_gaussian float8,
	cvar_gaussian float8,
	var_cornish_fisher float8,
	var float8,
	cvar float8,
	var_95 float8,
	cvar_95 float8,
	tail_ratio float8
);
COMMENT ON TYPE pulse_metrics_row IS
	'Result of pulse_metrics(). n_snapshots: rows used; n_periods: returns, one per bucket after the first; gaps: buckets without a row, whose value was carried forward; net_flow: deposits less withdrawals, without the first row''s; period_return: return of the last bucket (in the only bucket, since the first row); total_return and cagr: from the first row to the last, time-weighted; max_drawdown, current_drawdown, drawdown_duration: over all rows, flows removed; average_drawdown, ulcer_index, pain_index, cdar: over the ends of buckets; everything else: over the returns of buckets. Rates and volatilities are annual; var, cvar, their relatives and cdar at the given confidence, var_95 and cvar_95 at 0.95.';

CREATE FUNCTION pulse.equity_metrics(internal) RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_equity_metrics' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_metrics(internal) IS
	'Internal: final function of pulse_metrics().';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, float8) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value float8, flow float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, float8, float8) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value float8, flow float8, risk_free float8, mar float8, period interval, confidence float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, float8, float8, float8, float8, interval, float8) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, numeric) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value numeric, flow numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, numeric, numeric) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value numeric, flow numeric, risk_free float8, mar float8, period interval, confidence float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, numeric, numeric, float8, float8, interval, float8) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';

CREATE FUNCTION pulse_metrics_of(query text, risk_free float8 DEFAULT 0, mar float8 DEFAULT 0, period interval DEFAULT '1 day', confidence float8 DEFAULT 0.95)
	RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_metrics_of_query' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION pulse_metrics_of(text, float8, float8, interval, float8) IS
	'All metrics of the equity curve that a query returns, as pulse_metrics() computes them, with parameters that have names and defaults: SELECT * FROM pulse_metrics_of(''SELECT ts, total_value, net_flow FROM portfolio_snapshots'', risk_free => 0.03). The query returns a timestamptz, a value and, optionally, the net deposit since the row before, both double precision or numeric (otherwise 42804); rows may come in any order. It runs with the rights of the caller, read-only, in the snapshot of the statement; it must be one that returns rows (otherwise 22023). Its rows go straight from the plan into the curve, so that a large table takes about a quarter less time than with the aggregate; beyond work_mem they go to disk. No row gives NULL, parameters out of range raise 22023, an infinite time 22008. Build the text with format() and %L, never from unchecked input.';
