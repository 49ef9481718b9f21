"""Routes, as the library takes them."""

import ctypes
from collections.abc import Iterable
from typing import Any, NamedTuple, Optional, Union

from . import _native as native
from ._arguments import U64, Bytes, address, key_bytes, number


class Route(NamedTuple):
    """A key range [start, end) with an id; an end of None or b"" is unbounded. group: the Raft group that owns it; 0:
    unknown. A plain tuple does as well."""

    route_id: int
    start: Bytes = b""
    end: Optional[Bytes] = None
    group: int = 0


RouteLike = Union[
    Route,
    tuple[int, Bytes],
    tuple[int, Bytes, Optional[Bytes]],
    tuple[int, Bytes, Optional[Bytes], int],
]


def as_route(route: RouteLike) -> Route:
    whole: Any = route
    try:
        return Route(*whole)
    except TypeError:
        raise TypeError(f"a route must be (route_id, start, end, group), not {type(route).__name__}") from None


def route_array(routes: Iterable[RouteLike]) -> tuple[Any, list[bytes]]:
    """An array of routes, and the keys that it points at: keep these until the call is over."""
    keep: list[bytes] = []
    each: list[native.keyviz_route_t] = []
    for route in routes:
        whole = as_route(route)
        made = native.keyviz_route_t(ctypes.sizeof(native.keyviz_route_t))
        made.route_id = number("route_id", whole.route_id, U64)
        made.group_id = number("group", whole.group, U64)
        start = key_bytes("start", whole.start)
        end = b"" if whole.end is None else key_bytes("end", whole.end)
        keep += [start, end]
        made.start, made.start_len = address(start), len(start)
        made.end, made.end_len = address(end), len(end)
        each.append(made)
    return (native.keyviz_route_t * len(each))(*each), keep
