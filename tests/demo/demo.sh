#!/usr/bin/env bash
# make demo: a private PostgreSQL, Pulse in it, a bot that trades, the worker and its dashboard. Ctrl-C removes everything.
#
#   PORT=8765     where the dashboard listens; without it the next free port is taken
#   PRICES=FILE   recorded prices (CSV with ts and close; several files with commas) instead of simulated ones
#   SPEED=1       market minutes a second; with PRICES, bars a second (5)
#   SEED=1        another simulated market
#
# Without a terminal, or with CI=true, it runs one full cycle, checks what every part says against the bot's own books,
# prints a summary and ends.
# shellcheck disable=SC2317,SC2329  # most functions are called through step and traps
set -uo pipefail
demo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$demo/../.." && pwd)
invoked_from=$PWD
cd "$top" || exit 1

usage() {
	echo "$*" >&2
	exit 2
}

interactive=yes
if [ ! -t 1 ] || [ "${CI:-}" = true ]; then interactive=; fi
speed=${SPEED:-}
prices=
IFS=, read -ra given <<<"${PRICES:-}"
for file in ${given[@]+"${given[@]}"}; do
	[ "${file#/}" != "$file" ] || file=$invoked_from/$file
	[ -r "$file" ] || usage "PRICES: cannot read $file"
	prices=$prices${prices:+,}$file
done
[ -n "$speed" ] || { if [ -z "$interactive" ]; then speed=20; elif [ -n "$prices" ]; then speed=5; else speed=1; fi; }
[[ $speed =~ ^[0-9]+(\.[0-9]+)?$ && $speed != 0 ]] || usage "SPEED=$speed is not a positive number"
seed=${SEED:-1}
[[ $seed =~ ^[0-9]{1,9}$ ]] || usage "SEED=$seed is not a whole number"

# True when something listens there already.
port_busy() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || (exec 3<>"/dev/tcp/::1/$1") 2>/dev/null
}

# shellcheck source=tests/lib/cluster.sh
. "$top/tests/lib/cluster.sh"

# One demo a checkout. The claim names its holder by pid and start time, so that one left behind by a crash is void.
mkdir -p .build/demo
running=.build/demo/running claim=.build/demo/claim
until (set -C; echo "$$ $(cluster_process_birth $$)" >"$claim") 2>/dev/null; do
	read -r holder birth <"$claim"
	if [ "$(cluster_process_birth "${holder:-0}")" = "${birth:--}" ]; then
		echo "a demo of this checkout is running already, pid $holder:" >&2
		{ cat "$running" 2>/dev/null || echo 'it is still starting'; } | sed 's/^/  /' >&2
		exit 1
	fi
	rm -f "$claim" "$running"
done
trap 'rm -f "$claim"' EXIT

port=${PORT:-8765}
[[ $port =~ ^[0-9]{1,5}$ && $port -ge 1 && $port -le 65535 ]] || usage "PORT=$port is not a port"
if port_busy "$port"; then
	[ -z "${PORT:-}" ] || usage "PORT=$port is in use by another program"
	while port_busy "$port"; do port=$((port + 1)); done
fi
url=http://localhost:$port/

step_log=$top/.build/demo/demo.log
: >"$step_log"
# shellcheck source=tests/lib/steps.sh
. "$top/tests/lib/steps.sh"
trap finish EXIT

worker='' simulator='' telegram='' telling=''

