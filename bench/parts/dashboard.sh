# shellcheck shell=bash disable=SC2154
#
# dashboard: what 32 readers of one expensive result, who ask 100 times a second in all, wait for when its table is written
# every second.
#
# The query takes 200 ms without using a processor, so that the machine's size does not matter: plain queries of all readers run
# side by side.  How often it ran is counted by a line in the server's log.

part_dashboard() {
	local round subject query='SELECT naps(200) AS n, v FROM dash'
	serve pgcache "pgcache.memory = '64MB'" "synchronous_commit = off"
	sql pgcache bench >/dev/null <<-SQL
		DROP TABLE IF EXISTS dash;
		CREATE TABLE dash (v int);
		INSERT INTO dash VALUES (0);
		CREATE OR REPLACE FUNCTION naps(ms int) RETURNS int STABLE LANGUAGE plpgsql AS
			\$\$ BEGIN RAISE LOG 'dashboard ran'; PERFORM pg_sleep(ms / 1000.0); RETURN ms; END \$\$;
		SELECT cache_allow_function('naps(int)');
	SQL
	cpu_pids=$(server_pid pgcache)
	for ((round = 1; round <= ROUNDS; round++)); do
		for subject in $(in_turn plain unprotected cached stale ahead); do
			case $subject in
				plain) echo "$query;" ;;
				unprotected) echo "SELECT * FROM cache_query('$query') AS t(n int, v int);" ;;
				cached) echo "SELECT * FROM cache_query('$query') AS t(n int, v int);" ;;
				stale) echo "SELECT * FROM cache_query('$query', stale => '10 s') AS t(n int, v int);" ;;
				ahead) echo "SELECT * FROM cache_query('$query', refresh => true, stale => '10 s') AS t(n int, v int);" ;;
			esac >scripts/dash_read
			dashboard_run "$subject"
		done
	done
}

dashboard_run() {
	local subject=$1 seconds=$((DURATION * 3)) ran writer i
	if [ "$subject" = unprotected ]; then export PGOPTIONS="-c pgcache.fill_wait=0"; fi
	sql pgcache bench -c "SELECT cache_clear()" >/dev/null
	ran=$(grep -c 'LOG:  dashboard ran' pgcache.log || true)
	rm -f latency.*
	(for ((i = 1; i < seconds; i++)); do sleep 1 && sql pgcache bench -c "UPDATE dash SET v = v + 1"; done) &
	writer=$!
	run_pgbench "$subject" dashboard prepared 32 "${PORT[pgcache]}" bench scripts/dash_read -T "$seconds" -R 100 -l --log-prefix=latency
	wait "$writer"
	unset PGOPTIONS
	ran=$(($(grep -c 'LOG:  dashboard ran' pgcache.log) - ran))
	record "$subject" dashboard prepared 32 runs_per_s "$(divide "$ran" "$seconds" 2)"
	cat latency.* | awk '{ print $3 }' | sort -n | awk '{ a[NR] = $1 } END { print a[int(NR * 0.5)] / 1000, a[int(NR * 0.95)] / 1000, a[int(NR * 0.99)] / 1000, a[NR] / 1000 }' |
		while read -r p50 p95 p99 max; do
			record "$subject" dashboard prepared 32 p50_ms "$p50"
			record "$subject" dashboard prepared 32 p95_ms "$p95"
			record "$subject" dashboard prepared 32 p99_ms "$p99"
			record "$subject" dashboard prepared 32 max_ms "$max"
		done
}
