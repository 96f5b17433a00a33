#!/bin/sh
# Compiles the library's headers, the tool, the examples, the benchmarks and the fuzzer without a warning, with every
# compiler of this machine that edgek supports: g++ and each clang++. Checks syntax alone: no code is made. JOBS files
# at once, else as many as there are cores; what fails is printed, and the others are checked all the same.
set -eu
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}
warnings="-Wall -Wextra -Wconversion -Wshadow -Werror"
highway=.deps/usr/include
[ -e $highway/hwy/highway.h ] || highway=/usr/include

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
checks=$folder/checks
cmake -DSOURCE="$PWD" -DOUTPUT="$folder/commit.hpp" -P cmake/write_commit.cmake
check() { echo "$*" >>"$checks"; }  # COMPILER FILE FLAGS

compilers=0 seen=:
for compiler in g++ g++-12 g++-13 g++-14 clang++ clang++-14 clang++-19; do
  command -v $compiler >/dev/null || continue
  program=$(readlink -f "$(command -v $compiler)")
  case $seen in *:"$program":*) continue ;; esac  # g++ is often one of the others
  seen=$seen$program:
  compilers=$((compilers + 1))
  $compiler --version | head -n 1
  check $compiler cmake/edgek.cpp
  check $compiler cmake/edgek.cpp -DEDGEK_STATIC_ONLY -march=native
  for file in examples/cli/*.cpp examples/[0-9]*.cpp bench/*.cpp; do
    if [ -e "$file" ]; then check $compiler "$file" -DEDGEK_DECLARE_ONLY; fi
  done
  check $compiler tests/fuzz/gguf_fuzz.cpp -DEDGEK_DECLARE_ONLY -Itests '-DEDGEK_TEST_DATA_DIR=""'
done
[ $compilers -gt 0 ] || { echo "no compiler found" >&2; exit 1; }

# shellcheck disable=SC2016,SC2086  # expanded by the inner shell, whose $* is a list of words
xargs -P "$jobs" -d '\n' -n 1 sh -c '
  options=$0
  set -- $1
  compiler=$1; shift
  output=$($compiler $options -fsyntax-only "$@" 2>&1) ||
    { printf "%s\n" "$output" "warnings: $compiler $*" >&2; exit 1; }
' "-std=c++20 $warnings -Iinclude -I. -Iexamples/cli -I$folder -isystem $highway" <"$checks"
