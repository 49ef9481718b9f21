#!/bin/sh
# Checks the shared library as the loader sees it: its name, that it stays once it is loaded, what it needs, and that it
# exports the C API of include/keyviz.h and nothing else, with its version. Usage: tests/check_elf.sh [library]
set -u
cd "$(dirname "$0")/.."
library=${1:-${CARGO_TARGET_DIR:-target}/release/libkeyviz.so.0}
failed=0
complain() {
    echo "$library: $*" >&2
    failed=1
}

[ -f "$library" ] || { echo "$library: there is none; make build makes it" >&2; exit 1; }
dynamic=$(LC_ALL=C readelf -dW "$library") || exit 1

soname=$(echo "$dynamic" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
abi=$(sed -n 's/^#define KEYVIZ_VERSION_MAJOR //p' include/keyviz.h)
[ "$soname" = "libkeyviz.so.$abi" ] || complain "its SONAME is '$soname', and should be libkeyviz.so.$abi"
# A thread that observed gives its lane back when it ends: the code for that must still be there.
echo "$dynamic" | grep -q 'FLAGS_1.*NODELETE' || complain "it is not marked NODELETE"
needed=$(echo "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libgcc_s|libm|libpthread|libdl|librt|ld-linux-.*)\.so\.[0-9]+$')
[ -z "$needed" ] || complain "it needs" $needed

versioned=$(nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort)
exported=$(echo "$versioned" | sed 's/@.*//')
unversioned=$(echo "$versioned" | grep -v "@@KEYVIZ_$abi\$")
[ -z "$unversioned" ] || complain "these are not of the version KEYVIZ_$abi:" $unversioned
declared=$(grep -oE '\bkeyviz_[a-z_0-9]+\(' include/keyviz.h | tr -d '(' | sort -u)
strays=$(echo "$exported" | grep -v '^keyviz_')
[ -z "$strays" ] || complain "it exports what is not ours:" $strays
missing=$(echo "$declared" | while read -r name; do echo "$exported" | grep -qx "$name" || echo "$name"; done)
[ -z "$missing" ] || complain "the header declares what it doesn't export:" $missing
hidden=$(echo "$exported" | grep '^keyviz_' | while read -r name; do echo "$declared" | grep -qx "$name" || echo "$name"; done)
[ -z "$hidden" ] || complain "it exports what the header doesn't declare:" $hidden

[ "$failed" -eq 0 ] && echo "ELF: 1 passed, 0 failed" || echo "ELF: 0 passed, 1 failed"
exit $failed
