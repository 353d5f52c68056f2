CREATE EXTENSION pulse;
SET TimeZone = 'UTC';
SET extra_float_digits = 1;

-- forty days of snapshots every 17 minutes, with a missing day
CREATE TABLE s AS
	SELECT '2025-03-01'::timestamptz + i * interval '17 minutes' AS ts, 1000 + 90 * sin(i / 300.0) + i * 0.05 + 11 * sin(i * i) AS value, 0::float8 AS flow
	FROM generate_series(0, 3400) i WHERE NOT i BETWEEN 800 AND 950;
CREATE TABLE daily AS SELECT date_trunc('day', ts) AS day, pulse_summary(ts, value) AS summary FROM s GROUP BY 1;
CREATE TABLE hourly AS SELECT date_trunc('hour', ts) AS hour, pulse_summary(ts, value, flow, '1 hour') AS summary FROM s GROUP BY 1;

-- the summary of all rows, rollups in any order, of any parts: the same bits
CREATE TABLE whole AS SELECT pulse_summary(ts, value) AS summary FROM s;
SELECT w.summary::text = r.summary::text AS days, w.summary::text = b.summary::text AS backwards, w.summary::text = h.summary::text AS any_split
FROM whole w, (SELECT pulse_rollup(summary ORDER BY day) AS summary FROM daily) r, (SELECT pulse_rollup(summary ORDER BY day DESC) AS summary FROM daily) b,
	(SELECT pulse_rollup(summary ORDER BY n DESC) AS summary FROM (SELECT i / 77 AS n, pulse_summary(ts, value) AS summary FROM (SELECT *, row_number() OVER (ORDER BY ts) AS i FROM s) q GROUP BY 1) p) h;
-- rollups of rollups
SELECT w.summary::text = r.summary::text AS nested
FROM whole w, (SELECT pulse_rollup(summary) AS summary FROM (SELECT pulse_rollup(summary) AS summary FROM daily GROUP BY date_trunc('week', day)) q) r;

-- all metrics are those of the rows, but for the date of recovery
SELECT to_jsonb(pulse_metrics(summary)) - 'drawdown_duration' = (SELECT to_jsonb(pulse_metrics(ts, value)) - 'drawdown_duration' FROM s) AS same FROM whole;
SELECT to_jsonb(pulse_metrics(pulse_rollup(summary), 0.02, 0.01, '6 hours', 0.9)) - 'drawdown_duration'
	= (SELECT to_jsonb(pulse_metrics(ts, value, flow, 0.02, 0.01, '6 hours', 0.9)) - 'drawdown_duration' FROM s) AS same FROM hourly;
SELECT abs(extract(epoch FROM pulse_drawdown_duration(summary) - (SELECT pulse_drawdown_duration(ts, value) FROM s))) < 86400 AS within_a_day FROM whole;
-- one by one
SELECT pulse_sharpe(summary) = (m).sharpe AS sharpe, pulse_sharpe(summary, risk_free => 0.02) < (m).sharpe AS risk_free, pulse_sortino(summary) = (m).sortino AS sortino,
	   pulse_volatility(summary) = (m).volatility AS volatility, pulse_max_drawdown(summary) = (m).max_drawdown AS max_drawdown,
	   pulse_current_drawdown(summary) = (m).current_drawdown AS current_drawdown, pulse_var(summary) = (m).var_95 AS var, pulse_cvar(summary, confidence => 0.95) = (m).cvar_95 AS cvar,
	   pulse_cagr(summary) = (m).cagr AS cagr, pulse_calmar(summary) = (m).calmar AS calmar, pulse_twr(summary) = (m).total_return AS twr,
	   pulse_ulcer_index(summary) = (m).ulcer_index AS ulcer_index, pulse_pain_index(summary) = (m).pain_index AS pain_index, pulse_cdar(summary) = (m).cdar AS cdar,
	   pulse_stability(summary) = (m).stability AS stability, pulse_skewness(summary) = (m).skewness AS skewness, pulse_kurtosis(summary) = (m).kurtosis AS kurtosis,
	   pulse_omega(summary) = (m).omega AS omega, pulse_psr(summary) = (m).psr AS psr, pulse_kelly(summary) = (m).kelly AS kelly, pulse_tail_ratio(summary) = (m).tail_ratio AS tail_ratio
FROM whole, LATERAL (SELECT pulse_metrics(summary) AS m) q;
SELECT pulse_var(summary, confidence => 0.99, period => '7 days') IS NOT NULL AS weekly FROM whole;
SELECT pulse_volatility(pulse_rollup(summary), period => '1 hour') > 0 AS hourly FROM hourly;

-- flows: to rounding, whichever way the rows are split
UPDATE s SET flow = 250 WHERE ts = (SELECT min(ts) FROM s WHERE ts > '2025-03-05 10:00');
UPDATE s SET flow = -100 WHERE ts = (SELECT min(ts) FROM s WHERE ts >= '2025-03-20');
UPDATE s SET value = value + 250 WHERE ts >= (SELECT ts FROM s WHERE flow = 250);
UPDATE s SET value = value - 100 WHERE ts >= (SELECT ts FROM s WHERE flow = -100);
SELECT key, value, other FROM
	(SELECT * FROM (SELECT to_jsonb(pulse_metrics(ts, value, flow)) AS j FROM s) a, jsonb_each_text(j)) x
	JOIN (SELECT key, value AS other FROM (SELECT to_jsonb(pulse_metrics(pulse_rollup(summary))) AS j FROM (SELECT pulse_summary(ts, value, flow) AS summary FROM s GROUP BY date_trunc('hour', ts)) p) b, jsonb_each_text(j)) y USING (key)
