#!/usr/bin/env bash
# The house rules that a program can check, one TAP line each.
set -uo pipefail
shopt -s lastpipe	# a rule at the end of a pipe sets "failed" here
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$lib/../.." && pwd)
cd "$top" || exit 1
failed=0

# The files that belong to the project, also where the tree came without git.
files() {
	local listed
	listed=$(git ls-files --cached --others --exclude-standard 2>/dev/null)
	if [ -n "$listed" ] && [ -n "$(git ls-files README.md Makefile 2>/dev/null)" ]; then
		echo "$listed" | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
	else
		find . -type f -not -path './.git/*' -not -path './.build/*' -not -path '*/node_modules/*' -not -path '*/.deps/*' -not -path '*/dist/*' \
			-not -name '*.o' -not -name '*.so' -not -name '*.bc' -not -path './extension/pulse--*.sql' | sed 's|^\./||'
	fi | sort
}

# rule TITLE: passes when its standard input, the list of offenders, is empty.
rule() {
	local offenders
	offenders=$(cat)
	if [ -z "$offenders" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		echo "$offenders" | head -n 40 | sed 's/^/#   /'
		failed=1
	fi
}

all=$(files)
of_kind() { grep -E "$1" <<<"$all" || true; }
code=$(of_kind '\.(c|h|sql|js|mjs|css|html|sh|mk)$|(^|/)Makefile$|^\.ci/run$' | grep -vE '^expected/|/expected/')

# What the installed extension says about itself.
catalog() {
	"$("${PG_CONFIG:-pg_config}" --bindir)/psql" -XAtqc "$1"
}

catalog_rules() {
	catalog 'CREATE EXTENSION pulse' || { echo 'not ok - CREATE EXTENSION pulse'; return 1; }
	local member="FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pulse')"
	catalog "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.oid IN (SELECT d.objid $member AND d.classid = 'pg_proc'::regclass)
		AND coalesce(obj_description(p.oid, 'pg_proc'), '') = '' ORDER BY 1" 2>&1 | rule 'every SQL function has a comment'
	catalog "SELECT c.oid::regclass FROM pg_class c WHERE c.relkind IN ('r', 'v', 'p') AND c.oid IN (SELECT d.objid $member AND d.classid = 'pg_class'::regclass)
		AND coalesce(obj_description(c.oid, 'pg_class'), '') = '' ORDER BY 1" 2>&1 | rule 'every table and view has a comment'
	catalog "SELECT t.oid::regtype FROM pg_type t WHERE t.typtype IN ('b', 'e', 'd') AND t.typcategory <> 'A' AND t.oid IN (SELECT d.objid $member AND d.classid = 'pg_type'::regclass)
		AND coalesce(obj_description(t.oid, 'pg_type'), '') = '' ORDER BY 1" 2>&1 | rule 'every type has a comment'
	catalog "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.prosecdef AND p.oid IN (SELECT d.objid $member AND d.classid = 'pg_proc'::regclass)
		AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search\_path=pg\_catalog, %pg\_temp%') ORDER BY 1" 2>&1 |
		rule 'every SECURITY DEFINER function pins its search_path'
	catalog "SELECT p.oid::regprocedure FROM pg_proc p WHERE p.oid IN (SELECT d.objid $member AND d.classid = 'pg_proc'::regclass)
		AND p.pronamespace <> 'pulse'::regnamespace AND p.proname !~ '^pulse_' ORDER BY 1" 2>&1 |
		rule 'functions in the schema of the user are named pulse_*'
	catalog "SELECT name FROM pg_settings WHERE name LIKE 'pulse.%' AND (coalesce(short_desc, '') = '' OR category NOT LIKE 'Customized%')" 2>&1 |
		rule 'every setting describes itself'
	catalog "SELECT name FROM pg_settings WHERE name LIKE 'pulse.%'" | while read -r name; do
		of_kind '\.md$|^worker/doc/' | xargs -r grep -qsF "$name" || echo "$name is in no document"
	done | rule 'every setting is documented'
	return $failed
}

if [ "${1:-}" = --catalog ]; then
	catalog_rules
	exit
fi
diff <(extension/doc/functions.sh 2>&1) extension/doc/functions.md | rule 'the function reference says what the catalogue says'
diff <(extension/doc/configuration.sh 2>&1) extension/doc/configuration.md | rule 'the reference of the settings says what is registered'
for reference in events http metrics; do
	diff <(node worker/doc/reference.mjs "$reference" 2>&1) "worker/doc/$reference.md" | rule "the reference of $reference says what the worker's sources say"
done
cut -d/ -f1 <<<"$all" | sort -u | grep -vxE '\..*|Makefile|META\.json|README\.md|LICENSE|extension|sql|worker|tests|expected' |
	rule 'nothing stray at the top level'

# The install script of an earlier version stands as it was, and an update is one file for the server.
frozen='^extension/upgrade/pulse--[0-9.-]+\.sql$'
of_kind '\.(c|h|js|mjs|css|sql|sh)$' | grep -vE "(^|/)expected/|$frozen" | while read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 800 ] || echo "$file: $lines lines"
done | rule 'no file is longer than 800 lines'

