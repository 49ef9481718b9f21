#!/bin/sh
# Checks that `cargo cinstall` lays down a library of the same names as `make install`: its SONAME and links, the header, a
# keyviz.pc with which programs link. cargo-c, where it is missing, is installed into build/cargo-c (some minutes).
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/build/cargo-c/bin:$PATH
prefix=$PWD/build/cinstall
if ! command -v cargo-cinstall >/dev/null; then
    echo "there is no cargo-c: installing it into build/cargo-c (some minutes)"
    cargo install --quiet --locked --root build/cargo-c --version '0.10.24+cargo-0.98.0' cargo-c
fi
rm -rf "$prefix"
cargo cinstall --release --locked --prefix "$prefix" --libdir "$prefix/lib" --target-dir target/cinstall

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
major=${version%%.*}
soname=$(LC_ALL=C readelf -dW "$prefix/lib/libkeyviz.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[ "$soname" = "libkeyviz.so.$major" ] || { echo "its SONAME is '$soname'"; exit 1; }
[ -f "$prefix/lib/libkeyviz.so.$version" ] && [ -f "$prefix/lib/libkeyviz.so.$major" ] || { echo "a link is missing"; exit 1; }
for header in $(cd include && find . -name '*.h' -o -name '*.hpp'); do cmp "include/$header" "$prefix/include/$header"; done
cmp include/keyviz.proto "$prefix/share/keyviz/keyviz.proto"
config="env PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config"
[ "$($config --modversion keyviz)" = "$version" ] || { echo "keyviz.pc is of another version"; exit 1; }
gcc -std=c11 tests/install/consumer.c -o build/cinstall/shared $($config --cflags --libs keyviz) "-Wl,-rpath,$prefix/lib"
gcc -std=c11 tests/install/consumer.c -o build/cinstall/static $($config --cflags keyviz) "$prefix/lib/libkeyviz.a" \
    $($config --static --libs-only-l keyviz | sed 's/-lkeyviz//g')
for way in shared static; do
    [ "$(build/cinstall/$way)" = "keyviz $version" ] || { echo "the $way program is not well"; exit 1; }
done
echo "cargo cinstall: passed"
