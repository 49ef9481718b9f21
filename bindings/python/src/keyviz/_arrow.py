"""Rows of columns as an Arrow stream, and keys out of Arrow arrays. nanoarrow does the protocol."""

from collections.abc import Iterable
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from ._columns import NUMBERS, ROW, Column
from ._errors import InvalidArgumentError
from ._optional import module

na = module("nanoarrow", "the Arrow C Data Interface")
CArrayStream = module("nanoarrow.c_array_stream", "the Arrow C Data Interface").CArrayStream

_TYPES: dict[str, Any] = {"uint32": na.uint32, "uint64": na.uint64}


def _schema() -> Any:
    fields: dict[str, Any] = {
        "window_start": na.timestamp("ns", timezone="UTC", nullable=False),
        "at": na.timestamp("ns", timezone="UTC", nullable=False),
        "sequence": na.uint64(nullable=False),
    }
    for name in NUMBERS:
        fields[name] = _TYPES[ROW[name].name](nullable=False)
        if name == "route_id":
            # In the order in which people read a row.
            fields["label"] = na.string(nullable=False)
            fields["start"] = na.binary(nullable=False)
            fields["end"] = na.binary()
            fields["aggregate"] = na.bool_(nullable=False)
        elif name == "label":
            fields[name] = na.string(nullable=False)
    fields["member_routes"] = na.list_(na.uint64(nullable=False), nullable=False)
    fields["parents"] = na.list_(na.uint64(nullable=False), nullable=False)
    return na.struct(fields, nullable=False)


SCHEMA = na.c_schema(_schema())


def stream(columns: Iterable[Column], requested_schema: Optional[object]) -> object:
    made = CArrayStream.from_c_arrays([_batch(column) for column in columns], SCHEMA)
    return made.__arrow_c_stream__(requested_schema)


def _batch(column: Column) -> Any:
    rows, count = list(column), len(column)
    children: list[Any] = []
    for i in range(SCHEMA.n_children):
        schema = SCHEMA.child(i)
        name: str = schema.name
        if name in ("window_start", "at"):
            values: Any = np.full(count, getattr(column, name + "_ns"), np.int64)
            children.append(_flat(schema, count, values))
        elif name == "sequence":
            children.append(_flat(schema, count, np.full(count, column.sequence, np.uint64)))
        elif name == "label":
            children.append(_bytes(schema, [row.label.wire.encode() for row in rows]))
        elif name in ("start", "end"):
            children.append(_bytes(schema, [getattr(row, name) for row in rows]))
        elif name == "aggregate":
            children.append(_flat(schema, count, _bits([row.aggregate for row in rows])))
        elif name in ("member_routes", "parents"):
            children.append(_lists(schema, [getattr(row, name) for row in rows]))
        else:
            children.append(_flat(schema, count, np.ascontiguousarray(column[name])))
    return na.c_array_from_buffers(SCHEMA, count, [None], 0, children=children)


def _flat(schema: Any, count: int, values: "npt.NDArray[Any]") -> Any:
    return na.c_array_from_buffers(schema, count, [None, values], 0)


def _bits(values: list[bool]) -> "npt.NDArray[np.uint8]":
    return np.packbits(np.array(values, np.bool_), bitorder="little")


def _offsets(lengths: list[int]) -> "npt.NDArray[np.int32]":
    # A column whose bounds took more than 2 GiB would not have fit into its arena's memory.
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int32)


def _bytes(schema: Any, values: list[Optional[bytes]]) -> Any:
    present = [value is not None for value in values]
    missing = present.count(False)
    validity = _bits(present) if missing else None
    offsets = _offsets([len(value or b"") for value in values])
    return na.c_array_from_buffers(schema, len(values), [validity, offsets, b"".join(value or b"" for value in values)], missing)


def _lists(schema: Any, values: list[tuple[int, ...]]) -> Any:
    items = np.array([item for value in values for item in value], np.uint64)
    child = _flat(schema.child(0), len(items), items)
    return na.c_array_from_buffers(schema, len(values), [None, _offsets([*map(len, values)])], 0, children=[child])


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
