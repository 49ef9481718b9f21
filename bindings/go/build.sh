#!/bin/sh
# Builds the static library from this repository and puts it where cgo looks for it: lib/libkeyviz.a, lib/keyviz.h,
# and keyviz_built.h, which names the archive by its hash. `make go` at the repository's root, and `go generate` here,
# call this; it may be called from anywhere.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
cargo build --release --lib --manifest-path "$root/Cargo.toml"
release=${CARGO_TARGET_DIR:-$root/target}/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}release
mkdir -p "$here/lib"

# A file that would stay the same is left alone, and one that changes is replaced in one step: other builds may be
# reading it.
place() {
    cmp -s "$1" "$2" || { cp "$1" "$2.new" && mv "$2.new" "$2"; }
}
place "$release/libkeyviz.a" "$here/lib/libkeyviz.a"
place "$root/include/keyviz.h" "$here/lib/keyviz.h"

# cgo hashes the headers beside the Go files, but neither lib/ nor what the linker reads: without this file a rebuilt
# archive would go unnoticed.
marker=$(mktemp "$here/lib/marker.XXXXXX")
trap 'rm -f "$marker"' EXIT
printf '#define KEYVIZ_ARCHIVE "%s"\n' "$(cat "$here/lib/libkeyviz.a" "$here/lib/keyviz.h" | sha256sum | cut -d' ' -f1)" >"$marker"
place "$marker" "$here/keyviz_built.h"
