#!/usr/bin/env bash
# The bash completion offers what pulse-worker's usage names, and nothing else.
cd "$(dirname "$0")/../.." || exit 1
worker=$PWD/.build/worker/pulse-worker
# shellcheck source=worker/contrib/pulse-worker.bash-completion
. worker/contrib/pulse-worker.bash-completion
failed=0

# is TITLE GOT WANTED: words in any order
is() {
	local got wanted
	got=$(tr -s ' ' '\n' <<<"$2" | sort -u | paste -sd' ')
	wanted=$(tr -s ' ' '\n' <<<"$3" | sort -u | paste -sd' ')
	if [ "$got" = "$wanted" ]; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n#   got:    %s\n#   wanted: %s\n' "$1" "$got" "$wanted"
		failed=1
	fi
}

# What the last of the words is completed to, by the function that bash has for the command.
offered() {
	local function
	function=$(complete -p pulse-worker | sed 's/.*-F \([^ ]*\) .*/\1/')
	COMP_WORDS=(pulse-worker "$@") COMP_CWORD=$# COMPREPLY=()
	"$function"
	printf '%s\n' "${COMPREPLY[@]}"
}

# The long options that a usage lists at the beginnings of lines.
options() {
	"$worker" "$@" --help | sed -nE 's/^ +(-[a-zA-Z], )?(--[a-z-]+).*/\2/p'
}

commands='import token doctor test-notification'
is 'options and commands of pulse-worker' "$(offered '')" "$(options) $commands"
is 'the commands are those of the usage' "$commands" \
	"$("$worker" --help | sed -nE 's/^(Usage:| {6}) pulse-worker ([a-z][a-z-]*).*/\2/p')"
is 'options of import' "$(offered import --)" "$(options import)"
is 'options of token create' "$(offered token create -)" "$(options token) --help"
is 'what token does' "$(offered token '')" "$("$worker" token --help | sed -nE 's/^.* pulse-worker token ([a-z]+).*/\1/p') --help"
is 'scopes of tokens' "$(offered token create --scope '')" "$("$worker" token --help | sed -nE 's/.*--scope ([a-z|]+)\].*/\1/p' | tr '|' ' ')"
is 'formats of exports' "$(offered import --format '')" \
	"$("$worker" import --help | sed -nE 's/.*--format FORMAT +//p' | sed 's/,/ /g; s/ or / /')"
is 'formats of the log' "$(offered --log-format '')" 'json text journal'
is 'a word that has begun' "$(offered --en)" '--environment'
is 'with an equals sign' "$(offered --log-format = j)" 'json journal'
is 'no command after a command' "$(offered doctor d)" ''
is 'a time zone' "$(offered import --timezone Europe/Zur)" "$([ ! -r /usr/share/zoneinfo/zone1970.tab ] || echo Europe/Zurich)"

folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
mkdir "$folder/sub dir"
printf '[database]\ndsn = x\n[environment.weekend]\n' >"$folder/my.ini"
touch "$folder/fills.csv" "$folder/other.txt"
cd "$folder" || exit 1
is 'configuration files' "$(offered --config m)" 'my.ini'
is 'exports, and folders with blanks in their names' "$(offered import '' | sort | paste -sd,)" 'fills.csv,sub dir'
is 'environments that the file names' "$(offered --config my.ini --environment '')" 'development testing production weekend'
is 'nothing to offer for a name' "$(offered token create --name '')" ''
exit $failed
