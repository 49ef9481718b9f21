#!/bin/sh
# Checks an installed library as those who link it see it: its files, what they say of versions and of each other, programs
# built with pkg-config and CMake, and the same once the prefix was moved elsewhere. Installs and removes nothing but a
# copy of its own. `make check-install` calls it, with what bindings/c/package/install.sh wants set.
#
# Compilers: gcc and clang, pkg-config and CMake, as far as they are there. What is missing is skipped, and told; where
# CI=true, that is a failure.
set -u
cd "$(dirname "$0")/.."
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log
passed=0
failed=0
major=${VERSION%%.*}
DESTDIR=
export DESTDIR

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED $*"; }
missing() {
    if [ "${CI:-}" = true ]; then fail "there is no $1"; else echo "SKIPPED $1: there is none"; fi
}

# check NAME COMMAND...: runs it, shows what it says if it fails.
check() {
    name=$1
    shift
    if "$@" >"$log" 2>&1; then pass; else fail "$name"; cat "$log"; fi
}

# same NAME GOT WANTED
same() {
    if [ "$2" = "$3" ]; then pass; else fail "$1: '$2', and should be '$3'"; fi
}

# says VERSION PROGRAM...: it runs, and with this version.
says() {
    wanted=$1
    shift
    [ "$("$@")" = "keyviz $wanted" ]
}

files=$(bindings/c/package/install.sh list) || exit 1
for file in $files; do
    check "$file is there, and readable" test -r "$file"
done
[ "$failed" -eq 0 ] || { echo "install: nothing (complete) is installed in $PREFIX; make install PREFIX=$PREFIX"; exit 1; }

check "the installed library is a good one" tests/check_elf.sh "$LIBDIR/libkeyviz.so"
same "libkeyviz.so.$major leads to" "$(readlink "$LIBDIR/libkeyviz.so.$major")" "libkeyviz.so.$VERSION"
same "keyviz.h is of version" "$(sed -n 's/^#define KEYVIZ_VERSION "\(.*\)"/\1/p' "$INCLUDEDIR/keyviz.h")" "$VERSION"
check "the manual names the version" grep -q "libkeyviz $VERSION" "$MANDIR/man3/libkeyviz.3"
check "no debug information is installed" sh -c '! readelf -SW "$@" 2>/dev/null | grep -q "\.debug_info"' sh \
    "$LIBDIR/libkeyviz.so" "$LIBDIR/libkeyviz.a"

# The example of the manual is a program.
sed -n '/^\.EX$/,/^\.EE$/p' "$MANDIR/man3/libkeyviz.3" | sed -e '/^\.E[XE]$/d' -e 's/\\e/\\/g' >"$scratch/example.c"

# with_pkg_config WHERE PKGCONFIGDIR LIBDIR: builds and runs programs with what pkg-config says.
with_pkg_config() {
    where=$1
    command -v pkg-config >/dev/null || { missing pkg-config; return; }
    config="env PKG_CONFIG_PATH=$2 pkg-config"
    libdir=$3
    for package in keyviz keyviz-static; do
        same "$where: version of $package.pc" "$($config --modversion $package)" "$VERSION"
        check "$where: $package.pc is valid" $config --validate $package
        check "$where: keyviz.proto is where $package.pc says" test -r "$($config --variable=protodir $package)/keyviz.proto"
    done
    strict="-Wall -Wextra -Werror -pedantic -O1"
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || { missing $compiler; continue; }
        out=$scratch/$where-$compiler
        mkdir "$out"
        for way in shared static all-static; do
            case $way in
            shared) flags="$($config --cflags --libs keyviz) -Wl,-rpath,$libdir" ;;
            static) flags=$($config --cflags --libs keyviz-static) ;;
            all-static) flags="-static $($config --static --cflags --libs keyviz)" ;;
            esac
            check "$where: $compiler links C, $way" $compiler -std=c11 $strict tests/install/consumer.c -o "$out/$way" $flags
            check "$where: $compiler's C program runs, $way" says "$VERSION" "$out/$way"
            needed=$(LC_ALL=C readelf -d "$out/$way" | grep -c "NEEDED.*libkeyviz\.so\.$major")
            same "$where: $compiler, $way: needs libkeyviz.so" "$needed" "$([ $way = shared ] && echo 1 || echo 0)"
            [ $way != shared ] || check "$where: it runs with the library that was installed" \
                sh -c 'ldd "$1" | grep -q " $2/libkeyviz\.so\.$3 "' sh "$out/shared" "$libdir" "$major"
        done
        cpp=$([ $compiler = gcc ] && echo g++ || echo clang++)
        check "$where: $cpp links C++" $cpp -std=c++17 $strict -x c++ tests/install/consumer.c -x none -o "$out/cpp" \
            $($config --cflags --libs keyviz-static)
        check "$where: $cpp's C++ program runs" says "$VERSION" "$out/cpp"
    done
    out=$scratch/$where-example
    check "$where: the manual's example links" gcc -std=c11 $strict "$scratch/example.c" -o "$out" $($config --cflags --libs keyviz-static)
    check "$where: the manual's example writes a page" sh -c '"$1" | head -c 15 | grep -qi "<!doctype html>"' sh "$out"
}

