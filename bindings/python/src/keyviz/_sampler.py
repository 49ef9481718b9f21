"""The sampler."""

import ctypes
import os
import time
import weakref
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, Optional, SupportsIndex, Union

from . import _native as native
from ._arguments import U32, U64, Bytes, Duration, Time, bound_ns, duration_ns, key_bytes, number, one_of, unix_ns
from ._buffers import Numbers
from ._columns import Column, Columns, read, stored
from ._errors import ClosedError, Error, ForkedError, InvalidArgumentError, UnknownRouteError, call, call_plain, error
from ._handle import Handle
from ._hot_keys import HotKeys, query_hot_keys
from ._library import INT_MAX, lib, observe_now, observe_sized
from ._many import Outcome, observe_columns, observe_keys
from ._matrix import Matrix, query_matrix
from ._output import written
from ._routes import Route, RouteLike, route_array
from ._watch import Event, Stats, poll_events, read_stats
from ._words import (
    Budget,
    BudgetLike,
    HotKeysSeries,
    HotKeysSeriesLike,
    Label,
    LabelLike,
    Op,
    OpLike,
    Placement,
    Series,
    SeriesLike,
    label_number,
)

_U64 = ctypes.c_uint64


class Lost:
    """Stands where a sampler's handle was, so that ctypes refuses it, and the slow way tells why."""

    def __init__(self, why: Error) -> None:
        self.why = why


