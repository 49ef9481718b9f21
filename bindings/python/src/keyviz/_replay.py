"""Replays of traces: hours of traffic in a moment, with the same columns on every run."""

import bisect
import functools
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Optional, SupportsIndex, Union

import numpy as np

from ._arguments import U64, Duration, duration_ns, key_bytes, number
from ._clock import LONGEST_HISTORY, Axis, Span, scaled, scaled_axis, stepped, stepped_axis
from ._errors import InvalidArgumentError
from ._hot_keys import HotKeys
from ._many import observe_table
from ._matrix import Matrix, framed, heatmap_page
from ._progress import Progress
from ._routes import Route, RouteLike, as_route
from ._sampler import Sampler
from ._trace import Block, TraceError, blocks
from ._truth import Totals, Truth, add, column_totals, differences, truth_of
from ._words import Budget, BudgetLike, Label, LabelLike, Series, SeriesLike, label_number

Path = Union[str, "os.PathLike[str]"]

ROUTE_ID, GROUP = 1, 1
"""Of the route that has all keys."""


class Trace(NamedTuple):
    """A trace that was replayed."""

    path: str
    rows: int
    first_ms: int
    """When it begins and ends, in ms of its own clock; 0 and 0 if it has no rows."""
    last_ms: int
    totals: dict[Label, Totals]
    """What was read from it."""
    truth: Optional[Truth]
    """What the file beside it says; None: there is none."""


class Replay:
    """What came of a replay. The sampler is like any other, and goes on to be usable; close() or a `with` block ends it. In
    a notebook a replay shows itself as the heatmap page."""

    sampler: Sampler
    traces: tuple[Trace, ...]
    routes: tuple[Route, ...]
    totals: dict[Label, Totals]
    """What was read from all traces, label by label."""
    missed: int
    """Rows whose key lies in none of the routes, so that they are in no column."""

    def __init__(self) -> None:
        raise TypeError("a replay comes from keyviz.replay()")

    @classmethod
    def _of(cls, sampler: Sampler, traces: Iterable[Trace], routes: Iterable[Route], missed: int) -> "Replay":
        made = cls.__new__(cls)
        made.sampler, made.traces, made.routes, made.missed = sampler, tuple(traces), tuple(routes), missed
        made.totals = {}
        for trace in made.traces:
            for label, totals in trace.totals.items():
                made.totals[label] = made.totals.get(label, Totals()).plus(totals)
        return made

    @property
    def rows(self) -> int:
        """Rows of all traces."""
        return sum(trace.rows for trace in self.traces)

    @property
    def series(self) -> tuple[Series, ...]:
        """All four, the one with more operations first."""
        reads, writes = (sum(getattr(totals, name) for totals in self.totals.values()) for name in ("reads", "writes"))
        if reads > writes:
            return (Series.READS, Series.WRITES, Series.READ_BYTES, Series.WRITE_BYTES)
        return (Series.WRITES, Series.READS, Series.WRITE_BYTES, Series.READ_BYTES)

    def matrix(
        self,
        series: Optional[SeriesLike] = None,
        rows: SupportsIndex = 1024,
        mode: BudgetLike = Budget.MERGE,
        node: str = "",
    ) -> Matrix:
        """Time x key ranges. series: default: reads or writes, whichever are more. Otherwise as Sampler.matrix()."""
        return self.sampler.matrix(self.series[0] if series is None else series, rows, mode, node=node)

    def hot_keys(
        self,
        label: Optional[LabelLike] = None,
        series: Optional[SeriesLike] = None,
        *,
        route_id: Optional[SupportsIndex] = None,
        top: SupportsIndex = 20,
    ) -> HotKeys:
        """The hottest keys of the whole replay. label: default: the one with the most operations of the series; series:
        default: reads or writes, whichever are more. route_id: needed if there are several routes."""
        chosen = self.series[0] if series is None else series
        if label is None:
            name = "writes" if chosen in (Series.WRITES, Series.WRITE_BYTES, "writes", "write_bytes") else "reads"
            label = max(self.totals, key=lambda each: getattr(self.totals[each], name), default=Label.LEGACY)
        if route_id is None:
            if len(self.routes) != 1:
                raise InvalidArgumentError(f"route_id is needed: there are {len(self.routes)} routes")
            route_id = self.routes[0].route_id
        return self.sampler.hot_keys(route_id, label, chosen, top=top)

    def differences(self) -> list[str]:
        """Compares the columns with what the traces hold: by their truth files, or, without one, as they were read. A
        sentence for each difference; so none means that the counts are right to the unit."""
        told: list[str] = []
        expected: dict[Label, Totals] = {}
        for trace in self.traces:
            totals = trace.totals
            if trace.truth is not None:
                totals = {trace.truth.label: trace.truth.totals}
                if trace.truth.rows != trace.rows:
                    told.append(f"{trace.path}: {trace.truth.rows:,} rows by its truth file, {trace.rows:,} were read")
            for label, each in totals.items():
                expected[label] = expected.get(label, Totals()).plus(each)
        if self.missed:
            told.append(f"{self.missed:,} rows have a key that lies in none of the routes")
        return told + differences(expected, column_totals(self.sampler.columns()))

    def page(self, title: Optional[str] = None, rows: SupportsIndex = 1024) -> str:
        """The heatmap as one HTML page, with all series that have traffic."""
        if title is None:
            title = ", ".join(os.path.basename(trace.path) for trace in self.traces)
        counted = [name for name in Totals._fields if any(getattr(totals, name) for totals in self.totals.values())]
        shown = [series for series in self.series if series.name.lower() in counted] or [self.series[0]]
        return heatmap_page([self.matrix(series, rows) for series in shown], title)

    def to_html(self, path: Path, title: Optional[str] = None, rows: SupportsIndex = 1024) -> None:
        """Writes page() into a file."""
        pathlib.Path(path).write_text(self.page(title, rows), encoding="utf-8")

    def _repr_html_(self) -> str:
        return framed(self.page())

    def close(self) -> None:
        """Ends the sampler."""
        self.sampler.close()

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<keyviz.Replay of {len(self.traces)} traces: {self.rows} rows, {self.sampler!r}>"


