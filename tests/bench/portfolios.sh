#!/usr/bin/env bash
# Many portfolios and one background worker: what a round over all of them costs, and how long a portfolio in which little
# happens waits for its messages while all others change all the time.
#
#   PORTFOLIOS=10000  SECONDS_BUSY=20
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
portfolios=${PORTFOLIOS:-10000}
busy=${SECONDS_BUSY:-20}

if [ -z "${PULSE_CLUSTER:-}" ]; then
	exec "$bench/../lib/cluster.sh" run --preload --database bench --conf pulse.databases=bench --conf fsync=off --conf shared_buffers=512MB \
		--conf max_wal_size=4GB -- "$0"
fi

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
now_ms() { date +%s%3N; }

# Processor time of the worker so far, in milliseconds.
worker_ms() {
	local stat
	stat=$(cat "/proc/$(sql -c 'SELECT pid FROM pulse.worker')/stat")
	# shellcheck disable=SC2086  # fields are wanted
	set -- ${stat##*) }
	echo $(((${12} + ${13}) * 1000 / $(getconf CLK_TCK)))
}

# Waits until the figures of every portfolio are those of its newest snapshot, whose value is $1 + its number.
wait_for_figures() {
	while [ "$(sql -c "SELECT count(*) FROM pulse.performance_state WHERE portfolio LIKE 'p%' AND total_value = $1 + substr(portfolio, 2)::int")" -lt "$portfolios" ]; do
		sleep 0.1
	done
}

# $1 what, $2 statement, $3 the value that shows that it is done
round() {
	local begun worker
	worker=$(worker_ms)
	begun=$(now_ms)
	sql -c "$2"
	wait_for_figures "$3"
	printf '%-62s %8d ms, of the worker'"'"'s processor %8d ms\n' "$1" $(($(now_ms) - begun)) $(($(worker_ms) - worker))
}

sql <<SQL
SET client_min_messages = error;
CREATE EXTENSION pulse;
SELECT pulse_setup('bots') \gset
INSERT INTO bots.trades (portfolio, symbol, side, quantity, price) VALUES ('quiet', 'X', 'BUY', 1, 1);
INSERT INTO bots.portfolio_snapshots (portfolio, total_value) VALUES ('quiet', 1);
SQL
until [ "$(sql -c "SELECT count(*) FROM pulse.worker WHERE last_tick_at IS NOT NULL")" = 1 ]; do sleep 0.1; done
printf '%s portfolios\n' "$portfolios"
round 'all of them new, ten snapshots each' "INSERT INTO bots.portfolio_snapshots (portfolio, ts, total_value, unrealized_pnl)
	SELECT 'p' || p, date_trunc('day', now()) - d * interval '1 day', 1000 * (1 + (d > 0)::int) + p, 1 FROM generate_series(1, $portfolios) p, generate_series(0, 9) d" 1000
sql -c 'VACUUM ANALYZE bots.portfolio_snapshots' -c 'VACUUM ANALYZE pulse.metric_state' -c 'VACUUM ANALYZE pulse.performance_state'
round 'a snapshot each' "INSERT INTO bots.portfolio_snapshots (portfolio, total_value) SELECT 'p' || p, 3000 + p FROM generate_series(1, $portfolios) p" 3000
round 'and another' "INSERT INTO bots.portfolio_snapshots (portfolio, total_value) SELECT 'p' || p, 4000 + p FROM generate_series(1, $portfolios) p" 4000
round 'a fill and a snapshot each' "INSERT INTO bots.trades (portfolio, symbol, side, quantity, price) SELECT 'p' || p, 'X', 'BUY', 1, 1 FROM generate_series(1, $portfolios) p;
	INSERT INTO bots.portfolio_snapshots (portfolio, total_value) SELECT 'p' || p, 5000 + p FROM generate_series(1, $portfolios) p" 5000


# How long after its commit a fill of the quiet portfolio is an event, and its state messages are there: milliseconds.
sql <<'SQL'
CREATE FUNCTION wait_for(fill bigint) RETURNS TABLE (fill_ms integer, portfolio_ms integer, performance_ms integer) LANGUAGE plpgsql AS $$
DECLARE
	begun CONSTANT timestamptz := clock_timestamp();
	since bigint;
BEGIN
	FOR i IN 1..20000 LOOP
		SELECT seq INTO since FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio = 'quiet' AND data ->> 'id' = fill::text AND seq > (SELECT max(seq) - 200000 FROM pulse.event);
		EXIT WHEN FOUND;
		PERFORM pg_sleep(0.005);
	END LOOP;
	fill_ms := 1000 * extract(epoch FROM clock_timestamp() - begun);
	FOR i IN 1..20000 LOOP
		EXIT WHEN EXISTS (SELECT FROM pulse.event WHERE type = 'PORTFOLIO_UPDATE' AND portfolio = 'quiet' AND seq > since);
		PERFORM pg_sleep(0.005);
	END LOOP;
	portfolio_ms := 1000 * extract(epoch FROM clock_timestamp() - begun);
	FOR i IN 1..20000 LOOP
		EXIT WHEN EXISTS (SELECT FROM pulse.event WHERE type = 'PERFORMANCE_UPDATE' AND portfolio = 'quiet' AND seq > since);
		PERFORM pg_sleep(0.005);
	END LOOP;
	performance_ms := 1000 * extract(epoch FROM clock_timestamp() - begun);
	RETURN NEXT;
END $$;
SQL

# $1 what, $2 statement that changes the portfolios from %s to %s: a hundred in a transaction, all of them again and again
measure() {
	local end pid worker
	(
		end=$(($(date +%s) + busy))
		while [ "$(date +%s)" -lt "$end" ]; do
			psql -XAtq <<<"SELECT format(\$f\$$2\$f\$, g * 100 + 1, least((g + 1) * 100, $portfolios)) FROM generate_series(0, ($portfolios - 1) / 100) g \\gexec"
			sleep 0.2
		done
	) &
	pid=$!
	sleep 2
	worker=$(worker_ms)
	end=$(($(date +%s) + busy - 4))
	while [ "$(date +%s)" -lt "$end" ]; do
		sql -F ' ' <<-'SQL'
			INSERT INTO bots.trades (portfolio, symbol, side, quantity, price) VALUES ('quiet', 'X', 'BUY', 1, 1) RETURNING id AS fill \gset
			SELECT * FROM wait_for(:fill)
		SQL
		sleep 0.$((RANDOM % 9 + 1))
	done >/tmp/waits.$$
	wait "$pid"
	local column=0 name
	for name in TRADE_ALERT PORTFOLIO_UPDATE PERFORMANCE_UPDATE; do
		column=$((column + 1))
		cut -d' ' -f$column /tmp/waits.$$ | sort -n | awk -v what="$1: $name after" '{ a[NR] = $1 } END { printf "%-62s %8d ms, at most %6d ms of %d\n", what, a[int((NR + 1) / 2)], a[NR], NR }'
	done
	rm -f /tmp/waits.$$
}
measure 'snapshots of all others' "INSERT INTO bots.portfolio_snapshots (portfolio, total_value) SELECT 'p' || p, 6000 + p + random() FROM generate_series(%s, %s) p"
measure 'fills of all others' "INSERT INTO bots.trades (portfolio, symbol, side, quantity, price) SELECT 'p' || p, 'X', 'BUY', 1, 1 FROM generate_series(%s, %s) p"