# Ends a program of ours: asked first, then forced.
end_program() {
	local pid=$1 i
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	for ((i = 0; i < 50; i++)); do
		cluster_alive "$pid" || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

finish() {
	local status=$?
	trap '' INT TERM HUP
	[ ! -t 1 ] || printf '\r\033[K'
	[ -z "$telling" ] || kill "$telling" 2>/dev/null
	end_program "$simulator"
	end_program "$worker"
	end_program "$telegram"
	cluster_remove
	rm -f "$running" "$claim"
	say "everything of the demo is removed; its log is ${step_log#"$top/"}"
	exit "$status"
}

sql() {
	psql -XAtq -v ON_ERROR_STOP=1 "$@"
}

build() {
	make -C extension -j"$(nproc)" with_llvm=no && make -C worker -j"$(nproc)" && tests/lib/npm.sh tests
}

start_cluster() {
	cluster_create --preload --database trading --conf pulse.databases=trading --conf max_connections=100 && cluster_start && echo "in $PULSE_CLUSTER"
}

# The account owner's tables; a bot that may insert into them and nothing else; a role for the worker.
set_up() {
	sql <<-'SQL'
		CREATE EXTENSION pulse;
		CREATE ROLE trader;
		GRANT CREATE ON SCHEMA public TO trader;
		SET ROLE trader;
		SELECT pulse_setup();
		RESET ROLE;
		CREATE ROLE bot LOGIN;
		GRANT INSERT ON trades, portfolio_snapshots TO bot;
		CREATE ROLE pulse_worker LOGIN;
		SELECT pulse_grant('pulse_worker', 'worker');
	SQL
}

simulate() {
	PGUSER=bot exec node "$demo/simulator.js" "$1" --until "$until" --seed "$seed" --prices "$prices" "${@:2}"
}

fill_history() {
	(simulate history)
}

# Until every row of the history is in Pulse's own tables and announced.
digest_history() {
	local left before='' deadline=$((SECONDS + 60))
	while [ "$SECONDS" -lt "$deadline" ]; do
		left=$(sql -c "SELECT (SELECT count(*) FROM pulse.dirty), (SELECT count(*) FROM trades) - (SELECT count(*) FROM pulse.fill WHERE event_seq IS NOT NULL)") || return 1
		[ "$left" != '0|0' ] || return 0
		echo "${left#*|} fills to go"
		[ "$left" = "$before" ] || deadline=$((SECONDS + 60))
		before=$left
		sleep 0.5
	done
	sql -c 'SELECT * FROM pulse_worker_status()'
	echo 'the background worker does not get through the history'
	return 1
}

# Fills older than pulse.notify_max_age send no message, which is right for a history and wrong for a replay.
announce_old() {
	sql -c "ALTER SYSTEM SET pulse.notify_max_age = '20000d'" -c 'SELECT pg_reload_conf()'
}

start_telegram() {
	local i
	echo "1234567890:demo-$RANDOM$RANDOM$RANDOM" >"$private/telegram-token"
	: >"$private/telegram.log"
	# Its input is a pipe from this script: it ends when the script does, whatever ended it.
	exec 6> >(exec node "$demo/telegram.js" --token-file "$private/telegram-token" --url-file "$private/telegram-url" >>"$private/telegram.log" 2>>"$step_log")
	telegram=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -s "$private/telegram-url" ] || return 0
		sleep 0.1
	done
	return 1
}

start_worker() {
	local i binary
	binary=$(compgen -G 'worker/pulse-worker' || compgen -G '.build/worker/pulse-worker') || { echo 'pulse-worker was not built'; return 1; }
	# A copy, because the worker's account may not be able to read this checkout.
	install -m 755 "$binary" "$private/pulse-worker"
	cat >"$private/pulse.ini" <<-INI
		[database]
		dsn = host=$PGHOST port=$PGPORT dbname=trading user=pulse_worker

		[websocket]
		host = 127.0.0.1
		port = $port

		[telegram]
		enabled = true
		chat_id = 123456
		api_base = $(cat "$private/telegram-url")
		token_file = $private/telegram-token
	INI
	[ "$(id -u)" != 0 ] || chown -R "$(cluster_account)" "$private"
	cluster_exec_as_user "$private/pulse-worker" --config "$private/pulse.ini" >>"$step_log" 2>&1 6>&- &
	worker=$!
	for ((i = 0; i < 150; i++)); do
		cluster_alive "$worker" || { echo 'pulse-worker ended'; return 1; }
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

# The pid is needed here, so the program is started by this shell and not by a step.
start_bot() {
	exec 5> >(simulate live --speed "$speed" --state "$private/books.json" >>"$step_log" 2>&1 6>&-)
	simulator=$!
}

step 'build the extension and the worker' build || exit 1
step 'start a private PostgreSQL' start_cluster || exit 1
private=$PULSE_CLUSTER/demo
mkdir "$private"
[ "$(id -u)" != 0 ] || chown "$(cluster_account)" "$private"
until=$(date -u +%Y-%m-%dT%H:%M:%SZ)
step 'create the extension and the tables' set_up || exit 1
step "trade a past${prices:+ on the recorded prices}" fill_history || exit 1
say "  $(grep -E '^[0-9]+ fills' "$step_log" | tail -n 1)"
step 'let Pulse work through it' digest_history || exit 1
[ -z "$prices" ] || step 'announce replayed fills although they are years old' announce_old || exit 1
step 'start a stand-in for Telegram' start_telegram || exit 1
step 'start pulse-worker' start_worker || exit 1
printf 'dashboard: %s\nlog: %s\n' "$url" "$step_log" >"$running"

if [ -z "$interactive" ]; then
	start_bot
	node "$demo/cycle.js" --url "$url" --books "$private/books.json" --telegram "$(cat "$private/telegram-url")" --bot "$simulator"
	exit
fi

start_bot
trap 'exit 0' INT
say "the bot trades live at ${speed}x; Ctrl-C ends the demo and removes everything"
echo
echo "          Dashboard   $url"
echo "          SQL         psql 'host=$PGHOST user=postgres dbname=trading'"
echo "          Log         ${step_log#"$top/"}"
echo
tail --pid=$$ -n +1 -f "$private/telegram.log" | while read -r line; do say "$line"; done &
telling=$!
while cluster_alive "$worker"; do
	cluster_alive "$simulator" || { [ -z "$simulator" ] || say 'the bot has stopped; the dashboard stays'; simulator=; }
	sleep 1
done
say 'pulse-worker ended by itself:'
tail -n 20 "$step_log" | sed 's/^/          | /'
exit 1
