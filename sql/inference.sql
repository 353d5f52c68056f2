CREATE EXTENSION pulse;
SET extra_float_digits = -2;
-- order matters: stability and EWMA volatility
SELECT pulse_ewma_volatility(r, 0.94, 1), pulse_ewma_volatility(r) / sqrt(365) AS per_period, pulse_stability(r) FROM unnest(ARRAY[0.01, -0.02, 0.03, -0.01]) r;
SELECT pulse_ewma_volatility(ARRAY[0.01, -0.02, 0.03, -0.01], periods => 1), pulse_stability(ARRAY[0.01, -0.02, 0.03, -0.01]);
SELECT pulse_ewma_volatility(r::numeric ORDER BY r), pulse_stability(r::numeric ORDER BY r), pulse_ewma_volatility(r) IS NULL FROM unnest(ARRAY[0.01]) r;
SELECT pulse_stability(r), pulse_ewma_volatility(r) FROM unnest(ARRAY[0.01, 'NaN', 0.02]::float8[]) r;
-- the literature's examples
SELECT pulse_psr(2 / sqrt(12), 1 / sqrt(12), 59, -0.72, 5.78), pulse_sharpe_standard_error(0.1, 365), pulse_sharpe_annualisation(365, 0.2), pulse_sharpe_annualisation(252, 0) / sqrt(252) AS independent;
SELECT pulse_normal_quantile(1e-10), pulse_normal_probability(-10), pulse_normal_probability(pulse_normal_quantile(0.3));
-- Student's distribution: closed forms for 1, 2 and 4 degrees of freedom, the normal one for very many, the ends
SELECT count(*) FILTER (WHERE abs(pulse_student_probability(t, 1) / (0.5 + atan(t) / pi()) - 1) > 2e-13 * (1 + t * t) OR abs(pulse_student_probability(t, 2) - (0.5 + t / (2 * sqrt(2 + t * t)))) > 1e-15
		OR abs(pulse_student_probability(t, 4) - (0.5 + 3 * (t / sqrt(4 + t * t) - (t / sqrt(4 + t * t)) ^ 3 / 3) / 4)) > 1e-15) AS wrong,
	max(abs(pulse_student_probability(t, 1e9) - pulse_normal_probability(t))) < 1e-8 AS normal FROM generate_series(-20, 20, 0.37) g, LATERAL (SELECT g::float8 AS t) x;
SELECT pulse_student_probability(0, 3), pulse_student_probability('-Infinity', 3), pulse_student_probability('Infinity', 3), pulse_student_probability('NaN', 3), pulse_student_probability(-30, 250) BETWEEN 1e-86 AND 1e-80 AS far;
\set SHOW_CONTEXT never
SELECT pulse_student_probability(1, 0);
-- without autocorrelation to speak of Lo's ratio is the plain one; a trending series is worth less
SELECT abs(pulse_sharpe_lo(r, lags => 1) / pulse_sharpe(r) / (365 / sqrt(365 + 2 * 364 * pulse_autocorrelation(r))) * sqrt(365) - 1) < 1e-12 AS lo
FROM (SELECT array_agg(0.001 + sin(i * i) / 100 ORDER BY i) AS r FROM generate_series(1, 500) i) s;
SELECT abs(pulse_autocorrelation(r, 3) - corr) < 1e-12 AS autocorrelation
FROM (SELECT array_agg(x ORDER BY i) AS r, corr(x, before) FROM (SELECT i, x, lag(x, 3) OVER (ORDER BY i) AS before FROM (SELECT i, sin(i * i) AS x FROM generate_series(1, 200) i) q) p) s;
-- the best of one trial is not deflated, the best of many is
SELECT pulse_deflated_sharpe(r, 1, 0.01) = pulse_psr(r) AS single, pulse_deflated_sharpe(r, 10, 0.01) > pulse_deflated_sharpe(r, 1000, 0.01) AS many
FROM (SELECT array_agg(0.002 + sin(i * i) / 100 ORDER BY i) AS r FROM generate_series(1, 500) i) s;
-- Kupiec's example: 7 exceptions in 255 days at 99 %
SELECT n, exceptions, round(expected::numeric, 6) AS expected, round(kupiec::numeric, 6) AS kupiec, round(kupiec_p::numeric, 6) AS kupiec_p,
	   round(christoffersen::numeric, 6) AS christoffersen, round(christoffersen_p::numeric, 6) AS christoffersen_p, round(conditional_p::numeric, 6) AS conditional_p
FROM pulse_var_backtest((SELECT array_agg(CASE WHEN i % 36 = 1 AND i < 240 THEN -0.03 ELSE 0.01 END ORDER BY i) FROM generate_series(1, 255) i), array_fill(0.02::float8, ARRAY[255]), 0.99);
SELECT * FROM pulse_var_backtest('{}', '{}');
SELECT n, exceptions, kupiec IS NOT NULL AS kupiec, christoffersen FROM pulse_var_backtest('{0.1,NULL}', '{0.05,0.05}');
-- the expansion is valid for slightly fat tails, not for thinner ones than normal, nor for a wild sample
SELECT pulse_cornish_fisher_valid(z) AS thin, pulse_cornish_fisher_valid(z + 0.04 * z ^ 3) AS slightly_fat
FROM (SELECT pulse_normal_quantile(i / 1000.0) AS z FROM generate_series(1, 999) i) q;
SELECT pulse_cornish_fisher_valid(r) AS wild, pulse_cornish_fisher_valid(array_agg(r)) AS wild, pulse_cornish_fisher_valid(r::numeric) AS wild FROM unnest(ARRAY[0, 0, 0, 0, 0, 0, 0, 0, 0, 100]) r;
SELECT pulse_cornish_fisher_valid(r) IS NULL AS undefined FROM unnest(ARRAY[1, 1]) r;
-- money-weighted return: an investment, a bond, no solution, too little
SELECT pulse_xirr(d, a) FROM (VALUES ('2025-01-01'::timestamptz, -100), ('2026-01-01', 110)) t(d, a);
SELECT round(pulse_xirr(d, a)::numeric, 12) AS xirr, pulse_xirr(d, a ORDER BY a) - pulse_xirr(d, -a::float8) < 1e-14 AS either_sign
FROM (VALUES ('2023-01-01'::timestamptz, -100.0), ('2024-01-01', 5), ('2024-12-31', 105)) t(d, a);
SELECT pulse_xirr(d, a) FROM (VALUES ('2025-01-01'::timestamptz, 100), ('2026-01-01', 110)) t(d, a);
SELECT pulse_xirr(d, a) FROM (VALUES ('2025-01-01'::timestamptz, -100), ('2025-01-01', 110)) t(d, a);
SELECT pulse_xirr(d, a), pulse_xirr(d, 'NaN'::float8) FROM (VALUES ('2025-01-01'::timestamptz, -100), ('2026-01-01', 1e-30)) t(d, a);
\set SHOW_CONTEXT never
SELECT pulse_ewma_volatility(r, 1) FROM unnest(ARRAY[0.1, 0.2]) r;
\echo :SQLSTATE
SELECT pulse_normal_quantile(1);
SELECT pulse_sharpe_annualisation(365, 1);
SELECT pulse_autocorrelation(ARRAY[0.1], 0);
SELECT pulse_deflated_sharpe(ARRAY[0.1], 0, 1);
SELECT pulse_var_backtest(ARRAY[0.1], ARRAY[0.1, 0.2]);
SELECT pulse_var_backtest(ARRAY['NaN']::float8[], ARRAY[0.1]);
SELECT pulse_min_track_record_length(0.1, confidence => 1);
DROP EXTENSION pulse;
