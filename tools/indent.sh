#!/bin/bash
#
# indent.sh: lays out src/*.[ch] (or the files given) the way PostgreSQL 15's pgindent does.
#
# Needs pg_bsd_indent 2.1.1 (Debian package pg-bsd-indent).  Type names come from the server's headers, from our own
# sources and from typedefs.list, if there is one.  A file that pg_bsd_indent complains about stays as it is.
#
set -euo pipefail
cd "$(dirname "$0")/.."
command -v pg_bsd_indent >/dev/null || { echo "pg_bsd_indent not found: apt-get install pg-bsd-indent" >&2; exit 1; }
[ $# -gt 0 ] || set -- src/*.[ch]

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
headers=$("${PG_CONFIG:-pg_config}" --includedir-server)
{
	cat typedefs.list 2>/dev/null || true
	# typedef x Name; typedef x (*Name) (...); and the last line of typedef struct x { ... } Name;
	find "$headers" src bench -name '*.[ch]' -exec sed -nE \
		-e 's/^typedef [^(){]*[ *]([A-Za-z_]\w*);.*/\1/p' \
		-e 's/^typedef .*\(\*([A-Za-z_]\w*)\) *\(.*/\1/p' \
		-e '/^typedef (struct|union|enum)/,/^\}/ s/^\} *([A-Za-z_]\w*);.*/\1/p' {} +
} | sort -u | grep -vxE 'ANY|FD_SET|LookupSet|boolean|date|duration|element_type|inquiry|iterator|other|pointer|reference|rep|string|timestamp|type|wrap|abs' >"$work/types"

for file in "$@"; do
	# Comments that begin with dashes keep their lines: hidden from the indenter and restored.
	sed -E 's!/\* +---!/*---X_X!' "$file" >"$work/in.c"
	pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4 \
		-U"$work/types" "$work/in.c" "$work/out.c" 2>"$work/complaints" || true
	if [ -s "$work/complaints" ]; then
		echo "$file: $(cat "$work/complaints")" >&2
		exit 1
	fi
	sed -E -e 's!/\*---X_X!/* ---!' -e 's!^([A-Za-z_]\S*)[ \t]+\*$!\1 *!' "$work/out.c" >"$work/in.c"
	cmp -s "$work/in.c" "$file" || cat "$work/in.c" >"$file"
done
