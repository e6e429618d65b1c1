#!/bin/bash
#
# run.sh: starts a server of its own, runs the history checker against it, and
# removes the server.
#
#	SECONDS=60 SEED=1 WRITERS=8 READERS=8 PAUSE=50 MEMORY=2MB PREPARED=20 OPTIONS=-x test/consistency/run.sh
#
# PG_CONFIG names the PostgreSQL to use; the library must be installed there.

seconds=$SECONDS # the environment's value or 0; bash counts on from there
[ "$seconds" != 0 ] || seconds=60

set -euo pipefail
directory=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
PG_CONFIG=${PG_CONFIG:-pg_config}
for name in ${!PG*}; do
	case $name in
		PG_CONFIG) ;;
		*) unset "$name" ;;
	esac
done
export LC_ALL=C.UTF-8

as_server_user() {
	if [ "$(id -u)" = 0 ]; then runuser -u postgres -- env HOME=/tmp "$@"; else "$@"; fi
}

cd /tmp # the server's user may not be allowed where we were called
bin=$("$PG_CONFIG" --bindir)
work=$(as_server_user mktemp -d /tmp/pgcache-consistency-XXXXXX)

stop_server() {
	as_server_user "$bin/pg_ctl" -s -D "$work/data" -m fast stop || true
}
trap 'stop_server; as_server_user rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

build() {
	as_server_user mkdir "$work/src"
	tar -C "$directory" -cf - . | as_server_user tar -C "$work/src" -xf -
	# shellcheck disable=SC2046 # the flags are words
	(cd "$work/src" && as_server_user "${CC:-cc}" -std=gnu99 -O2 -g -Wall -Wextra -Werror $("$PG_CONFIG" --cppflags) \
		-I"$("$PG_CONFIG" --includedir)" -o "$work/consistency" ./*.c -L"$("$PG_CONFIG" --libdir)" -lpq)
}

# A small cache has to evict.  Commits that wait widen the gap between a
# writer's two stamps.
start_server() {
	as_server_user "$bin/initdb" -A trust -U postgres -E UTF8 --no-locale -N -D "$work/data" >/dev/null
	as_server_user tee -a "$work/data/postgresql.conf" >/dev/null <<-CONF
		shared_preload_libraries = 'pgcache'
		pgcache.memory = '${MEMORY:-2MB}'
		max_prepared_transactions = ${PREPARED:-20}
		listen_addresses = ''
		unix_socket_directories = '$work'
		port = 5432
		max_connections = 150
		autovacuum = off
		fsync = on
		commit_delay = 2000
		commit_siblings = 0
		deadlock_timeout = 200ms
		statement_timeout = 30s
		log_min_messages = warning
		log_min_error_statement = panic
		logging_collector = off
	CONF
	as_server_user "$bin/pg_ctl" -s -w -D "$work/data" -l "$work/log" start
}

build
start_server
status=0
# shellcheck disable=SC2086 # the options are words
as_server_user "$work/consistency" -t "$seconds" ${SEED:+-s "$SEED"} -w "${WRITERS:-8}" -r "${READERS:-8}" \
	-p "${PAUSE:-50}" ${OPTIONS:-} "host=$work port=5432 user=postgres dbname=postgres" || status=$?
if grep -E 'PANIC|TRAP|terminated by signal|server process .* exited' "$work/log"; then
	echo "not ok - the server stood up"
	status=1
else
	echo "ok - the server stood up"
fi
exit $status
