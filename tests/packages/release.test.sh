#!/usr/bin/env bash
# What a release says about itself: one version everywhere, META.json, the manual, the units, the Debian changelog.
cd "$(dirname "$0")/../.." || exit 1
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" extension/pulse.control)
failed=0
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT

is() {
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n#   got:    %s\n#   wanted: %s\n' "$1" "${2//$'\n'/$'\n#           '}" "$3"
		failed=1
	fi
}

is 'version of the daemon' "$(sed -n 's/^#define PULSE_VERSION "\(.*\)"/\1/p' worker/src/version.h)" "$version"
is 'version of the newest Debian package' "$(sed -nE '1s/^pulse \((.*)-[0-9]+\) .*/\1/p' worker/contrib/debian/changelog)" "$version"
for page in worker/doc/*.[58]; do
	is "version in $page" "$(sed -nE '1s/^\.TH .* "Pulse ([0-9.]+)".*/\1/p' "$page")" "$version"
	is "no blank before a full stop in $page" "$(grep -nE '^\.(B|I) .* [.,;:]$|^\.[BIR]{2} [^"]* [.,;:] ' "$page")" ''
	if command -v mandoc >/dev/null; then
		is "mandoc about $page" "$(mandoc -T lint -W warning "$page" 2>&1)" ''
	elif command -v man >/dev/null && command -v groff >/dev/null; then
		is "groff about $page" "$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)" ''
	else
		echo "ok - # SKIP neither mandoc nor man"
	fi
done

# What PGXN's specification asks of META.json.
cat >"$folder/meta.mjs" <<'JS'
import { readFileSync } from 'node:fs';
const meta = JSON.parse(readFileSync(process.argv[2], 'utf8').replaceAll('@VERSION@', process.argv[3]));
const wrong = ['name', 'version', 'abstract', 'maintainer', 'license', 'provides', 'meta-spec'].filter((key) => !meta[key]);
const semantic = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;
if (!/^[^\s/\\]{2,}$/.test(meta.name)) wrong.push('name');
if (meta['meta-spec'].version !== '1.0.0') wrong.push('meta-spec');
if (!['stable', 'testing', 'unstable'].includes(meta.release_status)) wrong.push('release_status');
if (!meta.tags.every((tag) => tag.length < 256 && !/[/\\]/.test(tag))) wrong.push('tags');
for (const version of [meta.version, meta.provides.pulse.version, meta.prereqs.runtime.requires.PostgreSQL]) {
	if (!semantic.test(version)) wrong.push(`version ${version}`);
}
console.log([...wrong, meta.provides.pulse.file, meta.provides.pulse.docfile].join('\n'));
JS
meta=$(node "$folder/meta.mjs" extension/META.json.in "$version" 2>&1)
is 'META.json has what PGXN asks for' "$meta" "$(printf '%s\n' extension/pulse.control extension/doc/functions.md)"
for file in $meta; do [ -e "$file" ] || is "META.json names $file" 'missing' 'there'; done

# The units as they are, but for the program, which need not be installed.
if command -v systemd-analyze >/dev/null; then
	sed 's|^ExecStart=/usr/local/bin/pulse-worker|ExecStart=/bin/true|' worker/contrib/pulse-worker.service >"$folder/pulse-worker.service"
	cp worker/contrib/pulse-worker.socket "$folder"
	is 'systemd about the units' "$(systemd-analyze verify --man=no --recursive-errors=no "$folder"/pulse-worker.{service,socket} 2>&1)" ''
else
	echo 'ok - # SKIP no systemd-analyze'
fi

# make install and make uninstall, of the worker: what the one puts somewhere the other takes away.
make -s -C worker install DESTDIR="$folder/root" prefix=/opt/pulse >"$folder/log" 2>&1
is 'install follows DESTDIR and prefix' "$(cd "$folder/root" && find . -type f -not -path './opt/pulse/*')" ''
is 'install puts it in its places' "$(cd "$folder/root/opt/pulse" && stat -c '' bin/pulse-worker share/man/man8/pulse-worker.8 share/man/man5/pulse.ini.5 \
	lib/systemd/system/pulse-worker.service share/bash-completion/completions/pulse-worker share/pulse-worker/grafana/pulse.json 2>&1)" ''
is 'the unit names the installed program' "$(grep -o '^ExecStart=[^ ]*' "$folder/root/opt/pulse/lib/systemd/system/pulse-worker.service")" \
	'ExecStart=/opt/pulse/bin/pulse-worker'
make -s -C worker uninstall DESTDIR="$folder/root" prefix=/opt/pulse >>"$folder/log" 2>&1
is 'uninstall leaves nothing' "$(find "$folder/root" -type f)" ''
exit $failed
