#!/bin/sh
# demo.sh EDGEK PROMPT TOKENS: runs a real model on a prompt, then prints where the time of its tokens went.
set -eu
edgek=$1 prompt=$2 tokens=$3
model=$("$(dirname "$0")/fetch_model.sh")
threads=$(nproc 2>/dev/null || echo 2)

echo
echo "\$ $edgek run $model -t $threads -n $tokens -p \"$prompt\""
"$edgek" run "$model" -t "$threads" -n "$tokens" -p "$prompt"
echo
echo
echo "\$ $edgek roofline $model -t $threads -n $tokens -p \"$prompt\""
"$edgek" roofline "$model" -t "$threads" -n "$tokens" -p "$prompt"
case $model in
  */synthetic-*) echo; echo "note: no network answered, so both ran a synthetic model (random weights, same shape)." ;;
esac
