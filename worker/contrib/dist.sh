#!/usr/bin/env bash
# dist.sh: writes .build/pulse-X.Y.Z.tar.gz and .build/pulse-X.Y.Z.zip (for PGXN), a release as others get it: the
# sources, META.json, and the built page, so that building from it needs neither npm nor git.
#
# The same sources give the same bytes. SOURCE_DATE_EPOCH is the time of everything inside, by default the last commit's.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top"
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" extension/pulse.control)
name=pulse-$version
stage=.build/dist

# What belongs to the project: in a checkout what git knows, elsewhere, as in an unpacked release, all that was not built.
files() {
	if [ -n "$(git ls-files README.md 2>/dev/null)" ]; then
		git ls-files | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
	else
		find . -type f -not -path './.git/*' -not -path './.build/*' -not -path '*/node_modules/*' -not -path '*/.deps/*' \
			-not -path '*/dist/*' -not -name '*.o' -not -name '*.so' -not -name '*.bc' -not -path './extension/pulse--*.sql' \
			-not -path './META.json' -not -path './debian/*' | sed 's|^\./||'
	fi
}

worker/build_page.sh >&2
worker/build_page.sh --built || { echo "make dist: the page is not built; it takes npm" >&2; exit 1; }
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y META.json 2>/dev/null || date +%s)}

rm -rf "$stage"
mkdir -p "$stage/$name/worker/dashboard"
files | tar -c -T - | tar -x -C "$stage/$name"
cp -r worker/dashboard/dist "$stage/$name/worker/dashboard/"
sed "s/@VERSION@/$version/g" extension/META.json.in >"$stage/$name/META.json"

cd "$stage"
chmod -R u+rwX,go+rX,go-w "$name"
find "$name" -exec touch -h -d "@$epoch" {} +
tar -c --sort=name --format=gnu --owner=0 --group=0 --numeric-owner "$name" | gzip -9n >"../$name.tar.gz"
echo ".build/$name.tar.gz"
if command -v zip >/dev/null; then
	rm -f "../$name.zip"
	find "$name" -type f | LC_ALL=C sort | TZ=UTC zip -q -9 -X "../$name.zip" -@
	echo ".build/$name.zip"
fi
