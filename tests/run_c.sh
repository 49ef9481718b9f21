#!/bin/sh
# Compiles and runs the C tests and examples against the built library, in several ways, and says how many passed.
#
#     tests/run_c.sh [way...]
#
#     shared     against the shared library
#     static     against the static library
#     asan       with AddressSanitizer and UndefinedBehaviorSanitizer on the C side
#     valgrind   under memcheck: no error, nothing leaked
#     rust-asan  with AddressSanitizer in the library too (builds it anew: a minute)
#     tsan       with ThreadSanitizer in the library too (builds it anew: a minute)
#
# Without arguments: the first four. They need `cargo build --release`. A tool that is missing skips its way, and says
# so; where CI=true, that is a failure.
set -u
cd "$(dirname "$0")/.."
root=$PWD
out=$root/target/c
release=${CARGO_TARGET_DIR:-$root/target}/release
triple=x86_64-unknown-linux-gnu
flags="-std=c11 -O1 -g -Wall -Wextra -Werror -pedantic -Iinclude -Itests/c"
# What a Rust static library needs; tests/header.rs holds it against what the compiler says.
static_libs="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
tests="structs observe routes columns life exact"
passed=0
failed=0
# A forced panic is part of the tests; its backtrace would only be noise.
RUST_BACKTRACE=0
export RUST_BACKTRACE

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED $*"; }

# missing TOOL WAY
missing() {
    if [ "${CI:-}" = true ]; then fail "$2: there is no $1"; else echo "SKIPPED $2: there is no $1"; fi
}

# check NAME COMMAND...: runs it, shows what it says if it fails.
check() {
    name=$1
    shift
    if "$@" >"$log" 2>&1; then pass; else fail "$name"; cat "$log"; fi
}

# build WAY LINK...: compiles all tests and the example for a way.
build() {
    way=$1
    shift
    mkdir -p "$out/$way"
    log=$out/$way/log
    for name in $tests; do
        check "$way: compile test_$name" gcc $flags "tests/c/test_$name.c" -o "$out/$way/test_$name" "$@" -pthread || return 1
    done
    check "$way: compile threads.c" gcc $flags bindings/c/examples/threads.c -o "$out/$way/threads" "$@" -pthread
}

# run WAY COMMAND...: runs each test, and the example, whose output is known.
run() {
    way=$1
    shift
    for name in $tests; do
        check "$way: test_$name" "$@" "$out/$way/test_$name"
        grep -h 'passed\|counted' "$log" | sed "s/^/$way: /"
    done
    check "$way: threads" sh -c '"$@" >"$0"' "$out/$way/threads.out" "$@" "$out/$way/threads"
    check "$way: threads prints what it should" diff tests/c/threads.expected "$out/$way/threads.out"
}

# The loader looks for the library by its SONAME.
shared_link() {
    mkdir -p "$out/lib"
    ln -sf "$1/libkeyviz.so" "$out/lib/libkeyviz.so"
    ln -sf "$1/libkeyviz.so" "$out/lib/libkeyviz.so.0"
    echo "-L$out/lib -lkeyviz -Wl,-rpath,$out/lib"
}

# with_sanitizer WAY NAME: builds the library and all its dependencies with a sanitizer; sets `archive`.
with_sanitizer() {
    dir=$out/cargo-$2
    check "$1: cargo build" env RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="-Zsanitizer=$2 -Cunsafe-allow-abi-mismatch=sanitizer -Cforce-frame-pointers=yes" \
        cargo build --release --lib --target $triple --target-dir "$dir"
    archive=$dir/$triple/release/libkeyviz.a
}

# proves WAY SYMBOL: the sanitizer really is in the program.
proves() {
    log=$out/$1/log
    check "$1: the sanitizer is linked in" sh -c 'readelf -Ws --dyn-syms "$1" | grep -q "$2"' sh "$out/$1/test_life" "$2"
}

[ $# -gt 0 ] || set -- shared static asan valgrind
for way in "$@"; do
    case $way in
    shared)
        build shared $(shared_link "$release")
        run shared env
        check "shared: the library may be unloaded" \
            gcc $flags tests/c/test_unload.c -o "$out/shared/test_unload" -ldl -pthread
        check "shared: test_unload" "$out/shared/test_unload" "$out/lib/libkeyviz.so.0"
        ;;
    static)
        build static "$release/libkeyviz.a" $static_libs
        run static env
        ;;
    asan)
        build asan $(shared_link "$release") -fsanitize=address,undefined -fno-sanitize-recover=all
        proves asan __asan_report
        proves asan __ubsan_handle
        run asan env ASAN_OPTIONS=detect_stack_use_after_return=1 KEYVIZ_TEST_SHARE=4
        ;;
    valgrind)
        if command -v valgrind >/dev/null; then
            build valgrind $(shared_link "$release")
            run valgrind env KEYVIZ_TEST_SHARE=200 valgrind --quiet --error-exitcode=9 --leak-check=full \
                --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible
        else
            missing valgrind valgrind
        fi
        ;;
    rust-asan)
        mkdir -p "$out/$way"
        log=$out/$way/log
        with_sanitizer rust-asan address
        build rust-asan "$archive" $static_libs -fsanitize=address
        proves rust-asan __asan_report
        run rust-asan env KEYVIZ_TEST_SHARE=10
        ;;
    tsan)
        mkdir -p "$out/$way"
        log=$out/$way/log
        with_sanitizer tsan thread
        build tsan "$archive" $static_libs -fsanitize=thread
        proves tsan __tsan_
        run tsan env KEYVIZ_TEST_SHARE=20 "TSAN_OPTIONS=halt_on_error=0 exitcode=66"
        ;;
    *)
        echo "usage: $0 [shared] [static] [asan] [valgrind] [rust-asan] [tsan]" >&2
        exit 2
        ;;
    esac
done
echo "C: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
