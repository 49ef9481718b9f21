"""Rows of columns as an Arrow stream. nanoarrow does the protocol."""

from collections.abc import Iterable
from typing import Any, Optional

import numpy as np

from . import _native as native
from ._columns import NUMBERS, ROW, Column
from ._optional import module
from ._words import Label

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
    rows: Any = column._rows  # pyright: ignore[reportPrivateUsage]
    arena: Any = column._arena  # pyright: ignore[reportPrivateUsage]
    count = len(column)
    children: list[Any] = []
    for i in range(SCHEMA.n_children):
        schema = SCHEMA.child(i)
        name: str = schema.name
        if name in ("window_start", "at"):
            children.append(_flat(schema, np.full(count, getattr(column, name + "_ns"), np.int64)))
        elif name == "sequence":
            children.append(_flat(schema, np.full(count, column.sequence, np.uint64)))
        elif name == "label":
            label = rows["label"].astype(np.int64)
            children.append(_bytes(schema, _NAMES, _NAME_OFFSETS[label], _NAME_LENGTHS[label]))
        elif name == "start":
            children.append(_bytes(schema, arena, rows["start_offset"], rows["start_len"]))
        elif name == "end":
            unbounded = rows["flags"] & native.ROW_UNBOUNDED != 0
            lengths = np.where(unbounded, 0, rows["end_len"])
            children.append(_bytes(schema, arena, rows["end_offset"], lengths, ~unbounded))
        elif name == "aggregate":
            bits = np.packbits(rows["flags"] & native.ROW_AGGREGATE != 0, bitorder="little")
            children.append(na.c_array_from_buffers(schema, count, [None, bits], 0))
        elif name in ("member_routes", "parents"):
            children.append(_lists(schema, arena, rows[name + "_offset"], rows[name + "_count"]))
        else:
            children.append(_flat(schema, np.ascontiguousarray(rows[name])))
    return na.c_array_from_buffers(SCHEMA, count, [None], 0, children=children)


_WIRES = [label.wire.encode() for label in Label]
_NAMES = np.frombuffer(b"".join(_WIRES), np.uint8)
_NAME_LENGTHS = np.array([*map(len, _WIRES)])
_NAME_OFFSETS = np.cumsum(_NAME_LENGTHS) - _NAME_LENGTHS


def _flat(schema: Any, values: Any) -> Any:
    return na.c_array_from_buffers(schema, len(values), [None, values], 0)


def _gather(source: Any, offsets: Any, lengths: Any) -> tuple[Any, Any]:
    """The pieces of `source` one after the other, and where each begins, as Arrow wants it."""
    lengths = lengths.astype(np.int64)
    ends: Any = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    if total >= 2**31:
        raise OverflowError(f"{total} bytes or ids of a column are more than an Arrow array of this kind holds")
    shift = offsets.astype(np.int64) - (ends - lengths)
    return source[np.arange(total) + np.repeat(shift, lengths)], np.concatenate([[0], ends]).astype(np.int32)


def _bytes(schema: Any, source: Any, offsets: Any, lengths: Any, present: Any = None) -> Any:
    data, bounds = _gather(source, offsets, lengths)
    if present is None or present.all():
        return na.c_array_from_buffers(schema, len(lengths), [None, bounds, data], 0)
    validity = np.packbits(present, bitorder="little")
    return na.c_array_from_buffers(schema, len(lengths), [validity, bounds, data], int(np.sum(~present)))


def _lists(schema: Any, arena: Any, offsets: Any, counts: Any) -> Any:
    # Ids lie at multiples of 8.
    items, bounds = _gather(arena[: len(arena) // 8 * 8].view(np.uint64), offsets // 8, counts)
    return na.c_array_from_buffers(schema, len(counts), [None, bounds], 0, children=[_flat(schema.child(0), items)])
