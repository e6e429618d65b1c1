#!/bin/bash
#
# check_includes.sh: who may include or use what (the picture in docs/architecture.md).
#
# Collects facts, lines of "file thing", where thing is ./own.h, a foreign header, or a guarded word; a rule is a
# pattern that no fact may match.
#
set -euo pipefail
cd "$(dirname "$0")/../src"

facts=$(
	grep -oE '^# *include +[<"][^">]+' -- *.c *.h | sed -E 's/:# *include +[<"]/ /' |
		while read -r file header; do if [ -f "$header" ]; then echo "$file ./$header"; else echo "$file $header"; fi; done
	grep -owE 'LWLock[A-Z]\w*|PG_VERSION_NUM' -- *.c *.h | tr ':' ' '
)
bad=0
never() {
	if grep -P "$1" <<<"$facts"; then echo "^ $2"; bad=1; fi
}

read_side='^(lookup|churn|compute|pin|pin_value|codec|query|analysis|key|sql_api|scan|scan_call|scan_plan|scan_shortcut|answer|request)\.[ch]'
write_side='^(capture|trigger|watch_trigger|template|canonical|mark)\.[ch]'
never '^store\S* \./(?!(store|store_internal|policy|stats|guc|testpoint|compat|pgcache)\.h)' "the store moves bytes and pins, it knows no SQL"
never '^policy\.[ch] \./(?!policy\.h)' "policy.c is arithmetic, it knows no server"
never '^(?!store)\S+ \./store_internal\.h' "internal to store*.c"
never "$read_side"' \./capture\.h' "the read side does not see the write side"
never "$read_side"'(?<!lookup\.c) \./mark\.h' "only lookup.c asks for the transaction's own writes"
never "$write_side"' \./(lookup|compute|codec|query|store)\.h' "the write side does not see the read side"
never '^(?!(binding|bound|sql_binding))\S+ \./binding_internal\.h' "internal to binding*.c and bound*.c"
never '^binding\S* \./(lookup|query|store|mark|versions|capture)\.h' "a binding says what a key stands for; bound.c reads and writes it"
never '^bound\S* \./(mark|versions|capture)\.h' "writes to bound tables are noticed like any other"
never '^(?!(bound_plan|write_run|write_refused|warm_script)\.c)\S+ executor/spi\.h' \
	"statements of our own run in bound_plan.c, write_run.c and write_refused.c, the user's in warm_script.c"
never '^warm(_file|_collect|_state)?\.[ch] \./(lookup|request|query|recipe|mark|versions|capture)\.h' "only the worker knows how a query is run"
never '^(?!(write_(queue|item|database|room|wait)\.c|write_queue_internal\.h))\S+ \./write_queue_internal\.h' "internal to the queue of changes"
never '^(?!pin)\S+ \./pin_internal\.h' "internal to pin*.c"
never '^versions\.[ch] \./(store|lookup|mark|capture)\.h' "versions know neither side"
never '^(?!(shmem|pgcache)\.)\S+ \./shmem\.h' "only pgcache.c lays out shared memory"
never '^(?!redis_(connection|tls)\.c)\S+ hiredis' "sockets and replies of Redis are redis_connection.c's"
never '^(?!redis(_tls)?\.c|redis_connection\.c)\S+ \./redis_(connection|tls)\.h' "redis.c alone talks to Redis"
never '^(?!(compute|capture|vary|scan|scan_send)\.c)\S+ executor/executor\.h' "queries run in compute.c, expressions in vary.c and scan.c; capture.c watches"
never '^(?!compat\.h)\S+ PG_VERSION_NUM' "differences of versions stand in compat.h"
never '^(?!(store\w*|versions|stats|prepared|write_memory|write_queue|write_room|write_database|write_wait|refresh|warm_state|shmem|testpoint)\.c)\S+ LWLock(Acquire|Conditional|Release|Held|Init|Update|Wait)' \
	"locks belong to the owners of shared memory"
exit $bad
