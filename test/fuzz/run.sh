#!/bin/bash
#
# run.sh: reads damaged values of the second tier, without a server.
#
#	test/fuzz/run.sh             the seeds and their variations, always the same; any C compiler does
#	test/fuzz/run.sh fuzz        libFuzzer for FUZZ_SECONDS (60), from the seeds; needs clang
#
# Both with the address and undefined behaviour sanitizers.  PG_CONFIG names the PostgreSQL whose headers and
# libraries are used.  Inputs that fail are left in the directory that is named then.

set -euo pipefail
directory=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
PG_CONFIG=${PG_CONFIG:-pg_config}
work=$(mktemp -d /tmp/pgcache-fuzz-XXXXXX)
trap '[ -n "${keep:-}" ] || rm -rf "$work"' EXIT

has_header() { printf '#include <%s>\n' "$1" | "${CC:-cc}" -E - >/dev/null 2>&1; }

flags=(-g -O1 -fno-omit-frame-pointer -Wno-unused-parameter -Wno-attributes)
libs=()
if has_header lz4.h; then flags+=(-DPGCACHE_LZ4); libs+=(-llz4); fi
if has_header zstd.h; then flags+=(-DPGCACHE_ZSTD); libs+=(-lzstd); fi

# build COMPILER PROGRAM FLAG...
build() {
	local compiler=$1 program=$2
	shift 2
	"$compiler" "${flags[@]}" "$@" -I"$directory/../../src" -I"$("$PG_CONFIG" --includedir-server)" -o "$program" \
		"$directory/frame_fuzz.c" "$directory/../../src/frame.c" "$directory/../../src/pack.c" \
		-L"$("$PG_CONFIG" --pkglibdir)" -L"$("$PG_CONFIG" --libdir)" -lpgcommon -lpgport "${libs[@]}" -lm
}

find_clang() {
	local name
	for name in clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
		if command -v "$name" >/dev/null; then echo "$name"; return; fi
	done
	echo "not ok - there is no clang" >&2
	exit 1
}

if [ "${1:-}" != fuzz ]; then
	build "${CC:-cc}" "$work/replay" -DFUZZ_MAIN -fsanitize=address,undefined -fno-sanitize-recover=all
	"$work/replay" "$directory/corpus"
	exit
fi

build "$(find_clang)" "$work/fuzz" -Wno-ignored-attributes -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
mkdir "$work/found"
cd "$work"
if nice ./fuzz -max_total_time="${FUZZ_SECONDS:-60}" -max_len=8192 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	"$work/found" "$directory/corpus" >log 2>&1; then
	grep -E 'stat::number_of_executed_units|stat::average_exec|stat::peak_rss|DONE' log
	echo "ok - fuzzed for ${FUZZ_SECONDS:-60} s"
else
	keep=1
	tail -n 60 log
	echo "not ok - see $work"
	exit 1
fi
