"""Hot keys: which keys make a cell hot."""

import ctypes
import dataclasses
import datetime
from collections.abc import Iterable, Iterator
from typing import Any, Optional, SupportsIndex, Union

from . import _native as native
from ._arguments import I64, U32, U64, Bytes, Time, address, key_bytes, number, one_of, text, to_datetime, unix_ns
from ._errors import call
from ._handle import Handle
from ._library import lib
from ._optional import module
from ._output import bytes_at, described, written
from ._words import Label, Series, SeriesLike


@dataclasses.dataclass(frozen=True, order=True)
class HotKey:
    """One key: count_low <= (how often it was sampled) x sample rate <= count_high."""

    key: bytes
    count: int
    """Observations of it, as the sketch counts: sampled, times the sample rate."""
    count_low: int
    count_high: int


class HotKeys:
    """A reply: the hottest keys of a route, label and series, most counted first. It never changes; any thread may read it."""

    keys: tuple[HotKey, ...]
    route_id: int
    label: Optional[Label]
    """None: one that this library does not know, as JSON can have it."""
    series: Series
    sub_bucket: Optional[int]
    """The part that was asked for."""
    degraded: bool
    """Samples were dropped, keys were skipped, or a node did not answer."""
    sample_rate: int
    """One in so many observations was sampled."""
    sampled_n: int
    """Sampled observations of this route, label and series; not scaled."""
    dropped_samples: int
    """Samples of any route that could not be taken."""
    skipped_long_keys: int
    """Observations of any route whose key was too long to be sampled."""
    error_bound: int
    """By how much a count may exceed how often the key was sampled, times the sample rate."""
    snapshot_at_ns: int
    """Unix ns: when it was published."""

    def __init__(self) -> None:
        raise TypeError("hot keys come from Sampler.hot_keys(), HotKeys.from_json() and merge_hot_keys()")

    @classmethod
    def _of(cls, handle: Handle) -> "HotKeys":
        made = cls.__new__(cls)
        made._handle = handle
        info = described(native.keyviz_hot_keys_info_t, lib.keyviz_hot_keys_info, handle.at)
        made.route_id = info.route_id
        made.label = None if info.label == native.LABEL_UNKNOWN else Label(info.label)
        made.series = Series(info.series)
        made.sub_bucket = info.sub_bucket if info.flags & native.HOT_KEYS_SUB_BUCKET else None
        made.degraded = bool(info.degraded)
        made.sample_rate, made.sampled_n = info.sample_rate, info.sampled_n
        made.dropped_samples, made.skipped_long_keys = info.dropped_samples, info.skipped_long_keys
        made.error_bound, made.snapshot_at_ns = info.error_bound, info.snapshot_at_ns
        made.keys = _keys(handle.at, info.keys)
        return made

    _handle: Handle

    @property
    def snapshot_at(self) -> datetime.datetime:
        """snapshot_at_ns in UTC, cut to microseconds."""
        return to_datetime(self.snapshot_at_ns)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[HotKey]:
        return iter(self.keys)

    def __getitem__(self, index: int) -> HotKey:
        return self.keys[index]

    def __repr__(self) -> str:
        # No key: keys are data about users, and what is printed ends up in logs.
        return f"<keyviz.HotKeys of route {self.route_id}: {len(self)} keys, {self.sampled_n} samples>"

    def to_json(self) -> bytes:
        """The reply as JSON, UTF-8."""
        return written(lib.keyviz_hot_keys_to_json, self._handle.at)

    @classmethod
    def from_json(cls, json: Union[Bytes, str], max_bytes: SupportsIndex = 0) -> "HotKeys":
        """Reads a reply from JSON that nobody vouches for. max_bytes: how much to read at most; 0: 16 MiB. Raises
        MalformedError and TooLargeError."""
        data = text("json", json) if isinstance(json, str) else key_bytes("json", json)
        handle = Handle(lib.keyviz_hot_keys_free)
        most = number("max_bytes", max_bytes, U64)
        call(lib.keyviz_hot_keys_from_json, data, len(data), most, ctypes.byref(handle.at))
        return cls._of(handle)

    def to_dataframe(self) -> Any:
        """A pandas.DataFrame with a row per key. Needs pandas."""
        pandas = module("pandas", "to_dataframe()", "pandas")
        return pandas.DataFrame.from_records(
            [dataclasses.astuple(key) for key in self.keys], columns=["key", "count", "count_low", "count_high"]
        )

    def __copy__(self) -> "HotKeys":
        return self

    def __deepcopy__(self, memo: Any) -> "HotKeys":
        return self

    def __reduce__(self) -> Any:
        return type(self).from_json, (self.to_json(), U64)


