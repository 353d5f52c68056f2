# shellcheck shell=bash
# How each kind of suite is run; sourced by check.sh, which sets lib and results.
# Everything here prints TAP or what count_log understands.

: "${lib:?}" "${top:?}" "${results:?}"
cluster=$lib/cluster.sh
pg_config=${PG_CONFIG:-pg_config}

list_suites() {
	echo build
	echo conventions
	local folder
	# the long ones first, so that at the end none runs alone
	for folder in worker browser; do
		suite_exists "$folder" && echo "$folder"
	done
	for folder in regress tests/*/; do
		folder=$(basename "$folder")
		case $folder in
			lib | bench | node_modules | worker | browser) ;;
			*) suite_exists "$folder" && echo "$folder" ;;
		esac
	done
	local major
	for major in $(further_majors); do
		for folder in regress pgtap isolation background_worker upgrade; do
			suite_exists "$folder" && echo "$folder@$major"
		done
	done
}

# Major versions of PostgreSQL beside pg_config's own that this machine has a server and headers for; none when
# PG_CONFIG chose one.
further_majors() {
	local program own
	[ "$pg_config" = pg_config ] || return 0
	own=$(pg_config --version 2>/dev/null | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
	for program in /usr/lib/postgresql/*/bin/pg_config; do
		[ -x "${program%/*}/postgres" ] && [ -f "$("$program" --includedir-server)/postgres.h" ] && [ -f "$("$program" --pgxs)" ] &&
			echo "$program"
	done | sed -E 's|.*/([0-9]+)/bin/pg_config|\1|' | sort -n | grep -vx "$own"
}

# True where a suite's folder holds something to run.
suite_exists() {
	case $1 in
		regress) compgen -G 'sql/*.sql' ;;
		*) compgen -G "tests/$1/*.test.*" || compgen -G "tests/$1/*.sql" || compgen -G "tests/$1/*.c" || compgen -G "tests/$1/specs/*.spec" ;;
	esac >/dev/null
}

suite_run() {
	local name=$1 status=0
	case $name in
		*@*) suite_further "${name%@*}" "${name#*@}"; return ;;
		build) suite_build; return ;;
		conventions) "$lib/conventions.sh"; return ;;
		regress) suite_regress; return ;;
		fuzz) suite_fuzz; return ;;
	esac
	if compgen -G "tests/$name/*.c" >/dev/null; then suite_cmocka "tests/$name" || status=1; fi
	if compgen -G "tests/$name/specs/*.spec" >/dev/null; then suite_isolation "tests/$name" || status=1; fi
	if compgen -G "tests/$name/*.sql" >/dev/null; then suite_pgtap "tests/$name" || status=1; fi
	if compgen -G "tests/$name/*.test.sh" >/dev/null; then suite_shell "tests/$name" || status=1; fi
	if compgen -G "tests/$name/*.test.*js" >/dev/null; then suite_node "tests/$name" || status=1; fi
	return $status
}

# Runs a suite with another major version, in a copy of the tree, so that objects of two versions do not meet.
suite_further() {
	local name=$1 major=$2 copy=$top/.build/postgresql-$2 bin=/usr/lib/postgresql/$2/bin
	if [ "$name" = pgtap ] && [ ! -f "$("$bin/pg_config" --sharedir)/extension/pgtap.control" ]; then
		echo "ok - # SKIP no pgTAP for PostgreSQL $major (postgresql-$major-pgtap)"
		return 0
	fi
	"$lib/npm.sh" tests || return 1
	(
		flock 9
		[ "$(cat "$copy/copied-by" 2>/dev/null)" != "${CHECK_RUN:-$$}" ] || exit 0
		rm -rf "$copy"
		mkdir -p "$copy/.build/check"
		tar -c --exclude=node_modules --exclude=dist --exclude='*.o' --exclude='*.so' --exclude='*.bc' extension sql expected tests | tar -x -C "$copy"
		ln -s "$top/tests/node_modules" "$copy/tests/node_modules"
		cp "$top/.build/npm-tests.sha256" "$copy/.build/"
		echo "${CHECK_RUN:-$$}" >"$copy/copied-by"
	) 9>"$top/.build/postgresql-$major.lock" || return 1
	PG_CONFIG=$bin/pg_config PATH=$bin:$PATH "$copy/tests/lib/check.sh" --suite "$name"
}

# Prints a TAP line for a command's exit status, and its output as comments.
tap() {
	local title=$1 output status
	shift
	output=$("$@" 2>&1)
	status=$?
	if [ $status -eq 0 ]; then echo "ok - $title"; else echo "not ok - $title"; fi
	[ -z "$output" ] || echo "# ${output//$'\n'/$'\n'# }"
	return $status
}

# Options for cluster.sh: the suite's own from its file "cluster", else the given ones.
cluster_options() {
	local file=$1/cluster
	shift
	if [ -e "$file" ]; then grep -vE '^ *(#|$)' "$file" | tr ' ' '\n'; else printf '%s\n' "$@"; fi
}

# The first clang that is there; Debian's server headers bring one with a number in its name.
find_clang() {
	local compiler
	for compiler in clang clang-{21..14}; do
		command -v "$compiler" && return
	done
	return 1
}

