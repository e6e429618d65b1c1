# shellcheck shell=bash disable=SC2154
#
# watch: pages of 1,000 customers, read and written at random: with cache_watch(), with invalidation by table, and without the cache.
#
# A page is a customer's newest 20 of 200 orders with a sum over all of them.  A write changes one order of some customer.  Two tables
# alike, one watched; no table is left out for being written often (pgcache.churn_pause).  COMMIT does not wait for the disk.

part_watch() {
	local round run
	serve pgcache "pgcache.memory = '256MB'" "pgcache.churn_pause = 0" "synchronous_commit = off"
	make_pages watched
	make_pages table
	sql pgcache bench -c "SELECT cache_watch('pages_watched', 'customer_id')" >/dev/null
	for ((round = 1; round <= ROUNDS; round++)); do
		for run in $(in_turn {watched,table,none}:{1,10,50}); do
			pages_run "${run%:*}" "${run#*:}"
		done
	done
}

make_pages() {
	sql pgcache bench <<-SQL
		DROP TABLE IF EXISTS pages_$1;
		CREATE TABLE pages_$1 (id int PRIMARY KEY, customer_id int NOT NULL, status text, total numeric, created timestamptz);
		INSERT INTO pages_$1 SELECT i, i % 1000, 'new', i % 500, timestamptz '2024-01-01' + i * interval '1 min' FROM generate_series(1, 200000) AS i;
		CREATE INDEX ON pages_$1 (customer_id, created);
		VACUUM (ANALYZE, FREEZE) pages_$1;
	SQL
}

# page_query TABLE CUSTOMER
page_query() {
	echo "SELECT id, status, total, created, sum(total) OVER () AS sum FROM pages_$1 WHERE customer_id = $2 ORDER BY created DESC LIMIT 20"
}

# pages_run SUBJECT PERCENT: this share of the transactions are writes.
pages_run() {
	local table=$1 read columns="id int, status text, total numeric, created timestamptz, sum numeric"
	read="SELECT * FROM cache_query(\$\$$(page_query "$1" '$1')\$\$, ROW(:c::int)) AS t($columns)"
	if [ "$1" = none ]; then
		table=table
		read=$(page_query table :c)
	fi
	cat >scripts/pages <<-SQL
		\set c random(0, 999)
		\set o random(0, 199)
		\set w random(1, 100)
		\if :w <= $2
		UPDATE pages_$table SET total = total + 1 WHERE id = :o * 1000 + :c;
		\else
		$read;
		\endif
	SQL
	sql pgcache bench -c "VACUUM pages_$table" -c CHECKPOINT
	cpu_pids=$(server_pid pgcache)
	if [ "$1" = none ]; then
		run_pgbench "$1" "$2" prepared "$CLIENTS" "${PORT[pgcache]}" bench scripts/pages -T "$DURATION"
	else
		run_cached "$1" "$2" prepared "$CLIENTS" "${PORT[pgcache]}" bench scripts/pages -T "$DURATION"
	fi
}
