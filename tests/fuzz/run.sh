#!/usr/bin/env bash
# Fuzzes what reads bytes from outside, with libFuzzer: run.sh [SECONDS [NAME ...]]. The corpus grows in .build/fuzz, beside seeds/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${1:-600}
only=("${@:2}")
for compiler in clang clang-{21..14} ''; do
	! command -v "${compiler:-none}" >/dev/null || break
done
[ -n "$compiler" ] || { echo 'fuzz: clang is missing: apt-get install clang' >&2; exit 2; }
output=.build/fuzz
mkdir -p "$output"
for file in tests/fuzz/*_fuzzer.c; do
	name=$(basename "$file" .c)
	[ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $name "* ]] || continue
	mkdir -p "$output/$name-corpus"
	# A fuzzer names what it is built from beside the core, and the libraries, in comments at its top.
	read -ra parts <<<"$(sed -n 's|^/\* build: \(.*\) \*/$|\1|p' "$file" | tr '\n' ' ')"
	read -ra packages <<<"$(sed -n 's|^/\* libraries: \(.*\) \*/$|\1|p' "$file")"
	read -ra libraries <<<"$([ ${#packages[@]} -eq 0 ] || pkg-config --cflags --libs "${packages[@]}")"
	"$compiler" -D_GNU_SOURCE -std=gnu17 -g -O1 -Wall -Wextra -Wno-unused-parameter -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-Iextension -o "$output/$name" "$file" "${parts[@]}" extension/core/*.c "${libraries[@]}" -lm
	"$output/$name" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 -artifact_prefix="$output/" \
		"$output/$name-corpus" "tests/fuzz/seeds/$name"
done
