#!/usr/bin/env bash
# From a bot's INSERT to a libpq listener and to a WebSocket client, beside a bare pg_notify round trip of the same run.
#   latency.sh [SAMPLES [PAUSE-MS]]
# shellcheck disable=SC2317,SC2329  # functions called through traps
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$bench/../.." && pwd)
samples=${1:-300} pause=${2:-100}
# shellcheck source=tests/lib/cluster.sh
. "$top/tests/lib/cluster.sh"
worker=
finish() {
	[ -z "$worker" ] || { kill "$worker" && wait "$worker"; } 2>/dev/null || true
	cluster_remove
}
trap finish EXIT

make -s -C "$top/worker" >/dev/null
mkdir -p "$top/.build/bench"
# shellcheck disable=SC2046  # several words
gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o "$top/.build/bench/latency" "$bench/latency.c" $(pkg-config --cflags --libs libpq)
cluster_create --preload --database trading --conf pulse.databases=trading
cluster_start
psql -Xqc 'CREATE EXTENSION pulse' -c 'SELECT pulse_setup()' -c 'CREATE ROLE pulse_worker LOGIN' -c "SELECT pulse_grant('pulse_worker', 'worker')" -o /dev/null
psql -Xqc "INSERT INTO portfolio_snapshots (ts, total_value) SELECT now() - i * interval '1 hour', 100000 + i FROM generate_series(1, 100) i"

port=18765
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
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
for _ in $(seq 1 100); do
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
	sleep 0.1
done
sleep 1
echo "commit to client, $samples samples $pause ms apart, C client, $(psql -XAtc "SELECT 'PostgreSQL ' || current_setting('server_version') || ', fsync ' || current_setting('fsync')"), $(nproc) processors"
"$top/.build/bench/latency" "host=$PGHOST port=$PGPORT dbname=trading user=postgres" "$port" "$samples" "$pause"
