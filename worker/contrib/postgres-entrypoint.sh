#!/bin/sh
# Starts PostgreSQL in a container. The first start makes the cluster, the database $POSTGRES_DB with Pulse and its tables,
# and the role of the daemon, which comes through the Unix socket and needs no password; all others give theirs.
set -eu

volume=/var/lib/postgresql/data
owner=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-trading}

first_start() {
	if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE"); fi
	if [ -z "${POSTGRES_PASSWORD:-}" ]; then
		echo 'set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE: the password of the owner of the trades' >&2
		exit 64
	fi
	# What a start that was cut short left behind is made anew.
	export PGDATA="$volume/unfinished"
	rm -rf "$PGDATA"
	printf '%s\n' "$POSTGRES_PASSWORD" >"$volume/password"
	unset POSTGRES_PASSWORD
	initdb --username="$owner" --pwfile="$volume/password" --encoding=UTF8 --locale=C.UTF-8 --data-checksums
	rm "$volume/password"
	# Who may run commands in this container is the owner.
	echo "owner postgres $owner" >>"$PGDATA/pg_ident.conf"
	printf '%s\n' "local all $owner peer map=owner" 'local all all peer' 'host all all all scram-sha-256' >"$PGDATA/pg_hba.conf"
	printf '%s\n' "listen_addresses = '*'" "shared_preload_libraries = 'pulse'" "pulse.databases = '$database'" >>"$PGDATA/postgresql.conf"
	pg_ctl --silent --wait --options="-c listen_addresses=''" start
	[ "$database" = postgres ] || createdb --username="$owner" --maintenance-db=postgres "$database"
	psql -X -q -v ON_ERROR_STOP=1 --username="$owner" -d "$database" -o /dev/null <<-'SQL'
		CREATE EXTENSION pulse;
		SELECT pulse_setup();
		CREATE ROLE pulse LOGIN;
		SELECT pulse_grant('pulse', 'worker');
	SQL
	pg_ctl --silent --wait --mode=fast stop
	mv "$PGDATA" "$volume/cluster"
}

umask 077
[ -e "$volume/cluster" ] || first_start
export PGDATA="$volume/cluster"
exec postgres "$@"
