#!/usr/bin/env bash
# What stored summaries are worth: pulse_performance() over a long history against computing it from the snapshots and
# against a short history, the first build, catching up with late rows, a million closed trades, many portfolios.
# Everything in one run and warm; reads are the median of 15.
#
#   ROWS=10000000  DAYS=1000  TRADES=1000000  PORTFOLIOS=10000
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rows=${ROWS:-10000000}
days=${DAYS:-1000}
trades=${TRADES:-1000000}
portfolios=${PORTFOLIOS:-10000}

if [ -z "${PULSE_CLUSTER:-}" ]; then
	exec "$bench/../lib/cluster.sh" run --database bench --conf fsync=off --conf shared_buffers=1GB --conf max_wal_size=8GB \
		--conf autovacuum=off --conf max_parallel_workers_per_gather=0 -- "$0"
fi

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
now_ms() { date +%s%3N; }

sql <<SQL
SET client_min_messages = error;
CREATE EXTENSION pulse;
CREATE TABLE portfolio_snapshots (portfolio text NOT NULL, ts timestamptz NOT NULL, total_value numeric NOT NULL, net_flow numeric NOT NULL DEFAULT 0);
INSERT INTO portfolio_snapshots (portfolio, ts, total_value)
	SELECT 'long', timestamptz '2023-01-01Z' + i * (interval '$days days' / $rows), round((100000 + i * 0.001 + 5000 * sin(i / 40000.0) + (i::bigint * 7919 % 1000) / 10.0)::numeric, 2)
	FROM generate_series(1, $rows) i;
INSERT INTO portfolio_snapshots SELECT 'short', ts, total_value FROM portfolio_snapshots ORDER BY ts LIMIT $rows / 100;
ALTER TABLE portfolio_snapshots ADD PRIMARY KEY (portfolio, ts);
VACUUM ANALYZE portfolio_snapshots;
-- milliseconds of a statement, warm
CREATE FUNCTION median_ms(statement text, runs integer DEFAULT 15) RETURNS numeric LANGUAGE plpgsql AS \$\$
DECLARE
	begun timestamptz;
	took float8[] := '{}';
BEGIN
	FOR i IN 0..runs LOOP
		begun := clock_timestamp();
		EXECUTE statement;
		IF i > 0 THEN
			took := took || extract(epoch FROM clock_timestamp() - begun)::float8 * 1000;
		END IF;
	END LOOP;
	RETURN round((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(took) t)::numeric, 2);
END \$\$;
SELECT pulse_attach('portfolio_snapshots', 'snapshots') AS source_id \gset
SQL

# Runs ticks, each in its own transaction, until nothing is left; prints the milliseconds it took and the longest of them.
catch_up() {
	local begun longest=0 tick more=true
	begun=$(now_ms)
	while [ "$more" = true ]; do
		tick=$(now_ms)
		more=$(sql -c "SELECT pulse_tick() -> 'more'")
		tick=$(($(now_ms) - tick))
		[ "$tick" -le "$longest" ] || longest=$tick
	done
	echo "$(($(now_ms) - begun)) $longest"
}

printf '%s snapshots over %s days\n' "$rows" "$days"
read -r raw <<<"$(sql -c "SELECT median_ms('SELECT * FROM pulse_performance(''long'')', 1)")"
read -r build longest <<<"$(catch_up)"
sql -c 'VACUUM ANALYZE pulse.metric_state'
long=$(sql -c "SELECT median_ms('SELECT * FROM pulse_performance(''long'')')")
short=$(sql -c "SELECT median_ms('SELECT * FROM pulse_performance(''short'')')")
snapshot=$(sql -c "SELECT median_ms('SELECT pulse_snapshot(''long'')')")
breakdown=$(sql -c "SELECT median_ms('SELECT * FROM pulse_performance_breakdown(''long'')')")
printf '%-52s %10s ms\n' 'pulse_performance() from snapshots' "$raw" 'from summaries' "$long" "from summaries, of $((rows / 100)) snapshots" "$short" \
	'pulse_snapshot()' "$snapshot" 'pulse_performance_breakdown()' "$breakdown" 'first build' "$build" 'longest transaction of it' "$longest"
awk -v raw="$raw" -v long="$long" -v short="$short" 'BEGIN { printf "%-52s %10.0f x\n%-52s %10.2f x\n", "from snapshots / from summaries", raw / long, "long / short history", long / short }'

