"""Many keys at once."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ._arguments import key_bytes

Chunk = tuple["npt.NDArray[np.uint64]", "npt.NDArray[np.uint64]", Any]
"""Addresses of keys, their lengths, and what keeps them there."""


def key_chunks(keys: Any) -> list[Chunk]:
    if hasattr(keys, "__arrow_c_stream__") or hasattr(keys, "__arrow_c_array__"):
        from . import _arrow_keys

        return list(_arrow_keys.key_chunks(keys))
    return [_fixed(keys) if _is_fixed(keys) else _joined(keys)]


def _is_fixed(keys: Any) -> bool:
    kind: Any = getattr(keys, "dtype", None)
    return isinstance(kind, np.dtype) and kind.kind == "S" and keys.ndim == 1 and bool(keys.flags.c_contiguous)


def _fixed(keys: Any) -> Chunk:
    """An array of numpy's byte strings: each as long as it is without its trailing zeros."""
    size: int = keys.dtype.itemsize
    strings: Any = np.char
    addresses = keys.ctypes.data + size * np.arange(len(keys))
    return addresses.astype(np.uint64), strings.str_len(keys).astype(np.uint64), keys


def _joined(keys: Iterable[Any]) -> Chunk:
    if isinstance(keys, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"keys must be many keys, not one {type(keys).__name__}")
    try:
        each = list(keys)
        if not all(kind is bytes for kind in set(map(type, each))):
            each = [key_bytes("a key", key) for key in each]
    except TypeError as why:
        raise TypeError(f"keys must be a list of bytes, an Arrow array or an array of numpy's bytes: {why}") from None
    lengths = np.fromiter(map(len, each), np.uint64, len(each))
    # A byte more, so that there is an address even if all keys are empty.
    joined = np.frombuffer(b"".join(each) + b"\0", np.uint8)
    ends: Any = np.cumsum(lengths, dtype=np.uint64)
    return joined.ctypes.data + (ends - lengths), lengths, joined
