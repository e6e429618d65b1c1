# shellcheck shell=bash disable=SC2034,SC2154
#
# hits: what a hit yields beside its floor, the plain query, Redis with the JSON parsed, and pgpool-II's query cache.

part_hits() {
	local round query run
	serve pgcache "pgcache.memory = '256MB'"
	start_redis
	start_pgpool
	for query in $QUERIES; do warm_up "$query"; done
	for ((round = 1; round <= ROUNDS; round++)); do
		one_run select1 - prepared
		for query in $QUERIES; do
			for run in $(in_turn floor:prepared hit:prepared plain:prepared floor:simple hit:simple pgpool:simple pgpool:prepared redis:unix); do
				one_run "${run%:*}" "$query" "${run#*:}"
			done
		done
	done
}

# Every answer is where it shall come from before anything is measured.
warm_up() {
	local query=$1
	"$PG_BIN/pgbench" -n -p "${PORT[pgcache]}" -f "scripts/hit_$query" -f "scripts/floor_$query" -f "scripts/plain_$query" -t 20 bench >>log 2>&1
	if [ -f "$BENCH/queries/$query.pgpool" ]; then
		cp "$BENCH/queries/$query.pgpool" "scripts/pgpool_$query"
	else
		cp "scripts/plain_$query" "scripts/pgpool_$query"
	fi
	"$PG_BIN/pgbench" -n -p "${PORT[pgpool]}" -M simple -f "scripts/pgpool_$query" -t 3 bench >>log 2>&1
	"$PG_BIN/pgbench" -n -p "${PORT[pgpool]}" -M prepared -f "scripts/pgpool_$query" -t 3 bench >>log 2>&1
	sql pgcache bench -c "SELECT json_agg(t)::text FROM floor_$query t" >"json_$query"
	redis-cli -s "$WORK/redis.sock" -x set "$query" <"json_$query" >/dev/null
}

# one_run SUBJECT QUERY PROTOCOL
one_run() {
	local subject=$1 query=$2 protocol=$3 before
	cpu_pids=$(server_pid pgcache)
	case $subject in
		select1) run_pgbench select1 - "$protocol" "$CLIENTS" "${PORT[pgcache]}" bench scripts/select1 -T "$DURATION" ;;
		hit) run_cached hit "$query" "$protocol" "$CLIENTS" "${PORT[pgcache]}" bench "scripts/hit_$query" -T "$DURATION" ;;
		redis) run_redis "$query" ;;
		pgpool)
			cpu_pids+=" $pgpool"
			before=$(pgpool_hits)
			run_pgbench pgpool "$query" "$protocol" "$CLIENTS" "${PORT[pgpool]}" bench "scripts/pgpool_$query" -T "$DURATION"
			record pgpool "$query" "$protocol" "$CLIENTS" hit_ratio "$(divide $(($(pgpool_hits) - before)) "$transactions" 6)"
			;;
		*) run_pgbench "$subject" "$query" "$protocol" "$CLIENTS" "${PORT[pgcache]}" bench "scripts/${subject}_$query" -T "$DURATION" ;;
	esac
}

# ---- Redis ----

start_redis() {
	redis-server --port 0 --unixsocket "$WORK/redis.sock" --save '' --appendonly no --dir "$WORK" >>redis.log &
	redis=$!
	for _ in {1..100}; do
		if redis-cli -s "$WORK/redis.sock" ping >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	die "Redis did not start: $(tail -n 5 redis.log)"
}

stop_redis() {
	if [ -n "${redis:-}" ]; then
		kill "$redis" 2>/dev/null || true
		wait "$redis" 2>/dev/null || true
		redis=
	fi
}

run_redis() {
	local out cpu_before cpu_after
	cpu_before=$(cpu_us "$redis")
	out=$("$BENCH/redis_client" "$WORK/redis.sock" "$1" "$CLIENTS" "$DURATION") || die "redis_client failed"
	cpu_after=$(cpu_us "$redis")
	record redis "$1" unix "$CLIENTS" tps "${out#* }"
	record redis "$1" unix "$CLIENTS" cpu_us "$(divide $((cpu_after - cpu_before)) "${out% *}")"
}

# ---- pgpool-II ----

# The default memqcache_maxcache of 400 kB would not take the result of 10,000 rows.
start_pgpool() {
	mkdir -p pgpool/oid
	: >pgpool/pcp.conf
	: >pgpool/pool_hba.conf
	cat >pgpool/pgpool.conf <<-CONF
		backend_clustering_mode = 'streaming_replication'
		listen_addresses = ''
		port = ${PORT[pgpool]}
		socket_dir = '$WORK'
		pcp_socket_dir = '$WORK/pgpool'
		pcp_listen_addresses = ''
		wd_ipc_socket_dir = '$WORK/pgpool'
		pid_file_name = '$WORK/pgpool/pid'
		logdir = '$WORK/pgpool'
		backend_hostname0 = '$WORK'
		backend_port0 = ${PORT[pgcache]}
		backend_flag0 = 'ALWAYS_PRIMARY|DISALLOW_TO_FAILOVER'
		sr_check_period = 0
		health_check_period = 0
		num_init_children = 40
		max_pool = 1
		memory_cache_enabled = on
		memqcache_method = 'shmem'
		memqcache_total_size = 256MB
		memqcache_maxcache = 3MB
		memqcache_cache_block_size = 4MB
		memqcache_expire = 0
		memqcache_oiddir = '$WORK/pgpool/oid'
	CONF
	/usr/sbin/pgpool -n -f pgpool/pgpool.conf -a pgpool/pool_hba.conf -F pgpool/pcp.conf >pgpool.log 2>&1 </dev/null &
	pgpool=$!
	for _ in {1..100}; do
		if sql pgpool bench -c "SELECT 1" >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	die "pgpool did not start: $(tail -n 5 pgpool.log)"
}

stop_pgpool() {
	if [ -n "${pgpool:-}" ]; then
		kill -INT "$pgpool" 2>/dev/null || true
		wait "$pgpool" 2>/dev/null || true
		pgpool=
	fi
}

pgpool_hits() { sql pgpool bench -c "SHOW POOL_CACHE" | cut -d '|' -f 1; }
