#!/bin/sh
# Compiles and runs the tests of keyviz.hpp and the C++ examples against the built library, in several ways, and says how
# many passed: with g++ as C++17 and C++23, with clang++ as C++20 without exceptions and RTTI. Then the header itself: each
# part of it alone, in every version of C++ with both compilers.
#
#     tests/run_cpp.sh [way...]
#
# tests/native.sh tells the ways; without one: shared, static, asan, valgrind.
set -u
cd "$(dirname "$0")/.."
root=$PWD
out=$root/target/cpp
language=C++
tests="result sampler matrix hot_keys exact"
examples="cache"
test_files=tests/cpp
example_files=bindings/cpp/examples
suffix=cpp
strict="-Wall -Wextra -Werror -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Iinclude -Itests/cpp"

clang=$(command -v clang++ || echo g++)

compile() {
    case $1:$2 in
    static:test_*) echo "$clang -std=c++20 -O1 -g -fno-exceptions -fno-rtti $strict" ;;
    static:*) echo "$clang -std=c++20 -O1 -g $strict" ;;
    # (At -O1, and with this sanitizer, gcc 12 takes a std::optional of a temporary for uninitialised.)
    asan:*) echo "g++ -std=c++2b -O0 -g $strict" ;;
    rust-asan:*) echo "g++ -std=c++17 -O0 -g $strict" ;;
    *) echo "g++ -std=c++17 -O1 -g $strict" ;;
    esac
}

arguments() {
    case $1 in
    test_sampler) echo "$out/$way" ;;
    test_matrix) echo tests/golden ;;
    cache) echo "$out/$way/heatmap.html" ;;
    esac
}

# refuses NAME WORDS COMMAND...: the compiler refuses it, with these words.
refuses() {
    name=$1
    words=$2
    shift 2
    if "$@" >"$log.refused" 2>&1; then fail "$name: it is taken"; else check "$name, and says why" grep -q "$words" "$log.refused"; fi
}

check_header() {
    log=$out/log
    compilers=g++
    if [ "$clang" = g++ ]; then missing clang++ headers; else compilers="g++ clang++"; fi
    for header in include/keyviz.hpp include/keyviz/*.hpp; do
        name=${header#include/}
        printf '#include <%s>\n#include <%s>\n' "$name" "$name" >"$out/alone.cpp"
        check "$name compiles alone, and included twice" g++ -std=c++17 $strict -fsyntax-only "$out/alone.cpp"
    done
    for compiler in $compilers; do
        for version in 17 20 2b; do
            this="$compiler, C++$version"
            object=$out/hot-$compiler-$version.o
            check "$this" "$compiler" -std=c++$version -O2 $strict -c tests/cpp/hot.cpp -o "$object"
            check "$this: the hot path is the C call" sh -c '
                ! nm "$1" | grep " W .*keyviz" && [ "$(nm "$1" | grep -c " U keyviz_.*observe")" = 3 ]' sh "$object"
        done
        check "$compiler: results that are looked at" "$compiler" -std=c++17 $strict -fsyntax-only tests/cpp/ignored.cpp
        for what in IGNORE_A_VALUE IGNORE_NOTHING IGNORE_AN_OBJECT; do
            refuses "$compiler: $what is refused" 'nodiscard' \
                "$compiler" -std=c++17 $strict -fsyntax-only -D$what tests/cpp/ignored.cpp
        done
        refuses "$compiler: without exceptions there is no value()" "value" \
            "$compiler" -std=c++17 $strict -fno-exceptions -fsyntax-only tests/cpp/throwing.cpp
        check "$compiler: with exceptions there is" \
            "$compiler" -std=c++17 $strict -fsyntax-only tests/cpp/throwing.cpp
    done
    # Two parts of a program, of two compilers and two versions of C++.
    last=$out/hot-${compilers##* }-20.o
    check "two parts of a program link" g++ -std=c++17 $strict tests/cpp/two.cpp "$last" -o "$out/two" $(shared_link "$release")
    check "two parts of a program run" "$out/two"
}

more() {
    check "$1: cache writes a page" grep -q '"title":"Cache"' "$out/$1/heatmap.html"
    [ "$1" != shared ] || check_header
}

. tests/native.sh
