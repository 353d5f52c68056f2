#!/usr/bin/env bash
# make check: runs every suite, one line each, and closes with "N passed, N failed".
#
#   check.sh [SUITE ...]      all suites, or these
#   check.sh --list           names the suites there are
#
# "build" and "conventions" live in tests/lib; every other suite is a folder of tests/, run by what it holds:
#   specs/*.spec + expected/   pg_isolation_regress      *.sql        pg_prove, each file in a database of its own
#   *.test.js, *.test.mjs      node --test               *.test.sh    a program that prints TAP
#   *.c                        cmocka, with the sanitizers, linked with extension/core
# A folder's file "cluster" holds options for tests/lib/cluster.sh, one a line. "regress" is sql/ and expected/.
# After "build", CHECK_JOBS suites run at a time (by default one for each core, at most 4), each line when its suite ends.
# SUITE@17 is that suite with PostgreSQL 17: the further versions that this machine has servers and headers for run
# everything that the server's own code can break; PG_CONFIG=… chooses one and leaves the others out.
# Whole logs: .build/check/SUITE.log
# Files of node's tests in which something failed run once more at the end, with nothing beside them: a machine that
# others use as well can be too slow for a test that waits. The output says so, and which; what fails again has failed.
set -uo pipefail
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$lib/../.." && pwd)
cd "$top" || exit 1
# Freed memory is filled, in servers and daemons: what is used after it has been freed is wrong each time, not now and then.
export MALLOC_PERTURB_=${MALLOC_PERTURB_:-165}
results=$top/.build/check
suite_seconds=${SUITE_SECONDS:-1200}
cores=$(nproc)
jobs=${CHECK_JOBS:-$((cores < 4 ? cores : 4))}
# shellcheck source=tests/lib/suites.sh
. "$lib/suites.sh"

