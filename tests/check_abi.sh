#!/bin/sh
# Compares what the header declares with tests/abi/keyviz.abi, the ABI that programs were promised: functions and their
# versions, types, fields with their places, and the numbers of constants.
#
#     tests/check_abi.sh          fails on any difference, and shows that it would see one of each kind
#     tests/check_abi.sh accept   makes the header of now the promise
#
# It says nothing of the sources: tests/header.rs says that the header is theirs, and tests/check_elf.sh that the library
# exports it. Needs libabigail (Debian: abigail-tools). The same must come out of each compiler: gcc, clang, and those for
# musl and for 64-bit ARM. One that is missing is skipped, and told; where CI=true, that is a failure.
set -u
cd "$(dirname "$0")/.."
promise=tests/abi/keyviz.abi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED $*"; }
missing() {
    if [ "${CI:-}" = true ]; then fail "there is no $1"; else echo "SKIPPED $1: there is none"; fi
}

# declared COMPILER FOLDER: a library as the header in the folder declares it, in $scratch/declared.so.
declared() {
    awk -f tests/abi/stub.awk "$2/keyviz.h" >"$scratch/stub.c" &&
        "$1" -std=c11 -g -O0 -fPIC -shared -nostdlib -I"$2" "$scratch/stub.c" -o "$scratch/declared.so" \
            -Wl,-soname,libkeyviz.so.0 -Wl,--version-script=bindings/c/package/keyviz.map
}
compare() { abidiff --no-architecture "$promise" "$scratch/declared.so" >"$scratch/log" 2>&1; }

command -v abidiff >/dev/null || { missing abidiff; exit "$failed"; }
if [ "${1:-}" = accept ]; then
    declared gcc include || exit 1
    abidw --no-architecture --no-corpus-path --no-comp-dir-path --no-show-locs --type-id-style hash "$scratch/declared.so" |
        sed "s|path='[^']*/|path='|" >"$scratch/abi" && mv "$scratch/abi" "$promise" && git diff --stat "$promise"
    exit
fi

for compiler in gcc clang musl-gcc aarch64-linux-gnu-gcc; do
    command -v $compiler >/dev/null || { missing $compiler; continue; }
    if declared $compiler include && compare; then
        pass
    else
        fail "the header differs from $promise ($compiler)"
        cat "$scratch/log"
        echo "What CONTRIBUTING.md allows is accepted with: make abi-dump"
        break
    fi
    if echo '#include <keyviz.h>' | $compiler -x c -std=c11 -Iinclude -Wpadded -Werror -fsyntax-only -; then
        pass
    else
        fail "a struct has padding ($compiler)"
    fi
done

# sees NAME SED'S COMMANDS: with the header changed so, the comparison fails.
sees() {
    mkdir -p "$scratch/changed"
    sed -e "$2" include/keyviz.h >"$scratch/changed/keyviz.h"
    if cmp -s include/keyviz.h "$scratch/changed/keyviz.h"; then
        fail "'$1' changes nothing"
    elif ! declared gcc "$scratch/changed"; then
        fail "'$1' gives no header"
    elif compare; then
        fail "'$1' is not seen"
    else
        pass
    fi
}
if [ "$failed" -eq 0 ]; then
    sees "a narrower field" 's/uint64_t member_routes_total;/uint32_t member_routes_total;/'
    sees "a field of the other sign" 's/int64_t column_tolerance_ns;/uint64_t column_tolerance_ns;/'
    sees "two fields that changed places" 's/^    uint64_t reads;/    uint64_t swapped;/; s/^    uint64_t writes;/    uint64_t reads;/; s/^    uint64_t swapped;/    uint64_t writes;/'
    sees "a field more" 's/^} keyviz_limits_t;/    uint64_t more; } keyviz_limits_t;/'
    sees "a field less" '/^    uint64_t max_cells;/d'
    sees "another number" 's/^\(#define KEYVIZ_ERR_CLOSED\) 11/\1 12/'
    sees "two numbers that changed places" 's/^\(#define KEYVIZ_OP_READ\) 0/\1 1/; s/^\(#define KEYVIZ_OP_WRITE\) 1/\1 0/'
    sees "a function less" '/^void keyviz_merge_free(/d'
    sees "a function more" 's/^void keyviz_merge_free(/void keyviz_merge_more(void);\n&/'
    sees "a parameter of another type" 's/^void keyviz_lane_release(keyviz_lane_t \*lane)/void keyviz_lane_release(keyviz_merge_t *lane)/'
    sees "a parameter less" 's/^\(keyviz_status_t keyviz_force_panic\)(.*)/\1(void)/'
    sees "another result" 's/^uint32_t keyviz_label_count/int64_t keyviz_label_count/'
    sees "another callback" 's/keyviz_event_fn)(const keyviz_event_t \*event, /&int more, /'
fi

echo "ABI: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
