#!/usr/bin/env bash
# From a bot's INSERT to a libpq listener and to a WebSocket client, beside a bare pg_notify round trip and beside a trigger
# with pg_notify, npm pg and npm ws, in the same run; then under load.
#   latency.sh [idle] [hop] [load]      all three without arguments
#   YIELD_LIMIT=5s (0: the worker never gives way)   SAMPLES=200 PAUSE=60 (ms between two INSERTs)   ROWS=10000 (a second) TRANSACTION=1 (rows) DURATION=10   FSYNC=off
# shellcheck disable=SC2317,SC2329  # functions called through traps
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$bench/../.." && pwd)
samples=${SAMPLES:-200} pause=${PAUSE:-60}
[ $# -gt 0 ] || set -- idle hop load
# shellcheck source=tests/lib/cluster.sh
. "$top/tests/lib/cluster.sh"
worker='' rival=''
finish() {
	for pid in $worker $rival; do { kill "$pid" && wait "$pid"; } 2>/dev/null || true; done
	cluster_remove
}
trap finish EXIT

# A port of the loopback address that nobody listens on.
free_port() {
	local port=$1
	while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
	echo "$port"
}
wait_for_port() {
	for _ in $(seq 1 100); do
		(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
		sleep 0.1
	done
	return 1
}

"$top/tests/lib/npm.sh" "$top/tests"
make -s -C "$top/worker" >/dev/null
mkdir -p "$top/.build/bench"
# shellcheck disable=SC2046  # several words
gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o "$top/.build/bench/latency" "$bench/latency.c" $(pkg-config --cflags --libs libpq)
# A server that has run for a while uses files of its log again; here each commit that needs a new one would fill it first.
cluster_create --preload --database trading --conf pulse.databases=trading --conf pulse.yield_limit="${YIELD_LIMIT:-5s}" --conf fsync="${FSYNC:-off}" --conf wal_init_zero=off
cluster_start
psql -Xq -v ON_ERROR_STOP=1 -o /dev/null <<'SQL'
SET client_min_messages = error;
CREATE EXTENSION pulse;
SELECT pulse_setup();
CREATE ROLE pulse_worker LOGIN;
SELECT pulse_grant('pulse_worker', 'worker');
CREATE TABLE rival (LIKE trades INCLUDING ALL);
CREATE FUNCTION rival_notify() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN PERFORM pg_notify('rival', row_to_json(NEW)::text); RETURN NULL; END $$;
CREATE TRIGGER rival_notify AFTER INSERT ON rival FOR EACH ROW EXECUTE FUNCTION rival_notify();
INSERT INTO portfolio_snapshots (ts, total_value) SELECT now() - i * interval '1 hour', 100000 + i FROM generate_series(1, 100) i;
SQL

port=$(free_port 18765)
rival_port=$(free_port $((port + 1)))
mkdir "$PULSE_CLUSTER/worker"
install -m 755 "$top/.build/worker/pulse-worker" "$PULSE_CLUSTER/worker/"
cat >"$PULSE_CLUSTER/worker/pulse.ini" <<INI
[database]
dsn = host=$PGHOST port=$PGPORT dbname=trading user=pulse_worker
[websocket]
port = $port
INI
[ "$(id -u)" != 0 ] || chown -R "$(cluster_account)" "$PULSE_CLUSTER/worker"
cluster_exec_as_user "$PULSE_CLUSTER/worker/pulse-worker" --config "$PULSE_CLUSTER/worker/pulse.ini" >"$top/.build/bench/worker.log" 2>&1 &
worker=$!
wait_for_port "$port"
node "$bench/latency-ws.js" "$rival_port" >/dev/null &
rival=$!
wait_for_port "$rival_port"
sleep 2
dsn="host=$PGHOST port=$PGPORT dbname=trading user=postgres"
echo "$(psql -XAtc "SELECT 'PostgreSQL ' || current_setting('server_version') || ', fsync ' || current_setting('fsync')"), $(nproc) processors"
for what; do
	case $what in
		idle) echo "-- $samples INSERTs each, $pause ms apart"; "$top/.build/bench/latency" idle "$dsn" "$port" "$rival_port" "$samples" "$pause" ;;
		hop) echo "-- $samples INSERTs, $pause ms apart"; "$top/.build/bench/latency" hop "$dsn" "$port" "$samples" "$pause" ;;
		load)
			echo "-- ${ROWS:-10000} INSERTs a second, ${TRANSACTION:-1} a transaction"
			"$top/.build/bench/latency" load "$dsn" "$port" "${ROWS:-10000}" "${DURATION:-10}" "${TRANSACTION:-1}"
			;;
		*) echo "unknown: $what" >&2; exit 64 ;;
	esac
done
