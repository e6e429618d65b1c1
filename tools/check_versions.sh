#!/bin/bash
#
# check_versions.sh: numbers and lists that stand in two places must agree:
# the version, the settings and their documentation, the SQL functions and their comments.
#
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0
complain() {
	echo "$*"
	bad=1
}

# The version: 1.0 in the control file is 1.0.x in the changelog.
version=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" pgcache.control)
script=pgcache--$version.sql
newest=$(sed -n 's/^## *\([0-9][0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)
[ -f "$script" ] || { echo "pgcache.control says $version, but there is no $script"; exit 1; }
case $newest in
	"$version" | "$version".*) ;;
	*) complain "CHANGELOG.md begins with version '$newest', pgcache.control says '$version'" ;;
esac

# Settings: "pgcache.name" in guc.c, `pgcache.name` in the documentation.
defined=$(grep -oE '"pgcache\.[a-z0-9_]+"' src/guc.c | tr -d '"' | sort -u)
described=$(grep -oE '`pgcache\.[a-z0-9_]+`' docs/configuration.md | tr -d '`' | sort -u)
for name in $(comm -23 <(echo "$defined") <(echo "$described")); do complain "$name is not in docs/configuration.md"; done
for name in $(comm -13 <(echo "$defined") <(echo "$described")); do complain "$name is in docs/configuration.md, but not a setting"; done

# Functions and views: each created name has its COMMENT ON.
for kind in FUNCTION VIEW; do
	created=$(grep -oE "^ *CREATE (OR REPLACE )?$kind +[a-z0-9_]+" "$script" | awk '{ print $NF }' | sort -u)
	commented=$(grep -oE "^ *COMMENT ON $kind +[a-z0-9_]+" "$script" | awk '{ print $NF }' | sort -u)
	for name in $(comm -23 <(echo "$created") <(echo "$commented")); do complain "$script has no COMMENT ON $kind $name"; done
done
exit $bad
