#!/bin/sh
# Compiles the library's headers, the tool, the examples, the benchmarks and the fuzzer without a warning, with every
# compiler of this machine that edgek supports: g++ and each clang++. Checks syntax alone: no code is made.
set -eu
cd "$(dirname "$0")/.."
warnings="-Wall -Wextra -Wconversion -Wshadow -Werror"
highway=.deps/usr/include
[ -e $highway/hwy/highway.h ] || highway=/usr/include

check() {  # COMPILER FLAGS FILE
  # shellcheck disable=SC2086  # flags are lists of words
  "$1" -std=c++20 $warnings -Iinclude -I. -Iexamples/cli -isystem $highway $2 -fsyntax-only "$3" ||
    { echo "warnings: $1 $2 $3" >&2; exit 1; }
}

compilers=0 seen=:
for compiler in g++ g++-12 g++-13 g++-14 clang++ clang++-14 clang++-19; do
  command -v $compiler >/dev/null || continue
  program=$(readlink -f "$(command -v $compiler)")
  case $seen in *:"$program":*) continue ;; esac  # g++ is often one of the others
  seen=$seen$program:
  compilers=$((compilers + 1))
  $compiler --version | head -n 1
  check $compiler "" cmake/edgek.cpp
  check $compiler "-DEDGEK_STATIC_ONLY -march=native" cmake/edgek.cpp
  for file in examples/cli/*.cpp examples/[0-9]*.cpp bench/*.cpp; do
    if [ -e "$file" ]; then check $compiler '-DEDGEK_DECLARE_ONLY -DEDGEK_COMMIT=""' "$file"; fi
  done
  check $compiler '-DEDGEK_DECLARE_ONLY -Itests -DEDGEK_TEST_DATA_DIR=""' tests/fuzz/gguf_fuzz.cpp
done
[ $compilers -gt 0 ] || { echo "no compiler found" >&2; exit 1; }
