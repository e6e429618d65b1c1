# shellcheck shell=bash disable=SC2034,SC2154
#
# instructions: what a backend runs for one transaction, in prepared protocol; see bench/instructions.sh for the counting.

part_instructions() {
	local round=1 query
	make_writers
	stop_all
	echo "UPDATE pgbench_tellers SET tbalance = tbalance + 1 WHERE tid = 1" >scripts/update

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
	sql pgcache bench -c "SELECT * FROM cache_query('SELECT tbalance FROM pgbench_tellers WHERE tid = 1') AS t(b int)" >/dev/null
	instructions loaded update pgcache bench scripts/update 300
	instructions select1 - pgcache bench scripts/select1 1500
	for query in $QUERIES; do
		instructions floor "$query" pgcache bench "scripts/floor_$query" "$(samples "$query")"
		instructions hit "$query" pgcache bench "scripts/hit_$query" "$(samples "$query")"
	done
	instructions ordinary q1 pgcache bench scripts/ordinary_q1 200
	instructions miss q1 pgcache bench scripts/miss_q1 200
	stop_counted
}

# The result of 10,000 rows takes a second each time.
samples() {
	case $1 in
		q4) echo 5 ;;
		*) echo 100 ;;
	esac
}

# instructions SUBJECT QUERY SERVER DATABASE SCRIPT TIMES
instructions() {
	local times=$6
	if [ -n "${QUICK:-}" ]; then times=$(((times + 4) / 5)); fi
	record "$1" "$2" prepared 1 instructions "$(count_instructions "$3" "$4" "$5" "$times")"
}
