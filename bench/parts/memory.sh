# shellcheck shell=bash disable=SC2034,SC2154
#
# memory: what an entry takes beyond its rows.  A row's own size is that of a MinimalTuple, in
# which PostgreSQL keeps rows outside tables: a header of 16 bytes, in place of the 24 that pg_column_size() counts, and the columns.

part_memory() {
	local round=1 n=100000 before used rows
	serve pgcache "pgcache.memory = '1GB'"
	if [ -n "${QUICK:-}" ]; then n=20000; fi

	before=$(memory_used)
	sql pgcache bench -c "SELECT count(*) FROM generate_series(1, $n) g,
		LATERAL cache_query('SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE aid = \$1', ROW(g))
			AS t(aid int, bid int, abalance int, filler character(84))" >/dev/null
	used=$(($(memory_used) - before))
	rows=$(sql pgcache bench -c "SELECT sum(pg_column_size(a) - 8) FROM pgbench_accounts a WHERE aid <= $n")
	record one_row - - 1 bytes "$(divide $used $n 1)"
	record one_row - - 1 row_bytes "$(divide "$rows" $n 1)"

	# 600 results of 1 to about 12,000 rows, each 1.6 % larger than the one before: 100 bytes to 1 MB.
	sql pgcache bench -c "SELECT cache_clear()" >/dev/null
	before=$(memory_used)
	rows=$(sql pgcache bench -c "SELECT sum(pg_column_size(t) - 8) FROM generate_series(1, 600) g,
		LATERAL cache_query('SELECT id, customer_id, status, amount, created_at, note FROM orders WHERE id BETWEEN \$1 AND \$2',
							ROW(g * 100, g * 100 + floor(1.0158 ^ g)::int - 1))
			AS t(id bigint, customer_id int, status text, amount numeric, created_at timestamptz, note text)")
	used=$(($(memory_used) - before))
	record mix - - 1 bytes $used
	record mix - - 1 row_bytes "$rows"
	record mix - - 1 entry_bytes "$(sql pgcache bench -c "SELECT sum(bytes) FROM pgcache_entries")"
	[ "$(sql pgcache bench -c "SELECT evictions FROM pgcache_stats")" = 0 ] || die "the store became full"
}

memory_used() { sql pgcache bench -c "SELECT memory_used FROM pgcache_stats"; }
