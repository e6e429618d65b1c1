# shellcheck shell=bash
#
# churn: every call stores a new entry.  What that costs in a full store, which has to evict for each, beside an empty one, and
# whether it stays so over very many entries.

part_churn() {
	local round stores=200000 in_all=10000000
	if [ -n "${QUICK:-}" ]; then
		stores=50000
		in_all=200000
	fi
	serve pgcache "pgcache.memory = '256MB'"
	for ((round = 1; round <= ROUNDS; round++)); do
		sql pgcache bench -c "SELECT cache_clear(), cache_stats_reset()" >/dev/null
		store_new room $stores
		[ "$(evictions)" = 0 ] || die "the empty store became full"
		fill_store
		store_new full $stores
		[ "$(evictions)" -gt $((stores / 2)) ] || die "the store was not full"
	done
	record tenth - - "$CLIENTS" stores $in_all
	for ((round = 1; round <= 10; round++)); do
		store_new tenth $((in_all / 10))
		record tenth - - "$CLIENTS" full "$(sql pgcache bench -c "SELECT round(memory_used::numeric / memory_size, 3) FROM pgcache_stats")"
	done
}

store_new() { run_cached "$1" q1 prepared "$CLIENTS" "${PORT[pgcache]}" bench scripts/miss_q1 -t $(($2 / CLIENTS)); }

evictions() { sql pgcache bench -c "SELECT evictions FROM pgcache_stats"; }

# Stores what the script of store_new() stores, until nearly every store evicts.
fill_store() {
	local key=$((round * 1000000000)) before=0 now=0 columns
	columns=$(columns_of pgcache floor_q1)
	while [ $((now - before)) -lt 90000 ]; do
		sql pgcache bench -c "SELECT count(*) FROM generate_series($key::bigint, $((key + 99999))) g,
			LATERAL cache_query('$(cat "$BENCH/queries/q1.miss")', ROW(-g)) AS t($columns)" >/dev/null
		key=$((key + 100000))
		before=$now
		now=$(evictions)
	done
	sql pgcache bench -c "SELECT cache_stats_reset()" >/dev/null
}
