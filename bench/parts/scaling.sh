# shellcheck shell=bash
#
# scaling: how the rate of hits grows with the number of clients, beside that of SELECT 1.

part_scaling() {
	local round clients run
	serve pgcache "pgcache.memory = '256MB'"
	"$PG_BIN/pgbench" -n -p "${PORT[pgcache]}" -f scripts/hit_q1 -f scripts/hit_q3 -t 20 bench >>log 2>&1
	for ((round = 1; round <= ROUNDS; round++)); do
		for clients in 1 8 32; do
			for run in $(in_turn select1 hit_q1 hit_q3); do
				if [ "$run" = select1 ]; then
					run_pgbench select1 - prepared $clients "${PORT[pgcache]}" bench scripts/select1 -T "$DURATION"
				else
					run_cached hit "${run#hit_}" prepared $clients "${PORT[pgcache]}" bench "scripts/$run" -T "$DURATION"
				fi
			done
		done
	done
}
