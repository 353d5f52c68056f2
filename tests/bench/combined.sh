#!/usr/bin/env bash
# What summaries are worth for several portfolios together: pulse_performance() of all of them against the sum of their
# curves, snapshot by snapshot. Warm; from summaries the median of 5.
#
#   PORTFOLIOS=100  ROWS=10000 (of each, one a minute)
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
portfolios=${PORTFOLIOS:-100}
rows=${ROWS:-10000}

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
CREATE FUNCTION from_snapshots() RETURNS pulse_metrics_row LANGUAGE plpgsql AS \$\$
DECLARE
	result pulse_metrics_row;
BEGIN
	EXECUTE format('SELECT (m.m).* FROM (SELECT pulse_metrics(e.ts, e.value, e.flow) AS m FROM (%s) e OFFSET 0) m', pulse.equity_query(NULL, NULL, NULL))
		INTO result USING NULL::text, NULL::timestamptz, NULL::timestamptz;
	RETURN result;
END \$\$;
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
SELECT median_ms('SELECT from_snapshots()', 0) AS snapshots, median_ms('SELECT * FROM pulse_performance()', 5) AS summaries,
	median_ms('SELECT * FROM pulse_monthly_returns()', 3) AS months, (SELECT count(*) FROM pulse.combined_curve(NULL, NULL, NULL)) AS points;
SELECT s.max_drawdown, p.max_drawdown, s.sharpe, p.sharpe, pulse.close_to(s.max_drawdown, p.max_drawdown) AND pulse.close_to(s.sharpe, p.sharpe)
	AND pulse.close_to(s.current_drawdown, p.current_drawdown) AS the_same
	FROM from_snapshots() s CROSS JOIN pulse_performance() p;
SQL
