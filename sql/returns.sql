CREATE EXTENSION pulse;
SET extra_float_digits = -1;

CREATE TABLE r (i int, r float8);
INSERT INTO r SELECT i, x FROM unnest(ARRAY[0.01, -0.02, 0.03, NULL, 0.015, -0.005, 0.02, -0.01, 0.005]) WITH ORDINALITY AS t(x, i);

-- against the same written out by hand
SELECT pulse_total_return(r) - (exp(sum(ln(1 + r))) - 1) < 1e-15 AS total_return,
	   abs(pulse_volatility(r) - stddev_samp(r) * sqrt(365)) < 1e-15 AS volatility,
	   abs(pulse_volatility(r, 252) - stddev_samp(r) * sqrt(252)) < 1e-15 AS volatility_252,
	   abs(pulse_sharpe(r) - avg(r) / stddev_samp(r) * sqrt(365)) < 1e-14 AS sharpe,
	   abs(pulse_sharpe(r, 0.05) - (avg(r) - (1.05 ^ (1 / 365.0) - 1)) / stddev_samp(r) * sqrt(365)) < 1e-12 AS sharpe_rf,
	   abs(pulse_sharpe(r, 0.05, 252) - (avg(r) - (1.05 ^ (1 / 252.0) - 1)) / stddev_samp(r) * sqrt(252)) < 1e-12 AS sharpe_rf_252,
	   abs(pulse_downside_deviation(r) - sqrt(avg(least(r, 0) ^ 2) FILTER (WHERE r IS NOT NULL)) * sqrt(365)) < 1e-15 AS downside_deviation,
	   abs(pulse_sortino(r) - avg(r) / sqrt(avg(least(r, 0) ^ 2) FILTER (WHERE r IS NOT NULL)) * sqrt(365)) < 1e-13 AS sortino,
	   abs(pulse_var(r) + percentile_cont(1 - 0.95::float8) WITHIN GROUP (ORDER BY r)) < 1e-17 AS var,
	   abs(pulse_var(r, 0.6) + percentile_cont(1 - 0.6::float8) WITHIN GROUP (ORDER BY r)) < 1e-17 AS var_60
FROM r;
SELECT pulse_cvar(r), pulse_cvar(r, 0.75), pulse_var(r, 0.75) FROM r;

-- double precision, numeric and array agree to the bit
SELECT pulse_total_return(r) = pulse_total_return(r::numeric) AND pulse_total_return(r) = pulse_total_return(array_agg(r)) AS total_return,
	   pulse_sharpe(r, 0.05, 252) = pulse_sharpe(r::numeric, 0.05, 252)
	   AND pulse_sharpe(r, 0.05, 252) = pulse_sharpe(array_agg(r), risk_free => 0.05, periods => 252) AS sharpe,
	   pulse_sortino(r, 0.05) = pulse_sortino(r::numeric, 0.05) AND pulse_sortino(r, 0.05) = pulse_sortino(array_agg(r), mar => 0.05) AS sortino,
	   pulse_cvar(r, 0.75) = pulse_cvar(r::numeric, 0.75) AND pulse_cvar(r, 0.75) = pulse_cvar(array_agg(r), 0.75) AS cvar
FROM r;

-- groups and filters
SELECT i % 2 AS g, pulse_volatility(r), pulse_volatility(r) FILTER (WHERE r > 0) FROM r GROUP BY 1 ORDER BY 1;

-- too few rows, no rows, only NULL rows
SELECT pulse_total_return(r), pulse_volatility(r), pulse_sharpe(r), pulse_sortino(r), pulse_var(r), pulse_cvar(r), pulse_skewness(r), pulse_kurtosis(r)
FROM unnest(ARRAY[-0.01]) r;
SELECT pulse_total_return(r), pulse_volatility(r), pulse_sharpe(r), pulse_sortino(r), pulse_var(r), pulse_cvar(r)
FROM unnest(ARRAY[]::float8[]) r;
SELECT pulse_total_return(r), pulse_volatility(r), pulse_sharpe(r), pulse_sortino(r), pulse_var(r), pulse_cvar(r)
FROM unnest(ARRAY[NULL, NULL]::float8[]) r;
SELECT pulse_sharpe('{}'::float8[]), pulse_var('{}'::float8[]), pulse_sharpe('{NULL,0.01}'::float8[]), pulse_sharpe(NULL::float8[]);

-- NaN and infinity in give NaN out
SELECT x, pulse_total_return(r), pulse_volatility(r), pulse_sharpe(r), pulse_sortino(r), pulse_var(r), pulse_cvar(r)
FROM unnest(ARRAY['NaN', 'Infinity', '-Infinity']::float8[]) x, LATERAL unnest(ARRAY[0.01, x, -0.02]) r GROUP BY x ORDER BY x;
SELECT pulse_sharpe('NaN'::float8), pulse_sharpe('Infinity'::numeric), pulse_var('NaN'::numeric);