class Sampler:
    """Counts requests per route, label and part of the key range; each flush makes a column of them.

    Any method may be called from any thread at any time, close() too; those that take long let other threads run. After a
    fork, the child's copy refuses to be used: its counts would be counted twice. A sampler ends with close(), or a `with`
    block; its memory goes when nobody refers to it any more.
    """

    _handle: Optional[Handle] = None
    _at: Any = Lost(Error("this sampler was never made: a subclass has to call super().__init__()"))
    """What the library is given: the address, or, if that may not be used, a Lost."""

    def __init__(
        self,
        *,
        step: Optional[Duration] = None,
        created: Optional[Time] = None,
        memory_limit_bytes: SupportsIndex = 0,
        history: bool = True,
        history_columns: SupportsIndex = 0,
        max_tracked_routes: SupportsIndex = 0,
        max_member_routes_per_slot: SupportsIndex = 0,
        key_buckets_per_route: SupportsIndex = 0,
        labels_enabled: bool = False,
        max_lanes: SupportsIndex = 0,
        resolutions: Sequence[tuple[Duration, Duration]] = (),
        hot_keys_enabled: bool = False,
        hot_keys_per_route: SupportsIndex = 0,
        hot_keys_sample_rate: SupportsIndex = 0,
        hot_keys_queue_size: SupportsIndex = 0,
        hot_keys_max_key_len: SupportsIndex = 0,
        hot_keys_series: HotKeysSeriesLike = HotKeysSeries.WRITES,
        hot_keys_in_columns: bool = False,
    ) -> None:
        """Of every number, 0 means the default, and what is above the cap counts as the cap.

        step: the flush interval (default 60 s). There is no timer: call flush().
        created: when the first column's window begins; default: now.
        memory_limit_bytes: of counters, routes and history together; default: no limit.
        history: False: no history, columns are only drained.
        history_columns: columns kept; default 1440, cap 100000.
        max_tracked_routes: routes with slots of their own; default 10000. Further routes fold into a virtual bucket.
        max_member_routes_per_slot: ids listed on a virtual bucket's row; default 256.
        key_buckets_per_route: sub-buckets of a route's range; default 1 (off), cap 256.
        labels_enabled: a slot for each label; else labels are ignored.
        max_lanes: private counters of threads; default 256, cap 4096. Threads beyond them share one.
        resolutions: up to 4 coarser ones for what falls out of the history, as (step, retention).
        hot_keys_enabled: sample keys, to be published with publish_hot_keys(). Off, no key is kept anywhere.
        hot_keys_per_route: entries of a sketch; default 64, cap 256.
        hot_keys_sample_rate: one in so many observations; default 16, cap 1024.
        hot_keys_queue_size: what a thread holds between publications, in full sketches; default 8192, cap 65536.
        hot_keys_max_key_len: the longest key that is sampled, in bytes; default 1024, cap 4096.
        hot_keys_series: whose keys are sampled.
        hot_keys_in_columns: each column keeps the first 8 keys of each route, label and series.
        """
        if self._handle is not None:
            raise TypeError("this sampler is made already")
        options = native.keyviz_options_t(ctypes.sizeof(native.keyviz_options_t))
        options.step_ns = 0 if step is None else duration_ns("step", step)
        options.created_ns = bound_ns("created", created)
        options.memory_limit_bytes = number("memory_limit_bytes", memory_limit_bytes, U64)
        for name, value in (
            ("history_columns", history_columns),
            ("max_tracked_routes", max_tracked_routes),
            ("max_member_routes_per_slot", max_member_routes_per_slot),
            ("key_buckets_per_route", key_buckets_per_route),
            ("max_lanes", max_lanes),
            ("hot_keys_per_route", hot_keys_per_route),
            ("hot_keys_sample_rate", hot_keys_sample_rate),
            ("hot_keys_queue_size", hot_keys_queue_size),
            ("hot_keys_max_key_len", hot_keys_max_key_len),
        ):
            setattr(options, name, number(name, value, U32))
        options.labels_enabled, options.history_off = bool(labels_enabled), not history
        options.hot_keys_enabled, options.hot_keys_in_columns = bool(hot_keys_enabled), bool(hot_keys_in_columns)
        options.hot_keys_series = one_of("hot_keys_series", hot_keys_series, HotKeysSeries)
        if len(resolutions) > native.RESOLUTIONS:
            raise InvalidArgumentError(f"resolutions holds {len(resolutions)}, and {native.RESOLUTIONS} is the most")
        for slot, (width, retention) in zip(options.resolutions, resolutions):
            slot.step_ns = duration_ns("a resolution's step", width)
            slot.retention_ns = duration_ns("a resolution's retention", retention)
        handle = Handle(lib.keyviz_sampler_free, frees_in_child=False)
        call(lib.keyviz_sampler_new, ctypes.byref(options), ctypes.byref(handle.at))
        self._handle, self._at = handle, handle.at
        _living[id(self)] = self

    # ---- Life.

    def close(self) -> None:
        """Ends the sampler: all calls raise ClosedError from now on, but for stats(), events() and close() itself. Threads
        may be in calls meanwhile. Nearly all memory is given back at once."""
        if isinstance(self._at, Lost):
            if isinstance(self._at.why, ClosedError):
                return
            raise self._at.why
        at = self._at
        self._at = Lost(ClosedError("the sampler is closed"))
        call_plain(lib.keyviz_sampler_close, at)

    @property
    def closed(self) -> bool:
        return isinstance(self._at, Lost)

    def __enter__(self) -> "Sampler":
        self._open()
        return self

    def __exit__(self, *exception: object) -> None:
        if not isinstance(self._at, Lost):
            self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sampler can't be copied or pickled: it counts in this process. save_history() has its columns")

    def __repr__(self) -> str:
        if isinstance(self._at, Lost):
            return f"<keyviz.{type(self).__name__}: {self._at.why}>"
        stats = self.stats()
        return f"<keyviz.{type(self).__name__}: {stats.routes} routes, {stats.columns} columns>"

    def _open(self) -> Any:
        """The address, for the library."""
        at = self._at
        if isinstance(at, Lost):
            raise type(at.why)(*at.why.args)
        return at

    def _made(self) -> Any:
        """The address also of a closed sampler."""
        at = self._at
        if isinstance(at, Lost) and isinstance(at.why, ClosedError) and self._handle is not None:
            return self._handle.at
        return self._open()

    # ---- Routes.

    def register_route(
        self, route_id: SupportsIndex, start: Bytes = b"", end: Optional[Bytes] = None, group: SupportsIndex = 0
    ) -> Placement:
        """Registers the key range [start, end); an end of None or b"" is unbounded. group: the Raft group that owns it; 0:
        unknown. A route that is registered already stays as it is."""
        made, keep = route_array([Route(number("route_id", route_id, U64), start, end, number("group", group, U64))])
        placement = ctypes.c_uint32()
        call(lib.keyviz_sampler_register_route, self._open(), made, ctypes.byref(placement))
        del keep
        return Placement(placement.value)

    def register_routes(self, routes: Iterable[RouteLike]) -> list[Placement]:
        """Registers many routes, all or none."""
        made, keep = route_array(routes)
        placements = (ctypes.c_uint32 * len(made))()
        call(lib.keyviz_sampler_register_routes, self._open(), made, len(made), placements)
        del keep
        return [*map(Placement, placements)]

    def remove_route(self, route_id: SupportsIndex, now: Optional[Time] = None) -> None:
        """Removes a route; of an unknown one nothing happens. What was counted stays: flushes go on to drain it for
        max(2 steps, 5 s), and until then registering it again brings it back."""
        call(lib.keyviz_sampler_remove_route, self._open(), number("route_id", route_id, U64), _now(now))

    def apply_split(self, parent: SupportsIndex, children: Iterable[RouteLike], now: Optional[Time] = None) -> list[Placement]:
        """Replaces a route by those that it was split into, in one step: no observation misses in between, and their rows
        name the parent."""
        made, keep = route_array(children)
        placements = (ctypes.c_uint32 * len(made))()
        parent_id = number("parent", parent, U64)
        call(lib.keyviz_sampler_apply_split, self._open(), parent_id, made, len(made), placements, _now(now))
        del keep
        return [*map(Placement, placements)]

    def apply_merge(self, parents: Iterable[SupportsIndex], child: RouteLike, now: Optional[Time] = None) -> Placement:
        """Replaces routes by the one that they were merged into, in one step."""
        ids = [number("a parent", parent, U64) for parent in parents]
        made, keep = route_array([child])
        placement = ctypes.c_uint32()
        array = (ctypes.c_uint64 * len(ids))(*ids)
        call(lib.keyviz_sampler_apply_merge, self._open(), array, len(ids), made, ctypes.byref(placement), _now(now))
        del keep
        return Placement(placement.value)

    def set_leader_term(self, group: SupportsIndex, term: SupportsIndex) -> None:
        """From the next flush on, the rows of the group carry this leader term. Group 0 is none, and is ignored."""
        at = self._open()
        call_plain(lib.keyviz_sampler_set_leader_term, at, number("group", group, U64), number("term", term, U64))

    def sub_bucket_bounds(self, route_id: SupportsIndex, sub_bucket: SupportsIndex) -> tuple[bytes, Optional[bytes]]:
        """First key of a part of a route's range, and first key past it (None: it has no end)."""
        route, part = number("route_id", route_id, U64), number("sub_bucket", sub_bucket, U32)
        start, end = ctypes.c_size_t(), ctypes.c_size_t()
        size = 256
        while True:
            buffer = ctypes.create_string_buffer(size)
            try:
                call(
                    lib.keyviz_sampler_sub_bucket_bounds,
                    *(self._open(), route, part, buffer, size, ctypes.byref(start), ctypes.byref(end)),
                )
            except Error as why:
                size = start.value + end.value
                if why.status != native.ERR_BUFFER_TOO_SMALL:
                    raise
                continue
            bounds = buffer.raw[: start.value + end.value]
            return bounds[: start.value], bounds[start.value :] or None

    # ---- Counting.

    def observe(
        self,
        route_id: int,
        key: Bytes,
        op: OpLike,
        value_len: int = 0,
        label: LabelLike = 0,
    ) -> None:
        """Counts one request: 1 operation, and as many bytes as key and value have. The key is not kept (but see
        hot_keys_enabled). Raises UnknownRouteError, after counting it as missed."""
        try:
            if type(key) is bytes:
                # One check for all four: a negative one makes this negative, a large one makes it large.
                if 0 <= route_id | value_len | op | label <= INT_MAX:  # type: ignore[operator]
                    status = observe_now(self._at, route_id, key, len(key), op, value_len, label)
                elif 0 <= route_id <= U64 and 0 <= value_len <= U64 and 0 <= op | label <= INT_MAX:  # type: ignore[operator]
                    status = observe_now(self._at, _U64(route_id), key, len(key), op, _U64(value_len), label)
                else:
                    status = -1
                if status == 0:
                    return
                if status > 0:
                    self._raise_observed(status, route_id, op, label)
        except (TypeError, ctypes.ArgumentError):
            pass
        self._observe_checked(route_id, key, op, value_len, label)

    def _observe_checked(self, route_id: Any, key: Any, op: Any, value_len: Any, label: Any) -> None:
        """For what is wrong, and for numbers that are no plain ints, names, and keys that are no plain bytes."""
        at = self._open()
        route, kind, of = number("route_id", route_id, U64), one_of("op", op, Op), label_number(label)
        size, whole = number("value_len", value_len, U64), key_bytes("key", key)
        status = observe_now(at, _U64(route), whole, len(whole), kind, _U64(size), of)
        if status:
            self._raise_observed(status, route, kind, of)

    def observe_sized(
        self,
        route_id: SupportsIndex,
        op: OpLike,
        key_len: SupportsIndex,
        value_len: SupportsIndex = 0,
        label: LabelLike = 0,
    ) -> None:
        """Counts one request whose key is not at hand: it counts in sub-bucket 0."""
        at = self._open()
        route, kind, of = number("route_id", route_id, U64), one_of("op", op, Op), label_number(label)
        key, value = number("key_len", key_len, U64), number("value_len", value_len, U64)
        status = observe_sized(at, route, kind, key, value, of)
        if status:
            self._raise_observed(status, route, kind, of)

    def observe_many(
        self,
        route_ids: Numbers,
        ops: Numbers,
        key_lens: Numbers,
        value_lens: Numbers = 0,
        labels: Numbers = 0,
        *,
        strict: bool = True,
    ) -> int:
        """Counts many requests, in sub-bucket 0, and tells how many: those of unknown routes, and with ops or labels that
        there are not, are left out. With `strict`, the first of these is then raised; the exception's `counted` has the
        number of the others, which all count.

        Arrays are read where they are, without a copy: route_ids and value_lens uint64, key_lens uint32, ops and labels
        uint8 (ops may be bool: True is a write), contiguous, in the machine's byte order. What isn't raises TypeError or
        ValueError, before anything counts. An int stands for an array of it; a list or tuple of ints is copied. Nobody
        should write to the arrays meanwhile: what is counted then is anyone's guess, but nothing worse happens.
        """
        return self._result(observe_columns(self._open(), route_ids, ops, key_lens, value_lens, labels), strict)

    def observe_keys(
        self,
        route_ids: Numbers,
        ops: Numbers,
        keys: Any,
        value_lens: Numbers = 0,
        labels: Numbers = 0,
        *,
        strict: bool = True,
    ) -> int:
        """As observe_many(), with the keys: for sub-buckets and hot keys. `keys` is a list of bytes, which is copied; or,
        read where it is, an Arrow array or column of binary or strings (of pyarrow, polars, pandas ...; needs nanoarrow),
        or an array of numpy's bytes ("S16"), whose keys end before their trailing zeros."""
        return self._result(observe_keys(self._open(), route_ids, ops, keys, value_lens, labels), strict)

    def _result(self, outcome: Outcome, strict: bool) -> int:
        if outcome.status:
            # A closed sampler knows no route.
            self._open()
        return outcome.result(strict)

    def _raise_observed(self, status: int, route_id: Any, op: Any, label: Any) -> NoReturn:
        self._open()
        if status == native.ERR_UNKNOWN_ROUTE:
            raise UnknownRouteError(f"route {int(route_id)} is not registered")
        if status == native.ERR_INVALID_ARGUMENT:
            one_of("op", op, Op)
            label_number(label)
        raise error(status)

    # ---- Columns.

    def flush(self, now: Optional[Time] = None) -> int:
        """Commits a column into the history: a row for every slot that counted anything since the last one. Tells its
        sequence number."""
        info = native.keyviz_column_info_t(ctypes.sizeof(native.keyviz_column_info_t))
        if now is None:
            call(lib.keyviz_sampler_flush_now, self._open(), ctypes.byref(info))
        else:
            call(lib.keyviz_sampler_flush, self._open(), unix_ns("now", now), ctypes.byref(info))
        return int(info.sequence)

    def drain(self, now: Optional[Time] = None) -> Column:
        """As flush(), and gives the column. Without a history this is the only way to it."""
        # Others may count while this call learns how much room it takes.
        if now is None:
            return read(lib.keyviz_sampler_drain_now, self._open(), room=1.25)
        return read(lib.keyviz_sampler_drain, self._open(), unix_ns("now", now), room=1.25)

    def columns(self, start: Optional[Time] = None, end: Optional[Time] = None) -> Columns:
        """The history's columns that were committed at start or later, and before end (None: no bound), oldest first."""
        return stored(self._open(), bound_ns("start", start), bound_ns("end", end))

    def column(self, sequence: SupportsIndex) -> Column:
        """The history's column that holds the flush with this number."""
        return read(lib.keyviz_sampler_read_column, self._open(), number("sequence", sequence, U64))

    def save_history(self, path: Union[str, "os.PathLike[str]", None] = None) -> Optional[bytes]:
        """Writes the history into a file, which is replaced atomically; without a path, gives it as bytes."""
        at = self._open()
        if path is not None:
            call(lib.keyviz_sampler_save_history_file, at, _path(path))
            return None
        return written(lib.keyviz_sampler_save_history, at)

    def load_history(self, saved: Union[str, "os.PathLike[str]", Bytes]) -> None:
        """Takes over a history that was saved, from a file or bytes, before the first flush."""
        at = self._open()
        if isinstance(saved, (bytes, bytearray, memoryview)):
            image = bytes(saved)
            call(lib.keyviz_sampler_load_history, at, image, len(image))
        else:
            call(lib.keyviz_sampler_load_history_file, at, _path(saved))

    # ---- Looking at it.

    def matrix(
        self,
        series: SeriesLike = Series.WRITES,
        rows: SupportsIndex = 1024,
        mode: BudgetLike = Budget.TOP,
        start: Optional[Time] = None,
        end: Optional[Time] = None,
        node: str = "",
    ) -> Matrix:
        """Time x key ranges of one series, of the columns that were committed at start or later, and before end.

        rows: at most so many (1 to 1024). mode: what becomes of those over it. node: the name of this node, which goes with
        the matrix."""
        return query_matrix(self._open(), series, rows, mode, start, end, node)

    def publish_hot_keys(self, now: Optional[Time] = None) -> None:
        """Ends the window of hot keys and publishes what was sampled in it: call it each step, before flush()."""
        at = self._open()
        if now is None:
            call(lib.keyviz_sampler_publish_hot_keys_now, at)
        else:
            call(lib.keyviz_sampler_publish_hot_keys, at, unix_ns("now", now))

    def hot_keys(
        self,
        route_id: SupportsIndex,
        label: LabelLike = Label.LEGACY,
        series: SeriesLike = Series.WRITES,
        *,
        top: SupportsIndex = 20,
        sub_bucket: Optional[SupportsIndex] = None,
        column: Optional[SupportsIndex] = None,
        start: Optional[Time] = None,
        end: Optional[Time] = None,
    ) -> HotKeys:
        """The hot keys of a route that were published last, at most `top`.

        sub_bucket: only keys of this part of the range. column: what the column with this number keeps (see
        hot_keys_in_columns). start, end: a snapshot of another time raises OutOfSnapshotWindowError."""
        return query_hot_keys(
            self._open(), number("route_id", route_id, U64), label_number(label), series, top, sub_bucket, column, start, end
        )

    def stats(self) -> Stats:
        """What it has, and where its memory is; also of a closed sampler."""
        return read_stats(self._made())

    def events(self) -> list[Event]:
        """Takes the events that wait, oldest first. 256 are kept; then the oldest goes. Also of a closed sampler."""
        return poll_events(self._made())


def _now(now: Optional[Time]) -> int:
    return time.time_ns() if now is None else unix_ns("now", now)


def _path(path: Union[str, "os.PathLike[str]"]) -> bytes:
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise InvalidArgumentError("a path can't hold a zero byte")
    return encoded


_living: "weakref.WeakValueDictionary[int, Sampler]" = weakref.WeakValueDictionary()


def _lose_all() -> None:
    why = ForkedError(f"the sampler belongs to process {os.getppid()}, and this is a fork of it: make one here")
    for sampler in list(_living.values()):
        if not sampler.closed:
            sampler._at = Lost(why)  # pyright: ignore[reportPrivateUsage]


os.register_at_fork(after_in_child=_lose_all)
