#!/usr/bin/env bash
# The ledger: fills a second in the core, from a table, and stored; and what one more fill costs on a short and on a very
# long history, where it is booked, and where somebody asks for positions before it is.
#   ledger.sh [FILLS [LONG HISTORY]]
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$bench/../.." && pwd)
fills=${1:-1000000}
history=${2:-10000000}
# shellcheck source=tests/lib/cluster.sh
. "$top/tests/lib/cluster.sh"
trap cluster_remove EXIT

mkdir -p "$top/.build/bench"
gcc -std=gnu17 -O2 -Wall -Wextra -Werror -I"$top/extension" -o "$top/.build/bench/ledger" "$bench/ledger.c" \
	"$top"/extension/core/{decimal,ledger,fee_asset}.c
echo 'pure core, CPU time:'
"$top/.build/bench/ledger"

cluster_create --preload --database trading --conf shared_buffers=512MB --conf work_mem=64MB --conf max_wal_size=8GB \
	--conf maintenance_work_mem=512MB --conf autovacuum=off
cluster_start
report() {
	psql -XAtq -v ON_ERROR_STOP=1 "$@"
}
report -o /dev/null <<'SQL'
CREATE EXTENSION pulse;
SELECT pulse_setup();
-- what a bot may have: any table with a key and a time
CREATE UNLOGGED TABLE past (id bigint, executed_at timestamptz, symbol text, side text, quantity numeric, price numeric, fee numeric, portfolio text);
CREATE PROCEDURE fill_past(n bigint, of_portfolio text) LANGUAGE sql AS $$
	INSERT INTO past SELECT i, '2020-01-01'::timestamptz + i * interval '1 second', 'SYM' || i % 20, CASE WHEN random() < 0.5 THEN 'BUY' ELSE 'SELL' END,
		round((random() * 10 + 0.001)::numeric, 4), round((100 + random() * 10)::numeric, 2), 0.01, of_portfolio
	FROM generate_series((SELECT coalesce(max(id), 0) + 1 FROM past), (SELECT coalesce(max(id), 0) FROM past) + n) i $$;
CREATE FUNCTION source(relation text) RETURNS int LANGUAGE sql AS $$ SELECT source_id FROM pulse.source WHERE table_name = relation AND kind = 'trades' $$;
-- median milliseconds of a statement that runs after each of 200 appended fills
CREATE FUNCTION append_cost(of_portfolio text, statement text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	next_id bigint := (SELECT max(id) FROM past);
	at timestamptz := (SELECT max(executed_at) FROM past);
	begun timestamptz;
	took double precision[] := '{}';
BEGIN
	FOR i IN 1..200 LOOP
		next_id := next_id + 1;
		at := at + interval '1 second';
		INSERT INTO past VALUES (next_id, at, 'SYM' || i % 20, 'BUY', 1, 100, 0, of_portfolio);
		-- its mark, which a commit would write
		INSERT INTO pulse.dirty VALUES (source('past'), of_portfolio, at, at, now());
		begun := clock_timestamp();
		EXECUTE statement USING of_portfolio, at;
		took := took || extract(epoch FROM clock_timestamp() - begun)::double precision * 1000;
		DELETE FROM pulse.dirty;
		PERFORM pulse.ledger_apply(source('past'), of_portfolio, at, at);
	END LOOP;
	RETURN (SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY t)::numeric, 3) FROM unnest(took) t);
END $$;
SQL
# Runs a statement and prints fills a second.
rate() {
	local begun ended
	begun=$(date +%s%N)
	report -o /dev/null -c "$2"
	ended=$(date +%s%N)
	printf '  %-34s %8d fills/s\n' "$1" $((fills * 1000000 / ((ended - begun) / 1000)))
}
echo "from a table of $fills fills, 20 symbols:"
report -o /dev/null <<SQL
INSERT INTO trades (symbol, side, quantity, price, fee, executed_at)
SELECT 'SYM' || i % 20, CASE WHEN random() < 0.5 THEN 'BUY' ELSE 'SELL' END, round((random() * 10 + 0.001)::numeric, 4),
	round((100 + random() * 10)::numeric, 2), 0.01, '2020-01-01'::timestamptz + i * interval '1 second' FROM generate_series(1, $fills) i;
VACUUM ANALYZE trades;
SQL
for method in average fifo lifo hifo; do
	rate "replayed, $method" "SELECT count(*) FROM pulse.replay_positions(source('trades'), 'main', NULL, '$method')"
done
rate 'booked and stored with its indexes' "SELECT pulse.ledger_apply(source('trades'))"

# The long history is booked without indexes, which are made afterwards: hours become minutes, and the tables are the same.
build() {
	report -o /dev/null <<-SQL
		CALL fill_past($1, '$2');
		CREATE UNIQUE INDEX IF NOT EXISTS past_key ON past (portfolio, id);
		CREATE INDEX IF NOT EXISTS past_time ON past (portfolio, executed_at, id);
		SELECT pulse_attach('past', 'trades');
		SELECT pulse.ledger_apply(source('past'));
		DELETE FROM pulse.dirty;
	SQL
}
report -o /dev/null -c 'TRUNCATE trades, pulse.fill, pulse.closed_trade, pulse.dirty' -c 'DELETE FROM pulse.position'
costs() {
	echo "  $1 fills: booked and stored $(report -c "SELECT append_cost('main', 'SELECT pulse.ledger_apply(source(''past''), \$1, \$2, \$2)')") ms," \
		"positions asked for before that $(report -c "SELECT append_cost('main', 'SELECT count(*) FROM pulse_positions(\$1)')") ms"
}
echo 'one more fill on a history of'
build 10000 main
report -c 'VACUUM ANALYZE'
costs 10000
report -o /dev/null <<'SQL'
SELECT pulse_detach('past');
TRUNCATE past, pulse.fill, pulse.closed_trade, pulse.dirty;
DROP INDEX past_key, past_time;
CREATE TABLE index_made (definition text);
INSERT INTO index_made SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'pulse.fill'::regclass;
ALTER TABLE pulse.fill SET UNLOGGED;
ALTER TABLE pulse.fill DROP CONSTRAINT fill_pkey;
DROP INDEX pulse.fill_time_idx, pulse.fill_symbol_idx, pulse.fill_unannounced_idx;
SQL
build "$history" main
report -c "SELECT definition || ';' FROM index_made" | report -o /dev/null
report -c 'VACUUM ANALYZE'
costs "$history"
