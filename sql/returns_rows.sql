CREATE EXTENSION pulse;
SET TimeZone = 'UTC';
SET extra_float_digits = -1;
CREATE TABLE s (ts timestamptz, value numeric, flow numeric);
INSERT INTO s VALUES
	('2025-03-01 08:00', 1000, 1000), ('2025-03-01 20:00', 1010, 0),
	('2025-03-02 09:00', 990, 0), ('2025-03-02 23:00', 1030.2, 0),
	('2025-03-04 10:00', 1020, 0), ('2025-03-04 22:00', 999.294, 0),
	('2025-03-05 01:00', 1009.28694, 0), ('2025-03-05 02:00', 1509.28694, 500), ('2025-03-05 03:00', 1539.4726788, 0);
SELECT * FROM pulse_returns((SELECT pulse_summary(ts, value, flow) FROM s));
SELECT period_start, n_snapshots, value, period_return, gap FROM pulse_returns((SELECT pulse_summary(ts, value, flow) FROM s), '2 days');
-- arrays, in any order
SELECT count(*), bool_and(a = b) AS same FROM
	pulse_returns((SELECT pulse_summary(ts, value, flow) FROM s)) WITH ORDINALITY a
	JOIN pulse_returns((SELECT array_agg(ts ORDER BY value) FROM s), (SELECT array_agg(value::float8 ORDER BY value) FROM s), (SELECT array_agg(flow::float8 ORDER BY value) FROM s)) WITH ORDINALITY b USING (ordinality),
	LATERAL (SELECT) l;
SELECT period_start, period_return FROM pulse_returns(ARRAY['2025-01-01', '2025-01-02']::timestamptz[], ARRAY[100, 110]);
-- the metrics of the returns are those of the curve
SELECT pulse_sharpe(period_return) = (SELECT (pulse_metrics(ts, value, flow)).sharpe FROM s) AS sharpe, pulse_var(period_return) = (SELECT (pulse_metrics(ts, value, flow)).var_95 FROM s) AS var,
	   count(*) FILTER (WHERE gap) = (SELECT (pulse_metrics(ts, value, flow)).gaps FROM s) AS gaps
FROM pulse_returns((SELECT pulse_summary(ts, value, flow) FROM s));
-- ruin: values, but no returns
SELECT period_start, value, period_return FROM pulse_returns(ARRAY['2025-01-01', '2025-01-02', '2025-01-03']::timestamptz[], ARRAY[100, -1, 50]);
SELECT count(*) FROM pulse_returns(NULL::pulse_summary);
SELECT count(*) FROM pulse_returns('{}'::timestamptz[], '{}');

-- rolling: each window is the metric over its returns
CREATE TABLE d AS SELECT '2025-01-01'::timestamptz + i * interval '1 day' AS ts, 1000 + 50 * sin(i / 9.0) + 7 * sin(i * i) + i AS value FROM generate_series(0, 200) i;
CREATE TABLE u AS SELECT pulse_summary(ts, value) AS s FROM d;
SELECT metric, count(*), count(r.value) AS defined, min(r.ts), bool_and(r.value = (SELECT CASE metric WHEN 'sharpe' THEN pulse_sharpe(p.period_return) WHEN 'var' THEN pulse_var(p.period_return) WHEN 'total_return' THEN pulse_total_return(p.period_return) END
		FROM pulse_returns(u.s) p WHERE p.period_end <= r.ts AND p.period_end > r.ts - interval '30 days')
	OR abs(r.value - (SELECT CASE metric WHEN 'sharpe' THEN pulse_sharpe(p.period_return) WHEN 'var' THEN pulse_var(p.period_return) WHEN 'total_return' THEN pulse_total_return(p.period_return) END
		FROM pulse_returns(u.s) p WHERE p.period_end <= r.ts AND p.period_end > r.ts - interval '30 days')) < 1e-9) AS right
FROM unnest(ARRAY['sharpe', 'var', 'total_return']) metric, u, LATERAL pulse_rolling(metric, '30 days', u.s) r GROUP BY metric ORDER BY metric;
SELECT bool_and(abs(r.value - (SELECT pulse_max_drawdown(d.ts, d.value) FROM d WHERE d.ts < r.ts AND d.ts >= r.ts - interval '31 days')) < 1e-14) AS right, count(*)
FROM u, LATERAL pulse_rolling('max_drawdown', '30 days', u.s) r;
-- the window's length does not change the annualisation
SELECT abs(max(r.value) FILTER (WHERE w = '30 days') / max(r.value) FILTER (WHERE w = '60 days') - 1) < 0.5 AS comparable
FROM u, unnest(ARRAY['30 days', '60 days']::interval[]) w, LATERAL pulse_rolling('volatility', w, u.s) r;
SELECT m, count(*) FROM unnest(ARRAY['volatility', 'downside_deviation', 'sortino', 'cvar', 'omega', 'skewness', 'kurtosis', 'tail_ratio', 'gain_to_pain', 'current_drawdown']) m, u, LATERAL pulse_rolling(m, '100 days', u.s) r GROUP BY m ORDER BY m;
\set SHOW_CONTEXT never
SELECT * FROM pulse_rolling('luck', '30 days', (SELECT s FROM u));
\echo :SQLSTATE
SELECT * FROM pulse_rolling('sharpe', '1 hour', (SELECT s FROM u));
SELECT * FROM pulse_returns((SELECT s FROM u), '1 hour');
DROP TABLE s, d, u;
-- every metric slides, and a portfolio's figures are those of its summary
SELECT pulse_setup();
INSERT INTO portfolio_snapshots (ts, total_value, net_flow) SELECT '2025-01-01'::timestamptz + i * interval '6 hours', 1000 + 90 * sin(i / 30.0) + 9 * sin(i * i), CASE i WHEN 200 THEN 50 ELSE 0 END FROM generate_series(1, 600) i;
SELECT metric, count(*) AS rows, count(r.value) AS defined, count(*) FILTER (WHERE r.ts <> s.ts OR r.value IS DISTINCT FROM s.value) AS wrong, min(r.ts) AS first
FROM (SELECT pulse_summary(ts, total_value, net_flow) AS summary FROM portfolio_snapshots) whole,
	unnest(ARRAY['sharpe', 'adjusted_sharpe', 'psr', 'kelly', 'stability', 'ewma_volatility', 'var_gaussian', 'cvar_gaussian', 'var_cornish_fisher', 'cvar_cornish_fisher', 'average_drawdown', 'pain_index', 'ulcer_index', 'cagr', 'calmar',
		'max_drawdown', 'current_drawdown']) WITH ORDINALITY m(metric, n), LATERAL ROWS FROM (pulse_rolling(metric, '30 days', portfolio => 'main')) WITH ORDINALITY r(ts, value, i)
	JOIN LATERAL ROWS FROM (pulse_rolling(metric, '30 days', summary)) WITH ORDINALITY s(ts, value, i) USING (i)
GROUP BY metric, n ORDER BY n;
SELECT count(*) AS all_portfolios FROM pulse_rolling('sharpe', "window" => '90 days');
SELECT pulse_rolling('nonsense', '30 days', 'main');
DROP TABLE portfolio_snapshots, trades;
DROP EXTENSION pulse;
