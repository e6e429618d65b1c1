#!/bin/bash
#
# Searches the models of the protocol and of pins exhaustively, then their broken
# variants, which must fail.  Two searches run at a time, each in less than 1 GB.  Needs
# spin and gcc.

set -euo pipefail
model=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/versions.pml
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
searches=0

# run_search DIR WHAT WANTED SPIN_OPTION...: writes one line to DIR/verdict
run_search() {
	local dir=$1 what=$2 wanted=$3 errors="" states=""
	shift 3
	mkdir "$dir"
	cd "$dir"
	# -E: a reader that finds nothing wrong waits for ever, on purpose
	if spin -a "$@" "$model" >log 2>&1 &&
		gcc -w -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=1900 -o pan pan.c >>log 2>&1 &&
		./pan -E -n -m10000 -w22 >>log 2>&1; then
		errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' log)
		states=$(awk '/states, stored/ { print $1 }' log)
	fi
	if [ "$errors" != "$wanted" ] ||
		grep -qE 'max search depth too small|Search not completed|reached -DMEMLIM|out of memory' <(
			[ "$wanted" = 0 ] && cat log); then
		echo "not ok - $what: ${errors:-no} errors, $wanted expected" >verdict
		cat log >>verdict
	else
		printf 'ok - %s: %s errors in %.0f states\n' "$what" "$errors" "$states" >verdict
	fi
	cat verdict
	rm -f pan*
}

# search WANTED WHAT SPIN_OPTION...: WANTED is the number of errors expected, 0 or 1
search() {
	local wanted=$1 what=$2
	shift 2
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
	searches=$((searches + 1))
	run_search "$work/$searches" "$what" "$wanted" "$@" &
}

correct() { search 0 "protocol, $1" "${@:2}"; }
broken() { search 1 "broken: $1" "${@:2}"; }

# which reader has an old snapshot
OLD_HIT=(-DOLD_SNAPSHOTS -DFILLER=0 -DHITTER=1)
OLD_FILL=(-DOLD_SNAPSHOTS -DFILLER=1 -DHITTER=0)
OLD_BOTH=(-DOLD_SNAPSHOTS -DFILLER=1 -DHITTER=1)

correct "2 writers, one prepared, old snapshot hits" "${OLD_HIT[@]}" -DPREPARED
correct "2 writers, old snapshot hits" "${OLD_HIT[@]}" -DELSEWHERE
correct "2 writers, old snapshot fills" "${OLD_FILL[@]}" -DELSEWHERE
correct "2 writers, old snapshots fill and hit" "${OLD_BOTH[@]}"
correct "1 writer, eviction, any reader fills and hits twice" \
	-DWRITERS=1 -DREADS=2 -DOLD_SNAPSHOTS -DEVICTION
correct "1 writer, prepared, all snapshots" \
	-DWRITERS=1 -DPREPARED -DOLD_SNAPSHOTS -DELSEWHERE -DOLD_ONE
correct "2 writers, one prepared, a table and a catalog" -DPREPARED -DCATALOG
correct "2 writers, one prepared, eviction" -DPREPARED -DEVICTION
correct "2 writers, any order of tables" -DORDERS
correct "2 writers, verified hits" -DVERIFY
correct "2 writers, last_xid after seq" "${OLD_HIT[@]}" -DXID_AFTER_SEQ

broken "one stamp" -DONE_STAMP
broken "clock read after the snapshot" -DLATE_CLOCK
broken "clock read after messages are accepted" -DCATALOG -DMESSAGES_FIRST
broken "pending cleared before visibility" -DEARLY_FINISH
broken "pending cleared before messages are sent" -DCATALOG -DUNSENT_FINISH
broken "prepared transaction finished at PREPARE" -DPREPARED -DEARLY_REAP
broken "prepared transaction finished before its locks are released" -DPREPARED -DCATALOG -DLOCKED_REAP
broken "clock advanced before pending is raised" -DEARLY_DRAW
broken "pending ignored" -DNO_PENDING
broken "dependencies known before the computation only" -DEARLY_DEPS
broken "last_xid raised after pending is cleared" "${OLD_HIT[@]}" -DLATE_LAST_XID
broken "visible_xid raised after pending is cleared" "${OLD_HIT[@]}" -DLATE_VISIBLE_XID
broken "visible_xid read before visibility" "${OLD_FILL[@]}" -DELSEWHERE -DEARLY_VISIBLE_XID
broken "old snapshot hits unchecked" "${OLD_HIT[@]}" -DUNSEEN_HIT
broken "old snapshot checked before the entry is found" "${OLD_HIT[@]}" -DUNPINNED_HIT
broken "old snapshot fills unchecked" "${OLD_FILL[@]}" -DUNSEEN_FILL
broken "old snapshot fills with a clock read at the end" "${OLD_FILL[@]}" -DELSEWHERE -DUNTIMED_FILL
broken "entry checked before verification's snapshot" -DVERIFY -DEARLY_VERIFY

model=${model%/*}/hazard.pml
search 0 "pins, 2 readers, 2 unlinkers"
broken "version advanced before unlinking" -DADVANCE_FIRST
broken "hazard pointers read before unlinking" -DSCAN_FIRST
broken "version not checked again" -DNO_RECHECK
broken "version checked again before the hazard pointer is written" -DEARLY_RECHECK
broken "limbo never looked at" -DNO_RESCAN

while [ -n "$(jobs -rp)" ]; do wait -n || true; done
passed=$(cat "$work"/*/verdict | grep -c '^ok - ' || true)
echo "model: $passed searches as expected, $((searches - passed)) not"
[ "$passed" = "$searches" ]
