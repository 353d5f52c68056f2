#!/bin/sh
# Bundles the dashboard into dist/, in its directory. Without npm an existing dist/ is taken as it is.
set -eu
if ! command -v npm >/dev/null 2>&1; then
	[ -f dist/index.html ] || echo "pulse-worker: no npm, so the dashboard is left out" >&2
	exit 0
fi
# node_modules is complete when its own record is newer than the lock file.
if [ ! -e node_modules/.package-lock.json ] || [ -n "$(find package-lock.json -newer node_modules/.package-lock.json)" ]; then
	npm ci --no-audit --no-fund --loglevel=error
fi
npm run --silent build >/dev/null
