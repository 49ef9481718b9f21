# What tests/run_c.sh and tests/run_cpp.sh share: compiles and runs tests and examples against the library, in several ways,
# and says how many passed. They set these, and source it with the ways to go:
#
#     language          for the last line
#     tests, examples   their names
#     test_files        where the tests, and what the examples print, are: tests/c
#     example_files     where the examples are
#     suffix            of their sources
#     compile WAY NAME  prints the compiler and its flags, for a test or example
#     arguments NAME    prints the arguments of a test or example
#     more WAY          checks more, once a way has run
#
# The ways:
#
#     shared     against the shared library
#     static     against the static library
#     asan       with AddressSanitizer and UndefinedBehaviorSanitizer on this side
#     valgrind   under memcheck: no error, nothing leaked
#     rust-asan  with AddressSanitizer in the library too (builds it anew: a minute)
#     tsan       with ThreadSanitizer in the library too (builds it anew: a minute)
#
# Without a way: the first four. They need `make build`. A tool that is missing skips its way, and says so; where CI=true,
# that is a failure.
release=${CARGO_TARGET_DIR:-$root/target}/release
triple=x86_64-unknown-linux-gnu
# What a Rust static library needs (`cargo rustc --lib --crate-type staticlib -- --print native-static-libs`).
static_libs="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
# A forced panic is part of the tests; its backtrace would only be noise.
RUST_BACKTRACE=0
export RUST_BACKTRACE

. tests/checks.sh

programs() {
    printf "test_%s\n" $tests
    printf "%s\n" $examples
}

# build WAY FLAGS LINK...: compiles all tests and the examples for a way.
build() {
    way=$1
    more=$2
    shift 2
    rm -rf "${out:?}/$way"
    mkdir -p "$out/$way"
    log=$out/$way/log
    for source in $(printf "$test_files/test_%s.$suffix " $tests) $(printf "$example_files/%s.$suffix " $examples); do
        program=$out/$way/$(basename "$source" ".$suffix")
        compile=$(compile "$way" "$(basename "$program")")
        check "$way: compile $source" $compile $more -c "$source" -o "$program.o"
        check "$way: link $source" ${compile%% *} "$program.o" -o "$program" "$@" -pthread
    done
}

# run WAY PLACE COMMAND...: runs each test in PLACE's build, and the examples, whose output is known.
run() {
    way=$1
    place=$out/$2
    shift 2
    mkdir -p "$out/$way"
    log=$out/$way/log
    for name in $tests; do
        check "$way: test_$name" "$@" "$place/test_$name" $(arguments "test_$name")
        grep -h 'passed\|counted' "$log" | sed "s/^/$way: /"
    done
    for example in $examples; do
        input=$test_files/$example.in
        [ -f "$input" ] || input=/dev/null
        check "$way: $example" sh -c 'input=$1 output=$2; shift 2; "$@" <"$input" >"$output"' sh "$input" "$out/$way/$example.out" \
            "$@" "$place/$example" $(arguments "$example")
        check "$way: $example prints what it should" diff "$test_files/$example.expected" "$out/$way/$example.out"
    done
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
    dir=$root/target/c/cargo-$2
    runtime="-Wl,--whole-archive $(find "$(rustc --print sysroot)/lib/rustlib/$triple" -name "librustc-*_rt.$3.a") \
        -Wl,--no-whole-archive -Wl,--export-dynamic"
    check "$1: cargo build" env RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="-Zsanitizer=$2 -Cunsafe-allow-abi-mismatch=sanitizer -Cforce-frame-pointers=yes" \
        cargo build --release --lib --target $triple --target-dir "$dir"
    archive=$dir/$triple/release/libkeyviz.a
}

# proves WAY SYMBOL: the sanitizer really is in each program.
proves() {
    log=$out/$1/log
    for program in $(programs); do
        check "$1: the sanitizer is linked into $program" sh -c 'nm "$1" | grep -q "$2"' sh "$out/$1/$program" "$2"
    done
}

[ $# -gt 0 ] || set -- shared static asan valgrind
for this in "$@"; do
    case $this in
    shared)
        build shared '' $(shared_link "$release")
        run shared shared env
        ;;
    static)
        build static '' "$release/libkeyviz.a" $static_libs
        run static static env
        ;;
    asan)
        sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
        build asan "$sanitize" $(shared_link "$release") $sanitize
        proves asan __asan_report
        proves asan __ubsan_handle
        run asan asan env ASAN_OPTIONS=detect_stack_use_after_return=1 KEYVIZ_TEST_SHARE=4
        ;;
    valgrind)
        if command -v valgrind >/dev/null; then
            # The programs are those of the shared way.
            case " $* " in
            *' shared '*) ;;
            *) build shared '' $(shared_link "$release") ;;
            esac
            run valgrind shared env KEYVIZ_TEST_SHARE=200 valgrind --quiet --fair-sched=try --error-exitcode=9 --leak-check=full \
                --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible
        else
            missing valgrind valgrind
            continue
        fi
        ;;
    rust-asan)
        with_sanitizer rust-asan address asan
        build rust-asan -fsanitize=address "$archive" $runtime $static_libs
        proves rust-asan __asan_report
        run rust-asan rust-asan env KEYVIZ_TEST_SHARE=10
        ;;
    tsan)
        with_sanitizer tsan thread tsan
        build tsan -fsanitize=thread "$archive" $runtime $static_libs
        proves tsan __tsan_
        run tsan tsan env KEYVIZ_TEST_SHARE=20 "TSAN_OPTIONS=exitcode=66 suppressions=$root/tests/c/tsan.supp"
        ;;
    *)
        echo "usage: $0 [shared] [static] [asan] [valgrind] [rust-asan] [tsan]" >&2
        exit 2
        ;;
    esac
    more "$this"
done
echo "$language: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
