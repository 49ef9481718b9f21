#!/bin/sh
# Packs the library into build/dist: a tarball of the sources (of the commit that is checked out), one of the installed
# library, which works wherever it is unpacked, Debian packages where there is dpkg, and SHA256SUMS. `make dist` calls it,
# with VERSION set; what was built is taken as it is.
#
# The same commit, built the same, gives the same files. DEB_MAINTAINER: whom the Debian packages name.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here/../../.."
out=$PWD/build/dist
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
umask 022
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
rm -rf "$out"
mkdir -p "$out"

# pack TARBALL FOLDER NAME: one folder, in a fixed order, owned by nobody in particular.
pack() {
    tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$2" -cf - "$3" | gzip -9n >"$1"
}

install_below() { make --no-print-directory install DESTDIR="$@" >&2; }

if git rev-parse --verify --quiet HEAD >/dev/null 2>&1; then
    git archive --prefix="libkeyviz-$VERSION/" HEAD | gzip -9n >"$out/libkeyviz-$VERSION.tar.gz"
else
    echo "dist: no tarball of the sources, since this is no git repository" >&2
fi

python3 "$here/licences.py" >"$scratch/licences"
system=$(rustc -vV | sed -n 's/^host: //p')
name=libkeyviz-$VERSION-$system
install_below "$scratch" PREFIX="/$name"
install -m 644 "$scratch/licences" "$scratch/$name/share/doc/libkeyviz/THIRD-PARTY"
pack "$out/$name.tar.gz" "$scratch" "$name"

# package NAME: makes a Debian package of the folder of that name.
package() {
    folder=$scratch/$1
    doc=$folder/usr/share/doc/$1
    mkdir -p "$doc"
    {
        cat LICENSE
        printf '\n'
        python3 "$here/licences.py" debian
    } >"$doc/copyright"
    gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
    printf 'libkeyviz (%s-1) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n' "$VERSION" "$VERSION" "$maintainer" \
        "$(LC_ALL=C date -Ru -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.Debian.gz"
    (cd "$folder" && find usr -type f -exec md5sum {} + | LC_ALL=C sort -k 2) >"$scratch/md5sums"
    mv "$scratch/md5sums" "$folder/DEBIAN/md5sums"
    chmod 644 "$folder"/DEBIAN/*
    find "$folder" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group --build "$folder" "$out" >&2
}

# control NAME SECTION DEPENDS SUMMARY TEXT
control() {
    mkdir -p "$scratch/$1/DEBIAN"
    cat >"$scratch/$1/DEBIAN/control" <<EOF
Package: $1
Source: libkeyviz
Version: $VERSION-1
Architecture: $(dpkg --print-architecture)
Multi-Arch: same
Maintainer: $maintainer
Installed-Size: $(du -sk "$scratch/$1" | cut -f 1)
Depends: $3
Section: $2
Priority: optional
Description: $4
$5
EOF
}

if command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null; then
    maintainer=${DEB_MAINTAINER:-libkeyviz developers <libkeyviz@users.noreply.github.com>}
    major=${VERSION%%.*}
    runtime=libkeyviz$major
    dev=libkeyviz-dev
    multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
    libdir=usr/lib/$multiarch
    install_below "$scratch/$dev" PREFIX=/usr LIBDIR="/$libdir"
    rm -r "$scratch/$dev/usr/share/doc/libkeyviz"
    gzip -9n "$scratch/$dev/usr/share/man/man3/libkeyviz.3"
    mkdir -p "$scratch/$runtime/$libdir" "$scratch/debian"
    mv "$scratch/$dev/$libdir/libkeyviz.so.$major" "$scratch/$dev/$libdir/libkeyviz.so.$VERSION" "$scratch/$runtime/$libdir"
    chmod 644 "$scratch/$runtime/$libdir/libkeyviz.so.$VERSION"
    : >"$scratch/debian/control"
    needed=$(cd "$scratch" && dpkg-shlibdeps -O -e"$runtime/$libdir/libkeyviz.so.$VERSION" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
    control "$runtime" libs "$needed" "shows where a key-value store's traffic goes (library)" \
        " libkeyviz counts every request of a server that stores keys, for a few
 nanoseconds each, and tells how much traffic each part of the key space got,
 when, and by which front end: as numbers, as a heatmap, and with the hot keys.
 .
 This package contains the shared library."
    echo "libkeyviz $major $runtime (>= $VERSION)" >"$scratch/$runtime/DEBIAN/shlibs"
    echo "activate-noawait ldconfig" >"$scratch/$runtime/DEBIAN/triggers"
    control "$dev" libdevel "$runtime (= $VERSION-1)" "shows where a key-value store's traffic goes (development files)" \
        " libkeyviz counts every request of a server that stores keys, for a few
 nanoseconds each, and tells how much traffic each part of the key space got,
 when, and by which front end: as numbers, as a heatmap, and with the hot keys.
 .
 This package contains the headers, the static library, the files for
 pkg-config and CMake, and the manual page."
    package "$runtime"
    package "$dev"
else
    echo "dist: no Debian packages, since there is no dpkg-deb or no dpkg-shlibdeps (Debian: dpkg-dev)" >&2
fi

(cd "$out" && sha256sum -- * >SHA256SUMS)
ls -l "$out"