# This file holds the words that it looks for.
xargs -r grep -nIE '\b(TODO|FIXME|XXX|HACK|not implemented|placeholder|for now|simplified version)\b' 2>/dev/null <<<"$(grep -vxF tests/lib/conventions.sh <<<"$code")" |
	grep -vE '(::|\b(input|textarea).*)placeholder|placeholder=' | cut -c1-160 | rule 'nothing unfinished by its own words'

version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" extension/pulse.control)
{
	grep -F "\"$version\"" worker/src/version.h
	grep -lF "Pulse $version" worker/doc/pulse-worker.8 worker/doc/pulse.ini.5
	grep -lF "\"version\": \"$version\"" worker/doc/openapi.json worker/doc/asyncapi.json worker/dashboard/package.json worker/dashboard/package-lock.json
	head -n 1 worker/contrib/debian/changelog | grep -F "($version-"
} | awk 'END { if (NR != 8) print NR " of 8 places name the version of extension/pulse.control" }' | rule 'program, documents and packages have the version of the extension'

of_kind '(^|/)package-lock\.json$' | xargs -r grep -lE '"resolved"' | rule 'lock files record no addresses'

of_kind '(^|/)package\.json$' | grep -v node_modules | xargs -r grep -nE '"[^"]+": *"[~^><*]' | grep -vE '"(node|npm)":' |
	rule 'npm packages are pinned exactly'

of_kind '(^|/)package\.json$' | while read -r file; do
	for beside in package-lock.json .npmrc; do
		[ -e "$(dirname "$file")/$beside" ] || echo "$(dirname "$file")/$beside is missing"
	done
done | rule 'every package.json has its lock file and .npmrc'

of_kind '.' | grep -vE "$frozen" | while read -r file; do
	size=$(stat -c %s "$file")
	[ "$size" -le 300000 ] || echo "$file: $size bytes"
done | rule 'no large files'

xargs -r grep -nIE -e '//registry\.' -e "(^|[^[:alnum:]])$top/" 2>/dev/null <<<"$(grep -vxF tests/lib/conventions.sh <<<"$all")" |
	cut -c1-160 | rule 'no address of a registry, no path of a machine'

{
	of_kind '^sql/.*\.sql$' | sed -E 's|^sql/(.*)\.sql$|expected/\1.out|' | while read -r file; do
		[ -e "$file" ] || echo "$file is missing"
	done
	of_kind '^expected/.*\.out$' | sed -E 's|^expected/(.*)\.out$|\1|; s/_[0-9]+$//' | while read -r name; do
		[ -e "sql/$name.sql" ] || echo "sql/$name.sql is missing"
	done
} | rule 'sql/ and expected/ belong together'

of_kind '^extension/core/.*\.[ch]$' | xargs -r grep -nE '#include *[<"](postgres|fmgr|libpq|utils/)' | rule 'extension/core stands without the server'

of_kind '^tests/[a-z]+/.*\.m?js$' | grep -vE '^tests/(lib|demo|bench)/|\.test\.m?js$' | xargs -r grep -lE "from 'node:test'" |
	rule 'test files are named *.test.js'

of_kind '\.(c|h|sql|js|mjs|css|html|sh)$' | grep -vE '(^|/)expected/' | xargs -r grep -nIE '[[:blank:]]+$' | cut -c1-100 |
	rule 'no blanks at the end of a line'

of_kind '\.sh$|^\.ci/run$' | while read -r file; do bash -n "$file" 2>&1; done | rule 'shell scripts parse'

if command -v shellcheck >/dev/null; then
	of_kind '\.sh$|^\.ci/run$' | xargs -r shellcheck -x -f gcc 2>&1 | rule 'shellcheck finds nothing'
else
	echo 'ok - # SKIP shellcheck is not installed'
fi

if [ -e README.md ]; then
	grep -oE '(^|`|\$ |&& *|\| )(PULSE_NO_INSTALL=1 )?make [a-z][a-z-]*' README.md | sed 's/.*make //' | sort -u | while read -r target; do
		grep -qE "^$target:|^\.PHONY:.*\b$target\b" Makefile || echo "README says make $target; the Makefile has no such target"
	done | rule "the README's make targets exist"
fi

"$lib/cluster.sh" run --preload -- "$lib/conventions.sh" --catalog || failed=1
exit $failed
