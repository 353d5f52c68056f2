CREATE EXTENSION pulse;
SET TimeZone = 'UTC';

CREATE TABLE e (ts timestamptz, value numeric);
INSERT INTO e SELECT '2025-01-01'::timestamptz + (i - 1) * interval '1 day', v
FROM unnest(ARRAY[100, 120, 90, 110, 130, 65, 80, 130, 100]) WITH ORDINALITY AS t(v, i);

SELECT pulse_max_drawdown(ts, value), pulse_current_drawdown(ts, value), pulse_drawdown_duration(ts, value) FROM e;
-- any order, double precision, and the ordered form
SELECT pulse_max_drawdown(ts, value::float8 ORDER BY value), pulse_current_drawdown(ts, value::float8 ORDER BY value), pulse_drawdown_duration(ts, value::float8 ORDER BY value) FROM e;
SELECT pulse_max_drawdown(value ORDER BY ts), pulse_current_drawdown(value::float8 ORDER BY ts) FROM e;
SELECT abs(pulse_cagr(ts, value)) < 1e-15 AS flat FROM e;
SELECT pulse_cagr(ts, value), pulse_calmar(ts, value) FROM (VALUES ('2024-01-01'::timestamptz, 100), ('2024-07-01', 80), ('2024-12-31', 110)) t(ts, value);
SELECT pulse_average_drawdown(ts, value) = pulse_pain_index(ts, value) AS same,
	   abs(pulse_pain_index(ts, value) - (30 / 120.0 + 10 / 120.0 + 65 / 130.0 + 50 / 130.0 + 30 / 130.0) / 8) < 1e-16 AS pain,
	   abs(pulse_ulcer_index(ts, value) - sqrt(((30 / 120.0)^2 + (10 / 120.0)^2 + (65 / 130.0)^2 + (50 / 130.0)^2 + (30 / 130.0)^2) / 8)) < 1e-15 AS ulcer,
	   pulse_cdar(ts, value), abs(pulse_cdar(ts, value, 0.75) - (65 / 130.0 + 50 / 130.0) / 2) < 1e-15 AS cdar_75 FROM e;

-- late rows
SELECT pulse_max_drawdown(ts, value) = pulse_max_drawdown(ts, value ORDER BY ts) AS same
FROM (SELECT * FROM (SELECT now() + i * interval '1 second' AS ts, 1000 + sin(i / 100.0) * 50 + i % 7 AS value, i FROM generate_series(1, 5000) i) s
	  ORDER BY (i * 7919) % 5003) shuffled;
-- equal times keep the input order
SELECT pulse_current_drawdown(ts, v), pulse_max_drawdown(ts, v)
FROM (VALUES ('2025-01-02'::timestamptz, 10), ('2025-01-02', 5), ('2025-01-01', 20), ('2025-01-02', 8)) t(ts, v);

-- one row, none, NULL, NaN, infinity
SELECT pulse_max_drawdown(ts, v), pulse_current_drawdown(ts, v), pulse_drawdown_duration(ts, v), pulse_cagr(ts, v), pulse_calmar(ts, v), pulse_ulcer_index(ts, v)
FROM (VALUES ('2025-01-01'::timestamptz, 10.0)) t(ts, v);
SELECT pulse_max_drawdown(ts, v), pulse_cagr(ts, v), pulse_cdar(ts, v), pulse_max_drawdown(v) FROM (VALUES ('2025-01-01'::timestamptz, 10.0)) t(ts, v) WHERE false;
SELECT pulse_max_drawdown(ts, v), pulse_cagr(ts, v) FROM (VALUES ('2025-01-01'::timestamptz, NULL::float8), (NULL, 5)) t(ts, v);
SELECT pulse_max_drawdown(ts, v), pulse_current_drawdown(ts, v), pulse_cagr(ts, v), pulse_drawdown_duration(ts, v), pulse_ulcer_index(ts, v), pulse_cdar(ts, v), pulse_max_drawdown(v)
FROM (VALUES ('2025-01-01'::timestamptz, 10.0::float8), ('2025-01-02', 'NaN'), ('2025-01-03', 5)) t(ts, v);
SELECT pulse_max_drawdown(ts, v), pulse_cagr(ts, v) FROM (VALUES ('2025-01-01'::timestamptz, 10::numeric), ('2025-01-02', 'Infinity'), ('2025-01-03', 5)) t(ts, v);
-- equity below zero: a drawdown above 1, no growth
SELECT pulse_max_drawdown(ts, v), pulse_current_drawdown(ts, v), pulse_cagr(ts, v), pulse_calmar(ts, v)
FROM (VALUES ('2025-01-01'::timestamptz, 100), ('2025-01-02', 50), ('2025-01-03', -20), ('2025-01-04', 30)) t(ts, v);
SELECT pulse_max_drawdown(ts, v), pulse_current_drawdown(ts, v) FROM (VALUES ('2025-01-01'::timestamptz, -100), ('2025-01-02', -50)) t(ts, v);
-- a small loss of a large account, exactly
SELECT pulse_max_drawdown(ts, v) FROM (VALUES ('2025-01-01'::timestamptz, 1e18::float8), ('2025-01-02', 1e18::float8 - 1000), ('2025-01-03', 1e18::float8)) t(ts, v);

-- flows: a deposit is no gain, a withdrawal no loss
SELECT pulse_twr(ts, v, f), abs(pulse_twr(ts, v::float8, f::float8) - 0.183695652173913043) < 1e-15 AS right
FROM (VALUES ('2025-01-01'::timestamptz, 100.0, 100.0), ('2025-01-02', 160, 50), ('2025-01-03', 115, -50), ('2025-01-04', 120, NULL)) t(ts, v, f);

SELECT pulse_max_drawdown('infinity'::timestamptz, 1.0);
\echo :SQLSTATE
SELECT pulse_cdar(ts, value, 1) FROM e;
\echo :SQLSTATE
SELECT pulse_cdar(ts, value, NULL) FROM e;
\echo :SQLSTATE

-- frames that only grow
SELECT value, pulse_max_drawdown(ts, value) OVER (ORDER BY ts) FROM e ORDER BY ts;
DROP TABLE e;
-- the metrics of one input have one transition, state and initial value, and final functions that leave it alone: the executor computes them in one pass
SELECT p.proargtypes::regtype[]::text AS input, a.aggtransfn::regproc::text AS transition, count(*) > 1 AS shared, count(DISTINCT (a.aggtranstype, coalesce(a.agginitval, ''), a.aggcombinefn, a.aggserialfn)) AS states, bool_and(a.aggfinalmodify = 'r') AS read_only
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pulse')
WHERE p.pronargs <= 2 AND p.proname LIKE 'pulse\_%' GROUP BY 1, 2 ORDER BY 1, 2;
DROP EXTENSION pulse;
