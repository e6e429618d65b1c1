#!/bin/bash
#
# Searches the model of the protocol exhaustively, then its broken variants,
# which must fail.  Needs spin and gcc.

set -euo pipefail
model=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/versions.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0
failed=0

# search WHAT WANTED [SPIN OPTION...]: WANTED is the number of errors expected, 0 or 1
search() {
	local what=$1 wanted=$2 errors states
	shift 2
	spin -a "$@" "$model" >/dev/null
	gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c
	./pan -m100000 -n >pan.log
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
	states=$(awk '/states, stored/ { print $1 }' pan.log)
	if [ "$errors" = "$wanted" ] && ! grep -q 'max search depth too small' pan.log; then
		echo "ok - $what: $errors errors in $states states"
		passed=$((passed + 1))
	else
		echo "not ok - $what: $errors errors, $wanted expected"
		cat pan.log
		failed=$((failed + 1))
	fi
}

TWO_WRITERS="-DWRITERS=2 -DREADERS=1"
TWO_READERS="-DWRITERS=1 -DREADERS=2"
for size in "$TWO_WRITERS" "$TWO_READERS"; do
	search "protocol, $size" 0 $size
	search "broken: one stamp, $size" 1 $size -DONE_STAMP
	search "broken: clock read after the snapshot, $size" 1 $size -DLATE_CLOCK
	search "broken: pending cleared before visibility, $size" 1 $size -DEARLY_FINISH
done
search "broken: pending ignored, $TWO_READERS" 1 $TWO_READERS -DNO_PENDING # one reader cannot tell
echo "model: $passed searches as expected, $failed not"
[ "$failed" = 0 ]
