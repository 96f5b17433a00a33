#!/bin/sh
# Fetches, once, what run.sh needs to emulate a machine with AVX-512: prints nothing when it is there.
#
# A whole PC in software (Bochs), a boot loader, a small Linux and busybox, all of them packages of Debian,
# unpacked into the cache folder (0.4 GB); nothing is installed. Needs a Debian machine's apt sources.
set -eu
export LC_ALL=C
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$project/scripts/lib.sh"

guest=$(cache_folder "$project")/avx512-guest
[ -e "$guest/complete" ] && exit 0

say() { echo "avx512 guest: $*" >&2; }
[ "$ID" = debian ] || { say "its packages are Debian's, and this is $ID: not available here"; exit 1; }

say "fetching an emulator, a boot loader and a kernel into $guest (350 MB, once; nothing is installed)"
rm -rf "$guest"
mkdir -p "$guest/root"

# Bochs 3.0: older releases lack the instructions, newer ones stumble over Linux.
foreign_apt "$guest/trixie" trixie amd64
unpack_all "$guest/trixie" "$guest/root" bochs bochs-term bochsbios vgabios grub-pc-bin grub-common busybox-static libc6

# The kernel made for virtual machines, of the release whose kernel Bochs 3.0 boots.
foreign_apt "$guest/bookworm" bookworm amd64
image=$(apt_cache_of "$guest/bookworm" depends linux-image-cloud-amd64 |
  sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
[ -n "$image" ] || { say "no kernel found"; exit 1; }
unpack "$guest/bookworm" "$guest/root" "$image"

# Modules, documentation and the like are most of it, and not needed.
rm -rf "$guest/trixie" "$guest/bookworm" "$guest/root"/lib/modules "$guest/root"/usr/lib/modules \
  "$guest/root"/usr/share/doc "$guest/root"/usr/share/man "$guest/root"/usr/share/locale
: >"$guest/complete"
