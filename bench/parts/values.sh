# shellcheck shell=bash disable=SC2034,SC2154
#
# values: cache_get() beside a SELECT by primary key and pgmemcache; what sets and counters take; write-behind beside UPDATE.
#
# 10,000 rows of a text key and a small jsonb, the same as values under the same keys, and as text in memcached.  pgmemcache is
# loaded only for the role that asks it.  Writes are measured as PostgreSQL comes, with a COMMIT that waits for the disk.

KEYS=10000

part_values() {
	local round run
	serve pgcache "pgcache.memory = '256MB'"
	make_values
	start_memcached
	fill_memcached
	for ((round = 1; round <= ROUNDS; round++)); do
		for run in $(in_turn pk get get_pgmemcache get_or_set get_pgmemcache get pk); do value_run "$run" "$CLIENTS"; done
		for run in $(in_turn update set write_behind write_through incr incr_row write_behind update); do value_run "$run" "$CLIENTS"; done
	done
	sql pgcache bench -c "SELECT cache_flush()" >/dev/null
	record write_behind - - 1 refused "$(sql pgcache bench -c "SELECT count(*) FROM pgcache_write_behind_errors")"
	value_instructions
}

make_values() {
	local table
	sql pgcache bench >/dev/null <<-SQL
		DROP TABLE IF EXISTS items, items_behind, items_through, counters;
		CREATE TABLE items (k text PRIMARY KEY, v jsonb);
		INSERT INTO items SELECT 'item:' || i, jsonb_build_object('id', i, 'name', 'item ' || i) FROM generate_series(1, $KEYS) AS i;
		CREATE TABLE items_behind (k text PRIMARY KEY, name text, n int);
		INSERT INTO items_behind SELECT i, 'item ' || i, 0 FROM generate_series(1, $KEYS) AS i;
		CREATE TABLE items_through (LIKE items_behind INCLUDING ALL);
		INSERT INTO items_through TABLE items_behind;
		CREATE TABLE counters (k text PRIMARY KEY, n bigint);
		INSERT INTO counters SELECT i, 0 FROM generate_series(1, 100) AS i;
		SELECT cache_bind('behind', 'items_behind', 'write_behind'), cache_bind('through', 'items_through', 'write_through');
		SELECT count(cache_set(k, v)) FROM items;
		SELECT count(cache_get_or_set('computed:' || i, 'SELECT v FROM items WHERE k = \$1', ROW('item:' || i)))
		    FROM generate_series(1, $KEYS) AS i;
	SQL
	for table in items items_behind items_through counters; do sql pgcache bench -c "VACUUM (ANALYZE, FREEZE) $table"; done
	value_script pk "SELECT v FROM items WHERE k = 'item:' || :k::text"
	value_script get "SELECT cache_get('item:' || :k::text)"
	value_script get_pgmemcache "SELECT memcache_get('item:' || :k::text)"
	value_script get_or_set "SELECT cache_get_or_set('computed:' || :k::text, 'SELECT v FROM items WHERE k = \$1', ROW('item:' || :k::text))"
	value_script set "SELECT cache_set('set:' || :k::text, '{\"name\": \"new\", \"n\": 1}')"
	value_script write_behind "SELECT cache_set('behind:' || :k::text, '{\"name\": \"new\", \"n\": 1}')"
	value_script write_through "SELECT cache_set('through:' || :k::text, '{\"name\": \"new\", \"n\": 1}')"
	value_script update "UPDATE items_behind SET name = 'new', n = 1 WHERE k = :k::text"
	value_script incr "SELECT cache_incr('counter:' || (:k % 100)::text)"
	value_script incr_row "UPDATE counters SET n = n + 1 WHERE k = (1 + :k % 100)::text"
}

# value_script NAME STATEMENT
value_script() { printf '\\set k random(1, %d)\n%s\n' $KEYS "$2" >"scripts/value_$1"; }

# value_run SUBJECT CLIENTS
value_run() {
	local port=${PORT[pgcache]}
	cpu_pids=$(server_pid pgcache)
	case $1 in
		get | get_or_set) run_cached "$1" item prepared "$2" "$port" bench "scripts/value_$1" -T "$DURATION" ;;
		get_pgmemcache)
			cpu_pids+=" $memcached"
			PGUSER=memcache run_pgbench "$1" item prepared "$2" "$port" bench "scripts/value_$1" -T "$DURATION"
			;;
		*) run_pgbench "$1" item prepared "$2" "$port" bench "scripts/value_$1" -T "$DURATION" ;;
	esac
}

# The same in instructions, where the rates are too noisy to tell.
value_instructions() {
	local round=1 run
	stop_server pgcache
	configure pgcache "shared_buffers = 256MB" "pgcache.memory = '64MB'"
	start_counted pgcache
	sql pgcache bench -c "SELECT count(cache_set(k, v)) FROM items" >/dev/null
	for run in pk get set update; do instructions "$run" item pgcache bench "scripts/value_$run" 300; done
	stop_counted
}

# ---- memcached ----

start_memcached() {
	memcached -s "$WORK/memcached.sock" -m 256 >>memcached.log 2>&1 &
	memcached=$!
	for _ in {1..100}; do
		if [ -S "$WORK/memcached.sock" ]; then return; fi
		sleep 0.1
	done
	die "memcached did not start: $(tail -n 5 memcached.log)"
}

fill_memcached() {
	sql pgcache bench >/dev/null <<-SQL
		DROP ROLE IF EXISTS memcache;
		CREATE ROLE memcache LOGIN SUPERUSER;
		ALTER ROLE memcache SET session_preload_libraries = 'pgmemcache';
		ALTER ROLE memcache SET pgmemcache.default_servers = '$WORK/memcached.sock';
		CREATE EXTENSION IF NOT EXISTS pgmemcache;
	SQL
	PGUSER=memcache sql pgcache bench -c "SELECT count(memcache_set(k, v::text)) FROM items" >/dev/null
	[ -n "$(PGUSER=memcache sql pgcache bench -c "SELECT memcache_get('item:1')")" ] || die "memcached has no values"
}

stop_memcached() {
	if [ -n "${memcached:-}" ]; then
		kill "$memcached" 2>/dev/null || true
		wait "$memcached" 2>/dev/null || true
		memcached=
	fi
}
