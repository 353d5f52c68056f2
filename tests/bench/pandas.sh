#!/usr/bin/env bash
# The metrics of an equity curve by Pulse beside the same from psycopg2 and pandas, transfer included: pandas.sh [ROWS ...]
# Both are Debian's: apt-get install --no-install-recommends python3-pandas python3-psycopg2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python=/usr/bin/python3
"$python" -c 'import pandas, psycopg2' 2>/dev/null || { echo 'skipped: python3-pandas and python3-psycopg2 are not there'; exit 0; }
[ $# -gt 0 ] || set -- 1000000 10000000
exec tests/lib/cluster.sh run --conf shared_buffers=1GB --conf work_mem=256MB --conf max_wal_size=8GB --conf jit=off -- "$python" tests/bench/pandas_metrics.py "$@"
