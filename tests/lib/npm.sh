#!/usr/bin/env bash
# npm.sh DIRECTORY ...: installs what the directory's package-lock.json pins, and only when that file has changed since.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$top/.build"
for directory in "$@"; do
	directory=$(cd "$directory" && pwd)
	stamp=$top/.build/npm-$(echo "${directory#"$top/"}" | tr / -).sha256
	(
		flock 9
		if [ -d "$directory/node_modules" ] && (cd "$directory" && sha256sum --status -c "$stamp" 2>/dev/null); then exit 0; fi
		rm -f "$stamp"
		(cd "$directory" && npm ci --no-audit --no-fund --no-update-notifier --loglevel=error)
		(cd "$directory" && sha256sum package-lock.json >"$stamp")
	) 9>"$top/.build/npm.lock"
done
