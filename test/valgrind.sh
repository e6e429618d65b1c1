#!/bin/bash
#
# test/valgrind.sh [REGRESSION TEST ...]: the installed library under valgrind's memcheck ("make valgrindcheck").
#
# Starts a server of its own (so not as root), runs test/valgrind.sql and the regression tests named, and fails if one of
# these fails or memcheck reports an error with a frame of pgcache in its stack.  Debian's server is not built for
# valgrind and does not tell it about memory contexts: overruns within one of their blocks are not seen.
#
# PG_CONFIG chooses the server.  VALGRIND_DIR keeps everything there; otherwise it is kept only after a failure.

set -euo pipefail
ROOT=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
PG_CONFIG=${PG_CONFIG:-pg_config}
bin=$("$PG_CONFIG" --bindir)
pg_regress=$(dirname "$("$PG_CONFIG" --pgxs)")/../test/regress/pg_regress
dir=${VALGRIND_DIR:-$(mktemp -d /tmp/pgcache-valgrind-XXXXXX)}
server=
status=1
export PGHOST=$dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
mkdir -p "$dir/log"

finish() {
	[ -z "$server" ] || { kill -INT "$server" && wait "$server"; } || true
	[ $status != 0 ] || [ -n "${VALGRIND_DIR:-}" ] || rm -rf "$dir"
	[ $status = 0 ] || echo "FAILED; everything is in $dir"
	exit $status
}
trap finish EXIT

# A server that was not built for valgrind writes padding bytes to files and sockets all the time.
for call in 'write(buf)' 'pwrite64(buf)' 'socketcall.sendto(msg)' 'epoll_ctl(event)'; do
	printf '{\n   %s\n   Memcheck:Param\n   %s\n   obj:*\n}\n' "${call%%(*}" "$call"
done >"$dir/suppressions"

"$bin/initdb" -N -A trust -U postgres -E UTF8 --no-locale -D "$dir/data" >"$dir/initdb.log"
cat "$ROOT/test/pgcache.conf" - >>"$dir/data/postgresql.conf" <<-EOF
	listen_addresses = ''
	unix_socket_directories = '$dir'
	fsync = off
	jit = off
	log_statement = all
EOF
valgrind --quiet --leak-check=no --trace-children=yes --error-limit=no --num-callers=60 --fullpath-after= \
	--suppressions="$dir/suppressions" --log-file="$dir/log/%p" \
	"$bin/postgres" -D "$dir/data" >"$dir/server.log" 2>&1 &
server=$!
for _ in {1..300}; do
	if ! kill -0 "$server" || "$bin/pg_isready" -q; then break; fi
	sleep 1
done

echo "== test/valgrind.sql"
"$bin/psql" -X -q -v ON_ERROR_STOP=1 -f "$ROOT/test/valgrind.sql"
failed=0
if [ $# -gt 0 ]; then
	cd "$ROOT" # the tests include files by their path in the tree
	"$pg_regress" --inputdir="$ROOT" --outputdir="$dir" --bindir="$bin" --host="$dir" --port=$PGPORT --user=postgres \
		--dbname=contrib_regression "$@" || failed=1
fi
kill -INT "$server" && wait "$server" || failed=1
server=

# Reports are separated by lines of "==PID== " alone; frames of pgcache name a file under src/ or the library.
reports=$(awk 'function flush() { if (text ~ /[( ]src\/[a-z_]+\.c:|pgcache\.so/) print text "\n"; text = "" }
	FNR == 1 || /^==[0-9]+== *$/ { flush() }
	/^==[0-9]+== / { text = text "\n" $0 }
	END { flush() }' "$dir"/log/*)
if [ -n "$reports" ]; then
	printf '%s\n' "$reports"
	failed=1
fi
if grep -q 'was terminated by signal' "$dir/server.log"; then
	grep -A1 'was terminated by signal' "$dir/server.log"
	failed=1
fi
status=$failed
[ $status != 0 ] || echo "no errors in pgcache"
