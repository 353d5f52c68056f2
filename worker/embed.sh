#!/bin/sh
# embed.sh DIRECTORY BUILD FILE ...: writes BUILD/assets_embedded.c, a table of the files in DIRECTORY and of the others
# with their bytes included by the assembler, plain and packed with gzip. A directory that is not there is an empty one.
set -eu
directory=$1
build=$2
shift 2
out=$build/assets_embedded.c
table=
declarations=
number=0
rm -rf "$build/assets"
mkdir -p "$build/assets"
: >"$out.new"
for file in "$directory"/* "$@"; do
	[ -f "$file" ] || continue
	name=$(basename "$file")
	case $name in
		*[!A-Za-z0-9._-]*) echo "embed.sh: $name: no such file names, please" >&2; exit 1 ;;
	esac
	number=$((number + 1))
	cp "$file" "$build/assets/$number"
	gzip -9nc "$file" >"$build/assets/$number.gz"
	etag=$(sha256sum "$file" | cut -c 1-24)
	for form in "" .gz; do
		symbol=asset_$number$(echo "$form" | tr . _)
		declarations="$declarations
extern const unsigned char ${symbol}[], ${symbol}_end[];
__asm__(\".section .rodata\\n\" \"$symbol:\\n.incbin \\\"$build/assets/$number$form\\\"\\n\" \"${symbol}_end:\\n.byte 0\\n.previous\");"
	done
	table="$table
	{\"$name\", \"\\\"$etag\\\"\", asset_$number, asset_${number}_end, asset_${number}_gz, asset_${number}_gz_end},"
done
{
	echo '#include "assets.h"'
	echo '#include <stddef.h>'
	printf '%s\n' "$declarations"
	printf '%s\n' "const struct asset assets_embedded[] = {$table"
	echo '	{NULL, NULL, NULL, NULL, NULL, NULL}'
	echo '};'
	echo
	echo "const int assets_embedded_count = $number;"
} >"$out.new"
mv "$out.new" "$out"
