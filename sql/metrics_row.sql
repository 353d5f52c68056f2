CREATE EXTENSION pulse;
SET TimeZone = 'UTC';
SET IntervalStyle = 'postgres';
SET extra_float_digits = -1;

CREATE TABLE s (ts timestamptz, value numeric, flow numeric);
-- three days of snapshots, a missing day, a deposit on the last one
INSERT INTO s VALUES
	('2025-03-01 08:00', 1000, 1000), ('2025-03-01 20:00', 1010, 0),
	('2025-03-02 09:00', 990, 0), ('2025-03-02 23:00', 1030.2, 0),
	('2025-03-04 10:00', 1020, 0), ('2025-03-04 22:00', 999.294, 0),
	('2025-03-05 01:00', 1009.28694, 0), ('2025-03-05 02:00', 1509.28694, 500), ('2025-03-05 03:00', 1539.4726788, 0);

\x on
SELECT (pulse_metrics(ts, value, flow)).* FROM s;
\x off
-- the returns behind them: 2 %, 0 carried forward, -3 %, and 1 % times 2 % around the deposit
WITH m AS (SELECT pulse_metrics(ts, value, flow) AS m FROM s), r AS (SELECT ARRAY[0.02, 0, -0.03, 0.0302] AS r)
SELECT abs((m).sharpe - pulse_sharpe(r)) < 1e-12 AS sharpe, abs((m).volatility - pulse_volatility(r)) < 1e-13 AS volatility,
	   abs((m).sortino - pulse_sortino(r)) < 1e-11 AS sortino, abs((m).var_95 - pulse_var(r)) < 1e-14 AS var, abs((m).cvar_95 - pulse_cvar(r)) < 1e-14 AS cvar,
	   abs((m).period_return - 0.0302) < 1e-14 AS period_return, abs((m).total_return - (1.01 * 1.02 * 0.97 * 1.0302 - 1)) < 1e-14 AS total_return,
	   abs((m).max_drawdown - 0.03) < 1e-14 AS max_drawdown, abs((m).current_drawdown - (1 - 0.97 * 1.0302)) < 1e-14 AS current_drawdown
FROM m, r;

-- any order gives the same bits, numeric and double precision too
SELECT pulse_metrics(ts, value, flow)::text = pulse_metrics(ts, value, flow ORDER BY ts DESC)::text AS order_free,
	   pulse_metrics(ts, value, flow)::text = pulse_metrics(ts, value::float8, flow::float8 ORDER BY value)::text AS type_free FROM s;

-- parameters
SELECT (m).periods_per_year, (m).n_periods, (m).gaps, (m).confidence, (m).cvar IS NOT DISTINCT FROM (m).cvar_95 AS same
FROM (SELECT pulse_metrics(ts, value, flow, 0.02, 0.01, '6 hours', 0.9) AS m FROM s) q;
SELECT (m).n_periods, (m).gaps FROM (SELECT pulse_metrics(ts, value, flow, 0, 0, '1 hour', 0.95) AS m FROM s) q;

-- one row, two rows in a bucket, no rows, NaN, ruin
SELECT (m).n_snapshots, (m).n_periods, (m).period_return, (m).total_return, (m).cagr, (m).sharpe, (m).max_drawdown, (m).var_95
FROM (SELECT pulse_metrics(ts, value) AS m FROM s WHERE ts < '2025-03-01 09:00') q;
SELECT (m).n_snapshots, (m).n_periods, (m).period_return, (m).total_return, (m).sharpe, (m).max_drawdown, (m).var_95
FROM (SELECT pulse_metrics(ts, value) AS m FROM s WHERE ts < '2025-03-02') q;
SELECT pulse_metrics(ts, value) IS NULL AS nothing FROM s WHERE false;
SELECT (m).n_snapshots, (m).total_return, (m).sharpe, (m).max_drawdown, (m).var_95, (m).drawdown_duration
FROM (SELECT pulse_metrics(ts, nullif(value, 990)::float8 + CASE WHEN value = 1020 THEN 'NaN'::float8 ELSE 0 END) AS m FROM s) q;
SELECT (m).n_periods, (m).total_return, (m).cagr, (m).sharpe, (m).var_95, (m).max_drawdown, (m).current_drawdown
FROM (SELECT pulse_metrics(ts, value) AS m FROM (VALUES ('2025-01-01'::timestamptz, 100), ('2025-01-02', 50), ('2025-01-03', -20), ('2025-01-04', 30)) t(ts, value)) q;

