#!/usr/bin/env bash
# Several portfolios together: pulse_performance() and what else takes all of their snapshots, against the sum of their
# curves as SQL says it plainly, over windows. Warm; medians of 3, of the plain one a single run.
#
#   PORTFOLIOS=100  ROWS=10000 (of each, one a minute)  PLAIN=1 (0: without the plain one)
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
portfolios=${PORTFOLIOS:-100}
rows=${ROWS:-10000}
plain=${PLAIN:-1}

if [ -z "${PULSE_CLUSTER:-}" ]; then
	exec "$bench/../lib/cluster.sh" run --database bench --conf fsync=off --conf shared_buffers=1GB --conf max_wal_size=8GB \
		--conf autovacuum=off --conf max_parallel_workers_per_gather=0 -- "$0"
fi

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

# a market that all follow more or less, and noise of their own
sql <<SQL
SET client_min_messages = error;
CREATE EXTENSION pulse;
CREATE TABLE portfolio_snapshots (portfolio text NOT NULL, ts timestamptz NOT NULL, total_value numeric NOT NULL, net_flow numeric NOT NULL DEFAULT 0);
SELECT setseed(0.5);
CREATE TEMP TABLE market AS SELECT i, exp(sum((random() - 0.4999) * 0.002) OVER (ORDER BY i)) AS level FROM generate_series(1, $rows) i;
INSERT INTO portfolio_snapshots (portfolio, ts, total_value, net_flow)
	SELECT 'p' || p, timestamptz '2025-01-01Z' + (m.i + p / 1000.0) * interval '1 minute',
		round((10000 * (1 + p % 7) * power(m.level, 0.5 + p % 10 / 10.0) * (1 + 0.002 * (random() - 0.5)))::numeric, 2), CASE WHEN p % 50 = 7 AND m.i = $rows / 3 THEN 500 ELSE 0 END
	FROM generate_series(1, $portfolios) p CROSS JOIN market m;
ALTER TABLE portfolio_snapshots ADD PRIMARY KEY (portfolio, ts);
VACUUM ANALYZE portfolio_snapshots;
CREATE FUNCTION from_snapshots() RETURNS pulse_metrics_row LANGUAGE sql STABLE AS \$\$
	SELECT pulse_metrics(c.ts, c.value, c.flow)
	FROM (
		SELECT g.ts, sum(g.step) OVER (ORDER BY g.ts) AS value, g.flow
		FROM (
			SELECT s.ts, sum(s.step) AS step, sum(s.flow) AS flow
			FROM (
				SELECT p.ts, p.total_value - coalesce(lag(p.total_value) OVER w, 0) AS step,
					CASE WHEN row_number() OVER w = 1 THEN p.total_value ELSE p.net_flow END AS flow
				FROM portfolio_snapshots p WINDOW w AS (PARTITION BY p.portfolio ORDER BY p.ts)
			) s
			GROUP BY s.ts
		) g
	) c
\$\$;
CREATE FUNCTION median_ms(statement text, runs integer) RETURNS numeric LANGUAGE plpgsql AS \$\$
DECLARE
	begun timestamptz;
	took float8[] := '{}';
BEGIN
	FOR i IN 0..runs LOOP
		begun := clock_timestamp();
		EXECUTE statement;
		IF i > 0 OR runs = 0 THEN
			took := took || extract(epoch FROM clock_timestamp() - begun)::float8 * 1000;
		END IF;
	END LOOP;
	RETURN round((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(took) t)::numeric, 1);
END \$\$;
SELECT pulse_attach('portfolio_snapshots', 'snapshots') AS source_id \gset
SQL
more=true
while [ "$more" = true ]; do more=$(sql -c "SELECT pulse_tick() -> 'more'"); done
sql -c 'VACUUM ANALYZE pulse.metric_state'
sql -v portfolios="$portfolios" -v rows="$rows" <<'SQL'
\echo :portfolios portfolios of :rows snapshots each, milliseconds
\pset format aligned
\pset tuples_only off
SELECT median_ms('SELECT * FROM pulse_performance()', 3) AS performance, median_ms('SELECT pulse_snapshot()', 3) AS snapshot,
	median_ms('SELECT * FROM pulse_performance_breakdown()', 1) AS breakdown, median_ms('SELECT * FROM pulse_monthly_returns()', 3) AS months,
	median_ms('SELECT * FROM pulse_drawdowns()', 3) AS drawdowns, median_ms('SELECT pulse_equity_summary()', 3) AS summary,
	median_ms(format('SELECT pulse_portfolio_chart(%L::timestamptz, %L)', min(ts), max(ts)), 3) AS chart,
	median_ms(format('SELECT pulse_portfolio_chart(%L::timestamptz, %L)', max(ts) - interval '1 day', max(ts)), 3) AS chart_of_a_day,
	median_ms('SELECT pulse.combined_performance(NULL, NULL, NULL, 1000000000)', 3) AS all_snapshots,
	(SELECT whole FROM pulse.combined_plan(NULL, NULL, NULL, 150)) AS takes_all
	FROM portfolio_snapshots \gx
SQL
[ "$plain" = 1 ] || exit 0
sql <<'SQL'
\pset format aligned
\pset tuples_only off
SELECT median_ms('SELECT from_snapshots()', 0) AS plain;
SELECT s.max_drawdown, p.max_drawdown, s.sharpe, p.sharpe, pulse.close_to(s.max_drawdown, p.max_drawdown) AND pulse.close_to(s.sharpe, p.sharpe)
	AND pulse.close_to(s.current_drawdown, p.current_drawdown) AS the_same
	FROM from_snapshots() s CROSS JOIN pulse_performance() p;
SQL
