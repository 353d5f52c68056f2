#!/usr/bin/env bash
# A private PostgreSQL cluster with this checkout's extension in it, in a temporary directory, gone at exit.
#
#   cluster.sh run [OPTION ...] -- COMMAND [ARG ...]    start one, run COMMAND with PGHOST, PGPORT, PGUSER, PGDATABASE set
#   cluster.sh start|stop|restart|crash|log             act on the cluster that COMMAND runs in (PULSE_CLUSTER)
#
# Options: --preload           shared_preload_libraries = 'pulse'
#          --conf NAME=VALUE   a line for postgresql.conf; the last one wins, so --conf fsync=on makes it durable
#          --database NAME     create this database and make it PGDATABASE
#          --no-stage          a bare server, without the extension
#
# PULSE_HYPERTABLES=1 makes a hypertable of TimescaleDB of every portfolio_snapshots and trades that is created in it.
# PG_CONFIG chooses the server. The extension is staged, never installed: nothing of this machine's PostgreSQL changes.
# In bash: source this file, then cluster_create [OPTION ...], cluster_start, …; cluster_remove runs at exit.

cluster_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cluster_top=$(cd "$cluster_lib/../.." && pwd)

cluster_fail() {
	echo "cluster: $*" >&2
	return 1
}

# The unprivileged account a server runs under when root calls: PostgreSQL refuses root.
cluster_account() {
	if id -u postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# Becomes a command that runs as the cluster's account, with a home of its own.
cluster_exec_as_user() {
	cd "$PULSE_CLUSTER" || exit 1
	if [ "$(id -u)" = 0 ]; then
		local account
		account=$(cluster_account)
		HOME=$PULSE_CLUSTER exec setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups "$@"
	fi
	exec "$@"
}

cluster_as_user() {
	(cluster_exec_as_user "$@")
}

# Start time of a process, in clock ticks since boot: with the pid, its identity.
cluster_process_birth() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086  # fields are wanted
	set -- $stat
	echo "${20}"
}

# Removes what callers left that were killed before their exit trap could run.
cluster_sweep() {
	local dir pid birth
	for dir in "${TMPDIR:-/tmp}"/pulse-cluster.* /tmp/pulse-cluster.*; do
		[ -O "$dir/owner" ] || continue
		read -r pid birth <"$dir/owner" || continue
		[ "$(cluster_process_birth "$pid")" = "$birth" ] && continue
		PULSE_CLUSTER=$dir bash -c 'source "$1"; cluster_destroy; unset PULSE_CLUSTER' sweep "${BASH_SOURCE[0]}"
	done
}

cluster_bindir() {
	"${PG_CONFIG:-pg_config}" --bindir
}

# Builds the extension and installs it below the cluster's own directory, where the server's account can read it.
cluster_stage() {
	local stage=$PULSE_CLUSTER/stage
	mkdir -p "$cluster_top/.build"
	if ! (
		flock 9
		make -s -j"$(nproc)" -C "$cluster_top/extension" install DESTDIR="$stage" with_llvm=no PG_CONFIG="${PG_CONFIG:-pg_config}"
	) 9>"$cluster_top/.build/stage.lock" >"$PULSE_CLUSTER/stage.log" 2>&1; then
		cat "$PULSE_CLUSTER/stage.log" >&2
		cluster_fail "the extension does not build"
		return 1
	fi
	chmod -R a+rX "$stage"
}

# Prints the settings that let a server find the staged extension.
cluster_stage_settings() {
	local stage=$PULSE_CLUSTER/stage share lib
	share=$("${PG_CONFIG:-pg_config}" --sharedir)
	lib=$("${PG_CONFIG:-pg_config}" --pkglibdir)
	echo "dynamic_library_path = '$stage$lib:\$libdir'"
	if cluster_as_user "$(cluster_bindir)/postgres" -C extension_control_path -D "$PULSE_CLUSTER/data" >/dev/null 2>&1; then
		echo "extension_control_path = '$stage$share:\$system'"
	elif cluster_as_user "$(cluster_bindir)/postgres" -C extension_destdir -D "$PULSE_CLUSTER/data" >/dev/null 2>&1; then
		echo "extension_destdir = '$stage'"
	else
		cluster_fail "this server cannot load an extension from outside its own directories (it has neither extension_control_path nor Debian's extension_destdir)"
	fi
}