SELECT pulse_metrics(ts, value, flow, 0, 0, '1 month', 0.95) FROM s;
\echo :SQLSTATE
SELECT pulse_metrics(ts, value, flow, 0, 0, '0', 0.95) FROM s;
\echo :SQLSTATE
SELECT pulse_metrics(ts, value, flow, 0, 0, '1 day', 2) FROM s;
\echo :SQLSTATE
SELECT pulse_metrics(ts, value, flow, 0, -1, '1 day', 0.95) FROM s;
\echo :SQLSTATE
SELECT pulse_metrics(ts, value, flow, NULL, 0, '1 day', 0.95) FROM s;
\echo :SQLSTATE
SELECT pulse_metrics(ts, value, 0, 0, 0, '1 second', 0.95) FROM (VALUES ('1900-01-01'::timestamptz, 1), ('2025-01-01', 2)) t(ts, value);
\echo :SQLSTATE

-- of a query: the same row, whatever the types, the order and the plan
SELECT pulse_metrics_of('SELECT ts, value, flow FROM s')::text = (SELECT pulse_metrics(ts, value, flow)::text FROM s) AS numbers,
	   pulse_metrics_of('SELECT ts, value::float8, flow FROM s ORDER BY value')::text = (SELECT pulse_metrics(ts, value, flow)::text FROM s) AS mixed,
	   pulse_metrics_of('SELECT ts, value FROM s')::text = (SELECT pulse_metrics(ts, value)::text FROM s) AS without_flow,
	   pulse_metrics_of('SELECT ts, nullif(value, 990), nullif(flow, 0) FROM s')::text = (SELECT pulse_metrics(ts, nullif(value, 990), flow)::text FROM s) AS nulls,
	   pulse_metrics_of('SELECT ts, value, flow FROM s', risk_free => 0.02, mar => 0.01, period => '6 hours', confidence => 0.9)::text
		= (SELECT pulse_metrics(ts, value, flow, 0.02, 0.01, '6 hours', 0.9)::text FROM s) AS parameters,
	   pulse_metrics_of('SELECT ts, value FROM s WHERE false') IS NULL AS nothing, pulse_metrics_of(NULL) IS NULL AS no_query;
SELECT n_snapshots, n_periods, max_drawdown FROM pulse_metrics_of('WITH a AS (SELECT ts, value FROM s) SELECT a.ts, sum(value) FROM a GROUP BY a.ts');
-- in the snapshot of the statement, which does not see what it writes
WITH new AS (INSERT INTO s VALUES ('2025-03-06', 1) RETURNING ts) SELECT (pulse_metrics_of('SELECT ts, value FROM s')).n_snapshots FROM new;
DELETE FROM s WHERE ts = '2025-03-06';
\set SHOW_CONTEXT never
SELECT pulse_metrics_of('SELECT ts FROM s');
\echo :SQLSTATE
SELECT pulse_metrics_of('SELECT ts::timestamp, value FROM s');
\echo :SQLSTATE
SELECT pulse_metrics_of('SELECT ts, value::int FROM s');
\echo :SQLSTATE
SELECT pulse_metrics_of('DELETE FROM s');
\echo :SQLSTATE
SELECT pulse_metrics_of('DELETE FROM s RETURNING ts, value');
\echo :SQLSTATE
SELECT pulse_metrics_of('SELECT ts, value FROM s; SELECT ts, value FROM s');
\echo :SQLSTATE
SELECT pulse_metrics_of('EXPLAIN SELECT ts, value FROM s');
\echo :SQLSTATE
SELECT pulse_metrics_of('SELECT ''infinity''::timestamptz, 1.0');
\echo :SQLSTATE
SELECT pulse_metrics_of('SELECT ts, value FROM s', confidence => 2);
\echo :SQLSTATE
-- with the rights of the caller, policies included
CREATE ROLE regress_pulse_reader;
GRANT USAGE ON SCHEMA public TO regress_pulse_reader;
SET ROLE regress_pulse_reader;
SELECT pulse_metrics_of('SELECT ts, value FROM s');
\echo :SQLSTATE
RESET ROLE;
GRANT SELECT ON s TO regress_pulse_reader;
ALTER TABLE s ENABLE ROW LEVEL SECURITY;
CREATE POLICY recent ON s USING (ts >= '2025-03-04');
SET ROLE regress_pulse_reader;
SELECT (pulse_metrics_of('SELECT ts, value FROM s')).n_snapshots;
RESET ROLE;
DROP TABLE s;
REVOKE USAGE ON SCHEMA public FROM regress_pulse_reader;
DROP ROLE regress_pulse_reader;
DROP EXTENSION pulse;
