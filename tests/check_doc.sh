#!/bin/sh
# Checks the documents that come with the library: Doxygen makes a reference of each header, and groff and mandoc a page of
# the manual, without a warning. A tool that is missing is skipped, and told; where CI=true, that is a failure.
set -u
cd "$(dirname "$0")/.."
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# quiet NAME COMMAND...: it succeeds, and says nothing.
quiet() {
    name=$1
    shift
    if ! command -v "$1" >/dev/null; then
        echo "SKIPPED $name: there is no $1"
        [ "${CI:-}" != true ] || failed=1
    elif ! "$@" >"$scratch/log" 2>&1 || [ -s "$scratch/log" ]; then
        echo "FAILED $name"
        cat "$scratch/log"
        failed=1
    fi
}

mkdir -p build/doc-c build/doc-cpp
quiet "the reference of keyviz.h" doxygen bindings/c/package/Doxyfile
quiet "the reference of keyviz.hpp" doxygen bindings/cpp/Doxyfile
sed 's/@VERSION@/0.0.0/' bindings/c/package/libkeyviz.3.in >"$scratch/libkeyviz.3"
quiet "the manual with groff" groff -man -ww -z -Tutf8 "$scratch/libkeyviz.3"
quiet "the manual with mandoc" mandoc -T lint -W style "$scratch/libkeyviz.3"

[ "$failed" -eq 0 ] && echo "documents: passed" || echo "documents: FAILED"
exit $failed
