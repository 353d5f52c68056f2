#!/usr/bin/env bash
# make docs: writes every reference that is made from the sources.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# write FILE COMMAND...: the file is replaced only when the command has succeeded.
write() {
	local file=$1
	shift
	"$@" >"$file.new" || { rm -f "$file.new"; return 1; }
	mv "$file.new" "$file"
	echo "$file"
}

write extension/doc/functions.md extension/doc/functions.sh
write extension/doc/configuration.md extension/doc/configuration.sh
for reference in events http metrics; do
	write "worker/doc/$reference.md" node worker/doc/reference.mjs "$reference"
done