# a thousand late rows within two hours on each of so many days, a transaction a day
for touched in 1 10 100 1000; do
	[ "$touched" -le "$days" ] || continue
	sql <<-SQL
		SET synchronous_commit = off;
		SELECT format('INSERT INTO portfolio_snapshots SELECT ''long'', timestamptz ''2023-01-01Z'' + interval ''%s days'' + i * interval ''7.1 seconds'', 100000 FROM generate_series(1, 1000) i ON CONFLICT DO NOTHING',
			d * $days / $touched + 0.1 * log($touched + 1)) FROM generate_series(0, $touched - 1) d
		\gexec
	SQL
	read -r took longest <<<"$(catch_up)"
	awk -v took="$took" -v touched="$touched" -v build="$build" -v days="$days" \
		'BEGIN { printf "%-52s %10d ms %8.3f of the build, %.3f of the days\n", "late rows on " touched " days", took, took / build, touched / days }'
done

sql <<SQL
SELECT pulse_setup('bots') \gset
ALTER TABLE pulse.closed_trade DISABLE TRIGGER USER;
INSERT INTO pulse.closed_trade (source_id, portfolio, symbol, side, quantity, entry_price, exit_price, gross_pnl, fees, net_pnl, opened_at, closed_at, holding, open_fill_key, close_fill_key)
	SELECT (SELECT source_id FROM pulse.source WHERE table_name = 'trades'), 'busy', 'S' || i % 50, 'LONG', 1, 100, 101, i % 7 - 2.5, 0.1, i % 7 - 2.6,
		t, t + interval '10 minutes', '10 minutes', i::text, i::text
	FROM (SELECT i, timestamptz '2023-01-01Z' + i * (interval '$days days' / $trades) AS t FROM generate_series(1, $trades) i) x;
ALTER TABLE pulse.closed_trade ENABLE TRIGGER USER;
VACUUM ANALYZE pulse.closed_trade;
SQL
scan=$(sql -c "SELECT median_ms(\$\$SELECT pulse_win_rate(net_pnl), pulse_profit_factor(net_pnl), pulse_average_win(net_pnl), pulse_average_loss(net_pnl), count(*) FROM pulse.current_trades('busy', 'average')\$\$, 2)")
begun=$(now_ms)
sql <<'SQL'
CREATE TEMP TABLE all_trades AS SELECT * FROM pulse.closed_trade;
DELETE FROM pulse.closed_trade;
INSERT INTO pulse.closed_trade OVERRIDING SYSTEM VALUE SELECT * FROM all_trades;
SQL
sums=$(sql -c "SELECT median_ms(\$\$SELECT * FROM pulse.trade_sums('busy', NULL, NULL)\$\$)")
month=$(sql -c "SELECT median_ms(\$\$SELECT * FROM pulse.trade_sums('busy', '2023-03-01 12:00Z', '2023-03-31 13:00Z')\$\$)")
printf '%s closed trades\n' "$trades"
printf '%-52s %10s ms\n' 'statistics from the trades' "$scan" 'from sums' "$sums" 'of 30 days from sums' "$month"

sql <<SQL
INSERT INTO bots.portfolio_snapshots (portfolio, ts, total_value, unrealized_pnl)
	SELECT 'p' || p, now() - d * interval '1 day', 1000 + p + d % 7, 1 FROM generate_series(1, $portfolios) p, generate_series(1, 10) d;
VACUUM ANALYZE bots.portfolio_snapshots;
SQL
read -r took longest <<<"$(catch_up)"
printf '%s portfolios\n' "$portfolios"
printf '%-52s %10s ms\n' 'all of them new, ten snapshots each' "$took"
sql -c 'VACUUM ANALYZE pulse.metric_state' -c 'VACUUM ANALYZE pulse.performance_state'
sql -c "INSERT INTO bots.portfolio_snapshots (portfolio, ts, total_value) SELECT 'p' || p, now(), 1000 + p FROM generate_series(1, $portfolios) p"
read -r took longest <<<"$(catch_up)"
printf '%-52s %10s ms\n' 'one snapshot each' "$took"
[ "$(sql -c "SELECT count(*) FROM pulse.performance_state s WHERE total_value = 1000 + substr(portfolio, 2)::int AND portfolio LIKE 'p%'")" = "$portfolios" ] ||
	{ echo 'not every portfolio was refreshed' >&2; exit 1; }
