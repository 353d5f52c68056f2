#!/usr/bin/env bash
# The demo from outside: one full cycle, what a second one says meanwhile, ports, bad options, and nothing left behind.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
demo=tests/demo/demo.sh
output=.build/check/demo-output
mkdir -p "${output%/*}"
status=0

# check TITLE COMMAND ...
check() {
	local title=$1
	shift
	if "$@" >/dev/null 2>&1; then echo "ok - $title"; else echo "not ok - $title"; status=1; fi
}

# refuses TITLE STATUS TEXT COMMAND ...: the command must end with that status and say so.
refuses() {
	local title=$1 expected=$2 text=$3 said actual
	shift 3
	said=$("$@" 2>&1)
	actual=$?
	if [ $actual -eq "$expected" ] && grep -qF -- "$text" <<<"$said"; then
		echo "ok - $title"
	else
		echo "not ok - $title"
		echo "# exit status $actual, said: $said"
		status=1
	fi
}

refuses 'an unreadable price file is named' 2 'cannot read /nowhere.csv' env PRICES=/nowhere.csv $demo
refuses 'a speed is a positive number' 2 'SPEED=fast' env SPEED=fast $demo
refuses 'a port is a port' 2 'PORT=70000' env PORT=70000 $demo

# A program of somebody else on the usual port and on the one asked for.
node -e 'require("net").createServer().listen(8765, "127.0.0.1").on("error", () => process.exit(0)); setTimeout(() => process.exit(0), 280000)' &
occupant=$!
trap 'kill $occupant 2>/dev/null' EXIT
for _ in $(seq 1 50); do
	(exec 3<>/dev/tcp/127.0.0.1/8765) 2>/dev/null && break
	sleep 0.1
done
refuses 'a busy PORT= is an error' 2 'PORT=8765 is in use' env PORT=8765 $demo

CI=true $demo >"$output" 2>&1 &
first=$!
for _ in $(seq 1 1200); do
	[ ! -e .build/demo/running ] || break
	kill -0 $first 2>/dev/null || break
	sleep 0.1
done
url=$(sed -n 's/^dashboard: //p' .build/demo/running 2>/dev/null)
check 'the usual port being busy, the next free one is taken' grep -qE '^http://localhost:[0-9]+/$' <<<"$url"
check 'and it is another one' test "$url" != http://localhost:8765/
refuses 'a second demo says where the first one is' 1 "dashboard: ${url:-none}" $demo
wait $first
ended=$?
cat "$output"
check 'one full cycle ends well' test $ended -eq 0
check 'the page was fetched' grep -qE 'page +200' "$output"
check 'a SNAPSHOT came through the WebSocket' grep -qE 'WebSocket SNAPSHOT +seq [0-9]+' "$output"
check 'Telegram got a message' grep -qE 'Telegram +[0-9]+ messages' "$output"
check 'everything agrees' grep -q 'everything agrees' "$output"
check 'the running note is gone' test ! -e .build/demo/running
check 'nothing listens any more' bash -c "! (exec 3<>/dev/tcp/127.0.0.1/${url//[!0-9]/})"
cluster=$(grep -oE '/[^ ]*/pulse-cluster\.[A-Za-z0-9]+' .build/demo/demo.log | head -n 1)
check 'the directory is gone' test ! -e "${cluster:-/}"
exit $status
