#!/bin/sh
# Runs a Python program of this folder against a real redis-server with the module: run.sh tests | demo | bench.
#
# Needs redis-server, redis-cli and redis-benchmark (Debian: redis-server, redis-tools), python3, and the first time a
# package index for the client redis, which goes into build/redis. What is missing skips the tests, and says so; where
# CI=true, and for demo and bench, that is a failure.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=$here/../../build/redis
python=$out/venv/bin/python
what=${1:?usage: run.sh tests | demo | bench}
shift

skip() {
    if [ "$what" != tests ] || [ "${CI:-}" = true ]; then
        echo "FAILED Redis module: $1"
        exit 1
    fi
    echo "SKIPPED Redis module: $1"
    exit 0
}

for tool in redis-server redis-cli redis-benchmark python3; do
    command -v $tool >/dev/null || skip "there is no $tool"
done
version=$(redis-server --version | sed -n 's/.* v=\([0-9]*\).*/\1/p')
[ "$version" -ge 7 ] || skip "redis-server is older than 7.0"
mkdir -p "$out"
if ! "$python" -c 'import redis' 2>/dev/null; then
    echo "No Python client of Redis here: installing one into build/redis/venv" >&2
    python3 -m venv "$out/venv" >"$out/log" 2>&1 || skip "python3 makes no virtual environment ($out/log)"
    "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: 'redis==6.*' >>"$out/log" 2>&1 ||
        skip "the client redis can't be installed ($out/log)"
fi
"$here/build.sh" || {
    [ $? -ne 3 ] || skip "redismodule.h can't be fetched"
    exit 1
}
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here"
case $what in
tests) exec "$python" -m unittest discover --start-directory "$here/tests" "$@" ;;
demo | bench) exec "$python" "$here/$what.py" "$@" ;;
*) echo "usage: $0 tests | demo | bench" >&2; exit 2 ;;
esac
