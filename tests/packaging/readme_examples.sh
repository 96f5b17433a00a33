#!/bin/sh
# readme_examples.sh README EXAMPLE...: README's C++ blocks are the examples, one after the other and line by line, so
# that what readers copy is what the tests compile and run.
set -eu
readme=$1; shift
number=0
for example; do
  number=$((number + 1))
  block=$(awk -v wanted=$number '/^```cpp$/ { on = ++seen == wanted; next } /^```$/ { on = 0 } on' "$readme")
  [ -n "$block" ] || { echo "no C++ block $number in $readme" >&2; exit 1; }
  if [ "$block" != "$(cat "$example")" ]; then
    echo "C++ block $number of $readme differs from $example:" >&2
    printf '%s\n' "$block" | diff - "$example" >&2
    exit 1
  fi
done