def _keys(at: Any, count: int) -> tuple[HotKey, ...]:
    array = (native.keyviz_hot_key_t * max(count, 1))()
    array[0].type_size = ctypes.sizeof(native.keyviz_hot_key_t)
    got = ctypes.c_size_t()
    call(lib.keyviz_hot_keys_entries, at, 0, array, count, ctypes.byref(got))
    return tuple(
        HotKey(bytes_at(entry.key, entry.key_len), entry.count, entry.count_low, entry.count_high) for entry in array[: got.value]
    )


def query_hot_keys(
    at: Any,
    route_id: int,
    label: int,
    series: SeriesLike,
    top: SupportsIndex,
    sub_bucket: Optional[SupportsIndex],
    column: Optional[SupportsIndex],
    start: Optional[Time],
    end: Optional[Time],
) -> HotKeys:
    query = native.keyviz_hot_keys_query_t(ctypes.sizeof(native.keyviz_hot_keys_query_t))
    query.route_id, query.label, query.series = route_id, label, one_of("series", series, Series)
    query.top = number("top", top, I64, -I64 - 1)
    if sub_bucket is not None:
        query.flags |= native.HOT_KEYS_SUB_BUCKET
        query.sub_bucket = number("sub_bucket", sub_bucket, U32)
    if column is not None:
        query.flags |= native.HOT_KEYS_COLUMN
        query.column = number("column", column, U64)
    # Whole milliseconds: the bounds of what is asked for are not to be narrowed.
    query.from_unix_ms = 0 if start is None else unix_ns("start", start) // 10**6
    query.to_unix_ms = 0 if end is None else -(-unix_ns("end", end) // 10**6)
    handle = Handle(lib.keyviz_hot_keys_free)
    call(lib.keyviz_hot_keys_query, at, ctypes.byref(query), ctypes.byref(handle.at))
    return HotKeys._of(handle)  # pyright: ignore[reportPrivateUsage]


Answer = tuple[str, Union[HotKeys, str, None]]


def merge_hot_keys(answers: Iterable[Answer], top: SupportsIndex = 20) -> HotKeys:
    """Merges the answers of a cluster's nodes to one question: pairs of a node's name and its reply (ask it for top=1024),
    or why it did not answer, or None if it has no snapshot. Counts and bounds add up."""
    pairs = [(node, answer) for node, answer in answers]
    sources = (native.keyviz_hot_keys_source_t * max(len(pairs), 1))()
    keep: list[Any] = []
    for source, (node, answer) in zip(sources, pairs):
        source.type_size = ctypes.sizeof(native.keyviz_hot_keys_source_t)
        name = text("a node", node)
        source.node, source.node_len = address(name), len(name)
        if isinstance(answer, HotKeys):
            source.reply = answer._handle.at  # pyright: ignore[reportPrivateUsage]
        elif answer is not None:
            reason = text("why a node did not answer", answer)
            source.error, source.error_len = address(reason), len(reason)
            keep.append(reason)
        keep.append((name, answer))
    handle = Handle(lib.keyviz_hot_keys_free)
    most = number("top", top, U64)
    call(lib.keyviz_hot_keys_merge, sources, len(pairs), most, ctypes.byref(handle.at))
    del keep
    return HotKeys._of(handle)  # pyright: ignore[reportPrivateUsage]
