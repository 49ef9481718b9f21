#!/bin/sh
# Builds the module from this repository: build/redis/keyviz.so, and noop.so, whose command filter does nothing (for the
# bench). `make redis` at the repository's root calls this; it may be called from anywhere.
#
# redismodule.h, the header of Redis' module API (BSD-3-Clause), is in no Debian package. The crate redis-module carries it,
# and it is fetched from there, once; where that fails, the exit status is 3.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
out=$root/build/redis
archive=${CARGO_TARGET_DIR:-$root/target}/release/libkeyviz.a
crate=redis-module
version=2.0.7

mkdir -p "$out/include" "$out/fetch"
if ! [ -f "$out/include/redismodule.h" ]; then
    echo "No redismodule.h here: fetching it with the crate $crate $version into build/redis" >&2
    cat >"$out/fetch/Cargo.toml" <<TOML
[package]
name = "fetch"
version = "0.0.0"
edition = "2021"
[lib]
path = "nothing.rs"
[dependencies]
$crate = "=$version"
[workspace]
TOML
    : >"$out/fetch/nothing.rs"
    host=$(rustc -vV | sed -n 's/^host: //p')
    # Its sources are where cargo unpacks them.
    manifest=$(cargo metadata --quiet --format-version 1 --filter-platform "$host" --manifest-path "$out/fetch/Cargo.toml" |
        tr ',' '\n' | sed -n "s|.*\"manifest_path\":\"\(.*/$crate-$version\)/Cargo.toml\".*|\1|p")
    cp "$manifest/src/include/redismodule.h" "$out/include/redismodule.h.new" || exit 3
    mv "$out/include/redismodule.h.new" "$out/include/redismodule.h"
fi

cargo build --release --lib --manifest-path "$root/Cargo.toml"

# module NAME SOURCE... -- LIBRARY...: nothing but what Redis looks for is seen from outside. A server may have the old
# file loaded, so the new one replaces it in one step.
module() {
    name=$1
    shift
    ${CC:-cc} -std=c11 -O2 -g -fPIC -shared -fvisibility=hidden -Wall -Wextra -Werror -isystem "$out/include" \
        -I"$root/include" -Wl,--version-script="$here/src/exports.map" -Wl,-z,defs -Wl,--gc-sections -Wl,--strip-debug \
        -o "$out/$name.new" "$@"
    mv "$out/$name.new" "$out/$name"
}
module keyviz.so "$here"/src/*.c "$archive" -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
module noop.so "$here/noop.c"
