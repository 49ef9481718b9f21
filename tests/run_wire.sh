#!/bin/sh
# Reads the golden files of the wire forms with Python: its json, and classes that an independent compiler (grpcio-tools)
# makes of the shipped .proto.
#
# Needs python3, and the first time a package index for grpcio-tools and protobuf, which go into build/wire. Without them
# it is skipped, and says so; where CI=true, that is a failure.
set -eu
cd "$(dirname "$0")/.."
out=$PWD/build/wire
python=$out/venv/bin/python

skip() {
    if [ "${CI:-}" = true ]; then
        echo "FAILED wire forms with Python: $1"
        exit 1
    fi
    echo "SKIPPED wire forms with Python: $1"
    exit 0
}

command -v python3 >/dev/null || skip "there is no python3"
mkdir -p "$out/classes"
if ! "$python" -c 'import grpc_tools.protoc' 2>/dev/null; then
    python3 -m venv "$out/venv" >"$out/log" 2>&1 || skip "python3 makes no virtual environment ($out/log)"
    "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        'grpcio-tools==1.76.*' 'protobuf==6.*' >>"$out/log" 2>&1 || skip "grpcio-tools can't be installed ($out/log)"
fi
"$python" -m grpc_tools.protoc -Iinclude --python_out="$out/classes" keyviz.proto
PYTHONPATH=$out/classes PYTHONDONTWRITEBYTECODE=1 "$python" tests/python/test_wire.py
