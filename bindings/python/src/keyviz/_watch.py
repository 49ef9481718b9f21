"""Statistics and events of a sampler."""

import ctypes
from typing import Any, NamedTuple

from . import _native as native
from ._errors import call, call_plain
from ._library import lib


class Stats(NamedTuple):
    """What a sampler has, and where its memory is, in bytes. The header's keyviz_stats_t tells more of each."""

    routes: int
    slots: int
    virtual_buckets: int
    virtual_members: int
    retired: int
    columns: int
    lanes: int
    missed: int
    refused: int
    counter_bytes: int
    route_bytes: int
    history_bytes: int
    hot_key_bytes: int
    hot_key_snapshots: int
    hot_keys_rolled: int
    hot_keys_sampled: int
    hot_keys_dropped: int
    hot_keys_skipped: int
    hot_keys_forgotten: int


class Event(NamedTuple):
    """Something that a log should say: a route folded into a virtual bucket. It holds no key bytes."""

    bucket_created: bool
    """The bucket was made for it."""
    route_id: int
    bucket_id: int
    slots_used: int
    max_tracked_routes: int
    suppressed: int
    """Events that were held back since the one before."""


def read_stats(at: Any) -> Stats:
    stats = native.keyviz_stats_t(ctypes.sizeof(native.keyviz_stats_t))
    call_plain(lib.keyviz_sampler_stats, at, ctypes.byref(stats))
    return Stats(*(getattr(stats, name) for name in Stats._fields))


def poll_events(at: Any) -> list[Event]:
    """All of them: 256 are kept."""
    size = 256
    array = (native.keyviz_event_t * size)()
    array[0].type_size = ctypes.sizeof(native.keyviz_event_t)
    count = ctypes.c_size_t()
    call(lib.keyviz_sampler_poll_events, at, array, size, ctypes.byref(count))
    return [
        Event(
            event.kind == native.EVENT_BUCKET_CREATED,
            event.route_id,
            event.bucket_id,
            event.slots_used,
            event.max_tracked_routes,
            event.suppressed,
        )
        for event in array[: count.value]
    ]
