# shellcheck shell=bash
#
# bench/lib.sh: the servers, and how one measurement is made and written down.
#
# Sourced by bench/measure and test/instructions/run.sh, which run as the servers' user.  They set WORK, a folder of that user,
# and PG_BIN.  Everything that runs here listens on sockets in WORK only.

# Names of servers; the numbers are those of their sockets.
declare -A PORT=([pgcache]=54401 [plain]=54402 [pgpool]=54403)
RAW=$WORK/raw.tsv
part=         # what is being measured,
round=1       # for the how manyth time
cpu_pids=     # the processes that serve it
transactions= # what the last run of pgbench did
export PGHOST=$WORK PGUSER=postgres PGOPTIONS='-c client_min_messages=warning'

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# ---- PostgreSQL ----

make_cluster() {
	"$PG_BIN/initdb" -D "$WORK/$1" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >>"$WORK/log"
	echo "include = 'bench.conf'" >>"$WORK/$1/postgresql.conf"
}

# configure NAME [LINE ...]: nothing runs in the background that a measurement might meet.
configure() {
	local name=$1
	shift
	{
		cat <<-CONF
			port = ${PORT[$name]}
			listen_addresses = ''
			unix_socket_directories = '$WORK'
			max_connections = 200
			shared_buffers = 512MB
			max_wal_size = 8GB
			checkpoint_timeout = 1h
			autovacuum = off
			jit = off
		CONF
		if [ "$name" = pgcache ]; then printf '%s\n' "shared_preload_libraries = 'pgcache'" "pgcache.churn_pause = 0" "pgcache.warm_file = ''"; fi
		printf '%s\n' "$@"
	} >"$WORK/$name/bench.conf"
}

start_server() {
	"$PG_BIN/pg_ctl" -s -w -t 120 -D "$WORK/$1" -l "$WORK/$1.log" start || die "server $1 did not start: $(tail -n 5 "$WORK/$1.log")"
}

stop_server() {
	if [ -f "$WORK/$1/postmaster.pid" ]; then "$PG_BIN/pg_ctl" -s -w -D "$WORK/$1" -m fast stop; fi
}

server_pid() { head -n 1 "$WORK/$1/postmaster.pid"; }

# sql SERVER DATABASE [psql options]: prints the bare values.
sql() {
	local port=${PORT[$1]} database=$2
	shift 2
	"$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -p "$port" -d "$database" "$@"
}

# load_queries SERVER ORDERS: database "bench", what each query returns as an unlogged table, and the scripts for pgbench.
load_queries() {
	local server=$1 orders=$2 file query columns
	"$PG_BIN/createdb" -p "${PORT[$server]}" bench
	"$PG_BIN/pgbench" -i -q -s "$((orders / 100000 > 0 ? orders / 100000 : 1))" -p "${PORT[$server]}" bench >>"$WORK/log" 2>&1
	sql "$server" bench -v orders="$orders" -f "$BENCH/data.sql"
	sql "$server" bench -c "CREATE EXTENSION pgcache"
	mkdir -p "$WORK/scripts"
	echo "SELECT 1" >"$WORK/scripts/select1"
	for file in "$BENCH"/queries/*.sql; do
		query=$(basename "$file" .sql)
		sql "$server" bench -c "CREATE UNLOGGED TABLE floor_$query AS $(cat "$file")" -c "VACUUM (ANALYZE, FREEZE) floor_$query"
		columns=$(columns_of "$server" "floor_$query")
		cp "$file" "$WORK/scripts/plain_$query"
		echo "SELECT * FROM floor_$query" >"$WORK/scripts/floor_$query"
		echo "SELECT * FROM cache_query(\$\$$(cat "$file")\$\$) AS t($columns)" >"$WORK/scripts/hit_$query"
	done
	# A number that never repeats makes each call a miss: it is a parameter that changes neither plan nor result.
	for file in "$BENCH"/queries/*.miss; do
		query=$(basename "$file" .miss)
		columns=$(columns_of "$server" "floor_$query")
		printf '\\set k random(1, 1000000000000000)\n%s\n' "$(sed 's/[$]1/:k::bigint/' "$file")" >"$WORK/scripts/ordinary_$query"
		printf '\\set k random(1, 1000000000000000)\nSELECT * FROM cache_query($$%s$$, ROW(:k::bigint)) AS t(%s)\n' "$(cat "$file")" \
			"$columns" >"$WORK/scripts/miss_$query"
	done
}

# columns_of SERVER TABLE: its column definition list.
columns_of() {
	sql "$1" bench -c "SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
						 FROM pg_attribute WHERE attrelid = '$2'::regclass AND attnum > 0"
}

# ---- measuring ----

# cpu_us PID ...: microseconds that these processes and their children have used; a child that has ended counts in its parent.
cpu_us() {
	process_table | awk -v roots=" $* " -v tick="$(getconf CLK_TCK)" '
		index(roots, " " $1 " ") || index(roots, " " $2 " ") { ticks += $3 }
		END { printf "%.0f\n", ticks * 1000000 / tick }'
}

# process_table: pid, parent, and clock ticks used.  The name in /proc/PID/stat may contain spaces; processes end while we look.
process_table() {
	{ cat /proc/[0-9]*/stat 2>/dev/null || true; } |
		awk '{ pid = $1; sub(/^.*\) /, ""); print pid, $2, $12 + $13 + $14 + $15 }'
}

