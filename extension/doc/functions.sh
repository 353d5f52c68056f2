#!/usr/bin/env bash
# Prints the reference of all pulse_* functions and aggregates as Markdown, from their comments in the catalogue, so that
# it cannot say anything else than \df+ does: functions.sh >extension/doc/functions.md
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

"$top/tests/lib/cluster.sh" run -- psql -XAtq <<'SQL'
CREATE EXTENSION pulse;
\echo '# Functions of Pulse'
\echo
\echo 'Made from the comments of the functions by `extension/doc/functions.sh`. `r`: returns per period; `pnl`: profit or loss'
\echo 'of closed trades; forms that differ only in taking `numeric` instead of `double precision` are listed once.'
WITH described AS (
	SELECT p.proname, obj_description(p.oid, 'pg_proc') AS comment, p.prokind, p.oid,
		   format('%s(%s)', p.proname, replace(replace(pg_get_function_arguments(p.oid), 'timestamp with time zone', 'timestamptz'), 'double precision', 'float8')) AS signature,
		   replace(replace(pg_get_function_result(p.oid), 'timestamp with time zone', 'timestamptz'), 'double precision', 'float8') AS result
	FROM pg_proc p
	WHERE p.pronamespace = (SELECT extnamespace FROM pg_extension WHERE extname = 'pulse') AND p.proname LIKE 'pulse\_%'
), once AS (
	-- the form over double precision stands for the one over numeric
	SELECT proname, comment, signature, result, prokind, oid FROM described d
	WHERE NOT (prokind = 'a' AND signature LIKE '%numeric%'
		AND EXISTS (SELECT FROM described f WHERE f.proname = d.proname AND f.signature = replace(d.signature, 'numeric', 'float8')))
), said AS (
	SELECT proname, comment, min(oid::bigint) AS first,
		   string_agg(format('- `%s` → %s%s', signature, result, CASE WHEN prokind = 'a' THEN ', aggregate' ELSE '' END), E'\n' ORDER BY oid) AS signatures
	FROM once GROUP BY proname, comment
)
SELECT E'\n## ' || proname || E'\n' || string_agg(E'\n' || signatures || E'\n\n' || comment, E'\n' ORDER BY first)
FROM said GROUP BY proname ORDER BY proname;
SQL