# with_cmake WHERE PREFIX LIBDIR
with_cmake() {
    where=$1
    libdir=$3
    command -v cmake >/dev/null || { missing cmake; return; }
    out=$scratch/$where-cmake
    configure="cmake -S tests/install -DCMAKE_PREFIX_PATH=$2 -Dkeyviz_DIR=$CMAKEDIR"
    [ "$2" = "$PREFIX" ] || configure="cmake -S tests/install -DCMAKE_PREFIX_PATH=$2"
    check "$where: CMake finds it" $configure -B "$out" -DWANTED="${VERSION%.*}"
    check "$where: CMake builds programs" cmake --build "$out"
    for program in c_with_keyviz cpp_with_keyviz c_with_keyviz_static cpp_with_keyviz_static; do
        check "$where: CMake's $program runs" says "$VERSION" "$out/$program"
    done
    check "$where: CMake's programs run with the library that was installed" \
        sh -c 'ldd "$1" | grep -q " $2/libkeyviz\.so\.$3 "' sh "$out/c_with_keyviz" "$libdir" "$major"
}

# An installed version serves those who want the same major version, and no newer one.
with_cmake_versions() {
    command -v cmake >/dev/null || return
    for wanted in $((major + 1)) "$major.9999"; do
        check "CMake doesn't take it for $wanted, and says what there is" sh -c '
            ! cmake -S tests/install -B "$1" -Dkeyviz_DIR="$2" -DWANTED="$3" >"$1.log" 2>&1 && grep -q "version: $4$" "$1.log"' \
            sh "$scratch/wanted-$wanted" "$CMAKEDIR" "$wanted" "$VERSION"
    done
    check "CMake takes exactly this version" \
        cmake -S tests/install -B "$scratch/exactly" -Dkeyviz_DIR="$CMAKEDIR" -DWANTED="$VERSION;EXACT"
}

with_pkg_config installed "$PKGCONFIGDIR" "$LIBDIR"
with_cmake installed "$PREFIX" "$LIBDIR"
with_cmake_versions

# What the static library needs is what the compiler says, but for what each C compiler adds by itself.
echo 'pub use keyviz::Sampler;' >"$scratch/all.rs"
says=$(rustc --edition 2021 --crate-type staticlib -L "dependency=$RELEASE/deps" --extern "keyviz=$RELEASE/libkeyviz.rlib" \
    --print native-static-libs -o "$scratch/all.a" "$scratch/all.rs" 2>&1 | sed -n 's/.*native-static-libs: //p')
same "the libraries that a static link needs" "$(echo "$STATIC_LIBS" | xargs)" \
    "$(echo "$says" | tr ' ' '\n' | grep -vx -e -lgcc_s -e -lc | xargs)"
readme=$(sed -n 's/.*`libkeyviz\.a` (`\(.*\)`).*/\1/p' README.md)
same "the README's line for a static link" "$(echo "$readme" | xargs)" "$(echo "$STATIC_LIBS" | xargs)"

# The prefix, moved: nothing in it knows where it was.
moved=$scratch/moved
outside=
for file in $files; do
    case $file in
    "$PREFIX"/*)
        mkdir -p "$moved$(dirname "${file#"$PREFIX"}")"
        cp -P "$file" "$moved${file#"$PREFIX"}"
        ;;
    *) outside=$file ;;
    esac
done
if [ -z "$outside" ]; then
    check "no file knows its prefix" sh -c '! grep -rlF "$1" "$2"' sh "$PREFIX/" "$moved"
    with_pkg_config moved "$moved${PKGCONFIGDIR#"$PREFIX"}" "$moved${LIBDIR#"$PREFIX"}"
    with_cmake moved "$moved" "$moved${LIBDIR#"$PREFIX"}"
else
    echo "SKIPPED moving it: $outside does not lie in $PREFIX"
fi

echo "install: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
