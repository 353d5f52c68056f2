CREATE EXTENSION pulse;
-- Every window function against the plain aggregate over the frame's rows, which a different code computes.
-- NULLs, repeated values, and outliers of 1e8 that enter and leave.
CREATE TABLE w AS
	SELECT i, CASE WHEN i % 97 = 0 THEN NULL WHEN i % 301 = 150 THEN 1e8 WHEN i % 5 = 0 THEN 0.001 ELSE sin(i * i) / 50 END AS r,
		   CASE WHEN i % 89 = 3 THEN NULL ELSE cos(i * 1.7) / 60 + sin(i * i) / 90 END AS b, 1000 + 100 * sin(i / 40.0) + 20 * sin(i * i) AS v,
		   CASE WHEN i % 83 = 5 THEN NULL WHEN i % 31 = 0 THEN 200 WHEN i % 37 = 0 THEN -150 ELSE 0 END AS f,
		   '2025-01-01'::timestamptz + i * interval '1 hour' AS ts
	FROM generate_series(1, 1200) i;
CREATE INDEX ON w (i);
-- the rows of a frame come in order, and fast
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE FUNCTION differs(a float8, b float8, tolerance float8) RETURNS boolean LANGUAGE SQL IMMUTABLE AS
	$$ SELECT (a IS NULL) <> (b IS NULL) OR NOT (a = b OR abs(a - b) <= tolerance * greatest(abs(b), 1e-3)) $$;

-- Counts rows at which a windowed metric is not the plain one over the same rows; also says how many rows had a value.
CREATE FUNCTION compare(metric text, frame int, tolerance float8 DEFAULT 1e-11, condition text DEFAULT 'true', OUT rows bigint, OUT defined bigint, OUT wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), count(x), count(*) FILTER (WHERE differs(x, y, %4$s)) FROM
		(SELECT (SELECT %1$s FROM w p WHERE p.i BETWEEN q.i - %2$s AND q.i AND %3$s) AS y, x FROM
			(SELECT i, %1$s FILTER (WHERE %3$s) OVER (ORDER BY i ROWS %2$s PRECEDING) AS x FROM w) q) z', metric, frame, condition, tolerance)
	INTO rows, defined, wrong;
END
$$;
SELECT metric, frame, c.* FROM
	unnest(ARRAY['pulse_total_return(r)', 'pulse_volatility(r)', 'pulse_volatility(r, 252)', 'pulse_sharpe(r)', 'pulse_sharpe(r, 0.02)', 'pulse_sharpe(r, 0.02, 12)',
		'pulse_downside_deviation(r)', 'pulse_downside_deviation(r, 0.1, 252)', 'pulse_sortino(r)', 'pulse_sortino(r, 0.1)', 'pulse_kelly(r)', 'pulse_omega(r)', 'pulse_omega(r, 0.001)',
		'pulse_gain_to_pain(r)', 'pulse_var(r)', 'pulse_var(r, 0.6)', 'pulse_cvar(r)', 'pulse_cvar(r, 0.8)', 'pulse_tail_ratio(r)', 'pulse_var_gaussian(r)', 'pulse_cvar_gaussian(r, 0.99)',
		'pulse_volatility(r::numeric)', 'pulse_var(r::numeric)', 'pulse_win_rate(r)', 'pulse_profit_factor(r)', 'pulse_average_win(r)', 'pulse_average_loss(r)', 'pulse_payoff_ratio(r)',
		'pulse_expectancy(r)', 'pulse_kelly_discrete(r)', 'pulse_sqn(r::numeric)', 'pulse_max_consecutive_losses(r)', 'pulse_stability(r)', 'pulse_ewma_volatility(r)',
		'pulse_ewma_volatility(r, 0.5, 12)']) WITH ORDINALITY m(metric, n),
	unnest(ARRAY[0, 6, 60]) frame, LATERAL compare(metric, frame) c ORDER BY n, frame;
