# shellcheck shell=bash disable=SC2034,SC2154
#
# instructions: what a backend runs for one transaction, in prepared protocol; see bench/instructions.sh for the counting.

part_instructions() {
	local round=1 query
	make_writers
	level_ground
	stop_all
	echo "UPDATE counted SET v = v + 1 WHERE id = 50" >scripts/update

	configure plain "shared_buffers = 256MB"
	start_counted plain
	instructions plain tpcb plain tpcb scripts/tpcb 200
	instructions plain select plain tpcb scripts/select 300
	instructions plain update plain tpcb scripts/update 300
	stop_counted

	configure pgcache "shared_buffers = 256MB" "pgcache.memory = '64MB'" "max_parallel_workers_per_gather = 0"
	start_counted pgcache
	instructions loaded tpcb pgcache tpcb scripts/tpcb 200
	instructions loaded select pgcache tpcb scripts/select 300
	instructions trigger tpcb pgcache tpcb_trigger scripts/tpcb 200
	sql pgcache bench -c "SELECT * FROM cache_query('SELECT v FROM counted WHERE id = 50') AS t(v int)" >/dev/null
	instructions loaded update pgcache bench scripts/update 300
	instructions select1 - pgcache bench scripts/select1 1500
	for query in $QUERIES; do
		instructions floor "$query" pgcache bench "scripts/floor_$query" "$(samples "$query")"
		instructions hit "$query" pgcache bench "scripts/hit_$query" "$(samples "$query")"
	done
	instructions floor q1 pgcache bench scripts/floor_q1 100 simple
	instructions hit q1 pgcache bench scripts/hit_q1 100 simple
	instructions ordinary q1 pgcache bench scripts/ordinary_q1 200
	instructions miss q1 pgcache bench scripts/miss_q1 200
	stop_counted
}

# What an UPDATE does depends on what was done to its page before, so both servers begin with the same.
level_ground() {
	local subject server database
	serve plain
	serve pgcache
	for subject in plain loaded trigger; do
		read -r server database < <(writer $subject)
		sql "$server" "$database" -c "VACUUM pgbench_branches, pgbench_tellers" -c "TRUNCATE pgbench_history"
	done
	for subject in "plain tpcb" "pgcache bench"; do
		# shellcheck disable=SC2086 # server and database
		sql $subject -c "DROP TABLE IF EXISTS counted" -c "CREATE TABLE counted AS SELECT id, 0 AS v FROM generate_series(1, 100) id" \
			-c "ALTER TABLE counted ADD PRIMARY KEY (id)" -c "VACUUM ANALYZE counted"
	done
}

# The result of 10,000 rows takes a second each time.
samples() {
	case $1 in
		q4) echo 5 ;;
		*) echo 100 ;;
	esac
}

# instructions SUBJECT QUERY SERVER DATABASE SCRIPT TIMES [PROTOCOL]
instructions() {
	local times=$6 protocol=${7:-prepared}
	if [ -n "${QUICK:-}" ]; then times=$(((times + 4) / 5)); fi
	record "$1" "$2" "$protocol" 1 instructions "$(count_instructions "$3" "$4" "$5" "$times" "$protocol")"
}
