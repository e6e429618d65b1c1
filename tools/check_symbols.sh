#!/bin/bash
#
# check_symbols.sh: the library's exported names, which share one space with the server and all other extensions.
#
# Allowed: pgcache_*, what the server's loader asks for, and SQL functions cache_*, which have a pg_finfo_ twin.
# Run it after "make"; the library's path may be given.
#
set -euo pipefail
library=${1:-$(dirname "$0")/../pgcache.so}
[ -f "$library" ] || { echo "$library not found: run make first"; exit 1; }

symbols=$(nm -D --defined-only "$library" | awk '{ print $NF }')
bad=0
for name in $symbols; do
	case $name in
		pgcache_* | _PG_init | _PG_fini | Pg_magic_func | pg_finfo_*) continue ;;
		cache_*) if grep -qx "pg_finfo_$name" <<<"$symbols"; then continue; fi ;;
	esac
	echo "exported, but should be static or named pgcache_*: $name"
	bad=1
done
exit $bad
