#!/bin/sh
# bench.sh BUILD_FOLDER [ARGUMENTS...]: runs every benchmark program there, one after the other.
set -eu
build=$1; shift
found=0
for program in "$build"/bench/bench_*; do
  if [ ! -f "$program" ] || [ ! -x "$program" ]; then continue; fi
  found=1
  echo "== $program"
  "$program" --benchmark_counters_tabular=true "$@"
done
[ $found = 1 ] || { echo "bench: no benchmark was built in $build/bench" >&2; exit 1; }
