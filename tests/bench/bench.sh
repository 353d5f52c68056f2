#!/usr/bin/env bash
# make bench: runs every executable beside this one, or those named; each prints its own table.
set -uo pipefail
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$bench/../.." || exit 1
status=0
if [ $# -gt 0 ]; then wanted=$*; else wanted=$(find "$bench" -maxdepth 1 -type f -executable ! -name bench.sh -printf '%f\n' | sort); fi
for name in $wanted; do
	file=$(compgen -G "$bench/$name" || compgen -G "$bench/$name.*" | grep -vE '\.(c|md)$' | head -n 1)
	[ -x "${file:-}" ] || { echo "no bench named $name" >&2; status=2; continue; }
	echo "== ${file##*/}"
	"$file" || status=1
	echo
done
exit $status
