#!/usr/bin/env bash
# The Python package: its tests and its types in a checkout, and its wheel in fresh environments, where there is no Rust.
#
#   tests/run_python.sh [setup|generate|wheel|sdist|notebook|bench|check TESTS]
#
# setup makes build/python, an environment with what the others take from a package index, and says so; without a word
# everything runs that `make test` runs. The wheel is tried with the oldest and the newest Python from 3.9 to 3.13 that are here
# (PYTHONS=all: with every one). A python3 that makes no environment, or an index that can't be reached, skips it aloud; where
# CI=true, that fails.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
package=bindings/python
out=$root/build/python
wheels=$root/build/wheels
python=$out/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

missing() {
    echo "tests/run_python.sh: $1" >&2
    [ "${CI:-}" = true ] && exit 1
    echo "tests/run_python.sh: THE PYTHON PACKAGE WAS NOT TESTED" >&2
    exit 0
}

setup() {
    cmp -s tests/python/requirements.txt "$out/requirements.txt" && return
    command -v python3 >/dev/null || missing "there is no python3"
    echo "tests/run_python.sh: installing Python packages into build/python" >&2
    mkdir -p "$out"
    python3 -m venv "$out" >"$out/log" 2>&1 || missing "python3 makes no virtual environment ($out/log)"
    "$python" -m pip install --quiet --only-binary :all: -r tests/python/requirements.txt >>"$out/log" 2>&1 ||
        missing "the packages of tests/python/requirements.txt can't be installed ($out/log)"
    cp tests/python/requirements.txt "$out/"
}

# In a checkout the package is its sources, and the library is the one that cargo built.
here() {
    KEYVIZ_LIBRARY=${KEYVIZ_LIBRARY:-$root/target/release/libkeyviz.so} PYTHONPATH=$root/$package/src "$python" "$@"
}

wheel() {
    rm -rf "$wheels"
    # Without isolation: the build's own requirements are in build/python.
    "$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$wheels" "$package"
    ls "$wheels"/*.whl
}

# The notebook, with what comes out of it: a page, with its pictures in it and beside it.
notebook() {
    notebooks=$root/build/notebook
    rm -rf "$notebooks"
    mkdir -p "$notebooks"
    [ -z "${KEYVIZ_TRACES:-}" ] || KEYVIZ_TRACES=$(realpath "$KEYVIZ_TRACES")
    here -m nbconvert --log-level ERROR --execute --to notebook --output-dir "$notebooks" $package/examples/*.ipynb
    "$python" -m nbconvert --log-level ERROR --to html "$notebooks"/*.ipynb
    "$python" -m nbconvert --log-level ERROR --to markdown "$notebooks"/*.ipynb
    ls "$notebooks"/*.html "$notebooks"/*/*.png
}

tests() {
    here -m pytest -q -p no:cacheprovider "$@"
}

types() {
    (cd $package && "$out/bin/mypy" --cache-dir "$out/mypy")
    if ! command -v npm >/dev/null; then
        [ "${CI:-}" = true ] && missing "there is no npm, for pyright"
        echo "tests/run_python.sh: THERE IS NO npm: PYRIGHT WAS NOT RUN" >&2
        return
    fi
    [ -x "$out/node_modules/.bin/pyright" ] ||
        npm install --prefix "$out" --no-package-lock --no-audit --no-fund 'pyright@^1.1.400' >>"$out/log" 2>&1 ||
        missing "npm could not install pyright ($out/log)"
    "$out/node_modules/.bin/pyright" --project $package --pythonpath "$python"
}

pythons() {
    found=
    for minor in 9 10 11 12 13; do
        name=python3.$minor
        # What is on the PATH may be a manager's stand-in for a version that is not chosen.
        for path in "$(command -v "$name")" "$HOME"/.pyenv/versions/3.$minor.*/bin/"$name"; do
            "$path" -c 'import venv, ensurepip' 2>/dev/null || continue
            found="$found $path"
            break
        done
    done
    set -- ${found:-python3}
    if [ "${PYTHONS:-}" = all ] || [ $# -le 2 ]; then echo "$@"; else echo "$1 ${*: -1}"; fi
}

# A wheel in a fresh environment. No Rust: PATH holds nothing but the environment itself.
check_wheel() {
    tag=$("$out/bin/auditwheel" show "$wheels"/*.whl | tr '\n' ' ' | sed -n 's/.*following platform tag: *"\([^"]*\)".*/\1/p')
    case $(ls "$wheels") in
        *-py3-none-"$tag".whl) ;;
        *) echo "auditwheel says $tag, and the wheel is $(ls "$wheels")" >&2; exit 1 ;;
    esac
    for path in $(pythons); do
        fresh=$root/build/python-fresh
        rm -rf "$fresh"
        "$path" -m venv "$fresh"
        "$fresh/bin/python" -m pip install --quiet --only-binary :all: "$(ls "$wheels"/*.whl)[cli]" 'pytest>=8'
        echo "the wheel with $("$fresh/bin/python" --version):"
        # The folder of the tests that need no other package, elsewhere: nothing of the checkout is at hand.
        mkdir "$fresh/tests"
        cp tests/python/package/conftest.py tests/python/package/test_{sampler,matrix,misuse,life}.py "$fresh/tests/"
        (cd "$fresh/tests" && env -u KEYVIZ_LIBRARY -u PYTHONPATH PATH="$fresh/bin" "$fresh/bin/python" -m pytest -q -p no:cacheprovider .)
        printf 'ts_ms,label,op,key,key_len,value_len\n1,redis,w,user/42,7,512\n' >"$fresh/trace.csv"
        "$python" -c 'import sys, zstandard; zstandard.ZstdCompressor().copy_stream(sys.stdin.buffer, sys.stdout.buffer)' \
            <"$fresh/trace.csv" >"$fresh/trace.csv.zst"
        for command in "$fresh/bin/python -m keyviz" "$fresh/bin/keyviz"; do
            (cd "$fresh" && env -u KEYVIZ_LIBRARY -u PYTHONPATH PATH="$fresh/bin" $command report trace.csv.zst) >"$fresh/told"
            grep -q 'check: the columns equal the traces' "$fresh/told"
            rm "$fresh/heatmap.html"
        done
        rm -rf "$fresh"
    done
}

# A source distribution, installed where there is no checkout: cargo compiles everything once more.
sdist() {
    rm -rf "$wheels/sdist" "$out-sdist"
    (cd $package && "$python" -m hatchling build -t sdist -d "$wheels/sdist")
    python3 -m venv "$out-sdist"
    CARGO_TARGET_DIR=$out-sdist/target "$out-sdist/bin/python" -m pip install --quiet "$wheels"/sdist/*.tar.gz
    (cd / && env -u KEYVIZ_LIBRARY -u PYTHONPATH "$out-sdist/bin/python" -c 'import keyviz; print(keyviz.__version__, keyviz.library_path)')
    rm -rf "$out-sdist"
}

setup
case ${1:-} in
    setup) ;;
    generate) "$python" $package/tools/generate.py ;;
    wheel) wheel ;;
    sdist) sdist ;;
    notebook) notebook ;;
    bench) here benches/python.py && here benches/replay.py ;;
    check) shift; tests "${@:-tests/python/package}" ;;
    '')
        tests tests/python/package
        types
        wheel
        check_wheel
        ;;
    *) echo "tests/run_python.sh: $1?" >&2; exit 2 ;;
esac
