"""The matrix: time x key ranges."""

import ctypes
import datetime
import functools
import html
import os
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Optional, SupportsIndex, Union, overload

import numpy as np
import numpy.typing as npt

from . import _native as native
from ._arguments import U32, U64, Bytes, Time, address, bound_ns, instance, key_bytes, number, one_of, text, to_datetime
from ._columns import Column
from ._errors import InvalidArgumentError, NotFoundError, call
from ._handle import Handle
from ._library import lib
from ._optional import module
from ._output import bytes_at, described, text_at, written
from ._words import Budget, BudgetLike, Kind, Scale, ScaleLike, Series, SeriesLike

Path = Union[str, "os.PathLike[str]"]


class MatrixRow(NamedTuple):
    """A row of a matrix: a key range under a label."""

    id: str
    """Unique in the matrix, the same from one query to the next: route:<id>[:<label>][#<sub-bucket>], virtual:... or
    merged:..."""
    name: str
    """For people: "route:7 / redis". The sub-buckets of a route share it."""
    label: str
    """The label's name; "" for legacy. A row that a budget merged has those of its parts, "legacy+redis"."""
    start: bytes
    end: Optional[bytes]
    """First key past the range; None: it has no end."""
    aggregate: bool
    """It stands for several routes."""
    conflict: bool
    """Sources of a merge contradicted each other somewhere in the row."""
    route_ids: tuple[int, ...]
    """Listed routes of an aggregate."""
    route_ids_truncated: bool
    """There are more."""
    route_count: int


class Verdict(NamedTuple):
    """What is said of a route's traffic under one label, all its sub-buckets together."""

    kind: Kind
    name: str
    """For people: "moving edge"."""
    reason: str
    """Why, in English."""
    measure: float
    """What decided it; its meaning goes with the kind (see keyviz_verdict_t in the header)."""
    period_ms: int
    """Of a periodic one; else 0."""
    total: int
    """What was counted, 2^64 - 1 at most."""


class Split(NamedTuple):
    """Where a hot route would be split."""

    route_id: int
    share: float
    """Its share of the matrix's traffic, all labels, 0 to 1."""
    below: float
    """The share of the route's traffic below the key, 0 to 1."""
    key: Optional[bytes]
    """The key that would open the upper half; None: it cannot be split further here."""
    reason: str
    """Why, in English."""


class Node(NamedTuple):
    """A node of a cluster that was asked."""

    node: str
    error: Optional[str]
    """Why it did not answer; None: it did."""


