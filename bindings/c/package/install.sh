#!/bin/sh
# Lays the library down below a prefix, takes it away again, or lists its files. `make install` and `make uninstall` call
# it, with these set: VERSION, RELEASE (where the built library is), DESTDIR, PREFIX, LIBDIR, INCLUDEDIR, DATADIR, MANDIR, DOCDIR,
# PKGCONFIGDIR, CMAKEDIR, STATIC_LIBS, STRIP.
#
#     bindings/c/package/install.sh install|uninstall|list
set -eu
verb=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../../.." && pwd)
protodir=$DATADIR/keyviz
major=${VERSION%%.*}
soname=libkeyviz.so.$major

case $PREFIX$LIBDIR$INCLUDEDIR in
*[[:space:]]*) echo "install: a path with a space is nothing that pkg-config can tell of" >&2; exit 2 ;;
esac
for path in "$PREFIX" "$LIBDIR" "$INCLUDEDIR" "$DATADIR" "$MANDIR" "$DOCDIR" "$PKGCONFIGDIR" "$CMAKEDIR"; do
    case $path in
    /*) ;;
    *) echo "install: '$path' is not an absolute path" >&2; exit 2 ;;
    esac
done

# from FOLDER TO: the way from one folder to another.
from() { realpath -ms --relative-to="$1" "$2"; }

# below_prefix PATH: as a pkg-config file tells it.
below_prefix() {
    case $1/ in
    "$PREFIX"/*) echo "\${prefix}${1#"$PREFIX"}" ;;
    *) echo "$1" ;;
    esac
}

# Where the .pc files lie below the prefix, they find it from there, and the prefix may be moved.
case $PKGCONFIGDIR/ in
"$PREFIX"/*) pc_prefix=\${pcfiledir}/$(from "$PKGCONFIGDIR" "$PREFIX") ;;
*) pc_prefix=$PREFIX ;;
esac

fill() {
    sed -e "s|@VERSION@|$VERSION|g" -e "s|@VERSION_MAJOR@|$major|g" -e "s|@SONAME@|$soname|g" \
        -e "s|@PC_PREFIX@|$pc_prefix|" -e "s|@PC_LIBDIR@|$(below_prefix "$LIBDIR")|" \
        -e "s|@PC_INCLUDEDIR@|$(below_prefix "$INCLUDEDIR")|" -e "s|@PC_PROTODIR@|$(below_prefix "$protodir")|" \
        -e "s|@STATIC_LIBS@|$STATIC_LIBS|" -e "s|@CMAKE_STATIC_LIBS@|$(echo "$STATIC_LIBS" | sed 's/^ *-l//; s/  *-l/;/g')|" \
        -e "s|@CMAKE_TO_LIBDIR@|$(from "$CMAKEDIR" "$LIBDIR")|" \
        -e "s|@CMAKE_TO_INCLUDEDIR@|$(from "$CMAKEDIR" "$INCLUDEDIR")|" \
        -e "s|@CMAKE_TO_PROTODIR@|$(from "$CMAKEDIR" "$protodir")|" \
        -e "s|@POINTER_SIZE@|8|g" "$1"
}

# What is installed: each line is told once, for all verbs.
everything() {
    file 755 "$RELEASE/libkeyviz.so.$VERSION" "$LIBDIR/libkeyviz.so.$VERSION" --strip-unneeded
    link "libkeyviz.so.$VERSION" "$LIBDIR/$soname"
    link "$soname" "$LIBDIR/libkeyviz.so"
    file 644 "$RELEASE/libkeyviz.a" "$LIBDIR/libkeyviz.a" --strip-debug
    for header in $(cd "$root/include" && find . -name '*.h' -o -name '*.hpp'); do
        file 644 "$root/include/$header" "$INCLUDEDIR/${header#./}"
    done
    file 644 "$root/include/keyviz.proto" "$protodir/keyviz.proto"
    filled keyviz.pc.in "$PKGCONFIGDIR/keyviz.pc"
    filled keyviz-static.pc.in "$PKGCONFIGDIR/keyviz-static.pc"
    filled keyvizConfig.cmake.in "$CMAKEDIR/keyvizConfig.cmake"
    filled keyvizConfigVersion.cmake.in "$CMAKEDIR/keyvizConfigVersion.cmake"
    filled libkeyviz.3.in "$MANDIR/man3/libkeyviz.3"
    file 644 "$root/LICENSE" "$DOCDIR/LICENSE"
    file 644 "$root/CHANGELOG.md" "$DOCDIR/CHANGELOG.md"
}

case $verb in
install)
    # file MODE FROM TO [STRIP'S OPTION]: what programs run with now stays as it is; the new file takes its name.
    file() {
        mkdir -p "$DESTDIR$(dirname "$3")"
        install -m "$1" "$2" "$DESTDIR$3.new"
        [ $# -lt 4 ] || [ -z "$STRIP" ] || "$STRIP" "$4" "$DESTDIR$3.new"
        mv -f "$DESTDIR$3.new" "$DESTDIR$3"
    }
    link() { ln -sf "$1" "$DESTDIR$2"; }
    filled() {
        text=$(mktemp)
        fill "$here/$1" >"$text"
        file 644 "$text" "$2"
        rm -f "$text"
    }
    everything
    ;;
uninstall)
    file() { rm -f "$DESTDIR$3"; }
    link() { rm -f "$DESTDIR$2"; }
    filled() { rm -f "$DESTDIR$2"; }
    everything
    for folder in "$INCLUDEDIR/keyviz" "$protodir" "$DOCDIR" "$CMAKEDIR"; do
        [ ! -d "$DESTDIR$folder" ] || rmdir --ignore-fail-on-non-empty "$DESTDIR$folder"
    done
    ;;
list)
    file() { echo "$DESTDIR$3"; }
    link() { echo "$DESTDIR$2"; }
    filled() { echo "$DESTDIR$2"; }
    everything
    exit
    ;;
*)
    echo "usage: $0 install|uninstall|list" >&2
    exit 2
    ;;
esac

# Where the loader keeps a list of libraries, it must hear of this one.
case $DESTDIR$LIBDIR/ in
/usr/lib/* | /usr/local/lib/* | /lib/*) [ "$(id -u)" != 0 ] || ldconfig ;;
esac