WHERE value <> other AND (key = 'drawdown_duration' AND abs(extract(epoch FROM value::interval - other::interval)) > 86400
	OR key <> 'drawdown_duration' AND abs(value::float8 - other::float8) > 1e-11 * greatest(1, abs(value::float8)));

-- text, binary, storage, jsonb
SELECT pulse_summary(ts, value) FROM (VALUES ('2025-01-01 12:00'::timestamptz, 100.5), ('2025-01-01 18:00', 99)) t(ts, value);
SELECT summary::text::pulse_summary::text = summary::text AS text_round_trip FROM whole;
SELECT summary::jsonb ->> 'n_snapshots' AS n_snapshots, jsonb_typeof(summary::jsonb -> 'sharpe') AS sharpe FROM whole;
-- a value stored by version 1 is readable for ever
CREATE TABLE golden (summary pulse_summary);
INSERT INTO golden VALUES ('\x5053010000000001000000141dd7600000000000000023aa00000000000000020002cda28dc030000002cda79536080040592000000000004058c000000000003ff000000000000000000000000000003ff0000000000000000000000000000040592000000000004058c000000000000002cda28dc030003f8e9131abf0b7670000000000000000');
SELECT (m).n_snapshots, (m).first_ts, (m).last_ts, (m).first_value, (m).last_value, (m).max_drawdown, (m).period_return FROM (SELECT pulse_metrics(summary) AS m FROM golden) g;
-- two days, a deposit on the second, written byte by byte
TRUNCATE golden;
INSERT INTO golden SELECT ('\x5053010000000002000000141dd76000'
	|| '00000000000023aa' || '0000000000000001' || '0002cda28dc03000' || '0002cda28dc03000' || '4059000000000000' || '4059000000000000'
	|| '3ff0000000000000' || '0000000000000000' || '3ff0000000000000' || '0000000000000000' || '4059000000000000' || '4059000000000000' || '0002cda28dc03000' || '0000000000000000' || '0000000000000000'
	|| '00000000000023ab' || '0000000000000001' || '0002cdb6ab979000' || '0002cdb6ab979000' || '4064000000000000' || '4064000000000000'
	|| '3fe6000000000000' || '4049000000000000' || '3ff0000000000000' || '0000000000000000' || '4064000000000000' || '4064000000000000' || '0002cdb6ab979000' || '0000000000000000' || '0000000000000000')::pulse_summary;
SELECT (m).n_snapshots, (m).n_periods, (m).net_flow, (m).total_return, (m).max_drawdown, (m).first_ts, (m).last_ts FROM (SELECT pulse_metrics(summary) AS m FROM golden) g;
SELECT encode(pulse.summary_send(summary), 'hex') = substr(summary::text, 3) AS same_bytes FROM golden;
DROP TABLE golden;

-- nothing, NaN, ruin
SELECT pulse_summary(ts, value) IS NULL AS none FROM s WHERE false;
SELECT pulse_rollup(NULL::pulse_summary) IS NULL AS none;
SELECT pulse_sharpe(r), pulse_max_drawdown(r), pulse_twr(r), pulse_ulcer_index(r), pulse_drawdown_duration(r)
FROM (SELECT pulse_rollup(summary) AS r FROM (SELECT pulse_summary(ts, CASE WHEN ts::date = '2025-03-07' THEN 'NaN' ELSE value END) AS summary FROM s GROUP BY ts::date) q) p;
SELECT pulse_sharpe(r), pulse_max_drawdown(r), pulse_current_drawdown(r), pulse_cagr(r)
FROM (SELECT pulse_rollup(pulse_summary) AS r FROM (SELECT pulse_summary(ts, v) FROM (VALUES ('2025-01-01'::timestamptz, 100), ('2025-01-02', 50), ('2025-01-03', -20), ('2025-01-04', 30)) t(ts, v) GROUP BY ts) q) p;

-- parallel workers
ALTER TABLE daily SET (parallel_workers = 2);
ANALYZE daily;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT pulse_rollup(summary) FROM daily;
SELECT pulse_rollup(summary)::text = (SELECT summary::text FROM whole) AS same FROM daily;

\set SHOW_CONTEXT never
SELECT 'hello'::pulse_summary;
\echo :SQLSTATE
SELECT '\x0'::pulse_summary;
SELECT '\x5053 010'::pulse_summary;
SELECT '\x'::pulse_summary;
\echo :SQLSTATE
SELECT '\x5053'::pulse_summary;
SELECT '\xzz'::pulse_summary;
SELECT '\x5054010000000001000000141dd76000'::pulse_summary;
SELECT '\x5053020000000001000000141dd76000'::pulse_summary;
SELECT '\x50530100ffffffff000000141dd76000'::pulse_summary;
SELECT '\x50530100000000000000000000000000'::pulse_summary;
SELECT pulse_var(summary, confidence => 1) FROM whole;
SELECT pulse_var(summary, period => '1 hour') FROM whole;
SELECT pulse_rollup(summary) FROM (SELECT summary FROM daily UNION ALL SELECT summary FROM hourly) q;
DROP TABLE s, daily, hourly, whole;
DROP EXTENSION pulse;
