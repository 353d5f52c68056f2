#!/usr/bin/env bash
# What following a table costs the bot that writes it: single-row inserts by pgbench into three tables with the same
# columns and indexes - bare, followed by Pulse (worker running, three listeners), and with a trigger that calls
# pg_notify for every row. The three take turns, each figure is the median of its rounds, ratios are to bare.
#
#   CLIENTS="8 32"  ROUNDS=5  SECONDS_EACH=3  FSYNC="off on"
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
clients=${CLIENTS:-8 32}
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-3}

if [ -z "${PULSE_CLUSTER:-}" ]; then
	for fsync in ${FSYNC:-off on}; do
		FSYNC_NOW=$fsync "$bench/../lib/cluster.sh" run --preload --database bench --conf pulse.databases=bench \
			--conf fsync="$fsync" --conf shared_buffers=256MB --conf max_wal_size=4GB --conf max_connections=100 -- "$0"
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
		INSERT INTO $schema.trades (symbol, side, quantity, price, fee) VALUES ('BTCUSDT', CASE WHEN :q % 2 = 0 THEN 'BUY' ELSE 'SELL' END, :q, 100 + :q, 0.1);
	SQL
done

listeners=()
for channel in pulse pulse trades; do
	( echo "LISTEN $channel;"; exec sleep 3600 ) | psql -Xq >/dev/null &
	listeners+=($!)
done
trap 'kill "${listeners[@]}" 2>/dev/null || true' EXIT

# tps SCHEMA CLIENTS
tps() {
	pgbench -n -f "$PULSE_CLUSTER/$1.sql" -c "$2" -j 2 -T "$seconds" 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

printf 'single-row inserts, fsync %s, %s rounds of %s s\n' "$FSYNC_NOW" "$rounds" "$seconds"
printf '%8s %10s %10s %7s %12s %7s %16s\n' clients bare pulse ratio pg_notify ratio 'pulse/pg_notify'
for count in $clients; do
	for ((round = 0; round < rounds; round++)); do
		for schema in bare public notify; do
			tps $schema "$count" >>"$PULSE_CLUSTER/$schema.$count"
			# nobody's backlog runs in another one's turn
			until [ "$(sql -c 'SELECT count(*) FROM pulse.dirty')" = 0 ]; do sleep 0.1; done
		done
		sql -c 'TRUNCATE bare.trades, public.trades, notify.trades' >/dev/null
	done
	awk -v c="$count" -v b="$(median <"$PULSE_CLUSTER/bare.$count")" -v p="$(median <"$PULSE_CLUSTER/public.$count")" \
		-v n="$(median <"$PULSE_CLUSTER/notify.$count")" \
		'BEGIN { printf "%8d %10.0f %10.0f %7.2f %12.0f %7.2f %16.2f\n", c, b, p, p / b, n, n / b, p / n }'
done
