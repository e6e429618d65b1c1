#!/bin/bash
#
# run.sh: starts three servers of its own, runs the history checker against all
# at the same time, one with tables, one with values under keys, one with pages,
# and removes them.
#
#	SECONDS=60 SEED=1 WRITERS=8 READERS=8 SESSIONS=8 PAUSE=50 MEMORY=2MB PREPARED=20 OPTIONS=-x \
#		PARTS='tables values pages' PAGE_WRITERS=6 PAGE_READERS=8 REDIS=0 test/consistency/run.sh
#
# With REDIS=1 the servers with tables and with values have little memory and a Redis behind them, which is killed,
# stopped, emptied and put back, and they are themselves stopped in all ways and started again, every few seconds.
#
# PG_CONFIG names the PostgreSQL to use; the library must be installed there.

seconds=$SECONDS # the environment's value or 0; bash counts on from there
if [ "$seconds" = 0 ]; then
	if [ -n "${REDIS:-}" ]; then seconds=30; else seconds=60; fi
fi

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

stop_servers() {
	local data
	for data in "$work"/*/data; do as_server_user "$bin/pg_ctl" -s -D "$data" -m fast stop || true; done
	wait
}
trap 'stop_chaos; stop_servers; as_server_user rm -rf "$work"; rm -f "$work.values" "$work.pages"' EXIT
trap 'exit 130' INT TERM

stop_chaos() {
	[ -z "${chaos:-}" ] || kill "$chaos" 2>/dev/null || true
	[ ! -f "$work/redis/pid" ] || kill -CONT "$(cat "$work/redis/pid")" 2>/dev/null || true
	[ ! -f "$work/redis/pid" ] || kill -KILL "$(cat "$work/redis/pid")" 2>/dev/null || true
}

build() {
	as_server_user mkdir "$work/src"
	tar -C "$directory" -cf - . | as_server_user tar -C "$work/src" -xf -
	# shellcheck disable=SC2046 # the flags are words
	(cd "$work/src" && as_server_user "${CC:-cc}" -std=gnu99 -O2 -g -Wall -Wextra -Werror $("$PG_CONFIG" --cppflags) \
		-I"$("$PG_CONFIG" --includedir)" -o "$work/consistency" ./*.c -L"$("$PG_CONFIG" --libdir)" -lpq)
}

# start_server PART MEMORY [SETTING...]: commits that wait widen the gap between a writer's two stamps.
start_server() {
	local dir=$work/$1
	as_server_user mkdir "$dir"
	as_server_user "$bin/initdb" -A trust -U postgres -E UTF8 --no-locale -N -D "$dir/data" >/dev/null
	as_server_user tee -a "$dir/data/postgresql.conf" >/dev/null <<-CONF
		shared_preload_libraries = 'pgcache'
		pgcache.memory = '$2'
		pgcache.churn_pause = 0
		max_prepared_transactions = ${PREPARED:-20}
		listen_addresses = ''
		unix_socket_directories = '$dir'
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
		${3:-}
	CONF
	as_server_user "$bin/pg_ctl" -s -w -D "$dir/data" -l "$dir/log" start
}

# ---- Redis, and what befalls it ----

start_redis() {
	as_server_user redis-server --port 0 --unixsocket "$work/redis/socket" --dir "$work/redis" --save '' \
		--appendonly no --daemonize yes --pidfile "$work/redis/pid" --logfile "$work/redis/log" >/dev/null
}

redis() { timeout 5 redis-cli -s "$work/redis/socket" "$@" 2>&1 || true; }

ms() { LC_ALL=C printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }

# Have servers try it at once, as who repairs something would: pauses grow with each failure.  The two texts mean the same.
retry_redis() {
	local part
	url=$([ "${url:-}" = "unix://$work/redis/socket" ] && echo "unix://$work/redis/socket?db=0" || echo "unix://$work/redis/socket")
	for part in "${behind[@]}"; do
		as_server_user "$bin/psql" -Xq -h "$work/$part" -p 5432 -U postgres postgres \
			-c "ALTER SYSTEM SET pgcache.redis_url = '$url'" -c "SELECT pg_reload_conf()" >/dev/null 2>&1 || true
	done
}

# count_hits PART: adds what it has found in Redis since it was started.
count_hits() {
	local n
	n=$(as_server_user "$bin/psql" -XAtq -h "$work/$1" -p 5432 -U postgres postgres -c "SELECT l2_hits FROM pgcache_stats" 2>/dev/null) || n=0
	hits[$1]=$((${hits[$1]:-0} + ${n:-0}))
}

restart_server() {
	local mode=fast
	[ $((RANDOM % 3)) != 0 ] || mode=immediate
	count_hits "$1"
	as_server_user "$bin/pg_ctl" -s -w -D "$work/$1/data" -l "$work/$1/log" -m $mode restart || true
}

# disturb: one of these things, at random.
disturb() {
	local pid
	pid=$(cat "$work/redis/pid" 2>/dev/null || true)
	case $((RANDOM % 11)) in
		0 | 1 | 2) # killed, and back with what it had saved at some time, or with nothing
			redis_kills=$((redis_kills + 1))
			kill -KILL "$pid" || true
			sleep "$(ms $((RANDOM % 1500)))"
			rm -f "$work/redis/socket"
			[ $((RANDOM % 2)) = 0 ] || rm -f "$work/redis/dump.rdb"
			start_redis
			;;
		3 | 4 | 5 | 6)
			redis_pauses=$((redis_pauses + 1))
			kill -STOP "$pid" || true
			sleep "$(ms $((RANDOM % 1500)))"
			kill -CONT "$pid" || true
			;;
		7 | 8) redis SAVE >/dev/null ;;
		9) redis FLUSHALL >/dev/null ;;
		10) # not at the end, where hits are counted; after a clean stop what is in Redis is used again
			[ "$SECONDS" -lt $((end - 10)) ] || return 0
			restarts=$((restarts + 1))
			restart_server "${behind[RANDOM % ${#behind[@]}]}"
			;;
	esac
}

# run_chaos PART...: their servers have Redis behind them.
run_chaos() {
	local behind=("$@") url="" redis_kills=0 redis_pauses=0 restarts=0 end=$((SECONDS + seconds - 5)) part
	local -A hits
	sleep $((seconds / 6)) # some hits at least
	while [ "$SECONDS" -lt "$end" ]; do
		sleep "$(ms $((200 + RANDOM % 1500)))"
		disturb
		[ $((RANDOM % 2)) = 0 ] || retry_redis
	done
	for part in "$@"; do
		count_hits "$part"
		if [ "${hits[$part]}" -gt 0 ]; then echo "ok - ${hits[$part]} of the $part came from Redis"; else echo "not ok - no $part came from Redis"; fi
	done >"$work/chaos"
	echo "Redis: $redis_kills kills, $redis_pauses pauses; $restarts restarts of servers" >>"$work/chaos"
}

# run_part PART OPTION...
run_part() {
	local part=$1 dir=$work/$1 status=0
	shift
	# shellcheck disable=SC2086 # the options are words
	as_server_user "$work/consistency" -t "$seconds" ${SEED:+-s "$SEED"} "$@" ${OPTIONS:-} \
		"host=$dir port=5432 user=postgres dbname=postgres" || status=$?
	if grep -E 'PANIC|TRAP|terminated by signal|server process .* exited' "$dir/log" | grep -v 'signal 3: Quit'; then
		echo "not ok - the server of $part stood up"
		status=1
	else
		echo "ok - the server of $part stood up"
	fi
	return $status
}

build
parts=${PARTS:-tables values pages}
status=0
values=
pages=
behind=()
second_tier=
if [ "${REDIS:-0}" != 0 ]; then
	as_server_user mkdir "$work/redis"
	start_redis
	second_tier="pgcache.redis_url = 'unix://$work/redis/socket'
		pgcache.redis_min_cost = 0"
	MEMORY=${MEMORY:-1MB} PAUSE=${PAUSE:-500} READERS=${READERS:-12}
fi
# In a small cache entries are evicted; values must not be, or none could be missed, unless Redis has them, too.
if [[ $parts = *values* ]]; then
	options=(-V -w "${SESSIONS:-8}" -p 5)
	if [ -n "$second_tier" ]; then
		start_server values "$MEMORY" "$second_tier"
		options+=(-L)
		behind+=(values)
	else
		start_server values 64MB "pgcache.write_behind_interval = 100ms"
	fi
	run_part values "${options[@]}" \
		-R "$bin/pg_ctl -s -w -D $work/values/data -l $work/values/log -m fast restart" >"$work.values" 2>&1 &
	values=$!
fi
if [[ $parts = *pages* ]]; then
	start_server pages "${PAGES_MEMORY:-16MB}"
	run_part pages -G -w "${PAGE_WRITERS:-6}" -r "${PAGE_READERS:-8}" -p "${PAGE_PAUSE:-40}" >"$work.pages" 2>&1 &
	pages=$!
fi
if [[ $parts = *tables* ]]; then
	start_server tables "${MEMORY:-2MB}" "$second_tier"
	[ -z "$second_tier" ] || behind+=(tables)
fi
if [ ${#behind[@]} -gt 0 ]; then
	run_chaos "${behind[@]}" >"$work.chaos" 2>&1 &
	chaos=$!
fi
if [[ $parts = *tables* ]]; then
	run_part tables -w "${WRITERS:-8}" -r "${READERS:-8}" -p "${PAUSE:-50}" || status=1
fi
if [ -n "${chaos:-}" ]; then
	wait "$chaos" || status=1
	cat "$work/chaos"
	grep -q '^not ok' "$work/chaos" && status=1
	rm -f "$work.chaos"
	chaos=
fi
if [ -n "$values" ]; then
	wait "$values" || status=1
	cat "$work.values"
fi
if [ -n "$pages" ]; then
	wait "$pages" || status=1
	cat "$work.pages"
fi
exit $status
