# shellcheck shell=bash disable=SC2034,SC2154
#
# warm: what users find after a restart, with the queries remembered and without.
#
# 500 reports of some ms each are asked for at a steady rate, some much more often than others.  All of them are in the cache before the
# restart, and users come at once.

part_warm() {
	local round subject reports=500 seconds=$((DURATION * 6)) rate=40
	if [ -n "${QUICK:-}" ]; then
		reports=200
		seconds=5
	fi
	cat >scripts/report <<-SQL
		\\set k random_zipfian(1, $reports, 1.05)
		SELECT * FROM cache_query('SELECT count(*), sum(amount) FROM orders WHERE customer_id BETWEEN \$1 AND \$1 + 200', ROW(:k::int * 20)) AS t(n bigint, sum numeric);
	SQL
	for ((round = 1; round <= ROUNDS; round++)); do
		for subject in $(in_turn remembered forgotten); do
			rm -f pgcache/pg_stat/pgcache.warm
			serve pgcache "pgcache.memory = '256MB'" "pgcache.warm_file = 'pg_stat/pgcache.warm'" "pgcache.warm_interval = 0"
			sql pgcache bench -c "SELECT count(*) FROM generate_series(1, $reports) k,
				LATERAL cache_query('SELECT count(*), sum(amount) FROM orders WHERE customer_id BETWEEN \$1 AND \$1 + 200', ROW(k * 20)) AS t(n bigint, sum numeric)" >/dev/null
			"$PG_BIN/pgbench" -n -p "${PORT[pgcache]}" -M prepared -f scripts/report -t 10000 bench >>log 2>&1
			stop_server pgcache
			if [ $subject = forgotten ]; then rm pgcache/pg_stat/pgcache.warm; fi
			start_server pgcache
			run_after_restart $subject "$seconds" "$rate"
		done
	done
}

# run_after_restart SUBJECT SECONDS RATE
run_after_restart() {
	local out state
	out=$("$PG_BIN/pgbench" -n -p "${PORT[pgcache]}" -M prepared -c "$CLIENTS" -j 2 -f scripts/report -T "$2" -R "$3" bench 2>&1) || die "pgbench failed: $out"
	record "$1" report prepared "$CLIENTS" latency_ms "$(sed -n 's/^latency average = \([0-9.]*\) ms.*/\1/p' <<<"$out")"
	record "$1" report prepared "$CLIENTS" misses "$(sql pgcache bench -c "SELECT misses FROM pgcache_stats")"
	record "$1" report prepared "$CLIENTS" hit_ratio "$(sql pgcache bench -c "SELECT hits::float8 / (hits + misses) FROM pgcache_stats")"
	state=$(sql pgcache bench -c "SELECT state FROM pgcache_warming")
	[ "$1:$state" != remembered:done ] ||
		record "$1" report prepared "$CLIENTS" replay_ms "$(sql pgcache bench -c "SELECT round(extract(epoch FROM finished_at - started_at) * 1000) FROM pgcache_warming")"
}
