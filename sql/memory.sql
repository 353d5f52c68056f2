-- More rows than memory: the same results to the bit, from disk.
CREATE EXTENSION pulse;
CREATE TABLE m AS SELECT i, '2025-01-01'::timestamptz + i * interval '1 minute' AS ts, 1000 + 90 * sin(i / 3000.0) + sin(i) AS value, sin(i * 1.7) / 50 AS r,
	CASE WHEN i % 50000 = 0 THEN 100 ELSE 0 END AS flow FROM generate_series(1, 120000) i;
-- one row late by far, and a table in no order at all
CREATE TABLE late AS SELECT * FROM m WHERE i <> 777;
INSERT INTO late SELECT * FROM m WHERE i = 777;
CREATE TABLE shuffled AS SELECT * FROM m ORDER BY md5(i::text);
SET max_parallel_workers_per_gather = 0;
SET hash_mem_multiplier = 1;
CREATE FUNCTION results(relation regclass) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT unnest(ARRAY[pulse_var(r), pulse_cvar(r), pulse_var(r, 0.999), pulse_tail_ratio(r), pulse_max_drawdown(ts, value), pulse_current_drawdown(ts, value),
		pulse_cagr(ts, value), pulse_ulcer_index(ts, value), pulse_cdar(ts, value), pulse_cdar(ts, value, 0.5), pulse_twr(ts, value, flow)])::text FROM %1$s', relation);
	RETURN QUERY EXECUTE format('SELECT pulse_drawdown_duration(ts, value)::text FROM %1$s', relation);
	RETURN QUERY EXECUTE format('SELECT pulse_metrics(ts, value, flow)::text FROM %1$s', relation);
	RETURN QUERY EXECUTE format('SELECT md5(pulse_summary(ts, value, flow)::text) FROM %1$s', relation);
	RETURN QUERY EXECUTE format('SELECT g || pulse_max_drawdown(ts, value)::text || pulse_var(value)::text FROM (SELECT *, i %% 2 AS g FROM %1$s) q GROUP BY g ORDER BY g', relation);
	RETURN QUERY EXECUTE 'SELECT pulse_metrics_of($1)::text' USING format('SELECT ts, value, flow::numeric FROM %1$s', relation);
END
$$;
SET work_mem = '256MB';
CREATE TABLE expected AS SELECT * FROM results('m') WITH ORDINALITY AS r(result, n);
SET work_mem = '64kB';
CREATE TABLE got AS SELECT relation, r.* FROM unnest(ARRAY['m', 'late', 'shuffled']::regclass[]) relation, LATERAL results(relation) WITH ORDINALITY AS r(result, n);
SELECT relation, count(*) AS results, count(*) FILTER (WHERE g.result IS DISTINCT FROM e.result AND NOT (relation <> 'm'::regclass AND n IN (2, 4))) AS wrong
FROM got g JOIN expected e USING (n) GROUP BY relation ORDER BY relation::text;
-- quantiles do not depend on the order; a mean of many does in its last digits
SELECT bool_and(abs(g.result::float8 / e.result::float8 - 1) < 1e-14) AS close FROM got g JOIN expected e USING (n) WHERE n <= 4;
-- ties that were split between memory and disk keep their order
SELECT pulse_current_drawdown('2025-01-01'::timestamptz, value) = (SELECT pulse_current_drawdown(value ORDER BY i) FROM m) AS same FROM (SELECT * FROM m ORDER BY i) q;
-- drawdown and growth keep only rows that are extremes, and lose nothing by it: in order, with late rows, in no order, rising, falling, constant, below zero
CREATE TABLE shapes AS SELECT shape, i, '2025-01-01'::timestamptz + (i / ties) * interval '1 minute' AS ts, value FROM generate_series(1, 6000) i, LATERAL (VALUES
	('wanders', 1000 + 90 * sin(i / 3000.0) + 5 * sin(i * i), 1), ('rises', 1 + i, 1), ('falls', 7000 - i, 1), ('constant', 5, 1), ('ties', 100 + (i * 7919 % 1000), 7),
	('loses all', 3000 - i + 3 * sin(i * i), 1), ('negative', -5 - (i * 7919 % 100), 3), ('below zero', 3 * sin(i / 600.0) + sin(i * i), 1)) s(shape, value, ties);
CREATE FUNCTION pieces(shape text, sequence text, OUT alone float8[], OUT together float8[]) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT ARRAY[pulse_max_drawdown(ts, value), pulse_current_drawdown(ts, value), pulse_cagr(ts, value), pulse_calmar(ts, value), pulse_max_drawdown_amount(ts, value)] FROM (SELECT * FROM shapes WHERE shape = $1 ORDER BY %s) q', sequence) INTO alone USING shape;
	EXECUTE format('SELECT ARRAY[(m).max_drawdown, (m).current_drawdown, (m).cagr, (m).calmar, amount] FROM (SELECT pulse_metrics(ts, value) AS m FROM (SELECT * FROM shapes WHERE shape = $1 ORDER BY %1$s) q) p, (SELECT pulse_max_drawdown_amount(value ORDER BY ts, n) AS amount FROM (SELECT *, row_number() OVER (ORDER BY %1$s) AS n FROM shapes WHERE shape = $1) q) a', sequence) INTO together USING shape;
END
$$;
SET work_mem = '4MB';
SELECT shape, count(*) AS sequences, count(*) FILTER (WHERE alone IS DISTINCT FROM together) AS wrong, count(*) FILTER (WHERE alone[1] IS NULL) AS undefined
FROM (SELECT DISTINCT shape FROM shapes) s, unnest(ARRAY['i', 'i % 3000 = 77, i', 'i % 3, i', 'md5(i::text)', 'i DESC']) sequence, LATERAL pieces(shape, sequence) GROUP BY shape ORDER BY shape COLLATE "C";
SET work_mem = '64kB';
SELECT count(*) AS sequences, count(*) FILTER (WHERE alone IS DISTINCT FROM together) AS wrong
FROM (SELECT DISTINCT shape FROM shapes) s, unnest(ARRAY['i', 'i % 3000 = 77, i', 'md5(i::text)']) sequence, LATERAL pieces(shape, sequence);
SELECT pulse_max_drawdown(ts, CASE WHEN i = 5000 THEN 'NaN' ELSE value END), pulse_cagr(ts, CASE WHEN i = 1 THEN '-Infinity' ELSE value END) FROM shapes WHERE shape = 'wanders';
DROP FUNCTION pieces;
DROP TABLE shapes;
-- a query that ends early or fails leaves nothing behind
\set SHOW_CONTEXT never
SELECT 1 / (pulse_var(r) * 0)::int FROM m;
SELECT pulse_metrics_of('SELECT ts, value / (i - 119999) FROM m');
SELECT pulse_xirr(ts, r) FROM m;
\echo :SQLSTATE
DROP FUNCTION results;
DROP TABLE m, late, shuffled, expected, got;
DROP EXTENSION pulse;
