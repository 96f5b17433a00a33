# Functions that scripts share; sourced, not run.
# shellcheck shell=sh

ID=unknown VERSION_CODENAME=unknown
if [ -e /etc/os-release ]; then . /etc/os-release; fi

have() { command -v "$1" >/dev/null 2>&1; }

# The folder for what is downloaded once: $EDGEK_CACHE, else $XDG_CACHE_HOME/edgek, else ~/.cache/edgek,
# else, where that cannot be written, .cache in the project.
cache_folder() {  # PROJECT
  folder=${EDGEK_CACHE:-${XDG_CACHE_HOME:-${HOME:-$1}/.cache}/edgek}
  if ! mkdir -p "$folder" 2>/dev/null || ! [ -w "$folder" ]; then
    folder=$1/.cache
    mkdir -p "$folder"
  fi
  (cd "$folder" && pwd)
}

# The URI of this machine's own archive for its release, from whatever form its sources have.
own_archive() {
  apt-get indextargets --format '$(CREATED_BY)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)' |
    awk -F'|' -v codename="$VERSION_CODENAME" \
      '$1 == "Packages" && $2 == "main" && ($3 == codename || $3 == "stable") { print $4; exit }'
}

own_keyring() {
  for file in "/usr/share/keyrings/$ID-archive-keyring.gpg" "/usr/share/keyrings/$ID-archive-keyring.pgp"; do
    if [ -e "$file" ]; then echo "$file"; return 0; fi
  done
  return 1
}

# foreign_apt WORK SUITE ARCHITECTURE: makes WORK an apt of its own for another release or architecture of
# this machine's archive (nothing of the machine's own apt is touched), and reads its lists. Afterwards
# apt_of WORK COMMAND... is apt-get there, and apt_cache_of WORK COMMAND... apt-cache.
foreign_apt() {
  uri=$(own_archive)
  keyring=$(own_keyring) || return 1
  [ -n "$uri" ] || return 1
  mkdir -p "$1/lists/partial" "$1/archives/partial"
  : >"$1/status"
  components=main
  if [ "$ID" = ubuntu ]; then components="main universe"; fi
  echo "deb [arch=$3 signed-by=$keyring] $uri $2 $components" >"$1/sources.list"
  cat >"$1/apt.conf" <<CONF
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1";
Dir::Cache::archives "$1/archives";
Debug::NoLocking "1";
APT::Sandbox::User "root";
APT::Architecture "$3";
APT::Architectures "$3";
APT::Install-Recommends "false";
Acquire::Retries "2";
CONF
  apt_of "$1" update
}
apt_of() { config=$1; shift; apt-get -qq -y -c "$config/apt.conf" "$@"; }
apt_cache_of() { config=$1; shift; apt-cache -c "$config/apt.conf" "$@"; }

# unpack WORK INTO PACKAGE...: those packages without what they depend on.
unpack() {
  work=$1 into=$2; shift 2
  mkdir -p "$into" "$work/debs"
  (cd "$work/debs" && apt_of "$work" download "$@") || return 1
  for deb in "$work/debs"/*.deb; do dpkg -x "$deb" "$into" || return 1; done
  rm -rf "$work/debs"
}

# unpack_all WORK INTO PACKAGE...: those packages and everything they depend on.
unpack_all() {
  work=$1 into=$2; shift 2
  mkdir -p "$into"
  apt_of "$work" install --download-only "$@" >/dev/null || return 1
  for deb in "$work/archives"/*.deb; do dpkg -x "$deb" "$into" || return 1; done
  rm -f "$work/archives"/*.deb
}
