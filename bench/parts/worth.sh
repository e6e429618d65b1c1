# shellcheck shell=bash disable=SC2034,SC2154
#
# worth: a table that is written all the time, with reads by keys that do not repeat in between: storing them is not worth it.  The
# same queries plainly, with all of them stored, and with the table paused, which the server finds out before the first round.

part_worth() {
	local round run
	serve pgcache "pgcache.memory = '256MB'" "pgcache.churn_pause = '1h'" "synchronous_commit = off"
	make_worth_script plain 'SELECT abalance FROM pgbench_accounts WHERE aid = :aid'
	make_worth_script cached "SELECT * FROM cache_query(\$\$SELECT abalance FROM pgbench_accounts WHERE aid = \$1\$\$, ROW(:aid::int)) AS t(abalance int)"
	wait_for_pause
	for ((round = 1; round <= ROUNDS; round++)); do
		for run in $(in_turn plain stored paused paused stored plain); do
			worth_run "$run"
		done
	done
}

# Four writes for each read.
make_worth_script() {
	cat >"scripts/worth_$1" <<-SQL
		\\set aid random(1, 100000)
		\\set write random(1, 10)
		\\if :write <= 8
		UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
		\\else
		$2;
		\\endif
	SQL
}

# Results that nobody asks for again are found by the sweep, within a minute.
wait_for_pause() {
	local seconds=0
	until [ "$(sql pgcache bench -c "SELECT count(not_cached_until) FROM pgcache_tables WHERE relation = 'pgbench_accounts'::regclass")" = 1 ]; do
		[ $((seconds += 1)) -le 120 ] || die "the table was not paused"
		"$PG_BIN/pgbench" -n -p "${PORT[pgcache]}" -M prepared -c "$CLIENTS" -j 2 -f scripts/worth_cached -T 1 bench >>log 2>&1
	done
}

worth_run() {
	local script=cached options=$PGOPTIONS
	case $1 in
		plain) script=plain ;;
		stored) options+=" -c pgcache.churn_pause=0" ;;
	esac
	sql pgcache bench -c "SELECT cache_clear()" -c "VACUUM pgbench_accounts" -c CHECKPOINT >/dev/null
	PGOPTIONS=$options run_cached "$1" writes prepared "$CLIENTS" "${PORT[pgcache]}" bench "scripts/worth_$script" -T "$DURATION"
}