# Prints "passed failed skipped" of a suite's log, in whatever form the test programs count.
count_log() {
	awk '
		# node --test closes with its totals; what it lists above is not counted again
		/^# Subtest: / { node = 1 }
		/^# pass [0-9]+$/ { pass += $3 }
		/^# (fail|cancelled) [0-9]+$/ { fail += $3 }
		/^# skipped [0-9]+$/ { skip += $3 }
		/^# todo [0-9]+$/ { node = 0 }
		node { next }
		/^(not )?ok .*# (SKIP|skip)/ { skip++; next }
		/^ok( |$)/ { pass++ }
		/^not ok( |$)/ { fail++ }
		# pg_regress up to PostgreSQL 15
		/^(test| +)[^#]* \.\.\. ok / { pass++ }
		/^(test| +)[^#]* \.\.\. FAILED/ { fail++ }
		END { print pass + 0, fail + 0, skip + 0 }' "$1"
}

# What a reader of a failed suite looks for first.
show_failure() {
	awk '/^ *not ok|\.\.\. FAILED/ { left = 14 } left-- > 0 { print NR ":" $0 } left < 0 { left = 0 }' "$1" | head -n 60
	grep -nE '(error|ERROR|FATAL|PANIC):' "$1" | head -n 5
	echo '…'
	tail -n 25 "$1"
	echo "whole log: ${1#"$top/"}"
}

seconds_since() {
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'
}

# Starts one suite in a process group of its own.
start_suite() {
	timeout -k 20 "$suite_seconds" "$lib/check.sh" --suite "$1" >"$results/$1.log" 2>&1 </dev/null 8>&- &
	running[$!]=$1
	began[$!]=$EPOCHREALTIME
}

# Prints the line of a suite that ended, adds to the totals.
finish_suite() {
	local name=$1 begin=$2 status=$3 log=$results/$1.log passed failed skipped problem='' note=''
	read -r passed failed skipped <<<"$(count_log "$log")"
	if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		problem="stopped after $suite_seconds s"
	elif [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		problem="exit status $status"
	elif [ $((passed + failed + skipped)) -eq 0 ]; then
		problem='no test ran'
	fi
	[ -z "$problem" ] || failed=$((failed + 1))
	[ "$skipped" -eq 0 ] || note="$skipped skipped"
	note+=${problem:+${note:+, }$problem}
	printf '%-17s %6d passed %4d failed %9s%s\n' "$name" "$passed" "$failed" "$(seconds_since "$begin")" "${note:+   $note}"
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	[ "$failed" -gt 0 ] || return 0
	show_failure "$log" | cut -c1-220 | sed 's/^/    /'
	failed_of[$name]=$failed
	failures[$name]=$(grep -E '^ *not ok|\.\.\. FAILED' "$log" | head -n 10 | cut -c1-160 | sed "s/^ */$name: /")${problem:+$'\n'"$name: $problem"}
	[ -n "$problem" ] || to_repeat+=" $name"
	return 1
}

# Files of a suite in which a test failed.
failed_files() {
	awk '/^ *not ok/ { failed = 1 } failed { print } /^ *\.\.\.$/ { failed = 0 }' "$results/$1.log" |
		grep -oE "tests/$1/[A-Za-z0-9_./-]+\.test\.m?js" | sort -u
}

# Runs once more, alone, the few files of a suite in which something failed.
repeat_suite() {
	local name=$1 begin=$EPOCHREALTIME log=$results/$1-repeated.log passed failed files
	mapfile -t files < <(failed_files "$name")
	[ ${#files[@]} -gt 0 ] && [ ${#files[@]} -le 3 ] || return
	timeout -k 20 "$suite_seconds" node --test --test-reporter=tap "${files[@]}" >"$log" 2>&1 </dev/null 8>&- || {
		show_failure "$log" | cut -c1-220 | sed 's/^/    /'
		printf '%-17s failed again: %s\n' "$name" "${files[*]}"
		return
	}
	read -r passed failed _ <<<"$(count_log "$log")"
	[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ] || return
	printf '%-17s %6d passed when repeated alone %9s   %s\n' "$name" "$passed" "$(seconds_since "$begin")" "${files[*]}"
	total_passed=$((total_passed + failed_of[$name]))
	total_failed=$((total_failed - failed_of[$name]))
	repeated+=" ${files[*]}"
	unset "failures[$name]"
}

# Waits for the next suite that ends and finishes it; a terminal shows meanwhile what runs.
reap_suite() {
	local pid status name begin
	[ ! -t 1 ] || printf '… %s\r' "${running[*]}"
	wait -n -p pid "${!running[@]}"
	status=$?
	name=${running[$pid]} begin=${began[$pid]}
	unset "running[$pid]" "began[$pid]"
	[ ! -t 1 ] || printf '\033[K'
	finish_suite "$name" "$begin" "$status"
}

main() {
	local suites suite begin=$EPOCHREALTIME
	local -A running=() began=() failed_of=() failures=()
	local to_repeat='' repeated=''
	if [ $# -gt 0 ]; then suites=$*; else suites=$(list_suites); fi
	for suite in $suites; do
		list_suites | grep -xF "$suite" >/dev/null || { echo "no suite named $suite; there are: $(list_suites | tr '\n' ' ')" >&2; exit 2; }
	done
	mkdir -p "$results"
	export CHECK_RUN=$$.$EPOCHSECONDS
	exec 8>"$top/.build/check.lock"
	flock -n 8 || { echo "another make check is running in this checkout" >&2; exit 2; }
	total_passed=0 total_failed=0
	trap 'kill -TERM "${!running[@]}" 2>/dev/null; wait; exit 130' INT TERM
	for suite in $suites; do
		[ ${#running[@]} -lt "$jobs" ] || reap_suite
		start_suite "$suite"
		if [ "$suite" = build ] && ! reap_suite; then
			echo 'nothing else can run before it builds'
			break
		fi
	done
	while [ ${#running[@]} -gt 0 ]; do reap_suite; done
	for suite in $to_repeat; do repeat_suite "$suite"; done
	printf '%-17s %35s\n\n' total "$(seconds_since "$begin")"
	# Once more at the end: whoever sees only the last lines still learns what failed.
	[ ${#failures[@]} -eq 0 ] || printf '%s\n' "${failures[@]}" ''
	[ -z "$repeated" ] || printf 'passed only when repeated:%s\n' "$repeated"
	echo "$total_passed passed, $total_failed failed"
	[ "$total_failed" -eq 0 ]
}

case ${1:-} in
	--list) list_suites ;;
	--suite) suite_run "$2" ;;
	--help | -h) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d' ;;
	*) main "$@" ;;
esac
