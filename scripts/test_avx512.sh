#!/bin/sh
# Runs the tests of the kernels, and of everything that defines or uses their answers, on an emulated CPU
# with AVX-512 and VNNI, for machines that have none. Expects that its kernels are the ones chosen.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}

cmake --preset static-link
cmake --build --preset static-link -j "$jobs" --target edgek_answer_tests

set --
for program in build/static-link/tests/kernels_*_test build/static-link/tests/ops_*_test build/static-link/tests/*golden*_test; do
  if [ -x "$program" ]; then set -- "$@" "$program"; fi
done
echo "== x86-64, emulated Sapphire Rapids: expecting AVX3_DL; $# programs"
scripts/avx512_guest/run.sh -e EDGEK_EXPECT_TARGET=AVX3_DL -e GTEST_BRIEF=1 -f tests/data "$@"
