#!/bin/sh
# Cross-builds the tests of the kernels, and of everything that defines or uses their answers, for 64-bit Arm
# and runs them on emulated CPUs. Each run names the kernel set that was chosen and fails if it is another
# than expected. An emulator shows that code is right, never how fast it is.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}

cmake --preset aarch64-qemu
cmake --build --preset aarch64-qemu -j "$jobs" --target edgek_answer_tests

qemu=$(sed -n 's/^EDGEK_QEMU:[A-Z]*=//p' build/aarch64-qemu/CMakeCache.txt)

# The C library's own copies for the A64FX are 512-bit vector loops, which the emulator runs 20 times slower.
export GLIBC_TUNABLES=glibc.cpu.name=generic

# run_on EXPECTED_SET SETS CPU REASON: tests the sets, and that the expected one is chosen.
run_on() {
  echo "== aarch64, $3: $4; expecting $1, testing $2"
  started=$(date +%s)
  QEMU_CPU=$3 EDGEK_EXPECT_TARGET=$1 EDGEK_TEST_SETS=$2 ctest --preset aarch64-qemu -j "$jobs" -L answers --quiet \
    --output-log build/aarch64-qemu/last.log || { cat build/aarch64-qemu/last.log; exit 1; }
  QEMU_CPU=$3 "$qemu" build/aarch64-qemu/tests/kernels_target_test | sed -n 's/^kernel set/   kernel set/p'
  grep 'tests passed' build/aarch64-qemu/last.log
  echo "   $(($(date +%s) - started)) s"
}

run_on NEON "NEON SCALAR" cortex-a72 "NEON without dot products"
run_on NEON_DOT NEON_DOT neoverse-n1 "NEON with dot products"
run_on SVE SVE a64fx "SVE at 512 bits"
run_on SVE2 "SVE2 SVE" max,sve-max-vq=1 "SVE2 and SVE at 128 bits"
run_on SVE2 "SVE" max,sve-max-vq=2 "SVE at 256 bits"
run_on SVE2 "SVE2" max,sve-max-vq=4 "SVE2 at 512 bits"
