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
COMMENT ON COLUMN pulse_metrics_row.n_snapshots IS 'rows used';
COMMENT ON COLUMN pulse_metrics_row.n_periods IS 'returns, one for each bucket after the first';
COMMENT ON COLUMN pulse_metrics_row.gaps IS 'buckets without a row, whose value was carried forward';
COMMENT ON COLUMN pulse_metrics_row.first_ts IS 'time of the first row';
COMMENT ON COLUMN pulse_metrics_row.last_ts IS 'time of the last row';
COMMENT ON COLUMN pulse_metrics_row.first_value IS 'value of the first row';
COMMENT ON COLUMN pulse_metrics_row.last_value IS 'value of the last row';
COMMENT ON COLUMN pulse_metrics_row.net_flow IS 'deposits less withdrawals, without those of the first row';
COMMENT ON COLUMN pulse_metrics_row.period IS 'length of a bucket';
COMMENT ON COLUMN pulse_metrics_row.periods_per_year IS 'how many buckets a year has, by which rates are annualised';
COMMENT ON COLUMN pulse_metrics_row.confidence IS 'confidence of var, cvar, their relatives and cdar';
COMMENT ON COLUMN pulse_metrics_row.period_return IS 'return of the last bucket; in the only bucket, since the first row';
COMMENT ON COLUMN pulse_metrics_row.total_return IS 'return from the first row to the last, time-weighted, flows removed';
COMMENT ON COLUMN pulse_metrics_row.cagr IS 'the same a year';
COMMENT ON COLUMN pulse_metrics_row.volatility IS 'annual standard deviation of the returns of buckets';
COMMENT ON COLUMN pulse_metrics_row.downside_deviation IS 'annual root mean square of what returns fall short of the acceptable one';
COMMENT ON COLUMN pulse_metrics_row.sharpe IS 'annual Sharpe ratio';
COMMENT ON COLUMN pulse_metrics_row.sortino IS 'annual Sortino ratio';
COMMENT ON COLUMN pulse_metrics_row.calmar IS 'cagr over max_drawdown';
COMMENT ON COLUMN pulse_metrics_row.max_drawdown IS 'largest loss from a peak, as a fraction of it, over all rows';
COMMENT ON COLUMN pulse_metrics_row.current_drawdown IS 'loss of the last row from the highest peak before it, as a fraction of it';
COMMENT ON COLUMN pulse_metrics_row.drawdown_duration IS 'longest time under water: from a peak to its recovery, or to the last row';
COMMENT ON COLUMN pulse_metrics_row.average_drawdown IS 'mean drawdown at the ends of buckets';
COMMENT ON COLUMN pulse_metrics_row.ulcer_index IS 'root mean square of the drawdowns at the ends of buckets';
COMMENT ON COLUMN pulse_metrics_row.pain_index IS 'mean drawdown at the ends of buckets';
COMMENT ON COLUMN pulse_metrics_row.cdar IS 'conditional drawdown at risk: mean of the largest drawdowns beyond the confidence';
COMMENT ON COLUMN pulse_metrics_row.stability IS 'R squared of a straight line through the logarithm of the equity';
COMMENT ON COLUMN pulse_metrics_row.skewness IS 'skewness of the returns of buckets';
COMMENT ON COLUMN pulse_metrics_row.kurtosis IS 'excess kurtosis of the returns of buckets, 0 for a normal distribution';
COMMENT ON COLUMN pulse_metrics_row.gain_to_pain IS 'sum of the returns over the sum of the losses';
COMMENT ON COLUMN pulse_metrics_row.omega IS 'Omega ratio: gains over losses beyond the acceptable return';
COMMENT ON COLUMN pulse_metrics_row.psr IS 'probability that the true Sharpe ratio is above 0';
COMMENT ON COLUMN pulse_metrics_row.kelly IS 'Kelly fraction of the returns';
COMMENT ON COLUMN pulse_metrics_row.var_gaussian IS 'value at risk at the confidence, if returns were normal';
COMMENT ON COLUMN pulse_metrics_row.cvar_gaussian IS 'expected shortfall at the confidence, if returns were normal';
COMMENT ON COLUMN pulse_metrics_row.var_cornish_fisher IS 'value at risk at the confidence, corrected for skewness and kurtosis';
COMMENT ON COLUMN pulse_metrics_row.var IS 'value at risk of a bucket at the confidence, from the returns themselves';
COMMENT ON COLUMN pulse_metrics_row.cvar IS 'expected shortfall of a bucket at the confidence, from the returns themselves';
COMMENT ON COLUMN pulse_metrics_row.var_95 IS 'value at risk of a bucket at 0.95';
COMMENT ON COLUMN pulse_metrics_row.cvar_95 IS 'expected shortfall of a bucket at 0.95';
COMMENT ON COLUMN pulse_metrics_row.tail_ratio IS 'the 0.95 quantile of the returns over the size of the 0.05 quantile';

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
