#!/usr/bin/env bash
# packages.sh build|demo|check|dist|deb: installs what that target needs and this machine lacks.
#
# What is there already, from wherever it came, is not installed again: programs, headers and libraries are looked for,
# not packages. As root, or with sudo that asks no password, missing packages are installed; else the one command that
# would do it is printed, exit status 2. PULSE_NO_INSTALL=1 never installs. PG_CONFIG chooses the PostgreSQL.
set -uo pipefail
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$lib/../.." && pwd)
target=${1:?build, demo, check, dist or deb}
missing=()

have() { command -v "$1" >/dev/null 2>&1; }

# need PACKAGE COMMAND ...: the package is missing when the command fails.
need() {
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || missing+=("$package")
}

package_there() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1")" = installed ]; }

library() { have pkg-config && pkg-config --exists "$1"; }

compiles() { echo "#include <$1>" | gcc -E - ; }

node_suits() { have node && node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)'; }

# A server of the wanted PostgreSQL, and what it takes to build for it.
server_there() { [ -x "$("$pg_config" --bindir)/postgres" ] && [ -x "$("$pg_config" --bindir)/initdb" ]; }
server_headers_there() { [ -f "$("$pg_config" --pgxs)" ] && [ -f "$("$pg_config" --includedir-server)/postgres.h" ]; }

# The major version to install for: PG_CONFIG's, else the newest server here, else the distribution's own.
postgresql_major() {
	if [ "$pg_config" != pg_config ]; then
		"$pg_config" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'
	elif compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then
		printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sed -E 's|.*/([0-9]+)/bin/postgres|\1|' | sort -n | tail -n 1
	else
		apt-cache show postgresql 2>/dev/null | sed -nE 's/^Depends:.*postgresql-([0-9]+).*/\1/p' | head -n 1
	fi
}

# What dpkg-buildpackage asks for by name, and what looks at its result.
debian_packaging() {
	local package
	for package in build-essential debhelper dpkg-dev lintian pkgconf postgresql-server-dev-all "postgresql-server-dev-$major" libpq-dev \
		libwebsockets-dev libcurl4-openssl-dev libjansson-dev libinih-dev libssl-dev zlib1g-dev libcairo2-dev; do
		need "$package" package_there "$package"
	done
}

find_missing() {
	missing=()
	need make have make
	need gcc have gcc
	need libc6-dev compiles stdio.h
	need pkg-config have pkg-config
	need "postgresql-server-dev-$major" server_headers_there
	need libpq-dev library libpq
	need libwebsockets-dev library libwebsockets
	need libcurl4-openssl-dev library libcurl
	need libjansson-dev library jansson
	need libinih-dev library inih
	need zlib1g-dev library zlib
	need libcairo2-dev library cairo
	# a release brings the page built
	if [[ $target != @(build|dist|deb) ]] || ! "$top/worker/build_page.sh" --built; then
		need nodejs node_suits
		need npm have npm
	fi
	case $target in
		build) return ;;
		dist) need zip have zip; return ;;
		deb) debian_packaging; return ;;
	esac
	need "postgresql-$major" server_there
	[ "$target" != demo ] || return 0
	need libcmocka-dev library cmocka
	need "postgresql-$major-pgtap" test -f "$("$pg_config" --sharedir 2>/dev/null)/extension/pgtap.control"
	need libtap-parser-sourcehandler-pgtap-perl have pg_prove
	need openssl have openssl
	need chromium have "${CHROMIUM:-chromium}"
	need openssl have openssl
	if apt-cache show "postgresql-$major-timescaledb" >/dev/null 2>&1; then
		need "postgresql-$major-timescaledb" test -f "$("$pg_config" --sharedir 2>/dev/null)/extension/timescaledb.control"
	fi
	need python3-websockets /usr/bin/python3 -c 'import websockets'
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

update_lists() { apt_get update; }

# A PostgreSQL that is installed only so that tests can run gets no cluster of its own, and starts none.
no_cluster=/etc/postgresql-common/createcluster.d/pulse-tests.conf
install_missing() {
	local package status
	for package in "${missing[@]}"; do
		case $package in
			postgresql-[0-9]*)
				apt_get install -y --no-install-recommends postgresql-common || return 1
				as_root mkdir -p "${no_cluster%/*}"
				trap 'as_root rm -f "$no_cluster"' EXIT
				echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
				break
				;;
		esac
	done
	apt_get install -y --no-install-recommends "${missing[@]}"
	status=$?
	as_root rm -f "$no_cluster"
	trap - EXIT
	return $status
}

# Package lists too old to know the files on the server are the usual reason for a first failure.
install_or_update() {
	install_missing || { update_lists && install_missing; }
}

pg_config=${PG_CONFIG:-pg_config}
if [ "$pg_config" != pg_config ] && ! "$pg_config" --version >/dev/null 2>&1; then
	echo "PG_CONFIG=$pg_config does not run" >&2
	exit 2
fi
major=$(postgresql_major)
find_missing
[ ${#missing[@]} -gt 0 ] || exit 0

if ! have apt-get; then
	echo "Missing, by Debian's names: ${missing[*]}" >&2
	exit 2
fi
command="apt-get install -y --no-install-recommends"
if [ "$(id -u)" = 0 ]; then may=yes; else command="sudo $command" may=$(sudo -n true 2>/dev/null && echo yes); fi
if [ -n "${PULSE_NO_INSTALL:-}" ] || [ -z "$may" ]; then
	# Without package lists the distribution's PostgreSQL has no number yet; its metapackages have none.
	echo "make $target needs packages that are not installed:" >&2
	echo "  $command ${missing[*]}" | sed 's/postgresql-server-dev- /postgresql-server-dev-all /; s/postgresql- /postgresql /; s/postgresql--pgtap/postgresql-pgtap/' >&2
	exit 2
fi
mkdir -p "$top/.build"
step_log=$top/.build/packages.log
: >"$step_log"
# shellcheck source=tests/lib/steps.sh
. "$lib/steps.sh"
if [ -z "$major" ] || ! apt-cache policy "${missing[0]}" 2>/dev/null | grep -q 'Candidate: [^(]'; then
	step 'fetch package lists' update_lists || exit 1
	major=$(postgresql_major)
	find_missing
fi
[ -n "$major" ] || { echo 'this distribution has no package "postgresql"' >&2; exit 2; }
say "this machine lacks ${missing[*]}"
step "install ${#missing[@]} packages and what they need" install_or_update || exit 1
hash -r
find_missing
[ ${#missing[@]} -eq 0 ] || { echo "installed, but still not found: ${missing[*]}" >&2; exit 1; }
