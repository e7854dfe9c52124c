#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# fuzz.sh SECONDS: each harness under libFuzzer for that long. New inputs are
# kept in the build directory; a crash is kept there too, and named.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd)
FUZZ=$BUILD/fuzz

if [ ! -f "$FUZZ/build.ninja" ]; then
	# The fuzzer watches the library too, not the harness alone.
	CC=clang meson setup -Dfuzz=enabled -Db_sanitize=address,undefined \
		-Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link \
		-Dpython=disabled -Dlua=disabled -Ddocs=disabled \
		-Dbenchmarks=disabled -Dtests=disabled "$FUZZ" "$TOP"
fi
ninja -C "$FUZZ"

failed=""
for harness in "$FUZZ"/tests/fuzz/fuzz_* "$FUZZ"/sim/tests/fuzz_*; do
	[ -f "$harness" ] && [ -x "$harness" ] || continue
	name=$(basename "$harness" | sed 's/^fuzz_//')
	case $name in *_replay) continue ;; esac
	seeds=$TOP/tests/fuzz/corpus/$name
	[ -d "$seeds" ] || seeds=$TOP/sim/tests/corpus/$name
	found=$FUZZ/found/$name
	mkdir -p "$found" "$FUZZ/crashes"
	echo "== $name, $1 seconds"
	UBSAN_OPTIONS=halt_on_error=1 "$harness" -max_total_time="$1" \
		-timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$FUZZ/crashes/$name-" "$found" \
		$([ -d "$seeds" ] && echo "$seeds") || failed="$failed $name"
done

if [ -n "$failed" ]; then
	echo "fuzz: failed:$failed; inputs in $FUZZ/crashes" >&2
	exit 1
fi