def replay(
    *paths: Path,
    columns: Optional[SupportsIndex] = None,
    step: Optional[Duration] = None,
    align: bool = False,
    label: Optional[LabelLike] = None,
    routes: Optional[Iterable[RouteLike]] = None,
    key_buckets: SupportsIndex = 64,
    hot_keys: bool = True,
    hot_keys_sample_rate: SupportsIndex = 1,
    progress: Optional[bool] = None,
) -> Replay:
    """Plays trace files (.csv, .csv.gz, .csv.zst) into a sampler, all at the same time.

    A trace has the columns ts_ms,label,op,key,key_len,value_len, in the order of time. Each file is read twice, to learn its
    span and its keys and to play it, and is never in memory as a whole. Raises TraceError, with file and line, before
    anything counts, if a row is not as it should be; OSError if a file can't be read; ImportError if .csv.zst needs a
    package (`pip install 'keyviz[traces]'`).

    columns: each trace is scaled to so many columns (default 240) of one minute each, that begin on 2000-01-01: traces of
    different times and lengths lie side by side, each from the first column to the last.
    step: instead of that, a column for each such step of the Unix clock: traces keep their own time.
    align: with step: all traces begin when the earliest one does.
    label: of all rows; default: what the files say.
    routes: where keys belong, without overlaps; default: one route, 1, from the least key of all traces to the greatest. Rows
    outside of all routes are missed.
    key_buckets: parts that a route's range is cut into, at most 256.
    hot_keys: sample the keys of reads and writes: one in hot_keys_sample_rate, which is every one, so that all bounds are as
    tight as they get. What is published is of the whole replay.
    progress: a bar on standard error, with tqdm; default: if that is a terminal and tqdm is there.
    """
    if not paths:
        raise InvalidArgumentError("there is no trace to replay")
    names = [_name(path) for path in paths]
    if step is not None and columns is not None:
        raise InvalidArgumentError("columns and step exclude each other")
    if align and step is None:
        raise InvalidArgumentError("align goes with step: scaled traces begin at the same time anyway")
    count = number("columns", 240 if columns is None else columns, LONGEST_HISTORY, 1)
    given = None if label is None else Label(label_number(label))
    own = None if routes is None else _sorted_routes(routes)
    truths = [truth_of(name) for name in names]
    if given is not None:
        truths = [truth and truth._replace(label=given) for truth in truths]
    bytes_to_read = 2 * sum(os.path.getsize(name) for name in names)
    with Progress(progress, bytes_to_read, "replay") as bar:
        players = [_Player(name, given, bar) for name in names]
        axis = _scale(players, count) if step is None else _keep_time(players, duration_ns("step", step), align)
        chosen = [_range(players)] if own is None else own
        sampler = Sampler(
            created=axis.begin_ns,
            step=axis.step_ns,
            history_columns=axis.columns,
            max_tracked_routes=max(10_000, len(chosen)),
            key_buckets_per_route=key_buckets,
            labels_enabled=True,
            hot_keys_enabled=hot_keys,
            hot_keys_sample_rate=hot_keys_sample_rate,
            hot_keys_per_route=256,
            hot_keys_max_key_len=4096,
            hot_keys_series="both",
        )
        try:
            sampler.register_routes(chosen)
            for column in range(axis.columns):
                for player in players:
                    player.play(sampler, column, own)
                if hot_keys and column == axis.columns - 1:
                    sampler.publish_hot_keys(axis.end_ns(column))
                sampler.flush(axis.end_ns(column))
            traces = [player.end(truth) for player, truth in zip(players, truths)]
        except BaseException:
            sampler.close()
            raise
    return Replay._of(sampler, traces, chosen, sum(player.missed for player in players))  # pyright: ignore[reportPrivateUsage]


def _name(path: Path) -> str:
    name: Union[str, bytes] = os.fspath(path)
    if isinstance(name, bytes):
        return os.fsdecode(name)
    return name