-- figures of higher moments and pairs, without the outliers, whose fourth power leaves no digits to compare
UPDATE w SET r = 0.03 WHERE r = 1e8;
SELECT metric, frame, c.* FROM
	unnest(ARRAY['pulse_skewness(r)', 'pulse_kurtosis(r)', 'pulse_psr(r)', 'pulse_psr(r, 0.1)', 'pulse_var_cornish_fisher(r)', 'pulse_var_cornish_fisher(r, 0.99)', 'pulse_cvar_cornish_fisher(r)',
		'pulse_cvar_cornish_fisher(r::numeric, 0.9)', 'pulse_adjusted_sharpe(r)', 'pulse_adjusted_sharpe(r::numeric, 0.02, 12)', 'pulse_max_drawdown_amount(v)',
		'pulse_beta(r, b)', 'pulse_alpha(r, b, 0.02, 12)', 'pulse_tracking_error(r, b)', 'pulse_information_ratio(r, b, 252)', 'pulse_treynor(r, b, 0.02, 12)', 'pulse_up_capture(r, b, 12)',
		'pulse_down_capture(r, b, 12)', 'pulse_beta(r::numeric, b::numeric)', 'pulse_max_drawdown(v)', 'pulse_current_drawdown(v)', 'pulse_max_drawdown(v::numeric)',
		'pulse_max_drawdown(ts, v)', 'pulse_current_drawdown(ts, v)', 'pulse_max_drawdown(ts, v::numeric)', 'pulse_cagr(ts, v)', 'pulse_calmar(ts, v)', 'pulse_calmar(ts, v::numeric)', 'pulse_average_drawdown(ts, v)', 'pulse_pain_index(ts, v)',
		'pulse_ulcer_index(ts, v)', 'pulse_ulcer_index(ts, v::numeric)', 'pulse_twr(ts, v, f)', 'pulse_twr(ts, v::numeric, f::numeric)', 'pulse_cdar(ts, v, 0.8)', 'pulse_stability(r)']) WITH ORDINALITY m(metric, n),
	unnest(ARRAY[6, 40]) frame, LATERAL compare(metric, frame, 1e-9) c ORDER BY n, frame;
-- frames with a condition, frames that jump, frames with exclusion, groups
SELECT c.* FROM compare('pulse_sharpe(r)', 30, condition => 'i % 3 <> 0') c;
SELECT c.* FROM compare('pulse_var(r)', 30, condition => 'b > 0') c;
SELECT count(*) FILTER (WHERE differs(x, y, 1e-11)) AS wrong FROM
	(SELECT pulse_sharpe(r) OVER (PARTITION BY i % 3 ORDER BY i RANGE BETWEEN 50 PRECEDING AND 20 PRECEDING) AS x,
			(SELECT pulse_sharpe(r) FROM w p WHERE p.i % 3 = q.i % 3 AND p.i BETWEEN q.i - 50 AND q.i - 20) AS y FROM w q) z;
SELECT count(*) FILTER (WHERE differs(x, y, 1e-11)) AS wrong FROM
	(SELECT pulse_cvar(r) OVER (ORDER BY i ROWS BETWEEN 20 PRECEDING AND 20 FOLLOWING EXCLUDE CURRENT ROW) AS x,
			(SELECT pulse_cvar(r) FROM w p WHERE p.i BETWEEN q.i - 20 AND q.i + 20 AND p.i <> q.i) AS y FROM w q) z;
-- curves with NULLs, NaN, plateaus, equal times, outliers of 1e8 both ways, stretches below zero and rows out of time order; flows that leave nothing
CREATE TABLE c AS SELECT shape, i, '2025-01-01'::timestamptz + (i / ties) * interval '1 minute' + CASE WHEN late AND i % 100 BETWEEN 50 AND 56 THEN interval '-5 minutes' ELSE '0' END AS ts, v,
		CASE WHEN i % 41 = 0 THEN 30 WHEN i % 53 = 0 THEN -20 WHEN i % 199 = 0 THEN v + 1 ELSE 0 END AS f
	FROM generate_series(1, 320) i, LATERAL (VALUES
		('wanders', 1000 + 100 * sin(i / 40.0) + 20 * sin(i * i), 1, false), ('plateaus', 100 + round(5 * sin(i / 9.0) + 2 * sin(i * i)), 1, false),
		('outliers', CASE i % 111 WHEN 30 THEN 1e8 WHEN 60 THEN -1e8 WHEN 100 THEN 'NaN' WHEN 105 THEN NULL ELSE 50 + 9 * sin(i / 15.0) + sin(i * i) END, 1, false),
		('ties', 80 + 9 * sin(i / 15.0) + sin(i * i), 4, false), ('late', 60 + 9 * sin(i / 15.0) + sin(i * i), 1, true),
		('below zero', 3 * sin(i / 60.0) + sin(i * i), 1, false), ('rises', i, 1, false), ('falls', 2000 - i, 1, false), ('steady', 7, 1, false)) s(shape, v, ties, late);
