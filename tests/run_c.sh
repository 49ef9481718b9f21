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
# Without arguments: the first four. They need `make build`. A tool that is missing skips its way, and says
# so; where CI=true, that is a failure.
set -u
cd "$(dirname "$0")/.."
root=$PWD
out=$root/target/c
release=${CARGO_TARGET_DIR:-$root/target}/release
triple=x86_64-unknown-linux-gnu
flags="-std=c11 -O1 -g -Wall -Wextra -Werror -pedantic -Iinclude -Itests/c"
# What a Rust static library needs (`cargo rustc --lib --crate-type staticlib -- --print native-static-libs`).
static_libs="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
tests="layout structs observe routes columns stored history hot_keys life exact query kept matrix forms readers merge"
examples="threads matrix"
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

# build WAY FLAGS LINK...: compiles all tests and the examples for a way.
build() {
    way=$1
    more=$2
    shift 2
    rm -rf "${out:?}/$way"
    mkdir -p "$out/$way"
    log=$out/$way/log
    for source in $(printf 'tests/c/test_%s.c ' $tests) $(printf 'bindings/c/examples/%s.c ' $examples); do
        program=$out/$way/$(basename "$source" .c)
        check "$way: compile $source" gcc $flags $more -c "$source" -o "$program.o"
        check "$way: link $source" gcc "$program.o" -o "$program" "$@" -pthread
    done
}

# arguments EXAMPLE: those that it takes.
arguments() {
    if [ "$1" = matrix ]; then echo "$out/$way/heatmap.html" "$out/$way/matrix.json"; fi
}

# run WAY COMMAND...: runs each test, and the examples, whose output is known.
run() {
    way=$1
    shift
    for name in $tests; do
        check "$way: test_$name" "$@" "$out/$way/test_$name"
        grep -h 'passed\|counted' "$log" | sed "s/^/$way: /"
    done
    for example in $examples; do
        check "$way: $example" sh -c '"$@" >"$0"' "$out/$way/$example.out" "$@" "$out/$way/$example" $(arguments "$example")
        check "$way: $example prints what it should" diff "tests/c/$example.expected" "$out/$way/$example.out"
    done
    check "$way: matrix writes a page" grep -q 'An hour of orders and users' "$out/$way/heatmap.html"
    check "$way: matrix writes JSON" grep -q '"bucket_id":"route:2:redis#0"' "$out/$way/matrix.json"
}

# The loader looks for the library by its SONAME.
shared_link() {
    mkdir -p "$out/lib"
    ln -sf "$1/libkeyviz.so.0" "$out/lib/libkeyviz.so"
    ln -sf "$1/libkeyviz.so.0" "$out/lib/libkeyviz.so.0"
    echo "-L$out/lib -lkeyviz -Wl,-rpath,$out/lib"
}

# with_sanitizer WAY NAME SHORT: builds the library and all its dependencies with a sanitizer. Sets `archive`, and `runtime`:
# the compiler's own, since that of an older gcc lacks calls that newer instrumentation makes.
with_sanitizer() {
    mkdir -p "$out/$1"
    log=$out/$1/log
    dir=$out/cargo-$2
    runtime="-Wl,--whole-archive $(find "$(rustc --print sysroot)/lib/rustlib/$triple" -name "librustc-*_rt.$3.a") \
        -Wl,--no-whole-archive -Wl,--export-dynamic"
    check "$1: cargo build" env RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="-Zsanitizer=$2 -Cunsafe-allow-abi-mismatch=sanitizer -Cforce-frame-pointers=yes" \
        cargo build --release --lib --target $triple --target-dir "$dir"
    archive=$dir/$triple/release/libkeyviz.a
}

# proves WAY SYMBOL: the sanitizer really is in the program.
proves() {
    log=$out/$1/log
    check "$1: the sanitizer is linked in" sh -c 'nm "$1" | grep -q "$2"' sh "$out/$1/test_life" "$2"
}

[ $# -gt 0 ] || set -- shared static asan valgrind
for way in "$@"; do
    case $way in
    shared)
        build shared '' $(shared_link "$release")
        run shared env
        check "shared: the library may be unloaded" \
            gcc $flags tests/c/test_unload.c -o "$out/shared/test_unload" -ldl -pthread
        check "shared: test_unload" "$out/shared/test_unload" "$out/lib/libkeyviz.so.0"
        ;;
    static)
        build static '' "$release/libkeyviz.a" $static_libs
        run static env
        ;;
    asan)
        sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
        build asan "$sanitize" $(shared_link "$release") $sanitize
        proves asan __asan_report
        proves asan __ubsan_handle
        run asan env ASAN_OPTIONS=detect_stack_use_after_return=1 KEYVIZ_TEST_SHARE=4
        ;;
    valgrind)
        if command -v valgrind >/dev/null; then
            build valgrind '' $(shared_link "$release")
            run valgrind env KEYVIZ_TEST_SHARE=200 valgrind --quiet --fair-sched=try --error-exitcode=9 --leak-check=full \
                --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible
        else
            missing valgrind valgrind
        fi
        ;;
    rust-asan)
        with_sanitizer rust-asan address asan
        build rust-asan -fsanitize=address "$archive" $runtime $static_libs
        proves rust-asan __asan_report
        run rust-asan env KEYVIZ_TEST_SHARE=10
        ;;
    tsan)
        with_sanitizer tsan thread tsan
        build tsan -fsanitize=thread "$archive" $runtime $static_libs
        proves tsan __tsan_
        run tsan env KEYVIZ_TEST_SHARE=20 "TSAN_OPTIONS=exitcode=66 suppressions=$root/tests/c/tsan.supp"
        ;;
    *)
        echo "usage: $0 [shared] [static] [asan] [valgrind] [rust-asan] [tsan]" >&2
        exit 2
        ;;
    esac
done
echo "C: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