# record SUBJECT QUERY PROTOCOL CLIENTS METRIC VALUE: one line of the raw results.
record() {
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$part" "$1" "$2" "$3" "$4" "$round" "$5" "$6" >>"$RAW"
	printf '  %-12s round %-2s %-14s %-7s %-9s c=%-3s %-12s %s\n' "$part" "$round" "$1" "$2" "$3" "$4" "$5" "$6"
}

# divide A B [DIGITS]
divide() { awk -v a="$1" -v b="$2" -v digits="${3:-3}" 'BEGIN { printf "%.*f\n", digits, b == 0 ? 0 : a / b }'; }

# run_pgbench SUBJECT QUERY PROTOCOL CLIENTS PORT DATABASE SCRIPT LENGTH...: LENGTH is pgbench's -T or -t, and more options.
# Records tps and the CPU time of the processes in $cpu_pids per transaction; leaves the number of transactions in "transactions".
run_pgbench() {
	local subject=$1 query=$2 protocol=$3 clients=$4 port=$5 database=$6 script=$7 threads=2 cpu_before cpu_after out
	shift 7
	if [ "$clients" = 1 ]; then threads=1; fi
	# shellcheck disable=SC2086 # the pids are words
	cpu_before=$(cpu_us $cpu_pids)
	out=$("$PG_BIN/pgbench" -n -p "$port" -M "$protocol" -c "$clients" -j "$threads" -f "$script" "$@" "$database" 2>&1) ||
		die "pgbench of $script failed: $(tail -n 3 <<<"$out")"
	sleep 0.2 # until the backends have ended, and so are counted in their parent
	# shellcheck disable=SC2086
	cpu_after=$(cpu_us $cpu_pids)
	transactions=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' <<<"$out")
	[ "$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' <<<"$out")" = 0 ] || die "$script: some transactions failed"
	record "$subject" "$query" "$protocol" "$clients" tps "$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$out")"
	record "$subject" "$query" "$protocol" "$clients" cpu_us "$(divide $((cpu_after - cpu_before)) "$transactions")"
}

# run_cached: the same for calls of cache_query(), with the share of calls that were hits.
run_cached() {
	local before after
	before=$(cache_counters)
	run_pgbench "$@"
	after=$(cache_counters)
	record "$1" "$2" "$3" "$4" hit_ratio "$(awk -v a="$before" -v b="$after" 'BEGIN {
		split(a, x, "|"); split(b, y, "|"); n = y[2] - x[2]; printf "%.6f\n", n == 0 ? 0 : (y[1] - x[1]) / n }')"
}

cache_counters() { sql pgcache bench -c "SELECT hits, hits + misses + bypasses FROM pgcache_stats"; }

# in_turn NAME ...: the names in this order in odd rounds, backwards in even ones, so that a drift of the machine favours nobody.
in_turn() {
	if [ $((round % 2)) = 1 ]; then printf '%s\n' "$@"; else printf '%s\n' "$@" | tac; fi
}
