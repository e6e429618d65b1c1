# shellcheck shell=bash disable=SC2034,SC2154
#
# writes: what the library costs those who do not read from the cache, and what invalidation triggers cost.
#
# Two servers, without and with the library.  COMMIT does not wait for the disk (synchronous_commit = off): with it, the disk hides
# what a transaction costs in the server.

part_writes() {
	local round run
	make_writers
	serve plain "synchronous_commit = off"
	serve pgcache "synchronous_commit = off"
	for ((round = 1; round <= ROUNDS; round++)); do
		for run in $(in_turn plain:tpcb loaded:tpcb trigger:tpcb empty_trigger:tpcb plain:select loaded:select \
			loaded:select plain:select empty_trigger:tpcb trigger:tpcb loaded:tpcb plain:tpcb); do
			write_run "${run%:*}" "${run#*:}"
		done
	done
}

# The databases with triggers are copies of "tpcb"; made once.
make_writers() {
	local table
	if [ -f writers_made ]; then return; fi
	serve plain
	serve pgcache
	sql plain postgres -c "CREATE DATABASE tpcb_empty TEMPLATE tpcb"
	sql pgcache postgres -c "CREATE DATABASE tpcb_trigger TEMPLATE tpcb"
	sql pgcache tpcb_trigger -c "CREATE EXTENSION pgcache"
	sql plain tpcb_empty -c "CREATE FUNCTION empty() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
	for table in pgbench_accounts pgbench_branches pgbench_tellers pgbench_history; do
		sql plain tpcb_empty -c "CREATE TRIGGER empty AFTER INSERT OR UPDATE OR DELETE ON $table FOR EACH STATEMENT EXECUTE FUNCTION empty()"
		sql pgcache tpcb_trigger -c "CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE ON $table
										 FOR EACH ROW EXECUTE FUNCTION cache_invalidate_trigger()"
	done
	touch writers_made
}

# writer SUBJECT: its server and database.
writer() {
	case $1 in
		plain) echo plain tpcb ;;
		loaded) echo pgcache tpcb ;;
		trigger) echo pgcache tpcb_trigger ;;
		empty_trigger) echo plain tpcb_empty ;;
	esac
}

write_run() {
	local subject=$1 script=$2 server database
	read -r server database < <(writer "$subject")
	sql "$server" "$database" -c "VACUUM pgbench_branches, pgbench_tellers" -c "TRUNCATE pgbench_history" -c CHECKPOINT
	cpu_pids=$(server_pid "$server")
	run_pgbench "$subject" "$script" prepared "$CLIENTS" "${PORT[$server]}" "$database" "scripts/$script" -T "$DURATION"
}
