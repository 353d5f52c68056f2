#!/usr/bin/env bash
# What the evaluation of alert rules costs: PORTFOLIOS portfolios and 20 rules over their metrics, one evaluation each for
# nothing new, one portfolio that changed, all of them changed and few of them bad, the same with adaptive thresholds on
# four of the rules, and all of them bad in every rule at once. Wall time is the median of ROUNDS evaluations, processor
# time the mean: what counts on a machine that does other things as well.
#
#   PORTFOLIOS=10000  ROUNDS=5
set -euo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
portfolios=${PORTFOLIOS:-10000}
rounds=${ROUNDS:-5}

if [ -z "${PULSE_CLUSTER:-}" ]; then
	exec "$bench/../lib/cluster.sh" run --preload --conf shared_buffers=256MB --conf max_wal_size=4GB -- "$0"
fi

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

sql >/dev/null <<SQL
SET client_min_messages = error;
CREATE EXTENSION pulse;
UPDATE pulse.job SET enabled = false;
SELECT pulse_alert_rule_set('rule_' || i, metric => m, comparator => CASE WHEN i % 2 = 0 THEN '<' ELSE '>' END,
	warning => CASE WHEN i % 2 = 0 THEN 0.001 ELSE 0.999 END, critical => CASE WHEN i % 2 = 0 THEN 0.0001 ELSE 0.9999 END, hysteresis => 0.0001, hold => '5 minutes')
	FROM unnest('{daily_return,cumulative_return,cagr,sharpe,sortino,calmar,volatility,max_drawdown,current_drawdown,var_95,cvar_95,win_rate,profit_factor,average_win,average_loss,trades_per_day,gross_leverage,net_leverage,largest_share,herfindahl}'::text[]) WITH ORDINALITY u (m, i);
CREATE FUNCTION change(n integer) RETURNS void LANGUAGE sql AS \$\$
	INSERT INTO pulse.performance_state SELECT 'p' || i, now(), nextval('pulse.performance_version'), 10, now(), 1000 + random(), 1000, 5, random(), random(), random(),
		random(), random(), random(), random(), random(), random(), random(), random(), random(), random(), random(), random(), random(), random(), random(), 100, random()
		FROM generate_series(1, n) i
	ON CONFLICT (portfolio) DO UPDATE SET version = excluded.version, daily_return = excluded.daily_return, sharpe = excluded.sharpe, volatility = excluded.volatility,
		current_drawdown = excluded.current_drawdown, win_rate = excluded.win_rate, total_pnl = excluded.total_pnl \$\$;
INSERT INTO pulse.source (kind, schema_name, table_name) VALUES ('trades', 'public', 'trades');
INSERT INTO pulse.position (source_id, portfolio, symbol, quantity, cost, mark_price, mark_at)
	SELECT 1, 'p' || i, 's' || s, random() * 10, 100, 10 + random(), now() FROM generate_series(1, $portfolios) i, generate_series(1, 5) s;
SELECT change($portfolios);
ANALYZE;
SELECT pulse.evaluate_alerts('2029-01-01');
SQL

# evaluations PREPARE: prints wall milliseconds of an evaluation after each PREPARE, then the ticks of processor time of all
# shellcheck disable=SC2016  # the shell that psql starts expands PID
evaluations() {
	local round
	printf 'SELECT pg_backend_pid() AS pid \\gset\n\\setenv PID :pid\n'
	# what the first evaluation of a session plans and compiles is not counted
	printf "SELECT pulse.evaluate_alerts('2030-01-01'::timestamptz + interval '%s minutes');\n" "$minute"
	for ((round = 0; round < rounds; round++)); do
		minute=$((minute + 1))
		printf '%s;\n' "$1"
		printf '%s\n' '\! cut -d" " -f14,15 /proc/$PID/stat | sed "s/^/before /"' '\timing on' \
			"SELECT pulse.evaluate_alerts('2030-01-01'::timestamptz + interval '$minute minutes');" '\timing off' \
			'\! cut -d" " -f14,15 /proc/$PID/stat | sed "s/^/after /"'
	done
}

minute=0
# measure TITLE PREPARE
measure() {
	evaluations "$2" >"$PULSE_CLUSTER/script.sql"
	minute=$((minute + rounds))
	sql -f "$PULSE_CLUSTER/script.sql" | awk -v title="$1" -v hertz="$(getconf CLK_TCK)" '
		/^Time:/ { wall[++n] = $2 }
		/^before/ { ticks -= $2 + $3 }
		/^after/ { ticks += $2 + $3 }
		END {
			for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (wall[j] < wall[i]) { t = wall[i]; wall[i] = wall[j]; wall[j] = t }
			printf "%-58s %9.0f ms %9.0f ms\n", title, wall[int((n + 1) / 2)], ticks * 1000 / hertz / n
		}'
}

printf '%s portfolios, 20 rules, %s evaluations each\n%-58s %12s %12s\n' "$portfolios" "$rounds" '' wall processor
measure 'nothing changed' 'SELECT 1'
measure 'one portfolio changed' 'SELECT change(1)'
measure 'all changed, one value in a thousand bad' "SELECT change($portfolios)"
sql -c "SELECT pulse_alert_rule_set(n, adaptive => 'ewma', adaptive_warning => 4, adaptive_critical => 6, adaptive_samples => 3, adaptive_every => '1 minute') FROM unnest('{rule_1,rule_4,rule_7,rule_9}'::text[]) n" >/dev/null
measure 'all changed, four rules adaptive and learning each time' "SELECT change($portfolios)"
sql -c "SELECT pulse_alert_rule_set(name, adaptive => 'none', hold => '0', comparator => '>', warning => -1, critical => 'NaN', hysteresis => 0) FROM pulse.alert_rule" -c 'DELETE FROM pulse.alert' >/dev/null
rounds=1
measure 'all bad in every rule at once' 'SELECT 1'
sql -c "SELECT count(*) || ' alerts fire, told in ' || (SELECT count(*) FROM pulse.delivery) || ' messages' FROM pulse.alert WHERE state = 'firing'"
measure 'all changed while every rule fires for all' "SELECT change($portfolios)"
