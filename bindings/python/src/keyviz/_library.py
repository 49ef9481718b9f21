"""Finds and loads the shared library, and gives its functions their types."""

import ctypes
import os
import pathlib
from typing import Any

from . import _native as native


def path() -> str:
    """KEYVIZ_LIBRARY, or the library inside of the package."""
    override = os.environ.get("KEYVIZ_LIBRARY")
    if override:
        return override
    inside = pathlib.Path(__file__).with_name("libkeyviz.so")
    if inside.exists():
        return str(inside)
    raise ImportError(f"there is no {inside}: install the package, or let KEYVIZ_LIBRARY name a libkeyviz.so")


def _load(where: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(where)
        library.keyviz_abi_version.restype = ctypes.c_uint32
        version = library.keyviz_abi_version()
        if version != native.ABI_VERSION:
            raise ImportError(f"{where} has ABI version {version}, and this package needs {native.ABI_VERSION}")
        for name, (result, *arguments) in native.PROTOTYPES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as why:
        raise ImportError(f"{where} is not a libkeyviz that this package can use: {why}") from why
    return library


PATH = path()
lib: Any = _load(PATH)
"""The library. Each call lets other threads run meanwhile (it releases the GIL)."""

# An observation takes some nanoseconds and never waits for a thread that wants the GIL, so it keeps it: giving it away and
# taking it back costs more than the call, and under contention a thread's turn.
_holding = ctypes.PyDLL(PATH)

observe_now: Any = _holding["keyviz_observe"]
"""Without declared arguments: ctypes passes on what it is given, in a third of the time. That is bytes as their address, a
ctypes value as itself, and an int as a C int, so only ints from 0 to INT_MAX may go this way."""

INT_MAX = 2**31 - 1

observe_sized: Any = _holding["keyviz_observe_sized"]
observe_sized.restype, *observe_sized.argtypes = native.PROTOTYPES["keyviz_observe_sized"]
