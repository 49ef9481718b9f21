#!/bin/sh
# Installs the library into build/prefix, and builds and runs every example there is of C and C++ with what is installed:
# with pkg-config and with CMake, shared and static, with gcc and clang, in every version of the languages that they are for.
# Then the README's snippets, and the replay of the traces against what is known of them.
#
# The traces are $KEYVIZ_TRACES/*.csv.zst, or those in ../shared/traces beside the repository. Needs `make build`. What is
# missing is skipped, and told; where CI=true, that is a failure.
set -u
cd "$(dirname "$0")/.."
prefix=$PWD/build/prefix
out=$PWD/build/examples
log=$out/log
rm -rf "$out"
mkdir -p "$out"
. tests/checks.sh

check "make install" make install PREFIX="$prefix" CARGO=false
[ "$failed" -eq 0 ] || exit 1
config="env PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config"
command -v pkg-config >/dev/null || missing pkg-config "building with pkg-config"
strict="-O1 -Wall -Wextra -Werror -pedantic"

# runs NAME PROGRAM EXAMPLE LANGUAGE: it prints what it should.
runs() {
    case $3 in
    matrix) arguments="$2.html $2.json" ;;
    cache) arguments=$2.html ;;
    *) arguments= ;;
    esac
    input=tests/$4/$3.in
    [ -f "$input" ] || input=/dev/null
    check "$1 runs" sh -c '"$@" <"$0"' "$input" sh -c '"$@" >"$0"' "$2.out" "$2" $arguments
    check "$1 prints what it should" diff "tests/$4/$3.expected" "$2.out"
}

# with_pkg_config COMPILER STANDARD LANGUAGE SUFFIX
with_pkg_config() {
    command -v pkg-config >/dev/null && command -v "$1" >/dev/null || return
    at=$out/$1-$2
    mkdir "$at"
    for source in bindings/"$3"/examples/*."$4"; do
        example=$(basename "$source" ".$4")
        this="$1, $2: $example"
        check "$this compiles" "$1" "-std=$2" $strict $($config --cflags keyviz) -c "$source" -o "$at/$example.o"
        check "$this links" "$1" "$at/$example.o" -o "$at/$example" -pthread $($config --libs keyviz) "-Wl,-rpath,$prefix/lib"
        check "$this links statically" "$1" "$at/$example.o" -o "$at/$example-static" -pthread $($config --libs keyviz-static)
        check "$this needs the library" sh -c 'readelf -d "$1" | grep -q "NEEDED.*libkeyviz"' sh "$at/$example"
        check "$this doesn't need it, static" sh -c '! readelf -d "$1" | grep -q "NEEDED.*libkeyviz"' sh "$at/$example-static"
        runs "$this" "$at/$example" "$example" "$3"
        runs "$this, static," "$at/$example-static" "$example" "$3"
    done
}

# with_cmake VARIABLE COMPILER LANGUAGE SUFFIX
with_cmake() {
    command -v cmake >/dev/null && command -v "$2" >/dev/null || return
    at=$out/cmake-$2
    this="CMake, $2"
    check "$this: configure" cmake -S "bindings/$3/examples" -B "$at" "-DCMAKE_PREFIX_PATH=$prefix" "-DCMAKE_$1_COMPILER=$2" \
        "-DCMAKE_$1_FLAGS=$strict"
    check "$this: build" cmake --build "$at"
    for source in bindings/"$3"/examples/*."$4"; do
        example=$(basename "$source" ".$4")
        runs "$this: $example" "$at/$example" "$example" "$3"
        runs "$this: $example, static," "$at/${example}_static" "$example" "$3"
    done
}

for compiler in gcc clang; do
    command -v $compiler >/dev/null || { missing $compiler "building with it"; continue; }
    cpp=$([ $compiler = gcc ] && echo g++ || echo clang++)
    for standard in c11 c17; do with_pkg_config $compiler $standard c c; done
    for standard in c++17 c++20 c++2b; do with_pkg_config $cpp $standard cpp cpp; done
    command -v cmake >/dev/null || { missing cmake "building with CMake"; continue; }
    with_cmake C $compiler c c
    with_cmake CXX $cpp cpp cpp
done

# snippet LANGUAGE SUFFIX COMPILER...: what the README shows in a language is a program, once main is around it.
snippet() {
    language=$1
    source=$out/readme.$2
    shift 2
    awk -v fence="\`\`\`$language" '
        $0 == fence { inside = 1; next }
        /^```/ { inside = 0 }
        inside && /^#include/ { print > "/dev/stdout"; next }
        inside { body = body "    " $0 "\n" }
        END { printf "#include <stdlib.h>\nint main(void) {\n%s    return 0;\n}\n", body }' README.md >"$source"
    check "the README's $language compiles" "$@" -Wall -Wextra -Werror $($config --cflags keyviz) \
        "-Wl,-rpath,$prefix/lib" -pthread "$source" -o "$out/readme-$language" $($config --libs keyviz)
    check "the README's $language runs" "$out/readme-$language"
}
if command -v pkg-config >/dev/null; then
    snippet c c gcc -std=c11
    snippet cpp cpp g++ -std=c++17
fi

# The traces, minute by minute.
traces=${KEYVIZ_TRACES:-../shared/traces}
replay=$(ls "$out"/*/replay 2>/dev/null | head -n 1)
if ! command -v zstd >/dev/null; then
    missing zstd "replaying traces"
elif ! ls "$traces"/*.csv.zst >/dev/null 2>&1; then
    missing "trace in $traces" "replaying traces"
elif [ -n "$replay" ]; then
    for trace in "$traces"/*.csv.zst; do
        name=$(basename "$trace" .csv.zst)
        check "$name: it can be replayed" sh -c 'zstd -dc "$1" | "$2" "$3.html" >"$3.out"' sh "$trace" "$replay" "$out/$name"
        check "$name: each minute is as it was" python3 -c '
import json, sys
truth, told = json.load(open(sys.argv[1])), open(sys.argv[2]).read().splitlines()
fields = "reads", "read_bytes", "writes", "write_bytes"
minutes = [" ".join([minute] + [str(counts[field]) for field in fields]) for minute, counts in sorted(truth["minutes"].items(), key=lambda one: int(one[0]))]
total = "reads {count} {bytes}, ".format(**truth["reads"]) + "writes {count} {bytes}".format(**truth["writes"])
assert told == minutes + [total], (told[-1], total)' "${trace%.csv.zst}.truth.json" "$out/$name.out"
        check "$name: a page is drawn" grep -q '"title":"Replay"' "$out/$name.html"
    done
fi

echo "examples: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
