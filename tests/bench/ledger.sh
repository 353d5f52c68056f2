#!/usr/bin/env bash
# The ledger: fills a second in the core, from a table, and stored; and what one more fill costs on a long history.
#   ledger.sh [FILLS]
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$bench/../.." && pwd)
fills=${1:-1000000}
# shellcheck source=tests/lib/cluster.sh
. "$top/tests/lib/cluster.sh"
trap cluster_remove EXIT

mkdir -p "$top/.build/bench"
gcc -std=gnu17 -O2 -Wall -Wextra -Werror -I"$top/extension" -o "$top/.build/bench/ledger" "$bench/ledger.c" \
	"$top"/extension/core/{decimal,ledger,fee_asset}.c
echo 'pure core, CPU time:'
"$top/.build/bench/ledger"

cluster_create --preload --database trading --conf shared_buffers=512MB --conf work_mem=64MB --conf max_wal_size=8GB
cluster_start
psql -Xqc 'CREATE EXTENSION pulse' -c 'SELECT pulse_setup()' -o /dev/null
psql -Xq -v ON_ERROR_STOP=1 -v fills="$fills" -o /dev/null <<'SQL'
CREATE PROCEDURE fill_up(n bigint) LANGUAGE sql AS $$
	INSERT INTO trades (symbol, side, quantity, price, fee, executed_at)
	SELECT 'SYM' || i % 20, CASE WHEN random() < 0.5 THEN 'BUY' ELSE 'SELL' END, round((random() * 10 + 0.001)::numeric, 4),
		round((100 + random() * 10)::numeric, 2), 0.01, '2020-01-01'::timestamptz + i * interval '1 second'
	FROM generate_series((SELECT count(*) FROM trades) + 1, n) i $$;
-- median milliseconds of a fill that is appended and booked
CREATE FUNCTION append_cost() RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	source int := (SELECT source_id FROM pulse.source WHERE kind = 'trades');
	at timestamptz := (SELECT max(executed_at) FROM trades);
	begun timestamptz;
	took double precision[] := '{}';
BEGIN
	FOR i IN 1..200 LOOP
		at := at + interval '1 second';
		INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES ('SYM' || i % 20, 'BUY', 1, 100, at);
		begun := clock_timestamp();
		PERFORM pulse.ledger_apply(source, 'main', at, at);
		took := took || extract(epoch FROM clock_timestamp() - begun)::double precision * 1000;
	END LOOP;
	RETURN (SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t)::numeric, 3) FROM unnest(took) t);
END $$;
SQL
report() {
	psql -XAtq -v ON_ERROR_STOP=1 "$@"
}
# Runs a statement and prints fills a second.
rate() {
	local begun ended
	begun=$(date +%s%N)
	report -o /dev/null -c "$2"
	ended=$(date +%s%N)
	printf '  %-34s %8d fills/s\n' "$1" $((fills * 1000000 / ((ended - begun) / 1000)))
}
report -c 'CALL fill_up(10000)' -c 'VACUUM ANALYZE trades'
report -o /dev/null -c 'SELECT pulse.ledger_apply(source_id) FROM pulse.source WHERE kind = '"'trades'"
report -c 'VACUUM ANALYZE'
small=$(report -c 'SELECT append_cost()')
report -c "CALL fill_up($fills)" -c 'VACUUM ANALYZE trades'
echo "from a table of $fills fills, 20 symbols:"
rate 'replayed, average cost' "SELECT count(*) FROM pulse.replay_positions((SELECT source_id FROM pulse.source WHERE kind = 'trades'), 'main', NULL, 'average')"
rate 'replayed, FIFO' "SELECT count(*) FROM pulse.replay_positions((SELECT source_id FROM pulse.source WHERE kind = 'trades'), 'main', NULL, 'fifo')"
report -o /dev/null -c 'TRUNCATE pulse.fill, pulse.closed_trade' -c 'DELETE FROM pulse.position'
rate 'booked and stored with its indexes' "SELECT pulse.ledger_apply(source_id) FROM pulse.source WHERE kind = 'trades'"
report -c 'VACUUM ANALYZE'
large=$(report -c 'SELECT append_cost()')
echo "one more fill, booked and stored: $small ms on 10000, $large ms on $fills"
