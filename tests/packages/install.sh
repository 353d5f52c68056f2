#!/usr/bin/env bash
# install.sh [DIRECTORY]: what a user does with the Debian packages, from installing to purging, on a machine of its own.
#
# Run as root on a fresh minimal Debian. The packages are those in DIRECTORY; without one they are built here first.
# Not part of make check, because it changes the machine.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
packages=${1:-}
failed=0
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

is() {
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n#   got:    %s\n#   wanted: %s\n' "$1" "$2" "$3"
		failed=1
	fi
}

apt_get() { apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends "$@" >>.build/install.log 2>&1 || { tail -n 20 .build/install.log; return 1; }; }
sql() { runuser -u postgres -- psql -XAtq -d trading -c "$1" 2>&1; }

# Where there is no systemd that would stop the daemon, this does. A reinstalled program's file is "(deleted)".
stop_worker() {
	local process
	for process in /proc/[0-9]*; do
		[[ $(readlink "$process/exe") != /usr/bin/pulse-worker* ]] || kill "${process#/proc/}"
	done
}

mkdir -p .build
: >.build/install.log
if [ -z "$packages" ]; then
	tests/lib/packages.sh deb && worker/contrib/deb.sh || exit 1
	packages=.build/deb
fi
packages=$(cd "$packages" && pwd)
apt_get update
apt_get install curl "$packages"/postgresql-[0-9]*-pulse_*.deb "$packages"/pulse-worker_*.deb || { echo 'Bail out! apt cannot install them'; exit 1; }
echo 'ok - apt installs the packages'
trap 'stop_worker; pg_ctlcluster "$(pg_lsclusters -h | sort -n | tail -n 1 | cut -d" " -f1)" main stop' EXIT
for file in /etc/pulse/pulse.ini /usr/bin/pulse-worker /usr/share/bash-completion/completions/pulse-worker \
	/usr/share/pulse-worker/grafana/pulse.json /usr/share/pulse-worker/prometheus/pulse.rules.yml; do
	is "$file" "$(stat -c '%U %s' "$file" | sed 's/ [1-9][0-9]*$/ something/')" 'root something'
done
is 'the system has the user' "$(id -un pulse)" pulse
is 'units for systemd' "$(dpkg -L pulse-worker | grep -cE '/pulse-worker\.(service|socket)$')" 2

# The configuration is edited, as dpkg shall notice; the port, because a machine of its own may share its network.
port=$((20000 + RANDOM % 10000))
sed -i "s/^port = 8765/port = $port  ; ours/" /etc/pulse/pulse.ini
bash worker/contrib/debian/tests/first-trade || failed=1

apt_get install --reinstall "$packages"/pulse-worker_*.deb
is 'a changed configuration survives an upgrade' "$(grep -c '; ours' /etc/pulse/pulse.ini)" 1

version=$(pg_lsclusters -h | sort -n | tail -n 1 | cut -d' ' -f1)
stop_worker
apt_get remove pulse-worker "postgresql-$version-pulse"
is 'removed, the programs are gone' "$(ls /usr/bin/pulse-worker "/usr/lib/postgresql/$version/lib/pulse.so" 2>/dev/null)" ''
is 'removed, the configuration stays' "$(ls /etc/pulse)" pulse.ini
pg_conftool "$version" main remove shared_preload_libraries
pg_ctlcluster "$version" main restart
is 'the trades stay' "$(sql 'SELECT symbol, quantity FROM trades')" 'BTCUSDT|0.1'
sql 'DROP EXTENSION pulse CASCADE' >/dev/null
is 'the extension can be dropped without its library' "$(sql "SELECT count(*) FROM pg_extension WHERE extname = 'pulse'")" 0
is 'and the bot goes on' "$(sql "INSERT INTO trades (symbol, side, quantity, price) VALUES ('BTCUSDT', 'SELL', 0.1, 46000) RETURNING symbol")" BTCUSDT
is 'nothing of its trades is lost' "$(sql 'SELECT count(*) FROM trades')" 2
mkdir -p /var/log/pulse
apt_get purge pulse-worker "postgresql-$version-pulse"
is 'purged, configuration and logs are gone' "$(ls -d /etc/pulse /var/log/pulse /var/lib/pulse 2>/dev/null)" ''
exit $failed
