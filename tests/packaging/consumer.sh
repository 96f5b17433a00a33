#!/bin/sh
# consumer.sh KIND SOURCE BUILD WORK CXX CMAKE VERSION MODEL: builds and runs README's first example (and, with
# MODEL ON, a program of the model layer) the way a user of edgek does.
#   find_package  against a copy that cmake --install put into WORK
#   add_subdirectory, fetch_content  with edgek's sources
#   plain  by hand: -I for edgek's and Highway's headers, no library to link
set -eu
kind=$1 source=$2 build=$3 work=$4 cxx=$5 cmake=$6 version=$7 model=$8
example=$source/examples/01_matvec.cpp
highway=$(sed -n 's/^EDGEK_HIGHWAY_DIR:INTERNAL=//p' "$build/CMakeCache.txt")

rm -rf "$work"
mkdir -p "$work"

# The example multiplies 0.5 by 2.0, 512 times.
check_example() {
  output=$("$1")
  echo "$1: $output"
  echo "$output" | grep -Eq '^ok: y\[0\] = (511|512)(\.[0-9]+)?, computed by [A-Z0-9_]+$' ||
    { echo "not the expected output" >&2; exit 1; }
}

configure() {
  model_program=
  if [ "$model" = ON ]; then model_program=$source/tests/consumers/model/main.cpp; fi
  "$cmake" -S "$source/tests/consumers/$kind" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$cxx" \
    -DEDGEK_EXAMPLE="$example" -DEDGEK_SOURCE="$source" -DEDGEK_HIGHWAY_INCLUDE_DIR="$highway" \
    -DEDGEK_MODEL_PROGRAM="$model_program" -DEDGEK_WANTED_VERSION="$version" "$@" >"$work/configure.log" 2>&1 ||
    { cat "$work/configure.log"; exit 1; }
}

case $kind in
  find_package)
    "$cmake" --install "$build" --prefix "$work/prefix" >/dev/null
    configure -DCMAKE_PREFIX_PATH="$work/prefix"
    if grep -r --include='*.cmake' "$source/include" "$work/prefix"; then
      echo "the installed copy points into the source tree" >&2
      exit 1
    fi
    ;;
  add_subdirectory | fetch_content) configure ;;
  plain)  # without optimization, where Highway's own assertions are on and would need its library
    "$cxx" -std=c++20 -O0 -I "$source/include" -I "$highway" "$example" -o "$work/plain"
    check_example "$work/plain"
    exit 0
    ;;
  *) echo "unknown kind $kind" >&2; exit 1 ;;
esac

"$cmake" --build "$work/build" -j 2
for program in header_only compiled; do
  if [ -x "$work/build/$program" ]; then check_example "$work/build/$program"; ran=yes; fi
done
[ "${ran:-no}" = yes ]
if [ -x "$work/build/model" ]; then "$work/build/model"; fi