-- no variance is no ratio, however the constant is rounded; tiny returns are returns
SELECT x, pulse_volatility(r), pulse_sharpe(r), pulse_sortino(r), pulse_kelly(r)
FROM unnest(ARRAY[0.01, 0.1, 1e-300, 0, -0.01]::float8[]) x, LATERAL generate_series(1, 10), LATERAL (SELECT x) AS t(r) GROUP BY x ORDER BY x;
SELECT pulse_sharpe(i * 1e-9), abs(pulse_sharpe(i * 1e-100) - pulse_sharpe(i * 1e-9)) < 1e-13 AS same_at_any_scale FROM generate_series(1, 5) i;
-- returns equal to the minimum acceptable one leave no downside
SELECT pulse_sortino((1.05::float8 ^ (1 / 365.0)) - 1, 0.05, 365) FROM generate_series(1, 3);
-- everything lost, and more than everything
SELECT pulse_total_return(r) FROM unnest(ARRAY[0.1, -1, 0.1]) r;
SELECT pulse_total_return(r) FROM unnest(ARRAY[0.1, -1.5, 0.1]) r;
-- compounding a million tiny returns
SELECT abs(pulse_total_return(1e-8) / 0.0100501670336655495 - 1) < 1e-15 AS compounded FROM generate_series(1, 1000000);
-- nothing lost is 0, not minus 0
SELECT pulse_var(r), pulse_cvar(r), pulse_var_gaussian(r), pulse_cvar_gaussian(r) FROM unnest(ARRAY[0, 0]) r;
-- integers are numbers too
SELECT pulse_total_return(i) FROM generate_series(1, 3) i;

-- parameters out of range
SELECT pulse_var(r, 0) FROM r;
\echo :SQLSTATE
SELECT pulse_var(r, 1.5) FROM r;
\echo :SQLSTATE
SELECT pulse_cvar(r, 'NaN') FROM r;
\echo :SQLSTATE
SELECT pulse_volatility(r, 0) FROM r;
\echo :SQLSTATE
SELECT pulse_volatility(r, 'Infinity') FROM r;
\echo :SQLSTATE
SELECT pulse_sharpe(r, 0, -252) FROM r;
\echo :SQLSTATE
SELECT pulse_sharpe(r, -1) FROM r;
\echo :SQLSTATE
SELECT pulse_sortino(r, 'NaN', 365) FROM r;
\echo :SQLSTATE
SELECT pulse_omega(r, 'NaN') FROM r;
\echo :SQLSTATE
SELECT pulse_sharpe(r, NULL) FROM r;
\echo :SQLSTATE
SELECT pulse_sharpe(r, i) FROM r;
\echo :SQLSTATE
SELECT pulse_sharpe(ARRAY[0.1, 0.2], periods => 0);
\echo :SQLSTATE

-- parallel workers
CREATE TABLE many AS SELECT i, sin(i) / 50 + cos(i * 0.37) / 90 AS r FROM generate_series(1, 200000) i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE single AS
	SELECT pulse_total_return(r) AS a, pulse_volatility(r) AS b, pulse_sharpe(r, 0.02) AS c, pulse_sortino(r) AS d,
		   pulse_var(r) AS e, pulse_cvar(r) AS f, pulse_skewness(r) AS g, pulse_kurtosis(r) AS h, pulse_omega(r, 0.001) AS j FROM many;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT pulse_sharpe(r), pulse_var(r) FROM many;
SELECT abs(p.a / s.a - 1) < 1e-12 AS total_return, abs(p.b / s.b - 1) < 1e-12 AS volatility, abs(p.c / s.c - 1) < 1e-9 AS sharpe,
	   abs(p.d / s.d - 1) < 1e-9 AS sortino, p.e = s.e AS var, abs(p.f / s.f - 1) < 1e-14 AS cvar,
	   abs(p.g - s.g) < 1e-9 AS skewness, abs(p.h - s.h) < 1e-9 AS kurtosis, abs(p.j / s.j - 1) < 1e-9 AS omega
FROM single s,
	(SELECT pulse_total_return(r) AS a, pulse_volatility(r) AS b, pulse_sharpe(r, 0.02) AS c, pulse_sortino(r) AS d,
		   pulse_var(r) AS e, pulse_cvar(r) AS f, pulse_skewness(r) AS g, pulse_kurtosis(r) AS h, pulse_omega(r, 0.001) AS j FROM many) p;
-- workers that see no row
SELECT pulse_sharpe(r) IS NULL AS none, pulse_var(r) IS NULL AS none FROM many WHERE i < 0;

DROP TABLE r, many, single;
DROP EXTENSION pulse;