# Builds everything here, and again from the tarball of a release: with the other compiler, and without npm, node and git.
suite_build() {
	local status=0 copy=$results/release absent=$results/absent compiler release
	tap 'extension builds without a warning' make -j"$(nproc)" -C extension with_llvm=no || return 1
	tap 'worker builds without a warning' make -j"$(nproc)" -C worker || return 1
	release=$(worker/contrib/dist.sh | sed -n 1p)
	rm -rf "$copy"
	mkdir -p "$copy" "$absent"
	tap 'make dist writes a release' tar -x -z -C "$copy" --strip-components=1 -f "${release:-there is none}" || return 1
	printf '#!/bin/sh\necho "a release is built without this program" >&2\nexit 127\n' | tee "$absent"/{npm,npx,node,git} >/dev/null
	chmod +x "$absent"/*
	PATH=$absent:$PATH tap 'the release writes itself again, without git' "$copy/worker/contrib/dist.sh" || status=1
	tap 'to the byte' cmp "$release" "$copy/$release" || status=1
	compiler=$(find_clang) || compiler=gcc
	compiler=${compiler##*/}
	# The flags that pg_config hands on are gcc's, and so are some attributes in the server's headers.
	PATH=$absent:$PATH tap "the release's extension builds without a warning, $compiler" \
		make -j"$(nproc)" -C "$copy/extension" with_llvm=no WERROR=-Werror CC="$compiler" \
		COPT='-Wno-unknown-warning-option -Wno-ignored-attributes -Wno-ignored-optimization-argument -Wno-unused-command-line-argument' || status=1
	PATH=$absent:$PATH tap "the release's worker builds without a warning and without npm, $compiler" \
		make -j"$(nproc)" -C "$copy/worker" WERROR=-Werror CC="$compiler" || status=1
	tap 'with the page in it' grep -q '"index.html"' "$copy/.build/worker/assets_embedded.c" || status=1
	return $status
}

# pg_regress over sql/ and expected/, its output below .build/.
suite_regress() {
	local output=$results/regress options
	rm -rf "$output"
	mkdir -p "$output"
	mapfile -t options < <(cluster_options sql --preload)
	PULSE_CLUSTER_LOG=$output/server.log "$cluster" run "${options[@]}" -- \
		make -s -C extension installcheck REGRESS_OPTS="--inputdir=.. --outputdir=$output" && return 0
	cat "$output/regression.diffs" 2>/dev/null
	return 1
}

suite_isolation() {
	local output=$results/isolation pgxs options specs
	pgxs=$(dirname "$("$pg_config" --pgxs)")/../..
	rm -rf "$output"
	mkdir -p "$output"
	mapfile -t options < <(cluster_options "$1" --preload)
	mapfile -t specs < <(cd "$1/specs" && printf '%s\n' *.spec | sed 's/\.spec$//')
	PULSE_CLUSTER_LOG=$output/server.log "$cluster" run "${options[@]}" -- \
		"$pgxs/src/test/isolation/pg_isolation_regress" --inputdir="$1" --outputdir="$output" \
		--bindir="$("$pg_config" --bindir)" "${specs[@]}" && return 0
	cat "$output/regression.diffs" 2>/dev/null
	return 1
}

suite_pgtap() {
	local options
	mapfile -t options < <(cluster_options "$1" --preload)
	PULSE_CLUSTER_LOG=$results/$(basename "$1")-server.log "$cluster" run "${options[@]}" -- "$lib/pgtap.sh" "$1"/*.sql
}

suite_shell() {
	local file status=0
	for file in "$1"/*.test.sh; do
		echo "# $file"
		bash "$file" || { status=1; echo "# $file: exit status not 0"; }
	done
	return $status
}

suite_node() {
	"$lib/npm.sh" tests || return 1
	# The TAP reporter is named: the default one depends on node's version.
	find "$1" \( -name '*.test.js' -o -name '*.test.mjs' \) -not -path '*/node_modules/*' -print0 | sort -z |
		xargs -0 node --test --test-reporter=tap
}

# A few seconds of fuzzing, which finds what has become wrong with the seeds; tests/fuzz/run.sh looks for longer.
suite_fuzz() {
	local compiler
	compiler=$(find_clang) || compiler=false
	if ! "$compiler" -fsanitize=fuzzer -x c -o /dev/null - 2>/dev/null <<<'int LLVMFuzzerTestOneInput(void) { return 0; }'; then
		echo 'ok - # SKIP no libFuzzer'
		return 0
	fi
	tap 'some seconds of fuzzing' tests/fuzz/run.sh "${FUZZ_SECONDS:-5}"
}

# The pure core's unit tests, under the address and undefined-behaviour sanitizers.
suite_cmocka() {
	local output file program status=0 compile libs
	output=$results/$(basename "$1")-programs
	rm -rf "$output"
	mkdir -p "$output"
	libs=$(pkg-config --cflags --libs cmocka)
	compile="${CC:-gcc} -std=gnu17 -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter -fsanitize=address,undefined
		-fno-sanitize-recover=undefined -fno-omit-frame-pointer -Iextension -I$1"
	# Compiled once and all at a time, then linked with every program.
	# shellcheck disable=SC2086,SC2016  # several words; the inner shell expands
	compgen -G 'extension/core/*.c' |
		xargs -P "$(nproc)" -I{} sh -c 'out=$1; file=$2; shift 2; exec "$@" -c -o "$out/$(basename "$file" .c).o" "$file"' sh "$output" {} $compile ||
		{ echo 'not ok - the core compiles'; return 1; }
	for file in "$1"/*.c; do
		program=$output/$(basename "$file" .c)
		# shellcheck disable=SC2086  # several words
		if ! $compile -o "$program" "$file" "$output"/*.o $libs -lm; then
			echo "not ok - $file compiles"
			status=1
			continue
		fi
		echo "# $file"
		CMOCKA_MESSAGE_OUTPUT=TAP "$program" || status=1
	done
	return $status
}
