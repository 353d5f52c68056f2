-- The returns behind the figures, and figures over sliding windows of them.

CREATE FUNCTION pulse_returns(
	summary pulse_summary,
	period interval DEFAULT '1 day',
	OUT period_start timestamptz,
	OUT period_end timestamptz,
	OUT n_snapshots bigint,
	OUT value float8,
	OUT net_flow float8,
	OUT period_return float8,
	OUT gap boolean) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pulse_summary_returns' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_returns(pulse_summary, interval) IS
	'The returns that the metrics of a summary are computed from, one row for each bucket of the period (default 1 day, a multiple of the summary''s own, otherwise 22023): period_start, period_end (excluded), n_snapshots in it, value at its end, net_flow in it, period_return with flows removed (NULL in the first bucket, and everywhere once equity was not positive or a value not finite), gap (no snapshot: the value is carried forward and the return 0).';

CREATE FUNCTION pulse_returns(
	ts timestamptz[],
	value float8[],
	flow float8[] DEFAULT NULL,
	period interval DEFAULT '1 day',
	OUT period_start timestamptz,
	OUT period_end timestamptz,
	OUT n_snapshots bigint,
	OUT value float8,
	OUT net_flow float8,
	OUT period_return float8,
	OUT gap boolean) RETURNS SETOF record
	LANGUAGE SQL IMMUTABLE PARALLEL SAFE
	BEGIN ATOMIC
		SELECT r.*
		FROM (SELECT @extschema@.pulse_summary(s.ts, s.value, s.flow, $4) AS summary
			  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS s(ts, value, flow)) AS q,
			LATERAL @extschema@.pulse_returns(q.summary, $4) AS r;
	END;
COMMENT ON FUNCTION pulse_returns(timestamptz[], float8[], float8[], interval) IS
	'The returns of an equity curve given as arrays of times, values and, optionally, net flows since the element before, one row for each UTC bucket of the period (default 1 day); columns as those of a summary. Elements may come in any order; without a time or value they are skipped. A period out of range raises 22023.';

CREATE FUNCTION pulse_rolling(metric text, "window" interval, summary pulse_summary, period interval DEFAULT '1 day')
	RETURNS TABLE (ts timestamptz, value float8)
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	AS $$
DECLARE
	width CONSTANT float8 := extract(epoch FROM period);
	frame CONSTANT int := floor(extract(epoch FROM "window") / width);
	expression text;
