#!/bin/sh
# Checks what `make dist` packed: the sums, the sources, the installed library where its tarball is unpacked, and the
# Debian packages, which are installed into a root of their own and removed again. A tool that is missing is skipped, and
# told; where CI=true, that is a failure.
set -u
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED $*"; }
missing() {
    if [ "${CI:-}" = true ]; then fail "there is no $1"; else echo "SKIPPED $1: there is none"; fi
}
# check NAME COMMAND...: runs it, shows what it says if it fails.
check() {
    name=$1
    shift
    if "$@" >"$log" 2>&1; then pass; else fail "$name"; cat "$log"; fi
}
# empty NAME TEXT
empty() { if [ -z "$2" ]; then pass; else fail "$1:" $2; fi; }

dist=build/dist
check "SHA256SUMS is of all files" sh -c 'cd "$1" && sha256sum -c SHA256SUMS && [ "$(ls | wc -l)" = "$(($(wc -l <SHA256SUMS) + 1))" ]' sh $dist

if [ -e .git ]; then
    sources=$dist/libkeyviz-$VERSION.tar.gz
    check "the sources are those of the commit" sh -c '
        [ "$(tar -tzf "$1" | grep -v "/$" | sed "s|^libkeyviz-$2/||" | sort)" = "$(git ls-tree -r --name-only HEAD | sort)" ]' \
        sh "$sources" "$VERSION"
fi

unpacked=$(basename $dist/libkeyviz-"$VERSION"-*.tar.gz .tar.gz)
check "the installed library unpacks" tar -xzf "$dist/$unpacked.tar.gz" -C "$scratch"
check "it names the licences of what is linked in" grep -q '^parking_lot ' "$scratch/$unpacked/share/doc/libkeyviz/THIRD-PARTY"
make --no-print-directory check-install PREFIX="$scratch/$unpacked" || fail "the unpacked library"

packages=$(ls $dist/*.deb 2>/dev/null)
if [ -n "$packages" ]; then
    tree=$scratch/tree
    mkdir -p "$tree/var/lib/dpkg/info" "$tree/var/lib/dpkg/updates"
    : >"$tree/var/lib/dpkg/status"
    as_root=$([ "$(id -u)" = 0 ] || echo fakeroot)
    dpkg="$as_root dpkg --root=$tree --force-not-root --force-depends --log=$scratch/dpkg.log"
    check "the Debian packages install" $dpkg -i $packages
    check "the library is where Debian has it" test -f "$tree/usr/lib/$(gcc -print-multiarch)/libkeyviz.so.$VERSION"
    # The prefix is the tree's, since keyviz.pc finds it.
    config="env PKG_CONFIG_PATH=$tree/usr/lib/$(gcc -print-multiarch)/pkgconfig pkg-config"
    check "a program links what they installed" gcc tests/install/consumer.c -o "$scratch/consumer" \
        $($config --cflags --libs keyviz) "-Wl,-rpath,$tree/usr/lib/$(gcc -print-multiarch)"
    check "and runs" "$scratch/consumer"
    check "the Debian packages are removed" $dpkg -P libkeyviz-dev "libkeyviz${VERSION%%.*}"
    empty "removing the Debian packages leaves" "$(find "$tree" -path "$tree/var/lib/dpkg" -prune -o ! -type d -print)"
    if command -v lintian >/dev/null; then
        check "lintian finds no error" lintian --allow-root --fail-on error $packages
    else
        missing lintian
    fi
else
    missing "dpkg-deb, or no dpkg-shlibdeps"
fi

echo "dist: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