def _sorted_routes(routes: Iterable[RouteLike]) -> list[Route]:
    made: list[Route] = []
    for each in routes:
        route = as_route(each)
        end = None if route.end is None else key_bytes("end", route.end) or None
        made.append(Route(number("route_id", route.route_id, U64), key_bytes("start", route.start), end, route.group))
    if not made:
        raise InvalidArgumentError("routes is empty")
    if len({route.route_id for route in made}) < len(made):
        raise InvalidArgumentError("two routes have the same id")
    made.sort(key=lambda route: bytes(route.start))
    for route, following in zip(made, made[1:]):
        if route.end is None or bytes(route.end) > bytes(following.start):
            raise InvalidArgumentError(f"routes {route.route_id} and {following.route_id} overlap")
    return made


def _range(players: Sequence["_Player"]) -> Route:
    """From the least key to the greatest, so that every part of the route may have some."""
    least = [player.least for player in players if player.least is not None]
    greatest = [player.greatest for player in players if player.greatest is not None]
    return Route(ROUTE_ID, min(least), max(greatest) + b"\0", GROUP) if least else Route(ROUTE_ID, group=GROUP)


def _scale(players: Sequence["_Player"], columns: int) -> Axis:
    axis = scaled_axis(columns)
    for player in players:
        player.column_of = functools.partial(scaled, span=player.span, axis=axis)
    return axis


def _keep_time(players: Sequence["_Player"], step_ns: int, align: bool) -> Axis:
    spans = [player.span for player in players if player.rows]
    first = min((span.first_ms for span in spans), default=0)
    shifts = [first - player.span.first_ms if align else 0 for player in players]
    last = max((player.span.last_ms + shift for player, shift in zip(players, shifts) if player.rows), default=0)
    axis = stepped_axis(step_ns, Span(first, last))
    for player, shift in zip(players, shifts):
        player.column_of = functools.partial(stepped, shift_ms=shift, axis=axis)
    return axis


class _Player:
    """Plays a trace, column by column."""

    column_of: Callable[[Any], Any]
    """The columns of times."""

    def __init__(self, path: str, label: Optional[Label], progress: Progress) -> None:
        """Reads it to the end, so that all of it is known to be good."""
        self._path, self.rows, first, last = path, 0, 0, 0
        self.least: Optional[bytes] = None
        self.greatest: Optional[bytes] = None
        for block in blocks(path, label, progress):
            if self.rows == 0:
                first = int(block.times[0])
            last = int(block.times[-1])
            self.rows += len(block.times)
            keys = block.keys()
            self.least = min(keys) if self.least is None else min(self.least, *keys)
            self.greatest = max(keys) if self.greatest is None else max(self.greatest, *keys)
        self.span = Span(first, last)
        self.missed = 0
        self._totals: dict[Label, Totals] = {}
        self._read = 0
        self._blocks = blocks(path, label, progress)
        self._block: Optional[Block] = None
        self._columns: Any = np.empty(0, np.int64)
        self._done = 0

    def play(self, sampler: Sampler, column: int, routes: Optional[Sequence[Route]]) -> None:
        """Observes the rows that lie in one column. Columns come in order."""
        while self._block is not None or self._next(routes):
            assert self._block is not None
            end = int(np.searchsorted(self._columns, column, side="right"))
            if end > self._done:
                at = sampler._open()  # pyright: ignore[reportPrivateUsage]
                observe_table(at, self._block.observations[self._done : end]).result(strict=True)
            self._done = end
            if end < len(self._columns):
                return
            self._block = None

    def _next(self, routes: Optional[Sequence[Route]]) -> bool:
        block = next(self._blocks, None)
        if block is None:
            return False
        self._read += len(block.times)
        if block.times[0] < self.span.first_ms or block.times[-1] > self.span.last_ms:
            self._changed()
        add(self._totals, block.observations)
        self._block = _routed(block, routes)
        self.missed += len(block.times) - len(self._block.times)
        self._columns, self._done = self.column_of(self._block.times), 0
        return True

    def end(self, truth: Optional[Truth]) -> Trace:
        if self._read != self.rows:
            self._changed()
        return Trace(self._path, self.rows, self.span.first_ms, self.span.last_ms, self._totals, truth)

    def _changed(self) -> None:
        raise TraceError(f"{self._path}: the file changed while it was replayed")


def _routed(block: Block, routes: Optional[Sequence[Route]]) -> Block:
    """The rows whose key lies in a route, with that route. None: there is one that has them all."""
    if routes is None:
        block.observations["route_id"] = ROUTE_ID
        return block
    starts = [bytes(route.start) for route in routes]
    ends = [None if route.end is None else bytes(route.end) for route in routes]
    keys = block.keys()
    places = [bisect.bisect_right(starts, key) - 1 for key in keys]
    within: Any = np.array([i >= 0 and _below(key, ends[i]) for i, key in zip(places, keys)], np.bool_)
    block.observations["route_id"] = np.array([route.route_id for route in routes], np.uint64)[places]
    return block._replace(times=block.times[within], observations=block.observations[within])


def _below(key: bytes, end: Optional[bytes]) -> bool:
    return end is None or key < end
