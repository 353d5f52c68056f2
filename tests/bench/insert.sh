#!/usr/bin/env bash
# What following a table costs the bot that writes it: single-row inserts by pgbench, and COPY, into three tables with the
# same columns, constraints and indexes - bare, followed by Pulse (worker running, three listeners), and with a trigger that
# calls pg_notify for every row.
#
# The three take turns in every round, in changing order, and each ratio is taken within a round; what is printed is the
# median, so that a noisy machine blurs the figures but does not bend them. The processor time per row is the steadier
# measure: it does not depend on who else is using the machine. Its worker part is paid while there is time for it, and is
# not waited for by any insert.
#
# pgbench, its sessions and the worker share the machine's cores. Where these are busy to the last one, the worker gives way for
# pulse.yield_limit (5 s): rounds shorter than that do not contain all of its work, and the column of its processor time, which
# includes the catching up between the rounds, says how much there is. YIELD_LIMIT=0 measures what a machine pays that is
# saturated for longer.
#
#   CLIENTS="8 32"  ROUNDS=5  SECONDS_EACH=3  FSYNC="off on"  ROWS=1000000 (of COPY; 0: none)
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
clients=${CLIENTS:-8 32}
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-3}
rows=${ROWS:-1000000}

if [ -z "${PULSE_CLUSTER:-}" ]; then
	for fsync in ${FSYNC:-off on}; do
		FSYNC_NOW=$fsync "$bench/../lib/cluster.sh" run --preload --database bench --conf pulse.databases=bench \
			--conf pulse.yield_limit="${YIELD_LIMIT:-5s}" --conf fsync="$fsync" --conf shared_buffers=256MB --conf max_wal_size=4GB --conf max_connections=100 -- "$0"
	done
	exit
fi

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

sql <<'SQL'
SET client_min_messages = error;
CREATE EXTENSION pulse;
SELECT pulse_setup();
CREATE SCHEMA bare;
CREATE TABLE bare.trades (LIKE trades INCLUDING ALL);
CREATE SCHEMA notify;
CREATE TABLE notify.trades (LIKE trades INCLUDING ALL);
CREATE FUNCTION notify.tell() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN PERFORM pg_notify('trades', row_to_json(NEW)::text); RETURN NULL; END $$;
CREATE TRIGGER tell AFTER INSERT ON notify.trades FOR EACH ROW EXECUTE FUNCTION notify.tell();
SQL
for schema in bare public notify; do
	cat >"$PULSE_CLUSTER/$schema.sql" <<-SQL
		\set q random(1, 1000)
		INSERT INTO $schema.trades (symbol, side, quantity, price, fee) VALUES ('BTCUSDT', CASE WHEN :q % 2 = 0 THEN 'BUY' ELSE 'SELL' END, 0.01 * :q, 100 + :q, 0.001);
	SQL
done

listeners=()
for channel in pulse pulse trades; do
	( echo "LISTEN $channel;"; exec sleep 3600 ) | psql -Xq >/dev/null &
	listeners+=($!)
done
trap 'kill "${listeners[@]}" 2>/dev/null || true' EXIT
postmaster=$(head -n 1 "$PULSE_CLUSTER/data/postmaster.pid")
until worker=$(sql -c 'SELECT pulse.worker_pid()') && [ -n "$worker" ]; do sleep 0.1; done

# Clock ticks of processor time that a process has used, with or without that of its children that have ended.
cpu_of() { awk -v from="$2" '{ sub(/.*\) /, ""); split($0, f, " "); print f[12] + f[13] + (from == "children" ? f[14] + f[15] : 0) }' "/proc/$1/stat"; }

# nobody's backlog runs in another one's turn
settle() {
	sql -c 'DO $$ BEGIN WHILE EXISTS (SELECT FROM pulse.dirty) LOOP COMMIT; PERFORM pg_sleep(0.1); END LOOP; END $$'
}

