#!/bin/sh
# usage: demo_then_test.sh SOURCE_DIR WORK_DIR
# `make demo` builds the tool alone, in the folder in which `make test` then must build and find every test: what the
# one leaves out must not stay left out.
set -eu
source=$1 work=$2

rm -rf "$work"
cd "$source"
left_out=$(sed -n '/^demo:/,/^$/s/^\tcmake --preset $(PRESET) //p' Makefile)
[ -n "$left_out" ] || { echo "make demo no longer configures with options of its own: this test is of no use"; exit 1; }
echo "make demo: $left_out"
# shellcheck disable=SC2086  # several options
cmake --preset release -B "$work" $left_out >/dev/null
cmake --preset release -B "$work" >/dev/null

for option in $left_out; do
  name=${option#-D} name=${name%%=*}
  grep "^$name:.*=ON$" "$work/CMakeCache.txt" || { echo "$name stays off after make demo"; exit 1; }
done
