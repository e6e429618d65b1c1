# shellcheck shell=bash
#
# tiers: what a call takes whose result is in shared memory, in Redis, or nowhere, beside the plain query.  One client; a
# parameter that counts up, so that each call of a run is for another result, and the next run's are for the same ones.  Between
# the misses and the hits of the second tier the server is restarted, which empties the first.  The same for values under keys,
# beside a row by its primary key, and what setting them takes with Redis and without.

part_tiers() {
	local round calls=1000
	if [ -n "${QUICK:-}" ]; then calls=200; fi
	tier_scripts small 'SELECT bid, count(*) AS n, sum(abalance) AS s FROM pgbench_accounts WHERE aid BETWEEN $1 AND $1 + 20000 GROUP BY bid' \
		'bid int, n bigint, s bigint'
	tier_scripts large 'SELECT aid, abalance, filler FROM pgbench_accounts WHERE aid BETWEEN $1 * 100 AND $1 * 100 + 999' \
		'aid int, abalance int, filler char(84)'
	printf '\\set k :k + 1\nSELECT abalance FROM pgbench_accounts WHERE aid = :k::int\n' >scripts/tier_plain_value
	printf '\\set k :k + 1\nSELECT cache_get($$item:$$ || :k::text)\n' >scripts/tier_get_value
	printf '\\set k :k + 1\nSELECT cache_set($$item:$$ || :k::text, $${"id": 1, "name": "item"}$$)\n' >scripts/tier_set_value
	start_redis
	serve_tiers
	sql pgcache bench -f scripts/tier_warm_small -f scripts/tier_warm_large >/dev/null
	for ((round = 1; round <= ROUNDS; round++)); do
		tiers small
		tiers large
		tiers_of_values
	done
	stop_redis
}

serve_tiers() {
	serve pgcache "pgcache.memory = '1GB'" "pgcache.redis_url = 'unix://$WORK/redis.sock'" "pgcache.redis_min_cost = 0" \
		"pgcache.redis_timeout = '1s'"
}

# tier_scripts NAME QUERY COLUMNS
tier_scripts() {
	printf '\\set k :k + 1\n%s\n' "${2//\$1/:k::int}" >"scripts/tier_plain_$1"
	printf '\\set k :k + 1\nSELECT * FROM cache_query($$%s$$, ROW(:k::int)) AS t(%s)\n' "$2" "$3" >"scripts/tier_cached_$1"
	echo "${2//\$1/1}" >"scripts/tier_warm_$1"
}

tiers() {
	local query=$1 hits
	redis-cli -s "$WORK/redis.sock" flushall >/dev/null
	serve_tiers
	tier_run miss "$query" cached
	serve_tiers
	hits=$(sql pgcache bench -c "SELECT l2_hits FROM pgcache_stats")
	tier_run second "$query" cached
	hits=$(($(sql pgcache bench -c "SELECT l2_hits FROM pgcache_stats") - hits))
	[ "$hits" = "$calls" ] || die "$hits of $calls results came from Redis"
	tier_run first "$query" cached
	tier_run plain "$query" plain
}

tiers_of_values() {
	local hits calls=$((calls * 10))
	redis-cli -s "$WORK/redis.sock" flushall >/dev/null
	serve_tiers
	tier_run set_both value set
	serve_tiers
	hits=$(sql pgcache bench -c "SELECT l2_hits FROM pgcache_stats")
	tier_run second value get
	hits=$(($(sql pgcache bench -c "SELECT l2_hits FROM pgcache_stats") - hits))
	[ $((hits * 100)) -gt $((calls * 95)) ] || die "$hits of $calls values came from Redis"
	tier_run first value get
	tier_run plain value plain
	serve pgcache "pgcache.memory = '1GB'" "pgcache.redis_url = ''"
	tier_run set_alone value set
}

# tier_run SUBJECT QUERY SCRIPT
tier_run() { run_pgbench "$1" "$2" prepared 1 "${PORT[pgcache]}" bench "scripts/tier_$3_$2" -D k=0 -t "$calls"; }
