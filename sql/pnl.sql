CREATE EXTENSION pulse;

CREATE TABLE t (i int, pnl numeric);
INSERT INTO t VALUES (1, 100), (2, -50), (3, 200), (4, 0), (5, -100), (6, -20), (7, NULL), (8, -5), (9, 30);

SELECT pulse_win_rate(pnl), pulse_profit_factor(pnl), pulse_average_win(pnl), pulse_average_loss(pnl) FROM t;
SELECT pulse_win_rate(pnl::float8), pulse_profit_factor(pnl::float8), pulse_average_win(pnl::float8), pulse_average_loss(pnl::float8) FROM t;
SELECT pulse_payoff_ratio(pnl), pulse_expectancy(pnl), pulse_max_consecutive_losses(pnl ORDER BY i) FROM t;
SELECT abs(pulse_kelly_discrete(pnl) - (3 / 8.0 - 5 / 8.0 / (110 / 43.75))) < 1e-15 AS kelly,
	   abs(pulse_sqn(pnl) - sqrt(8) * avg(pnl) / stddev_samp(pnl)) < 1e-14 AS sqn FROM t;

-- no trade, no winner, no loser, only even trades
SELECT pulse_win_rate(x), pulse_profit_factor(x), pulse_average_win(x), pulse_average_loss(x), pulse_expectancy(x), pulse_max_consecutive_losses(x)
FROM unnest(ARRAY[]::float8[]) x;
SELECT pulse_win_rate(x), pulse_profit_factor(x), pulse_average_win(x), pulse_average_loss(x), pulse_sqn(x) FROM unnest(ARRAY[1, 2, 3]) x;
SELECT pulse_win_rate(x), pulse_profit_factor(x), pulse_average_win(x), pulse_average_loss(x), pulse_sqn(x) FROM unnest(ARRAY[-1, -1]) x;
SELECT pulse_win_rate(x), pulse_profit_factor(x), pulse_average_win(x), pulse_average_loss(x), pulse_expectancy(x) FROM unnest(ARRAY[0, 0]) x;

-- NaN and infinity
SELECT pulse_win_rate(x), pulse_profit_factor(x), pulse_average_win(x), pulse_sqn(x), pulse_max_consecutive_losses(x) FROM unnest(ARRAY[1, 'NaN', -1]::float8[]) x;
SELECT pulse_win_rate(x), pulse_profit_factor(x), pulse_average_loss(x) FROM unnest(ARRAY[1, 'Infinity', -1]::numeric[]) x;

-- cancellation: sums are compensated
SELECT pulse_expectancy(x) FROM unnest(ARRAY[1e16, 1, -1e16, 1]) x;

-- parallel workers
CREATE TABLE many AS SELECT i, (sin(i) * 100 + 3)::numeric(12, 4) AS pnl FROM generate_series(1, 100000) i;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE single AS SELECT pulse_win_rate(pnl) AS a, pulse_profit_factor(pnl) AS b, pulse_expectancy(pnl) AS c, pulse_sqn(pnl) AS d FROM many;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT pulse_win_rate(pnl) FROM many;
SELECT p.a = s.a AS win_rate, abs(p.b / s.b - 1) < 1e-14 AS profit_factor, abs(p.c / s.c - 1) < 1e-13 AS expectancy, abs(p.d / s.d - 1) < 1e-12 AS sqn
FROM single s, (SELECT pulse_win_rate(pnl) AS a, pulse_profit_factor(pnl) AS b, pulse_expectancy(pnl) AS c, pulse_sqn(pnl) AS d FROM many) p;

DROP TABLE t, many, single;
DROP EXTENSION pulse;