# Sessions that have ended count as soon as the server has collected them.
sessions_gone() {
	until [ "$(pgrep -c -f -P "$postmaster" ' bench \[local\] ')" -le ${#listeners[@]} ]; do sleep 0.05; done
	sleep 0.1
}

# turn SCHEMA CLIENTS: appends transactions per second and microseconds of processor time per row, sessions' and worker's
turn() {
	local before before_worker count tps sessions
	before=$(cpu_of "$postmaster" children)
	before_worker=$(cpu_of "$worker" own)
	read -r count tps <<<"$(pgbench -n -f "$PULSE_CLUSTER/$1.sql" -c "$2" -j 2 -T "$seconds" 2>/dev/null |
		sed -n -e 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' -e 's/^tps = \([0-9.]*\).*/\1/p' | tr '\n' ' ')"
	sessions_gone
	sessions=$(cpu_of "$postmaster" children)
	settle
	echo "$tps $(awk -v n="$count" -v b="$before" -v a="$sessions" -v wb="$before_worker" -v wa="$(cpu_of "$worker" own)" \
		-v hz="$(getconf CLK_TCK)" 'BEGIN { print (a - b) * 1e6 / hz / n, (wa - wb) * 1e6 / hz / n }')" >>"$PULSE_CLUSTER/$1.$2"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
column() { cut -d ' ' -f "$3" "$PULSE_CLUSTER/$1.$2" | median; }
# median of the ratios of two columns, round by round
ratio() { paste -d ' ' "$PULSE_CLUSTER/$1.$3" "$PULSE_CLUSTER/$2.$3" | awk '{ print $1 / $4 }' | median; }

printf 'single-row inserts, fsync %s, %s rounds of %s s; ratios are medians of the rounds\n' "$FSYNC_NOW" "$rounds" "$seconds"
printf '%8s %9s %9s %6s %10s %6s %15s   %s\n' clients bare pulse ratio pg_notify ratio pulse/pg_notify 'CPU us/row: bare, pulse, its worker'
orders=('bare public notify' 'public notify bare' 'notify bare public')
for count in $clients; do
	for ((round = 0; round < rounds; round++)); do
		for schema in ${orders[round % 3]}; do turn "$schema" "$count"; done
		sql -c 'TRUNCATE bare.trades, public.trades, notify.trades' >/dev/null
		settle
	done
	printf '%8d %9.0f %9.0f %6.2f %10.0f %6.2f %15.2f   %.0f, %.0f, %.0f\n' "$count" "$(column bare "$count" 1)" "$(column public "$count" 1)" \
		"$(ratio public bare "$count")" "$(column notify "$count" 1)" "$(ratio notify bare "$count")" "$(ratio public notify "$count")" \
		"$(column bare "$count" 2)" "$(column public "$count" 2)" "$(column public "$count" 3)"
done

[ "$rows" -gt 0 ] || exit 0
# old rows, as an import brings them: nobody is told of each
sql -c "COPY (SELECT 'main', 'BTCUSDT', CASE WHEN i % 2 = 0 THEN 'BUY' ELSE 'SELL' END, 1 + i % 7, 100 + i % 11, timestamptz '2024-01-01' + i * interval '1 second'
	FROM generate_series(1, $rows) i) TO STDOUT" >"$PULSE_CLUSTER/rows"
seconds_of() {
	local begun=$EPOCHREALTIME
	sql -c "COPY $1.trades (portfolio, symbol, side, quantity, price, executed_at) FROM STDIN" <"$PULSE_CLUSTER/rows"
	awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
}
sql -c 'SELECT pulse_worker_stop()' >/dev/null
for ((round = 0; round < 3; round++)); do
	bare=$(seconds_of bare)
	public=$(seconds_of public)
	echo "$bare $public" >>"$PULSE_CLUSTER/copy"
	sql -c 'TRUNCATE bare.trades, public.trades' >/dev/null
done
printf 'COPY of %s rows: bare %.2f s, pulse %.2f s, ratio %.2f\n' "$rows" "$(cut -d ' ' -f 1 "$PULSE_CLUSTER/copy" | median)" \
	"$(cut -d ' ' -f 2 "$PULSE_CLUSTER/copy" | median)" "$(awk '{ print $1 / $2 }' "$PULSE_CLUSTER/copy" | median)"
