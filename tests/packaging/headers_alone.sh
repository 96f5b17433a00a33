#!/bin/sh
# headers_alone.sh INCLUDE JOBS MODEL COMPILER...: every public header compiles as the first and only one, without a
# warning; without exceptions and RTTI too, except those of the model layer (left out unless MODEL is ON). Files
# named -inl.hpp , the two halves of the dispatch and kernels.hpp (defined by dispatch.hpp) are parts of another header.
set -eu
include=$1 jobs=$2 model=$3; shift 3
cd "$include"
list=$(find edgek -name '*.hpp' ! -name '*-inl.hpp' ! -name 'foreach_*.hpp' ! -path edgek/kernels/kernels.hpp | sort)
[ "$(echo "$list" | wc -l)" -gt 20 ] || { echo "too few headers found in $include" >&2; exit 1; }
[ "$model" = ON ] || list=$(echo "$list" | grep -v '^edgek/model')

# shellcheck disable=SC2016  # expanded by the inner shell
echo "$list" | xargs -P "$jobs" -I "{}" sh -c '
  header=$0
  layer="-fno-exceptions -fno-rtti"
  case $header in edgek/model*) layer= ;; esac
  echo "#include \"$header\"" | "$@" $layer -fsyntax-only -x c++ - || { echo "does not compile alone: $header" >&2; exit 1; }
' "{}" "$@" 2>&1 | if grep .; then exit 1; fi
