CREATE EXTENSION pulse;
CREATE TABLE p (i int, r float8, b float8);
INSERT INTO p SELECT i, r, b FROM unnest(ARRAY[0.01, -0.02, 0.03, NULL, 0.015, -0.005, 0.02, -0.01, 0.005],
	ARRAY[0.005, -0.01, 0.02, 0.01, 0.02, 0.005, NULL, -0.02, 0.01]) WITH ORDINALITY AS t(r, b, i);
-- against the server's own regression aggregates
SELECT abs(pulse_beta(r, b) - regr_slope(r, b)) < 1e-14 AS beta,
	   abs(pulse_alpha(r, b, 0, 1) - regr_intercept(r, b)) < 1e-16 AS alpha,
	   abs(pulse_tracking_error(r, b, 252) - stddev_samp(r - b) * sqrt(252)) < 1e-15 AS tracking_error,
	   abs(pulse_information_ratio(r, b) - avg(r - b) / stddev_samp(r - b) * sqrt(365)) < 1e-13 AS information_ratio FROM p;
-- numeric and arrays agree
SELECT pulse_beta(r, b) = pulse_beta(r::numeric, b::numeric) AND pulse_beta(r, b) = pulse_beta(array_agg(r), array_agg(b)) AS beta,
	   pulse_treynor(r, b, 0.02, 252) = pulse_treynor(r::numeric, b::numeric, 0.02, 252)
	   AND pulse_treynor(r, b, 0.02, 252) = pulse_treynor(array_agg(r), array_agg(b), 0.02, 252) AS treynor,
	   pulse_up_capture(r, b) = pulse_up_capture(array_agg(r), array_agg(b)) AS up_capture,
	   pulse_down_capture(r, b, 12) = pulse_down_capture(array_agg(r), array_agg(b), periods => 12) AS down_capture FROM p;
-- a copy of the benchmark
SELECT pulse_beta(b, b), pulse_alpha(b, b), pulse_tracking_error(b, b), pulse_information_ratio(b, b), pulse_up_capture(b, b), pulse_down_capture(b, b) FROM p;
-- too few, constant, NaN
SELECT pulse_beta(r, b), pulse_alpha(r, b), pulse_tracking_error(r, b), pulse_up_capture(r, b) FROM (VALUES (0.01, 0.02)) t(r, b);
SELECT pulse_beta(r, b), pulse_treynor(r, b), pulse_down_capture(r, b) FROM (VALUES (0.01, 0.01), (0.02, 0.01), (0.03, 0.01)) t(r, b);
SELECT pulse_beta(r, b), pulse_tracking_error(r, b), pulse_up_capture(r, b) FROM (VALUES (0.01, 0.01), ('NaN'::float8, 0.02), (0.03, 0.01)) t(r, b);
SELECT pulse_beta(r, b) FROM p WHERE false;
\set SHOW_CONTEXT never
SELECT pulse_alpha(r, b, -2) FROM p;
SELECT pulse_tracking_error(r, b, 0) FROM p;
SELECT pulse_beta(ARRAY[0.1, 0.2], ARRAY[0.1]);
\echo :SQLSTATE
-- parallel workers
CREATE TABLE many AS SELECT sin(i) / 50 AS r, sin(i) / 70 + cos(i * 0.7) / 90 AS b FROM generate_series(1, 100000) i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE single AS SELECT pulse_beta(r, b) AS x, pulse_treynor(r, b, 0.01) AS y, pulse_up_capture(r, b, 3) AS z FROM many;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT pulse_beta(r, b) FROM many;
SELECT abs(p.x / s.x - 1) < 1e-12 AS beta, abs(p.y / s.y - 1) < 1e-9 AS treynor, abs(p.z / s.z - 1) < 1e-9 AS up_capture
FROM single s, (SELECT pulse_beta(r, b) AS x, pulse_treynor(r, b, 0.01) AS y, pulse_up_capture(r, b, 3) AS z FROM many) p;
DROP TABLE p, many, single;
DROP EXTENSION pulse;
