#!/bin/sh
# readme_example.sh README EXAMPLE: README's first C++ block is the example, line by line, so that what readers
# copy is what the tests compile and run.
set -eu
block=$(awk '/^```cpp$/ { on = 1; next } /^```$/ { if (on) exit } on' "$1")
[ -n "$block" ] || { echo "no C++ block in $1" >&2; exit 1; }
if [ "$block" != "$(cat "$2")" ]; then
  echo "README's first example differs from $2:" >&2
  echo "$block" | diff - "$2" >&2
  exit 1
fi
