#!/usr/bin/env bash
# deb.sh: builds Debian packages from the tarball of a release and lets lintian look at them; they are in .build/deb/.
#
# postgresql-NN-pulse is built for every server that has its headers here, or for those in PG_SUPPORTED_VERSIONS.
# PULSE_NO_LINTIAN=1 builds without that look, as where nobody would read what a newer lintian says.
set -uo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top" || exit 1
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" extension/pulse.control)
folder=.build/deb
mkdir -p .build
step_log=$top/.build/deb.log
: >"$step_log"
# shellcheck source=tests/lib/steps.sh
. tests/lib/steps.sh

if ! head -n 1 worker/contrib/debian/changelog | grep -qF "pulse ($version-"; then
	echo "make deb: worker/contrib/debian/changelog does not begin with version $version" >&2
	exit 1
fi
export PG_SUPPORTED_VERSIONS=${PG_SUPPORTED_VERSIONS:-installed}
export DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS:-parallel=$(nproc)}

source_tree() {
	worker/contrib/dist.sh &&
		rm -rf "$folder" &&
		mkdir -p "$folder" &&
		cp ".build/pulse-$version.tar.gz" "$folder/pulse_$version.orig.tar.gz" &&
		tar -x -z -C "$folder" -f "$folder/pulse_$version.orig.tar.gz" &&
		cp -r worker/contrib/debian "$folder/pulse-$version/debian" &&
		(cd "$folder/pulse-$version" && pg_buildext updatecontrol)
}

build() {
	(cd "$folder/pulse-$version" && dpkg-buildpackage --no-sign)
}

# Nobody asked Debian for these packages, so no bug is closed by their first version.
check() {
	lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$folder/pulse_${version}"-*.changes
}

step 'make the release and the source tree' source_tree &&
	step 'build the packages' build || exit 1
[ -n "${PULSE_NO_LINTIAN:-}" ] || step 'lintian finds nothing' check || exit 1
ls "$folder"/*.deb