CREATE INDEX ON c (shape, i);
CREATE FUNCTION seconds(interval) RETURNS float8 LANGUAGE SQL IMMUTABLE AS $$ SELECT extract(epoch FROM $1) $$;
CREATE FUNCTION seconds(float8) RETURNS float8 LANGUAGE SQL IMMUTABLE AS $$ SELECT $1 $$;
CREATE FUNCTION compare_curve(metric text, frame int, tolerance float8, OUT rows bigint, OUT defined bigint, OUT wrong bigint, OUT shapes text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), count(x), count(*) FILTER (WHERE differs(x, y, %3$s)), string_agg(DISTINCT shape, '','') FILTER (WHERE differs(x, y, %3$s)) FROM
		(SELECT shape, (SELECT seconds(%1$s) FROM (SELECT * FROM c p WHERE p.shape = q.shape AND p.i BETWEEN q.i - %2$s AND q.i ORDER BY p.i) p) AS y,
				seconds(x) AS x FROM
			(SELECT shape, i, %1$s OVER (PARTITION BY shape ORDER BY i ROWS %2$s PRECEDING) AS x FROM c) q) z', metric, frame, tolerance)
	INTO rows, defined, wrong, shapes;
END
$$;
SELECT metric, frame, c.* FROM unnest(ARRAY['pulse_max_drawdown(ts, v)', 'pulse_max_drawdown_amount(ts, v)', 'pulse_current_drawdown(ts, v)', 'pulse_cagr(ts, v)', 'pulse_calmar(ts, v)', 'pulse_average_drawdown(ts, v)', 'pulse_ulcer_index(ts, v)',
		'pulse_drawdown_duration(ts, v)', 'pulse_twr(ts, v, f)']) WITH ORDINALITY m(metric, n),
	unnest(ARRAY[1, 6, 90]) frame, LATERAL compare_curve(metric, frame, 1e-10) c ORDER BY n, frame;
DROP FUNCTION compare_curve, seconds(interval), seconds(float8);
DROP TABLE c;
-- times out of order inside a frame
CREATE TABLE late AS SELECT i, v, ts + CASE WHEN i % 200 BETWEEN 50 AND 60 THEN interval '-5 hours' ELSE '0' END AS t FROM w;
CREATE INDEX ON late (i);
SELECT count(*) FILTER (WHERE differs(x, y, 1e-15)) AS wrong, count(*) FILTER (WHERE differs(c, d, 1e-15)) AS wrong FROM
	(SELECT pulse_max_drawdown(t, v) OVER (ORDER BY i ROWS 30 PRECEDING) AS x, (SELECT pulse_max_drawdown(t, v) FROM late p WHERE p.i BETWEEN q.i - 30 AND q.i) AS y,
			pulse_current_drawdown(t, v) OVER (ORDER BY i ROWS 30 PRECEDING) AS c, (SELECT pulse_current_drawdown(t, v) FROM late p WHERE p.i BETWEEN q.i - 30 AND q.i) AS d
	 FROM late q) z;
DROP TABLE late;
-- NaN passes through a frame and is gone
SELECT i, pulse_volatility(x, 1) OVER f, pulse_var(x) OVER f, pulse_max_drawdown(x) OVER f, pulse_sortino(x) OVER f, pulse_win_rate(x) OVER f
FROM (VALUES (1, 1::float8), (2, 2), (3, 'NaN'), (4, 3), (5, 1), (6, 2)) t(i, x) WINDOW f AS (ORDER BY i ROWS 1 PRECEDING) ORDER BY i;
-- the variance after an outlier left is exact
SELECT v ^ 2 - 6e-6 < 1e-20 AS exact FROM (SELECT i, pulse_volatility(x, 1) OVER (ORDER BY i ROWS 7 PRECEDING) AS v
	FROM unnest(ARRAY[1e8, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008]) WITH ORDINALITY t(x, i)) q WHERE i = 9;
-- parameters are checked here too
\set SHOW_CONTEXT never
SELECT pulse_var(r, 1.5) OVER (ORDER BY i ROWS 5 PRECEDING) FROM w;
SELECT pulse_sharpe(r, 0, i - 2) OVER (ORDER BY i ROWS 5 PRECEDING) FROM w;
SELECT pulse_sharpe(r, -3) OVER (ORDER BY i ROWS 5 PRECEDING) FROM w;
DROP FUNCTION compare, differs;
DROP TABLE w;
DROP EXTENSION pulse;