# Makes the directory, stages the extension, runs initdb; the server is not started yet.
cluster_create() {
	local preload='' stage=yes database='' conf=() base=${TMPDIR:-/tmp}
	while [ $# -gt 0 ]; do
		case $1 in
			--preload) preload=yes ;;
			--conf) shift; conf+=("$1") ;;
			--database) shift; database=$1 ;;
			--no-stage) stage='' ;;
			*) cluster_fail "unknown option $1"; return 2 ;;
		esac
		shift
	done
	[ -x "$(cluster_bindir)/initdb" ] || { cluster_fail "no server programs in $(cluster_bindir); PG_CONFIG chooses another PostgreSQL"; return 1; }
	cluster_sweep
	# A socket's path may have 107 bytes.
	[ ${#base} -le 60 ] || base=/tmp
	PULSE_CLUSTER=$(mktemp -d "$base/pulse-cluster.XXXXXX") || return 1
	export PULSE_CLUSTER
	echo "$$ $(cluster_process_birth $$)" >"$PULSE_CLUSTER/owner"
	[ -z "$stage" ] || cluster_stage || return 1
	mkdir "$PULSE_CLUSTER/socket"
	[ "$(id -u)" != 0 ] || chown "$(cluster_account)" "$PULSE_CLUSTER" "$PULSE_CLUSTER/socket"
	cluster_as_user "$(cluster_bindir)/initdb" -D "$PULSE_CLUSTER/data" -U postgres -A trust --locale=C --encoding=UTF8 \
		--no-sync --no-instructions >"$PULSE_CLUSTER/initdb.log" 2>&1 || { cat "$PULSE_CLUSTER/initdb.log" >&2; return 1; }
	{
		cat <<-CONF
			listen_addresses = ''
			port = 5432
			unix_socket_directories = '$PULSE_CLUSTER/socket'
			max_connections = 60
			shared_buffers = 64MB
			dynamic_shared_memory_type = mmap	# inside the data directory: nothing stays behind after a crash
			fsync = off
			full_page_writes = off
			timezone = 'UTC'
			log_line_prefix = '%m [%p] %b %d '
		CONF
		[ -z "$stage" ] || cluster_stage_settings || return 1
		preload=${preload:+pulse}
		[ -z "${PULSE_HYPERTABLES:-}" ] || preload="timescaledb${preload:+,$preload}"
		echo "shared_preload_libraries = '$preload'"
		local line
		for line in "${conf[@]}"; do
			echo "${line%%=*} = '${line#*=}'"
		done
	} >"$PULSE_CLUSTER/conf" || return 1
	cat "$PULSE_CLUSTER/conf" >>"$PULSE_CLUSTER/data/postgresql.conf"
	export PGHOST=$PULSE_CLUSTER/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PULSE_CLUSTER_DATABASE=$database
	unset PGSERVICE PGHOSTADDR PGPASSFILE PGOPTIONS
}

# The main server process, while it runs.
cluster_pid() {
	local pid
	pid=$(head -n 1 "$PULSE_CLUSTER/data/postmaster.pid" 2>/dev/null) && [ -n "$pid" ] && cluster_alive "$pid" && echo "$pid"
}

cluster_start() {
	cluster_as_user "$(cluster_bindir)/pg_ctl" -D "$PULSE_CLUSTER/data" -l "$PULSE_CLUSTER/log" -s -w -t 60 start ||
		{ tail -n 20 "$PULSE_CLUSTER/log" >&2; return 1; }
	if [ -n "${PULSE_HYPERTABLES:-}" ] && [ ! -e "$PULSE_CLUSTER/hypertables" ]; then
		"$(cluster_bindir)/psql" -Xqd template1 -v ON_ERROR_STOP=1 -f "$cluster_lib/hypertables.sql" || return 1
		: >"$PULSE_CLUSTER/hypertables"
	fi
	if [ -n "${PULSE_CLUSTER_DATABASE:-}" ]; then
		"$(cluster_bindir)/psql" -Xqd postgres -c "CREATE DATABASE \"$PULSE_CLUSTER_DATABASE\"" || return 1
		export PGDATABASE=$PULSE_CLUSTER_DATABASE PULSE_CLUSTER_DATABASE=
	fi
}

# cluster_stop [fast|smart|immediate]
cluster_stop() {
	[ -z "$(cluster_pid)" ] || cluster_as_user "$(cluster_bindir)/pg_ctl" -D "$PULSE_CLUSTER/data" -s -w -t 60 -m "${1:-fast}" stop
}

cluster_restart() {
	cluster_stop "$@" && cluster_start
}

# Kills every process of the server with SIGKILL, as a power failure would, and waits until they are gone.
cluster_crash() {
	local pid stat victims=() status
	pid=$(cluster_pid) || return 1
	# Stopped first, so that it starts no new child while its children are being listed.
	kill -STOP "$pid"
	for status in /proc/[0-9]*/stat; do
		stat=$(cat "$status" 2>/dev/null) || continue
		stat=${stat##*) }
		# shellcheck disable=SC2086  # fields are wanted
		set -- $stat
		[ "$2" != "$pid" ] || victims+=("$(basename "$(dirname "$status")")")
	done
	kill -KILL "$pid" "${victims[@]}" 2>/dev/null || true
	local victim tries=0
	for victim in "$pid" "${victims[@]}"; do
		while cluster_alive "$victim" && [ $tries -lt 500 ]; do
			sleep 0.02
			tries=$((tries + 1))
		done
	done
	# Where process 1 collects its orphans late or never, the dead server still answers kill(pid, 0) and would lock
	# its own successor out.
	[ ! -d "/proc/$pid" ] || cluster_unlock
}

# Removes the lock of a server that is dead: the small System V segment that guards the directory, and the pid files.
cluster_unlock() {
	local segment
	segment=$(sed -n '7s/.* //p' "$PULSE_CLUSTER/data/postmaster.pid" 2>/dev/null) || true
	[ -z "$segment" ] || ipcrm -m "$segment" >/dev/null 2>&1 || true
	rm -f "$PULSE_CLUSTER/data/postmaster.pid" "$PULSE_CLUSTER"/socket/.s.PGSQL.*
}

# True while a process exists and is not merely waiting to be collected by its parent.
cluster_alive() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	[ "${stat%% *}" != Z ]
}

# Stops the server and removes the directory, whatever state both are in.
cluster_destroy() {
	if ! cluster_stop immediate >/dev/null 2>&1; then cluster_crash; fi
	cluster_unlock
	rm -rf "$PULSE_CLUSTER"
}

cluster_remove() {
	[ -n "${PULSE_CLUSTER:-}" ] && [ -d "$PULSE_CLUSTER" ] || return 0
	cluster_destroy
	unset PULSE_CLUSTER
}

# Removal at exit, also after Ctrl-C; PULSE_KEEP=1 keeps the directory and says where it is.
cluster_trap() {
	trap cluster_at_exit EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
}

cluster_at_exit() {
	local status=$?
	if [ -n "${PULSE_KEEP:-}" ] && [ -n "${PULSE_CLUSTER:-}" ]; then
		cluster_stop fast
		rm -f "$PULSE_CLUSTER/owner"
		echo "kept: $PULSE_CLUSTER" >&2
	else
		cluster_remove
	fi
	exit "$status"
}

cluster_main() {
	local action=${1:-help} options=()
	[ $# -eq 0 ] || shift
	case $action in
		run)
			while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
			[ $# -gt 1 ] || { cluster_fail "run needs -- COMMAND"; return 2; }
			shift
			cluster_trap
			cluster_create "${options[@]}" && cluster_start || return 1
			# In the background and waited for: a signal to this script then ends the wait and reaches the trap.
			local status child
			"$@" <&0 &
			child=$!
			trap 'kill -TERM $child 2>/dev/null; wait $child; exit 143' TERM
			wait "$child"
			status=$?
			if [ $status -ne 0 ] && [ -n "${PULSE_CLUSTER_LOG:-}" ]; then
				cp "$PULSE_CLUSTER/log" "$PULSE_CLUSTER_LOG" 2>/dev/null || true
			fi
			return $status
			;;
		start | stop | restart | crash)
			[ -d "${PULSE_CLUSTER:-}" ] || { cluster_fail "$action: PULSE_CLUSTER names no cluster"; return 1; }
			PULSE_CLUSTER_DATABASE=
			"cluster_$action" "$@"
			;;
		log) cat "$PULSE_CLUSTER/log" ;;
		*)
			sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
			[ "$action" = help ]
			;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	cluster_main "$@"
	exit
else
	cluster_trap
fi
