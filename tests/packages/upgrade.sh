#!/usr/bin/env bash
# upgrade.sh OLD NEW: what a user does with the packages of an earlier release and then with these, on a machine of its own:
# the old ones trade, the new ones come, and no fill is lost between any two steps.
#
# Run as root on a fresh minimal Debian; OLD and NEW are directories with packages. Not part of make check, because it
# changes the machine.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
[ $# -eq 2 ] || { sed -n '2,6s/^# //p' "$0"; exit 2; }
old=$(cd "$1" && pwd) new=$(cd "$2" && pwd)
failed=0
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# matches TITLE TEXT PATTERN
matches() {
	if grep -qE -e "$3" <<<"$2"; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n#   %s\n' "$1" "${2//$'\n'/$'\n#   '}"
		failed=1
	fi
}

# A user who has changed the configuration keeps his own when apt asks.
apt_get() { apt-get -q -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold --no-install-recommends "$@" >>.build/install.log 2>&1 || { tail -n 20 .build/install.log; return 1; }; }
sql() { runuser -u postgres -- psql -XAtq -d trading -c "$1" 2>&1; }
version_of() { dpkg-deb -f "$1"/pulse-worker_*.deb Version | sed 's/-.*//'; }
doctor() { runuser -u pulse -- pulse-worker doctor --config /etc/pulse/pulse.ini 2>&1; }

# A fill, and the quantity of the position once it is booked.
buy() {
	sql "INSERT INTO trades (symbol, side, quantity, price) VALUES ('BTCUSDT', 'BUY', 0.1, 45000)" >/dev/null
	local until=$((SECONDS + 30)) quantity
	until quantity=$(sql "SELECT quantity FROM pulse_positions() WHERE symbol = 'BTCUSDT'") && [ "$quantity" = "$1" ]; do
		[ "$SECONDS" -lt $until ] || break
		sleep 0.3
	done
	echo "$quantity"
}

# Where there is no systemd that would stop the daemon, this does. A replaced program's file is "(deleted)".
stop_worker() {
	local process
	for process in /proc/[0-9]*; do
		[[ $(readlink "$process/exe") != /usr/bin/pulse-worker* ]] || kill "${process#/proc/}"
	done
}

mkdir -p .build
: >.build/install.log
apt_get update || exit 1
apt_get install curl "$old"/postgresql-[0-9]*-pulse_*.deb "$old"/pulse-worker_*.deb || { echo 'Bail out! apt cannot install the old packages'; exit 1; }
version=$(pg_lsclusters -h | sort -n | tail -n 1 | cut -d' ' -f1)
trap 'stop_worker; pg_ctlcluster "$version" main stop' EXIT
port=$((20000 + RANDOM % 10000))
sed -i "s/^port = 8765/port = $port  ; ours/" /etc/pulse/pulse.ini
bash worker/contrib/debian/tests/first-trade || failed=1

apt_get install "$new"/postgresql-[0-9]*-pulse_*.deb "$new"/pulse-worker_*.deb || failed=1
matches 'the new packages replace the old ones' "$(dpkg-query -W -f '${Package} ${Version}\n' '*pulse*')" " $(version_of "$new")-"
matches 'a changed configuration stays' "$(cat /etc/pulse/pulse.ini)" '; ours$'
matches 'before the server is restarted, a fill is booked' "$(buy 0.2)" '^0\.2$'
matches 'an update that comes too early is refused with advice' "$(sql 'ALTER EXTENSION pulse UPDATE')" '[Rr]estart'
matches 'the doctor of the new program says what to do' "$(doctor)" 'ALTER EXTENSION pulse UPDATE'
pg_ctlcluster "$version" main restart
matches 'with the new library and the old objects, a fill is booked' "$(buy 0.3)" '^0\.3$'
matches 'the extension is updated' "$(sql "ALTER EXTENSION pulse UPDATE; SELECT extversion FROM pg_extension WHERE extname = 'pulse'")" "^$(version_of "$new")$"
matches 'a fill is booked' "$(buy 0.4)" '^0\.4$'
matches 'what is stored agrees with the rows' "$(sql 'SELECT count(*) FROM pulse_verify()')" '^0$'

# A service manager restarts the daemon with its package.
stop_worker
command=$(sed -n 's/^ExecStart=//p' "$(dpkg -L pulse-worker | grep '/pulse-worker\.service$')")
# shellcheck disable=SC2086  # the unit's words
setsid runuser -u pulse -- $command >/tmp/pulse-worker.log 2>&1 </dev/null &
until curl -sf -o /dev/null "http://127.0.0.1:$port/readyz" || [ "$SECONDS" -gt 600 ]; do sleep 0.3; done
matches 'the new daemon serves what the old one did' "$(curl -sS "http://127.0.0.1:$port/api/v1/positions")" '"quantity": *"0\.4"'
matches 'and finds nothing wrong with the versions' "$(doctor)" "the extension is $(version_of "$new"), and so is the library"
exit $failed
