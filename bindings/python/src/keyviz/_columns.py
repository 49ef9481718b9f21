"""Columns: what was counted in a step, row by row."""

import ctypes
import datetime
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, NamedTuple, Optional, Union, overload

import numpy as np
import numpy.typing as npt

from . import _native as native
from ._arguments import instance, to_datetime
from ._errors import NotFoundError, call_plain, error
from ._library import lib
from ._optional import module
from ._words import Label

ROW: Any = np.dtype(native.keyviz_row_t)
"""Of its fields, numpy's types know nothing."""


class Row(NamedTuple):
    """A slot's part of a column. Byte counts are of keys and values together."""

    route_id: int
    label: Label
    start: bytes
    end: Optional[bytes]
    """First key past the range; None: it has no end."""
    reads: int
    writes: int
    read_bytes: int
    write_bytes: int
    group_id: int
    """The Raft group that owns the route; 0: unknown, or a virtual bucket."""
    leader_term: int
    sub_bucket: int
    """The part of the route's range, counted from 0."""
    sub_bucket_count: int
    aggregate: bool
    """A virtual bucket."""
    member_routes: tuple[int, ...]
    """The listed routes of a virtual bucket."""
    member_routes_total: int
    parents: tuple[int, ...]
    """The routes that this one came from by split or merge."""


class Column:
    """What one flush committed (or several, of a coarser column): its rows, sorted by (start, route id, label's name,
    sub-bucket). It never changes, and stands by itself.

    `column.rows` are objects; `column["reads"]` is a counter or number of all rows at once, an array of numpy's.
    """

    __slots__ = ("sequence", "flushes", "window_start_ns", "at_ns", "_rows", "_arena")

    sequence: int
    """The number of its (last) flush; they count up from 0."""
    flushes: int
    """How many flushes it is the sum of."""
    window_start_ns: int
    """Unix ns. The column holds what was drained in (window_start_ns, at_ns]."""
    at_ns: int
    """Unix ns: the time of the (last) flush."""

    def __init__(self, buffer: Any, rows: Any, arena: Any) -> None:
        self.sequence, self.flushes = buffer.sequence, buffer.flushes
        self.window_start_ns, self.at_ns = buffer.window_start_ns, buffer.at_ns
        self._rows, self._arena = rows[: buffer.row_count], arena[: buffer.arena_used]
        self._rows.flags.writeable = self._arena.flags.writeable = False

    @property
    def at(self) -> datetime.datetime:
        """at_ns in UTC, cut to microseconds."""
        return to_datetime(self.at_ns)

    @property
    def window_start(self) -> datetime.datetime:
        """window_start_ns in UTC, cut to microseconds."""
        return to_datetime(self.window_start_ns)

    @property
    def rows(self) -> list[Row]:
        return list(self)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return map(Row._make, zip(*map(self._list, Row._fields)))

    def _list(self, field: str) -> list[Any]:
        """A field of all rows, as a Row has it."""
        rows = self._rows
        if field == "label":
            return [*map(LABELS.__getitem__, rows["label"].tolist())]
        if field == "aggregate":
            return [*map(bool, (rows["flags"] & native.ROW_AGGREGATE).tolist())]
        if field in NUMBERS:
            return list(rows[field].tolist())
        arena = self._arena.tobytes()
        offsets = rows[field + "_offset"].tolist()
        if field in ("member_routes", "parents"):
            return [_ids(arena, at, count) for at, count in zip(offsets, rows[field + "_count"].tolist())]
        keys: list[Any] = [arena[at : at + size] for at, size in zip(offsets, rows[field + "_len"].tolist())]
        if field == "end":
            for i in np.flatnonzero(rows["flags"] & native.ROW_UNBOUNDED).tolist():
                keys[i] = None
        return keys

    def __getitem__(self, field: str) -> "npt.NDArray[Any]":
        """One number of each row: "route_id", "group_id", "leader_term", "reads", "writes", "read_bytes", "write_bytes",
        "member_routes_total", "label", "sub_bucket", "sub_bucket_count". A view, read-only."""
        if field not in NUMBERS:
            raise KeyError(f"{field!r}: a column has {', '.join(NUMBERS)}")
        values: npt.NDArray[Any] = self._rows[field]
        return values

    @property
    def starts(self) -> list[bytes]:
        """First key of each row's range."""
        return self._list("start")

    @property
    def ends(self) -> list[Optional[bytes]]:
        """First key past each row's range; None: it has no end."""
        return self._list("end")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column) and self._head() == other._head() and self.rows == other.rows

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<keyviz.Column {self.sequence} at {self.at.isoformat()}: {len(self)} rows>"

    def _head(self) -> tuple[int, int, int, int]:
        return (self.sequence, self.flushes, self.window_start_ns, self.at_ns)

    def _buffer(self) -> native.keyviz_column_buffer_t:
        """As the library takes it; it refers to this column's memory."""
        buffer = native.keyviz_column_buffer_t(ctypes.sizeof(native.keyviz_column_buffer_t), ROW.itemsize)
        _give(buffer, self._rows, self._arena)
        buffer.row_count, buffer.arena_used = len(self._rows), len(self._arena)
        buffer.sequence, buffer.flushes, buffer.window_start_ns, buffer.at_ns = self._head()
        return buffer

    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object:
        """Its rows as one Arrow table: see Columns."""
        return Columns([self]).__arrow_c_stream__(requested_schema)


