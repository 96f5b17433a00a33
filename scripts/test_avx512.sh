#!/bin/sh
# Runs the tests of the kernels, and of the ops and models that use them, on emulated CPUs with AVX-512 and
# VNNI, for machines that have none: one emulated machine per program, as many at once as there are cores. Runs
# the sets that such machines cannot (about 100 times slower than a CPU would), and expects that the AVX-512
# kernels are the ones chosen.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}
build=build/static-link

cmake --preset static-link
cmake --build --preset static-link -j "$jobs" --target edgek_answer_tests

programs=$(find $build/tests -maxdepth 1 -type f -perm -u+x \
  \( -name 'kernels_*_test' -o -name 'ops_*_test' -o -name '*golden*_test' \) | sort)
[ -n "$programs" ] || { echo "no test was built" >&2; exit 1; }
echo "== x86-64, emulated Sapphire Rapids, expecting AVX3_DL: $(echo "$programs" | wc -l) programs"

# shellcheck disable=SC2016  # expanded by the inner shell
echo "$programs" | xargs -P "$jobs" -I "{}" sh -c '
  log=$0.avx512.log
  if scripts/avx512_guest/run.sh -e EDGEK_EXPECT_TARGET=AVX3_DL \
    -e "EDGEK_TEST_SETS=AVX3_DL AVX2_VNNI" -e GTEST_COLOR=no -f tests/data "$0" >"$log" 2>&1; then
    sed -n "s/^kernel set/   kernel set/p; s/^guest: /   /p" "$log"
  else
    cat "$log"; exit 1
  fi' "{}"
