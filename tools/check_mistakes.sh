#!/bin/bash
#
# Every test that docs/mistakes.md names exists and names the mistake's number.

set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
bad=0

while read -r number file; do
	if ! grep -qE "Mistakes?( [0-9]+,)* $number(, [0-9]+)* of docs/mistakes.md" "$file"; then
		echo "$file does not name mistake $number of docs/mistakes.md"
		bad=1
	fi
done < <(awk -F'|' '$2 ~ /^ [0-9]+ $/ { n = split($5, files, "`"); for (i = 2; i < n; i += 2) print $2 + 0, files[i] }' docs/mistakes.md)
exit $bad
