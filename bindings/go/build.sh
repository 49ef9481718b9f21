#!/bin/sh
# Builds the static library from this repository and puts it where cgo looks for it: libkeyviz.a, and keyviz_built.h, which
# is keyviz.h and the archive's hash. They lie beside the Go files, since go mod vendor takes along nothing else. `make go`
# at the repository's root, and `go generate` here, call this; it may be called from anywhere.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
cargo build --release --lib --manifest-path "$root/Cargo.toml"
release=${CARGO_TARGET_DIR:-$root/target}/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}release

# A file that would stay the same is left alone, and one that changes is replaced in one step: other builds may be
# reading it.
place() {
    cmp -s "$1" "$2" || { cp "$1" "$2.new" && mv "$2.new" "$2"; }
}
place "$release/libkeyviz.a" "$here/libkeyviz.a"

# cgo hashes the headers beside the Go files, but not what the linker reads: without the hash a rebuilt archive would go
# unnoticed.
built=$(mktemp "$here/keyviz_built.h.XXXXXX")
trap 'rm -f "$built"' EXIT
cat "$root/include/keyviz.h" >"$built"
printf '#define KEYVIZ_ARCHIVE "%s"\n' "$(sha256sum <"$here/libkeyviz.a" | cut -d' ' -f1)" >>"$built"
chmod 644 "$built"
place "$built" "$here/keyviz_built.h"
