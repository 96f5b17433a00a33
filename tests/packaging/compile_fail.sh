#!/bin/sh
# compile_fail.sh FILE MESSAGE WRONG_FLAGS RIGHT_FLAGS COMPILER...: FILE must not compile with WRONG_FLAGS, for the
# reason that MESSAGE (a part of the error) names, and must compile with RIGHT_FLAGS: its correct twin.
set -eu
file=$1 message=$2 wrong=$3 right=$4; shift 4
# shellcheck disable=SC2086  # flags are lists of words
if output=$("$@" $wrong "$file" 2>&1); then
  echo "compiles, and should not: $* $wrong $file" >&2
  exit 1
fi
case $output in
  *"$message"*) ;;
  *) echo "fails for another reason than \"$message\":" >&2; echo "$output" | head -n 20 >&2; exit 1 ;;
esac
# shellcheck disable=SC2086
"$@" $right "$file"
