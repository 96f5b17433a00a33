#!/bin/bash
# Runs static x86-64 programs on an emulated CPU with AVX-512 (Sapphire Rapids without AMX), in one boot.
#
#   run.sh [-e NAME=VALUE]... [-f FILE_OR_FOLDER]... [-t SECONDS] PROGRAM...
#
# -e sets an environment variable, -f makes a file or a folder exist at the same path, -t bounds the host's
# CPU time (1800). Prints what the programs print, then one line per program with its exit status; exits
# with 0 if all of them did, with 1 otherwise (132 in a line: an instruction that the CPU does not have).
# An emulator shows that code is right, never how fast it is. Needs fetch.sh, no root, no KVM, no network.
set -euo pipefail
export LC_ALL=C
project=$(cd "$(dirname "$0")/../.." && pwd)
. "$project/scripts/lib.sh"

guest=$(cache_folder "$project")/avx512-guest
root=$guest/root
[ -e "$guest/complete" ] || { echo "avx512 guest: run fetch.sh first" >&2; exit 2; }

environment=() files=() seconds=1800
while getopts e:f:t: option; do
  case $option in
    e) environment+=("$OPTARG") ;;
    f) files+=("$(realpath "$OPTARG")") ;;
    t) seconds=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "avx512 guest: no program given" >&2; exit 2; }

work=$(mktemp -d)
emulator=
cleanup() {
  if [ -n "$emulator" ]; then kill -KILL "$emulator" 2>/dev/null || :; fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' HUP INT TERM

one_of() { for path; do if [ -e "$path" ]; then echo "$path"; return; fi; done; return 1; }
libraries=$root/usr/lib/x86_64-linux-gnu
loader=$(one_of "$root/usr/lib64/ld-linux-x86-64.so.2" "$root/lib64/ld-linux-x86-64.so.2")
busybox=$(one_of "$root/usr/bin/busybox" "$root/bin/busybox")
kernel=$(one_of "$root"/boot/vmlinuz-*-cloud-amd64)
# The packages' programs with the packages' libraries: the machine's own may be older.
packaged() { exec "$loader" --library-path "$libraries:$root/lib/x86_64-linux-gnu:$libraries/pulseaudio" "$@"; }

# --- the guest's file system: busybox, the programs, and an init that runs one after the other ------------
tree=$work/tree
mkdir -p "$tree"/{bin,dev,proc,sys,tmp,programs}
cp "$busybox" "$tree/bin/busybox"
for file in "${files[@]}"; do cp -rL --parents "$file" "$tree"; done
{
  echo '#!/bin/busybox sh'
  echo '/bin/busybox --install -s /bin'
  echo 'mount -t devtmpfs none /dev; mount -t proc none /proc; mount -t sysfs none /sys'
  echo 'stty -F /dev/ttyS1 raw; exec </dev/null >/dev/ttyS1 2>&1; cd /tmp'
  for pair in "${environment[@]}"; do printf 'export %q\n' "$pair"; done
  for program; do
    name=$(basename "$program")
    cp "$program" "$tree/programs/$name"
    printf '/programs/%q; echo "guest: %s exited $?"\n' "$name" "$name"
  done
  echo 'exec >/dev/null 2>&1; sleep 1; reboot -f'  # closing the line waits until it has sent everything
} >"$tree/init"
chmod +x "$tree/init"
(cd "$tree" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$work/initrd"

# --- the disk: the boot loader's image, then kernel and file system as plain runs of sectors ---------------
sectors_of() { echo $((($(stat -Lc %s "$1") + 511) / 512)); }
first=4096 kernel_sectors=$(sectors_of "$kernel") initrd_sectors=$(sectors_of "$work/initrd")
second=$((first + kernel_sectors))
# clearcpuid=580 hides FSRM: Bochs has it without ERMS, which sends this kernel's memmove astray.
cat >"$work/grub.cfg" <<CFG
linux (hd0)$first+$kernel_sectors console=ttyS0,115200 quiet nokaslr mitigations=off panic=-1 reboot=t clearcpuid=580
initrd (hd0)$second+$initrd_sectors
boot
CFG
grub=$root/usr/lib/grub/i386-pc
(packaged "$root/usr/bin/grub-mkimage" -d "$grub" -O i386-pc -p / -c "$work/grub.cfg" -o "$work/core.img" biosdisk linux)
cat "$grub/boot.img" "$work/core.img" >"$work/disk"
dd if="$kernel" of="$work/disk" bs=512 seek=$first status=none
dd if="$work/initrd" of="$work/disk" bs=512 seek=$second status=none
cylinder=$((16 * 63 * 512))
size=$(((second + initrd_sectors) * 512))
truncate -s $(((size / cylinder + 2) * cylinder)) "$work/disk"

# --- the machine: what the programs print comes over the second serial line; a triple fault ends it --------
# LA57 and AMX are left out: Bochs 3.0 fails with the one, Linux 6.1 expects more of the other than it has.
memory=$((256 + 2 * initrd_sectors / 2048 / 64 * 64))
cat >"$work/bochsrc" <<RC
display_library: term
cpu: model=sapphire_rapids, exclude_features="la57,amx,amx_int8,amx_bf16", ips=50000000, reset_on_triple_fault=0
memory: guest=$memory, host=$memory
romimage: file="$root/usr/share/bochs/BIOS-bochs-latest"
vgaromimage: file="$root/usr/share/bochs/VGABIOS-lgpl-latest"
ata0-master: type=disk, path="$work/disk", mode=flat
boot: disk
com1: enabled=1, mode=file, dev="$work/console"
com2: enabled=1, mode=file, dev="$work/output"
log: "$work/bochs.log"
panic: action=fatal
RC
touch "$work/output"
(
  ulimit -c 0 -t "$seconds"
  export BXSHARE=$root/usr/share/bochs LTDL_LIBRARY_PATH=$libraries/bochs/plugins TERM=vt100
  packaged "$root/usr/bin/bochs-bin" -q -f "$work/bochsrc" </dev/null >"$work/screen" 2>&1
) &
emulator=$!
tail -n +1 -f --pid=$emulator "$work/output" &
printer=$!
wait $emulator || :
emulator=
wait $printer || :

finished=$(grep -ac '^guest: .* exited [0-9]' "$work/output" || :)
passed=$(grep -ac '^guest: .* exited 0' "$work/output" || :)
if [ "$finished" != $# ]; then
  echo "avx512 guest: $finished of $# programs came to an end; the console said:" >&2
  tail -n 5 "$work/console" >&2 || :
  exit 1
fi
[ "$passed" = $# ]
