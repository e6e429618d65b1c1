# shellcheck shell=bash
#
# bench/instructions.sh: how many instructions a backend runs for one transaction, counted by valgrind's callgrind.
#
# Counts repeat to one percent, whatever else the machine does: the backend of a slow client has to wait for it more often.
# They are those of user space: what the kernel does for a transaction is not in them.  The whole server runs under callgrind; each backend writes its count when it ends.
#
# Sourced after bench/lib.sh.

COUNTS=$WORK/counts

# start_counted SERVER: in place of start_server, on the same data.
start_counted() {
	local server=$1
	mkdir -p "$COUNTS"
	rm -f "$COUNTS"/*
	valgrind --tool=callgrind --quiet --log-file="$WORK/valgrind.%p" --callgrind-out-file="$COUNTS/%p" \
		"$PG_BIN/postgres" -D "$WORK/$server" >>"$WORK/$server.log" 2>&1 </dev/null &
	counted=$!
	for _ in {1..600}; do
		kill -0 $counted 2>/dev/null || die "server $server did not start under valgrind: $(tail -n 5 "$WORK/$server.log")"
		if "$PG_BIN/pg_isready" -q -p "${PORT[$server]}"; then break; fi
		sleep 0.2
	done
	sleep 1 # until all background processes are there
	processes=$(children $counted)
}

# Ends the server.  It must not count its own end among ours, so its exit status does not matter.
stop_counted() {
	if [ -n "${counted:-}" ]; then
		kill -INT "$counted" 2>/dev/null || true
		wait "$counted" 2>/dev/null || true
		counted=
	fi
}

# children PID: how many it has.
children() { process_table | awk -v parent="$1" '$2 == parent { n++ } END { print n + 0 }'; }

# count_run SERVER DATABASE SCRIPT TIMES PROTOCOL: instructions of a whole session that runs the script so many times.  pgbench has
# a short second session of its own, so it is the largest count.
count_run() {
	local server=$1 database=$2 script=$3 times=$4 protocol=$5
	rm -f "$COUNTS"/*
	"$PG_BIN/pgbench" -n -p "${PORT[$server]}" -M "$protocol" -c 1 -f "$script" -t "$times" "$database" >>"$WORK/log" 2>&1 ||
		die "pgbench of $script failed: $(tail -n 3 "$WORK/log")"
	while [ "$(children "$counted")" -gt "$processes" ]; do sleep 0.05; done
	sed -n 's/^totals: //p' "$COUNTS"/* | sort -n | tail -n 1
}

# count_instructions SERVER DATABASE SCRIPT TIMES [PROTOCOL]: instructions of one transaction.  A session's start and its first transactions,
# which plan and fill caches, are in both runs and so not in their difference.
count_instructions() {
	local few many protocol=${5:-prepared}
	count_run "$1" "$2" "$3" 5 "$protocol" >/dev/null # a first run fills the cache, and entries get their messages
	few=$(count_run "$1" "$2" "$3" 10 "$protocol")
	many=$(count_run "$1" "$2" "$3" $((10 + $4)) "$protocol")
	echo $(((many - few) / $4))
}
