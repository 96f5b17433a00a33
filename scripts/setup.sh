#!/bin/sh
# Installs what building and testing edgek needs, saying so first. Does nothing, quickly, where all is there.
#
#   scripts/setup.sh [build] [demo] [arm] [avx512] [clang]      (default: build)
#
# Debian 12 and 13 and Ubuntu 24.04 are tried; on another system it names what is missing. Packages come from
# this machine's own apt sources: as root, or through sudo. Highway 1.2 is newer than some of these
# releases: then its headers are unpacked from the next release's package into .deps, installed nowhere.
# Never asks: where sudo would need a password and nobody is there to type it, it says so and ends.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

project=$(cd "$(dirname "$0")/.." && pwd)
deps=$project/.deps
. "$project/scripts/lib.sh"

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }
have_any() { for tool; do if have "$tool"; then return 0; fi; done; return 1; }

# --- what is needed -----------------------------------------------------------------------------------

missing=  # packages

# need_tool PACKAGE COMMAND...: the package, unless one of the commands is there.
need_tool() {
  package=$1; shift
  have_any "$@" || missing="$missing $package"
}

# need_files PACKAGE FILE: the package, unless the file is there.
need_files() {
  [ -e "$2" ] || missing="$missing $1"
}

installed() { dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }
need_package() { installed "$1" || missing="$missing $1"; }

need_build() {
  need_tool g++ g++ c++
  need_tool cmake cmake
  need_tool ninja-build ninja
  need_tool git git
  need_tool python3 python3
  for package in libgtest-dev libbenchmark-dev libxsimd-dev libpcre2-dev libcli11-dev libfmt-dev nlohmann-json3-dev; do
    need_package "$package"
  done
}

need_demo() {
  need_tool python3 python3
  if ! python3 -m pip --version >/dev/null 2>&1; then missing="$missing python3-pip"; fi
  need_files ca-certificates /etc/ssl/certs/ca-certificates.crt
}

need_arm() {
  need_tool g++-aarch64-linux-gnu aarch64-linux-gnu-g++ aarch64-linux-gnu-g++-14 aarch64-linux-gnu-g++-13 \
    aarch64-linux-gnu-g++-12
  need_tool qemu-user qemu-aarch64 qemu-aarch64-static
  need_files googletest /usr/src/googletest/CMakeLists.txt
}

need_clang() {  # the supported ones that this release has
  for version in 14 19; do
    case $(candidate_of clang-$version) in
      '' | '(none)') say "clang-$version: not offered here" ;;
      *) need_tool clang-$version clang++-$version ;;
    esac
  done
}

# --- installing ---------------------------------------------------------------------------------------

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif ! have sudo; then return 1
  elif [ -t 0 ]; then sudo DEBIAN_FRONTEND=noninteractive "$@"
  else sudo -n DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

install_missing() {
  [ -n "$missing" ] || return 0
  have apt-get || fail "no apt-get here; install the equivalents of: $missing"
  say "will install with apt-get: $missing"
  # A third-party source that does not answer is no reason to stop: the install below tells.
  as_root apt-get -qq update || say "apt-get update reported a problem, going on"
  # shellcheck disable=SC2086  # a list of words
  as_root apt-get -qq install -y --no-install-recommends $missing >/dev/null ||
    fail "could not install (as root, or with sudo): $missing"
}

# unpack_from SUITE ARCHITECTURE INTO PACKAGE
unpack_from() {
  work=$(mktemp -d)
  done=1
  if foreign_apt "$work" "$1" "$2" && unpack "$work" "$3" "$4"; then done=0; fi
  rm -rf "$work"
  return $done
}

# --- Highway --------------------------------------------------------------------------------------------

highway_is_new() {  # DIRECTORY
  [ -e "$1/hwy/base.h" ] || return 1
  major=$(sed -n 's/^#define HWY_MAJOR //p' "$1/hwy/base.h" "$1/hwy/highway.h" | head -n 1)
  minor=$(sed -n 's/^#define HWY_MINOR //p' "$1/hwy/base.h" "$1/hwy/highway.h" | head -n 1)
  [ "${major:-0}" -gt 1 ] || { [ "${major:-0}" = 1 ] && [ "${minor:-0}" -ge 2 ]; }
}

have_highway() {
  for dir in "$deps/usr/include" /usr/local/include /usr/include; do
    if highway_is_new "$dir"; then return 0; fi
  done
  return 1
}

candidate_of() { apt-cache policy "$1" | sed -n 's/^ *Candidate: //p'; }

get_highway() {
  have_highway && return 0
  have apt-get || { say "Highway 1.2 is missing; CMake will download it"; return 0; }
  candidate=$(candidate_of libhwy-dev)
  if [ -z "$candidate" ]; then  # apt's lists were never read here
    as_root apt-get -qq update || :
    candidate=$(candidate_of libhwy-dev)
  fi
  if dpkg --compare-versions "${candidate:-0}" ge 1.2; then
    missing="libhwy-dev"
    install_missing
    return 0
  fi
  case $ID-$VERSION_CODENAME in
    debian-bookworm) suites="trixie" ;;
    ubuntu-*) suites="resolute questing plucky" ;;
    *) suites="" ;;
  esac
  for suite in $suites; do
    say "libhwy-dev here is ${candidate:-missing}, 1.2 is needed: unpacking that of $suite into .deps (nothing is installed)"
    if unpack_from "$suite" "$(dpkg --print-architecture)" "$deps" libhwy-dev && highway_is_new "$deps/usr/include"; then
      return 0
    fi
  done
  say "no package of Highway 1.2 could be had; CMake will download it"
}

# The model layer's PCRE2 for Arm. Without it the cross build leaves the model tests out, and says so.
get_arm_pcre2() {
  [ -e "$deps/aarch64/usr/include/pcre2.h" ] && return 0
  have apt-get || return 0
  say "unpacking libpcre2-dev for arm64 into .deps/aarch64 (nothing is installed)"
  unpack_from "$VERSION_CODENAME" arm64 "$deps/aarch64" libpcre2-dev ||
    say "not available here: the model layer's tests will not run for Arm"
}

# --- main -----------------------------------------------------------------------------------------------

[ $# -gt 0 ] || set -- build
for part; do
  case $part in
    build) need_build ;;
    demo) need_build; need_demo ;;
    arm) need_build; need_arm ;;
    avx512) need_build ;;
    clang) need_clang ;;
    *) fail "unknown part $part (build, demo, arm, avx512, clang)" ;;
  esac
done
missing=$(echo "$missing" | tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//')
install_missing
missing=
get_highway
for part; do
  case $part in
    arm) get_arm_pcre2 ;;
    avx512) "$project/scripts/avx512_guest/fetch.sh" ;;
  esac
done
