"""What the tests of the Python package share."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
TRACES = pathlib.Path(os.environ.get("KEYVIZ_TRACES") or ROOT.parent / "shared" / "traces")

SECOND = 10**9
MINUTE = 60 * SECOND
BEGIN = 1_700_000_000 * SECOND


def skip(why):
    """On a user's machine; where CI=true, nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture
def sampler():
    import keyviz

    with keyviz.Sampler(created=BEGIN, labels_enabled=True) as made:
        yield made


def run_python(code, *arguments, check=True, timeout=60):
    """Another interpreter, so that what it does to itself is not done to the tests."""
    import subprocess

    command = [sys.executable, "-X", "faulthandler", "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=check, timeout=timeout, capture_output=True, text=True)
