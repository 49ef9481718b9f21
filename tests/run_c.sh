#!/bin/sh
# Compiles and runs the C tests and examples against the built library, in several ways, and says how many passed: with
# gcc, and with clang where it is linked statically.
#
#     tests/run_c.sh [way...]
#
# tests/native.sh tells the ways; without one: shared, static, asan, valgrind.
set -u
cd "$(dirname "$0")/.."
root=$PWD
out=$root/target/c
language=C
tests="layout structs observe routes columns stored history hot_keys life exact query kept matrix forms readers merge"
examples="threads drain_loop thread_per_core replay matrix"
test_files=tests/c
example_files=bindings/c/examples
suffix=c

compile() {
    strict="-O1 -g -Wall -Wextra -Werror -pedantic -Iinclude -Itests/c"
    if [ "$1" = static ] && command -v clang >/dev/null; then echo "clang -std=c17 $strict"; else echo "gcc -std=c11 $strict"; fi
}

arguments() {
    if [ "$1" = matrix ]; then echo "$out/$way/heatmap.html" "$out/$way/matrix.json"; fi
}

more() {
    check "$1: matrix writes a page" grep -q 'An hour of orders and users' "$out/$1/heatmap.html"
    check "$1: matrix writes JSON" grep -q '"bucket_id":"route:2:redis#0"' "$out/$1/matrix.json"
    case $1 in
    shared)
        check "shared: the library may be unloaded" $(compile shared) tests/c/test_unload.c -o "$out/shared/test_unload" -ldl -pthread
        check "shared: test_unload" "$out/shared/test_unload" "$out/lib/libkeyviz.so.0"
        ;;
    static)
        command -v clang >/dev/null || missing clang "static, with clang"
        # Beside another Rust static library, before it or behind it.
        neighbour=$out/static/libneighbour.a
        check "static: another Rust library" rustc --edition 2021 -O --crate-type staticlib tests/c/neighbour.rs -o "$neighbour"
        for libraries in "$release/libkeyviz.a $neighbour" "$neighbour $release/libkeyviz.a"; do
            check "static: link test_neighbour" $(compile shared) tests/c/test_neighbour.c -o "$out/static/test_neighbour" \
                $libraries $static_libs
            check "static: test_neighbour" "$out/static/test_neighbour"
        done
        ;;
    esac
}

. tests/native.sh
