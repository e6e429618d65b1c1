#!/bin/bash
#
# test/instructions/run.sh: a hit, a miss, a write and SELECT 1 must not take many more instructions than they did.
#
#	make instructionscheck              compares with the file "bounds"
#	UPDATE=1 make instructionscheck     writes that file anew, from what is measured now
#
# Each figure is divided by that of the same without the cache, so the bounds hold for other minor versions of the server, too.
# A backend reports statistics by the clock, so more often per statement on a slow machine: track_counts is off.
# Starts servers of its own under valgrind (so not as root) on small tables; takes about a minute.  PG_CONFIG chooses the server.

# shellcheck disable=SC2034 # PG_BIN is for lib.sh

set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
BENCH=$(readlink -f "$here/../../bench")
bounds=$here/bounds
PG_BIN=$("${PG_CONFIG:-pg_config}" --bindir)
WORK=$(mktemp -d /tmp/pgcache-instructions-XXXXXX)
. "$BENCH/lib.sh"
. "$BENCH/instructions.sh"

declare -A figure
failed=0

main() {
	cd "$WORK"
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	load
	without_library
	with_library
	if [ -n "${UPDATE:-}" ]; then write_bounds; fi
	compare
	[ $failed = 0 ]
}

clean_up() {
	stop_counted
	stop_server pgcache
	rm -rf "$WORK"
}

load() {
	make_cluster pgcache
	configure pgcache "fsync = off"
	start_server pgcache
	load_queries pgcache 20000
	echo "UPDATE pgbench_tellers SET tbalance = tbalance + 1 WHERE tid = 1" >scripts/update
	echo "SELECT tbalance FROM pgbench_tellers WHERE tid = 1" >scripts/key
	echo "SELECT cache_get('teller')" >scripts/get
	stop_server pgcache
}

without_library() {
	configure pgcache "shared_buffers = 64MB" "track_counts = off" "shared_preload_libraries = ''"
	start_counted pgcache
	count plain select1 1500
	count plain update 100
	count plain key 300
	count floor floor_q1 100
	count floor floor_q2 40
	figure[floor_simple]=$(count_instructions pgcache bench scripts/floor_q1 100 simple)
	count ordinary ordinary_q1 100
	stop_counted
}

with_library() {
	configure pgcache "shared_buffers = 64MB" "track_counts = off" "pgcache.memory = '32MB'"
	start_counted pgcache
	sql pgcache bench -c "SELECT * FROM cache_query('SELECT tbalance FROM pgbench_tellers WHERE tid = 1') AS t(b int)" >/dev/null
	count loaded select1 1500
	count loaded update 100
	count hit hit_q1 100
	count hit hit_q2 40
	figure[hit_simple]=$(count_instructions pgcache bench scripts/hit_q1 100 simple)
	count miss miss_q1 100
	# what was measured is what it says
	[ "$(sql pgcache bench -c "SELECT hits >= 240 AND misses = stores AND misses >= 100 AND bypasses = 0 FROM pgcache_stats")" = t ] ||
		die "not the expected hits and misses: $(sql pgcache bench -c "SELECT * FROM pgcache_stats")"
	sql pgcache bench -c "SELECT cache_set('teller', '{\"balance\": 1}')" >/dev/null
	count hit get 300
	stop_counted
}

# count KIND SCRIPT TIMES
count() { figure[$1_$2]=$(count_instructions pgcache bench "scripts/$2" "$3"); }

# each COMMAND: COMMAND NAME FIGURE REFERENCE for each bound.
each() {
	"$1" select1 "${figure[loaded_select1]}" "${figure[plain_select1]}"
	"$1" hit_q1 "${figure[hit_hit_q1]}" "${figure[floor_floor_q1]}"
	"$1" simple "${figure[hit_simple]}" "${figure[floor_simple]}"
	"$1" hit_q2 "${figure[hit_hit_q2]}" "${figure[floor_floor_q2]}"
	"$1" miss_q1 "${figure[miss_miss_q1]}" "${figure[ordinary_ordinary_q1]}"
	"$1" get "${figure[hit_get]}" "${figure[plain_key]}"
	"$1" update "${figure[loaded_update]}" "${figure[plain_update]}"
}

# A quarter more than what the library adds now (of little that is left, a quarter of that), and 5 % for what servers differ in and a busy machine changes.
write_bounds() {
	{
		sed '/^[^#]/d' "$bounds"
		each bound
	} >new_bounds
	cat new_bounds >"$bounds"
}

bound() { awk -v name="$1" -v a="$2" -v b="$3" 'BEGIN { r = a / b; d = r > 1 ? r - 1 : r < 0.5 ? r : 0; printf "%-8s %.3f\n", name, r + d / 4 + 0.05 }'; }

compare() { each compare_one; }

compare_one() {
	local limit status
	limit=$(awk -v name="$1" '$1 == name { print $2 }' "$bounds")
	[ -n "$limit" ] || die "$bounds has no line for $1"
	status=$(awk -v a="$2" -v b="$3" -v limit="$limit" 'BEGIN { print (a / b <= limit ? "ok" : "not ok") }')
	echo "$status - $1: $2 instructions, $(divide "$2" "$3") times those without the cache ($3); the bound is $limit"
	[ "$status" = ok ] || failed=1
}

main "$@"