BEGIN
	IF frame < 1 THEN
		RAISE EXCEPTION 'the window must be at least one period long'
			USING ERRCODE = '22023', HINT = 'For example window => ''90 days'' with period => ''1 day''.';
	END IF;
	-- %1$s: periods per year, %2$s: the frame
	expression := CASE metric
		WHEN 'total_return' THEN '@extschema@.pulse_total_return(r.period_return) OVER w'
		WHEN 'volatility' THEN '@extschema@.pulse_volatility(r.period_return, %1$s) OVER w'
		WHEN 'downside_deviation' THEN '@extschema@.pulse_downside_deviation(r.period_return, 0, %1$s) OVER w'
		WHEN 'sharpe' THEN '@extschema@.pulse_sharpe(r.period_return, 0, %1$s) OVER w'
		WHEN 'sortino' THEN '@extschema@.pulse_sortino(r.period_return, 0, %1$s) OVER w'
		WHEN 'var' THEN '@extschema@.pulse_var(r.period_return) OVER w'
		WHEN 'cvar' THEN '@extschema@.pulse_cvar(r.period_return) OVER w'
		WHEN 'omega' THEN '@extschema@.pulse_omega(r.period_return) OVER w'
		WHEN 'skewness' THEN '@extschema@.pulse_skewness(r.period_return) OVER w'
		WHEN 'kurtosis' THEN '@extschema@.pulse_kurtosis(r.period_return) OVER w'
		WHEN 'tail_ratio' THEN '@extschema@.pulse_tail_ratio(r.period_return) OVER w'
		WHEN 'gain_to_pain' THEN '@extschema@.pulse_gain_to_pain(r.period_return) OVER w'
		WHEN 'adjusted_sharpe' THEN '@extschema@.pulse_adjusted_sharpe(r.period_return, 0, %1$s) OVER w'
		WHEN 'psr' THEN '@extschema@.pulse_psr(r.period_return) OVER w'
		WHEN 'kelly' THEN '@extschema@.pulse_kelly(r.period_return) OVER w'
		WHEN 'stability' THEN '@extschema@.pulse_stability(r.period_return) OVER w'
		WHEN 'ewma_volatility' THEN '@extschema@.pulse_ewma_volatility(r.period_return, 0.94, %1$s) OVER w'
		WHEN 'var_gaussian' THEN '@extschema@.pulse_var_gaussian(r.period_return) OVER w'
		WHEN 'cvar_gaussian' THEN '@extschema@.pulse_cvar_gaussian(r.period_return) OVER w'
		WHEN 'var_cornish_fisher' THEN '@extschema@.pulse_var_cornish_fisher(r.period_return) OVER w'
		WHEN 'cvar_cornish_fisher' THEN '@extschema@.pulse_cvar_cornish_fisher(r.period_return) OVER w'
		WHEN 'average_drawdown' THEN '@extschema@.pulse_average_drawdown(r.period_end, r.level) OVER l'
		WHEN 'pain_index' THEN '@extschema@.pulse_pain_index(r.period_end, r.level) OVER l'
		WHEN 'ulcer_index' THEN '@extschema@.pulse_ulcer_index(r.period_end, r.level) OVER l'
		WHEN 'cagr' THEN '@extschema@.pulse_cagr(r.period_end, r.level) OVER l'
		WHEN 'calmar' THEN '@extschema@.pulse_calmar(r.period_end, r.level) OVER l'
		WHEN 'max_drawdown' THEN '@extschema@.pulse_max_drawdown(r.level) OVER l'
		WHEN 'current_drawdown' THEN '@extschema@.pulse_current_drawdown(r.level) OVER l'
	END;
	IF expression IS NULL THEN
		RAISE EXCEPTION 'unknown rolling metric %', pg_catalog.quote_literal(metric)
			USING ERRCODE = '22023',
				HINT = 'Use total_return, volatility, downside_deviation, sharpe, sortino, var, cvar, omega, skewness, kurtosis, tail_ratio, gain_to_pain, adjusted_sharpe, psr, kelly, stability, ewma_volatility, var_gaussian, cvar_gaussian, var_cornish_fisher, cvar_cornish_fisher, average_drawdown, pain_index, ulcer_index, cagr, calmar, max_drawdown or current_drawdown.';
	END IF;
	RETURN QUERY EXECUTE pg_catalog.format(
		'SELECT q.period_end, q.figure FROM (
			SELECT r.period_end, ' || expression || ' AS figure, pg_catalog.row_number() OVER (ORDER BY r.period_start) AS n
			FROM (SELECT s.*, 1 + coalesce(@extschema@.pulse_total_return(s.period_return) OVER (ORDER BY s.period_start), 0) AS level
				  FROM @extschema@.pulse_returns($1, $2) AS s) AS r
			WINDOW w AS (ORDER BY r.period_start ROWS BETWEEN %3$s PRECEDING AND CURRENT ROW),
				l AS (ORDER BY r.period_start ROWS BETWEEN %2$s PRECEDING AND CURRENT ROW)) AS q
		 WHERE q.n > %2$s ORDER BY q.period_end', 31536000 / width, frame, frame - 1)
		USING summary, period;
END
$$;
COMMENT ON FUNCTION pulse_rolling(text, interval, pulse_summary, interval) IS
	'A metric over a window that slides along the bucket returns of a summary: one row (end of the period, value) for each period with a whole window behind it. metric: total_return, volatility, downside_deviation, sharpe, sortino, var, cvar, omega, skewness, kurtosis, tail_ratio, gain_to_pain, adjusted_sharpe, psr, kelly, stability, ewma_volatility, var_gaussian, cvar_gaussian, var_cornish_fisher, cvar_cornish_fisher, average_drawdown, pain_index, ulcer_index, cagr, calmar, max_drawdown or current_drawdown, with their default parameters. Annualised by the period (default 1 day), never by the window''s length. Gaps carried forward, flows removed. An unknown metric, or a window shorter than the period, raises 22023. window is a reserved word of SQL: by name it is written "window" => ''90 days''.';
