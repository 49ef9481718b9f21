#!/bin/sh
# Installs the library into build/prefix and checks it there; then into a staging folder, as packagers do, and takes it
# away again. Needs `make build`.
set -u
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$PWD/build/prefix
failed=0
fail() { failed=1; echo "FAILED $*"; }

# What was built is not built again: who installs (root, often) needs no cargo.
quietly() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; return 1; }; }
quietly make install PREFIX="$prefix" CARGO=false || fail "make install"
make --no-print-directory check-install PREFIX="$prefix" || failed=1

# Debian's folders, below a staging folder.
stage=$scratch/stage
places="PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu DESTDIR=$stage"
quietly make install $places CARGO=false || fail "make install into a staging folder"
grep -q '^prefix=${pcfiledir}/../../..$' "$stage/usr/lib/x86_64-linux-gnu/pkgconfig/keyviz.pc" || fail "the staged keyviz.pc has another prefix"
! grep -rqF "$stage" "$stage" || fail "a file knows the staging folder"
quietly make install $places CARGO=false || fail "installing twice"
quietly make uninstall $places || fail "make uninstall"
left=$(find "$stage" ! -type d -o -name '*keyviz*')
[ -z "$left" ] || fail "make uninstall leaves" $left

# Where the library does not lie below the prefix, its .pc tells the place.
quietly make install PREFIX="$scratch/a" LIBDIR="$scratch/b/lib" CARGO=false || fail "make install with a LIBDIR elsewhere"
grep -qx "prefix=$scratch/a" "$scratch/b/lib/pkgconfig/keyviz.pc" && grep -qx "libdir=$scratch/b/lib" "$scratch/b/lib/pkgconfig/keyviz.pc" ||
    fail "a keyviz.pc outside of the prefix doesn't tell the places"

! quietly make install PREFIX=not/absolute CARGO=false >/dev/null || fail "a relative PREFIX is taken"

[ "$failed" -eq 0 ] && echo "make install: passed" || echo "make install: FAILED"
exit $failed
