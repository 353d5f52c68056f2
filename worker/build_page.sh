#!/bin/sh
# Bundles the dashboard into dashboard/dist/, unless what is there was made of these very sources: so it is in the
# tarball of a release, which is built without npm. build_page.sh --built only tells, by its exit status.
set -eu
cd "$(dirname "$0")/dashboard"
sources=$(find package.json package-lock.json build.mjs src -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c 1-64)
if [ -f dist/index.html ] && [ "$(cat dist/.sources 2>/dev/null)" = "$sources" ]; then exit 0; fi
[ "${1:-}" != --built ] || exit 1
if ! command -v npm >/dev/null 2>&1; then
	if [ -f dist/index.html ]; then
		echo "pulse-worker: no npm, so the dashboard stays as it was built from older sources" >&2
	else
		echo "pulse-worker: no npm, so the dashboard is left out" >&2
	fi
	exit 0
fi
# node_modules is complete when its own record is newer than the lock file.
if [ ! -e node_modules/.package-lock.json ] || [ -n "$(find package-lock.json -newer node_modules/.package-lock.json)" ]; then
	npm ci --no-audit --no-fund --loglevel=error
fi
npm run --silent build >/dev/null
echo "$sources" >dist/.sources
