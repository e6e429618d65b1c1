#!/bin/bash
#
# test/random/run.sh: random SQL through the installed library ("make randomcheck").
#
#	SEED=1 DURATION=40 QUERIES=0 test/random/run.sh
#
# Starts a server of its own (so not as root), makes the objects of schema.sql, and lets random.pl ask random queries,
# each plainly and twice through the cache, until DURATION seconds are over or QUERIES are asked (0 = no limit).  The
# same SEED asks the same queries; without one it is random.  STOP=1 ends it at the first failure.  SMITH=N asks the
# SELECTs among N statements of sqlsmith (Debian package sqlsmith) instead of our own queries.
#
# PG_CONFIG chooses the server.  RANDOM_DIR keeps everything there; otherwise it is kept only after a failure:
# failures.log has each case, trace.sql all statements.

set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
PG_CONFIG=${PG_CONFIG:-pg_config}
bin=$("$PG_CONFIG" --bindir)
dir=${RANDOM_DIR:-$(mktemp -d /tmp/pgcache-random-XXXXXX)}
SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
DURATION=${DURATION:-40}
QUERIES=${QUERIES:-0}
SMITH=${SMITH:-0}
status=1
export PGHOST=$dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
mkdir -p "$dir"
rm -rf "$dir/data" "$dir/server.log"

finish() {
	# nothing in there is worth a clean stop
	"$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
	[ $status != 0 ] || [ -n "${RANDOM_DIR:-}" ] || rm -rf "$dir"
	[ $status = 0 ] || echo "seed $SEED failed; failures.log, trace.sql and server.log are in $dir"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

"$bin/initdb" -N -A trust -U postgres -E UTF8 --locale=C -D "$dir/data" >"$dir/initdb.log"
cat "$here/../pgcache.conf" - >>"$dir/data/postgresql.conf" <<-EOC
	listen_addresses = ''
	unix_socket_directories = '$dir'
	fsync = off
	max_connections = 20
	pgcache.memory = '4MB'
	statement_timeout = 500
	lock_timeout = 5000
	jit = off
EOC
"$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w start >/dev/null
"$bin/psql" -X -q -v ON_ERROR_STOP=1 -f "$here/schema.sql"

smith=
if [ "$SMITH" != 0 ]; then
	command -v sqlsmith >/dev/null || { echo "SMITH needs sqlsmith"; exit 1; }
	smith=$dir/smith.sql
	"$bin/psql" -X -q -v ON_ERROR_STOP=1 -f "$here/smith.sql"
	sqlsmith --target="host=$dir user=smith dbname=postgres options=-csearch_path=smith,pg_catalog,r,public" \
		--exclude-catalog --dry-run --seed="$SEED" --max-queries="$SMITH" >"$smith" 2>"$dir/smith.log" || true
fi

echo "random: seed $SEED"
status=0
perl "$here/random.pl" seed "$SEED" seconds "$DURATION" queries "$QUERIES" dir "$dir" smith "$smith" stop "${STOP:-0}" || status=1
if grep -E 'TRAP:|PANIC|was terminated by signal' "$dir/server.log"; then
	echo "not ok - the server's log has no crash"
	status=1
else
	echo "ok - the server's log has no crash"
fi
exit $status