class Matrix:
    """Rows (key ranges by label) x columns (time) of one series. It never changes; any thread may read it. In a notebook
    it shows itself as the heatmap page."""

    series: Series
    generated_at_ns: int
    """Unix ns: when it was made, of a merged one, when its newest source was; 0: unknown."""
    node: str
    """The node that made it; "": unnamed."""
    fanout: bool
    """A cluster was asked: it came from a merge."""
    nodes_responded: int
    nodes_expected: int
    _shape: tuple[int, int]
    _handle: Handle

    def __init__(self) -> None:
        raise TypeError("a matrix comes from Sampler.matrix(), Matrix.from_columns(), from_json(), from_proto() or merge()")

    @classmethod
    def _of(cls, handle: Handle) -> "Matrix":
        made = cls.__new__(cls)
        made._handle = handle
        info = described(native.keyviz_matrix_info_t, lib.keyviz_matrix_info, handle.at)
        made.series, made.generated_at_ns = Series(info.series), info.generated_at_ns
        made.node, made.fanout = text_at(info.node, info.node_len), bool(info.fanout)
        made.nodes_responded, made.nodes_expected = info.nodes_responded, info.nodes_expected
        made._shape = (info.rows, info.columns)
        made._nodes = info.nodes
        return made

    _nodes: int

    @classmethod
    def from_columns(
        cls,
        columns: Iterable[Column],
        series: SeriesLike = Series.WRITES,
        rows: SupportsIndex = 1024,
        mode: BudgetLike = Budget.TOP,
        start: Optional[Time] = None,
        end: Optional[Time] = None,
        node: str = "",
    ) -> "Matrix":
        """A matrix of columns, in any order, as Sampler.drain() and Sampler.columns() gave them; else as Sampler.matrix()."""
        keep = [instance("a column", column, Column) for column in columns]
        buffers = [column._buffer() for column in keep]  # pyright: ignore[reportPrivateUsage]
        kind = ctypes.POINTER(native.keyviz_column_buffer_t)
        pointers = (kind * max(len(buffers), 1))(*map(ctypes.pointer, buffers))
        query, name = _query(series, rows, mode, start, end, node)
        handle = Handle(lib.keyviz_matrix_free)
        call(lib.keyviz_matrix_from_columns, pointers, len(buffers), ctypes.byref(query), ctypes.byref(handle.at))
        del name
        return cls._of(handle)

    @classmethod
    def from_json(cls, json: Union[Bytes, str], *, max_bytes: int = 0, max_rows: int = 0, max_cells: int = 0) -> "Matrix":
        """Reads a matrix from JSON that nobody vouches for. Limits: 0 means 64 MiB, 65536 rows, 16777216 cells. Raises
        MalformedError and TooLargeError, with the place in bytes."""
        data = text("json", json) if isinstance(json, str) else key_bytes("json", json)
        limits = _limits(max_bytes, max_rows, max_cells)
        handle = Handle(lib.keyviz_matrix_free)
        call(lib.keyviz_matrix_from_json, data, len(data), ctypes.byref(limits), ctypes.byref(handle.at))
        return cls._of(handle)

    @classmethod
    def from_proto(
        cls, message: Bytes, series: SeriesLike, *, max_bytes: int = 0, max_rows: int = 0, max_cells: int = 0
    ) -> "Matrix":
        """Reads a matrix from a GetKeyVizMatrixResponse of keyviz.proto that nobody vouches for. What it counts is not in
        it. Limits and errors as of from_json()."""
        data, what = key_bytes("message", message), one_of("series", series, Series)
        limits = _limits(max_bytes, max_rows, max_cells)
        handle = Handle(lib.keyviz_matrix_free)
        call(lib.keyviz_matrix_from_proto, data, len(data), what, ctypes.byref(limits), ctypes.byref(handle.at))
        return cls._of(handle)

    # ---- What is in it.

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, number of columns."""
        return self._shape

    @functools.cached_property
    def values(self) -> "npt.NDArray[np.uint64]":
        """The values, rows x columns. The library's own memory, read-only; it stays as long as any view of it does."""
        count = self._shape[0] * self._shape[1]
        if count == 0:
            empty = np.empty(self._shape, np.uint64)
            empty.flags.writeable = False
            return empty
        memory = (ctypes.c_uint64 * count).from_address(lib.keyviz_matrix_values_view(self._handle.at))
        # Every view of it refers to this object, and so to the handle.
        memory.handle = self._handle  # type: ignore[attr-defined]
        flat: Any = np.frombuffer(memoryview(memory).toreadonly(), np.uint64)
        values: npt.NDArray[np.uint64] = flat.reshape(self._shape)
        return values

    @functools.cached_property
    def columns(self) -> "npt.NDArray[np.datetime64]":
        """When each column was committed, in UTC, to the millisecond, oldest first."""
        times: Any = np.empty(self._shape[1], np.int64)
        call(lib.keyviz_matrix_columns, self._handle.at, times.ctypes.data, len(times))
        times.flags.writeable = False
        columns: npt.NDArray[np.datetime64] = times.view("datetime64[ms]")
        return columns

    @functools.cached_property
    def rows(self) -> tuple[MatrixRow, ...]:
        """What the rows are, in the order of (start, id)."""
        return tuple(map(self._row, range(self._shape[0])))

    def _row(self, i: int) -> MatrixRow:
        row = self._describe(i)
        name = written(lib.keyviz_matrix_row_name, self._handle.at, i)
        return MatrixRow(
            text_at(row.id, row.id_len),
            name.decode("utf-8", "replace"),
            text_at(row.label, row.label_len),
            bytes_at(row.start, row.start_len),
            None if row.flags & native.MATRIX_ROW_UNBOUNDED else bytes_at(row.end, row.end_len),
            bool(row.flags & native.MATRIX_ROW_AGGREGATE),
            bool(row.flags & native.MATRIX_ROW_CONFLICT),
            tuple(np.frombuffer(bytes_at(row.route_ids, 8 * row.route_ids_count), np.uint64).tolist()),
            bool(row.flags & native.MATRIX_ROW_ROUTES_TRUNCATED),
            row.route_count,
        )

    def _describe(self, i: int) -> Any:
        return described(native.keyviz_matrix_row_t, lib.keyviz_matrix_row, self._handle.at, i)

    def conflicts(self, row: SupportsIndex) -> "npt.NDArray[np.bool_]":
        """Of a row, by number: the columns in which sources of a merge contradicted each other."""
        at = self._describe(self._index(row)).conflicts
        if at is None:
            return np.zeros(self._shape[1], np.bool_)
        return np.frombuffer(bytes_at(at, self._shape[1]), np.bool_)

    def identities(self, row: SupportsIndex) -> "tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]":
        """Of a row, by number: the Raft groups and their leaders' terms, one per column, 0 where unknown."""
        i, columns = self._index(row), self._shape[1]
        groups, terms = np.empty(columns, np.uint64), np.empty(columns, np.uint64)
        call(lib.keyviz_matrix_identities, self._handle.at, i, groups.ctypes.data, terms.ctypes.data, columns)
        return groups, terms

    def _index(self, row: SupportsIndex) -> int:
        i = number("row", row, U64, -self._shape[0])
        if i >= self._shape[0]:
            raise IndexError(f"there is no row {i}, but {self._shape[0]} rows")
        return i + self._shape[0] if i < 0 else i

    @functools.cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the library says of each row's traffic."""
        return tuple(map(self._verdict, range(self._shape[0])))

    def _verdict(self, i: int) -> Verdict:
        made = described(native.keyviz_verdict_t, lib.keyviz_matrix_verdict, self._handle.at, i)
        name: bytes = lib.keyviz_verdict_name(made.verdict)
        reason = text_at(made.reason, made.reason_len)
        return Verdict(Kind(made.verdict), name.decode(), reason, made.measure, made.period_ms, made.total)

    @functools.cached_property
    def splits(self) -> tuple[Split, ...]:
        """Where hot routes, those with a tenth of the traffic or more, would be split; the hottest first."""
        found: list[Split] = []
        while True:
            try:
                made = described(native.keyviz_split_t, lib.keyviz_matrix_split, self._handle.at, len(found))
            except NotFoundError:
                return tuple(found)
            key = None if made.key is None else bytes_at(made.key, made.key_len)
            found.append(Split(made.route_id, made.share, made.below, key, text_at(made.reason, made.reason_len)))

    @functools.cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the cluster that was asked."""
        return tuple(map(self._node, range(self._nodes)))

    def _node(self, i: int) -> Node:
        made = described(native.keyviz_matrix_node_t, lib.keyviz_matrix_node, self._handle.at, i)
        return Node(text_at(made.node, made.node_len), None if made.error is None else text_at(made.error, made.error_len))

    @property
    def generated_at(self) -> Optional[datetime.datetime]:
        """generated_at_ns in UTC, cut to microseconds; None: unknown."""
        return to_datetime(self.generated_at_ns) if self.generated_at_ns else None

    # ---- Its forms. With a path they go into a file, without one they come back.

    @overload
    def to_json(self) -> str: ...
    @overload
    def to_json(self, path: Path) -> None: ...
    def to_json(self, path: Optional[Path] = None) -> Optional[str]:
        """As JSON, which from_json() and the other bindings read."""
        return _text(written(lib.keyviz_matrix_to_json, self._handle.at), path)

    @overload
    def to_csv(self) -> str: ...
    @overload
    def to_csv(self, path: Path) -> None: ...
    def to_csv(self, path: Optional[Path] = None) -> Optional[str]:
        """As CSV: a line per row, with bucket_id, label, start, end, aggregate, route_count, and a value for each column.
        Keys that are not printable ASCII are 0x and hexadecimal."""
        return _text(written(lib.keyviz_matrix_to_csv, self._handle.at), path)

    @overload
    def to_proto(self) -> bytes: ...
    @overload
    def to_proto(self, path: Path) -> None: ...
    def to_proto(self, path: Optional[Path] = None) -> Optional[bytes]:
        """As protobuf: a GetKeyVizMatrixResponse of keyviz.proto."""
        return _bytes(written(lib.keyviz_matrix_to_proto, self._handle.at), path)

    @overload
    def to_png(self, *, width: int = 0, height: int = 0, scale: ScaleLike = Scale.LOG) -> bytes: ...
    @overload
    def to_png(self, path: Path, *, width: int = 0, height: int = 0, scale: ScaleLike = Scale.LOG) -> None: ...
    def to_png(
        self, path: Optional[Path] = None, *, width: int = 0, height: int = 0, scale: ScaleLike = Scale.LOG
    ) -> Optional[bytes]:
        """As a picture: time goes right, keys go down, brighter is more; at the left a band in the labels' colours.
        width, height: in pixels, 11 to 8192; 0: as needed."""
        options = native.keyviz_png_options_t(ctypes.sizeof(native.keyviz_png_options_t))
        options.width, options.height = number("width", width, U32), number("height", height, U32)
        options.scale = one_of("scale", scale, Scale)
        return _bytes(written(lib.keyviz_matrix_to_png, self._handle.at, ctypes.byref(options)), path)

    @overload
    def to_html(self, *, title: str = "") -> str: ...
    @overload
    def to_html(self, path: Path, *, title: str = "") -> None: ...
    def to_html(self, path: Optional[Path] = None, *, title: str = "") -> Optional[str]:
        """As one HTML page that needs nothing else: the heatmap to zoom, with exact numbers and what stands out. To have
        several series in it, see heatmap_page()."""
        return _text(heatmap_page([self], title).encode(), path)

    def _repr_html_(self) -> str:
        return framed(self.to_html())

    def to_dataframe(self) -> Any:
        """A pandas.DataFrame over the values, without a copy: its index are the rows' ids, its columns the times, in UTC.
        Needs pandas."""
        pandas = module("pandas", "to_dataframe()", "pandas")
        times = pandas.DatetimeIndex(self.columns, name="at").tz_localize("UTC")
        index = pandas.Index([row.id for row in self.rows], name="row")
        return pandas.DataFrame(self.values, index=index, columns=times, copy=False)

    def plot(self, ax: Any = None, *, scale: ScaleLike = Scale.LOG, cmap: Any = None, title: Optional[str] = None) -> Any:
        """Draws it with matplotlib, and gives the Axes: time goes right, keys go down, with a band of the labels' colours.
        ax: where to; default: a new figure. Needs matplotlib."""
        from . import _plot

        return _plot.plot(self, ax, Scale(one_of("scale", scale, Scale)), cmap, title)

    # ---- As an object.

    def __repr__(self) -> str:
        rows, columns = self._shape
        return f"<keyviz.Matrix of {self.series.name.lower()}: {rows} rows x {columns} columns>"

    def __copy__(self) -> "Matrix":
        return self

    def __deepcopy__(self, memo: Any) -> "Matrix":
        return self

    def __reduce__(self) -> Any:
        return _unpickled, (type(self), self.to_json())


def _unpickled(cls: Any, json: str) -> Matrix:
    matrix: Matrix = cls.from_json(json, max_bytes=U64, max_rows=U64, max_cells=U64)
    return matrix


def query_matrix(
    at: Any,
    series: SeriesLike,
    rows: SupportsIndex,
    mode: BudgetLike,
    start: Optional[Time],
    end: Optional[Time],
    node: str,
) -> Matrix:
    query, name = _query(series, rows, mode, start, end, node)
    handle = Handle(lib.keyviz_matrix_free)
    call(lib.keyviz_matrix_query, at, ctypes.byref(query), ctypes.byref(handle.at))
    del name
    return Matrix._of(handle)  # pyright: ignore[reportPrivateUsage]


def _query(
    series: SeriesLike,
    rows: SupportsIndex,
    mode: BudgetLike,
    start: Optional[Time],
    end: Optional[Time],
    node: str,
) -> tuple[Any, bytes]:
    """The query, and the bytes that it points at."""
    query = native.keyviz_matrix_query_t(ctypes.sizeof(native.keyviz_matrix_query_t))
    query.from_ns, query.to_ns = bound_ns("start", start), bound_ns("end", end)
    query.series, query.budget_mode = one_of("series", series, Series), one_of("mode", mode, Budget)
    query.row_budget = number("rows", rows, U32)
    name = text("node", node)
    query.node, query.node_len = address(name), len(name)
    return query, name


def _limits(max_bytes: int, max_rows: int, max_cells: int) -> Any:
    limits = native.keyviz_limits_t(ctypes.sizeof(native.keyviz_limits_t))
    limits.max_bytes = number("max_bytes", max_bytes, U64)
    limits.max_rows = number("max_rows", max_rows, U64)
    limits.max_cells = number("max_cells", max_cells, U64)
    return limits


def _bytes(data: bytes, path: Optional[Path]) -> Optional[bytes]:
    if path is None:
        return data
    pathlib.Path(path).write_bytes(data)
    return None


def _text(data: bytes, path: Optional[Path]) -> Optional[str]:
    if path is None:
        return data.decode("utf-8")
    pathlib.Path(path).write_bytes(data)
    return None


def heatmap_page(matrices: Sequence[Matrix], title: str = "") -> str:
    """The heatmap as one HTML page that needs nothing else, no network either. Give it matrices of the same columns and of
    different series; the first one is shown first."""
    given = [instance("a matrix", matrix, Matrix) for matrix in matrices]
    if not given:
        raise InvalidArgumentError("matrices is empty: there is nothing to show")
    heading = text("title", title)
    handles = [matrix._handle for matrix in given]  # pyright: ignore[reportPrivateUsage]
    array = (ctypes.c_void_p * len(handles))(*(handle.at.value for handle in handles))
    return written(lib.keyviz_matrix_to_html, array, len(handles), heading, len(heading)).decode("utf-8")


def framed(page: str) -> str:
    """A page inside of another one. It is a document of its own: its styles, its script and its policy are not a notebook's."""
    inside = html.escape(page, quote=True)
    return f'<iframe srcdoc="{inside}" sandbox="allow-scripts" style="width:100%;height:640px;border:0"></iframe>'


def live_page(matrix_url: str, hot_keys_url: str = "", title: str = "", rows: SupportsIndex = 0) -> str:
    """The heatmap page that a server keeps up to date, to be served as text/html under live_page_policy(). Both addresses
    are relative to the page's own, and give JSON: Matrix.to_json() for ?series=&from_unix_ms=&rows=, and
    HotKeys.to_json() for ?route_id=&label=&sub_bucket=&series=. rows: the row budget to ask for; 0: the server's."""
    page = native.keyviz_live_page_t(ctypes.sizeof(native.keyviz_live_page_t))
    keep: list[bytes] = []
    for name, value in (("matrix_url", matrix_url), ("hot_keys_url", hot_keys_url), ("title", title)):
        keep.append(text(name, value))
        if keep[-1]:
            setattr(page, name, address(keep[-1]))
            setattr(page, name + "_len", len(keep[-1]))
    page.rows = number("rows", rows, U32)
    return written(lib.keyviz_live_page, ctypes.byref(page)).decode("utf-8")


def live_page_policy() -> str:
    """The value of the Content-Security-Policy header for live_page()."""
    return written(lib.keyviz_live_page_policy).decode("ascii")
