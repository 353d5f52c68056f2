# shellcheck shell=bash
# Lines that say what is being done and how long it took; sourced by the programs people watch.
#   step_log=FILE            output of the steps' commands goes there
#   step TITLE COMMAND ...   runs the command; a long one shows that it is alive; a failed one shows the log's tail

steps_begun=$EPOCHREALTIME
: "${step_log:=/dev/null}"

steps_elapsed() {
	awk -v a="${1:-$steps_begun}" -v b="$EPOCHREALTIME" 'BEGIN { s = b - a; if (s < 60) printf "%.1f s", s; else printf "%d:%02d", s / 60, s % 60 }'
}

# Prints one finished line: time since the start, then the text.
say() {
	printf '%8s  %s\n' "$(steps_elapsed)" "$*"
}

# Shows every so often that a command still runs: in place on a terminal, else a line each 30 s.
step_watch() {
	local title=$1 begin=$2 pid=$3 last='' next=30 seconds
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.5
		seconds=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%d", b - a }')
		[ "$seconds" -ge 2 ] || continue
		last=$(tail -n 1 "$step_log" 2>/dev/null | tr -dc '[:print:]' | cut -c1-60)
		if [ -t 1 ]; then
			printf '\r\033[K%8s  %s … %s' "$(steps_elapsed)" "$title" "$last"
		elif [ "$seconds" -ge $next ]; then
			printf '%8s  %s … %s\n' "$(steps_elapsed)" "$title" "$last"
			next=$((next + 30))
		fi
	done
}

# Shell functions work too. Runs in this shell, so what a function sets stays set.
step() {
	local title=$1 begin=$EPOCHREALTIME watcher status
	shift
	[ ! -t 1 ] || printf '\r\033[K%8s  %s …' "$(steps_elapsed)" "$title"
	step_watch "$title" "$begin" $$ &
	watcher=$!
	{ echo; echo "== $title"; } >>"$step_log"
	"$@" >>"$step_log" 2>&1
	status=$?
	kill "$watcher" 2>/dev/null
	wait "$watcher" 2>/dev/null
	[ ! -t 1 ] || printf '\r\033[K'
	if [ $status -eq 0 ]; then
		printf '%8s  %s (%s)\n' "$(steps_elapsed)" "$title" "$(steps_elapsed "$begin")"
	else
		printf '%8s  %s: failed\n' "$(steps_elapsed)" "$title"
		# what it said itself, not the steps before it
		awk '/^== / { text = ""; next } { text = text $0 "\n" } END { printf "%s", text }' "$step_log" | tail -n 20 | sed 's/^/          | /'
	fi
	return $status
}
