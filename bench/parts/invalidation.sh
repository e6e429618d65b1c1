# shellcheck shell=bash
#
# invalidation: a commit that invalidates very many entries beside one that invalidates one entry.
#
# Small tables alike, "many", "one" and "other", and for each a procedure that updates a row, commits, and says how long that took; the
# commit does not wait for the disk.  All of a round happens in one session, which has its plans before the clock runs.

part_invalidation() {
	local round table entries=1000000 fills=$((ROUNDS * 4)) # each gives one commit of the first kind
	if [ -n "${QUICK:-}" ]; then
		entries=100000
		fills=2
	fi
	serve pgcache "pgcache.memory = '1GB'" "synchronous_commit = off"
	for table in many one other; do make_table $table; done
	for ((round = 1; round <= fills; round++)); do
		# shellcheck disable=SC2046 # two words
		time_commits $entries $(in_turn one many) >commits
		[ "$(sed -n 's/^valid|//p' commits)" = "$entries" ] || die "not all entries were stored: $(grep valid commits)"
		record many - - 1 entries $entries
		for table in one many one_later many_later; do
			record $table - - 1 commit_us "$(sed -n "s/^$table|//p" commits | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')"
		done
	done
}

make_table() {
	sql pgcache bench <<-SQL
		DROP TABLE IF EXISTS $1;
		CREATE TABLE $1 AS SELECT id, 0 AS v FROM generate_series(0, 999) id;
		ALTER TABLE $1 ADD PRIMARY KEY (id);
		CREATE OR REPLACE PROCEDURE commit_$1(INOUT label text, INOUT us float8) LANGUAGE plpgsql AS '
		DECLARE
			began timestamptz := clock_timestamp();
		BEGIN
			UPDATE $1 SET v = v + 1 WHERE id = 500;
			COMMIT;
			us := extract(epoch FROM clock_timestamp() - began) * 1000000;
		END';
	SQL
}

# time_commits ENTRIES FIRST SECOND: lines of "label|microseconds".  The commit "many" finds all entries valid; at the later ones
# all but one are invalid, and still there.  Commits to a third table come first, because the fill has left the processor cold.
time_commits() {
	sql pgcache bench -v entries="$1" -v first="$2" -v second="$3" <<-'SQL'
		VACUUM many, one, other;
		SELECT format('SELECT count(*) FROM cache_query(%L) AS t(id int)', 'SELECT id FROM one WHERE id = 1') AS fill_one,
			   format('SELECT count(*) FROM cache_query(%L) AS t(id int)', 'SELECT id FROM many WHERE id = 1') AS fill_many \gset
		SELECT count(cache_clear());
		SELECT 'CALL commit_many(''warm'', 0)', 'CALL commit_one(''warm'', 0)' FROM generate_series(1, 50) \gexec
		SELECT count(*) FROM generate_series(1, :entries) g,
			LATERAL cache_query('SELECT id FROM many WHERE id = $1 % 1000', ROW(g)) AS t(id int);
		SELECT 'valid', entries FROM pgcache_stats;
		:fill_one;
		SELECT 'CALL commit_other(''warm'', 0)' FROM generate_series(1, 200) \gexec
		CALL commit_:first(:'first', 0);
		CALL commit_:second(:'second', 0);
		SELECT :'fill_many', 'CALL commit_many(''many_later'', 0)', :'fill_one', 'CALL commit_one(''one_later'', 0)'
			FROM generate_series(1, 200) \gexec
	SQL
}
