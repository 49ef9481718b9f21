#!/bin/sh
# Programs and libraries of different age: structs of the C API grow at their end, and both directions go on working.
#
#     an older program, a newer library    the C tests, against a library in which every struct has grown
#     a newer program, an older library    the C tests, compiled with that library's header, against the library of now
#
# tests/abi/grow.py makes the grown library of the sources (20 seconds to compile). Where there is valgrind, it looks for
# what the library writes past the end of an older program's structs. Needs `make build`.
set -u
cd "$(dirname "$0")/.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/target}
out=$root/build/growth
newer=$root/build/grown
passed=0
failed=0
RUST_BACKTRACE=0
KEYVIZ_TEST_SHARE=50
export RUST_BACKTRACE KEYVIZ_TEST_SHARE
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED $*"; }
log=$out/log
# check NAME COMMAND...: runs it, shows what it says if it fails.
check() {
    name=$1
    shift
    if "$@" >"$log" 2>&1; then pass; else fail "$name"; cat "$log"; fi
}

mkdir -p "$out/newer" "$out/older"
python3 tests/abi/grow.py "$newer" || exit 1
# What the newer header is made into must be there.
[ -f "$newer/include/keyviz.h" ] || : >"$newer/include/keyviz.h"
check "the newer library is built" env KEYVIZ_WRITE_HEADER=1 \
    "${CARGO:-cargo}" build --release --lib --locked --manifest-path "$newer/Cargo.toml" --target-dir "$target"
[ "$failed" -eq 0 ] || exit 1
ln -sf "$target/release/libkeyviz_grown.so" "$out/newer/libkeyviz.so.0"
ln -sf "$target/release/libkeyviz.so.0" "$out/older/libkeyviz.so.0"

# run PAIR HEADERS LIBRARY TESTS...: compiles with one, runs with the other.
run() {
    pair=$1
    include=$2
    library=$3
    shift 3
    for test in "$@"; do
        program=$out/$(basename "$library")-$test
        check "$pair: compile test_$test" gcc -std=c11 -O1 -g "-I$include" -Itests/c "tests/c/test_$test.c" -o "$program" \
            "$library/libkeyviz.so.0" "-Wl,-rpath,$library" -pthread
        if [ "$test" = structs ]; then
            check "$pair: test_$test" "$program" newer
            if command -v valgrind >/dev/null; then
                check "$pair: test_$test with valgrind" valgrind --quiet --error-exitcode=9 "$program" newer
            fi
        else
            check "$pair: test_$test" "$program"
        fi
    done
}

# All but those of many threads, which say nothing of structs; and those about structs say what the header's are.
tests="routes columns stored history hot_keys life query kept matrix forms readers merge"
run "an older program with a newer library" include "$out/newer" layout structs $tests
run "a newer program with an older library" "$newer/include" "$out/older" $tests

echo "growth: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