LABELS = {int(label): label for label in Label}

NUMBERS = (
    "route_id",
    "label",
    "sub_bucket",
    "sub_bucket_count",
    "reads",
    "writes",
    "read_bytes",
    "write_bytes",
    "group_id",
    "leader_term",
    "member_routes_total",
)


class Columns:
    """Columns, oldest first. Their rows are an Arrow table, too: pyarrow.table(columns), polars.DataFrame(columns) and
    whatever else speaks the Arrow C Data Interface (__arrow_c_stream__) take it, one batch per column."""

    # No collections.abc.Sequence: what takes Arrow tables takes sequences, too, and would look no further.

    def __init__(self, columns: Iterable[Column] = ()) -> None:
        self._columns = tuple(instance("a column", column, Column) for column in columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns)

    @overload
    def __getitem__(self, index: int) -> Column: ...
    @overload
    def __getitem__(self, index: slice) -> "Columns": ...
    def __getitem__(self, index: Union[int, slice]) -> Union[Column, "Columns"]:
        return Columns(self._columns[index]) if isinstance(index, slice) else self._columns[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and self._columns == other._columns

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<keyviz.Columns: {len(self)} columns, {sum(map(len, self))} rows>"

    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object:
        """A stream with a batch for each column: window_start and at (timestamps in UTC), sequence, route_id, label, start,
        end (null: it has none), and the other fields of a Row. Needs nanoarrow."""
        from . import _arrow

        return _arrow.stream(self, requested_schema)

    def to_dataframe(self) -> Any:
        """The rows as a pandas.DataFrame, with the fields of the Arrow table. Needs pandas."""
        pandas = module("pandas", "to_dataframe()", "pandas")
        fields: dict[str, Any] = {
            name: np.repeat(np.array([getattr(column, name + "_ns") for column in self], "M8[ns]"), [*map(len, self)])
            for name in ("window_start", "at")
        }
        fields["sequence"] = np.repeat(np.array([column.sequence for column in self], np.uint64), [*map(len, self)])
        for name in Row._fields:
            if name in NUMBERS and name != "label":
                fields[name] = np.concatenate([np.empty(0, ROW[name]), *(column[name] for column in self)])
            else:
                fields[name] = [value for column in self for value in column._list(name)]  # pyright: ignore[reportPrivateUsage]
        fields["label"] = [label.wire for label in fields["label"]]
        frame: Any = pandas.DataFrame(fields)
        for name in ("window_start", "at"):
            frame[name] = frame[name].dt.tz_localize("UTC")
        return frame


def _ids(arena: bytes, offset: int, count: int) -> tuple[int, ...]:
    return tuple(np.frombuffer(arena, np.uint64, count, offset).tolist()) if count else ()


def _give(buffer: Any, rows: Any, arena: Any) -> None:
    buffer.rows = ctypes.cast(rows.ctypes.data, ctypes.POINTER(native.keyviz_row_t))
    buffer.row_capacity = len(rows)
    buffer.arena = arena.ctypes.data
    buffer.arena_capacity = len(arena)


def read(function: Any, *arguments: Any, room: float = 1.0) -> Column:
    """What a function writes into a column buffer. `room`: how much more to give than it asks for, where what it takes may
    grow from one call to the next."""
    buffer = native.keyviz_column_buffer_t(ctypes.sizeof(native.keyviz_column_buffer_t), ROW.itemsize)
    why = native.keyviz_error_t(ctypes.sizeof(native.keyviz_error_t))
    rows: Any = np.empty(0, ROW)
    arena: Any = np.empty(0, np.uint8)
    while True:
        status = function(*arguments, ctypes.byref(buffer), ctypes.byref(why))
        if status == 0:
            return Column(buffer, rows, arena)
        if status != native.ERR_BUFFER_TOO_SMALL:
            raise error(status, why.message.decode("utf-8", "replace"))
        rows = np.empty(int(buffer.row_count * room), ROW)
        # Ids in it lie at multiples of 8; so does what numpy gives.
        arena = np.empty(int(buffer.arena_used * room), np.uint8)
        _give(buffer, rows, arena)


def stored(handle: Any, from_ns: int, to_ns: int) -> Columns:
    """The history's columns with from_ns <= at < to_ns."""
    first, count = ctypes.c_uint64(), ctypes.c_uint64()
    while True:
        call_plain(lib.keyviz_sampler_column_range, handle, from_ns, to_ns, ctypes.byref(first), ctypes.byref(count))
        columns = _stored_from(handle, first.value, count.value)
        if columns is not None:
            return Columns(columns)


def _stored_from(handle: Any, first: int, count: int) -> Optional[list[Column]]:
    """None: a flush in between folded or dropped some of them, so ask again."""
    columns: list[Column] = []
    for _ in range(count):
        number = columns[-1].sequence + 1 if columns else first
        try:
            column = read(lib.keyviz_sampler_read_column, handle, number)
        except NotFoundError:
            return None
        if columns and column.sequence + 1 - column.flushes != number:
            return None
        columns.append(column)
    return columns
