# shellcheck shell=bash
#
# misses: what a miss that is stored costs beyond the plain query.  One client; a parameter that never repeats makes each call
# a new key, and the plain query has the same parameter.

part_misses() {
	local round run
	serve pgcache "pgcache.memory = '1GB'"
	for run in ordinary_q2 miss_q2 hit_q2; do
		"$PG_BIN/pgbench" -n -p "${PORT[pgcache]}" -M prepared -f "scripts/$run" -t 200 bench >>log 2>&1
	done
	for ((round = 1; round <= ROUNDS; round++)); do
		for run in $(in_turn ordinary miss hit hit miss ordinary); do
			sql pgcache bench -c "SELECT cache_clear()" -f scripts/hit_q2 >/dev/null # room for all that comes
			run_cached "$run" q2 prepared 1 "${PORT[pgcache]}" bench "scripts/${run}_q2" -T "$DURATION"
		done
	done
	[ "$(sql pgcache bench -c "SELECT evictions FROM pgcache_stats")" = 0 ] || die "the store became full"
}
