#!/usr/bin/env bash
# pgtap.sh FILE ...: runs pgTAP files on the server that the environment names, each in a fresh database that has the
# extensions pgtap and pulse, so that a file may commit what it likes. PULSE_SQL_VERSION=1.0.0 tests the objects of that
# version with the library of this one.
set -uo pipefail
bindir=$("${PG_CONFIG:-pg_config}" --bindir)
psql=$bindir/psql
"$psql" -Xqd postgres -v ON_ERROR_STOP=1 -c 'CREATE DATABASE pgtap_template' &&
	"$psql" -Xqd pgtap_template -v ON_ERROR_STOP=1 -c 'CREATE SCHEMA tap' -c 'CREATE EXTENSION pgtap WITH SCHEMA tap' \
		-c "CREATE EXTENSION pulse${PULSE_SQL_VERSION:+ VERSION \"$PULSE_SQL_VERSION\"}" -c "ALTER DATABASE pgtap_template SET search_path = public, tap" || exit 1
status=0
for file in "$@"; do
	name=pgtap_$(basename "$file" .sql)
	"$psql" -Xqd postgres -c "CREATE DATABASE $name TEMPLATE pgtap_template" -c "ALTER DATABASE $name SET search_path = public, tap" || { status=1; continue; }
	echo "# $file"
	pg_prove --verbose --psql-bin "$psql" --dbname "$name" "$file" || status=1
done
exit $status
