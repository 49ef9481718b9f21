"""Keys out of Arrow arrays. nanoarrow does the protocol."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ._errors import InvalidArgumentError
from ._optional import module

na = module("nanoarrow", "the Arrow C Data Interface")


def key_chunks(keys: Any) -> Iterable[tuple["npt.NDArray[np.uint64]", "npt.NDArray[np.uint64]", Any]]:
    """Where the keys of an Arrow array or stream of binary or string type lie: addresses, lengths, and what keeps them.
    Whoever made the array vouches for its addresses; that the keys lie in what is there is checked."""
    for array in na.c_array_stream(keys) if hasattr(keys, "__arrow_c_stream__") else [na.c_array(keys)]:
        view = array.view()
        if view.null_count:
            raise InvalidArgumentError("keys has nulls")
        kind: str = array.schema.format
        chosen = slice(array.offset, array.offset + array.length)
        if kind in ("u", "z", "U", "Z"):
            yield (*_with_offsets(view, kind, chosen), array)
        elif kind in ("vu", "vz"):
            yield (*_views(view, chosen), array)
        else:
            raise TypeError(f"keys must be binary or strings, not of Arrow type {kind!r}")


Places = tuple["npt.NDArray[np.uint64]", "npt.NDArray[np.uint64]"]


def _with_offsets(view: Any, kind: str, chosen: slice) -> Places:
    offsets: Any = np.frombuffer(_buffer(view, 1), np.int32 if kind in "uz" else np.int64)
    bounds: Any = offsets[chosen.start : chosen.stop + 1].astype(np.int64)
    if len(bounds) == 0:
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    data: Any = np.frombuffer(_buffer(view, 2), np.uint8)
    lengths = np.diff(bounds)
    _check(bounds[:-1], lengths, len(data))
    return (data.ctypes.data + bounds[:-1]).astype(np.uint64), lengths.astype(np.uint64)


def _views(view: Any, chosen: slice) -> Places:
    """Of a view of 16 bytes: its length, then up to 12 bytes; or 4 bytes, the number of a buffer and an offset there."""
    raw: Any = np.frombuffer(_buffer(view, 1), np.uint8)
    words: Any = raw[: len(raw) // 16 * 16].view(np.int32).reshape(-1, 4)[chosen].astype(np.int64)
    begin: int = raw.ctypes.data + 16 * chosen.start + 4
    addresses = np.arange(begin, begin + 16 * len(words), 16, dtype=np.int64)
    # The last buffer holds the sizes of those between.
    data: list[Any] = [np.frombuffer(_buffer(view, i), np.uint8) for i in range(2, view.n_buffers - 1)]
    lengths: Any = words[:, 0]
    long: Any = lengths > 12
    which, offsets = words[long, 2], words[long, 3]
    sizes = np.array([len(each) for each in data], np.int64)
    if np.any((which < 0) | (which >= len(data))):
        raise InvalidArgumentError("keys points at buffers that it has not")
    _check(offsets, lengths[long], sizes[which])
    _check(np.zeros_like(lengths[~long]), lengths[~long], 12)
    addresses[long] = np.array([each.ctypes.data for each in data], np.int64)[which] + offsets
    return addresses.astype(np.uint64), lengths.astype(np.uint64)


def _check(offsets: Any, lengths: Any, size: Any) -> None:
    if np.any((offsets < 0) | (lengths < 0) | (offsets + lengths > size)):
        raise InvalidArgumentError("keys points out of its own memory")


def _buffer(view: Any, i: int) -> Any:
    """np.frombuffer refuses what is empty."""
    buffer = view.buffer(i)
    return buffer if memoryview(buffer).nbytes else np.zeros(16, np.uint8)
